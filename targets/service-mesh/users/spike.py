"""Users who all come at once: a spike of requests at each SIGUSR1 or SIGUSR2, nothing otherwise.

Open loop, as users are: each request has a connection of its own, is sent whether or not the others
were answered, and is given up after 1.5 s. SIGUSR1 goes through the mesh's good listener, SIGUSR2
through the naive one.
"""

import asyncio
import os
import signal
from collections import Counter

RATE_HZ = float(os.environ.get("SPIKE_RATE", "300"))
LENGTH_S = float(os.environ.get("SPIKE_LENGTH", "2"))
PATIENCE_S = 1.5
WAYS = {signal.SIGUSR1: 8080, signal.SIGUSR2: 8081}


async def ask(port: int) -> str:
    """One request; the status it got."""
    reader, writer = await asyncio.open_connection("envoy", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: mesh\r\nConnection: close\r\n\r\n")
        return (await reader.readline()).split(b" ")[1].decode()
    finally:
        writer.close()


async def user(port: int) -> str:
    """One user: the status, or what went wrong."""
    try:
        return await asyncio.wait_for(ask(port), PATIENCE_S)
    except (OSError, IndexError, TimeoutError) as error:
        return type(error).__name__


async def spike(port: int) -> None:
    """RATE_HZ requests a second for LENGTH_S."""
    loop = asyncio.get_running_loop()
    begun, users = loop.time(), []
    print(f"spike of {RATE_HZ:g} requests a second for {LENGTH_S:g} s on port {port}")
    for number in range(int(RATE_HZ * LENGTH_S)):
        await asyncio.sleep(begun + number / RATE_HZ - loop.time())
        users.append(asyncio.create_task(user(port)))
    print(f"spike over: {dict(Counter(await asyncio.gather(*users)))}")


async def main() -> None:
    """Wait for signals."""
    loop, spikes = asyncio.get_running_loop(), set()

    def begin(port: int) -> None:
        task = loop.create_task(spike(port))
        spikes.add(task)
        task.add_done_callback(spikes.discard)

    for number, port in WAYS.items():
        loop.add_signal_handler(number, begin, port)
    loop.add_signal_handler(signal.SIGTERM, os._exit, 0)
    print("waiting for SIGUSR1 or SIGUSR2")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
