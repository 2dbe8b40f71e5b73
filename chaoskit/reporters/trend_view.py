"""An experiment's last runs as a line as small as a word, and what has become of it since."""

from dataclasses import dataclass

from markupsafe import Markup

from chaoskit.model.quantities import format_duration
from chaoskit.model.trend import Pace, Point, State, Trend
from chaoskit.reporters import svg
from chaoskit.reporters.charts import Words, frame
from chaoskit.reporters.wording import UNKNOWN, plural

RUNS = 20
_WIDTH, _HEIGHT, _PAD = 110.0, 26.0, 5.0


@dataclass(frozen=True, kw_only=True)
class TrendView:
    """What the table of experiments shows of a trend."""

    drawing: Markup
    state: str
    note: str
    warns: bool


def trend_view(trend: Trend | None, page_id: str) -> TrendView:
    """The view; without a history it says so."""
    if trend is None or len(trend.points) < 2:
        return TrendView(drawing=Markup(""), state=UNKNOWN, note="no earlier run", warns=False)
    points = trend.points[-RUNS:]
    words = Words(
        id=f"{page_id}-trend", title="Recovery over the last runs", description=_words(points)
    )
    slower = trend.pace is Pace.SLOWER
    note = f"{trend.pace.value} than usual" if slower else plural(len(trend.points), "run")
    return TrendView(
        drawing=draw_spark(points, words),
        state=trend.state.value,
        note=note,
        warns=slower or trend.state in {State.BROKEN, State.FLAKY},
    )


def draw_spark(points: tuple[Point, ...], words: Words) -> Markup:
    """A line through the medians; a cross where a run failed, a triangle where it saw no end."""
    known = [one.value for one in points if one.value is not None]
    y = svg.Scale(low=0.0, high=max(known, default=0.0) or 1.0, start=_HEIGHT - _PAD, end=_PAD)
    step = (_WIDTH - 2 * _PAD) / (len(points) - 1)
    places = [
        (_PAD + i * step, _PAD if one.value is None else y(one.value), one)
        for i, one in enumerate(points)
    ]
    line = [f"{svg.num(at)} {svg.num(up)}" for at, up, one in places if one.value is not None]
    drawn = [svg.tag("path", d="M" + "L".join(line), paint=svg.SPARK)] if len(line) > 1 else []
    drawn += [mark for at, up, one in places if (mark := _mark(one, at, up))]
    at, up, last = places[-1]
    if last.value is not None and not _failed(last):
        drawn.append(svg.tag("circle", cx=at, cy=up, r=2.5, paint=svg.DOT))
    return frame(words, _WIDTH, _HEIGHT, svg.group(drawn))


def _mark(one: Point, x: float, y: float) -> Markup:
    if _failed(one):
        path = f"M{svg.num(x - 2.5)} {svg.num(y - 2.5)}l5 5m0-5l-5 5"
        return svg.tag("path", d=path, paint=svg.CROSS)
    if one.beyond:
        return svg.tag("path", d=f"M{svg.num(x)} {svg.num(y - 3)}l3 5h-6z", paint=svg.BAD)
    return Markup("")


def _words(points: tuple[Point, ...]) -> str:
    said = [
        "not seen to end"
        if one.beyond
        else UNKNOWN
        if one.value is None
        else format_duration(one.value)
        for one in points
    ]
    failed = sum(map(_failed, points))
    return f"The oldest first: {', '.join(said)}. {plural(failed, 'run')} of {len(points)} failed."


def _failed(one: Point) -> bool:
    """A run that could not tell did not fail."""
    return one.passed is False and one.verdict is not None and one.verdict.conclusive
