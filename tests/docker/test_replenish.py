"""What nobody replaced is made anew between trials, and nothing else is touched."""

import pytest

from chaoskit.target.engine import Project, connect
from tests.docker.small_target import Copies, write_spec

pytestmark = pytest.mark.docker


@pytest.fixture
def copies(tmp_path):
    client = connect()
    copies = Copies(client, tmp_path)
    yield copies
    copies.end()
    assert copies.left() == []
    client.close()


def test_removed_instances_come_back_at_their_places_and_ports(copies, tmp_path):
    stack = copies.start(write_spec(tmp_path / "target"))
    before = {one.name: one.id for one in copies.containers(stack)}
    address = stack.entrypoints["front"]
    gone = [*copies.containers(stack, "web")[1:], *copies.containers(stack, "front")]
    for one in gone:
        one.remove(force=True)

    assert stack.replenish() == ("front-1", "web-2")
    after = {one.name: one.id for one in copies.containers(stack)}
    assert after.keys() == before.keys()
    kept = before.keys() - {one.name for one in gone}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert stack.entrypoints["front"] == address
    assert stack.replenish() == ()


def test_what_a_healer_replaced_under_another_name_is_left_alone(copies, tmp_path):
    stack = copies.start(write_spec(tmp_path / "target"))
    victim = copies.containers(stack, "web")[1]
    labels = {**victim.labels, "com.docker.compose.container-number": "9"}
    victim.remove(force=True)
    stack.client.containers.run(
        "chaoskit/base:bookworm", ["sleep", "300"], detach=True, labels=labels
    )

    assert stack.replenish() == ()
    instances = Project(name=stack.project, client=stack.client).instances("web")
    assert [one.name for one in instances] == ["web-1", "web-9"]


def test_a_second_trial_of_a_removal_begins_at_full_strength(run, experiment):
    def remove(document, block):
        (action,) = document["method"]
        action["provider"]["module"] = "chaoskit.faults.remove"
        block["phases"] |= {"watch": "4s", "settle": "1s"}  # nobody will settle it
        block["budgets"] = {
            "availability": "90%"
        }  # nobody replaces it, so strength is not asked for
        block["healed_by"] = []

    ran = run(experiment("replicated-web/crash-a-replica", remove), trials=2)

    assert ran.code in {0, 1}, ran.err
    verdicts = [one["judgement"]["verdict"] for one in ran.journal["experiments"][0]["trials"]]
    assert len(verdicts) == 2
    assert "baseline_not_met" not in verdicts, ran.err
    for trial in (0, 1):
        full = [
            one["data"]["have"]
            for one in ran.marks(trial)
            if one["kind"] == "redundancy" and one["service"] == "web"
        ]
        assert full[0] == 3
        assert full[-1] == 2
