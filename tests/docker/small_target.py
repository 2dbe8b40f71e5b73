"""Targets of a few lines for the tests of how a target is run and looked at."""

import secrets
import textwrap

from chaoskit.model.target import Entrypoint, Strength, TargetSpec
from chaoskit.target.compose import Stack
from chaoskit.target.engine import RUN_LABEL, Project, labelled

# Two replicas; each serves its files, and says so in its log.
WEB = textwrap.dedent(
    """
    services:
      web:
        image: chaoskit/base:bookworm
        command: [python3, -u, -m, http.server, "8080"]
        restart: always
        deploy: {replicas: 2}
        networks: [default]
      front:
        image: chaoskit/base:bookworm
        command: [python3, -u, -m, http.server, "8080"]
        restart: always
        ports: ["8080"]
    """
)


def write_spec(folder, compose=WEB, **fields):
    """A target of one Compose file; web and front are reached as ${front}."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "compose.yaml"
    file.write_text(textwrap.dedent(compose))
    defaults = {
        "name": "small",
        "folder": folder,
        "compose_file": file,
        "title": "A small target",
        "entrypoints": (Entrypoint(name="front", service="front", port=8080),),
        "ready_url": "${front}/",
        "ready_timeout_s": 20.0,
        "strengths": (
            Strength(service="web", instances=2),
            Strength(service="front", instances=1),
        ),
    }
    return TargetSpec(**{**defaults, **fields})


class Copies:
    """Starts copies of targets, and takes every one of them away at the end of the test."""

    def __init__(self, client, folder):
        self.client = client
        self.folder = folder
        self.run_id = f"small-{secrets.token_hex(3)}"
        self.said = []
        self._stacks = []

    def start(self, spec, **options):
        number = len(self._stacks) + 1
        stack = Stack(spec=spec, project=f"{self.run_id}-{number}", client=self.client)
        self._stacks.append(stack)
        return Stack.start(
            spec,
            project=stack.project,
            labels={RUN_LABEL: self.run_id},
            folder=self.folder / f"out-{number}",
            progress=self.said.append,
            client=self.client,
            **options,
        )

    def left(self):
        """Everything on the engine that carries the test's label."""
        return list(labelled(self.client, f"{RUN_LABEL}={self.run_id}"))

    def containers(self, stack, service=None):
        return Project(name=stack.project, client=self.client).containers(service)

    def end(self):
        for stack in self._stacks:
            stack.down()
