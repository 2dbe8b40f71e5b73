"""The Python API: what an experiment file says, without the file. See docs/python-api.md.

Two ways: `experiment(...).run()` does what `chaoskit run` does; `live_target(...)` gives a target to
break and to watch step by step, which is what the fixtures of the pytest plugin use. Both are made of
the same parts as the command line; nothing is measured or judged here.
"""

from chaoskit.api.experiments import Experiment, load_experiment
from chaoskit.api.live import LiveTarget, live_target
from chaoskit.api.result import Missed, Result
from chaoskit.api.watch import Watch
from chaoskit.api.writing import experiment, fault, http
from chaoskit.errors import Inconclusive
from chaoskit.model.verdict import Verdict

__all__ = [
    "Experiment",
    "Inconclusive",
    "LiveTarget",
    "Missed",
    "Result",
    "Verdict",
    "Watch",
    "experiment",
    "fault",
    "http",
    "live_target",
    "load_experiment",
]
