"""The power cut on real programs: files, Redis and PostgreSQL on a disk that loses what they do not
sync; and disks that lie about it, which must be caught.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from chaoskit.agent.kind import Refused
from chaoskit.agent.kinds.power_cut import mark, verify
from chaoskit.agent.storage.disks import Disk, Probe
from chaoskit.run.clock import wait_until
from chaoskit.target.engine import connect
from tests.docker.fitted import Fitted

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
REDIS = ROOT / "targets" / "redis-restart" / "redis"
POSTGRES = ROOT / "tests" / "docker" / "targets" / "one-postgres" / "postgres"

COMPOSE = f"""
services:
  web: &files
    image: chaoskit/base:bookworm
    command: [python3, -u, -m, http.server, "8080"]
    restart: always
    volumes: ["data:/data"]
  front:
    <<: *files
    ports: ["8080"]
    volumes: []
  redis:
    build: {REDIS}
    restart: always
    command: [redis-server, /etc/redis/redis.conf, --appendonly, "yes"]
    volumes: ["redis:/data"]
  postgres:
    build: {POSTGRES}
    restart: always
volumes: {{data: {{}}, redis: {{}}}}
"""
PG = "/var/lib/postgresql/data"
FITTED = [
    ("lose_unsynced", {"path": "/data"}),
    ("lose_unsynced", {"service": "redis", "path": "/data"}),
    ("lose_unsynced", {"service": "postgres", "path": PG}),
]


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    client = connect()
    fitted = Fitted(client, connect, tmp_path_factory.mktemp("cut"), COMPOSE, FITTED)
    yield fitted
    fitted.end()
    assert fitted.copies.left() == []
    client.close()


def power_cut(target, service="web", path="/data", ready="true"):
    before = target.pid(service)
    target.inject("lose_unsynced", service=service, path=path)
    target.await_restart(service, before, ready)


WRITER = """
import mmap, os
def put(name, data, sync):
    fd = os.open(name, os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, data, 0)
    if sync: os.fsync(fd)
    return fd
os.chdir("/data")
put("synced", b"1", True)
old = put("overwritten", b"old" * 5000, True)
os.pwrite(old, b"new" * 5000, 0)
mapped = put("mapped", bytes(8192), True)
view = mmap.mmap(mapped, 8192)
view[0:3] = b"new"
view.flush()
view[4096:4099] = b"new"   # and this page is dirty in the kernel only
os.rename("synced", "renamed")
os.fsync(os.open(".", os.O_RDONLY))
put("never", b"x", False)
os.unlink("renamed")
open("/tmp/written", "w").close()
import time; time.sleep(60)
"""


def test_after_a_power_cut_there_is_what_was_synced_and_nothing_else(target):
    target.container().exec_run(["python3", "-c", WRITER], detach=True)
    assert wait_until(lambda: target.try_sh("test -e /tmp/written")[0] == 0, timeout_s=30)
    power_cut(target)
    files = target.python(
        "import os; os.chdir('/data'); print({n: open(n, 'rb').read()[:6] for n in os.listdir()})"
    )
    again = "print(open('/data/mapped', 'rb').read().count(b'new'))"

    assert json.loads(files.replace("b'", "'").replace("'", '"').replace("\\x00", "0")) == {
        "renamed": "1",
        "overwritten": "oldold",
        "mapped": "new000",  # msync is a sync
    }
    assert target.python(again) == "1"
    assert "the synced one is there and the other is not" in target.evidence()


def increments(target, count):
    said = target.sh(f"redis-cli -r {count} incr n", "redis").split()
    assert len(said) == count
    return int(said[-1])


@pytest.mark.parametrize(
    ("policy", "fault", "loses"),
    [
        pytest.param("no", "crash", False, id="a crash loses nothing: the kernel has it"),
        pytest.param("always", "cut", False, id="a power cut loses nothing that was synced"),
        pytest.param("no", "cut", True, id="a power cut loses what was not synced"),
    ],
)
def test_redis_keeps_what_it_syncs(target, policy, fault, loses):
    target.injector.lift_all()
    assert target.sh(f"redis-cli config set appendfsync {policy}", "redis") == "OK\n"
    target.sh("redis-cli bgrewriteaof", "redis")
    idle = "redis-cli info persistence | grep -q aof_rewrite_in_progress:0"
    assert wait_until(lambda: target.try_sh(idle, "redis")[0] == 0, timeout_s=10)
    acknowledged = increments(target, 300)
    ready = "redis-cli ping | grep -q PONG"
    if fault == "crash":
        before = target.pid("redis")
        target.inject("crash", service="redis")
        target.await_restart("redis", before, ready)
    else:
        power_cut(target, "redis", ready=ready)
    kept = int(target.sh("redis-cli get n", "redis").strip() or 0)

    assert (kept < acknowledged) == loses, (kept, acknowledged)
    assert kept <= acknowledged


@pytest.mark.parametrize("commit", ["on", "off"])
def test_postgres_keeps_what_it_syncs_and_comes_back_whole(target, commit):
    target.injector.lift_all()
    lazy = "psql -q -c 'alter system set wal_writer_delay = 10000' -c 'select pg_reload_conf()'"
    target.sh(lazy, "postgres")
    script = [
        "drop table if exists t",
        "create table t (n int)",
        "checkpoint",
        f"set synchronous_commit = {commit}",
        *(f"insert into t values ({number})" for number in range(100)),
    ]
    words = "".join(f"{one};\n" for one in script)  # each is a transaction, and acknowledged
    target.sh(f"psql -q -v ON_ERROR_STOP=1 <<'END'\n{words}END", "postgres")
    power_cut(target, "postgres", PG, ready="pg_isready -q")
    kept = target.sh("psql -At -c 'select n from t order by n'", "postgres").split()

    assert kept == [str(number) for number in range(len(kept))]  # none but the last are missing
    assert (len(kept) == 100) == (commit == "on"), len(kept)


LIAR = """
    import sys
    from pathlib import Path
    from chaoskit.agent.fusefs.__main__ import serve
    from chaoskit.agent.fusefs.unsynced import Lost, UnsyncedStore

    class LosesSynced(UnsyncedStore):
        def sync(self, node, fd, *, data_only):
            pass

    class LosesNothing(UnsyncedStore):
        def lose(self):
            return Lost(files=0, data_bytes=0, steps=0, failed=())

    class Honest(UnsyncedStore):
        pass

    folder = Path(sys.argv[1])
    store = globals()[sys.argv[2]](str(folder / "backing"))
    serve(folder / "backing", folder / "disk", folder / "socket", sys.argv[3], store)
"""


@pytest.fixture
def server(tmp_path):
    """A file system in a process of this host, with a store of the test's choice."""

    started = []

    def start(store):
        (tmp_path / "backing").mkdir()
        words = [sys.executable, "-c", textwrap.dedent(LIAR), str(tmp_path), store, "token"]
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return Disk(
            token="token",
            server=os.getpid(),
            mountpoint=str(tmp_path / "disk"),
            socket=str(tmp_path / "socket"),
        )

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        process.stdout.close()
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


@pytest.mark.parametrize(
    ("store", "words"),
    [
        ("Honest", ""),
        ("LosesSynced", "lost a block that had been synced"),
        ("LosesNothing", "kept a block that had not been synced"),
    ],
)
def test_a_disk_that_lies_about_what_it_keeps_is_caught(server, store, words):
    disk = server(store)
    path = disk.root / disk.ask("probe", tag="t")["probes"][0]
    mark(Probe(path), b"words")
    with disk.talk() as ask:
        ask("cut")
        ask("lose")

    if words:
        with pytest.raises(Refused, match=words):
            verify(Probe(path), b"words")
    else:
        assert "the synced one is there" in verify(Probe(path), b"words")


def test_the_power_is_on_again_when_whoever_cut_it_goes_away(server):
    disk = server("Honest")
    file = disk.root / "file"
    with disk.talk() as ask:
        ask("cut")
        with pytest.raises(OSError, match="Input/output error"):
            file.write_text("x")
        disk.ask("hello")  # another one that comes and goes changes nothing
        with pytest.raises(OSError, match="Input/output error"):
            file.write_text("x")

    def works():
        try:
            return file.write_text("x") == 1
        except OSError:
            return False

    assert wait_until(works, timeout_s=5)
