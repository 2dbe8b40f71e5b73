"""What others are told of a run: traces, annotations, events, metrics. Off unless asked for.

An exporter never changes a verdict and never delays a run by more than a few seconds: whatever goes
wrong in it is told once, at the end, and the run goes on.
"""
