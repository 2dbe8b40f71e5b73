"""A DNS proxy inside an instance's network: most names pass byte for byte, some do not.

Configuration: `patterns` and `search` (see dnswire.matches), `mode` (nxdomain, servfail, refused,
timeout, slow, wrong), `delay_s`, `answers` (IPv4 addresses), and `routes`: for each name server,
where its queries are passed on to, as `[address, port]`; one that refuses is skipped for the next.
The ready message says which `udp` and `tcp` port stands for each server. `{"do": "count"}` is
answered with how many queries were `matched` and how many `passed`.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from chaoskit.agent.network import dnswire
from chaoskit.agent.programs import talk

_PATIENCE_S = 15.0  # longer than a resolver waits for an answer

Passing = Callable[[bytes], Awaitable[bytes | None]]


class Proxy:
    """Answers for one instance's name servers."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts = {"matched": 0, "passed": 0}

    async def listen(self) -> list[dict[str, Any]]:
        """Take a UDP and a TCP port for each name server; what they are."""
        loop = asyncio.get_running_loop()
        ports = []
        for route in self._config["routes"]:
            transport, _ = await loop.create_datagram_endpoint(
                partial(_Datagrams, self, route["upstreams"]), local_addr=("127.0.0.1", 0)
            )
            serve = partial(self._serve_stream, route["upstreams"])
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            udp = transport.get_extra_info("sockname")[1]
            tcp = server.sockets[0].getsockname()[1]
            ports.append({"server": route["server"], "udp": udp, "tcp": tcp})
        return ports

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let something go on by itself; a reference keeps it from being collected."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def answer(self, message: bytes, passing: Passing) -> bytes | None:
        """What the client gets: the name server's own bytes, or what the fault says; or nothing."""
        asked = dnswire.question(message)
        config = self._config
        if asked is None or not dnswire.matches(asked.name, config["patterns"], config["search"]):
            self.counts["passed"] += 1
            return await passing(message)
        if config["mode"] == "wrong" and asked.kind not in (dnswire.A, dnswire.AAAA):
            self.counts["passed"] += 1
            return await passing(message)
        self.counts["matched"] += 1
        if config["mode"] == "slow":
            true = await passing(message)
            await asyncio.sleep(config["delay_s"])
            return true
        return self._faulty(message, asked)

    def _faulty(self, message: bytes, asked: dnswire.Question) -> bytes | None:
        """The answer that the fault gives by itself."""
        mode = self._config["mode"]
        if mode == "timeout":
            return None
        if mode == "wrong":
            given = self._config["answers"] if asked.kind == dnswire.A else ()
            return dnswire.reply(message, asked, addresses=given)
        return dnswire.reply(message, asked, rcode=dnswire.RCODES[mode])

    async def _serve_stream(
        self,
        upstreams: list[list[Any]],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """One client's connection; each query in it is its own task, as RFC 7766 allows."""

        async def one(message: bytes) -> None:
            try:
                true = await self.answer(message, partial(_over_tcp, upstreams))
            except OSError:
                writer.close()  # the name server is not there, and the client is to see it
                return
            if true is not None and not writer.is_closing():
                writer.write(len(true).to_bytes(2, "big") + true)

        mine = []
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                mine.append(self.begin(one(await reader.readexactly(size))))
                mine = [task for task in mine if not task.done()]
        if mine:  # the client has closed its half only
            await asyncio.wait(mine)
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """The UDP side for one name server."""

    def __init__(self, proxy: Proxy, upstreams: list[list[Any]]) -> None:
        self._proxy = proxy
        self._upstreams = upstreams

    def connection_made(self, transport: Any) -> None:
        """The socket is there."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """A client's query."""
        self._proxy.begin(self._serve(data, addr))

    async def _serve(self, data: bytes, addr: Any) -> None:
        with contextlib.suppress(OSError, TimeoutError):  # then the client hears nothing either
            true = await self._proxy.answer(data, partial(_over_udp, self._upstreams))
            if true is not None:
                self._transport.sendto(true, addr)


async def _over_udp(upstreams: list[list[Any]], message: bytes) -> bytes | None:
    loop = asyncio.get_running_loop()
    for number, where in enumerate(upstreams, 1):
        with _marked(socket.SOCK_DGRAM) as out:
            try:
                await loop.sock_connect(out, tuple(where))
                await loop.sock_sendall(out, message)
                return await asyncio.wait_for(loop.sock_recv(out, 1 << 16), _PATIENCE_S)
            except ConnectionRefusedError:
                if number == len(upstreams):
                    raise
    return None


async def _over_tcp(upstreams: list[list[Any]], message: bytes) -> bytes | None:
    loop = asyncio.get_running_loop()
    for number, where in enumerate(upstreams, 1):
        with _marked(socket.SOCK_STREAM) as out:
            try:
                await loop.sock_connect(out, tuple(where))
            except ConnectionRefusedError:
                if number == len(upstreams):
                    raise
                continue
            await loop.sock_sendall(out, len(message).to_bytes(2, "big") + message)
            size = int.from_bytes(await _exactly(out, 2), "big")
            return await _exactly(out, size)
    return None


async def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await asyncio.get_running_loop().sock_recv(source, size - len(data))
        if not more:
            raise ConnectionResetError
        data += more
    return data


def _marked(kind: int) -> socket.socket:
    out = socket.socket(socket.AF_INET, kind)
    out.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, dnswire.OWN_MARK)
    out.setblocking(False)
    return out


async def _serve(config: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    leaving = asyncio.Event()
    proxy = Proxy(config)
    ports = await proxy.listen()

    def obey() -> None:
        if talk.read_order() is None:
            leaving.set()
        else:
            talk.tell(proxy.counts)

    loop.add_reader(talk.ORDERS, obey)
    loop.add_signal_handler(signal.SIGTERM, leaving.set)
    talk.tell({"ports": ports})
    await leaving.wait()
    os._exit(0)  # whoever waits for an answer asks again


def main() -> None:
    """Serve until the agent goes."""
    asyncio.run(_serve(talk.read_config()))


if __name__ == "__main__":
    main()
