#!/usr/bin/python3 -S
"""The first process of the machine: two instances on a bridge, and the agent's kinds between them.

Each line that begins with SAW is a JSON object for the test. It ends by switching the machine off.
"""

import ctypes
import json
import os
import re
import subprocess
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, "/")
os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", PYTHONPATH="/")

libc = ctypes.CDLL(None, use_errno=True)
FINIT_MODULE, POWER_OFF = 313, 0x4321FEDC
MODULES = (
    *("af_packet", "veth", "bridge", "sch_netem", "sch_prio", "sch_tbf", "cls_u32"),
    *("nf_tables", "nft_compat", "nft_counter", "nfnetlink_queue", "xt_NFQUEUE", "xt_mark"),
    *("xt_comment", "xt_multiport"),
)
ADDRESS, PEER = "10.9.9.1", "10.9.9.2"


def saw(**what):
    print("SAW " + json.dumps(what), flush=True)


def sh(command):
    done = subprocess.run(command, shell=True, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def load(name, done):
    """A module and what it depends on; one that is built in has no file."""
    path = Path(f"/modules/{name}.ko")
    if name in done or not path.exists():
        return
    done.add(name)
    needs = re.search(rb"depends=([\w,-]*)\0", path.read_bytes())
    for one in (needs[1] if needs else b"").decode().split(","):
        load(one, done)
        load(one.replace("-", "_"), done)
    with path.open("rb") as file:
        if libc.syscall(FINIT_MODULE, file.fileno(), b"", 0) != 0:
            saw(**{f"module {name}": os.strerror(ctypes.get_errno())})


def instance(number):
    """A process with a network of its own, on the bridge like a container."""
    one = subprocess.Popen(["/usr/bin/unshare", "-n", "/usr/bin/sleep", "600"])
    ours = Path("/proc/self/ns/net").stat().st_ino
    while Path(f"/proc/{one.pid}/ns/net").stat().st_ino == ours:
        time.sleep(0.01)
    sh(f"ip link add veth{number} type veth peer name eth0 netns {one.pid}")
    sh(f"ip link set veth{number} master br0 up")
    inside = f"nsenter -t {one.pid} -n"
    sh(f"{inside} ip addr add 10.9.9.{number}/24 dev eth0")
    sh(f"{inside} ip link set lo up && {inside} ip link set eth0 up")
    return one.pid


class Scene:
    """Two instances, and faults between them."""

    def __init__(self):
        sh("ip link add br0 type bridge forward_delay 0 && ip link set br0 up")
        self.web, self.db = instance(1), instance(2)
        self.before = self.qdiscs()

    def qdiscs(self):
        return [sh(f"nsenter -t {self.web} -n tc qdisc show"), sh("tc qdisc show")]

    def asked(self, effect, ways=("in", "out"), kind="netem", tag="t", **rule):
        from chaoskit.agent.kinds import KINDS

        whom = {"peer": "any", "protocol": "all", "ports": [], "local": ADDRESS, **rule}
        params = {
            "pid": self.web,
            "witness": {"pid": self.db, "address": PEER, "local": ADDRESS},
            "tag": f"run/{tag}",
            "seed": 1,
            "rules": [{"direction": way, **whom} for way in ways],
            "effect": effect,
        }
        return {**params, **KINDS[kind].survey(params)}

    def shown(self, name, *arguments, kind="netem", **words):
        """Do it, check it, undo it; what each said."""
        from chaoskit.agent.kind import Refused
        from chaoskit.agent.kinds import KINDS
        from chaoskit.agent.proof import traffic

        one = KINDS[kind]
        try:
            params = self.asked(*arguments, kind=kind, **words)
            effect = one.apply(params)
        except (Refused, OSError) as error:
            saw(**{name: {"refused": str(error)}})
            return
        seen = {"evidence": effect.evidence, "on": one.check(params)}
        other = traffic.round_trips(params, count=5, protocol="tcp", port=9999)
        seen["other_tcp_ms"] = [round(one * 1e3, 1) for one in other]
        seen["gone"] = one.undo(params).evidence
        saw(**{name: {**seen, "off": one.check(params)}})


def what_the_kernel_has():
    from chaoskit.agent.kinds import KINDS, netem

    saw(kernel=os.uname().release)
    saw(**{f"missing {one}": KINDS[one].missing() for one in ("netem", "shaper", "queue")})
    saw(can_filter=netem.can_filter())


def one_by_one(scene):
    # Long, because 5 % of them must be more than an emulated machine adds by itself.
    scene.shown("delay", {"delay_s": 0.2})
    scene.shown("delay in", {"delay_s": 0.4}, ("in",))
    scene.shown("delay out", {"delay_s": 0.4}, ("out",))
    scene.shown("delay to a peer", {"delay_s": 0.2}, peer=PEER)
    port = {"peer": PEER, "protocol": "udp", "ports": [7]}
    scene.shown("delay to a port", {"delay_s": 0.2}, **port)
    scene.shown("delay to nobody here", {"delay_s": 0.2}, peer="10.9.9.3")
    jitter = {"delay_s": 0.2, "jitter_s": 0.04}
    for name in ("uniform", "normal", "pareto"):
        scene.shown(name, {**jitter, "distribution": name})
    for name in ("loss", "corrupt", "duplicate"):
        scene.shown(name, {name: 0.3})
    scene.shown("reorder", {"hold": 0.25, "hold_s": 0.02})
    scene.shown("rate", {"rate_bytes_per_s": 250e3, "room_bytes": 100e3}, kind="shaper")
    scene.shown("queue", {"loss": 0.3}, kind="queue")


def two_at_once(scene):
    from chaoskit.agent.kind import Refused
    from chaoskit.agent.kinds import KINDS

    netem, held = KINDS["netem"], []
    try:
        for tag, effect in (("first", {"delay_s": 0.2}), ("second", {"loss": 0.2})):
            held.append(scene.asked(effect, tag=tag))
            evidence = netem.apply(held[-1]).evidence
        saw(combined={"evidence": evidence, "both": [netem.check(one) for one in held]})
    except Refused as error:
        saw(combined={"refused": str(error)})
    for one in reversed(held):
        netem.undo(one)


def beside_a_foreign_one(scene):
    inside = f"nsenter -t {scene.web} -n tc qdisc"
    sh(f"{inside} add dev eth0 root handle 1: netem delay 1ms")
    scene.shown("beside a foreign one", {"delay_s": 0.2})
    saw(kept="qdisc netem 1: dev eth0" in scene.qdiscs()[0])
    sh(f"{inside} del dev eth0 root")


def main():
    for kind, where in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")):
        libc.mount(kind.encode(), where.encode(), kind.encode(), 0, None)
    done = set()
    for name in MODULES:
        load(name, done)
    what_the_kernel_has()
    scene = Scene()
    one_by_one(scene)
    two_at_once(scene)
    beside_a_foreign_one(scene)
    saw(clean=scene.qdiscs() == scene.before, left=scene.qdiscs())


child = os.fork()  # the first process is whose network the agent takes for the host's
if child == 0:
    try:
        main()
    except BaseException:  # noqa: BLE001  # whatever it is, the test must see it
        saw(failed=traceback.format_exc())
    os._exit(0)
while os.wait()[0] != child:
    pass
libc.reboot(POWER_OFF)
