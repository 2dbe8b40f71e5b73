"""What the supervisor asks of a trial while it is under way: steady yet, over yet, settled yet?

Pure functions of the timeline so far and of the time now. Samples may be in order of completion.
An ask that is not in the samples although it was due is still in flight: not good until it is
answered. Each call looks only at the last few seconds, and once over all outcomes.
"""

import numpy as np

from chaoskit.measures.rounds import BAD, GOOD, UNKNOWN, Rounds, lay_out, strides_of
from chaoskit.measures.strength import strength_after, weak_now
from chaoskit.model.marks import NS, MarkKind
from chaoskit.model.quantities import format_duration
from chaoskit.model.timeline import Samples, Timeline

STEADY_SHARE = 0.99  # of the known asks of a baseline
UNKNOWN_SHARE = 0.01  # more than this, and we were too late to be trusted

# An answer is on disk at most this long after it came.
_WRITTEN_WITHIN_NS = NS // 2

_ENOUGH = 2  # asks, to tell how often a probe is asked

_BLOCK = 2048  # samples; a look reads as many blocks as it needs, from the newest


def baseline_is_steady(timeline: Timeline, now_ns: int) -> tuple[bool, str]:
    """Whether the target was steady before the fault, and what was found, for people.

    At least 99 % of the known asks were good, at most 1 % are unknown, and of the last `stable` (or
    what there is) none was bad. Only what was complete before the fault was ordered counts.
    """
    samples = timeline.samples
    end_ns = _baseline_end_ns(timeline, now_ns) - timeline.clock_error_ns
    before = (samples["due"] <= end_ns) & (samples["done"] <= end_ns) & (samples["track"] == 0)
    due, outcome = samples["due"][before], samples["outcome"][before]
    good, bad = int((outcome == GOOD).sum()), int((outcome == BAD).sum())
    known, asked = good + bad, len(outcome)
    recent = due > end_ns - timeline.stable_ns
    late = int((outcome[recent] == BAD).sum())
    stable = format_duration(timeline.stable_ns / NS)
    findings = (
        (not known, "no ask has been answered yet"),
        (asked - known > UNKNOWN_SHARE * asked, f"{asked - known} of {asked} asks are unknown"),
        (good < STEADY_SHARE * known, f"{bad} of {known} asks were bad"),
        (late > 0, f"{late} of the asks of the last {stable} were bad"),
    )
    against = next((found for wrong, found in findings if wrong), "")
    return not against, against or f"{good} of {known} asks were good"


def watch_is_over(timeline: Timeline, now_ns: int, *, wants_redundancy: bool) -> str | None:
    """Why the watch is over, or None.

    Over when something was seen (a bad ask, a healer that noticed or acted, a loss of strength) and
    the service has been good for `stable` since, at full strength if that is wanted; or when time is
    up. As long as nothing was seen, it goes on to the end: nothing is what has to be proven. So it
    does while a held fault is on and no ask was bad: a lease of the target's may yet lapse, a pool
    run dry. With several faults, all of this counts from the last one. A fault that grows is watched
    beyond the moment when it is due to do harm, whatever was seen before.
    """
    span = _last_fault(timeline)
    if span is None:
        return None
    ordered_ns, effect_ns = span
    if now_ns - effect_ns >= timeline.watch_ns:
        return f"time is up after {format_duration(timeline.watch_ns / NS)}"
    weak = wants_redundancy and weak_now(timeline.of(MarkKind.REDUNDANCY))
    good = _good_since(timeline, max(effect_ns, timeline.harm_due_ns or 0), now_ns)
    seen = _hurt(timeline, ordered_ns) or (
        _noticed(timeline, ordered_ns, now_ns) and not _held(timeline)
    )
    if weak or not good or not seen:
        return None
    stable = format_duration(timeline.stable_ns / NS)
    return f"good for {stable}" + (", at full strength" if wants_redundancy else "")


def settled(timeline: Timeline, now_ns: int) -> bool:
    """Whether the service has been good for `stable`, and is at full strength: fit for a trial."""
    return not why_unsettled(timeline, now_ns)


def why_unsettled(timeline: Timeline, now_ns: int) -> str:
    """What a target that does not settle is missing, for people; empty when it has settled."""
    if weak := weak_now(timeline.of(MarkKind.REDUNDANCY)):
        return "not at full strength: " + ", ".join(weak)
    if not _good_since(timeline, timeline.started_ns, now_ns):
        return f"not good for {format_duration(timeline.stable_ns / NS)} without a break"
    return ""


def _baseline_end_ns(timeline: Timeline, now_ns: int) -> int:
    """When the fault was ordered, or now."""
    faults = timeline.of(MarkKind.INJECTED, MarkKind.IN_EFFECT)
    return min([now_ns, *(mark.at_ns for mark in faults)])


def _last_fault(timeline: Timeline) -> tuple[int, int] | None:
    """When the last fault was ordered, and when the last of it was in effect."""
    effects = timeline.of(MarkKind.IN_EFFECT)
    if not effects:
        return None
    last = effects[-1]
    orders = timeline.of(MarkKind.INJECTED, MarkKind.IN_EFFECT)
    return min(mark.at_ns for mark in orders if mark.source == last.source), last.at_ns


def _held(timeline: Timeline) -> bool:
    """Whether a fault is on that lasts until it is lifted."""
    on: set[str] = set()
    for mark in timeline.of(MarkKind.IN_EFFECT, MarkKind.LIFTED):
        if mark.kind is MarkKind.LIFTED:
            on.discard(mark.source)
        elif mark.data.get("nature") == "held":
            on.add(mark.source)
    return bool(on)


def _noticed(timeline: Timeline, ordered_ns: int, now_ns: int) -> bool:
    """Whether a healer noticed the fault, or strength was lost, at least `stable` ago."""
    long_enough_ago = now_ns - timeline.stable_ns
    signs = timeline.of(MarkKind.DETECTED, MarkKind.ACTED)
    counts = strength_after(timeline.of(MarkKind.REDUNDANCY))
    lost = [mark.at_ns for mark, weak in counts if weak and not mark.data.get("silent")]
    instants = [*(mark.at_ns for mark in signs), *lost]
    return any(ordered_ns <= at_ns <= long_enough_ago for at_ns in instants)


def _hurt(timeline: Timeline, ordered_ns: int) -> bool:
    """Whether users have seen anything of the fault."""
    samples = timeline.samples
    bad = (samples["outcome"] == BAD) & (samples["track"] == 0)
    return bool((bad & (samples["done"] > ordered_ns)).any())


def _good_since(timeline: Timeline, begin_ns: int, now_ns: int) -> bool:
    """Whether every round of the last `stable`, all after `begin_ns`, is answered, none bad."""
    stable_ns = timeline.stable_ns
    patience = timeline.timeout_ns + _WRITTEN_WITHIN_NS + timeline.period_ns
    recent = _recent(timeline.samples, max(begin_ns, now_ns - stable_ns - 2 * patience))
    if now_ns - begin_ns < stable_ns or not len(recent):
        return False
    rounds = lay_out(recent, timeline.period_ns, strides=_strides(timeline, now_ns))
    answered = _answered(rounds, now_ns - patience)
    if not answered or rounds.due[answered - 1] < now_ns - patience:
        return False
    newest = int(rounds.due[answered - 1])
    enough = newest - max(begin_ns, int(rounds.due[0])) >= stable_ns
    state = rounds.state[:answered][rounds.due[:answered] >= newest - stable_ns]
    half_known = 2 * int((state == UNKNOWN).sum()) <= len(state)
    return enough and half_known and not bool((state == BAD).any())


def _strides(timeline: Timeline, now_ns: int) -> dict[int, int]:
    """How often each probe is asked, as the baseline shows it, when every ask was answered."""
    samples = timeline.samples[:_BLOCK]
    before = samples[samples["due"] <= _baseline_end_ns(timeline, now_ns)]
    return strides_of(before, timeline.period_ns) if len(before) > _ENOUGH else {}


def _recent(samples: Samples, since_ns: int) -> Samples:
    """The asks that were due since then, without a look at all the older ones.

    Whether samples are in order of completion or of due, everything before one that was complete
    before `since_ns` was due before it, too.
    """
    block = _BLOCK
    while block < len(samples) and max(samples["done"][-block], samples["due"][-block]) >= since_ns:
        block *= 2
    late = samples[-block:]
    return np.asarray(late[late["due"] >= since_ns])


def _answered(rounds: Rounds, given_up_ns: int) -> int:
    """How many rounds, from the first, are answered; those overdue since `given_up_ns` count."""
    waiting = np.flatnonzero(rounds.missing & (rounds.due > given_up_ns))
    return int(waiting[0]) if len(waiting) else len(rounds)
