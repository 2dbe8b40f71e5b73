"""What the proxies are measured in front of: an echo, and a sink that counts.

Prints two ports: the echo's, which sends back what it gets, and the sink's, which answers the end of
a stream with the number of bytes that it was. One thread, as quick as Python lets it be.
"""

import resource
import select
import socket

ROOM = 1 << 20


class Server:
    """Two ears, and everything that came in by them."""

    def __init__(self) -> None:
        self.ears = [socket.create_server(("127.0.0.1", 0), backlog=4096) for _ in range(2)]
        self._poller = select.epoll()
        self._open: dict[int, socket.socket] = {}
        self._counted: dict[int, int] = {}  # of streams into the sink
        self._room = bytearray(ROOM)
        for ear in self.ears:
            self._poller.register(ear.fileno(), select.EPOLLIN)

    def run(self) -> None:
        """Serve until killed."""
        by_number = {ear.fileno(): ear for ear in self.ears}
        while True:
            for number, _ in self._poller.poll():
                if ear := by_number.get(number):
                    self._accept(ear)
                else:
                    self._serve(number)

    def _accept(self, ear: socket.socket) -> None:
        one, _ = ear.accept()
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open[one.fileno()] = one
        if ear is self.ears[1]:
            self._counted[one.fileno()] = 0
        self._poller.register(one.fileno(), select.EPOLLIN)

    def _serve(self, number: int) -> None:
        one = self._open[number]
        size = one.recv_into(self._room)
        if size and number in self._counted:
            self._counted[number] += size
        elif size:
            one.sendall(self._room[:size])
        else:
            if number in self._counted:
                one.sendall(b"%d" % self._counted.pop(number))
            self._poller.unregister(number)
            self._open.pop(number).close()


def main() -> None:
    """Print the ports and serve."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = Server()
    print(*(ear.getsockname()[1] for ear in server.ears), flush=True)
    server.run()


if __name__ == "__main__":
    main()
