"""Progress and result in a terminal: lines that a log can hold, signs of life, nothing interpreted."""

import io
import itertools
import threading
from dataclasses import replace
from types import MappingProxyType

import pytest
from rich.console import Console

from chaoskit.model.marks import NS
from chaoskit.model.progress import News, Step
from chaoskit.reporters import terminal
from chaoskit.reporters.terminal_live import LiveListener
from chaoskit.reporters.terminal_plain import PlainListener, fit
from tests.golden import same
from tests.samples_builder import WALL_NS, run, too_slow


class Stream(io.StringIO):
    """A text stream with an encoding and, perhaps, a terminal behind it."""

    def __init__(self, *, encoding: str = "utf-8", tty: bool = False) -> None:
        super().__init__()
        self._encoding, self._tty = encoding, tty

    @property
    def encoding(self) -> str:
        return self._encoding

    def isatty(self) -> bool:
        return self._tty

    def write(self, text: str) -> int:
        text.encode(self._encoding)
        return super().write(text)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now_ns = 1_000 * NS

    def __call__(self) -> int:
        return self.now_ns

    def pass_s(self, seconds: float) -> None:
        self.now_ns += round(seconds * NS)


class Story:
    """Tells a listener news with the time of its clock."""

    def __init__(self, listener, clock: Clock) -> None:
        self.listener, self.clock = listener, clock

    def tell(self, step: Step, text: str = "", *, after_s: float = 0.0, **data: object) -> None:
        self.clock.pass_s(after_s)
        self.listener.tell(
            News(
                at_ns=self.clock(),
                step=step,
                experiment="replicated-web/crash",
                trial=1,
                text=text,
                data=MappingProxyType(data),
            )
        )

    def begin(self) -> None:
        self.tell(Step.RUN, run_id="r1", seed=42)
        self.tell(Step.TARGET, "Three replicas", state="starting")
        self.tell(Step.TARGET, "Three replicas", state="ready", seconds=2.4, after_s=2.4)
        self.tell(
            Step.EXPERIMENT,
            title="A crash",
            runs=5,
            budgets={"recovery": "2s", "availability": "99%"},
        )
        self.tell(Step.TRIAL, index=1, runs=5)
        self.tell(Step.PHASE, "baseline", phase="baseline", seconds=3.0)

    def crash(self) -> None:
        self.tell(Step.PHASE, "watch", phase="watch", seconds=30.0, after_s=3)
        self.tell(
            Step.MARK,
            "gone",
            kind="in_effect",
            source="crash-1",
            instance="web-2",
            since_effect_s=0.0,
        )


def plain(encoding: str = "utf-8") -> tuple[Stream, Story]:
    clock, stream = Clock(), Stream(encoding=encoding)
    listener = PlainListener(stream, now_ns=clock, wall_ns=lambda: WALL_NS)
    return stream, Story(listener, clock)


def test_every_change_is_a_line_with_its_time():
    stream, story = plain()
    story.begin()
    story.crash()
    story.tell(Step.VERDICT, "Healed in 5 of 5 trials", verdict="healed", passed=True, after_s=2)
    lines = stream.getvalue().splitlines()

    assert lines[0] == "10:00:00Z +0s  run run_id r1, seed 42"
    assert lines[2] == "10:00:02Z +2s  target Three replicas: ready after 2.4 s"
    assert "A crash (5 trials; budgets: recovery 2s, availability 99%)" in lines[3]
    assert lines[5] == "10:00:02Z +2s  replicated-web/crash trial 1/5: baseline, at most 3 s"
    assert lines[7].endswith("+0.000 s in effect crash-1 web-2 gone")
    assert lines[-1].endswith("✓ replicated-web/crash: healed – Healed in 5 of 5 trials")


def test_health_is_told_only_when_it_changes():
    stream, story = plain()
    story.begin()
    before = len(stream.getvalue().splitlines())
    for state in ("up", "up", "up", "down", "down", "up"):
        story.tell(Step.HEALTH, state, state=state, p99_s=0.0031, bad=3, asked=50, after_s=0.25)
    lines = stream.getvalue().splitlines()[before:]

    assert len(lines) == 3
    assert lines[0].endswith("service up, p99 3.1 ms, 3 of 50 bad")


def test_a_long_silence_is_broken_every_twenty_seconds():
    stream, story = plain()
    story.begin()
    story.crash()
    before = len(stream.getvalue().splitlines())
    for _ in range(60):
        story.clock.pass_s(1.0)
        story.listener.tick()
    lines = stream.getvalue().splitlines()[before:]

    assert len(lines) == 3
    assert "still watch, 20 s of at most 30 s; recovery 20.0 s of 2s, over" in lines[0]


def test_news_that_change_nothing_do_not_hold_back_the_sign_of_life():
    stream, story = plain()
    story.begin()
    story.tell(Step.HEALTH, "up", state="up", p99_s=0.001, bad=0, asked=50)
    before = len(stream.getvalue().splitlines())
    for _ in range(100):
        story.tell(Step.HEALTH, "up", state="up", p99_s=0.001, bad=0, asked=50, after_s=0.25)

    assert len(stream.getvalue().splitlines()) == before + 1


def test_the_heartbeat_needs_no_news_at_all():
    written = threading.Event()

    class Heard(Stream):
        def flush(self) -> None:
            written.set()

    stream, readings = Heard(), itertools.count()

    def racing() -> int:
        return next(readings) * 30 * NS

    with PlainListener(stream, now_ns=racing, wall_ns=lambda: WALL_NS):
        assert written.wait(10.0)

    assert "still starting" in stream.getvalue()


def planned(story: Story) -> None:
    """A run of two experiments, estimated to take 40 and 20 s."""
    estimates = {"replicated-web/crash": 40.0, "replicated-web/hang": 20.0}
    story.tell(Step.RUN, run_id="r1", seed=42, experiments=2, trials=10, estimates=estimates)
    story.tell(Step.EXPERIMENT, title="A crash", runs=4, budgets={"recovery": "2s"})


def beat(stream: Stream, story: Story, *, after_s: float) -> str:
    """The sign of life after a silence."""
    story.clock.pass_s(after_s)
    story.listener.tick()
    return stream.getvalue().splitlines()[-1]


def test_the_beginning_says_how_much_there_is_to_do():
    stream, story = plain()
    planned(story)

    assert stream.getvalue().splitlines()[0] == (
        "10:00:00Z +0s  run run_id r1, seed 42, 2 experiments, 10 trials, at least 1 min"
    )


def test_a_sign_of_life_says_what_is_left_at_the_present_pace():
    stream, story = plain()
    planned(story)
    story.tell(Step.TRIAL, index=1, runs=4)
    nothing_known = beat(stream, story, after_s=20)
    story.tell(Step.TRIAL_VERDICT, "well", verdict="healed")
    a_quarter = beat(stream, story, after_s=20)
    story.tell(Step.VERDICT, "well", verdict="healed", passed=True)
    one_of_two = beat(stream, story, after_s=20)

    assert "to go" not in nothing_known
    assert "about 3 min 20 s to go" in a_quarter  # 10 of 60 s were done in 40
    assert "about 30 s to go" in one_of_two  # 40 of 60 s were done in 60


def test_the_pace_is_never_thought_to_be_better_than_the_estimate():
    stream, story = plain()
    planned(story)
    story.tell(Step.VERDICT, "well", verdict="healed", passed=True)

    assert "about 20 s to go" in beat(stream, story, after_s=20)


def test_a_log_gives_no_commands_to_the_ci_around_it():
    stream, story = plain()
    story.begin()
    for text in ("::error::x", "##[add-mask]x", "a ##vso[task.complete]x", "b\n::endgroup::"):
        story.tell(Step.NOTE, text)
        story.tell(Step.MARK, text, kind="note", source=text)
    lines = stream.getvalue().splitlines()

    assert not any(line.lstrip().startswith("::") for line in lines)
    assert "##" not in stream.getvalue()


def test_a_whole_log_is_as_it_should_be():
    stream, story = plain()
    planned(story)
    story.begin()
    story.crash()
    story.tell(Step.HEALTH, "down", state="down", p99_s=0.31, bad=25, asked=50)
    for _ in range(30):
        story.clock.pass_s(1.0)
        story.listener.tick()
    story.tell(Step.TRIAL_VERDICT, "good after 1.2 s", verdict="healed")
    story.tell(Step.VERDICT, "Healed in 5 of 5 trials", verdict="healed", passed=True, after_s=2)
    story.tell(Step.END, "exit code 0", exit_code=0, interrupted=False)

    assert same("plain-log.txt", stream.getvalue())


def test_instances_are_told_when_their_number_changes():
    stream, story = plain()
    story.begin()
    for have in (3, 3, 2, 2, 3):
        story.tell(
            Step.MARK,
            f"{have} of 3",
            kind="redundancy",
            service="web",
            have=have,
            want=3,
            after_s=0.1,
        )

    assert stream.getvalue().count("of 3 instances") == 2


def test_ascii_is_enough_where_there_is_no_more():
    stream, story = plain("ascii")
    story.begin()
    story.tell(Step.NOTE, "✓ µs ≤ 漢字")

    assert stream.getvalue().splitlines()[-1].endswith("+ us <= ??")
    assert fit("✓", "no-such-encoding") == "+"
    assert fit("✓", None) == "+"


def test_text_of_others_cannot_begin_a_line_nor_colour_it():
    stream, story = plain()
    story.tell(Step.NOTE, "ok\n::error file=x::injected\x1b[31m\r\u202e")
    story.tell(Step.IMAGE, "\n::stop-commands::x")

    assert not any(line.startswith("::") for line in stream.getvalue().splitlines())
    assert "\x1b" not in stream.getvalue()
    assert "\u202e" not in stream.getvalue()


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("live", [False, True])
def test_any_news_without_its_data_is_survived(step, live):
    stream, clock = Stream(tty=live), Clock()
    listener = (
        LiveListener(stream, now_ns=clock)
        if live
        else PlainListener(stream, now_ns=clock, wall_ns=lambda: WALL_NS)
    )
    odd = {"seconds": "x", "runs": None, "budgets": 3, "have": "x", "want": None, "state": None}
    for data in ({}, odd):
        listener.tell(News(at_ns=clock(), step=step, text="[red]text[/]", data=data))
    Console(file=stream).print(*(listener.lines() if live else ""))

    assert stream.getvalue()


def test_a_stream_that_is_gone_does_not_stop_the_run():
    stream, story = plain()
    stream.close()
    story.begin()
    story.listener.tick()


@pytest.mark.parametrize(
    ("tty", "environ", "kind"),
    [
        (True, {"TERM": "xterm"}, LiveListener),
        (False, {"TERM": "xterm"}, PlainListener),
        (True, {"CI": "true", "TERM": "xterm"}, PlainListener),
        (True, {"TERM": "dumb"}, PlainListener),
        (True, {"TTY_INTERACTIVE": "0"}, PlainListener),
    ],
)
def test_only_a_person_at_a_terminal_gets_the_panel(tty, environ, kind):
    assert type(terminal.listener(Stream(tty=tty), environ=environ)) is kind


def shown(journal, *, encoding: str = "utf-8", path: str | None = "reports/r1/report.html") -> str:
    stream = Stream(encoding=encoding)
    terminal.show_summary(journal, path, stream)
    return stream.getvalue()


def test_the_summary_has_a_row_for_each_experiment_and_the_verdict(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    text = shown(run().journal)

    assert "replicated-web/crash-the-proxy  ✓ healed" in text
    assert "1.19 s / 2s ✓" in text
    assert "✓ not healed, as expected" in text
    assert "> 10 s / 2s ✗" in text
    assert "? We cannot tell in 1 of 4 experiments" in text
    assert "reports/r1/report.html" in text
    assert "chaoskit run experiments --seed 4242 --trials 5" in text


def test_the_summary_needs_no_report_and_no_experiment():
    assert "report" not in shown(run().journal, path=None).split("repeat")[0].split("\n")[-1]
    assert "nothing was learnt" in shown(replace(run().journal, experiments=()))


def test_a_failed_run_says_so(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    journal = replace(run().journal, experiments=(too_slow(),), left_behind=("x: docker rm x",))
    text = shown(journal)

    assert "✗ too slow" in text
    assert "! Something may be left behind" in text
    assert "x: docker rm x" in text


def test_the_summary_is_ascii_where_it_must_be():
    assert shown(run().journal, encoding="ascii").isascii()


def test_names_are_not_taken_as_markup():
    record = replace(run().journal.experiments[0], name="[red]x[/red][/]:smile:")

    assert "[red]x[/red][/]:smile:" in shown(replace(run().journal, experiments=(record,)))
