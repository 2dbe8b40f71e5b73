"""The pytest plugin: what it adds to every start, and a thousand experiments collected."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

TITLE = "pytest: the plugin's import, its share of a start, 1,000 experiments collected"
ROOT = Path(__file__).parents[1]
EXPERIMENTS = 1000
# Bytecode is kept, as it is for a user: else everything would be compiled anew at every start.
PLAIN = {
    key: value
    for key, value in os.environ.items()
    if key not in {"PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "CI"}
}
IMPORT = """
import time, pytest
begun = time.process_time()
import chaoskit.pytest_plugin
print(time.process_time() - begun)
"""


class Took(NamedTuple):
    """One pytest process. On a busy machine its processor time tells more than the clock."""

    wall_s: float
    cpu_s: float


def took(folder: Path, *arguments: str) -> Took:
    """What one pytest process takes."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    begun, before = time.perf_counter(), os.times()
    subprocess.run(command, cwd=folder, capture_output=True, check=True, env=PLAIN)
    after = os.times()
    cpu_s = sum(after[2:4]) - sum(before[2:4])
    return Took(time.perf_counter() - begun, cpu_s)


def import_s() -> float:
    """The plugin's import, in a process that has imported pytest: processor time."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], capture_output=True, check=True, text=True, env=PLAIN
    )
    return float(done.stdout)


def suite(folder: Path) -> None:
    """One plain test, and a thousand experiments on one target."""
    (folder / "test_plain.py").write_text("def test_plain(): pass\n", encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nchaos_files = experiments/*.yaml\n", "utf-8")
    (folder / "experiments").mkdir()
    (folder / "targets").mkdir()
    shutil.copytree(ROOT / "targets" / "restart-policy", folder / "targets" / "restart-policy")
    text = (ROOT / "experiments" / "restart-policy" / "crash.yaml").read_text(encoding="utf-8")
    for number in range(EXPERIMENTS):
        (folder / "experiments" / f"crash-{number:04}.yaml").write_text(text, encoding="utf-8")


def measure(runs: int = 15) -> dict[str, object]:
    """Medians, and the median of the pairwise ratios; the pairs are interleaved."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        suite(folder)
        plain, collect = ("test_plain.py",), ("--collect-only", "experiments")
        without = ("-p", "no:chaoskit", *plain)
        for warm_up in (plain, without, collect):
            took(folder, *warm_up)
        starts = [(took(folder, *plain), took(folder, *without)) for _ in range(runs)]
        collections = [(took(folder, *collect), took(folder, *without)) for _ in range(3)]
    imports = sorted(import_s() for _ in range(runs))
    return {
        "import_cpu": {"median_s": statistics.median(imports), "least_s": imports[0]},
        "a_start_with_the_plugin": figures(starts),
        f"{EXPERIMENTS}_experiments_collected": figures(collections),
    }


def figures(pairs: list[tuple[Took, Took]]) -> dict[str, float]:
    """Ours, and how often a start of pytest without the plugin fits into it."""
    return {
        "wall_s": statistics.median(one.wall_s for one, _ in pairs),
        "cpu_s": statistics.median(one.cpu_s for one, _ in pairs),
        "bare_start_wall_s": statistics.median(two.wall_s for _, two in pairs),
        "bare_start_cpu_s": statistics.median(two.cpu_s for _, two in pairs),
        "bare_starts_by_wall": statistics.median(one.wall_s / two.wall_s for one, two in pairs),
        "bare_starts_by_cpu": statistics.median(one.cpu_s / two.cpu_s for one, two in pairs),
    }
