"""`chaoskit run` with the probes asked from a pod inside the cluster, which is a process here."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from chaoskit.cli import cli
from chaoskit.model.evidence import read_samples
from chaoskit.model.experiment import ProbeSpec
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.run.afar.prober import AfarProber
from chaoskit.run.clock import now_ns, wait_until
from chaoskit.target.kubernetes.nodeagent import ROLE
from chaoskit.target.kubernetes.paths import NAMESPACES
from chaoskit.target.kubernetes.prober_pod import ProberPod
from tests.cluster.arena import TARGET
from tests.cluster.store import Refusal
from tests.cluster.test_rights import AllBut
from tests.cluster.test_run import EXPERIMENT, chaoskit, namespaces
from tests.scripted_server import OK, ScriptedServer, answer

IMAGE = "chaoskit:under-test"


@pytest.fixture
def place(fake, tmp_path):
    """A project folder with one target on this cluster, whose probes are asked in it."""
    folder = tmp_path / "targets" / "shop"
    shutil.copytree(TARGET, folder)
    manifest = folder / "manifests" / "web.yaml"  # a port that anybody may listen on
    manifest.write_text(
        manifest.read_text().replace("port: 80, targetPort", "port: 8080, targetPort")
    )
    target = (folder / "target.yaml").read_text().replace("port: 80}", "port: 8080}")
    (folder / "target.yaml").write_text(
        target.replace("  manifests: manifests\n",
                       f"  manifests: manifests\n  prober: {{image: '{IMAGE}'}}\n")
    )  # fmt: skip
    yield tmp_path
    fake.kubelet.ahead_s = 0
    fake.kubelet.absent_images.clear()


def written(place, fault, arguments, **changes):
    text = EXPERIMENT.replace("FAULT", fault).replace("ARGUMENTS", arguments)
    # A busy machine is slow, and late; it does not refuse.
    text = text.replace("rate: 20", "rate: 10")
    text = text.replace("timeout: 500ms", "timeout: 3s").replace("timeout: 1}", "timeout: 3}")
    for old, new in changes.items():
        text = re.sub(rf"\b{old}: [^,}}]+", f"{old}: {new}", text)
    (place / f"{fault}.yaml").write_text(text)
    return f"{fault}.yaml"


def elsewhere(place):
    """The prober's pod is to be in a namespace of that name."""
    path = place / "targets" / "shop" / "target.yaml"
    path.write_text(path.read_text().replace(f"'{IMAGE}'", f"'{IMAGE}', namespace: probes"))


def prober(fake, *places):
    """The prober's pod of the run, when it is there."""
    for namespace in places or namespaces(fake):
        for pod in fake.pods(namespace):
            if pod["metadata"]["labels"].get(ROLE) == "prober":
                return pod
    return None


def running(pod):
    return pod is not None and (pod.get("status") or {}).get("phase") == "Running"


def marks_of(place):
    found = list((place / "reports" / "latest").rglob("marks.jsonl"))
    return [json.loads(line) for one in found for line in one.read_text().splitlines()]


def under_way(place):
    """Whether the fault of the run is in effect."""
    try:
        return any(one["kind"] == "in_effect" for one in marks_of(place))
    except ValueError:  # a line that is being written
        return False


def finished(place, process):
    """(exit code, output, the experiment's record)."""
    words, _ = process.communicate(timeout=200)
    journal = json.loads((place / "reports" / "latest" / "journal.json").read_text())
    (experiment,) = journal["experiments"]
    return process.returncode, words, experiment


def samples_of(place, trial):
    return read_samples(place / "reports" / "latest" / trial["folder"] / "samples.bin")


def whole(samples):
    """Whether every ask of the only probe is there once."""
    return np.array_equal(np.sort(samples["k"]), np.arange(len(samples)))


def printed(place):
    """The rights that `chaoskit k8s rbac` prints for the target and a pod_delete."""
    done = CliRunner().invoke(
        cli, ["k8s", "rbac", "pod_delete", "--target", str(place / "targets" / "shop")]
    )
    assert done.exit_code == 0, done.output
    return {
        (verb, resource)
        for one in yaml.safe_load_all(done.output)
        for rule in one.get("rules", ())
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_a_system_that_heals_has_healed_as_seen_from_inside(place, fake, monkeypatch):
    monkeypatch.setattr(fake.api, "denied", AllBut(printed(place)))
    name = written(place, "pod_delete", "service: web, pick: all, grace: 0s")
    code, words, experiment = finished(place, chaoskit(place, "run", name))
    (trial,) = experiment["trials"]
    samples = samples_of(place, trial)
    notes = [one["detail"] for one in marks_of(place) if one["kind"] == "note"]

    assert code == 0, words
    assert experiment["judgement"]["verdict"] in {"healed", "masked"}, words
    assert len(trial["picked"]) == 3
    assert all(one.startswith("web-") for one in trial["picked"])  # and never the prober
    assert any("asked from the pod chaoskit-prober-" in one for one in notes)
    assert whole(samples)
    assert len(samples) > 20
    assert 0 < trial["clock_error_s"] < 0.5
    assert namespaces(fake) == []


def test_gaps_of_a_forwarded_entry_are_none_of_the_samples(place, fake):
    path = place / "targets" / "shop" / "target.yaml"
    path.write_text(path.read_text().replace("port: 8080}", "port: 8080, through: port-forward}"))
    name = written(place, "pod_delete", "service: web, pick: all, grace: 0s")
    process = chaoskit(place, "run", name)
    assert wait_until(lambda: under_way(place), timeout_s=60)
    fake.api.trouble(path="/portforward", code=500, times=15)
    code, words, experiment = finished(place, process)
    (trial,) = experiment["trials"]
    samples = samples_of(place, trial)
    recovery = next(one for one in trial["judgement"]["measures"] if one["measure"] == "recovery")

    assert "gap" in {one["kind"] for one in marks_of(place)}
    assert whole(samples)
    assert recovery["high"] is not None  # told by samples that came another way
    # Chaos Toolkit's own hypothesis did come by it: that is nobody's fault but ours.
    assert trial["judgement"]["verdict"] == "observer_late", words
    assert "our own way to the target had broken" in trial["judgement"]["reason"]
    assert code == 3, words


def test_a_system_that_does_not_heal_has_not(place, fake):
    budgets = {"recovery": "4s", "redundancy": "5s"}
    arguments = "service: web, pick: all, grace: 0s"
    name = written(place, "pod_delete", arguments, watch="6s", **budgets)
    process = chaoskit(place, "run", name)
    try:
        assert wait_until(lambda: running(prober(fake)), timeout_s=60)
        fake.controllers.idle = True
        code, words, experiment = finished(place, process)
    finally:
        fake.controllers.idle = False
    samples = samples_of(place, experiment["trials"][0])

    assert code == 1, words
    assert experiment["judgement"]["verdict"] == "not_healed"
    assert (samples["outcome"] == Outcome.BAD).sum() > 30
    assert (samples["reason"] != Reason.LOST).all()


def test_a_broken_stream_goes_on_where_it_was(place, fake):
    name = written(place, "pod_delete", "service: web, pick: all, grace: 0s")
    process = chaoskit(place, "run", name)
    assert wait_until(lambda: under_way(place), timeout_s=60)
    for _ in range(5):
        assert wait_until(fake.api.drop_conversations, timeout_s=20)
    code, words, experiment = finished(place, process)
    (trial,) = experiment["trials"]
    samples = samples_of(place, trial)
    notes = [one["detail"] for one in marks_of(place) if one["kind"] == "note"]

    assert code == 0, words
    assert any("the way to the prober broke and is made anew" in one for one in notes)
    assert whole(samples)
    assert (samples["reason"] != Reason.LOST).all()


def test_a_prober_that_is_deleted_during_the_fault_leaves_unknown_and_no_verdict(place, fake):
    name = written(place, "pod_delete", "service: web, pick: all, grace: 0s", runs="2")
    process = chaoskit(place, "run", name)
    assert wait_until(lambda: under_way(place), timeout_s=60)
    pod = prober(fake)["metadata"]
    fake.store.delete("pods", pod["namespace"], pod["name"], {"gracePeriodSeconds": 0})
    code, words, experiment = finished(place, process)
    first, second = experiment["trials"]
    samples = samples_of(place, first)
    lost = samples[samples["reason"] == Reason.LOST]

    assert first["judgement"]["verdict"] == "observer_late", words
    assert f"the prober's pod {pod['name']}" in first["judgement"]["reason"]
    assert whole(samples)
    assert len(lost) > 0
    assert (lost["outcome"] == Outcome.UNKNOWN).all()
    assert lost["due"].max() == samples["due"].max()  # to the end of the trial
    assert second["judgement"]["verdict"] in {"healed", "masked"}, words  # with another prober
    assert (samples_of(place, second)["reason"] != Reason.LOST).all()
    assert code == 3, words


@pytest.fixture
def booted_earlier(fake):
    """A node whose monotonic clock is far from ours."""
    tried = subprocess.run(
        ["unshare", "--time", "--monotonic", "10", "--fork", "true"], capture_output=True, text=True
    )
    if tried.returncode:
        pytest.skip(f"this machine gives no process a clock of its own: {tried.stderr.strip()}")
    fake.kubelet.ahead_s = 7000
    return 7000 * 1_000_000_000


def test_samples_by_another_clock_are_on_ours(place, fake, booted_earlier):
    name = written(place, "pod_delete", "service: web, pick: all, grace: 0s")
    code, words, experiment = finished(place, chaoskit(place, "run", name))
    (trial,) = experiment["trials"]
    samples, marks = samples_of(place, trial), marks_of(place)
    begun, *_, ended = [one["at_ns"] for one in marks if one["kind"] == "phase"]

    assert code == 0, words
    assert whole(samples)
    assert begun - 1e9 < samples["due"].min() < samples["done"].max() < ended + 1e9


def test_the_offset_is_within_its_stated_error(fake, api, booted_earlier):
    api.create(
        NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "clocks"}}
    )
    pod = ProberPod(
        api=api, namespace="clocks", image=IMAGE, labels={}, progress=lambda _line: None
    )
    one = AfarProber(pod, lambda _words: None)
    try:
        with ScriptedServer(answer(OK)) as server, tempfile.TemporaryDirectory() as folder:
            probe = ProbeSpec(name="page", kind="http", tolerance=200,
                              provider={"type": "http", "url": server.url})  # fmt: skip
            path = Path(folder) / "samples.bin"
            before_ns = now_ns()
            begun = one.begin(path, [probe], rate_hz=50, timeout_s=0.5)
            assert wait_until(lambda: len(read_samples(path)) >= 50, timeout_s=30)
            ended = one.end()
            after_ns = now_ns()
            samples = read_samples(path)
        offset_ns, error_ns = one._courier.clock.offset_ns, one.clock_error_ns
    finally:
        one.close()

    assert abs(offset_ns - booted_earlier) <= error_ns < 100_000_000
    assert ended.asked == len(samples) >= 50
    assert before_ns - error_ns <= begun.started_ns <= samples["due"].min()
    assert samples["done"].max() <= after_ns + error_ns


def test_what_only_this_machine_could_ask_is_refused_in_its_line(place):
    name = written(place, "pod_delete", "service: web")
    path = place / name
    path.write_text(
        path.read_text().replace(
            'provider: {type: http, url: "${web_url}/", timeout: 3}',
            "provider: {type: process, path: /bin/true}",
        )
    )
    process = chaoskit(place, "validate", name)
    words, _ = process.communicate(timeout=60)

    assert process.returncode == 2, words
    assert "pod_delete.yaml:" in words
    assert "asked by Chaos Toolkit's code on this machine" in words
    assert "such a pod asks http" in words


def test_a_prober_that_does_not_start_is_exit_4_and_says_why(place, fake):
    fake.kubelet.absent_images.add(IMAGE)
    name = written(place, "pod_delete", "service: web")
    process = chaoskit(place, "run", name)
    assert wait_until(lambda: prober(fake) is not None, timeout_s=60)
    words, _ = process.communicate(timeout=200)

    assert process.returncode == 4, words
    assert "does not run: Pending, ErrImageNeverPull" in " ".join(words.split())  # it is wrapped
    assert namespaces(fake) == []


def test_a_killed_run_leaves_a_keeper_that_removes_a_prober_in_another_namespace(place, fake, api):
    elsewhere(place)
    api.create(
        NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "probes"}}
    )
    process = chaoskit(place, "run", written(place, "pod_delete", "service: web"),
                       start_new_session=True)  # fmt: skip
    try:
        assert wait_until(lambda: running(prober(fake, "probes")), timeout_s=60)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)

    assert wait_until(lambda: fake.pods("probes") == [], timeout_s=60)
    assert wait_until(lambda: namespaces(fake) == [], timeout_s=60)
    assert fake.store.find("namespaces", "", "probes")


def test_a_namespace_for_it_that_is_not_there_is_refused_before_anything_is_made(place, fake):
    elsewhere(place)
    with contextlib.suppress(Refusal):
        fake.store.remove("namespaces", "", "probes")
    process = chaoskit(place, "run", written(place, "pod_delete", "service: web"))
    words, _ = process.communicate(timeout=60)

    assert process.returncode == 4, words
    assert "there is no namespace 'probes' for the prober's pod" in words
    assert namespaces(fake) == []


def test_missing_rights_for_it_are_told_before_anything_is_made(place, fake):
    fake.api.denied.add(("create", "pods/exec"))
    process = chaoskit(place, "run", written(place, "pod_delete", "service: web"))
    words, _ = process.communicate(timeout=60)

    assert process.returncode == 4, words
    assert "may not create pods/exec" in words
    assert namespaces(fake) == []
