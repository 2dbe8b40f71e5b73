"""Addresses behind ${name}, and where the engine says a port is."""

import pytest

from chaoskit.errors import InputError
from chaoskit.target.entrypoints import address, host_port, resolve


def test_every_reference_is_replaced():
    known = {"web_url": "http://127.0.0.1:1", "db": "127.0.0.1:2"}

    assert resolve("${web_url}/a?b=${db}", known) == "http://127.0.0.1:1/a?b=127.0.0.1:2"


def test_an_unknown_reference_is_refused_with_the_choices():
    with pytest.raises(InputError, match=r"web_uri.*choose from web_url"):
        resolve("${web_uri}/", {"web_url": "http://127.0.0.1:1"})


def test_a_target_without_entrypoints_says_so():
    with pytest.raises(InputError, match="has no entrypoints"):
        resolve("${web_url}/", {})


@pytest.mark.parametrize(
    ("scheme", "text"),
    [("http", "http://127.0.0.1:80"), ("tcp", "127.0.0.1:80"), ("redis", "redis://127.0.0.1:80")],
)
def test_a_scheme_shapes_the_address(scheme, text):
    assert address(scheme, 80) == text


def attrs(*, asked=None, given=None, mode="bridge"):
    return {
        "HostConfig": {"NetworkMode": mode, "PortBindings": asked},
        "NetworkSettings": {"Ports": given},
    }


def test_the_port_of_a_container_that_is_down_is_the_one_that_was_asked_for():
    bindings = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20000"}]}

    assert host_port(attrs(asked=bindings, given={}), 8080) == 20000


def test_a_range_or_no_wish_is_answered_by_what_the_engine_gave():
    given = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20001"}]}

    for wish in ("20000-20002", "", "0"):
        asked = {"8080/tcp": [{"HostIp": "", "HostPort": wish}]}

        assert host_port(attrs(asked=asked, given=given), 8080) == 20001


def test_a_port_that_is_not_published_is_none():
    assert host_port(attrs(given={"8080/tcp": None}), 8080) is None


def test_on_the_hosts_network_the_port_is_itself():
    assert host_port(attrs(mode="host"), 8080) == 8080
