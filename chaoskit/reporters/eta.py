"""When a run will be over: the plan's estimates, corrected by how long things took so far.

An estimate assumes that every trial recovers at once, so a run is slower than that and never quicker;
the correction is therefore never below one. Nothing is said before a trial has ended.
"""

from collections.abc import Mapping

from chaoskit.model.marks import NS
from chaoskit.model.progress import News, Step


class Eta:
    """Listens to the news; changed by `take` only."""

    def __init__(self) -> None:
        self._estimates: dict[str, float] = {}
        self._begun_ns = 0
        self._over: set[str] = set()
        self._experiment = ""
        self._trials_done = 0
        self._trials = 1

    def take(self, news: News) -> None:
        """Take note."""
        match news.step:
            case Step.RUN:
                told = news.data.get("estimates")
                if isinstance(told, Mapping):
                    self._estimates = {str(name): float(value) for name, value in told.items()}
                self._begun_ns = news.at_ns
            case Step.EXPERIMENT:
                runs = news.data.get("runs")
                self._experiment, self._trials_done = news.experiment, 0
                self._trials = runs if isinstance(runs, int) and runs > 0 else 1
            case Step.TRIAL_VERDICT:
                self._trials_done += 1
            case Step.VERDICT:
                self._over.add(news.experiment)
            case _:
                pass

    def left_s(self, now_ns: int) -> float | None:
        """Seconds to go; None while nothing is known. Zero when it takes longer than was thought."""
        total_s = sum(self._estimates.values())
        done_s = sum(self._estimates.get(name, 0.0) for name in self._over)
        if self._experiment not in self._over:
            share = min(self._trials_done / self._trials, 1.0)
            done_s += self._estimates.get(self._experiment, 0.0) * share
        if not done_s or not self._begun_ns:
            return None
        took_s = max(now_ns - self._begun_ns, 0) / NS
        return (total_s - done_s) * max(took_s / done_s, 1.0)
