"""`chaoskit prove` with real targets: what can fail is proven, what cannot is worth nothing."""

import json
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]


class Proven:
    """A `chaoskit prove` that has ended."""

    def __init__(self, process, reports):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr
        self.folder = (reports / "latest").resolve()
        self.journal = json.loads((self.folder / "journal.json").read_text())
        rows = (reports / "proofs.jsonl").read_text().splitlines()
        self.proof = json.loads(rows[-1])
        self.arms = {
            (one["kind"], one["healer"]): (one["verdict"], one["behaved"])
            for one in self.proof["arms"]
        }


@pytest.fixture
def prove(chaoskit, tmp_path):
    """`chaoskit prove` with one run of each arm and its own reports folder."""

    def go(path, *extra):
        reports = tmp_path / "reports"
        process = chaoskit("prove", path, "--aa", 1, "--seed", 7, "--reports", reports, *extra)
        return Proven(process, reports)

    return go


def test_a_crash_under_a_restart_policy_is_proven(prove, run, experiment):
    path = experiment("restart-policy/crash")
    proven = prove(path)

    assert (proven.code, proven.proof["state"]) == (0, "proven"), proven.err
    assert proven.arms == {
        ("no_fault", ""): ("clean", True),
        ("on", ""): ("healed", True),
        ("off", "docker-restart"): ("not_healed", True),
    }
    assert "Without docker-restart, 100 % of requests fail" in proven.out
    assert "heals: not healed without" in (proven.folder / "proof.md").read_text()
    assert "[off: docker-restart]" in (proven.folder / "report.html").read_text()

    ran = run(path)  # in the same reports folder, with the same file and target
    assert ran.journal["experiments"][0]["proof"]["state"] == "proven", ran.err

    path.write_text(path.read_text() + "# changed\n")
    assert run(path).journal["experiments"][0]["proof"]["state"] == "stale"


def test_the_arm_without_a_fault_breaks_nothing_and_is_watched_to_the_end(prove, experiment):
    proven = prove(experiment("restart-policy/hang"))

    assert (proven.code, proven.proof["state"]) == (0, "proven"), proven.err
    assert set(proven.arms) == {("no_fault", ""), ("on", "")}
    (control,) = proven.journal["experiments"][0]["trials"]
    lines = (proven.folder / control["folder"] / "marks.jsonl").read_text().splitlines()
    marks = [json.loads(line) for line in lines]
    assert not {"injected", "in_effect"} & {one["kind"] for one in marks}
    phases = {one["detail"]: one["at_ns"] for one in marks if one["kind"] == "phase"}
    assert phases["settle"] - phases["watch"] >= 8e9


def test_an_override_that_switches_nothing_off_is_found_out(prove, experiment, tmp_path):
    targets = tmp_path / "targets"
    shutil.copytree(ROOT / "targets" / "restart-policy", targets / "restart-policy")
    override = targets / "restart-policy" / "compose.no-restart.yaml"
    override.write_text("services:\n  web:\n    restart: always\n")

    proven = prove(experiment("restart-policy/crash"), "--targets", targets)

    assert (proven.code, proven.proof["state"]) == (1, "failed"), proven.err
    assert proven.arms[("off", "docker-restart")] == ("healed", False)
    assert "it does not fail without docker-restart" in proven.out


def test_an_experiment_with_lax_budgets_that_names_no_healer_is_worth_nothing(prove, experiment):
    def change(_, block):
        block.pop("healed_by")
        block["budgets"] = {"availability": "1%"}

    proven = prove(experiment("replicated-web/crash-a-replica", change))

    assert (proven.code, proven.proof["state"]) == (1, "failed"), proven.err
    assert "it names no healer, and it was not seen to fail" in proven.out


def test_a_stored_run_of_arms_is_judged_to_the_same(prove, experiment, chaoskit):
    proven = prove(experiment("restart-policy/hang"))
    report = (proven.folder / "proof.md").read_text()

    judged = chaoskit("judge", proven.folder)
    reported = chaoskit("report", proven.folder)

    assert (judged.returncode, reported.returncode) == (0, 0), judged.stderr + reported.stderr
    assert (proven.folder / "proof.md").read_text() == report
