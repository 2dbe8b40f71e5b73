"""target.yaml of a target in a cluster: what is read, and every mistake with its place."""

import pytest

from chaoskit.errors import InputError
from chaoskit.model.target import ProberPlace
from chaoskit.plan.cluster_target import objects_with
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.targets import TargetShelf, load_target

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  template:
    spec:
      containers:
        - {name: web, image: "shop/web:1", livenessProbe: {httpGet: {port: 80}}}
        - {name: side, image: "${SIDE_IMAGE:-shop/side:2}"}
---
# a comment alone is no document
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, ports: [{port: 80}]}
"""
TARGET = """\
title: A shop
kubernetes: {manifests: manifests}
entrypoints:
  web_url: {service: web, port: 80}
redundancy: {web: 3}
healers:
  - {name: liveness, kind: kubernetes-probe, off: off.yaml}
"""
OFF = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, livenessProbe: null}]}}}
"""
STANDING = """\
title: A shop that stands
kubernetes: {namespace: shop, selector: "app=web"}
entrypoints:
  web_url: {service: web, port: 80, through: address, address: shop.example.org}
redundancy: {web: 3}
"""


@pytest.fixture
def folder(tmp_path):
    one = tmp_path / "targets" / "shop"
    (one / "manifests").mkdir(parents=True)
    (one / "manifests" / "web.yaml").write_text(WEB)
    (one / "target.yaml").write_text(TARGET)
    (one / "off.yaml").write_text(OFF)
    return one


def problems(folder):
    with pytest.raises(InputError) as refused:
        load_target(folder)
    return [str(one).replace(f"{folder}/", "") for one in refused.value.problems]


def test_workloads_ports_and_images_are_read(folder, monkeypatch):
    monkeypatch.setenv("SIDE_IMAGE", "other/side:3")
    spec = load_target(folder)
    deployment, service = spec.cluster.objects
    containers = deployment["spec"]["template"]["spec"]["containers"]

    assert spec.cluster.own
    assert spec.services == {"web": {"deploy": {"replicas": 3}}}
    assert [one["image"] for one in containers] == ["shop/web:1", "other/side:3"]
    assert service["kind"] == "Service"


def test_a_healer_is_switched_off_by_a_patch(folder):
    spec = load_target(folder)
    deployment, _ = objects_with(spec, (folder / "off.yaml",))
    web, side = deployment["spec"]["template"]["spec"]["containers"]

    assert web == {"name": "web", "image": "shop/web:1"}
    assert side["name"] == "side"
    assert deployment["spec"]["replicas"] == 3


def test_a_kustomize_folder_is_read_as_far_as_it_needs_no_program(folder):
    (folder / "manifests" / "kustomization.yaml").write_text(
        "resources: [web.yaml]\nreplicas: [{name: web, count: 5}]\n"
        "images: [{name: shop/web, newTag: '7'}]\n"
        "patches:\n  - path: ../off.yaml\n"
    )
    (folder / "target.yaml").write_text(TARGET.replace("web: 3", "web: 5"))
    deployment, _ = load_target(folder).cluster.objects
    web = deployment["spec"]["template"]["spec"]["containers"][0]

    assert deployment["spec"]["replicas"] == 5
    assert web == {"name": "web", "image": "shop/web:7"}


def test_what_a_kustomization_cannot_be_read_for_is_named(folder):
    (folder / "manifests" / "kustomization.yaml").write_text(
        "resources: [web.yaml]\nhelmCharts: []\n"
    )

    assert problems(folder) == [
        "manifests/kustomization.yaml:2:1: chaoskit does not do 'helmCharts' of a kustomization; "
        "write what it makes into a file: kubectl kustomize . > manifests.yaml"
    ]


def test_a_prober_inside_has_an_image_and_maybe_a_namespace(folder, monkeypatch):
    written = TARGET.replace(
        "{manifests: manifests}",
        "{manifests: manifests, prober: {image: '${PROBER:-chaoskit:1}', namespace: probes}}",
    )
    (folder / "target.yaml").write_text(written)
    assert load_target(folder).cluster.prober == ProberPlace(image="chaoskit:1", namespace="probes")

    monkeypatch.setenv("PROBER", "mine:2")
    assert load_target(folder).cluster.prober.image == "mine:2"


def test_a_target_that_stands_already_is_named_by_namespace_and_selector(folder):
    (folder / "target.yaml").write_text(STANDING)
    spec = load_target(folder)

    assert not spec.cluster.own
    assert spec.cluster.selector == "app=web"
    assert list(spec.services) == ["web"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{manifests: manifests}", "{}", "a target is either in manifests, or in a namespace"),
        ("{manifests: manifests}", "{manifests: m, namespace: n}", "no file or folder 'm'"),
        ("manifests: manifests", "manifests: manifests, selector: a=b", "selector is for a name"),
        ("port: 80}", "port: 81}", "the Service has no port 81; it has 80"),
        ("service: web,", "service: wbe,", "no Service named 'wbe' in the manifests; did you mean"),
        ("{web: 3}", "{web: 2}", "full strength of web is 2, but the manifest starts 3"),
        ("{web: 3}", "{wbe: 3}", "no service named 'wbe'; did you mean 'web'?"),
        ("off: off.yaml", "off: of.yaml", "no file 'of.yaml' in the target's folder"),
        ("port: 80}", "port: 80, through: address}", "`through: address` and an address belong"),
        ("redundancy", "roles: {a: {service: wbe, command: [x], match: y}}\nredundancy",
         "no service named 'wbe'; did you mean 'web'?"),
        ("redundancy: {web: 3}", "redundancy: {web: {instances: 3, url: '${web_url}/', count: a}}",
         "in a cluster, ready pods are counted, and nothing else"),
        ("{manifests: manifests}", "{manifests: manifests, prober: {namespace: n}}",
         "has no 'image'"),
        ("{manifests: manifests}", "{manifests: manifests, prober: {image: '${NONE_OF_THESE}'}}",
         "'${NONE_OF_THESE}' names no image here: the variable is not set"),
        ("{manifests: manifests}", "{manifests: manifests, prober: {image: a:1, namespace: A_B}}",
         "'A_B' is no namespace"),
    ],
)  # fmt: skip
def test_a_mistake_in_target_yaml_is_told_with_its_line(folder, old, new, told):
    (folder / "target.yaml").write_text(TARGET.replace(old, new))

    found = [one for one in problems(folder) if told in one]
    assert len(found) == 1
    assert found[0].startswith("target.yaml:")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("namespace: shop", "namespace: kube-system", "kube-system belongs to the cluster itself"),
        ("namespace: shop", "namespace: '*'", "'*' is no namespace; one name; all namespaces are n"),
        (', selector: "app=web"', "", "an existing namespace needs a selector"),
        ("app=web", "app=web,,", "'app=web,,' is none"),
        ("redundancy: {web: 3}\n", "", "redundancy must name the workloads"),
        ("redundancy", "roles: {a: {service: wbe, command: [x], match: y}}\nredundancy",
         "redundancy names no workload 'wbe'; did you mean 'web'?"),
        ("redundancy",
         "healers: [{name: a, kind: other, witness: {log: {service: wbe, acted: x}}}]\nredundancy",
         "redundancy names no workload 'wbe'; did you mean 'web'?"),
        ("redundancy", "healers: [{name: a, kind: other, off: off.yaml}]\nredundancy",
         "what exists already is not changed"),
    ],
)  # fmt: skip
def test_a_place_that_must_not_be_broken_is_refused(folder, old, new, told):
    (folder / "target.yaml").write_text(STANDING.replace(old, new))

    assert any(told in one for one in problems(folder))


def test_the_clusters_own_namespace_is_broken_only_when_that_is_said(folder):
    text = STANDING.replace("namespace: shop", "namespace: kube-system, system: true")
    (folder / "target.yaml").write_text(text)

    assert load_target(folder).cluster.namespace == "kube-system"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kind: Service", "kind: Namespace", "Namespace belongs to the whole cluster"),
        ("metadata: {name: web}\nspec: {type", "metadata: {name: web, namespace: x}\nspec: {type",
         "a run gives every object its own namespace"),
        ("kind: Service\n", "", "a manifest needs kind"),
        ("${SIDE_IMAGE:-shop/side:2}", "${SIDE_IMAGE}", "the variable SIDE_IMAGE is not set"),
        ("kind: Service", "kind: Deployment", "Deployment web is already in"),
        ("replicas: 3", "replicas: [", "web.yaml:"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_manifest_is_told_with_its_file(folder, old, new, told):
    (folder / "manifests" / "web.yaml").write_text(WEB.replace(old, new, 1))
    found = problems(folder)

    assert any(told in one and one.startswith("manifests/web.yaml:") for one in found)


def test_a_patch_that_meets_nothing_is_refused(folder):
    (folder / "off.yaml").write_text(OFF.replace("name: web}", "name: wbe}", 1))

    assert any(
        "it patches Deployment wbe, which is in no manifest" in one for one in problems(folder)
    )


EXPERIMENT = """\
title: t
description: d
tags: []
extensions:
  - name: chaoskit
    target: shop
    budgets: {recovery: 5s}
steady-state-hypothesis:
  title: s
  probes:
    - {type: probe, name: p, tolerance: 200, provider: {type: http, url: "${web_url}/"}}
method:
  - type: action
    name: a
    provider: {type: python, module: MODULE, func: FUNC, arguments: {ARGUMENTS}}
"""


def loaded(folder, module, func, arguments):
    path = folder.parent / "x.yaml"
    text = EXPERIMENT.replace("MODULE", module).replace("FUNC", func)
    path.write_text(text.replace("ARGUMENTS", arguments))
    return load_experiment(path, TargetShelf(folder.parent))


def test_a_fault_of_docker_on_a_cluster_is_refused_with_the_choices(folder):
    with pytest.raises(InputError, match=r"crash is done in a Compose project, and .* pod_delete"):
        loaded(folder, "chaoskit.faults.crash", "inject", "service: web")


def test_the_namespace_that_a_run_makes_can_be_named_in_an_experiment(folder):
    experiment = loaded(
        folder, "chaosk8s.deployment.actions", "scale_deployment",
        'name: web, replicas: 1, ns: "${namespace}"',
    )  # fmt: skip

    assert experiment.target == "shop"


@pytest.mark.parametrize(
    ("module", "func", "arguments", "told"),
    [
        ("chaosk8s.pod.actions", "exec_in_pods", "cmd: ls", "without container_name runs nothing"),
        (
            "chaosk8s.pod.actions",
            "terminate_pods",
            "label_selector: a=b",
            "succeeds when nothing m",
        ),
        ("chaosk8s.pod.actions", "delete_pods", "ns: x", "takes every pod of the namespace"),
        ("chaosk8s.pod.probes", "count_pods", "label_selector: a", "counts pods that are terminat"),
        ("chaosk8s.deployment.probes", "deployment_fully_available", "name: web", "from before it"),
        ("chaosk8s.deployment.probes", "deployment_partially_available", "name: web", "TypeError"),
        ("chaosk8s.node.actions", "drain_nodes", "name: n", "without an owner"),
    ],
)
def test_what_chaostoolkit_kubernetes_gets_silently_wrong_is_refused(
    folder, module, func, arguments, told
):
    with pytest.raises(InputError, match=told):
        loaded(folder, module, func, arguments)


FORWARDED = TARGET.replace("port: 80}", "port: 80, through: port-forward}")
LABELLED = (
    WEB.replace("metadata: {name: web}\nspec:\n", "metadata: {name: front}\nspec:\n", 1)
    .replace("  template:\n", "  template:\n    metadata: {labels: {app: shop, tier: web}}\n")
    .replace("NodePort, ports", "ClusterIP, selector: {app: shop}, ports")
)


def test_an_entrypoint_may_be_forwarded_and_then_has_no_address(folder):
    (folder / "target.yaml").write_text(FORWARDED)
    (entry,) = load_target(folder).entrypoints
    assert (entry.through, entry.patience_s) == ("port-forward", 0.25)
    (folder / "target.yaml").write_text(FORWARDED.replace("forward}", "forward, patience: 2s}"))
    (entry,) = load_target(folder).entrypoints
    assert entry.patience_s == 2

    (folder / "target.yaml").write_text(TARGET.replace("80}", "80, patience: 2s}"))
    assert problems(folder) == ["target.yaml:4:47: patience is for `through: port-forward`"]

    (folder / "target.yaml").write_text(
        FORWARDED.replace("forward}", "forward, address: a.example}")
    )
    assert any(
        "`through: address` and an address belong together" in one for one in problems(folder)
    )
    (folder / "target.yaml").write_text(FORWARDED.replace("port-forward", "port_forward"))
    (told,) = problems(folder)
    assert told.startswith("target.yaml:4:")
    assert "did you mean 'port-forward'?" in told


@pytest.mark.parametrize(
    ("fault", "arguments"),
    [
        ("network_policy", "service: NAME"),
        ("chaos_mesh", "service: NAME, chaos: NetworkChaos, spec: {action: delay}"),
        ("chaos_mesh", "service: NAME, chaos: HTTPChaos, spec: {action: abort}"),
    ],
)
@pytest.mark.parametrize("name", ["web", "front"])
def test_a_fault_that_nobody_feels_through_a_forward_is_refused(folder, fault, arguments, name):
    """By its Service's name, or by the labels that the Service chooses."""
    if name == "front":
        (folder / "manifests" / "web.yaml").write_text(LABELLED)
    words = FORWARDED.replace("{web: 3}", f"{{{name}: 3}}").partition("healers")[0]
    (folder / "target.yaml").write_text(words)
    asked = (f"chaoskit.faults.{fault}", "inject", arguments.replace("NAME", name))
    with pytest.raises(InputError) as refused:
        loaded(folder, *asked)
    (told,) = [str(one) for one in refused.value.problems]

    assert f"{fault} is not felt by users of {name} who come by port-forward" in told
    (folder / "target.yaml").write_text(words.replace(", through: port-forward", ""))
    assert loaded(folder, *asked).faults


def test_what_is_felt_through_a_forward_is_not_refused(folder):
    (folder / "target.yaml").write_text(FORWARDED)
    for fault, arguments in (
        ("pod_delete", "service: web"),
        ("chaos_mesh", "service: web, chaos: StressChaos, spec: {stressors: {}}"),
    ):
        assert loaded(folder, f"chaoskit.faults.{fault}", "inject", arguments).faults


def test_a_prober_in_a_pod_feels_what_a_forward_does_not(folder):
    inside = FORWARDED.replace(
        "manifests: manifests}", "manifests: manifests, prober: {image: c:1}}"
    )
    (folder / "target.yaml").write_text(inside)

    assert loaded(folder, "chaoskit.faults.network_policy", "inject", "service: web").faults
