"""Which instances are restarted between two trials, told from what the engine says of them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from chaoskit.model.target import Healer, TargetSpec
from chaoskit.target.rearm import _must_restart


def spec(*kinds):
    """A target with healers of these kinds."""
    return TargetSpec(
        name="t",
        folder=Path("t"),
        compose_file=Path("t/compose.yaml"),
        title="",
        entrypoints=(),
        healers=tuple(Healer(name=kind, kind=kind) for kind in kinds),
    )


@dataclass
class Container:
    """As much of a container as is looked at."""

    running: bool = True
    health: str = ""

    @property
    def attrs(self):
        """What the engine's inspection says."""
        state = {"Running": self.running, "StartedAt": "2026-01-01T00:00:00Z"}
        health = {"Health": {"Status": self.health}} if self.health else {}
        return {"State": {**state, **health}, "RestartCount": 0}


@pytest.mark.parametrize(
    ("container", "kinds", "restarted"),
    [
        pytest.param(Container(), ["supervisor"], False, id="it runs"),
        pytest.param(Container(running=False), ["docker-restart"], True, id="nobody starts it"),
        pytest.param(Container(health="healthy"), ["supervisor"], False, id="it is well"),
        pytest.param(
            Container(health="unhealthy"), ["supervisor"], True, id="given up from inside"
        ),
        pytest.param(
            Container(health="unhealthy"),
            ["docker-restart"],
            False,
            id="it may come back by itself",
        ),
    ],
)
def test_who_is_restarted(container, kinds, restarted):
    assert _must_restart(container, spec(*kinds)) is restarted
