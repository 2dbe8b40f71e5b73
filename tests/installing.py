"""Packages of third parties, for tests: the example, installed by pip, and small ones made by hand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "third-party-fault"


def install_example(folder):
    """The example package, installed into a folder of its own; returns (site, its source)."""
    source, site = folder / "source", folder / "site"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    here = ["--no-deps", "--no-build-isolation", "--target", site, source]
    done = subprocess.run([*pip, *here], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return site, source


def with_site(site):
    """The environment in which a package in that folder is installed."""
    return {**os.environ, "CI": "true", "PYTHONPATH": str(site)}


def make_package(site, name, entries, modules):
    """A package as pip would leave it: modules, and the file with its entry points."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    lines = []
    for group, members in entries.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in members.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    for module, text in modules.items():
        (site / f"{module}.py").write_text(text)
