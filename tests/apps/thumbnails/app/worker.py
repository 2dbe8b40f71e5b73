"""Takes names from the queue and makes thumbnails, or would."""

import os
import time

import redis

QUEUE = redis.Redis(host=os.environ["REDIS_HOST"])

while True:
    try:
        QUEUE.blpop("pictures", timeout=5)
    except redis.RedisError as error:
        print(f"waiting for the queue: {error}")
        time.sleep(1)
