"""Many tests at once: with twenty of them, one is below 5 % by chance alone.

Holm's step-down procedure bounds the chance of any false alarm in the family, whatever the tests have
to do with each other. An exact test over few trials has a smallest p that it can give; a test that
could not have come out as small as the one in question cannot raise a false alarm at its level, and is
not counted there (the discrete refinement of Tarone 1990). Masked faults, whose trials are all alike,
therefore cost the others nothing.
"""

from collections.abc import Sequence


def holm(p_values: Sequence[float], least: Sequence[float] = ()) -> tuple[float, ...]:
    """Adjusted p-values, in the given order; `least` has the smallest p that each test could give.

    Each is max over the steps before it of p × (tests that are left and could be as small).
    """
    floors = tuple(least) or (0.0,) * len(p_values)
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for step, i in enumerate(order):
        rivals = sum(floors[j] <= p_values[i] for j in order[step:])
        highest = max(highest, min(1.0, p_values[i] * max(rivals, 1)))
        adjusted[i] = highest
    return tuple(adjusted)
