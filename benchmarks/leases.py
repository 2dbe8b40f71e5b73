"""What fifty faults that are held at once cost while nothing else happens.

The processor time of the agent and of the harness is read over a while in which only leases are
renewed.

    python -m benchmarks.leases [FAULTS [SECONDS]]
"""

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chaoskit.target.engine import ROLE_LABEL, RUN_LABEL
from chaoskit.testing.arena import Arena, opened, pid_of

TITLE = "the cost of renewing the leases of fifty held faults"
FAULTS = 50
SECONDS = 20.0
INSTANCES = 5
GOAL_SHARE = 0.05  # of one core

_TICKS_S = os.sysconf("SC_CLK_TCK")


def measure(faults: int = FAULTS, seconds: float = SECONDS) -> dict[str, Any]:
    """Shares of one core, of the agent, of the harness, and together."""
    with TemporaryDirectory() as folder, opened(Path(folder)) as arena:
        arena.add("db")
        for number in range(1, INSTANCES + 1):
            arena.add("web", number)
        for number in range(faults):
            arena.inject("partition", pick=f"web-{number % INSTANCES + 1}", **{"from": "db"})
        agent = _agent_pid(arena)
        before = _spent_s(agent), time.process_time(), time.monotonic()
        time.sleep(seconds)
        after = _spent_s(agent), time.process_time(), time.monotonic()
        held = arena.hand.ready("firewall").request("renew")["held"]
    took_s = after[2] - before[2]
    shares = {
        "agent_share": (after[0] - before[0]) / took_s,
        "harness_share": (after[1] - before[1]) / took_s,
    }
    together = sum(shares.values())
    return {
        "faults": len(held),
        "lease_s": arena.lease_s,
        "seconds": round(took_s, 1),
        **{name: round(one, 5) for name, one in shares.items()},
        "share_of_one_core": round(together, 5),
        "goal_share": GOAL_SHARE,
        "met": together < GOAL_SHARE and len(held) == faults,
    }


def _agent_pid(arena: Arena) -> int:
    filters: dict[str, Any] = {"label": [f"{RUN_LABEL}={arena.run_id}", ROLE_LABEL]}
    (agent,) = arena.client.containers.list(filters=filters)
    return pid_of(agent)


def _spent_s(pid: int) -> float:
    """Processor seconds of a process, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_S


def main() -> int:
    """Print the shares; 1 when the goal is missed."""
    given = sys.argv[1:3]
    faults = int(given[0]) if given else FAULTS
    results = measure(faults, float(given[1]) if len(given) > 1 else SECONDS)
    for name, one in results.items():
        print(f"{name}: {one}")
    return 0 if results["met"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
