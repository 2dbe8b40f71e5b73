"""What is wrong with a number in a fault's arguments, told the same way everywhere."""


def wrong_count(argument: str, value: object, least: int, most: int) -> tuple[str, ...]:
    """What is wrong with a whole number, as `problems` says it; nothing when it is one in range.

    A file may hold anything, and YAML's `yes` is a bool, which Python takes for a number.
    """
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return ()
    return (f"{argument}: {value!r} is not possible; choose a whole number from {least} to {most}",)


def wrong_flag(argument: str, value: object) -> tuple[str, ...]:
    """What is wrong with a yes or no, as `problems` says it."""
    if isinstance(value, bool):
        return ()
    return (f"{argument}: {value!r} is neither true nor false; choose one of them",)
