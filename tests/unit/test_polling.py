"""Endpoints that are polled: a real server on the loopback address, and the edges of patterns."""

import contextlib
import http.server
import itertools
import threading

import pytest

from chaoskit.model.marks import MarkKind
from chaoskit.model.target import Healer, HttpWitness
from chaoskit.run.clock import now_ns, wait_until
from chaoskit.target.asking import Asker
from chaoskit.target.polling import Edges, Polled, Poller


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    body = b"state=ok"
    status = 200
    asked = 0

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.release = threading.Event()
        self.release.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/status?x=1"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        self.server.path_asked = self.path
        self.server.release.wait(5)
        with contextlib.suppress(OSError):  # whoever asked may be gone
            self.send_response(self.server.status)
            self.end_headers()
            self.wfile.write(self.server.body)

    def log_message(self, *_args):
        pass


@pytest.fixture
def server():
    server = Server()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


def test_an_answer_has_a_status_and_a_text(server):
    answer = Asker(server.url, timeout_s=1).ask()

    assert (answer.status, answer.body, answer.ok) == (200, "state=ok", True)
    assert server.path_asked == "/status?x=1"


def test_nobody_there_is_no_answer():
    assert Asker("http://127.0.0.1:1/", timeout_s=1).ask() is None


def test_no_answer_in_time_is_no_answer(server):
    server.release.clear()

    assert Asker(server.url, timeout_s=0.1).ask() is None


def test_a_poller_asks_at_its_period_and_ends_at_once(server):
    heard = []
    poller = Poller(server.url, 0.02, now_ns=now_ns, hear=heard.append)
    poller.start()
    assert wait_until(lambda: len(heard) >= 10, timeout_s=5)
    poller.close()
    poller.join(0.3)

    assert not poller.is_alive()
    gaps = [b.at_ns - a.at_ns for a, b in itertools.pairwise(heard)]
    assert sum(gaps) / len(gaps) >= 0.018e9
    assert all(one.resolution_ns >= 0.02e9 for one in heard)


def test_a_poller_that_waits_for_an_answer_ends_at_once_too(server):
    heard = []
    server.release.clear()
    poller = Poller(server.url, 1.0, now_ns=now_ns, hear=heard.append)
    poller.start()
    assert wait_until(lambda: server.asked, timeout_s=5)
    poller.close()
    poller.join(0.3)

    assert not poller.is_alive()
    assert not heard


def test_a_bad_status_is_silence_and_silence_grows(server):
    heard = []
    server.status = 503
    poller = Poller(server.url, 0.02, now_ns=now_ns, hear=heard.append)
    poller.start()
    assert wait_until(lambda: len(heard) >= 5, timeout_s=5)
    poller.close()
    poller.join(1)

    assert all(one.body is None for one in heard)
    assert heard[4].silent_ns > heard[0].silent_ns > 0


def polled(body, at_ns=0):
    return Polled(body=body, asked_ns=at_ns, at_ns=at_ns, resolution_ns=7, silent_ns=0)


def edges():
    witness = HttpWitness(url="x", detected=r"^alert: \w+", restored="all well")
    return Edges(Healer(name="alerting", kind="alert", http=witness))


def kinds(found, *bodies):
    return [one.kind for body in bodies for one in found.marks(polled(body))]


def test_a_pattern_that_begins_to_match_gives_one_mark():
    found = edges()

    assert kinds(found, "", "a\nalert: leak", "alert: leak", "all well") == [
        MarkKind.DETECTED,
        MarkKind.RESTORED,
    ]


def test_what_matched_from_the_beginning_is_no_news():
    assert kinds(edges(), "all well", "all well") == []


def test_no_answer_changes_nothing():
    assert kinds(edges(), "alert: old", None, "alert: old") == []


def test_a_mark_tells_the_matched_text_and_how_well_its_time_is_known():
    found = edges()
    list(found.marks(polled("")))
    (mark,) = found.marks(polled("alert: leak now", at_ns=50))

    assert (mark.detail, mark.at_ns, mark.resolution_ns) == ("alert: leak", 50, 7)
