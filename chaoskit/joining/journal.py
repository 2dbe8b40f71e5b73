"""The journal of a joined run: every experiment with the run that it is from, and what is missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chaoskit import __version__
from chaoskit.errors import Exit
from chaoskit.model.journal import ExperimentRecord, Journal, Origin
from chaoskit.model.verdict import worst_exit

RUNS = "runs"  # of a joined run: each run that it is made of, whole


def journal_of(journals: Sequence[Journal], run_id: str) -> Journal:
    """The joined run before it is judged: whatever is wrong with one of them is wrong with it."""
    ended = [one.ended_wall for one in journals]
    missing = _missing(journals)
    troubles = [f"{one.run_id}: {one.trouble}" for one in journals if one.trouble]
    exits = [Exit(one.trouble_exit or Exit.HARNESS) for one in journals if one.trouble]
    if missing:
        troubles, exits = [*troubles, missing], [*exits, Exit.INCONCLUSIVE]
    return Journal(
        run_id=run_id,
        chaoskit=__version__,
        command=_command(journals),
        seed=journals[0].seed,
        anchor=journals[0].anchor,
        ended_wall=max(ended) if all(ended) else "",
        environment=_environment([one.environment for one in journals]),
        experiments=tuple(record for one in journals for record in _moved(one)),
        interrupted_by=next((one.interrupted_by for one in journals if one.interrupted_by), ""),
        left_behind=tuple(left for one in journals for left in one.left_behind),
        trouble="; ".join(troubles),
        trouble_exit=int(worst_exit(exits)) if exits else None,
    )


def _moved(journal: Journal) -> Iterator[ExperimentRecord]:
    """The experiments of a run, where their evidence is now."""
    here = f"{RUNS}/{journal.run_id}"
    for record in journal.experiments:
        origin = record.origin or Origin(
            run_id=journal.run_id,
            folder="",
            command=journal.command,
            seed=journal.seed,
            anchor=journal.anchor,
            environment=journal.environment,
        )
        trials = tuple(replace(one, folder=f"{here}/{one.folder}") for one in record.trials)
        folder = f"{here}/{origin.folder}" if origin.folder else here
        yield replace(record, trials=trials, origin=replace(origin, folder=folder))


def _missing(journals: Sequence[Journal]) -> str:
    """What of the suite is not there, in a sentence; "" when it is whole."""
    shards = [one.shard for one in journals if one.shard is not None]
    if not shards:
        return ""
    there = {one.index for one in shards}
    absent = [
        f"{number}/{shards[0].of}" for number in range(1, shards[0].of + 1) if number not in there
    ]
    if absent:
        which = "shard" if len(absent) == 1 else "shards"
        return f"{which} {', '.join(absent)} of the suite: nothing is known of what was in there"
    run = {record.name for one in journals for record in one.experiments}
    never = [name for name in shards[0].suite if name not in run]
    return f"never begun, though in the suite: {', '.join(never)}" if never else ""


def _command(journals: Sequence[Journal]) -> str:
    """What repeats all of it: the commands of the runs, one after another."""
    return "; ".join(dict.fromkeys(one.command for one in journals))


def _environment(environments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all of them share, and what differs beside one another."""
    keys = dict.fromkeys(key for one in environments for key in one)
    values = {
        key: list(dict.fromkeys(str(one[key]) for one in environments if key in one))
        for key in keys
    }
    return {key: " | ".join(found) for key, found in values.items()}
