"""The live view: one time axis with lanes, the countdown, what failed last; and how it is painted."""

import threading
from types import MappingProxyType

import pytest

from chaoskit.model.marks import NS
from chaoskit.model.progress import News, Step
from chaoskit.model.wishes import Wishes
from chaoskit.reporters.countdown import Countdown
from chaoskit.reporters.terminal_glyphs import ASCII, UNICODE, glyphs_for
from chaoskit.reporters.terminal_lanes import LABEL, Lanes
from chaoskit.reporters.terminal_live import LiveListener
from tests.screen import Screen

BUDGETS = {"recovery": "2s", "redundancy": "10s", "outage": "1s", "availability": "99%"}


class Terminal:
    """A stream with a screen behind it."""

    def __init__(self, *, width=100, height=40, encoding="utf-8"):
        self.screen, self.encoding = Screen(width, height), encoding

    def write(self, text):
        text.encode(self.encoding)
        self.screen.write(text)

    def flush(self):
        pass

    def isatty(self):
        return True


class Show:
    """A live view on a terminal, and a clock that is set."""

    def __init__(self, monkeypatch, **terminal):
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setattr("chaoskit.reporters.terminal_painter.in_front", lambda _stream: True)
        self.now_ns = 1_000 * NS
        self.wishes = Wishes()
        self.terminal = Terminal(**terminal)
        self.listener = LiveListener(self.terminal, now_ns=lambda: self.now_ns, wishes=self.wishes)

        self.resize(self.terminal.screen.width, self.terminal.screen.height)

    def resize(self, width, height):
        self.terminal.screen.resize(width, height)
        self.listener.painter.console.size = (width, height)

    def tell(self, step, text="", *, after_s=0.0, **data):
        self.now_ns += round(after_s * NS)
        self.listener.tell(
            News(
                at_ns=self.now_ns,
                step=step,
                experiment="replicated-web/crash",
                trial=1,
                text=text,
                data=MappingProxyType(data),
            )
        )

    def health(self, *states, failed=""):
        for state in states:
            data = {"state": state, "p99_s": 0.004, "bad": 0, "asked": 50}
            if state == "down":
                failure = failed or "front-page"
                data |= {"bad": 50, "failed_probe": failure, "failed_reason": "refused"}
                data |= {"failed_detail": 111, "failed_at_ns": self.now_ns}
            self.tell(Step.HEALTH, state, after_s=0.25, **data)

    def begin(self):
        self.tell(Step.RUN, run_id="r1", seed=1, experiments=3, trials=9)
        self.tell(
            Step.EXPERIMENT, title="A crash", runs=3, budgets=BUDGETS, healers=["haproxy", "docker"]
        )
        self.tell(Step.TRIAL, index=1, runs=3)
        self.tell(Step.PHASE, "baseline", phase="baseline", seconds=2.0)
        self.health(*["up"] * 8)

    def crash(self, *, nature="struck"):
        self.tell(Step.PHASE, "watch", phase="watch", seconds=30.0)
        fault = {"source": "f1", "instance": "web-2", "fault": "crash", "nature": nature}
        self.tell(Step.MARK, "", kind="injected", **fault)
        self.tell(Step.MARK, "gone", kind="in_effect", since_effect_s=0.0, **fault)
        self.tell(Step.MARK, "die", kind="engine", source="engine", instance="web-2")
        self.tell(Step.MARK, kind="redundancy", service="web", have=2, want=3)

    def painted(self):
        self.listener.painter.paint(self.listener.lines())
        return self.terminal.screen.lines()

    def row(self, label):
        found = [line for line in self.painted() if line.startswith(label)]
        assert len(found) == 1, self.painted()
        return found[0][LABEL:]


@pytest.fixture
def show(monkeypatch):
    return Show(monkeypatch)


def test_the_lanes_share_one_axis_with_the_present_marked(show):
    show.begin()
    show.crash()
    show.health("down", "down")
    show.tell(Step.MARK, "DOWN", kind="detected", source="haproxy", since_effect_s=0.5)
    show.health("up", "up")
    show.tell(Step.MARK, "start", kind="engine", source="engine", instance="web-2")

    assert show.row("phase") == "baseline watch"[:8] + " wat│"
    assert show.row("probes").startswith(" " + "▁" * 8 + "██▁▁  ")
    assert show.row("fault").startswith(" " * 8 + "◆   │")
    assert show.row("haproxy").startswith(" " * 10 + "◇ │")
    assert show.row("docker").startswith(" " * 12 + "│")
    assert show.row("containers").startswith(" " * 8 + "✗   ▲")
    assert show.row("since effect").index("0 s") == 8


def test_a_held_fault_is_drawn_until_it_is_lifted(show):
    show.begin()
    show.crash(nature="held")
    show.health("down", "down", "down")

    assert show.row("fault").startswith(" " * 8 + "◆━━━")
    show.tell(Step.MARK, kind="lifted", source="f1", nature="held")
    show.health("up", "up")
    assert show.row("fault").startswith(" " * 8 + "◆━━◌ │")


def test_the_axis_moves_along_when_it_is_full(show):
    show.begin()
    show.crash()
    show.health(*["down"] * 200)
    row = show.row("probes")

    assert len(row) <= 100 - LABEL
    assert row.count("█") == int((99 - LABEL) * 0.75) + 1


def test_deadlines_stand_ahead_of_the_present(show):
    show.begin()
    show.crash()

    assert show.row("docker").index("┊") == 8 + 8  # two seconds, four cells a second
    assert "outage" not in "\n".join(show.painted())  # a sum of bad time has no deadline


def test_a_budget_is_counted_down_and_then_overrun(show):
    show.begin()
    show.crash()
    show.health("down", "down")
    assert "1.5 s left of 2s" in show.row("recovery")
    show.health(*["down"] * 10)
    assert "1.0 s over 2s" in show.row("recovery")
    assert "7.0 s left of 10s" in show.row("redundancy")
    show.tell(Step.MARK, kind="redundancy", service="web", have=3, want=3)
    show.health("up")
    assert "✗ after about 2.8 s of 2s" in show.row("recovery")
    assert "✓ after about 3.0 s of 10s" in show.row("redundancy")
    assert "web 3 of 3" in show.row("instances")


def test_nothing_to_come_back_from_is_no_overrun(show):
    show.begin()
    show.crash()
    show.health(*["up"] * 20)

    assert "nothing bad was seen" in show.row("recovery")


def test_a_service_that_fails_again_had_not_recovered():
    countdown, at_ns = Countdown(), 10 * NS

    def tell(step, text="", **data):
        countdown.take(News(at_ns=at_ns, step=step, text=text, data=data))

    tell(Step.EXPERIMENT, budgets={"recovery": "2s"})
    tell(Step.MARK, kind="in_effect")
    tell(Step.HEALTH, state="down", failed_at_ns=at_ns)
    at_ns += NS
    tell(Step.HEALTH, state="up")
    assert [one.met for one in countdown.now(at_ns)] == [True]
    tell(Step.HEALTH, state="up", failed_at_ns=at_ns)
    assert [one.met for one in countdown.now(at_ns)] == [False]
    tell(Step.PHASE, "lift")
    tell(Step.HEALTH, state="up")
    assert [one.met for one in countdown.now(at_ns)] == [False]  # the watch is over


def test_the_last_failures_are_named(show):
    show.begin()
    show.crash()
    show.health("down", "down", failed="a")
    show.health("down", failed="[red]b\x1b[31m")
    show.health("up", "up")
    text = "\n".join(show.painted())

    assert "last failures   [red]b: refused, 1 s ago" in text
    assert text.count("a: refused") == 1


def test_the_headline_says_which_experiment_and_which_trial(show):
    show.begin()

    assert "A crash  experiment 1 of 3  trial 1 of 3" in show.painted()
    assert "baseline  2 s of at most 2 s" in show.painted()


def test_what_is_over_stays_above(show):
    show.begin()
    show.painted()
    show.tell(Step.TRIAL_VERDICT, "[bold]kept[/]", verdict="healed")
    show.painted()
    show.tell(Step.VERDICT, "all well", verdict="healed", passed=True)
    show.painted()
    show.listener.painter.erase()

    assert show.terminal.screen.lines() == [
        "  trial 1: healed – [bold]kept[/]",
        "✓ replicated-web/crash: all well",
        "",
    ]


def test_the_keys_say_what_is_wished(show):
    assert "q lift and report   p hold the next fault" in show.painted()[-1]
    show.begin()
    show.wishes.hold.set()
    assert "HOLDING the next fault; p goes on" in show.painted()[-1]
    assert "the fault is held back" in show.painted()[1]
    show.wishes.stop.set()
    assert show.painted()[-1] == "stopping: lifting, cleaning up, reporting"
    show.wishes.over.set()
    assert show.painted()[-1] == "writing the reports"


@pytest.mark.parametrize("width", [1, 5, 20, 28, 40, 200])
@pytest.mark.parametrize("height", [1, 2, 6, 30])
def test_it_fits_whatever_the_size(monkeypatch, width, height):
    show = Show(monkeypatch, width=width, height=height)
    show.begin()
    show.crash()
    show.health("down", "up")
    for _ in range(3):
        show.health("down")
        rows = show.painted()

    assert len(rows) <= height
    assert all(len(row) < max(width, 2) for row in rows)
    assert rows[0].startswith("A crash"[: width - 1])


@pytest.mark.parametrize(("width", "height"), [(60, 40), (37, 20), (160, 50)])
def test_a_resized_terminal_keeps_no_trace_of_the_old_picture(monkeypatch, width, height):
    show = Show(monkeypatch)
    show.begin()
    show.crash()
    show.listener.painter.above(show.listener.lines()[0])
    show.health("down")
    show.painted()
    show.resize(width, height)
    show.health("down")
    rows = show.painted()

    assert sum(row.startswith("A crash") for row in rows) == 2
    assert sum(row.startswith("probes") for row in rows) == 1
    assert rows[-1].startswith("q lift and report")


def test_ascii_and_colourless_terminals_show_the_same(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    show = Show(monkeypatch, encoding="ascii")
    show.begin()
    show.crash(nature="held")
    show.health("down", "down", "up")
    text = "\n".join(show.painted())

    assert text.isascii()
    assert "_" * 8 + "##_" in show.row("probes")
    assert "*==" in show.row("fault")
    assert not any(
        code in style for style in show.terminal.screen.styles for code in ("31m", "32m", "35m")
    )


def test_every_sign_is_told_from_the_others_on_its_row():
    for glyphs in (UNICODE, ASCII):
        assert len({glyphs.up, glyphs.down, glyphs.unknown, glyphs.now}) == 4
        assert len({glyphs.effect, glyphs.held, glyphs.lifted, glyphs.now, glyphs.deadline}) == 5
        assert len({glyphs.detected, glyphs.acted, glyphs.restored, glyphs.now}) == 4
        assert len({glyphs.died, glyphs.started, glyphs.other, glyphs.now}) == 4
        assert all(len(sign) == 1 for sign in vars(glyphs).values())
    assert glyphs_for("latin-1") is ASCII
    assert glyphs_for("utf-8") is UNICODE
    assert glyphs_for(None) is ASCII


def test_no_trial_no_lanes():
    assert Lanes().draw(NS, 100) == []


def test_it_paints_by_itself_while_it_is_entered_and_leaves_nothing(monkeypatch):
    show = Show(monkeypatch)
    painted = threading.Event()
    write = show.terminal.write
    show.terminal.write = lambda text: (write(text), painted.set())
    with show.listener:
        show.begin()
        assert painted.wait(30)

    assert show.terminal.screen.lines() == [""]


def test_a_terminal_that_is_gone_does_not_stop_the_run(show):
    def gone(_text):
        raise OSError(5, "Input/output error")

    show.terminal.write = gone
    show.begin()
    show.listener.painter.paint(show.listener.lines())
    show.tell(Step.NOTE, "on it goes")
