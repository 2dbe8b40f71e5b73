"""The whole flow on one page; read this first.

    experiments/x.yaml ─▶ Experiment ─▶ Plan ─▶ Timeline ─▶ Measures ─▶ Verdict ─▶ Journal ─▶ reports
                    load          compile    run        measure      judge      record     render

Nothing flows back: a measure cannot ask a target, a report cannot ask the run. `judge` and `report`
redo the right half from disk, without an engine.
"""

import os
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chaoskit import __version__
from chaoskit.model.experiment import Experiment
from chaoskit.plan.experiments import load_all
from chaoskit.plan.targets import TargetShelf

if TYPE_CHECKING:  # the right half brings numpy and docker; `validate` must start quickly
    from chaoskit.model.journal import ExperimentRecord, Journal, TrialJudgement, TrialRecord
    from chaoskit.model.progress import Listener
    from chaoskit.model.timeline import Timeline
    from chaoskit.plan.plan import Plan
    from chaoskit.run.folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for on the command line."""

    paths: tuple[Path, ...]
    targets: Path = Path("targets")
    reports: Path = Path("reports")
    target: str | None = None  # for a Chaos Toolkit experiment without our block
    budgets: Mapping[str, str] = field(default_factory=dict)
    trials: int | None = None
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run that has ended, one way or another."""

    journal: "Journal"
    folder: "RunFolder"


def load(request: Request) -> tuple[tuple[Experiment, ...], TargetShelf]:
    """Files in, checked experiments out. Raises InputError, NothingSelected."""
    shelf = TargetShelf(request.targets)
    experiments = load_all(request.paths, shelf, target=request.target, budgets=request.budgets)
    return experiments, shelf


def plan(request: Request) -> "tuple[Plan, TargetShelf]":
    """What would be run, and when; touches no engine. Raises InputError, NothingSelected."""
    from chaoskit.plan.compile import compile_plan  # noqa: PLC0415

    experiments, shelf = load(request)
    specs = {one.target: shelf.load(one.target) for one in experiments}
    return compile_plan(experiments, specs, seed=seed_of(request), trials=request.trials), shelf


def seed_of(request: Request) -> int:
    """The seed that was asked for, or a new one."""
    return int.from_bytes(os.urandom(4)) if request.seed is None else request.seed


def run(request: Request, listener: "Listener") -> Finished:
    """Run what was asked for, judge it and leave the reports.

    Raises InputError, NothingSelected and EnvironmentUnfit before anything is started. Afterwards
    whatever happens is in the journal, and its exit_code says it.
    """
    from chaoskit import proofs  # noqa: PLC0415

    planned = plan(request)
    command = repeat_command(request, planned[0].seed)
    judged, folder = conduct(request, planned, listener, command)
    judged = proofs.with_notes(judged, proofs.newest(request.reports))
    folder.write_journal(judged)
    render(judged, folder)
    remember(judged, request.reports)
    return Finished(journal=judged, folder=folder)


def conduct(
    request: Request, planned: "tuple[Plan, TargetShelf]", listener: "Listener", command: str
) -> "tuple[Journal, RunFolder]":
    """Run a plan and judge what came of it; `command` is the one that repeats it.

    Raises EnvironmentUnfit before anything is started.
    """
    from chaoskit.model.journal import Journal  # noqa: PLC0415
    from chaoskit.run import clock  # noqa: PLC0415
    from chaoskit.run.folder import RunFolder, new_run_id  # noqa: PLC0415
    from chaoskit.run.supervisor import Orders, Supervisor  # noqa: PLC0415
    from chaoskit.target import doctor, engine  # noqa: PLC0415

    compiled, shelf = planned
    client = engine.connect()
    doctor.preflight(client)
    run_id = new_run_id()
    folder = RunFolder.create(request.reports, run_id)
    journal = Journal(
        run_id=run_id,
        chaoskit=__version__,
        command=command,
        seed=compiled.seed,
        anchor=clock.anchor(),
        environment={**environment(), **engine.describe(client)},
    )
    orders = Orders(
        plan=compiled,
        targets={group.target: shelf.load(group.target) for group in compiled.groups},
        folder=folder,
        journal=journal,
    )
    return judge_facts(Supervisor(orders, listener, Judging(folder)).run(), folder), folder


@dataclass(frozen=True)
class Judging:
    """The judge, as the supervisor may ask it."""

    folder: "RunFolder"

    def trial(self, experiment: "ExperimentRecord", trial: "TrialRecord") -> "TrialJudgement":
        """The judgement over one trial."""
        from chaoskit import judge  # noqa: PLC0415

        return judge.judge_one(trial, experiment, timeline_of(self.folder, experiment, trial))

    def experiment(self, experiment: "ExperimentRecord") -> "ExperimentRecord":
        """The record with its judgement."""
        from chaoskit import judge  # noqa: PLC0415

        return replace(experiment, judgement=judge.judge_all(experiment))

    def decided(self, experiment: "ExperimentRecord") -> bool:
        """Whether no further trial can change the verdict."""
        from chaoskit import judge  # noqa: PLC0415

        return judge.enough(experiment)


def timeline_of(
    folder: "RunFolder", experiment: "ExperimentRecord", trial: "TrialRecord"
) -> "Timeline":
    """The evidence of one trial, from disk."""
    from chaoskit.model.evidence import read_timeline  # noqa: PLC0415

    return read_timeline(folder.path / trial.folder, experiment, trial)


def judge_facts(journal: "Journal", folder: "RunFolder") -> "Journal":
    """The journal with every judgement made anew from the evidence on disk, and written there."""
    from chaoskit.judge import judge_journal  # noqa: PLC0415

    judged = judge_journal(journal, partial(timeline_of, folder))
    folder.write_journal(judged)
    return judged


def judge(path: Path) -> Finished:
    """Judge a stored run again. Raises InputError when there is none."""
    from chaoskit.run.folder import RunFolder  # noqa: PLC0415

    folder = RunFolder.open(path)
    return Finished(journal=judge_facts(folder.read_journal(), folder), folder=folder)


def report(path: Path) -> Finished:
    """Render a stored run again. Raises InputError when there is none."""
    from chaoskit.run.folder import RunFolder  # noqa: PLC0415

    folder = RunFolder.open(path)
    journal = folder.read_journal()
    render(journal, folder)
    return Finished(journal=journal, folder=folder)


def render(journal: "Journal", folder: "RunFolder") -> None:
    """Write every report of a run."""
    from chaoskit import judge  # noqa: PLC0415
    from chaoskit.reporters import html, junit, markdown, proof  # noqa: PLC0415

    evidence = partial(timeline_of, folder)
    proofs = judge.proofs_of(journal)
    folder.write("report.html", html.render(journal, evidence, folder.log_files, proofs))
    folder.write("junit.xml", junit.render(journal))
    folder.write("summary.md", markdown.render(journal))
    if proofs:
        folder.write("proof.md", proof.render(proofs, journal))


def remember(journal: "Journal", reports: Path) -> None:
    """Add the run's measures to history.jsonl."""
    from chaoskit.history import rows  # noqa: PLC0415
    from chaoskit.run.folder import append_history  # noqa: PLC0415

    for row in rows(journal):
        append_history(reports, row)


def environment() -> dict[str, str]:
    """What the result may depend on, of this machine."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": str(os.cpu_count()),
        "load": "{:.2f} {:.2f} {:.2f}".format(*os.getloadavg()),
        "host": platform.node(),
    }


def repeat_command(request: Request, seed: int) -> str:
    """The exact command that runs the same again."""
    parts: list[str] = ["chaoskit", "run", *map(str, request.paths), "--seed", str(seed)]
    if request.trials is not None:
        parts += ["--trials", str(request.trials)]
    if request.target is not None:
        parts += ["--target", request.target]
    return shlex.join([*parts, *common_words(request)])


def common_words(request: Request) -> list[str]:
    """The command-line words for budgets and folders, where they differ from the defaults."""
    parts: list[str] = []
    for measure, bound in request.budgets.items():
        parts += ["--budget", f"{measure}={bound}"]
    for option, value, default in (
        ("--targets", request.targets, "targets"),
        ("--reports", request.reports, "reports"),
    ):
        if str(value) != default:
            parts += [option, str(value)]
    return parts
