"""The requests about open files and folders: reading, writing, syncing."""

import os

from chaoskit.agent.fusefs import protocol as wire
from chaoskit.agent.fusefs.names import entry
from chaoskit.agent.fusefs.protocol import Op
from chaoskit.agent.fusefs.server import Request, Server, handles

# The kernel gives the offset of every write, and aligns nothing for us.
_NOT_OURS = os.O_CREAT | os.O_EXCL | os.O_NOCTTY | os.O_TRUNC | os.O_APPEND | os.O_DIRECT
_SYNCED = os.O_SYNC | os.O_DSYNC


def _flags(asked: int) -> int:
    """How the volume's file is opened for a service that asked for these flags."""
    return (asked & ~_NOT_OURS & ~os.O_NOFOLLOW) | os.O_CLOEXEC


@handles(Op.OPEN)
def _open(server: Server, request: Request) -> bytes:
    asked, _ = wire.OPEN_IN.unpack_from(request.body)
    fd = server.nodes.get(request.node).open(_flags(asked))
    return wire.OPEN_OUT.pack(server.nodes.opened(fd), 0, 0)


@handles(Op.CREATE)
def _create(server: Server, request: Request) -> bytes:
    asked, mode, _, _ = wire.CREATE_IN.unpack_from(request.body)
    name = request.name(wire.CREATE_IN.size)
    parent = server.nodes.get(request.node)
    flags = _flags(asked) | os.O_CREAT | os.O_EXCL

    def create() -> int:
        return os.open(name, flags, mode, dir_fd=parent.fd)

    fd = server.store.make(parent, name, (request.uid, request.gid), create)
    assert fd is not None, "a file that was created is open"
    handle = server.nodes.opened(fd)
    return entry(server, parent, name) + wire.OPEN_OUT.pack(handle, 0, 0)


@handles(Op.OPENDIR)
def _opendir(server: Server, request: Request) -> bytes:
    node = server.nodes.get(request.node)
    fd = node.open(os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return wire.OPEN_OUT.pack(server.nodes.opened(fd), 0, 0)


@handles(Op.RELEASE, Op.RELEASEDIR)
def _release(server: Server, request: Request) -> None:
    server.nodes.close(wire.RELEASE_IN.unpack_from(request.body)[0])


@handles(Op.FLUSH)
def _flush(_server: Server, _request: Request) -> None:
    """A close: nothing is kept back, so nothing is to be done."""


@handles(Op.READ)
def _read(server: Server, request: Request) -> memoryview:
    number, offset, size, *_ = wire.READ_IN.unpack_from(request.body)
    room = request.buffer[:size]
    return room[: os.preadv(server.nodes.handle(number).fd, [room], offset)]


@handles(Op.WRITE)
def _write(server: Server, request: Request) -> bytes:
    number, offset, size, _, _, flags, _ = wire.WRITE_IN.unpack_from(request.body)
    data = request.body[wire.WRITE_IN.size : wire.WRITE_IN.size + size]
    node, fd = server.nodes.get(request.node), server.nodes.handle(number).fd
    written = server.store.write(node, fd, data, offset)
    if flags & _SYNCED:
        server.store.sync(node, fd, data_only=flags & os.O_SYNC != os.O_SYNC)
    return wire.WRITE_OUT.pack(written, 0)


@handles(Op.FALLOCATE)
def _fallocate(server: Server, request: Request) -> None:
    number, offset, length, mode, _ = wire.FALLOCATE_IN.unpack_from(request.body)
    node = server.nodes.get(request.node)
    server.store.allocate(node, server.nodes.handle(number).fd, mode, (offset, length))


@handles(Op.FSYNC)
def _fsync(server: Server, request: Request) -> None:
    number, flags, _ = wire.FSYNC_IN.unpack_from(request.body)
    fd = server.nodes.handle(number).fd
    data_only = bool(flags & wire.FSYNC_DATA_ONLY)
    server.store.sync(server.nodes.get(request.node), fd, data_only=data_only)


@handles(Op.FSYNCDIR)
def _fsyncdir(server: Server, request: Request) -> None:
    number, _, _ = wire.FSYNC_IN.unpack_from(request.body)
    server.store.sync_folder(server.nodes.handle(number).fd)


@handles(Op.READDIR)
def _readdir(server: Server, request: Request) -> bytes:
    number, offset, size, *_ = wire.READ_IN.unpack_from(request.body)
    handle = server.nodes.handle(number)
    if offset == 0:
        server.nodes.list_folder(handle, server.nodes.get(request.node))
    found, room = [], size
    for index, (inode, name, kind) in enumerate(handle.entries[offset:], offset + 1):
        one = wire.dirent(inode, index, name, kind)
        room -= len(one)
        if room < 0:
            break
        found.append(one)
    return b"".join(found)
