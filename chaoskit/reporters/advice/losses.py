"""Rules about what did not come back: acknowledged writes, and full strength."""

from chaoskit.model.quantities import format_duration
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.advice.case import STANDING, Advice, Case

_STORES = {
    "redis": ("appendonly yes\nappendfsync always", "redis.conf"),
    "postgres": ("synchronous_commit = on\nfsync = on", "postgresql.conf"),
    "queue": (
        "queue durable, messages persistent (delivery_mode 2), publisher confirms on,\n"
        "and acknowledge a message only after its work is done",
        "publishers and workers",
    ),
}
# With replicas a write is safe only where it was copied to; without any, these refuse every write.
_COPIES = {
    "redis-sentinel": "min-replicas-to-write 1\nmin-replicas-max-lag 1",
    "patroni": "synchronous_standby_names = 'ANY 1 (*)'",
}


def durable_writes(case: Case) -> Advice | None:
    """Writes that were acknowledged, and gone."""
    lost = sum(one.ledger.lost or 0 for one in case.trials if one.ledger)
    if not lost and not case.came_to(Verdict.DATA_LOST):
        return None
    kind = next((one.ledger.kind for one in case.trials if one.ledger), case.record.ledger)
    lines, where = _STORES.get(kind, ("acknowledge a write only once it is on disk", "the store"))
    copies = [text for name, text in _COPIES.items() if case.healer(name)]
    lines = "\n".join([lines, *copies])
    count = f"{lost:,} acknowledged writes" if lost else "Acknowledged writes"
    return Advice(
        rule="durable-writes",
        title="Acknowledge only what is safe",
        why=f"{count} were lost: the store answers before the data would survive this fault",
        lines=lines,
        where=where,
        gain=f"saves {count[:1].lower()}{count[1:]}",
        weight=2,
        gain_s=case.seconds("lost_span"),
    )


def back_to_full_strength(case: Case) -> Advice | None:
    """What was taken away through the engine stays away: restart policies do not act on it."""
    if not (case.faults & STANDING and case.unending("redundancy")):
        return None
    name = case.service or "SERVICE"
    want = case.record.redundancy.get(case.service, 1)
    return Advice(
        rule="back-to-full-strength",
        title=f"Let an orchestrator keep {name} at {want}",
        why=(
            "an instance that is stopped or removed through the engine is not started again by its "
            f"restart policy; full strength was not seen again within "
            f"{format_duration(case.record.watch_s)}"
        ),
        lines=(
            f"docker stack deploy -c compose.yaml NAME    # with, under {name}:\n"
            f"deploy:\n  replicas: {want}\n  restart_policy: {{condition: any, delay: 0s}}"
        ),
        where="compose.yaml, for Swarm; a Deployment on Kubernetes",
        gain_s=case.seconds("redundancy") / 10,  # weaker is not down
        gain="brings full strength back",
    )


RULES = (durable_writes, back_to_full_strength)
