"""Stores that behave, and misbehave as told: HTTP and Redis's protocol, on a port of their own."""

import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class PatientHttpServer(ThreadingHTTPServer):
    """Takes as many connections at once as come."""

    request_queue_size = 256
    daemon_threads = True


class PatientServer(socketserver.ThreadingTCPServer):
    """The same for any protocol."""

    request_queue_size = 256
    daemon_threads = True


class HttpStore:
    """POST /items keeps the body, GET /items returns all of them.

    `status` is what writes are answered; 0 closes without an answer. `keep` says whether they are
    kept, `hide` how many reads the newest values stay hidden for, `broken` that reads fail.
    """

    def __init__(self):
        self.items = []
        self.status = 201
        self.keep = True
        self.hide = {}
        self.broken = False
        self.lock = threading.Lock()
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with store.lock:
                    if store.keep:
                        store.items.append(body)
                if store.status:
                    self.answer(store.status, "")
                else:
                    self.close_connection = True

            def do_GET(self):
                with store.lock:
                    shown = [one for one in store.items if store.hide.get(one, 0) <= 0]
                    for one in store.hide:
                        store.hide[one] -= 1
                self.answer(500 if store.broken else 200, "\n".join(shown))

            def answer(self, status, text):
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = PatientHttpServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def settings(self):
        return {"url": f"{self.url}/items", "read_url": f"{self.url}/items"}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class RespServer:
    """A few commands of Redis. `instead` maps a command to a raw reply, b"" closes, None hangs."""

    def __init__(self):
        self.keys = {}
        self.instead = {}
        self.connections = 0
        self.let_go = threading.Event()
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                server.connections += 1
                while line := self.rfile.readline():
                    words = [self.word() for _ in range(int(line[1:]))]
                    if not self.obey(words[0].upper(), words[1:]):
                        return

            def word(self):
                length = int(self.rfile.readline()[1:])
                return self.rfile.read(length + 2)[:-2].decode()

            def obey(self, command, words):
                reply = server.reply(command, words)
                if command in server.instead:
                    reply = server.instead[command]
                    if reply is None:
                        server.let_go.wait(10)
                        return False
                self.wfile.write(reply)
                return bool(reply)

        self.server = PatientServer(("127.0.0.1", 0), Handler)
        self.url = f"redis://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reply(self, command, words):  # noqa: PLR0911  # a reply each
        if command in {"RPUSH", "LPUSH"}:
            values = self.keys.setdefault(words[0], [])
            values.append(words[1])
            return b":%d\r\n" % len(values)
        if command == "XADD":
            self.keys.setdefault(words[0], []).append((words[2], words[3]))
            return b"$3\r\n1-0\r\n"
        if command == "TYPE":
            return b"+list\r\n" if words[0] in self.keys else b"+none\r\n"
        if command == "LRANGE":
            values = self.keys.get(words[0], [])
            return b"*%d\r\n" % len(values) + b"".join(map(bulk, values))
        return b"+OK\r\n"

    def close(self):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()


def bulk(text):
    data = text.encode()
    return b"$%d\r\n%s\r\n" % (len(data), data)


def closed_port():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]
