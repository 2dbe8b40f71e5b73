"""Chaos Toolkit's continuous hypothesis, in a process of its own: prints what its journal holds.

Arguments: url, frequency in seconds, timeout in seconds, length of the method in seconds.
"""

import json
import sys

from chaoslib.experiment import run_experiment
from chaoslib.types import Schedule, Strategy


def main() -> None:
    """Wait for a line, run, print the states that were recorded and the conclusion."""
    url, frequency_s, timeout_s, length_s = sys.argv[1], *map(float, sys.argv[2:5])
    provider = {"type": "http", "url": url, "timeout": timeout_s}
    probe = {"type": "probe", "name": "front", "tolerance": 200, "provider": provider}
    sleep = {"type": "process", "path": "sleep", "arguments": str(length_s)}
    experiment = {
        "version": "1.0.0",
        "title": "t",
        "description": "d",
        "steady-state-hypothesis": {"title": "h", "probes": [probe]},
        "method": [{"type": "action", "name": "wait", "provider": sleep}],
        "rollbacks": [],
    }
    print("ready", flush=True)
    sys.stdin.readline()
    journal = run_experiment(
        experiment,
        strategy=Strategy.CONTINUOUS,
        schedule=Schedule(continuous_hypothesis_frequency=frequency_s),
    )
    states = [
        [probe["start"], probe["end"], bool(probe.get("tolerance_met"))]
        for state in journal["steady_states"]["during"]
        for probe in state["probes"]
    ]
    conclusion = {"status": journal["status"], "deviated": journal["deviated"]}
    print(json.dumps({"states": states, **conclusion}), flush=True)


if __name__ == "__main__":
    main()
