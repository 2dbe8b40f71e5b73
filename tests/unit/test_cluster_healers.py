"""What autoscalers and Deployments tell, in whatever order and with whatever gaps it is heard."""

from pathlib import Path

import pytest

from chaoskit.model.marks import MarkKind
from chaoskit.model.target import Healer, TargetSpec
from chaoskit.target.kubernetes.hearing import Hearing
from chaoskit.target.kubernetes.nodestate import NodeCount
from chaoskit.target.kubernetes.rollouts import RolloutCount
from chaoskit.target.kubernetes.scaling import ScaleCount
from chaoskit.target.kubernetes.witness import Moment

DETECTED, ACTED, RESTORED = MarkKind.DETECTED, MarkKind.ACTED, MarkKind.RESTORED


def spec(*kinds):
    healers = tuple(Healer(name=kind, kind=kind, engine=True) for kind in kinds)
    return TargetSpec(name="t", folder=Path(), title="T", entrypoints=(), healers=healers)


def at(ns, gap=0):
    return Moment(at_ns=ns, resolution_ns=gap)


def acts(marks):
    kinds = {DETECTED, ACTED, RESTORED}
    found = [(one.kind, one.at_ns, one.resolution_ns) for one in marks if one.kind in kinds]
    return sorted(found, key=lambda one: one[1])


def workload(replicas, ready=0):
    return {"metadata": {"name": "web", "uid": "d"}, "spec": {"replicas": replicas},
            "status": {"readyReplicas": ready}}  # fmt: skip


def hpa(current, desired, scaled=""):
    return {"metadata": {"name": "hpa", "uid": "h"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}},
            "status": {"currentReplicas": current, "desiredReplicas": desired,
                       "lastScaleTime": scaled}}  # fmt: skip


@pytest.fixture
def scaling():
    marks = []
    count = ScaleCount(spec("kubernetes-hpa"), marks.append)
    count.workload(workload(3, ready=3), at(1))
    count.scaler(hpa(3, 3, "t0"), at(1))
    return count, marks


def test_what_is_there_at_first_did_not_just_happen(scaling):
    _, marks = scaling

    assert marks == []


def test_a_number_that_rose_is_the_act_of_whoever_says_so_afterwards(scaling):
    count, marks = scaling
    count.workload(workload(5, ready=3), at(10))
    assert acts(marks) == []
    count.scaler(hpa(3, 5, "t1"), at(12))
    count.workload(workload(5, ready=5), at(20))

    assert acts(marks) == [(DETECTED, 10, 0), (ACTED, 10, 0), (RESTORED, 20, 0)]


def test_a_wish_that_is_heard_first_is_acted_on_when_the_number_rises(scaling):
    count, marks = scaling
    count.scaler(hpa(3, 5, "t1"), at(10))
    count.workload(workload(5, ready=3), at(12))

    assert acts(marks) == [(DETECTED, 10, 0), (ACTED, 12, 0)]


def test_a_wish_that_nobody_fulfils_is_no_act(scaling):
    count, marks = scaling
    count.scaler(hpa(3, 5), at(10))
    count.workload(workload(4), at(12))

    assert acts(marks) == [(DETECTED, 10, 0)]


def test_what_was_wished_in_a_gap_is_known_by_the_time_of_the_last_act(scaling):
    count, marks = scaling
    count.workload(workload(2, ready=2), at(10))
    count.workload(workload(3, ready=2), at(50, gap=30))
    count.scaler(hpa(3, 3, "t1"), at(60, gap=40))

    assert acts(marks) == [(DETECTED, 50, 30), (ACTED, 50, 30)]


def test_fewer_are_wanted_by_nobody_who_heals(scaling):
    count, marks = scaling
    count.workload(workload(2, ready=2), at(10))
    count.scaler(hpa(3, 2, "t1"), at(12))

    assert acts(marks) == []


def test_a_number_that_rose_without_an_autoscalers_word_is_nobodys_act(scaling):
    count, marks = scaling
    count.workload(workload(5), at(10))
    count.scaler(hpa(5, 5, "t0"), at(12))

    assert acts(marks) == []


def test_what_a_lift_puts_back_is_not_an_act_and_the_next_rise_may_be(scaling):
    count, marks = scaling
    count.workload(workload(1), at(10))
    count.put_back("web", 3)
    count.workload(workload(3), at(12))
    count.scaler(hpa(3, 3, "t0"), at(13))
    assert acts(marks) == []
    count.workload(workload(1), at(20))
    count.workload(workload(3), at(22))
    count.scaler(hpa(1, 3, "t1"), at(23))

    assert acts(marks) == [(DETECTED, 22, 0), (ACTED, 22, 0)]


def test_a_rise_of_the_trial_before_is_not_claimed_in_the_next(scaling):
    count, marks = scaling
    count.workload(workload(5), at(10))
    count.announce()
    count.scaler(hpa(3, 5, "t1"), at(30))

    assert [(one.kind, one.at_ns) for one in marks if one.kind in {DETECTED, ACTED}] == [
        (DETECTED, 30), (ACTED, 30),
    ]  # fmt: skip


def template(image, **annotations):
    return {"metadata": {"labels": {"app": "web"}, "annotations": annotations},
            "spec": {"containers": [{"name": "web", "image": image}]}}  # fmt: skip


def deployment(image, reason="NewReplicaSetAvailable", status="True", revision="1"):
    progressing = {"type": "Progressing", "status": status, "reason": reason}
    return {"metadata": {"name": "web", "uid": "d", "generation": 2,
                         "annotations": {"deployment.kubernetes.io/revision": revision}},
            "spec": {"template": template(image)},
            "status": {"conditions": [progressing], "observedGeneration": 2}}  # fmt: skip


def replicaset(image):
    owner = {"kind": "Deployment", "name": "web", "uid": "d", "controller": True}
    pod = template(image)
    pod["metadata"] = {"labels": {"app": "web", "pod-template-hash": "x"}}
    return {"metadata": {"name": "web-x", "uid": image, "ownerReferences": [owner]},
            "spec": {"template": pod}}  # fmt: skip


@pytest.fixture
def rollouts():
    marks = []
    count = RolloutCount(spec("kubernetes-rollback"), marks.append)
    count.replicaset(replicaset("v1"))
    count.replicaset(replicaset("v2"))
    count.deployment(deployment("v2"), at(1))
    return count, marks


def test_a_stuck_rollout_is_noticed_once_and_taken_back_to_any_earlier_revision(rollouts):
    count, marks = rollouts
    stuck = ("ProgressDeadlineExceeded", "False", "3")
    count.deployment(deployment("v3", "ReplicaSetUpdated", revision="3"), at(10))
    count.deployment(deployment("v3", *stuck), at(20))
    count.deployment(deployment("v3", *stuck), at(21))
    count.deployment(deployment("v1", *stuck), at(30))
    count.deployment(deployment("v1", "ReplicaSetUpdated", revision="4"), at(31))
    count.deployment(deployment("v1", revision="4"), at(40))

    assert acts(marks) == [(DETECTED, 20, 0), (ACTED, 30, 0), (RESTORED, 40, 0)]
    assert "revision 4" in [one.detail for one in marks]


def test_a_version_after_the_bad_one_is_no_rollback(rollouts):
    count, marks = rollouts
    count.deployment(deployment("v3"), at(10))
    count.deployment(deployment("v4"), at(20))

    assert acts(marks) == []


def test_what_a_lift_takes_back_is_not_an_act_and_the_next_time_may_be(rollouts):
    count, marks = rollouts
    count.deployment(deployment("v3"), at(10))
    count.put_back("web")
    count.deployment(deployment("v2"), at(20))
    assert acts(marks) == []
    count.deployment(deployment("v4"), at(30))
    count.deployment(deployment("v2"), at(40))

    assert acts(marks) == [(ACTED, 40, 0)]


def test_a_node_is_lost_once_and_one_that_was_never_ready_is_not_lost():
    marks, lost = [], []
    count = NodeCount(marks.append, lambda name, moment: lost.append((name, moment.at_ns)))

    def node(name, word):
        return {"metadata": {"name": name},
                "status": {"conditions": [{"type": "Ready", "status": word}]}}  # fmt: skip

    count.node(node("a", "True"), at(1), False)
    count.node(node("b", "False"), at(1), False)
    count.node(node("b", "Unknown"), at(2), False)
    count.node(node("a", "Unknown"), at(3), False)
    count.node(node("a", "True"), at(4), False)
    count.node(node("a", "True"), at(5), True)

    assert lost == [("a", 3), ("a", 5)]
    assert [one.detail for one in marks] == [
        "the node's Ready is Unknown", "the node's Ready is Unknown", "the node's Ready is True",
        "the node is gone",
    ]  # fmt: skip


def test_a_watch_that_is_not_heard_is_told_from_its_last_sign_of_life_and_in_every_trial():
    marks = []
    hearing = Hearing(marks.append)
    hearing.found("/pods", 1)
    hearing.lost("/pods", 30, 10)
    hearing.lost("/pods", 40, 10)
    hearing.announce(50)
    hearing.found("/pods", 60)
    hearing.announce(70)

    assert [(one.at_ns, one.resolution_ns, dict(one.data)) for one in marks] == [
        (30, 20, {"deaf": "/pods"}), (50, 40, {"deaf": "/pods"}), (60, 0, {"heard": "/pods"}),
    ]  # fmt: skip
