"""The transparent proxy passes on bytes, ends, resets and pressure as they are."""

import resource
import selectors
import socket
import threading

import pytest

from chaoskit.run.clock import wait_until
from tests import proxied
from tests.proxied import accepted, converse, listening, proxy_to, reset

MIB = 1 << 20


@pytest.fixture(scope="module")
def ear():
    with listening() as one:
        yield one


@pytest.fixture(scope="module")
def proxy(ear):
    with proxy_to(ear.getsockname()) as one:
        yield one


@pytest.fixture(scope="module")
def narrow_proxy(ear):
    with proxy_to(ear.getsockname(), narrow=True) as one:
        yield one


@pytest.mark.parametrize("seed", range(12))
def test_what_does_not_fit_at_once_is_neither_lost_nor_repeated(narrow_proxy, ear, seed):
    assert converse(narrow_proxy, ear, seed) == ""


@pytest.mark.parametrize("seed", range(24))
def test_both_sides_hear_exactly_what_the_other_said_whoever_ends_first(proxy, ear, seed):
    assert converse(proxy, ear, seed) == ""


@pytest.mark.parametrize(
    "mutant",
    [
        "drop_last_byte",
        "flip_a_bit",
        "end_both_at_once",
        "keep_ends",
    ],
)
def test_a_proxy_that_is_not_exact_is_caught_by_these_conversations(ear, mutant, monkeypatch):
    monkeypatch.setattr(proxied, "PATIENCE_S", 1.0)
    with proxy_to(ear.getsockname(), mutant=mutant) as one:
        found = (converse(one, ear, seed) for seed in range(24))

        assert any(found)


def test_a_proxy_that_repeats_what_did_not_fit_is_caught(ear, monkeypatch):
    monkeypatch.setattr(proxied, "PATIENCE_S", 1.0)
    with proxy_to(ear.getsockname(), mutant="repeat_what_did_not_fit", narrow=True) as one:
        assert any(converse(one, ear, seed) for seed in range(12))


def through(proxy, ear):
    client = proxy.connect()
    return client, accepted(ear)


def is_reset(one):
    """Whether the connection was reset, after everything before that was read."""
    try:
        while one.recv(1 << 16):
            pass
    except ConnectionResetError:
        return True
    return False


def turns_away(proxy):
    """Whether a new connection is reset, be it before `connect` has returned."""
    try:
        with proxy.connect() as client:
            return is_reset(client)
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("who", ["client", "service"])
def test_a_reset_on_one_side_is_a_reset_on_the_other(proxy, ear, who):
    client, service = through(proxy, ear)
    ours, theirs = (client, service) if who == "client" else (service, client)
    ours.sendall(b"x" * 1000)
    assert theirs.recv(1 << 16) == b"x" * 1000
    reset(ours)

    assert is_reset(theirs)
    theirs.close()


def test_what_was_said_before_a_reset_is_heard_before_it(proxy, ear):
    client, service = through(proxy, ear)
    client.sendall(b"request that nobody reads")
    assert wait_until(lambda: service.recv(1, socket.MSG_PEEK), timeout_s=5)
    service.sendall(b"the last words")
    service.close()  # with unread bytes: the kernel sends a reset

    assert client.recv(100) == b"the last words"
    assert is_reset(client)
    client.close()


def test_a_proxy_that_ends_instead_of_resetting_is_caught(ear):
    with proxy_to(ear.getsockname(), mutant="end_instead_of_reset") as one:
        client, service = through(one, ear)
        reset(client)

        assert not is_reset(service)
        service.close()


def test_a_service_that_is_not_there_resets_the_client():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        where = gone.getsockname()
    with proxy_to(where) as one:
        assert turns_away(one)
        assert wait_until(lambda: one.facts()["open"] == 0, timeout_s=5)
        assert one.facts()["unreachable"] == 1


def test_a_connection_that_was_not_redirected_is_reset_not_sent_round_for_ever():
    with proxy_to(None) as one:
        assert turns_away(one)
        assert one.facts().get("connections", 0) == 0


def flood(client):
    """Send until nothing more is taken for a while; how many bytes that were."""
    client.setblocking(False)
    piece, sent = b"f" * MIB, 0

    def stuck():
        nonlocal sent
        before = sent
        try:
            while True:
                sent += client.send(piece)
        except BlockingIOError:
            return sent == before

    assert wait_until(stuck, timeout_s=10)
    return sent


def pressed(ear, **config):
    """How much the memory grows, and how much is sent, when nobody reads on 10 connections."""
    with proxy_to(ear.getsockname(), **config) as one:
        pairs = [through(one, ear) for _ in range(10)]
        before = one.resident_bytes()
        sent = [flood(client) for client, _ in pairs]
        grown = one.resident_bytes() - before
        for client, service in pairs:
            reset(client)
            service.close()
    return grown, sent


def test_a_reader_who_does_not_read_stops_the_writer_and_no_memory_grows(ear):
    grown, sent = pressed(ear)

    assert grown < 4 * MIB
    assert max(sent) < 40 * MIB


def test_a_proxy_that_reads_without_bound_is_caught_by_its_memory(ear):
    def flooded():
        with proxy_to(ear.getsockname(), mutant="read_without_bound") as one:
            client, service = through(one, ear)
            before = one.resident_bytes()
            piece = b"f" * MIB
            for _ in range(60):
                client.sendall(piece)
            grown = one.resident_bytes() - before
            reset(client)
            service.close()
        return grown

    assert flooded() > 4 * MIB


def test_what_waited_for_a_slow_reader_arrives_whole(proxy, ear):
    client, service = through(proxy, ear)
    sent = flood(client)
    client.setblocking(True)
    client.shutdown(socket.SHUT_WR)
    heard = 0
    while data := service.recv(MIB):
        assert data.count(b"f") == len(data)
        heard += len(data)

    assert heard == sent
    client.close()
    service.close()


def test_urgent_bytes_stay_where_they_are_in_the_stream(proxy, ear):
    client, service = through(proxy, ear)
    client.sendall(b"ab")
    client.send(b"!", socket.MSG_OOB)
    client.sendall(b"cd")
    client.shutdown(socket.SHUT_WR)
    heard = b""
    while data := service.recv(100):
        heard += data

    assert heard == b"ab!cd"
    client.close()
    service.close()


class Echo(threading.Thread):
    """Answers on any number of connections, in one thread."""

    def __init__(self, ear):
        super().__init__(daemon=True)
        self._ear = ear
        self._selector = selectors.DefaultSelector()
        self._selector.register(ear, selectors.EVENT_READ)
        self._over = threading.Event()
        self.open = []
        self.start()

    def run(self):
        while not self._over.is_set():
            for key, _ in self._selector.select(0.1):
                if key.fileobj is self._ear:
                    one, _ = self._ear.accept()
                    self.open.append(one)
                    self._selector.register(one, selectors.EVENT_READ)
                elif data := key.fileobj.recv(4096):
                    key.fileobj.sendall(data)
                else:
                    self._selector.unregister(key.fileobj)
                    key.fileobj.close()

    def close(self):
        self._over.set()
        self.join()
        self._selector.close()
        for one in self.open:
            one.close()


def test_two_thousand_connections_are_open_at_once_and_each_hears_its_own():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with listening() as ear, proxy_to(ear.getsockname()) as one:
        echo = Echo(ear)
        clients = [one.connect() for _ in range(2000)]
        for number, client in enumerate(clients):
            client.sendall(b"%06d" % number)

        assert [client.recv(6) for client in clients] == [b"%06d" % n for n in range(2000)]
        assert one.facts()["open"] == 2000
        for client in clients:
            client.close()
        assert wait_until(lambda: one.facts()["open"] == 0, timeout_s=20)
        echo.close()


def test_ends_are_held_back_as_long_as_asked_and_passed_on_when_the_proxy_ends(ear):
    with proxy_to(ear.getsockname(), close_delay_s=None) as one:
        client, service = through(one, ear)
        client.sendall(b"last")
        client.shutdown(socket.SHUT_WR)

        assert service.recv(100) == b"last"
        assert wait_until(lambda: one.facts().get("held") == 1, timeout_s=5)
        service.settimeout(0.2)
        with pytest.raises(TimeoutError):
            service.recv(1)
        service.settimeout(5)
        service.shutdown(socket.SHUT_WR)
        assert wait_until(lambda: one.facts().get("held") == 2, timeout_s=5)
        assert one.ask({"do": "end"}) == {"closed": 1, "reset": 0}
        assert service.recv(1) == b""
        assert client.recv(1) == b""
        client.close()
        service.close()


def test_a_proxy_that_ends_resets_what_is_in_the_middle_of_something(ear):
    with proxy_to(ear.getsockname()) as one:
        client, service = through(one, ear)

        assert one.ask({"do": "end"}) == {"closed": 0, "reset": 1}
        assert is_reset(client)
        assert is_reset(service)
        client.close()
        service.close()


def test_a_proxy_leaves_when_the_agent_is_gone(ear):
    with proxy_to(ear.getsockname()) as one:
        assert one.close() == 0
