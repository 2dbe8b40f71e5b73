"""The two sides of a connection as bytes in memory: what was read, and what is still to be sent."""

from chaoskit.agent.proxying.flow import End

ROOM = 1 << 18  # bytes that are kept of one direction before its sender has to wait


class Inlet:
    """What an end has sent us, and was not used yet."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.data = bytearray()
        self.ended = False

    def fill(self) -> None:
        """Read what is there, as far as there is room. Raises OSError: the connection broke."""
        while self.end.readable and not self.ended and len(self.data) < ROOM:
            try:
                piece = self.end.receive()
            except BlockingIOError:
                return
            self.ended = not piece
            self.data += piece

    def take(self, size: int) -> bytearray:
        """The next bytes, used."""
        piece = self.data[:size]
        del self.data[:size]
        return piece

    @property
    def drained(self) -> bool:
        """Whether nothing will ever come of it again."""
        return self.ended and not self.data


class Outlet:
    """What an end is to get, and has no room for yet."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.data = bytearray()

    def put(self, data: bytes | bytearray) -> None:
        """This comes after everything before it, at the next `flush`."""
        self.data += data

    def flush(self) -> None:
        """Send what there is room for. Raises OSError: the connection broke."""
        if self.data and self.end.writable:
            del self.data[: self.end.send(self.data)]

    @property
    def full(self) -> bool:
        """Whether whoever fills it should wait."""
        return len(self.data) >= ROOM
