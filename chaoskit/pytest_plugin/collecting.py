"""Experiment files as test files, each with one test: the run of its experiment.

The run is the test's set-up, the judgement its body. So whatever is wrong with us, and whatever could
not be told, is an error, also in JUnit; only evidence against the system is a failure.
"""

from collections.abc import Iterable
from typing import Any

import pytest

from chaoskit.api.experiments import Experiment, load_experiment
from chaoskit.api.result import Result
from chaoskit.errors import InputError
from chaoskit.plan.targets import TargetShelf
from chaoskit.pytest_plugin import keep_together
from chaoskit.pytest_plugin.outcomes import refuse_without_engine, tell_result
from chaoskit.pytest_plugin.settings import settings_of

_shelf = pytest.StashKey[TargetShelf]()  # of the session: each target is read once


class ChaosFile(pytest.File):
    """One experiment file."""

    def collect(self) -> Iterable[pytest.Item]:
        """Its experiment, checked; every mistake of the file is the collection's error."""
        settings, stash = settings_of(self.config), self.config.stash
        shelf = stash.setdefault(_shelf, TargetShelf(settings.targets))
        try:
            experiment = load_experiment(settings.near(self.path), targets=shelf)
        except InputError as error:
            raise self.CollectError(str(error)) from error
        name = experiment.name.rpartition("/")[2]
        yield ChaosItem.from_parent(self, name=name, experiment=experiment)


class ChaosItem(pytest.Item):
    """One experiment."""

    def __init__(self, *, experiment: Experiment, **options: Any) -> None:
        super().__init__(**options)
        self.experiment = experiment
        self.result: Result | None = None
        self.extra_keyword_matches.update(experiment.checked.tags, [experiment.name])
        self.add_marker(pytest.mark.chaos)
        keep_together(self, experiment.checked.target)

    def setup(self) -> None:
        """Run it: everything that says nothing about the system is raised here."""
        refuse_without_engine(self.config)
        settings = settings_of(self.config)
        self.result = result = self.experiment.run(
            trials=settings.trials, seed=settings.seed, reports=settings.reports, progress=None
        )
        tell_result(self, result)
        if not result.verdict.conclusive:
            result.check()

    def runtest(self) -> None:
        """Judge it."""
        assert self.result is not None, "set-up comes first"
        self.result.check()

    def reportinfo(self) -> tuple[Any, int, str]:
        """Where it is written, and what it is called."""
        lines = (one.line - 1 for one in self.experiment.checked.faults if one.line)
        return self.path, next(lines, 0), self.experiment.name
