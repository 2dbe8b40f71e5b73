"""A run that never was: a journal and its timelines, as realistic as a real run's.

Four experiments: a crash that users felt and the engine healed, a crash that a proxy masked, a hang
that nothing heals (expected, and lifted by us), and one that nobody can tell anything about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from chaoskit.model.experiment import Budget
from chaoskit.model.journal import (
    Act,
    Anchor,
    BudgetCheck,
    ExperimentJudgement,
    ExperimentRecord,
    FloorRecord,
    HealerRecord,
    Journal,
    TrialJudgement,
    TrialRecord,
)
from chaoskit.model.marks import NS, Mark, MarkKind, sort_marks
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.model.timeline import SAMPLE_DTYPE, Samples, Timeline
from chaoskit.model.verdict import Verdict

WALL_NS = 1_777_802_400 * NS  # 2026-05-03T10:00:00Z
MONO_NS = 5_000 * NS
RATE_HZ = 50.0
PERIOD_NS = round(NS / RATE_HZ)
BASELINE_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A stretch of bad asks of one probe, in seconds from the effect."""

    start_s: float
    end_s: float
    reason: Reason = Reason.REFUSED
    probe: int = 0


def samples(
    *,
    effect_ns: int,
    end_s: float,
    troubles: Sequence[Trouble] = (),
    probes: int = 1,
    seed: int = 1,
) -> Samples:
    """Asks of every probe from 3 s before the effect, good but for the troubles."""
    rng = np.random.default_rng(seed)
    rounds = round((BASELINE_S + end_s) * RATE_HZ)
    made = np.zeros(rounds * probes, dtype=SAMPLE_DTYPE)
    made["k"] = np.repeat(np.arange(rounds), probes)
    made["probe"] = np.tile(np.arange(probes), rounds)
    made["due"] = (
        effect_ns - round(BASELINE_S * NS) + 7_000_000 + made["k"].astype(np.int64) * PERIOD_NS
    )
    at_s = (made["due"] - effect_ns) / NS
    slow = 1 + 9 * np.exp(-np.abs(at_s - 0.6) / 0.5)
    took_ms = rng.gamma(9, 0.22, len(made)) * np.where(at_s > 0, slow, 1)
    made["sent"] = made["due"] + rng.integers(20_000, 200_000, len(made))
    made["done"] = made["sent"] + (took_ms * 1e6).astype(np.int64)
    made["outcome"], made["detail"] = Outcome.GOOD, 200
    for trouble in troubles:
        hit = (at_s >= trouble.start_s) & (at_s < trouble.end_s) & (made["probe"] == trouble.probe)
        made["outcome"][hit] = Outcome.BAD
        made["reason"][hit] = trouble.reason
        made["detail"][hit] = 0
        if trouble.reason is Reason.TIMEOUT:
            made["done"][hit] = made["due"][hit] + NS // 2
    return made


def timeline(
    *,
    effect_ns: int,
    found: Samples,
    marks: Sequence[Mark],
    probes: Sequence[str] = ("front-page",),
) -> Timeline:
    """A timeline with the phases of our experiments."""
    return Timeline(
        samples=found,
        marks=sort_marks(marks),
        probes=tuple(probes),
        period_ns=PERIOD_NS,
        timeout_ns=NS // 2,
        stable_ns=2 * NS,
        watch_ns=30 * NS,
        started_ns=effect_ns - round(BASELINE_S * NS),
    )


def marker(effect_ns: int):
    """A maker of marks at seconds from the effect."""

    def at(seconds: float, kind: MarkKind, **fields: object) -> Mark:
        return Mark(at_ns=effect_ns + round(seconds * NS), kind=kind, **fields)

    return at


def seconds(measure: str, value: float, *, half: float = 0.01, **more: object) -> Measured:
    """A measure in seconds, as an interval."""
    low = max(value - half, 0.0)
    return Measured(
        measure=measure, unit=Unit.SECONDS, low=low, high=value + half, resolution=half, **more
    )


def over(measure: str, low: float) -> Measured:
    """A measure that was not seen to end."""
    return Measured(measure=measure, unit=Unit.SECONDS, low=low, censored=True, resolution=0.01)


def share(value: float) -> Measured:
    """An availability."""
    return Measured(measure="availability", unit=Unit.RATIO, low=value, high=value)


RECOVERY = Budget(measure="recovery", bound=2.0, text="2s", line=14)
REDUNDANCY = Budget(measure="redundancy", bound=10.0, text="10s", line=15)
DETECTION = Budget(measure="detection", bound=1.0, text="1s", line=16)
AVAILABILITY = Budget(measure="availability", bound=0.9, text="90%", line=17)


def effect_of(experiment: int, trial: int) -> int:
    """When the fault of a trial took effect; trials follow one another."""
    return MONO_NS + (experiment * 120 + trial * 20) * NS


def experiment(name: str, **fields: object) -> ExperimentRecord:
    """An experiment with the usual settings."""
    defaults = {
        "title": name,
        "description": "",
        "file": f"experiments/{name}.yaml",
        "target": name.split("/", maxsplit=1)[0],
        "rate_hz": RATE_HZ,
        "timeout_s": 0.5,
        "baseline_s": BASELINE_S,
        "watch_s": 30.0,
        "stable_s": 2.0,
        "plan": "pr",
        "runs": 5,
        "allow": 0,
        "budgets": (RECOVERY, REDUNDANCY),
        "target_start_s": 2.4,
        "wall_s": 61.5,
    }
    return ExperimentRecord(name=name, **{**defaults, **fields})


def trial(name: str, index: int, judgement: TrialJudgement | None, **fields: object) -> TrialRecord:
    """A trial with the usual facts."""
    defaults = {
        "folder": f"trials/{name}/{index}",
        "phase_offset_s": 0.137 * index,
        "probes": ("front-page",),
        "send_lag_p99_s": 0.00041,
        "chaostoolkit": {
            "status": "completed",
            "deviated": False,
            "steady_before": True,
            "steady_after": True,
            "failed_activities": [],
            "failed_rollbacks": [],
            "failed_controls": [],
        },
    }
    return TrialRecord(index=index, judgement=judgement, **{**defaults, **fields})


def checks(budgets: Sequence[Budget], measures: Sequence[Measured], kept: Sequence[bool | None]):
    """Budgets held against measures."""
    by_name = {one.measure: one for one in measures}
    return tuple(
        BudgetCheck(budget=budget, measured=by_name[budget.measure], kept=verdict)
        for budget, verdict in zip(budgets, kept, strict=True)
    )


Built = tuple[ExperimentRecord, Mapping[int, Timeline]]


def healed_crash() -> Built:
    """The proxy is crashed; users notice until the engine has started it again."""
    name = "replicated-web/crash-the-proxy"
    budgets = (RECOVERY, REDUNDANCY, DETECTION, AVAILABILITY)
    trials, timelines = [], {}
    for index, recovered in enumerate((0.92, 0.71, 1.18, 0.84, 0.97), start=1):
        effect = effect_of(0, index)
        at = marker(effect)
        end_s = recovered + 4.2
        marks = [
            at(-3.0, MarkKind.PHASE, detail="baseline"),
            at(-0.05, MarkKind.PHASE, detail="inject"),
            at(-0.0004, MarkKind.INJECTED, source="f1", instance="lb-1", service="lb"),
            at(
                0,
                MarkKind.IN_EFFECT,
                source="f1",
                service="lb",
                instance="lb-1",
                detail="the main process is gone",
                data={"fault": "crash", "nature": "struck"},
            ),
            at(0.001, MarkKind.PHASE, detail="watch"),
            at(0.02, MarkKind.ENGINE, source="engine", service="lb", instance="lb-1", detail="die"),
            at(0.03, MarkKind.DETECTED, source="docker-restart", service="lb", detail="die"),
            at(0.04, MarkKind.REDUNDANCY, service="lb", data={"have": 0, "want": 1}),
            at(-2.9, MarkKind.REDUNDANCY, service="lb", data={"have": 1, "want": 1}),
            at(-2.9, MarkKind.REDUNDANCY, service="web", data={"have": 3, "want": 3}),
            at(
                0.55,
                MarkKind.ENGINE,
                source="engine",
                service="lb",
                instance="lb-1",
                detail="start",
            ),
            at(0.55, MarkKind.ACTED, source="docker-restart", service="lb", detail="start"),
            at(recovered + 0.6, MarkKind.REDUNDANCY, service="lb", data={"have": 1, "want": 1}),
            at(recovered + 2.7, MarkKind.PHASE, detail="settle"),
            at(end_s + 9, MarkKind.PHASE, detail="end"),
        ]
        found = samples(
            effect_ns=effect,
            end_s=end_s,
            troubles=(Trouble(start_s=0.0, end_s=recovered),),
            seed=index,
        )
        timelines[index] = timeline(effect_ns=effect, found=found, marks=marks)
        measures = (
            seconds("impact", 0.007),
            seconds("detection", 0.03, half=0.005),
            seconds("recovery", recovered),
            seconds("redundancy", recovered + 0.6, half=0.05),
            seconds("outage", recovered),
            share(1 - recovered / (recovered + 12)),
        )
        judgement = TrialJudgement(
            verdict=Verdict.HEALED,
            reason="every budget was kept",
            measures=measures,
            checks=checks(budgets, measures, (True,) * 4),
            acts=(Act(healer="docker-restart", detected_s=0.03, acted_s=0.55),),
        )
        trials.append(
            trial(
                name,
                index,
                judgement,
                picked=("lb-1",),
                mechanisms=("SIGKILL to the main process from the host",),
            )
        )
    record = experiment(
        name,
        title="A crashed proxy is restarted by the engine",
        description="The proxy is the one way in: while it is away, users are hit.",
        tags=("autonomy",),
        target_title="Three web replicas behind HAProxy",
        budgets=budgets,
        healed_by=("docker-restart",),
        healers=(
            HealerRecord(
                name="haproxy",
                kind="haproxy-check",
                settings={"inter": "200ms", "fall": 2, "stats_password": "hunter2"},
            ),
            HealerRecord(name="docker-restart", kind="docker-restart"),
        ),
        redundancy={"web": 3, "lb": 1},
        trials=tuple(trials),
        judgement=ExperimentJudgement(
            verdict=Verdict.HEALED,
            passed=True,
            sentence="Healed in 5 of 5 trials: service was good again after 0.92 s (median), "
            "1.19 s at worst, within its budget of 2 s.",
            claim="With 95 % confidence the median recovery is at most 1.19 s.",
            floors=(
                FloorRecord(
                    healer="docker-restart",
                    step="action",
                    best_s=0.1,
                    mean_s=0.3,
                    worst_s=1.6,
                    why="no timer before it notices; then 0.1 s, and the time that a start takes",
                    trials=5,
                    inside=5,
                    measured_s=0.4,
                    efficiency=0.75,
                ),
            ),
        ),
    )
    return record, timelines


def masked_crash() -> Built:
    """One of three replicas is crashed; the proxy goes round it."""
    name = "replicated-web/crash-a-replica"
    trials, timelines = [], {}
    for index, full_s in enumerate((2.41, 2.18, 2.63), start=1):
        effect = effect_of(1, index)
        at = marker(effect)
        web = {"service": "web", "instance": "web-2"}
        marks = [
            at(-3.0, MarkKind.PHASE, detail="baseline"),
            at(-0.03, MarkKind.PHASE, detail="inject"),
            at(
                0,
                MarkKind.IN_EFFECT,
                source="f1",
                data={"fault": "crash", "nature": "struck"},
                **web,
            ),
            at(0.002, MarkKind.PHASE, detail="watch"),
            at(-2.9, MarkKind.REDUNDANCY, service="web", data={"have": 3, "want": 3}),
            at(0.05, MarkKind.REDUNDANCY, service="web", data={"have": 2, "want": 3}),
            at(full_s, MarkKind.REDUNDANCY, service="web", data={"have": 3, "want": 3}),
            at(0.02, MarkKind.ENGINE, source="engine", detail="die", **web),
            at(0.58, MarkKind.ENGINE, source="engine", detail="start", **web),
            at(0.03, MarkKind.DETECTED, source="docker-restart", **web),
            at(0.58, MarkKind.ACTED, source="docker-restart", **web),
            at(0.38, MarkKind.DETECTED, source="haproxy", **web),
            at(0.38, MarkKind.ACTED, source="haproxy", **web),
            at(full_s - 0.2, MarkKind.RESTORED, source="haproxy", **web),
            at(full_s + 2, MarkKind.PHASE, detail="settle"),
            at(full_s + 12, MarkKind.PHASE, detail="end"),
        ]
        found = samples(effect_ns=effect, end_s=full_s + 3, probes=2, seed=40 + index)
        timelines[index] = timeline(
            effect_ns=effect, found=found, marks=marks, probes=("front-page", "health")
        )
        measures = (
            seconds("detection", 0.03, half=0.005),
            seconds("recovery", 0.0, half=0.0),
            seconds("redundancy", full_s, half=0.05),
            share(1.0),
        )
        judgement = TrialJudgement(
            verdict=Verdict.MASKED,
            reason="users saw nothing",
            measures=measures,
            checks=checks((RECOVERY, REDUNDANCY), measures, (True, True)),
            acts=(
                Act(healer="docker-restart", detected_s=0.03, acted_s=0.58),
                Act(healer="haproxy", detected_s=0.38, acted_s=0.38, restored_s=full_s - 0.2),
            ),
        )
        trials.append(
            trial(
                name,
                index,
                judgement,
                picked=("web-2",),
                probes=("front-page", "health"),
                mechanisms=("SIGKILL to the main process from the host",),
            )
        )
    record = experiment(
        name,
        title="A crashed replica is replaced while traffic goes round it",
        description="Losing one of three web replicas must cost no request.",
        tags=("redundancy", "autonomy"),
        target_title="Three web replicas behind HAProxy",
        runs=3,
        healed_by=("haproxy", "docker-restart"),
        healers=(
            HealerRecord(name="haproxy", kind="haproxy-check"),
            HealerRecord(name="docker-restart", kind="docker-restart"),
        ),
        redundancy={"web": 3, "lb": 1},
        trials=tuple(trials),
        judgement=ExperimentJudgement(
            verdict=Verdict.MASKED,
            passed=True,
            sentence="Masked in 3 of 3 trials: users saw nothing, and full strength was back after "
            "2.41 s (median).",
            claim="3 trials allow no claim about rare slow recoveries.",
        ),
    )
    return record, timelines


def expected_hang() -> Built:
    """A hung service under `restart: always`: nothing heals it, and we lift the fault."""
    name = "restart-policy/hang"
    effect = effect_of(2, 1)
    at = marker(effect)
    web = {"service": "web", "instance": "web-1"}
    marks = [
        at(-3.0, MarkKind.PHASE, detail="baseline"),
        at(-0.03, MarkKind.PHASE, detail="inject"),
        at(0, MarkKind.IN_EFFECT, source="f3", data={"fault": "hang", "nature": "held"}, **web),
        at(0.002, MarkKind.PHASE, detail="watch"),
        at(-2.9, MarkKind.REDUNDANCY, service="web", data={"have": 1, "want": 1}),
        at(4.1, MarkKind.ENGINE, source="engine", detail="health_status: unhealthy", **web),
        at(4.2, MarkKind.REDUNDANCY, service="web", data={"have": 0, "want": 1}),
        at(10.0, MarkKind.PHASE, detail="lift"),
        at(10.01, MarkKind.LIFTED, source="f3", data={"fault": "hang", "nature": "held"}, **web),
        at(10.02, MarkKind.PHASE, detail="settle"),
        at(12.0, MarkKind.REDUNDANCY, service="web", data={"have": 1, "want": 1}),
        at(12.5, MarkKind.PHASE, detail="end"),
    ]
    found = samples(
        effect_ns=effect,
        end_s=12.5,
        troubles=(Trouble(start_s=0.0, end_s=10.005, reason=Reason.TIMEOUT),),
        seed=90,
    )
    measures = (
        Measured(measure="detection", unit=Unit.SECONDS, note="no healer noticed"),
        over("recovery", 10.0),
        over("redundancy", 10.0),
        share(0.0),
    )
    judgement = TrialJudgement(
        verdict=Verdict.NOT_HEALED,
        reason="the service was not good again within the watch of 10 s",
        measures=measures,
        checks=checks((RECOVERY, REDUNDANCY), measures, (False, False)),
        acts=(Act(healer="docker-restart"),),
    )
    record = experiment(
        name,
        title="A hung service is not restarted by the engine",
        description="Docker never restarts an unhealthy container: a known weakness.",
        target_title="One service under restart: always",
        watch_s=10.0,
        runs=1,
        expect=Verdict.NOT_HEALED,
        healers=(HealerRecord(name="docker-restart", kind="docker-restart"),),
        redundancy={"web": 1},
        trials=(
            trial(
                name,
                1,
                judgement,
                picked=("web-1",),
                mechanisms=("SIGSTOP to every process of the container",),
            ),
        ),
        judgement=ExperimentJudgement(
            verdict=Verdict.NOT_HEALED,
            passed=True,
            sentence="Not healed, as expected: the service was down for the whole watch of 10 s.",
        ),
    )
    return record, {1: timeline(effect_ns=effect, found=found, marks=marks)}


def inconclusive() -> Built:
    """The target was not steady before the fault, so nothing was injected."""
    name = "replicated-web/partition"
    start = effect_of(3, 1)
    at = marker(start)
    marks = [at(-3.0, MarkKind.PHASE, detail="baseline"), at(0.0, MarkKind.PHASE, detail="end")]
    found = samples(
        effect_ns=start, end_s=0.0, troubles=(Trouble(start_s=-2.0, end_s=-1.6),), seed=7
    )
    judgement = TrialJudgement(
        verdict=Verdict.BASELINE_NOT_MET, reason="20 of 150 asks were bad before the fault"
    )
    record = experiment(
        name,
        title="A replica cut off from the proxy is avoided",
        description="",
        target_title="Three web replicas behind HAProxy",
        redundancy={"web": 3, "lb": 1},
        runs=1,
        trials=(trial(name, 1, judgement, trouble="the baseline was not met"),),
        judgement=ExperimentJudgement(
            verdict=Verdict.BASELINE_NOT_MET,
            passed=False,
            sentence="We cannot tell: the target was not steady before the fault.",
        ),
    )
    return record, {1: timeline(effect_ns=start, found=found, marks=marks)}


def too_slow() -> ExperimentRecord:
    """The healed crash, judged against a budget that it misses."""
    record, _ = healed_crash()
    tight = replace(RECOVERY, bound=0.9, text="900ms")
    trials = []
    for one in record.trials:
        judgement = one.judgement
        kept = judgement.measured("recovery").high <= tight.bound
        held = BudgetCheck(budget=tight, measured=judgement.measured("recovery"), kept=kept)
        verdict = Verdict.HEALED if kept else Verdict.TOO_SLOW
        reason = judgement.reason if kept else "recovery took longer than 900 ms"
        checked = (held, *judgement.checks[1:])
        changed = replace(judgement, verdict=verdict, reason=reason, checks=checked)
        trials.append(replace(one, judgement=changed))
    return replace(
        record,
        budgets=(tight, *record.budgets[1:]),
        trials=tuple(trials),
        judgement=ExperimentJudgement(
            verdict=Verdict.TOO_SLOW,
            passed=False,
            sentence="Too slow in 3 of 5 trials: service was good again after 1.19 s at worst, "
            "over its budget of 900 ms.",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Run:
    """A journal with its evidence, as the reporters ask for it."""

    journal: Journal
    timelines: Mapping[tuple[str, int], Timeline]
    logs: Mapping[str, Mapping[str, Path]]

    def timeline_of(self, record: ExperimentRecord, one: TrialRecord) -> Timeline:
        """The evidence of one trial."""
        return self.timelines[record.name, one.index]

    def logs_of(self, place: str) -> Mapping[str, Path]:
        """Log files by service; a place is `logs/<target>`."""
        return self.logs.get(place.removeprefix("logs/"), {})


def run(*, logs: Mapping[str, Mapping[str, Path]] | None = None) -> Run:
    """The whole run."""
    built = [healed_crash(), masked_crash(), expected_hang(), inconclusive()]
    journal = Journal(
        run_id="20260503-100000-3f9a",
        chaoskit="0.1.0",
        command="chaoskit run experiments --seed 4242 --trials 5",
        seed=4242,
        anchor=Anchor(wall="2026-05-03T10:00:00.000+00:00", wall_ns=WALL_NS, mono_ns=MONO_NS),
        ended_wall="2026-05-03T10:07:42.120+00:00",
        environment={"engine": "20.10.24", "kernel": "6.1.0", "cores": "2", "api_token": "s3cr3t"},
        experiments=tuple(record for record, _ in built),
        exit_code=3,
    )
    timelines = {
        (record.name, index): one for record, found in built for index, one in found.items()
    }
    return Run(journal=journal, timelines=timelines, logs=logs or {})


def log_stamp(effect_ns: int, at_s: float) -> str:
    """The engine's time stamp of a log line, at seconds from an effect."""
    wall_ns = WALL_NS + (effect_ns - MONO_NS) + round(at_s * NS)
    seconds_, rest = divmod(wall_ns, NS)
    text = str(np.datetime64(seconds_, "s"))
    return f"{text}.{rest:09d}Z"
