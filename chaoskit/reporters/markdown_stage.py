"""A pipeline stage's summary: the run's own, what its gate says, and how it fared over time."""

from collections.abc import Sequence

from chaoskit.model.journal import Journal
from chaoskit.model.measures import Unit
from chaoskit.model.trend import Pace, Point, State, Trend
from chaoskit.reporters import markdown
from chaoskit.reporters.figures import label_of
from chaoskit.reporters.findings import Finding
from chaoskit.reporters.markdown import escape
from chaoskit.reporters.wording import UNKNOWN, plural, value_text

_BARS = "▁▂▃▄▅▆▇█"
_LAST = 20


def render(journal: Journal, breaches: Sequence[Finding], trends: Sequence[Trend]) -> str:
    """The summary; what the gate says comes first, for it is why a run that passed fails."""
    parts = []
    if breaches:
        demands = plural(len(breaches), "demand")
        parts += [f"## ✗ The gate is not passed: {demands} not met", ""]
        parts += [f"- **{escape(one.title)}**: {escape(one.message)}" for one in breaches]
        parts += [""]
    parts += [markdown.render(journal), *_over_time(trends)]
    return "\n".join(parts)


def spark(points: Sequence[Point]) -> str:
    """The last runs as a row of bars; an unknown one is a dot, one that was not seen to end a cross."""
    shown = points[-_LAST:]
    known = [one.value for one in shown if one.value is not None]
    top = max(known, default=0.0)
    return "".join(_bar(one, top) for one in shown)


def _bar(point: Point, top: float) -> str:
    if point.beyond:
        return "✗"
    if point.value is None:
        return "·"
    return _BARS[min(int(point.value / top * len(_BARS)), len(_BARS) - 1)] if top else _BARS[0]


def _over_time(trends: Sequence[Trend]) -> list[str]:
    """A row for each experiment that was run before; nothing on a first run."""
    told = [one for one in trends if len(one.points) > 1 or one.state is State.EXPIRED]
    if not told:
        return []
    measure = label_of(told[0].measure)
    lines = ["### Over time", "", f"| Experiment | State | {measure} | Usual | Last runs |"]
    lines.append("| --- | --- | ---: | ---: | --- |")
    for one in told:
        state = one.state.value if one.pace is not Pace.SLOWER else f"{one.state.value}, slower"
        usual = UNKNOWN if one.usual is None else value_text(one.usual, Unit.SECONDS)
        last = "not seen to end" if one.last.beyond else value_text(one.last.value, Unit.SECONDS)
        lines.append(
            f"| {escape(one.experiment)} | {escape(state)} | {last} | {usual} | {spark(one.points)} |"
        )
    return [*lines, ""]
