"""A worker: takes jobs from a stream, does them, and acknowledges them when their effect is stored.

The effect goes to another server than the one with the jobs, so a job may be done twice (its worker
fell silent before the acknowledgement) and is never done less than once. What another worker
has held for too long, alive or not, is claimed from it. A job that was claimed too often is put
aside: it is probably what ended the workers that had it.
"""

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
import time

import redis

JOBS, GROUP, DEAD, EFFECTS = "jobs", "workers", "dead", "effects"
NAME = socket.gethostname()
BLOCK_MS = 500
ALIVE_MS = 2000  # after its last sign of life, of which there is one in 0.7 s at least
AGAIN_AFTER_S = 0.1
REPLY_KEPT_S = 60
# A job's number and its effect are stored together, so that a job that is done again has no effect.
ONCE = """
if redis.call('SET', KEYS[1], 1, 'NX', 'EX', 3600) then redis.call('RPUSH', KEYS[2], ARGV[1]) end
"""


def connect(host):
    """A client of its own for every thread; no answer within 2 s is an error."""
    return redis.Redis(host, socket_timeout=2, socket_connect_timeout=1, decode_responses=True)


def say(text):
    """One line of the log."""
    print(text, flush=True)


def insist(action):
    """Do what may be done twice, until it is done."""
    while True:
        try:
            return action()
        except redis.RedisError as error:
            say(f"again in {AGAIN_AFTER_S} s: {error}")
            time.sleep(AGAIN_AFTER_S)


def read_entries(broker, action):
    """The entries of a reply; none when there is no broker, or no group yet, which is then made."""
    try:
        return action()
    except redis.ResponseError as error:
        if "NOGROUP" not in str(error):
            say(f"the broker refuses: {error}")
            time.sleep(AGAIN_AFTER_S)
        else:
            make_group(broker)
    except redis.RedisError as error:
        say(f"no broker: {error}")
        time.sleep(AGAIN_AFTER_S)
    return []


def make_group(broker):
    """From the first entry on: a broker that lost its group may have jobs that nobody was given."""
    try:
        broker.xgroup_create(JOBS, GROUP, id="0", mkstream=True)
        say("made the group")
    except redis.RedisError as error:
        if "BUSYGROUP" not in str(error):
            say(f"cannot make the group: {error}")
            time.sleep(AGAIN_AFTER_S)


class Hands:
    """One thread that does jobs, with its own connections."""

    def __init__(self, settings):
        self.settings = settings
        self.broker = connect("broker")
        self.store = connect("store")

    def keep_taking(self, beats):
        """New jobs, one at a time. One of our threads says that there is somebody to take them."""
        while True:
            if beats:
                with contextlib.suppress(redis.RedisError):
                    self.broker.psetex(f"alive:{NAME}", ALIVE_MS, "yes")
            for _, entries in read_entries(
                self.broker,
                lambda: self.broker.xreadgroup(GROUP, NAME, {JOBS: ">"}, count=1, block=BLOCK_MS),
            ):
                for job, fields in entries:
                    self.do(job, fields)

    def keep_claiming(self):
        """What somebody else, or we in an earlier life, took and did not finish."""
        idle_ms = self.settings.idle_ms
        while True:
            time.sleep(self.settings.look_ms / 1000)
            claimed = True
            while claimed:
                # One at a time: what is claimed together with a job that ends us is delivered again too.
                claimed = read_entries(
                    self.broker,
                    lambda: self.broker.execute_command(
                        "XAUTOCLAIM",
                        JOBS,
                        GROUP,
                        NAME,
                        idle_ms,
                        "0-0",
                        "COUNT",
                        self.settings.batch,
                    )[1],
                )
                for job, fields in claimed:
                    self.do_again(job, fields)

    def do_again(self, job, fields):
        """Do a job that was claimed, unless it was delivered too often."""
        pending = read_entries(
            self.broker, lambda: self.broker.xpending_range(JOBS, GROUP, job, job, 1)
        )
        if not pending or pending[0]["consumer"] != NAME:
            return  # done, or claimed from us, meanwhile
        deliveries = pending[0]["times_delivered"]
        if self.settings.deliveries and deliveries > self.settings.deliveries:
            self.put_aside(job, fields, deliveries)
            return
        say(f"reclaimed job {job}, delivery {deliveries}")
        self.do(job, fields)
        say(f"finished reclaimed job {job}")

    def put_aside(self, job, fields, deliveries):
        """To the dead letters, where somebody may look at it."""
        insist(
            lambda: (
                self.broker.pipeline()
                .xadd(DEAD, {**fields, "job": job, "deliveries": deliveries})
                .xack(JOBS, GROUP, job)
                .xdel(JOBS, job)
                .execute()
            )
        )
        say(f"dead letter: job {job} after {deliveries} deliveries")

    def do(self, job, fields):
        """The work; then its effect; then the acknowledgement."""
        value = fields.get("value", "")
        if value.startswith("poison"):
            say(f"job {job} ends this worker")
            os._exit(70)  # as a parser's defect does
        time.sleep(self.settings.work_ms / 1000)
        waited_ms = round(time.time() * 1000) - int(job.split("-")[0])
        reply = fields.get("reply")
        if reply:
            insist(
                lambda: (
                    self.store.pipeline().rpush(reply, NAME).expire(reply, REPLY_KEPT_S).execute()
                )
            )
        else:
            effect = f"{value} by {NAME} after {waited_ms} ms"
            if self.settings.once:
                insist(lambda: self.store.eval(ONCE, 2, f"done:{job}", EFFECTS, effect))
            else:
                insist(lambda: self.store.rpush(EFFECTS, effect))
        insist(lambda: self.broker.pipeline().xack(JOBS, GROUP, job).xdel(JOBS, job).execute())


def settings():
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--slots", type=int, default=6, help="jobs at the same time")
    parser.add_argument("--work-ms", type=int, default=200, help="how long a job takes")
    parser.add_argument("--idle-ms", type=int, default=1000, help="held so long is held too long")
    parser.add_argument("--look-ms", type=int, default=250, help="between two looks for such jobs")
    parser.add_argument("--batch", type=int, default=1, help="jobs that are claimed at once")
    parser.add_argument("--deliveries", type=int, default=3, help="more are too many; 0: never")
    parser.add_argument("--once", action="store_true", help="no second effect of the same job")
    parser.add_argument("--no-reclaim", action="store_true", help="never take another's jobs")
    return parser.parse_args()


def main():
    """Work until a signal ends the process."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    chosen = settings()
    for slot in range(chosen.slots):
        beats = slot == 0
        threading.Thread(target=Hands(chosen).keep_taking, args=(beats,), daemon=True).start()
    if not chosen.no_reclaim:
        threading.Thread(target=Hands(chosen).keep_claiming, daemon=True).start()
    say(f"worker {NAME}: {chosen.slots} slots")
    threading.Event().wait()


if __name__ == "__main__":
    main()
