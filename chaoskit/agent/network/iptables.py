"""Rules of ours in one network namespace: added, listed and removed by their comment.

One call adds all rules at once (a commit is atomic), and removal deletes exactly the rules that
carry our comment: a container's tables also hold rules of the engine, so none is ever flushed.
"""

import itertools
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from chaoskit.agent.kind import Refused
from chaoskit.agent.processes import network_of

BACKENDS = ("nft", "legacy")
_FOLDERS = ("/usr/sbin", "/sbin")
_PATIENCE_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One rule as the kernel lists it, and how many packets met it."""

    rule: str  # "-A INPUT -s ..."
    packets: int


@cache
def backend() -> str:
    """The variant of iptables that works on this kernel: nft, legacy, or "" for neither."""
    return next((name for name in BACKENDS if not why_not(name)), "")


@cache
def why_not(name: str) -> str:
    """Why a variant does not work here, found by adding and removing a rule of our own."""
    return try_out(
        ['OUTPUT -d 192.0.2.1/32 -m comment --comment "chaoskit:try" -j DROP'], name=name
    )


def try_out(rules: Sequence[str], *, name: str) -> str:
    """Why such rules cannot be used here, or "": added and removed in the agent's own network."""
    lines = [f"-{do} {rule}" for rule in rules for do in "ID"]
    try:
        _run(name, "restore", "--noflush", text="\n".join(["*filter", *lines, "COMMIT", ""]))
    except Refused as refusal:
        return str(refusal)
    return ""


def comment(tag: str) -> str:
    """The comment that marks a rule as ours."""
    return f"chaoskit:{tag}"


def insert(pid: int, rules: Sequence[str], *, name: str, table: str = "filter") -> None:
    """Put rules at the head of their chains, all at once or none. Raises Refused, OSError."""
    _restore(pid, [f"-I {rule}" for rule in rules], name=name, table=table)


def listed(pid: int, tag: str, *, name: str, table: str = "filter") -> list[Listed]:
    """The rules with our comment, as they are now. Raises Refused, OSError."""
    return parse(saved(pid, name=name, table=table), tag)


def saved(pid: int, *, name: str, table: str = "filter") -> str:
    """All rules of a table with their counters, ours or not. Raises Refused, OSError."""
    with network_of(pid):
        return _run(name, "save", "-c", "-t", table)


def remove(pid: int, tag: str, *, name: str, table: str = "filter") -> int:
    """Delete exactly the rules with our comment; returns how many there were."""
    rules = [one.rule for one in listed(pid, tag, name=name, table=table)]
    if rules:
        lines = [f"-D {rule.removeprefix('-A ')}" for rule in rules]
        _restore(pid, lines, name=name, table=table)
    return len(rules)


def delete(pid: int, rules: Sequence[str], *, name: str, table: str = "filter") -> None:
    """Delete these rules, as they were inserted. Raises Refused when one is not there, OSError."""
    _restore(pid, [f"-D {rule}" for rule in rules], name=name, table=table)


def parse(saved: str, tag: str) -> list[Listed]:
    """The rules with our comment in the output of iptables-save -c."""
    found = []
    for line in saved.splitlines():
        counters, _, rule = line.partition(" ")
        if not counters.startswith("[") or comment(tag) not in rule:
            continue
        words = shlex.split(rule)
        if ("--comment", comment(tag)) in itertools.pairwise(words):
            found.append(Listed(rule=rule, packets=int(counters[1:].partition(":")[0])))
    return found


def _restore(pid: int, lines: Sequence[str], *, name: str, table: str) -> None:
    text = "\n".join([f"*{table}", *lines, "COMMIT", ""])
    with network_of(pid):
        _run(name, "restore", "--noflush", text=text)


def _run(name: str, verb: str, *options: str, text: str = "") -> str:
    program = f"iptables-{name}-{verb}"
    lock = ["-w", "3"] if (name, verb) == ("legacy", "restore") else []
    for folder in _FOLDERS:
        try:
            done = subprocess.run(
                [f"{folder}/{program}", *lock, *options],
                input=text,
                capture_output=True,
                text=True,
                timeout=_PATIENCE_S,
                check=False,
            )
        except FileNotFoundError:
            continue
        except subprocess.TimeoutExpired as error:
            message = f"{program} did not end within {_PATIENCE_S:g} s"
            raise Refused(message) from error
        if done.returncode == 0:
            return done.stdout
        message = f"{program}: {' '.join(done.stderr.split())[:300]}"
        raise Refused(message)
    message = f"there is no {program}"
    raise Refused(message)
