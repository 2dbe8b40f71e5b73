"""chaoskit proves that a system heals itself: how fast, by which mechanism, how sure we are.

    import chaoskit

    crash = chaoskit.experiment("A crashed shop opens again", target="shop", ...)
    print(crash.run().sentence)

docs/python-api.md has the rest. Nothing is imported before it is used, so that importing this costs
nothing: not to the command line, nor to a test run that breaks nothing. `__init__.pyi` has the types.
"""

from importlib import import_module

__version__ = "0.1.0"

_API = (
    *("Experiment", "Inconclusive", "LiveTarget", "Missed", "Result", "Verdict", "Watch"),
    *("experiment", "fault", "http", "live_target", "load_experiment"),
)
__all__ = ["__version__", *_API]  # noqa: PLE0604  # the names are texts, all of them


def __getattr__(name: str) -> object:
    """A name of the API, imported when it is first asked for."""
    if name not in _API:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module("chaoskit.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_API})
