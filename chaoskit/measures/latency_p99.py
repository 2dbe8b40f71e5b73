"""How long all but a hundredth of users waited for an answer."""

from chaoskit.measures.latency import Latency


class LatencyP99(Latency):
    """The time within which 99 % of the asks that got an answer, or timed out, were answered."""

    name = "latency_p99"
    title = "Latency p99"
    quantile = 0.99


MEASURE = LatencyP99()
