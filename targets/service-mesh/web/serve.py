"""A back end with a capacity: one worker that needs 20 ms for a request, and a queue before it.

The queue holds 100 requests, two seconds of work; who comes when it is full gets 503. As in any pool
of threads, nobody looks whether the caller is still there before the work is done.
That is what makes a retry storm possible: a request that was given up costs as much as one that is
waited for. Any path and any method is fine; connections are kept open.
"""

import asyncio
import os
import signal
import socket

PORT = 8080
WORK_S = float(os.environ.get("WORK_S", "0.02"))
WAITING = 100
BACKLOG = 1024
HOSTNAME = socket.gethostname()


async def work(queue: asyncio.Queue) -> None:
    """The worker: one request after the other, in the order in which they came."""
    while True:
        done = await queue.get()
        await asyncio.sleep(WORK_S)
        done.set_result(f"hello from {HOSTNAME}\n")


async def serve(reader, writer, queue: asyncio.Queue) -> None:
    """One connection: read a request, wait for the worker, answer; and again."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.split(b":")[1]))
            if queue.full():
                status, text = "503 Service Unavailable", "too many are waiting\n"
            else:
                done = asyncio.get_running_loop().create_future()
                queue.put_nowait(done)
                status, text = "200 OK", await done
            answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n{text}"
            writer.write(answer.encode())
            await writer.drain()
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # the client left, or is no HTTP client
    finally:
        writer.close()


async def main() -> None:
    """Serve until a signal ends the process."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    queue: asyncio.Queue = asyncio.Queue(WAITING)
    worker = asyncio.create_task(work(queue))
    server = await asyncio.start_server(
        lambda reader, writer: serve(reader, writer, queue), "0.0.0.0", PORT, backlog=BACKLOG
    )
    print(f"{HOSTNAME} serves on port {PORT}, {1 / WORK_S:.0f} requests a second", flush=True)
    await asyncio.gather(worker, server.serve_forever())


if __name__ == "__main__":
    asyncio.run(main())
