"""`pick`: by chance, all, by name, by role; and nothing is never silent."""

from random import Random

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.faults.picking import pick_instances
from chaoskit.model.faults import Instance


def instance(number, *, running=True):
    return Instance(id=f"{number}", name=f"web-{number}", service="web", pid=1, running=running)


THREE = tuple(instance(number) for number in (1, 2, 3))
ONE_DOWN = (instance(1, running=False), *THREE[1:])


def names(found):
    return [one.name for one in found]


def test_any_is_one_and_the_seed_decides_which():
    chosen = [names(pick_instances("any", THREE, Random(seed))) for seed in range(50)]
    again = [names(pick_instances("any", THREE, Random(seed))) for seed in range(50)]

    assert chosen == again
    assert {one for (one,) in chosen} == {"web-1", "web-2", "web-3"}


def test_any_does_not_depend_on_the_order_that_the_engine_lists():
    forwards = names(pick_instances("any", THREE, Random(4)))

    assert names(pick_instances("any", THREE[::-1], Random(4))) == forwards


def test_any_never_takes_one_that_is_down():
    chosen = {names(pick_instances("any", ONE_DOWN, Random(seed)))[0] for seed in range(50)}

    assert chosen == {"web-2", "web-3"}


def test_all_is_every_running_one():
    assert names(pick_instances("all", THREE, Random(1))) == ["web-1", "web-2", "web-3"]
    assert names(pick_instances("all", ONE_DOWN, Random(1))) == ["web-2", "web-3"]


def test_a_name_is_that_instance():
    assert names(pick_instances("web-2", THREE, Random(1))) == ["web-2"]


def test_a_role_is_whoever_plays_it_now():
    found = pick_instances("primary", THREE, Random(1), lambda role: [THREE[2]])

    assert names(found) == ["web-3"]


@pytest.mark.parametrize(
    ("pick", "candidates", "role", "words"),
    [
        ("web-9", THREE, lambda _: None, "no instance matches 'web-9'; there are: web-1, web-2"),
        ("primary", THREE, lambda _: [], "nobody is primary now"),
        ("web-1", ONE_DOWN, lambda _: None, "web-1 is not running"),
        ("any", (instance(1, running=False),), lambda _: None, r"web-1 \(not running\)"),
        ("all", (), lambda _: None, "there are: none"),
    ],
)
def test_nothing_to_pick_is_refused_with_what_exists(pick, candidates, role, words):
    with pytest.raises(FaultRefused, match=words):
        pick_instances(pick, candidates, Random(1), role)
