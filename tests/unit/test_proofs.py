"""The store of proofs: what was tried, with what, and whether it still holds."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chaoskit import proofs
from chaoskit.model.journal import Journal
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.proof import Arm, ArmKind, ArmResult, Proof, ProofState
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.proof_words import bought, headline_of, matrix_of, note_words
from tests.judging import budgets, experiment, journal

RECORD = experiment(hash="e1", target_hash="t1", budgets=budgets(recovery=1.0))


def figures(*, availability=1.0, recovery=(0.0, 0.0), impact=None, redundancy=None):
    """Measures as an arm keeps them; None is not seen to end."""

    def measured(name, ends, unit=Unit.SECONDS):
        low, high = ends
        return Measured(measure=name, unit=unit, low=low, high=high, censored=high is None)

    found = [
        measured("availability", (availability, availability), Unit.RATIO),
        measured("recovery", recovery),
        measured("impact", impact or (30.0, None)),
    ]
    return (*found, *([measured("redundancy", redundancy)] if redundancy else []))


def result(kind=ArmKind.OFF, verdict=Verdict.NOT_HEALED, **fields):
    plain = {"kind": kind, "verdict": verdict, "behaved": True, "trials": 1, "good": 0}
    plain |= {"healer": "proxy" if kind is ArmKind.OFF else "", "reason": "because"}
    return ArmResult(**{**plain, **fields})


def proof(**fields):
    plain = {
        "experiment": "shop/crash",
        "title": "A crash is survived",
        "target": "shop",
        "experiment_hash": "e1",
        "target_hash": "t1",
        "budgets": {"recovery": "1s"},
        "faults": ("crash",),
        "healed_by": ("proxy",),
        "healers": ("proxy", "engine"),
        "watch_s": 30.0,
        "state": ProofState.PROVEN,
        "reason": "it fails without proxy",
        "run": "r1",
        "at": "2026-01-01T00:00:00Z",
        "arms": (
            result(ArmKind.NO_FAULT, Verdict.CLEAN, trials=3, good=3),
            result(ArmKind.ON, Verdict.MASKED, acted=("proxy",), figures=figures()),
            result(figures=figures()),
        ),
    }
    return Proof(**{**plain, **fields})


def test_a_proof_comes_back_as_it_was_stored(tmp_path):
    proofs.append(tmp_path, [proof()])

    assert proofs.newest(tmp_path) == {"shop/crash": proof()}


def test_nothing_was_ever_stored(tmp_path):
    assert proofs.newest(tmp_path) == {}
    proofs.append(tmp_path, [])
    assert not (tmp_path / proofs.FILE).exists()


def test_the_newest_proof_counts_unless_it_could_not_tell(tmp_path):
    proofs.append(tmp_path, [proof(run="r1"), proof(run="r2", state=ProofState.UNPROVEN)])
    assert proofs.newest(tmp_path)["shop/crash"].run == "r1"

    proofs.append(tmp_path, [proof(run="r3", state=ProofState.FAILED)])
    assert proofs.newest(tmp_path)["shop/crash"].run == "r3"


@pytest.mark.parametrize(
    "torn",
    [b'{"experiment": "shop/cra', b"\n\n", b"not json\n", b'{"experiment": "shop/x"}\n', b"\xff\n"],
)
def test_a_torn_line_costs_only_itself(tmp_path, torn):
    proofs.append(tmp_path, [proof()])
    with (tmp_path / proofs.FILE).open("ab") as file:
        file.write(torn)
    proofs.append(tmp_path, [proof(experiment="shop/hang")])

    assert set(proofs.newest(tmp_path)) == {"shop/crash", "shop/hang"}


def test_a_field_of_a_newer_version_is_passed_over(tmp_path):
    proofs.append(tmp_path, [proof()])
    path = tmp_path / proofs.FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "novelty": 1}) + "\n")

    assert proofs.newest(tmp_path) == {"shop/crash": proof()}


def test_rows_of_several_writers_stay_whole(tmp_path):
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(
            pool.map(
                lambda number: proofs.append(tmp_path, [proof(experiment=f"shop/{number}")]),
                range(64),
            )
        )

    assert len(proofs.newest(tmp_path)) == 64


def test_a_proof_of_the_very_same_thing_holds():
    note = proofs.note_of(RECORD, proof())

    assert note.state is ProofState.PROVEN
    assert note_words(note).startswith("Proven (2026-01-01, run r1)")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"hash": "e2"}, "its file"),
        ({"target_hash": "t2"}, "its target"),
        ({"budgets": budgets(recovery=9.0)}, "a budget"),
    ],
)
def test_a_proof_of_something_else_is_stale(change, what):
    note = proofs.note_of(replace(RECORD, **change), proof())

    assert note.state is ProofState.STALE
    assert f"before {what} changed" in note.reason


def test_what_was_never_tried_is_unproven():
    noted = proofs.with_notes(journal(RECORD), {})

    assert isinstance(noted, Journal)
    assert noted.experiments[0].proof.state is ProofState.UNPROVEN


def test_an_arm_has_its_experiments_proof():
    arm = Arm(of="shop/crash", kind=ArmKind.OFF, healer="proxy")
    record = replace(RECORD, name=arm.name, arm=arm, hash="other")
    noted = proofs.with_notes(journal(record), {"shop/crash": proof()})

    assert noted.experiments[0].proof.state is ProofState.PROVEN


def test_what_a_healer_buys_is_said_in_requests_and_seconds():
    off = result(
        verdict=Verdict.OVER_BUDGET,
        acted=("engine",),
        figures=figures(availability=1 - 0.1 / 30, recovery=(0.30, 0.32), impact=(0.0, 0.02)),
    )
    itself = result(ArmKind.ON, Verdict.MASKED, figures=figures())

    assert bought(proof(arms=(itself, off))) == (
        "Without proxy, 33 % of requests fail until 320 ms after the fault, when engine had "
        "acted; with it, none does.",
    )


def test_nothing_is_said_of_requests_that_nobody_counted():
    off = result(figures=figures(availability=0.0, recovery=(30.0, None), impact=(0.0, 0.02)))
    untold = result(ArmKind.ON, Verdict.OBSERVER_LATE, figures=())

    assert bought(proof(arms=(untold, off))) == (
        "Without proxy, 100 % of requests fail for as long as it was watched (30 s).",
    )
    assert bought(proof(arms=(untold, result(figures=())))) == (
        "Without proxy, the outcome is not healed.",
    )


def test_an_outage_without_end_and_lost_strength_are_said():
    itself = result(
        ArmKind.ON,
        Verdict.HEALED,
        figures=figures(
            availability=1 - 0.6 / 30,
            recovery=(0.58, 0.6),
            impact=(0.0, 0.02),
            redundancy=(0.6, 0.65),
        ),
    )
    off = result(
        figures=figures(
            availability=0.0, recovery=(30.0, None), impact=(0.0, 0.02), redundancy=(30.0, None)
        )
    )

    (said,) = bought(proof(arms=(itself, off)))

    assert "100 % of requests fail for as long as it was watched (30 s)" in said
    assert "with it, 100 % of requests fail until 600 ms after the fault" in said
    assert "full strength does not come back (with it, 650 ms)" in said


@pytest.mark.parametrize(
    ("off", "cell"),
    [
        ({}, "heals: not healed without"),
        ({"verdict": Verdict.MASKED, "behaved": False}, "not needed: masked without"),
        ({"verdict": Verdict.WRONG_HEALER}, "not needed: another healed it"),
        ({"verdict": Verdict.WRONG_HEALER, "missed": ("recovery",)}, "heals: wrong healer without"),
        ({"verdict": Verdict.OBSERVER_LATE, "behaved": None}, "? observer late"),
    ],
)
def test_the_matrix_says_which_healer_heals_which_fault(off, cell):
    itself = result(ArmKind.ON, Verdict.MASKED, acted=("proxy",))
    matrix = matrix_of([proof(arms=(itself, result(**off)))])

    assert matrix.heads[-2:] == ("proxy", "engine")
    assert matrix.rows[0][-2:] == (cell, "–")


def test_the_matrix_of_a_negative_control_says_what_does_not_heal():
    control = proof(
        expect=Verdict.NOT_HEALED, arms=(result(ArmKind.ON, Verdict.NOT_HEALED),), faults=("hang",)
    )

    assert matrix_of([control]).rows[0][-2:] == ("does not heal it", "–")


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([ProofState.PROVEN], "The experiment is proven"),
        ([ProofState.PROVEN] * 2, "All 2 experiments are proven"),
        ([ProofState.PROVEN, ProofState.FAILED], "1 of 2 experiments is not proven"),
        ([ProofState.FAILED], "The experiment is not proven"),
        ([ProofState.PROVEN, ProofState.UNPROVEN], "We cannot tell for 1 of 2 experiments"),
    ],
)
def test_all_proofs_in_one_sentence(states, said):
    assert headline_of([proof(state=one) for one in states]).startswith(said)


def test_a_latency_is_worth_a_sentence_only_when_it_missed_its_budget():
    def waited(seconds):
        p99 = Measured(measure="latency_p99", unit=Unit.SECONDS, low=seconds, high=seconds)
        return (*figures(), p99)

    itself = result(ArmKind.ON, Verdict.MASKED, figures=waited(0.004))
    quick = result(verdict=Verdict.OVER_BUDGET, figures=waited(0.016), missed=("redundancy",))
    slow = result(verdict=Verdict.OVER_BUDGET, figures=waited(0.5), missed=("latency_p99",))

    assert "waits" not in bought(proof(arms=(itself, quick)))[0]
    assert bought(proof(arms=(itself, slow))) == (
        "Without proxy, no request fails, but one in a hundred waits 500 ms instead of 4 ms.",
    )
