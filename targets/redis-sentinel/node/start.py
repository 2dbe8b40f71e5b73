"""Starts a Redis server or a Sentinel that knows who is primary.

Whoever starts asks the Sentinels first. When there are none yet, the cluster is new, and the server
with the lowest address is primary. A server that comes back waits RESTART_AFTER_S seconds before it
asks: by then a primary that was missed has a successor, and comes back as its replica.
"""

import os
import shutil
import socket
import sys
import time
from pathlib import Path

NODES = 3
REDIS, SENTINEL = ("redis", 6379), ("sentinel", 26379)
LOOK_EVERY_S = 0.1
ANSWER_S = 0.5

NODE_CONF = Path("/data/node.conf")
SENTINEL_CONF = Path("/data/sentinel.conf")


def say(text):
    print(f"start.py: {text}", flush=True)


def addresses(name):
    """The addresses behind a name in the engine's DNS, lowest first."""
    try:
        found = {row[4][0] for row in socket.getaddrinfo(name, None, socket.AF_INET)}
    except OSError:
        return []
    return sorted(found, key=lambda one: tuple(map(int, one.split("."))))


def ask(host, port, command):
    """The raw answer to a command, which fits into one packet; empty when there is none."""
    try:
        with socket.create_connection((host, port), ANSWER_S) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(65536).decode()
    except OSError:
        return ""


def known_primary():
    """Who is primary, as a Sentinel says; None when no Sentinel knows."""
    name, port = SENTINEL
    for host in addresses(name):
        lines = ask(host, port, "sentinel get-master-addr-by-name main").split("\r\n")
        if lines[0] == "*2":
            return lines[2]
    return None


def founder():
    """The primary of a new cluster: the lowest address, once everybody is there."""
    while len(found := addresses(REDIS[0])) < NODES:
        time.sleep(LOOK_EVERY_S)
    return found[0]


def start_redis(options):
    """A server that has been here before never goes by its own opinion of who is primary."""
    returning = NODE_CONF.exists()
    if returning:
        time.sleep(float(os.environ.get("RESTART_AFTER_S", "5")))
    primary = known_primary()
    while returning and primary is None:
        say("no Sentinel says who is primary")
        time.sleep(1)
        primary = known_primary()
    primary = primary or founder()
    # Sentinel writes its decisions into the server's own file; what counts is what it says now.
    shutil.copy("/etc/redis/redis.conf", NODE_CONF)
    if primary != socket.gethostbyname(socket.gethostname()):
        options = [*options, "--replicaof", primary, str(REDIS[1])]
    say(f"primary is {primary}")
    os.execvp("redis-server", ["redis-server", str(NODE_CONF), *options])


def start_sentinel():
    """It finds replicas every 10 s only, so it starts when they are there."""
    if not SENTINEL_CONF.exists():
        primary = known_primary()
        if primary is None:
            primary = founder()
            while f"connected_slaves:{NODES - 1}" not in ask(primary, REDIS[1], "info replication"):
                time.sleep(LOOK_EVERY_S)
        quorum = os.environ.get("QUORUM", "2")
        down_after = os.environ.get("DOWN_AFTER_MS", "1000")
        SENTINEL_CONF.write_text(
            f"port {SENTINEL[1]}\ndir /data\nprotected-mode no\n"
            f"sentinel monitor main {primary} {REDIS[1]} {quorum}\n"
            f"sentinel down-after-milliseconds main {down_after}\n"
            + Path("/etc/redis/sentinel.conf").read_text()
        )
    os.execvp("redis-server", ["redis-server", str(SENTINEL_CONF), "--sentinel"])


if __name__ == "__main__":
    if sys.argv[1] == "redis":
        start_redis(sys.argv[2:])
    else:
        start_sentinel()
