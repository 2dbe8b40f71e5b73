"""Run in an instance, with a folder on a disk of ours: what a program expects of a file system.

Prints how fast it was, as JSON.
"""

# What is tried are the calls themselves.
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH115, PTH116, PTH123, PTH208, PTH211

import ctypes
import errno
import fcntl
import json
import mmap
import os
import sys
import time
from pathlib import Path

MEGABYTES = 64
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
libc = ctypes.CDLL(None, use_errno=True)


def fails(number, work):
    met = 0
    try:
        work()
    except OSError as error:
        met = error.errno
    assert met == number, f"{met} instead of {errno.errorcode[number]}"


def names():
    Path("a").write_bytes(b"hello")
    os.rename("a", "b")
    assert os.listdir() == ["b"]
    os.link("b", "c")
    assert os.stat("b").st_nlink == 2
    os.unlink("b")
    assert os.stat("c").st_nlink == 1
    os.symlink("c", "s")
    assert os.readlink("s") == "c"
    assert Path("s").read_bytes() == b"hello"
    os.mkdir("d")
    Path("d/x").touch()
    fails(errno.ENOTEMPTY, lambda: os.rmdir("d"))
    os.unlink("d/x")
    os.rmdir("d")
    for name in ("one", "two"):
        Path(name).write_text(name)
    assert libc.renameat2(-100, b"one", -100, b"two", RENAME_EXCHANGE) == 0
    assert Path("one").read_text() == "two"
    assert libc.renameat2(-100, b"one", -100, b"two", RENAME_NOREPLACE) == -1
    assert ctypes.get_errno() == errno.EEXIST
    os.rename("one", "two")
    assert Path("two").read_text() == "two"
    os.mkfifo("fifo")
    for number in range(500):
        Path(f"many-{number}").touch()
    assert len([one for one in os.listdir() if one.startswith("many-")]) == 500
    for number in range(500):
        os.unlink(f"many-{number}")


def attributes():
    path = Path("attributes")
    path.write_bytes(b"hello")
    os.truncate(path, 2)
    assert path.read_bytes() == b"he"
    os.truncate(path, 10)
    assert path.read_bytes() == b"he" + bytes(8)
    os.chmod(path, 0o600)
    os.chown(path, 33, 34)
    os.utime(path, ns=(10**18, 2 * 10**18))
    found = path.stat()
    assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o600, 33, 34)
    assert found.st_mtime_ns == 2 * 10**18
    os.setxattr(path, "user.k", b"v")
    assert os.getxattr(path, "user.k") == b"v"
    assert os.listxattr(path) == ["user.k"]
    os.removexattr(path, "user.k")
    fails(errno.ENODATA, lambda: os.getxattr(path, "user.k"))
    assert os.statvfs(".").f_blocks > 0


def open_files():
    with open("app", "ab") as first, open("app", "ab") as second:
        for file, data in ((first, b"1"), (second, b"2"), (first, b"3")):
            file.write(data)
            file.flush()
    assert Path("app").read_bytes() == b"123"
    with open("gone", "w+b") as file:
        os.unlink("gone")
        file.write(b"x" * 5000)
        file.seek(0)
        assert len(file.read()) == 5000
        assert os.fstat(file.fileno()).st_nlink == 0
    with open("map", "w+b") as file:
        file.write(bytes(8192))
        file.flush()
        os.fsync(file.fileno())
        os.fdatasync(file.fileno())
        with mmap.mmap(file.fileno(), 8192) as view:
            view[100:105] = b"mmap!"
            view.flush()
        assert os.pread(file.fileno(), 5, 100) == b"mmap!"
        os.posix_fallocate(file.fileno(), 0, 100_000)
        assert os.fstat(file.fileno()).st_size == 100_000
        fcntl.flock(file, fcntl.LOCK_EX)
        with open("map", "r+b") as other:
            fails(errno.EAGAIN, lambda: fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB))
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    folder = os.open(".", os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    direct = os.open("direct", os.O_RDWR | os.O_CREAT | os.O_DIRECT | os.O_DSYNC)
    page = mmap.mmap(-1, 4096)
    page[:3] = b"abc"
    assert os.write(direct, page) == 4096
    assert os.pread(direct, 4096, 0)[:3] == b"abc"


def speed():
    block = os.urandom(1 << 20)
    begun = time.monotonic()
    with open("big", "wb") as file:
        file.writelines(block for _ in range(MEGABYTES))
        file.flush()
        os.fsync(file.fileno())
    written = time.monotonic()
    with open("big", "rb", buffering=0) as file:
        while data := file.read(1 << 20):
            assert data == block[: len(data)]
    read = time.monotonic()
    return {"write": MEGABYTES / (written - begun), "read": MEGABYTES / (read - written)}


os.chdir(sys.argv[1])
os.mkdir("smoke")
os.chdir("smoke")
names()
attributes()
open_files()
print(json.dumps(speed()))
