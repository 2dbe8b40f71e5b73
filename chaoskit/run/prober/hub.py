"""Who is told when a descriptor is ready."""

import select
from typing import Protocol


class Listener(Protocol):
    """Somebody who waits for a descriptor."""

    def ready(self, mask: int) -> None:
        """The descriptor has something to say."""
        ...


class Hub:
    """An epoll instance and the listeners behind its descriptors."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.listeners: dict[int, Listener] = {}

    def watch(self, fd: int, mask: int, listener: Listener) -> None:
        """Tell the listener when the descriptor is ready."""
        self.listeners[fd] = listener
        self.epoll.register(fd, mask)

    def change(self, fd: int, mask: int) -> None:
        """Wait for something else."""
        self.epoll.modify(fd, mask)

    def hand_over(self, fd: int, mask: int, listener: Listener) -> None:
        """Tell another listener from now on."""
        self.listeners[fd] = listener
        self.epoll.modify(fd, mask)

    def forget(self, fd: int) -> None:
        """Wait no longer. The descriptor may be closed next: that takes it out of epoll."""
        self.listeners.pop(fd, None)
