"""The engine's restart policy."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Loss, Of, Setting
from chaoskit.healers.floors import Floor, Span, doubled

# moby, restartmanager.go
FIRST_S = 0.1
CAP_S = 60.0
FORGETS_AFTER_S = 10.0

# No timer stands between a process's end and the engine's word of it, only work: its network and
# its file systems are taken apart first. The worst is stated from measurements
# (benchmarks/floors.py), not from a setting; only `best` is a law.
_NOTICES = Span(0.0, 0.0, 0.5)
# Creating and starting a container, on a machine with nothing else to do.
_STARTS = Span(0.0, 0.2, 1.0)


class DockerRestart(HealerKind):
    """The engine starts a container again whose main process ended.

    After 100 ms, then twice as long each time, at most a minute; a run of 10 s is forgiven. It acts
    when a process ends and at no other time: a container that hangs or is unhealthy stays as it is,
    and so does one that was ended through the engine's own interface.
    """

    name = "docker-restart"
    title = "Restart policy of the Docker engine"
    settings = (
        Setting(
            "rearm",
            "How its back-off is forgotten between trials; absent: restart, or wait for roles.",
            Of.WORD,
            choices=("wait", "restart"),
        ),
    )
    rearm = "the back-off doubles unless a container was up for 10 s: restart it, or wait 12 s"
    witness = "engine: true (it notices at `die`, and has acted at the `start` that follows)"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a crash; it never acts on anything else."""
        del settings, asks_hz
        if LOSSES.get(fault) is not Loss.GONE:
            return None
        wait = Span(FIRST_S, FIRST_S, FIRST_S)
        return Floor(
            detection=_NOTICES,
            action=_NOTICES + wait + _STARTS,
            why="no timer before it notices; then 0.1 s, and the time that a start takes",
        )


def backoff_s(crash: int) -> float:
    """The engine's wait before the restart after this many crashes in a row, counted from 1."""
    return doubled(FIRST_S, crash, CAP_S)


KIND = DockerRestart()
