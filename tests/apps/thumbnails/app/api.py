"""Takes a picture's name, and says how many wait."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

QUEUE = redis.Redis(host=os.environ["REDIS_HOST"], socket_timeout=0.5, socket_connect_timeout=0.5)


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        try:
            QUEUE.rpush("pictures", self.path)
            self.answer(200, f"{QUEUE.llen('pictures')} wait\n")
        except redis.RedisError as error:
            self.answer(503, f"{error}\n")

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8000), Api).serve_forever()
