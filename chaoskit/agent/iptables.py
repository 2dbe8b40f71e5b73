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
    rule = 'OUTPUT -d 192.0.2.1/32 -m comment --comment "chaoskit:try" -j DROP'
    try:
        _run(name, "restore", "--noflush", text=f"*filter\n-I {rule}\n-D {rule}\nCOMMIT\n")
    except Refused as refusal:
        return str(refusal)
    return ""


def comment(tag: str) -> str:
    """The comment that marks a rule as ours."""
    return f"chaoskit:{tag}"


def insert(pid: int, rules: Sequence[str], *, name: str) -> None:
    """Put rules at the head of their chains, all at once or none. Raises Refused, OSError."""
    _restore(pid, [f"-I {rule}" for rule in rules], name=name)


def listed(pid: int, tag: str, *, name: str) -> list[Listed]:
    """The rules with our comment, as they are now. Raises Refused, OSError."""
    with network_of(pid):
        text = _run(name, "save", "-c", "-t", "filter")
    return parse(text, tag)


def remove(pid: int, tag: str, *, name: str) -> int:
    """Delete exactly the rules with our comment; returns how many there were."""
    rules = [one.rule for one in listed(pid, tag, name=name)]
    if rules:
        _restore(pid, [f"-D {rule.removeprefix('-A ')}" for rule in rules], name=name)
    return len(rules)


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


def _restore(pid: int, lines: Sequence[str], *, name: str) -> None:
    text = "\n".join(["*filter", *lines, "COMMIT", ""])
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
