"""The least HTTP server that can answer many new connections a second: one epoll loop, no parsing.

It must not be the bottleneck of what is measured, so it does nothing but accept, read, answer and
close; its share of a core is reported beside the prober's. Python, because a compiler cannot be
counted on, and one process, because the machine has two cores and the prober needs the other one.
"""

import select
import socket
import sys

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"
_BACKLOG = 4096


def main() -> None:
    """Serve on a free port of 127.0.0.1, which is printed, until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    listener.setblocking(False)
    epoll = select.epoll()
    epoll.register(listener.fileno(), select.EPOLLIN)
    epoll.register(0, select.EPOLLIN)
    print(listener.getsockname()[1], flush=True)
    open_ones: dict[int, socket.socket] = {}
    while True:
        for fd, _ in epoll.poll():
            if fd == 0:
                sys.exit(0)
            if fd == listener.fileno():
                _accept_all(listener, epoll, open_ones)
                continue
            with open_ones.pop(fd) as connection:
                _answer(connection)


def _accept_all(
    listener: socket.socket, epoll: select.epoll, open_ones: dict[int, socket.socket]
) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return
        connection.setblocking(False)
        try:
            if connection.recv(4096):
                connection.send(_ANSWER)
            connection.close()
        except BlockingIOError:  # the request is not here yet
            open_ones[connection.fileno()] = connection
            epoll.register(connection.fileno(), select.EPOLLIN)
        except OSError:
            connection.close()


def _answer(connection: socket.socket) -> None:
    try:
        if connection.recv(4096):
            connection.send(_ANSWER)
    except OSError:
        pass  # the prober gave up


if __name__ == "__main__":
    main()
