"""metrics.txt: the run as OpenMetrics text, for GitLab's metrics reports and for Prometheus.

No label names a run: whoever keeps the series would keep one more for every run, for ever. What was
not seen to end is +Inf, and what is not known is not there.
"""

import math
import re
from collections.abc import Iterator, Sequence
from statistics import median

from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.model.measures import Sense, Unit
from chaoskit.reporters.figures import Figure, figure, judged, label_of, sense_of
from chaoskit.reporters.text import one_line
from chaoskit.reporters.wording import Result, result_of

_UNITS = {Unit.SECONDS: "seconds", Unit.RATIO: "ratio"}
_KEPT = {Result.PASSED: 1, Result.EXPECTED: 1, Result.FAILED: 0}

Labels = dict[str, str]
Row = tuple[Labels, float]


def render(journal: Journal) -> str:
    """The run as OpenMetrics."""
    families = [*_of_run(journal), *_of_experiments(journal), *_of_measures(journal)]
    return "".join(families) + "# EOF\n"


def _of_run(journal: Journal) -> Iterator[str]:
    version = {"version": journal.chaoskit}
    yield _family("chaoskit_build", "info", "What made this file.", [(version, 1)])
    if journal.exit_code is not None:
        rows: list[Row] = [({}, journal.exit_code)]
        yield _family("chaoskit_run_exit_code", "gauge", "The exit code of the run.", rows)
    begun_s = journal.anchor.wall_ns / 1e9
    yield _family(
        "chaoskit_run_start_seconds", "gauge", "When the run began.", [({}, begun_s)], "seconds"
    )


def _of_experiments(journal: Journal) -> Iterator[str]:
    passed: list[Row] = []
    verdicts: list[Row] = []
    trials: list[Row] = []
    for record in journal.experiments:
        labels = _labels(record)
        result = result_of(record)
        if result in _KEPT:
            passed.append((labels, _KEPT[result]))
        verdict = record.judgement.verdict.value if record.judgement else "not_judged"
        verdicts.append(({**labels, "verdict": verdict, "result": result.value}, 1))
        valid = len(judged(record))
        for kind, count in (("valid", valid), ("void", len(record.trials) - valid)):
            trials.append(({**labels, "kind": kind}, count))
    yield _family("chaoskit_experiment", "info", "The verdict of an experiment.", verdicts)
    about = "1 when an experiment came out as it should; absent when it cannot be told."
    yield _family("chaoskit_experiment_passed", "gauge", about, passed)
    yield _family("chaoskit_experiment_trials", "gauge", "Trials by their worth.", trials)


def _of_measures(journal: Journal) -> Iterator[str]:
    """A family for each measure that was taken, and one for the budgets on it."""
    names = dict.fromkeys(
        measured.measure
        for record in journal.experiments
        for _, judgement in judged(record)
        for measured in judgement.measures
    )
    for name in names:
        found = [(_labels(one), figure(one, name)) for one in journal.experiments]
        unit = next((_UNITS.get(one.unit, "") for _, one in found if one.dots), "")
        plain = re.sub(r"[^a-zA-Z0-9_]", "_", name)
        suffix = f"_{unit}" if unit else ""
        values = [row for labels, one in found for row in _values(labels, one)]
        yield _family(f"chaoskit_{plain}{suffix}", "gauge", label_of(name), values, unit)
        bounds = [(labels, one.budget.bound) for labels, one in found if one.budget]
        about = f"The budget: {label_of(name)}"
        yield _family(f"chaoskit_{plain}_budget{suffix}", "gauge", about, bounds, unit)


def _values(labels: Labels, one: Figure) -> Iterator[Row]:
    """Median and worst over the valid trials, by the worse end of each interval."""
    if not one.dots:
        return
    at_least = sense_of(one.measure) is Sense.AT_LEAST
    values = [
        math.inf if not at_least and (dot.censored or dot.after_lift) else dot.value
        for dot in one.dots
    ]
    middle = median(values)
    yield {**labels, "stat": "median"}, math.inf if math.isnan(middle) else middle
    yield {**labels, "stat": "worst"}, min(values) if at_least else max(values)


def _labels(record: ExperimentRecord) -> Labels:
    return {"experiment": record.name, "target": record.target}


def _family(name: str, kind: str, about: str, rows: Sequence[Row], unit: str = "") -> str:
    """One family; nothing when it has no value."""
    if not rows:
        return ""
    lines = [f"# TYPE {name} {kind}"]
    lines += [f"# UNIT {name} {unit}"] if unit in {"seconds", "ratio"} else []
    lines.append(f"# HELP {name} {_escaped(about)}")
    sample = f"{name}_info" if kind == "info" else name
    lines += [f"{sample}{_braced(labels)} {_number(value)}" for labels, value in rows]
    return "\n".join(lines) + "\n"


def _braced(labels: Labels) -> str:
    said = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    return f"{{{said}}}" if said else ""


def _escaped(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.6g}" if value < 1e6 else f"{value:.3f}"
