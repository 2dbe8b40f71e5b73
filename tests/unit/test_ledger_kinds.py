"""What each kind of ledger makes of answers, refusals and silence. PostgreSQL: tests/docker."""

import socket
import subprocess
import sys
import threading

import pytest

from chaoskit.ledgers.base import (
    LedgerKind,
    LedgerUnready,
    ReadFailed,
    Run,
    catalogue,
    make,
    numbers_in,
    settings_of,
    text_of,
)
from chaoskit.model.ledger import Fate
from chaoskit.probes import postgres as postgres_probe
from chaoskit.probes import redis as redis_probe
from tests.ledger_servers import HttpStore, RespServer, closed_port

RUN = Run(token="5eed0001", timeout_s=0.3)


@pytest.fixture
def http_store():
    store = HttpStore()
    yield store
    store.close()


@pytest.fixture
def resp():
    server = RespServer()
    yield server
    server.close()


def test_every_kind_says_what_it_is_and_documents_its_settings():
    assert set(catalogue()) == {"http", "postgres", "queue", "redis"}
    for kind in catalogue().values():
        assert issubclass(kind, LedgerKind)
        assert kind.__doc__
        assert all(one.doc.endswith(".") for one in settings_of(kind))


def test_looking_at_the_shelf_loads_no_client_library():
    code = (
        "import sys; from chaoskit.ledgers.base import catalogue; catalogue(); "
        "assert not {'redis', 'psycopg', 'ssl', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_values_of_the_trial_are_found_in_what_is_read():
    texts = [
        f'["{text_of("5eed0001", 7)}", "{text_of("5eed0001", 12)}"]',
        "5eed0002-9",
        "x5eed0001-5",
        "5eed0001-",
        "5eed0001-7",
    ]

    assert numbers_in("5eed0001", texts) == [7, 12, 7]


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("nothing", {}, "no ledger of kind 'nothing'; choose from http, postgres, queue, redis"),
        ("http", {"url": "ftp://x/{value}", "read_url": "http://x/"}, "no http address"),
        ("http", {"url": "http://x/", "read_url": "http://x/", "body": "b"}, "every write would"),
        ("http", {}, "missing"),
        ("queue", {"url": "redis://x", "structure": "heap"}, "choose from stream, list"),
        ("postgres", {"url": ""}, "names no host"),
    ],
)
def test_wrong_settings_are_refused_in_words(kind, settings, said):
    with pytest.raises(LedgerUnready, match=said):
        make(kind, settings)


# --- http


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (200, Fate.OK),
        (201, Fate.OK),
        (302, Fate.INFO),
        (400, Fate.FAIL),
        (404, Fate.FAIL),
        (409, Fate.INFO),
        (429, Fate.INFO),
        (500, Fate.INFO),
        (503, Fate.INFO),
        (0, Fate.INFO),
    ],
)
def test_an_http_status_says_whether_the_value_can_be_there(http_store, status, fate):
    http_store.status = status
    client = make("http", http_store.settings).open(RUN)

    assert client.write("5eed0001-1").fate is fate
    assert client.read() == ["5eed0001-1"]


def test_http_values_go_where_they_are_told(http_store):
    settings = {**http_store.settings, "body": '{"id": "{value}"}'}
    client = make("http", settings).open(RUN)
    client.write("5eed0001-4")

    assert http_store.items == ['{"id": "5eed0001-4"}']
    assert numbers_in(RUN.token, client.read()) == [4]


def test_without_a_connection_nothing_was_written_over_http():
    url = f"http://127.0.0.1:{closed_port()}/"
    client = make("http", {"url": url, "read_url": url}).open(RUN)

    assert client.write("5eed0001-1").fate is Fate.FAIL
    with pytest.raises(ReadFailed):
        client.read()


def test_a_failed_read_over_http_is_no_read(http_store):
    http_store.broken = True

    with pytest.raises(ReadFailed, match="answers 500"):
        make("http", http_store.settings).open(RUN).read()


# --- redis


def test_redis_keeps_what_it_acknowledges_on_one_connection(resp):
    client = make("redis", {"url": resp.url}).open(RUN)
    fates = [client.write(text_of(RUN.token, one)).fate for one in range(3)]

    assert fates == [Fate.OK] * 3
    assert numbers_in(RUN.token, client.read()) == [0, 1, 2]
    assert resp.connections == 1
    client.close()


@pytest.mark.parametrize(
    ("reply", "fate"),
    [
        pytest.param(b"-READONLY You can't write against a replica.\r\n", Fate.FAIL, id="replica"),
        pytest.param(b"-NOREPLICAS Not enough good replicas.\r\n", Fate.FAIL, id="no replicas"),
        pytest.param(b"-LOADING Redis is loading the dataset\r\n", Fate.FAIL, id="loading"),
        pytest.param(b"", Fate.INFO, id="closed after the command"),
        pytest.param(None, Fate.INFO, id="no answer"),
    ],
)
def test_a_redis_refusal_is_certain_and_silence_is_not(resp, reply, fate):
    resp.instead["RPUSH"] = reply
    client = make("redis", {"url": resp.url}).open(RUN)

    assert client.write("5eed0001-1").fate is fate
    client.close()


def test_a_redis_write_is_sent_once_whatever_happens(resp):
    resp.instead["RPUSH"] = b""
    client = make("redis", {"url": resp.url}).open(RUN)
    client.write("5eed0001-1")
    client.close()

    assert list(resp.keys.values()) == [["5eed0001-1"]]


def test_without_a_connection_nothing_was_written_to_redis():
    client = make("redis", {"url": f"127.0.0.1:{closed_port()}"}).open(RUN)

    assert client.write("5eed0001-1").fate is Fate.FAIL
    with pytest.raises(ReadFailed):
        client.read()


def test_a_redis_client_goes_on_after_an_outage(resp):
    resp.instead["RPUSH"] = b""
    client = make("redis", {"url": resp.url}).open(RUN)
    client.write("5eed0001-1")
    resp.instead.clear()

    assert client.write("5eed0001-2").fate is Fate.OK
    client.close()


# --- queue


@pytest.mark.parametrize("structure", ["stream", "list"])
def test_a_queue_takes_jobs_in_one_key_and_shows_results_of_another(resp, structure):
    client = make("queue", {"url": resp.url, "structure": structure}).open(RUN)

    assert client.write("5eed0001-1").fate is Fate.OK
    assert client.read() == []
    assert list(resp.keys) == ["jobs"]
    resp.keys["results"] = ["5eed0001-1", "5eed0001-1"]
    assert numbers_in(RUN.token, client.read()) == [1, 1]
    client.close()


def test_a_queue_may_leave_its_results_on_another_server(resp):
    elsewhere = f"redis://127.0.0.1:{closed_port()}"
    resp.keys["results"] = ["5eed0001-1"]

    reads = make("queue", {"url": elsewhere, "results_url": resp.url}).open(RUN)
    assert reads.write("5eed0001-1").fate is Fate.FAIL
    assert numbers_in(RUN.token, reads.read()) == [1]
    reads.close()

    writes = make("queue", {"url": resp.url, "results_url": elsewhere}).open(RUN)
    assert writes.write("5eed0001-2").fate is Fate.OK
    with pytest.raises(ReadFailed):
        writes.read()
    writes.close()


def test_results_in_a_key_that_holds_none_cannot_be_read(resp):
    resp.instead["TYPE"] = b"+string\r\n"
    client = make("queue", {"url": resp.url}).open(RUN)

    with pytest.raises(ReadFailed, match="is a string"):
        client.read()
    client.close()


# --- the probes


def heard_by(ask, said):
    """What a probe makes of a server that says this to whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(64)
                connection.sendall(said)

        server = threading.Thread(target=serve)
        server.start()
        answer = ask(listener.getsockname()[1])
        server.join()
        return answer


@pytest.mark.parametrize(
    ("heard", "up"), [(b"+PONG\r\n", True), (b"-LOADING wait\r\n", False), (b"", False)]
)
def test_redis_is_up_when_it_says_pong(heard, up):
    assert heard_by(lambda port: redis_probe.ping(f"redis://127.0.0.1:{port}", 1), heard) is up


def test_redis_is_not_up_where_nobody_listens():
    assert redis_probe.ping(f"127.0.0.1:{closed_port()}", 0.2) is False


@pytest.mark.parametrize(
    ("heard", "up"),
    [
        pytest.param(b"R\x00\x00\x00\x08\x00\x00\x00\x00", True, id="come in"),
        pytest.param(b"E\x00\x00\x00\x10SFATAL\0C28000\0\0", True, id="not you"),
        pytest.param(b"E\x00\x00\x00\x13SFATAL\0C57P03\0\0", False, id="starting up"),
        pytest.param(b"", False, id="hung up"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n", False, id="another protocol"),
    ],
)
def test_postgresql_accepts_when_it_would_log_somebody_in(heard, up):
    assert heard_by(lambda port: postgres_probe.accepts(f"127.0.0.1:{port}", 1), heard) is up


def test_postgresql_does_not_accept_where_nobody_listens():
    assert postgres_probe.accepts(f"tcp://127.0.0.1:{closed_port()}", 0.2) is False
