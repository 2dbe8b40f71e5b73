from chaoskit.api import Experiment as Experiment
from chaoskit.api import Inconclusive as Inconclusive
from chaoskit.api import LiveTarget as LiveTarget
from chaoskit.api import Missed as Missed
from chaoskit.api import Result as Result
from chaoskit.api import Verdict as Verdict
from chaoskit.api import Watch as Watch
from chaoskit.api import experiment as experiment
from chaoskit.api import fault as fault
from chaoskit.api import http as http
from chaoskit.api import live_target as live_target
from chaoskit.api import load_experiment as load_experiment

__version__: str
