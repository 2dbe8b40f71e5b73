"""The agent's `netem` on a kernel that has it, in a machine of its own: it bites and is gone.

`make test-netem` fetches the kernel and runs this; it takes a minute or two, because the machine is
emulated.
"""

import io
import os
import shutil
from pathlib import Path

import pytest

from chaoskit.target.engine import connect
from chaoskit.target.images import ensure_agent
from tests.netem import machine

ASKED = "CHAOSKIT_TEST_NETEM" in os.environ
pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(1000),
    pytest.mark.skipif(not ASKED, reason="netem NOT exercised: make test-netem does"),
    pytest.mark.skipif(
        ASKED and bool(machine.why_not()), reason=f"netem NOT exercised: {machine.why_not()}"
    ),
]


@pytest.fixture(scope="module")
def saw(tmp_path_factory):
    """What the scenario saw, in one run of the machine."""
    program = tmp_path_factory.mktemp("netem") / "init.py"
    shutil.copy(Path(__file__).parent / "scenario.py", program)
    client = connect()
    container = client.containers.create(ensure_agent(client, print))
    try:
        image = io.BytesIO(b"".join(container.export()))
    finally:
        container.remove()
        client.close()
    found = machine.run(image, program, timeout_s=900)
    assert "failed" not in found, found["failed"]
    return found


def test_the_kernel_has_all_that_the_kinds_need(saw):
    missing = {key: value for key, value in saw.items() if key.startswith("missing")}

    assert missing == {"missing netem": "", "missing shaper": "", "missing queue": ""}
    assert saw["can_filter"] == ""


@pytest.mark.parametrize(
    ("name", "devices"),
    [
        ("delay", "eth0, veth1"),
        ("delay in", "veth1"),
        ("delay out", "eth0"),
        ("delay to a peer", "eth0, veth1"),
        ("delay to a port", "eth0, veth1"),
        ("uniform", "eth0, veth1"),
        ("normal", "eth0, veth1"),
        ("pareto", "eth0, veth1"),
        ("loss", "eth0, veth1"),
        ("corrupt", "eth0, veth1"),
        ("duplicate", "eth0, veth1"),
        ("reorder", "eth0, veth1"),
    ],
)
def test_netem_keeps_its_promise_and_is_gone_afterwards(saw, name, devices):
    seen = saw[name]

    assert "refused" not in seen, seen["refused"]
    assert "measured" in seen["evidence"]
    assert f"netem c47e: on {devices}" in seen["evidence"]
    assert seen["on"][0]
    assert not seen["off"][0]
    assert seen["gone"] == f"c47e: removed from {devices}, none left"


def test_a_rate_is_kept_by_the_bucket(saw):
    assert "tbf c47e: on eth0, veth1" in saw["rate"]["evidence"]


def test_the_queue_works_on_that_kernel_too(saw):
    assert "queue 50336" in saw["queue"]["evidence"]


def test_a_filter_spares_the_other_packets(saw):
    spared = saw["delay to a port"]["other_tcp_ms"]

    assert max(saw["delay to a peer"]["other_tcp_ms"]) > 350
    assert sorted(spared)[len(spared) // 2] < 200


def test_a_delay_to_somebody_else_is_not_taken_for_one_to_the_witness(saw):
    assert "promised 400 ms, measured" in saw["delay to nobody here"]["refused"]


def test_a_second_fault_at_the_same_device_goes_through_the_queue(saw):
    assert "refused" not in saw["combined"], saw["combined"]["refused"]
    assert "through NFQUEUE: another fault has shaped eth0" in saw["combined"]["evidence"]
    assert [on for on, _ in saw["combined"]["both"]] == [True, True]


def test_a_foreign_qdisc_is_refused_and_kept(saw):
    assert "not ours to replace" in saw["beside a foreign one"]["refused"]
    assert saw["kept"]


def test_nothing_is_left_on_any_device(saw):
    assert saw["clean"], saw["left"]
