"""`prove`: the same flow as a run, with arms in place of experiments.

experiments ─▶ arms ─▶ Plan ─▶ run, measure, judge ─▶ Proofs ─▶ proofs.jsonl, reports
"""

import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chaoskit import pipeline
from chaoskit.plan.arms import Effort, compile_proof
from chaoskit.request import Request, common_words, seed_of

if TYPE_CHECKING:
    from chaoskit.model.progress import Listener
    from chaoskit.model.proof import Proof
    from chaoskit.model.wishes import Wishes
    from chaoskit.plan.plan import Plan
    from chaoskit.plan.targets import TargetShelf


@dataclass(frozen=True, kw_only=True)
class Proven:
    """A run of arms that has ended, and what it says of each experiment."""

    finished: pipeline.Finished
    proofs: "tuple[Proof, ...]"


def plan(request: Request, effort: Effort) -> "tuple[Plan, TargetShelf]":
    """Every arm that would be run; touches no engine. Raises InputError, NothingSelected."""
    experiments, shelf = pipeline.load(request)
    specs = {one.target: shelf.load(one.target) for one in experiments}
    seed = seed_of(request)
    return compile_proof(experiments, specs, seed=seed, effort=effort), shelf


def prove(
    request: Request,
    effort: Effort,
    listener: "Listener",
    wishes: "Wishes | None" = None,
) -> Proven:
    """Run every arm, store what they prove, and leave the reports.

    Raises InputError, NothingSelected and EnvironmentUnfit before anything is started. Afterwards
    the journal's exit_code says it: 0 when all is proven.
    """
    from chaoskit import proofs as store  # noqa: PLC0415
    from chaoskit.judge import proofs_of  # noqa: PLC0415

    compiled, shelf = plan(request, effort)
    command = repeat_command(request, effort, compiled.seed)
    journal, folder = pipeline.conduct(request, (compiled, shelf), listener, command, wishes)
    proofs = proofs_of(journal)
    journal = store.with_notes(journal, {one.experiment: one for one in proofs})
    folder.write_journal(journal)
    store.append(request.reports, proofs)
    trouble = pipeline.render(journal, folder)
    finished = pipeline.Finished(journal=journal, folder=folder, trouble=trouble)
    return Proven(finished=finished, proofs=proofs)


def of_target(request_target: str, experiments: Path, targets: Path) -> tuple[Path, ...]:
    """The files of every experiment on a target. Raises InputError, NothingSelected."""
    from chaoskit.errors import NothingSelected  # noqa: PLC0415
    from chaoskit.plan.discover import find  # noqa: PLC0415
    from chaoskit.plan.experiments import load_experiment  # noqa: PLC0415
    from chaoskit.plan.targets import TargetShelf  # noqa: PLC0415

    shelf = TargetShelf(targets)
    name = shelf.load(request_target).name
    load = partial(load_experiment, targets=shelf)
    paths = tuple(
        path for path in find([experiments]) if shelf.load(load(path).target).name == name
    )
    if not paths:
        message = f"no experiment under {experiments} is on the target {name!r}"
        raise NothingSelected(message)
    return paths


def repeat_command(request: Request, effort: Effort, seed: int) -> str:
    """The exact command that runs the same again."""
    parts = ["chaoskit", "prove", *map(str, request.paths), "--seed", str(seed)]
    parts += ["--aa", str(effort.aa), "--trials", str(effort.trials)]
    if effort.every_healer:
        parts.append("--every-healer")
    return shlex.join([*parts, *common_words(request)])
