"""Over time: which experiments are new, mended, broken or flaky, and which ones creep.

Runs are compared only with runs of the same file on the same kind of machine. A trend is a warning
and never a failure: budgets decide, and a regression between two builds takes `chaoskit compare`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path

from chaoskit import history
from chaoskit.errors import InputError, Problem
from chaoskit.history import History, Row
from chaoskit.measures.base import catalogue
from chaoskit.model.journal import Journal
from chaoskit.model.measures import Sense, Unit
from chaoskit.model.trend import Pace, Point, Shift, State, Trend
from chaoskit.stats.changes import change_points, usual
from chaoskit.stats.compare import GATE_S

WINDOW = 20  # runs before the last that say what is usual
LEAST = 5  # of them
FLAKY_WINDOW = 10
EXPIRE_DAYS = 30.0


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """How long what an experiment told is good for. Systems change, and old news is no news."""

    now: datetime
    days: float = EXPIRE_DAYS

    def is_over(self, at: str) -> bool:
        """Whether something that was told then is too old; a time that is none never is."""
        try:
            told = datetime.fromisoformat(at)
        except ValueError:
            return False
        told = told if told.tzinfo else told.replace(tzinfo=UTC)
        return self.now - told > timedelta(days=self.days)


def trends(
    history: History, measure: str = "recovery", fresh: Freshness | None = None
) -> tuple[Trend, ...]:
    """The trend of every experiment in the history, by name.

    `measure` is a time of which less is better. What is slower by less than 0.2 s never matters.
    With `fresh`, experiments that nobody ran within its days are expired.
    Raises InputError for another measure.
    """
    if measure not in measures():
        hint = f"choose from {', '.join(measures())}"
        raise InputError(Problem(file="--measure", message=f"no trend of {measure!r}", hint=hint))
    ordered = sorted(history.rows, key=lambda one: one.experiment)  # stable: time stays in order
    groups = groupby(ordered, key=lambda one: one.experiment)
    return tuple(_trend(name, tuple(rows), measure, fresh) for name, rows in groups)


def until(journal: Journal, path: Path) -> Mapping[str, Trend]:
    """How a run's experiments fared until then, by name, from a file of history.

    A history that cannot be read costs a report its trends and nothing else.
    """
    try:
        stored = history.read([path])
    except InputError:
        return {}
    return {one.experiment: one for one in trends(history.until(stored, journal))}


def measures() -> tuple[str, ...]:
    """The measures that have a trend: times of which less is better."""
    known = catalogue().values()
    return tuple(
        one.name for one in known if one.unit is Unit.SECONDS and one.sense is Sense.AT_MOST
    )


def state_of(points: Sequence[Point], fresh: Freshness | None = None) -> State:
    """The state after these runs; those that told nothing are left out."""
    saying = [one for one in points if one.verdict and one.verdict.conclusive]
    if saying and fresh is not None and fresh.is_over(saying[-1].at):
        return State.EXPIRED
    told = [bool(one.passed) for one in saying]
    switches = sum(before != after for before, after in pairwise(told[-FLAKY_WINDOW:]))
    if len(told) <= 1:
        return State.NEW if told else State.UNTOLD
    if switches <= 1 and told[-1] != told[-2]:
        return State.FIXED if told[-1] else State.BROKEN
    return State.FLAKY if switches > 1 else State.STABLE


def _trend(name: str, rows: Sequence[Row], measure: str, fresh: Freshness | None) -> Trend:
    points = tuple(_point(one, rows[-1], measure) for one in rows)
    known = [one for one in points if one.comparable and one.value is not None]
    trend = Trend(
        experiment=name,
        measure=measure,
        state=state_of(points, fresh),
        points=points,
        pace=Pace.TOO_FEW,
        shifts=_shifts(known),
    )
    return _with_pace(trend, [one for one in known if one is not points[-1]][-WINDOW:])


def _point(row: Row, last: Row, measure: str) -> Point:
    value = row.median(measure)
    beyond = value is not None and math.isinf(value)
    return Point(
        run=row.run,
        at=row.at,
        verdict=row.verdict,
        passed=row.passed,
        value=None if beyond else value,
        beyond=beyond,
        comparable=row.hash == last.hash and row.machine == last.machine,
    )


def _with_pace(trend: Trend, earlier: Sequence[Point]) -> Trend:
    if len(earlier) < LEAST:
        return replace(trend, earlier=len(earlier))
    level = usual([one.value for one in earlier if one.value is not None])
    reach = max(level.limit - level.median, GATE_S)
    last = trend.last
    pace = Pace.USUAL
    if last.beyond or (last.value is not None and last.value > level.median + reach):
        pace = Pace.SLOWER
    elif last.value is not None and last.value < level.median - reach:
        pace = Pace.FASTER
    return replace(
        trend,
        pace=Pace.TOO_FEW if last.value is None and not last.beyond else pace,
        usual=level.median,
        spread=level.mad,
        limit=level.median + reach,
        earlier=len(earlier),
    )


def _shifts(points: Sequence[Point]) -> tuple[Shift, ...]:
    values = [one.value for one in points if one.value is not None]
    return tuple(
        Shift(
            run=points[one.index].run,
            at=points[one.index].at,
            before=one.before,
            after=one.after,
            p=one.p,
        )
        for one in change_points(values)
        if abs(one.after - one.before) > GATE_S
    )
