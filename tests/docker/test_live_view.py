"""A run at a real pseudo-terminal: held before its fault, let go, and ended by a key while it is on.

It tells others meanwhile: a file that gets everything, and a collector that is not there.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

from chaoskit.model.marks import MarkKind
from chaoskit.model.timeline import SAMPLE_DTYPE
from chaoskit.run.clock import wait_until
from tests.docker.test_run_interrupted import things_of
from tests.sitting import at_terminal

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]


@pytest.fixture
def terminal():
    """Both ends of a terminal, and everything that is written to it."""
    master, slave = os.openpty()
    shown, over = bytearray(), threading.Event()

    def take():
        while not over.is_set():
            if select.select([master], [], [], 0.1)[0]:
                shown.extend(os.read(master, 65536))

    reader = threading.Thread(target=take)
    reader.start()
    yield master, slave, shown
    over.set()
    reader.join()
    os.close(master)
    os.close(slave)


def patient(document, block):
    """As slow as a crowded machine: this is about keys, not about times."""
    block["phases"].update(watch="60s")
    block["probing"] = {"rate": 10, "timeout": "10s"}
    document["steady-state-hypothesis"]["probes"][0]["provider"]["timeout"] = 10


NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there


class Watched:
    """A run at the terminal's other end."""

    def __init__(self, path, reports, slave):
        self.reports, self.events = reports, reports.with_name("events.jsonl")
        clean = {name: text for name, text in os.environ.items() if name != "CI"}
        command = [sys.executable, "-m", "chaoskit", "run", path, "--trials", "1"]
        command += ["--reports", reports, "--cdevents", self.events, "--metrics-port", "0"]
        command += ["--otlp", NOBODY, "--grafana", NOBODY]
        self.process = subprocess.Popen(
            at_terminal(slave, command),
            cwd=ROOT,
            env={**clean, "TERM": "xterm"},
            pass_fds=[slave],
        )

    def marks(self):
        files = list(self.reports.glob("latest/trials/**/marks.jsonl"))
        return files[0].read_text() if files else ""

    def samples(self):
        return next(self.reports.glob("latest/trials/**/samples.bin")).stat().st_size

    def comes_to(self, *words):
        def there():
            return self.process.poll() is not None or all(one in self.marks() for one in words)

        assert wait_until(there, timeout_s=120)
        assert self.process.poll() is None, self.marks()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def test_p_holds_the_fault_back_while_the_probes_go_on_and_q_lifts_and_reports(
    experiment, tmp_path, terminal
):
    master, slave, shown = terminal
    before = termios.tcgetattr(slave)
    run = Watched(experiment("restart-policy/hang", patient), tmp_path / "reports", slave)
    with contextlib.closing(run):
        run.comes_to('"baseline"')
        os.write(master, b"p")
        run.comes_to("held before the fault")
        size = run.samples()
        assert wait_until(lambda: run.samples() > size + 20 * SAMPLE_DTYPE.itemsize, timeout_s=60)
        assert '"injected"' not in run.marks()
        assert wait_until(lambda: b"the fault is held back" in shown, timeout_s=30)
        os.write(master, b"p")
        run.comes_to("the hold ended after", '"in_effect"')
        os.write(master, b"q")
        assert run.process.wait(120) == 130

    folder = (run.reports / "latest").resolve()
    journal = json.loads((folder / "journal.json").read_text())
    kinds = [json.loads(one)["kind"] for one in run.marks().splitlines()]
    assert journal["interrupted_by"] == "SIGINT"
    assert kinds.index(MarkKind.IN_EFFECT) < kinds.index(MarkKind.LIFTED)
    assert things_of(folder.name) == []
    assert termios.tcgetattr(slave) == before
    for words in (b"HOLDING the next fault", b"stopping: lifting", b"Interrupted by SIGINT"):
        assert words in shown
    events = [json.loads(one) for one in run.events.read_text().splitlines()]
    assert events[-1]["type"] == "dev.cdevents.testsuiterun.finished.0.3.0"
    assert events[-1]["data"]["subject"]["content"]["outcome"] == "cancel"
    assert "io.chaoskit.fault.injected" in [one["type"] for one in events]
    assert shown.count(b"metrics: http://127.0.0.1:") == 1
    for option in (b"--otlp", b"--grafana"):
        assert shown.count(b"note: " + option) == 1, bytes(shown[-2000:]).decode()
