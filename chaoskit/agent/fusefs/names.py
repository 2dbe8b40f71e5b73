"""The requests about names and attributes: looking up, creating, renaming, removing."""

import os
import stat
import time

from chaoskit.agent.fusefs import protocol as wire
from chaoskit.agent.fusefs.nodes import ROOT, Node
from chaoskit.agent.fusefs.protocol import Op
from chaoskit.agent.fusefs.server import Request, Server, handles

_KEEP = -1  # chown: leave it


def entry(server: Server, parent: Node, name: bytes) -> bytes:
    """What the kernel is told about a name; it will give the lookup back."""
    node = server.nodes.look_up(parent, name)
    valid_s, valid_ns = divmod(int(server.store.entry_valid_s * 1e9), 10**9)
    head = wire.ENTRY_OUT.pack(node.number, 0, valid_s, valid_s, valid_ns, valid_ns)
    found = node.stat()
    return head + wire.attr(found, links=server.store.links(found))


def attributes(server: Server, node: Node) -> bytes:
    """What the kernel is told about a file."""
    valid_s, valid_ns = divmod(int(server.store.entry_valid_s * 1e9), 10**9)
    found = node.stat()
    return wire.ATTR_OUT.pack(valid_s, valid_ns, 0) + wire.attr(
        found, links=server.store.links(found)
    )


@handles(Op.INIT)
def _init(_server: Server, request: Request) -> bytes:
    return wire.init_reply(request.body)


@handles(Op.DESTROY, Op.INTERRUPT)
def _nothing(_server: Server, _request: Request) -> None:
    return None


@handles(Op.LOOKUP)
def _lookup(server: Server, request: Request) -> bytes:
    return entry(server, server.nodes.get(request.node), request.name())


@handles(Op.FORGET)
def _forget(server: Server, request: Request) -> None:
    server.nodes.forget(request.node, wire.FORGET_IN.unpack_from(request.body)[0])


@handles(Op.BATCH_FORGET)
def _batch_forget(server: Server, request: Request) -> None:
    count = wire.BATCH_FORGET_IN.unpack_from(request.body)[0]
    for index in range(count):
        at = wire.BATCH_FORGET_IN.size + index * wire.FORGET_ONE.size
        number, lookups = wire.FORGET_ONE.unpack_from(request.body, at)
        server.nodes.forget(number, lookups)


@handles(Op.GETATTR)
def _getattr(server: Server, request: Request) -> bytes:
    return attributes(server, server.nodes.get(request.node))


@handles(Op.SETATTR)
def _setattr(server: Server, request: Request) -> bytes:
    (valid, _, _, size, _, atime, mtime, _, atime_ns, mtime_ns, _, mode, _, uid, gid, _) = (
        wire.SETATTR_IN.unpack_from(request.body)
    )
    node = server.nodes.get(request.node)
    if valid & wire.FATTR_MODE:
        server.store.change_mode(node, stat.S_IMODE(mode))
    if valid & (wire.FATTR_UID | wire.FATTR_GID):
        server.store.change_owner(
            node,
            uid if valid & wire.FATTR_UID else _KEEP,
            gid if valid & wire.FATTR_GID else _KEEP,
        )
    if valid & wire.FATTR_SIZE:
        server.store.truncate(node, size)
    if valid & (wire.FATTR_ATIME | wire.FATTR_MTIME):
        asked = (atime * 10**9 + atime_ns, mtime * 10**9 + mtime_ns)
        os.utime(node.path, ns=_times(node.stat(), valid, asked))
    return attributes(server, node)


def _times(found: os.stat_result, valid: int, asked: tuple[int, int]) -> tuple[int, int]:
    """Access and modification time (ns) after a change that may be about one of them only."""
    now = time.time_ns()
    access = now if valid & wire.FATTR_ATIME_NOW else asked[0]
    change = now if valid & wire.FATTR_MTIME_NOW else asked[1]
    return (
        access if valid & wire.FATTR_ATIME else found.st_atime_ns,
        change if valid & wire.FATTR_MTIME else found.st_mtime_ns,
    )


@handles(Op.READLINK)
def _readlink(server: Server, request: Request) -> bytes:
    return os.readlink(b"", dir_fd=server.nodes.get(request.node).fd)


@handles(Op.SYMLINK)
def _symlink(server: Server, request: Request) -> bytes:
    name, target = request.names()[:2]
    parent = server.nodes.get(request.node)
    owner = (request.uid, request.gid)
    server.store.make(parent, name, owner, lambda: os.symlink(target, name, dir_fd=parent.fd))
    return entry(server, parent, name)


@handles(Op.MKNOD)
def _mknod(server: Server, request: Request) -> bytes:
    mode, device, _, _ = wire.MKNOD_IN.unpack_from(request.body)
    name = request.name(wire.MKNOD_IN.size)
    parent = server.nodes.get(request.node)
    owner = (request.uid, request.gid)
    server.store.make(parent, name, owner, lambda: os.mknod(name, mode, device, dir_fd=parent.fd))
    return entry(server, parent, name)


@handles(Op.MKDIR)
def _mkdir(server: Server, request: Request) -> bytes:
    mode, _ = wire.MKDIR_IN.unpack_from(request.body)
    name = request.name(wire.MKDIR_IN.size)
    parent = server.nodes.get(request.node)
    owner = (request.uid, request.gid)
    server.store.make(parent, name, owner, lambda: os.mkdir(name, mode, dir_fd=parent.fd))
    if parent.stat().st_mode & stat.S_ISGID:  # chown has just cleared what mkdir inherited
        os.chmod(name, mode | stat.S_ISGID, dir_fd=parent.fd)
    return entry(server, parent, name)


@handles(Op.UNLINK)
def _unlink(server: Server, request: Request) -> None:
    server.store.unlink(server.nodes.get(request.node), request.name())


@handles(Op.RMDIR)
def _rmdir(server: Server, request: Request) -> None:
    server.store.remove_folder(server.nodes.get(request.node), request.name())


@handles(Op.RENAME, Op.RENAME2)
def _rename(server: Server, request: Request) -> None:
    layout = wire.RENAME2_IN if request.op == Op.RENAME2 else wire.RENAME_IN
    folder, *rest = layout.unpack_from(request.body)
    old, new = request.names(layout.size)[:2]
    source, target = server.nodes.get(request.node), server.nodes.get(folder)
    server.store.rename((source, old), (target, new), rest[0] if rest else 0)


@handles(Op.LINK)
def _link(server: Server, request: Request) -> bytes:
    (number,) = wire.LINK_IN.unpack_from(request.body)
    name = request.name(wire.LINK_IN.size)
    parent = server.nodes.get(request.node)
    server.store.link(server.nodes.get(number), parent, name)
    return entry(server, parent, name)


@handles(Op.SETXATTR)
def _setxattr(server: Server, request: Request) -> None:
    size, flags = wire.SETXATTR_IN.unpack_from(request.body)
    name = request.name(wire.SETXATTR_IN.size)
    start = wire.SETXATTR_IN.size + len(name) + 1
    value = bytes(request.body[start : start + size])
    server.store.set_attribute(server.nodes.get(request.node), name, value, flags)


@handles(Op.REMOVEXATTR)
def _removexattr(server: Server, request: Request) -> None:
    server.store.remove_attribute(server.nodes.get(request.node), request.name())


@handles(Op.GETXATTR)
def _getxattr(server: Server, request: Request) -> bytes:
    size, _ = wire.GETXATTR_IN.unpack_from(request.body)
    name = request.name(wire.GETXATTR_IN.size)
    return _sized(os.getxattr(server.nodes.get(request.node).path, name), size)


@handles(Op.LISTXATTR)
def _listxattr(server: Server, request: Request) -> bytes:
    size, _ = wire.GETXATTR_IN.unpack_from(request.body)
    names = os.listxattr(server.nodes.get(request.node).path)
    return _sized(b"".join(os.fsencode(one) + b"\0" for one in names), size)


def _sized(value: bytes, size: int) -> bytes:
    """A value, or its size for who asks with no room. Raises OSError (ERANGE) for too little."""
    if size == 0:
        return wire.GETXATTR_OUT.pack(len(value), 0)
    if len(value) > size:
        raise OSError(34, "the value is longer than the room for it")
    return value


@handles(Op.STATFS)
def _statfs(server: Server, _request: Request) -> bytes:
    found = os.statvfs(server.nodes.get(ROOT).path)
    return wire.STATFS_OUT.pack(
        found.f_blocks,
        found.f_bfree,
        found.f_bavail,
        found.f_files,
        found.f_ffree,
        found.f_bsize,
        found.f_namemax,
        found.f_frsize,
        0,
    )
