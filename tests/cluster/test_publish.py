"""Results of a Job go to a real object store, with credentials out of a Secret of the cluster."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaoskit.errors import Exit
from chaoskit.run.clock import wait_until
from chaoskit.store.publish import MARKER
from chaoskit.target.kubernetes.paths import NAMESPACES, core
from tests.cluster.test_job import applied, printed
from tests.cluster.test_run import chaoskit, place, written  # noqa: F401  # a fixture
from tests.object_store import ObjectStore


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with ObjectStore(tmp_path_factory.mktemp("s3")) as one:
        yield one


def environment_of(fake):
    """What the Job's container would get, out of the Secret that it names."""
    (job,) = fake.store.list("batch/v1/jobs", "chaoskit")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (source,) = container["envFrom"]
    (secret,) = [one for one in fake.store.list("secrets", "chaoskit")
                 if one["metadata"]["name"] == source["secretRef"]["name"]]  # fmt: skip
    values = {key: base64.b64decode(one).decode() for key, one in secret["data"].items()}
    return container["command"], values


def test_a_job_publishes_its_run_with_the_secrets_environment(fake, api, place, store):  # noqa: F811
    api.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace",
                            "metadata": {"name": "chaoskit"}})  # fmt: skip
    data = {key: base64.b64encode(one.encode()).decode() for key, one in store.environment.items()}
    api.create(core("secrets", "chaoskit"), {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "results-s3"}, "data": data,
    })  # fmt: skip
    written(place, "pod_delete", "service: web, pick: all, grace: 0s")
    # what runs here makes its own namespace; the printed rights are not asked for by a fake
    items = printed("pod_delete.yaml", "--namespace", "shop", "--fault", "pod_delete",
                    "--publish", "s3://runs/shop", "--credentials", "results-s3")  # fmt: skip
    applied(api, [one for one in items if one["kind"] in {"Job", "CronJob"}])
    command, secrets = environment_of(fake)
    command = [str(place / "volume") if word == "/results" else word for word in command]

    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=place, text=True, timeout=200,
        env={**os.environ, **secrets, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    run_id = (place / "volume" / "latest").readlink().name
    assert f"published: s3://runs/shop/{run_id}" in done.stdout
    there = store.names(f"shop/{run_id}")
    assert {"journal.json", "report.html", "junit.xml"} <= set(there)
    assert "faults.jsonl" not in there
    assert (place / "volume" / run_id / "faults.jsonl").exists()
    journal = json.loads(store.files.cat_file(f"runs/shop/{run_id}/journal.json"))
    assert journal["experiments"][0]["judgement"]["verdict"] == "healed"


def test_a_store_that_dies_during_the_run_costs_a_pass_and_masks_nothing(
    place,  # noqa: F811
    tmp_path_factory,
    monkeypatch,
):
    written(place, "pod_delete", "service: web, pick: all, grace: 0s")
    with ObjectStore(tmp_path_factory.mktemp("dying")) as dying:
        for name, value in dying.environment.items():
            monkeypatch.setenv(name, value)
        process = chaoskit(place, "run", "pod_delete.yaml", "--publish", "s3://runs/shop")
        assert wait_until(lambda: MARKER in dying.names("shop"), timeout_s=60)
        dying.end()
        words, _ = process.communicate(timeout=200)

    (run,) = [one for one in (place / "reports").iterdir() if one.name.startswith("2")]
    own = json.loads((run / "journal.json").read_text())["exit_code"]
    assert process.returncode == (Exit.NOT_PUBLISHED if own == Exit.PASS else own), words
    assert words.count("the run was not published to s3://runs/shop/") == 1
    assert (run / "report.html").exists()
