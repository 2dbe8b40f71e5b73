"""One request and its answer, and what is done to them on their way."""

from dataclasses import dataclass

from chaoskit.agent.proxying.http_effects import Changer, Effect
from chaoskit.agent.proxying.http_wire import Body, Head


@dataclass(kw_only=True)
class Exchange:
    """A request and its answer, as far as they have come."""

    request: Head
    body: Body
    effect: Effect | None
    held: bool = False  # waits for a timer
    ours: bool = False  # we answer; the service never hears of it
    sent: bool = False  # the request's head was passed on
    answer: Head | None = None
    answer_body: Body | None = None
    discard: bool = False  # the service's body is not passed on
    changer: Changer | None = None
    keep_left: int | None = None  # bytes of payload before it is cut off
