"""Kind `power_cut`: the main process is killed, and a disk of ours loses what was not synced.

The power goes first: from then on the disk answers every change with an error, so that nothing that
is done between the kill and the loss can become durable. Then everybody is killed, and only when
they are gone does the disk take back what was not synced.

Parameters: `path` of the disk, `pid`, `container`; `token`, `companions` and `pid_namespace` from
the survey.
"""

import secrets
import time
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.groups import forked
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.kinds import disk as disk_kind
from chaoskit.agent.kinds import signals
from chaoskit.agent.storage import disks
from chaoskit.agent.storage.disks import Probe

_CAPABILITIES = ("DAC_READ_SEARCH",)
_PROOF_S = 10.0


def survey(params: Params) -> dict[str, Any]:
    """Which disk, and who is to be killed. Raises Refused where that cannot be told."""
    found = instances.look(params)
    disk = disks.look(params)
    if not disk.ask("hello")["remembers"]:
        message = f"the disk at {params['path']} cannot lose anything; {disks.NOT_FITTED}"
        raise Refused(message)
    if not processes.first_of_its_namespace(params["pid"]):
        message = (
            "the instance shares its process namespace with others, who would go on with a disk "
            "that has lost data under them"
        )
        raise Refused(message)
    return {**found, **signals.survey({**params, "signal": "KILL"}), "token": disk.token}


def apply(params: Params) -> Effect:
    """Cut the power, kill, lose, and prove both what is kept and what is lost."""
    disk = disks.serving(params["token"])
    if disk is None:
        message = "the process that served the disk is gone"
        raise Refused(message)
    words = secrets.token_hex(8).encode()
    probe = disk.root / disk.ask("probe", tag=params["tag"])["probes"][0]
    try:
        forked.aside(lambda: mark(Probe(probe), words), timeout_s=_PROOF_S)
        with disk.talk() as ask:
            ask("cut")
            killed = signals.apply({**params, "signal": "KILL", "scope": "main"})
            lost = ask("lose")
        verdict = forked.aside(lambda: verify(Probe(probe), words), timeout_s=_PROOF_S)
    except OSError as error:
        message = f"the disk does not do it: {error}"
        raise Refused(message) from error
    finally:
        disk.ask("remove", tag=params["tag"])
    if lost["failed"]:
        message = f"not everything could be taken back: {'; '.join(lost['failed'])}"
        raise Refused(message)
    return Effect(
        requested_ns=killed.requested_ns,
        in_effect_ns=killed.in_effect_ns,
        evidence=(
            f"{killed.evidence}; lost were {lost['data_bytes']} bytes of {lost['files']} files and "
            f"{lost['steps']} changes of names; {verdict}"
        ),
    )


def mark(probe: Probe, words: bytes) -> None:
    """Write two blocks of a file of ours, and sync only the first. Raises OSError."""
    probe.write(1, b"before", sync=False)
    probe.write(0, b"kept " + words, sync=True)
    probe.write(1, b"lost " + words, sync=False)


def verify(probe: Probe, words: bytes) -> str:
    """What became of the two blocks. Raises Refused unless exactly the synced one is there."""
    if probe.read(0) != b"kept " + words:
        message = "the disk lost a block that had been synced: it is no disk to judge a system by"
        raise Refused(message)
    if probe.read(1) != b"before":
        message = "the disk kept a block that had not been synced: nothing was lost"
        raise Refused(message)
    return "of two blocks written just before, the synced one is there and the other is not"


def check(params: Params) -> tuple[bool, str]:
    """Over the moment it happens: in effect while that process is gone."""
    return signals.check({**params, "signal": "KILL"})


def undo(_params: Params) -> Gone:
    """Nobody can bring it back: only the system repairs it."""
    return Gone(gone_ns=time.monotonic_ns(), evidence="a power cut is not undone")


def missing() -> str:
    """Why this machine cannot do it, or ""."""
    return disk_kind.missing() or signals.missing()


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=_CAPABILITIES,
    remedy="modprobe fuse, and an engine that lets containers have /dev/fuse",
)
