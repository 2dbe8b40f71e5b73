"""Finishes a deployment, or takes it back.

Whoever deploys gives one replica of the shop (or several) a new image, command or environment. This
process notices, watches what the new release does with its share of the users, gives it to the other
replicas one by one, each watched in turn, and when one fails gives all of them the release that was
in force before. Whoever deployed may take it back, too: what was asked for last is what is wanted.

On port 8080 it says whether it is at rest: every replica has the release in force.

GATE=off: goes on without watching. ROLLBACK=off: says what it sees, and does nothing.
"""

import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import engine
import proxy
from releases import BEING_MADE, InForce, name_of, release_of
from rollout import Finding, Gate, Look, Step, Watch, next_step

EVERY_S = 0.2
GONE_LOOKS = 3  # a place may be empty for a moment, between two containers
SERVICE = "web"


class Deployer:
    """One service's releases."""

    def __init__(self, service, gate, *, gated, acts):
        self._service, self._gate = service, gate
        self._gated, self._acts = gated, acts
        self._in_force = InForce()
        self._watches = {}  # container → Watch
        self._findings = {}  # container → what was found of it in the end
        self._empty = {}  # place → for how many looks
        self.at_rest = False

    def look(self):
        """Look once, and do what follows. Raises EngineError and ProxySilent."""
        everybody = self._service.containers()
        there = [one for one in everybody if not _is_being_made(one)]
        if not there or not self._in_force.name:
            self._begin(there)
            return
        self._in_force.learn(there)
        if self._acts and self._fill(everybody):
            return
        wanted = self._in_force.asked_for(there)
        name = name_of(wanted) if wanted else self._in_force.name
        self.at_rest = {name_of(one) for one in there} == {self._in_force.name}
        if name != self._in_force.name:
            self._deploy(name, there)
        elif others := [one for one in there if name_of(one) != name]:
            self._take_back(others, "as was asked for")

    def _begin(self, there):
        """The first release that all replicas have is in force."""
        if len({name_of(one) for one in there}) == 1:
            self._in_force.adopt(there)
            print(f"release {self._in_force.name} is in force", flush=True)

    def _deploy(self, name, there):
        """One step of a deployment."""
        have = [one for one in there if name_of(one) == name]
        left = [one for one in there if name_of(one) != name]
        seen = proxy.look().servers if self._gated else {}
        findings = [self._find(one, name, seen) for one in have]
        match next_step(findings, len(left)):
            case Step.ROLL_BACK:
                others = [one for one in there if name_of(one) != self._in_force.name]
                self._take_back(others, f"because release {name} does not work")
            case Step.NEXT if self._acts:
                print(f"Deploying release {name} to {_called(left[0])}", flush=True)
                self._in_force.put(engine.place_of(left[0]), left[:1], release_of(have[0]))
            case Step.ACCEPT:
                self._in_force.adopt(have)
                print(f"release {name} is in force", flush=True)

    def _find(self, one, name, seen):
        """What is to be thought of one replica of a new release."""
        key, now_s = one["Id"], time.monotonic()
        if not self._gated:
            return Finding.PASSED
        if key in self._findings:
            return self._findings[key]
        if key not in self._watches:
            print(f"release {name} is new on {_called(one)}", flush=True)
            self._watches[key] = Watch(self._gate, now_s)
        finding = self._watches[key].take(_look(one, seen, now_s))
        if finding is Finding.PASSED:
            print(f"release {name} is good on {_called(one)}", flush=True)
        if finding is Finding.FAILED:
            why = self._watches[key].why
            print(f"release {name} has failed on {_called(one)}: {why}", flush=True)
        if finding is not Finding.WATCH:
            self._findings[key] = finding
            del self._watches[key]
        return finding

    def _take_back(self, others, why):
        """The release in force for all of these; those that failed come first."""
        if not self._acts:
            return
        others.sort(key=lambda one: self._findings.get(one["Id"]) is not Finding.FAILED)
        print(f"Rolling back {', '.join(map(_called, others))} {why}", flush=True)
        for one in others:
            self._in_force.put(engine.place_of(one), [one])
        print(f"Rolled back to release {self._in_force.name}", flush=True)

    def _fill(self, everybody):
        """Put somebody into a place that is left empty; whether it was so.

        What is still being made by this process's name was left when it ended in the middle of it.
        """
        leftovers = {engine.place_of(one) for one in everybody if _is_ours(one)}
        taken = {engine.place_of(one) for one in everybody}
        for place in self._in_force.places:
            self._empty[place] = 0 if place in taken else self._empty.get(place, 0) + 1
            if place in leftovers or self._empty[place] >= GONE_LOOKS:
                print(f"Filling place {place}", flush=True)
                here = [one for one in everybody if engine.place_of(one) == place]
                for one in filter(_is_ours, here):
                    engine.remove(one["Id"])
                self._in_force.put(place, [one for one in here if not _is_ours(one)])
                self._empty[place] = 0
                return True
        return False


def _look(one, seen, now_s):
    server, state = seen.get(engine.address_of(one)), one["State"]
    return Look(
        at_s=now_s,
        alive=state["Running"] and not state["Restarting"] and not one["RestartCount"],
        up=bool(server and server.up),
        asked=server.asked if server else None,
        failed=server.failed if server else 0,
    )


def _called(one):
    return f"{SERVICE}-{engine.place_of(one)}"


def _is_ours(one):
    return one["Name"].endswith(BEING_MADE)


def _is_being_made(one):
    """Not in its place yet; one whose start has failed is."""
    state = one["State"]
    return _is_ours(one) or (state["Status"] == "created" and not state["Error"])


def tell(deployer):
    """Say on port 8080 whether the deployer is at rest."""

    class Told(BaseHTTPRequestHandler):
        def do_GET(self):
            text = b"at rest\n" if deployer.at_rest else b"deploying\n"
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            """Its log is for what it does."""

    server = ThreadingHTTPServer(("0.0.0.0", 8080), Told)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    """Look until a signal ends the process."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    service, said = engine.Service(SERVICE), ""
    deployer = Deployer(
        service,
        Gate(),
        gated=os.environ.get("GATE") != "off",
        acts=os.environ.get("ROLLBACK") != "off",
    )
    tell(deployer)
    print(f"deploys {service.name} of project {service.project}", flush=True)
    while not ended.wait(EVERY_S):
        try:
            deployer.look()
            said = ""
        except (engine.EngineError, proxy.ProxySilent) as error:
            if str(error) != said:
                said = str(error)
                print(f"cannot look: {said}", flush=True)


if __name__ == "__main__":
    main()
