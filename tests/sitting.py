"""Starts a program at a pseudo-terminal of its own, as a shell would."""

import sys

_SIT_DOWN = """
import os, signal, sys
terminal, deaf = int(sys.argv[1]), sys.argv[2] == "deaf"
os.login_tty(terminal)
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
if deaf:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def at_terminal(terminal, command, *, deaf=False):
    """The command that runs another one at this terminal, which must be handed on (`pass_fds`).

    Signals do what they do by default, however the tests were started; `deaf` to the end of the
    terminal is a program under nohup.
    """
    how = "deaf" if deaf else "hearing"
    return [sys.executable, "-c", _SIT_DOWN, str(terminal), how, *map(str, command)]
