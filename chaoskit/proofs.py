"""proofs.jsonl: which experiments have shown that they can fail, and with what they showed it.

One row for each experiment that `chaoskit prove` tried; rows are only ever added. A proof holds for
the very experiment, target and budgets that were tried: with any of them changed it is stale.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.model.jsonlines import append_rows
from chaoskit.model.proof import Proof, ProofNote, ProofState

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FILE = "proofs.jsonl"
NEVER_TRIED = ProofNote(
    state=ProofState.UNPROVEN,
    reason="no control arm was run: neither without the fault, nor with a healer switched off",
)


def append(reports: Path, proofs: Iterable[Proof]) -> None:
    """Add rows; see append_rows."""
    append_rows(reports / FILE, map(asdict, proofs))


def newest(reports: Path) -> dict[str, Proof]:
    """The proof of each experiment that counts, by the experiment's name.

    The newest one that says something; an attempt that could not tell does not undo an earlier
    proof. Lines that are torn or not ours are passed over.
    """
    path = reports / FILE
    if not path.is_file():
        return {}
    found: dict[str, Proof] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        proof = _read(line)
        if proof is None:
            continue
        earlier = found.get(proof.experiment)
        if earlier is None or not _undecided(proof) or _undecided(earlier):
            found[proof.experiment] = proof
    return found


def note_of(record: ExperimentRecord, proof: Proof | None) -> ProofNote:
    """What a report says of an experiment's proof."""
    if proof is None:
        return NEVER_TRIED
    changed = [
        what
        for what, same in (
            ("its file", proof.experiment_hash == record.hash),
            ("its target", proof.target_hash == record.target_hash),
            ("a budget", dict(proof.budgets) == {one.measure: one.text for one in record.budgets}),
        )
        if not same
    ]
    state, reason = proof.state, proof.reason
    if changed:
        was = "proven" if state is ProofState.PROVEN else "tried"
        reason = f"it was {was} before {' and '.join(changed)} changed: {reason}"
        state = ProofState.STALE
    return ProofNote(state=state, reason=reason, run=proof.run, at=proof.at)


def with_notes(journal: Journal, proofs: Mapping[str, Proof]) -> Journal:
    """The journal with the state of each experiment's proof; an arm has its experiment's."""
    return replace(
        journal,
        experiments=tuple(
            replace(one, proof=_note(one, proofs.get(one.arm.of if one.arm else one.name)))
            for one in journal.experiments
        ),
    )


def _note(record: ExperimentRecord, proof: Proof | None) -> ProofNote:
    if record.arm is None or proof is None:
        return note_of(record, proof)
    return ProofNote(state=proof.state, reason=proof.reason, run=proof.run, at=proof.at)


def _undecided(proof: Proof) -> bool:
    return proof.state is ProofState.UNPROVEN


def _read(line: str) -> Proof | None:
    """A row, or None when it is none; fields that a newer version added are passed over."""
    from pydantic import ValidationError  # noqa: PLC0415  # `--help` has no use for it

    try:
        return _adapter().validate_python(json.loads(line))
    except (ValueError, ValidationError, RecursionError):
        return None


@cache
def _adapter() -> "TypeAdapter[Proof]":
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(Proof)
