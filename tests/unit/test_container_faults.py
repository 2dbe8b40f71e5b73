"""Faults of whole containers, as far as they need no engine: arguments, and a container as data."""

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import make
from chaoskit.model.faults import Instance
from chaoskit.target.surgery.kinds import KINDS
from chaoskit.target.surgery.recreate import chosen_by_service


class Site:
    def __init__(self, running):
        self.running = running

    def instances(self, service):
        return [
            Instance(
                id=f"id{n}", name=f"web-{n}", service=service, pid=n, running=n in self.running
            )
            for n in range(1, 5)
        ]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("bad_deploy", {}, "nothing would change; give image, command or environment"),
        ("bad_deploy", {"command": "sh -c 'exit"}, "is no command; give a text or a list"),
        ("bad_deploy", {"environment": {"A=B": "x"}}, "no mapping of names to texts"),
        ("bad_deploy", {"image": "x", "grace": "2m"}, "above one minute"),
        ("scale_down", {}, "give either `to` or `by`"),
        ("scale_down", {"to": 1, "by": 1}, "give either `to` or `by`"),
        ("scale_down", {"to": -1}, "choose 0 or more"),
        ("scale_down", {"by": 0}, "choose 1 or more"),
        ("scale_down", {"to": 1, "pick": "web-2"}, "the highest numbers are removed"),
        ("restart", {"grace": "soon"}, "is not a duration"),
    ],
)
def test_what_is_impossible_is_refused_with_what_is_allowed(name, arguments, words):
    with pytest.raises(FaultRefused) as refused:
        make(name, {"service": "web", **arguments})

    assert words in str(refused.value)


def test_a_text_is_a_command_as_a_shell_splits_it():
    fault = make("bad_deploy", {"service": "web", "command": "sh -c 'exit 1'"})
    (operation,) = fault.operations(Site({1}).instances("web")[:1], Site({1}))

    assert operation.params["changes"] == {"Cmd": ["sh", "-c", "exit 1"]}


@pytest.mark.parametrize(
    ("arguments", "removed"),
    [
        ({"to": 1}, ["web-4", "web-2"]),
        ({"by": 1}, ["web-4"]),
        ({"to": 0}, ["web-4", "web-2", "web-1"]),
    ],
)
def test_scaling_down_takes_the_highest_numbers_that_run(arguments, removed):
    site = Site({1, 2, 4})
    fault = make("scale_down", {"service": "web", **arguments})
    operations = fault.operations((), site)

    assert [one.instance.name for one in operations] == removed


def test_another_image_keeps_only_what_the_service_chose():
    image = {
        "Env": ["PATH=/bin", "LANG=C"],
        "Cmd": ["serve"],
        "Entrypoint": ["tini"],
        "Labels": {"from": "image"},
        "WorkingDir": "/srv",
    }
    config = {
        **image,
        "Env": ["PATH=/bin", "LANG=C", "MODE=good"],
        "Labels": {"from": "image", "of": "service"},
        "User": "app",
    }
    own = chosen_by_service(config, image)

    assert own["Env"] == ["MODE=good"]
    assert own["Labels"] == {"of": "service"}
    assert own["User"] == "app"
    assert not {"Cmd", "Entrypoint", "WorkingDir"} & own.keys()


def test_an_entrypoint_of_the_services_own_keeps_its_command():
    image = {"Cmd": ["serve"], "Entrypoint": ["tini"]}
    own = chosen_by_service({"Cmd": ["serve"], "Entrypoint": ["other"]}, image)

    assert own["Entrypoint"] == ["other"]
    assert own["Cmd"] == ["serve"]


def test_every_kind_on_the_engines_shelf_is_whole():
    assert set(KINDS) == {"absence", "disconnect", "pause", "remove", "replace", "restart", "stop"}
    assert all(callable(KINDS[name].undo) for name in KINDS)
    with pytest.raises(KeyError):
        KINDS["nothing"]
