"""Gives a service as many replicas as its load needs, a little ahead of time.

It reads the load and who serves it from HAProxy's statistics, and starts containers like those that
are there: HAProxy finds them through the engine's DNS. What it removes is only what it has added.
A replica that is down does not count, so that it is made up for while it is away.

SCALE=off: says what it would need, and does nothing.
"""

import copy
import os
import signal
import threading
import time
from collections import deque

import engine
import proxy
from scaling import Policy, Scaling

EVERY_S = 0.5
LOAD_OVER_S = 1.0
PATIENCE_S = 6.0  # a replica that runs, and was started or seen to serve so lately, counts
GRACE_S = 2
SERVICE = "web"
ADDED = "autoscaler.added"


class Autoscaler:
    """One service's replicas."""

    def __init__(self, service, policy, *, acts):
        self._service, self._policy, self._acts = service, policy, acts
        self._scaling = Scaling(policy)
        self._asked = deque()  # (at_s, requests so far)
        self._served = {}  # container → when it was started or seen to serve
        self._short = False

    def look(self):
        """Look once, and do what follows. Raises EngineError and ProxySilent."""
        now_s = time.monotonic()
        seen = proxy.look()
        there = self._service.containers()
        load = self._load(now_s, seen.asked)
        if load is None:
            return
        wanted = self._scaling.wanted(now_s, load)
        have = sum(self._counts(one, seen.servers, now_s) for one in there)
        self._tell(wanted, have, load)
        if not self._acts:
            return
        if have < wanted and len(there) < self._policy.most:
            self._add(there, min(wanted - have, self._policy.most - len(there)))
        elif have > wanted:
            self._remove(there, have - wanted)

    def _load(self, now_s, asked):
        """Requests a second over the last second; None as long as there is none."""
        if self._asked and asked < self._asked[-1][1]:
            self._asked.clear()  # HAProxy begins to count anew
        self._asked.append((now_s, asked))
        while len(self._asked) > 2 and now_s - self._asked[1][0] >= LOAD_OVER_S:
            self._asked.popleft()
        since_s, before = self._asked[0]
        return (asked - before) / (now_s - since_s) if now_s > since_s else None

    def _counts(self, one, servers, now_s):
        """Whether a replica serves, or may be about to."""
        if not one["State"]["Running"]:
            return False
        key = one["Id"], one["State"]["StartedAt"]
        server = servers.get(engine.address_of(one))
        if key not in self._served or (server and server.up):
            self._served[key] = now_s
        return now_s - self._served[key] < PATIENCE_S

    def _tell(self, wanted, have, load):
        """Once for each time that it has too few."""
        short = wanted > have
        if short and not self._short:
            words = f"{load:.0f} requests a second need {wanted} replicas, {have} serve"
            print(words, flush=True)
        self._short = short

    def _add(self, there, number):
        """So many more, one straight after the other: starting them is quick."""
        model = min(there, key=engine.place_of)
        taken = {engine.place_of(one) for one in there}
        free = (place for place in range(1, self._policy.most + 1) if place not in taken)
        for place, _ in zip(free, range(number), strict=False):
            body = copy.deepcopy(engine.body_of(model))
            body["Labels"] = {**body["Labels"], engine.NUMBER: str(place), ADDED: "yes"}
            base = model["Name"].lstrip("/").removesuffix(f"-{engine.place_of(model)}")
            print(f"Adding {SERVICE}-{place}", flush=True)
            engine.start(engine.create(body, f"{base}-{place}"))

    def _remove(self, there, number):
        """So many of its own, the newest first; what they are doing they may finish."""
        mine = [one for one in there if ADDED in one["Config"]["Labels"]]
        for one in sorted(mine, key=engine.place_of, reverse=True)[:number]:
            engine.stop(one["Id"], GRACE_S)
            engine.remove(one["Id"])
            print(f"Removed {SERVICE}-{engine.place_of(one)}", flush=True)


def main():
    """Look until a signal ends the process."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    service, said = engine.Service(SERVICE), ""
    scaler = Autoscaler(service, Policy(), acts=os.environ.get("SCALE") != "off")
    print(f"scales {service.name} of project {service.project}", flush=True)
    while not ended.wait(EVERY_S):
        try:
            scaler.look()
            said = ""
        except (engine.EngineError, proxy.ProxySilent) as error:
            if str(error) != said:
                said = str(error)
                print(f"cannot look: {said}", flush=True)


if __name__ == "__main__":
    main()
