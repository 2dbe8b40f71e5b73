"""The program that a state is taken with: it runs in a container of its own, as root of everything.

It shares nothing with the agent, so that a mistake there cannot hide itself here. Standard library
only. It reads what to look at from its first argument, and prints one JSON object.
"""

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

CGROUPS = Path("/host/cgroup")  # where the host's control groups are mounted for us
CGROUP_FILES = {
    "cpu": ("cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.shares"),
    "cpuset": ("cpuset.cpus", "cpuset.mems"),
    "memory": (
        "memory.limit_in_bytes",
        "memory.soft_limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.oom_control",
        "memory.swappiness",
    ),
    "pids": ("pids.max",),
    "freezer": ("freezer.state",),
    "blkio": (
        "blkio.throttle.read_bps_device",
        "blkio.throttle.write_bps_device",
        "blkio.throttle.read_iops_device",
        "blkio.throttle.write_iops_device",
    ),
    "": (
        *("cpu.max", "cpu.weight", "cpuset.cpus", "memory.max", "memory.high", "memory.low"),
        *("memory.swap.max", "pids.max", "io.max", "cgroup.freeze"),
    ),
}
CHANGES_BY_ITSELF = re.compile(r"under_oom|oom_kill \d+")
COMMANDS = {
    "iptables": "iptables-nft-save; [ ! -s /proc/net/ip_tables_names ] || iptables-legacy-save",
    "ip6tables": "ip6tables-nft-save; [ ! -s /proc/net/ip6_tables_names ] || ip6tables-legacy-save",
    "qdiscs": "tc qdisc show; tc class show",
    # Only a qdisc has filters; asking every interface for them takes longer than all the rest.
    "filters": "for d in $(tc qdisc show | grep -v noqueue | sed 's/.* dev //;s/ .*//' | sort -u); "
    "do tc filter show dev $d; tc filter show dev $d ingress; done",
    "routes": "ip route show table all; ip rule show",
    "sockets": "ss -Hltun",
    "network settings": "cd /proc/sys/net/ipv4 && grep . ip_forward ip_local_port_range "
    "tcp_mem udp_mem conf/*/route_localnet conf/*/rp_filter conf/*/arp_ignore",
}
QUIET_FILESYSTEMS = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "securityfs"}


def main() -> None:
    """Look, and tell."""
    wanted = json.loads(sys.argv[1])
    processes = list(everybody())
    seen: dict[str, Any] = {}
    for one in wanted["containers"]:
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # it ended meanwhile
            seen[one["key"]] = look_at(one, processes)
    seen["host"] = look_at_host(wanted, processes)
    print(json.dumps(seen))  # noqa: T201  # it is how the answer gets out


def everybody() -> Iterator[tuple[int, str, str]]:
    """(pid, control groups, command line) of every process."""
    for name in os.listdir("/proc"):  # noqa: PTH208  # hundreds of them
        if name.isdigit():
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{name}/cmdline").read_bytes()
                groups = Path(f"/proc/{name}/cgroup").read_text(encoding="utf-8")
                yield int(name), groups, words.replace(b"\0", b" ").decode(errors="replace")


def look_at(one: dict[str, Any], processes: list[tuple[int, str, str]]) -> dict[str, list[str]]:
    """Everything about one container that a fault could have changed."""
    pid, container = one["pid"], one["id"]
    inside = [number for number, groups, _ in processes if container in groups]
    seen = dict(look_at_network(pid))
    seen |= look_at_links(pid)
    seen["mounts"] = sorted(mounts(pid, container))
    seen["limits"] = sorted(limits(one))
    seen["processes"] = sorted(filter(None, map(described, inside)))
    seen["strangers"] = sorted(strangers(pid, container, processes))
    seen["files of ours"] = sorted(files_of_ours(pid))
    names = text_of(f"/proc/{pid}/root/etc/resolv.conf").splitlines()
    hosts = text_of(f"/proc/{pid}/root/etc/hosts").replace(container[:12], "<id>").splitlines()
    kept = (line for line in hosts if line.split()[:1] not in [[own] for own in one["addresses"]])
    seen["names"] = [*names, *kept]
    own = sorted({a for line in seen["addresses"] for a in re.findall(r"\d+\.\d+\.\d+\.\d+", line)})
    for section in ("iptables", "routes", "sockets", "names"):
        seen[section] = sorted(masked(line, own) for line in seen[section])
    return seen


def masked(line: str, addresses: list[str]) -> str:
    """A line without the instance's own address, which a successor need not get."""
    for one in addresses:
        if not one.startswith("127."):
            line = re.sub(rf"(?<![\d.]){re.escape(one)}(?![\d])", "<own>", line)
    return line


def look_at_network(pid: int) -> Iterator[tuple[str, list[str]]]:
    """The sections that a command in the network namespace tells; one shell for all of them."""
    script = "; ".join(f"echo '@@ {name}'; {line}" for name, line in COMMANDS.items())
    lines = run("nsenter", "-t", str(pid), "-n", "sh", "-c", script)
    section = ""
    found: dict[str, list[str]] = {name: [] for name in COMMANDS}
    for line in lines:
        if line.startswith("@@ "):
            section = line[3:]
        elif plain := CLEANED.get(section, str)(line).strip():
            found[section].append(plain)
    yield from found.items()


def clean_rule(line: str) -> str:
    """Without counters; an empty chain that accepts is what there is without any table."""
    line = re.sub(r"\[\d+:\d+\]", "", line).strip()
    if line.startswith(("#", "*")) or line == "COMMIT" or re.fullmatch(r":[A-Z]+ ACCEPT", line):
        return ""
    if "127.0.0.11" in line:  # the engine's name server listens at other ports in each life
        line = re.sub(r"127\.0\.0\.11:\d+|--sport \d+", "<dns>", line)
    return line


def clean_route(line: str) -> str:
    """The local table follows from the addresses."""
    return "" if "table local" in line else clean_device(line)


def clean_device(line: str) -> str:
    """An interface may have another number after it was taken away and given back."""
    return re.sub(r"\beth\d+\b", "eth", re.sub(r" refcnt \d+", "", line))


def clean_socket(line: str) -> str:
    """Protocol and place of who listens."""
    words = line.split()
    return "" if "127.0.0.11:" in words[4] else f"{words[0]} {words[4]}"


CLEANED: dict[str, Any] = {
    "iptables": clean_rule,
    "ip6tables": clean_rule,
    "qdiscs": clean_device,
    "filters": clean_device,
    "routes": clean_route,
    "sockets": clean_socket,
    "network settings": clean_device,
}


def look_at_links(pid: int) -> dict[str, list[str]]:
    """Interfaces, addresses, and the host's end of every pair of them."""
    links: list[str] = []
    addresses: list[str] = []
    outside: list[str] = []
    host_names, qdiscs = host_side()
    for one in as_json(run("nsenter", "-t", str(pid), "-n", "ip", "-j", "addr")):
        name = clean_device(one["ifname"])
        links.append(f"{name} mtu {one['mtu']} {','.join(sorted(one['flags']))}")
        addresses += [f"{name} {each['local']}" for each in one["addr_info"]]
        if peer := host_names.get(one.get("link_index", -1)):
            ours = [line for line in qdiscs if f" dev {peer} " in line]
            if any("noqueue" not in line for line in ours):
                for what in (["class"], ["filter"], ["filter", "ingress"]):
                    ours += run("tc", what[0], "show", "dev", peer, *what[1:])
            outside += [clean_device(line).replace(peer, "veth") for line in ours]
    return {"links": sorted(links), "addresses": sorted(addresses), "host side": sorted(outside)}


@functools.cache
def host_side() -> tuple[dict[int, str], list[str]]:
    """The names of the host's interfaces by their numbers, and all of its qdiscs."""
    names = {one["ifindex"]: one["ifname"] for one in as_json(run("ip", "-j", "link"))}
    return names, run("tc", "qdisc", "show")


def mounts(pid: int, container: str) -> Iterator[str]:
    """Each mount, without what is new in every life."""
    for line in text_of(f"/proc/{pid}/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        root, point, options = left.split()[3:6]
        kind, _source, special = right.split(" ", 2)
        kept = [one for one in special.split(",") if not re.match(r"(lower|upper|work)dir=", one)]
        yield f"{point} {kind} {options} {','.join(kept)} {root}".replace(container, "<id>")


def limits(one: dict[str, Any]) -> Iterator[str]:
    """Control group files that faults change, and groups below the container's own."""
    for line in text_of(f"/proc/{one['pid']}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            place = "unified" if not controller and (CGROUPS / "unified").is_dir() else ""
            folder = CGROUPS / (controller.removeprefix("name=") or place) / path.lstrip("/")
            for name in CGROUP_FILES.get(controller, ()):
                for value in text_of(folder / name).splitlines():
                    if not CHANGES_BY_ITSELF.match(value):
                        yield f"{name} {value}"
            if one["id"] in path and folder.is_dir():
                below = (each.name for each in folder.iterdir() if each.is_dir())
                yield from (f"{controller} group {name}" for name in below)


def described(pid: int) -> str:
    """A process by its name, whether it is stopped, and what it may use; "" when it ended."""
    with contextlib.suppress(OSError, IndexError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        name, _, rest = stat.partition("(")[2].rpartition(")")
        fields = rest.split()
        if fields[0] in "ZX":
            return ""
        words = [name, "stopped" if fields[0] in "Tt" else "", f"nice {fields[16]}"]
        words.append("oom " + text_of(f"/proc/{pid}/oom_score_adj").strip())
        for line in text_of(f"/proc/{pid}/limits").splitlines()[1:]:
            limit, soft, hard = line[:26].strip(), *line[26:].split()[:2]
            words.append(f"{limit}={soft}:{hard}")
        words.append("cpus " + ",".join(map(str, sorted(os.sched_getaffinity(pid)))))
        return " ".join(filter(None, words))
    return ""


def strangers(pid: int, container: str, processes: list[tuple[int, str, str]]) -> Iterator[str]:
    """Processes of others in a namespace of the container."""
    for kind in ("net", "mnt", "pid"):
        ours = Path(f"/proc/{pid}/ns/{kind}").stat().st_ino
        for number, groups, words in processes:
            with contextlib.suppress(OSError):
                theirs = Path(f"/proc/{number}/ns/{kind}").stat().st_ino
                if theirs == ours and container not in groups:
                    yield f"{kind}: {words.strip()}"


def files_of_ours(pid: int) -> Iterator[str]:
    """Every `.chaoskit*` in the container's own layer, its volumes and its tmpfs."""
    kinds = {}
    for line in text_of(f"/proc/{pid}/mountinfo").splitlines():
        kinds[line.split()[4]] = line.partition(" - ")[2].split()[0]
    for point, kind in kinds.items():
        if kind not in QUIET_FILESYSTEMS and not point.startswith(("/proc", "/sys", "/dev/pts")):
            yield from found_below(f"/proc/{pid}/root", point.rstrip("/"), kinds)


def found_below(root: str, folder: str, mounted: Container[str]) -> Iterator[str]:
    """Paths below a folder, without going into what is mounted there."""
    try:
        entries = list(os.scandir(root + folder + "/"))
    except OSError:  # it went away, or is a file
        return
    for entry in entries:
        path = f"{folder}/{entry.name}"
        if entry.name.startswith(".chaoskit"):
            yield path
        if path not in mounted and entry.is_dir(follow_symlinks=False):
            yield from found_below(root, path, mounted)


def look_at_host(wanted: dict[str, Any], processes: list[tuple[int, str, str]]) -> dict[str, Any]:
    """What of the host is about this run: its rules, and processes that bear its name."""
    lines = run("sh", "-c", COMMANDS["iptables"])
    rules = [masked(clean_rule(line), wanted["addresses"]) for line in lines]
    about = []
    for rule in rules:
        named = rule
        for token, name in wanted["tokens"].items():
            named = named.replace(token, name)
        if named != rule or any(run_id in rule for run_id in wanted["runs"]):
            about.append(named)
    marks = [f"chaoskit:{run_id}" for run_id in wanted["runs"]]
    ours = [words.strip() for _, _, words in processes if any(one in words for one in marks)]
    return {"iptables": sorted(about), "processes of ours": sorted(ours)}


def run(*command: str) -> list[str]:
    """A command's output; what it cannot say is nothing."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.splitlines()


def as_json(lines: list[str]) -> list[dict[str, Any]]:
    """The objects in a command's output."""
    found: list[dict[str, Any]] = json.loads("\n".join(lines) or "[]")
    return [one for one in found if one]


def text_of(path: Path | str) -> str:
    """A file's text; "" when it is not there."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    main()
