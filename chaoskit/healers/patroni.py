"""Patroni: the failover of a PostgreSQL primary."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Of, Setting, seconds
from chaoskit.healers.floors import Floor, Span, lease


class Patroni(HealerKind):
    """A replica takes the leader's lease when it has run out, and promotes itself.

    The lease is renewed every loop_wait, so it runs out ttl − loop_wait to ttl after its holder was
    lost. PostgreSQL alone that crashes is started again in place and no lease runs out.
    """

    name = "patroni"
    title = "Patroni"
    settings = (
        Setting("ttl", "The leader's lease.", Of.DURATION, "30s"),
        Setting("loop_wait", "Between two looks.", Of.DURATION, "10s"),
        Setting(
            "retry_timeout", "Patience with the store and with PostgreSQL.", Of.DURATION, "10s"
        ),
        Setting("primary_start_timeout", "Patience with a restart.", Of.DURATION, "300s"),
        Setting("maximum_lag_on_failover", "Bytes a candidate may lack.", Of.COUNT, 1048576),
    )
    rearm = "every member streaming with no lag; the old primary must have rejoined"
    witness = "log of a member: `acquired session lock as a leader`, `promoted self to leader`"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a member that is lost together with its Patroni."""
        del asks_hz
        if fault not in LOSSES:
            return None
        values = self.values(settings)
        ttl_s, loop_s = values["ttl"], values["loop_wait"]
        if loop_s > ttl_s:
            message = f"loop_wait ({seconds(loop_s)}) is longer than ttl ({seconds(ttl_s)})"
            raise ValueError(message)
        why = f"a lease of {seconds(ttl_s)}, renewed every {seconds(loop_s)}"
        return Floor(
            detection=lease(ttl_s, loop_s), action=promoted(ttl_s, loop_s), uniform=True, why=why
        )


def promoted(ttl_s: float, loop_s: float) -> Span:
    """Until a replica is the leader: the lease, its next look, the lock and the promotion."""
    return lease(ttl_s, loop_s) + Span(0.0, loop_s / 2, loop_s) + Span(0.0, 1.0, 2.0)


def routed(inter_s: float, fastinter_s: float, rise: int) -> Span:
    """Until a proxy that checks the members has found the new one (Pigsty's model)."""
    quick_s = (rise - 1) * fastinter_s
    return Span(quick_s, quick_s + inter_s / 2, quick_s + inter_s)


KIND = Patroni()
