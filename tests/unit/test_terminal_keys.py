"""The keys of the live view, in a real pseudo-terminal; and that it is given back whatever happens."""

import os
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.sitting import at_terminal

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60

RUN = """
import os, sys, time
from chaoskit.reporters import terminal
from chaoskit.run.signals import Signals

def say(word):
    os.write(int(sys.argv[1]), (word + "\\n").encode())

with terminal.watching(sys.stdin, sys.stderr) as (listener, wishes), Signals(wishes) as signals:
    say(type(listener).__name__)
    said = None
    while not (said == "stop" and sys.argv[2] != "stay"):
        now = "stop" if wishes.stop.is_set() else "hold" if wishes.hold.is_set() else "free"
        if now != said:
            say(now)
            said = now
        if now == "hold" and sys.argv[2] == "raise":
            raise RuntimeError("on purpose")
        time.sleep(0.01)
    signals.__exit__(None, None, None)
    say("end " + signals.name)
    if sys.argv[2] == "report":
        time.sleep(3)  # a report is being written; a signal would end this
        say("reported")
"""


class Session:
    """A process with a terminal of its own, and what it says beside it."""

    def __init__(self, how="end", *, shell="", deaf=False, **environ):
        self.master, self.slave = os.openpty()
        self.before = termios.tcgetattr(self.slave)
        self._heard, says = os.pipe()
        clean = {name: value for name, value in os.environ.items() if name != "CI"}
        program = [sys.executable, "-c", RUN, says, how]
        self.process = subprocess.Popen(
            at_terminal(self.slave, ["bash", "--norc", "-i"] if shell else program, deaf=deaf),
            cwd=ROOT,
            env={**clean, "TERM": "xterm-256color", "RUN": RUN, **environ},
            pass_fds=[says, self.slave],
        )
        if shell:
            self.types(f'{sys.executable} -c "$RUN" {says} {how} {shell}\n'.encode())
        os.close(says)
        self._rest = b""
        self.shown = b""

    def hears(self, word):
        """Wait for one line from the process; meanwhile take what it draws."""
        end = time.monotonic() + PATIENCE_S
        while b"\n" not in self._rest:
            assert time.monotonic() < end, f"never heard {word!r}; shown: {self.shown[-500:]!r}"
            ready, _, _ = select.select([self._heard, self.master], [], [], 1)
            if self.master in ready:
                self.shown += os.read(self.master, 65536)
            if self._heard in ready:
                more = os.read(self._heard, 4096)
                assert more, f"it ended before it said {word!r}; shown: {self.shown[-500:]!r}"
                self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        assert line.decode() == word

    def types(self, keys):
        os.write(self.master, keys)

    def has(self, condition):
        """Wait until a condition holds, taking what is drawn."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, f"shown: {self.shown[-500:]!r}"
            if select.select([self.master], [], [], 0.02)[0]:
                self.shown += os.read(self.master, 65536)
        return True

    @property
    def raw(self):
        """Whether keys come at once and are not shown."""
        flags = termios.tcgetattr(self.slave)[3]
        return not flags & termios.ICANON and not flags & termios.ECHO

    def ends(self):
        assert self.has(lambda: self.process.poll() is not None)
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for one in (self.master, self.slave, self._heard):
            os.close(one)


@pytest.fixture
def begin():
    sessions = []

    def one(how="end", **settings):
        sessions.append(Session(how, **settings))
        return sessions[-1]

    yield one
    for session in sessions:
        session.close()


@pytest.fixture
def session(begin):
    one = begin()
    one.hears("LiveListener")
    one.hears("free")
    assert one.has(lambda: one.raw)
    return one


def given_back(session):
    return termios.tcgetattr(session.slave) == session.before


def test_p_holds_and_goes_on_and_q_is_the_first_signal(session):
    session.types(b"p")
    session.hears("hold")
    session.types(b"P")
    session.hears("free")
    session.types(b"q")
    session.hears("stop")
    session.hears("end SIGINT")

    assert session.ends() == 0
    assert given_back(session)


def test_q_after_a_signal_is_no_second_signal(begin):
    session = begin("stay")
    session.hears("LiveListener")
    session.hears("free")
    session.types(b"q")
    session.hears("stop")
    session.types(b"qqq")
    assert session.has(lambda: b"stopping" in session.shown)
    assert session.process.poll() is None
    session.types(b"\x03")

    assert session.ends() == 128 + signal.SIGINT  # it left at once
    assert given_back(session)


def test_q_costs_no_report_when_the_run_is_over(begin):
    session = begin("report")
    session.hears("LiveListener")
    session.hears("free")
    session.types(b"q")
    session.hears("stop")
    session.hears("end SIGINT")
    session.types(b"qq")
    session.hears("reported")

    assert session.ends() == 0


@pytest.mark.parametrize("typed", [b"\x1b[A", b"\x1bOp", b"stop it, please", b"\xc3\xa4", b"\r"])
def test_cursor_keys_and_pastes_are_no_wishes(session, typed):
    session.types(typed)
    time.sleep(0.3)
    session.types(b"p")

    session.hears("hold")


def test_an_error_gives_the_terminal_back(begin):
    session = begin("raise")
    session.hears("LiveListener")
    session.hears("free")
    session.types(b"p")
    session.hears("hold")

    assert session.ends() == 1
    assert given_back(session)


def test_a_kill_by_the_quit_key_gives_the_terminal_back(session):
    session.types(b"\x1c")

    assert session.ends() == -signal.SIGQUIT
    assert given_back(session)


def test_it_can_be_suspended_and_goes_on_with_its_keys(begin):
    session = begin(shell="; echo ended")
    session.hears("LiveListener")
    session.hears("free")
    assert session.has(lambda: session.raw)
    session.types(b"\x1a")
    assert session.has(lambda: b"Stopped" in session.shown)
    session.types(b"fg\n")
    assert session.has(lambda: session.shown.count(b"lift and report") and session.raw)
    time.sleep(1)
    session.types(b"p")
    session.hears("hold")
    session.types(b"q")
    session.hears("stop")
    session.hears("end SIGINT")

    assert session.has(lambda: b"\r\nended" in session.shown)


def test_in_the_background_nothing_is_read_and_nothing_stops_it(begin):
    session = begin("stay", shell="&")
    session.hears("LiveListener")
    session.hears("free")
    session.types(b"echo p p p\n")
    assert session.has(lambda: b"\rp p p\r\n" in session.shown)
    session.types(b"fg\n")
    assert session.has(lambda: session.raw)
    time.sleep(1)
    session.types(b"p")

    session.hears("hold")


def hang_up(session):
    os.close(session.slave)
    os.close(session.master)
    session.master, session.slave = os.openpty()  # others, so that they can be closed


def test_a_terminal_that_goes_away_ends_the_process_as_ever(session):
    session.types(b"p")
    session.hears("hold")
    hang_up(session)

    assert session.process.wait(PATIENCE_S) == -signal.SIGHUP


def test_where_that_ends_nothing_it_ends_the_hold(begin):
    session = begin("stay", deaf=True)
    session.hears("LiveListener")
    session.hears("free")
    session.types(b"p")
    session.hears("hold")
    hang_up(session)

    session.hears("free")


@pytest.mark.parametrize(
    "environ",
    [{"CI": "true"}, {"TERM": "dumb"}, {"TTY_INTERACTIVE": "0"}],
    ids=["CI", "dumb", "not interactive"],
)
def test_where_nobody_sits_no_key_is_read_and_nothing_is_animated(begin, environ):
    session = begin("stay", **environ)
    session.hears("PlainListener")
    session.hears("free")
    session.types(b"p")
    time.sleep(0.5)

    assert given_back(session)
    assert b"\x1b" not in session.shown
    session.types(b"\x03")
    session.hears("stop")
