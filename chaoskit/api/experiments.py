"""One experiment that can be run, wherever it came from: a file, or Python."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from chaoskit import pipeline
from chaoskit.api.result import Result, result_of
from chaoskit.model import experiment as model
from chaoskit.model.progress import Listener, News
from chaoskit.plan.compile import compile_plan
from chaoskit.plan.experiments import load_experiment as load_file
from chaoskit.plan.targets import TargetShelf
from chaoskit.request import Request, common_words, seed_of

FROM_PYTHON = "from-python"  # below the reports: files of experiments that had none


def load_experiment(
    path: Path | str,
    *,
    target: str | None = None,
    budgets: Mapping[str, str] | None = None,
    targets: Path | str | TargetShelf = "targets",
) -> "Experiment":
    """The experiment of a file. Raises InputError with every mistake of it.

    `target` and `budgets` are for a Chaos Toolkit experiment that says neither. A shelf of targets
    that is handed over reads each of them once.
    """
    shelf = targets if isinstance(targets, TargetShelf) else TargetShelf(Path(targets))
    checked = load_file(Path(path), shelf, target=target, budgets=budgets)
    return Experiment(checked=checked, targets=shelf)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A checked experiment. Nothing was started for it."""

    checked: model.Experiment
    targets: TargetShelf
    of_file: bool = True  # else it was written in Python

    @property
    def name(self) -> str:
        """`shop/crash`: the target's name and its own."""
        return self.checked.name

    @property
    def document(self) -> Mapping[str, Any]:
        """The whole experiment, as Chaos Toolkit writes it."""
        return self.checked.document

    def write(self, path: Path | str) -> Path:
        """Write it as a file that `chaoskit run` and `chaos run` accept."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.document, indent=2, ensure_ascii=False) + "\n", "utf-8")
        return path

    def run(
        self,
        *,
        trials: int | None = None,
        seed: int | None = None,
        reports: Path | str = "reports",
        progress: TextIO | None = sys.stderr,
    ) -> Result:
        """Start the target, break it, watch it, judge it, remove it: what `chaoskit run` does.

        `trials` overrides the experiment's own; the same `seed` repeats the same chances. `progress`
        gets the news of the run; None is quiet.
        Raises EnvironmentUnfit when nothing could be started; LiftFailed, after the reports were
        written, when a fault or a container may be left behind; KeyboardInterrupt likewise.
        """
        one, reports = self.checked, Path(reports)
        chosen = Request(targets=self.targets.root, reports=reports, trials=trials, seed=seed)
        planned = compile_plan(
            [one],
            {one.target: self.targets.load(one.target)},
            seed=seed_of(chosen),
            trials=trials,
        )
        command = self._repeat(chosen, planned.seed)
        with listener_of(progress) as listener:
            finished = pipeline.carry_out(chosen, (planned, self.targets), listener, command)
        return result_of(finished, one.name)

    def _repeat(self, request: Request, seed: int) -> str:
        """The command line that runs the same again; what has no file of its own gets one."""
        file = self.checked.path
        if not self.of_file:
            name = self.name.rpartition("/")[2]
            digest = self.checked.hash[:8]
            file = self.write(request.reports / FROM_PYTHON / digest / f"{name}.json")
        words = ["chaoskit", "run", str(file), "--seed", str(seed)]
        if request.trials is not None:
            words += ["--trials", str(request.trials)]
        return shlex.join([*words, *common_words(request)])


class Quiet:
    """Nobody wants to know."""

    def tell(self, news: News) -> None:
        """Nothing is said."""


@contextmanager
def listener_of(stream: TextIO | None) -> Iterator[Listener]:
    """What tells a stream how a run goes."""
    if stream is None:
        yield Quiet()
        return
    from chaoskit.reporters import terminal  # noqa: PLC0415  # rich, which a quiet run never needs

    with terminal.listener(stream) as listener:
        yield listener
