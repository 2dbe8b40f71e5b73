"""Who may be hit: the run's own project, what was allowed by name, and nobody else."""

import secrets

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import catalogue
from chaoskit.faults.parts.traffic import TrafficFault
from chaoskit.run.recover import recover
from chaoskit.target.engine import COMPOSE_SERVICE, ROLE_LABEL
from chaoskit.target.images import BASE
from chaoskit.target.site import ProjectSite, allowed_labels
from chaoskit.testing.arena import opened
from chaoskit.testing.state import difference, snapshot
from tests.docker.arena import process_states, serves

pytestmark = pytest.mark.docker


@pytest.fixture
def outsider(arena):
    """A container that belongs to nobody's project, with a label of its own."""
    name = f"{arena.run_id}-stranger"
    container = arena.client.containers.run(
        BASE,
        ["sleep", "300"],
        name=name,
        detach=True,
        network=arena.network.name,
        labels={**arena.labels, "team": name},
    )
    yield container
    container.remove(force=True)


def allow(arena, *labels):
    """The same injector with outsiders in its site."""
    arena.injector.site = ProjectSite(arena.project, allowed=labels)


def test_a_container_of_no_project_is_not_eligible(arena, outsider):
    arena.add("web")

    with pytest.raises(FaultRefused, match=r"no service '.*-stranger' here; there are: web"):
        arena.inject("hang", service=outsider.name)
    assert process_states(outsider) == ["S"]


def test_an_allowed_label_makes_exactly_its_containers_eligible(arena, outsider):
    arena.add("web")
    allow(arena, f"team={outsider.name}")
    done = arena.inject("hang", service=outsider.name)

    assert process_states(outsider) == ["T"]
    arena.injector.lift(done.fault_id)
    assert process_states(outsider) == ["S"]
    allow(arena, "team=somebody-else")
    with pytest.raises(FaultRefused, match="nor is it any container's with the label team=some"):
        arena.inject("hang", service=outsider.name)


def test_helpers_of_ours_are_never_eligible(arena):
    arena.add("web")
    arena.hand.ready()
    label = f"chaoskit.run={arena.run_id}"
    allow(arena, label)
    (agent,) = arena.client.containers.list(filters={"label": [label, ROLE_LABEL]})

    with pytest.raises(FaultRefused, match="no service"):
        arena.inject("pause", service=agent.name)


def test_a_label_without_a_key_would_mean_everybody_and_is_refused():
    assert allowed_labels("team=web, tier ,") == ("team=web", "tier")
    with pytest.raises(FaultRefused, match="'=web' is not LABEL or LABEL=VALUE"):
        allowed_labels("team=a,=web")


@pytest.fixture
def on_the_host(arena):
    """An instance that runs in the host's own network and process namespace."""
    service = f"bare-{secrets.token_hex(2)}"
    arena.add("db")
    container = arena.client.containers.run(
        BASE,
        ["sleep", "300"],
        name=f"{arena.run_id}-{service}",
        detach=True,
        network_mode="host",
        pid_mode="host",
        labels={
            **arena.labels,
            "com.docker.compose.project": arena.run_id,
            COMPOSE_SERVICE: service,
            "com.docker.compose.container-number": "1",
        },
    )
    yield service
    container.remove(force=True)


def test_the_hosts_own_network_is_never_touched(arena, on_the_host):
    before = snapshot(arena.client, arena.run_id)
    for name, kind in catalogue().items():
        if issubclass(kind, TrafficFault) and {"peer", "from", "groups"}.isdisjoint(kind.example):
            with pytest.raises(FaultRefused, match="host's own network"):
                arena.inject(name, **{**kind.example, "service": on_the_host})
    changed = difference(before, snapshot(arena.client, arena.run_id))

    # Others work on this host too; what is ours bears our name, or is a qdisc of its real interface.
    assert [line for line in changed if arena.run_id in line] == []
    assert [line for line in changed if "qdisc" in line and "dev eth " in line] == []


def test_the_hosts_own_processes_are_never_stopped(arena, on_the_host):
    with pytest.raises(FaultRefused, match="shares its process namespace with others"):
        arena.inject("hang", service=on_the_host)


def test_two_runs_on_one_engine_do_not_touch_each_other(arena, tmp_path_factory):
    with opened(tmp_path_factory.mktemp("other")) as other:
        ours, theirs = arena.add("web"), other.add("web")
        for one in (arena, other):
            one.add("db")
            one.hand.ready()
        quiet = snapshot(other.client, other.run_id)
        arena.inject("partition", **{"from": "db"})
        arena.inject("hang", pick="all")
        arena.inject("pause", service="db")

        assert difference(quiet, snapshot(other.client, other.run_id)) == []
        assert serves(theirs)
        other.inject("hang", pick="all")
        arena.injector.lift_all()
        assert serves(ours)
        assert set(process_states(theirs)) == {"T"}

        recover(arena.folder)  # everything of the first run is removed, under the second one's feet
        assert set(process_states(theirs)) == {"T"}
        assert other.injector.check("f1")[0]
        other.injector.lift_all()
        assert serves(theirs)
        assert difference(quiet, snapshot(other.client, other.run_id)) == []
