"""The address of a store, checked before anything is started: its form, its protocol, its driver.

fsspec knows dozens of protocols, of which many are no stores: pages, archives, caches, wrappers around
others. Only those are taken whose objects stay where they are put, and can be read from elsewhere.
"""

import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chaoskit.errors import EnvironmentUnfit, InputError, Problem
from chaoskit.plan.report import suggest

# Protocol → the package that brings its driver; "" for what fsspec can do by itself.
DRIVERS = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "oss": "ossfs",
    "oci": "ocifs",
    "file": "",
    "memory": "",  # ends with the process: for tests
}
_FORM = re.compile(r"(?P<protocol>[A-Za-z][\w+.-]*)://(?P<path>\S+)")
# fsspec would take these for patterns, for chains of stores, or for one folder with two names.
_WILD = re.compile(r"[*?#\[\]{}%\\]|::|//|[\x00-\x1f]")
_ODD = {".", ".."}
_EXAMPLE = "write s3://BUCKET/PREFIX, or file:///FOLDER"


@dataclass(frozen=True)
class Store:
    """A folder in a store, whose address has been checked."""

    url: str  # without a slash at its end
    option: str  # who named it, for messages

    @property
    def protocol(self) -> str:
        """Of DRIVERS."""
        return self.url.partition("://")[0]

    def connect(self) -> tuple[Any, str]:
        """fsspec's file system, and the path in it. Raises EnvironmentUnfit without a driver."""
        try:
            fsspec = import_module("fsspec")
        except ImportError:
            message = (
                f"{self.option}: {self.url} needs a package that is not installed (fsspec); "
                "install it with: pip install 'chaoskit[store]'"
            )
            raise EnvironmentUnfit(message) from None
        options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
        if self.protocol == "file":
            options["auto_mkdir"] = True
        try:
            file_system, path = fsspec.url_to_fs(self.url, **options)
        except ImportError:
            driver = DRIVERS[self.protocol]
            message = (
                f"{self.option}: {self.protocol}:// needs a driver that is not installed; "
                f"install it with: pip install {driver}"
            )
            raise EnvironmentUnfit(message) from None
        return file_system, str(path).rstrip("/")


def is_url(place: str | Path) -> bool:
    """Whether this names a store, and not a folder on this machine."""
    return "://" in str(place)


def store_of(url: str, option: str) -> Store:
    """The place that a URL names. Raises InputError; asks nobody."""
    problem = _problem(url)
    if problem is not None:
        message, hint = problem
        raise InputError(Problem(file=option, message=message, hint=hint))
    return Store(url=url.rstrip("/"), option=option)


def _problem(url: str) -> tuple[str, str] | None:
    """What is wrong with it, and what is allowed."""
    form = _FORM.fullmatch(url)
    if form is None:
        return f"{url!r} is no address of a store", _EXAMPLE
    protocol, path = form["protocol"], form["path"]
    if protocol not in DRIVERS:
        return f"{protocol}:// is no store that runs can be kept in", suggest(protocol, DRIVERS)
    if _secret(url, protocol):
        what = "a user name or password in an address ends up in logs"
        return what, "drivers read credentials from the environment"
    return _misplaced(protocol, path)


def _misplaced(protocol: str, path: str) -> tuple[str, str] | None:
    bucket, _, key = path.partition("/")
    if protocol == "file" and (bucket or not key.strip("/")):
        return f"'file://{path}' is no absolute path of a folder", "write file:///FOLDER"
    if protocol != "file" and not bucket:
        return f"'{protocol}://{path}' has no bucket", _EXAMPLE
    if _WILD.search(path.strip("/")) or _ODD & set(key.rstrip("/").split("/")):
        hint = "no patterns, no queries, no //, no .."
        return f"'{protocol}://{path}' is no plain address of a folder", hint
    return None


def _secret(url: str, protocol: str) -> bool:
    """abfs://CONTAINER@ACCOUNT.dfs.core.windows.net is the one place where an @ is meant."""
    who, at, _ = urlsplit(url).netloc.rpartition("@")
    return bool(at) and (":" in who or protocol not in {"abfs", "az"})
