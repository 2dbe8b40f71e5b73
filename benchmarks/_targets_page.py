"""docs/targets.md: what was measured of the targets, as tables. A pure function of targets.json."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "docs" / "targets.md"

Row = Mapping[str, Any]

HEAD = """\
# The targets, measured

The reference collection of self-healing systems: what each costs, how quickly it heals beside what its settings allow, and whether its
experiments can fail. What a target is made of, and what was found out about it, is in its own README; the findings are collected in the
[track record](track-record.md).

This page is generated from [benchmarks/targets.json](../benchmarks/targets.json), which `python -m benchmarks.targets` writes: do not edit it.
**The machine was shared** with much other work while most of this was measured. The load beside each figure is the median and the worst of
the one-minute load average, which two cores work off up to 2; *others* are other chaoskit runs that had containers at the same time. Only rows that
say *quiet* had the machine for themselves. Times on a loaded machine are an upper limit of what the target does.
"""

IMAGES = """
## Images

From nothing to every image of every target, by the engine's own time stamps of one set-up on this machine while it was quiet (2026-11-28, 86 images of 22 targets):
2 min 21 s from the bare Debian on, which itself took 16 to 25 s when it was measured (`mmdebstrap`). Where the time went:

| what | seconds |
|---|---|
| base: curl, HAProxy, Python, iptables | 11 |
| Prometheus and Alertmanager | 12 |
| PostgreSQL with Patroni | 23 |
| PostgreSQL once more, for `microservices` | 21 |
| python3-docker | 11 |
| Redis; redis-py twice; psycopg2; etcd; nats-server: 6 each | 36 |
| Envoy and NATS from wheels | 12 |
| the other 65 images, which are cached layers and a copied file: 0.2 each | 13 |

Since then the two PostgreSQL images share their first layer, which is made once. `chaoskit up TARGET` and `chaoskit run` make only what their targets need.
"""

COSTS = """
## What a target costs

From `up` to steady state and full strength, with the images present; memory of all containers without what the kernel can drop; from `down`
until nothing is left. One start each.

| target | steady state | memory | containers | teardown | load (worst) | others | date |
|---|---|---|---|---|---|---|---|
"""

RECOVERY = """
## How quickly it heals

One experiment stands for each target. *n* is the number of trials that count, of those that were asked for: 22 are the fewest whose largest value bounds
p90 with 90 % confidence. The budgets of the experiment are widened for this to the length of its watch, because a run ends at the first trial that is late
otherwise; *in budget* says how many trials kept the experiment's own. Times are seconds from the proven effect of the fault: the median of the middles of each trial's interval, the empirical p90 of its worse
ends, and the order-statistic bound that p90 stays below. Where nobody is meant to notice anything, it is the return to full strength.

| experiment | measure | n | void | not healed | median | p90 | p90 ≤ (90 %) | least to most | in budget | load (worst) | others | date |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""

FLOORS = """
## Beside the floor

What the settings of the healer allow, fault at a random moment, until it has acted (or has noticed, where its kind says no more). *Efficiency* is the
floor's mean divided by the measured median: 1 is as quick as the timers allow. A kind `other` promises nothing and has no row.
What passes before there is anything to notice is in the measured time and not in the floor: a release of `bad-deploy` has to start, and to get
its share of the users, before it fails under load.

| experiment | healer | until | floor: best, mean, worst | measured median | inside | efficiency |
|---|---|---|---|---|---|---|
"""

INDEPENDENT = """
## The independent check

A client of its own, which shares no code with the prober ([benchmarks/independent.py](../benchmarks/independent.py): one thread an ask, standard library or
psycopg), watches the same outage in the same trial. Both say when users were served again, as the interval between the last bad ask and the first good one
after it; the middles must be within two probe periods. Every trial that was made is listed.

| experiment | chaoskit | the client | differ | in probe periods | agree | load (worst) | date |
|---|---|---|---|---|---|---|---|
"""

PROVEN = """
## Proven

`chaoskit prove`: without the fault nothing may be seen, and without a healer that the experiment names it must fail ([how](proving.md)). *A/A* counts the
clean runs without a fault.

| experiment | state | A/A | as it is | without its healers | date | machine |
|---|---|---|---|---|---|---|
"""


def render(store: Row) -> str:
    """The whole page."""
    return HEAD + "".join(_sections(store))


def _sections(store: Row) -> Iterator[str]:
    yield IMAGES
    targets = store["targets"]
    if machines := sorted({_machine(row["machine"]) for row in targets.values()}):
        yield f"\nAll that follows was measured on: {'; '.join(machines)}.\n"
    yield from _table(COSTS, map(_costs, targets.items()))
    yield from _table(RECOVERY, map(_recovery, targets.items()))
    yield from _table(FLOORS, (_floor(*one) for one in targets.items() if one[1]["floor"]))
    yield from _table(INDEPENDENT, _independent(store["independent"]))
    yield from _table(PROVEN, map(_proof, sorted(store["proofs"].items())))
    yield f"\n{_totals(list(store['proofs'].values()), store.get('experiments', 0))}\n"


def _table(head: str, rows: "Iterator[Sequence[str]] | map[Sequence[str]]") -> Iterator[str]:
    yield head
    for row in rows:
        yield f"| {' | '.join(row)} |\n"


def _machine(machine: Row) -> str:
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"kernel {machine['kernel']}, Python {machine['python']}"
    )


def _costs(item: tuple[str, Row]) -> Sequence[str]:
    name, row = item
    costs = row["costs"]
    link = f"[{name}](../targets/{name}/README.md)"
    memory = f"{costs['memory_mib']} MiB"
    times = f"{costs['ready_s']:.1f} s", memory, str(costs["containers"])
    return (link, *times, f"{costs['teardown_s']:.1f} s", *_loaded(costs))


def _loaded(row: Row) -> Sequence[str]:
    load = row["load"]
    shown = f"{load['median']:.1f} ({load['worst']:.1f})"
    others = "quiet" if load["quiet"] else str(load["others_at_most"])
    return shown, others, row["at"][:10]


def _recovery(item: tuple[str, Row]) -> Sequence[str]:
    name, row = item
    found = row["recovery"]
    experiment = f"{name}/{row['experiment']}"
    span = f"{_s(found['least_s'])} to {_s(found['most_s'])}"
    figures = (_s(found["median_s"]), _s(found["p90_s"]), _s(found["p90_bound_s"]), span)
    counts = (
        f"{found['trials']} of {found['asked']}",
        str(found["void"]),
        str(found["not_recovered"]),
    )
    kept = f"{found['within_budget']} ({found['budget']})" if found["budget"] else "–"
    return (experiment, row["measure"], *counts, *figures, kept, *_loaded(row))


def _floor(name: str, row: Row) -> Sequence[str]:
    floor = row["floor"]
    spans = ", ".join(f"{floor[key]:.2f}" for key in ("best_s", "mean_s", "worst_s"))
    until = {"action": "acted", "detection": "noticed"}[floor["step"]]
    inside = f"{floor['inside']} of {floor['trials']}"
    efficiency = "–" if floor["efficiency"] is None else f"{floor['efficiency']:.2f}"
    measured = _s(floor["measured_s"])
    experiment = f"{name}/{row['experiment']}"
    return experiment, floor["healer"], until, f"{spans} s", measured, inside, efficiency


def _independent(store: Row) -> Iterator[Sequence[str]]:
    for experiment, trials in sorted(store.items()):
        for row in trials:
            shown, _, day = _loaded(row)
            if "periods" not in row:
                yield experiment, f"`{row['verdict']}`", "–", "–", "–", row["agree"], shown, day
                continue
            differ = f"{row['differ_s'] * 1000:.0f} ms", f"{row['periods']:.2f}"
            agree = "yes" if row["agree"] else "**no**"
            sides = f"{row['chaoskit_s']} s", f"{row['client_s']} s"
            yield experiment, *sides, *differ, agree, shown, day


def _proof(item: tuple[str, Row]) -> Sequence[str]:
    name, row = item
    arms = row["arms"]
    clean = [arm for arm in arms if arm["kind"] == "no_fault"]
    on = [f"`{arm['verdict']}`" for arm in arms if arm["kind"] == "on"]
    off = [f"{arm['healer']}: `{arm['verdict']}`" for arm in arms if arm["kind"] == "off"]
    share = f"{sum(arm['good'] for arm in clean)} of {sum(arm['trials'] for arm in clean)}"
    state = row["state"]
    if state != "proven":
        state = f"**{state}**: {row['reason'].replace('|', '/')}"
    return name, state, share, ", ".join(on), ", ".join(off) or "–", row["at"][:10], row["machine"]


def _totals(rows: Sequence[Row], experiments: int) -> str:
    proven = sum(row["state"] == "proven" for row in rows)
    clean = [arm for row in rows for arm in row["arms"] if arm["kind"] == "no_fault"]
    good, told = sum(arm["good"] for arm in clean), sum(arm["trials"] for arm in clean)
    return (
        f"{proven} of {len(rows)} experiments proven; {good} of {told} runs without a fault clean. The other "
        f"{experiments - len(rows)} of {experiments} experiments have not been tried for this table: most are of "
        "targets in a cluster, which has been a fake one so far. `make prove TARGET=name` tries them."
    )


def _s(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"
