"""Files in, checked experiments out; every mistake of every file at once."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from chaoskit.errors import InputError, Problem
from chaoskit.model.experiment import Experiment, ProbeSpec
from chaoskit.model.target import TargetSpec
from chaoskit.plan.activities import check_activities
from chaoskit.plan.block import Surroundings, find_block, is_hidden, read_block
from chaoskit.plan.discover import find
from chaoskit.plan.experiment_shape import EXPERIMENT
from chaoskit.plan.fault_check import is_fault
from chaoskit.plan.known import Known
from chaoskit.plan.ledger import check_ledger
from chaoskit.plan.report import Report
from chaoskit.plan.scene import Scene
from chaoskit.plan.targets import TargetShelf
from chaoskit.plan.tree import Fields, Items, Node, Place, child, pairs_of, plain, text_of
from chaoskit.plan.values import tree_of
from chaoskit.plan.yamltree import read_tree


class Additions(NamedTuple):
    """What the command line adds to files that do not say it."""

    target: str | None
    budgets: Mapping[str, str]
    outsiders: bool = False


class Source(NamedTuple):
    """Where an experiment was written."""

    path: Path
    line: int
    name: str  # of the experiment, within its target


def load_all(
    paths: Sequence[Path],
    targets: TargetShelf,
    *,
    target: str | None = None,
    budgets: Mapping[str, str] | None = None,
    outsiders: bool = False,
) -> tuple[Experiment, ...]:
    """The experiments in files and folders, in the order of their files.

    `target` is for experiments that name none, `budgets` are added to each and take precedence.
    With `outsiders` a fault may name a service that the target has not.
    Raises InputError with the mistakes of all files, NothingSelected when there is no experiment.
    """
    additions = Additions(target=target, budgets=budgets or {}, outsiders=outsiders)
    experiments: list[Experiment] = []
    problems: dict[Problem, None] = {}
    for path in find(paths):
        try:
            experiments.append(_load(path, targets, additions))
        except InputError as error:
            problems.update(dict.fromkeys(error.problems))
    problems.update(dict.fromkeys(_namesakes(experiments)))
    if problems:
        raise InputError(list(problems))
    return tuple(experiments)


def load_experiment(
    path: Path,
    targets: TargetShelf,
    *,
    target: str | None = None,
    budgets: Mapping[str, str] | None = None,
) -> Experiment:
    """One experiment. Raises InputError with every mistake of its file."""
    return _load(path, targets, Additions(target=target, budgets=budgets or {}))


def experiment_of(document: Mapping[str, Any], source: Source, targets: TargetShelf) -> Experiment:
    """An experiment that was written in Python, checked like a file. Raises InputError."""
    report = Report(str(source.path))
    tree = tree_of(document, Place(source.line, 1), report)
    report.raise_if_any()
    text = json.dumps(plain(tree), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    nothing = Additions(target=None, budgets={})
    return _checked((tree, report), (source, digest), targets, nothing)


def _load(path: Path, targets: TargetShelf, additions: Additions) -> Experiment:
    report = Report(str(path))
    tree = read_tree(path, report)
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if tree is not None else ""
    source = Source(path=path, line=1, name=path.stem)
    return _checked((tree, report), (source, digest), targets, additions)


def _checked(
    read: tuple[Node | None, Report],
    origin: tuple[Source, str],
    targets: TargetShelf,
    additions: Additions,
) -> Experiment:
    tree, report = read
    source, digest = origin
    if tree is not None:
        EXPERIMENT.check(tree, report, "the experiment")
    if not isinstance(tree, Fields):
        report.raise_if_any()
    assert isinstance(tree, Fields)
    block = find_block(tree, report)
    if block is not None or not is_hidden(tree):
        _check_told(block, additions, report)
    target = _target(block, targets, additions, report)
    known = Known(tree, target, report)
    faults = check_activities(tree, Scene(report, target, additions.outsiders), known)
    if not _acts(tree):
        hint = "nothing is broken, so nothing can be proven"
        report.add(child(tree, "method"), "the method has no action", hint)
    around = Surroundings(target=target, faults=faults, extra_budgets=additions.budgets)
    settings = read_block(block, around, report)
    check_ledger(child(block, "ledger"), settings.ledger, (known, target), report)
    report.raise_if_any()
    assert target is not None
    document = _document(tree)
    return Experiment(
        name=f"{target.name}/{source.name}",
        path=source.path,
        title=document["title"],
        description=document["description"],
        tags=tuple(document.get("tags", ())),
        target=_target_name(block, additions) or target.name,
        probes=_probes(document),
        faults=faults,
        document=document,
        hash=digest,
        **settings._asdict(),
    )


def _target_name(block: Node | None, additions: Additions) -> str | None:
    return text_of(child(block, "target")) or additions.target


def _check_told(block: Node | None, additions: Additions, report: Report) -> None:
    if child(block, "target") is None and additions.target is None:
        hint = "add `extensions: [{name: chaoskit, target: ...}]`, or use --target"
        report.add(block, "no target is named", hint)
    budgets = child(block, "budgets")
    told = pairs_of(budgets) or (budgets is not None and not isinstance(budgets, Fields))
    if not told and not additions.budgets:
        hint = "no budgets, no PASS; e.g. budgets: {recovery: 5s}, or --budget recovery=5s"
        report.add(budgets or block, "budgets are missing", hint)


def _target(
    block: Node | None, targets: TargetShelf, additions: Additions, report: Report
) -> TargetSpec | None:
    written = child(block, "target")
    name = _target_name(block, additions)
    if name is None:
        return None
    if not targets.knows(name):
        where = report if text_of(written) else Report("--target")
        where.add(written, f"no target named {name!r}", targets.choices(name))
        report.take(where.problems)
        return None
    try:
        return targets.load(name)
    except InputError as error:
        report.take(error.problems)
        return None


def _acts(tree: Node) -> bool:
    method = child(tree, "method")
    if not isinstance(method, Items):
        return True  # that it is no list is told already
    return any(
        child(one, "ref") is not None
        or text_of(child(one, "type")) != "probe"
        or is_fault(child(one, "provider"))
        for one in method.items
    )


def _document(tree: Fields) -> dict[str, Any]:
    """The experiment for chaoslib: references in the hypothesis are replaced by what they name."""
    document: dict[str, Any] = plain(tree)
    hypothesis = document["steady-state-hypothesis"]
    named = {one["name"]: one for one in document["method"] if "name" in one}
    named.update({one["name"]: one for one in hypothesis["probes"] if "name" in one})
    hypothesis["probes"] = [
        {**named[one["ref"]], **{key: one[key] for key in one if key != "ref"}}
        if "ref" in one
        else one
        for one in hypothesis["probes"]
    ]
    return document


def _probes(document: Mapping[str, Any]) -> tuple[ProbeSpec, ...]:
    return tuple(
        ProbeSpec(
            name=one["name"],
            kind=one["provider"]["type"],
            provider=one["provider"],
            tolerance=one.get("tolerance"),
        )
        for one in document["steady-state-hypothesis"]["probes"]
    )


def _namesakes(experiments: Sequence[Experiment]) -> list[Problem]:
    first: dict[str, Experiment] = {}
    problems = []
    for one in experiments:
        other = first.setdefault(one.name, one)
        if other is not one:
            message = f"its name {one.name} is also that of {other.path}"
            problems.append(Problem(file=str(one.path), message=message, hint="rename a file"))
    return problems
