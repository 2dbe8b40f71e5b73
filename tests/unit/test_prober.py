"""The prober as a process, against servers that misbehave."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chaoskit.errors import EnvironmentUnfit, InputError
from chaoskit.model.evidence import read_samples
from chaoskit.model.experiment import ProbeSpec
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.model.timeline import Samples
from chaoskit.run.prober.handle import Ended, Prober, ProberDied
from chaoskit.run.prober.tail import Tail
from tests.scripted_server import OK, ScriptedServer, answer, free_port, refuse_politely, reset

DEADLINE_S = 20.0


@pytest.fixture
def prober() -> Iterator[Prober]:
    with Prober.start() as prober:
        yield prober


def http(url: str, tolerance: Any = 200, name: str = "front", **more: Any) -> ProbeSpec:
    provider = {"type": "http", "url": url, **more}
    return ProbeSpec(name=name, kind="http", provider=provider, tolerance=tolerance)


def tcp(port: int, name: str = "port", **more: Any) -> ProbeSpec:
    provider = {"type": "tcp", "host": "127.0.0.1", "port": port, **more}
    return ProbeSpec(name=name, kind="tcp", provider=provider, tolerance=True)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"{what} did not come within {DEADLINE_S:g} s"
        threading.Event().wait(0.01)


def sample(
    prober: Prober, path: Path, *specs: ProbeSpec, count: int = 6, **how: Any
) -> tuple[Samples, Ended]:
    """At least so many samples of these probes together."""
    prober.begin(path, specs, **{"rate_hz": 100.0, "timeout_s": 0.15, **how})
    wait_for(lambda: path.stat().st_size >= count * 40, f"{count} samples")
    ended = prober.end()
    return read_samples(path), ended


def reasons(samples: Samples) -> set[tuple[Outcome, Reason]]:
    """Late asks are about this machine, which may be busy with other tests."""
    seen = {(Outcome(int(one["outcome"])), Reason(int(one["reason"]))) for one in samples}
    return seen - {(Outcome.UNKNOWN, Reason.LATE)}


MISBEHAVIOUR = {
    "answers": (answer(OK), Outcome.GOOD, Reason.NONE),
    "answers 500": (
        answer(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"),
        Outcome.BAD,
        Reason.TOLERANCE,
    ),
    "hangs": (None, Outcome.BAD, Reason.TIMEOUT),
    "resets": (reset, Outcome.BAD, Reason.RESET),
    "closes without a word": (refuse_politely, Outcome.BAD, Reason.CLOSED),
    "closes in the middle": (answer(OK[:-1]), Outcome.BAD, Reason.CLOSED),
    "speaks another protocol": (answer(b"+PONG\r\n"), Outcome.BAD, Reason.PROTOCOL),
}


@pytest.mark.parametrize(
    ("behave", "outcome", "reason"), MISBEHAVIOUR.values(), ids=MISBEHAVIOUR.keys()
)
def test_every_misbehaviour_has_its_reason(
    prober: Prober, tmp_path: Path, behave: Any, outcome: Outcome, reason: Reason
) -> None:
    with ScriptedServer(behave) as server:
        samples, _ = sample(prober, tmp_path / "samples.bin", http(server.url))

    assert reasons(samples) == {(outcome, reason)}


def test_a_refused_connection_is_refused(prober: Prober, tmp_path: Path) -> None:
    samples, _ = sample(prober, tmp_path / "s", http(f"http://127.0.0.1:{free_port()}/"))

    assert reasons(samples) == {(Outcome.BAD, Reason.REFUSED)}


def test_an_answer_after_the_timeout_is_a_timeout(prober: Prober, tmp_path: Path) -> None:
    patience = threading.Event()

    def slowly(connection: socket.socket) -> None:
        connection.sendall(OK[:10])
        patience.wait(0.3)
        connection.sendall(OK[10:])

    with ScriptedServer(slowly) as server:
        samples, _ = sample(prober, tmp_path / "s", http(server.url), rate_hz=2.0, count=2)

    assert reasons(samples) == {(Outcome.BAD, Reason.TIMEOUT)}
    took_s = (samples["done"] - samples["sent"]) / 1e9
    assert (took_s >= 0.15).all()


def test_a_providers_own_timeout_is_kept_when_it_is_stricter(
    prober: Prober, tmp_path: Path
) -> None:
    with ScriptedServer(None) as server:
        samples, _ = sample(
            prober, tmp_path / "s", http(server.url, timeout=0.05), timeout_s=5.0, count=2
        )

    took_s = (samples["done"] - samples["sent"]) / 1e9
    assert (took_s >= 0.05).all()
    assert np.median(took_s) < 1.0


def test_a_name_that_does_not_resolve_is_unresolved(prober: Prober, tmp_path: Path) -> None:
    samples, _ = sample(prober, tmp_path / "s", http("http://nowhere.invalid/"))

    assert reasons(samples) == {(Outcome.BAD, Reason.UNRESOLVED)}


def test_a_redirect_is_followed_to_its_end(prober: Prober, tmp_path: Path) -> None:
    with ScriptedServer(answer(OK)) as final:
        location = f"HTTP/1.1 302 Found\r\nLocation: {final.url}x\r\nContent-Length: 0\r\n\r\n"
        with ScriptedServer(answer(location.encode())) as first:
            samples, _ = sample(prober, tmp_path / "s", http(first.url))

    assert reasons(samples) == {(Outcome.GOOD, Reason.NONE)}
    assert final.requests[0].startswith(b"GET /x HTTP/1.1")


def test_a_name_with_several_addresses_is_tried_to_the_last(prober: Prober, tmp_path: Path) -> None:
    with ScriptedServer(answer(OK)) as server:  # on 127.0.0.1 only; localhost may be ::1 first
        samples, _ = sample(prober, tmp_path / "s", http(f"http://localhost:{server.port}/"))

    assert reasons(samples) == {(Outcome.GOOD, Reason.NONE)}


@pytest.mark.parametrize(
    ("behave", "provider", "expected"),
    [
        pytest.param(None, {}, (Outcome.GOOD, Reason.NONE), id="a connection is enough"),
        pytest.param(
            answer(b"+PONG\r\n"),
            {"send": "PING\r\n", "expect": "PONG"},
            (Outcome.GOOD, Reason.NONE),
            id="the expected bytes came",
        ),
        pytest.param(
            answer(b"-ERR\r\n"),
            {"send": "PING\r\n", "expect": "PONG"},
            (Outcome.BAD, Reason.TOLERANCE),
            id="other bytes came",
        ),
        pytest.param(
            None, {"expect": "PONG"}, (Outcome.BAD, Reason.TIMEOUT), id="nothing came in time"
        ),
    ],
)
def test_tcp_probes_connect_and_wait_for_what_is_expected(
    prober: Prober, tmp_path: Path, behave: Any, provider: Any, expected: Any
) -> None:
    with ScriptedServer(behave) as server:
        samples, _ = sample(prober, tmp_path / "s", tcp(server.port, **provider))

    assert reasons(samples) == {expected}


def test_a_refused_tcp_probe_is_refused(prober: Prober, tmp_path: Path) -> None:
    samples, _ = sample(prober, tmp_path / "s", tcp(free_port()))

    assert reasons(samples) == {(Outcome.BAD, Reason.REFUSED)}


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed one for 127.0.0.1, key and certificate in one file."""
    path = tmp_path / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        out = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
        subprocess.run([*command, *names, *out], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs the openssl command to make a certificate")
    key, cert = ((tmp_path / name).read_text() for name in ("key.pem", "cert.pem"))
    path.write_text(key + cert)
    return path


@pytest.mark.parametrize("verified", [True, False])
def test_https_is_asked_and_its_certificate_is_checked(
    prober: Prober, tmp_path: Path, certificate: Path, verified: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(2)
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(4096)
                    secure.sendall(OK)
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
    try:
        own_authority = str(tmp_path / "cert.pem") if verified else True
        spec = http(url, verify_tls=own_authority)
        samples, _ = sample(prober, tmp_path / "s", spec, rate_hz=20.0, timeout_s=2.0, count=3)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        listener.close()

    expected = (Outcome.GOOD, Reason.NONE) if verified else (Outcome.BAD, Reason.PROTOCOL)
    assert reasons(samples) == {expected}


def rounds_of(samples: Samples, probe: int) -> list[int]:
    return sorted(samples["k"][samples["probe"] == probe].tolist())


def test_every_probe_is_asked_in_every_round_at_its_own_part_of_the_period(
    prober: Prober, tmp_path: Path
) -> None:
    with ScriptedServer(answer(OK)) as server:
        specs = [http(server.url, name="a"), tcp(server.port, name="b"), tcp(free_port(), name="c")]
        begun = prober.begin(tmp_path / "s", specs, rate_hz=50.0, timeout_s=0.2)
        wait_for(lambda: (tmp_path / "s").stat().st_size > 40 * 40, "40 samples")
        ended = prober.end()
    samples = read_samples(tmp_path / "s")

    assert begun.rates == {"a": 50.0, "b": 50.0, "c": 50.0}
    rounds = len(samples) // 3
    assert ended.asked == len(samples) == rounds * 3
    for probe in range(3):
        assert rounds_of(samples, probe) == list(range(rounds))
        mine = samples[samples["probe"] == probe]
        first_ns = begun.started_ns + probe * 20_000_000 // 3
        expected = first_ns + mine["k"].astype(np.int64) * 20_000_000
        assert (mine["due"] == expected).all()


def test_what_was_late_or_found_no_slot_is_unknown_and_never_skipped(
    prober: Prober, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    with ScriptedServer(None) as server:  # nobody answers, so slots fill up
        prober.begin(path, [http(server.url)], rate_hz=500.0, timeout_s=0.05)
        wait_for(lambda: path.stat().st_size > 0, "the first samples")
        os.kill(prober.pid, signal.SIGSTOP)
        threading.Event().wait(0.4)
        os.kill(prober.pid, signal.SIGCONT)
        before = path.stat().st_size
        wait_for(lambda: path.stat().st_size > before + 250 * 40, "what was missed meanwhile")
        ended = prober.end()
    samples = read_samples(path)

    assert rounds_of(samples, 0) == list(range(len(samples)))
    unknown = samples[samples["outcome"] == Outcome.UNKNOWN]
    late = unknown[unknown["reason"] == Reason.LATE]
    no_slot = unknown[unknown["reason"] == Reason.NO_SLOT]
    assert len(late) + len(no_slot) == len(unknown) == ended.unknown
    assert len(late) == ended.late > 0
    assert len(no_slot) == ended.no_slot > 0
    assert len(unknown) >= 150
    assert (no_slot["sent"] == 0).all()
    assert (late["sent"] - late["due"] > 1_000_000).all()
    assert (late["done"] > late["sent"]).all()
    assert ended.send_lag_max_s > 0.2


def test_a_killed_prober_leaves_a_file_that_can_be_read(prober: Prober, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with ScriptedServer(answer(OK)) as server:
        prober.begin(path, [http(server.url)], rate_hz=200.0, timeout_s=0.2)
        tail = Tail(path)
        wait_for(lambda: path.stat().st_size > 40 * 40, "40 samples")
        seen = len(tail.new())
        os.kill(prober.pid, signal.SIGKILL)
        with pytest.raises(ProberDied, match="killed by signal 9"):
            prober.end()
    samples = read_samples(path)

    assert not prober.alive
    assert path.stat().st_size % 40 == 0
    assert len(samples) == seen + len(tail.new())
    assert rounds_of(samples, 0) == list(range(len(samples)))


def test_a_prober_whose_master_is_gone_ends_at_once(tmp_path: Path) -> None:
    prober = Prober.start()
    with ScriptedServer(None) as server:
        prober.begin(tmp_path / "s", [http(server.url)], rate_hz=50.0, timeout_s=30.0)
        begun_s = time.monotonic()
        prober.close()

    assert not prober.alive
    assert time.monotonic() - begun_s < 4


def test_sampling_can_begin_again_after_it_ended(prober: Prober, tmp_path: Path) -> None:
    with ScriptedServer(answer(OK)) as server:
        for number in range(3):
            samples, ended = sample(prober, tmp_path / str(number), http(server.url))

            assert ended.asked == len(samples)
            assert rounds_of(samples, 0) == list(range(len(samples)))


def test_a_probe_that_cannot_be_asked_is_refused_and_the_prober_lives(
    prober: Prober, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"probe 'front'.*unknown key 'urll'"):
        prober.begin(tmp_path / "s", [http("x", urll="y")], rate_hz=50.0, timeout_s=0.5)
    with pytest.raises(EnvironmentUnfit, match="samples cannot be written"):
        prober.begin(Path("/proc/s"), [http("http://127.0.0.1/")], rate_hz=50.0, timeout_s=0.5)
    with pytest.raises(InputError, match="begin first"):
        prober.end()
    with ScriptedServer(answer(OK)) as server:
        samples, _ = sample(prober, tmp_path / "s", http(server.url))

    assert len(samples)


def test_the_prober_starts_without_anything_heavy() -> None:
    script = (
        "import sys; import chaoskit.run.prober.__main__, chaoskit.probes.http, chaoskit.probes.tcp;"
        "heavy = {'numpy', 'scipy', 'docker', 'chaoslib', 'rich', 'requests', 'yaml', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def probe_then_sleep(url: str, period_s: float, timeout_s: float, until_s: float) -> list[bool]:
    """How other tools sample: ask, then sleep. Whether each ask was good."""
    import urllib.request

    good = []
    while time.monotonic() < until_s:
        try:
            with urllib.request.urlopen(url, timeout=timeout_s) as response:
                good.append(response.status == 200)
        except OSError:
            good.append(False)
        threading.Event().wait(period_s)
    return good


def test_availability_is_the_truth_where_a_closed_loop_flatters(
    prober: Prober, tmp_path: Path
) -> None:
    """CO-1 in miniature: 3 s at 50 Hz, one of them blackholed, a timeout of 0.4 s."""
    closed: list[bool] = []
    with ScriptedServer(answer(OK)) as server:
        loop = threading.Thread(
            target=lambda: closed.extend(
                probe_then_sleep(server.url, 0.02, 0.4, time.monotonic() + 3)
            )
        )
        begun = prober.begin(tmp_path / "s", [http(server.url)], rate_hz=50.0, timeout_s=0.4)
        loop.start()
        threading.Event().wait(1)
        server.behave, off_ns = None, time.monotonic_ns()
        threading.Event().wait(1)
        server.behave, on_ns = answer(OK), time.monotonic_ns()
        loop.join()
        ended_ns = time.monotonic_ns()
        prober.end()
    samples = read_samples(tmp_path / "s")
    samples = samples[(samples["due"] <= ended_ns) & (samples["outcome"] != Outcome.UNKNOWN)]

    truth = 1 - (on_ns - off_ns) / (ended_ns - begun.started_ns)
    open_loop = float((samples["outcome"] == Outcome.GOOD).mean())
    closed_loop = sum(closed) / len(closed)
    assert open_loop == pytest.approx(truth, abs=0.03)
    assert closed_loop > truth + 0.2
