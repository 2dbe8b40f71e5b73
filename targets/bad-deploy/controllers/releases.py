"""What a release is, which one is in force, and a container of one release in the place of another.

A release is what a deployment changes: image, command and environment. The rest of a container (its
labels, networks, volumes and limits) belongs to its place, and is written down as long as all is well.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

import engine

STATE = Path("/state/in-force.json")
PARTS = ("Image", "Cmd", "Entrypoint", "Env")
GRACE_S = 1
BEING_MADE = ".next"  # ends the name of a container that is not in its place yet


def release_of(container):
    """The release that a container is of; its environment in a fixed order."""
    config = container["Config"]
    found = {part: config.get(part) for part in PARTS}
    found["Env"] = sorted(found["Env"] or ())
    return found


def name_of(container):
    """A release's name, by what it consists of: the same for an image under another name."""
    release = {**release_of(container), "Image": container["Image"]}
    return hashlib.sha256(json.dumps(release, sort_keys=True).encode()).hexdigest()[:8]


class InForce:
    """The release that is known to work, and every place as it is with it. Kept on disk.

    So are the containers that the deployer made itself: all others are somebody's deployments.
    """

    def __init__(self, path=STATE):
        """What was in force when the deployer ended, if it is not the first time."""
        self._path = path
        self.name, self.release, self.places, self._made = "", {}, {}, []
        with contextlib.suppress(FileNotFoundError):
            saved = json.loads(path.read_text())
            self.name, self.release = saved["name"], saved["release"]
            self.places = {int(place): one for place, one in saved["places"].items()}
            self._made = saved["made"]

    def adopt(self, containers):
        """From now on the release of these containers is in force, and they are in their places."""
        self.name, self.release = name_of(containers[0]), release_of(containers[0])
        self._settle(containers)

    def learn(self, containers):
        """Places that nobody knew of, as they are with the release in force."""
        if unknown := [one for one in containers if engine.place_of(one) not in self.places]:
            self._settle(unknown)

    def asked_for(self, containers):
        """The container with which somebody last asked for a release; None when nobody has."""
        deployed = [one for one in containers if one["Id"] not in self._made]
        return max(deployed, key=lambda one: one["Created"], default=None)

    def put(self, place, occupants, release=None):
        """A container of a release in a place, instead of whoever is there. Raises EngineError.

        The new one is made while the old one still serves, since making it may fail.
        """
        name = self.places[place]["name"]
        body = {**self.places[place]["body"], **(release or {})}
        made = engine.create(body, name + BEING_MADE)
        gone = {one["Id"] for one in occupants}
        self._made = [one for one in self._made if one not in gone] + [made]
        self._write_down()
        try:
            for one in occupants:
                with contextlib.suppress(engine.EngineError):  # it may have ended by itself
                    engine.stop(one["Id"], GRACE_S)
                engine.remove(one["Id"])
            engine.rename(made, name)
        except engine.EngineError:
            engine.remove(made)
            raise
        engine.start(made)

    def _settle(self, containers):
        for one in containers:
            body = {**engine.body_of(one), **self.release}
            self.places[engine.place_of(one)] = {"name": one["Name"].lstrip("/"), "body": body}
        self._write_down()

    def _write_down(self):
        draft = self._path.with_suffix(".new")
        with draft.open("w") as file:
            kept = {"name": self.name, "release": self.release, "places": self.places}
            json.dump({**kept, "made": self._made}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
