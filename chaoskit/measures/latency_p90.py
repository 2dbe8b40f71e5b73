"""How long all but a tenth of users waited for an answer."""

from chaoskit.measures.latency import Latency


class LatencyP90(Latency):
    """The time within which 90 % of the asks that got an answer, or timed out, were answered."""

    name = "latency_p90"
    title = "Latency p90"
    quantile = 0.90


MEASURE = LatencyP90()
