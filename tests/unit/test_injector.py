"""The injector with hands that behave: what is written when, and what a failure leaves."""

import threading
from random import Random

import pytest

from chaoskit.errors import FaultRefused, LiftFailed
from chaoskit.faults.base import make
from chaoskit.model.faults import Effect, Gone, Instance
from chaoskit.model.timeline import MarkKind
from chaoskit.run.clock import now_ns
from chaoskit.run.injector import Injector
from chaoskit.run.undo_log import UndoLog
from chaoskit.target.agent import Lapse
from chaoskit.target.hands import Hands


class FakeHand:
    """Remembers what is on; refuses where it is told to; looks at the ledger while it works."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.on = set()
        self.refuses = set()  # instances
        self.keeps = set()  # instances whose undo fails
        self.seen_on_disk = []
        self.changed = threading.Condition()
        self.on_lapse = None

    def prepare(self, operation):
        return operation

    def apply(self, handle, operation, *, held):
        name = operation.instance.name
        self.seen_on_disk.append(handle in [one.handle for one in self.ledger.open_entries()])
        if name in self.refuses:
            raise FaultRefused("it will not")
        self.on.add(name)
        return Effect(requested_ns=now_ns(), in_effect_ns=now_ns(), evidence=f"{name} is off")

    def check(self, operation):
        return operation.instance.name in self.on, "looked"

    def undo(self, handle, operation):
        name = operation.instance.name
        if name in self.keeps:
            raise FaultRefused("stuck")
        with self.changed:
            self.on.discard(name)
            self.changed.notify_all()
        return Gone(gone_ns=now_ns(), evidence=f"{name} is back")

    def close(self):
        self.closed = True


class Site:
    def instances(self, service):
        if service != "web":
            message = f"no service {service!r} here"
            raise FaultRefused(message)
        return [Instance(id=f"id{n}", name=f"web-{n}", service="web", pid=n + 1) for n in (1, 2, 3)]


class Scene:
    def __init__(self, folder):
        self.ledger = UndoLog(folder)
        self.hand = FakeHand(self.ledger)
        self.marks = []
        self.injector = Injector(
            folder=folder,
            run_id="run-1",
            site=Site(),
            hands=Hands(agent=self.hand, engine=self.hand),
            record=self.marks.append,
            rng=Random(5),
            roles=lambda service, role: Site().instances(service)[2:] if role == "lead" else None,
        )

    def inject(self, name="hang", **arguments):
        return self.injector.inject(make(name, {"service": "web", **arguments}))

    def kinds(self):
        return [mark.kind for mark in self.marks]


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def test_the_undo_is_on_disk_before_anything_is_done(scene):
    scene.inject(pick="all")

    assert scene.hand.seen_on_disk == [True, True, True]


def test_a_held_fault_is_marked_ordered_in_effect_and_lifted(scene):
    done = scene.inject(pick="web-2")
    (gone,) = scene.injector.lift(done.fault_id)

    assert scene.kinds() == [MarkKind.INJECTED, MarkKind.IN_EFFECT, MarkKind.LIFTED]
    assert {(mark.source, mark.instance) for mark in scene.marks} == {("f1", "web-2")}
    effect = scene.marks[1]
    assert effect.resolution_ns == effect.at_ns - scene.marks[0].at_ns
    assert effect.data["mechanism"] == done.mechanisms[0]
    assert gone.evidence == "web-2 is back"
    assert scene.ledger.open_entries() == ()
    assert scene.injector.held == ()


def test_lifting_twice_is_lifting_once(scene):
    done = scene.inject()

    assert len(scene.injector.lift(done.fault_id)) == 1
    assert scene.injector.lift(done.fault_id) == ()
    assert scene.injector.lift("f99") == ()


def test_a_struck_fault_is_never_held_nor_lifted(scene):
    done = scene.inject("crash", pick="web-1")

    assert done.as_dict()["nature"] == "struck"
    assert scene.injector.held == ()
    assert scene.injector.lift_all() == ()
    assert scene.hand.on == {"web-1"}


def test_a_fault_that_fails_half_way_is_withdrawn(scene):
    scene.hand.refuses = {"web-3"}

    with pytest.raises(
        FaultRefused, match=r"hang of web-3: it will not; withdrawn from web-1, web-2"
    ):
        scene.inject(pick="all")
    assert scene.hand.on == set()
    assert scene.ledger.open_entries() == ()
    assert scene.injector.held == ()


def test_a_crash_that_fails_half_way_says_what_it_did(scene):
    scene.hand.refuses = {"web-2"}

    with pytest.raises(FaultRefused, match="done to web-1 and cannot be undone"):
        scene.inject("crash", pick="all")


def test_a_fault_that_fails_half_way_and_stays_is_loud(scene):
    scene.hand.refuses, scene.hand.keeps = {"web-2"}, {"web-1"}

    with pytest.raises(LiftFailed, match=r"hang of web-1 .* may still be on: stuck"):
        scene.inject(pick="all")
    assert [one.operation.instance.name for one in scene.ledger.open_entries()] == ["web-1"]
    scene.hand.keeps = set()
    assert [gone.evidence for gone in scene.injector.lift_all()] == ["web-1 is back"]
    assert scene.hand.on == set()


def test_an_interruption_withdraws_too(scene):
    class Stop(BaseException):
        pass

    def interrupted(handle, operation, *, held):
        scene.hand.on.add(operation.instance.name)
        raise Stop

    scene.hand.apply = interrupted

    with pytest.raises(Stop):
        scene.inject()
    assert scene.hand.on == set()
    assert scene.ledger.open_entries() == ()


def test_an_interruption_right_after_the_effect_leaves_it_to_lift_all(scene):
    class Stop(BaseException):
        pass

    def interrupted(fault, fault_id):
        raise Stop

    scene.injector._arm = interrupted

    with pytest.raises(Stop):
        scene.inject(pick="web-1")
    assert scene.hand.on == {"web-1"}
    assert len(scene.injector.lift_all()) == 1
    assert scene.hand.on == set()


def test_lift_all_tries_everything_and_names_what_remains_and_the_command(scene):
    for pick in ("web-1", "web-2", "web-3"):
        scene.inject(pick=pick)
    scene.hand.keeps = {"web-2"}

    with pytest.raises(LiftFailed) as left:
        scene.injector.lift_all()
    assert "hang of web-2" in str(left.value)
    assert "web-1" not in str(left.value)
    assert f"chaoskit recover {scene.injector.folder}" in str(left.value)
    assert scene.hand.on == {"web-2"}
    assert scene.injector.held == ("f2",)
    scene.hand.keeps = set()
    assert [gone.evidence for gone in scene.injector.lift_all()] == ["web-2 is back"]


def test_after_close_nothing_is_begun(scene):
    scene.inject()
    scene.injector.close()

    assert scene.hand.on == set()
    with pytest.raises(FaultRefused, match="the run is ending"):
        scene.inject()
    assert scene.injector.close() == ()


def test_a_duration_lifts_by_itself(scene):
    done = scene.inject(pick="web-1", duration="20ms")
    with scene.hand.changed:
        assert scene.hand.changed.wait_for(lambda: not scene.hand.on, timeout=10)

    assert done.fault_id == "f1"
    assert scene.injector.lift_all() == ()
    assert scene.kinds()[-1] is MarkKind.LIFTED


def test_a_lapsed_lease_is_told_and_not_lifted_again(scene):
    done = scene.inject(pick="web-1")
    scene.hand.on.clear()
    scene.hand.keeps = {"web-1"}  # an undo would fail: it must not be asked for
    scene.hand.on_lapse(Lapse(fault="f1.0", lifted=True, gone_ns=now_ns(), evidence="continued"))

    assert scene.injector.lapsed == (done.fault_id,)
    assert scene.marks[-1].kind is MarkKind.LIFTED
    assert scene.marks[-1].data["lapsed"] is True
    assert scene.injector.lift(done.fault_id) == ()
    assert scene.ledger.open_entries() == ()


def test_a_lapse_that_comes_while_a_fault_is_applied_does_not_wait_for_it(scene):
    scene.inject(pick="web-1")
    told = threading.Event()

    def slow(handle, operation, *, held):
        lapse = Lapse(fault="f1.0", lifted=True, gone_ns=now_ns(), evidence="continued")
        reader = threading.Thread(target=lambda: (scene.hand.on_lapse(lapse), told.set()))
        reader.start()
        assert told.wait(10), "the agent's reading thread was made to wait"
        reader.join()
        return Effect(requested_ns=1, in_effect_ns=2, evidence="")

    scene.hand.apply = slow
    scene.inject(pick="web-2")

    assert scene.injector.lapsed == ("f1",)


def test_an_undo_that_the_agent_cannot_do_is_noted(scene):
    scene.inject(pick="web-1")
    scene.hand.on_lapse(Lapse(fault="f1.0", lifted=False, evidence="no such thing"))

    assert scene.marks[-1].kind is MarkKind.NOTE
    assert "cannot lift hang of web-1" in scene.marks[-1].detail
    assert scene.injector.held == ("f1",)


def test_roles_seeds_and_unknown_services(scene):
    assert scene.inject(pick="lead").instances == ("web-3",)
    one, other = scene.inject(seed=3), scene.inject(seed=3)
    assert one.instances == other.instances
    with pytest.raises(FaultRefused, match="no service 'db' here"):
        scene.injector.inject(make("hang", {"service": "db"}))


def test_two_injectors_of_a_run_never_share_a_fault_id(scene, tmp_path):
    scene.inject()
    second = Scene(tmp_path)

    assert second.inject().fault_id == "f2"


def test_check_tells_whether_a_fault_is_still_on(scene):
    done = scene.inject(pick="all")
    assert scene.injector.check(done.fault_id)[0]
    scene.hand.on.discard("web-2")

    still, evidence = scene.injector.check(done.fault_id)
    assert not still
    assert "web-2: looked" in evidence
