"""The helper on a node: a pod in the node's own process namespace, for what no API call can do.

A container's main process is the first of its namespace, and the kernel lets nobody inside kill it;
from the host it is a process like any other. The helper has no rights of its own on the API server.
It is started before it is needed, so that a fault costs one command in it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from chaoskit.errors import FaultRefused
from chaoskit.target.kubernetes.api import Api, ApiError
from chaoskit.target.kubernetes.exec import Ended, exec_in
from chaoskit.target.kubernetes.paths import pods
from chaoskit.target.kubernetes.podstate import pod_state
from chaoskit.target.patience import wait_until

ROLE = "chaoskit.dev/role"  # "agent" and "prober" on pods of ours, "fault" on the leases of faults
NOT_OURS = f"{ROLE} notin (agent,prober)"  # selects a target's own pods

_CONTAINER = "agent"
_READY_S = 60.0
_LIVES_S = 24 * 3600

# Every process of a container, by the container's id in its control group; only the first of its
# process namespace when $2 is main. Only the shell's own commands, grep, kill and sleep are needed.
_FIND = r"""
P=${CHAOSKIT_PROC:-/proc}; found=
for d in "$P"/[0-9]*; do
  grep -qs "$1" "$d/cgroup" || continue
  if [ "$2" = main ]; then grep -qsE '^NSpid:.*[[:space:]]1$' "$d/status" || continue; fi
  found="$found ${d##*/}"
done
[ -n "$found" ] || { echo "no process of the container $1 here" >&2; exit 3; }
"""
KILL = (
    _FIND
    + r"""
kill -KILL $found || exit 4
for try in 1 2 3 4 5 6 7 8 9 10; do
  left=
  for p in $found; do
    kill -0 "$p" 2>/dev/null && ! grep -qs ') Z' "$P/$p/stat" && left="$left $p"
  done
  [ -n "$left" ] || { echo "killed$found"; exit 0; }
  sleep 0.1
done
echo "still there:$left" >&2; exit 5
"""
)
# The stop is a lease: a process left behind lets everything go on when $3 was not touched for $4 s.
STOP = (
    _FIND
    + r"""
: > "$3"; stopped=
for p in $found; do kill -STOP "$p" 2>/dev/null && stopped="$stopped $p"; done
[ -n "$stopped" ] || exit 4
( trap '' HUP; n=0; : > "$3.seen"
  while [ -e "$3" ]; do
    sleep 1; n=$((n + 1))
    if [ "$3" -nt "$3.seen" ]; then n=0; : > "$3.seen"; fi
    if [ "$n" -ge "$4" ]; then for p in $found; do kill -CONT "$p"; done; rm -f "$3"; fi
  done; rm -f "$3.seen" ) >/dev/null 2>&1 </dev/null &
echo "stopped$stopped"
"""
)
CONT = (
    r"""rm -f "$3"
"""
    + _FIND
    + r"""
for p in $found; do kill -CONT "$p" 2>/dev/null; done; echo "let go$found"
"""
)
STATES = (
    _FIND
    + r"""
for p in $found; do cat "$P/$p/stat" 2>/dev/null; done; :
"""
)

TOUCH = r"""[ -e "$3" ] || exit 6; : > "$3" """
# The kubelet's own process, for so many seconds: nobody can reach a node without it, not even us.
SILENCE = r"""
P=${CHAOSKIT_PROC:-/proc}; found=
for d in "$P"/[0-9]*; do
  grep -qxs kubelet "$d/comm" && found="$found ${d##*/}"
done
[ -n "$found" ] || { echo "no process is called kubelet here" >&2; exit 3; }
( trap '' HUP; sleep "$1"; kill -CONT $found ) >/dev/null 2>&1 </dev/null &
kill -STOP $found && echo "stopped$found for $1 s"
"""
CONNECT = r"""
if command -v nc >/dev/null; then
  nc -z -w 2 "$1" "$2" && echo connected || { echo "no connection to $1:$2"; exit 1; }
elif command -v python3 >/dev/null; then
  python3 -c 'import socket, sys
try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()
except OSError as error: print(error); sys.exit(1)' "$1" "$2"
else
  echo "the helper's image has neither nc nor python3" >&2; exit 2
fi
"""


@dataclass
class NodeAgents:
    """The helpers of one run, one a node."""

    api: Api
    namespace: str
    image: str
    labels: Mapping[str, str]
    _names: dict[str, str] = field(default_factory=dict, init=False)

    def ready(self, node: str) -> str:
        """The name of a helper on this node that runs. Raises FaultRefused, ApiError, ApiAway."""
        if node in self._names:
            return self._names[node]
        if not self.image:
            message = (
                "this fault is done on a node, by a pod of ours: name its image in target.yaml, "
                "kubernetes: agent_image"
            )
            raise FaultRefused(message)
        name = f"chaoskit-agent-{hashlib.sha256(node.encode()).hexdigest()[:10]}"
        try:
            self.api.create(pods(self.namespace), self._pod(name, node))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        if not wait_until(lambda: self._runs(name), timeout_s=_READY_S, every_s=0.1):
            message = f"the helper {name} on {node} does not run: {self._why(name)}"
            raise FaultRefused(message)
        self._names[node] = name
        return name

    def run(self, node: str, script: str, *arguments: str) -> Ended:
        """Run a script on a node. Raises FaultRefused, ApiError, ApiAway."""
        where = (self.namespace, self.ready(node), _CONTAINER)
        return exec_in(self.api, where, ("sh", "-c", script, "chaoskit", *arguments))

    def close(self) -> None:
        """Send the helpers away; who cannot be asked to is removed with the namespace."""
        for name in self._names.values():
            self.api.delete(pods(self.namespace, name), gracePeriodSeconds=0)
        self._names.clear()

    def _runs(self, name: str) -> bool:
        pod = self.api.find(pods(self.namespace, name))
        return pod is not None and pod_state(pod).up

    def _why(self, name: str) -> str:
        pod = self.api.find(pods(self.namespace, name))
        if pod is None:
            return "it is gone"
        state = pod_state(pod)
        reasons = [one.reason for one in state.containers if one.reason]
        return ", ".join([state.phase, *reasons])

    def _pod(self, name: str, node: str) -> dict[str, object]:
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {**self.labels, ROLE: "agent"}},
            "spec": {
                "nodeName": node,
                "hostPID": True,
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "activeDeadlineSeconds": _LIVES_S,
                "terminationGracePeriodSeconds": 0,
                "tolerations": [{"operator": "Exists"}],
                "containers": [
                    {
                        "name": _CONTAINER,
                        "image": self.image,
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["sleep", str(_LIVES_S)],
                        "securityContext": {
                            "runAsUser": 0,
                            "allowPrivilegeEscalation": False,
                            "capabilities": {"drop": ["ALL"], "add": ["KILL", "SYS_PTRACE"]},
                        },
                    }
                ],
            },
        }
