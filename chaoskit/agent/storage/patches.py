"""Changes to a file that can be taken back, by whoever comes later and only where they still are.

Before anything is changed, what will be overwritten is kept in a file beside it: the bytes that
were there, and those that come instead. Taking back writes the old bytes wherever the new ones
still are. What the system has healed meanwhile, by other bytes or by another file, is left alone.

The file is changed in place: its owner, mode and attributes stay, and processes that have it open
see the change.
"""

import json
import os
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaoskit.agent.kind import Refused

MOST_KEPT_BYTES = 64 << 20

_ROW = struct.Struct("<QII")  # offset, old length, new length
_MAGIC = b"chaoskit kept bytes 1\n"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Bytes of a file that others come instead of."""

    at: int
    old: bytes
    new: bytes
    resizes: bool = False  # whether the file ends with the new bytes; only the last piece's may


def change(path: Path, pieces: Sequence[Piece], *, kept: Path | None) -> None:
    """Change a file in place; with `kept`, so that it can be taken back. Raises Refused, OSError.

    When this returns, the change was read back.
    """
    descriptor = os.open(path, _WRITE)
    try:
        stamp_ns = time.time_ns()
        if kept is not None:
            _keep(descriptor, pieces, kept, stamp_ns)
        for piece in pieces:
            _write_all(descriptor, piece.new, piece.at)
            if piece.resizes:
                os.ftruncate(descriptor, piece.at + len(piece.new))
        os.utime(descriptor, ns=(os.fstat(descriptor).st_atime_ns, stamp_ns))
        os.fsync(descriptor)
        if not all(_is_new(descriptor, piece) for piece in pieces):
            message = f"{path.name} does not read as it was written"
            raise Refused(message)
    finally:
        os.close(descriptor)


def _keep(descriptor: int, pieces: Sequence[Piece], kept: Path, stamp_ns: int) -> None:
    """Write down what will be overwritten, flushed, before it is."""
    if sum(len(piece.old) + len(piece.new) for piece in pieces) > MOST_KEPT_BYTES:
        message = (
            f"more than {MOST_KEPT_BYTES >> 20} MiB would be kept beside the file to restore it; "
            "change less of it, or say keep: true"
        )
        raise Refused(message)
    state = os.fstat(descriptor)
    head = {
        "inode": state.st_ino,
        "size": state.st_size,
        "accessed_ns": state.st_atime_ns,
        "modified_ns": state.st_mtime_ns,
        "stamp_ns": stamp_ns,
        "pieces": len(pieces),
        "resizes": pieces[-1].resizes,
    }
    rows = b"".join(_ROW.pack(one.at, len(one.old), len(one.new)) for one in pieces)
    data = b"".join(part for one in pieces for part in (one.old, one.new))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    out = os.open(kept, flags, 0o600)
    try:
        # Its folder's owner must not trip over a file that he cannot read.
        os.fchown(out, state.st_uid, state.st_gid)
        _write_all(out, _MAGIC + json.dumps(head).encode() + b"\n" + rows + data, 0)
        os.fsync(out)
    finally:
        os.close(out)
    _sync_folder(kept.parent)


def still_there(path: Path, kept: Path) -> bool:
    """Whether every byte of a change is still as it was changed."""
    try:
        head, pieces = _kept(kept)
        descriptor = os.open(path, _READ)
    except (OSError, Refused):
        return False
    try:
        same = os.fstat(descriptor).st_ino == head["inode"]
        return same and all(_is_new(descriptor, one) for one in pieces)
    finally:
        os.close(descriptor)


def take_back(path: Path, kept: Path) -> str:
    """Restore what is still changed, and remove what was kept; says what was found.

    Idempotent: with nothing kept there is nothing to do. Raises Refused, OSError when the file
    stays changed.
    """
    if not kept.exists():
        return "nothing of ours"
    try:
        head, pieces = _kept(kept)
    except Refused:  # it was torn while it was written; the change waits for the whole of it
        kept.unlink()
        return "was never changed"
    try:
        descriptor = os.open(path, _WRITE)
    except FileNotFoundError:
        kept.unlink()
        return "is gone: the system removed it, and it was left so"
    try:
        words = _restored(descriptor, head, pieces)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    kept.unlink()
    _sync_folder(kept.parent)
    return words


def _restored(descriptor: int, head: dict[str, Any], pieces: Sequence[Piece]) -> str:
    state = os.fstat(descriptor)
    if state.st_ino != head["inode"]:
        return "is another file by now: the system replaced it, and it was left so"
    ours = [piece for piece in pieces if _is_new(descriptor, piece)]
    for piece in ours:
        _write_all(descriptor, piece.old, piece.at)
        if piece.resizes:
            os.ftruncate(descriptor, head["size"])
    if not all(_read(descriptor, one.at, len(one.old)) == one.old for one in ours):
        message = "a file does not read as it was restored"
        raise Refused(message)
    if len(ours) < len(pieces):
        healed = len(pieces) - len(ours)
        return f"{healed} of {len(pieces)} places were healed by the system, the rest restored"
    if state.st_mtime_ns == head["stamp_ns"]:  # nobody has written to it since
        os.utime(descriptor, ns=(head["accessed_ns"], head["modified_ns"]))
    return "restored"


def _is_new(descriptor: int, piece: Piece) -> bool:
    """Whether the file is as the change left it there.

    A change of length in two steps may have been interrupted between them by a SIGKILL.
    """
    size, end = os.fstat(descriptor).st_size, piece.at + len(piece.new)
    if piece.resizes and size not in (end, max(end, piece.at + len(piece.old))):
        return False
    if piece.resizes and not piece.new and size != end:
        return False
    return _read(descriptor, piece.at, len(piece.new)) == piece.new


def _kept(kept: Path) -> tuple[dict[str, Any], list[Piece]]:
    """What was written down. Raises Refused when it was not written to its end."""
    data = kept.read_bytes()
    magic, head_line, rest = (*data.split(b"\n", 2), b"", b"")[:3]
    torn = f"{kept.name} is torn"
    if magic + b"\n" != _MAGIC:
        raise Refused(torn)
    try:
        head = json.loads(head_line)
    except ValueError as error:
        raise Refused(torn) from error
    pieces = list(_pieces(head["pieces"], rest, resizes=head["resizes"]))
    if len(pieces) != head["pieces"]:
        raise Refused(torn)
    return head, pieces


def _pieces(count: int, data: bytes, *, resizes: bool) -> Iterator[Piece]:
    at = count * _ROW.size
    for number in range(count):
        if at > len(data):
            return
        offset, old, new = _ROW.unpack_from(data, number * _ROW.size)
        if at + old + new > len(data):
            return
        yield Piece(
            at=offset,
            old=data[at : at + old],
            new=data[at + old : at + old + new],
            resizes=resizes and number == count - 1,
        )
        at += old + new


def read(path: Path, at: int = 0, size: int = MOST_KEPT_BYTES) -> bytes:
    """Bytes of a file, never through a link. Raises OSError."""
    descriptor = os.open(path, _READ)
    try:
        return _read(descriptor, at, size)
    finally:
        os.close(descriptor)


def _read(descriptor: int, at: int, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := os.pread(descriptor, size - len(data), at + len(data))):
        data += more
    return data


def _write_all(descriptor: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, at)
        at, view = at + written, view[written:]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
