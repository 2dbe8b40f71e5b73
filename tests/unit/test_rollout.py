"""When the deployer of targets/bad-deploy goes on with a release, and when it takes it back."""

import importlib.util
import sys
from pathlib import Path

import pytest

CONTROLLERS = Path(__file__).parents[2] / "targets" / "bad-deploy" / "controllers"


def load(name):
    spec = importlib.util.spec_from_file_location(f"controllers_{name}", CONTROLLERS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


rollout, proxy = load("rollout"), load("proxy")
Look, Finding, Step = rollout.Look, rollout.Finding, rollout.Step
GATE = rollout.Gate(failures=2, healthy_within_s=3, soak_s=2, enough=20, telling=15, patience_s=30)


def found(*looks):
    """What is thought of a replica after the last of these looks."""
    watch = rollout.Watch(GATE, since_s=0.0)
    return [watch.take(one) for one in looks][-1], watch.why


def up(at_s, asked=0, failed=0):
    return Look(at_s=at_s, alive=True, up=True, asked=asked, failed=failed)


STARTING = Look(at_s=0.1, alive=True)


@pytest.mark.parametrize(
    ("looks", "why"),
    [
        pytest.param(
            [Look(at_s=0.1, alive=False), Look(at_s=0.3, alive=False)],
            "its process ended",
            id="ends",
        ),
        pytest.param(
            [STARTING, Look(at_s=3.1, alive=True), Look(at_s=3.3, alive=True)],
            "it is not healthy after 3 s",
            id="never healthy",
        ),
        pytest.param(
            [up(1), Look(at_s=1.2, alive=True), Look(at_s=1.4, alive=True)],
            "it was healthy, and is not any more",
            id="healthy once",
        ),
        pytest.param(
            [up(1), up(2, 15, 2), up(2.2, 18, 2)],
            "2 of its 18 requests failed",
            id="fails under load",
        ),
        pytest.param(
            [up(1), up(30.1, 19), up(30.3, 19)],
            "with 19 requests in 30 s nobody can tell",
            id="nobody uses it",
        ),
    ],
)
def test_a_release_that_does_not_work_fails_and_says_why(looks, why):
    assert found(*looks) == (Finding.FAILED, why)
    assert found(*looks[:-1])[0] is Finding.WATCH, "one bad look is none"


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([up(1), up(2.9, 100)], id="not long enough"),
        pytest.param([up(1), up(9, 19)], id="too few requests"),
        pytest.param([up(1), up(1.5, 14, 14), up(1.6, 14, 14)], id="too few to tell a share"),
        pytest.param([up(1, 500, 90), up(2, 520, 90), up(2.2, 524, 90)], id="a slot's past"),
        pytest.param(
            [STARTING, Look(at_s=0.3, alive=False), up(1), Look(at_s=1.2, alive=False)],
            id="bad looks that are not in a row",
        ),
    ],
)
def test_what_cannot_be_told_yet_is_watched(looks):
    assert found(*looks)[0] is Finding.WATCH


def test_a_release_that_has_served_long_enough_without_a_fault_has_passed():
    assert found(STARTING, up(1, 7, 7), up(3, 27, 8))[0] is Finding.PASSED


def test_a_replica_that_is_down_never_passes():
    assert found(up(1), Look(at_s=3.1, alive=True, up=False, asked=50))[0] is Finding.WATCH


@pytest.mark.parametrize(
    ("findings", "left", "step"),
    [
        ([Finding.PASSED, Finding.FAILED], 1, Step.ROLL_BACK),
        ([Finding.WATCH, Finding.FAILED], 0, Step.ROLL_BACK),
        ([Finding.PASSED, Finding.WATCH], 1, Step.WAIT),
        ([Finding.PASSED], 2, Step.NEXT),
        ([Finding.PASSED] * 3, 0, Step.ACCEPT),
    ],
)
def test_one_replica_after_the_other_and_back_when_one_fails(findings, left, step):
    assert rollout.next_step(findings, left) is step


HEADER = (
    "# pxname,svname,status,req_tot,econ,eresp,addr,"
    "hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,\n"
)


def test_the_proxys_statistics_are_read_by_address():
    text = HEADER + (
        "front,FRONTEND,OPEN,70,,,,0,40,0,1,6,0,\n"
        "web,web1,UP 1/2,,1,2,172.18.0.3:8080,0,40,0,1,6,0,\n"
        "web,web2,DOWN,,0,0,172.18.0.4:8080,0,0,0,0,0,0,\n"
        "web,web3,MAINT (resolution),,0,0,,0,0,0,0,0,0,\n"
        "web,BACKEND,UP,50,0,0,,0,40,0,1,6,0,\n"
        "stats,FRONTEND,OPEN,900,,,,0,900,0,0,0,0,\n"
    )

    assert proxy.parsed(text) == proxy.Statistics(
        asked=70,
        servers={
            "172.18.0.3": proxy.Server(up=True, asked=50, failed=9),
            "172.18.0.4": proxy.Server(up=False, asked=0, failed=0),
        },
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<html>503</html>", id="a page"),
        pytest.param("# pxname,svname\nweb,web1\n", id="other columns"),
        pytest.param(HEADER + "front,FRONTEND,OPEN,many,,,,0,0,0,0,0,0,\n", id="no number"),
    ],
)
def test_anything_else_than_statistics_is_said_to_be_none(text):
    with pytest.raises(proxy.ProxySilent):
        proxy.parsed(text)
