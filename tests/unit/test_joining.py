"""Several runs made one: judged from their evidence, nothing missing unsaid, nothing wrong let in."""

import io
import json
import shutil
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from chaoskit import joining, pipeline
from chaoskit.ci.platforms import platform_for
from chaoskit.ci.settings import Settings
from chaoskit.ci.stage import Stage
from chaoskit.errors import InputError
from chaoskit.history import read
from chaoskit.judge import proofs_of
from chaoskit.model.evidence import mark_line
from chaoskit.model.journal import Anchor, Shard
from chaoskit.model.proof import Arm, ArmKind, ProofState
from chaoskit.model.verdict import Verdict
from chaoskit.request import Request
from chaoskit.run.folder import HISTORY, RunFolder
from tests.drawing import draw
from tests.judging import experiment, journal, trial

HEALED = "..............................!xxx......|...."
DEAD = "..............................!xxxxxxxxx^....."


def stored(root, run_id, drawings, *, shard=None, **fields):
    """A run on disk with its evidence, judged: a drawing for each experiment."""
    folder = RunFolder.create(root, run_id)
    records = []
    for one, drawing in drawings.items():
        timeline = draw(drawing)
        arm = one if isinstance(one, Arm) else None
        name = arm.name if arm else one
        place = folder.trial(arm.slug if arm else name, 1)
        (place / "samples.bin").write_bytes(timeline.samples.tobytes())
        (place / "marks.jsonl").write_text("".join(map(mark_line, timeline.marks)))
        taken = trial(
            folder=folder.relative(place), probes=timeline.probes, started_ns=timeline.started_ns
        )
        records.append(
            experiment(
                name=name,
                arm=arm,
                healed_by=("proxy",) if arm else (),
                runs=1,
                trials=(taken,),
                hash=f"hash of {name}",
            )
        )
    logs = folder.logs / "shop"
    logs.mkdir(parents=True)
    (logs / "web.log").write_text(f"2026-01-01T00:00:01.0Z from {run_id}\n")
    made = journal(
        *records,
        **{
            "run_id": run_id,
            "shard": Shard(index=shard[0], of=shard[1], suite=shard[2]) if shard else None,
            "anchor": Anchor(
                wall=f"2026-01-01T00:00:0{run_id[-1]}Z", wall_ns=int(run_id[-1]), mono_ns=0
            ),
            "command": f"chaoskit run --seed {run_id[-1]}",
            "environment": {"machine": "x86_64", "cores": "2", "host": f"host-{run_id}"},
            **fields,
        },
    )
    pipeline.judge_facts(made, folder)
    return folder.path


@pytest.fixture
def shards(tmp_path):
    suite = ("shop/crash", "shop/dead", "shop/hang")
    return (
        stored(
            tmp_path / "a", "r1", {"shop/crash": HEALED, "shop/dead": DEAD}, shard=(1, 2, suite)
        ),
        stored(tmp_path / "b", "r2", {"shop/hang": HEALED}, shard=(2, 2, suite)),
    )


def merged(tmp_path, *paths):
    return joining.merge(paths, tmp_path / "reports")


def problems(*paths, tmp_path):
    with pytest.raises(InputError) as caught:
        merged(tmp_path, *paths)
    assert not (tmp_path / "reports").exists(), "nothing is written before all is well"
    return str(caught.value)


def rewrite(path, change):
    file = path / "journal.json"
    raw = json.loads(file.read_text())
    change(raw)
    file.write_text(json.dumps(raw))


def test_shards_become_one_run_with_the_worst_exit_code(shards, tmp_path):
    joined = merged(tmp_path, *shards)
    told = joined.finished.journal
    verdicts = {one.name: one.judgement.verdict for one in told.experiments}

    assert verdicts == {
        "shop/crash": Verdict.HEALED,
        "shop/dead": Verdict.NOT_HEALED,
        "shop/hang": Verdict.HEALED,
    }
    assert told.exit_code == 1
    assert told.ended_wall
    assert told.trouble == ""
    assert {one.origin.run_id for one in told.experiments} == {"r1", "r2"}
    assert told.environment["host"] == "host-r1 | host-r2"
    assert joined.notes == ()


def test_judge_and_report_work_on_what_was_joined_alone(shards, tmp_path):
    joined = merged(tmp_path, *shards).finished
    for path in shards:
        shutil.rmtree(path)
    judged = pipeline.judge(joined.folder.path)
    rendered = pipeline.report(joined.folder.path)

    assert judged.journal == joined.journal
    assert rendered.trouble == ()
    assert (joined.folder.path / "report.html").is_file()


def test_each_experiment_keeps_the_logs_and_the_clock_of_its_run(shards, tmp_path):
    joined = merged(tmp_path, *shards).finished
    crash, hang = joined.journal.experiments[0], joined.journal.experiments[-1]

    assert joined.folder.log_files(crash.logs)["web"].read_text().endswith("from r1\n")
    assert joined.folder.log_files(hang.logs)["web"].read_text().endswith("from r2\n")
    assert joined.journal.anchor_of(hang).wall_ns == 2


def test_what_was_joined_can_be_joined_again(shards, tmp_path):
    other = stored(tmp_path / "c", "r3", {"shop/other": HEALED})
    first = merged(tmp_path, *shards).finished
    again = merged(tmp_path, first.folder.path, other).finished

    assert len(again.journal.experiments) == 4
    assert pipeline.judge(again.folder.path).journal.exit_code == 1
    assert "web" in again.folder.log_files(again.journal.experiments[0].logs)
    assert again.journal.experiments[0].origin.run_id == "r1"


def test_the_history_has_each_run_as_it_was(shards, tmp_path):
    merged(tmp_path, *shards)
    rows = read([tmp_path / "reports" / HISTORY]).rows

    assert [(one.run, one.experiment) for one in rows] == [
        ("r1", "shop/crash"),
        ("r1", "shop/dead"),
        ("r2", "shop/hang"),
    ]


def test_a_missing_shard_is_inconclusive_and_said_in_every_report(shards, tmp_path):
    joined = merged(tmp_path, shards[1]).finished
    root = ET.fromstring((joined.folder.path / "junit.xml").read_text())

    assert joined.journal.exit_code == 3
    assert "shard 1/2 of the suite" in joined.journal.trouble
    assert "shard 1/2" in root.find(".//error[@type='Run']").text
    assert "shard 1/2" in (joined.folder.path / "summary.md").read_text()


def test_an_experiment_that_no_shard_began_is_missed(tmp_path):
    suite = ("shop/crash", "shop/never")
    one = stored(tmp_path / "a", "r1", {"shop/crash": HEALED}, shard=(1, 1, suite))
    told = merged(tmp_path, one).finished.journal

    assert told.exit_code == 3
    assert "never begun, though in the suite: shop/never" in told.trouble


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"ended_wall": ""}, 3),
        ({"interrupted_by": "SIGTERM"}, 143),
        ({"trouble": "no disk", "trouble_exit": 4}, 4),
        ({"trouble": "a defect"}, 6),
        ({"left_behind": ("docker rm x",)}, 7),
    ],
)
def test_what_was_wrong_with_one_run_is_wrong_with_all(tmp_path, fields, code):
    good = stored(tmp_path / "a", "r1", {"shop/crash": HEALED})
    bad = stored(tmp_path / "b", "r2", {"shop/hang": HEALED}, **fields)

    assert merged(tmp_path, good, bad).finished.journal.exit_code == code


def test_the_same_run_twice_counts_once(shards, tmp_path):
    copy = shutil.copytree(shards[0], tmp_path / "copy")
    joined = merged(tmp_path, *shards, shards[0], copy)

    assert len(joined.finished.journal.experiments) == 3
    assert len(joined.notes) == 1
    assert "is the same run as" in joined.notes[0]


def test_a_copy_that_says_something_else_is_refused(shards, tmp_path):
    copy = shutil.copytree(shards[0], tmp_path / "copy")
    rewrite(copy, lambda raw: raw.update(seed=99))

    assert "says something else than" in problems(*shards, copy, tmp_path=tmp_path)


def test_an_edited_verdict_does_not_survive(shards, tmp_path):
    def better(raw):
        judgement = raw["experiments"][1]["judgement"]
        judgement.update(verdict="healed", passed=True)
        raw["exit_code"] = 0

    rewrite(shards[0], better)
    joined = merged(tmp_path, *shards)

    assert joined.finished.journal.exit_code == 1
    assert joined.notes == ("shop/dead was stored as healed; by its evidence it is not_healed",)


def test_runs_of_different_commits_are_said(tmp_path):
    runs = [
        stored(tmp_path / name, f"r{n}", {f"shop/{n}": HEALED}, environment={"commit": name})
        for n, name in enumerate("ab", 1)
    ]

    assert "the runs are not of one commit: a (" in merged(tmp_path, *runs).notes[0]


def test_one_experiment_in_two_runs_is_refused(tmp_path):
    runs = [
        stored(tmp_path / name, f"r{n}", {"shop/crash": HEALED}) for n, name in enumerate("ab", 1)
    ]

    assert "has shop/crash as " in problems(*runs, tmp_path=tmp_path)


def test_different_experiments_of_one_name_are_refused(tmp_path):
    runs = [
        stored(tmp_path / name, f"r{n}", {"shop/crash": HEALED}) for n, name in enumerate("ab", 1)
    ]
    rewrite(runs[1], lambda raw: raw["experiments"][0].update(hash="other"))

    assert "the files differ" in problems(*runs, tmp_path=tmp_path)


def test_one_report_of_several_runs_keeps_them_apart(tmp_path):
    runs = [
        stored(tmp_path / name, f"r{n}", {"shop/crash": HEALED}) for n, name in enumerate("ab", 1)
    ]
    joined = joining.together(runs, tmp_path / "reports").finished

    assert [one.name for one in joined.journal.experiments] == [
        "shop/crash (r1)",
        "shop/crash (r2)",
    ]
    assert joined.journal.exit_code == 0
    assert not (tmp_path / "reports" / HISTORY).exists()


def test_arms_of_two_runs_are_not_put_together_to_one_proof(tmp_path):
    on, off, none = (
        Arm(of="shop/crash", kind=kind, healer=healer)
        for kind, healer in ((ArmKind.ON, ""), (ArmKind.OFF, "proxy"), (ArmKind.NO_FAULT, ""))
    )
    half = {on: HEALED.replace("xxx", "DxxA"), none: "." * 60 + "|...."}
    runs = [stored(tmp_path / "a", "r1", half), stored(tmp_path / "b", "r2", {off: DEAD})]
    assert joining.together(runs[:1], tmp_path / "alone").finished.journal.exit_code == 3
    joined = joining.together(runs, tmp_path / "reports").finished.journal

    assert [one.state for one in proofs_of(joined)] == [ProofState.UNPROVEN] * 2
    assert joined.exit_code == 3


def test_a_folder_of_runs_stands_for_them(shards, tmp_path):
    assert len(merged(tmp_path, tmp_path / "a", tmp_path / "b").finished.journal.experiments) == 3


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(
            lambda path: (path / "journal.json").write_text(
                '{"schema": "chaoskit/journal/v1", "ru'
            ),
            "the file ends in the middle",
            id="torn",
        ),
        pytest.param(
            lambda path: rewrite(path, lambda raw: raw.update(schema="chaoskit/journal/v2")),
            "the journal's schema is chaoskit/journal/v2; this version reads chaoskit/journal/v1",
            id="newer",
        ),
        pytest.param(
            lambda path: rewrite(path, lambda raw: raw.update(sneed=1)),
            "sneed: not a field of a journal",
            id="edited",
        ),
        pytest.param(
            lambda path: rewrite(path, lambda raw: raw.update(run_id="../../x")),
            "is no folder's name",
            id="a run_id that leads elsewhere",
        ),
        pytest.param(
            lambda path: rewrite(
                path, lambda raw: raw["experiments"][0]["trials"][0].update(folder="../../etc")
            ),
            "lies outside of its run",
            id="a trial that lies elsewhere",
        ),
        pytest.param(
            lambda path: shutil.rmtree(path / "trials"),
            "keep the whole folder of a run, not its journal alone",
            id="no evidence",
        ),
        pytest.param(
            lambda path: rewrite(path, lambda raw: raw["shard"].update(suite=["shop/x"])),
            "of another suite than",
            id="another suite",
        ),
        pytest.param(
            lambda path: rewrite(path, lambda raw: raw["shard"].update(index=1)),
            "is shard 1/2, and so is",
            id="one shard twice",
        ),
        pytest.param(
            lambda path: rewrite(path, lambda raw: raw.update(shard=None)),
            "is a whole suite, and",
            id="no shard",
        ),
    ],
)
def test_what_cannot_be_joined_is_refused_with_its_reason(shards, tmp_path, spoil, said):
    spoil(shards[1])
    text = problems(*shards, tmp_path=tmp_path)

    assert said in text
    assert str(shards[1]) in text


def test_everything_that_is_wrong_is_said_at_once(shards, tmp_path):
    for path in shards:
        (path / "journal.json").write_text("{")

    assert problems(*shards, tmp_path / "nowhere", tmp_path=tmp_path).count("\n") == 2


def test_a_stage_joins_and_tells(shards, tmp_path):
    stream = io.StringIO()
    stage = Stage(
        request=Request(reports=tmp_path / "reports"),
        settings=replace(Settings(), out=tmp_path / "out"),
        platform=platform_for("github", stream, {}),
    )

    assert stage.join(shards) == 1
    assert "::error file=experiments/shop/crash.yaml,line=1,title=shop/dead%3A not healed" in (
        stream.getvalue()
    )
