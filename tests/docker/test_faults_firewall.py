"""The faults of the firewall on real traffic: what they bite, what they spare, and that they go."""

import json
import secrets

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.run.clock import wait_until
from chaoskit.testing.arena import accepts, address_of, opened, pid_of

pytestmark = pytest.mark.docker

SERVER = """
import socket, threading
def tcp(port):
    ear = socket.create_server(("", port), backlog=200)
    while True:
        threading.Thread(target=echo, args=(ear.accept()[0],), daemon=True).start()
def echo(one):
    try:
        while data := one.recv(4096): one.sendall(data)
    except OSError: pass
    one.close()
def udp(port):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.bind(("", port))
    while True:
        try: one.sendto(*one.recvfrom(4096))
        except OSError: pass
for port in (81, 82): threading.Thread(target=tcp, args=(port,), daemon=True).start()
for port in (80, 81): threading.Thread(target=udp, args=(port,), daemon=True).start()
tcp(80)
"""

ASK = """
import json, socket, sys, threading
def ask(kind, port, found):
    one = socket.socket(socket.AF_INET, kind); one.settimeout(0.7)
    try:
        one.connect((sys.argv[1], port)); one.send(b"hello")
        said = "ok" if one.recv(9) == b"hello" else "closed"
    except TimeoutError: said = "silence"
    except ConnectionRefusedError: said = "refused"
    except PermissionError: said = "EPERM"
    except OSError as error: said = str(error)
    found[("tcp" if kind == socket.SOCK_STREAM else "udp") + str(port)] = said
found, asked = {}, []
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    for port in (80, 81):
        asked.append(threading.Thread(target=ask, args=(kind, port, found)))
for one in asked: one.start()
for one in asked: one.join()
print(json.dumps(found))
"""

TALK = """
import pathlib, socket, sys, time
told = pathlib.Path(sys.argv[3])
def tell(word):
    new = told.with_suffix(".new"); new.write_text(word); new.rename(told)
one = socket.create_connection((sys.argv[1], int(sys.argv[2])))
one.settimeout(0.3)
stop = told.with_suffix(".stop")
while not stop.exists():
    try:
        one.send(b"x"); tell("talks" if one.recv(999) else "closed")
    except TimeoutError: tell("silence")
    except OSError: tell("reset"); break
    time.sleep(0.02)
"""

EVERYTHING = ("tcp80", "tcp81", "udp80", "udp81")


class Town:
    """Some services that answer over TCP and UDP, on two ports each."""

    def __init__(self, arena):
        self.arena = arena
        self.all, self.talks = [], []
        self.web, self.lb, self.db = (self.add(name) for name in ("web", "lb", "db"))

    def add(self, service, number=1, **options):
        command = ["python3", "-c", SERVER]
        one = self.arena.add(service, number, command=command, ready=accepts, **options)
        self.all.append(one)
        return one

    def shrink(self):
        """Only the three that every test has."""
        for one in self.all[3:]:
            one.remove(force=True)
        del self.all[3:]

    def ask(self, source, target):
        """What becomes of a request from one to the other, for each port and protocol."""
        ran = source.exec_run(["python3", "-c", ASK, address_of(target)])
        return json.loads(ran.output)

    def asked(self, source, target, **expected):
        """Whether exactly these requests fail like this, and all others are answered."""
        return self.ask(source, target) == dict.fromkeys(EVERYTHING, "ok") | expected

    def whole(self, source, target):
        return self.asked(source, target)

    def cut(self, source, target):
        return set(self.ask(source, target).values()) <= {"silence", "EPERM"}

    def talk(self, source, target, port=80):
        """Open a connection and talk on it; returns how it fares, whenever asked."""
        path = f"/tmp/told-{secrets.token_hex(4)}"
        words = ["python3", "-c", TALK, address_of(target), str(port), path]
        source.exec_run(words, detach=True)
        self.talks.append((source, path))

        def fares(word):
            return wait_until(
                lambda: source.exec_run(["cat", path]).output.decode() == word, timeout_s=3
            )

        assert fares("talks")
        return fares

    def hush(self):
        """End all talks, and wait until their connections are closed."""
        for source, path in self.talks:
            source.exec_run(["touch", f"{path}.stop"])
        talkers = {source for source, _ in self.talks}
        assert wait_until(lambda: not any(map(self.has_talks, talkers)), timeout_s=10)
        self.talks.clear()

    def has_talks(self, source):
        return any("told" in row[-1] for row in source.top(ps_args="-o pid,args")["Processes"])


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("town")) as arena:
        yield Town(arena)


@pytest.fixture
def inject(town):
    yield lambda name, **arguments: town.arena.inject(name, **{"pick": "web-1", **arguments})
    town.arena.injector.lift_all()
    town.hush()
    town.shrink()


def lift(town, done):
    return town.arena.injector.lift(done.fault_id)


def test_a_partition_can_be_of_one_port_and_protocol(town, inject):
    done = inject("partition", **{"from": "lb-1", "port": 80, "protocol": "tcp"})

    assert town.asked(town.lb, town.web, tcp80="silence")
    assert town.asked(town.web, town.lb, tcp80="silence")
    assert town.whole(town.db, town.web)
    lift(town, done)
    assert town.whole(town.lb, town.web)


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_one_way_blackhole_swallows_exactly_that_way(town, inject, direction):
    done = inject("blackhole", peer="lb", direction=direction)

    assert town.cut(town.lb, town.web)  # an answer takes both ways
    assert town.arena.datagram_arrives(town.lb, town.web) is (direction == "out")
    assert town.arena.datagram_arrives(town.web, town.lb) is (direction == "in")
    assert town.whole(town.db, town.web)
    lift(town, done)
    assert town.whole(town.lb, town.web)


def test_a_blackhole_cuts_an_instance_off_from_everybody_but_itself(town, inject):
    done = inject("blackhole")

    assert town.cut(town.lb, town.web)
    assert town.cut(town.web, town.db)
    assert not accepts(town.web)
    assert town.whole(town.web, town.web)
    assert town.web.exec_run(["getent", "hosts", town.db.name]).exit_code == 0
    assert "2 rules listed" in done.evidence[0]
    assert "counted as dropped" in done.evidence[0]
    lift(town, done)
    assert town.whole(town.lb, town.web)
    assert accepts(town.web)


def test_a_blackhole_that_refuses_tells_the_sender_at_once(town, inject):
    inject("blackhole", port=81, answer="refusal")

    assert town.asked(town.lb, town.web, tcp81="refused", udp81="refused")
    assert "connects were refused at once" in town.arena.marks[-1].detail


def test_a_split_cuts_the_groups_at_both_ends_and_nothing_inside(town, inject):
    done = inject("split", groups=[["web", "lb"], ["db"]])

    assert town.cut(town.web, town.db)
    assert town.cut(town.db, town.lb)
    assert town.whole(town.web, town.lb)
    assert town.arena.injector.check(done.fault_id)[0]
    assert sorted(done.instances) == ["db-1", "lb-1", "web-1"]
    lift(town, done)
    assert town.whole(town.web, town.db)
    assert town.whole(town.db, town.lb)


def test_a_one_way_split_lets_the_later_group_speak_to_the_earlier(town, inject):
    inject("split", groups=[["web"], ["db"]], one_way=True)

    assert not town.arena.datagram_arrives(town.web, town.db)
    assert town.arena.datagram_arrives(town.db, town.web)


def test_a_majority_split_isolates_the_picked_instance_and_a_split_can_be_narrow(town, inject):
    others = [town.add("web", 2), town.add("web", 3)]
    done = inject("split", shape="majority", pick="web-2", port=81, protocol="udp")

    assert town.asked(town.web, others[0], udp81="EPERM")
    assert town.asked(others[0], others[1], udp81="EPERM")
    assert town.whole(town.web, others[1])
    lift(town, done)
    assert town.whole(town.web, others[0])


@pytest.mark.parametrize(
    ("arguments", "measured"),
    [
        ({"share": "30%"}, ("datagrams in", "datagrams out")),
        ({"share": "10%", "direction": "out", "peer": "db"}, ("datagrams out",)),
        ({"share": "5%", "direction": "in", "port": 83, "protocol": "udp"}, ("datagrams in",)),
        ({"share": "20%", "port": 80, "protocol": "tcp"}, ("connects", "20 % each way")),
    ],
    ids=["everything", "one way to a peer", "one UDP port", "one TCP port"],
)
def test_a_loss_is_what_it_promises(town, inject, arguments, measured):
    done = inject("loss", **arguments)

    for word in ("promised", "measured", "99 % interval", *measured):
        assert word in done.evidence[0]
    assert sum("datagrams" in one for one in done.evidence[0].split(",")) == sum(
        "datagrams" in one for one in measured
    )
    assert town.arena.injector.check(done.fault_id)[0]


LOSE = """
import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.settimeout(0.1)
one.connect((sys.argv[1], 81)); lost = told = 0
for number in range(int(sys.argv[2])):
    try: one.send(b"%d" % number)
    except OSError: told += 1
    try: one.recv(99)
    except TimeoutError: lost += 1
print(lost, told)
"""


def test_lost_datagrams_are_lost_without_a_word_and_only_on_the_port_that_is_meant(town, inject):
    done = inject("loss", share="50%", direction="out", protocol="udp")
    ran = town.web.exec_run(["python3", "-c", LOSE, address_of(town.db), "40"])
    lost, told = map(int, ran.output.split())

    assert 6 <= lost <= 34  # outside by chance once in a hundred thousand times
    assert told == 0
    said = town.arena.injector.check(done.fault_id)[1]
    assert "packets lost of" in said
    assert town.ask(town.web, town.db)["tcp80"] == "ok"
    lift(town, done)
    ran = town.web.exec_run(["python3", "-c", LOSE, address_of(town.db), "40"])
    assert ran.output.split() == [b"0", b"0"]


def test_a_loss_under_a_blackhole_cannot_keep_its_promise_and_is_withdrawn(town, inject):
    inject("blackhole", peer="db")

    with pytest.raises(FaultRefused, match=r"not what was promised.*undone: \d+ rules removed"):
        inject("loss", share="30%", peer="db")
    assert town.arena.injector.held == (town.arena.injector.held[0],)


def test_new_connections_are_reset_while_open_ones_and_datagrams_go_on(town, inject):
    fares = town.talk(town.lb, town.web)
    done = inject("connection_reset", connections="new", direction="in")

    assert town.asked(town.lb, town.web, tcp80="refused", tcp81="refused")
    assert town.whole(town.web, town.lb)
    assert fares("talks")
    lift(town, done)
    assert town.whole(town.lb, town.web)


def test_open_connections_are_reset_at_both_ends_and_new_ones_work(town, inject):
    meant, other = town.talk(town.lb, town.web), town.talk(town.lb, town.web, port=81)
    done = inject("connection_reset", connections="existing", port=80)

    assert meant("reset")
    assert other("talks")
    assert town.whole(town.lb, town.web)
    assert "1 open connection ended with a reset" in done.evidence[0]
    assert "reset at both ends" in done.evidence[0]


def test_a_reset_of_all_connections_spares_other_peers(town, inject):
    meant, other = town.talk(town.web, town.lb), town.talk(town.web, town.db)
    done = inject("connection_reset", peer="lb", direction="out")

    assert meant("reset")
    assert other("talks")
    assert town.asked(town.web, town.lb, tcp80="refused", tcp81="refused")
    assert town.whole(town.web, town.db)
    lift(town, done)
    assert town.whole(town.web, town.lb)


def test_half_open_connections_fall_silent_and_talk_on_when_it_is_lifted(town, inject):
    meant, other = town.talk(town.lb, town.web), town.talk(town.db, town.web)
    done = inject("half_open", peer="lb")

    assert meant("silence")
    assert other("talks")
    assert town.whole(town.lb, town.web)
    assert "2 rules listed" in done.evidence[0]
    assert "fell silent both ways, a new one works" in done.evidence[0]
    assert "2 rules listed" in town.arena.injector.check(done.fault_id)[1]
    lift(town, done)
    assert meant("talks")


def test_half_open_without_an_open_connection_is_refused(town, inject):
    with pytest.raises(FaultRefused, match="no open TCP connection is meant"):
        inject("half_open", port=83)


CROWD = """
import socket, sys
opened, told = [], "let in"
for number in range(int(sys.argv[3])):
    one = socket.socket(); one.settimeout(0.3)
    try: one.connect((sys.argv[1], int(sys.argv[2])))
    except OSError as error: told = type(error).__name__; break
    opened.append(one)
print(len(opened), told)
"""


def crowd(source, target, port, number):
    """How many connections are opened at once, and what becomes of the next."""
    words = ["python3", "-c", CROWD, address_of(target), str(port), str(number)]
    count, told = source.exec_run(words).output.decode().split(" ", 1)
    return int(count), told.strip()


@pytest.mark.parametrize(
    ("answer", "told"), [("refusal", "ConnectionRefusedError"), ("silence", "TimeoutError")]
)
def test_a_connection_limit_lets_in_as_many_as_it_says(town, inject, answer, told):
    done = inject("connection_limit", limit=4, port=82, answer=answer)

    assert crowd(town.lb, town.web, 82, 9) == (4, told)
    assert crowd(town.lb, town.web, 82, 9) == (4, told)  # they are counted while they are open
    assert crowd(town.lb, town.web, 81, 9) == (9, "let in")
    assert town.whole(town.lb, town.web)
    assert "4 connections to port 82 let in" in done.evidence[0]
    lift(town, done)
    assert crowd(town.lb, town.web, 82, 9) == (9, "let in")


def test_a_connection_limit_can_hold_for_each_client_and_for_what_the_instance_opens(town, inject):
    inject("connection_limit", limit=3, each="client", port=82)
    inject("connection_limit", limit=2, direction="out", port=81)
    held = town.talk(town.lb, town.web, port=82)

    assert crowd(town.lb, town.web, 82, 9) == (2, "ConnectionRefusedError")
    assert crowd(town.db, town.web, 82, 9) == (3, "ConnectionRefusedError")
    assert crowd(town.web, town.db, 81, 9) == (2, "ConnectionRefusedError")
    assert held("talks")


def test_a_dependency_is_gone_at_both_ends_and_stays_so_over_a_restart(town, inject):
    cache = town.add("cache", restart="always")
    done = inject("dependency", to="cache")
    assert done.instances == ("web-1", "cache-1")
    assert town.cut(town.web, cache)
    assert town.cut(cache, town.web)
    assert town.whole(town.lb, cache)
    before = pid_of(cache)
    town.arena.inject("crash", service="cache")

    assert wait_until(lambda: pid_of(cache) not in {0, before} and accepts(cache), timeout_s=20)
    assert town.cut(town.web, cache)
    assert not town.arena.injector.check(done.fault_id)[0]
    lift(town, done)
    assert town.whole(town.web, cache)


def test_a_dependency_can_refuse_as_a_stopped_service_does(town, inject):
    fares = town.talk(town.web, town.db)
    inject("dependency", to=["db"], answer="refusal")

    assert fares("reset")
    assert town.asked(town.web, town.db, **dict.fromkeys(EVERYTHING, "refused"))
    assert town.whole(town.lb, town.db)
