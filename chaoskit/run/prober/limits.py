"""What a prober may use of the machine."""

import resource
from contextlib import suppress


def raise_descriptor_limit() -> None:
    """Every ask in flight is a descriptor; a thousand a second that all time out are many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
