"""What GitLab reads in a job's log: sections that fold. The rest are artefacts: JUnit and metrics.

A section's mark needs a carriage return and an escape sequence, and our texts hold neither, so a
target's log cannot open or close one.
"""

import re

from chaoskit.reporters.text import one_line

_ERASE = "\r\x1b[0K"


def fold(name: str, title: str, *, at_s: int, closed: bool = True) -> str:
    """Opens a section; `at_s` is the wall clock in whole seconds."""
    option = "[collapsed=true]" if closed else ""
    return f"\x1b[0Ksection_start:{at_s}:{_plain(name)}{option}{_ERASE}{one_line(title)}"


def unfold(name: str, *, at_s: int) -> str:
    """Closes it."""
    return f"\x1b[0Ksection_end:{at_s}:{_plain(name)}{_ERASE}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_.-]", "_", name)
