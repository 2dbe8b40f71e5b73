"""A pass-through file system whose errors, delays and memory of unsynced writes can be asked for.

It runs as `python3 -m chaoskit.agent.fusefs` in a container of ours, between a service and its
volume, and speaks the kernel's FUSE protocol itself: standard library only.
"""
