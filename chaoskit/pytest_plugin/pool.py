"""The live targets behind the fixtures: started once a session, made whole between two tests."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

import pytest

from chaoskit.api import LiveTarget, Watch, live_target
from chaoskit.errors import InputError
from chaoskit.model.journal import ExperimentRecord
from chaoskit.pytest_plugin.outcomes import refuse_without_engine, tell_record
from chaoskit.pytest_plugin.settings import settings_of, worker_of
from chaoskit.run.folder import new_run_id

_watch = pytest.StashKey[Watch]()


class Pool:
    """Every target that a test has asked for, by name."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._targets: dict[str, LiveTarget] = {}
        self._ends = ExitStack()

    def get(self, name: str) -> LiveTarget:
        """The target, started at its first use."""
        if not name:
            message = (
                "no target is named: set chaos_target in the ini file, use --chaos-target or "
                "@pytest.mark.chaos(target=...), or override the fixture chaos_target_name"
            )
            raise InputError(message)
        refuse_without_engine(self._config)
        if name not in self._targets:
            self._targets[name] = self._ends.enter_context(self._made(name))
        return self._targets[name]

    def _made(self, name: str) -> LiveTarget:
        settings, worker = settings_of(self._config), worker_of(self._config)
        made = live_target(
            name, targets=settings.targets, reports=settings.reports, seed=settings.seed
        )
        # Under xdist its containers say which test run and which worker they belong to.
        made.run_id = f"{worker}-{made.spec.name}" if worker else new_run_id()
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.close()


@contextmanager
def target_of(request: pytest.FixtureRequest) -> Iterator[LiveTarget]:
    """The test's target: its marker's, or the session's. Whole before, lifted after."""
    named = _marked(request.node).get("target")
    if named:
        target = request.getfixturevalue("chaos_pool").get(str(named))
    else:
        target = request.getfixturevalue("chaos_target")
    target.make_whole()
    try:
        yield target
    finally:
        target.lift_all()


@contextmanager
def watch_of(request: pytest.FixtureRequest, target: LiveTarget) -> Iterator[Watch]:
    """A watch that has begun, with the marker's settings."""
    node = request.node
    settings = {key: value for key, value in _marked(node).items() if key != "target"}
    file, line, _ = node.location
    settings.setdefault("name", node.name)
    settings.setdefault("place", (file, (line or 0) + 1))

    def judged(record: ExperimentRecord) -> None:
        tell_record(node, record, target.report)

    watch = target.watch(**settings)
    watch.on_judged = judged
    with watch:
        node.stash[_watch] = watch
        try:
            yield watch
        finally:
            watch.unchecked = (
                False  # a test that ended before its budgets were asked has its reason
            )


def check_rest(item: pytest.Item) -> None:
    """Check the marker's budgets, when the test had a probe and did not check them itself."""
    __tracebackhide__ = True
    watch = item.stash.get(_watch, None)
    if watch is not None and watch.unchecked:
        watch.check()


def _marked(node: Any) -> dict[str, Any]:
    """The arguments of the test's marker; the nearest one has its way."""
    found: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("chaos"))):
        found.update(marker.kwargs)
    return found
