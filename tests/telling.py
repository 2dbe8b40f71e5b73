"""The news of a run with one held and one struck fault, as a supervisor tells them."""

from types import MappingProxyType

from chaoskit.model.journal import Anchor
from chaoskit.model.marks import NS
from chaoskit.model.progress import News, Step

MONO_NS, WALL_NS = 5_000 * NS, 1_700_000_000 * NS  # 2023-11-14T22:13:20Z
ANCHOR = Anchor(wall="2023-11-14T22:13:20.000+00:00", wall_ns=WALL_NS, mono_ns=MONO_NS)


def at(at_s, step, text="", *, experiment="", trial=0, **data):
    return News(
        at_ns=MONO_NS + round(at_s * NS),
        step=step,
        experiment=experiment,
        trial=trial,
        text=text,
        data=MappingProxyType(data),
    )


def fault(source, name, nature):
    return {
        "source": source,
        "fault": name,
        "nature": nature,
        "service": "web",
        "instance": "web-2",
    }


def story(*, ended=True):
    """A crash that is healed in 1.5 s, then a hang that is lifted after 9 s and was not healed."""
    crash, hang = {"experiment": "web/crash", "trial": 1}, {"experiment": "web/hang", "trial": 1}
    yield at(0, Step.RUN, run_id="r1", seed=7, experiments=2, trials=2, anchor=ANCHOR)
    yield at(0.1, Step.TARGET, "Three replicas", state="starting", target="web")
    yield at(1, Step.TARGET, "Three replicas", state="ready", seconds=0.9)
    yield at(2, Step.EXPERIMENT, title="A crash", runs=1, budgets={}, healers=["h"], **crash)
    yield at(2, Step.TRIAL, index=1, runs=1, **crash)
    yield at(2, Step.PHASE, "baseline", phase="baseline", seconds=2, **crash)
    yield at(3, Step.HEALTH, "up", state="up", p99_s=0.004, bad=0, asked=50, **crash)
    yield at(4, Step.PHASE, "watch", phase="watch", seconds=30, **crash)
    yield at(4, Step.MARK, "", kind="injected", **fault("f1", "crash", "struck"), **crash)
    effect = fault("f1", "crash", "struck")
    yield at(4.25, Step.MARK, "gone", kind="in_effect", since_effect_s=0.0, **effect, **crash)
    yield at(4.5, Step.MARK, kind="redundancy", service="web", have=2, want=3, **crash)
    yield at(4.75, Step.MARK, "DOWN", kind="detected", source="h", since_effect_s=0.5, **crash)
    yield at(5, Step.MARK, "start", kind="acted", source="h", since_effect_s=0.75, **crash)
    yield at(5.1, Step.HEALTH, "down", state="down", p99_s=None, bad=48, asked=50, **crash)
    yield at(8, Step.PHASE, "settle", phase="settle", seconds=60, **crash)
    numbers = {"recovery": 1.5, "redundancy": None}
    yield at(9, Step.TRIAL_VERDICT, "good", verdict="healed", numbers=numbers, **crash)
    yield at(9, Step.VERDICT, "healed in 1.5 s", verdict="healed", passed=True, **crash)
    yield at(10, Step.EXPERIMENT, title="A hang", runs=1, budgets={}, healers=["h"], **hang)
    yield at(10, Step.TRIAL, index=1, runs=1, **hang)
    yield at(12, Step.PHASE, "watch", phase="watch", seconds=9, **hang)
    effect = fault("f2", "hang", "held")
    evidence = "in state T\x1b[31m token=s3cr3t"
    yield at(12, Step.MARK, evidence, kind="in_effect", since_effect_s=0.0, **effect, **hang)
    yield at(13, Step.HEALTH, "down", state="down", p99_s=None, bad=48, asked=50, **hang)
    if not ended:
        return
    yield at(21, Step.PHASE, "lift", phase="lift", **hang)
    yield at(21, Step.MARK, "continued", kind="lifted", since_effect_s=9.0, **effect, **hang)
    numbers = {"recovery": 9.1}
    yield at(25, Step.TRIAL_VERDICT, "not", verdict="not_healed", numbers=numbers, **hang)
    yield at(25, Step.VERDICT, "not healed", verdict="not_healed", passed=False, **hang)
    yield at(26, Step.END, "exit code 1", exit_code=1, interrupted=False)
