"""What the services said around every fault that is shown in detail; each log is read once a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from chaoskit.reporters.experiment_view import Around, ExperimentView
from chaoskit.reporters.logs import Excerpt, excerpts, shortened

LogsOf = Callable[[str], Mapping[str, Path]]  # log files by service, of a target


def with_logs(
    views: Sequence[ExperimentView], logs_of: LogsOf, around: Around
) -> tuple[ExperimentView, ...]:
    """The experiments with their trials' logs."""
    said: dict[str, tuple[Excerpt, ...]] = {}
    for place in dict.fromkeys(one.record.logs for one in views):
        mine = [one for one in views if one.record.logs == place]
        said |= _of_target(mine, logs_of(place), around)
    return tuple(
        replace(view, trials=tuple(replace(one, logs=said.get(one.id, ())) for one in view.trials))
        for view in views
    )


def _of_target(
    views: Sequence[ExperimentView], logs: Mapping[str, Path], around: Around
) -> dict[str, tuple[Excerpt, ...]]:
    trials, zeros_ns = [], []
    for view in views:
        anchor = view.record.origin.anchor if view.record.origin else around.anchor
        detailed = [one for one in view.trials if not one.lean]
        trials += detailed
        zeros_ns += [anchor.wall_ns + one.zero_ns - anchor.mono_ns for one in detailed]
    if not trials:
        return {}
    services = [excerpts(service, path, zeros_ns) for service, path in sorted(logs.items())]
    found = {}
    for number, trial in enumerate(trials):
        near = shortened([one[number] for one in services], around.detail.log_characters)
        found[trial.id] = tuple(one for one in near if one.lines)
    return found
