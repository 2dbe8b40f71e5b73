"""How many replicas there should be. Pure: the load of the last seconds in, a number out.

As Kubernetes' autoscaler does it: so many that each has its share of the load, at once when it is
more, and when it is less only after every recommendation of a while has been lower. On top of that
it looks ahead: what matters is the load at the time at which a replica that is started now will serve.
"""

import math
from collections import deque
from dataclasses import dataclass, field

MOST_GROWTH = 2.0  # a leap is no trend


@dataclass(frozen=True)
class Policy:
    """How the number follows the load."""

    share: float = 14.0  # requests a second that one replica is to have
    least: int = 2
    most: int = 8
    look_back_s: float = 4.0  # the trend is that of so long
    look_ahead_s: float = 6.0  # and so long it goes on: the time that a start takes, and a reserve
    window_s: float = 6.0  # less only when nothing in so long spoke for more
    tolerance: float = 0.1  # of the share: noise is no reason


@dataclass
class Scaling:
    """The load so far, and what it recommends."""

    policy: Policy
    _loads: deque = field(default_factory=deque)  # (at_s, requests a second)
    _wishes: deque = field(default_factory=deque)  # (at_s, replicas)

    def wanted(self, at_s, load):
        """How many replicas there should be, given the load now."""
        policy = self.policy
        self._loads.append((at_s, load))
        _forget(self._loads, at_s - policy.look_back_s)
        wish = self._needed(max(load, self._ahead(load)))
        self._wishes.append((at_s, wish))
        _forget(self._wishes, at_s - policy.window_s)
        return max(wish for _, wish in self._wishes)

    def _needed(self, load):
        """Enough for this load; a little more than the last one's share is still his."""
        policy = self.policy
        replicas = math.ceil(load / policy.share - policy.tolerance)
        return min(policy.most, max(policy.least, replicas))

    def _ahead(self, load):
        """The load a while from now, if it goes on as it did: by least squares over what is known."""
        times, loads = zip(*self._loads, strict=True)
        if times[-1] - times[0] < self.policy.look_back_s / 2:
            return load  # too short for a trend
        mean_s, mean = sum(times) / len(times), sum(loads) / len(loads)
        spread = sum((one - mean_s) ** 2 for one in times)
        common = sum((s - mean_s) * (one - mean) for s, one in self._loads)
        ahead = load + common / spread * self.policy.look_ahead_s
        return min(ahead, MOST_GROWTH * load)


def _forget(entries, before_s):
    while entries and entries[0][0] < before_s:
        entries.popleft()
