"""The proxy's program with a fixed destination, for tests that need no network namespace.

Takes three more keys of configuration: `to`, the address that every client meant; `narrow`, to have
small buffers for what is sent, so that hardly a piece fits; and `mutant`, the name of a defect that a
test's checker has to catch.
"""

import socket

from chaoskit.agent.programs import talk
from chaoskit.agent.programs.proxy import Program, allow_many_connections
from chaoskit.agent.proxying import flow, pair, sockets


def drop_last_byte():
    """Every large piece loses its last byte."""
    send = flow.End.send

    def lossy(self, data):
        return len(data) if len(data) == 1 else send(self, data[:-1]) + 1

    flow.End.send = lossy


def flip_a_bit():
    """Every piece has one bit altered."""
    send = flow.End.send

    def altering(self, data):
        return send(self, bytes([data[0] ^ 1]) + bytes(data[1:]))

    flow.End.send = altering


def repeat_what_did_not_fit():
    """The last byte of what fitted is sent again with the rest."""

    send = flow.End.send

    def repeating(self, data):
        sent = send(self, data)
        return sent - 1 if 1 < sent < len(data) else sent

    flow.End.send = repeating


def end_both_at_once():
    """The end of one direction closes the whole connection."""
    pair.Pair._finish = lambda self, _end: self.close()


def keep_ends():
    """No end is ever passed on."""
    pair.Pair._finish = lambda _self, _end: None


def end_instead_of_reset():
    """A reset on one side looks like an end in good order on the other."""
    sockets.reset = lambda one: one.close()


def read_without_bound():
    """Whatever comes is read, though nobody takes it."""

    def greedy(self):
        self._waiting = bytearray(self._waiting)
        while self.source.readable:
            try:
                data = self.source.receive()
            except BlockingIOError:
                break
            if not data:
                self._last = True
                break
            self._waiting += data
        while self._waiting and self.sink.writable:
            sent = self.sink.send(self._waiting)
            del self._waiting[:sent]
        self.ended = self._last and not self._waiting
        return False

    flow.Flow.pump = greedy


def narrow_sockets():
    """No defect: the kernel takes a few kilobytes of what is sent at a time."""
    tune = sockets.tune

    def narrow(one):
        tune(one)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)

    sockets.tune = narrow


MUTANTS = {
    one.__name__: one
    for one in (
        drop_last_byte,
        flip_a_bit,
        repeat_what_did_not_fit,
        end_both_at_once,
        keep_ends,
        end_instead_of_reset,
        read_without_bound,
    )
}


def main():
    allow_many_connections()
    config = talk.read_config()
    where = config.pop("to", None)
    if config.pop("narrow", False):
        narrow_sockets()
    if mutant := config.pop("mutant", None):
        MUTANTS[mutant]()
    program = Program(config)
    if where is not None:
        program.proxy.destination = lambda _client: tuple(where)
    talk.tell({"port": program.proxy.port, "canned": program.proxy.canned.address[1]})
    program.loop.run()


if __name__ == "__main__":
    main()
