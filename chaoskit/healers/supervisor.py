"""A supervisor inside a container or on a host: systemd, supervisord."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Loss, Of, Setting, seconds
from chaoskit.healers.floors import Floor, Span, exactly, uniform

# What such a fault takes away is one of its children, in the instance in which it runs itself.
_CHILD_ENDS = "kill_process"

# From one ping of a service to the next: sd_event pings at half of WatchdogSec.
_PING_SHARE = 0.5


class Supervisor(HealerKind):
    """A parent process starts its child again when it ends; with a watchdog, also when it hangs.

    systemd waits for RestartSec, and gives up for good after 5 starts in 10 s; supervisord does so
    after startretries failed starts in a row. The watchdog fires when two pings of the service are
    further apart than WatchdogSec.
    """

    name = "supervisor"
    title = "Supervisor of processes: systemd, supervisord"
    settings = (
        Setting("flavour", "Which one.", Of.WORD, "systemd", ("systemd", "supervisord", "other")),
        Setting("restart_sec", "RestartSec.", Of.DURATION, "100ms"),
        Setting("watchdog_sec", "WatchdogSec; absent: no watchdog.", Of.DURATION),
        Setting("start_limit_burst", "Starts until it gives up.", Of.COUNT, 5),
        Setting("start_limit_interval", "Within so long.", Of.DURATION, "10s"),
    )
    beside = frozenset({_CHILD_ENDS, "hang"})
    rearm = "restart an instance that stays unhealthy: what was given up is not begun again"
    witness = "its log: `Main process exited`, `Scheduled restart job`"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a child that ended, or that hangs under a watchdog."""
        del asks_hz
        values = self.values(settings)
        again = exactly(values["restart_sec"]) + Span(0.0, 0.1, 1.0)
        loss = Loss.GONE if fault == _CHILD_ENDS else LOSSES.get(fault)
        if loss is Loss.GONE:
            seen = Span(0.0, 0.01, 1.0)
            why = (
                f"a parent hears of its child's end at once; then {seconds(values['restart_sec'])}"
            )
            return Floor(detection=seen, action=seen + again, why=why)
        watchdog_s = values["watchdog_sec"]
        if loss is not Loss.SILENT or not watchdog_s:
            return None
        seen = uniform(_PING_SHARE * watchdog_s, watchdog_s)
        why = f"a ping every {seconds(_PING_SHARE * watchdog_s)}, missed for {seconds(watchdog_s)}"
        return Floor(detection=seen, action=seen + again, uniform=True, why=why)


KIND = Supervisor()
