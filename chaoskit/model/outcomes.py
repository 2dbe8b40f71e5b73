"""What an ask can say, and why it was not good. Numbers, because a million of them are stored."""

from enum import IntEnum


class Outcome(IntEnum):
    """What an ask said. UNKNOWN is about us, never about the target."""

    GOOD = 1
    BAD = 2
    UNKNOWN = 3


class Reason(IntEnum):
    """Why an ask was not good."""

    NONE = 0
    REFUSED = 1
    RESET = 2
    TIMEOUT = 3
    CLOSED = 4  # the connection ended before a whole answer
    TOLERANCE = 5  # an answer came, outside the tolerance
    UNRESOLVED = 6  # the name did not resolve
    PROTOCOL = 7  # what came was not the protocol
    LATE = 8  # we began too late
    NO_SLOT = 9  # we had too many asks in flight
    RAISED = 10  # a python or process probe failed
    OTHER = 11
    GAP = 12  # our own way to the target was broken: a port-forward's gap
    LOST = 13  # what was found never reached us, if anything was
