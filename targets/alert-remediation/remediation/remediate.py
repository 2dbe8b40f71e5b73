"""Restarts the container that an alert is about: the webhook that Alertmanager calls.

One container at a time, and the next one only when the last one serves again: else a leak that every
replica has would take all of them away at once. Alertmanager repeats what still fires, and two of
them tell everything twice, so an alert that is older than the container's last start is done
already. Only containers of its own Compose project are touched.
"""

import json
import queue
import signal
import socket
import sys
import threading
import time
import urllib.request
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import docker
import docker.errors

PROJECT = "com.docker.compose.project"
SERVES_WITHIN_S = 10.0
ALERTS = queue.Queue()


class Hook(BaseHTTPRequestHandler):
    """Takes notifications: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config"""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        for alert in json.loads(body)["alerts"]:
            if alert["status"] == "firing":
                ALERTS.put(alert)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """No line for each request."""


def since_epoch(text):
    """Seconds, from a time in UTC as Go writes it: 2026-05-03T10:00:00.123456789Z."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(whole + "+00:00").timestamp() + float(f"0.{fraction or 0}")


def serves(container):
    """Whether the restarted service answers its health check."""
    container.reload()
    for network in container.attrs["NetworkSettings"]["Networks"].values():
        try:
            with urllib.request.urlopen(f"http://{network['IPAddress']}:8080/health", timeout=1):
                return True
        except OSError:
            pass
    return False


def remediate(client, project, alert, look_only):
    """Restart what one alert is about."""
    labels = alert["labels"]
    try:
        container = client.containers.get(labels["container"])
        if container.labels.get(PROJECT) != project:
            print(f"{container.name} is not of this project", flush=True)
            return
        started = since_epoch(container.attrs["State"]["StartedAt"])
        if started > since_epoch(alert["startsAt"]):
            print(f"{container.name} was restarted since {labels['alertname']}", flush=True)
            return
        print(f"{container.name}: {labels['alertname']} is firing", flush=True)
        if look_only:
            return
        print(f"Restarting container {container.name}", flush=True)
        container.restart(timeout=1)
        deadline = time.monotonic() + SERVES_WITHIN_S
        while not serves(container) and time.monotonic() < deadline:
            time.sleep(0.1)
        print(f"Restarted container {container.name}", flush=True)
    except docker.errors.DockerException as error:
        print(f"could not restart {labels.get('container')}: {error}", flush=True)


def main():
    """Take alerts until a signal ends the process."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    look_only = "--look-only" in sys.argv
    client = docker.from_env()
    project = client.containers.get(socket.gethostname()).labels[PROJECT]
    server = ThreadingHTTPServer(("0.0.0.0", 8080), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"remediates for project {project}", flush=True)
    while True:
        remediate(client, project, ALERTS.get(), look_only)


if __name__ == "__main__":
    main()
