"""`chaoskit k8s job`: manifests that Kubernetes' own types know, with few rights, and the image."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from kubernetes import client

from chaoskit.cluster_job import USER, InCluster, manifests
from chaoskit.errors import Exit, InputError
from chaoskit.faults.base import catalogue
from chaoskit.plan.targets import TargetShelf

ROOT = Path(__file__).parents[2]
WANTED = InCluster(
    namespace="shop",
    image="registry.example.org:5000/shop/chaos:1.4",
    experiments=("experiments/shop",),
    faults=("pod_delete", "config_removed"),
)
NIGHTLY = replace(WANTED, schedule="0 3 * * *", name="nightly", deadline="90m", storage="5Gi")


def printed(wanted):
    return list(yaml.safe_load_all(manifests(wanted)))


def only(wanted, kind, name):
    (found,) = [one for one in printed(wanted)
                if (one["kind"], one["metadata"]["name"]) == (kind, name)]  # fmt: skip
    return found


def pods():
    """Every pod that the manifests lead to."""
    once, nightly = only(WANTED, "Job", "chaoskit"), only(NIGHTLY, "CronJob", "nightly")
    sweeper = only(WANTED, "CronJob", "chaoskit-sweeper")
    jobs = [once["spec"], *(one["spec"]["jobTemplate"]["spec"] for one in (nightly, sweeper))]
    return [one["template"]["spec"] for one in jobs]


def misspelt(item):
    """What Kubernetes' own type of this kind makes of it, when that is not the same."""
    api = client.ApiClient()
    read = api._ApiClient__deserialize(item, f"V1{item['kind']}")
    again = api.sanitize_for_serialization(read)
    return None if again == item else again


@pytest.mark.parametrize("wanted", [WANTED, NIGHTLY], ids=["once", "nightly"])
def test_kubernetes_own_types_know_every_field(wanted):
    assert [misspelt(one) for one in printed(wanted) if misspelt(one)] == []


def test_the_check_of_types_sees_a_wrong_field():
    job = only(WANTED, "Job", "chaoskit")
    job["spec"]["activeDeadlineSecond"] = 3

    assert misspelt(job) is not None


@pytest.mark.parametrize("faults", [("pod_delete",), ("node_drain", "container_hang"), None])
def test_nobody_gets_everything(faults):
    faults = faults or tuple(name for name, one in catalogue().items() if one.in_cluster)
    rules = [
        rule for one in printed(replace(WANTED, faults=faults)) for rule in one.get("rules", ())
    ]

    assert rules
    for rule in rules:
        assert "*" not in rule["verbs"]
        assert "*" not in rule["apiGroups"]
        assert "*" not in rule["resources"] or rule["apiGroups"] == ["chaos-mesh.org"]
    assert "cluster-admin" not in manifests(replace(WANTED, faults=faults))


def test_the_account_is_where_the_job_is_and_its_rights_where_the_target_is():
    role, binding = only(WANTED, "Role", "chaoskit"), only(WANTED, "RoleBinding", "chaoskit")
    account = only(WANTED, "ServiceAccount", "chaoskit")
    job = only(WANTED, "Job", "chaoskit")

    assert {role["metadata"]["namespace"], binding["metadata"]["namespace"]} == {"shop"}
    assert binding["subjects"][0]["namespace"] == account["metadata"]["namespace"] == "chaoskit"
    assert job["metadata"]["namespace"] == "chaoskit"


STANDING = """\
title: A shop that stands
kubernetes:
  namespace: shop
  selector: app=web
  prober: {image: "chaos:1", namespace: probes}
entrypoints:
  web_url: {service: web, port: 80, through: port-forward}
redundancy: {web: 3}
healers:
  - {name: rollout, kind: kubernetes-replicaset, witness: {log: {service: web, acted: rolled}}}
"""


@pytest.fixture
def standing(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "target.yaml").write_text(STANDING)
    return TargetShelf(tmp_path).load("shop")


def allowed(items, kind, name):
    (role,) = [one for one in items if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return role["metadata"].get("namespace"), {
        (resource, verb)
        for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]
    }  # fmt: skip


def test_a_job_for_a_target_may_what_its_entry_its_witnesses_and_its_prober_need(standing):
    bare = allowed(printed(WANTED), "Role", "chaoskit")[1]
    items = printed(replace(WANTED, namespace="", target=standing))
    where, near = allowed(items, "Role", "chaoskit")
    place, prober = allowed(items, "Role", "chaoskit-prober")
    binding = [one for one in items if one["kind"] == "RoleBinding"][-1]

    assert where == "shop"
    assert {("pods/portforward", "create"), ("pods/log", "get")} <= near - bare
    assert place == "probes"
    assert ("pods", "create") in prober
    assert binding["subjects"][0]["namespace"] == "chaoskit"  # where the Job is


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("k8s-web", "the target k8s-web gets a namespace of its own in every run"),
        ("restart-policy", "the target restart-policy is in a Compose project"),
    ],
)
def test_a_job_for_a_target_that_does_not_stand_in_a_cluster_is_refused(name, words):
    target = TargetShelf(ROOT / "targets").load(name)

    with pytest.raises(InputError, match=words):
        manifests(replace(WANTED, namespace="", target=target))


def test_a_job_ends_is_not_repeated_and_keeps_its_results():
    job = only(WANTED, "Job", "chaoskit")["spec"]
    nightly = only(NIGHTLY, "CronJob", "nightly")["spec"]
    claim = only(NIGHTLY, "PersistentVolumeClaim", "nightly-results")

    assert (job["activeDeadlineSeconds"], job["backoffLimit"]) == (3600, 0)
    assert nightly["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 5400
    assert (nightly["schedule"], nightly["concurrencyPolicy"]) == ("0 3 * * *", "Forbid")
    assert claim["spec"]["resources"]["requests"]["storage"] == "5Gi"
    pod = job["template"]["spec"]
    mounts = {one["mountPath"]: one["name"] for one in pod["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert volumes[mounts["/results"]]["persistentVolumeClaim"] == {"claimName": "chaoskit-results"}


PUBLISHED = replace(NIGHTLY, publish="s3://results/shop", credentials="results-s3")


def test_results_may_go_to_a_store_instead_of_a_volume():
    kinds = [one["kind"] for one in printed(PUBLISHED)]
    pod = only(PUBLISHED, "CronJob", "nightly")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    sweeper = only(PUBLISHED, "CronJob", "chaoskit-sweeper")["spec"]["jobTemplate"]["spec"]
    (container,) = pod["containers"]
    volumes = {one["name"]: one for one in pod["volumes"]}

    assert "PersistentVolumeClaim" not in kinds
    assert "Secret" not in kinds  # it is there already, and nobody prints it
    assert container["command"][-2:] == ["--publish", "s3://results/shop"]
    assert container["envFrom"] == [{"secretRef": {"name": "results-s3"}}]
    assert volumes["results"]["emptyDir"] == {"sizeLimit": "5Gi"}
    assert "envFrom" not in sweeper["template"]["spec"]["containers"][0]
    assert [misspelt(one) for one in printed(PUBLISHED) if misspelt(one)] == []


def test_without_credentials_the_accounts_own_identity_is_what_the_store_sees():
    job = only(replace(WANTED, publish="gs://results/shop"), "Job", "chaoskit")

    assert "envFrom" not in job["spec"]["template"]["spec"]["containers"][0]


def test_pods_have_no_privileges():
    for pod in pods():
        (container,) = pod["containers"]

        assert pod["securityContext"]["runAsNonRoot"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not {"hostPID", "hostNetwork"} & set(pod)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"image": "chaoskit:latest"}, "a tag other than latest", id="latest"),
        pytest.param({"image": "localhost:5000/chaoskit"}, "a tag other than latest", id="no tag"),
        pytest.param({"home": "shop"}, "among the pods that it breaks", id="in its own way"),
        pytest.param({"namespace": "Shop"}, "'Shop' is no name", id="namespace"),
        pytest.param({"name": "chaoskit-sweeper"}, "is the sweeper's", id="name"),
        pytest.param({"schedule": "daily"}, "has not five fields", id="schedule"),
        pytest.param({"deadline": "soon"}, "'soon' is not a duration", id="deadline"),
        pytest.param({"deadline": "500ms"}, "at least a second", id="too short"),
        pytest.param({"publish": "s3:/x"}, "'s3:/x' is no address of a store", id="publish"),
        pytest.param({"publish": "file:///x"}, "file:// ends with the pod", id="publish here"),
        pytest.param({"credentials": "s3"}, "a volume needs none", id="credentials for nothing"),
        pytest.param(
            {"credentials": "S 3", "publish": "s3://x"}, "no name of a Secret", id="credentials"
        ),
        pytest.param({"storage": "much"}, "'much' is no size", id="storage"),
        pytest.param({"faults": ("crash",)}, "no fault named 'crash'", id="fault"),
    ],
)
def test_what_cannot_be_is_refused(change, words):
    with pytest.raises(InputError, match=re.escape(words)):
        manifests(replace(WANTED, **change))


def test_a_digest_is_as_good_as_a_tag():
    assert manifests(replace(WANTED, image=f"chaoskit@sha256:{'0' * 64}"))


def test_the_command_prints_them_and_a_mistake_is_one_line():
    words = ["k8s", "job", "experiments/shop", "--namespace", "shop", "--fault", "pod_delete"]
    command = [sys.executable, "-m", "chaoskit", *words, "--image"]
    good = subprocess.run([*command, "chaos:1"], capture_output=True, text=True, cwd=ROOT)
    bad = subprocess.run([*command, "chaos"], capture_output=True, text=True, cwd=ROOT)

    assert good.returncode == 0, good.stderr
    assert [one["kind"] for one in yaml.safe_load_all(good.stdout)][-3:] == [
        "PersistentVolumeClaim", "CronJob", "Job"
    ]  # fmt: skip
    assert bad.returncode == Exit.USAGE
    assert "--image: 'chaos' may be another one tomorrow" in bad.stderr
    assert bad.stdout == ""


def test_the_image_has_a_tag_files_that_are_there_and_the_user_of_the_job():
    lines = [one.split() for one in (ROOT / "Containerfile").read_text().splitlines()
             if one and not one.startswith("#")]  # fmt: skip
    copied = [name for word, *names in lines if word == "COPY" for name in names[:-1]]
    (base,) = [words[1] for words in lines if words[0] == "FROM"]

    assert re.fullmatch(r"\S+/\S+:(?!latest)[\w.-]+", base)
    assert [one for one in copied if not (ROOT / one).exists()] == []
    assert ["USER", f"{USER}:{USER}"] in lines


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        (".github/workflows/chaoskit-cluster.yml", "github-workflows"),
        (".gitlab-ci.yml", "gitlab-ci"),
    ],
)
def test_the_recipes_for_runners_are_valid_and_the_schema_can_refuse(name, schema, tmp_path):
    pytest.importorskip("check_jsonschema")
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    recipe = page.partition(f"```yaml\n# {name}\n")[2].partition("```")[0]
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text(recipe)
    bad.write_text(recipe.replace("runs-on:", "runs_on:").replace("script:", "scripts:"))

    assert recipe
    assert [valid(schema, one) for one in (good, bad)] == [True, False]


def valid(schema, path):
    words = ["--builtin-schema", f"vendor.{schema}", str(path)]
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", *words], capture_output=True)
    return done.returncode == 0
