"""`chaoskit ci`: the stage of a pipeline: run, hold against a gate, and tell the CI in its words."""
