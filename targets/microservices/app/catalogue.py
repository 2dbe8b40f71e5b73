"""catalogue: what there is to buy, from the cache, else from the database.

A copy is fresh for a second. An older one is kept, and served when the database does not answer; when
the cache does not answer, the database is asked every time.
"""

import contextlib
import json
import time

from common import Database, Guard, Unavailable, redis_at, say, serve

FRESH_S = 1.0
KEPT_S = 3600

database, cache = Database(), redis_at("cache")
to_database, to_cache = Guard("db", 0.5), Guard("cache", 0.25)


def remembered(item):
    """The cache's copy, and whether the cache answers at all."""
    try:
        copy = to_cache.call(cache.get, f"item:{item}")
    except Unavailable as error:
        say(f"fallback: the database is asked, for {error}")
        return None
    return json.loads(copy) if copy else None


def remember(item, entry):
    with contextlib.suppress(Unavailable):  # the next reader asks the database again
        to_cache.call(lambda: cache.set(f"item:{item}", json.dumps(entry), ex=KEPT_S))


def look_up(item):
    copy = remembered(item)
    if copy and 0 <= time.time() - copy["at"] < FRESH_S:
        return copy
    try:
        rows = to_database.call(database.ask, "SELECT name, cents FROM items WHERE id = %s", item)
    except Unavailable as error:
        if copy is None:
            raise
        say(f"fallback: a copy of {time.time() - copy['at']:.1f} s, for {error}")
        return copy
    if not rows:
        return None
    entry = {"name": rows[0][0], "cents": rows[0][1], "at": time.time()}
    remember(item, entry)
    return entry


def answer(method, words):
    if method == "GET" and len(words) == 2 and words[0] == "items" and words[1].isdigit():
        found = look_up(int(words[1]))
        return (200, json.dumps(found) + "\n") if found else (404, "no such item\n")
    return 404, "no such page\n"


if __name__ == "__main__":
    serve(answer)
