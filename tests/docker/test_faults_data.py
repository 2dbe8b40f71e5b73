"""Disks and files with a real engine: each fault bites where it says, and is gone afterwards."""

import shutil
import socket
import ssl
import subprocess

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.run.clock import wait_until
from chaoskit.testing.arena import address_of, opened, pid_of, serves

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def arena(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("data")) as one:
        yield one


@pytest.fixture(scope="module")
def web_of_all(arena):
    """One instance with a volume, a small tmpfs of another user's, and its own layer."""
    volume = arena.client.volumes.create(f"{arena.run_id}-data", labels=arena.labels)
    return arena.add(
        "web",
        restart="always",
        volumes={volume.name: {"bind": "/data", "mode": "rw"}},
        tmpfs={"/small": "size=8m,uid=999,mode=0700"},
    )


@pytest.fixture
def web(arena, web_of_all):
    yield web_of_all
    arena.injector.lift_all()
    run(web_of_all, "rm -rf /data/* /small/*")


def run(container, script):
    """What a shell in the instance says, and its exit code."""
    done = container.exec_run(["sh", "-c", script])
    return done.exit_code, done.output.decode().strip()


def said(container, script):
    code, words = run(container, script)
    assert code == 0, words
    return words


def state_of_files(container, folder="/data"):
    """Names, owners, modes, times of change and contents of all files in a folder."""
    script = f"ls -A {folder}; find {folder} -type f -printf '%p %u %m %T@ %s %i\\n' | sort; "
    return said(container, script + f"find {folder} -type f | sort | xargs -r sha256sum")


def lift(arena, done):
    (gone,) = arena.injector.lift(done.fault_id)
    return gone.evidence


def test_a_full_disk_refuses_a_write_and_has_its_space_again(arena, web):
    before = said(web, "stat -f -c '%f %d' /small; ls -A /small")
    done = arena.inject("disk_full", path="/small")

    code, words = run(web, "dd if=/dev/zero of=/small/new bs=4096 count=1")
    assert (code, "No space left on device" in words) == (1, True)
    assert "4096 bytes more are refused with ENOSPC" in done.evidence[0]
    assert arena.injector.check(done.fault_id)[0]
    run(web, "rm /small/new")
    assert "our file is removed" in lift(arena, done)
    assert said(web, "stat -f -c '%f %d' /small; ls -A /small") == before
    assert run(web, "dd if=/dev/zero of=/small/new bs=1M count=4")[0] == 0


def test_a_disk_is_filled_up_to_what_shall_be_left(arena, web):
    arena.inject("disk_full", path="/small", leave="64KiB")

    assert run(web, "dd if=/dev/zero of=/small/new bs=64K count=1")[0] == 0
    assert run(web, "dd if=/dev/zero of=/small/more bs=4K count=1")[0] == 1


@pytest.mark.parametrize("path", ["/data", "/var/tmp"])
def test_the_engines_own_disk_is_never_filled(arena, web, path):
    with pytest.raises(FaultRefused, match=r"the engine's own disk .*use the fault io_error"):
        arena.inject("disk_full", path=path)


def test_a_read_only_mount_refuses_writes_of_this_instance_only(arena, web):
    other = arena.add("other", volumes={f"{arena.run_id}-data": {"bind": "/data", "mode": "rw"}})
    before = said(web, "grep ' /data ' /proc/self/mountinfo")
    done = arena.inject("read_only", path="/data")

    code, words = run(web, "touch /data/new")
    assert (code, "Read-only file system" in words) == (1, True)
    assert run(other, "touch /data/theirs")[0] == 0
    assert "a new file is refused with EROFS" in done.evidence[0]
    assert arena.injector.check(done.fault_id)[0]
    assert "is mounted rw" in lift(arena, done)
    assert said(web, "grep ' /data ' /proc/self/mountinfo") == before
    assert run(web, "touch /data/new")[0] == 0
    other.remove(force=True)


def test_a_mount_with_an_open_writer_is_refused_with_the_reason(arena, web):
    web.exec_run(["sh", "-c", "exec sleep 60 > /data/open"], detach=True)
    assert wait_until(lambda: run(web, "test -e /data/open")[0] == 0, timeout_s=5)

    with pytest.raises(FaultRefused, match=r"EBUSY.*io_error with errno EROFS"):
        arena.inject("read_only", path="/data")
    assert run(web, "touch /data/new")[0] == 0
    run(web, "pkill sleep")


def test_a_folder_that_is_no_mount_is_refused_with_the_mounts_there_are(arena, web):
    with pytest.raises(FaultRefused, match=r"/etc is not a mount .* are /, .*/data, /small"):
        arena.inject("read_only", path="/etc")


WRITE = "dd if=/dev/zero of=/data/big bs=64K count={count} oflag=direct 2>&1 | tail -1"
TIMED = "import subprocess as s, time; b = time.monotonic(); s.run({command!r}, shell=True); "


def seconds_to_write(web, count):
    program = TIMED.format(command=WRITE.format(count=count)) + "print(time.monotonic() - b)"
    done = web.exec_run(["python3", "-c", program])
    return float(done.output.decode().split()[-1])


def test_a_slow_disk_writes_what_it_promises_and_is_fast_again(arena, web):
    files = "blkio.throttle.write_bps_device blkio.throttle.read_iops_device"
    before = said(web, f"cd /sys/fs/cgroup/blkio 2>/dev/null && cat {files} || true")
    done = arena.inject("slow_disk", path="/data", write_bytes="512KiB", read_operations=40)

    assert "promised 524288 B/s, measured" in done.evidence[0]
    assert "promised 40 operations/s, measured" in done.evidence[0]
    assert seconds_to_write(web, 16) > 1.5
    assert "again" in lift(arena, done)
    assert wait_until(lambda: seconds_to_write(web, 16) < 1.5, timeout_s=20)
    assert said(web, f"cd /sys/fs/cgroup/blkio 2>/dev/null && cat {files} || true") == before
    assert said(web, "ls -A /data") == "big"


def test_what_is_in_memory_has_no_disk_to_slow(arena, web):
    with pytest.raises(FaultRefused, match="/small is on no disk"):
        arena.inject("slow_disk", path="/small", write_bytes="1MiB")


def files_with_text(web):
    said(
        web,
        "umask 077; for n in 1 2; do head -c 5000 /dev/urandom > /data/$n.db; done; "
        "chown 999:999 /data/*.db; touch -d '2020-02-02 02:02:02' /data/*.db; echo x > /data/log",
    )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("corrupt_file", {"bytes": 20, "seed": 5}),
        ("corrupt_file", {"share": "10%"}),
        ("corrupt_file", {"bytes": 100, "offset": 4900}),
        ("truncate_file", {"size": "1kB"}),
        ("truncate_file", {"share": "50%"}),
        ("truncate_file", {}),
    ],
    ids=str,
)
def test_files_are_damaged_in_place_and_restored_exactly(arena, web, name, arguments):
    files_with_text(web)
    before = state_of_files(web)
    done = arena.inject(name, path="/data/*.db", **arguments)

    sums = "sha256sum /data/*.db /data/log"
    damaged = said(web, sums).splitlines()
    assert sum(line in before for line in damaged) == 1  # the log
    assert arena.injector.check(done.fault_id)[0]
    assert lift(arena, done).count("restored") == 2
    assert state_of_files(web) == before


def test_a_seed_flips_the_same_bytes_again(arena, web):
    files_with_text(web)
    found = []
    for _ in range(2):
        done = arena.inject("corrupt_file", path="/data/1.db", bytes=3, seed=11)
        found.append(said(web, "sha256sum /data/1.db"))
        lift(arena, done)

    assert found[0] == found[1]


def test_what_the_system_has_healed_is_left_healed(arena, web):
    files_with_text(web)
    done = arena.inject("truncate_file", path="/data/*.db", share="10%")
    said(web, "echo new > /data/new; mv /data/new /data/1.db; echo more >> /data/2.db")

    assert not arena.injector.check(done.fault_id)[0]
    evidence = lift(arena, done)
    assert "/data/1.db is another file by now: the system replaced it" in evidence
    assert "/data/2.db 1 of 1 places were healed by the system" in evidence
    assert said(web, "cat /data/1.db; ls -A /data") == "new\n1.db\n2.db\nlog"


def test_damage_that_is_kept_is_only_healed_by_the_system(arena, web):
    files_with_text(web)
    done = arena.inject("truncate_file", path="/data/1.db", size="10B", keep=True)

    assert "only the system heals it" in lift(arena, done)
    assert said(web, "stat -c %s /data/1.db; ls -A /data") == "10\n1.db\n2.db\nlog"


def test_damage_on_a_volume_is_found_again_after_a_restart_or_a_removal(arena, web):
    """By the restarted instance, and by the volume's own file system when it is gone."""
    files_with_text(web)
    before = state_of_files(web).replace("/data", "")
    done = arena.inject("corrupt_file", path="/data/*.db", bytes=9)
    first = pid_of(web)
    arena.inject("crash")
    assert wait_until(lambda: pid_of(web) not in {0, first} and serves(web), timeout_s=20)
    assert "restored" in lift(arena, done)

    other = arena.add("other", volumes={f"{arena.run_id}-data": {"bind": "/mnt", "mode": "rw"}})
    assert state_of_files(other, "/mnt").replace("/mnt", "") == before
    done = arena.inject("corrupt_file", service="other", path="/mnt/*.db", bytes=9)
    other.remove(force=True)
    assert "restored" in lift(arena, done)
    assert state_of_files(web).replace("/data", "") == before


def test_damage_in_a_containers_own_layer_is_restored_while_it_is_stopped(arena, web):
    layer = arena.add("layer")
    said(layer, "head -c 9000 /dev/urandom > /etc/own")
    before = said(layer, "sha256sum /etc/own")
    done = arena.inject("corrupt_file", service="layer", path="/etc/own", bytes=5)
    assert said(layer, "sha256sum /etc/own") != before
    layer.kill()
    assert "restored" in lift(arena, done)

    layer.start()
    assert (
        said(layer, "sha256sum /etc/own; ls -A /etc | grep -c chaoskit || true") == f"{before}\n0"
    )
    layer.remove(force=True)


def test_a_killed_agent_leaves_nothing_that_its_successor_does_not_restore(arena, web):
    files_with_text(web)
    before, mounts = state_of_files(web), said(web, "cat /proc/self/mountinfo")
    arena.inject("truncate_file", path="/data/*.db")
    arena.inject("disk_full", path="/small")
    arena.inject("read_only", path="/small")
    for kind in ("file", "fill", "readonly"):
        agent = arena.hand.ready(kind)
        arena.client.containers.get(agent.container_id).kill()
        assert wait_until(lambda agent=agent: not agent.alive, timeout_s=5)
    gone = arena.injector.lift_all()

    assert len(gone) == 3
    assert state_of_files(web) == before
    assert said(web, "cat /proc/self/mountinfo") == mounts
    assert said(web, "ls -A /small") == ""


def test_a_link_out_of_the_instance_stays_inside_it(arena, web):
    said(web, "echo mine > /data/secret; ln -s /data/secret /data/link; ln -s / /data/root")
    before = said(web, "od -c /data/secret")
    arena.inject("corrupt_file", path="/data/root/data/secret", bytes=1)

    assert said(web, "od -c /data/secret") != before
    with pytest.raises(FaultRefused, match="no regular file"):
        arena.inject("corrupt_file", path="/data/nothing*")


PROXY = """
global
    stats socket /tmp/admin.sock
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend secure
    bind :8443 ssl crt /tmp/site.pem
    http-request return status 200 content-type text/plain string ok
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, and a chain and key that it signed for `web`."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make certificates")
    openssl(
        *[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "9",
            "-subj",
            "/CN=us",
            "-keyout",
            "ca.key",
            "-out",
            "ca",
        ]
    )
    key = "ecparam -name prime256v1 -genkey -noout -out key"
    openssl(*key.split())
    openssl(
        *[
            "req",
            "-new",
            "-key",
            "key",
            "-subj",
            "/CN=web",
            "-addext",
            "subjectAltName=DNS:web",
            "-out",
            "asked",
        ]
    )
    signing = "x509 -req -in asked -CA ca -CAkey ca.key -CAcreateserial -days 5 -out site"
    openssl(*signing.split(), "-copy_extensions", "copyall")
    return {name: (folder / name).read_text() for name in ("ca", "ca.key", "key", "site")}


@pytest.fixture
def proxy(arena, haproxy):
    yield haproxy
    arena.injector.lift_all()


@pytest.fixture(scope="module")
def haproxy(arena, certificates):
    """A real HAProxy that serves TLS with a certificate of that authority."""
    texts = {
        "site.pem": certificates["site"] + certificates["key"],
        "ca.pem": certificates["ca"],
        "ca.key": certificates["ca.key"],
        "haproxy.cfg": PROXY,
    }
    write = "".join(f"cat > /tmp/{name} <<'EOF'\n{text}\nEOF\n" for name, text in texts.items())
    first = "test -e /tmp/site.pem || {\n" + write + "}\n"
    command = ["sh", "-c", first + "exec haproxy -W -db -f /tmp/haproxy.cfg"]
    one = arena.add("proxy", command=command, restart="always")
    assert wait_until(lambda: client_says(arena, one, certificates) == "ok", timeout_s=20)
    return one


def client_says(arena, proxy, certificates):
    """What a client that verifies the certificate gets: `ok`, or OpenSSL's reason."""
    context = ssl.create_default_context(cadata=certificates["ca"])
    try:
        with (
            socket.create_connection((address_of(proxy), 8443), timeout=2) as plain,
            context.wrap_socket(plain, server_hostname="web") as secure,
        ):
            secure.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return b"".join(iter(lambda: secure.recv(4096), b""))[-2:].decode()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError as error:
        return str(error)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            {"reload": "USR2", "ca": "/tmp/ca.pem", "ca_key": "/tmp/ca.key"},
            "certificate has expired",
        ),
        ({"reload": "USR2"}, "unable to get local issuer certificate"),
        (
            {"restart": True, "ca": "/tmp/ca.pem", "ca_key": "/tmp/ca.key"},
            "certificate has expired",
        ),
    ],
    ids=["signed", "self-signed", "restart"],
)
def test_clients_refuse_an_expired_certificate_until_it_is_lifted(
    arena, proxy, certificates, arguments, reason
):
    before = state_of_files(proxy, "/tmp/site.pem")
    done = arena.inject(
        "certificate_expiry",
        service="proxy",
        certificate="/tmp/site.pem",
        port=8443,
        since="2h",
        **arguments,
    )

    assert client_says(arena, proxy, certificates) == reason
    assert "expired 2 h ago, in 3 handshakes in a row" in done.evidence[0]
    assert arena.injector.check(done.fault_id)[0]
    assert "restored; " in lift(arena, done)
    assert wait_until(lambda: client_says(arena, proxy, certificates) == "ok", timeout_s=5)
    assert state_of_files(proxy, "/tmp/site.pem") == before
    assert "chaoskit" not in said(proxy, "ls -A /tmp")


def test_a_certificate_that_is_not_the_served_one_is_refused(arena, proxy):
    with pytest.raises(FaultRefused, match=r"serves another certificate than /tmp/ca\.pem"):
        arena.inject("certificate_expiry", service="proxy", certificate="/tmp/ca.pem", port=8443)


def test_a_service_that_does_not_reload_keeps_its_certificate(arena, proxy, certificates):
    before = state_of_files(proxy, "/tmp/site.pem")
    with pytest.raises(FaultRefused, match="no reload signal is given"):
        arena.inject("certificate_expiry", service="proxy", certificate="/tmp/site.pem", port=8443)

    assert state_of_files(proxy, "/tmp/site.pem") == before
    assert client_says(arena, proxy, certificates) == "ok"
