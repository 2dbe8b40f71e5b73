"""orders: takes orders, and tells others of them.

An order is a row in the database. When the database does not answer, it is left in the queue, which
writes it to its disk, and the caller is told 202: accepted, not yet done. An event of each order goes
to the queue; when the queue does not answer, the event waits in the database.
"""

import time

from common import (
    ERRORS,
    TRY_AFTER_S,
    Database,
    Guard,
    Unavailable,
    drain,
    in_background,
    redis_at,
    say,
    serve,
)

EVENTS_KEPT = 10_000

database, broker = Database(), redis_at("queue")
to_database, to_queue = Guard("db", 0.5), Guard("queue", 0.4)


def store(order):
    database.ask("INSERT INTO orders (id) VALUES (%s) ON CONFLICT DO NOTHING", order)


def tell(order):
    broker.xadd("events", {"placed": order}, maxlen=EVENTS_KEPT, approximate=True)


def put_off(order):
    database.ask("INSERT INTO outbox (id) VALUES (%s) ON CONFLICT DO NOTHING", order)


def place(order):
    try:
        to_database.call(store, order)
    except Unavailable as error:
        to_queue.call(broker.xadd, "orders:late", {"id": order})
        say(f"fallback: order {order} is left in the queue, for {error}")
        return 202
    try:
        to_queue.call(tell, order)
    except Unavailable as error:
        to_database.call(put_off, order)
        say(f"fallback: the event of {order} is left in the database, for {error}")
    return 201


def relay():
    """For ever: tell the queue what was put off."""
    while True:
        time.sleep(TRY_AFTER_S)
        try:
            for (order,) in database.ask("SELECT id FROM outbox LIMIT 100"):
                tell(order)
                database.ask("DELETE FROM outbox WHERE id = %s", order)
        except ERRORS:
            pass  # next time


def answer(method, words):
    if method == "POST" and len(words) == 2 and words[0] == "orders":
        return place(words[1]), f"{words[1]}\n"
    if method == "GET" and words == ["orders"]:
        rows = to_database.call(database.ask, "SELECT id FROM orders")
        return 200, "".join(f"{one}\n" for (one,) in rows)
    return 404, "no such page\n"


if __name__ == "__main__":
    in_background(drain, "order", "orders:late", store)
    in_background(relay)
    serve(answer)
