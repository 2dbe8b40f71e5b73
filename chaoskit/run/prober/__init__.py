"""The prober: a process that samples and does nothing else, and the handle by which a run holds it.

Nothing that its main module reaches imports numpy, docker, rich or chaoslib: it must start at once.
"""
