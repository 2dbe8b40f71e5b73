"""The budgets that run from the fault's effect, counted down while everybody waits.

It is a display: the judge measures anew. A budget of another kind (a share, a sum of bad time, a latency) has nothing to count down.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaoskit.model.marks import NS
from chaoskit.model.progress import News, Step
from chaoskit.model.quantities import parse_duration

_OF_USERS = ("recovery",)
SINCE_EFFECT = ("detection", *_OF_USERS, "redundancy")


@dataclass(frozen=True, kw_only=True)
class Running:
    """One budget now."""

    measure: str
    text: str  # the bound, as it is written
    bound_s: float
    since_s: float  # from the effect until now, or until it was met
    met: bool
    idle: bool  # users saw nothing bad so far, so that there is nothing to come back from

    @property
    def over(self) -> bool:
        """Whether the bound was passed."""
        return self.since_s > self.bound_s


@dataclass(kw_only=True)
class Countdown:
    """The budgets of the experiment under way. Changed by `take` only."""

    bounds: dict[str, tuple[str, float]] = field(default_factory=dict)
    effect_ns: int | None = None
    ended_ns: int | None = None  # nothing is watched any more
    met_ns: dict[str, int] = field(default_factory=dict)
    last_bad_ns: int | None = None  # since the effect
    weak: set[str] = field(default_factory=set)  # services below their strength

    def take(self, news: News) -> None:
        """Take note of a piece of news."""
        match news.step:
            case Step.EXPERIMENT:
                self.bounds = _bounds(news.data.get("budgets"))
                self._begin()
            case Step.TRIAL:
                self._begin()
            case Step.PHASE if news.text in {"lift", "settle", "end"} and self.ended_ns is None:
                self.ended_ns = news.at_ns
            case Step.HEALTH:
                self._health(news)
            case Step.MARK:
                self._mark(news)
            case _:
                pass

    def now(self, now_ns: int) -> list[Running]:
        """Every budget that runs, or was met in this trial."""
        if self.effect_ns is None:
            return []
        said = []
        for measure, (text, bound_s) in self.bounds.items():
            met = measure in self.met_ns
            end_ns = self.met_ns[measure] if met else self.ended_ns or now_ns
            since_s = max(end_ns - self.effect_ns, 0) / NS
            idle = measure in _OF_USERS and self.last_bad_ns is None
            one = Running(
                measure=measure, text=text, bound_s=bound_s, since_s=since_s, met=met, idle=idle
            )
            said.append(one)
        return said

    def deadlines_ns(self) -> list[int]:
        """When the budgets that are still running will be passed, or were."""
        if self.effect_ns is None:
            return []
        open_s = [bound_s for name, (_, bound_s) in self.bounds.items() if name not in self.met_ns]
        return [self.effect_ns + round(bound_s * NS) for bound_s in open_s]

    def _begin(self) -> None:
        self.effect_ns, self.ended_ns, self.last_bad_ns = None, None, None
        self.met_ns.clear()
        self.weak.clear()

    def _meet(self, measure: str, at_ns: int) -> None:
        if self.ended_ns is None:
            self.met_ns.setdefault(measure, at_ns)

    def _health(self, news: News) -> None:
        bad_ns = news.data.get("failed_at_ns")
        if self.effect_ns is None:
            return
        if isinstance(bad_ns, int) and bad_ns >= self.effect_ns:
            self.last_bad_ns = bad_ns
            if self.ended_ns is None:
                self.met_ns.pop("recovery", None)  # bad again: it had not recovered
        elif self.last_bad_ns is not None and news.data.get("state") == "up":
            self._meet("recovery", self.last_bad_ns)  # a second without anything bad

    def _mark(self, news: News) -> None:
        kind = news.data.get("kind")
        if kind == "in_effect" and self.effect_ns is None:
            self.effect_ns = news.at_ns
        elif kind == "detected" and self.effect_ns is not None:
            self._meet("detection", news.at_ns)
        elif kind == "redundancy":
            self._strength(news)

    def _strength(self, news: News) -> None:
        have, want = news.data.get("have"), news.data.get("want")
        if self.effect_ns is None or not isinstance(have, int) or not isinstance(want, int):
            return
        service, was_weak = str(news.data.get("service", "")), bool(self.weak)
        if have < want:
            self.weak.add(service)
            self.met_ns.pop("redundancy", None)
        else:
            self.weak.discard(service)
        if was_weak and not self.weak:
            self._meet("redundancy", news.at_ns)


def _bounds(budgets: object) -> dict[str, tuple[str, float]]:
    if not isinstance(budgets, Mapping):
        return {}
    found = {}
    for measure in SINCE_EFFECT:
        try:
            found[measure] = (str(budgets[measure]), parse_duration(budgets[measure]))
        except (KeyError, ValueError):
            continue  # no such budget, or no duration
    return found
