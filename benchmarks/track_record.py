"""The track record: what the collection has found, found again by running it.

    python -m benchmarks.track_record             # every finding and its fixed variant, target by target
    python -m benchmarks.track_record redis-restart service-mesh      # only these targets
    python -m benchmarks.track_record --page      # write docs/track-record.md anew, run nothing

Each finding is an experiment that comes out as it should not, with a fixed variant beside it. Verdicts are
kept in benchmarks/track_record.json with their date and the load of the machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks._findings import FINDINGS

TITLE = "the findings of the collection, found again, and their fixed variants"
ROOT = Path(__file__).parents[1]
STORE = ROOT / "benchmarks" / "track_record.json"
PAGE = ROOT / "docs" / "track-record.md"


HEAD = """\
# Track record

Real misconfigurations and real bugs in the software of the [targets](targets.md), which the collection finds by running. Each has the one command that finds
it again, and that of a fixed variant. The verdict beside a command is what it gave when it was last run, one trial; *as expected* means that the
experiment says so itself (`expect:`), and that it would fail if the weakness went away.

This page is generated from [benchmarks/track_record.json](../benchmarks/track_record.json), which `python -m benchmarks.track_record` writes: do not edit it.
The machine was shared with other work; its load at the time is in the last column of each row.
"""


def measure() -> dict[str, Any]:
    """All of it, which takes about half an hour; how many came out as they should."""
    run(_wanted())
    store = _read()
    return {name: store[name]["verdict"] for name in _wanted() if name in store}


def run(experiments: Sequence[str]) -> None:
    """One `chaoskit run` a target, one trial of each experiment."""
    targets = dict.fromkeys(name.partition("/")[0] for name in experiments)
    for target in targets:
        mine = [name for name in experiments if name.startswith(f"{target}/")]
        store = _read()
        store.update(
            {name: one for name, one in _run(mine).items() if _says(one) or name not in store}
        )
        STORE.write_text(json.dumps(store, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        PAGE.write_text(render(store), encoding="utf-8")
        print(*(f"{name}: {store[name]['verdict']}" for name in mine), sep="\n", flush=True)


def _says(row: Mapping[str, Any]) -> bool:
    """Whether it tells anything: what could not be told does not replace what was."""
    from chaoskit.model.verdict import Verdict

    return Verdict(row["verdict"]).conclusive


def _run(experiments: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="track-record-") as reports:
        paths = [f"experiments/{name}.yaml" for name in experiments]
        command = [sys.executable, "-m", "chaoskit", "run", *paths, "--trials", "1"]
        load = os.getloadavg()[0]
        ran = subprocess.run(
            [*command, "--reports", reports], cwd=ROOT, capture_output=True, text=True, check=False
        )
        file = Path(reports) / "latest" / "journal.json"
        if not file.is_file():
            message = f"{', '.join(experiments)} left no journal:\n{ran.stderr[-2000:]}"
            raise RuntimeError(message)
        journal = json.loads(file.read_text(encoding="utf-8"))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        one["name"]: {
            "verdict": one["judgement"]["verdict"],
            "passed": one["judgement"]["passed"],
            "expect": one["expect"],
            "why": "" if one["judgement"]["passed"] else one["judgement"]["sentence"],
            "at": at,
            "load": round(max(load, os.getloadavg()[0]), 1),
        }
        for one in journal["experiments"]
    }


def render(store: Mapping[str, Any]) -> str:
    """docs/track-record.md: a pure function of the findings and of what was kept."""
    return HEAD + "".join(_rows(store))


def _rows(store: Mapping[str, Any]) -> Iterator[str]:
    for number, one in enumerate(FINDINGS, 1):
        yield f"\n## {number}. {one.what}\n\n| | command | verdict | date | load |\n|---|---|---|---|---|\n"
        yield _row("found by", one.found_by, store)
        if one.fixed_by:
            yield _row("fixed", one.fixed_by, store)
        yield f"\nThe fixed variant: {one.how}.\n" if one.how else "\nNo fixed variant yet.\n"


def _row(label: str, experiment: str, store: Mapping[str, Any]) -> str:
    found = store.get(experiment)
    command = f"`chaoskit run experiments/{experiment}.yaml`"
    if found is None:
        return f"| {label} | {command} | not run again yet | – | – |\n"
    verdict = f"`{found['verdict']}`"
    if not found["passed"]:
        why = found.get("why", "").replace("|", "/")
        verdict += f" **on this machine at that load**{': ' * bool(why)}{why}"
    elif found["expect"]:
        verdict += ", as expected"
    return f"| {label} | {command} | {verdict} | {found['at'][:10]} | {found['load']:.1f} |\n"


def _wanted() -> list[str]:
    both = [name for one in FINDINGS for name in (one.found_by, one.fixed_by) if name]
    return list(dict.fromkeys(both))


def _read() -> dict[str, Any]:
    if not STORE.is_file():
        return {}
    store: dict[str, Any] = json.loads(STORE.read_text(encoding="utf-8"))
    return store


def main(words: Sequence[str] | None = None) -> int:
    """Run what was asked for, or everything; the page is written after each target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.track_record", description=TITLE)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args(words)
    if options.page:
        PAGE.write_text(render(_read()), encoding="utf-8")
        return 0
    wanted = [
        name
        for name in _wanted()
        if not options.targets or name.partition("/")[0] in options.targets
    ]
    run(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
