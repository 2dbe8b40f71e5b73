"""The entry through a port-forward: what is the service's is told, and what is the way's is a gap."""

import contextlib
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.gaps import gaps_in
from chaoskit.model.marks import MarkKind
from chaoskit.model.target import Entrypoint
from chaoskit.run.clock import now_ns, wait_until
from chaoskit.target.kubernetes.forward.handle import Forwarder, ForwarderDied
from chaoskit.target.kubernetes.paths import pods
from tests.cluster.arena import ClusterArena

ENTRY = Entrypoint(
    name="web_url", service="web", port=80, through="port-forward", patience_s=0.4
)  # and whatever is to be slow here is slower than that
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(scope="module")
def arena(somewhere, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        with ClusterArena(somewhere, tmp_path_factory.mktemp("arena")) as one:
            yield one


class Town:
    """A forwarder of the arena's web, and what it has told."""

    def __init__(self, arena):
        self.arena, self.marks = arena, []
        self.forwarder = Forwarder.start(
            (ENTRY,), context="", namespace=arena.namespace, record=self.marks.append
        )

    @property
    def port(self):
        return self.forwarder.ports["web_url"]

    def ask(self, timeout_s=5.0):
        """(from, to, what was answered), in nanoseconds."""
        begun_ns = now_ns()
        try:
            with _OPENER.open(f"http://127.0.0.1:{self.port}/", timeout=timeout_s) as answer:
                said = answer.read().decode()
        except (OSError, urllib.error.URLError):
            said = ""
        return begun_ns, now_ns(), said

    def in_gap(self, asked):
        """Whether an ask is told as UNKNOWN, now or soon."""
        return wait_until(lambda: self._hit(asked), timeout_s=20)

    def never_in_gap(self, asked):
        """Whether nothing of the sort was told by when it must have been."""
        beats = self.beats()
        assert wait_until(lambda: self.beats() > beats + 3, timeout_s=20)
        return not self._hit(asked)

    def beats(self):
        return self.forwarder._beat_ns // 200_000_000

    def _hit(self, asked):
        begun_ns, ended_ns, _ = asked
        return any(begin <= ended_ns and end >= begun_ns for begin, end in gaps_in(self.marks))

    def names(self):
        return {one.name for one in self.arena.stack.pods() if one.workload == "web" and one.up}


@pytest.fixture
def town(arena):
    assert arena.regains()
    one = Town(arena)
    yield one
    one.forwarder.close()


def signalled(arena, fake, name, number):
    """The signal, to the process of a pod."""
    running, _, _ = fake.kubelet.container_process(arena.namespace, name, "")
    os.kill(running.process.pid, number)
    return running


def test_asks_go_round_all_the_pods_that_are_ready(town):
    said = Counter(town.ask()[2] for _ in range(9))

    assert set(said) == town.names()
    assert set(said.values()) == {3}
    assert gaps_in(town.marks) == ()


def test_the_port_stays_when_every_pod_is_replaced_and_the_hole_is_an_outage(town, arena):
    before, port = town.names(), town.port
    for name in before:
        arena.api.delete(pods(arena.namespace, name), gracePeriodSeconds=0)
    seen = []
    assert wait_until(lambda: not seen.append(town.ask(1.0)) and not seen[-1][2], timeout_s=20)
    assert wait_until(
        lambda: not seen.append(town.ask(1.0)) and seen[-1][2] not in {"", *before}, timeout_s=60
    )
    failed = [one for one in seen if not one[2]]

    assert town.port == port
    # While no pod was ready, an ask failed as a user's would have: most of them say so.
    assert len([one for one in failed if town._hit(one)]) <= len(failed) // 2
    assert town.never_in_gap(seen[-1])


def test_a_pod_that_was_deleted_under_an_open_forward_is_not_the_services_failure(
    town, arena, fake
):
    """Two others are ready: a new tunnel would have served."""
    assert town.ask()[2]
    hung, before = [], fake.forwards.opened
    with socket.create_connection(("127.0.0.1", town.port)) as user:
        user.settimeout(30)
        user.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n")  # and the pod waits for the rest
        begun_ns = now_ns()
        assert wait_until(lambda: fake.forwards.opened > before, timeout_s=20)
        tied = _pod_of_last_forward(fake)
        arena.api.delete(pods(arena.namespace, tied), gracePeriodSeconds=0)
        try:
            hung.append(user.recv(4096))
        except ConnectionError:
            hung.append(b"")
    assert hung == [b""]
    assert town.in_gap((begun_ns, now_ns(), ""))


def _pod_of_last_forward(fake):
    """The last pod that a way was opened to."""
    path = next(one for _, one in reversed(fake.api.requests) if "/portforward" in one)
    return path.split("/")[-2]


def test_a_crashed_pod_that_stays_is_the_services_failure(town, arena, fake):
    """Nothing is deleted: the container comes back in the same pod, and users were refused."""
    held = [signalled(arena, fake, name, signal.SIGKILL) for name in town.names()]
    for one in held:
        one.due = time.monotonic() + 3
    asked = town.ask(2.0)

    assert asked[2] == ""
    assert town.never_in_gap(asked)


def test_a_service_that_hangs_behind_a_sound_tunnel_is_an_outage(town, arena, fake):
    hung = [signalled(arena, fake, name, signal.SIGSTOP) for name in town.names()]
    try:
        asked = town.ask(1.5)
    finally:
        for one in hung:
            # Its liveness probe may have been quicker.
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.process.pid, signal.SIGCONT)

    assert asked[2] == ""
    assert town.never_in_gap(asked)


def test_a_server_that_drops_new_forwards_is_a_gap_and_no_outage(town, fake):
    fake.forwards.refused = True
    asked = town.ask(2.0)
    fake.forwards.refused = False

    assert asked[2] == ""
    assert town.in_gap(asked)
    later = town.ask()
    assert later[2] in town.names()
    assert town.never_in_gap(later)


def test_a_forward_that_is_dropped_in_the_middle_is_a_gap(town, fake):
    before = fake.forwards.opened
    with socket.create_connection(("127.0.0.1", town.port)) as user:
        user.settimeout(10)
        user.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n")
        begun_ns = now_ns()
        assert wait_until(lambda: fake.forwards.opened > before, timeout_s=20)
        fake.forwards.drop()
        with pytest.raises(ConnectionResetError):
            user.recv(4096)

    assert town.in_gap((begun_ns, now_ns(), ""))


def test_a_tunnel_that_falls_silent_is_not_a_service_that_hangs(town, fake):
    fake.forwards.silent = True
    asked = town.ask(0.5)
    told = town.in_gap(asked)
    fake.forwards.silent = False

    assert asked[2] == ""
    assert told


def test_a_slow_tunnel_spoils_an_ask_that_succeeded_too(town, fake):
    fake.forwards.slow_s = 1.3
    asked = town.ask(5.0)
    fake.forwards.slow_s = 0.0

    assert asked[2] in town.names()
    assert town.in_gap(asked)


def test_an_ask_that_was_given_up_in_a_slow_tunnel_is_nobodys_failure(town, arena, fake):
    """It hung, too; but who knows whether it would have been in time."""
    names = town.names()
    fake.forwards.slow_s = 0.6
    for name in names:
        signalled(arena, fake, name, signal.SIGSTOP)
    try:
        asked = town.ask(1.5)
        told = town.in_gap(asked)
    finally:
        fake.forwards.slow_s = 0.0
        for name in names:
            signalled(arena, fake, name, signal.SIGCONT)

    assert asked[2] == ""
    assert told


def test_a_server_that_is_slow_to_open_spoils_the_ask(town, fake):
    fake.api.trouble(path="/portforward", slow_s=1.8)
    asked = town.ask(5.0)
    assert asked[2] in town.names()
    assert town.in_gap(asked)

    fake.api.trouble(path="/portforward", slow_s=1.0)
    given_up = town.ask(0.3)
    assert given_up[2] == ""
    assert town.in_gap(given_up)


def test_who_only_connects_learns_nothing_through_a_forward(town):
    """The connection is ours, and stands whatever became of the pods."""
    begun_ns = now_ns()
    socket.create_connection(("127.0.0.1", town.port)).close()

    assert town.in_gap((begun_ns, now_ns(), ""))


def test_an_expired_token_is_read_again_and_what_it_cost_is_a_gap(town, fake, arena):
    files = {arena.folder / "kubeconfig", Path(os.environ["KUBECONFIG"])}
    names = town.names()
    fake.api.token = "token-2"
    for one in files:
        fake.kubeconfig(one)
    failed = town.ask(2.0)
    assert wait_until(lambda: town.ask(2.0)[2] in names, timeout_s=10)
    fake.api.token = "token-1"
    for one in files:
        fake.kubeconfig(one)

    assert failed[2] == ""
    assert town.in_gap(failed)
    arena.api.get("/version")


def test_a_forwarder_that_stands_still_is_a_gap_and_a_dead_one_is_told(town):
    os.kill(town.forwarder.process.pid, signal.SIGSTOP)
    asked = town.ask(0.5)
    told = town.in_gap(asked)
    os.kill(town.forwarder.process.pid, signal.SIGCONT)
    assert asked[2] == ""
    assert told
    assert wait_until(lambda: town.ask(2.0)[2] in town.names(), timeout_s=10)

    town.forwarder.check()
    town.forwarder.process.kill()
    asked = town.ask(0.5)
    assert asked[2] == ""
    assert town.in_gap(asked)
    with pytest.raises(ForwarderDied, match="nobody reaches the target"):
        town.forwarder.check()


def test_many_at_once_are_carried_each_to_its_end(town):
    """Sixteen users with large answers: nothing is mixed up, and nothing is lost."""
    said = []
    users = [threading.Thread(target=lambda: said.append(town.ask(20.0)[2])) for _ in range(16)]
    for one in users:
        one.start()
    for one in users:
        one.join(30)

    assert len(said) == 16
    assert set(said) == town.names()


def test_a_service_that_is_not_there_is_refused(arena):
    for changes, words in (({"service": "wep"}, "no Service 'wep'"), ({"port": 81}, "no port 81")):
        with pytest.raises(EnvironmentUnfit, match=words):
            Forwarder.start(
                (replace(ENTRY, **changes),), context="", namespace=arena.namespace,
                record=lambda _mark: None,
            )  # fmt: skip


def test_a_mark_tells_where_and_why(town, fake):
    fake.forwards.refused = True
    asked = town.ask(2.0)
    assert town.in_gap(asked)
    fake.forwards.refused = False
    mark = town.marks[0]

    assert (mark.kind, mark.source) == (MarkKind.GAP, "web_url")
    assert "there is no way to web-" in mark.detail
