"""Tests that break a running target: the fixtures come with chaoskit."""

import urllib.request

import pytest

pytestmark = pytest.mark.chaos(rate=20, timeout="2s", baseline="1s", stable="1s")


def test_a_crashed_shop_is_open_again(chaos, chaos_probe):
    with chaos.crash("web") as fault:
        assert fault.instances == ("web-1",)
        chaos_probe.wait()
    chaos_probe.check(recovery="15s", redundancy="25s")


@pytest.mark.chaos(longest="6s")
def test_nobody_wakes_a_shop_that_hangs(chaos, chaos_probe):
    """Docker restarts what has ended, and nothing else: a weakness that is known, and shown here."""
    with chaos.hang("web"):
        chaos_probe.wait()
    chaos_probe.check(recovery="3s", expect="not_healed")


def test_customers_of_a_paused_shop_wait(chaos):
    with chaos.pause("web"), pytest.raises(TimeoutError):
        urllib.request.urlopen(chaos["web_url"], timeout=0.5)

    with urllib.request.urlopen(chaos["web_url"], timeout=30) as answer:
        assert answer.status == 200
