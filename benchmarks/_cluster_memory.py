"""Run as a process of its own: observers of a thousand pods and ten thousand events, and what they take.

It prints one JSON object: the peak of its resident memory, and how long it took to hear everything.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

from chaoskit.model.target import Strength, TargetSpec
from chaoskit.target.kubernetes.api import reach
from chaoskit.target.kubernetes.observers import ClusterObservers

PODS = int(sys.argv[1])


def main() -> None:
    """Watch until everything of the last wave was heard."""
    spec = TargetSpec(
        name="big",
        folder=Path(),
        title="Big",
        entrypoints=(),
        strengths=(Strength(service="web", instances=PODS),),
    )
    marks: list[object] = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    api = reach()
    observers = ClusterObservers(
        spec=spec, api=api, namespace="big", selector="", record=marks.append
    )
    begun = time.monotonic()
    observers.start()
    listed_s = time.monotonic() - begun
    print("ready", flush=True)
    sys.stdin.readline()  # the last change was made
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and observers.events_heard < int(sys.argv[2]):
        time.sleep(0.05)
    observers.stop()
    found = {
        "events_heard": observers.events_heard,
        "pods_ready": observers.count.strengths()["web"][0],
        "listed_s": listed_s,
        "imports_mib": before / 1024,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "pid": os.getpid(),
    }
    print(json.dumps(found), flush=True)


main()
