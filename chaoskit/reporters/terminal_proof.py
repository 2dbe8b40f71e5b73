"""The result of `prove` on a terminal: which healer heals which fault, and what each one buys."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from chaoskit.model.journal import Journal
from chaoskit.model.proof import Proof, ProofState
from chaoskit.reporters.headline import headline
from chaoskit.reporters.proof_words import SYMBOLS, bought, headline_of, matrix_of
from chaoskit.reporters.terminal_plain import fit
from chaoskit.reporters.text import one_line, redact

_WIDTH_WITHOUT_TERMINAL = 140
_STYLES = {
    ProofState.PROVEN: "green",
    ProofState.UNPROVEN: "yellow",
    ProofState.STALE: "yellow",
    ProofState.FAILED: "red",
}


def show(proofs: Sequence[Proof], journal: Journal, report: Path, stream: TextIO) -> None:
    """Print what a run of arms proved."""
    width = None
    if not stream.isatty():
        columns = os.environ.get("COLUMNS", "")
        width = int(columns) if columns.isdecimal() else _WIDTH_WITHOUT_TERMINAL
    console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
    console.print(summary(proofs, journal, report, encoding=console.encoding))


def summary(
    proofs: Sequence[Proof], journal: Journal, report: Path, *, encoding: str = "utf-8"
) -> RenderableType:
    """The matrix, the reasons and the headline; no text is taken as markup."""
    parts: list[RenderableType] = []
    if proofs:
        parts += [_table(proofs, encoding), Text("")]
    for one in proofs:
        said = f"{SYMBOLS[one.state]} {one.experiment}: {one.reason}."
        parts.append(Text(_fitted(said, encoding), style=_STYLES[one.state]))
        parts += [Text(_fitted(f"    {text}", encoding)) for text in bought(one)]
    head = headline(journal)
    if proofs:
        parts += [Text(""), Text(_fitted(headline_of(proofs), encoding), style="bold")]
    asides = head.asides if proofs else (head.sentence, *head.asides)
    parts += [Text(_fitted(aside, encoding), style="bold red") for aside in asides]
    for name, value in (("report", str(report)), ("repeat", redact(journal.command))):
        parts.append(
            Text(f"  {name}  ", style="dim", no_wrap=True, overflow="ignore").append(
                fit(one_line(value, limit=4000), encoding), style="default"
            )
        )
    return Group(*parts)


def _table(proofs: Sequence[Proof], encoding: str) -> Table:
    matrix = matrix_of(proofs)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in matrix.heads:
        table.add_column(_fitted(head, encoding), overflow="fold")
    for proof, row in zip(proofs, matrix.rows, strict=True):
        cells = [Text(_fitted(one, encoding)) for one in row]
        cells[2].stylize(_STYLES[proof.state])
        table.add_row(*cells)
    return table


def _fitted(text: str, encoding: str) -> str:
    indent = text[: len(text) - len(text.lstrip())]
    return indent + fit(one_line(text, limit=1000), encoding)
