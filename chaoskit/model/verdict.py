"""The words a judgement can end with, and what each means for the exit code."""

from enum import StrEnum

from chaoskit.errors import PRECEDENCE, Exit


class Verdict(StrEnum):
    """What the evidence says."""

    HEALED = "healed"
    MASKED = "masked"
    PREVENTED = "prevented"
    TOO_SLOW = "too_slow"
    NOT_HEALED = "not_healed"
    DATA_LOST = "data_lost"
    WRONG_HEALER = "wrong_healer"
    OVER_BUDGET = "over_budget"
    CLEAN = "clean"
    FALSE_ALARM = "false_alarm"
    BASELINE_NOT_MET = "baseline_not_met"
    FAULT_NOT_APPLIED = "fault_not_applied"
    OBSERVER_LATE = "observer_late"
    TOO_FEW_TRIALS = "too_few_trials"
    INTERRUPTED = "interrupted"
    HARNESS_ERROR = "harness_error"
    LIFT_FAILED = "lift_failed"

    @property
    def meaning(self) -> str:
        """One sentence for people."""
        return _MEANINGS[self]

    @property
    def exit_code(self) -> Exit:
        """The exit code that this verdict alone leads to."""
        return _EXITS[self]

    @property
    def good(self) -> bool:
        """Evidence for the system."""
        return self.exit_code is Exit.PASS

    @property
    def against(self) -> bool:
        """Evidence against the system."""
        return self.exit_code is Exit.EVIDENCE_AGAINST

    @property
    def conclusive(self) -> bool:
        """Whether the evidence says anything about the system."""
        return self.good or self.against

    @property
    def of_control(self) -> bool:
        """Whether only an arm without a fault can come to it."""
        return self in {Verdict.CLEAN, Verdict.FALSE_ALARM}


_MEANINGS = {
    Verdict.HEALED: "users were hit, and every budget was kept",
    Verdict.MASKED: "the fault was in effect and users saw nothing; every budget was kept",
    Verdict.PREVENTED: "a healer acted before users could see anything",
    Verdict.TOO_SLOW: "the service recovered, but later than its budget",
    Verdict.NOT_HEALED: "the system did not repair itself within the watch",
    Verdict.DATA_LOST: "acknowledged writes were lost",
    Verdict.WRONG_HEALER: "another mechanism than the named one did the repair",
    Verdict.OVER_BUDGET: "the service recovered, but another budget was missed",
    Verdict.CLEAN: "nothing was broken, and nothing was seen",
    Verdict.FALSE_ALARM: "nothing was broken, and yet something was seen",
    Verdict.BASELINE_NOT_MET: "the target was not steady before the fault",
    Verdict.FAULT_NOT_APPLIED: "the fault was not applied, or could not be proven in effect",
    Verdict.OBSERVER_LATE: "the harness was too late to be trusted",
    Verdict.TOO_FEW_TRIALS: "there were too few valid trials for the claim",
    Verdict.INTERRUPTED: "the run was interrupted",
    Verdict.HARNESS_ERROR: "a defect of chaoskit",
    Verdict.LIFT_FAILED: "a fault or a resource may be left behind",
}

_EXITS = {
    Verdict.HEALED: Exit.PASS,
    Verdict.MASKED: Exit.PASS,
    Verdict.PREVENTED: Exit.PASS,
    Verdict.TOO_SLOW: Exit.EVIDENCE_AGAINST,
    Verdict.NOT_HEALED: Exit.EVIDENCE_AGAINST,
    Verdict.DATA_LOST: Exit.EVIDENCE_AGAINST,
    Verdict.WRONG_HEALER: Exit.EVIDENCE_AGAINST,
    Verdict.OVER_BUDGET: Exit.EVIDENCE_AGAINST,
    Verdict.CLEAN: Exit.PASS,
    Verdict.FALSE_ALARM: Exit.EVIDENCE_AGAINST,
    Verdict.BASELINE_NOT_MET: Exit.INCONCLUSIVE,
    Verdict.FAULT_NOT_APPLIED: Exit.INCONCLUSIVE,
    Verdict.OBSERVER_LATE: Exit.INCONCLUSIVE,
    Verdict.TOO_FEW_TRIALS: Exit.INCONCLUSIVE,
    Verdict.INTERRUPTED: Exit.INCONCLUSIVE,
    Verdict.HARNESS_ERROR: Exit.HARNESS,
    Verdict.LIFT_FAILED: Exit.LEFT_BEHIND,
}


def worst_exit(codes: list[Exit]) -> Exit:
    """The one exit code of several: 7, 6, 4, 1, 3, and 0 when nothing is wrong."""
    return next((code for code in PRECEDENCE if code in codes), Exit.PASS)
