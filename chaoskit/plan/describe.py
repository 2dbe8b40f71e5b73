"""What there is, and what a plan would do, as plain data and as text."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import MISSING, asdict
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import Any

from chaoskit.errors import ChaoskitError
from chaoskit.faults import base as faults
from chaoskit.healers import base as healers
from chaoskit.ledgers import base as ledgers
from chaoskit.measures import base as measures
from chaoskit.model.experiment import Experiment
from chaoskit.model.measures import Sense
from chaoskit.model.quantities import format_duration
from chaoskit.plan.discover import find
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.plan import Plan, PlannedExperiment
from chaoskit.plan.targets import TargetShelf
from chaoskit.plugins import Stock
from chaoskit.stats.plans import percent

Row = dict[str, Any]


def catalogue(*, targets: Path, experiments: Path, kind: str | None = None) -> dict[str, list[Row]]:
    """Everything there is to choose from, by kind; every row has `name` and `title`.

    With `kind` that one alone: whoever asks for faults does not wait for every file to be checked.

    What stands on a shelf has `package`: "chaoskit", or whoever added it. A file with mistakes is
    listed with its first one as `title` and all of them as `problems`; so is what a package offers
    and cannot be used.
    """
    shelf = TargetShelf(targets)
    rows: dict[str, Callable[[], list[Row]]] = {
        "targets": lambda: [
            _or_problem(name, partial(_target, shelf, name)) for name in shelf.names()
        ],
        "experiments": lambda: _experiments(experiments, shelf),
        "faults": lambda: shelf_rows(faults.shelf(), map(_fault, faults.catalogue().values())),
        "healers": lambda: shelf_rows(healers.shelf(), map(_healer, healers.catalogue().values())),
        "probes": _probes,
        "ledgers": lambda: shelf_rows(
            ledgers.shelf(), starmap(_ledger, ledgers.catalogue().items())
        ),
        "measures": lambda: [_measure(one) for one in measures.catalogue().values()],
    }
    return {name: made() for name, made in rows.items() if kind in {None, name}}


def shelf_rows(stock: Stock[Any], rows: Iterable[Row]) -> list[Row]:
    """The rows of a shelf, each with the package that it is from; those that were refused too."""
    told = [{**row, "package": stock.packages.get(row["name"], "chaoskit")} for row in rows]
    for name, why in stock.refused.items():
        told.append({"name": name, "title": f"cannot be used: {why}", "problems": [why]})
    return sorted(told, key=lambda row: str(row["name"]))


def describe_plan(plan: Plan) -> Row:
    """A plan as JSON-able data; times in seconds."""
    return {
        "seed": plan.seed,
        "shard": f"{plan.shard.index}/{plan.shard.of}" if plan.shard else None,
        "min_s": round(plan.min_s, 3),
        "max_s": round(plan.max_s, 3),
        "needs": list(plan.needs),
        "targets": [
            {
                "name": group.target,
                "title": group.title,
                "start_max_s": group.start_max_s,
                "experiments": [_planned(one) for one in group.experiments],
            }
            for group in plan.groups
        ],
    }


def plan_text(plan: Plan) -> str:
    """A plan for people."""
    count = len(plan.experiments)
    lines = [
        f"{count} experiment{'s' if count != 1 else ''}, "
        f"{format_duration(plan.min_s)} to {format_duration(plan.max_s)}, seed {plan.seed}"
    ]
    if plan.shard is not None:
        total = len(plan.shard.suite)
        lines[0] += f" (shard {plan.shard.index} of {plan.shard.of}, of {total} experiments)"
    for group in plan.groups:
        lines += ["", f"{group.target}: {group.title}"]
        lines.append(f"  started once, ready within {format_duration(group.start_max_s)}")
        for one in group.experiments:
            lines += _planned_lines(one)
    lines += ["", "Nothing was started."]
    return "\n".join(lines)


def _planned_lines(one: PlannedExperiment) -> list[str]:
    experiment, phases = one.experiment, one.experiment.phases
    bounds = ", ".join(f"{budget.measure} {budget.text}" for budget in experiment.budgets)
    waits = ", ".join(format_duration(offset) for offset in one.offsets_s[:6])
    more = f" and {one.runs - 6} more" if one.runs > 6 else ""
    lines = [
        f"  {experiment.name}: {experiment.title}",
        f"    trials   {_trials_text(one)}",
        f"    faults   {_faults_text(one)}",
        f"    phases   baseline {format_duration(phases.baseline_s)}, "
        f"watch {format_duration(phases.watch_s)}, stable {format_duration(phases.stable_s)}",
        f"    budgets  {bounds}",
        f"    waits    {waits}{more} before the fault",
        f"    takes    {format_duration(one.min_s)} to {format_duration(one.max_s)}",
    ]
    if experiment.expect is not None:
        lines.insert(-1, f"    expects  {experiment.expect.value}")
    return lines


def _trials_text(one: PlannedExperiment) -> str:
    if one.until_decided:
        text = one.plan_name
    else:
        text = f"{one.runs} ({one.plan_name}), {one.allow} may miss"
    if one.spare_offsets_s:
        text += f"; up to {len(one.spare_offsets_s)} more in place of void ones"
    if one.claim is not None:
        share, confidence = percent(one.claim.share), percent(one.claim.confidence)
        text += f"; to prove {share} of cases with {confidence} confidence"
    return text


def _faults_text(one: PlannedExperiment) -> str:
    names = ", ".join(dict.fromkeys(use.fault for use in one.experiment.faults))
    return f"{names} on {', '.join(one.touches)}" if names else "none of ours: its own actions"


def _planned(one: PlannedExperiment) -> Row:
    experiment = one.experiment
    return {
        **_experiment(experiment),
        "runs": one.runs,
        "allow": one.allow,
        "plan": one.plan_name,
        "until_decided": one.until_decided,
        "claim": asdict(one.claim) if one.claim else None,
        "offsets_s": [round(offset, 6) for offset in one.offsets_s],
        "spare_offsets_s": [round(offset, 6) for offset in one.spare_offsets_s],
        "touches": list(one.touches),
        "needs": list(one.needs),
        "min_s": round(one.min_s, 3),
        "max_s": round(one.max_s, 3),
    }


def _experiment(experiment: Experiment) -> Row:
    phases = experiment.phases
    return {
        "name": experiment.name,
        "title": experiment.title,
        "file": str(experiment.path),
        "target": experiment.target,
        "tags": list(experiment.tags),
        "faults": [{"fault": one.fault, **one.arguments} for one in experiment.faults],
        "probes": [one.name for one in experiment.probes],
        "budgets": {one.measure: one.text for one in experiment.budgets},
        "healed_by": list(experiment.healed_by),
        "expect": experiment.expect.value if experiment.expect else None,
        "rate_hz": experiment.probing.rate_hz,
        "timeout_s": experiment.probing.timeout_s,
        "baseline_s": phases.baseline_s,
        "watch_s": phases.watch_s,
        "stable_s": phases.stable_s,
    }


def _or_problem(name: str, describe: Callable[[], Row]) -> Row:
    try:
        return describe()
    except ChaoskitError as error:
        problems = str(error).splitlines()
        return {"name": name, "title": f"cannot be used: {problems[0]}", "problems": problems}


def _target(shelf: TargetShelf, name: str) -> Row:
    spec = shelf.load(name)
    return {
        "name": name,
        "title": spec.title,
        "folder": str(spec.folder),
        "services": list(spec.services),
        "entrypoints": {
            one.name: f"{one.scheme}://{one.service}:{one.port}" for one in spec.entrypoints
        },
        "redundancy": {one.service: one.instances for one in spec.strengths},
        "healers": [{"name": one.name, "kind": one.kind} for one in spec.healers],
        "roles": [one.name for one in spec.roles],
    }


def _experiments(folder: Path, shelf: TargetShelf) -> list[Row]:
    try:
        paths = find([folder])
    except ChaoskitError:
        return []
    return [_or_problem(str(path), partial(_loaded, path, shelf)) for path in paths]


def _loaded(path: Path, shelf: TargetShelf) -> Row:
    return _experiment(load_experiment(path, shelf))


def _fault(kind: type[faults.Fault]) -> Row:
    return {
        "name": kind.name,
        "title": inspect.getdoc(kind).splitlines()[0] if kind.__doc__ else "",  # type: ignore[union-attr]
        "family": kind.family,
        "nature": kind.nature.value,
        "needs": list(kind.needs),
        "ways": list(kind.ways),
        "module": kind.__module__,
        "arguments": {
            name: {"required": one.default is MISSING}
            | ({} if one.default is MISSING else {"default": one.default})
            for name, one in faults.parameters_of(kind).items()
        },
    }


def _healer(kind: healers.HealerKind) -> Row:
    return {
        "name": kind.name,
        "title": kind.about,
        "acts_alone": kind.acts_alone,
        "rearm": kind.rearm,
        "witness": kind.witness,
        "settings": {
            one.name: {"is": one.of.value, "about": one.about, "default": one.default}
            for one in kind.settings
        },
    }


def _probes() -> list[Row]:
    from chaoskit.probes import shelf  # noqa: PLC0415  # brings protocols along

    rows = ({"name": name, "title": shelf.summary(name)} for name in shelf.names())
    return shelf_rows(shelf.added(), rows)


def _ledger(name: str, kind: type[ledgers.LedgerKind]) -> Row:
    return {
        "name": name,
        "title": (kind.__doc__ or "").strip().partition("\n")[0],
        "discipline": kind.discipline.value,
        "settings": {
            one.name: {"about": one.doc, "default": one.default}
            for one in ledgers.settings_of(kind)
        },
    }


def _measure(one: measures.Measure) -> Row:
    bound = "at most" if one.sense is Sense.AT_MOST else "at least"
    return {"name": one.name, "title": one.about, "unit": one.unit.value, "budget": bound}
