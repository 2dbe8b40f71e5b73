"""Probes that Chaos Toolkit itself runs: python, process, and tolerances that are probes."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chaoskit.model.evidence import read_samples
from chaoskit.model.experiment import ProbeSpec
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.model.timeline import Samples
from chaoskit.run.prober.handle import Begun, Prober
from tests.scripted_server import OK, ScriptedServer, answer

MODULE = """
import os, subprocess, time
from pathlib import Path

def value_of(path):
    return Path(path).read_text()

def configured(configuration, secrets):
    return configuration["word"] + secrets["token"]

def fails():
    raise RuntimeError("no")

def leaves():
    os._exit(3)

def hangs_when(path):
    if Path(path).exists():
        child = subprocess.Popen(["sleep", "300"])
        Path(path).with_suffix(".pid").write_text(str(child.pid))
        child.wait()
    return True

def longer_than(value, least):
    return len(value) >= least
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("user")
    (folder / "users_probes.py").write_text(MODULE)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(folder)
    yield "users_probes"
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def prober(module: str) -> Iterator[Prober]:
    with Prober.start() as prober:
        yield prober


def python(func: str, tolerance: Any = True, **arguments: Any) -> ProbeSpec:
    provider: dict[str, Any] = {"type": "python", "module": "users_probes", "func": func}
    provider |= {"arguments": arguments, "secrets": ["vault"]}
    return ProbeSpec(name=func, kind="python", provider=provider, tolerance=tolerance)


def process(arguments: str, tolerance: Any) -> ProbeSpec:
    provider = {"type": "process", "path": "sh", "arguments": arguments}
    return ProbeSpec(name="sh", kind="process", provider=provider, tolerance=tolerance)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"{what} did not come in time"
        threading.Event().wait(0.01)


def sample(
    prober: Prober, path: Path, *specs: ProbeSpec, count: int = 5, **how: Any
) -> tuple[Samples, Begun]:
    begun = prober.begin(path, specs, **{"rate_hz": 20.0, "timeout_s": 1.0, **how})
    wait_for(lambda: path.stat().st_size >= count * 40, f"{count} samples")
    prober.end()
    return read_samples(path), begun


def said(samples: Samples) -> set[tuple[Outcome, Reason]]:
    seen = {(Outcome(int(one["outcome"])), Reason(int(one["reason"]))) for one in samples}
    return seen - {(Outcome.UNKNOWN, Reason.LATE)}


def test_python_probes_get_configuration_and_secrets(prober: Prober, tmp_path: Path) -> None:
    samples, begun = sample(
        prober,
        tmp_path / "s",
        python("configured", tolerance="${word}s3cret"),
        configuration={"word": "up"},
        secrets={"vault": {"token": "s3cret"}},
    )

    assert said(samples) == {(Outcome.GOOD, Reason.NONE)}
    assert 0 < begun.rates["configured"] <= 20.0


@pytest.mark.parametrize("func", ["fails", "leaves", "does_not_exist"])
def test_a_probe_that_fails_in_any_way_is_bad(prober: Prober, tmp_path: Path, func: str) -> None:
    samples, _ = sample(prober, tmp_path / "s", python(func))

    assert said(samples) == {(Outcome.BAD, Reason.RAISED)}


@pytest.mark.parametrize(
    ("arguments", "tolerance", "good"),
    [
        pytest.param("-c 'exit 0'", 0, True, id="the exit code"),
        pytest.param("-c 'exit 4'", 0, False, id="another exit code"),
        pytest.param(
            "-c 'echo ready'", {"type": "regex", "target": "stdout", "pattern": "^re"}, True
        ),
        pytest.param("-c 'echo ready'", "ready", False, id="a string never is, as there"),
    ],
)
def test_process_probes_are_judged_as_chaos_toolkit_does(
    prober: Prober, tmp_path: Path, arguments: str, tolerance: Any, good: bool
) -> None:
    samples, _ = sample(prober, tmp_path / "s", process(arguments, tolerance))

    expected = (Outcome.GOOD, Reason.NONE) if good else (Outcome.BAD, Reason.TOLERANCE)
    assert said(samples) == {expected}


def test_a_change_is_seen_when_it_happens(prober: Prober, tmp_path: Path) -> None:
    state, path = tmp_path / "state", tmp_path / "s"
    state.write_text("up")
    prober.begin(path, [python("value_of", "up", path=str(state))], rate_hz=20.0, timeout_s=1.0)
    wait_for(lambda: path.stat().st_size >= 120, "samples")
    changed_ns = time.monotonic_ns()
    state.write_text("down")
    size = path.stat().st_size
    wait_for(lambda: path.stat().st_size >= size + 200, "samples after the change")
    prober.end()
    samples = read_samples(path)

    before, after = samples["done"] < changed_ns, samples["sent"] > changed_ns
    assert said(samples[before]) == {(Outcome.GOOD, Reason.NONE)}
    assert said(samples[after]) == {(Outcome.BAD, Reason.TOLERANCE)}


def test_a_probe_that_hangs_is_killed_with_all_it_started_and_asking_goes_on(
    prober: Prober, tmp_path: Path
) -> None:
    trap, path = tmp_path / "trap", tmp_path / "s"
    begun = prober.begin(path, [python("hangs_when", path=str(trap))], rate_hz=20.0, timeout_s=0.3)
    wait_for(lambda: path.stat().st_size >= 120, "samples")
    trap.touch()
    wait_for(lambda: (Outcome.BAD, Reason.TIMEOUT) in said(read_samples(path)), "a timeout")
    told: list[str] = []  # the file is written anew by every worker that hangs

    def tells() -> bool:
        told[:] = trap.with_suffix(".pid").read_text().split()
        return bool(told)

    wait_for(tells, "the child's pid")
    pid = int(told[0])
    trap.unlink()
    freed_ns = time.monotonic_ns()

    def serves_again() -> bool:
        samples = read_samples(path)
        later = samples[samples["sent"] > freed_ns]
        return (Outcome.GOOD, Reason.NONE) in said(later) and len(later) > 3

    wait_for(serves_again, "good samples after the trap was gone")
    ended = prober.end()
    samples = read_samples(path)
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or _zombie(pid), "the end of its child")

    timeouts = samples[samples["reason"] == Reason.TIMEOUT]
    took_s = (timeouts["done"] - timeouts["sent"]) / 1e9
    assert (took_s >= begun.timeouts["hangs_when"] - 1e-6).all()
    assert samples["k"].tolist() == list(range(len(samples)))
    assert ended.no_slot == 0


def _zombie(pid: int) -> bool:
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def test_a_tolerance_that_is_a_probe_is_given_the_value(prober: Prober, tmp_path: Path) -> None:
    def at_least(least: int) -> dict[str, Any]:
        provider = {"type": "python", "module": "users_probes", "func": "longer_than"}
        arguments = {"least": least}
        return {"type": "probe", "name": "t", "provider": {**provider, "arguments": arguments}}

    with ScriptedServer(answer(OK)) as server:
        url = {"type": "http", "url": "${web_url}"}
        specs = [
            ProbeSpec(name="short", kind="http", provider=url, tolerance=at_least(2)),
            ProbeSpec(name="long", kind="http", provider=url, tolerance=at_least(9)),
            ProbeSpec(
                name="tcp",
                kind="tcp",
                provider={"type": "tcp", "host": "127.0.0.1", "port": server.port},
                tolerance=at_least(3),
            ),
        ]
        samples, _ = sample(
            prober, tmp_path / "s", *specs, configuration={"web_url": server.url}, count=12
        )

    assert said(samples[samples["probe"] == 0]) == {(Outcome.GOOD, Reason.NONE)}
    assert said(samples[samples["probe"] == 1]) == {(Outcome.BAD, Reason.TOLERANCE)}
    assert said(samples[samples["probe"] == 2]) == {(Outcome.GOOD, Reason.NONE)}


def test_a_slow_probe_is_asked_at_the_rate_it_can_keep_and_a_fast_one_beside_it_at_full_rate(
    prober: Prober, tmp_path: Path
) -> None:
    with ScriptedServer(answer(OK)) as server:
        url = {"type": "http", "url": server.url}
        fast = ProbeSpec(name="fast", kind="http", provider=url, tolerance=200)
        slow = process("-c 'sleep 0.1'", 0)
        samples, begun = sample(prober, tmp_path / "s", fast, slow, rate_hz=50.0, count=100)

    assert begun.rates["fast"] == 50.0
    assert 0.5 < begun.rates["sh"] <= 5.0
    gaps = np.diff(samples["due"][samples["probe"] == 1]) / 1e9
    assert gaps == pytest.approx(1 / begun.rates["sh"])
    assert samples[samples["probe"] == 0]["k"].tolist() == list(
        range(int((samples["probe"] == 0).sum()))
    )
