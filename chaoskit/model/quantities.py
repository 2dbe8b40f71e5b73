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


_BINARY = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, **_BINARY}
SIZE_HINT = "write a number with a unit, e.g. 64MiB, 1.5GiB, 500kB"


def parse_size(text: object) -> int:
    """Bytes of a size such as `64MiB`. Raises ValueError with what is allowed."""
    if isinstance(text, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(\w+)\s*", text)):
        number, unit = match.groups()
        if unit in _SIZES:
            return round(float(number) * _SIZES[unit])
    message = f"{text!r} is not a size; {SIZE_HINT}"
    raise ValueError(message)


def parse_cpus(text: object) -> float:
    """CPUs of a percentage of one CPU: `10%` is 0.1, `150%` is 1.5. Raises ValueError."""
    if isinstance(text, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text)):
        return float(match[1]) / 100
    message = f"{text!r} is not a share of a CPU; write a percentage of one CPU, e.g. 10% or 150%"
    raise ValueError(message)


def parse_share(text: object) -> float:
    """The share of a percentage such as `30%`, up to `100%`. Raises ValueError."""
    if isinstance(text, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text)):
        share = float(match[1]) / 100
        if share <= 1:
            return share
        message = f"{text} is more than everything; choose at most 100%"
        raise ValueError(message)
    message = f"{text!r} is not a share; write a percentage, e.g. 30% or 0.5%"
    raise ValueError(message)


_OFFSET = re.compile(r"([+-])((?:\d+(?:\.\d+)?d)?)((?:\d+(?:\.\d+)?(?:us|ms|s|m|h))*)")
OFFSET_HINT = "write a sign and a duration, e.g. +1h, -30s, +2d12h"


def parse_offset(text: object) -> float:
    """Seconds of a signed duration such as `-1h30m`, days (`d`) allowed. Raises ValueError."""
    match = _OFFSET.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or not (match[2] or match[3]):
        message = f"{text!r} is not an offset; {OFFSET_HINT}"
        raise ValueError(message)
    seconds = float(match[2][:-1] or 0) * 86400 if match[2] else 0.0
    seconds += parse_duration(match[3]) if match[3] else 0.0
    return -seconds if match[1] == "-" else seconds


_RATE_UNITS = {"bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9}
RATE_HINT = "write a number with a unit of bits a second, e.g. 64kbit, 2mbit, 1gbit"


def parse_rate(text: object) -> float:
    """Bits a second of a rate such as `2mbit`. Raises ValueError with what is allowed."""
    if isinstance(text, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(\w+)\s*", text)):
        number, unit = match.groups()
        if unit in _RATE_UNITS:
            return float(number) * _RATE_UNITS[unit]
    message = f"{text!r} is not a rate; {RATE_HINT}"
    raise ValueError(message)
