"""What a run says while it is under way: to a live terminal, a CI log, or a test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Step(StrEnum):
    """The kinds of news."""

    RUN = "run"  # a run began; data: run_id, seed, experiments, trials, anchor, estimates (s)
    IMAGE = "image"  # an image is being built; text says which
    TARGET = "target"  # a target is starting, ready or going down; data: state
    EXPERIMENT = "experiment"  # one began; data: title, runs, budgets, healers
    TRIAL = "trial"  # one began; data: index, runs
    PHASE = "phase"  # data: phase, seconds (how long it may take)
    MARK = "mark"  # something on the timeline; data: kind, source, instance, since_effect_s, ...
    HEALTH = "health"  # a few times a second; data: as run/health.py says
    TRIAL_VERDICT = "trial-verdict"  # data: verdict, reason, numbers
    VERDICT = "verdict"  # of an experiment; data: verdict, passed, sentence
    NOTE = "note"  # anything else worth a line
    END = "end"  # data: exit_code, interrupted


@dataclass(frozen=True, kw_only=True)
class News:
    """One piece of news."""

    at_ns: int
    step: Step
    experiment: str = ""
    trial: int = 0
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class Listener(Protocol):
    """Whoever wants to know."""

    def tell(self, news: News) -> None:
        """Take note. Must be quick, and must not raise."""
        ...
