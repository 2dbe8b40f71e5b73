"""The CI systems that `chaoskit ci` knows: how each is recognised, and what each is told and how.

A log's lines and a few files are all there is to it, so that every one of them can be tried anywhere
by setting its variables.
"""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from chaoskit.model.marks import NS
from chaoskit.reporters import azure, github, gitlab
from chaoskit.reporters.findings import Finding
from chaoskit.reporters.terminal_plain import fit
from chaoskit.run.clock import anchor


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is left for the steps after this one, and for whoever opens the build's page."""

    summary: str  # Markdown
    summary_file: Path
    values: Mapping[str, str]  # verdict, exit_code, ...


class Plain:
    """No CI that we know: everything is in the log and in the files."""

    name = "none"
    signs: tuple[str, ...] = ()  # any of these variables, not empty, tells it

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self.stream = stream
        self.environ = environ

    @contextmanager
    def folded(self, title: str) -> Iterator[None]:
        """Lines that a reader may skip; text of others gives no commands in them."""
        self.say(title)
        yield

    @contextmanager
    def foreign(self) -> Iterator[None]:
        """Lines in which text of others gives no commands."""
        yield

    def findings(self, found: Sequence[Finding]) -> None:
        """Name what a reader must know, at its place where that can be done."""

    def leave(self, told: Told) -> None:
        """Hand over the summary and the values."""

    def attachment(self, path: Path) -> str:  # noqa: ARG002  # others need it
        """How its test report refers to a file; "" where it knows no such thing."""
        return ""

    def say(self, line: str) -> None:
        """One line of the log."""
        self.stream.write(fit(line, getattr(self.stream, "encoding", None)) + "\n")
        self.stream.flush()


class GitHub(Plain):
    """GitHub Actions."""

    name = "github"
    signs = ("GITHUB_ACTIONS",)

    @contextmanager
    def folded(self, title: str) -> Iterator[None]:
        self.say(github.fold(title))
        try:
            with self.foreign():
                yield
        finally:
            self.say(github.UNFOLD)

    @contextmanager
    def foreign(self) -> Iterator[None]:
        token = secrets.token_hex(16)
        self.say(github.stop(token))
        try:
            yield
        finally:
            self.say(github.resume(token))

    def findings(self, found: Sequence[Finding]) -> None:
        for line in github.annotations(found):
            self.say(line)

    def leave(self, told: Told) -> None:
        used = self._size("GITHUB_STEP_SUMMARY")
        self._append("GITHUB_STEP_SUMMARY", github.room_for(told.summary, used_bytes=used))
        self._append("GITHUB_OUTPUT", github.outputs(told.values))

    def _size(self, variable: str) -> int:
        path = Path(self.environ.get(variable) or os.devnull)
        return path.stat().st_size if path.is_file() else 0

    def _append(self, variable: str, text: str) -> None:
        """Add to the file that a variable names. When that fails the verdict stands, and it is said."""
        name = self.environ.get(variable)
        if not name:
            return
        try:
            with Path(name).open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            self.say(f"note: {variable} cannot be written: {error.strerror or error}")


class GitLab(Plain):
    """GitLab CI: it reads JUnit and metrics from the artefacts."""

    name = "gitlab"
    signs = ("GITLAB_CI",)

    def attachment(self, path: Path) -> str:
        return path.as_posix()

    @contextmanager
    def folded(self, title: str) -> Iterator[None]:
        self.say(gitlab.fold("chaoskit", title, at_s=anchor().wall_ns // NS))
        try:
            yield
        finally:
            self.say(gitlab.unfold("chaoskit", at_s=anchor().wall_ns // NS))


class Azure(Plain):
    """Azure Pipelines."""

    name = "azure"
    signs = ("TF_BUILD",)

    @contextmanager
    def folded(self, title: str) -> Iterator[None]:
        self.say(azure.fold(title))
        try:
            yield
        finally:
            self.say(azure.UNFOLD)

    def findings(self, found: Sequence[Finding]) -> None:
        for line in azure.issues(found):
            self.say(line)

    def leave(self, told: Told) -> None:
        self.say(azure.summary(told.summary_file.absolute()))
        for name, value in told.values.items():
            self.say(azure.variable(f"chaoskit_{name}", value))


class Jenkins(Plain):
    """Jenkins: it reads JUnit from the workspace."""

    name = "jenkins"
    signs = ("JENKINS_URL", "JENKINS_HOME")

    def attachment(self, path: Path) -> str:
        return str(path.absolute())


KNOWN: tuple[type[Plain], ...] = (GitHub, GitLab, Azure, Jenkins, Plain)


def platform_for(name: str, stream: TextIO, environ: Mapping[str, str]) -> Plain:
    """The named CI, or with `auto` the one whose variables are set."""
    for kind in KNOWN:
        found = name == "auto" and any(environ.get(sign) for sign in kind.signs)
        if found or name == kind.name:
            return kind(stream, environ)
    return Plain(stream, environ)
