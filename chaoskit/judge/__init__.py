"""What the evidence says: one pure function from a run's facts and timelines to its verdicts.

    voids ─▶ measures ─▶ budgets, attribution ─▶ trial ─▶ plan, claim ─▶ experiment ─▶ exit code

A wrong PASS is the worst defect this program can have: whatever is missing, unclear or our own fault
ends as inconclusive, and only what was seen counts against the system.
"""

from chaoskit.judge.experiment import decided, judge_experiment
from chaoskit.judge.journal import exit_code_of, judge_journal
from chaoskit.judge.trial import judge_trial

__all__ = ["decided", "exit_code_of", "judge_experiment", "judge_journal", "judge_trial"]
