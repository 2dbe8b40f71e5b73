"""The whole flow on one page; read this first.

    experiments/x.yaml ─▶ Experiment ─▶ Plan ─▶ Timeline ─▶ Measures ─▶ Verdict ─▶ Journal ─▶ reports
                    load          compile    run        measure      judge      record     render

Nothing flows back: a measure cannot ask a target, a report cannot ask the run. `judge` and `report`
redo the right half from disk, without an engine.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chaoskit import __version__
from chaoskit.errors import EnvironmentUnfit, NothingSelected
from chaoskit.model.experiment import Experiment
from chaoskit.plan.experiments import load_all
from chaoskit.plan.targets import TargetShelf
from chaoskit.request import EXPERIMENTS, Request, repeat_command, seed_of

if TYPE_CHECKING:  # the right half brings numpy and docker; `validate` must start quickly
    from chaoskit.model.journal import ExperimentRecord, Journal, TrialJudgement, TrialRecord
    from chaoskit.model.progress import Listener
    from chaoskit.model.timeline import Timeline
    from chaoskit.model.wishes import Wishes
    from chaoskit.plan.plan import Plan
    from chaoskit.run.folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run that has ended, one way or another."""

    journal: "Journal"
    folder: "RunFolder"
    trouble: tuple[str, ...] = ()  # reports that other packages should have made, and did not


def load(request: Request) -> tuple[tuple[Experiment, ...], TargetShelf]:
    """Files in, checked experiments out. Raises InputError, NothingSelected."""
    shelf = TargetShelf(request.targets)
    experiments = load_all(
        request.paths or (EXPERIMENTS,),
        shelf,
        target=request.target,
        budgets=request.budgets,
        outsiders=bool(request.allow),
    )
    return chosen(experiments, request.tags), shelf


def chosen(experiments: tuple[Experiment, ...], tags: tuple[str, ...]) -> tuple[Experiment, ...]:
    """The experiments that have one of these tags. Raises NothingSelected with the tags there are."""
    if not tags:
        return experiments
    found = tuple(one for one in experiments if not set(tags).isdisjoint(one.tags))
    if not found:
        known = ", ".join(sorted({tag for one in experiments for tag in one.tags})) or "none"
        message = f"no experiment is tagged {' or '.join(tags)}; the tags are: {known}"
        raise NothingSelected(message)
    return found


def plan(request: Request) -> "tuple[Plan, TargetShelf]":
    """What would be run, and when; touches no engine. Raises InputError, NothingSelected."""
    from chaoskit.plan.compile import compile_plan  # noqa: PLC0415
    from chaoskit.plan.shards import part_of  # noqa: PLC0415

    experiments, shelf = load(request)
    specs = {one.target: shelf.load(one.target) for one in experiments}
    whole = compile_plan(experiments, specs, seed=seed_of(request), trials=request.trials)
    return part_of(whole, *request.shard) if request.shard else whole, shelf


def run(request: Request, listener: "Listener", wishes: "Wishes | None" = None) -> Finished:
    """Run what was asked for, judge it and leave the reports.

    Raises InputError, NothingSelected and EnvironmentUnfit before anything is started. Afterwards
    whatever happens is in the journal, and its exit_code says it.
    """
    planned = plan(request)
    command = repeat_command(request, planned[0].seed)
    return carry_out(request, planned, listener, command, wishes)


def carry_out(
    request: Request,
    planned: "tuple[Plan, TargetShelf]",
    listener: "Listener",
    command: str,
    wishes: "Wishes | None" = None,
) -> Finished:
    """Run a plan, judge it and leave the reports; `command` is the one that repeats it.

    Raises EnvironmentUnfit before anything is started.
    """
    from chaoskit import proofs  # noqa: PLC0415

    judged, folder = conduct(request, planned, listener, command, wishes)
    judged = proofs.with_notes(judged, proofs.newest(request.reports))
    folder.write_journal(judged)
    trouble = _rendered(judged, folder)
    remember(judged, request.reports)
    return Finished(journal=judged, folder=folder, trouble=trouble)


def conduct(
    request: Request,
    planned: "tuple[Plan, TargetShelf]",
    listener: "Listener",
    command: str,
    wishes: "Wishes | None" = None,
) -> "tuple[Journal, RunFolder]":
    """Run a plan and judge what came of it; `command` is the one that repeats it.

    Raises EnvironmentUnfit before anything is started.
    """
    from chaoskit.model.journal import Journal  # noqa: PLC0415
    from chaoskit.model.progress import News, Step  # noqa: PLC0415
    from chaoskit.model.wishes import Wishes  # noqa: PLC0415
    from chaoskit.plan.clusters import without_clusters  # noqa: PLC0415
    from chaoskit.run import clock  # noqa: PLC0415
    from chaoskit.run.folder import RunFolder, new_run_id  # noqa: PLC0415
    from chaoskit.run.supervisor import Orders, Supervisor  # noqa: PLC0415
    from chaoskit.run.surroundings import environment, surroundings  # noqa: PLC0415

    compiled, shelf = planned
    specs = {group.target: shelf.load(group.target) for group in compiled.groups}
    compiled, left_out = without_clusters(compiled, specs, request.paths)
    if left_out:
        words = f"no cluster is configured, so {len(left_out)} experiments on one are left out"
        listener.tell(News(at_ns=clock.now_ns(), step=Step.NOTE, text=words))
    specs = {group.target: specs[group.target] for group in compiled.groups}
    there = surroundings(specs.values())
    run_id = new_run_id()
    folder = RunFolder.create(request.reports, run_id)
    journal = Journal(
        run_id=run_id,
        chaoskit=__version__,
        command=command,
        seed=compiled.seed,
        anchor=clock.anchor(),
        environment={**environment(), **there},
        shard=compiled.shard,
    )
    orders = Orders(
        plan=compiled,
        targets=specs,
        folder=folder,
        journal=journal,
        allow=request.allow,
        wishes=wishes or Wishes(),
    )
    judged = judge_facts(Supervisor(orders, listener, Judging(folder)).run(), folder)
    data = {"exit_code": judged.exit_code, "interrupted": bool(judged.interrupted_by)}
    words = f"exit code {judged.exit_code}"
    listener.tell(News(at_ns=clock.now_ns(), step=Step.END, text=words, data=data))
    return judged, folder


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
    return Finished(journal=journal, folder=folder, trouble=render(journal, folder))


def _rendered(journal: "Journal", folder: "RunFolder") -> tuple[str, ...]:
    """The same after a run: a report that cannot be written must not cost its verdict."""
    try:
        return render(journal, folder)
    except EnvironmentUnfit as error:
        return (str(error),)


def render(journal: "Journal", folder: "RunFolder") -> tuple[str, ...]:
    """Write every report of a run; what went wrong with those of other packages."""
    from chaoskit import judge, trend  # noqa: PLC0415
    from chaoskit.reporters import html, proof, shelf  # noqa: PLC0415

    evidence = partial(timeline_of, folder)
    trends = trend.until(journal, folder.path.parent / "history.jsonl")
    proofs = judge.proofs_of(journal)
    page = html.render(journal, evidence, folder.log_files, proofs, trends)
    folder.write("report.html", page)
    shelf.write_own(journal, folder.write)
    if proofs:
        folder.write("proof.md", proof.render(proofs, journal))
    return shelf.write_added(journal, folder.write)


def remember(journal: "Journal", reports: Path) -> None:
    """Add the run's measures to history.jsonl."""
    from chaoskit.history import rows  # noqa: PLC0415
    from chaoskit.run.folder import append_history  # noqa: PLC0415

    for row in rows(journal):
        append_history(reports, row)
