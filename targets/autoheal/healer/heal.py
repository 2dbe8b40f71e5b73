"""Restarts every container of its own Compose project that the engine calls unhealthy.

It listens to the engine's events instead of asking at an interval, so it acts in the moment in which
the health check has failed often enough. What became unhealthy while it was away it finds when it
starts, and what it missed it finds every few seconds: an event is told only once.
"""

import signal
import socket
import sys
import threading

import docker
import docker.errors

PROJECT = "com.docker.compose.project"
LOOK_EVERY_S = 5.0  # for what no event told of


def heal(client, container_id, look_only):
    """Restart one unhealthy container at once: what hangs does not hear a request to end."""
    try:
        container = client.containers.get(container_id)
        if container.attrs["State"].get("Health", {}).get("Status") != "unhealthy":
            return
        print(f"{container.name} found to be unhealthy", flush=True)
        if look_only:
            return
        print(f"Restarting container {container.name}", flush=True)
        container.restart(timeout=0)
        print(f"Restarted container {container.name}", flush=True)
    except docker.errors.DockerException as error:
        print(f"could not restart {container_id[:12]}: {error}", flush=True)


def look(client, chosen, look_only):
    """Heal whatever is unhealthy now."""
    for container in client.containers.list(filters={**chosen, "health": "unhealthy"}):
        heal(client, container.id, look_only)


def look_again(chosen, look_only):
    """Look for what was missed, for ever."""
    client = docker.from_env()
    while not threading.Event().wait(LOOK_EVERY_S):
        look(client, chosen, look_only)


def main():
    """Listen until a signal ends the process."""
    look_only = "--look-only" in sys.argv
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    client = docker.from_env()
    project = client.containers.get(socket.gethostname()).labels[PROJECT]
    chosen = {"label": f"{PROJECT}={project}"}
    events = client.events(decode=True, filters={**chosen, "event": "health_status"})
    print(f"watching project {project}", flush=True)
    look(client, chosen, look_only)
    threading.Thread(target=look_again, args=(chosen, look_only), daemon=True).start()
    for event in events:
        if event["status"].endswith("unhealthy"):
            heal(client, event["id"], look_only)


if __name__ == "__main__":
    main()
