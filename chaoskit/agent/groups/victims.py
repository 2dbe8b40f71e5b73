"""Whom the kernel's OOM killer takes first when an instance is out of memory, by oom_score_adj.

Parameters: `pid`, `uid` and `gid` of the main process.
"""

from pathlib import Path

from chaoskit.agent.groups import forked
from chaoskit.agent.kind import Params, Refused

FIRST = 1000  # OOM_SCORE_ADJ_MAX


def score(pid: int) -> int:
    """The main process's oom_score_adj. Raises Refused when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="ascii"))
    except OSError as error:
        message = "the instance ended while its limits were looked at"
        raise Refused(message) from error


def set_score(params: Params, wanted: int) -> None:
    """Raises Refused when it is another one afterwards."""
    pid = params["pid"]

    def done() -> None:
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(wanted), encoding="ascii")

    if score(pid) != wanted:
        forked.as_owner(params["uid"], params["gid"], done)
    if score(pid) != wanted:
        message = f"the oom_score_adj of process {pid} is not {wanted}"
        raise Refused(message)
