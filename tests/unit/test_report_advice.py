"""What to do next: every rule speaks when it should, is silent otherwise, and gain decides the order."""

from dataclasses import replace
from pathlib import Path

import pytest

from chaoskit.model.experiment import Budget
from chaoskit.model.journal import (
    Act,
    BudgetCheck,
    FaultRecord,
    FloorRecord,
    HealerRecord,
    LedgerFacts,
    TrialJudgement,
)
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.proof import Arm, ArmKind, ProofNote, ProofState
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.advice import RULES, advice_of
from chaoskit.reporters.advice.case import Case
from chaoskit.reporters.advice.speed import lines_for
from tests.judging import judgement_of
from tests.samples_builder import experiment, over, run, seconds, trial


def case(
    fault="crash", verdict=Verdict.HEALED, *, measures=(), acts=(), ledger=None, checks=(), **fields
):
    """One experiment with one trial."""
    judged = TrialJudgement(
        verdict=verdict,
        reason="so it was",
        measures=measures,
        acts=acts,
        ledger=ledger,
        checks=checks,
    )
    defaults = {
        "faults": (FaultRecord(fault=fault, service="web", family="process"),),
        "redundancy": {"web": 1},
        "trials": (trial("t/e", 1, judged),),
        "judgement": judgement_of(verdict, passed=verdict.good),
    }
    return experiment("t/e", **{**defaults, **fields})


def said(record) -> dict[str, object]:
    made = run()
    journal = replace(made.journal, experiments=(record,), left_behind=())
    return {one.rule: one for one in advice_of(journal)}


RESTART = HealerRecord(name="docker-restart", kind="docker-restart")
PROXY = HealerRecord(name="proxy", kind="haproxy-check", settings={"inter": "2s", "fall": 3})
NOTICED = (Act(healer="proxy", detected_s=1.0, acted_s=1.0),)
FOREVER = (over("recovery", 30.0), over("redundancy", 30.0))
OUT = (seconds("recovery", 4.0), seconds("outage", 4.0))
FELT = Budget(measure="latency_p99", bound=0.5, text="500ms")
SLOW = Measured(measure="latency_p99", unit=Unit.SECONDS, low=2.0, high=2.0)
FLOOR = FloorRecord(
    healer="proxy", step="detection", best_s=4.0, mean_s=5.0, worst_s=6.0, why="3 checks, 2 s apart",
    trials=1, inside=1, measured_s=5.0, efficiency=1.0,
)  # fmt: skip
START = replace(
    FLOOR, healer="docker-restart", step="action", mean_s=0.3, measured_s=4.0, efficiency=0.08
)

SPEAKS = [
    ("no-restart-policy", case(verdict=Verdict.NOT_HEALED, measures=FOREVER), "restart: unless-stopped"),
    ("hang-is-no-crash", case("hang", Verdict.NOT_HEALED, measures=FOREVER, healers=(RESTART,)), "healthcheck:"),
    ("ask-another-instance", case(measures=OUT, redundancy={"web": 3}, healers=(PROXY,)), "retry-on"),
    ("second-instance", case(measures=OUT, healers=(RESTART,)), "deploy: {replicas: 2}"),
    (
        "shorter-timeouts",
        case("latency", Verdict.OVER_BUDGET, checks=(BudgetCheck(budget=FELT, measured=SLOW, kept=False),)),
        "request timeout",
    ),
    (
        "look-more-often",
        case(healers=(PROXY,), judgement=judgement_of(Verdict.HEALED, passed=True, floors=(FLOOR,))),
        "inter 1s fall 3",
    ),
    (
        "slower-than-its-settings",
        case(healers=(RESTART,), judgement=judgement_of(Verdict.HEALED, passed=True, floors=(START,))),
        "init: true",
    ),
    (
        "durable-writes",
        case(verdict=Verdict.DATA_LOST, ledger=LedgerFacts(kind="redis", attempted=9, acked=9, refused=0, indeterminate=0, lost=4)),
        "appendfsync always",
    ),
    ("back-to-full-strength", case("stop", Verdict.OVER_BUDGET, measures=(over("redundancy", 30.0),)), "replicas: 1"),
    ("nobody-noticed", case(measures=OUT), "alert: InstanceDown"),
    ("another-healer", case(verdict=Verdict.WRONG_HEALER, acts=NOTICED, healed_by=("engine",)), "healed_by: [proxy]"),
    ("prove-it", case(), "chaoskit prove --target t"),
]  # fmt: skip
SILENT = [
    ("no-restart-policy", case(verdict=Verdict.NOT_HEALED, measures=FOREVER, healers=(RESTART,))),
    ("no-restart-policy", case("hang", Verdict.NOT_HEALED, measures=FOREVER)),
    ("hang-is-no-crash", case("hang", measures=OUT)),
    ("ask-another-instance", case(measures=(seconds("recovery", 0.0, half=0.0),), redundancy={"web": 3})),
    ("ask-another-instance", case("latency", measures=OUT, redundancy={"web": 3})),
    ("second-instance", case(measures=OUT, redundancy={"web": 2})),
    ("shorter-timeouts", case("latency", measures=OUT)),
    ("look-more-often", case(healers=(RESTART,), judgement=judgement_of(Verdict.HEALED, passed=True, floors=(FLOOR,)))),
    ("slower-than-its-settings", case(judgement=judgement_of(Verdict.HEALED, passed=True, floors=(FLOOR,)))),
    ("durable-writes", case(ledger=LedgerFacts(kind="redis", attempted=9, acked=9, refused=0, indeterminate=0, lost=0))),
    ("back-to-full-strength", case("crash", measures=(over("redundancy", 30.0),))),
    ("nobody-noticed", case(measures=OUT, acts=NOTICED)),
    ("another-healer", case(verdict=Verdict.WRONG_HEALER, expect=Verdict.WRONG_HEALER, healed_by=("engine",))),
    ("prove-it", case(proof=ProofNote(state=ProofState.PROVEN, reason="all arms behaved", run="r", at="2026"))),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "record", "line"), SPEAKS, ids=[one[0] for one in SPEAKS])
def test_a_rule_speaks_with_the_lines_to_change(rule, record, line):
    advice = said(record)

    assert rule in advice
    assert line in advice[rule].lines
    assert advice[rule].where
    assert advice[rule].experiments == (record,)


@pytest.mark.parametrize(("rule", "record"), SILENT)
def test_a_rule_is_silent_where_it_does_not_hold(rule, record):
    assert rule not in said(record)


def test_every_rule_has_a_case_in_which_it_speaks():
    spoken = {rule for rule, _, _ in SPEAKS}
    found = [{one.rule for rule in RULES if (one := rule(Case(record)))} for _, record, _ in SPEAKS]

    assert len(spoken) == len(RULES)
    assert set().union(*found) == spoken


def test_data_comes_before_seconds_and_seconds_before_evidence():
    lost = LedgerFacts(kind="redis", attempted=9, acked=9, refused=0, indeterminate=0, lost=4)
    record = case(verdict=Verdict.DATA_LOST, measures=OUT, acts=NOTICED, ledger=lost, expect=Verdict.DATA_LOST,
                  judgement=judgement_of(Verdict.DATA_LOST, passed=True, floors=(START,)))  # fmt: skip
    order = list(said(record))

    assert order[0] == "durable-writes"
    assert order.index("second-instance") < order.index("slower-than-its-settings")
    assert order[-1] == "prove-it"


def test_the_same_advice_of_two_experiments_is_said_once():
    made = run()
    records = (case(measures=OUT), replace(case(measures=OUT), name="t/f"))
    found = advice_of(replace(made.journal, experiments=records))
    second = [one for one in found if one.rule == "second-instance"]

    assert len(second) == 1
    assert [one.name for one in second[0].experiments] == ["t/e", "t/f"]


def test_nobody_is_left_to_ask_when_every_instance_was_hit():
    spare = case(measures=OUT, redundancy={"web": 2})
    all_hit = replace(spare, trials=(replace(spare.trials[0], picked=("web-1", "web-2")),))

    assert "ask-another-instance" in said(spare)
    assert "ask-another-instance" not in said(all_hit)
    assert "second-instance" not in said(all_hit)


def test_copies_are_asked_for_only_where_there_are_replicas():
    lost = LedgerFacts(kind="redis", attempted=9, acked=9, refused=0, indeterminate=0, lost=4)
    alone = case(verdict=Verdict.DATA_LOST, ledger=lost)
    sentinel = HealerRecord(name="sentinel", kind="redis-sentinel")

    assert "min-replicas" not in said(alone)["durable-writes"].lines
    assert (
        "min-replicas-to-write 1"
        in said(replace(alone, healers=(sentinel,)))["durable-writes"].lines
    )


def test_a_system_that_was_tampered_with_gets_no_advice():
    off = Arm(of="t/e", kind=ArmKind.OFF, healer="proxy")

    assert said(case(verdict=Verdict.NOT_HEALED, measures=FOREVER, arm=off)) == {}


def test_something_left_behind_comes_first():
    made = run()
    journal = replace(made.journal, left_behind=("container x: docker rm -f x",))

    assert advice_of(journal)[0].lines == "chaoskit recover"


def test_what_could_not_be_told_is_to_be_run_again():
    late = case(
        verdict=Verdict.OBSERVER_LATE, judgement=judgement_of(Verdict.TOO_FEW_TRIALS, passed=False)
    )
    unsteady = case(
        verdict=Verdict.BASELINE_NOT_MET,
        judgement=judgement_of(Verdict.TOO_FEW_TRIALS, passed=False),
    )
    died = replace(late, trials=(), judgement=None)

    impossible = case(
        verdict=Verdict.FAULT_NOT_APPLIED,
        judgement=judgement_of(Verdict.TOO_FEW_TRIALS, passed=False),
    )
    assert said(impossible)["tell-more"].lines == "chaoskit doctor --full"
    assert "rate: 25" in said(late)["tell-more"].lines
    assert "baseline" in said(unsteady)["tell-more"].lines
    assert "chaoskit run" in said(died)["tell-more"].lines


@pytest.mark.parametrize(
    ("kind", "settings", "line"),
    [
        ("docker-health", {"interval": "10s", "timeout": 3}, "interval: 5s"),
        ("autoheal", {}, "AUTOHEAL_INTERVAL=2.5s"),
        ("redis-sentinel", {"down_after": "5s"}, "down-after-milliseconds NAME 2500"),
        ("patroni", {"ttl": "20s", "loop_wait": "2s"}, "ttl: 10\nloop_wait: 1"),
        ("prometheus-alert", {"scrape_interval": "1s"}, "scrape_interval: 500ms"),
        ("envoy-outlier", {"consecutive_5xx": 5}, "consecutive_5xx: 2"),
        ("kubernetes-probe", {"period": "10s"}, "periodSeconds: 5"),
        ("haproxy-check", {"inter": "nonsense"}, "inter 1s"),
    ],
)
def test_the_lines_halve_what_the_healer_waits(kind, settings, line):
    found = lines_for(HealerRecord(name="h", kind=kind, settings=settings))

    assert found is not None
    assert line in found[0]


def test_a_healer_without_timers_has_no_lines():
    assert lines_for(RESTART) is None


def test_every_rule_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "report.md").read_text()

    assert [rule for rule, _, _ in SPEAKS if f"| `{rule}` |" not in page] == []
