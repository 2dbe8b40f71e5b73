"""What a session's options and ini file say, in one place."""

from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The same for every chaos test of a session."""

    targets: Path
    reports: Path
    seed: int
    trials: int | None

    @staticmethod
    def near(path: Path) -> Path:
        """The path as one would write it here."""
        here = Path.cwd()
        return path.relative_to(here) if path.is_relative_to(here) else path


def settings_of(config: pytest.Config) -> Settings:
    """The session's settings. Options count from where pytest was started, the ini file from its
    own folder.
    """
    option = config.option
    return Settings(
        targets=_folder(config, option.chaos_targets, "chaos_targets"),
        reports=_folder(config, option.chaos_reports, "chaos_reports"),
        seed=option.chaos_seed,
        trials=option.chaos_trials,
    )


def _folder(config: pytest.Config, option: str | None, ini: str) -> Path:
    if option is not None:
        return Settings.near(config.invocation_params.dir / option)
    return Settings.near(config.rootpath / config.getini(ini))


def worker_of(config: pytest.Config) -> str:
    """`1f3a99c0-gw0`: the test run and the worker, under xdist; "" without it."""
    worker = getattr(config, "workerinput", None)
    return f"{worker['testrunuid'][:8]}-{worker['workerid']}" if worker else ""
