"""A journal comes back as it was written, or not at all."""

import json
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from chaoskit.errors import InputError
from chaoskit.model import codec
from chaoskit.model.journal import ExperimentRecord, Journal, TrialJudgement, TrialRecord
from chaoskit.model.marks import Mark, MarkKind
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.timeline import SAMPLE_DTYPE
from tests.samples_builder import effect_of, run, samples


@pytest.fixture(scope="module")
def text() -> str:
    return codec.dump(run().journal)


def test_a_journal_comes_back_as_it_was_written(text):
    assert codec.load(text, source="journal.json") == run().journal


def test_a_journal_is_the_same_bytes_each_time(text):
    assert codec.dump(run().journal) == text


def test_a_journal_keeps_to_its_own_schema(text):
    schema = codec.schema()
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.validate(json.loads(text), schema)


def test_an_infinite_measure_comes_back_and_the_file_stays_json():
    endless = Measured(measure="recovery", unit=Unit.SECONDS, low=3.0, high=float("inf"))
    journal = run().journal
    first = journal.experiments[0]
    trial = first.trials[0]
    judgement = replace(trial.judgement, measures=(endless,))
    trials = (replace(trial, judgement=judgement), *first.trials[1:])
    changed = replace(journal, experiments=(replace(first, trials=trials),))
    text = codec.dump(changed)

    def no_constants(name: str) -> None:
        raise AssertionError(name)

    json.loads(text, parse_constant=no_constants)
    assert codec.load(text, source="x") == changed


def test_text_that_is_no_ascii_stays_readable():
    journal = replace(run().journal, trouble="Prüfung ✗")

    assert "Prüfung ✗" in codec.dump(journal)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_torn_journal_is_refused_with_its_file(text, share):
    with pytest.raises(InputError) as refused:
        codec.load(text[: int(len(text) * share)], source="reports/x/journal.json")

    assert str(refused.value).startswith("reports/x/journal.json:")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"schema": "chaoskit/journal/v9"}, "v9", id="newer"),
        pytest.param({"schema": "else"}, "not a journal of chaoskit", id="other schema"),
        pytest.param({"schema": None}, "not a journal of chaoskit", id="no schema"),
        pytest.param({"seed": "many"}, "seed: ", id="wrong type"),
        pytest.param({"experiments": [{"name": 3}]}, "experiments[0].title: ", id="missing"),
        pytest.param({"sead": 4}, "sead: not a field", id="unknown key"),
        pytest.param(
            {"anchor": {"wall": "", "wall_ns": 1, "mono_ns": 1, "x": 1}}, "anchor.x", id="deep"
        ),
    ],
)
def test_an_edited_journal_is_refused_with_the_field(text, change, said):
    edited = json.dumps({**json.loads(text), **change})

    with pytest.raises(InputError) as refused:
        codec.load(edited, source="journal.json")

    assert said in str(refused.value)


def test_every_mistake_is_told_at_once(text):
    edited = json.dumps({**json.loads(text), "seed": "many", "run_id": 7, "exit_code": "x"})

    with pytest.raises(InputError) as refused:
        codec.load(edited, source="journal.json")

    assert len(refused.value.problems) == 3


def test_the_same_mistake_in_many_places_is_told_of_the_first_few(text):
    edited = text.replace('"healed"', '"heeled"')

    with pytest.raises(InputError) as refused:
        codec.load(edited, source="journal.json")

    assert len(refused.value.problems) == 3
    assert "more places)" in str(refused.value)


@pytest.mark.parametrize(
    "broken", ["", "[]", "null", "3", "{}", "{'a': 1}", "[" * 100_000, "\x00", "{}{}"]
)
def test_what_is_no_journal_is_refused(broken):
    with pytest.raises(InputError):
        codec.load(broken, source="journal.json")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "journal.json"
    path.write_bytes(b"\x80\x81")

    with pytest.raises(InputError, match="UTF-8"):
        codec.read_text(path)
    with pytest.raises(InputError, match="cannot be read"):
        codec.read_text(tmp_path / "none.json")


def test_the_codec_imports_pydantic_only_when_used():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, chaoskit.model.codec; print('pydantic' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "False"


def test_the_documented_way_to_read_samples_reads_them(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs/journal.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    written = samples(effect_ns=effect_of(0, 1), end_s=1.0)
    (tmp_path / "samples.bin").write_bytes(written.tobytes())
    monkeypatch.chdir(tmp_path)
    read: dict[str, np.ndarray] = {}
    exec(example, read)

    assert f"{SAMPLE_DTYPE.itemsize}-byte records" in page
    assert read["samples"].dtype == SAMPLE_DTYPE
    assert (read["samples"] == written).all()


def test_every_field_and_mark_is_documented():
    page = (Path(__file__).parents[2] / "docs/journal.md").read_text(encoding="utf-8")
    records = (Journal, ExperimentRecord, TrialRecord, TrialJudgement, Mark)
    names = {one.name for record in records for one in fields(record)} - {
        "schema",
        "description",
        "target_title",
        "tags",
    }

    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
    assert [kind.value for kind in MarkKind if f"`{kind.value}`" not in page] == []
