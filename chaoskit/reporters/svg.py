"""Drawing with as little as possible: escaped elements, scales, ticks, and labels that do not collide.

Everything visible is a presentation attribute, so that a drawing reads where style sheets are
blocked; the class beside it lets the style sheet recolour it for a dark page.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from chaoskit.reporters.text import clean, clip

Floats = npt.NDArray[np.float64]

_TEXT_LIMIT = 2000  # characters of a title or a description
CHAR_PX = 6.9  # a character of the labels' size, on average; a little too wide rather than narrow


@dataclass(frozen=True, kw_only=True)
class Paint:
    """A way to draw: the attributes for a white page, and the class for any other."""

    name: str
    attributes: tuple[tuple[str, str], ...]


def _paint(name: str, **attributes: str) -> Paint:
    pairs = tuple((key.replace("_", "-"), value) for key, value in attributes.items())
    return Paint(name=name, attributes=pairs)


TEXT = _paint("s-text", fill="#1b1f24")
MUTED = _paint("s-muted", fill="#57606a")
HALO = _paint("s-halo", fill="#1b1f24", stroke="#ffffff", stroke_width="4", paint_order="stroke")
GRID = _paint("s-grid", stroke="#e3e7eb", stroke_width="1", fill="none")
AXIS = _paint("s-axis", stroke="#8c959f", stroke_width="1", fill="none")
PHASE = _paint("s-phase", fill="#eef1f4")
PHASE_ALT = _paint("s-phase-alt", fill="#e3e7eb")
SHADE_FAULT = _paint("s-shade-fault", fill="#b3261e", fill_opacity="0.09")
SHADE_OUT = _paint("s-shade-out", fill="#b3261e", fill_opacity="0.05")
FAULT = _paint("s-fault", fill="#b3261e")
BAD = _paint("s-bad", fill="#b3261e")
GOOD = _paint("s-good", fill="#bfe3cf")
UNSURE = _paint("s-unsure", fill="#8a5a00")
HEALER = _paint("s-healer", fill="#0b5cad")
HEALER_OPEN = _paint("s-healer-open", fill="#ffffff", stroke="#0b5cad", stroke_width="2")
ENGINE = _paint("s-engine", fill="#57606a")
STRENGTH = _paint("s-strength", fill="#c9d8e8")
LINE_FAULT = _paint("s-line-fault", stroke="#b3261e", stroke_width="1.5", fill="none")
LINE_HEALER = _paint(
    "s-line-healer", stroke="#0b5cad", stroke_width="1.25", stroke_dasharray="5 3", fill="none"
)
LINE_GOOD = _paint("s-line-good", stroke="#1a7f37", stroke_width="1.5", fill="none")
LINE_LIFT = _paint(
    "s-line-lift", stroke="#57606a", stroke_width="1.25", stroke_dasharray="2 3", fill="none"
)
BAND = _paint("s-band", fill="#0b5cad", fill_opacity="0.15")
P50 = _paint("s-p50", stroke="#0b5cad", stroke_width="1.75", fill="none")
P99 = _paint("s-p99", stroke="#0b5cad", stroke_width="1", fill="none", stroke_dasharray="3 2")
DOT = _paint("s-dot", fill="#1a7f37", fill_opacity="0.75")
CROSS = _paint("s-cross", stroke="#b3261e", stroke_width="2", fill="none")
CURVE = _paint("s-curve", stroke="#0b5cad", stroke_width="1.25", stroke_opacity="0.55", fill="none")
CURVE_MISSED = _paint(
    "s-curve-missed", stroke="#b3261e", stroke_width="1.5", stroke_dasharray="6 2", fill="none"
)
LINE_BUDGET = _paint("s-line-budget", stroke="#1b1f24", stroke_width="2", fill="none")
LINE_BOUND = _paint(
    "s-line-bound", stroke="#0b5cad", stroke_width="1.5", stroke_dasharray="4 2", fill="none"
)
SPARK = _paint("s-spark", stroke="#0b5cad", stroke_width="1.5", fill="none")
PEAK = _paint("s-peak", stroke="#57606a", stroke_width="2", fill="none")


def num(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def tag(
    name: str, /, *children: Markup | str, paint: Paint | None = None, **attributes: str | float
) -> Markup:
    """An element; text and attributes are escaped, `Markup` children are not."""
    pairs: list[tuple[str, str]] = []
    for key, value in attributes.items():
        text = num(value) if isinstance(value, (int, float)) else clean(value)
        pairs.append((key.rstrip("_").replace("_", "-"), text))
    if paint:
        pairs += [("class", paint.name), *paint.attributes]
    opening = "".join(f' {key}="{escape(value)}"' for key, value in pairs)
    inside = "".join(
        one if isinstance(one, Markup) else str(escape(clip(clean(one), _TEXT_LIMIT)))
        for one in children
    )
    return Markup(f"<{name}{opening}>{inside}</{name}>" if inside else f"<{name}{opening}/>")  # noqa: S704 - escaped above


_RUN = re.compile(
    r"<(line|rect|path|circle|text)((?: [a-z][\w-]*=\"[^\"]*\")*?)"
    r"( class=\"s-[\w-]+\"(?: [a-z-]+=\"[^\"]*\")*)(/>|>[^<]*</\1>)"
)


def compact(drawn: Markup) -> Markup:
    """The same drawing in fewer characters: neighbours that are painted alike share their paint.

    A report holds thousands of grid lines and labels; their paint is longer than they are.
    """
    parts: list[str] = []
    alike: list[tuple[str, str]] = []  # without its paint, and with it
    paint, end = "", 0

    def flush() -> None:
        if len(alike) > 1:
            parts.append(f"<g{paint}>{''.join(bare for bare, _ in alike)}</g>")
        else:
            parts.extend(whole for _, whole in alike)
        alike.clear()

    for found in _RUN.finditer(drawn):
        if found.start() != end or found[3] != paint:
            flush()
            parts.append(drawn[end : found.start()])
            paint = found[3]
        alike.append((f"<{found[1]}{found[2]}{found[4]}", found[0]))
        end = found.end()
    flush()
    parts.append(drawn[end:])
    return Markup("".join(parts))  # noqa: S704 - what was safe before


def group(children: Iterable[Markup]) -> Markup:
    """Elements side by side."""
    return Markup("").join(children)


def rect(x: float, y: float, width: float, height: float, paint: Paint) -> Markup:
    """A rectangle."""
    return tag("rect", x=x, y=y, width=max(width, 0.0), height=height, paint=paint)


def line(x1: float, y1: float, x2: float, y2: float, paint: Paint) -> Markup:
    """A line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, paint=paint)


def label(x: float, y: float, text: str, paint: Paint = TEXT, *, anchor: str = "start") -> Markup:
    """One line of text; `anchor` is start, middle or end."""
    if anchor == "start":
        return tag("text", text, x=x, y=y, paint=paint)
    return tag("text", text, x=x, y=y, text_anchor=anchor, paint=paint)


def diamond(x: float, y: float, half: float, paint: Paint) -> Markup:
    """A square on its corner."""
    h = num(half)
    path = f"M{num(x)} {num(y - half)}l{h} {h}l-{h} {h}l-{h} -{h}z"
    return tag("path", d=path, paint=paint)


def width_of(text: str) -> float:
    """About how wide a label is, in pixels."""
    return len(text) * CHAR_PX


def shorten(text: str, width: float) -> str:
    """As much of a label as fits."""
    fits = max(int(width / CHAR_PX), 1)
    return text if len(text) <= fits else text[: max(fits - 1, 1)] + "…"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From a quantity to pixels, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; values outside are put at the nearer end."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def all(self, values: Floats) -> Floats:
        """The pixels of many values at once, on a linear scale."""
        share = (np.clip(values, self.low, self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def nice_ticks(low: float, high: float, wanted: int) -> list[float]:
    """Round values between two, about as many as wanted."""
    span = high - low
    if span <= 0:
        return [low]
    raw = span / max(wanted, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(one for one in (1, 2, 5, 10) if one * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """The powers of ten between two positive values; with 2 and 5 between when they are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1,) if last - first > 4 else (1, 2, 5)
    ticks = [step * 10.0**k for k in range(first, last + 1) for step in steps]
    return [one for one in ticks if low <= one <= high]


def stack(spans: Sequence[tuple[float, float]]) -> list[int]:
    """A row for each label, so that no label, nor the line below it, crosses another one.

    A span is a label's left and right end, sorted by the left one; row 0 is the highest. A label's
    line falls from its left end through all rows below its own, so all of those must be free there.
    """
    ends: list[float] = []
    rows: list[int] = []
    for left, right in spans:
        busy = [row for row, end in enumerate(ends) if end >= left]
        row = busy[-1] + 1 if busy else 0
        if row == len(ends):
            ends.append(right)
        else:
            ends[row] = right
        rows.append(row)
    return rows


def polyline(points: Sequence[tuple[float, float]]) -> str:
    """Path data through points; steps are shorter to write than places, and do not drift."""
    whole = [(round(10 * x), round(10 * y)) for x, y in points]
    parts = [f"M{num(whole[0][0] / 10)} {num(whole[0][1] / 10)}"]
    for (x, y), (to_x, to_y) in pairwise(whole):
        parts.append(f"l{num((to_x - x) / 10)} {num((to_y - y) / 10)}")
    return "".join(parts)


def ticks_path(xs: Floats, y: float, height: float, width: float) -> str:
    """Path data of one upright tick at each x; ticks that touch are drawn as one bar.

    `xs` is sorted. Nothing is left out: each x is covered by a bar at least `width` wide.
    """
    apart = np.flatnonzero(np.diff(xs) > width)
    lefts = xs[np.concatenate(([0], apart + 1))] if len(xs) else xs
    rights = xs[np.concatenate((apart, [len(xs) - 1]))] + width if len(xs) else xs
    return "".join(
        f"M{num(left)} {num(y)}h{num(right - left)}v{num(height)}h-{num(right - left)}z"
        for left, right in zip(lefts.tolist(), rights.tolist(), strict=True)
    )
