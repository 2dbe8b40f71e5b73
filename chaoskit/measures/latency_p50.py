"""How long the middle user waited for an answer."""

from chaoskit.measures.latency import Latency


class LatencyP50(Latency):
    """The time within which 50 % of the asks that got an answer, or timed out, were answered."""

    name = "latency_p50"
    title = "Latency p50"
    quantile = 0.50


MEASURE = LatencyP50()
