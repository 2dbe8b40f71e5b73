"""How long from asking for a fault to the fault being in effect; beside the engine's own commands.

    python benchmarks/fault_latency.py [REPETITIONS]

"Request" is the instant before the harness writes the order to the agent; "effect" is the instant
that the mark of the fault carries. The engine's commands are timed from the call to its answer,
through the same API client, on the same container, in the same run.
"""

import json
import secrets
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docker.errors import APIError
from docker.models.containers import Container

from chaoskit.faults.base import Fault, make
from chaoskit.plan.chance import chance
from chaoskit.run.clock import wait_until
from chaoskit.run.injector import Injector
from chaoskit.target.cleanup import remove_run
from chaoskit.target.engine import (
    COMPOSE_NUMBER,
    COMPOSE_PROJECT,
    COMPOSE_SERVICE,
    RUN_LABEL,
    Project,
    connect,
    instance_of,
)
from chaoskit.target.hands import AgentHand, Hands
from chaoskit.target.images import BASE, ensure_agent
from chaoskit.target.site import ProjectSite
from chaoskit.target.surgery import EngineHand

TITLE = "Fault latency: request to effect, beside the engine's commands"

GOALS_MS = {"crash": 1.0, "hang": 1.0, "partition": 10.0}  # medians


class Bench:
    """A victim, a peer, an agent, and the means to break the victim again and again."""

    def __init__(self, folder: Path) -> None:
        self.client = connect()
        self.run_id = f"bench-{secrets.token_hex(3)}"
        self.labels = {RUN_LABEL: self.run_id}
        image = ensure_agent(self.client, lambda _line: None)
        self.network = self.client.networks.create(f"{self.run_id}_net", labels=self.labels)
        self.victim = self._start("victim")
        self._start("peer")
        agent = AgentHand.beside(self.client, image=lambda: image, labels=self.labels)
        self.hands = Hands(agent=agent, engine=EngineHand(connect))
        self.site = ProjectSite(Project(self.run_id, self.client))
        self.injector = Injector(
            folder=folder,
            run_id=self.run_id,
            site=self.site,
            hands=self.hands,
            record=lambda _mark: None,
            rng=chance(0, "bench"),
        )

    def _start(self, service: str) -> Container:
        return self.client.containers.run(
            BASE,
            ["python3", "-m", "http.server", "80"],
            name=f"{self.run_id}-{service}",
            detach=True,
            network=self.network.name,
            labels={
                **self.labels,
                COMPOSE_PROJECT: self.run_id,
                COMPOSE_SERVICE: service,
                COMPOSE_NUMBER: "1",
            },
        )

    def start_victim(self) -> None:
        """The victim runs again, with a process of its own."""
        self.victim.wait()  # until the engine has noticed, or it would start nothing
        self.victim.start()
        assert wait_until(self._serves, timeout_s=20)

    def _serves(self) -> bool:
        """Whether it has settled: a process that is still starting takes its own time to die."""
        self.victim.reload()
        (address,) = instance_of(self.victim.attrs).addresses.values() or ("",)
        try:
            socket.create_connection((address, 80), timeout=1).close()
        except OSError:
            return False
        return True

    def agent_ms(self, fault: Fault) -> float:
        """From the order to the effect; the fault is lifted again afterwards."""
        picked = self.site.instances("victim")
        (operation,) = fault.operations(picked, self.site)
        handle = secrets.token_hex(4)
        params = {**operation.params, "tag": f"{self.run_id}/{handle}"}
        hand = self.hands.agent
        ready = hand.prepare(type(operation)(**{**vars(operation), "params": params}))
        asked_ns = time.monotonic_ns()
        effect = hand.apply(handle, ready, held=fault.nature == "held")
        hand.undo(handle, ready)
        return (effect.in_effect_ns - asked_ns) / 1e6

    def whole_ms(self, fault: Fault) -> float:
        """The same with everything before it: look-up, survey, and the undo log on disk."""
        asked_ns = time.monotonic_ns()
        done = self.injector.inject(fault)
        self.injector.lift(done.fault_id)
        return (done.in_effect_ns - asked_ns) / 1e6

    def close(self) -> None:
        """Leave nothing behind."""
        self.injector.close()
        self.hands.agent.close()
        remove_run(self.client, self.run_id)
        self.client.close()


def measure(repetitions: int = 40) -> dict[str, Any]:
    """Milliseconds of each fault and of each command: median, p99, worst, and whether in goal."""
    with TemporaryDirectory() as folder, _bench(Path(folder)) as bench:
        faults = {
            "hang": make("hang", {"service": "victim"}),
            "partition": make("partition", {"service": "victim", "from": "peer"}),
            "crash": make("crash", {"service": "victim"}),
        }
        results: dict[str, Any] = {}
        for name, fault in faults.items():
            again = bench.start_victim if name == "crash" else _nothing
            results[name] = _summary(repetitions, lambda f=fault: bench.agent_ms(f), again)
            results[name]["goal_median_ms"] = GOALS_MS[name]
            results[name]["met"] = results[name]["median_ms"] < GOALS_MS[name]
            whole = _summary(10, lambda f=fault: bench.whole_ms(f), again)
            results[f"{name}, with look-up and undo log"] = whole
        victim, network = bench.victim, bench.network
        for name, break_it, mend in (
            ("docker kill", victim.kill, bench.start_victim),
            ("docker pause", victim.pause, victim.unpause),
            (
                "docker network disconnect",
                lambda: network.disconnect(victim),
                lambda: network.connect(victim),
            ),
        ):
            results[name] = _summary(repetitions, lambda b=break_it: _timed_ms(b), mend)
    return results


@contextmanager
def _bench(folder: Path) -> Iterator[Bench]:
    bench = Bench(folder)
    try:
        yield bench
    finally:
        bench.close()


def _nothing() -> None:
    return


def _timed_ms(work: Callable[[], object]) -> float:
    begun_ns = time.monotonic_ns()
    work()
    return (time.monotonic_ns() - begun_ns) / 1e6


def _summary(
    repetitions: int, sample: Callable[[], float], mend: Callable[[], object]
) -> dict[str, Any]:
    times: list[float] = []
    refused = 0
    while len(times) < repetitions:
        try:
            times.append(sample())
        except APIError:  # runc on cgroup v1 now and then cannot freeze a container
            refused += 1
            assert refused < repetitions, "the engine refuses more often than it obeys"
            continue
        mend()
    times.sort()
    return {
        "n": repetitions,
        "refused_by_engine": refused,
        "median_ms": round(statistics.median(times), 3),
        "p99_ms": round(times[min(len(times) - 1, int(0.99 * len(times)))], 3),
        "worst_ms": round(times[-1], 3),
    }


def main() -> int:
    """Print the table, and JSON for programs; 1 when a goal is missed."""
    results = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
    for name, one in results.items():
        goal = f"  goal < {one['goal_median_ms']:g}" if "goal_median_ms" in one else ""
        print(
            f"{name:40} n={one['n']:3}  median {one['median_ms']:8.2f} ms  "
            f"p99 {one['p99_ms']:8.2f} ms{goal}"
        )
    print(json.dumps(results))
    return 0 if all(one.get("met", True) for one in results.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
