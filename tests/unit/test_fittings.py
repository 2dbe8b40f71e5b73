"""What faults ask of a target's start: said by the fault, collected by the plan, checked early."""

import errno
import os
import time

import pytest

from chaoskit.agent import clocks
from chaoskit.agent.fusefs.protocol import Op
from chaoskit.agent.fusefs.rules import CLASSES, Rules, obey, rule_of
from chaoskit.errors import FaultRefused
from chaoskit.faults.base import make
from chaoskit.faults.parts.fitted import fittings_of
from chaoskit.model.experiment import FaultUse
from chaoskit.model.fittings import Fitting, FittingKind, merged
from chaoskit.model.quantities import parse_offset
from chaoskit.target.fittings.clock import environment_of

DISK = Fitting(kind=FittingKind.DISK, service="web", path="/data")


def use(fault, **arguments):
    return FaultUse(activity=fault, fault=fault, arguments={"service": "web", **arguments}, line=1)


def test_faults_on_one_disk_ask_for_it_once_and_for_all_that_any_of_them_needs():
    found = fittings_of(
        [
            use("io_error", path="/data"),
            use("lose_unsynced", path="/data"),
            use("disk_latency", path="/data", delay="5ms"),
            use("clock_skew", offset="+1h"),
            use("hang"),
        ]
    )

    assert [str(one) for one in found] == ["clock of web", "disk of web at /data"]
    assert found[1].remembers


def test_a_fault_whose_arguments_are_not_known_yet_asks_for_nothing():
    assert fittings_of([use("clock_skew", offset="${offset}")]) == ()


def test_disks_of_different_places_are_different():
    other = Fitting(kind=FittingKind.DISK, service="web", path="/log")

    assert merged([DISK, other, DISK]) == (DISK, other)


@pytest.mark.parametrize(
    ("fault", "arguments", "words"),
    [
        ("io_error", {"path": "data"}, "path: 'data' is not the place of a volume"),
        ("io_error", {"path": "/"}, "path: '/' is not the place of a volume"),
        ("io_error", {"path": "/data/"}, "write /data"),
        ("io_error", {"path": "/d", "errno": "EPERM"}, "choose from EIO, ENOSPC, EDQUOT, EROFS"),
        (
            "io_error",
            {"path": "/d", "errno": "ENOSPC", "operations": "read"},
            "no disk answers ENOSPC to read",
        ),
        ("io_error", {"path": "/d", "operations": "seek"}, "operations: 'seek'; choose from read"),
        ("io_error", {"path": "/d", "share": "130%"}, "share: 130% is more than everything"),
        ("io_error", {"path": "/d", "share": "0%"}, "nothing would be hit"),
        ("io_error", {"path": "/d", "files": "/etc/*"}, "write a pattern of paths below"),
        ("disk_latency", {"path": "/d", "delay": "1h"}, "at most 2s"),
        ("disk_latency", {"path": "/d", "delay": "5"}, "delay: '5' is not a duration"),
        ("lose_unsynced", {"path": "data"}, "path: 'data'"),
        ("clock_skew", {"offset": "1h"}, "write a sign and a duration"),
        ("clock_skew", {"offset": "+10ms"}, "choose at least 1s"),
        ("clock_skew", {"offset": "+5000d"}, "at most 3650d"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(fault, arguments, words):
    with pytest.raises(FaultRefused) as refusal:
        make(fault, {"service": "web", **arguments})

    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("error", "classes"),
    [
        ("EIO", set(CLASSES)),
        ("ENOSPC", {"write", "fsync", "change"}),
        ("EROFS", {"write", "change"}),
    ],
)
def test_all_operations_are_those_that_the_error_fits(error, classes):
    fault = make("io_error", {"service": "web", "path": "/d", "errno": error})

    assert set(fault.classes) == classes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("+1h", 3600), ("-30s", -30), ("+2d12h", 216_000), ("-1d", -86_400), ("+1.5d", 129_600)],
)
def test_offsets_are_signed_and_may_have_days(text, seconds):
    assert parse_offset(text) == seconds


@pytest.mark.parametrize("text", ["", "+", "1h", "+1", "+1h ago", "+-1h", None, 5])
def test_what_is_no_offset_is_refused(text):
    with pytest.raises(ValueError, match="is not an offset; write a sign"):
        parse_offset(text)


def rule(**order):
    return rule_of({"tag": "t", "operations": ["write"], "seed": 7, **order}, ".chaoskit/probe")


def hits(rules, op, path):
    return rules.matching(op, lambda: (path,))


def test_a_rule_is_about_its_operations_and_its_files():
    rules = Rules()
    rules.add(rule(errno="EIO", files="wal/*"))

    assert hits(rules, Op.WRITE, "wal/1")
    assert not hits(rules, Op.READ, "wal/1")
    assert not hits(rules, Op.WRITE, "base/1")
    assert hits(rules, Op.WRITE, ".chaoskit/probe")
    assert not hits(rules, Op.WRITE, ".chaoskit/another")


def test_looking_is_never_hit():
    named = frozenset().union(*CLASSES.values())

    assert not named & {Op.LOOKUP, Op.GETATTR, Op.STATFS, Op.RELEASE, Op.FLUSH, Op.FORGET}


def test_a_share_is_a_share_and_the_seed_decides_which():
    def hit(seed):
        rules = Rules()
        rules.add(rule(errno="EIO", share=0.3, seed=seed))
        return [bool(hits(rules, Op.WRITE, "x")) for _ in range(1000)]

    assert hit(1) == hit(1)
    assert hit(1) != hit(2)
    assert 250 < sum(hit(1)) < 350


def test_whoever_waits_for_a_rule_goes_on_when_it_is_lifted():
    rules = Rules()
    slow = rule(delay_s=3600.0, errno="EIO")
    rules.add(slow)
    waited = hits(rules, Op.WRITE, "x")
    assert rules.remove("t") == 1
    begun = time.monotonic()
    obey(waited, since_s=begun)  # neither late nor failed

    assert time.monotonic() - begun < 1
    assert rules.tags == ()


def test_a_rule_fails_with_its_error():
    with pytest.raises(OSError, match="a fault: t") as error:
        obey([rule(errno="ENOSPC")], since_s=0.0)

    assert error.value.errno == errno.ENOSPC


@pytest.mark.parametrize(
    "given",
    [{"A": "1", "B": None}, ["A=1", "B"]],
    ids=["a mapping", "a list"],
)
def test_a_service_may_write_its_environment_in_two_ways(given):
    assert environment_of({"environment": given}) == {"A": "1", "B": None}


def test_a_process_without_our_clock_is_refused_with_what_to_do():

    with pytest.raises(clocks.Refused, match="chaoskit up TARGET --for EXPERIMENT"):
        clocks.listeners({"pid": os.getpid()})
