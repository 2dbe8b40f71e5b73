"""Grades, the matrix of faults, and who healed what: arithmetic that a reader can do again."""

from dataclasses import replace

import pytest

from chaoskit.model.experiment import Budget
from chaoskit.model.journal import Act, BudgetCheck, FaultRecord, HealerRecord, TrialJudgement
from chaoskit.model.proof import Arm, ArmKind, ProofNote, ProofState
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.attribution_view import attribution
from chaoskit.reporters.confidence import confidence_words
from chaoskit.reporters.faults_matrix import faults_matrix
from chaoskit.reporters.principles import Answer, Grade, grade_of, principles
from tests.judging import judgement_of
from tests.samples_builder import RECOVERY, experiment, over, run, seconds, trial

PROVEN = ProofNote(state=ProofState.PROVEN, reason="all arms behaved", run="r", at="2026")


def record(name="t/e", verdict=Verdict.HEALED, *, measures=(), acts=(), kept=None, **fields):
    budgets = fields.pop("budgets", ())
    checks = tuple(
        BudgetCheck(budget=one, measured=seconds(one.measure, 1.0), kept=kept) for one in budgets
    )
    judged = TrialJudgement(
        verdict=verdict, reason="so", measures=measures, acts=acts, checks=checks
    )
    defaults = {
        "faults": (FaultRecord(fault="crash", service="web", family="process"),),
        "trials": (trial(name, 1, judged),),
        "judgement": judgement_of(verdict, passed=verdict.good),
    }
    return experiment(name, **{**defaults, "budgets": budgets, **fields})


def grades(*records) -> dict[str, Grade]:
    return {one.name: one.grade for one in principles(records)}


def answers(*yes, proven=False):
    note = PROVEN if proven else None
    return [Answer(record=record(proof=note), yes=one) for one in yes]


@pytest.mark.parametrize(
    ("given", "grade"),
    [
        (answers(), Grade.NOT_TRIED),
        (answers(None), Grade.UNTOLD),
        (answers(True, True, proven=True), Grade.A),
        (answers(True, True), Grade.B),
        (answers(True, None, proven=True), Grade.B),
        (answers(True, False), Grade.C),
        (answers(True, False, False), Grade.D),
        (answers(False, None), Grade.F),
    ],
)
def test_the_grade_is_the_rule_of_the_documentation(given, grade):
    assert grade_of(given) is grade


def test_a_principle_without_an_experiment_is_not_tried():
    none = grades(replace(record(), faults=()))

    assert set(none.values()) == {Grade.NOT_TRIED}
    assert "not tried" in {one.words for one in principles(())}


def test_autonomy_asks_whether_it_came_back_without_help():
    assert grades(record())["Autonomy"] is Grade.B
    assert grades(record(proof=PROVEN))["Autonomy"] is Grade.A
    assert grades(record(verdict=Verdict.NOT_HEALED))["Autonomy"] is Grade.F
    assert grades(record(measures=(over("redundancy", 30.0),)))["Autonomy"] is Grade.F
    late = seconds("recovery", 12.0, after_lift=True)
    assert grades(record(measures=(late,)))["Autonomy"] is Grade.F


def test_a_known_weakness_counts_as_the_weakness_that_it_is():
    weak = record(verdict=Verdict.NOT_HEALED, expect=Verdict.NOT_HEALED)

    assert grades(weak)["Autonomy"] is Grade.F


def test_proactivity_is_asked_by_what_grows_and_answered_by_who_felt_nothing():
    leak = (FaultRecord(fault="memory_leak", service="web", family="resources"),)

    assert grades(record())["Proactivity"] is Grade.NOT_TRIED
    assert grades(record(faults=leak))["Proactivity"] is Grade.F
    assert grades(record(faults=leak, verdict=Verdict.PREVENTED))["Proactivity"] is Grade.B


def test_resilience_is_every_budget_on_what_users_feel():
    assert grades(record())["Resilience"] is Grade.NOT_TRIED
    assert grades(record(budgets=(RECOVERY,), kept=True))["Resilience"] is Grade.B
    assert grades(record(budgets=(RECOVERY,), kept=False))["Resilience"] is Grade.F
    assert grades(record(budgets=(RECOVERY,), kept=None))["Resilience"] is Grade.UNTOLD


def test_redundancy_is_asked_where_there_is_a_spare_or_a_budget():
    spare = {"redundancy": {"web": 3}}
    lost = record(verdict=Verdict.DATA_LOST, **spare)

    assert grades(record())["Redundancy"] is Grade.NOT_TRIED
    assert grades(record(**spare))["Redundancy"] is Grade.B
    assert grades(lost)["Redundancy"] is Grade.F
    assert grades(record(measures=(over("redundancy", 9.0),), **spare))["Redundancy"] is Grade.F


def test_monitoring_needs_a_mechanism_of_the_system_that_noticed():
    noticed = (Act(healer="proxy", detected_s=0.2),)
    name = "Monitoring and alerting"
    budget = Budget(measure="detection", bound=1.0, text="1s")

    assert grades(record())[name] is Grade.NOT_TRIED
    assert grades(record(healed_by=("proxy",)))[name] is Grade.F
    assert grades(record(healed_by=("proxy",), acts=noticed))[name] is Grade.B
    assert grades(record(budgets=(budget,), acts=noticed, kept=False))[name] is Grade.F


def test_an_experiment_that_told_nothing_is_no_evidence():
    void = record(verdict=Verdict.OBSERVER_LATE)

    assert grades(void)["Autonomy"] is Grade.UNTOLD
    assert grades(void, record())["Autonomy"] is Grade.B
    assert "1 cannot tell" in principles((void, record()))[0].words


def test_systems_that_were_tampered_with_are_no_evidence():
    off = record(verdict=Verdict.NOT_HEALED, arm=Arm(of="t/e", kind=ArmKind.OFF, healer="proxy"))

    assert set(grades(off).values()) == {Grade.NOT_TRIED}
    assert faults_matrix((off,)).rows == ()


def test_the_matrix_shows_what_nobody_tried():
    matrix = faults_matrix((record(services=("web", "db")),))
    by_service = {
        row.service: dict(zip(matrix.families, row.cells, strict=True)) for row in matrix.rows
    }

    assert list(by_service) == ["web", "db"]
    assert [one.fault for one in by_service["web"]["process"]] == ["crash"]
    assert not any(by_service["db"].values())
    assert matrix.tried == 1
    assert "other" not in matrix.families


def test_an_older_journal_has_a_matrix_too():
    old = record(faults=(), redundancy={"web": 1})
    old = replace(old, trials=(replace(old.trials[0], picked=("web-2",)),))
    matrix = faults_matrix((old,))

    assert matrix.families[-1] == "other"
    assert matrix.rows[0].cells[-1][0].fault == "a fault"


def test_credit_goes_to_whoever_acted_first():
    acts = (
        Act(healer="proxy", detected_s=0.1, acted_s=0.1),
        Act(healer="engine", detected_s=0.2, acted_s=0.9),
    )
    healers = (
        HealerRecord(name="engine", kind="docker-restart"),
        HealerRecord(name="idle", kind="other"),
    )
    matrix = attribution((record(acts=acts, healers=healers, healed_by=("proxy",)),))
    words = dict(zip(matrix.healers, (one.words for one in matrix.rows[0][1]), strict=True))

    assert words == {
        "engine": "acted in 1 of 1, not before 900 ms",
        "idle": "not seen",
        "proxy": "first in 1 of 1",
    }


def test_the_confidence_is_that_of_the_weakest_experiment():
    journal = replace(
        run().journal, experiments=(record(runs=1), record("t/f", title="More often", runs=1))
    )
    five = replace(journal.experiments[1], runs=5, trials=journal.experiments[1].trials * 5)

    assert "at least 5 % of cases" in confidence_words(
        replace(journal, experiments=(journal.experiments[0],))
    )
    both = confidence_words(replace(journal, experiments=(journal.experiments[0], five)))
    assert "the weakest of the 2 that passed is “t/e”" in both
    weak = record("t/g", verdict=Verdict.NOT_HEALED)
    mixed = confidence_words(replace(journal, experiments=(journal.experiments[0], weak)))
    assert "the one that passed is “t/e”" in mixed
    assert confidence_words(replace(journal, experiments=(weak,))) == ""
