"""What pods' changes mean, and what is done to pods, on pods that are real processes."""

import json
import threading

import pytest

from chaoskit.errors import EnvironmentUnfit, FaultRefused
from chaoskit.faults.base import make
from chaoskit.model.marks import MarkKind
from chaoskit.model.target import Healer, Strength, TargetSpec
from chaoskit.run.clock import wait_until
from chaoskit.target.kubernetes.podcount import Moment, PodCount
from chaoskit.target.kubernetes.podstate import pod_state
from tests.cluster.arena import ClusterArena


@pytest.fixture(scope="module")
def arena(somewhere, tmp_path_factory):
    with ClusterArena(somewhere, tmp_path_factory.mktemp("arena")) as one:
        yield one


def pod(name="web-1-a", uid="u1", *, ready=True, restarts=0, container="c1", running=True, **meta):
    state = {"running": {}} if running else {"waiting": {"reason": "CrashLoopBackOff"}}
    return pod_state({
        "metadata": {"name": name, "uid": uid, "labels": {"pod-template-hash": "1"},
                     "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "uid": "r",
                                          "controller": True}], **meta},
        "spec": {"nodeName": "n1"},
        "status": {"phase": "Running",
                   "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
                   "containerStatuses": [{"name": "web", "containerID": f"x://{container}",
                                          "restartCount": restarts, "state": state}]},
    })  # fmt: skip


def counting(*, probe="liveness", instances=2):
    marks = []
    spec = TargetSpec(
        name="t", folder=None, title="T", entrypoints=(),
        strengths=(Strength(service="web", instances=instances),) if instances else (),
        healers=(
            Healer(name="rs", kind="kubernetes-replicaset", engine=True),
            Healer(name="probe", kind="kubernetes-probe", engine=True, settings={"probe": probe}),
        ),
    )  # fmt: skip
    count = PodCount(spec, marks.append)
    return count, marks


def told(marks, *kinds):
    return [(one.kind.value, one.source, one.detail) for one in marks if one.kind in kinds]


def strengths(marks):
    return [one.data["have"] for one in marks if one.kind is MarkKind.REDUNDANCY]


def test_a_gap_is_told_where_nobody_wants_to_know_the_strength():
    count, marks = counting(instances=0)
    count.listed([pod()], Moment(at_ns=1))
    assert marks == []
    count.listed([pod("web-1-b", "u2")], Moment(at_ns=9, resolution_ns=8))

    assert told(marks, MarkKind.DETECTED, MarkKind.ACTED) == [
        ("detected", "rs", "kubernetes-replicaset: detected"),
        ("acted", "rs", "kubernetes-replicaset: acted"),
    ]


def test_what_nobody_tells_is_not_there_and_was_not_seen_to_go():
    count, marks = counting()
    count.listed([pod()], Moment(at_ns=1))
    count.silence(Moment(at_ns=2), silent=True)
    count.silence(Moment(at_ns=3), silent=False)

    assert strengths(marks) == [1, 0, 1]
    assert [one.data.get("silent", False) for one in marks] == [False, True, False]


def test_a_pod_that_is_terminating_is_ready_and_does_not_count():
    count, marks = counting()
    count.listed([pod(), pod("web-1-b", "u2")], Moment(at_ns=1))
    count.hear(pod(deletionTimestamp="x"), Moment(at_ns=2), gone=False)

    assert strengths(marks) == [2, 1]
    assert count.strengths() == {"web": (1, 2)}


def test_a_replacement_is_the_controllers_act_and_only_after_a_loss():
    count, marks = counting()
    count.listed([pod(), pod("web-1-b", "u2")], Moment(at_ns=1))
    count.hear(pod("web-1-x", "u9", ready=False), Moment(at_ns=2), gone=False)  # a surge
    count.hear(pod(deletionTimestamp="x"), Moment(at_ns=3), gone=False)
    count.hear(pod("web-1-c", "u3", ready=False), Moment(at_ns=4), gone=False)
    count.hear(pod(deletionTimestamp="x"), Moment(at_ns=5), gone=True)

    found = [(one.kind, one.source, one.at_ns) for one in marks
             if one.kind in {MarkKind.DETECTED, MarkKind.ACTED}]  # fmt: skip
    assert found == [(MarkKind.DETECTED, "rs", 3), (MarkKind.ACTED, "rs", 4)]


def version(name, uid, number):
    """A pod of another version of the same Deployment."""
    owner = {"kind": "ReplicaSet", "name": f"web-{number}", "uid": f"r{number}", "controller": True}
    return pod(name, uid, labels={"pod-template-hash": str(number)}, ownerReferences=[owner])


def test_a_pod_that_makes_room_for_another_version_was_not_lost():
    count, marks = counting()
    count.listed([pod(), pod("web-1-b", "u2")], Moment(at_ns=1))
    count.hear(pod(deletionTimestamp="x"), Moment(at_ns=2), gone=False)
    count.hear(version("web-2-a", "u3", 2), Moment(at_ns=3), gone=False)

    assert told(marks, MarkKind.DETECTED, MarkKind.ACTED) == []


def test_a_loss_that_cannot_be_made_up_for_is_noticed_all_the_same():
    count, marks = counting()
    count.listed([pod(), pod("web-1-b", "u2")], Moment(at_ns=1))
    count.hear(pod(deletionTimestamp="x"), Moment(at_ns=2), gone=False)
    count.cannot_make("web-2", Moment(at_ns=4))
    count.cannot_make("web-1", Moment(at_ns=5))

    found = [(one.kind, one.at_ns, one.resolution_ns) for one in marks if one.source == "rs"]
    assert found == [(MarkKind.DETECTED, 5, 3)]


def test_what_a_lift_makes_again_is_no_replacement():
    count, marks = counting()
    count.listed([pod(), pod("web-1-b", "u2")], Moment(at_ns=1))
    count.hear(pod(deletionTimestamp="x"), Moment(at_ns=2), gone=False)
    count.put_back("web")
    count.hear(pod("web-1-c", "u3"), Moment(at_ns=3), gone=False)

    assert told(marks, MarkKind.DETECTED, MarkKind.ACTED) == []


def test_after_a_gap_a_loss_is_told_before_its_replacement():
    count, marks = counting()
    count.listed([pod("web-1-b", "u2")], Moment(at_ns=1))
    left = pod("web-1-b", "u2", deletionTimestamp="x")
    count.listed([pod("web-1-a", "u3"), left], Moment(at_ns=9, resolution_ns=8))

    kinds = [one.kind for one in marks if one.source == "rs"]
    assert kinds == [MarkKind.DETECTED, MarkKind.ACTED]


def test_a_restart_after_a_failed_probe_is_the_probes_act_and_not_the_restart_policys():
    count, marks = counting()
    count.listed([pod(), pod("web-1-b", "u2")], Moment(at_ns=1))
    count.unhealthy("web-1-a", "liveness", Moment(at_ns=2))
    count.killing("web-1-a", Moment(at_ns=3))
    count.hear(pod(restarts=1, container="c2"), Moment(at_ns=4), gone=False)

    found = [(one.kind, one.source, one.at_ns) for one in marks
             if one.kind in {MarkKind.DETECTED, MarkKind.ACTED}]  # fmt: skip
    assert found == [(MarkKind.DETECTED, "probe", 2), (MarkKind.ACTED, "probe", 3)]


def test_a_crash_is_detected_when_it_is_shown_and_acted_on_when_it_runs_again():
    count, marks = counting()
    count.listed([pod(), pod("web-1-b", "u2")], Moment(at_ns=1))
    count.hear(pod(running=False, ready=False), Moment(at_ns=2), gone=False)
    count.hear(pod(restarts=1, container="c2"), Moment(at_ns=3), gone=False)

    found = [(one.kind, one.source, one.at_ns) for one in marks
             if one.kind in {MarkKind.DETECTED, MarkKind.ACTED}]  # fmt: skip
    assert found == [(MarkKind.DETECTED, "rs", 2), (MarkKind.ACTED, "rs", 3)]
    assert strengths(marks) == [2, 1, 2]


def test_a_readiness_probe_takes_a_pod_out_and_back_without_a_restart():
    count, marks = counting(probe="readiness")
    count.listed([pod(), pod("web-1-b", "u2")], Moment(at_ns=1))
    count.unhealthy("web-1-a", "readiness", Moment(at_ns=2))
    count.hear(pod(ready=False), Moment(at_ns=3), gone=False)
    count.hear(pod(), Moment(at_ns=4), gone=False)

    kinds = [(one.kind, one.at_ns) for one in marks if one.source == "probe"]
    assert kinds == [(MarkKind.DETECTED, 2), (MarkKind.ACTED, 3), (MarkKind.RESTORED, 4)]


def test_what_happened_in_a_gap_may_have_happened_at_any_time_of_it():
    count, marks = counting()
    count.listed([pod(), pod("web-1-b", "u2")], Moment(at_ns=1))
    count.listed([pod("web-1-b", "u2"), pod("web-1-c", "u3")], Moment(at_ns=900, resolution_ns=800))

    gone = [one for one in marks if one.detail == "gone"]
    assert [one.resolution_ns for one in gone] == [800]


def test_a_pod_is_deleted_by_its_uid_and_never_twice(arena):
    done = arena.inject("pod_delete", service="web", grace="0s")
    (name,) = done.instances
    states = {one.name: one for one in arena.stack.pods()}

    assert name not in states or states[name].terminating
    with pytest.raises(FaultRefused, match=r"already so|no instance matches|not running"):
        arena.inject("pod_delete", service="web", pick=name)
    assert arena.regains()


def test_terminate_pods_without_a_match_would_succeed_and_this_is_refused(arena):
    with pytest.raises(FaultRefused, match="no workload 'nobody' here; there are: db, web"):
        arena.inject("pod_delete", service="nobody")


def test_a_crash_is_proven_by_the_restart_and_kill_from_inside_would_do_nothing(arena):
    before = {one.uid: one.restarts for one in arena.stack.pods()}
    done = arena.inject("container_crash", service="web")

    assert "restart count" in done.evidence[0]
    assert wait_until(
        lambda: any(one.restarts > before.get(one.uid, 99) for one in arena.stack.pods()),
        timeout_s=30,
    )
    assert arena.regains()


def test_a_crash_that_restarts_nothing_is_not_applied(arena, fake):
    fake.controllers.idle = True
    script = fake.api.subresources["pods", "exec"]

    def no_effect(handler, namespace, pod, body):
        environment = dict(handler.__dict__)
        del environment
        from tests.cluster.websocket import Socket

        channel = Socket(handler)
        channel.send(1, b"killed 1\n")
        channel.send(3, json.dumps({"status": "Success"}).encode())
        channel.close()

    fake.api.subresources["pods", "exec"] = no_effect
    try:
        with pytest.raises(FaultRefused, match="did not take effect within"):
            arena.inject("container_crash", service="web")
    finally:
        fake.api.subresources["pods", "exec"] = script
        fake.controllers.idle = False


def test_exec_that_says_nothing_of_its_end_is_no_success(arena, fake):
    script = fake.api.subresources["pods", "exec"]

    def mute(handler, namespace, pod, body):
        from tests.cluster.websocket import Socket

        Socket(handler).close()

    fake.api.subresources["pods", "exec"] = mute
    try:
        with pytest.raises(FaultRefused, match="does not say how the command ended"):
            arena.inject("container_crash", service="web")
    finally:
        fake.api.subresources["pods", "exec"] = script


def test_exec_that_is_never_begun_is_given_up(arena, fake, monkeypatch):
    script, over = fake.api.subresources["pods", "exec"], threading.Event()
    fake.api.subresources["pods", "exec"] = lambda *_: over.wait(30)
    monkeypatch.setattr("chaoskit.target.kubernetes.exec._OPEN_S", 0.3)
    try:
        with pytest.raises(FaultRefused, match=r"no command began in \S+ within 0\.3 s"):
            arena.inject("container_crash", service="web")
    finally:
        over.set()
        fake.api.subresources["pods", "exec"] = script


def test_exec_that_fails_is_a_refusal_with_the_words_of_the_command(arena, fake):
    for path in list(fake.kubelet.proc.iterdir()):
        (path / "cgroup").write_text("0::/elsewhere\n")
    with pytest.raises(FaultRefused, match="no process of the container"):
        arena.inject("container_crash", service="db")


def test_a_fault_of_docker_is_not_done_in_a_cluster(arena):
    with pytest.raises(FaultRefused, match="done by the agent beside a Docker engine"):
        arena.injector.inject(make("crash", {"service": "web"}))


@pytest.mark.parametrize(
    ("denied", "words"),
    [
        (("delete", "pods"), "may not delete pods"),
        (("watch", "events"), "may not watch events"),
        (("create", "pods/exec"), "may not create pods/exec"),
        (("create", "namespaces"), "may not create namespaces"),
    ],
)
def test_missing_rights_are_found_out_before_anything_is_changed(arena, fake, denied, words):
    fake.api.denied.add(denied)
    before = len(fake.store.objects)
    with pytest.raises(EnvironmentUnfit, match=words):
        arena.refuse_unfit(kinds=["pod-delete", "container-kill"])

    assert len(fake.store.objects) == before


def test_a_helper_without_an_image_is_found_out_before_anything_is_changed(arena, fake):
    with pytest.raises(EnvironmentUnfit, match="agent_image"):
        arena.refuse_unfit(kinds=["container-kill"], agent_image="")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"namespace": "nowhere", "selector": "app=web"}, "no namespace 'nowhere'"),
        ({"selector": "app=nobody"}, "matches no pod"),
        ({"selector": "app in (web,db)"}, "matches every pod"),
    ],
)
def test_a_place_that_is_nowhere_or_everywhere_is_refused(arena, fake, place, words):
    with pytest.raises(EnvironmentUnfit, match=words):
        arena.refuse_unfit(kinds=[], **{"namespace": arena.namespace, **place})


def test_a_selector_that_means_everything_is_allowed_when_it_says_so(arena):
    arena.refuse_unfit(kinds=[], namespace=arena.namespace, selector="app in (web,db)", whole=True)


def test_a_namespace_that_is_being_deleted_is_refused(arena, fake):
    fake.store.create("namespaces", "", {"metadata": {"name": "ending"},
                                         "status": {"phase": "Terminating"}})  # fmt: skip
    with pytest.raises(EnvironmentUnfit, match="'ending' is being deleted"):
        arena.refuse_unfit(kinds=[], namespace="ending", selector="app=web")


def test_a_kind_whose_definition_is_not_installed_is_refused(arena, fake):
    chaos = {"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "NetworkChaos",
             "metadata": {"name": "slow"}}  # fmt: skip
    with pytest.raises(EnvironmentUnfit, match="serves no NetworkChaos of chaos-mesh"):
        arena.refuse_unfit(kinds=[], objects=(chaos,))
