"""Progress for a person at a terminal: the present at the bottom, what is over above it.

What is over stays; the present goes when the run ends.
"""

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from rich.text import Text

from chaoskit.model.marks import NS
from chaoskit.model.progress import News, Step
from chaoskit.model.quantities import format_duration
from chaoskit.model.wishes import Wishes
from chaoskit.reporters.countdown import Countdown, Running
from chaoskit.reporters.state import Now
from chaoskit.reporters.terminal_glyphs import Glyphs, glyphs_for
from chaoskit.reporters.terminal_lanes import LABEL, Lanes
from chaoskit.reporters.terminal_painter import Painter
from chaoskit.reporters.terminal_plain import fit
from chaoskit.reporters.text import one_line

_EVERY_S = 0.25
_BAR = 20  # cells of a budget's bar
_FAILURES = 3
_MARKS = 4
_BEFORE_THE_FAULT = {"baseline", "inject"}
_DOING = {"end": "ending the trial"}  # a phase's name that says too little


class LiveListener:
    """The present at the bottom, the past above it. A context manager: while entered, it paints."""

    def __init__(
        self, stream: TextIO, *, now_ns: Callable[[], int], wishes: Wishes | None = None
    ) -> None:
        self._now_ns = now_ns
        self._wishes = wishes
        self._now = Now(doing_since_ns=now_ns())
        self._lanes, self._countdown = Lanes(), Countdown()
        self._failures: deque[tuple[int, str]] = deque(maxlen=_FAILURES)
        self._place = [0, 0]  # which experiment of how many
        self._lock = threading.Lock()
        self.painter = Painter(stream)
        self._glyphs = glyphs_for(self.painter.console.encoding)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._paint, name="live view", daemon=True)

    def tell(self, news: News) -> None:
        """Take note, and print what is over."""
        with self._lock:
            self._now.take(news)
            self._lanes.take(news)
            self._countdown.take(news)
            self._take(news)
            line = self._staying(news)
        if line is not None:
            line.plain = self._fit(line.plain)
            self.painter.above(line)

    def lines(self) -> list[Text]:
        """The present, drawn: as many of the lines as the terminal has room for."""
        with self._lock:
            now_ns = self._now_ns()
            groups = [  # the most important first, each with its place from the top
                (0, [self._headline()]),
                (1, self._doing(now_ns)),
                (7, self._keys()),
                (3, [self._budget(one) for one in self._countdown.now(now_ns)]),
                (2, self._rows(now_ns)),
                (5, self._recent_failures(now_ns)),
                (4, self._strength()),
                (6, self._marks()),
            ]
        room, chosen = self.painter.height, []
        for place, lines in groups:
            chosen.append((place, lines[:room]))
            room -= len(chosen[-1][1])
        return [line for _, lines in sorted(chosen, key=lambda one: one[0]) for line in lines]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(timeout=5.0)
        self.painter.erase()

    def _paint(self) -> None:
        while not self._over.wait(_EVERY_S):
            self.painter.paint(self.lines())

    def _take(self, news: News) -> None:
        match news.step:
            case Step.RUN:
                number = news.data.get("experiments")
                self._place[1] = number if isinstance(number, int) else 0
            case Step.EXPERIMENT:
                self._place[0] += 1
                self._failures.clear()
            case Step.HEALTH if "failed_at_ns" in news.data:
                self._failed(news)
            case _:
                pass

    def _failed(self, news: News) -> None:
        data = news.data
        reason = str(data.get("failed_reason", "")).replace("_", " ")
        if reason == "tolerance":
            reason = f"outside the tolerance, {data.get('failed_detail')}"
        words = one_line(f"{data.get('failed_probe', '')}: {reason}", limit=100)
        at_ns = data["failed_at_ns"] if isinstance(data["failed_at_ns"], int) else news.at_ns
        if self._failures and self._failures[-1][1] == words:
            self._failures.pop()
        self._failures.append((at_ns, words))

    def _headline(self) -> Text:
        title = self._fit(one_line(self._now.title or "chaoskit", limit=100))
        number, of = self._place
        places = [f"experiment {number} of {of}"] if of > 1 and number else []
        if self._now.trial:
            places.append(f"trial {self._now.trial} of {self._now.runs}")
        return Text().append(title, style="bold").append("  ".join(["", *places]), style="dim")

    def _doing(self, now_ns: int) -> list[Text]:
        now = self._now
        at_most = (
            f" of at most {format_duration(now.doing_at_most_s)}" if now.doing_at_most_s else ""
        )
        if self._wishes and self._wishes.hold.is_set() and now.doing in _BEFORE_THE_FAULT:
            at_most = ", the fault is held back"
        doing = _DOING.get(now.doing, now.doing)
        said = f"{doing}  {format_duration(round(now.elapsed_s(now_ns), 1))}{at_most}"
        return [Text(self._fit(said))]

    def _rows(self, now_ns: int) -> list[Text]:
        rows = self._lanes.draw(
            now_ns,
            self.painter.width,
            glyphs=self._glyphs,
            deadlines=self._countdown.deadlines_ns(),
        )
        drawn = [self._labelled(label, content) for label, content in rows]
        if self._now.health:
            drawn.append(self._labelled("", Text(self._fit(self._now.health_words()))))
        return drawn

    def _budget(self, one: Running) -> Text:
        glyphs, left_s = self._glyphs, one.bound_s - one.since_s
        filled = min(round(one.since_s / max(one.bound_s, 1e-9) * _BAR), _BAR)
        style = "bold red" if one.over else "green" if one.met else "yellow"
        if one.idle:
            words = "nothing bad was seen"
            filled = 0
        elif one.met:
            sign = glyphs.bad if one.over else glyphs.good
            words = f"{sign} after about {one.since_s:.1f} s of {one.text}"
        elif one.over:
            words = f"{-left_s:.1f} s over {one.text}"
        else:
            words = f"{left_s:.1f} s left of {one.text}"
        bar = Text(glyphs.full * filled + glyphs.empty * (_BAR - filled), style=style)
        return self._labelled(one.measure.replace("_", " "), bar.append(f" {words}"))

    def _strength(self) -> list[Text]:
        counts = [
            Text(
                self._fit(f"{one_line(service, limit=20)} {have} of {want}"),
                style="red" if have < want else "",
            )
            for service, (have, want) in self._now.strength.items()
        ]
        return [self._labelled("instances", Text(", ").join(counts))] if counts else []

    def _recent_failures(self, now_ns: int) -> list[Text]:
        return [
            self._labelled(
                "" if number else "last failures",
                Text(self._fit(f"{words}, {max(now_ns - at_ns, 0) / NS:.0f} s ago")),
            )
            for number, (at_ns, words) in enumerate(reversed(self._failures))
        ]

    def _marks(self) -> list[Text]:
        newest = list(self._now.marks)[-_MARKS:]
        return [self._labelled("", Text(self._fit(words), style="dim")) for words in newest]

    def _keys(self) -> list[Text]:
        wishes = self._wishes
        if wishes is None:
            return []
        ending = "stopping: lifting, cleaning up, reporting" if wishes.stop.is_set() else ""
        ending = "writing the reports" if wishes.over.is_set() else ending
        if ending:
            return [Text(ending, style="bold yellow")]
        line = Text().append("q", style="bold").append(" lift and report   ")
        if wishes.hold.is_set():
            return [line.append("HOLDING the next fault; p goes on", style="bold yellow")]
        line.append("p", style="bold").append(" hold the next fault   ")
        return [line.append(_legend(self._glyphs), style="dim")]

    def _staying(self, news: News) -> Text | None:
        """The line that stays of a piece of news, if any does."""
        text = one_line(news.text, limit=300)
        if news.step is Step.VERDICT:
            passed = bool(news.data.get("passed"))
            line = Text("✓ " if passed else "✗ ", style="green" if passed else "red")
            return line.append(f"{one_line(news.experiment, limit=80)}: {text}", style="default")
        if news.step is Step.TRIAL_VERDICT:
            verdict = one_line(str(news.data.get("verdict", "")).replace("_", " "))
            text = f"  trial {news.trial}: {verdict} – {text}"
        elif news.step is Step.TARGET and news.data.get("state") == "ready":
            text = f"target {text}: ready"
        elif news.step is not Step.NOTE:
            return None
        return Text(text, style="dim")

    def _labelled(self, label: str, content: Text) -> Text:
        return (
            Text().append(self._fit(label)[: LABEL - 1].ljust(LABEL), style="dim").append(content)
        )

    def _fit(self, text: str) -> str:
        return fit(text, self.painter.console.encoding)


def _legend(glyphs: Glyphs) -> str:
    return (
        f"{glyphs.detected} noticed {glyphs.acted} acted {glyphs.restored} restored "
        f"{glyphs.died} died {glyphs.started} started {glyphs.deadline} budget"
    )
