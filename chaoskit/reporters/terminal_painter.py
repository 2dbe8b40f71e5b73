"""Paints a few lines at the bottom of a terminal again and again; what is printed goes above them.

No cursor is hidden and no other screen is used, so that nothing has to be put right when the process
is killed. Lines end before the right edge. After a change of width the old lines may have been broken
by the terminal; they are erased as it shows them now.
"""

import io
import os
import threading
from collections.abc import Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

_UP, _ERASE_BELOW = "\x1b[1A", "\x1b[J"


def in_front(stream: TextIO) -> bool:
    """Whether the terminal is ours to draw on, to read and to set: we are not in its background."""
    try:
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


class Painter:
    """The lower end of one terminal. Every method may be called from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self.console = Console(file=stream, markup=False, highlight=False, emoji=False)
        self._stream = stream
        self._lock = threading.RLock()  # a signal's handler may find it held by its own thread
        self._painted: tuple[str, ...] = ()  # without styles, as it stands there now
        self._last = ""

    @property
    def width(self) -> int:
        """Cells of a line; the last column stays free."""
        return max(self.console.width - 1, 1)

    @property
    def height(self) -> int:
        """Lines that can be painted."""
        return max(self.console.height - 1, 1)

    def paint(self, lines: Sequence[Text]) -> None:
        """Put these lines in the place of those that were painted before."""
        with self._lock:
            if not in_front(self._stream):
                self._painted, self._last = (), ""  # others write there now
                return
            plain, styled = self._rendered(lines[: self.height])
            erase = self._erasing()
            if (plain, styled) == (self._painted, self._last):
                return
            self._write(erase + styled)
            self._painted, self._last = plain, styled

    def above(self, line: Text) -> None:
        """Print a line that stays, above what is painted."""
        with self._lock:
            _, styled = self._rendered([line], fold=True)
            erase, painted = self._erasing(), self._last
            self._write(f"{erase}{styled}\n{painted}")

    def erase(self) -> None:
        """Take everything away that is painted."""
        with self._lock:
            if self._painted:
                self._write(self._erasing())
            self._painted, self._last = (), ""

    def _rendered(
        self, lines: Sequence[Text], *, fold: bool = False
    ) -> tuple[tuple[str, ...], str]:
        """The lines without styles, and all of them as they are written."""
        cut = []
        for line in lines:
            one = line.copy()
            if not fold:
                one.truncate(self.width, overflow="crop")
            cut.append(one)
        drawn = Console(
            file=io.StringIO(),
            width=10_000,
            color_system=self.console.color_system,  # type: ignore[arg-type]  # its own name
            no_color=self.console.no_color,
            force_terminal=True,
            markup=False,
            highlight=False,
            emoji=False,
            legacy_windows=False,
        )
        with drawn.capture() as captured:
            drawn.print(Text("\n").join(cut), end="", soft_wrap=True)
        return tuple(one.plain for one in cut), captured.get()

    def _erasing(self) -> str:
        if not self._painted:
            return ""
        width = max(self.console.width, 1)
        rows = sum(max(-(-cell_len(one) // width), 1) for one in self._painted)
        return "\r" + _UP * (rows - 1) + _ERASE_BELOW

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._painted = ()  # the terminal is gone; the run goes on
