"""`pods/NAME/portforward` as an API server and a node do it: two channels a port, over a WebSocket.

Every port of the request is one connection to the pod, made at once. Data is on channel 2n, the node's
complaints are on 2n+1, and the first frame of each says which port it is of. A ping is answered by the
node, so it takes as long as data does.
"""

import contextlib
import socket
import struct
import threading
import time

from tests.cluster.store import Refusal
from tests.cluster.websocket import Socket


class Forwards:
    """Every forward that is open, and what goes wrong with them."""

    def __init__(self, kubelet):
        self.kubelet = kubelet
        self.open = set()
        self.opened = 0
        self.refused = False  # connections that begin now are dropped without an answer
        self.silent = False  # nothing goes through, neither data nor pings
        self.slow_s = 0.0  # every frame of a user takes so much longer

    def well(self):
        """Nothing goes wrong any more."""
        self.refused, self.silent, self.slow_s = False, False, 0.0

    def drop(self):
        """Every open one breaks, without a word."""
        for one in list(self.open):
            with contextlib.suppress(OSError):
                one.handler.connection.shutdown(socket.SHUT_RDWR)

    def serve(self, handler, namespace, pod, _body):
        if self.refused:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        words = ",".join(one for key, one in handler.words if key == "ports")
        if not words:
            raise Refusal(400, "BadRequest", 'query parameter "ports" is required')
        address = self.kubelet.address_of(namespace, pod)
        channel = Socket(handler)
        self.open.add(channel)
        self.opened += 1
        try:
            self._carry(channel, address, [int(one) for one in words.split(",")])
        finally:
            self.open.discard(channel)

    def _carry(self, channel, address, ports):
        pods = {}
        for number, port in enumerate(ports):
            for each in (2 * number, 2 * number + 1):
                channel.send(each, struct.pack("<H", port))
            try:
                pods[2 * number] = socket.create_connection((address, port), timeout=5)
            except OSError as error:
                words = f"error forwarding port {port}: failed to connect: {error}"
                channel.send(2 * number + 1, words.encode())
                channel.close()
                return
        for number, server in pods.items():
            server.settimeout(None)
            threading.Thread(target=self._back, args=(channel, number, server), daemon=True).start()
        with contextlib.ExitStack() as closing:
            for server in pods.values():
                closing.enter_context(server)
            with contextlib.suppress(OSError):
                while (frame := channel.frame()) is not None:
                    self._wait()
                    channel.take(frame, lambda number, data: pods[number].sendall(data))
            for server in pods.values():
                with contextlib.suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)

    def _back(self, channel, number, server):
        with contextlib.suppress(OSError, ValueError):
            while data := server.recv(65536):
                while self.silent:
                    time.sleep(0.01)
                channel.send(number, data)
        channel.close()

    def _wait(self):
        time.sleep(self.slow_s)
        while self.silent:
            time.sleep(0.01)
