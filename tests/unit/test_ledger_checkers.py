"""The checkers on worked vectors, and mutants of their code that the vectors must kill.

The first vector is Jepsen's own (attempts 1 to 6, acknowledged 1 to 4, read 1, 2, 4, 5 and 9). Even
revered checkers had a branch that could never be reached: so each rule here has a mutant.
"""

import types
from pathlib import Path

import pytest

from chaoskit.measures import checkers

# name, checker, attempts, acked, indeterminate, final → lost, recovered, unexpected, duplicated
VECTORS = [
    ("jepsen", "set", [1, 2, 3, 4, 5, 6], [1, 2, 3, 4], [5, 6], [1, 2, 4, 5, 9],
     ([3], [5], [9], [])),
    ("nothing written", "set", [], [], [], [], ([], [], [], [])),
    ("all well", "set", [1, 2, 3], [1, 2, 3], [], [3, 2, 1], ([], [], [], [])),
    ("everything lost", "set", [1, 2], [1, 2], [], [], ([1, 2], [], [], [])),
    ("indeterminate and gone", "set", [1, 2], [1], [2], [1], ([], [], [], [])),
    ("refused and there", "set", [1, 2], [1], [], [1, 2], ([], [], [2], [])),
    ("never written and there", "set", [1], [1], [], [1, 7, 7], ([], [], [7], [])),
    ("twice", "set", [1, 2, 3], [1, 2], [3], [1, 1, 1, 2, 3, 3], ([], [3], [], [1, 1, 3])),
    ("acknowledged counts before recovered", "set", [1, 2], [1, 2], [2], [1, 2],
     ([], [], [], [])),
    ("jepsen", "queue", [1, 2, 3, 4, 5, 6], [1, 2, 3, 4], [5, 6], [1, 2, 4, 5, 9],
     ([3], [5], [9], [])),
    ("delivered twice", "queue", [1, 2], [1, 2], [], [1, 1, 2], ([], [], [], [1])),
    ("indeterminate, delivered twice", "queue", [1, 2], [1], [2], [1, 2, 2],
     ([], [2], [], [2])),
    ("enqueued twice, delivered twice", "queue", [1, 1], [1, 1], [], [1, 1],
     ([], [], [], [])),
    ("enqueued twice, delivered once", "queue", [1, 1], [1, 1], [], [1], ([1], [], [], [])),
    ("one of two enqueues without an answer", "queue", [1, 1], [1], [1], [1, 1],
     ([], [1], [], [])),
    ("refused and delivered", "queue", [1, 2], [1], [], [1, 2, 2], ([], [], [2, 2], [])),
    ("nothing came out", "queue", [1, 2], [1], [2], [], ([1], [], [], [])),
]  # fmt: skip


def wrong(module) -> list[str]:
    """The vectors that a checkers' module gets wrong."""
    check = {"set": module.check_set, "queue": module.check_queue}
    failed = []
    for name, kind, attempts, acked, indeterminate, final, expected in VECTORS:
        try:
            found = check[kind](attempts, acked, indeterminate, final)
            got = (found.lost, found.recovered, found.unexpected, found.duplicated)
        except Exception as error:  # noqa: BLE001  # a mutant may do anything
            got = error
        if got != tuple(map(tuple, expected)):
            failed.append(f"{kind}: {name}: {got}")
    return failed


def test_every_vector_comes_out_as_worked_by_hand():
    assert wrong(checkers) == []


def test_the_order_of_what_was_read_does_not_matter():
    forwards = checkers.check_set([1, 2, 3], [1, 2], [3], [1, 3, 3])
    backwards = checkers.check_set([3, 2, 1], [2, 1], [3], [3, 3, 1])

    assert forwards == backwards


SET = "def check_set("
QUEUE = "def check_queue("
# The function, what stands in it, and what the mutant has instead.
MUTANTS = {
    "set: the lost are dropped": (SET, "lost=_ordered(promised - there.keys())", "lost=()"),
    "set: ack and attempt are swapped": (SET, "promised = set(acked)", "promised = set(attempts)"),
    "set: attempts that were acked are swapped with the acked": (
        SET,
        "set(attempts) & (promised | set(indeterminate))",
        "set(acked)",
    ),
    "set: indeterminate is ignored": (SET, "(promised | set(indeterminate))", "promised"),
    "set: indeterminate counts as acknowledged": (
        SET,
        "promised = set(acked)",
        "promised = set(acked) | set(indeterminate)",
    ),
    "set: whatever was attempted may be there": (
        SET,
        "set(attempts) & (promised | set(indeterminate))",
        "set(attempts)",
    ),
    "set: the recovered are dropped": (
        SET,
        "recovered=_ordered((there.keys() & possible) - promised)",
        "recovered=()",
    ),
    "set: acknowledged ones are recovered too": (
        SET,
        "(there.keys() & possible) - promised",
        "there.keys() & possible",
    ),
    "set: duplicates are ignored": (
        SET,
        "duplicated=_ordered(copies.elements())",
        "duplicated=()",
    ),
    "set: every value is its own duplicate": (SET, "one: count - 1", "one: count"),
    "set: what is unexpected is duplicated as well": (SET, " if one in possible", ""),
    "set: the unexpected are ignored": (
        SET,
        "unexpected=_ordered(there.keys() - possible)",
        "unexpected=()",
    ),
    "queue: the lost are dropped": (
        QUEUE,
        "lost=_ordered((promised - out).elements())",
        "lost=()",
    ),
    "queue: ack and attempt are swapped": (
        QUEUE,
        "Counter(attempts), Counter(acked)",
        "Counter(acked), Counter(attempts)",
    ),
    "queue: indeterminate is ignored": (
        QUEUE,
        "(promised + Counter(indeterminate))",
        "promised",
    ),
    "queue: indeterminate counts as acknowledged": (
        QUEUE,
        "Counter(acked), Counter(final)",
        "Counter(acked) + Counter(indeterminate), Counter(final)",
    ),
    "queue: whatever was attempted may be there": (
        QUEUE,
        "tried & (promised + Counter(indeterminate))",
        "tried",
    ),
    "queue: sets instead of multisets": (QUEUE, "Counter(final)", "Counter(set(final))"),
    "queue: the recovered are dropped": (
        QUEUE,
        "recovered=_ordered(((expected & possible) - promised).elements())",
        "recovered=()",
    ),
    "queue: copies count as recovered": (QUEUE, "(expected & possible)", "expected"),
    "queue: duplicates are ignored": (
        QUEUE,
        "duplicated=_ordered((expected - possible).elements())",
        "duplicated=()",
    ),
    "queue: the unexpected are ignored": (
        QUEUE,
        "unexpected=_ordered((out - expected).elements())",
        "unexpected=()",
    ),
}


def mutant(function: str, original: str, replacement: str):
    """The checkers with one place of one function changed."""
    source = Path(checkers.__file__).read_text(encoding="utf-8")
    begin = source.index(function)
    end = source.find("\ndef ", begin + 1)
    body = source[begin:end]
    assert body.count(original) == 1, f"{original!r} is not in the code once: renew the mutant"
    changed = source[:begin] + body.replace(original, replacement) + source[end:]
    module = types.ModuleType("mutant")
    exec(compile(changed, "mutant", "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_of_the_checkers_is_killed(name):
    assert wrong(mutant(*MUTANTS[name])), f"no vector noticed that {name}"


def test_the_code_without_a_change_survives():
    assert wrong(mutant(SET, "promised = set(acked)", "promised = set(acked)")) == []
