"""From judged trials to an experiment's verdict, its sentence, and the exit code of the run."""

import pytest

from chaoskit.errors import Exit
from chaoskit.judge import decided, exit_code_of, judge_experiment, judge_journal
from chaoskit.model.verdict import Verdict
from tests.drawing import draw
from tests.judging import experiment, journal, trial, verdicts

V = Verdict
H, M, P = V.HEALED, V.MASKED, V.PREVENTED
SLOW, NOT, VOID = V.TOO_SLOW, V.NOT_HEALED, V.BASELINE_NOT_MET


@pytest.mark.parametrize(
    ("found", "plan", "verdict"),
    [
        pytest.param([H] * 5, (5, 0), H, id="all healed"),
        pytest.param([M, M, H, M, M], (5, 0), H, id="the weakest good one speaks"),
        pytest.param([P, M, P, P, P], (5, 0), M, id="masked is weaker than prevented"),
        pytest.param([H] * 4, (5, 0), V.TOO_FEW_TRIALS, id="one trial short"),
        pytest.param([H] * 4 + [SLOW], (5, 0), SLOW, id="one miss, none allowed"),
        pytest.param([H] * 4 + [SLOW], (5, 1), H, id="one miss, one allowed"),
        pytest.param([H] * 21, (22, 1), H, id="success cannot be lost any more"),
        pytest.param([H] * 20 + [SLOW], (22, 1), V.TOO_FEW_TRIALS, id="not decided yet"),
        pytest.param([SLOW, SLOW], (22, 1), SLOW, id="failed early"),
        pytest.param([SLOW, NOT, SLOW], (5, 0), SLOW, id="the most frequent"),
        pytest.param([SLOW, NOT], (5, 0), NOT, id="the worst of a tie"),
        pytest.param([VOID] * 5, (5, 0), VOID, id="all void"),
        pytest.param([H] * 5 + [VOID], (5, 0), H, id="one void trial was repeated"),
        pytest.param([H] * 5 + [VOID] * 2, (5, 0), VOID, id="too many void ones"),
        pytest.param([H] * 4 + [VOID], (5, 0), V.TOO_FEW_TRIALS, id="one void, not repeated"),
        pytest.param([NOT] + [VOID] * 4, (5, 0), NOT, id="evidence counts beside voids"),
        pytest.param([H, H, V.INTERRUPTED], (5, 0), V.INTERRUPTED, id="interrupted"),
        pytest.param([NOT, V.INTERRUPTED], (5, 0), NOT, id="decided before the interruption"),
        pytest.param([NOT, V.HARNESS_ERROR], (5, 0), V.HARNESS_ERROR, id="a defect of ours"),
        pytest.param([V.HARNESS_ERROR, V.LIFT_FAILED], (5, 0), V.LIFT_FAILED, id="left behind"),
        pytest.param([], (5, 0), V.TOO_FEW_TRIALS, id="no trial at all"),
        pytest.param([], (0, 0), V.TOO_FEW_TRIALS, id="a plan of nothing proves nothing"),
    ],
)
def test_what_all_trials_say(found: list[Verdict], plan: tuple[int, int], verdict: Verdict):
    runs, allow = plan
    judgement = judge_experiment(verdicts(*found, runs=runs, allow=allow))

    assert judgement.verdict is verdict
    assert judgement.passed is verdict.good
    assert bool(judgement.claim) is verdict.good


@pytest.mark.parametrize(
    ("found", "expect", "passed", "code"),
    [
        pytest.param([NOT], NOT, True, 0, id="a known weakness is still there"),
        pytest.param([H] * 5, NOT, False, 1, id="a known weakness is gone"),
        pytest.param([SLOW], NOT, False, 1, id="weak in another way"),
        pytest.param([VOID], NOT, False, 3, id="nothing was learnt"),
        pytest.param([VOID], VOID, False, 3, id="nothing learnt cannot be expected"),
        pytest.param([M] * 5, M, True, 0, id="masked as expected"),
        pytest.param([H] * 5, M, False, 1, id="healed is not masked"),
        pytest.param([V.LIFT_FAILED], NOT, False, 7, id="left behind"),
    ],
)
def test_an_expected_verdict_passes_only_when_it_is_reached(found, expect, passed, code):
    one = verdicts(*found, expect=expect)
    judgement = judge_experiment(one)
    run = journal(experiment(judgement=judgement, expect=expect))

    assert judgement.passed is passed
    assert exit_code_of(run) == code


@pytest.mark.parametrize(
    ("found", "plan", "over"),
    [
        pytest.param([H] * 5, (5, 0), True, id="all there"),
        pytest.param([H] * 4, (5, 0), False, id="one short"),
        pytest.param([H] * 21, (22, 1), True, id="cannot fail any more"),
        pytest.param([SLOW], (5, 0), True, id="cannot pass any more"),
        pytest.param([SLOW], (22, 1), False, id="one miss is allowed"),
        pytest.param([VOID] * 4, (5, 0), False, id="voids decide nothing"),
        pytest.param([H] * 4 + [VOID], (5, 0), False, id="one void trial is made again"),
        pytest.param([H] * 3 + [VOID] * 2, (5, 0), True, id="too many voids to be replaced"),
        pytest.param([H] * 18 + [VOID] * 5, (22, 1), False, id="a fifth may be replaced"),
        pytest.param([H] * 16 + [VOID] * 6, (22, 1), True, id="more may not"),
        pytest.param([V.LIFT_FAILED], (5, 0), True, id="go no further"),
    ],
)
def test_a_series_ends_when_nothing_can_change_it(found, plan, over):
    runs, allow = plan

    assert decided(verdicts(*found, runs=runs, allow=allow)) is over


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        pytest.param(
            verdicts(*[H] * 5),
            "healed: recovered in 710 ms (median of 5, worst 730 ms), budget 1s; "
            "recovers within 1 s in at least 54 % of cases, 95 % confidence, 5 trials",
            id="healed",
        ),
        pytest.param(
            verdicts(*[H] * 21, SLOW, runs=22, allow=1),
            "healed: recovered in 710 ms (median of 21, worst 730 ms), budget 1s; "
            "1 of 22 trials missed, 1 allowed; "
            "recovers within 1 s in at least 80 % of cases, 95 % confidence, 22 trials, 1 missed",
            id="with an allowed miss",
        ),
        pytest.param(
            verdicts(*[NOT] * 3, expect=NOT),
            "not healed: reason 1 (3 of 3 trials), budget 1s; as expected",
            id="expected",
        ),
        pytest.param(
            verdicts(VOID),
            "baseline not met: reason 1",
            id="inconclusive",
        ),
    ],
)
def test_the_sentence_has_the_numbers(one, sentence: str):
    assert judge_experiment(one).sentence == sentence


def test_a_decided_plan_claims_no_more_than_it_would_have_at_its_end():
    curtailed = judge_experiment(verdicts(*[H] * 21, runs=22, allow=1))
    complete = judge_experiment(verdicts(*[H] * 21, SLOW, runs=22, allow=1))

    assert curtailed.claim == complete.claim


def _run(*found: list[Verdict], **fields):
    ended = [verdicts(*one) for one in found]
    return journal(
        *[experiment(trials=one.trials, judgement=judge_experiment(one)) for one in ended], **fields
    )


@pytest.mark.parametrize(
    ("run", "code"),
    [
        pytest.param(_run([H] * 5), 0, id="pass"),
        pytest.param(_run([H] * 5, [NOT]), 1, id="evidence against"),
        pytest.param(_run([NOT], [VOID]), 1, id="evidence beats inconclusive"),
        pytest.param(_run([VOID], [H] * 5), 3, id="inconclusive beats pass"),
        pytest.param(_run([NOT], [V.HARNESS_ERROR]), 6, id="our defect beats evidence"),
        pytest.param(_run([V.LIFT_FAILED], [V.HARNESS_ERROR]), 7, id="left behind beats all"),
        pytest.param(_run([H] * 5, left_behind=("a rule",)), 7, id="left behind by the run"),
        pytest.param(_run([NOT], interrupted_by="SIGINT"), 130, id="SIGINT"),
        pytest.param(_run([H] * 5, interrupted_by="SIGTERM"), 143, id="SIGTERM"),
        pytest.param(
            _run([H] * 5, interrupted_by="SIGINT", left_behind=("a rule",)), 7, id="and left behind"
        ),
        pytest.param(_run([H] * 5, trouble="torn"), 6, id="trouble"),
        pytest.param(_run([NOT], trouble="no engine", trouble_exit=4), 4, id="environment"),
        pytest.param(_run([H] * 5, ended_wall=""), 3, id="the run died"),
        pytest.param(_run(), 5, id="nothing was selected"),
        pytest.param(journal(experiment()), 3, id="never judged"),
    ],
)
def test_the_exit_code_of_a_run(run, code: int):
    assert exit_code_of(run) == code


def test_a_journal_is_judged_from_its_evidence_alone():
    drawings = {1: "!Dxx......|", 2: "!xxxxx|"}
    stale = verdicts(H, H).trials  # what an older version may have thought
    record = experiment(trials=stale, runs=2)

    judged = judge_journal(
        journal(record, exit_code=0), lambda _, one: draw("." * 200 + drawings[one.index])
    )

    found = judged.experiments[0]
    assert [one.judgement.verdict for one in found.trials if one.judgement] == [H, NOT]
    assert found.judgement is not None
    assert found.judgement.verdict is NOT
    assert judged.exit_code == Exit.EVIDENCE_AGAINST


def test_a_trial_without_any_file_on_disk_is_inconclusive():
    judged = judge_journal(
        journal(experiment(trials=(trial(),))), lambda _experiment, _trial: draw("/")
    )

    assert judged.exit_code == Exit.INCONCLUSIVE
