"""What leaks of memory and of disk have in common: their rate measured, and when they do harm.

Parameters: `tag`, `rate` (bytes a second), `room` (bytes until it is full, or None: never).
"""

import time

from chaoskit.agent import children
from chaoskit.agent.kind import Effect, Params, Refused

_PROOF_S = 0.5
_LEAST_SHARE = 0.7  # of the promise, measured
_MIB = 1 << 20


def proven(params: Params, began_ns: int) -> str:
    """How much was leaked in its first moments, in words. Raises Refused when it is too little."""
    time.sleep(_PROOF_S)
    taken = _taken(params)
    within_s = (time.monotonic_ns() - began_ns) / 1e9
    words = (
        f"promised {params['rate'] / _MIB:.2f} MiB a second, measured "
        f"{taken / _MIB / within_s:.2f} over {within_s:.2f} s"
    )
    if taken < _LEAST_SHARE * params["rate"] * within_s:
        raise Refused(words)
    return words


def effect(params: Params, requested_ns: int, began_ns: int, evidence: str) -> Effect:
    """In effect from its beginning on; harm comes when the room is used up."""
    if params["room"] is None:
        return Effect(requested_ns=requested_ns, in_effect_ns=began_ns, evidence=evidence)
    full_s = params["room"] / params["rate"]
    return Effect(
        requested_ns=requested_ns,
        in_effect_ns=began_ns,
        evidence=f"{evidence}; {params['room'] / _MIB:.0f} MiB were left, used up in {full_s:.1f} s",
        harm_due_ns=began_ns + round(full_s * 1e9),
    )


def check(params: Params) -> tuple[bool, str]:
    """In effect while the helper is there."""
    try:
        return True, f"{_taken(params) / _MIB:.1f} MiB leaked"
    except Refused as refusal:
        return False, str(refusal)


def _taken(params: Params) -> int:
    return int(children.ask(params["tag"], {}, timeout_s=3.0)["bytes"])
