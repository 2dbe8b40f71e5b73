"""Wheels for images: fetched once, by their hash, and refused when they are others."""

import hashlib
import zipfile

import pytest

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target.wheels import fetch_wheels

NAME = "leaf-1.0-py3-none-any.whl"


@pytest.fixture
def context(tmp_path):
    wheel = tmp_path / "shop" / NAME
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("leaf.py", "GREEN = True\n")
        archive.writestr(
            "leaf-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: leaf\nVersion: 1.0\n"
        )
        archive.writestr(
            "leaf-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("leaf-1.0.dist-info/RECORD", "")
    folder = tmp_path / "context"
    folder.mkdir()
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "wheels.txt").write_text(f"{wheel} --hash=sha256:{digest}\n")
    return folder


def test_the_wheels_of_a_context_are_fetched_once(context):
    said = []
    fetch_wheels(context, "x86_64", said.append)
    fetch_wheels(context, "x86_64", said.append)

    assert (context / "wheels" / NAME).is_file()
    assert said == ["fetching the wheels of context"]


def test_a_wheel_of_another_hash_is_refused_and_nothing_counts_as_fetched(context):
    wanted = context / "wheels.txt"
    path, _, _ = wanted.read_text().partition(" ")
    wanted.write_text(f"{path} --hash=sha256:{'0' * 64}\n")

    with pytest.raises(EnvironmentUnfit, match="wheels of context could not be fetched"):
        fetch_wheels(context, "x86_64", lambda _line: None)
    assert not (context / "wheels" / "wheels.txt").exists()


def test_a_context_without_wheels_needs_none(tmp_path):
    fetch_wheels(tmp_path, "x86_64", lambda _line: pytest.fail("nothing was to be done"))

    assert list(tmp_path.iterdir()) == []
