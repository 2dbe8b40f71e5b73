"""The offline manual: `chaoskit explain` and the codes that errors carry.

What a fault does is said by the fault's own class; what a verdict, an exit code or a mistake means, and
what to do about it, is said here.
"""
