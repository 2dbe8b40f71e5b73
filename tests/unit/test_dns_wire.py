"""DNS messages as bytes, and the proxy's answers to real queries on this machine."""

import json
import socket
import subprocess
import sys
import threading

import pytest

from chaoskit.agent.kind import Refused
from chaoskit.agent.kinds import dns
from chaoskit.agent.network import dnswire

ROOT_QUERY = bytes.fromhex("00010100000100000000000000000100 01".replace(" ", ""))


def test_a_query_is_read_as_it_was_written():
    asked = dnswire.question(dnswire.query("DB.Example.org.", number=7, kind=dnswire.AAAA))

    assert (asked.name, asked.kind) == ("db.example.org", dnswire.AAAA)
    assert asked.raw.startswith(b"\x02DB\x07Example\x03org\x00")


def test_an_answer_repeats_the_question_letter_by_letter():
    query = dnswire.query("dB", number=0xABCD)
    answer = dnswire.reply(query, dnswire.question(query), addresses=["10.0.0.1", "10.0.0.2"])

    assert answer[:2] == b"\xab\xcd"
    assert b"\x02dB\x00" in answer
    assert dnswire.rcode(answer) == 0
    assert dnswire.addresses(answer) == ["10.0.0.1", "10.0.0.2"]
    assert dnswire.question(answer) is None


@pytest.mark.parametrize(("mode", "code"), [("nxdomain", 3), ("servfail", 2), ("refused", 5)])
def test_an_error_has_its_code_and_no_address(mode, code):
    query = dnswire.query("db", number=1)
    answer = dnswire.reply(query, dnswire.question(query), rcode=dnswire.RCODES[mode])

    assert (dnswire.rcode(answer), dnswire.addresses(answer)) == (code, [])


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0" * 11,
        dnswire.query("db", number=1)[:-3],
        dnswire.query("db", number=1)[:14],
        b"\0\1\1\0\0\2" + dnswire.query("db", number=1)[6:],
        b"\0\1\x09\0" + dnswire.query("db", number=1)[4:],
        bytes.fromhex("000101000001000000000000c00c00010001"),
    ],
    ids=["empty", "short", "cut", "cut in a name", "two questions", "a notify", "a circle"],
)
def test_what_is_no_plain_query_is_nobodys_business(message):
    assert dnswire.question(message) is None


def test_the_root_has_a_name_without_parts():
    assert dnswire.question(ROOT_QUERY).name == ""


def test_addresses_are_read_through_compressed_names_and_past_other_records():
    query = dnswire.query("db", number=1)
    alias = b"\xc0\x0c\0\5\0\1\0\0\0\1\0\4\2hi\0"
    address = b"\2hi\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x0a\0\0\7"
    answer = query[:2] + b"\x81\x80\0\1\0\2\0\0\0\0" + query[12:] + alias + address

    assert dnswire.addresses(answer) == ["10.0.0.7"]
    with pytest.raises(ValueError, match="no DNS answer"):
        dnswire.addresses(answer[:-20])


@pytest.mark.parametrize(
    ("name", "patterns", "meant"),
    [
        ("db", ["db"], True),
        ("DB.", ["db"], True),
        ("db", ["DB."], True),
        ("db2", ["db*"], True),
        ("db2", ["db?", "x"], True),
        ("db.corp.example", ["db"], True),
        ("db.other.example", ["db"], False),
        ("notdb", ["db"], False),
        ("db.corp.example.org", ["db"], False),
        ("anything.at.all", ["*"], True),
    ],
)
def test_a_name_is_meant_with_and_without_the_search_domains(name, patterns, meant):
    assert dnswire.matches(name, patterns, ["corp.example."]) is meant


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64])
def test_what_cannot_be_a_name_is_not_asked_for(name):
    with pytest.raises(ValueError, match="1 to 63 characters"):
        dnswire.query(name, number=1)


def test_the_resolver_is_what_resolv_conf_says(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text("# x\nnameserver 127.0.0.11 # y\nnameserver 10.0.0.2\nsearch a.example b\n")
    assert dns.resolver(path) == (["127.0.0.11", "10.0.0.2"], ["a.example", "b"])
    path.write_text("options ndots:0\n")
    assert dns.resolver(path) == (["127.0.0.1"], [])
    path.write_text("nameserver fd00::1\n")
    with pytest.raises(Refused, match="fd00::1; only IPv4"):
        dns.resolver(path)
    with pytest.raises(Refused, match="cannot be read"):
        dns.resolver(tmp_path / "nothing")


class NameServer:
    """Answers every query with one address, over UDP; counts them."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.where = list(self.socket.getsockname())
        self.asked = []
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        while True:
            message, peer = self.socket.recvfrom(4096)
            if not message:
                return
            self.asked.append(message)
            asked = dnswire.question(message)
            self.socket.sendto(dnswire.reply(message, asked, addresses=["10.9.9.9"]), peer)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", tuple(self.where))
        self.thread.join(5)
        self.socket.close()


@pytest.fixture
def server():
    one = NameServer()
    yield one
    one.close()


# Only root may mark packets, and there are no rules here that would need it.
PROGRAM = """
from chaoskit.agent.programs import dns
dns.socket.SO_MARK = dns.socket.SO_KEEPALIVE
dns.main()
"""


@pytest.fixture
def proxy(server):
    """The program itself."""
    started = []

    def start(mode, *, upstreams=None, **config):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        route = {"server": "127.0.0.1", "upstreams": upstreams or [server.where]}
        settings = {"patterns": ["db"], "search": [], "delay_s": 0, "answers": [], **config}
        process.stdin.write(json.dumps({**settings, "mode": mode, "routes": [route]}) + "\n")
        process.stdin.flush()
        (ports,) = json.loads(process.stdout.readline())["ports"]
        return process, ports

    yield start
    for process in started:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def ask(port, name, kind=dnswire.A):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.settimeout(5)
        out.sendto(dnswire.query(name, number=99, kind=kind), ("127.0.0.1", port))
        return out.recv(4096)


def test_the_proxy_fails_what_is_meant_and_passes_the_rest_byte_for_byte(proxy, server):
    process, ports = proxy("servfail")

    assert dnswire.rcode(ask(ports["udp"], "db")) == 2
    query = dnswire.query("web", number=99)
    assert ask(ports["udp"], "web") == dnswire.reply(
        query, dnswire.question(query), addresses=["10.9.9.9"]
    )
    assert server.asked == [query]
    process.stdin.write('{"do": "count"}\n')
    process.stdin.flush()
    assert json.loads(process.stdout.readline()) == {"matched": 1, "passed": 1}


def test_the_proxy_answers_wrongly_for_addresses_only(proxy, server):
    _, ports = proxy("wrong", answers=["192.0.2.5"])

    assert dnswire.addresses(ask(ports["udp"], "db")) == ["192.0.2.5"]
    empty = ask(ports["udp"], "db", dnswire.AAAA)
    assert (dnswire.rcode(empty), dnswire.addresses(empty)) == (0, [])
    assert server.asked == []
    assert dnswire.addresses(ask(ports["udp"], "db", 16)) == ["10.9.9.9"]


def test_the_proxy_serves_several_queries_of_a_connection_that_is_half_closed(proxy):
    _, ports = proxy("nxdomain")
    with socket.create_connection(("127.0.0.1", ports["tcp"]), timeout=5) as out:
        for number in (1, 2):
            query = dnswire.query("db", number=number)
            out.sendall(len(query).to_bytes(2, "big") + query)
        out.shutdown(socket.SHUT_WR)
        data = b"".join(iter(lambda: out.recv(4096), b""))

    size = int.from_bytes(data[:2], "big")
    assert [dnswire.rcode(data[2:]), dnswire.rcode(data[size + 4 :])] == [3, 3]
    assert len(data) == 2 * (size + 2)


def test_the_proxy_goes_on_to_the_name_server_when_an_earlier_proxy_is_gone(proxy, server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        dead = list(gone.getsockname())
    _, ports = proxy("refused", upstreams=[dead, server.where])

    assert dnswire.addresses(ask(ports["udp"], "web")) == ["10.9.9.9"]


def test_the_proxy_ends_with_its_agent(proxy):
    process, _ = proxy("timeout")
    process.stdin.close()

    assert process.wait(10) == 0
