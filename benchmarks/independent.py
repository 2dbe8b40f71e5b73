"""The independent check: a simple client of its own measures the same outage in the same trial.

While `chaoskit run` makes one trial of a crash, a client that shares no code with its prober asks the
same question at the same rate: one thread an ask, a new connection each, standard library or psycopg.
Both then say how long after the effect users were served again, between the last bad ask and the
first good one after it. The two must agree within two probe periods.
"""

import contextlib
import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TITLE = "recovery from a crash, as chaoskit and a client of its own saw it in the same trial"
ROOT = Path(__file__).parents[1]
NS = 1_000_000_000
PATIENCE_S = 300.0

Ask = Callable[[int], bool]


def _page(port: int) -> bool:
    return _http(port, "GET", "/")


def _count(port: int) -> bool:
    return _http(port, "POST", "/incr/visits")


def _http(port: int, method: str, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request(method, path)
        return connection.getresponse().status == 200
    finally:
        connection.close()


def _row(port: int) -> bool:
    import psycopg  # only for this one

    login = f"host=127.0.0.1 port={port} user=postgres password=postgres dbname=postgres"
    with psycopg.connect(f"{login} connect_timeout=2", autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS independent (at timestamptz)")
        connection.execute("INSERT INTO independent VALUES (now())")
    return True


@dataclass(frozen=True)
class Case:
    """An experiment, and how a user asks its target."""

    experiment: str
    service: str
    port: int
    rate: int
    timeout_s: float  # an answer that takes longer is a bad one, as in the experiment
    ask: Ask


CASES = (
    Case("replicated-web/crash-the-proxy", "lb", 8080, 50, 1.0, _page),
    Case("redis-sentinel/crash-the-primary", "app", 8080, 25, 1.0, _count),
    Case("postgres-patroni/crash-the-primary", "lb", 5432, 10, 2.0, _row),
)


@dataclass(frozen=True)
class Answer:
    """One ask: when it was due and done, on the monotonic clock, and whether it was good."""

    due_ns: int
    done_ns: int
    good: bool


class Client:
    """Asks at a fixed rate until it is told to stop."""

    def __init__(self, case: Case, port: int) -> None:
        self.answers: list[Answer] = []
        self._case, self._port = case, port
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)
        self._thread.start()

    def stop(self) -> list[Answer]:
        """All answers, in the order in which they were due."""
        self._stopped.set()
        self._thread.join()
        time.sleep(self._case.timeout_s)
        return sorted(self.answers, key=lambda one: one.due_ns)

    def _go(self) -> None:
        begun_ns = time.monotonic_ns()
        for number in range(1_000_000):
            due_ns = begun_ns + number * NS // self._case.rate
            if self._stopped.wait(max(0.0, (due_ns - time.monotonic_ns()) / NS)):
                return
            threading.Thread(target=self._one, args=(due_ns,), daemon=True).start()

    def _one(self, due_ns: int) -> None:
        good = False
        with contextlib.suppress(Exception):  # whatever goes wrong, it was no good answer
            good = self._case.ask(self._port)
        done_ns = time.monotonic_ns()
        in_time = done_ns - due_ns <= self._case.timeout_s * NS
        self.answers.append(Answer(due_ns, done_ns, good and in_time))


def recovered_s(answers: list[Answer], effect_ns: int, end_ns: int) -> tuple[float, float] | None:
    """From the effect to the last bad ask, and to the end of the first good one after it."""
    watched = [one for one in answers if effect_ns <= one.due_ns <= end_ns]
    bad = [one for one in watched if not one.good]
    after = [one for one in watched if bad and one.due_ns > bad[-1].due_ns]
    if not after:
        return None
    return (bad[-1].due_ns - effect_ns) / NS, (after[0].done_ns - effect_ns) / NS


def published(folder: Path, case: Case, process: "subprocess.Popen[bytes]") -> int:
    """The port that chaoskit has chosen for this run; it writes down what it starts."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        for file in folder.glob("*/compose/**/compose.json"):
            with contextlib.suppress(ValueError):  # half written
                ports = json.loads(file.read_text())["services"][case.service]["ports"]
                return next(int(one["published"]) for one in ports if one["target"] == case.port)
        time.sleep(0.1)
    message = f"{case.experiment}: no target was started"
    raise RuntimeError(message)


def once(case: Case) -> dict[str, Any]:
    """One trial, seen twice."""
    with tempfile.TemporaryDirectory(prefix="independent-") as name:
        folder = Path(name)
        command = [sys.executable, "-m", "chaoskit", "run", f"experiments/{case.experiment}.yaml"]
        command += ["--trials", "1", "--reports", name]
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
            try:
                client = Client(case, published(folder, case, process))
                process.wait(PATIENCE_S)
            finally:
                process.terminate()
                process.wait()
        return compared(case, folder / "latest", client.stop())


def compared(case: Case, run: Path, answers: list[Answer]) -> dict[str, Any]:
    """What both said, in seconds after the effect, and by how much they differ."""
    journal = json.loads((run / "journal.json").read_text())
    trials = [one for record in journal["experiments"] for one in record["trials"]]
    if not trials or trials[0]["judgement"] is None:
        why = journal["trouble"] or "the target did not get that far"
        return {"verdict": "none", "agree": f"nothing to compare: {why}"}
    trial = trials[0]
    lines = (run / trial["folder"] / "marks.jsonl").read_text().splitlines()
    marks = [json.loads(line) for line in lines]
    verdict = trial["judgement"]["verdict"]
    measures = {one["measure"]: one for one in trial["judgement"]["measures"]}
    ours = measures["recovery"]
    effect_ns = min((one["at_ns"] for one in marks if one["kind"] == "in_effect"), default=None)
    settle = [one["at_ns"] for one in marks if one["kind"] == "phase" and one["detail"] == "settle"]
    theirs = recovered_s(answers, effect_ns, settle[0]) if effect_ns and settle else None
    if theirs is None or ours["low"] is None or ours["censored"]:
        return {"verdict": verdict, "agree": "nothing to compare: nobody saw a recovery"}
    differ_s = abs((ours["low"] + ours["high"]) / 2 - sum(theirs) / 2)
    return {
        "verdict": verdict,
        "chaoskit_s": f"{ours['low']:.3f} to {ours['high']:.3f}",
        "client_s": f"{theirs[0]:.3f} to {theirs[1]:.3f}",
        "differ_s": differ_s,
        "periods": differ_s * case.rate,
        "agree": differ_s * case.rate <= 2,
    }


def measure() -> dict[str, object]:
    """One trial of each; the middles of both intervals are compared."""
    there = [case for case in CASES if (ROOT / "experiments" / f"{case.experiment}.yaml").is_file()]
    return {case.experiment: once(case) for case in there}


if __name__ == "__main__":
    for experiment, said in measure().items():
        print(experiment, said)
