"""Whether a signal would do anything to a process, and whether it has got there.

The kernel throws a signal away when the process ignores it, and when the process is number 1 of its
pid namespace and has no handler for it, even when it comes from outside. Sending succeeds all the
same; so it is asked first. Sources: signal(7), pid_namespaces(7).
"""

import signal
from pathlib import Path

from chaoskit.agent import processes
from chaoskit.agent.groups import inside

IGNORED_BY_DEFAULT = frozenset({"CHLD", "URG", "WINCH", "CONT"})


def number_of(name: str) -> signal.Signals:
    """A signal by its name without SIG. Raises KeyError."""
    return signal.Signals[f"SIG{name}"]


def why_useless(pid: int, name: str) -> str:
    """Why the signal would be thrown away; "" when somebody will notice it."""
    found = inside.status(pid)
    if not found:
        return "it is gone"
    number = number_of(name)
    if _has(found["SigBlk"], number) or _has(found["SigCgt"], number):
        return ""  # a blocked one waits, for sigwait or signalfd
    if _has(found["SigIgn"], number):
        return f"it ignores SIG{name}"
    reasons = {
        "and the kernel spares number 1 of a pid namespace whatever it does not handle": (
            processes.first_of_its_namespace(pid)
        ),
        "which does nothing by default": name in IGNORED_BY_DEFAULT,
    }
    reason = next((words for words, holds in reasons.items() if holds), "")
    return f"it has no handler for SIG{name}, {reason}" if reason else ""


def is_pending(pid: int, number: signal.Signals) -> bool:
    """Whether the signal was sent and not yet taken by any thread of the process.

    In the books of a process that it has ended, it stays pending.
    """
    if processes.is_exiting(pid):
        return False
    if _has(inside.status(pid).get("ShdPnd", "0"), number):
        return True
    return any(_has(mask, number) for mask in _pending_of_threads(pid))


def _pending_of_threads(pid: int) -> list[str]:
    masks = []
    for thread in Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            lines = thread.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        masks += [line.split()[1] for line in lines if line.startswith("SigPnd:")]
    return masks


def _has(mask: str, number: signal.Signals) -> bool:
    return bool(int(mask, 16) >> (number - 1) & 1)
