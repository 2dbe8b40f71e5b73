"""On real containers: each fault bites, and is gone afterwards, whoever lifts it."""

import os

import pytest

from chaoskit.testing import instance, pid_of, process_states, prove_fault, serves

pytestmark = pytest.mark.docker


def test_a_stall_stops_the_main_process_and_spares_its_child(arena):
    proof = prove_fault("stall", arena=arena, bites=lambda one: not serves(instance(one)))

    assert proof.injected.mechanisms == ("SIGSTOP to the main process, from the host",)
    arena.inject("stall")
    assert sorted(process_states(instance(arena))) == ["S", "T"]


def test_a_reniced_instance_waits_for_everybody_else(arena):
    def nice(one):
        return os.getpriority(os.PRIO_PROCESS, pid_of(instance(one)))

    prove_fault("renice", arena=arena, bites=lambda one: nice(one) == 15)

    assert nice(arena) == 0
