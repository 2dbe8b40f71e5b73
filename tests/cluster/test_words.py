"""Witnesses that are no watches, in a cluster: pods' logs, endpoints, and who plays a role."""

import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chaoskit.errors import EnvironmentUnfit, FaultRefused
from chaoskit.model.marks import MarkKind
from chaoskit.model.target import Healer, HttpWitness, LogWitness, Role
from chaoskit.run.clock import wait_until
from chaoskit.target.kubernetes.paths import pods
from chaoskit.target.kubernetes.words import await_words
from tests.cluster.arena import ClusterArena

TALKS = "import itertools, time\nfor n in itertools.count(1): print('tick', n, flush=True); time.sleep(0.02)"


class Page:
    """An endpoint whose answer a test changes."""

    def __init__(self):
        page = self
        self.text = "calm"

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_):
                """Whoever asks may go away."""

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(page.text.encode())

            def log_message(self, *_):
                """Quiet."""

        self.server = Quiet(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture(scope="module")
def page():
    one = Page()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture(scope="module")
def arena(somewhere, page, tmp_path_factory):
    talker = LogWitness(service="talker", detected="tick 5$", acted="tick 7$", started="tick 1$")
    healers = (
        Healer(name="talks", kind="other", log=talker),
        Healer(name="shows", kind="other",
               http=HttpWitness(url=page.url, period_s=0.05, detected="alarm")),
    )  # fmt: skip
    roles = [Role(name="last", service="web", command=("sh", "-c", "echo $POD"), match="^-$")]
    with ClusterArena(somewhere, tmp_path_factory.mktemp("arena"), healers, roles) as one:
        yield one


@pytest.fixture
def talker(arena):
    """A pod that writes twenty lines a second, and nobody else's."""
    spec = {"terminationGracePeriodSeconds": 0,
            "containers": [{"name": "one", "image": arena.spec.cluster.agent_image,
                            "imagePullPolicy": "IfNotPresent",
                            "command": ["python3", "-c", TALKS]}]}  # fmt: skip
    arena.marks.clear()
    arena.skipped = len(written(arena))
    path = pods(arena.namespace)
    arena.api.create(path, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "talker"},
                            "spec": spec})  # fmt: skip
    yield arena
    arena.api.delete(f"{path}/talker", gracePeriodSeconds=0)
    assert wait_until(lambda: arena.api.find(f"{path}/talker") is None, timeout_s=30)


def written(arena):
    path = arena.folder / "logs" / "talker.log"
    return path.read_text().splitlines() if path.exists() else []


def ticks(arena):
    """The numbers that the talker of this test has been heard to say."""
    return [int(one.rpartition(" ")[2]) for one in written(arena)[arena.skipped :]]


def acts(arena, healer):
    return [one for one in list(arena.marks) if one.source == healer]


def test_a_line_in_a_pods_log_bears_witness_when_it_is_heard(talker):
    assert wait_until(lambda: len(acts(talker, "talks")) == 2, timeout_s=30)
    noticed, acted = acts(talker, "talks")

    assert (noticed.kind, noticed.detail, noticed.service) == (
        MarkKind.DETECTED, "tick 5", "talker",
    )  # fmt: skip
    assert acted.kind is MarkKind.ACTED
    assert 100_000_000 <= noticed.resolution_ns < 2_000_000_000
    assert ticks(talker)[0] == 1


def test_no_line_is_lost_or_heard_twice_however_often_the_connection_breaks(talker, fake):
    for least in (20, 60, 100, 140):
        assert wait_until(lambda least=least: len(ticks(talker)) > least, timeout_s=30)
        fake.api.drop_watches()
    assert wait_until(lambda: len(ticks(talker)) > 200, timeout_s=30)

    assert all(b == a + 1 for a, b in itertools.pairwise(ticks(talker)))


def test_a_restarted_container_is_followed_from_its_first_line_to_its_last(talker, fake):
    assert wait_until(lambda: len(ticks(talker)) > 20, timeout_s=30)
    fake.api.trouble(path="talker/log", times=8, drop=True)
    fake.api.drop_watches()
    process, _, _ = fake.kubelet.container_process(talker.namespace, "talker", "one")
    log = process.logs[-1]
    process.process.kill()

    def begun_anew():
        heard = ticks(talker)
        return 1 in heard[1:] and heard[-1] > 20

    assert wait_until(begun_anew, timeout_s=30)
    heard = ticks(talker)
    again = heard.index(1, 1)
    assert heard[:again] == list(range(1, len(log.lines) + 1))  # its last words, too
    assert heard[again:] == list(range(1, len(heard) - again + 1))


def test_what_was_written_before_we_came_is_nobodys_business(talker, somewhere, tmp_path):
    assert wait_until(lambda: ticks(talker)[-1:] > [30], timeout_s=30)
    talker.observers.words.logs.stop()
    before = len(acts(talker, "talks"))
    logs = talker.observers.words.logs
    heard = []
    logs._stopping, logs.hear = False, lambda _pod, line, _moment: heard.append(line.text)
    logs.listed(talker.stack.pods(), 0)
    assert wait_until(lambda: len(heard) > 5, timeout_s=30)

    assert "tick 5" not in heard
    assert len(acts(talker, "talks")) == before
    logs.stop()
    logs._stopping, logs.hear = False, talker.observers.words._line


def test_an_answer_that_changes_bears_witness_and_what_was_so_at_first_does_not(arena, page):
    arena.marks.clear()
    page.text = "alarm"
    assert wait_until(lambda: acts(arena, "shows"), timeout_s=30)
    (mark,) = acts(arena, "shows")

    assert (mark.kind, mark.data["witness"]) == (MarkKind.DETECTED, "http")
    page.text = "calm"


def test_a_log_that_never_says_what_it_should_is_found_at_the_start(talker, monkeypatch):
    monkeypatch.setattr("chaoskit.target.kubernetes.words._SAID_WITHIN_S", 3)
    where = (talker.api, talker.spec, talker.namespace)
    assert wait_until(lambda: ticks(talker), timeout_s=30)

    await_words(*where, talker.stack.pods())
    with pytest.raises(EnvironmentUnfit, match="nothing in the log of talker matches 'tick 1"):
        await_words(*where, ())


def test_a_fault_picks_the_pod_that_plays_a_role(arena):
    assert arena.regains()
    wanted = max(one.name for one in arena.stack.pods() if one.workload == "web")
    (role,) = arena.spec.roles
    object.__setattr__(role, "match", f"^{wanted}$")
    done = arena.inject("pod_delete", service="web", pick="last", grace="0s")
    assert done.instances == (wanted,)
    assert arena.regains()

    with pytest.raises(FaultRefused, match="nobody is last now"):
        arena.inject("pod_delete", service="web", pick="last")


@pytest.mark.parametrize(
    ("denied", "words"),
    [
        (("get", "pods/log"), "may not get pods/log"),
        (("create", "pods/exec"), "may not create pods/exec"),
    ],
)
def test_who_may_not_read_logs_or_ask_for_roles_is_refused(arena, fake, denied, words):
    fake.api.denied.add(denied)
    with pytest.raises(EnvironmentUnfit, match=words):
        arena.refuse_unfit(kinds=[])
