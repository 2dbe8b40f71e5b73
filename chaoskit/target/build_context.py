"""What a build sees of a folder: which files, in which order, and a hash of them all.

The engine's image name carries this hash, so an image is built exactly once for each state of its
recipe. The archive that is sent holds exactly the files that were hashed.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from docker.utils.build import exclude_paths

HASH_LENGTH = 12  # hex digits of an image's tag

# Left behind by running the code on the host; never part of an image.
_NEVER = ("**/__pycache__", "**/*.pyc")


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    """A folder with a Dockerfile."""

    folder: Path
    dockerfile: str = "Dockerfile"

    def files(self) -> tuple[str, ...]:
        """Every path that the build sees, relative to the folder, in a fixed order."""
        patterns = [*_NEVER, *_ignored(self.folder / ".dockerignore")]
        found = exclude_paths(str(self.folder), patterns, dockerfile=self.dockerfile)
        return tuple(sorted(found))

    def hash(self, *, base: str, args: Mapping[str, str]) -> str:
        """A hash of the files, the Dockerfile's name, the arguments and the base image's id."""
        digest = hashlib.sha256()
        for part in (base, self.dockerfile, *(f"{key}={args[key]}" for key in sorted(args))):
            digest.update(f"{part}\0".encode())
        for name in self.files():
            digest.update(_fingerprint(self.folder / name, name))
        return digest.hexdigest()[:HASH_LENGTH]

    def archive(self) -> io.BytesIO:
        """The files as a tar archive, the same bytes for the same contents."""
        stream = io.BytesIO()
        with tarfile.open(mode="w", fileobj=stream) as archive:
            for name in self.files():
                archive.add(self.folder / name, name, recursive=False, filter=_anonymous)
        stream.seek(0)
        return stream


def _ignored(path: Path) -> list[str]:
    if not path.exists():
        return []
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _fingerprint(path: Path, name: str) -> bytes:
    if path.is_symlink():
        kind, content = "link", os.fsencode(path.readlink())
    elif path.is_dir():
        kind, content = "folder", b""
    else:
        kind = "program" if os.access(path, os.X_OK) else "file"
        content = path.read_bytes()
    return f"{kind}\0{name}\0".encode() + hashlib.sha256(content).digest()


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owner, time and umask of a checkout are no part of the recipe."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = 0
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    return member
