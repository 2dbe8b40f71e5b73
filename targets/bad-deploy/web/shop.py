"""A shop whose every page needs one connection of a pool to its database for a moment.

    GET /         200 and which release answered; 503 when no connection is free in time
    GET /health   200 as long as the process answers: it needs no connection

A release is an image and its settings: RELEASE, its name; POOL, how many connections it has; WORK_MS,
how long a page holds one; WAIT_MS, how long it waits for one. What it can serve is POOL / WORK_MS, and
a pool that is too small shows under load and nowhere else. A request to end lets the pages under way
end first.
"""

import asyncio
import os
import signal
import socket

PORT = 8080
BACKLOG = 1024
HEAD_LIMIT_S = 5.0
HOSTNAME = socket.gethostname()

RELEASE = os.environ.get("RELEASE", "1")
POOL = int(os.environ.get("POOL", "32"))
WORK_S = float(os.environ.get("WORK_MS", "100")) / 1000
WAIT_S = float(os.environ.get("WAIT_MS", "0")) / 1000

pool = asyncio.Semaphore(POOL)


async def front_page() -> tuple[str, str]:
    """The page, or that there is no connection for it."""
    if pool.locked() and not WAIT_S:
        return "503 Service Unavailable", f"all {POOL} connections are taken\n"
    try:
        async with asyncio.timeout(WAIT_S or None):
            await pool.acquire()
    except TimeoutError:
        return "503 Service Unavailable", f"no connection was free within {WAIT_S:g} s\n"
    try:
        await asyncio.sleep(WORK_S)
    finally:
        pool.release()
    return "200 OK", f"release {RELEASE} from {HOSTNAME}\n"


async def answer(head: bytes) -> bytes:
    """The whole response to a request's head."""
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    path = (words[1] if len(words) > 1 else "").partition("?")[0]
    if path == "/":
        status, text = await front_page()
    elif path == "/health":
        status, text = "200 OK", "fine\n"
    else:
        status, text = "404 Not Found", "no such page\n"
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n"
        f"X-Release: {RELEASE}\r\nConnection: close\r\n\r\n{text}"
    ).encode()


async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read one request's head, answer, close."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_LIMIT_S)
        writer.write(await answer(head))
        await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # the client left, or is no HTTP client
    finally:
        writer.close()


async def main() -> None:
    """Serve until a signal ends the process."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    server = await asyncio.start_server(serve_one, "0.0.0.0", PORT, backlog=BACKLOG)
    print(f"{HOSTNAME} serves release {RELEASE} on port {PORT}", flush=True)
    await ended.wait()
    server.close()
    await asyncio.sleep(WAIT_S + 2 * WORK_S)  # what is under way
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
