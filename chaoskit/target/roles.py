"""Which instance plays a role now: asked in every instance at once, by the target's own command."""

import contextlib
import re
import threading

import docker
import docker.errors
import requests.exceptions

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.target import Role
from chaoskit.target.engine import connect
from chaoskit.target.patience import Deadline
from chaoskit.target.strength import InstanceState, instance_states

_PATIENCE_S = 5.0  # a sick instance may never answer


def find_role(client: docker.DockerClient, project: str, role: Role) -> str | None:
    """The name of the instance that plays a role, such as `redis-2`; None when none says so.

    An instance that does not answer within a few seconds does not play it. When several say so,
    the one with the lowest number is named.
    """
    asked = [
        one for one in instance_states(client, project) if one.service == role.service and one.up
    ]
    if not asked:
        return None
    answers: dict[str, bool] = {}
    threads = [
        # Daemons: docker-py waits without end for a command that hangs.
        threading.Thread(target=_ask, args=(one, role, answers), daemon=True)
        for one in asked
    ]
    for thread in threads:
        thread.start()
    deadline = Deadline(_PATIENCE_S)
    for thread in threads:
        thread.join(deadline.left_s)
    return next((one.name for one in asked if answers.get(one.id)), None)


def _ask(one: InstanceState, role: Role, answers: dict[str, bool]) -> None:
    with (
        contextlib.suppress(
            EnvironmentUnfit, docker.errors.DockerException, requests.exceptions.RequestException
        ),
        contextlib.closing(connect()) as client,
    ):
        command = client.api.exec_create(one.id, list(role.command))
        output: bytes = client.api.exec_start(command["Id"])
        text = output.decode("utf-8", errors="replace")
        answers[one.id] = re.search(role.match, text) is not None
