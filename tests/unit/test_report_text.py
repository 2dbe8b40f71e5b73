"""Text of others: cleaned, redacted, cut to size; and the words and numbers of a report."""

from dataclasses import replace

import pytest

from chaoskit.model.experiment import Budget
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.figures import figure
from chaoskit.reporters.headline import headline
from chaoskit.reporters.logs import excerpts
from chaoskit.reporters.text import HIDDEN, clean, clip, one_line, redact, redact_values
from chaoskit.reporters.wording import Result, measured_text, result_of, value_text
from tests.samples_builder import MONO_NS, WALL_NS, effect_of, log_stamp, run, too_slow


@pytest.mark.parametrize(
    ("dirty", "shown"),
    [
        pytest.param("\x1b[31mred\x1b[0m", "red", id="colours"),
        pytest.param("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link", id="links"),
        pytest.param("a\x00b", "a␀b", id="nul"),
        pytest.param("a\r\nb", "a\nb", id="line ends"),
        pytest.param("\u202egnp.exe", "‹U+202E›gnp.exe", id="right to left"),
        pytest.param("\ud800", "‹U+D800›", id="half a character"),
        pytest.param("a\u2028b", "a\nb", id="line separator"),
        pytest.param("\ufffe", "‹U+FFFE›", id="no character"),
        pytest.param("Grüße ✓ 漢字", "Grüße ✓ 漢字", id="plain text stays"),
    ],
)
def test_unshowable_text_is_made_visible_or_dropped(dirty, shown):
    assert clean(dirty) == shown


def test_long_text_is_cut_and_says_so():
    assert clip("x" * 1_000_000, 10) == "xxxxxxxxxx… (999,990 more characters)"
    assert one_line("a\n  b\tc") == "a b c"


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        'POSTGRES_PASSWORD: "hunter2"',
        "api-key = hunter2, next",
        '{"accessToken":"hunter2"}',
        "--redis-pass=hunter2",
        "Authorization: Bearer hunter2",
        "postgres://me:hunter2@db/x",
        "secret='hunter2 '",
    ],
)
def test_the_values_of_secrets_are_hidden(text):
    assert "hunter2" not in redact(text)
    assert HIDDEN in redact(text)


def test_what_is_no_secret_stays():
    said = "chaoskit run experiments/key-value --seed 42 --budget recovery=5s"

    assert redact(said) == said


def test_secrets_are_hidden_in_trees_of_values():
    tree = {"db": {"password": "hunter2", "host": "db"}, "keys": ["a", "b"], "retry": 3}

    assert redact_values(tree) == {
        "db": {"password": HIDDEN, "host": "db"},
        "keys": [HIDDEN, HIDDEN],
        "retry": 3,
    }


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.9999999, Unit.RATIO, "> 99.999 %"),
        (1.0, Unit.RATIO, "100 %"),
        (0.99956, Unit.RATIO, "99.956 %"),
        (0.5, Unit.RATIO, "50 %"),
        (0.0, Unit.RATIO, "0 %"),
        (3.0, Unit.COUNT, "3"),
        (0.00431, Unit.SECONDS, "4.31 ms"),
        (None, Unit.SECONDS, "–"),
    ],
)
def test_a_number_never_shows_more_than_there_is(value, unit, text):
    assert value_text(value, unit) == text


def test_what_was_not_seen_to_end_says_so():
    endless = Measured(measure="recovery", unit=Unit.SECONDS, low=30.0, censored=True)
    late = Measured(measure="recovery", unit=Unit.SECONDS, low=1.0, high=1.0, after_lift=True)

    assert measured_text(endless) == "> 30 s"
    assert measured_text(late) == "1 s after lift"
    assert measured_text(Measured(measure="recovery", unit=Unit.SECONDS)) == "–"
    assert measured_text(None) == "–"


def test_a_figure_is_the_median_and_the_worse_end_of_the_worst():
    recovery = figure(run().journal.experiments[0], "recovery")

    assert (recovery.median, recovery.worst) == ("920 ms", "1.19 s")
    assert (recovery.margin, recovery.kept) == ("+810 ms", True)
    assert recovery.bound_text == "≤ 2s"


def test_the_worst_of_an_availability_is_the_lowest():
    availability = figure(run().journal.experiments[0], "availability")

    assert availability.worst == "91.05 %"
    assert availability.bound_text == "≥ 90%"


def test_a_margin_that_was_not_seen_to_end_is_no_number():
    hang = run().journal.experiments[2]
    roomy = replace(hang, budgets=(Budget(measure="recovery", bound=60.0, text="60s"),))

    assert figure(hang, "recovery").margin == "< −8 s"
    assert figure(roomy, "recovery").margin == "–"


def test_a_missed_budget_counts_the_trials_that_kept_it():
    recovery = figure(too_slow(), "recovery")

    assert (recovery.kept, recovery.kept_count, recovery.known_count) == (False, 2, 5)


def test_a_budget_that_as_many_trials_missed_as_may_is_kept():
    recovery = figure(replace(too_slow(), allow=3), "recovery")

    assert (recovery.kept, recovery.kept_count) == (True, 2)
    assert figure(replace(too_slow(), allow=2), "recovery").kept is False


def test_the_results_of_the_sample_run():
    results = [result_of(one) for one in run().journal.experiments]

    assert results == [Result.PASSED, Result.PASSED, Result.EXPECTED, Result.INCONCLUSIVE]


def _journal(*picked: int, **changes: object):
    journal = run().journal
    chosen = tuple(journal.experiments[i] for i in picked)
    return replace(journal, experiments=chosen, **{"exit_code": None, **changes})


@pytest.mark.parametrize(
    ("journal", "result", "words"),
    [
        (_journal(0, 1), Result.PASSED, "in all 2 experiments"),
        (_journal(0), Result.PASSED, "in the one experiment"),
        (_journal(0, 1, 2), Result.PASSED, "the known weakness was confirmed"),
        (_journal(2), Result.EXPECTED, "The known weakness was confirmed"),
        (_journal(0, 3), Result.INCONCLUSIVE, "We cannot tell in 1 of 2"),
        (_journal(3), Result.INCONCLUSIVE, "We cannot tell whether"),
        (_journal(), Result.INCONCLUSIVE, "No experiment was begun"),
        (_journal(0, ended_wall=""), Result.INCONCLUSIVE, "did not finish"),
        (_journal(0, interrupted_by="SIGINT"), Result.INCONCLUSIVE, "did not finish"),
        (_journal(0, left_behind=("a container",)), Result.LEFT_BEHIND, "left behind"),
        (_journal(0, exit_code=6), Result.ERROR, "chaoskit itself failed"),
    ],
)
def test_the_headline_tells_the_worst_news(journal, result, words):
    head = headline(journal)

    assert head.result is result
    assert words in head.sentence


def test_evidence_against_the_system_is_told_before_what_is_inconclusive():
    journal = _journal(1, 3)
    head = headline(replace(journal, experiments=(too_slow(), *journal.experiments)))

    assert head.result is Result.FAILED
    assert "in 1 of 3 experiments" in head.sentence


def test_a_weakness_that_is_gone_is_told_as_such():
    healed = run().journal.experiments[0]
    judgement = replace(healed.judgement, passed=False)
    journal = replace(
        _journal(),
        experiments=(replace(healed, expect=Verdict.NOT_HEALED, judgement=judgement),),
    )

    assert "did better than stated" in headline(journal).sentence


def test_logs_are_cut_around_the_fault_and_redacted(tmp_path):
    base = effect_of(0, 1)
    zero = WALL_NS + base - MONO_NS
    path = tmp_path / "web.log"
    lines = [
        "no stamp yet\n",
        f"{log_stamp(base, -5)} too early\n",
        f"{log_stamp(base, -1)} web-1  before password=hunter2\n",
        f"{log_stamp(base, 0.25)} web-2 | \x1b[31mTraceback\x1b[0m\n",
        "  its second line\n",
        f"{log_stamp(base, 4)} too late\n",
    ]
    path.write_text("".join(lines))

    (found,) = excerpts("web", path, [zero])

    assert [(round(one.at_s, 3), one.text) for one in found.lines] == [
        (-1.0, f"web-1 before password={HIDDEN}"),
        (0.25, "web-2 | Traceback"),
        (0.25, "its second line"),
    ]
    assert found.left_out == 0


def test_a_torrent_of_lines_keeps_those_next_to_the_fault(tmp_path):
    base = effect_of(0, 1)
    zero = WALL_NS + base - MONO_NS
    path = tmp_path / "web.log"
    path.write_text("".join(f"{log_stamp(base, k / 1000)} line {k}\n" for k in range(-2000, 2000)))

    (found,) = excerpts("web", path, [zero])

    texts = [one.text for one in found.lines]
    assert "line -1" in texts
    assert "line 0" in texts
    assert len(texts) + found.left_out == 4000


def test_a_log_that_cannot_be_read_is_no_reason_to_stop(tmp_path):
    (found,) = excerpts("web", tmp_path / "none.log", [0])

    assert found.lines == ()


def test_a_hostile_log_is_read(tmp_path):
    base = effect_of(0, 1)
    path = tmp_path / "web.log"
    stamp = log_stamp(base, 0.1).encode()
    path.write_bytes(
        b"\xff\xfe\x00\n"
        + b"2026-13-45T99:99:99Z nonsense\n"
        + stamp
        + b" "
        + b"x" * 1_000_000
        + b"\n"
    )

    (found,) = excerpts("web", path, [WALL_NS + base - MONO_NS])

    assert len(found.lines) == 1
    assert len(found.lines[0].text) < 2_000
