"""Kind `disk`: operations on a disk of ours fail, or take longer.

Parameters: `path` of the disk in the instance, `operations` (read, write, fsync, open, change),
`errno` (a name such as EIO, or "") and `delay_s`, the `share` of the operations that are hit,
`files` (a pattern below `path`), `seed`, and `shared` when other containers have the disk too;
`token` of the disk, from the survey.

The disk outlives its instances: a fault on it is still on when the instance was restarted.
"""

import errno
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.groups import forked
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.proof.traffic import binomial_range
from chaoskit.agent.storage import disks
from chaoskit.agent.storage.disks import Disk, Probe, Tried, attempt, median

_CAPABILITIES = ("DAC_READ_SEARCH",)  # to reach a file of ours below a folder of somebody else's
_TOLERANCE = 0.05  # of a promised delay
_SLACK_S = 0.001  # or so much, for delays that are shorter than the machine's own noise
_MEASURING_S = 1.5  # about so long is measured: meanwhile the agent attends to nothing else
_PROOF_S = 25.0
_ENOUGH, _MOST = 15, 100  # operations of each class, when all are hit and when a share is


def survey(params: Params) -> dict[str, Any]:
    """Which disk it is. Raises Refused where the instance has none."""
    found = instances.look(params)
    disk = disks.look(params)
    disk.ask("hello")
    return {**found, "token": disk.token}


def apply(params: Params) -> Effect:
    """Put the rule in force, and measure on a file of ours that it does what it promises."""
    disk = _disk(params)
    try:
        found = forked.aside(lambda: _prove(disk, params), timeout_s=_PROOF_S)
    except (Refused, OSError) as error:
        undo(params)
        message = f"the disk does not do it: {error}; undone"
        raise Refused(message) from error
    return Effect(**found)


def _disk(params: Params) -> Disk:
    disk = disks.serving(params["token"])
    if disk is None:
        message = "the process that served the disk is gone"
        raise Refused(message)
    return disk


def _prove(disk: Disk, params: Params) -> dict[str, Any]:
    """In a fork: open, put the rule in force, and try every class of operations."""
    tag = params["tag"]
    _, at_once = _effort(params)
    probes = [
        Probe(disk.root / one) for one in disk.ask("probe", tag=tag, copies=at_once)["probes"]
    ]
    usual_s = {
        what: median([one.seconds for one in attempt(probes[:1], what, _ENOUGH)])
        for what in params["operations"]
    }
    requested_ns = time.monotonic_ns()
    disk.ask("add", **{key: params[key] for key in _RULE if key in params})
    in_effect_ns = time.monotonic_ns()
    words = [_judge_twice(probes, what, params, usual_s[what]) for what in params["operations"]]
    return {
        "requested_ns": requested_ns,
        "in_effect_ns": in_effect_ns,
        "evidence": "; ".join(words),
    }


_RULE = ("tag", "operations", "errno", "delay_s", "share", "files", "seed")


def _judge_twice(probes: Sequence[Probe], what: str, params: Params, usual_s: float) -> str:
    """A share is outside its 99 % interval once in a hundred times: then it is tried again."""
    count, _ = _effort(params)
    try:
        return _judge(attempt(probes, what, count), what, params, usual_s)
    except Refused:
        return _judge(attempt(probes, what, count), what, params, usual_s)


def _effort(params: Params) -> tuple[int, int]:
    """How many operations are tried, and how many of them at a time."""
    delay_s, share = params.get("delay_s", 0.0), params.get("share", 1.0)
    count = _MOST if share < 1 else _ENOUGH
    rounds = max(1, int(_MEASURING_S / len(params["operations"]) / delay_s)) if delay_s else count
    return count, min(count, -(-count // rounds))


def _judge(tried: Sequence[Tried], what: str, params: Params, usual_s: float) -> str:
    """Whether what was measured is what was promised, in words. Raises Refused."""
    delay_s, share = params.get("delay_s", 0.0), params.get("share", 1.0)
    name = params.get("errno") or ""
    if name:
        hit = [one for one in tried if one.errno == getattr(errno, name)]
    else:
        hit = [one for one in tried if one.seconds - usual_s > delay_s / 2 and not one.errno]
    low, high = binomial_range(len(tried), share)
    effect = name or "a delay"
    if not low <= len(hit) <= high:
        message = (
            f"{what}: {len(hit)} of {len(tried)} met {effect}, promised were {share:.0%} "
            f"({low} to {high})"
        )
        raise Refused(message)
    words = f"{what}: {len(hit)} of {len(tried)} met {effect}, promised {share:.0%}"
    if not delay_s or not hit:
        return words
    extra_s = median([one.seconds for one in hit]) - usual_s
    if abs(extra_s - delay_s) > max(_TOLERANCE * delay_s, _SLACK_S):
        message = f"{what}: promised {delay_s * 1e3:g} ms, measured {extra_s * 1e3:.2f} ms"
        raise Refused(message)
    return f"{words}; promised {delay_s * 1e3:g} ms, measured {extra_s * 1e3:.2f} ms"


def check(params: Params) -> tuple[bool, str]:
    """In effect while the disk's server has the rule."""
    disk = disks.serving(params["token"])
    if disk is None:
        return False, "the process that served the disk is gone"
    try:
        rules = disk.ask("hello")["rules"]
    except Refused as refusal:
        return False, str(refusal)
    there = params["tag"] in rules
    return there, f"the disk has {len(rules)} rules" + ("" if there else ", not this one")


def undo(params: Params) -> Gone:
    """Take the rule away; whoever waits because of it goes on at once."""
    disk = disks.serving(params.get("token", ""))
    if disk is None:
        return _gone("the disk is gone, and its rules with it")
    try:
        answer: Mapping[str, Any] = disk.ask("remove", tag=params["tag"])
    except Refused:
        if disks.serving(params["token"]) is None:
            return _gone("the disk went away, and its rules with it")
        raise
    if params["tag"] in answer["rules"]:
        message = f"the rule {params['tag']} is still in force"
        raise Refused(message)
    return _gone(f"rule removed after {answer['hits']} operations, 0 left of it")


def _gone(evidence: str) -> Gone:
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def missing() -> str:
    """Why this machine cannot have such disks, or ""."""
    if lacking := processes.lacking("SYS_PTRACE", *_CAPABILITIES):
        return lacking
    return disks_missing()


def disks_missing() -> str:
    """Why the kernel has no FUSE, or ""."""
    with open("/proc/filesystems", encoding="ascii") as known:  # noqa: PTH123
        if any(line.split()[-1] == "fuse" for line in known):
            return ""
    return f"the kernel {os.uname().release} has no FUSE; `modprobe fuse` may help"


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=_CAPABILITIES,
    remedy="modprobe fuse, and an engine that lets containers have /dev/fuse",
)
