"""What a target is started with because a fault needs it from the first moment on: one file each.

A Compose model goes in and one with the fitting comes out; the user's own files are never changed.
Whatever is made on the engine carries the copy's labels and its project, so that it goes with it.
"""

from chaoskit.target.fittings.base import Place, fit

__all__ = ["Place", "fit"]
