"""What a person may ask of a run that is under way: to end in good order, or to wait a little.

The only thing that flows from whoever watches to the run. Neither wish can weaken what is measured:
`hold` is looked at only while nothing is broken, and the probes are asked all the while.
"""

import threading


class Wishes:
    """The wishes of somebody who has none; a terminal's keys set them."""

    def __init__(self) -> None:
        self.stop = threading.Event()  # lift, clean up, report: what the first signal asks for
        self.hold = threading.Event()  # wait before the next fault, for as long as it is set
        self.over = threading.Event()  # set by the run: there is nothing left to wish for

    def leave(self) -> None:
        """The process is about to leave at once: last chance to give the terminal back."""
