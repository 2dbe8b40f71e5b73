"""Pytest fixtures of the test kit: `pytest_plugins = ["chaoskit.testing.fixtures"]` in a conftest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaoskit.testing.arena import Arena, opened


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """A place to break things in: an empty project with a network, an agent and an injector."""
    with opened(tmp_path) as one:
        yield one
