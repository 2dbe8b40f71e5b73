"""Samples laid on a grid of rounds: what all probes together said at each intended time.

A round is bad when any probe is bad in it, unknown when one is unknown and none is bad, and good
otherwise. A probe that is asked less often than the grid's period keeps its last answer until its
next ask is due. A round that should have been asked and was not is unknown: silence of ours is
never good news about the target.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chaoskit.model.outcomes import Outcome
from chaoskit.model.timeline import Samples

Instants = npt.NDArray[np.int64]
States = npt.NDArray[np.uint8]

GOOD, BAD, UNKNOWN = (np.uint8(one) for one in (Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN))
_SILENT = np.uint8(0)  # not asked yet: says nothing

# A file of garbage must not ask for all memory: gaps longer than this are not laid out.
_MOST_ROUNDS = 50_000_000


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """The grid. All arrays have one entry a round, in order of intended time."""

    due: Instants  # the round's intended time
    state: States  # Outcome
    asked: Instants  # intended time of the ask that made it bad; the round's own otherwise
    done: Instants  # when the last answer that the state rests on was complete
    period_ns: int  # between two rounds
    cadence_ns: int  # between two asks of the slowest probe: the resolution
    missing: npt.NDArray[np.bool_]  # a probe's ask is not in the samples at all

    def __len__(self) -> int:
        return len(self.due)


def strides_of(samples: Samples, period_ns: int) -> dict[int, int]:
    """Probe → rounds between two of its asks, from asks that are all answered."""
    samples = samples[samples["track"] == 0]
    if not len(samples):
        return {}
    numbers = _numbers(samples, int(samples["due"].min()), period_ns)
    return {
        int(probe): _stride(np.unique(numbers[samples["probe"] == probe]))
        for probe in np.unique(samples["probe"])
    }


def lay_out(
    samples: Samples, period_ns: int, *, strides: Mapping[int, int] | None = None
) -> Rounds:
    """The rounds of the asks over fresh connections. Samples may come in any order.

    `strides` tells how often each probe is asked. Without it the samples themselves must: while asks
    are in flight, every other one is missing when one of two replicas hangs.
    """
    samples = samples[samples["track"] == 0]
    if not len(samples):
        return _empty(period_ns)
    start = int(samples["due"].min())
    numbers = _numbers(samples, start, period_ns)
    count = int(numbers.max()) + 1
    if count > _MOST_ROUNDS:
        message = f"samples span {count} rounds of {period_ns} ns: not a recording of ours"
        raise ValueError(message)
    due = start + np.arange(count, dtype=np.int64) * period_ns
    state = np.zeros(count, dtype=np.uint8)
    done = np.zeros(count, dtype=np.int64)
    asked = due.copy()
    missing = np.zeros(count, dtype=bool)
    cadence = 1
    for probe in np.unique(samples["probe"]):
        mine = np.flatnonzero(samples["probe"] == probe)
        stride = (strides or {}).get(int(probe))
        track = _lay_out_one(samples[mine], numbers[mine], due, stride)
        cadence = max(cadence, track.stride)
        _merge(state, done, asked, track)
        missing |= track.missing
    state[state == _SILENT] = UNKNOWN
    return Rounds(
        due=due,
        state=state,
        asked=asked,
        done=done,
        period_ns=period_ns,
        cadence_ns=cadence * period_ns,
        missing=missing,
    )


@dataclass(frozen=True, kw_only=True)
class _Track:
    """One probe on the grid."""

    state: States
    done: Instants
    asked: Instants
    missing: npt.NDArray[np.bool_]
    stride: int  # rounds between two of its asks


def _empty(period_ns: int) -> Rounds:
    nothing = np.empty(0, dtype=np.int64)
    return Rounds(
        due=nothing,
        state=np.empty(0, dtype=np.uint8),
        asked=nothing,
        done=nothing,
        period_ns=period_ns,
        cadence_ns=period_ns,
        missing=np.empty(0, dtype=bool),
    )


def _numbers(samples: Samples, start: int, period_ns: int) -> Instants:
    """The round of each sample: its own number, unless that does not fit its intended time.

    A slow probe may count its own asks; then its intended times tell the rounds.
    """
    own = samples["k"].astype(np.int64)
    own -= own[int(samples["due"].argmin())]
    since = samples["due"] - start
    fits = np.abs(since - own * period_ns) <= period_ns
    if bool(fits.all()) and int(own.min()) >= 0:
        return own
    return np.asarray((since + period_ns // 2) // period_ns, dtype=np.int64)


def _stride(asked: Instants) -> int:
    """The usual gap between rounds in which a probe was asked."""
    return max(1, int(np.median(np.diff(asked)))) if len(asked) > 1 else 1


def _lay_out_one(samples: Samples, numbers: Instants, due: Instants, stride: int | None) -> _Track:
    """One probe's asks, each kept until the next is due, and unknown where none came."""
    count = len(due)
    source = np.full(count, -1, dtype=np.int64)
    source[numbers] = np.arange(len(samples))
    at = np.flatnonzero(source >= 0)
    stride = _stride(at) if stride is None else stride
    if stride > 1:
        latest = np.maximum.accumulate(np.where(source >= 0, np.arange(count), -1))
        held = (latest >= 0) & (np.arange(count) - latest < 2 * stride - 1)
        source = np.where(held, source[latest], -1)
    there = source >= 0
    state = np.where(there, samples["outcome"][source], UNKNOWN).astype(np.uint8)
    state[(state < GOOD) | (state > UNKNOWN)] = UNKNOWN
    state[: at[0]] = _SILENT
    missing = ~there
    missing[: at[0]] = False
    return _Track(
        state=state,
        done=np.where(there, samples["done"][source], 0).astype(np.int64),
        asked=np.where(there, samples["due"][source], due).astype(np.int64),
        missing=missing,
        stride=stride,
    )


# How much a state says about a round: bad beats unknown beats good beats silence.
_WEIGHT = np.zeros(4, dtype=np.uint8)
_WEIGHT[[int(GOOD), int(UNKNOWN), int(BAD)]] = (1, 2, 3)


def _merge(state: States, done: Instants, asked: Instants, track: _Track) -> None:
    """Add one probe to the rounds, in place."""
    before, after = _WEIGHT[state], _WEIGHT[track.state]
    stronger, equal = after > before, after == before
    np.copyto(asked, track.asked, where=stronger & (track.state == BAD))
    np.maximum(asked, track.asked, out=asked, where=equal & (track.state == BAD))
    np.copyto(done, track.done, where=stronger)
    np.maximum(done, track.done, out=done, where=equal)
    np.copyto(state, track.state, where=stronger)
