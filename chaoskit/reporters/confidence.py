"""How sure a run's headline is: the weakest claim of the experiments that it praises."""

from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.reporters.figures import judged
from chaoskit.reporters.wording import Result, plural, result_of
from chaoskit.stats.plans import CONFIDENCE, percent, strongest_share


def confidence_words(journal: Journal) -> str:
    """One sentence; empty when nothing was praised."""
    if any(one.arm for one in journal.experiments):
        return ""  # a run of control arms is about the experiments, not about the system
    praised = [
        one for one in journal.experiments if result_of(one) is Result.PASSED and judged(one)
    ]
    if not praised:
        return ""
    weakest = min(praised, key=_share)
    number = len(judged(weakest))
    trials = f"{plural(number, 'trial')} {'shows' if number == 1 else 'show'}"
    sure = f"{percent(CONFIDENCE)} confidence"
    share = percent(_share(weakest))
    if len(journal.experiments) == 1:
        return f"How sure: {trials}, with {sure}, that it does so in at least {share} of cases."
    which = "the one that passed"
    if len(praised) > 1:
        which = f"the weakest of the {len(praised)} that passed"
    return (
        f"How sure: {which} is “{weakest.title}”. Of it {trials}, with {sure}, that it passes "
        f"in at least {share} of cases."
    )


def _share(record: ExperimentRecord) -> float:
    """The share of cases that its trials prove; what was asked for, when it stopped at that."""
    claim = record.claim
    if record.until_decided and claim is not None:
        return claim.share
    valid = judged(record)
    trials = max(record.runs, len(valid))
    kept = sum(one.verdict.good for _, one in valid)
    confidence = CONFIDENCE if claim is None else claim.confidence
    return strongest_share(trials, trials - kept, confidence)
