"""How errors are said: with the place in the file, a caret, and what is allowed."""

import sys
import traceback
from pathlib import Path

import click

from chaoskit.errors import ChaoskitError, InputError, LiftFailed, Problem


def show_error(error: ChaoskitError) -> None:
    """Print an error to stderr."""
    if isinstance(error, InputError):
        for problem in error.problems:
            click.echo(_with_source(problem), err=True)
        count = len(error.problems)
        click.echo(f"{count} error{'s' if count > 1 else ''}. Nothing was started.", err=True)
    elif isinstance(error, LiftFailed):
        click.echo(click.style("SOMETHING MAY BE LEFT BEHIND", fg="red", bold=True), err=True)
        click.echo(str(error), err=True)
    else:
        click.echo(f"error: {error}", err=True)


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
    text = click.style(str(problem), bold=True) if sys.stderr.isatty() else str(problem)
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
