"""The rules that make the disk fail or be slow, for some operations on some files.

A rule belongs to one fault and is named by its tag. Requests that only look (lookup, attributes)
are never touched: a disk's metadata is in memory long before anything else is.
"""

import errno
import fnmatch
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random  # a rule's own seed
from typing import Any

from chaoskit.agent.fusefs.protocol import Op

CLASSES: Mapping[str, frozenset[Op]] = {
    "read": frozenset({Op.READ, Op.READDIR}),
    "write": frozenset({Op.WRITE, Op.FALLOCATE}),
    "fsync": frozenset({Op.FSYNC, Op.FSYNCDIR}),
    "open": frozenset({Op.OPEN, Op.CREATE, Op.OPENDIR}),
    "change": frozenset(
        {
            Op.CREATE,
            Op.MKNOD,
            Op.MKDIR,
            Op.SYMLINK,
            Op.LINK,
            Op.UNLINK,
            Op.RMDIR,
            Op.RENAME,
            Op.RENAME2,
            Op.SETATTR,
            Op.SETXATTR,
            Op.REMOVEXATTR,
        }
    ),
}


@dataclass(kw_only=True, eq=False)
class Rule:
    """One fault's wish."""

    tag: str
    operations: frozenset[Op]
    errno: int = 0  # 0: no error
    delay_s: float = 0.0
    share: float = 1.0  # of the operations, 0 to 1
    files: str = "*"  # a pattern of paths below the mount
    probe: str = ""  # how files of our own begin that only this rule applies to, for measuring
    rng: Random
    gone: threading.Event = field(default_factory=threading.Event)
    hits: int = 0

    def means(self, path: str) -> bool:
        """Whether a file is one of those; the files of our own belong to their rule alone."""
        if path.startswith(".chaoskit"):
            return bool(self.probe) and path.startswith(self.probe)
        return self.files == "*" or fnmatch.fnmatchcase(path, self.files)


def rule_of(order: Mapping[str, Any], probe: str) -> Rule:
    """A rule from an order of the agent's. Raises KeyError or ValueError for a wrong one."""
    operations = frozenset(op for name in order["operations"] for op in CLASSES[name])
    number = getattr(errno, order["errno"]) if order.get("errno") else 0
    return Rule(
        tag=str(order["tag"]),
        operations=operations,
        errno=int(number),
        delay_s=float(order.get("delay_s", 0.0)),
        share=float(order.get("share", 1.0)),
        files=str(order.get("files", "*")),
        probe=probe,
        rng=Random(order.get("seed")),
    )


class Rules:
    """Those that are in force. Read by every request, written by the control connection."""

    def __init__(self) -> None:
        self._rules: tuple[Rule, ...] = ()
        self._lock = threading.Lock()

    @property
    def tags(self) -> tuple[str, ...]:
        """Of the rules in force."""
        return tuple(rule.tag for rule in self._rules)

    def add(self, rule: Rule) -> None:
        """From the next request on."""
        with self._lock:
            self._rules = (*(one for one in self._rules if one.tag != rule.tag), rule)

    def remove(self, tag: str) -> int:
        """End a rule; whoever waits because of it goes on at once. How often it was applied."""
        with self._lock:
            doomed = [one for one in self._rules if one.tag == tag]
            self._rules = tuple(one for one in self._rules if one.tag != tag)
        for one in doomed:
            one.gone.set()
        return sum(one.hits for one in doomed)

    def matching(self, op: Op, paths: Callable[[], Iterable[str]]) -> tuple[Rule, ...]:
        """The rules that hit this request: the dice are thrown here."""
        found = [rule for rule in self._rules if op in rule.operations]
        if not found:
            return ()
        named = tuple(paths())
        return tuple(rule for rule in found if self._hit(rule, named))

    def _hit(self, rule: Rule, paths: Iterable[str]) -> bool:
        if not any(map(rule.means, paths)):
            return False
        with self._lock:
            if rule.rng.random() >= rule.share:
                return False
            rule.hits += 1
        return True


def obey(rules: Sequence[Rule], *, since_s: float) -> None:
    """Wait as long as the rules say, then fail as they say. Raises OSError.

    `since_s` (of time.monotonic) is when the request came in; delays of several rules add up.
    """
    due_s = since_s
    for rule in rules:
        if rule.delay_s and not rule.gone.is_set():
            due_s += rule.delay_s
            rule.gone.wait(max(0.0, due_s - time.monotonic()))
    for rule in rules:
        if rule.errno and not rule.gone.is_set():
            raise OSError(rule.errno, f"a fault: {rule.tag}")
