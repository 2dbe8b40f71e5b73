"""`make bench`: every benchmark, printed and written to one JSON file with the machine it ran on.

A benchmark is a module of this folder with `TITLE` and `measure() -> dict`. Numbers are ratios or
errors against ground truth taken in the same run; none of them is a test's limit.
"""

import argparse
import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent


def machine() -> dict[str, object]:
    """What the numbers depend on."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg(),
    }


def show(value: object, indent: int = 2) -> None:
    """Nested figures as indented lines."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict):
                print(f"{' ' * indent}{key}")
                show(inner, indent + 2)
            else:
                shown = f"{inner:.4g}" if isinstance(inner, float) else inner
                print(f"{' ' * indent}{key}: {shown}")


def main() -> int:
    """Run the named benchmarks, or all of them."""
    names = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(names)}")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "latest.json")
    options = parser.parse_args()
    chosen = options.names or names
    if unknown := sorted(set(chosen) - set(names)):
        parser.error(f"no benchmark named {', '.join(unknown)}; choose from {', '.join(names)}")
    results: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }
    for name in chosen:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"{name}: {module.TITLE}", flush=True)
        results[name] = figures = module.measure()
        show(figures)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(results, indent=2, default=str), encoding="utf-8")
    print(f"written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
