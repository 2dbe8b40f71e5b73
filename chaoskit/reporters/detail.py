"""Which trials are shown in every detail: the telling ones, so that a large run stays one small file.

Every trial keeps its row, its verdict, and each of its failed asks in the drawing of all trials. The
drawings, tables and logs of trials that went as they should are the first to be left to the disk.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from chaoskit.model.journal import ExperimentRecord, Journal, TrialRecord
from chaoskit.reporters.figures import figure
from chaoskit.reporters.trial_view import trial_result
from chaoskit.reporters.wording import Result

ROOM = 3_000_000  # characters of the whole page; more of it is not opened gladly
_OF_EXPERIMENT = 21_500  # about what each one takes: its rows, and the drawing of all its trials
_OF_TRIAL = 16_000  # about what a trial takes in every detail, without its logs
_LOGS = (4_000, 60_000)  # characters of the logs of one trial: at least, at most


@dataclass(frozen=True, kw_only=True)
class Detail:
    """What is shown of a run."""

    trials: AbstractSet[tuple[str, int]]  # experiment and trial
    telling: Mapping[str, int]  # of each experiment, the trial whose drawing is open
    log_characters: int  # of one trial

    def shows(self, record: ExperimentRecord, trial: TrialRecord) -> bool:
        """Whether a trial is shown in every detail."""
        return (record.name, trial.index) in self.trials


def detail_of(journal: Journal, room: int = ROOM) -> Detail:
    """As many trials as there is room for: those that tell most, those that failed, and the rest."""
    telling = {one.name: most_telling(one) for one in journal.experiments if one.trials}
    ranked = sorted(
        (_rank(one, trial, telling[one.name]), order, one.name, trial.index)
        for order, one in enumerate(journal.experiments)
        for trial in one.trials
    )
    left = max(room - _OF_EXPERIMENT * len(journal.experiments), 0)
    chosen = ranked[: left // (_OF_TRIAL + _LOGS[0])]
    spare = left // max(len(chosen), 1) - _OF_TRIAL
    return Detail(
        trials=frozenset((name, index) for _, _, name, index in chosen),
        telling=telling,
        log_characters=min(max(spare, _LOGS[0]), _LOGS[1]),
    )


def most_telling(record: ExperimentRecord) -> int:
    """The first trial that did not pass, else the slowest to recover."""
    other = (one.index for one in record.trials if trial_result(record, one) is not Result.PASSED)
    first = next(other, None)
    if first is not None:
        return first
    dots = figure(record, "recovery").dots
    return max(dots, key=lambda dot: dot.value).trial if dots else record.trials[0].index


def _rank(record: ExperimentRecord, trial: TrialRecord, telling: int) -> int:
    if trial.index == telling:
        return 0
    return 1 if trial_result(record, trial) is Result.FAILED else 2
