"""A timer that wakes epoll to the microsecond; epoll's own timeout counts milliseconds."""

import ctypes
import os
import time

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC  # TFD_NONBLOCK and TFD_CLOEXEC are the same bits
_NS = 1_000_000_000


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class Timer:
    """A timerfd on CLOCK_MONOTONIC. Readable from the instant it was armed for until armed again.

    `os.timerfd_create` came with Python 3.13 only, hence the C library.
    """

    def __init__(self) -> None:
        """Raises OSError where the kernel has no timerfd."""
        libc = ctypes.CDLL(None, use_errno=True)
        self._set = libc.timerfd_settime
        self._spec = _TimerSpec()
        self._pointer = ctypes.byref(self._spec)
        self._armed_ns = 0
        self.fd: int = libc.timerfd_create(_CLOCK_MONOTONIC, _FLAGS)
        if self.fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def arm(self, at_ns: int) -> None:
        """Expire at this monotonic instant; at once when it has passed."""
        # The past is moved up to now: 0 would disarm, and equal instants must expire again.
        if at_ns == self._armed_ns and at_ns > time.monotonic_ns():
            return
        self._armed_ns = at_ns
        value = self._spec.value
        value.seconds, value.nanoseconds = divmod(max(at_ns, 1), _NS)
        if self._set(self.fd, _ABSOLUTE, self._pointer, None) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)
