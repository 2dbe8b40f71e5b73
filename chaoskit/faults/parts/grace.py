"""The time between a container's stop signal and SIGKILL, as the engine's API takes it."""

import math

from chaoskit.model.quantities import parse_duration

MOST_S = 60.0  # the engine's answer is waited for so long


def wrong_grace(grace: str) -> tuple[str, ...]:
    """What is wrong with it, as `problems` says it."""
    try:
        grace_s = parse_duration(grace)
    except ValueError as error:
        return (f"grace: {error}",)
    if grace_s > MOST_S:
        return (f"grace: {grace} is above one minute; choose 0s to 1m",)
    return ()


def whole_seconds(grace: str) -> int:
    """In whole seconds, because the engine takes no others; never shorter than asked for."""
    return math.ceil(parse_duration(grace))
