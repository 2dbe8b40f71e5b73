"""What desk and workers agree upon: names, and how the stream and its consumer are made."""

import asyncio

import nats
import nats.errors
import nats.js.errors
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig

STREAM, JOBS, DEAD = "JOBS", "jobs", "dead"
GROUP = "workers"
EFFECTS = "effects"
AGAIN_AFTER_S = 0.1

TROUBLE = (nats.errors.Error, nats.js.errors.Error, asyncio.TimeoutError, OSError)


def say(text):
    """One line of the log."""
    print(text, flush=True)


async def connect():
    """A connection that comes back by itself, as soon as there is a broker."""

    async def told(error):
        say(f"broker: {error or 'connection lost'}")

    return await nats.connect(
        "nats://broker:4222",
        connect_timeout=1,
        reconnect_time_wait=AGAIN_AFTER_S,
        max_reconnect_attempts=-1,
        ping_interval=1,
        max_outstanding_pings=2,
        error_cb=told,
    )


async def make_queue(jetstream, ack_wait_s):
    """A stream that forgets what was acknowledged, and the consumer that all workers share."""
    await jetstream.add_stream(
        StreamConfig(
            name=STREAM,
            subjects=[JOBS],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
        )
    )
    await jetstream.add_stream(StreamConfig(name="DEAD", subjects=[DEAD]))
    await jetstream.add_consumer(
        STREAM,
        ConsumerConfig(
            durable_name=GROUP,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ack_wait_s,
            max_ack_pending=1000,
        ),
    )
