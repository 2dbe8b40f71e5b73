"""What an outage costs of an error budget: a probe that still answered half of the time cost half."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.model.marks import NS
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.outcomes import Outcome

if TYPE_CHECKING:
    from chaoskit.measures.series import Series
    from chaoskit.model.timeline import Samples


class WeightedOutage(Measure):
    """The outage weighted by severity: every period counts with its share of bad asks.

    With one probe it is the outage. With several, each that was bad counts for its part, whereas the
    outage counts a round as soon as any is. The mean over the probes of their own outages; asks that
    are missing or unknown may all have been bad, and raise the upper end.
    """

    name = "weighted_outage"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "Weighted outage"

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        asks = series.asks
        probes = sorted({int(one) for one in asks["probe"]})
        found = [_bounds_s(asks[asks["probe"] == one], series) for one in probes]
        low = sum(one for one, _ in found) / len(found)
        high = sum(one for _, one in found) / len(found)
        if series.ends_bad:
            return self.censored(low, resolution=series.resolution_s, note="not over when watched")
        missing = int(series.rounds.missing[series.span].sum())
        high += missing * series.rounds.period_ns / NS
        return self.interval(low, high, resolution=series.resolution_s)


def _bounds_s(asks: "Samples", series: "Series") -> tuple[float, float]:
    """The least and the most time that one probe can have been bad for."""
    import numpy as np  # noqa: PLC0415  # the shelf must load quickly

    asks = asks[np.argsort(asks["due"])]
    gaps = np.diff(asks["due"])  # a slow probe has a period of its own
    own_ns = int(np.median(gaps)) if len(gaps) else 0
    period_s = max(series.rounds.period_ns, own_ns) / NS
    bad = np.flatnonzero(asks["outcome"] == Outcome.BAD)
    stretches = int((np.diff(bad) > 1).sum()) + 1 if len(bad) else 0
    unknown = int((asks["outcome"] == Outcome.UNKNOWN).sum())
    low = max(0.0, (len(bad) - stretches) * period_s)
    return low, (len(bad) + stretches + unknown) * period_s


MEASURE = WeightedOutage()
