"""What an unquoted word means: YAML 1.1, as Chaos Toolkit reads it, and where that surprises."""

import json
import re
from collections.abc import Callable

from chaoskit.plan.tree import Key, Scalar

STR_TAG = "tag:yaml.org,2002:str"
TIMESTAMP_TAG = "tag:yaml.org,2002:timestamp"

_SEXAGESIMAL = r"[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?"
_OCTAL = r"[-+]?0[0-7_]+"
_TRUTH = {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}


def from_yaml(tag: str, text: str) -> Key:
    """The value of a word with a resolved tag. Raises ValueError; KeyError for a foreign tag."""
    try:
        return _CONVERT[tag](text)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def from_json(text: str) -> Key:
    """The value of a bare JSON word. Raises ValueError."""
    value: Key = json.loads(text, parse_constant=_refuse)
    return value


def short_tag(tag: str) -> str:
    """A tag as people write it: `!!int`."""
    return tag.replace("tag:yaml.org,2002:", "!!")


def trap(scalar: Scalar) -> str:
    """Why YAML understood an unquoted word in a way that its author may not expect; or ""."""
    text, value = scalar.text, scalar.value
    if scalar.quoted or isinstance(value, str):
        return ""
    if isinstance(value, bool):
        odd = text.lower() in {"on", "off", "yes", "no"}
        what = f"YAML reads a bare {text} as {str(value).lower()}; put quotes around it"
    elif re.fullmatch(_SEXAGESIMAL, text):
        odd, what = True, f"YAML reads {text} as the base-60 number {value}"
    else:
        odd = isinstance(value, int) and bool(re.fullmatch(_OCTAL, text)) and int(text) != value
        what = f"YAML reads {text} as the octal number {value}"
    return what if odd else ""


def key_trap(key: Scalar) -> str:
    """Why other readers of the file will not see a key as the word that was written; or ""."""
    if key.quoted or not isinstance(key.value, str) or key.value.lower() not in _TRUTH:
        return ""
    return f"YAML reads a bare {key.value} as a truth value; put quotes around it"


def _refuse(word: str) -> Key:
    message = f"{word} is not JSON"
    raise ValueError(message)


def _int(text: str) -> int:
    sign, digits = _sign(text)
    if ":" in digits:
        return sign * int(_base_60(digits))
    if digits.startswith(("0b", "0x")):
        return sign * int(digits, 0)
    return sign * int(digits, 8 if digits.startswith("0") and digits != "0" else 10)


def _float(text: str) -> float:
    sign, digits = _sign(text.lower())
    return sign * (float(digits[1:]) if digits in {".inf", ".nan"} else _base_60(digits))


def _sign(text: str) -> tuple[int, str]:
    bare = text.replace("_", "")
    return (-1, bare[1:]) if bare.startswith("-") else (1, bare.removeprefix("+"))


def _base_60(digits: str) -> float:
    total = 0.0
    for part in digits.split(":"):
        total = total * 60 + float(part)
    return total


def _bool(text: str) -> bool:
    if text.lower() not in _TRUTH:
        message = f"{text!r} is neither true nor false"
        raise ValueError(message)
    return _TRUTH[text.lower()]


_CONVERT: dict[str, Callable[[str], Key]] = {
    STR_TAG: str,
    "tag:yaml.org,2002:merge": str,
    "tag:yaml.org,2002:value": str,
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:bool": _bool,
    "tag:yaml.org,2002:int": _int,
    "tag:yaml.org,2002:float": _float,
}
