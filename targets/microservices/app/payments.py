"""payments: a payment is a row in the database, or it is refused. What the gateway could not bring
here it leaves in the queue, and this service takes it from there.
"""

from common import Database, Guard, drain, in_background, serve

database = Database()
to_database = Guard("db", 0.5)


def store(payment):
    database.ask("INSERT INTO payments (id) VALUES (%s) ON CONFLICT DO NOTHING", payment)


def answer(method, words):
    if method == "POST" and len(words) == 2 and words[0] == "payments":
        to_database.call(store, words[1])
        return 201, f"{words[1]}\n"
    if method == "GET" and words == ["payments"]:
        rows = to_database.call(database.ask, "SELECT id FROM payments")
        return 200, "".join(f"{one}\n" for (one,) in rows)
    return 404, "no such page\n"


if __name__ == "__main__":
    in_background(drain, "payment", "payments:late", store)
    serve(answer)
