"""A web service that writes every visit to its disk, tells how full it is, and leaks when told to.

    GET /            200, and a line in /data/visits.log; 503 when the disk is full
    GET /health      the same without the line
    GET /metrics     memory and disk of this container, for Prometheus
    POST /leak?memory=20   from now on leak so many MiB a second, really: into the heap
    POST /leak?disk=5      the same, into files below /data
    DELETE /leak           stop that; what was leaked stays leaked

A signal to end lets the requests under way end first.
"""

import asyncio
import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PORT = 8080
DATA = Path("/data")
VISITS = DATA / "visits.log"
MOST_BYTES = 1 << 20  # of visits; then the log begins anew
STEPS_A_SECOND = 20
HEAD_LIMIT_S = 5.0
CONTAINER = socket.gethostname()
CGROUP = Path("/sys/fs/cgroup")

leaked = []  # memory that nobody ever frees
rates = {"memory": 0.0, "disk": 0.0}  # MiB a second


def visit():
    """One line on disk. Raises OSError when it is full."""
    with VISITS.open("ab") as file:
        if file.tell() > MOST_BYTES:
            file.truncate(0)
        file.write(f"{time.time():.3f} visited\n".encode())


def room():
    """Bytes that are free on disk."""
    state = os.statvfs(DATA)
    return state.f_bavail * state.f_frsize


def memory():
    """Bytes in use that the kernel cannot take back, and the limit; on cgroup v1 and v2."""
    first = CGROUP / "memory"
    if first.is_dir():
        used, limit = first / "memory.usage_in_bytes", first / "memory.limit_in_bytes"
        stat, cache = first / "memory.stat", "total_inactive_file"
    else:
        used, limit = CGROUP / "memory.current", CGROUP / "memory.max"
        stat, cache = CGROUP / "memory.stat", "inactive_file"
    rows = dict(line.split() for line in stat.read_text().splitlines())
    return int(used.read_text()) - int(rows.get(cache, 0)), limit.read_text().strip()


def metrics():
    """Under the names that cAdvisor and node_exporter use."""
    used, limit = memory()
    me = f'container="{CONTAINER}"'
    return (
        f"container_memory_working_set_bytes{{{me}}} {used}\n"
        f"container_spec_memory_limit_bytes{{{me}}} {'+Inf' if limit == 'max' else limit}\n"
        f'node_filesystem_avail_bytes{{{me},mountpoint="{DATA}"}} {room()}\n'
    )


def front_page(_query):
    """The page that users want."""
    try:
        visit()
    except OSError as error:
        return "503 Service Unavailable", f"{error.strerror}\n"
    return "200 OK", "welcome\n"


def health(_query):
    """Whether the next visit will find a place."""
    return ("200 OK", "fine\n") if room() else ("503 Service Unavailable", "disk full\n")


def begin_to_leak(query):
    """From now on, at these rates."""
    rates.update({what: float(query[what][0]) for what in rates if what in query})
    return "200 OK", f"{CONTAINER} leaks {rates}\n"


def stop_leaking(_query):
    """What was leaked stays leaked."""
    rates.update(memory=0.0, disk=0.0)
    return "200 OK", f"{CONTAINER} leaks no more\n"


PAGES = {
    ("GET", "/"): front_page,
    ("GET", "/health"): health,
    ("GET", "/metrics"): lambda _query: ("200 OK", metrics()),
    ("POST", "/leak"): begin_to_leak,
    ("DELETE", "/leak"): stop_leaking,
}


def answer(method, target):
    """Status and text for one request."""
    url = urlsplit(target)
    page = PAGES.get(("GET" if method == "HEAD" else method, url.path))
    return page(parse_qs(url.query)) if page else ("404 Not Found", "no such page\n")


async def leak():
    """Leak at the rates that were asked for, a little at a time."""
    number = 0
    while True:
        await asyncio.sleep(1 / STEPS_A_SECOND)
        if rates["memory"]:
            leaked.append(os.urandom(int(rates["memory"] * (1 << 20) / STEPS_A_SECOND)))
        if rates["disk"]:
            number += 1
            try:
                data = os.urandom(int(rates["disk"] * (1 << 20) / STEPS_A_SECOND))
                (DATA / f"forgotten-{number}").write_bytes(data)
            except OSError:
                pass  # full


async def serve_one(reader, writer):
    """Read one request's head, answer, close."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_LIMIT_S)
        method, target, *_ = head.decode("latin-1").split(" ", 2)
        status, text = answer(method, target)
        body = "" if method == "HEAD" else text
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n"
            f"X-Served-By: {CONTAINER}\r\nConnection: close\r\n\r\n{body}".encode()
        )
        await writer.drain()
    except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
        pass  # the client left, or is no HTTP client
    finally:
        writer.close()


async def main():
    """Serve until a signal ends the process."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    leaking = asyncio.create_task(leak())
    server = await asyncio.start_server(serve_one, "0.0.0.0", PORT, backlog=1024)
    print(f"{CONTAINER} serves on port {PORT}", flush=True)
    await ended.wait()
    server.close()
    leaking.cancel()
    await asyncio.sleep(0.1)  # what is under way takes milliseconds


if __name__ == "__main__":
    asyncio.run(main())
