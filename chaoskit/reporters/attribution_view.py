"""Who healed what: experiments down, healers across, from the healers' own witnesses."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaoskit.model.journal import Act, ExperimentRecord
from chaoskit.model.quantities import format_duration
from chaoskit.reporters.figures import judged
from chaoskit.reporters.wording import UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Credit:
    """One healer's part in one experiment."""

    words: str
    named: bool  # the experiment says that this healer should do it


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """The matrix; a row for each experiment in which a healer could have acted."""

    healers: tuple[str, ...]
    rows: tuple[tuple[ExperimentRecord, tuple[Credit, ...]], ...]


def attribution(records: Sequence[ExperimentRecord]) -> Attribution:
    """Of every experiment with a valid trial."""
    told = [one for one in records if judged(one)]
    names = dict.fromkeys(
        name
        for record in told
        for name in (
            *(one.name for one in record.healers),
            *record.healed_by,
            *(act.healer for _, judgement in judged(record) for act in judgement.acts),
        )
    )
    rows = tuple((one, tuple(_credit(one, name) for name in names)) for one in told)
    return Attribution(healers=tuple(names), rows=rows)


def first_to_act(acts: Sequence[Act]) -> str:
    """The healer whose act was the first; empty when none acted."""
    acted = [(act.acted_s, act.healer) for act in acts if act.acted_s is not None]
    return min(acted)[1] if acted else ""


def _credit(record: ExperimentRecord, name: str) -> Credit:
    named = name in record.healed_by
    if not named and name not in {one.name for one in record.healers}:
        return Credit(words=UNKNOWN, named=False)
    trials = [judgement.acts for _, judgement in judged(record)]
    mine = [act for acts in trials for act in acts if act.healer == name]
    first = sum(first_to_act(acts) == name for acts in trials)
    acted = [act.acted_s for act in mine if act.acted_s is not None]
    seen = sum(act.detected_s is not None for act in mine)
    if first:
        return Credit(words=f"first in {first} of {len(trials)}", named=named)
    if acted:
        words = f"acted in {len(acted)} of {len(trials)}, not before {format_duration(min(acted))}"
        return Credit(words=words, named=named)
    return Credit(words=f"noticed in {seen} of {len(trials)}" if seen else "not seen", named=named)
