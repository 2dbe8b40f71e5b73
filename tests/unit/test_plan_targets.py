"""Target folders: what becomes of target.yaml and of the Compose file beside it."""

import shutil
from pathlib import Path

import pytest

from chaoskit.errors import InputError
from chaoskit.model.target import Entrypoint, HttpWitness, LogWitness, Role, Strength
from chaoskit.plan.composefile import instances_of, networks_of, ports_of, read_compose
from chaoskit.plan.folder_hash import folder_hash
from chaoskit.plan.report import Report
from chaoskit.plan.targets import TargetShelf, load_target

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
SHOP = TESTS / "bad" / "targets" / "shop"

FULL = """
title: Everything
compose: stack.yaml
entrypoints:
  web_url: {service: web, port: 80}
  db_url: {service: db, port: 5432, scheme: postgres}
ready: {probe: "${web_url}/ready", timeout: 1m30s}
redundancy:
  web: {instances: 2, url: "${web_url}/;csv", count: UP, period: 250ms}
  db: 1
healers:
  - name: balancer
    kind: haproxy-check
    settings: {inter: 200ms, fall: 2}
    witness:
      log: {service: web, detected: is DOWN, acted: is DOWN, restored: is UP}
      http: {url: "${web_url}/", period: 50ms, acted: master}
  - {name: engine, kind: docker-restart, witness: {engine: true}, off: off.yaml}
roles: {primary: {service: db, command: [pg, role], match: ^primary}}
"""
STACK = """
x-common: &common {restart: always}
services:
  web: {<<: *common, image: web, scale: 2, ports: ["8080:80", "9000-9001:90-91/udp"]}
  db: {<<: *common, image: db, expose: [5432], networks: {back: {}}}
"""


@pytest.fixture
def folder(tmp_path):
    here = tmp_path / "everything"
    here.mkdir()
    (here / "target.yaml").write_text(FULL)
    (here / "stack.yaml").write_text(STACK)
    (here / "off.yaml").write_text("services:\n  db: {ports: !override []}\n")
    return here


def test_everything_that_a_target_file_says_arrives(folder):
    spec = load_target(folder)

    assert spec.name == "everything"
    assert spec.compose_file == folder / "stack.yaml"
    assert spec.entrypoints == (
        Entrypoint(name="web_url", service="web", port=80),
        Entrypoint(name="db_url", service="db", port=5432, scheme="postgres"),
    )
    assert (spec.ready_url, spec.ready_timeout_s) == ("${web_url}/ready", 90.0)
    assert spec.strengths == (
        Strength(service="web", instances=2, url="${web_url}/;csv", count="UP", period_s=0.25),
        Strength(service="db", instances=1),
    )
    balancer, engine = spec.healers
    assert balancer.log == LogWitness(
        service="web", detected="is DOWN", acted="is DOWN", restored="is UP"
    )
    assert balancer.http == HttpWitness(url="${web_url}/", period_s=0.05, acted="master")
    assert (engine.engine, engine.off, engine.settings) == (True, "off.yaml", {})
    assert spec.roles == (
        Role(name="primary", service="db", command=("pg", "role"), match="^primary"),
    )
    assert spec.services["web"]["restart"] == "always"


def test_every_target_of_the_repository_is_valid():
    shelf = TargetShelf(ROOT / "targets")

    assert set(shelf.names()) >= {"replicated-web", "restart-policy"}
    for name in shelf.names():
        assert shelf.load(name).services


def test_a_target_is_found_by_name_and_by_path(folder):
    shelf = TargetShelf(SHOP.parent)

    assert shelf.names() == ("shop",)
    assert shelf.load("shop") is shelf.load("shop")
    assert shelf.load(folder).name == "everything"


def test_an_unknown_target_is_told_with_a_suggestion():
    with pytest.raises(InputError, match="no target named 'shpo'; did you mean 'shop'"):
        TargetShelf(SHOP.parent).load("shpo")


def test_a_shelf_without_targets_says_so(tmp_path):
    with pytest.raises(InputError, match="there are no targets under"):
        TargetShelf(tmp_path).load("shop")


def test_the_hash_is_of_names_and_bytes_and_of_nothing_else(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    shutil.copytree(SHOP, one)
    shutil.copytree(SHOP, two)
    (two / "__pycache__").mkdir()
    (two / "__pycache__" / "x.pyc").write_bytes(b"x")
    same = folder_hash(one) == folder_hash(two)
    (two / "compose.yaml").write_text((one / "compose.yaml").read_text() + "# one more line\n")

    assert same
    assert folder_hash(one) != folder_hash(two)


def test_what_compose_files_say_of_ports_instances_and_networks(folder):
    services = read_compose(folder / "stack.yaml", Report("stack.yaml")).services

    assert ports_of(services["web"]) == (80, 90, 91)
    assert ports_of(services["db"]) == (5432,)
    assert ports_of({"ports": [{"target": 81}, "127.0.0.1:${PORT:-}:82"]}) == (81, 82)
    assert ports_of({"ports": ["${PORT}"]}) is None
    assert ports_of({"extends": {"service": "x"}}) is None
    assert instances_of(services["web"]) == 2
    assert instances_of({"deploy": {"replicas": "${N}"}}) is None
    assert networks_of(services["db"]) == ("back",)
    assert networks_of(services["web"]) == ("default",)


def test_included_compose_files_count(folder):
    (folder / "more.yaml").write_text("services: {cache: {image: cache}}\n")
    (folder / "stack.yaml").write_text(STACK + "include: [more.yaml]\n")

    assert set(load_target(folder).services) == {"web", "db", "cache"}


def test_mistakes_in_an_override_are_told_with_its_own_name(folder):
    (folder / "off.yaml").write_text("services: [db]\n")

    with pytest.raises(InputError, match=r"off\.yaml:1:11: services must be a mapping"):
        load_target(folder)
