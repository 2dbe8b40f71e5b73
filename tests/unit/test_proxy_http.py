"""HTTP/1.1 through the proxy: untouched to the byte, or harmed exactly as asked."""

import contextlib
import socket
import threading

import pytest

from chaoskit.agent.proxying import http_wire
from chaoskit.run.clock import now_ns, wait_until
from tests.proxied import PATIENCE_S, accepted, listening, proxy_to

GET = b"GET /api/a?x=1 HTTP/1.1\r\nHost: web\r\nX-Odd-CASE:  two  spaces \r\n\r\n"
OTHER = b"GET /other HTTP/1.1\r\nHost: web\r\n\r\n"
OK = b"HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nX-Thing: a\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4;ext=1\r\nwiki\r\nB\r\nabcdefghijk\r\n0\r\nTrailer: yes\r\n\r\n"
)
POST = b"POST /api/b HTTP/1.1\r\nHost: web\r\nContent-Length: 4\r\n\r\nbody"
POST_CHUNKED = (
    b"POST /c HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\n\r\n"
)
HEAD = b"HEAD /api/a HTTP/1.1\r\nHost: web\r\n\r\n"
HEAD_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
TO_THE_END = b"HTTP/1.0 200 OK\r\n\r\nuntil the connection ends"
NOTHING = {"what": "status", "status": 599}
NEVER = {"headers": {"x-never": "there"}}


class Service(threading.Thread):
    """Hears exactly so much of a request, then says the answer; one connection after another."""

    def __init__(self, ear, script, *, then_end=False):
        super().__init__(daemon=True)
        self._ear, self._script, self._then_end = ear, script, then_end
        self.heard = []
        self.start()

    def run(self):
        with contextlib.suppress(OSError), accepted(self._ear) as one:
            for expected, answer in self._script:
                self.heard.append(take(one, expected))
                one.sendall(answer)
            if self._then_end:
                one.shutdown(socket.SHUT_WR)
            while data := one.recv(1 << 16):
                self.heard.append(data)


def take(one, size):
    heard = b""
    while len(heard) < size and (data := one.recv(size - len(heard))):
        heard += data
    return heard


def to_the_end(one):
    heard = b""
    while data := one.recv(1 << 16):
        heard += data
    return heard


@pytest.fixture(scope="module")
def ear():
    with listening() as one:
        yield one


@pytest.fixture(scope="module")
def idle(ear):
    """A proxy whose filter matches nothing."""
    with proxy_to(ear.getsockname(), effect=NOTHING, filter=NEVER) as one:
        yield one


@pytest.fixture
def harming(ear):
    """A proxy that does something to requests."""
    with contextlib.ExitStack() as stack:
        yield lambda effect, **given: stack.enter_context(
            proxy_to(ear.getsockname(), effect=effect, filter=given, seed="test")
        )


EXCHANGES = [
    pytest.param([(GET, OK)], id="a request and an answer"),
    pytest.param([(GET, OK), (OTHER, CHUNKED), (GET, OK)], id="kept alive, with chunks"),
    pytest.param([(POST, OK), (POST_CHUNKED, NO_CONTENT), (GET, OK)], id="with bodies"),
    pytest.param([(HEAD, HEAD_OK), (GET, OK)], id="HEAD announces a body that does not come"),
    pytest.param([(GET, b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK), (GET, OK)], id="early hints"),
    pytest.param([(b"\r\n" + GET, OK)], id="an empty line before"),
    pytest.param([(GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")], id="304"),
]


@pytest.mark.parametrize("exchanges", EXCHANGES)
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_what_is_not_meant_passes_as_the_bytes_that_it_was(idle, ear, exchanges, size):
    service = Service(ear, [(len(request), answer) for request, answer in exchanges])
    with idle.connect() as client:
        for request, answer in exchanges:
            for start in range(0, len(request), size):
                client.sendall(request[start : start + size])

            assert take(client, len(answer)) == answer
        client.shutdown(socket.SHUT_WR)
        service.join(PATIENCE_S)
    assert service.heard == [request for request, _ in exchanges]


def test_pipelined_requests_are_answered_in_their_order(idle, ear):
    Service(ear, [(len(GET), OK), (len(POST), CHUNKED), (len(OTHER), NO_CONTENT)])
    with idle.connect() as client:
        client.sendall(GET + POST + OTHER)
        expected = OK + CHUNKED + NO_CONTENT

        assert take(client, len(expected)) == expected


def test_an_answer_that_lasts_to_the_end_of_the_connection_does(idle, ear):
    Service(ear, [(len(GET), TO_THE_END)], then_end=True)
    with idle.connect() as client:
        client.sendall(GET)

        assert to_the_end(client) == TO_THE_END


def test_a_client_that_waits_for_100_continue_gets_it(idle, ear):
    head = POST[:-4].replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    Service(ear, [(len(head), go_on), (4, OK)])
    with idle.connect() as client:
        client.sendall(head)
        assert take(client, len(go_on)) == go_on
        client.sendall(b"body")

        assert take(client, len(OK)) == OK


UNSEEN = [
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "tls", id="TLS"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4", "http2", id="HTTP/2"),
    pytest.param(b"*1\r\n$4\r\nPING\r\n", "other", id="Redis"),
    pytest.param(b"EHLO there\r\n\r\n", "unreadable", id="begins like a method"),
]


@pytest.mark.parametrize(("said", "counted"), UNSEEN)
def test_what_is_not_http_1_passes_unseen_and_is_counted(harming, ear, said, counted):
    proxy = harming({"what": "abort"})
    Service(ear, [(len(said), b"\x00any\xff answer"), (3, b"more")])
    with proxy.connect() as client:
        client.sendall(said)
        assert take(client, 12) == b"\x00any\xff answer"
        client.sendall(b"and")

        assert take(client, 4) == b"more"
        assert proxy.facts()[counted] == 1


def test_a_service_that_speaks_first_passes_unseen(harming, ear):
    proxy = harming({"what": "abort"})
    Service(ear, [(0, b"220 welcome\r\n"), (len(GET), b"what?")])
    with proxy.connect() as client:
        assert take(client, 13) == b"220 welcome\r\n"
        client.sendall(GET)

        assert take(client, 5) == b"what?"
        assert proxy.facts()["other"] == 1


def test_an_upgraded_connection_carries_anything_afterwards(idle, ear):
    switched = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
    Service(ear, [(len(GET), switched + b"\x00\x01"), (3, b"\xff\xfe")])
    with idle.connect() as client:
        client.sendall(GET)
        assert take(client, len(switched) + 2) == switched + b"\x00\x01"
        client.sendall(b"\x02\x03\x04")

        assert take(client, 2) == b"\xff\xfe"


def took_s(client, request, answer):
    begun = now_ns()
    client.sendall(request)
    assert take(client, len(answer)) == answer
    return (now_ns() - begun) / 1e9


@pytest.mark.parametrize("side", ["request", "answer"])
def test_a_delay_holds_back_what_is_meant_and_nothing_else(harming, ear, side):
    proxy = harming({"what": "delay", "delay_s": 0.3, "at": side}, paths=["/api/*"])
    service = Service(ear, [(len(GET), OK), (len(OTHER), OK), (len(POST), OK)])
    with proxy.connect() as client:
        assert took_s(client, GET, OK) >= 0.3
        assert took_s(client, OTHER, OK) < 0.3
        begun = now_ns()
        client.sendall(POST)

        early = side == "answer"
        assert wait_for_third(service, 0.15) is early
        assert take(client, len(OK)) == OK
        assert (now_ns() - begun) / 1e9 >= 0.3
        assert proxy.facts()["affected"] == 2


def wait_for_third(service, timeout_s):
    """Whether the service has heard a third request by then."""
    until = now_ns() + timeout_s * 1e9
    while len(service.heard) < 3 and now_ns() < until:
        pass
    return len(service.heard) == 3


def test_a_status_of_ours_is_one_that_the_service_never_hears_of(harming, ear):
    proxy = harming(
        {"what": "status", "status": 503, "text": "out", "headers": {"Retry-After": "1"}},
        paths=["/api/*"],
    )
    service = Service(ear, [(len(OTHER), OK)])
    with proxy.connect() as client:
        client.sendall(POST + OTHER)
        head = take(client, len(ours := answer_of_503()))

        assert head == ours
        assert take(client, len(OK)) == OK
    service.join(PATIENCE_S)
    assert service.heard == [OTHER]


def answer_of_503():
    lines = [
        "HTTP/1.1 503 Service Unavailable",
        "X-Chaoskit-Fault: status",
        "Retry-After: 1",
        "Content-Length: 3",
        "Content-Type: text/plain; charset=utf-8",
    ]
    return "\r\n".join([*lines, "", "out"]).encode()


def test_a_status_at_the_answer_is_given_after_the_service_has_done_its_work(harming, ear):
    proxy = harming({"what": "status", "status": 500, "at": "answer"}, first=1)
    service = Service(ear, [(len(POST), CHUNKED), (len(GET), OK)])
    with proxy.connect() as client:
        client.sendall(POST)
        assert take(client, 12) == b"HTTP/1.1 500"
        rest = b""
        while not rest.endswith(b"\r\n\r\n"):
            rest += client.recv(1)
        client.sendall(GET)

        assert take(client, len(OK)) == OK
        assert service.heard[0] == POST


def test_who_waits_to_send_a_body_is_answered_at_once_and_the_connection_ends(harming, ear):
    proxy = harming({"what": "status", "status": 503})
    Service(ear, [])
    with proxy.connect() as client:
        client.sendall(POST[:-4].replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        answer = to_the_end(client)

        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Connection: close" in answer


@pytest.mark.parametrize(("side", "heard"), [("request", []), ("answer", [POST])])
def test_an_abort_resets_the_connection_before_or_after_the_work(harming, ear, side, heard):
    proxy = harming({"what": "abort", "how": "reset", "at": side})
    service = Service(ear, [(len(POST), OK)])
    with proxy.connect() as client:
        client.sendall(POST)

        with pytest.raises(ConnectionResetError):
            client.recv(1)
    service.join(PATIENCE_S)
    assert [one for one in service.heard if one] == heard


def test_an_abort_can_be_an_end_without_an_answer(harming, ear):
    proxy = harming({"what": "abort", "how": "close"})
    Service(ear, [(len(GET), OK)])
    with proxy.connect() as client:
        client.sendall(GET)

        assert to_the_end(client) == b""


def test_an_answer_is_cut_off_after_so_many_bytes_of_its_body(harming, ear):
    proxy = harming({"what": "body", "how": "truncate", "keep_bytes": 6, "at": "answer"})
    Service(ear, [(len(GET), OK), (len(GET), CHUNKED)])
    with proxy.connect() as client:
        client.sendall(GET)
        assert take(client, len(OK)) == OK  # it is shorter than that
        client.sendall(GET)

        assert to_the_end(client) == CHUNKED[: CHUNKED.index(b"cdef")]
        assert proxy.facts()["affected"] == 1


def test_a_changed_body_keeps_its_length_and_its_framing(harming, ear):
    proxy = harming({"what": "body", "how": "change", "share": 0.5, "at": "answer"})
    Service(ear, [(len(GET), CHUNKED), (len(HEAD), HEAD_OK), (len(GET), NO_CONTENT)])
    with proxy.connect() as client:
        client.sendall(GET)
        heard = take(client, len(CHUNKED))
        different = [n for n in range(len(CHUNKED)) if heard[n] != CHUNKED[n]]
        first, second = CHUNKED.index(b"wiki"), CHUNKED.index(b"abcdef")
        payload = {*range(first, first + 4), *range(second, second + 11)}

        assert set(different) <= payload
        assert 7 <= len(different) <= 9
        client.sendall(HEAD)
        assert take(client, len(HEAD_OK)) == HEAD_OK
        client.sendall(GET)
        assert take(client, len(NO_CONTENT)) == NO_CONTENT
        assert proxy.facts()["affected"] == 1


def test_a_replaced_body_has_its_own_length_and_the_service_s_headers(harming, ear):
    proxy = harming({"what": "body", "how": "replace", "text": "nö", "at": "answer"}, first=1)
    Service(ear, [(len(GET), CHUNKED), (len(GET), OK)])
    with proxy.connect() as client:
        expected = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nn\xc3\xb6"
        client.sendall(GET)
        assert take(client, len(expected)) == expected
        client.sendall(GET)

        assert take(client, len(OK)) == OK


def statuses(proxy, ear, requests):
    """The status that each request got, on one connection; the service says 200."""
    Service(ear, [(len(one), OK) for one in requests])
    found = []
    with proxy.connect() as client:
        for one in requests:
            client.sendall(one)
            head = take(client, 12)
            found.append(int(head[-3:]))
            rest = b""
            while b"\r\n\r\n" not in rest:
                rest += client.recv(1)
            if found[-1] == 200:
                take(client, 5)
    return found


MEANT = [
    pytest.param({"methods": ["POST", "PUT"]}, [POST], [GET], id="by method"),
    pytest.param({"paths": ["/api/?", "/x"]}, [GET, POST], [OTHER], id="by path, without query"),
    pytest.param({"headers": {"X-ODD-case": "two*"}}, [GET], [OTHER], id="by header"),
    pytest.param({"paths": ["/api/*"], "methods": ["GET"]}, [GET], [POST, OTHER], id="by both"),
    pytest.param({"first": 2}, [GET, OTHER], [GET, GET], id="the first ones"),
]


@pytest.mark.parametrize(("given", "meant", "spared"), MEANT)
def test_exactly_the_requests_are_hit_that_are_meant(harming, ear, given, meant, spared):
    proxy = harming({"what": "status", "status": 503}, **given)
    found = []
    for one in (*meant, *spared):  # the service hears only of some, so each has a connection
        found += statuses(proxy, ear, [one])

    assert found == [503] * len(meant) + [200] * len(spared)


def test_a_share_is_drawn_and_the_same_seed_draws_the_same(ear):
    drawn = []
    for seed in ("a", "a", "b"):
        given = {"effect": {"what": "abort", "how": "close"}, "filter": {"share": 0.3}}
        with proxy_to(ear.getsockname(), seed=seed, **given) as proxy:
            drawn.append([aborted(proxy, ear) for _ in range(60)])

    assert drawn[0] == drawn[1] != drawn[2]
    assert 5 <= sum(drawn[0]) <= 32  # 1 in 1000 outside


def aborted(proxy, ear):
    Service(ear, [(len(GET), OK)])
    with proxy.connect() as client:
        client.sendall(GET)
        return take(client, 1) == b""


def test_at_the_end_of_the_fault_an_exchange_is_finished_and_idle_connections_are_closed(
    harming, ear
):
    proxy = harming({"what": "delay", "delay_s": 0.1, "at": "answer"}, paths=["/api/*"])
    service = Service(ear, [(len(GET), OK)])
    with proxy.connect() as busy:
        busy.sendall(GET)
        assert wait_until(lambda: service.heard, timeout_s=5)
        with proxy.connect() as idle, accepted(ear) as other:
            assert proxy.ask({"do": "end"}) == {"closed": 2, "reset": 0}
            assert to_the_end(busy) == OK
            assert idle.recv(1) == b""
            assert other.recv(1) == b""


HEADS = [
    pytest.param(b"GET / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n", id="two lengths"),
    pytest.param(b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", id="a negative length"),
    pytest.param(b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", id="no chunks at last"),
    pytest.param(b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", id="a folded line"),
    pytest.param(b"GET /\r\n\r\n", id="HTTP/0.9"),
    pytest.param(b"GET / HTTP/2.0\r\n\r\n", id="another version"),
]


@pytest.mark.parametrize("raw", HEADS)
def test_a_request_whose_end_is_unclear_is_not_taken_for_http(raw):
    with pytest.raises(http_wire.NotHttp):
        http_wire.body_of_request(http_wire.parse_request(raw))


def test_chunks_that_are_none_are_refused():
    with pytest.raises(http_wire.NotHttp):
        http_wire.Chunked().take(b"xyz\r\n")
    with pytest.raises(http_wire.NotHttp):
        http_wire.Chunked().take(b"1\r\nab\r\n")


@pytest.mark.parametrize(
    ("target", "path"),
    [("/a?b", "/a"), ("*", "*"), ("http://web:80/a/b?c", "/a/b"), ("/a?b=http://x", "/a")],
)
def test_the_path_of_a_request_is_known_however_it_is_written(target, path):
    assert http_wire.parse_request(f"GET {target} HTTP/1.1\r\n\r\n".encode()).path == path
