"""Redis Sentinel: the failover of a master."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Loss, Of, Setting, seconds
from chaoskit.healers.floors import Floor, Span

# redis, sentinel.c
PING_S = 1.0
TICK_S = 0.1
RETRY_AFTER = 2  # failover time-outs that a lost election blocks the next try for


class RedisSentinel(HealerKind):
    """Sentinels agree that a master is down, and promote a replica.

    Down is counted from the first PING that nobody answered. A crash drops the link, which is opened
    and asked again within a tick; a hang is asked at the next second. Then come the quorum, the
    election, and the promotion that the next INFO confirms. A lost election blocks the next try for
    two failover time-outs: the tail is heavy, and `worst` is of one election.
    """

    name = "redis-sentinel"
    title = "Redis Sentinel"
    settings = (
        Setting("down_after", "down-after-milliseconds.", Of.DURATION, "30s"),
        Setting("failover_timeout", "failover-timeout.", Of.DURATION, "180s"),
        Setting("quorum", "Sentinels that must agree.", Of.COUNT, 2, least=1),
        Setting("sentinels", "How many there are.", Of.COUNT, 3),
        Setting("parallel_syncs", "parallel-syncs.", Of.COUNT, 1),
    )
    rearm = (
        "a master and all replicas linked to it; after a failed attempt, "
        "wait for two failover time-outs"
    )
    witness = "log of a sentinel: `+sdown` (noticed), `+switch-master` (acted)"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a master that is gone, silent or cut off."""
        del asks_hz
        loss = LOSSES.get(fault)
        if loss is None:
            return None
        down_s = self.values(settings)["down_after"]
        crash = loss is Loss.GONE
        asked = Span(0.0, TICK_S, 2 * TICK_S) if crash else Span(0.0, PING_S / 2, PING_S + TICK_S)
        mean_s = down_s + (1.0 if crash else 1.5)
        after = "asked again within a tick" if crash else "asked at the next second"
        why = f"down after {seconds(down_s)}, {after}; then quorum, election and promotion"
        return Floor(
            detection=Span(down_s, down_s, down_s) + asked,
            action=Span(down_s + TICK_S, mean_s, down_s + 3.0),
            why=why,
        )


KIND = RedisSentinel()
