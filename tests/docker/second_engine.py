"""An engine of a test's own, beside the machine's, so that it may be restarted.

It has its own data, sockets, control group parent, and its own network and mount namespace, which a
process that only sleeps keeps alive between two lives of the engine. Nothing of the machine's
engine is touched.
"""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from chaoskit.agent.processes import network_of
from chaoskit.run.clock import wait_until

_UP_S = 120.0  # it looks at every container of its last life first
_DOWN_S = 60.0


class SecondEngine:
    """A dockerd; a context manager."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="ck"))  # a socket's path must be short
        self.host = f"unix://{self.folder}/sock"
        self._log = (self.folder / "log").open("ab")
        self._engine = None
        self._place = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sleep", "infinity"]
        )

        # Until it has left the machine's namespaces, whoever enters its would be in the machine's.
        assert wait_until(self._is_apart, timeout_s=5), "no namespaces of its own"

    def _is_apart(self):
        kinds = ("net", "mnt")
        ours = [Path(f"/proc/self/ns/{kind}").stat().st_ino for kind in kinds]
        theirs = [Path(f"/proc/{self._place.pid}/ns/{kind}").stat().st_ino for kind in kinds]
        comm = Path(f"/proc/{self._place.pid}/comm").read_text().strip()
        return comm == "sleep" and not set(ours) & set(theirs)

    def start(self):
        """Start it, and wait until it answers."""
        folder = self.folder
        options = [
            *("--data-root", folder / "data", "--exec-root", folder / "exec"),
            *("--pidfile", folder / "pid", "--host", self.host),
            *("--cgroup-parent", f"/chaoskit-{folder.name}", "--log-level", "warn"),
        ]
        self._engine = subprocess.Popen(
            [*self._inside(), "dockerd", *map(str, options)], stdout=self._log, stderr=self._log
        )
        assert wait_until(self.answers, timeout_s=_UP_S, every_s=0.1), self.last_words()

    def stop(self, number=signal.SIGTERM):
        """End it, and with it its containers."""
        if self._engine is not None:
            self._engine.send_signal(number)
            self._engine.wait(_DOWN_S)
            self._engine = None

    def answers(self):
        """Whether it can be asked."""
        command = ["docker", "-H", self.host, "version"]
        return subprocess.run(command, capture_output=True).returncode == 0

    def load(self, *images):
        """Give it images of the machine's engine."""
        save = subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE)
        subprocess.run(
            ["docker", "-H", self.host, "load", "-q"],
            stdin=save.stdout,
            check=True,
            capture_output=True,
        )
        save.stdout.close()
        assert save.wait() == 0

    def entered(self):
        """This thread, and what it starts, in the engine's network."""
        return network_of(self._place.pid)

    def last_words(self):
        return (self.folder / "log").read_text(errors="replace")[-800:]

    def _inside(self):
        return ["nsenter", "-t", str(self._place.pid), "--net", "--mount"]

    def __enter__(self):
        self._run("ip", "link", "set", "lo", "up")
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self._place.kill()
        self._place.wait()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, *command):
        def done():
            return subprocess.run([*self._inside(), *command], capture_output=True).returncode == 0

        assert wait_until(done, timeout_s=5), f"{command} does not work there"
