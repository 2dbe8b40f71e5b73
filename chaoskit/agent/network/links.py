"""The network devices of an instance, and the other end of each on the engine's host.

What goes out of an instance is shaped at its own device, and what comes in at the other end of that
veth pair, because a queue only holds what leaves a device. The pair is proven to be one: each end
names the other's index, and the instance knows the host's network by the number that its device
names.
"""

import ctypes
import json
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chaoskit.agent.kind import Refused
from chaoskit.agent.network import netlink
from chaoskit.agent.processes import namespace, network_of

_ROUTE = 0  # protocol of the socket
_GET_NSID, _NEW_NSID = 90, 88
_NSID, _PID = 1, 2  # attributes
_FOLDERS = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")
_PATIENCE_S = 5.0
_CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class Link:
    """One device of an instance."""

    name: str
    index: int
    addresses: tuple[str, ...]
    host_index: int  # of its other end on the engine's host; 0 when that is elsewhere


def host_pid() -> int:
    """A process in the host's network that we may follow there: its first, or a kernel thread."""
    return 1 if namespace(1, "net") is not None else 2


def links(pid: int) -> list[Link]:
    """The devices of an instance besides its loopback. Raises Refused, OSError."""
    with network_of(pid):
        ours = json_of("ip", "-j", "addr", "show")
        host_number = _number_of_network(host_pid())
    with network_of(host_pid()):
        theirs = {one["ifindex"]: one for one in json_of("ip", "-j", "link", "show")}
    return [
        Link(
            name=one["ifname"],
            index=one["ifindex"],
            addresses=tuple(_addresses(one)),
            host_index=_other_end(one, theirs, host_number),
        )
        for one in ours
        if one.get("link_type") != "loopback"
    ]


def host_device(index: int) -> str:
    """The name of a device of the host now; "" when it is gone. Raises Refused, OSError."""
    with network_of(host_pid()):
        try:
            return socket.if_indextoname(index)
        except OSError:
            return ""


def unshare_network() -> None:
    """Leave for a new, empty network, for good. Raises OSError."""
    if _libc.unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"unshare: {os.strerror(number)}")


def run(*words: str, text: str = "") -> str:
    """What a program of iproute2 prints, in the network that this process is in. Raises Refused."""
    for folder in _FOLDERS:
        try:
            done = subprocess.run(
                [f"{folder}/{words[0]}", *words[1:]],
                input=text,
                capture_output=True,
                text=True,
                timeout=_PATIENCE_S,
                check=False,
            )
        except FileNotFoundError:
            continue
        except subprocess.TimeoutExpired as error:
            message = f"{words[0]} did not end within {_PATIENCE_S:g} s"
            raise Refused(message) from error
        if done.returncode == 0:
            return done.stdout
        message = f"{words[0]}: {' '.join(done.stderr.split())[:300]}"
        raise Refused(message)
    message = f"there is no program {words[0]}"
    raise Refused(message)


def json_of(*words: str) -> list[dict[str, Any]]:
    """What such a program prints as JSON."""
    found: list[dict[str, Any]] = json.loads(run(*words) or "[]")
    return [one for one in found if one]


def _addresses(device: dict[str, Any]) -> Iterator[str]:
    return (one["local"] for one in device.get("addr_info", ()) if one.get("family") == "inet")


def _other_end(ours: dict[str, Any], theirs: dict[int, dict[str, Any]], host_number: int) -> int:
    index = ours.get("link_index", 0)
    if host_number < 0 or ours.get("link_netnsid") != host_number or index not in theirs:
        return 0
    return int(index) if theirs[index].get("link_index") == ours["ifindex"] else 0


def _number_of_network(pid: int) -> int:
    """The number by which the network that we are in knows that of a process; -1: it does not."""
    body = struct.pack("=Bxxx", socket.AF_UNSPEC) + netlink.attribute(_PID, struct.pack("=I", pid))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE) as one:
        one.bind((0, 0))
        one.settimeout(_PATIENCE_S)
        one.send(netlink.message(_GET_NSID, body))
        for kind, answer in netlink.messages(one.recv(1 << 16)):
            if kind == netlink.ERROR:
                failure = netlink.error_number(answer)
                raise OSError(failure, f"number of a network: {os.strerror(failure)}")
            if kind == _NEW_NSID:
                value = netlink.attributes(answer, 4).get(_NSID, struct.pack("=i", -1))
                return int(struct.unpack("=i", value)[0])
    return -1
