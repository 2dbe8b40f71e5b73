"""`chaoskit run` through a port-forward: what the service did is judged, what the way did is not."""

import json
import threading
from contextlib import closing

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.model.outcomes import Outcome
from chaoskit.model.timeline import SAMPLE_DTYPE
from chaoskit.plan.targets import load_target
from chaoskit.run.clock import wait_until
from chaoskit.target.kubernetes.api import reach
from chaoskit.target.kubernetes.standing import attach
from tests.cluster.test_run import EXPERIMENT, chaoskit, namespaces, place

__all__ = ["place"]

# The server is a thread of this process: when it starves, the tunnel is slow, and we cannot tell.


@pytest.fixture
def town(place):
    """The project, with the target entered through a port-forward."""
    path = place / "targets" / "shop" / "target.yaml"
    words = path.read_text()
    path.write_text(words.replace("port: 80}", "port: 80, through: port-forward, patience: 1s}"))
    assert path.read_text() != words
    return place


def written(place, fault, arguments):
    text = EXPERIMENT.replace("FAULT", fault).replace("ARGUMENTS", arguments)
    text = text.replace("{rate: 20, timeout: 500ms}", "{rate: 10, timeout: 2s}")
    text = text.replace("timeout: 1}", "timeout: 2}")
    path = place / f"{fault}.yaml"
    path.write_text(text)
    return path


def run(place, name):
    process = chaoskit(place, "run", name)
    words, _ = process.communicate(timeout=280)
    return process.returncode, words


def evidence(place):
    """(experiment, trial, marks, samples as they are on disk) of the newest run."""
    folder = place / "reports" / "latest"
    (experiment,) = json.loads((folder / "journal.json").read_text())["experiments"]
    (trial,) = experiment["trials"]
    lines = (folder / trial["folder"] / "marks.jsonl").read_text().splitlines()
    import numpy as np

    samples = np.fromfile(folder / trial["folder"] / "samples.bin", dtype=SAMPLE_DTYPE)
    return experiment, trial, [json.loads(one) for one in lines], samples


def in_effect(place):
    """Whether the fault is on."""
    found = (place / "reports").glob("2*/trials/**/marks.jsonl")
    return any("in_effect" in one.read_text() for one in found)


def measured(trial, name):
    return next(one for one in trial["judgement"]["measures"] if one["measure"] == name)


def test_pods_that_are_all_deleted_are_replaced_and_the_outage_is_seen(town, cluster):
    path = written(town, "pod_delete", "service: web, pick: all, grace: 0s")
    # Long enough for the asks as it begins and ends, which may be unknown, to be under 1 %.
    path.write_text(path.read_text().replace("stable: 1s", "stable: 30s"))
    code, words = run(town, "pod_delete.yaml")
    experiment, trial, marks, samples = evidence(town)

    assert code == 0, words
    assert experiment["judgement"]["verdict"] == "healed", words
    assert len(trial["picked"]) == 3
    assert {"detected", "acted", "redundancy"} <= {one["kind"] for one in marks}
    bad = samples["outcome"] == Outcome.BAD
    assert bad.sum() >= 3  # a pod takes more than a tenth of a second to begin
    assert measured(trial, "outage")["high"] > 0.1
    if cluster is not None:
        assert namespaces(cluster) == []


def test_a_service_that_goes_down_is_an_outage_and_not_a_broken_way(town):
    path = written(town, "workload_scale", "service: web, to: 0")
    # Long enough for an ask of a pod that is on its way out, which is unknown, to be under 1 %.
    text = path.read_text().replace("watch: 60s", "watch: 15s")
    path.write_text(text.replace("recovery: 20s, redundancy: 50s", "recovery: 2s"))
    code, words = run(town, "workload_scale.yaml")
    experiment, trial, _, _ = evidence(town)

    assert code == 1, words
    assert experiment["judgement"]["verdict"] == "not_healed", words
    assert measured(trial, "outage")["low"] > 2


def test_a_way_that_breaks_while_all_pods_serve_is_no_outage(town, fake):
    written(town, "pod_delete", "service: db, grace: 0s")

    def disturb():
        assert wait_until(lambda: in_effect(town), timeout_s=120)
        fake.forwards.refused = True
        fake.forwards.drop()
        threading.Event().wait(2.0)  # the disturbance itself
        fake.forwards.refused = False

    disturbance = threading.Thread(target=disturb)
    disturbance.start()
    code, words = run(town, "pod_delete.yaml")
    disturbance.join(60)
    experiment, trial, marks, samples = evidence(town)
    gaps = [one for one in marks if one["kind"] == "gap"]

    assert (samples["outcome"] == Outcome.BAD).sum() > 10  # what the prober itself could not know
    assert gaps
    assert {one["source"] for one in gaps} == {"web_url"}
    assert code == 3, words
    assert experiment["judgement"]["verdict"] == "observer_late", words
    assert "the port-forward" in trial["judgement"]["reason"]
    assert measured(trial, "outage")["low"] == 0
    assert measured(trial, "recovery")["high"] == 0
    again = chaoskit(town, "judge", "reports/latest")
    words, _ = again.communicate(timeout=60)
    assert again.returncode == 3, words


def test_a_forward_that_is_not_allowed_is_refused_before_anything_is_made(town, fake):
    written(town, "pod_delete", "service: web")
    for verb in ("create", "get"):
        fake.api.denied = {(verb, "pods/portforward")}
        code, words = run(town, "pod_delete.yaml")

        assert code == 4, words
        assert f"our account may not {verb} pods/portforward" in words
        assert namespaces(fake) == []


def test_the_rights_of_a_forward_are_not_asked_of_who_uses_none(place, fake):
    written(place, "pod_delete", "service: web, pick: all, grace: 0s")
    fake.api.denied = {("create", "pods/portforward"), ("list", "endpointslices")}
    code, words = run(place, "pod_delete.yaml")

    assert code == 0, words


def test_who_is_no_run_is_refused_because_only_a_run_can_tell_the_ways_breaks(town):
    process = chaoskit(town, "up", "shop")
    words, _ = process.communicate(timeout=60)
    assert process.returncode == 2, words
    assert "shop is entered through a port-forward, which ends with who began it" in words

    spec = load_target(town / "targets" / "shop")
    with closing(reach()) as api, pytest.raises(FaultRefused, match="`chaoskit run` does"):
        attach(spec, api)
