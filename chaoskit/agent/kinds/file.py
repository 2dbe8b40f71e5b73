"""Kind `file`: bytes of some files of an instance are flipped, or their ends cut off.

Parameters: `pid`, `container`, `tag`; `path`, a file or a pattern within the instance; `action`
(corrupt or truncate); for corrupt `count` (bytes to flip, or 0 and `share` of each file), `offset`
(where, or None: anywhere) and `seed`; for truncate `size` in bytes, or -1 and `share` to be left;
`keep`, whether only the system may heal it. From the survey: `start_ticks` and `files`, the places
where they are found again (see chaoskit.agent.storage.places).
"""

import hashlib
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.storage import patches, places

CAPABILITIES = ("DAC_OVERRIDE", "FOWNER", "CHOWN")  # a service's files are seldom root's

_MOST_FILES = 50
_MOST_FLIPS = 1 << 16  # of one file


def survey(params: Params) -> dict[str, Any]:
    """Which files are meant. Raises Refused when there are none, or too many."""
    found = instances.look(params)
    pid, pattern = params["pid"], params["path"]
    try:
        names = places.matching(pid, pattern)
    except OSError as error:
        message = f"{pattern} cannot be looked at: {error.strerror}"
        raise Refused(message) from error
    names = [one for one in names if not Path(one).name.startswith(PREFIX)]
    if not names:
        message = f"the instance has no regular file {pattern}"
        raise Refused(message)
    if len(names) > _MOST_FILES:
        message = f"{pattern} means {len(names)} files; at most {_MOST_FILES} in one fault"
        raise Refused(message)
    return {**found, "files": [places.note(pid, one) for one in names]}


PREFIX = ".chaoskit-"


def kept_name(tag: str, number: int) -> str:
    """The file beside a changed one that has what is needed to restore it."""
    return f"{PREFIX}{hashlib.sha256(tag.encode()).hexdigest()[:12]}.{number}"


def apply(params: Params) -> Effect:
    """Change every file and read the change back; all of them or none."""
    if not instances.alive(params):
        message = "the instance's main process ended before its files were changed"
        raise Refused(message)
    seed = params.get("seed")
    rng = random.Random(params["tag"] if seed is None else seed)
    requested_ns = time.monotonic_ns()
    try:
        words = [_changed(*one, params, rng) for one in _files(params)]
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    in_effect_ns = time.monotonic_ns()
    evidence = "; ".join(words[:5]) + (f"; and {len(words) - 5} more" if len(words) > 5 else "")
    return Effect(
        requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=f"{evidence}, read back"
    )


def _files(params: Params) -> Iterator[tuple[Params, Path | None, Path | None]]:
    """Each noted place, where it is now, and what is kept beside it."""
    for number, place in enumerate(params["files"]):
        path = places.find(params, place)
        kept = path.with_name(kept_name(params["tag"], number)) if path is not None else None
        yield place, path, kept


def _changed(
    place: Params, path: Path | None, kept: Path | None, params: Params, rng: random.Random
) -> str:
    """Change one file; what was done to it."""
    if path is None or kept is None:
        message = f"{place['path']} is gone"
        raise Refused(message)
    pieces = list(_pieces(path, params, rng))
    patches.change(path, pieces, kept=None if params.get("keep") else kept)
    return f"{place['path']}: {_told(pieces)}"


def _pieces(path: Path, params: Params, rng: random.Random) -> Iterator[patches.Piece]:
    size = places.must_be_own_file(path).st_size
    if params["action"] == "truncate":
        yield _tail(path, size, params)
        return
    count = params["count"] or max(1, round(size * params["share"]))
    first = params["offset"] if params["offset"] is not None else 0
    if first + count > size:
        message = f"{path.name} has {size} bytes: {count} from offset {first} cannot be flipped"
        raise Refused(message)
    if count > _MOST_FLIPS:
        message = f"{count} bytes of {path.name} to flip; at most {_MOST_FLIPS} in one file"
        raise Refused(message)
    if params["offset"] is not None:
        old = patches.read(path, first, count)
        yield patches.Piece(at=first, old=old, new=_flipped(old, rng))
        return
    for at in sorted(rng.sample(range(size), count)):
        old = patches.read(path, at, 1)
        yield patches.Piece(at=at, old=old, new=_flipped(old, rng))


def _flipped(old: bytes, rng: random.Random) -> bytes:
    """Every byte another one."""
    return bytes(one ^ rng.randrange(1, 256) for one in old)


def _tail(path: Path, size: int, params: Params) -> patches.Piece:
    left = params["size"] if params["size"] >= 0 else int(size * params["share"])
    if left >= size:
        message = f"{path.name} has {size} bytes already; truncating leaves fewer than there are"
        raise Refused(message)
    kept = 0 if params.get("keep") else patches.MOST_KEPT_BYTES + 1
    tail = patches.read(path, left, min(size - left, kept))
    return patches.Piece(at=left, old=tail, new=b"", resizes=True)


def _told(pieces: list[patches.Piece]) -> str:
    if pieces[-1].resizes:
        return f"cut to {pieces[-1].at} bytes"
    return f"{sum(len(one.new) for one in pieces)} bytes flipped"


def check(params: Params) -> tuple[bool, str]:
    """In effect while every byte that was changed is as it was left."""
    if params.get("keep"):
        return True, "done for good: only the system heals it"
    healed = [
        place["path"]
        for place, path, kept in _files(params)
        if path is None or kept is None or not patches.still_there(path, kept)
    ]
    if healed:
        return False, f"not as it was left: {', '.join(healed)}"
    return True, f"{len(params['files'])} files are as they were left"


def undo(params: Params) -> Gone:
    """Restore what is still as we left it; what the system has healed is left alone."""
    if params.get("keep"):
        evidence = "left as it is, as `keep` says: only the system heals it"
        return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)
    words = []
    for place, path, kept in _files(params):
        if path is None or kept is None:
            words.append(f"{place['path']} is gone with the instance")
            continue
        words.append(f"{place['path']} {patches.take_back(path, kept)}")
        if kept.exists():
            message = f"{kept.name} is left beside {place['path']}"
            raise Refused(message)
    return Gone(gone_ns=time.monotonic_ns(), evidence="; ".join(words))


def missing() -> str:
    """Why this agent cannot change files, or ""."""
    return processes.lacking("SYS_PTRACE", *CAPABILITIES)


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=CAPABILITIES,
)
