"""A controller that gives a service as many instances as its load needs."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import HealerKind, Of, Setting, seconds
from chaoskit.healers.floors import Floor, uniform

_TAKES_CAPACITY = frozenset({"scale_down", "remove"})


class Autoscaler(HealerKind):
    """A controller adds instances when each has more than its share of the load, and removes them later.

    It looks at an interval, so an instance that is taken away is missed at its next look at the
    earliest. How soon it notices a load depends on the load and on where that is going: a step must
    first fill the time that the load is measured over, a slow rise is foreseen.
    """

    name = "autoscaler"
    title = "Autoscaler"
    settings = (
        Setting("interval", "Between two looks at the load.", Of.DURATION, "15s"),
        Setting("metric_over", "The load is the mean of so long.", Of.DURATION, "30s"),
        Setting("share", "The load that one instance is to have.", Of.COUNT, least=1),
        Setting("least", "Instances at the least.", Of.COUNT, 1),
        Setting("most", "Instances at the most.", Of.COUNT, 10, least=1),
        Setting("look_ahead", "How far the trend is followed.", Of.DURATION, "0s"),
        Setting("window", "Fewer only when nothing spoke for more in so long.", Of.DURATION, "5m"),
    )
    rearm = (
        "the load gone for longer than the window, so that the least number of instances is left"
    )
    witness = "log of the controller, or the engine: instances that nobody has started by hand"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of an instance that is taken away; of a load nothing can be said."""
        del asks_hz
        if fault not in _TAKES_CAPACITY:
            return None
        interval_s = self.values(settings)["interval"]
        look = uniform(0.0, interval_s)
        return Floor(detection=look, action=look, why=f"a look every {seconds(interval_s)}")


KIND = Autoscaler()
