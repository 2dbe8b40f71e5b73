"""How errors are said: with the place in the file, a caret, and what is allowed."""

import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

import click

from chaoskit.errors import ChaoskitError, InputError, LiftFailed, Problem
from chaoskit.manual import codes as codes_of


def show_error(error: ChaoskitError) -> None:
    """Print an error to stderr."""
    if isinstance(error, InputError):
        for problem in error.problems:
            click.echo(_with_source(problem), err=True)
        click.echo(_closing(error), err=True)
    elif isinstance(error, LiftFailed):
        click.echo(click.style("SOMETHING MAY BE LEFT BEHIND", fg="red", bold=True), err=True)
        click.echo(str(error), err=True)
    else:
        click.echo(f"error: {error}", err=True)


def _closing(error: InputError) -> str:
    count = len(error.problems)
    codes = [codes_of.code_of(one).code for one in error.problems]
    more = next((code for code in codes if code != codes_of.OTHER.code), "")
    hint = f" `chaoskit explain {more}` says more." if more else ""
    return f"{count} error{'s' if count > 1 else ''}. Nothing was started.{hint}"


def show_remarks(remarks: Iterable[str]) -> None:
    """Say on stderr what is worth knowing before a run begins."""
    for line in remarks:
        click.echo(line, err=True)


def show_trouble(trouble: Iterable[str]) -> None:
    """Say on stderr what did not go well and changes no verdict."""
    for line in trouble:
        click.echo(f"note: {line}", err=True)


def show_defect() -> None:
    """Print what we know about a defect of ours."""
    kind, error, trace = sys.exc_info()
    frames = traceback.extract_tb(trace)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
    name = kind.__name__ if kind else "error"
    log = Path("chaoskit-defect.log")
    hint = ""
    try:
        log.write_text(traceback.format_exc(), encoding="utf-8")
        hint = f" The whole story is in {log}."
    except OSError:
        pass  # the message must come out even on a full disk
    click.echo(f"chaoskit has a defect: {name} at {where}: {error}.{hint}", err=True)


def _with_source(problem: Problem) -> str:
    """The problem, and the line of the file that it is about."""
    text = codes_of.shown(problem)
    text = click.style(text, bold=True) if sys.stderr.isatty() else text
    if not problem.line:
        return text
    try:
        lines = Path(problem.file).read_text(encoding="utf-8").splitlines()
        line = lines[problem.line - 1]
    except (OSError, UnicodeDecodeError, IndexError):
        return text
    shown = line.expandtabs(1)[:200]
    caret = " " * (max(problem.column, 1) - 1) + "^"
    return f"{text}\n  {problem.line:>5} | {shown}\n        | {caret[:210]}"
