"""How quickly every target heals, beside what its settings allow, and what it costs to run.

    python -m benchmarks.targets                    # what has no figures yet, one target after the other
    python -m benchmarks.targets replicated-web     # one, again
    python -m benchmarks.targets --trials 5 NAME
    python -m benchmarks.targets --proofs reports/proofs.jsonl    # take over what was proven
    python -m benchmarks.targets --independent [NAME]      # the check by a client of its own
    python -m benchmarks.targets --costs [NAME]     # start and removal alone
    python -m benchmarks.targets --page             # write docs/targets.md anew, measure nothing

Everything is kept in benchmarks/targets.json after each target, so an interrupted measurement goes on
where it was. The load of the machine is noted throughout: a figure of a busy machine says so.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import _targets_page as page
from benchmarks.__main__ import machine
from benchmarks._machine_load import watched
from benchmarks._recoveries import floor_of, recovery_of, tells, trials_of

TITLE = "every target: time to steady state, memory, teardown, and 22 recoveries beside the floor"
ROOT = Path(__file__).parents[1]
STORE = ROOT / "benchmarks" / "targets.json"
TRIALS = 22  # the fewest that bound p90 with 90 % confidence
_MOST_RUNS = (
    30  # a run whose verdict is a finding, as of postgres-patroni-plain, ends with one trial
)


@dataclass(frozen=True)
class Case:
    """The experiment that stands for a target, the measure that is its recovery, and who heals."""

    experiment: str
    healer: str
    measure: str = "recovery"


# What is healed before anybody notices has no recovery: there it is the return to full strength.
CASES = {
    "restart-policy": Case("crash", "docker-restart"),
    "replicated-web": Case("crash-the-proxy", "docker-restart"),
    "redis-restart": Case("crash-with-appendonly", "docker-restart"),
    "autoheal": Case("hang", "autoheal"),
    "supervised": Case("hang", "watchdog"),
    "redis-sentinel": Case("crash-the-primary", "sentinel"),
    "redis-sentinel-safe": Case("crash-the-primary", "sentinel"),
    "postgres-patroni": Case("crash-the-primary", "patroni"),
    "postgres-patroni-plain": Case("crash-the-primary", "patroni"),
    "postgres-patroni-one-etcd": Case("crash-the-etcd", "docker-restart", "redundancy"),
    "worker-queue": Case("crash-a-worker", "reclaim"),
    "worker-queue-strict": Case("hang-a-worker", "reclaim"),
    "worker-queue-nats": Case("crash-a-worker", "redelivery"),
    "service-mesh": Case("failing-back-end-writes", "outlier"),
    "alert-remediation": Case("memory-leak", "remediation", "redundancy"),
    "alert-remediation-pair": Case("memory-leak", "remediation", "redundancy"),
    "autoscaler": Case("load-step", "autoscaler"),
    "bad-deploy": Case("fails-under-load", "deployer"),
    "microservices": Case("crash-the-gateway", "docker-restart"),
}


def measure(trials: int = TRIALS) -> dict[str, Any]:
    """Whatever has no figures yet; all of it takes more than an hour."""
    store = _read()
    for name in _there():
        if name not in store["targets"]:
            one(name, trials)
    return {name: row["recovery"] for name, row in _read()["targets"].items()}


def one(name: str, trials: int) -> None:
    """One target: started and removed once for its costs, then as many trials."""
    print(f"{name}: {trials} trials", flush=True)
    budget = _own_budget(name)
    costs = costs_of(name)
    with watched() as load:
        runs = _runs(name, trials)
    row = {
        "experiment": CASES[name].experiment,
        "measure": CASES[name].measure,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {key: value for key, value in machine().items() if key != "load_before"},
        "seeds": [seed for _, seed in runs],
        "load": load.summary(),
        "costs": costs,
        "recovery": {
            **recovery_of(trials_of(runs), CASES[name].measure, budget.bound if budget else None),
            "asked": trials,
            "budget": budget.text if budget else "",
        },
        "floor": floor_of([record for record, _ in runs], CASES[name].healer),
    }
    store = _read()
    store["targets"][name] = row
    _write(store)
    print(json.dumps({"load": row["load"], "recovery": row["recovery"]}), flush=True)


def costs_of(name: str) -> dict[str, Any]:
    """What one start and one removal cost, with the load meanwhile."""
    with watched() as load:
        costs = _costs(name)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {**costs, "at": at, "load": load.summary()}


def costs_again(names: Sequence[str]) -> None:
    """The costs alone, of targets that have been measured."""
    for name in names or list(_read()["targets"]):
        costs = costs_of(name)
        store = _read()
        store["targets"][name]["costs"] = costs
        _write(store)
        print(name, json.dumps(costs), flush=True)


def _loaded(path: Path) -> Any:
    from chaoskit.plan.experiments import load_experiment
    from chaoskit.plan.targets import TargetShelf

    return load_experiment(path, TargetShelf(ROOT / "targets"))


def _own_budget(name: str) -> Any:
    """What the experiment itself allows the measure; None when it has no bound on it."""
    budgets = _loaded(_file(name)).budgets
    return next((one for one in budgets if one.measure == CASES[name].measure), None)


def _file(name: str) -> Path:
    return ROOT / "experiments" / name / f"{CASES[name].experiment}.yaml"


def _patient(path: Path) -> list[str]:
    """Budgets that only an unhealed trial misses: a run with its own ends at the first that is late."""
    from chaoskit.model.quantities import parse_duration

    loaded = _loaded(path)
    most_s = loaded.phases.watch_s - loaded.phases.stable_s
    words = []
    for budget in loaded.budgets:
        bound = str(budget.text)
        if bound.endswith("%"):
            words += ["--budget", f"{budget.measure}=1%"]
        elif bound.endswith(("s", "m")) and parse_duration(bound):
            words += ["--budget", f"{budget.measure}={most_s:g}s"]
    return words


def _runs(name: str, trials: int) -> list[tuple[dict[str, Any], int]]:
    """As many runs as it takes: one ends at the first trial in which nothing healed."""
    runs: list[tuple[dict[str, Any], int]] = []
    for _ in range(_MOST_RUNS):
        told = [one for one in trials_of(runs) if one["judgement"] and tells(one)]
        if len(told) >= trials:
            break
        if (made := _run(name, trials - len(told))) is not None:
            runs.append(made)
    return runs


def _run(name: str, trials: int) -> tuple[dict[str, Any], int] | None:
    """`chaoskit run` of the experiment; its record, and the seed. None when no trial began."""
    with tempfile.TemporaryDirectory(prefix="targets-") as reports:
        path = _file(name)
        command = [sys.executable, "-m", "chaoskit", "run", str(path), "--trials", str(trials)]
        ran = subprocess.run(
            [*command, *_patient(path), "--reports", reports],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        file = Path(reports) / "latest" / "journal.json"
        if not file.is_file():
            message = f"{path} left no journal (exit {ran.returncode}):\n{ran.stderr[-2000:]}"
            raise RuntimeError(message)
        journal = json.loads(file.read_text(encoding="utf-8"))
    if not journal["experiments"]:
        print(
            f"  a run that came to nothing (exit {ran.returncode}): {ran.stderr[-300:]}", flush=True
        )
        return None
    return journal["experiments"][0], journal["seed"]


def _costs(name: str) -> dict[str, Any]:
    """Seconds to steady state and to nothing, with the images present, and memory in between."""
    from chaoskit import standing
    from chaoskit.plan.targets import TargetShelf
    from chaoskit.target import engine
    from chaoskit.target.images import ensure_services

    spec = TargetShelf(ROOT / "targets").load(name)
    ensure_services(engine.connect(), spec.folder, lambda _: None)
    begun = time.monotonic()
    standing.up(spec, progress=lambda _: None)
    try:
        ready_s = time.monotonic() - begun
        time.sleep(3.0)  # the first memory of a program is not what it keeps
        containers = engine.Project(
            name=standing.project_name(name), client=engine.connect()
        ).containers()
        used = [_memory_mib(one) for one in containers]
    finally:
        begun = time.monotonic()
        standing.down(name, ROOT / "targets")
    return {
        "ready_s": round(ready_s, 2),
        "teardown_s": round(time.monotonic() - begun, 2),
        "memory_mib": round(sum(used)),
        "containers": len(used),
    }


def _memory_mib(container: Any) -> float:
    """What `docker stats` shows: used, without the pages that the kernel can drop."""
    memory = container.stats(stream=False)["memory_stats"]
    kept = memory.get("stats", {})
    idle = kept.get("total_inactive_file", kept.get("inactive_file", 0))
    return float(memory.get("usage", 0) - idle) / (1 << 20)


def _there() -> list[str]:
    return [name for name in CASES if (ROOT / "targets" / name / "target.yaml").is_file()]


def _read() -> dict[str, Any]:
    if not STORE.is_file():
        return {"targets": {}, "independent": {}, "proofs": {}}
    store: dict[str, Any] = json.loads(STORE.read_text(encoding="utf-8"))
    return store


def _write(kept: Mapping[str, Any]) -> None:
    store = {**kept, "experiments": len(list((ROOT / "experiments").glob("*/*.yaml")))}
    STORE.write_text(json.dumps(store, indent=1) + "\n", encoding="utf-8")
    page.FILE.write_text(page.render(store), encoding="utf-8")


def take_proofs(path: Path) -> None:
    """Keep the newest proof of each experiment that `chaoskit prove` has written down."""
    from chaoskit.proofs import newest

    store = _read()
    for name, proof in newest(path.parent).items():
        store["proofs"][name] = {
            "state": str(proof.state),
            "reason": proof.reason,
            "at": proof.at,
            "machine": proof.machine,
            "arms": [
                {
                    "kind": str(arm.kind),
                    "healer": arm.healer,
                    "verdict": str(arm.verdict),
                    "good": arm.good,
                    "trials": arm.trials,
                }
                for arm in proof.arms
            ],
        }
    _write(store)


def independent(names: Sequence[str]) -> None:
    """Both sides of the same trials, and the load while they were made."""
    from benchmarks import independent as check

    for case in check.CASES:
        if names and case.experiment.partition("/")[0] not in names:
            continue
        with watched() as load:
            said = check.once(case)
        row = {
            **said,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "load": load.summary(),
        }
        store = _read()
        store["independent"].setdefault(case.experiment, []).append(row)
        _write(store)
        print(case.experiment, row, flush=True)


def main(words: Sequence[str] | None = None) -> int:
    """What was asked for, or everything that is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targets", description=TITLE)
    parser.add_argument("names", nargs="*", choices=[[], *CASES], metavar="TARGET")
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--proofs", type=Path, metavar="FILE")
    parser.add_argument("--independent", action="store_true")
    parser.add_argument("--costs", action="store_true")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args(words)
    if options.proofs:
        take_proofs(options.proofs)
    elif options.independent:
        independent(options.names)
    elif options.costs:
        costs_again(options.names)
    elif options.page:
        _write(_read())
    elif options.names:
        for name in options.names:
            one(name, options.trials)
    else:
        measure(options.trials)
    return 0


if __name__ == "__main__":
    sys.exit(main())
