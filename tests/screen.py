"""A terminal in memory, as far as the live view uses one: it breaks long lines, and breaks them anew
when it is resized, as terminals do."""

import re

_TOKEN = re.compile(r"\x1b\[(?P<number>\d*)(?P<code>[A-Za-z])|\x1b\[[\d;]*m|(?P<char>.)", re.DOTALL)


class Screen:
    """Rows that were written, each with whether it goes on in the next one."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows: list[str] = [""]
        self.goes_on: list[bool] = [False]
        self.row = self.column = 0
        self.styles: list[str] = []

    def write(self, text: str) -> None:
        for token in _TOKEN.finditer(text):
            if token["char"] is not None:
                self._char(token["char"])
            elif token["code"] == "A":
                self.row = max(self.row - int(token["number"] or 1), 0)
            elif token["code"] == "J":
                self.rows = [*self.rows[: self.row], self.rows[self.row][: self.column]]
                self.goes_on = [*self.goes_on[: self.row], False]
            elif token[0].endswith("m"):
                self.styles.append(token[0])
            else:
                message = f"a sequence that no test knows: {token[0]!r}"
                raise AssertionError(message)

    def resize(self, width: int, height: int) -> None:
        """Every line broken anew; the cursor stays at the end, where the view leaves it."""
        lines, whole = [], ""
        for row, goes_on in zip(self.rows, self.goes_on, strict=True):
            whole += row
            if not goes_on:
                lines.append(whole)
                whole = ""
        self.width, self.height = width, height
        self.rows, self.goes_on = [], []
        for line in lines:
            parts = [line[at : at + width] for at in range(0, max(len(line), 1), width)]
            self.rows += parts
            self.goes_on += [True] * (len(parts) - 1) + [False]
        self.row, self.column = len(self.rows) - 1, len(self.rows[-1])

    def lines(self) -> list[str]:
        return [row.rstrip() for row in self.rows]

    def _char(self, char: str) -> None:
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self._down(goes_on=False)
            self.column = 0
        else:
            if self.column == self.width:
                self._down(goes_on=True)
                self.column = 0
            row = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = row[: self.column] + char + row[self.column + 1 :]
            self.column += 1

    def _down(self, *, goes_on: bool) -> None:
        self.goes_on[self.row] = goes_on
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")
            self.goes_on.append(False)
