"""Work of a driver with a bound on its time.

Drivers repeat what failed, for minutes on end, and some wait for ever. A thread does the work; one
that does not come back in time is left behind, and does not keep the process from ending.
"""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from chaoskit.errors import ChaoskitError
from chaoskit.reporters.text import one_line, redact

Answer = TypeVar("Answer")

ASK_S = 60.0  # for a question, such as whether one may write


class StoreAway(ChaoskitError):
    """The store refused or did not answer; the message is one line, without secrets."""


def within(seconds: float, work: Callable[[], Answer]) -> Answer:
    """What the work answers. Raises StoreAway when it fails or takes longer, and FileNotFoundError."""
    done: queue.Queue[tuple[Answer | None, Exception | None]] = queue.Queue(1)

    def carry_out() -> None:
        try:
            done.put((work(), None))
        except Exception as error:  # noqa: BLE001  # drivers raise whatever their services say
            done.put((None, error))

    threading.Thread(target=carry_out, name="store", daemon=True).start()
    try:
        answer, error = done.get(timeout=seconds)
    except queue.Empty:
        message = f"no answer within {seconds:g} s"
        raise StoreAway(message) from None
    if isinstance(error, FileNotFoundError):
        raise error
    if error is not None:
        words = " ".join(str(error).split()) or type(error).__name__
        raise StoreAway(redact(one_line(words, limit=300))) from error
    return answer  # type: ignore[return-value]  # there was no error, so the work has answered
