"""Each verdict, reached by a real run of a real target through the command line."""

import subprocess
import xml.etree.ElementTree as ET

import pytest

pytestmark = pytest.mark.docker


def containers_of(run_id):
    listing = subprocess.run(
        ["docker", "ps", "-aq", "--filter", f"label=chaoskit.run={run_id}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return listing.stdout.split()


def test_a_crash_under_a_restart_policy_is_healed(run, experiment):
    ran = run(experiment("restart-policy/crash"))

    assert (ran.code, ran.verdicts) == (0, ["healed"]), ran.err
    kinds = [one["kind"] for one in ran.marks()]
    assert kinds.index("injected") < kinds.index("in_effect") < kinds.index("acted")
    measures = {
        one["measure"]: one
        for one in ran.journal["experiments"][0]["trials"][0]["judgement"]["measures"]
    }
    assert 0.1 < measures["recovery"]["low"] <= measures["recovery"]["high"] < 5
    assert measures["redundancy"]["high"] is not None
    assert containers_of(ran.journal["run_id"]) == []


def test_every_output_is_written_and_agrees(run, experiment, chaoskit):
    ran = run(experiment("restart-policy/crash"))

    assert "healed" in (ran.folder / "summary.md").read_text()
    assert "healed" in (ran.folder / "report.html").read_text()
    suites = ET.parse(ran.folder / "junit.xml").getroot()
    assert not list(suites.iter("failure"))
    assert not list(suites.iter("error"))
    assert list((ran.folder / "logs" / "restart-policy").glob("web.log"))

    before = (ran.folder / "report.html").read_text()
    (ran.folder / "report.html").unlink()
    judged = chaoskit("judge", ran.folder)
    reported = chaoskit("report", ran.folder)
    assert (judged.returncode, reported.returncode) == (0, 0), judged.stderr + reported.stderr
    assert (ran.folder / "report.html").read_text() == before


def test_the_hang_that_nothing_heals_is_not_healed_and_was_expected(run, experiment):
    ran = run(experiment("restart-policy/hang"))

    assert (ran.code, ran.verdicts) == (0, ["not_healed"]), ran.err


def test_the_same_hang_fails_the_run_when_nobody_expects_it(run, experiment):
    ran = run(experiment("restart-policy/hang", lambda _, block: block.pop("expect")))

    assert (ran.code, ran.verdicts) == (1, ["not_healed"]), ran.err


def test_a_wrong_expectation_fails_the_run(run, experiment):
    def change(_, block):
        block["expect"] = "not_healed"

    ran = run(experiment("restart-policy/crash", change))

    assert (ran.code, ran.verdicts) == (1, ["healed"]), ran.err


def test_a_recovery_beyond_its_budget_is_too_slow(run, experiment):
    def change(_, block):
        block["budgets"] = {"recovery": "20ms"}

    ran = run(experiment("restart-policy/crash", change))

    assert (ran.code, ran.verdicts) == (1, ["too_slow"]), ran.err


def test_another_missed_budget_is_over_budget(run, experiment):
    def change(_, block):
        block["budgets"] = {"recovery": "6s", "availability": "100%"}

    ran = run(experiment("restart-policy/crash", change))

    assert (ran.code, ran.verdicts) == (1, ["over_budget"]), ran.err


def test_a_lost_replica_behind_the_proxy_is_masked(run, experiment):
    ran = run(experiment("replicated-web/crash-a-replica"))

    assert (ran.code, ran.verdicts) == (0, ["masked"]), ran.err
    sources = {one["source"] for one in ran.marks() if one["kind"] == "detected"}
    assert "haproxy" in sources


def test_the_wrong_healer_is_named(run, experiment):
    def change(_, block):
        block["healed_by"] = ["haproxy"]
        block["budgets"] = {"recovery": "6s"}

    ran = run(experiment("replicated-web/crash-the-proxy", change))

    assert (ran.code, ran.verdicts) == (1, ["wrong_healer"]), ran.err


def test_an_unsteady_baseline_is_inconclusive_and_injects_nothing(run, experiment):
    def change(document, _):
        document["steady-state-hypothesis"]["probes"][0]["tolerance"] = 418

    ran = run(experiment("restart-policy/crash", change))

    assert (ran.code, ran.verdicts) == (3, ["baseline_not_met"]), ran.err
    assert "injected" not in [one["kind"] for one in ran.marks()]


def test_an_action_that_does_nothing_is_never_a_pass(run, experiment):
    def change(document, _):
        document["method"] = [
            {
                "type": "action",
                "name": "nothing",
                "provider": {"type": "python", "module": "os", "func": "getpid"},
            }
        ]

    ran = run(experiment("restart-policy/crash", change))

    assert (ran.code, ran.verdicts) == (3, ["fault_not_applied"]), ran.err


def test_a_failed_action_is_never_a_pass(run, experiment):
    def change(document, _):
        document["method"].append(
            {
                "type": "action",
                "name": "breaks",
                "provider": {
                    "type": "python",
                    "module": "os",
                    "func": "rmdir",
                    "arguments": {"path": "/nowhere"},
                },
            }
        )

    ran = run(experiment("restart-policy/crash", change))

    assert ran.code == 3, ran.err
    assert ran.verdicts == ["fault_not_applied"]


def test_several_trials_rearm_in_between_and_the_seed_repeats_their_phases(run, experiment):
    path = experiment("restart-policy/crash")
    first = run(path, trials=3)
    trials = first.journal["experiments"][0]["trials"]

    assert first.code == 0, first.err
    assert [one["judgement"]["verdict"] for one in trials] == ["healed"] * 3
    offsets = [one["phase_offset_s"] for one in trials]
    period_s = 1.0
    assert sorted(int(offset / (period_s / 3)) for offset in offsets) == [0, 1, 2], offsets
    recoveries = [
        measure["high"]
        for one in trials
        for measure in one["judgement"]["measures"]
        if measure["measure"] == "recovery"
    ]
    assert max(recoveries) < 2.5 * min(recoveries), f"back-off was carried over: {recoveries}"
    assert first.journal["seed"] == 7
