"""Faults of whole containers: they bite, and what they took is back as it was."""

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.model.faults import Doer
from chaoskit.model.timeline import MarkKind
from chaoskit.run.clock import wait_until
from chaoskit.run.owner import Mode
from chaoskit.run.recover import recover
from chaoskit.run.undo_log import UndoLog
from chaoskit.target.engine import COMPOSE_NUMBER
from chaoskit.target.images import BASE
from chaoskit.target.surgery.place import FAULT_LABEL
from tests.docker.arena import address_of, serves, state_of

pytestmark = pytest.mark.docker

BAD = {"command": ["sh", "-c", "exit 1"], "grace": "2s"}


def place(arena, service="web", number=1):
    """The containers that stand in an instance's place."""
    label = f"{COMPOSE_NUMBER}={number}"
    return [
        one
        for one in arena.project.containers(service)
        if label.endswith(one.labels[COMPOSE_NUMBER])
    ]


def the_one(arena, service="web", number=1):
    (container,) = place(arena, service, number)
    return container


def configuration(container):
    """What somebody chose about a container, as the engine tells it."""
    container.reload()
    attrs = container.attrs
    config = {key: value for key, value in attrs["Config"].items() if key != "Hostname"}
    seen_as_mounts = {"VolumesFrom", "Binds", "Mounts"}
    host = {key: one for key, one in attrs["HostConfig"].items() if key not in seen_as_mounts}
    volumes = {one["Destination"]: one.get("Name") for one in attrs["Mounts"]}
    networks = {
        name: (one["IPAddress"], sorted(set(one["Aliases"] or ()) - {container.id[:12]}))
        for name, one in attrs["NetworkSettings"]["Networks"].items()
    }
    return container.name, config, host, volumes, networks, attrs["NetworkSettings"]["Ports"]


def test_a_restart_is_proven_by_a_new_start_and_counts_from_the_order_on(arena):
    web = arena.add("web")
    before = web.attrs["State"]["StartedAt"]
    done = arena.inject("restart", grace="2s")

    web.reload()
    assert web.attrs["State"]["StartedAt"] != before
    assert before in done.evidence[0]
    ordered, effective = arena.marks
    assert (ordered.kind, effective.kind) == (MarkKind.INJECTED, MarkKind.IN_EFFECT)
    assert ordered.at_ns == effective.at_ns
    assert wait_until(lambda: serves(web), timeout_s=10)
    assert arena.injector.held == ()


def test_a_removed_instance_is_gone_with_its_anonymous_volumes_and_stays_away(arena):
    web = arena.add("web", restart="always", volumes=["/kept"])
    (volume,) = (one["Name"] for one in web.attrs["Mounts"])
    done = arena.inject("remove")

    assert "knows no container" in done.evidence[0]
    assert arena.project.containers("web") == []
    assert volume not in [one.name for one in arena.client.volumes.list()]
    assert not wait_until(lambda: bool(arena.project.containers("web")), timeout_s=1)


def test_a_bad_deploy_stands_in_the_same_place_and_gives_it_back_as_it_was(arena):
    web = arena.add(
        "web",
        restart="always",
        volumes=["/kept"],
        environment={"MODE": "good"},
        ports={"80/tcp": ("127.0.0.1", None)},
        mem_limit="200m",
    )
    arena.network.disconnect(web)
    arena.network.connect(web, aliases=["front"], ipv4_address=address_like(arena, 77))
    web.exec_run(["sh", "-c", "echo precious > /kept/file"])
    before = configuration(web)
    done = arena.inject("bad_deploy", **BAD)
    broken = the_one(arena)

    assert FAULT_LABEL in broken.labels
    assert broken.attrs["Config"]["Cmd"] == BAD["command"]
    assert wait_until(lambda: state_of(broken) == "restarting", timeout_s=10)
    (name, config, host, volumes, networks, _) = configuration(broken)
    assert (name, host["RestartPolicy"], volumes) == (
        before[0],
        before[2]["RestartPolicy"],
        before[3],
    )
    assert config["Env"] == before[1]["Env"]
    assert networks.keys() == before[4].keys()
    arena.injector.lift(done.fault_id)

    restored = the_one(arena)
    before_ports = before[2].pop("PortBindings"), before[5]
    after = configuration(restored)
    assert after[2].pop("PortBindings") == before_ports[1]
    assert after == before
    assert address_of(restored) == address_like(arena, 77)
    assert restored.exec_run(["cat", "/kept/file"]).output == b"precious\n"
    assert wait_until(lambda: serves(restored), timeout_s=10)


def address_like(arena, last):
    subnet = arena.network.attrs["IPAM"]["Config"][0]["Subnet"]
    return f"{subnet.rpartition('.')[0]}.{last}"


def test_another_image_gets_its_own_defaults_and_keeps_what_the_service_chose(arena):
    other = f"chaoskit-test/{arena.run_id}"
    maker = arena.client.containers.create(BASE, ["true"], labels=arena.labels)
    maker.commit(other, changes='CMD ["sleep", "7"]\nENV OWN=image', conf={"Labels": {}})
    try:
        web = arena.add("web", environment={"MODE": "good"})
        done = arena.inject("bad_deploy", image=other, environment={"MODE": "bad"}, grace="1s")
        env = the_one(arena).attrs["Config"]["Env"]
        assert {"MODE=bad", "OWN=image"} <= set(env)
        assert "MODE=good" not in env
        assert the_one(arena).attrs["Config"]["Cmd"] == web.attrs["Config"]["Cmd"]
        arena.injector.lift(done.fault_id)
        assert the_one(arena).attrs["Config"]["Image"] == BASE
    finally:
        arena.client.images.remove(other, force=True)


def test_a_command_that_cannot_even_start_is_a_bad_deploy_too(arena):
    arena.add("web")
    done = arena.inject("bad_deploy", command=["/no/such/program"], grace="1s")

    assert "stands in its place" in done.evidence[0]
    arena.injector.lift(done.fault_id)
    assert wait_until(lambda: serves(the_one(arena)), timeout_s=10)


def test_an_image_that_the_engine_lacks_is_refused_before_anything_is_done(arena):
    web = arena.add("web")

    with pytest.raises(FaultRefused, match="there is no image 'no/such:image' on the engine"):
        arena.inject("bad_deploy", image="no/such:image")
    assert serves(web)
    assert the_one(arena).id == web.id


def test_a_rollback_by_the_system_counts_as_lifted_and_is_left_alone(arena):
    arena.add("web")
    done = arena.inject("bad_deploy", **BAD)
    the_one(arena).remove(force=True)
    fresh = arena.add("web")
    (gone,) = arena.injector.lift(done.fault_id)

    assert fresh.short_id in gone.evidence
    assert the_one(arena).id == fresh.id


def test_a_bad_deploy_that_somebody_only_removed_is_put_back(arena):
    web = arena.add("web")
    done = arena.inject("bad_deploy", **BAD)
    the_one(arena).remove(force=True)
    arena.injector.lift(done.fault_id)

    assert the_one(arena).name == web.name
    assert wait_until(lambda: serves(the_one(arena)), timeout_s=10)


@pytest.mark.parametrize("name", ["bad_deploy", "scale_down"])
def test_a_project_that_was_taken_away_meanwhile_counts_as_lifted(arena, name):
    arena.add("web")
    done = arena.inject(name, **(BAD if name == "bad_deploy" else {"to": 0, "grace": "1s"}))
    for one in arena.project.containers():
        one.remove(force=True)
    arena.network.remove()
    (gone,) = arena.injector.lift(done.fault_id)

    assert "was removed" in gone.evidence
    assert arena.project.containers() == []


def test_scaling_down_removes_the_highest_numbers_and_lifting_fills_the_empty_places(arena):
    webs = [arena.add("web", number) for number in (1, 2, 3)]
    before = configuration(webs[1])
    done = arena.inject("scale_down", to=1, grace="1s")

    assert done.instances == ("web-3", "web-2")
    assert [one.id for one in arena.project.containers("web")] == [webs[0].id]
    healed = arena.add("web", 3)
    arena.injector.lift(done.fault_id)
    assert [one.labels[COMPOSE_NUMBER] for one in arena.project.containers("web")] == [
        "1",
        "2",
        "3",
    ]
    assert the_one(arena, number=3).id == healed.id
    assert configuration(the_one(arena, number=2))[:2] == before[:2]
    assert wait_until(lambda: serves(the_one(arena, number=2)), timeout_s=10)


def test_a_service_cannot_be_scaled_to_more_than_it_has(arena):
    arena.add("web")

    with pytest.raises(FaultRefused, match="web has 1 running, so it cannot be scaled to 1"):
        arena.inject("scale_down", to=1)
    with pytest.raises(FaultRefused, match="cannot be scaled by 2"):
        arena.inject("scale_down", by=2)


def torn(arena, name, steps):
    """A fault whose harness died after some of the engine's steps: only the log knows of it."""
    hand = arena.hands.engine
    seen = {}

    class Torn(BaseException):
        pass

    class Half:
        """The engine's hand with a power cut in it."""

        def __getattr__(self, verb):
            return getattr(hand, verb)

        def apply(self, handle, operation, *, held):
            seen["operation"] = operation
            steps(operation)
            raise Torn

        def undo(self, handle, operation):
            raise FaultRefused("the harness is dead")

    object.__setattr__(arena.hands, "engine", Half())
    with pytest.raises(BaseException):  # noqa: B017, PT011  # the cut, or what could not be lifted
        arena.inject(name, **BAD)
    object.__setattr__(arena.hands, "engine", hand)
    arena.injector._held.clear()
    assert seen["operation"].doer is Doer.ENGINE
    return seen["operation"]


@pytest.mark.parametrize("reached", ["created", "stopped", "removed", "renamed"])
def test_a_deploy_that_was_torn_at_any_step_is_recovered_from_the_log(arena, reached):
    from chaoskit.target.surgery.kind import Table
    from chaoskit.target.surgery.kinds import replace
    from chaoskit.target.surgery.place import take_away, temporary_name
    from chaoskit.target.surgery.recreate import create

    web = arena.add("web", restart="always")
    name = web.name

    def steps(operation):
        table = Table(client=arena.client, operation=operation)
        saved, tag = operation.params["saved"], operation.params["tag"]
        changes = replace._changes(table, tag)
        broken = create(
            arena.client,
            saved,
            name=temporary_name(saved["name"], "broken", tag),
            changes=changes,
            volumes_from=web.id,
        )
        if reached != "created":
            web.stop(timeout=1)
        if reached in {"removed", "renamed"}:
            take_away(web)
        if reached == "renamed":
            broken.rename(name)

    torn(arena, "bad_deploy", steps)
    assert UndoLog(arena.folder).open_entries() != ()
    recover(arena.folder, mode=Mode.UNDO)

    assert the_one(arena).name == name
    assert FAULT_LABEL not in the_one(arena).labels
    assert wait_until(lambda: serves(the_one(arena)), timeout_s=10)
    assert (the_one(arena).id == web.id) is (reached in {"created", "stopped"})


def test_a_stopped_instance_is_started_on_a_network_that_was_made_anew(arena):
    web = arena.add("web")
    done = arena.inject("stop", grace="1s")
    arena.network.remove()
    arena.network = arena.client.networks.create(arena.network.name, labels=arena.labels)
    arena.injector.lift(done.fault_id)

    assert wait_until(lambda: serves(web), timeout_s=10)


def test_a_stopped_instance_without_its_network_is_nobodys_to_start(arena):
    arena.add("web")
    done = arena.inject("stop", grace="1s")
    arena.network.remove()

    assert "nobody can start it" in arena.injector.lift(done.fault_id)[0].evidence
