"""A real object store on loopback: SeaweedFS, which speaks S3 and checks every signature."""

import json
import shutil
import socket
import subprocess
import sysconfig
from contextlib import ExitStack
from pathlib import Path

import s3fs

from chaoskit.run.clock import wait_until

KEY, SECRET = "loopback", "loopback-secret"
PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
         "filer.port.grpc", "s3.port", "s3.port.grpc")  # fmt: skip


class ObjectStore:
    """A context manager; everything that it holds is gone afterwards."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.endpoint = f"http://127.0.0.1:{self.ports['s3.port']}"
        self.environment = {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
        }

    def __enter__(self):
        who = [{"accessKey": KEY, "secretKey": SECRET}]
        allowed = ["Admin", "Read", "List", "Write"]
        reader = {"name": "reader", "actions": ["Read", "List"],
                  "credentials": [{"accessKey": "reader", "secretKey": SECRET}]}  # fmt: skip
        config = self.folder / "s3.json"
        config.write_text(json.dumps(
            {"identities": [{"name": "chaos", "credentials": who, "actions": allowed}, reader]}
        ))  # fmt: skip
        with (self.folder / "weed.log").open("w") as log:
            self.process = subprocess.Popen(
                [shutil.which("weed", path=sysconfig.get_path("scripts")), "server",
                 f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
                 f"-s3.config={config}", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
                 f"-s3.localSocket={self.folder}/s3.sock", f"-filer.localSocket={self.folder}/f.sock",
                 "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=40",
                 "-master.electionTimeout=1s",
                 *(f"-{name}={port}" for name, port in self.ports.items())],
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.files = s3fs.S3FileSystem(
            key=KEY, secret=SECRET, endpoint_url=self.endpoint, skip_instance_cache=True,
            use_listings_cache=False,
        )  # fmt: skip
        with ExitStack() as undo:
            undo.callback(self.end)
            assert wait_until(self.serves, timeout_s=60), (self.folder / "weed.log").read_text()
            undo.pop_all()
        return self

    def __exit__(self, *_):
        self.end()

    def serves(self):
        try:
            self.files.mkdir("runs")
        except FileExistsError:
            return True
        except Exception:  # noqa: BLE001  # whatever it says while it starts
            return False
        return True

    def end(self):
        """As a machine that loses its power: nothing in it is worth waiting for."""
        self.process.kill()
        self.process.wait()

    def names(self, prefix):
        """What lies under a prefix of the bucket, relative to it."""
        return sorted(str(Path(one).relative_to(f"runs/{prefix}"))
                      for one in self.files.find(f"runs/{prefix}"))  # fmt: skip


def free_ports(count):
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
