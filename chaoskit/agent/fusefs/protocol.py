"""The kernel's FUSE protocol, as far as a pass-through needs it: numbers and layouts.

From include/uapi/linux/fuse.h, version 7.31 (Linux 5.10 and newer speak at least that).
"""

import os
import struct
from enum import IntEnum

MAJOR, MINOR = 7, 31
MAX_WRITE = 1 << 20  # bytes in one write request; 256 pages is the kernel's limit
BUFFER_BYTES = MAX_WRITE + 8192  # a request with its headers

# What we ask for in INIT. Without POSIX_LOCKS and FLOCK_LOCKS the kernel keeps locks itself, which
# is right while everybody comes through this one mount.
ASYNC_READ = 1 << 0
BIG_WRITES = 1 << 5
PARALLEL_DIROPS = 1 << 18
MAX_PAGES = 1 << 22
WANTED = ASYNC_READ | BIG_WRITES | PARALLEL_DIROPS | MAX_PAGES

# Which fields a SETATTR sets.
FATTR_MODE, FATTR_UID, FATTR_GID, FATTR_SIZE, FATTR_ATIME, FATTR_MTIME, FATTR_FH = (
    1 << bit for bit in range(7)
)
FATTR_ATIME_NOW, FATTR_MTIME_NOW = 1 << 7, 1 << 8

FSYNC_DATA_ONLY = 1  # fdatasync

NOTIFY_INVAL_INODE = 2

IN_HEADER = struct.Struct("=IIQQIIII")  # length opcode unique node uid gid pid padding
OUT_HEADER = struct.Struct("=IiQ")  # length -errno unique
INIT_IN = struct.Struct("=IIII")
INIT_OUT = struct.Struct("=IIIIHHIIHHI28x")
ATTR = struct.Struct("=QQQQQQIIIIIIIIII")
ENTRY_OUT = struct.Struct("=QQQQII")  # followed by ATTR
ATTR_OUT = struct.Struct("=QII")  # followed by ATTR
GETATTR_IN = struct.Struct("=IIQ")
SETATTR_IN = struct.Struct("=IIQQQQQQIIIIIIII")
MKNOD_IN = struct.Struct("=IIII")
MKDIR_IN = struct.Struct("=II")
RENAME_IN = struct.Struct("=Q")
RENAME2_IN = struct.Struct("=QII")
LINK_IN = struct.Struct("=Q")
OPEN_IN = struct.Struct("=II")
OPEN_OUT = struct.Struct("=QII")
CREATE_IN = struct.Struct("=IIII")
RELEASE_IN = struct.Struct("=QIIQ")
READ_IN = struct.Struct("=QQIIQII")  # fh offset size read_flags lock_owner flags padding
WRITE_IN = struct.Struct("=QQIIQII")
WRITE_OUT = struct.Struct("=II")
STATFS_OUT = struct.Struct("=QQQQQIIII24x")
FSYNC_IN = struct.Struct("=QII")
SETXATTR_IN = struct.Struct("=II")
GETXATTR_IN = struct.Struct("=II")
GETXATTR_OUT = struct.Struct("=II")
FORGET_IN = struct.Struct("=Q")
BATCH_FORGET_IN = struct.Struct("=II")
FORGET_ONE = struct.Struct("=QQ")
FALLOCATE_IN = struct.Struct("=QQQII")
DIRENT = struct.Struct("=QQII")  # inode, offset of the next, name's length, type; then the name
INVAL_INODE_OUT = struct.Struct("=QqQ")


class Op(IntEnum):
    """The requests that are answered; every other one gets ENOSYS, and the kernel does without."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    READLINK = 5
    SYMLINK = 6
    MKNOD = 8
    MKDIR = 9
    UNLINK = 10
    RMDIR = 11
    RENAME = 12
    LINK = 13
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    SETXATTR = 21
    GETXATTR = 22
    LISTXATTR = 23
    REMOVEXATTR = 24
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    FSYNCDIR = 30
    CREATE = 35
    INTERRUPT = 36
    DESTROY = 38
    BATCH_FORGET = 42
    FALLOCATE = 43
    RENAME2 = 45


SILENT = frozenset({Op.FORGET, Op.BATCH_FORGET, Op.INTERRUPT})  # the kernel wants no reply


def attr(found: os.stat_result, *, links: int) -> bytes:
    """A file's attributes as the kernel wants them. `links` replaces the number of hard links."""
    return ATTR.pack(
        found.st_ino,
        found.st_size,
        found.st_blocks,
        found.st_atime_ns // 10**9,
        found.st_mtime_ns // 10**9,
        found.st_ctime_ns // 10**9,
        found.st_atime_ns % 10**9,
        found.st_mtime_ns % 10**9,
        found.st_ctime_ns % 10**9,
        found.st_mode,
        links,
        found.st_uid,
        found.st_gid,
        found.st_rdev & 0xFFFFFFFF,
        found.st_blksize,
        0,
    )


def init_reply(data: memoryview) -> bytes:
    """The answer to INIT. Raises OSError where the kernel is too old."""
    major, minor, readahead, flags = INIT_IN.unpack_from(data)
    if (major, minor) < (MAJOR, MINOR):
        raise OSError(71, f"the kernel speaks FUSE {major}.{minor}, not {MAJOR}.{MINOR}")
    return INIT_OUT.pack(
        MAJOR, MINOR, readahead, flags & WANTED, 64, 48, MAX_WRITE, 1, MAX_WRITE // 4096, 0, 0
    )


def dirent(inode: int, following: int, name: bytes, kind: int) -> bytes:
    """One entry of a directory, padded to a multiple of eight bytes."""
    head = DIRENT.pack(inode, following, len(name), kind)
    return head + name + bytes(-len(name) % 8)
