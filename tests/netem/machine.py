"""A small machine with a kernel that has netem: qemu, Debian's kernel, and the agent's own image.

Its whole file system is an initramfs made from the agent's image, the kernel's network modules and
the agent's code as it is in the checkout. Its first process is a Python program of ours.
"""

import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
KERNEL = ROOT / ".setup" / "netem-kernel"
QEMU = "qemu-system-x86_64"

_WANTED = ("usr/bin/", "usr/lib/", "usr/lib64/", "usr/sbin/", "lib", "bin", "sbin", "etc/")
_UNWANTED = ("perl", "gconv", "usr/share", "usr/lib/apt", "usr/lib/python3.11/test", "usr/lib/tc/")
_MARK = "SAW "
_FOLDER, _FILE, _LINK = 0o040755, 0o100000, 0o120777


def why_not():
    """Why the machine cannot be run here, with what would make it so; "" when it can."""
    if shutil.which(QEMU) is None:
        return f"there is no {QEMU}: apt-get install qemu-system-x86"
    if not (KERNEL / "vmlinuz").exists():
        return "there is no kernel with netem: make test-netem fetches it"
    return ""


def run(image, program, *, timeout_s):
    """Run a program as the machine's first process, and return what it reported.

    `image` is the exported file system of the agent's image, as a tar stream.
    """
    folder = Path(program).parent
    archive = folder / "initramfs.cpio"
    with archive.open("wb") as out:
        _pack(out, image, Path(program))
    command = [
        *(QEMU, "-accel", "tcg", "-cpu", "max", "-m", "1024", "-smp", "1"),
        *("-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio", "-net", "none"),
        *("-kernel", str(KERNEL / "vmlinuz"), "-initrd", str(archive)),
        *("-append", "console=ttyS0 quiet panic=-1 rdinit=/init random.trust_cpu=on"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    archive.unlink()
    lines = [line.partition(_MARK)[2] for line in done.stdout.splitlines() if _MARK in line]
    assert lines, f"the machine reported nothing:\n{done.stdout[-3000:]}\n{done.stderr[-1000:]}"
    return {key: value for line in lines for key, value in json.loads(line).items()}


def _pack(out, image, program):
    """The whole file system: what the image has and we need, modules, our code, and the program."""
    writer = _Cpio(out)
    with tarfile.open(fileobj=image, mode="r|") as tar:
        for one in filter(_is_wanted, tar):
            if one.isdir():
                writer.add(one.name, _FOLDER)
            elif one.issym():
                writer.add(one.name, _LINK, one.linkname.encode())
            elif one.isreg():
                writer.add(one.name, _FILE | one.mode, tar.extractfile(one).read())
    for folder in ("proc", "sys", "dev", "run", "tmp"):
        writer.add(folder, _FOLDER)
    for path in sorted((KERNEL / "modules").rglob("*.ko")):
        writer.add(f"modules/{path.name}", _FILE | 0o644, path.read_bytes())
    for path in sorted((ROOT / "chaoskit" / "agent").rglob("*.py")):
        writer.add(path.relative_to(ROOT).as_posix(), _FILE | 0o644, path.read_bytes())
    writer.add("init", _FILE | 0o755, program.read_bytes())
    writer.add("TRAILER!!!", 0)


def _is_wanted(one):
    return one.name.startswith(_WANTED) and not any(word in one.name for word in _UNWANTED)


class _Cpio:
    """The archive format of an initramfs: Documentation/driver-api/early-userspace/buffer-format."""

    def __init__(self, out):
        self._out = out
        self._number = 0
        self._folders = set()

    def add(self, name, mode, data=b""):
        for parent in [*Path(name).parents][-2::-1]:  # one that is missing loses what is in it
            if str(parent) not in self._folders:
                self._folders.add(str(parent))
                self._write(str(parent), _FOLDER, b"")
        if name in self._folders:
            return
        if mode == _FOLDER:
            self._folders.add(name)
        self._write(name, mode, data)

    def _write(self, name, mode, data):
        self._number += 1
        path = name.encode() + b"\0"
        fields = (self._number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        head = b"070701" + b"".join(b"%08x" % one for one in fields)
        buffer = io.BytesIO()
        buffer.write(head + path)
        buffer.write(bytes(-buffer.tell() % 4))
        buffer.write(data)
        buffer.write(bytes(-buffer.tell() % 4))
        self._out.write(buffer.getvalue())
