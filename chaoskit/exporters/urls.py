"""Addresses on the command line: http and https only, with a host; secrets stay out of them."""

from urllib.parse import urlsplit

from chaoskit.errors import InputError, Problem


def is_url(text: str, option: str) -> bool:
    """Whether it is a URL, and not a file's path. Raises InputError for a URL that cannot be used."""
    if "://" not in text:
        return False
    checked(text, option)
    return True


def checked(text: str, option: str) -> str:
    """The URL as it is. Raises InputError with what is allowed."""
    if not _is_usable(text):
        message = f"{text!r} is no address"
        hint = "write http://HOST:PORT/PATH or https://HOST/PATH"
        raise InputError(Problem(file=option, message=message, hint=hint))
    if "@" in urlsplit(text).netloc:
        message = "a user name or password in an address ends up in logs"
        raise InputError(Problem(file=option, message=message, hint="use the environment for it"))
    return text


def _is_usable(text: str) -> bool:
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, a bracket too many
        return False
    return known and not any(sign.isspace() for sign in text)
