"""A worker: fetches jobs from JetStream, does them, and acknowledges them when their effect is stored.

The broker hands a job out again that was not acknowledged within `ack_wait`, whoever has it and
whatever became of them. A job that was handed out too often is put aside.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time

import nats.errors
import redis
import redis.asyncio
from queue_of_jobs import (
    AGAIN_AFTER_S,
    DEAD,
    EFFECTS,
    GROUP,
    JOBS,
    STREAM,
    TROUBLE,
    connect,
    make_queue,
    say,
)

NAME = socket.gethostname()
FETCH_S = 0.5
ALIVE_MS = 2000  # after its last sign of life, of which there is one in 0.7 s at least
REPLY_KEPT_S = 60


async def insist(action):
    """Do what may be done twice, until it is done."""
    while True:
        try:
            return await action()
        except (redis.RedisError, *TROUBLE) as error:
            say(f"again in {AGAIN_AFTER_S} s: {error}")
            await asyncio.sleep(AGAIN_AFTER_S)


class Worker:
    """One connection, and as many jobs at the same time as it has slots."""

    def __init__(self, settings, jetstream):
        self.settings = settings
        self.jetstream = jetstream
        self.store = redis.asyncio.Redis(host="store", socket_timeout=2, decode_responses=True)

    async def keep_taking(self, jobs, *, beats):
        """One job at a time. One of the slots says that there is somebody to take them."""
        while True:
            if beats:
                with contextlib.suppress(redis.RedisError):
                    await self.store.psetex(f"alive:{NAME}", ALIVE_MS, "yes")
            try:
                fetched = await jobs.fetch(1, timeout=FETCH_S)
            except nats.errors.TimeoutError:
                continue  # no job
            except TROUBLE as error:
                say(f"no jobs: {error}")
                await asyncio.sleep(AGAIN_AFTER_S)
                continue
            for one in fetched:
                await self.take(one)

    async def take(self, message):
        """Do it, unless it was handed out too often."""
        about = message.metadata
        job, deliveries = about.sequence.stream, about.num_delivered
        if self.settings.deliveries and deliveries > self.settings.deliveries:
            await insist(lambda: self.jetstream.publish(DEAD, message.data))
            await insist(message.term)
            say(f"dead letter: job {job} after {deliveries} deliveries")
            return
        if deliveries > 1:
            say(f"redelivered job {job}, delivery {deliveries}")
        await self.do(job, message, about.timestamp.timestamp())
        if deliveries > 1:
            say(f"finished redelivered job {job}")

    async def do(self, job, message, added_s):
        """The work; then its effect; then the acknowledgement."""
        what = json.loads(message.data)
        if what["value"].startswith("poison"):
            say(f"job {job} ends this worker")
            os._exit(70)  # as a parser's defect does
        await asyncio.sleep(self.settings.work_ms / 1000)
        if what.get("reply"):
            answer = self.store.pipeline().rpush(what["reply"], NAME)
            answer.expire(what["reply"], REPLY_KEPT_S)
            await insist(answer.execute)
        else:
            waited_ms = round((time.time() - added_s) * 1000)
            effect = f"{what['value']} by {NAME} after {waited_ms} ms"
            await insist(lambda: self.store.rpush(EFFECTS, effect))
        with contextlib.suppress(*TROUBLE):  # without it the job comes again
            await message.ack_sync(timeout=1)


async def subscriptions(jetstream, settings):
    """One for each slot. Of a shared one, a slot takes the job that another asked for, who then
    waits for nothing: with a backlog, a third of the hands are idle.
    """
    made = [
        await insist(lambda: jetstream.pull_subscribe(JOBS, durable=GROUP, stream=STREAM))
        for _ in range(1 if settings.shared else settings.slots)
    ]
    return made * settings.slots if settings.shared else made


async def work(settings):
    """Until a signal ends the process."""
    connection = await insist(connect)
    jetstream = connection.jetstream(timeout=2)
    await insist(lambda: make_queue(jetstream, settings.ack_wait_ms / 1000))
    worker = Worker(settings, jetstream)
    slots = await subscriptions(jetstream, settings)
    say(f"worker {NAME}: {settings.slots} slots")
    await asyncio.gather(*(worker.keep_taking(one, beats=n == 0) for n, one in enumerate(slots)))


def main():
    """The command line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parser = argparse.ArgumentParser()
    parser.add_argument("--slots", type=int, default=6, help="jobs at the same time")
    parser.add_argument("--work-ms", type=int, default=200, help="how long a job takes")
    parser.add_argument("--ack-wait-ms", type=int, default=1000, help="then it is handed out again")
    parser.add_argument("--deliveries", type=int, default=3, help="more are too many; 0: never")
    parser.add_argument("--shared", action="store_true", help="one subscription for all slots")
    asyncio.run(work(parser.parse_args()))


if __name__ == "__main__":
    main()
