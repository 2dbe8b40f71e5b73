"""The last seconds of a trial on one time axis: a row for the phases, the fault, each healer, the
containers and the probes, with the present marked.

Kept as marks with their own times and drawn anew for every width, so that a resized terminal shows
the same story.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.text import Text

from chaoskit.model.marks import NS
from chaoskit.model.progress import News, Step
from chaoskit.reporters.terminal_glyphs import UNICODE, Glyphs
from chaoskit.reporters.text import one_line

CELL_NS = NS // 4  # as often as news of the service's health come
_AHEAD = 0.25  # this share of the axis is the future, where deadlines stand
_KEPT = 2000
LABEL = 16
_AXIS_EVERY_S = 5

_STYLES = {
    "down": "bold red",
    "up": "green",
    "unknown": "yellow",
    "died": "red",
    "started": "green",
    "effect": "bold magenta",
    "held": "magenta",
    "lifted": "magenta",
    "ordered": "magenta",
    "detected": "cyan",
    "acted": "bold cyan",
    "restored": "green",
}
_CONTAINER = {"die": "died", "oom": "died", "kill": "died", "destroy": "died", "start": "started"}
_FAULT = {"injected": "ordered", "in_effect": "effect", "lifted": "lifted"}
_HEALER = {"detected", "acted", "restored"}
_HEALTH_CELLS = 4  # that a look at the health stands for, when no newer one came
_WORST = ("up", "unknown", "down")  # of several in one cell the last of these is drawn


@dataclass(frozen=True)
class Point:
    """Something that happened: when, on which row, and which sign stands for it."""

    at_ns: int
    sign: str


@dataclass(kw_only=True)
class Lanes:
    """What the rows are drawn from. Changed by `take` only."""

    healers: tuple[str, ...] = ()
    begun_ns: int = 0  # of the trial
    effect_ns: int | None = None
    phases: list[tuple[int, str]] = field(default_factory=list)
    rows: dict[str, deque[Point]] = field(default_factory=dict)
    held: dict[str, list[int | None]] = field(default_factory=dict)  # by fault: since, until

    def take(self, news: News) -> None:
        """Take note of a piece of news."""
        match news.step:
            case Step.EXPERIMENT:
                named = news.data.get("healers")
                self.healers = tuple(map(str, named)) if isinstance(named, (list, tuple)) else ()
                self._clear(0)
            case Step.TRIAL:
                self._clear(news.at_ns)
            case Step.PHASE:
                self.phases.append((news.at_ns, one_line(news.text, limit=20)))
            case Step.HEALTH:
                state = str(news.data.get("state", "unknown"))
                self._add("probes", news.at_ns, state if state in _WORST else "unknown")
            case Step.MARK:
                self._mark(news)
            case _:
                pass

    def draw(
        self, now_ns: int, width: int, *, glyphs: Glyphs = UNICODE, deadlines: Sequence[int] = ()
    ) -> list[tuple[str, Text]]:
        """The rows, label and content, of at most `width` cells together; none before a trial."""
        cells = width - LABEL
        if not self.begun_ns or cells < 12:
            return []
        axis = Axis.of(self.begun_ns, now_ns, cells, glyphs)
        names = ["fault", *self.healers, "containers", "probes"]
        names[-2:-2] = [one for one in self.rows if one not in names]
        drawn = [("phase", axis.segments(self.phases))]
        for name in names:
            points = self.rows.get(name, ())
            if name == "probes":
                signs = axis.lasting(points)
            else:
                signs = axis.row(points, self._spans() if name == "fault" else ())
            drawn.append((name, axis.with_now({**axis.marked(deadlines), **signs})))
        zero_ns = self.begun_ns if self.effect_ns is None else self.effect_ns
        drawn.append(("since effect" if self.effect_ns else "since begin", axis.scale(zero_ns)))
        return [(one_line(name, limit=LABEL - 2), text) for name, text in drawn]

    def _clear(self, at_ns: int) -> None:
        self.begun_ns, self.effect_ns = at_ns, None
        self.phases.clear()
        self.rows.clear()
        self.held.clear()

    def _add(self, row: str, at_ns: int, sign: str) -> None:
        self.rows.setdefault(row, deque(maxlen=_KEPT)).append(Point(at_ns, sign))

    def _mark(self, news: News) -> None:
        data, at_ns = news.data, news.at_ns
        kind, source = str(data.get("kind", "")), str(data.get("source", ""))
        if kind in _FAULT:
            self._add("fault", at_ns, _FAULT[kind])
            self._hold(kind, source, str(data.get("nature", "")), at_ns)
        elif kind in _HEALER and source:
            self._add(source, at_ns, kind)
        elif kind == "engine":
            self._add("containers", at_ns, _CONTAINER.get(news.text, "other"))

    def _hold(self, kind: str, source: str, nature: str, at_ns: int) -> None:
        if kind == "in_effect":
            self.effect_ns = at_ns if self.effect_ns is None else self.effect_ns
            if nature == "held":
                self.held.setdefault(source, [at_ns, None])
        elif kind == "lifted" and source in self.held:
            self.held[source][1] = at_ns

    def _spans(self) -> list[tuple[int, int | None]]:
        return [(since, until) for since, until in self.held.values() if since is not None]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Which moment stands in which cell: from the trial's begin, then moving along with the present."""

    first_ns: int
    now_ns: int
    cells: int
    glyphs: Glyphs

    @classmethod
    def of(cls, begun_ns: int, now_ns: int, cells: int, glyphs: Glyphs) -> "Axis":
        """The axis on which the present stands at three quarters at most."""
        back_ns = int(cells * (1 - _AHEAD)) * CELL_NS
        first_ns = max(begun_ns, now_ns - back_ns)
        return cls(first_ns=first_ns, now_ns=now_ns, cells=cells, glyphs=glyphs)

    def cell(self, at_ns: int) -> int:
        """The cell of a moment; it may lie outside."""
        return (at_ns - self.first_ns) // CELL_NS

    @property
    def present(self) -> int:
        """The cell of the present."""
        return min(self.cell(self.now_ns), self.cells - 1)

    def row(
        self, points: Iterable[Point], spans: Iterable[tuple[int, int | None]]
    ) -> dict[int, str]:
        """The sign of each cell; of several in one the last."""
        drawn: dict[int, str] = {}
        for since_ns, until_ns in spans:
            last = self.present if until_ns is None else self.cell(until_ns)
            drawn.update(dict.fromkeys(range(max(self.cell(since_ns), 0), last + 1), "held"))
        drawn.update({self.cell(one.at_ns): one.sign for one in points})
        return self._visible(drawn)

    def lasting(self, points: Iterable[Point]) -> dict[int, str]:
        """The sign of each cell, each until the next one; of several in one the worst."""
        drawn: dict[int, str] = {}
        for point in points:
            at = self.cell(point.at_ns)
            worst = max(drawn.get(at, "up"), point.sign, key=_WORST.index)
            gap = range(max(max(drawn, default=at) + 1, at - _HEALTH_CELLS + 1), at)
            drawn.update(dict.fromkeys(gap, drawn[max(drawn)] if drawn else ""))
            drawn[at] = worst
        return self._visible(drawn)

    def marked(self, instants: Iterable[int]) -> dict[int, str]:
        """The cells of deadlines."""
        return self._visible({self.cell(at_ns): "deadline" for at_ns in instants})

    def _visible(self, drawn: Mapping[int, str]) -> dict[int, str]:
        return {at: sign for at, sign in drawn.items() if 0 <= at < self.cells}

    def with_now(self, drawn: Mapping[int, str]) -> Text:
        """A row with the present marked, behind whatever happens right now."""
        text = Text(no_wrap=True)
        for at in range(max([*drawn, self.present]) + 1):
            if at in drawn:
                sign = drawn[at]
                text.append(getattr(self.glyphs, sign), style=_STYLES.get(sign, ""))
            elif at == self.present:
                text.append(self.glyphs.now, style="dim")
            else:
                text.append(" ")
        return text

    def segments(self, phases: list[tuple[int, str]]) -> Text:
        """The phases, each from its beginning to the next one's."""
        text = Text(no_wrap=True)
        ends = [*(at_ns for at_ns, _ in phases[1:]), self.now_ns]
        for (begin_ns, name), end_ns in zip(phases, ends, strict=False):
            begin, end = max(self.cell(begin_ns), 0), min(self.cell(end_ns), self.cells - 1)
            text.append(" " * max(begin - len(text), 0))
            room = end - len(text)
            if room > 0:
                words = f" {name}" if len(text) else name
                text.append(f"{words} "[:room].ljust(room, self.glyphs.line), style="dim")
        text.append(" " * max(self.present - len(text), 0))
        return text.append(self.glyphs.now, style="bold")

    def scale(self, zero_ns: int) -> Text:
        """Seconds, every five of them, counted from zero."""
        text = Text(no_wrap=True, style="dim")
        step_ns = _AXIS_EVERY_S * NS
        second = -((zero_ns - self.first_ns) // step_ns) * _AXIS_EVERY_S
        while (at := self.cell(zero_ns + second * NS)) < self.cells - 4:
            if at >= len(text) + (1 if len(text) else 0):
                text.append(" " * (at - len(text))).append(f"{second} s")
            second += _AXIS_EVERY_S
        return text
