"""gateway: the only service that users see.

GET  /catalogue/N      an item; when the catalogue does not answer, as it was last seen
POST /orders[/ID]      places an order; nothing is done about orders that do not answer
POST /payments[/ID]    pays; when payments does not answer, the payment is left in the queue: 202
GET  /orders, /payments, /ready
"""

import uuid

from common import Guard, Unavailable, ask, redis_at, say, serve

broker = redis_at("queue")
to_catalogue, to_orders, to_payments = (
    Guard("catalogue", 1.2),
    Guard("orders", 1.2),
    Guard("payments", 0.8),
)
to_queue = Guard("queue", 0.4)
NOTHING = 404, "no such page\n"
seen = {}  # the last good answer of each item


def look_up(item):
    try:
        status, text = to_catalogue.call(ask, "GET", "catalogue", f"/items/{item}")
    except Unavailable as error:
        if item not in seen:
            raise
        say(f"fallback: item {item} as it was last seen, for {error}")
        return 200, seen[item]
    if status == 200:
        seen[item] = text
    return status, text


def pay(payment):
    try:
        return to_payments.call(ask, "POST", "payments", f"/payments/{payment}")
    except Unavailable as error:
        to_queue.call(broker.xadd, "payments:late", {"id": payment})
        say(f"fallback: payment {payment} is left in the queue, for {error}")
        return 202, f"{payment}\n"


def ready():
    """Whether each service answers, and each of them reaches the database."""
    for host, path in (("catalogue", "/items/1"), ("orders", "/orders"), ("payments", "/payments")):
        try:
            ask("GET", host, path)
        except Exception as error:  # noqa: BLE001
            return 503, f"{host}: {error}\n"
    return 200, "ready\n"


def read(what, name):
    if what == "catalogue" and name.isdigit():
        return look_up(name)
    if what == "ready":
        return ready()
    return ask("GET", what, f"/{what}") if what in {"orders", "payments"} else NOTHING


def write(what, name):
    name = name or str(uuid.uuid4())
    if what == "orders":
        return to_orders.call(ask, "POST", "orders", f"/orders/{name}")
    return pay(name) if what == "payments" else NOTHING


def answer(method, words):
    what, name = words[0], words[1] if len(words) > 1 else ""
    return (read if method == "GET" else write)(what, name)


if __name__ == "__main__":
    serve(answer)
