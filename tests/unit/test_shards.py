"""Shards: every experiment in exactly one, about as long each, and jobs that agree unasked."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaoskit import pipeline
from chaoskit.errors import InputError, NothingSelected
from chaoskit.plan.compile import compile_plan
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.shards import START_S, parse_shard, part_of, split
from chaoskit.plan.targets import TargetShelf
from chaoskit.request import Request, repeat_command

TESTS = Path(__file__).parents[1]
SHELF = TargetShelf(TESTS / "bad" / "targets")
SHOP = SHELF.load("shop")
ONE = load_experiment(TESTS / "good" / "our-block.yaml", SHELF)


def suite(lengths, seed=1, targets=3):
    """A plan of experiments with these watches, spread over a few targets."""
    made = [
        replace(
            ONE,
            name=f"x/{number}",
            target=f"t{number % targets}",
            phases=replace(ONE.phases, baseline_s=float(length)),
        )
        for number, length in enumerate(lengths)
    ]
    return compile_plan(made, {one.target: SHOP for one in made}, seed=seed)


@given(
    lengths=st.lists(st.integers(1, 100), min_size=1, max_size=30),
    of=st.integers(1, 8),
    seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)),
)
@settings(max_examples=60)
def test_every_experiment_is_in_exactly_one_part_whatever_the_seeds(lengths, of, seeds):
    first, second = (split(suite(lengths, seed).groups, of) for seed in seeds)
    names = [name for part in first for name in part]

    assert sorted(names) == sorted(f"x/{number}" for number in range(len(lengths)))
    assert first == second


@given(lengths=st.lists(st.integers(1, 100), min_size=4, max_size=30), of=st.integers(2, 4))
@settings(max_examples=40)
def test_parts_take_about_as_long(lengths, of):
    plan = suite(lengths)
    took = {one.experiment.name: one.estimate_s for one in plan.experiments}
    totals = [sum(took[name] for name in part) for part in split(plan.groups, of)]

    assert max(totals) - min(totals) <= max(took.values()) + 3 * START_S


def test_a_part_knows_the_whole_suite():
    parts = [part_of(suite([5, 4, 3, 2]), index, 2) for index in (1, 2)]

    assert {len(one.shard.suite) for one in parts} == {4}
    assert sum(len(one.experiments) for one in parts) == 4
    assert [one.shard.index for one in parts] == [1, 2]


def test_more_parts_than_experiments_are_refused():
    with pytest.raises(NothingSelected, match="there are only 2; use 2 shards"):
        part_of(suite([1, 2]), 3, 3)


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "-1/3", "1/0", "a/b", "1/3/5", "1.5/3"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(InputError, match="from 1/3 to 3/3"):
        parse_shard(text)


def test_our_own_suite_is_split_and_repeated_with_its_part():
    request = Request(paths=(Path("experiments"),), seed=1)
    names = [
        one.experiment.name
        for index in (1, 2, 3)
        for one in pipeline.plan(replace(request, shard=(index, 3)))[0].experiments
    ]

    assert sorted(names) == sorted(
        one.experiment.name for one in pipeline.plan(request)[0].experiments
    )
    assert "--shard 2/3" in repeat_command(replace(request, shard=(2, 3)), 1)
