"""Real misconfigurations and real bugs that the collection finds, each with the experiment that finds it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What is wrong, the experiment that shows it, and the one that shows it mended."""

    what: str
    found_by: str
    fixed_by: str = ""
    how: str = ""  # what the fixed variant does differently


FINDINGS = (
    Finding(
        "Redis under a restart policy without persistence is back in half a second, and empty",
        "redis-restart/crash-without-persistence",
        "redis-restart/crash-with-appendonly",
        "`appendonly yes`",
    ),
    Finding(
        "`appendfsync everysec` loses acknowledged writes also when only the process crashes: while a sync is "
        "under way, Redis keeps them in its memory for up to two seconds",
        "redis-restart/slow-syncs-and-crash",
        "worker-queue-strict/power-cut",
        "`appendfsync always`, which keeps everything in a power cut, too",
    ),
    Finding(
        "Redis with Sentinel, no persistence, restarted at once: the primary is back, empty, before "
        "Sentinel has noticed, and the replicas copy the empty set",
        "redis-sentinel-volatile/crash-the-primary",
        "redis-sentinel/crash-the-primary",
        "a log on disk, and 5 s of waiting before a server starts again and asks Sentinel",
    ),
    Finding(
        "The same, asked who healed it: it was the restart policy; Sentinel was never needed",
        "redis-sentinel-volatile/crash-the-primary-who-heals",
        "redis-sentinel/crash-the-primary",
        "the same",
    ),
    Finding(
        "A Redis primary that keeps its clients and loses its peers acknowledges writes that will be gone",
        "redis-sentinel/split-the-primary-from-its-peers",
        "redis-sentinel/split-the-primary-wait-for-a-replica",
        "`WAIT 1` after each write",
    ),
    Finding(
        "redis-py stays with a primary that refuses every write with `NOREPLICAS`",
        "redis-sentinel-safe/split-the-primary-from-its-peers",
        "redis-sentinel-safe/split-the-primary-leave",
        "the application drops the connection when it is told so",
    ),
    Finding(
        "Two of three Sentinels away: one sees the hung primary, and nobody acts",
        "redis-sentinel/hang-without-a-majority",
        "redis-sentinel/hang-the-primary",
        "Sentinels that do not fail together",
    ),
    Finding(
        "Patroni 3.0.4, restarted within its lease after a crash, says that it releases the leader key, "
        "does not, and keeps two healthy replicas waiting (mended in 3.2.0)",
        "postgres-patroni-plain/crash-the-primary",
        "postgres-patroni/crash-the-primary",
        "6 s of waiting before a member starts again (`RestartSec`)",
    ),
    Finding(
        "Asynchronous PostgreSQL goes on acknowledging writes on a primary that is cut off",
        "postgres-patroni-plain/partition-the-primary",
        "postgres-patroni/partition-the-primary",
        "`synchronous_mode`",
    ),
    Finding(
        "Without a majority of etcd a healthy PostgreSQL primary takes no writes",
        "postgres-patroni/lose-the-etcd-majority",
        "postgres-patroni-one-etcd/lose-the-etcd",
        "`failsafe_mode`",
    ),
    Finding(
        "Redis Streams without persistence: everybody is back, every probe is content, the jobs are gone",
        "worker-queue-volatile/crash-everything",
        "worker-queue/crash-everything",
        "`appendonly yes`",
    ),
    Finding(
        "`appendfsync everysec` loses acknowledged jobs in a power cut (about one trial in twenty loses none)",
        "worker-queue/power-cut",
        "worker-queue-strict/power-cut",
        "`appendfsync always`",
    ),
    Finding(
        "JetStream syncs every two minutes: a power cut takes every job that waited",
        "worker-queue-nats/power-cut",
        "worker-queue-nats-synced/power-cut",
        "`sync_interval: always`",
    ),
    Finding(
        "nats-server 2.9.10 (Debian 12) keeps messages that were acknowledged after a crash, for good "
        "(nats-server issues 3996 and 6881)",
        "worker-queue-nats-debian/crash-everything",
        "worker-queue-nats/crash-everything",
        "nats-server 2.11",
    ),
    Finding(
        "Slots that fetch through one subscription of nats-py take each other's jobs: with a backlog a third of "
        "the hands are idle, and it never gets shorter",
        "worker-queue-nats-shared/crash-all-workers",
        "worker-queue-nats/crash-all-workers",
        "a subscription for each slot: 86 jobs a second instead of 51",
    ),
    Finding(
        "A poisonous JetStream job takes innocent jobs to the dead letters with it",
        "worker-queue-nats-shared/poison",
        "worker-queue/poison",
        "what was left by a crash is claimed alone",
    ),
    Finding(
        "Retries without a budget turn a spike of two seconds into an outage without end",
        "service-mesh/retry-storm-without-budget",
        "service-mesh/retry-storm",
        "circuit breakers and a retry budget",
    ),
    Finding(
        "Envoy's default panic threshold of 50 % sends most requests to two bad hosts of three",
        "service-mesh/two-back-ends-fail-default-panic",
        "service-mesh/two-back-ends-fail",
        "a lower `healthy_panic_threshold`",
    ),
    Finding(
        "Alertmanager's default `group_wait` of 30 s is longer than a leaking service lives",
        "alert-remediation-naive/memory-leak",
        "alert-remediation/memory-leak",
        "`group_wait: 0s` for alerts that a machine acts on",
    ),
    Finding(
        "Alerts grouped by name alone: the second instance's alert waits for five minutes",
        "alert-remediation-grouped/two-leaks",
        "alert-remediation/two-leaks",
        "`group_by: [alertname, container]`",
    ),
    Finding(
        "One Alertmanager: while it is away nobody is told, and the kernel kills the service",
        "alert-remediation/alertmanager-down",
        "alert-remediation-pair/alertmanager-down",
        "two that know nothing of each other, and a webhook that acts once",
    ),
    Finding(
        "An unhealthy container is not restarted by any restart policy",
        "restart-policy/hang",
        "autoheal/hang",
        "somebody who listens to the engine's events",
    ),
    Finding(
        "A start limit turns a failure that passes into one that stays: supervisord has given up, and the "
        "container runs",
        "supervised/broken-start-given-up",
    ),
    Finding(
        "A watchdog that waits for pings is content with a service that accepts nobody",
        "supervised/alive-and-silent",
    ),
    Finding(
        "HAProxy's health checks ask whether a replica answers, not how quickly: a slow one stays",
        "replicated-web/slow-replica-unnoticed",
        "replicated-web/latency-to-a-replica",
        "slower than the time-outs it is noticed: time-outs near what users bear",
    ),
)
