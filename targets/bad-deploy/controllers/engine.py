"""The engine's API, as far as a controller of one Compose service needs it.

Everything that is looked at or touched is of the controller's own Compose project: the engine's
socket would let it do more.
"""

import http.client
import json
import socket
from urllib.parse import quote, urlencode

SOCKET = "/var/run/docker.sock"
PATIENCE_S = 20.0
PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
_SHORT_ID = 12


class EngineError(Exception):
    """The engine did not do what it was asked, or did not answer."""


class _Connection(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(SOCKET)


def ask(method, path, body=None, **query):
    """One request; what was answered. Raises EngineError."""
    url = f"/{path}?{urlencode(query)}" if query else f"/{path}"
    connection = _Connection("engine")
    try:
        payload = None if body is None else json.dumps(body)
        connection.request(method, url, payload, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read().decode()
    except (OSError, http.client.HTTPException) as error:
        message = f"{method} {path}: {error}"
        raise EngineError(message) from error
    finally:
        connection.close()
    if reply.status >= 400:
        message = f"{method} {path}: {reply.status} {text.strip()}"
        raise EngineError(message)
    return json.loads(text) if text.strip() else None


class Service:
    """The containers of one service of the project that this process runs in."""

    def __init__(self, name):
        """Raises EngineError."""
        me = ask("GET", f"containers/{socket.gethostname()}/json")
        self.name, self.project = name, me["Config"]["Labels"][PROJECT]

    def containers(self):
        """All of them as the engine describes them, whatever their state, by place and age."""
        labels = [f"{PROJECT}={self.project}", f"{SERVICE}={self.name}"]
        filters = json.dumps({"label": labels})
        found = []
        for row in ask("GET", "containers/json", all=1, filters=filters):
            try:
                found.append(ask("GET", f"containers/{row['Id']}/json"))
            except EngineError:
                continue  # it went away meanwhile
        return sorted(found, key=lambda one: (place_of(one), one["Created"]))


def place_of(container):
    """Its number in its service."""
    return int(container["Config"]["Labels"][NUMBER])


def address_of(container):
    """Where it is reached now; empty when it is not running."""
    networks = container["NetworkSettings"]["Networks"] or {}
    return next((one["IPAddress"] for one in networks.values() if one.get("IPAddress")), "")


def body_of(container):
    """What the engine must be told to make the same container again, but for its address."""
    short = container["Id"][:_SHORT_ID]
    config = {key: one for key, one in container["Config"].items() if key != "MacAddress"}
    if config.get("Hostname") == short:
        del config["Hostname"]  # the engine's own choice
    networks = container["NetworkSettings"]["Networks"] or {}
    endpoints = {
        name: {"Aliases": [alias for alias in one.get("Aliases") or () if alias != short]}
        for name, one in networks.items()
    }
    return {
        **config,
        "HostConfig": container["HostConfig"],
        "NetworkingConfig": {"EndpointsConfig": endpoints},
    }


def create(body, name):
    """A container that is not started yet; its id."""
    return ask("POST", f"containers/create?name={quote(name)}", body)["Id"]


def start(one):
    """Raises EngineError when it cannot be started."""
    ask("POST", f"containers/{one}/start")


def stop(one, grace_s):
    """It is asked to end, and killed after the grace period."""
    ask("POST", f"containers/{one}/stop", t=grace_s)


def remove(one):
    """Gone at once; that somebody else removes it is fine."""
    try:
        ask("DELETE", f"containers/{one}", force=1, v=1)
    except EngineError as error:
        if " 404 " not in str(error) and "already in progress" not in str(error):
            raise


def rename(one, name):
    """Another name."""
    ask("POST", f"containers/{one}/rename", name=name)
