"""The arguments of faults that mean some processes of an instance: by name, or by command line."""

import re


def wrong_choice(process: str | None, command: str | None) -> tuple[str, ...]:
    """Exactly one of the two, and a command must be a regular expression."""
    found = []
    if len([one for one in (process, command) if one]) != 1:
        found.append("process: exactly one of process and command says which one is meant")
    if command:
        try:
            re.compile(command)
        except re.error as error:
            found.append(
                f"command: {command!r} is not a regular expression ({error}); a plain "
                "word is one, and a dot or a bracket in it is written with a backslash"
            )
    return tuple(found)
