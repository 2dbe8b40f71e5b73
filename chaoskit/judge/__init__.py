"""What the evidence says: one pure function from a run's facts and timelines to its verdicts.

    voids ─▶ measures ─▶ budgets, attribution ─▶ trial ─▶ plan, claim ─▶ experiment ─▶ exit code

A wrong PASS is the worst defect this program can have: whatever is missing, unclear or our own fault
ends as inconclusive, and only what was seen counts against the system.
"""

from chaoskit.judge.arms import enough, judge_all, judge_one
from chaoskit.judge.control import judge_control
from chaoskit.judge.experiment import decided, judge_experiment
from chaoskit.judge.journal import exit_code_of, judge_journal
from chaoskit.judge.proof import proofs_of
from chaoskit.judge.trial import judge_trial

__all__ = [
    "decided",
    "enough",
    "exit_code_of",
    "judge_all",
    "judge_control",
    "judge_experiment",
    "judge_journal",
    "judge_one",
    "judge_trial",
    "proofs_of",
]
