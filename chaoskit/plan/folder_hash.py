"""What tells one state of a target's folder from another: journals name it."""

import hashlib
from pathlib import Path

_NOT_PART_OF_IT = {".git", "__pycache__", "node_modules", ".DS_Store"}


def folder_hash(folder: Path) -> str:
    """sha256 over the names and bytes of every file of a folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not _NOT_PART_OF_IT.intersection(inside.parts):
            total.update(f"{inside.as_posix()}\0{path.stat().st_size}\0".encode())
            total.update(path.read_bytes())
    return total.hexdigest()
