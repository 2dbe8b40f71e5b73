"""What the faults of files and disks have in common: the checking of paths, sizes and rates."""

from chaoskit.model.quantities import parse_share, parse_size

_LONGEST = 4096
_LEAST_RATE_BYTES = 1 << 15


def wrong_path(argument: str, path: object) -> tuple[str, ...]:
    """What is wrong with a path of an instance, as `problems` says it."""
    good = isinstance(path, str) and path.startswith("/") and len(path) < _LONGEST
    if good and "\0" not in str(path):
        return ()
    return (f"{argument}: {path!r} is not a path of the instance; write one that starts with /",)


def wrong_size(argument: str, text: object) -> tuple[str, ...]:
    """What is wrong with a size, as `problems` says it."""
    try:
        parse_size(text)
    except ValueError as error:
        return (f"{argument}: {error}",)
    return ()


def wrong_rate(argument: str, text: object) -> tuple[str, ...]:
    """What is wrong with a size a second, as `problems` says it."""
    found = wrong_size(argument, text)
    if not found and parse_size(text) < _LEAST_RATE_BYTES:
        found = (f"{argument}: {text!r} a second cannot be measured; choose 32KiB or more",)
    return found


def wrong_share(argument: str, value: object) -> tuple[str, ...]:
    """What is wrong with a share, as `problems` says it."""
    try:
        parse_share(value)
    except ValueError as error:
        return (f"{argument}: {error}",)
    return ()
