"""A page with the shop's books. It connects once, when it starts: the usual mistake."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

import psycopg2

CONNECTION = psycopg2.connect(os.environ["DATABASE_URL"])
CONNECTION.autocommit = True
ONE_AT_A_TIME = Lock()


def books() -> str:
    with ONE_AT_A_TIME, CONNECTION.cursor() as cursor:
        cursor.execute("SELECT title FROM books ORDER BY title")
        return "\n".join(title for (title,) in cursor.fetchall())


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer(200, "ok")
            return
        try:
            self.answer(200, books())
        except psycopg2.Error as error:
            self.answer(500, f"no books today: {error}")

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8080), Shop).serve_forever()
