"""How durations and ratios are written in files: `500ms`, `2s`, `1m30s`, `99.9%`."""

import re

_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")

DURATION_HINT = "write a number with a unit, e.g. 400ms, 2s, 1m30s"
RATIO_HINT = "write a percentage or a share, e.g. 99.9% or 0.999"


def parse_duration(text: object) -> float:
    """Seconds of a duration such as `1m30s`. Raises ValueError with what is allowed."""
    if not isinstance(text, str) or not _WHOLE.fullmatch(text.strip()):
        message = f"{text!r} is not a duration; {DURATION_HINT}"
        raise ValueError(message)
    return sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """A duration for people, three significant digits: `4.31 ms`, `2.05 s`, `1 min 30 s`."""
    if seconds < 0:
        return "−" + format_duration(-seconds)
    for below, factor, unit in ((0.0009995, 1e6, "µs"), (0.9995, 1e3, "ms"), (60, 1, "s")):
        if seconds < below:
            return f"{seconds * factor:.3g} {unit}" if seconds else "0 s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def parse_ratio(value: object) -> float:
    """A share between 0 and 1, from `99%`, `0.99` or 0.99. Raises ValueError."""
    share: float | None = None
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", value)):
        share = float(match[1]) / (100 if match[2] else 1)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        share = float(value)
    if share is None or not 0 <= share <= 1:
        message = f"{value!r} is not a share between 0 and 1; {RATIO_HINT}"
        raise ValueError(message)
    return share
