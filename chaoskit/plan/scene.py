"""What the checks of one experiment need to know beside the file itself."""

from typing import NamedTuple

from chaoskit.model.target import TargetSpec
from chaoskit.plan.composefile import instances_of, networks_of
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.tree import Node, text_of


class Scene(NamedTuple):
    """Where an experiment's mistakes go, and the target that it is about, if that is known."""

    report: Report
    target: TargetSpec | None
    outsiders: bool = False  # whether containers of no service of the target are eligible too

    def check_service(self, node: Node | None) -> str | None:
        """The service that a node names, or None after it was reported."""
        name = text_of(node)
        if name is None or self.target is None:
            return None
        if name in self.target.services:
            return name
        if self.outsiders:
            return None  # only the engine knows who carries the label
        hint = suggest(name, self.target.services)
        self.report.add(node, f"no service named {name!r} in target {self.target.name}", hint)
        return None

    def check_end(self, node: Node | None) -> None:
        """A node must name a service, or an instance of one: `web`, `web-2`."""
        service, _, number = (text_of(node) or "").rpartition("-")
        is_known = self.target is not None and text_of(node) not in self.target.services
        if is_known and number.isdigit() and service in self.target.services:  # type: ignore[union-attr]
            self.check_pick(node, service)
        else:
            self.check_service(node)

    def check_pick(self, node: Node | None, service: str | None) -> None:
        """`pick` must be any, all, a role of the service, or one of its instances."""
        pick = text_of(node)
        if pick is None or service is None or self.target is None or pick in {"any", "all"}:
            return
        roles = [one.name for one in self.target.roles if one.service == service]
        count = self._instances(service)
        named = [f"{service}-{number}" for number in range(1, (count or 0) + 1)]
        open_names = count is None or self.target.cluster is not None
        is_instance = open_names and pick.startswith(f"{service}-")
        if pick not in roles and pick not in named and not is_instance:
            hint = suggest(pick, ["any", "all", *roles, *named])
            self.report.add(node, f"{service} has no instance or role {pick!r}", hint)

    def check_network(self, node: Node | None, service: str | None) -> None:
        """A network must be one that the service is on."""
        name = text_of(node)
        if name is None or service is None or self.target is None:
            return
        there = networks_of(self.target.services[service])
        if not any(name == one or name.endswith(f"_{one}") for one in there):
            hint = suggest(name, there)
            self.report.add(node, f"service {service!r} is on no network {name!r}", hint)

    def _instances(self, service: str) -> int | None:
        assert self.target is not None
        declared = (one.instances for one in self.target.strengths if one.service == service)
        return next(declared, instances_of(self.target.services[service]))
