"""Packages that only an exporter needs: imported when it is asked for, and named when it is missing."""

from importlib import import_module
from typing import Any

from chaoskit.errors import EnvironmentUnfit


def needed(module: str, extra: str, option: str) -> Any:
    """The module. Raises EnvironmentUnfit with the command that installs it."""
    try:
        return import_module(module)
    except ImportError:
        message = (
            f"{option} needs a package that is not installed ({module}); "
            f"install it with: pip install 'chaoskit[{extra}]'"
        )
        raise EnvironmentUnfit(message) from None
