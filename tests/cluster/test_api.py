"""The connection to an API server: every way in which it can go wrong, and what is made of it."""

import threading
import time
from contextlib import closing

import pytest

from chaoskit.errors import EnvironmentUnfit
from chaoskit.run.clock import now_ns, wait_until
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError, reach
from chaoskit.target.kubernetes.offset import Offset
from chaoskit.target.kubernetes.pace import Pace
from chaoskit.target.kubernetes.paths import core, pods
from chaoskit.target.kubernetes.watch import Watch

NS = 1_000_000_000
MAPS = core("configmaps", "default")


def config_map(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


class Ear:
    """Remembers what a watch says."""

    def __init__(self, api, path=MAPS):
        self.news, self.lists, self.notes = [], [], []
        self.watch = Watch(
            api=api,
            path=path,
            hear=self.news.append,
            listed=lambda items, at_ns, gap_ns: self.lists.append(
                ([one["metadata"]["name"] for one in items], gap_ns)
            ),
            note=self.notes.append,
        )

    def heard(self, name, kind="ADDED"):
        return [
            one for one in self.news if one.item["metadata"]["name"] == name and one.kind == kind
        ]

    def hears(self, name, kind="ADDED"):
        return wait_until(lambda: self.heard(name, kind), timeout_s=20)


@pytest.fixture
def ear(api):
    one = Ear(api)
    one.watch.start()
    yield one
    one.watch.stop()


def test_no_cluster_is_a_refusal_that_names_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(EnvironmentUnfit, match="no cluster is configured: KUBECONFIG names"):
        reach()


def test_a_list_of_configurations_is_refused_because_chaosk8s_sees_none_of_them(monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/a/one:/a/two")
    with pytest.raises(EnvironmentUnfit, match=r"names several files .*--flatten"):
        reach()


def test_a_file_that_is_no_configuration_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text("just: words\n")
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(EnvironmentUnfit, match="cannot be used"):
        reach()


def test_a_cluster_that_does_not_answer_is_named(monkeypatch, tmp_path, fake):
    path = fake.kubeconfig(tmp_path / "gone")
    path.write_text(path.read_text().replace(fake.api.url, "http://127.0.0.1:9"))
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(EnvironmentUnfit, match=r"does not answer: http://127\.0\.0\.1:9"):
        reach()


def test_expired_credentials_are_told_as_such(fake, monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(fake.kubeconfig(tmp_path / "old", token="yesterday")))
    with pytest.raises(EnvironmentUnfit, match="may have expired: log in again"):
        reach()


def test_an_unknown_context_is_refused(cluster):
    with pytest.raises(EnvironmentUnfit, match="nowhere"):
        reach("nowhere")


def test_a_token_that_was_renewed_in_the_file_is_read_again(fake, monkeypatch, tmp_path):
    path = fake.kubeconfig(tmp_path / "renewed")
    monkeypatch.setenv("KUBECONFIG", str(path))
    with closing(reach()) as api:
        fake.api.token = "token-2"
        fake.kubeconfig(path)

        assert api.get("/version")["gitVersion"]


def test_a_busy_server_is_waited_for_as_long_as_it_says(fake, api):
    fake.api.trouble(path="/version", times=2, code=429, headers={"Retry-After": "0"})

    assert api.get("/version")["gitVersion"]
    assert api.calls["GET"] >= 3


def test_a_conflict_and_a_refusal_carry_the_servers_words(fake, api):
    api.create(MAPS, config_map("twice"))
    with pytest.raises(ApiError, match="already exists") as refused:
        api.create(MAPS, config_map("twice"))

    assert (refused.value.status, refused.value.reason) == (409, "AlreadyExists")
    api.delete(f"{MAPS}/twice")


def test_a_dropped_connection_is_away_and_not_an_answer(fake, api):
    fake.api.trouble(path="/version", drop=True)
    with pytest.raises(ApiAway, match="does not answer"):
        api.get("/version")

    assert api.get("/version")


def test_a_list_is_read_in_pages_and_begun_anew_when_it_took_too_long(fake, api, monkeypatch):
    monkeypatch.setattr("chaoskit.target.kubernetes.api._PAGE", 2)
    for number in range(5):
        api.create(MAPS, config_map(f"page-{number}"))
    found, version = api.items(MAPS)
    fake.api.trouble(path="continue=2", code=410)
    again, _ = api.items(MAPS)

    assert len(found) == len(again) == 5
    assert int(version) > 0
    for number in range(5):
        api.delete(f"{MAPS}/page-{number}")


def test_a_change_is_heard_at_once_and_exactly(ear, api):
    begun = now_ns()
    api.create(MAPS, config_map("heard"))

    assert ear.hears("heard")
    (news,) = ear.heard("heard")
    assert begun < news.at_ns
    api.delete(f"{MAPS}/heard")
    assert ear.hears("heard", "DELETED")


def test_a_dropped_watch_goes_on_where_it_was_and_says_how_long_it_was_deaf(fake, ear, api):
    api.create(MAPS, config_map("before"))
    assert ear.hears("before")
    fake.api.drop_watches()
    api.create(MAPS, config_map("during"))

    assert ear.hears("during")
    assert ear.heard("during")[0].resolution_ns > 0
    assert len(ear.heard("before")) == 1
    for name in ("before", "during"):
        api.delete(f"{MAPS}/{name}")


def test_everything_that_was_missed_may_have_happened_in_the_gap(fake, ear, api):
    names = [f"missed-{number}" for number in range(3)]
    fake.api.trouble(method="GET", path="watch=true", times=2, code=500)
    fake.api.drop_watches()
    for name in names:
        api.create(MAPS, config_map(name))

    assert all(ear.hears(name) for name in names)
    assert all(ear.heard(name)[0].resolution_ns > 0 for name in names)
    for name in names:
        api.delete(f"{MAPS}/{name}")


def test_a_version_that_is_too_old_makes_the_watch_list_again(fake, ear, api):
    api.create(MAPS, config_map("first"))
    assert ear.hears("first")
    fake.api.trouble(method="GET", path="watch=true", times=1, code=500)
    fake.api.drop_watches()
    api.create(MAPS, config_map("lost"))
    fake.store.forget()

    assert wait_until(lambda: len(ear.lists) > 1, timeout_s=20)
    names, gap_ns = ear.lists[-1]
    assert {"first", "lost"} <= set(names)
    assert gap_ns > 0
    api.create(MAPS, config_map("after"))
    assert ear.hears("after")
    for name in ("first", "lost", "after"):
        api.delete(f"{MAPS}/{name}")


def test_a_watch_outlives_an_expired_token(fake, monkeypatch, tmp_path):
    path = fake.kubeconfig(tmp_path / "kept")
    monkeypatch.setenv("KUBECONFIG", str(path))
    api = reach()
    ear = Ear(api)
    ear.watch.start()
    fake.api.token = "token-3"
    fake.kubeconfig(path)
    fake.api.drop_watches()
    api.create(MAPS, config_map("renewed"))

    assert ear.hears("renewed")
    ear.watch.stop()
    api.delete(f"{MAPS}/renewed")
    api.close()


def test_a_watch_that_is_stopped_ends_its_thread(ear):
    ear.watch.stop()

    assert not any(one.name == f"watch {MAPS}" for one in threading.enumerate())


def test_slow_answers_bound_the_clocks_offset_and_never_mislead_it(fake, api):
    fake.api.clock_s = 7.0
    fresh = Api()
    fake.api.trouble(path="/version", times=1, slow_s=0.3)
    for _ in range(30):
        fresh.get("/version")
        time.sleep(0.03)
    fresh.close()
    true_ns = time.time_ns() - time.monotonic_ns() + 7 * NS

    assert fresh.offset.low_ns <= true_ns <= fresh.offset.high_ns
    assert fresh.offset.error_ns < 0.5 * NS


def test_a_status_time_means_the_earliest_that_it_can_be():
    offset = Offset()
    offset.hear("Sat, 28 Nov 2026 06:00:00 GMT", 100 * NS, 101 * NS)
    # The server's second began at the latest when we had heard of it.
    assert offset.earliest_ns("2026-11-28T06:00:00Z") <= 101 * NS
    assert offset.earliest_ns("2026-11-28T06:00:10Z") <= 111 * NS
    assert offset.error_ns == NS
    assert offset.earliest_ns("nonsense") is None


def test_a_clock_that_was_stepped_begins_a_new_estimate():
    offset = Offset()
    offset.hear("Sat, 28 Nov 2026 06:00:00 GMT", 100 * NS, 100 * NS)
    offset.hear("Sat, 28 Nov 2026 07:00:00 GMT", 101 * NS, 101 * NS)

    assert offset.error_ns == NS // 2
    assert 100 * NS <= offset.earliest_ns("2026-11-28T07:00:00Z") <= 101 * NS


def test_rights_are_the_servers_word(fake, api):
    fake.api.denied.add(("delete", "pods"))

    assert api.may("get", "pods")
    assert not api.may("delete", "pods", namespace="default")
    with pytest.raises(ApiError, match="forbidden"):
        api.delete(pods("default", "any"))


class Counted(Pace):
    """Who was made to wait, by thread."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self):
        self.waits.append(threading.current_thread())


def test_only_who_is_polite_is_paced_and_nobody_beside_them(fake, api):
    api._pace = counted = Counted()
    api.get("/version")
    assert counted.waits == []

    with api.politely():
        _, version = api.items(pods("default"))
        hasty = threading.Thread(target=api.get, args=("/version",))
        hasty.start()
        hasty.join()
        with api.politely():
            api.get("/version")
        with api.stream(pods("default"), idle_s=1, watch="true", resourceVersion=version):
            pass
        api.get("/version")
    api.get("/version")

    assert counted.waits == [threading.current_thread()] * 3
