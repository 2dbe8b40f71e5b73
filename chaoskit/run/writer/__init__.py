"""The writer: a process that keeps a trial's ledger and does nothing else, and how a trial holds it.

Not to be confused with `chaoskit.run.ledger`, the undo log of faults.
"""
