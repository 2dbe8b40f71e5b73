"""Rewriting a Compose model is a pure function on what `docker compose config` says."""

import pytest

from chaoskit.model.target import Entrypoint
from chaoskit.target.rewrite import Placing, Publication, outsiders, publications, rewritten

LABELS = {"chaoskit.run": "r1"}


def model(**service):
    return {
        "name": "before",
        "services": {"web": {"image": "web:1", "networks": {"default": None}, **service}},
        "networks": {"default": {"name": "before_default", "ipam": {}}},
    }


def rewrite(config, *, entrypoints=(), images=None, first=20000):
    wanted = publications(config, entrypoints)
    ports = {one: first + 10 * number for number, one in enumerate(wanted)}
    return rewritten(
        config, Placing(project="copy", labels=LABELS, images=images or {}, ports=ports)
    )


def test_a_published_port_goes_to_a_fixed_port_of_the_loopback_address():
    config = model(ports=[{"mode": "ingress", "target": 8080, "published": "80"}])

    (port,) = rewrite(config)["services"]["web"]["ports"]

    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "20000", 8080)


def test_an_entrypoint_that_the_file_does_not_publish_is_published():
    entrypoint = Entrypoint(name="web_url", service="web", port=9000)

    (port,) = rewrite(model(), entrypoints=[entrypoint])["services"]["web"]["ports"]

    assert (port["target"], port["published"]) == (9000, "20000")


def test_an_entrypoint_that_the_file_publishes_is_published_once():
    config = model(ports=[{"target": 9000, "protocol": "tcp"}])
    entrypoint = Entrypoint(name="web_url", service="web", port=9000)

    assert publications(config, [entrypoint]) == (
        Publication(service="web", port=9000, protocol="tcp", count=1),
    )


def test_replicas_share_a_range_with_one_port_for_each():
    config = model(deploy={"replicas": 3, "placement": {}}, ports=[{"target": 8080}])

    web = rewrite(config)["services"]["web"]

    assert web["ports"][0]["published"] == "20000-20002"
    assert web["labels"]["chaoskit.ports"] == "20000,20001,20002"
    assert web["deploy"] == {"replicas": 3}


def test_tcp_and_udp_of_one_port_are_two_publications():
    config = model(ports=[{"target": 53, "protocol": "udp"}, {"target": 53, "protocol": "tcp"}])

    ports = rewrite(config)["services"]["web"]["ports"]

    assert [(one["protocol"], one["published"]) for one in ports] == [
        ("udp", "20000"),
        ("tcp", "20010"),
    ]


@pytest.mark.parametrize("mode", ["host", "none", "service:db"])
def test_a_service_without_a_network_of_its_own_gets_no_ports(mode):
    entrypoint = Entrypoint(name="web_url", service="web", port=80)

    web = rewrite(model(network_mode=mode), entrypoints=[entrypoint])["services"]["web"]

    assert "ports" not in web


def test_a_fixed_container_name_becomes_an_alias_so_that_two_copies_can_live():
    web = rewrite(model(container_name="the-web"))["services"]["web"]

    assert "container_name" not in web
    assert web["networks"]["default"]["aliases"] == ["the-web"]


def test_everything_that_is_created_carries_the_labels():
    config = model(labels={"mine": "kept"})
    config["volumes"] = {"data": {"name": "before_data"}, "bare": None}

    copy = rewrite(config)

    assert copy["services"]["web"]["labels"] == {"mine": "kept", **LABELS}
    assert copy["networks"]["default"]["labels"] == LABELS
    assert copy["volumes"] == {"data": {"labels": LABELS}, "bare": {"labels": LABELS}}


def test_names_of_networks_and_volumes_follow_the_project():
    copy = rewrite(model())

    assert copy["name"] == "copy"
    assert "name" not in copy["networks"]["default"]


def test_what_is_external_is_named_and_replaced_by_one_of_the_copys_own():
    config = model()
    config["networks"]["shared"] = {"name": "corporate", "external": True}

    assert outsiders(config) == ("network shared",)
    assert rewrite(config)["networks"]["shared"] == {"labels": LABELS}


def test_a_build_is_replaced_by_its_image():
    config = model(build={"context": "/x"}, pull_policy="build")

    web = rewrite(config, images={"web": "chaoskit/t-web:abc"})["services"]["web"]

    assert web["image"] == "chaoskit/t-web:abc"
    assert not {"build", "pull_policy"} & web.keys()


def test_the_given_model_is_left_alone():
    config = model(container_name="the-web", ports=[{"target": 1}])

    rewrite(config)

    assert config["name"] == "before"
    assert config["services"]["web"]["container_name"] == "the-web"
