"""A small target that was started with fittings, and somebody who breaks it."""

from random import Random

import docker.errors

from chaoskit.faults.base import make
from chaoskit.faults.parts.fitted import fittings_of
from chaoskit.model.experiment import FaultUse
from chaoskit.model.target import Strength
from chaoskit.run.clock import wait_until
from chaoskit.run.injector import Injector
from chaoskit.target.engine import RUN_LABEL, Project
from chaoskit.target.hands import AgentHand, Hands
from chaoskit.target.images import ensure_agent
from chaoskit.target.site import ProjectSite
from chaoskit.target.surgery import EngineHand
from tests.docker.small_target import Copies, write_spec


class Fitted:
    """A running target with the fittings of some faults. `faults` are (name, arguments)."""

    def __init__(self, client, connect, folder, compose, faults, *, lease_s=5.0):
        self.client = client
        self.folder = folder
        self.copies = Copies(client, folder)
        self.marks = []
        uses = [
            FaultUse(activity=name, fault=name, arguments={"service": "web", **arguments}, line=1)
            for name, arguments in faults
        ]
        try:
            self.stack = self.copies.start(
                write_spec(folder / "target", compose, strengths=_strengths()),
                fittings=fittings_of(uses),
            )
        except BaseException:
            self.copies.end()
            raise
        image = ensure_agent(client, lambda _line: None)
        labels = {RUN_LABEL: self.copies.run_id}
        self.hand = AgentHand.beside(client, image=lambda: image, labels=labels, lease_s=lease_s)
        self.injector = Injector(
            folder=folder,
            run_id=self.copies.run_id,
            site=ProjectSite(self.project),
            hands=Hands(agent=self.hand, engine=EngineHand(connect)),
            record=self.marks.append,
            rng=Random(1),
        )

    @property
    def project(self):
        return Project(name=self.stack.project, client=self.client)

    def container(self, service="web"):
        return self.project.containers(service)[0]

    def inject(self, name, **arguments):
        return self.injector.inject(make(name, {"service": "web", **arguments}))

    def evidence(self):
        """The proof of the newest fault."""
        return [mark.detail for mark in self.marks if mark.kind == "in_effect"][-1]

    def sh(self, command, service="web"):
        """What a shell command in an instance prints; it must succeed."""
        code, output = self.try_sh(command, service)
        assert code == 0, output
        return output

    def try_sh(self, command, service="web"):
        done = self.container(service).exec_run(["bash", "-c", command])
        return done.exit_code, done.output.decode()

    def python(self, program, service="web", *arguments):
        command = ["python3", "-c", program, *arguments]
        done = self.container(service).exec_run(command)
        assert done.exit_code == 0, done.output.decode()
        return done.output.decode().strip()

    def restarted(self, service, before):
        """Whether the engine has started the service's instance again since."""
        container = self.container(service)
        return container.status == "running" and container.attrs["State"]["Pid"] not in {0, before}

    def pid(self, service="web"):
        return self.container(service).attrs["State"]["Pid"]

    def await_restart(self, service, before, ready):
        def is_back():
            try:
                return self.restarted(service, before) and self.try_sh(ready, service)[0] == 0
            except docker.errors.APIError:
                return False  # just then it is neither here nor there

        assert wait_until(is_back, timeout_s=40)

    def end(self):
        try:
            self.injector.close()
        finally:
            self.hand.close()
            self.copies.end()


def _strengths():
    return (Strength(service="web", instances=1),)
