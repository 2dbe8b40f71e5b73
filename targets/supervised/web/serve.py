"""A small HTTP service that proves every second that it is alive, as sd_notify(3) has it.

The ping is sent by the loop that also answers requests: a loop that hangs does not ping. It needs
its configuration to start, like everybody.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
from pathlib import Path

PORT = 8080
CONFIG = Path("/etc/web/page.json")
PID_FILE = Path("/run/web.pid")
WATCHDOG = "/run/watchdog.sock"
PING_EVERY_S = 1.0  # half of what the watchdog allows


async def ping() -> None:
    """Tell the watchdog, when there is one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
        while True:
            with contextlib.suppress(OSError):  # it is being started, or switched off
                out.sendto(b"WATCHDOG=1", WATCHDOG)
            await asyncio.sleep(PING_EVERY_S)


async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request, one answer, and the connection is closed."""
    try:
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(TEXT)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + TEXT)
        await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # the client left, or is no HTTP client
    finally:
        writer.close()


async def main() -> None:
    """Serve until a signal ends the process."""
    PID_FILE.write_text(str(os.getpid()), encoding="ascii")
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, os._exit, 0)
    loop.set_exception_handler(lambda _, told: print(told["message"], flush=True))  # one line each
    server = await asyncio.start_server(serve_one, "0.0.0.0", PORT, backlog=128)
    print(f"web serves on port {PORT}", flush=True)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ping())
        tasks.create_task(server.serve_forever())


if __name__ == "__main__":
    TEXT = json.loads(CONFIG.read_text(encoding="utf-8"))["greeting"].encode() + b"\n"
    asyncio.run(main())
