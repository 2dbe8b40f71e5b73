"""The faults of the proxy with a real engine: they bite, combine, and are gone afterwards."""

import socket
import threading
import time
import urllib.error
import urllib.request

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.run.clock import wait_until
from tests.docker.arena import address_of, pid_of, serves

pytestmark = pytest.mark.docker


def asked(address, *, path="/", timeout_s=5.0):
    """The status, the body and the seconds of a request; status 0 when there was no answer."""
    begun = time.monotonic()
    status, body = 0, b""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=timeout_s) as one:
            status, body = one.status, one.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    except OSError:
        pass
    return status, body, time.monotonic() - begun


def tables(arena, container):
    """Everything in the firewall of an instance, without counters, as a look of its own."""
    script = "; ".join(f"iptables-save -t {one}" for one in ("nat", "filter", "mangle"))
    ran = arena.client.containers.run(
        arena.agent_image,
        ["-c", f"({script}) | grep -v '^[#:]'"],
        entrypoint="/bin/sh",
        network_mode=f"container:{container.id}",
        cap_add=["NET_ADMIN"],
        remove=True,
    )
    return ran.decode()


def from_inside(container, address):
    """The status that a program in an instance gets, and the seconds it took."""
    script = (
        "import time, urllib.request as u, urllib.error as e; t = time.monotonic()\n"
        f"try: s = u.urlopen('http://{address}/', timeout=5).status\n"
        "except e.HTTPError as x: s = x.code\n"
        "except OSError: s = 0\n"
        "print(s, time.monotonic() - t)"
    )
    status, seconds = container.exec_run(["python3", "-c", script]).output.decode().split()
    return int(status), float(seconds)


def test_each_http_fault_bites_is_proven_and_leaves_nothing(arena):
    web = arena.add("web")
    arena.add("db")
    address = address_of(web)
    before = tables(arena, web)

    done = arena.inject("http_delay", port=80, delay="200ms", path="/slow*")
    assert asked(address, path="/slow")[2] >= 0.2
    assert asked(address)[:2] == (200, b"ok")
    assert "promised 200 ms, measured" in done.evidence[0]
    assert "came through the proxy" in done.evidence[0]
    assert "1 affected" in arena.injector.check(done.fault_id)[1]
    arena.injector.lift(done.fault_id)

    done = arena.inject("http_status", port=80, status=418, first=2)
    assert [asked(address)[0] for _ in range(3)] == [418, 418, 200]
    arena.injector.lift(done.fault_id)

    done = arena.inject("http_abort", port=80, method="GET")
    assert asked(address)[0] == 0
    arena.injector.lift(done.fault_id)

    done = arena.inject("http_body", port=80, replace="not ok")
    assert asked(address)[:2] == (200, b"not ok")
    (gone,) = arena.injector.lift(done.fault_id)

    assert asked(address)[:2] == (200, b"ok")
    assert "0 left; the proxy ended" in gone.evidence
    assert tables(arena, web) == before


def test_a_share_of_the_requests_is_hit_and_the_proof_measures_it(arena):
    web = arena.add("web")
    done = arena.inject("http_status", port=80, share="30%", seed=5)
    hits = sum(asked(address_of(web))[0] == 503 for _ in range(200))

    assert 33 <= hits <= 89  # 1 in 10,000 outside
    assert "promised 30.0% of requests, measured" in done.evidence[0]


def test_faults_on_one_instance_go_through_one_proxy_after_the_other(arena):
    web = arena.add("web")
    db = arena.add("db")
    address = address_of(web)
    first = arena.inject("http_delay", port=80, delay="100ms")
    second = arena.inject("http_delay", port=80, delay="150ms")
    third = arena.inject("http_delay", pick="db-1", service="db", delay="120ms", direction="out")
    fourth = arena.inject("http_delay", service="db", delay="130ms", direction="out", port=80)

    assert asked(address)[2] >= 0.25
    status, took_s = from_inside(db, address)
    assert status == 200
    assert took_s >= 0.5
    arena.injector.lift(first.fault_id)
    assert 0.15 <= asked(address)[2] < 0.25
    arena.injector.lift(third.fault_id)
    assert 0.28 <= from_inside(db, address)[1] < 0.4
    arena.injector.lift(second.fault_id)
    arena.injector.lift(fourth.fault_id)
    assert asked(address)[2] < 0.1


def test_only_the_named_peer_is_harmed_and_only_the_way_that_is_named(arena):
    web, db, other = arena.add("web"), arena.add("db"), arena.add("other")
    address = address_of(web)
    done = arena.inject("http_status", port=80, peer="db")
    assert from_inside(db, address)[0] == 503
    assert from_inside(other, address)[0] == 200
    assert from_inside(web, address_of(db))[0] == 200
    with pytest.raises(FaultRefused, match="only some peers go through"):
        arena.inject("http_status", port=80)
    arena.injector.lift(done.fault_id)

    done = arena.inject("http_status", port=80, peer="db", direction="out")
    assert from_inside(web, address_of(db))[0] == 503
    assert from_inside(web, address_of(other))[0] == 200
    assert from_inside(db, address)[0] == 200
    arena.injector.lift(done.fault_id)
    assert from_inside(web, address_of(db))[0] == 200


def heard_on(one):
    """The status of another request on a connection, or what broke it."""
    heard = b""
    try:
        one.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        while not heard.endswith(b"\r\n\r\nok") and (data := one.recv(1 << 16)):
            heard += data
    except OSError as error:
        return type(error)
    return int(heard[9:12] or b"0")


KEEPING = (
    "import http.server as h\n"
    "class A(h.BaseHTTPRequestHandler):\n"
    "    protocol_version = 'HTTP/1.1'\n"
    "    def do_GET(self):\n"
    "        self.send_response(200); self.send_header('Content-Length', '2')\n"
    "        self.end_headers(); self.wfile.write(b'ok')\n"
    "    def log_message(self, *a): pass\n"
    "h.ThreadingHTTPServer(('', 8080), A).serve_forever()\n"
)


def test_open_connections_are_spared_or_reset_as_asked(arena):
    web = arena.add("web")
    web.exec_run(["python3", "-c", KEEPING], detach=True)
    address = address_of(web)

    def opened():
        return socket.create_connection((address, 8080), timeout=5)

    def status():
        try:
            with opened() as one:
                return heard_on(one)
        except OSError:
            return 0

    assert wait_until(lambda: status() == 200, timeout_s=10)
    with opened() as open_before:
        assert heard_on(open_before) == 200
        done = arena.inject("http_status", port=8080)
        assert heard_on(open_before) == 200
        assert asked(f"{address}:8080")[0] == 503
        arena.injector.lift(done.fault_id)
        assert heard_on(open_before) == 200

        done = arena.inject("http_status", port=8080, existing="reset")
        assert heard_on(open_before) is ConnectionResetError
        assert asked(f"{address}:8080")[0] == 503
        arena.injector.lift(done.fault_id)
        assert status() == 200


def test_the_end_of_a_connection_arrives_late_and_at_once_when_it_is_lifted(arena):
    web = arena.add("web")
    address = address_of(web)
    done = arena.inject("slow_close", port=80)
    assert "did not come back within" in done.evidence[0] or "tried" in done.evidence[0]
    ended = []

    def ask():
        with socket.create_connection((address, 80), timeout=30) as one:
            one.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while one.recv(1 << 16):
                pass
            ended.append(time.monotonic())

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    assert wait_until(lambda: "1 ends held" in arena.injector.check(done.fault_id)[1], timeout_s=5)
    assert not ended
    lifted = time.monotonic()
    arena.injector.lift(done.fault_id)
    asking.join(10)

    assert ended
    assert ended[0] >= lifted


def test_traffic_that_the_proxy_cannot_read_passes_and_is_no_effect(arena):
    web = arena.add("web")
    done = arena.inject("http_status", port=80)
    with socket.create_connection((address_of(web), 80), timeout=5) as one:
        one.sendall(b"\x16\x03\x01\x00\x05hello\r\n\r\n")
        assert b"400" in one.recv(1 << 16)  # the service's own answer
    in_effect, words = arena.injector.check(done.fault_id)

    assert not in_effect
    assert "passed on unseen because they are not HTTP/1: 1 tls" in words


def test_a_killed_agent_leaves_no_proxy_and_its_successor_removes_the_rules(arena):
    web = arena.add("web")
    before = tables(arena, web)
    done = arena.inject("http_delay", port=80, delay="50ms")
    agent = arena.hand.ready()
    arena.client.containers.get(agent.container_id).kill()
    assert wait_until(lambda: not agent.alive, timeout_s=5)
    assert asked(address_of(web))[0] == 0  # nobody listens where the rule points
    (gone,) = arena.injector.lift(done.fault_id)

    assert "no proxy ran" in gone.evidence
    assert serves(web)
    assert tables(arena, web) == before


def test_an_instance_that_restarts_comes_back_without_a_proxy(arena):
    web = arena.add("web", restart="always")
    before = pid_of(web)
    done = arena.inject("http_status", port=80)
    arena.inject("crash")
    assert wait_until(lambda: pid_of(web) not in {0, before}, timeout_s=20)
    assert wait_until(lambda: serves(web), timeout_s=10)
    assert not arena.injector.check(done.fault_id)[0]
    (gone,) = arena.injector.lift(done.fault_id)

    assert "the proxy ended" in gone.evidence
