"""A run under way is told from one that died, whatever became of its pid."""

import json
import os

from chaoskit.run.owner import HARNESS, Mode, claim, owner_of, process_start, release


def change(folder, **fields):
    path = folder / HARNESS
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_our_own_run_lives_until_it_is_released(tmp_path):
    claim(tmp_path, "r1", Mode.UNDO)
    owner = owner_of(tmp_path)

    assert (owner.run_id, owner.pid, owner.mode, owner.lives) == (
        "r1",
        os.getpid(),
        Mode.UNDO,
        True,
    )
    release(tmp_path)
    release(tmp_path)
    assert owner_of(tmp_path) is None


def test_a_pid_that_was_used_again_is_not_the_owner(tmp_path):
    claim(tmp_path, "r1", Mode.REMOVE)
    change(tmp_path, started="1")

    assert not owner_of(tmp_path).lives


def test_after_a_boot_nobody_lives(tmp_path):
    claim(tmp_path, "r1", Mode.REMOVE)
    change(tmp_path, boot="another")

    assert not owner_of(tmp_path).lives


def test_a_torn_claim_is_no_claim(tmp_path):
    (tmp_path / HARNESS).write_text('{"run_id": "r')

    assert owner_of(tmp_path) is None


def test_no_process_has_no_start():
    assert process_start(2**22 + 1) == ""
    assert process_start(os.getpid()).isdigit()
