"""Samples and marks on disk: written as they happen, read back whatever happened since.

`samples.bin` is a row of SAMPLE_DTYPE records, `marks.jsonl` a line a mark. A torn last record, left
by a crash, is dropped.
"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from chaoskit.model.gaps import without_gaps
from chaoskit.model.journal import ExperimentRecord, TrialRecord
from chaoskit.model.ledger import LEDGER_FILE, read_ledger
from chaoskit.model.timeline import (
    NS,
    SAMPLE_DTYPE,
    Mark,
    MarkKind,
    Samples,
    Timeline,
    no_samples,
    sort_marks,
)


def read_samples(path: Path) -> Samples:
    """All whole records of a samples file, in the order of their intended times."""
    if not path.exists():
        return no_samples()
    raw = path.read_bytes()
    whole = len(raw) // SAMPLE_DTYPE.itemsize * SAMPLE_DTYPE.itemsize
    samples = np.frombuffer(raw[:whole], dtype=SAMPLE_DTYPE)
    return samples[np.argsort(samples["due"], kind="stable")]


def mark_line(mark: Mark) -> str:
    """One mark as a JSON line, newline included."""
    return json.dumps({**asdict(mark), "kind": mark.kind.value}, ensure_ascii=False) + "\n"


def read_marks(path: Path) -> tuple[Mark, ...]:
    """All whole marks of a file, in order of time."""
    if not path.exists():
        return ()
    marks = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            fields = json.loads(line)
            marks.append(Mark(**{**fields, "kind": MarkKind(fields["kind"])}))
        except (ValueError, TypeError, KeyError):
            continue  # torn by a crash
    return sort_marks(marks)


def read_timeline(folder: Path, experiment: ExperimentRecord, trial: TrialRecord) -> Timeline:
    """The timeline of one trial, from its folder and what the journal says of it."""
    marks = read_marks(folder / "marks.jsonl")
    return Timeline(
        samples=without_gaps(read_samples(folder / "samples.bin"), marks),
        marks=marks,
        probes=trial.probes,
        period_ns=round(NS / experiment.rate_hz),
        timeout_ns=round(experiment.timeout_s * NS),
        stable_ns=round(experiment.stable_s * NS),
        watch_ns=round(experiment.watch_s * NS),
        started_ns=trial.started_ns,
        clock_error_ns=round(trial.clock_error_s * NS),
        ledger=read_ledger(folder / LEDGER_FILE),
    )
