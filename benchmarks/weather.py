"""Is anything left when harness, agent or both are killed at random moments, over all held faults?

Each round another process breaks four services of a field, at random; somebody is killed with
SIGKILL at a random moment, maybe before anything was done, maybe in the middle of a fault; then the
keeper, or the harness itself, must bring back the state of every namespace, control group and mount
to the line.

    python -m benchmarks.weather [ROUNDS [SEED]]
"""

import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chaoskit.run.clock import wait_until
from chaoskit.run.undo_log import LEDGER, UndoLog
from chaoskit.testing.arena import opened, pid_of
from chaoskit.testing.field import PEER, Field, Harness, service_of

TITLE = "faults left behind by random kills of harness, agent or both"
ROUNDS = 200
AT_ONCE = 4
LATEST_S = 5.0  # the last moment of a kill, from the start of the harness
CLEAN_S = 90.0


def measure(rounds: int = ROUNDS, seed: int = 1) -> dict[str, Any]:
    """How many rounds left something, and what; also how many faults were on when somebody died."""
    rng = random.Random(seed)
    left: dict[str, list[str]] = {}
    killed: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    with TemporaryDirectory() as folder, opened(Path(folder)) as arena:
        field = Field(arena)
        whole = field.snapshot()
        begun_s = time.monotonic()
        for number in range(rounds):
            place = Path(folder) / f"round-{number}"
            place.mkdir()
            chosen = rng.sample(field.faults, AT_ONCE)
            victim = rng.choice(("harness", "agent", "both"))
            killed[victim] += 1
            words = _round(field, chosen, (victim, rng.uniform(0, LATEST_S)), place)
            broken.update(_begun(place))
            if words:
                left[f"round {number}: {victim} killed, {', '.join(chosen)}"] = words
                print(f"  round {number}: {words}", flush=True)
            if (number + 1) % 10 == 0:
                print(f"  {number + 1} rounds, {sum(broken.values())} faults begun", flush=True)
        at_the_end = field.differences(whole)
    return {
        "rounds": rounds,
        "seed": seed,
        "killed": dict(killed),
        "faults_in_the_field": len(field.faults),
        "faults_begun": sum(broken.values()),
        "faults_never_begun": sorted(set(field.faults) - set(broken)),
        "rounds_with_leftovers": len(left),
        "leftovers": left,
        "left_at_the_end": at_the_end,
        "seconds_a_round": round((time.monotonic() - begun_s) / max(1, rounds), 1),
    }


def _round(field: Field, chosen: list[str], fate: tuple[str, float], place: Path) -> list[str]:
    """Break, kill, wait until it is said to be clean; what is otherwise than before."""
    victim, moment_s = fate
    only = {PEER, *map(service_of, chosen)}
    before = field.snapshot(only)
    with field.harness(chosen, folder=place) as harness:
        time.sleep(moment_s)
        if victim != "harness":
            for agent in field.agents():
                _kill(pid_of(agent))
        if victim == "agent":
            harness.ready()
            harness.end()
        else:
            _kill(harness.process.pid)
            _wait_for_keeper(harness, place)
    words = [f"the log holds {entry}" for entry in UndoLog(place).open_entries()]
    return [*words, *field.differences(before, only)]


def _wait_for_keeper(harness: Harness, place: Path) -> None:
    """It cleans up after its harness; there is none when that died before it had one."""
    harness.process.wait()
    wait_until(lambda: not _keepers(place), timeout_s=CLEAN_S, every_s=0.1)


def _keepers(place: Path) -> list[int]:
    word = str(place.resolve()).encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"chaoskit.run.keeper" in words and word in words:
            found.append(int(path.parent.name))
    return found


def _begun(place: Path) -> list[str]:
    """The faults whose undo was written down: something of them may have been done."""
    file = place / LEDGER
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = {}
    for text in lines:
        with contextlib.suppress(ValueError):  # torn by the kill
            line = json.loads(text)
            if line.get("what") == "doing":
                found[line["fault"]] = line["name"]
    return list(found.values())


def _kill(pid: int) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
            os.kill(pid, signal.SIGKILL)


def main() -> int:
    """Print the counts; 1 when anything was left."""
    rounds, seed = [int(one) for one in sys.argv[1:3]] + [ROUNDS, 1][len(sys.argv[1:3]) :]
    results = measure(rounds, seed)
    for name, one in results.items():
        print(f"{name}: {one}")
    return 1 if results["rounds_with_leftovers"] or results["left_at_the_end"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
