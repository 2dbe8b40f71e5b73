"""A small HTTP service: a front page that says who answered, and /health for the engine.

One connection, one answer, in about a millisecond. SIGTERM ends it at once, so that stopping it
never costs a grace period.
"""

import asyncio
import os
import signal
import socket

PORT = 8080
BACKLOG = 1024
HEAD_LIMIT_S = 5  # a client that sends no request is not waited for longer

HOSTNAME = socket.gethostname()
PAGES = {"/": f"hello from {HOSTNAME}\n", "/health": "ok\n"}


def answer(head: bytes) -> bytes:
    """The whole response to a request's head."""
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    method, path = words[0], (words[1] if len(words) > 1 else "").partition("?")[0]
    if method not in {"GET", "HEAD"}:
        status, text = "405 Method Not Allowed", "only GET and HEAD\n"
    elif path in PAGES:
        status, text = "200 OK", PAGES[path]
    else:
        status, text = "404 Not Found", "no such page\n"
    lines = (
        f"HTTP/1.1 {status}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(text)}",
        f"X-Served-By: {HOSTNAME}",
        "Connection: close",
        "",
        "" if method == "HEAD" else text,
    )
    return "\r\n".join(lines).encode()


async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read one request's head, answer, close."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_LIMIT_S)
        writer.write(answer(head))
        await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # the client left, or is no HTTP client
    finally:
        writer.close()


async def main() -> None:
    """Serve until a signal ends the process."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    server = await asyncio.start_server(serve_one, "0.0.0.0", PORT, backlog=BACKLOG)
    print(f"{HOSTNAME} serves on port {PORT}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
