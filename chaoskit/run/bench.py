"""What a trial works with."""

from collections.abc import Callable
from dataclasses import dataclass

from chaoskit.model.experiment import Experiment
from chaoskit.model.wishes import Wishes
from chaoskit.run.injector import Injector
from chaoskit.run.player import Player
from chaoskit.run.prober.handle import AnyProber
from chaoskit.run.recorder import Recorder


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One target, one experiment, and everybody who serves them."""

    experiment: Experiment
    player: Player
    prober: AnyProber
    injector: Injector
    recorder: Recorder
    announce: Callable[[], None]  # writes down every service's strength as it is now
    told_until: Callable[[int], bool]  # whether our way's interruptions until then are marks
    wishes: Wishes  # to stop, from a signal too; to hold the next fault back
    faultless: bool = False  # a control arm: the method is not played, nothing is broken
