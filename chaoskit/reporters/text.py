"""Text of others made fit to be shown: container logs and file names are not to be trusted.

Logs are full of colour codes and NULs, and may hold secrets, overrides of the reading direction, or a
line of a megabyte. What cannot be shown is made visible, so that nothing is lost in silence.
"""

import re
from collections.abc import Mapping
from typing import Any

_ESCAPE_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # window titles and links
    r"|\x1b[@-_]?"
)
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_SPACES = re.compile(r"\s+")

_SECRET_WORD = r"(?:pass|secret|token|key|authorization)"  # noqa: S105 - names, not values
_SECRET_NAME = re.compile(_SECRET_WORD, re.IGNORECASE)
_SECRET_PAIR = re.compile(
    rf"""({_SECRET_WORD}[\w.-]{{0,64}}["']?\s{{0,3}}[:=]\s{{0,3}})"""
    r"""("[^"\n]*"?|'[^'\n]*'?|(?:bearer|basic)\s+[^\s,;&"']+|[^\s,;&"']+)""",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(\w://[^\s:/@]{0,200}:)[^\s/@]{1,200}@")
HIDDEN = "•••"

_LOG_COMMAND = re.compile(r"##(?=\[|vso\[)")  # Azure and GitHub obey it anywhere in a line
_LINE_COMMAND = re.compile(r"^(\s*):(?=:)", re.MULTILINE)  # GitHub obeys it at the beginning


def clean(text: str) -> str:
    """`text` without escape sequences; other unshowable characters as visible stand-ins.

    The result is valid in XML 1.0 and cannot change the reading direction of what surrounds it.
    """
    text = _ESCAPE_SEQUENCES.sub("", text.replace("\r\n", "\n"))
    return _UNSHOWABLE.sub(_stand_in, text)


def one_line(text: str, *, limit: int = 500) -> str:
    """`text`, clean, on one line, clipped."""
    return clip(_SPACES.sub(" ", clean(text)).strip(), limit)


def tame(text: str) -> str:
    """`text` in which no CI finds a command: a log holds what others wrote, and CIs obey logs."""
    return _LINE_COMMAND.sub(r"\1: ", _LOG_COMMAND.sub("# #", text))


def clip(text: str, limit: int) -> str:
    """At most `limit` characters of a text, and how many there were more."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit:,} more characters)"


def redact(text: str) -> str:
    """`text` with the values of keys hidden that match pass, secret, token or key."""
    text = _SECRET_PAIR.sub(lambda found: f"{found[1]}{HIDDEN}", text)
    return _URL_PASSWORD.sub(lambda found: f"{found[1]}{HIDDEN}@", text)


def redact_values(value: Any, name: str = "") -> Any:
    """A tree of values with every value hidden whose key says that it is a secret."""
    if isinstance(value, Mapping):
        return {str(key): redact_values(one, str(key)) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_values(one, name) for one in value]
    if name and _SECRET_NAME.search(name) and value not in (None, "", True, False):
        return HIDDEN
    return redact(value) if isinstance(value, str) else value


def _stand_in(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)  # the control pictures: ␀, ␛
    if code in {0x2028, 0x2029}:
        return "\n"
    return f"‹U+{code:04X}›"
