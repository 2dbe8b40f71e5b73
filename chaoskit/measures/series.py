"""A timeline made ready for measuring: rounds, the watch, and the instants, found once.

    baseline        | watch                                     | after
    ................!..xxxxxx..........x.......................^......
                    0  bad   good                     watch end, lift

`effect` is the zero of every measure. An ask that was due before it but failed after it was in
flight when the fault struck, and counts. Where samples have another clock than marks, "before" and
"after" allow for its error, at the system's cost. For a held fault, evidence about recovery ends when the
fault was lifted: what is good only after that was not repaired by the system.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chaoskit.measures.rounds import BAD, GOOD, UNKNOWN, Rounds, lay_out
from chaoskit.model.marks import NS, Mark, MarkKind
from chaoskit.model.timeline import Samples, Timeline

_CUT = np.uint8(0)  # failed while a fault was being lifted: says nothing


@dataclass(frozen=True)
class Series:
    """The view that every measure reads. Instants are nanoseconds; results are seconds."""

    timeline: Timeline

    @cached_property
    def rounds(self) -> Rounds:
        """All rounds of the trial."""
        return lay_out(self.timeline.samples, self.timeline.period_ns)

    @cached_property
    def effect_ns(self) -> int | None:
        """When the first fault was in effect: the zero; None when it never was."""
        return self.timeline.in_effect_ns

    @cached_property
    def ordered_ns(self) -> int | None:
        """When the fault was ordered. Healers may notice it before we have proven it."""
        effect = self.effect_ns
        ordered = self.timeline.first(MarkKind.INJECTED)
        return effect if ordered is None or effect is None else min(ordered.at_ns, effect)

    @property
    def proven(self) -> bool:
        """Whether the effect was proven, and not only ordered."""
        effects = self.timeline.of(MarkKind.IN_EFFECT)
        return any(mark.data.get("proven", True) for mark in effects)

    @cached_property
    def end_ns(self) -> int:
        """The end of all evidence."""
        due = self.rounds.due
        last_mark = self.timeline.marks[-1].at_ns if self.timeline.marks else 0
        return max(last_mark, int(due[-1]) if len(due) else 0)

    @cached_property
    def watch_end_ns(self) -> int:
        """When the watch ended: when it was ended, or its declared length after the last fault.

        What comes later is not the system's own doing: rollbacks, lifts, the settling.
        """
        ended = self.timeline.watch_end_ns
        effects = self.timeline.of(MarkKind.IN_EFFECT)
        limit = effects[-1].at_ns + self.timeline.watch_ns if effects else self.end_ns
        return min(limit, self.end_ns if ended is None else ended)

    @cached_property
    def lifted_ns(self) -> int | None:
        """When the first held fault was lifted by us; None when nothing was.

        What the system itself had replaced was repaired by the system, not lifted.
        """
        ours = [
            mark.at_ns
            for mark in self.timeline.of(MarkKind.LIFTED)
            if not mark.data.get("replaced") and mark.data.get("nature") != "struck"
        ]
        return min(ours, default=None)

    @cached_property
    def alone_until_ns(self) -> int:
        """Until when the system was on its own: the watch's end, or an earlier lift."""
        ended = self.watch_end_ns
        return ended if self.lifted_ns is None else min(ended, self.lifted_ns)

    @property
    def watched_s(self) -> float:
        """How long the system was watched on its own, from the effect."""
        return max(0.0, self.since_effect_s(self.alone_until_ns))

    @property
    def resolution_s(self) -> float:
        """Half the time between two asks, and the clocks' error: what the method cannot see."""
        return (self.rounds.cadence_ns / 2 + self.timeline.clock_error_ns) / NS

    def since_effect_s(self, at_ns: int) -> float:
        """Seconds from the effect; what was in flight when it struck counts from it."""
        return max(0.0, (int(at_ns) - (self.effect_ns or 0)) / NS)

    def ask_s(self, at_ns: int) -> tuple[float, float]:
        """Seconds from the effect, at least and at most, of a time that is a sample's."""
        error_ns = self.timeline.clock_error_ns
        return self.since_effect_s(at_ns - error_ns), self.since_effect_s(at_ns + error_ns)

    def marks_of(self, *kinds: MarkKind) -> tuple[Mark, ...]:
        """The marks of these kinds, from the order to the watch's end."""
        if self.ordered_ns is None:
            return ()
        begin, end = self.ordered_ns, self.watch_end_ns
        return tuple(mark for mark in self.timeline.of(*kinds) if begin <= mark.at_ns <= end)

    @cached_property
    def span(self) -> slice:
        """The rounds of the watch, those in flight when the fault struck included."""
        if self.effect_ns is None or not len(self.rounds):
            return slice(0, 0)
        rounds = self.rounds
        first = int(np.searchsorted(rounds.due, self.effect_ns))
        stop = int(np.searchsorted(rounds.due, self.watch_end_ns, side="right"))
        back = max(0, first - self._reach)
        flying = rounds.done[back:first] > self.effect_ns - self.timeline.clock_error_ns
        struck = np.flatnonzero((rounds.state[back:first] == BAD) & flying)
        first = back + int(struck[0]) if len(struck) else first
        return slice(first, max(first, stop))

    @cached_property
    def state(self) -> npt.NDArray[np.uint8]:
        """The states of the watch's rounds.

        Asks in flight when a held fault was lifted say nothing when they fail, since the lift may
        have cut them: neither bad nor good, nor unknown, which would put the blame on us.
        """
        rounds, span = self.rounds, self.span
        state = rounds.state[span].copy()
        if self.lifted_ns is not None:
            flying = rounds.done[span] > self.alone_until_ns
            flying &= rounds.due[span] <= self.alone_until_ns
            state[(state == BAD) & flying] = _CUT
        return state

    @cached_property
    def bad(self) -> npt.NDArray[np.int64]:
        """The numbers of the watch's bad rounds."""
        return np.asarray(np.flatnonzero(self.state == BAD) + self.span.start)

    @cached_property
    def bad_alone(self) -> npt.NDArray[np.int64]:
        """The numbers of the rounds that were bad while the system was on its own."""
        return self.bad[self.rounds.due[self.bad] <= self.alone_until_ns]

    @property
    def impact(self) -> bool:
        """Whether users saw anything."""
        return bool(len(self.bad))

    @property
    def unknown_rounds(self) -> int:
        """Rounds of the watch of which we know nothing."""
        return int((self.state == UNKNOWN).sum())

    @cached_property
    def asks(self) -> Samples:
        """The asks of the watch, each probe's for itself; those that a lift may have cut left out."""
        samples = self.timeline.samples
        if self.effect_ns is None or not len(samples):
            return samples[:0]
        due, done, bad = samples["due"], samples["done"], samples["outcome"] == BAD
        inside = (samples["track"] == 0) & (due <= self.watch_end_ns)
        struck_ns = self.effect_ns - self.timeline.clock_error_ns
        inside &= (due >= self.effect_ns) | (bad & (done > struck_ns))
        if self.lifted_ns is not None:
            until = self.alone_until_ns
            inside &= ~(bad & (due <= until) & (done > until))
        return np.asarray(samples[inside])

    @cached_property
    def kept(self) -> "Series | None":
        """The same trial as seen over kept connections; None when nobody asked over them."""
        samples = self.timeline.samples
        mine = samples[samples["track"] == 1]
        if not len(mine):
            return None
        mine["track"] = 0  # a copy: the mask made one
        return Series(replace(self.timeline, samples=mine))

    @cached_property
    def ended_stable(self) -> bool:
        """Whether the watch's last `stable` had good rounds and no bad one."""
        begin = int(np.searchsorted(self.rounds.due, self.watch_end_ns - self.timeline.stable_ns))
        late = self.state[max(0, begin - self.span.start) :]
        return bool((late == GOOD).any()) and not bool((late == BAD).any())

    @property
    def ends_bad(self) -> bool:
        """Whether the last that was known of the watch was bad."""
        known = self.state[(self.state == BAD) | (self.state == GOOD)]
        return bool(len(known)) and bool(known[-1] == BAD)

    def first_good_after(self, number: int) -> int | None:
        """The first good round of the watch after round `number`."""
        good = np.flatnonzero(self.rounds.state[number : self.span.stop] == GOOD)
        return number + int(good[0]) if len(good) else None

    def last_bad_before(self, number: int) -> int:
        """The last bad round before round `number`; there is one."""
        begin = int(self.bad[0])
        return begin + int(np.flatnonzero(self.rounds.state[begin:number] == BAD)[-1])

    @cached_property
    def asked(self) -> bool:
        """Whether any ask of the watch has a known outcome."""
        outcome = self.asks["outcome"]
        return bool(((outcome == GOOD) | (outcome == BAD)).any())

    def stable_from(self, start: int, horizon_ns: int) -> int | None:
        """The first good round, from number `start`, of a stretch of `stable` without a bad one.

        The whole stretch lies before `horizon_ns`. Unknown rounds neither break it nor make it:
        at least half of it is known to be good.
        """
        state = self.rounds.state
        if self.lifted_ns is not None:
            horizon_ns -= self.timeline.clock_error_ns
        stop = int(np.searchsorted(self.rounds.due, horizon_ns, side="right"))
        if self.lifted_ns is not None:  # an answer that came after the lift was not earned before
            back = max(start, stop - self._reach)
            late = np.flatnonzero(self.rounds.done[back:stop] > horizon_ns)
            stop = back + int(late[0]) if len(late) else stop
        if start >= stop:
            return None
        bad = np.flatnonzero(state[start:stop] == BAD) + start
        edges = np.concatenate(([start - 1], bad, [stop]))
        needed = max(1, -(-self.timeline.stable_ns // self.rounds.period_ns))
        for gap in np.flatnonzero(np.diff(edges) > needed):
            begin, end = int(edges[gap]) + 1, int(edges[gap + 1])
            good = state[begin:end] == GOOD
            known = np.concatenate(([0], np.cumsum(good)))
            enough = 2 * (known[needed:] - known[:-needed]) >= needed
            found = np.flatnonzero(good[: len(enough)] & enough)
            if len(found):
                return begin + int(found[0])
        return None

    @property
    def _reach(self) -> int:
        """Rounds that can be in flight at once."""
        slowest = self.timeline.timeout_ns + self.rounds.cadence_ns + self.timeline.clock_error_ns
        return int(slowest // self.rounds.period_ns) + 2


def unknown_share(series: Series) -> float:
    """The share of rounds, from the first to the watch's end, of which we know nothing."""
    rounds = series.rounds
    stop = int(np.searchsorted(rounds.due, series.watch_end_ns, side="right"))
    return float((rounds.state[:stop] == UNKNOWN).mean()) if stop else 0.0


def send_lag_p99_s(samples: Samples) -> float | None:
    """The 99th percentile of sent − due, over the asks that were sent; None without any."""
    sent = samples["sent"] > 0
    if not bool(sent.any()):
        return None
    lag = samples["sent"][sent] - samples["due"][sent]
    return float(np.percentile(lag, 99, method="higher")) / NS


def send_lag_in_periods(samples: Samples, period_ns: int) -> float:
    """The worst probe's p99 of sent − due, in periods of that probe; 0 when nothing was sent."""
    worst = 0.0
    for probe in np.unique(samples["probe"]):
        mine = samples[samples["probe"] == probe]
        gaps = np.diff(np.sort(mine["due"]))
        own_s = max(period_ns, int(np.median(gaps)) if len(gaps) else 0) / NS
        worst = max(worst, (send_lag_p99_s(mine) or 0.0) / own_s)
    return worst
