"""What a report costs: a hundred experiments of five trials, at 10⁴, 10⁵ and 10⁶ asks.

Goals at a million: built in under 5 s and 500 MiB, at most 3 MiB, first paint in Chromium under 1 s.
The run is written to disk first, as a real one is; each report is built in a process of its own, from
that disk, so that its time is that of `chaoskit report` without the interpreter's start.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

TITLE = "The report: 100 experiments, 500 trials (goals: under 5 s, 500 MiB, 3 MiB, 1 s to paint)"

SIZES = (10_000, 100_000, 1_000_000)
EXPERIMENTS = 100
TRIALS = 5
_LINES = 2_000  # of each service's log
_LOADS = 5


def measure() -> dict[str, Any]:
    """Seconds, MiB and MiB of building, and milliseconds in a browser, for each size."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            place = Path(folder) / str(size)
            _write_run(place, size)
            run = subprocess.run(
                [sys.executable, "-m", "benchmarks.report", str(place)],
                check=True,
                capture_output=True,
                text=True,
            )
            found[f"{size:,} asks"] = json.loads(run.stdout) | _browse(place / "report.html")
    return found


def _build(place: Path) -> dict[str, Any]:
    from functools import partial

    from chaoskit.pipeline import timeline_of
    from chaoskit.reporters import html
    from chaoskit.run.folder import RunFolder

    folder = RunFolder.open(place)
    before = time.perf_counter()
    journal = folder.read_journal()
    read, idle = time.perf_counter(), time.process_time()
    page = html.render(journal, partial(timeline_of, folder), folder.log_files)
    built, busy = time.perf_counter(), time.process_time()
    folder.write("report.html", page)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "journal_read_s": round(read - before, 2),
        "built_s": round(built - read, 2),
        "of_it_on_the_processor_s": round(busy - idle, 2),
        "peak_mib": round(peak_mib),
        "file_mib": round((place / "report.html").stat().st_size / 2**20, 2),
    }


def _browse(page: Path) -> dict[str, Any]:
    """Medians of first paint, of the load, and of answers to keys and to the filter."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        return {"browser": "no chromium here"}
    from tests.browser.webdriver import browser

    paints, loads, keys, filters = [], [], [], []
    with tempfile.TemporaryDirectory() as profile, browser(Path(profile)) as chromium:
        chromium.resize(1280)
        for _ in range(_LOADS):
            chromium.open("about:blank")
            chromium.open(page.as_uri())
            paints.append(chromium.run(_PAINT))
            loads.append(chromium.run(_LOAD))
            keys.append(chromium.run_async(_KEY))
            filters.append(chromium.run_async(_FILTER))
    return {
        "first_paint_ms": round(median(paints)),
        "loaded_ms": round(median(loads)),
        "key_to_frame_ms": round(median(keys)),
        "filter_to_frame_ms": round(median(filters)),
    }


_PAINT = "return performance.getEntriesByName('first-contentful-paint')[0].startTime"
_LOAD = "const [one] = performance.getEntriesByType('navigation'); return one.loadEventEnd"
_KEY = """
const done = arguments[0];
const box = document.querySelector('details.trial[open] .drawing');
box.scrollIntoView({block: 'center'});
requestAnimationFrame(() => {
  const begun = performance.now();
  box.focus();
  for (const key of ['ArrowRight', '+']) box.dispatchEvent(new KeyboardEvent('keydown', {key}));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
});
"""
_FILTER = """
const done = arguments[0];
const box = document.querySelector('.filter input');
box.scrollIntoView();
requestAnimationFrame(() => {
  const begun = performance.now();
  box.value = 'number 7';
  box.dispatchEvent(new Event('input'));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
});
"""


def _write_run(place: Path, size: int) -> None:
    """A run's folder: every fifth experiment fails, and users are hit in every trial."""
    from dataclasses import replace

    from chaoskit.model.codec import dump
    from tests.samples_builder import healed_crash, run, too_slow

    healed, timelines = healed_crash()
    slow = too_slow()
    experiments = []
    for number in range(EXPERIMENTS):
        record = replace(
            slow if number % 5 == 0 else healed,
            name=f"bench/number-{number}",
            title=f"Number {number}: a crashed proxy is restarted by the engine",
        )
        trials = []
        for trial in record.trials:
            folder = f"trials/{record.name}/{trial.index}"
            _write_trial(place / folder, timelines[trial.index], size // EXPERIMENTS // TRIALS)
            started = timelines[trial.index].started_ns
            trials.append(replace(trial, folder=folder, started_ns=started))
        experiments.append(replace(record, trials=tuple(trials)))
    journal = replace(run().journal, experiments=tuple(experiments))
    (place / "journal.json").write_text(dump(journal), encoding="utf-8")
    _write_logs(place / "logs" / experiments[0].target)


def _write_trial(folder: Path, timeline: Any, count: int) -> None:
    """The timeline with as many asks as wanted over the same time."""
    import numpy as np

    from chaoskit.model.evidence import mark_line
    from chaoskit.model.timeline import SAMPLE_DTYPE

    whole = timeline.samples
    first, last = int(whole["due"][0]), int(whole["due"][-1])
    samples = np.zeros(count, dtype=SAMPLE_DTYPE)
    samples["due"] = np.linspace(first, last, count).astype(np.int64)
    nearest = np.clip(np.searchsorted(whole["due"], samples["due"]), 0, len(whole) - 1)
    took = (whole["done"] - whole["due"])[nearest]
    samples["done"], samples["sent"] = samples["due"] + took, samples["due"] + 50_000
    samples["outcome"], samples["reason"] = whole["outcome"][nearest], whole["reason"][nearest]
    samples["k"] = np.arange(count)
    folder.mkdir(parents=True)
    (folder / "samples.bin").write_bytes(samples.tobytes())
    lines = map(mark_line, timeline.marks)
    (folder / "marks.jsonl").write_text("".join(lines), encoding="utf-8")


def _write_logs(folder: Path) -> None:
    from tests.samples_builder import effect_of, log_stamp

    folder.mkdir(parents=True)
    for service in ("lb", "web", "database"):
        lines = (
            f"{log_stamp(effect_of(0, 1 + i % TRIALS), (i % 60 - 30) / 10)} {service}-1 line {i} of the log"
            for i in range(_LINES)
        )
        (folder / f"{service}.log").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    print(json.dumps(_build(Path(sys.argv[1])) if len(sys.argv) > 1 else measure()))
