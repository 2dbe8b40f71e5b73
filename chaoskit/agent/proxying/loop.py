"""One thread that waits for sockets and for instants.

Readiness is edge-triggered: a connection is registered once and costs no further call of epoll.
Timers run on a timerfd, because epoll's own timeout is rounded up to whole milliseconds.
"""

import ctypes
import heapq
import itertools
import os
import select
import time
from collections import deque
from collections.abc import Callable

Handler = Callable[[int], None]
Work = Callable[[], None]

READ_AND_WRITE = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
_NS = 1_000_000_000
_MOST_EVENTS = 256  # of one turn

_libc = ctypes.CDLL(None, use_errno=True)


class _TimerSpec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class Timer:
    """Work that is due at an instant, unless it is cancelled before."""

    __slots__ = ("cancelled", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.cancelled = False


class Loop:
    """Calls whoever's descriptor is ready, or whose time has come. Never from two threads."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._timers: list[tuple[int, int, Timer]] = []
        self._numbers = itertools.count()
        self._again: deque[Work] = deque()
        self._armed_ns = 0
        self._clock = _libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._clock < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"timerfd_create: {os.strerror(number)}")
        self._epoll.register(self._clock, select.EPOLLIN)
        self._running = False

    def watch(self, descriptor: int, handler: Handler, events: int = READ_AND_WRITE) -> None:
        """Call `handler(events)` whenever the descriptor becomes ready."""
        self._handlers[descriptor] = handler
        self._epoll.register(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Never call for this descriptor again; before it is closed."""
        if self._handlers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def later(self, delay_s: float, work: Work) -> Timer:
        """Do this once, that many seconds from now."""
        timer = Timer(work)
        due_ns = time.monotonic_ns() + round(delay_s * _NS)
        heapq.heappush(self._timers, (due_ns, next(self._numbers), timer))
        self._arm()
        return timer

    def again(self, work: Work) -> None:
        """Do this when everybody else has had a turn."""
        self._again.append(work)

    def stop(self) -> None:
        """End `run` after this turn."""
        self._running = False

    def run(self) -> None:
        """Until somebody calls `stop`."""
        self._running = True
        while self._running:
            self.turn(0 if self._again else -1)

    def turn(self, timeout_s: float) -> None:
        """One wait, and everything that is ready after it; -1 waits for as long as it takes."""
        ready = self._epoll.poll(timeout_s, _MOST_EVENTS)
        for descriptor, events in ready:
            if descriptor == self._clock:
                self._ring()
                continue
            # An earlier handler of this turn may have closed it.
            handler = self._handlers.get(descriptor)
            if handler is not None:
                handler(events)
        for _ in range(len(self._again)):
            self._again.popleft()()

    def close(self) -> None:
        """Give the descriptors back."""
        self._epoll.close()
        os.close(self._clock)

    def _ring(self) -> None:
        os.read(self._clock, 8)
        self._armed_ns = 0
        now_ns = time.monotonic_ns()
        while self._timers and self._timers[0][0] <= now_ns:
            _, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                timer.work()
        self._arm()

    def _arm(self) -> None:
        """Set the clock to the earliest timer."""
        if not self._timers or self._armed_ns == self._timers[0][0]:
            return
        self._armed_ns = self._timers[0][0]
        wait_ns = max(1, self._armed_ns - time.monotonic_ns())
        spec = _TimerSpec(0, 0, wait_ns // _NS, wait_ns % _NS)
        _libc.timerfd_settime(self._clock, 0, ctypes.byref(spec), None)
