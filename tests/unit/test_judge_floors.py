"""What a healer's settings allow, beside what was measured; and series that are no evidence."""

import random
from dataclasses import replace

import pytest

from chaoskit.judge import decided, judge_experiment
from chaoskit.judge.floors import below_floor
from chaoskit.model.experiment import Claim
from chaoskit.model.journal import Act, FaultRecord, HealerRecord, TrialJudgement
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.verdict import Verdict
from tests.drawing import draw
from tests.judging import experiment, judged, trial, verdicts

V = Verdict
H, SLOW, VOID = V.HEALED, V.TOO_SLOW, V.BASELINE_NOT_MET

# Silent servers cost 200 ms a check: down after 0.5 to 0.7 s.
PROXY = HealerRecord(
    name="proxy",
    kind="haproxy-check",
    settings={"inter": "200ms", "fastinter": "100ms", "fall": 2, "rise": 1, "timeout": "200ms"},
    service="lb",
)
ENGINE = HealerRecord(name="engine", kind="docker-restart")
HANG = (FaultRecord(fault="hang", service="web"),)
CRASH = (FaultRecord(fault="crash", service="web"),)


def series(*detected_s: float, verdict: Verdict = H, **fields):
    """An experiment whose proxy was seen to notice after so long, trial by trial."""
    recovery = Measured(measure="recovery", unit=Unit.SECONDS, low=0.7, high=0.7)
    trials = tuple(
        trial(
            number,
            judgement=TrialJudgement(
                verdict=verdict,
                reason="",
                measures=(recovery,),
                acts=(Act(healer="proxy", detected_s=one, detected_low_s=one - 0.001),),
            ),
        )
        for number, one in enumerate(detected_s, 1)
    )
    plain = {"healers": (PROXY, ENGINE), "faults": HANG, "rate_hz": 50.0, "runs": len(trials)}
    return experiment(trials=trials, **{**plain, **fields})


def test_the_floor_stands_beside_what_was_measured():
    (floor,) = judge_experiment(series(0.52, 0.60, 0.75, 0.64)).floors

    assert (floor.healer, floor.step) == ("proxy", "detection")
    assert (floor.best_s, floor.mean_s, floor.worst_s) == pytest.approx((0.5, 0.6, 0.7))
    assert (floor.trials, floor.inside) == (4, 3)
    assert floor.measured_s == pytest.approx(0.6195)
    assert floor.efficiency == pytest.approx(0.6 / 0.6195)
    assert "2 checks" in floor.why


def test_a_healer_that_was_never_seen_has_a_floor_and_no_efficiency():
    floors = judge_experiment(replace(series(0.6), faults=CRASH)).floors
    engine = [one for one in floors if one.healer == "engine"]

    assert {one.step for one in engine} == {"detection", "action"}
    assert all(one.trials == 0 and one.efficiency is None for one in engine)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"faults": ()}, id="no fault of ours"),
        pytest.param({"faults": HANG + CRASH}, id="two faults, and one zero"),
        pytest.param({"faults": (FaultRecord(fault="stop", service="web"),)}, id="a soft end"),
        pytest.param(
            {"faults": (FaultRecord(fault="hang", service="lb"),)}, id="it was hit itself"
        ),
        pytest.param({"healers": (HealerRecord(name="x", kind="mine"),)}, id="a foreign kind"),
        pytest.param(
            {"healers": (replace(PROXY, settings={"inter": "soon"}),)}, id="settings of other hands"
        ),
        pytest.param(
            {"healers": (replace(PROXY, settings={**PROXY.settings, "services": "db"}),)},
            id="it looks after another service",
        ),
    ],
)
def test_a_floor_that_does_not_apply_is_not_claimed(fields):
    one = series(0.1, 0.1, **fields)

    assert judge_experiment(one).floors == ()
    assert below_floor(one, one.trials[0].judgement.acts) is None


def test_a_supervisor_has_a_floor_about_its_children_and_none_when_it_was_hit_itself():
    inside = HealerRecord(name="s", kind="supervisor", service="web", settings={"watchdog_sec": 2})

    def floors(fault):
        hit = (FaultRecord(fault=fault, service="web"),)
        return judge_experiment(series(1.5, healers=(inside,), faults=hit)).floors

    assert [one.step for one in floors("kill_process")] == ["detection", "action"]
    assert next(one.best_s for one in floors("hang")) == 1.0
    assert floors("crash") == ()


@pytest.mark.parametrize(
    ("detected_s", "void"),
    [
        pytest.param(0.40, True, id="faster than it can be"),
        pytest.param(0.49, False, id="within a period of the probes"),
        pytest.param(0.60, False, id="as it should be"),
        pytest.param(9.00, False, id="late is no mistake of ours"),
    ],
)
def test_below_the_floor_is_a_mistake_of_ours(detected_s, void):
    found = below_floor(series(), [Act(healer="proxy", detected_s=detected_s)])

    assert (found is not None) is void
    assert found is None or found[0] is V.HARNESS_ERROR
    assert found is None or "not the live ones" in found[1]


def test_users_requests_may_give_a_server_away_at_once():
    watching = replace(PROXY, settings={**PROXY.settings, "observe": "layer7", "error_limit": 1})

    assert below_floor(series(healers=(watching,)), [Act(healer="proxy", detected_s=0.01)]) is None


def test_a_drawn_trial_below_the_floor_is_void_whatever_else_it_shows():
    fields = {"healers": (PROXY,), "faults": HANG}

    assert judged("..........!Dxx......|..", **fields).verdict is V.HARNESS_ERROR
    assert judged("..........!xxxxxxDA......|..", **fields).verdict is V.HEALED
    # An unsteady baseline is told first.
    assert judged("....xxxxxx!Dxx......|..", **fields).verdict is V.BASELINE_NOT_MET


def test_acts_know_how_well_they_were_seen():
    timeline = draw("..........!xxxDA....|..")
    marks = tuple(replace(one, resolution_ns=50_000_000) for one in timeline.marks)
    (act, _) = judged(replace(timeline, marks=marks)).acts

    assert act.detected_s == pytest.approx(0.3)
    assert act.detected_low_s == pytest.approx(0.25)


def test_faults_that_are_locked_to_a_timer_prove_nothing():
    rng = random.Random(3)
    locked = series(*(0.60 + 0.001 * rng.random() for _ in range(22)))
    free = series(*(0.50 + 0.2 * rng.random() for _ in range(22)))
    late = series(*(0.58 + 0.2 * rng.random() for _ in range(22)))

    assert judge_experiment(locked).verdict is V.TOO_FEW_TRIALS
    assert "proxy: the faults were locked to its timer" in judge_experiment(locked).sentence
    assert judge_experiment(free).verdict is H
    assert judge_experiment(late).verdict is H


def recoveries(*values_s: float | None, verdict: Verdict = H, **fields):
    """An experiment with these recoveries; None was not seen to end."""
    trials = tuple(
        trial(
            number,
            judgement=TrialJudgement(
                verdict=verdict,
                reason="",
                measures=(
                    Measured(
                        measure="recovery",
                        unit=Unit.SECONDS,
                        low=30.0 if one is None else one,
                        high=one,
                        censored=one is None,
                    ),
                ),
            ),
        )
        for number, one in enumerate(values_s, 1)
    )
    return experiment(trials=trials, **{"runs": len(trials), "rate_hz": 50.0, **fields})


@pytest.mark.parametrize(
    ("values", "drifts"),
    [
        pytest.param([0.1 * 2**k for k in range(9)], True, id="a back-off"),
        pytest.param([0.1 * 2**k for k in range(7)], False, id="too few to tell"),
        pytest.param([0.5 + 0.0001 * k for k in range(22)], False, id="less than can be seen"),
        pytest.param([1.2 + 0.006 * k for k in range(22)], False, id="a machine that ages"),
        pytest.param([1.2 + 0.03 * k for k in range(22)], True, id="a quarter more"),
        pytest.param([0.7, 0.5] * 11, False, id="no drift"),
        pytest.param([0.7] * 22, False, id="all alike"),
        pytest.param([0.0] * 22, False, id="users saw nothing"),
        pytest.param([1, 2, 3, 4, 5, 6, 7, None, None, None], True, id="until none recovered"),
    ],
)
@pytest.mark.parametrize("verdict", [H, SLOW])
def test_a_series_that_drifts_proves_nothing_either_way(values, drifts, verdict):
    judgement = judge_experiment(recoveries(*values, verdict=verdict))

    assert judgement.verdict is (V.TOO_FEW_TRIALS if drifts else verdict)
    assert judgement.passed is (not drifts and verdict is H)
    assert ("the trials drift" in judgement.sentence) is drifts


SEQUENTIAL = {"claim": Claim(share=0.9), "until_decided": True, "runs": 60}


@pytest.mark.parametrize(
    ("found", "over", "verdict"),
    [
        pytest.param([H] * 31, False, V.TOO_FEW_TRIALS, id="not yet"),
        pytest.param([H] * 32, True, H, id="32 clean ones"),
        pytest.param([SLOW] * 2, True, SLOW, id="two misses in a row"),
        pytest.param([H] * 10 + [SLOW], False, V.TOO_FEW_TRIALS, id="one miss settles nothing"),
        pytest.param([H] * 10 + [SLOW] + [H] * 46, True, H, id="one miss takes 56 kept"),
        pytest.param([H] * 25 + [SLOW] + [H] * 31, True, H, id="wherever it was"),
        pytest.param([H, H, SLOW] * 20, True, SLOW, id="too many misses"),
        pytest.param(([H] * 19 + [SLOW]) * 3, True, V.TOO_FEW_TRIALS, id="undecided to the end"),
        pytest.param([H] * 31 + [VOID], False, V.TOO_FEW_TRIALS, id="void trials do not count"),
    ],
)
def test_an_e_process_goes_on_until_the_evidence_decides(found, over, verdict):
    one = verdicts(*found, **SEQUENTIAL)

    assert decided(one) is over
    assert judge_experiment(one).verdict is verdict


def test_an_e_process_claims_what_it_was_asked_and_no_more():
    judgement = judge_experiment(verdicts(*[H] * 32, **SEQUENTIAL))

    assert judgement.claim == (
        "recovers within 1 s in at least 90 % of cases, 95 % confidence, 32 trials, "
        "stopped when decided"
    )
    assert judgement.claim in judgement.sentence


def test_a_claim_has_the_confidence_that_was_asked_for():
    asked = {"claim": Claim(share=0.9, confidence=0.9), "runs": 22}

    assert "in at least 90 % of cases, 90 % confidence, 22 trials" in (
        judge_experiment(verdicts(*[H] * 22, **asked)).claim
    )


def test_the_claim_says_what_else_was_kept():
    from tests.judging import budgets

    both = budgets(recovery=2.0, availability=0.99)
    other = budgets(availability=0.99)

    assert judge_experiment(verdicts(*[H] * 5, budgets=both)).claim.startswith(
        "recovers within 2 s and keeps every other budget in at least 54 % of cases"
    )
    assert judge_experiment(verdicts(*[H] * 5, budgets=other)).claim.startswith(
        "keeps its budget in at least 54 % of cases"
    )
