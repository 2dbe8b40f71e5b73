"""Users of the shop: RATE requests a second, reached evenly within RISE_S seconds, for at most FOR_S.

Open loop, as users are: each request has a connection of its own and is sent whether or not the others
were answered. They ask the proxy of their own project and nobody else, and no more than MOST of them
wait at a time: who finds that many waiting leaves.
"""

import asyncio
import os
import signal

RATE_HZ = float(os.environ.get("RATE", "0"))
RISE_S = float(os.environ.get("RISE_S", "0"))
FOR_S = float(os.environ.get("FOR_S", "120"))
MOST = 200
PATIENCE_S = 1.5
PAGE = b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"


def due_s(number):
    """When the request with this number, from 0, is sent: after so many seconds."""
    while_rising = RATE_HZ * RISE_S / 2
    if number < while_rising:
        return (2 * number * RISE_S / RATE_HZ) ** 0.5
    return RISE_S + (number - while_rising) / RATE_HZ


async def ask():
    """One request; whether it got its page."""
    reader, writer = await asyncio.open_connection("lb", 8080)
    try:
        writer.write(PAGE)
        return b" 200 " in await reader.readline()
    finally:
        writer.close()


async def user(counts):
    """One user."""
    try:
        good = await asyncio.wait_for(ask(), PATIENCE_S)
    except (OSError, TimeoutError):
        good = False
    counts["good" if good else "bad"] += 1


async def come():
    """All of them."""
    loop = asyncio.get_running_loop()
    begun_s, number, waiting = loop.time(), 0, set()
    counts = {"good": 0, "bad": 0, "left": 0}
    print(f"{RATE_HZ:g} requests a second, within {RISE_S:g} s", flush=True)
    while (due := due_s(number)) < FOR_S:
        await asyncio.sleep(begun_s + due - loop.time())
        number += 1
        if len(waiting) >= MOST:
            counts["left"] += 1
            continue
        task = asyncio.create_task(user(counts))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
    print(f"all have gone: {counts}", flush=True)


async def main():
    """Come, if anybody is to come; then wait for a signal."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    if RATE_HZ > 0:
        await come()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
