"""Tolerances mean exactly what Chaos Toolkit means by them."""

from typing import Any

import pytest
from chaoslib import substitute as chaos_substitute
from chaoslib.hypothesis import within_tolerance
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.probes.base import Settings
from chaoskit.probes.tolerance import Need, compile_tolerance
from chaoskit.probes.variables import substitute

CONFIGURATION = {"word": "up", "five": 5, "list": [1, 2], "path": "$.status"}
SECRETS = {"vault": {"token": "s3cret"}}
KNOWN = Settings(configuration=CONFIGURATION, secrets=SECRETS)

TOLERANCES: list[Any] = [
    True,
    False,
    "up",
    "${word}",
    200,
    0,
    1,
    [200],
    [200, 299],
    [200, 204, 404],
    [],
    ["a", "z"],
    {"type": "regex", "pattern": "u[p]"},
    {"type": "regex", "target": "body", "pattern": "^${word}"},
    {"type": "regex", "target": "status", "pattern": "2.."},
    {"type": "regex", "target": "nothing", "pattern": "x"},
    {"type": "regex", "target": "stdout", "pattern": "ready"},
    {"type": "range", "range": [200, 299]},
    {"type": "range", "target": "status", "range": [200, 299]},
    {"type": "range", "target": "body", "range": [0.1, 6]},
    {"type": "jsonpath", "path": "$.status"},
    {"type": "jsonpath", "path": "${path}", "expect": 200},
    {"type": "jsonpath", "path": "$.body.state", "expect": "${word}"},
    {"type": "jsonpath", "target": "body", "path": "$.items[*]", "count": 2},
    {"type": "jsonpath", "target": "body", "path": "$.items[*]", "count": 0},
    {"type": "jsonpath", "target": "body", "path": "$.items[*]", "expect": [1, 2]},
    {"type": "jsonpath", "target": "body", "path": "$.items[*]", "expect": 1},
    {"type": "jsonpath", "target": "body", "path": "$.items[*]", "count": 9, "expect": [1, 2]},
    {"type": "jsonpath", "target": "headers", "path": "$.Server"},
]
VALUES: list[Any] = [
    {"status": 200, "headers": {"Server": "x"}, "body": "up and running"},
    {"status": 404, "headers": {}, "body": ""},
    {"status": 204, "headers": {}, "body": None},
    {"status": 200, "headers": {}, "body": {"state": "up", "items": [1, 2]}},
    {"status": 200, "headers": {}, "body": '{"state": "up", "items": [1]}'},
    {"status": 200, "headers": {}, "body": "5"},
    {"status": 0, "stdout": "ready\n", "stderr": ""},
    {"other": 1},
    True,
    False,
    None,
    0,
    1,
    200,
    250.5,
    "up",
    "5",
    "m",
    "",
    [1, 2],
]


def chaos_toolkit_says(tolerance: Any, value: Any) -> bool:
    """Chaos Toolkit's answer; where it dies of an exception, the value is not within."""
    if isinstance(tolerance, str):
        tolerance = chaos_substitute(tolerance, CONFIGURATION, SECRETS)
    try:
        return bool(within_tolerance(tolerance, value, CONFIGURATION, SECRETS))
    except Exception:  # noqa: BLE001 - it raises whatever the value makes it raise
        return False


@pytest.mark.parametrize("tolerance", TOLERANCES, ids=repr)
def test_every_tolerance_agrees_with_chaos_toolkit_about_every_value(tolerance: Any) -> None:
    compiled = compile_tolerance(tolerance, KNOWN)
    for value in VALUES:
        assert compiled.met(value) is chaos_toolkit_says(tolerance, value), value


scalars = st.none() | st.booleans() | st.integers(-5, 600) | st.text("ab15 .{}", max_size=4)
numbers = st.integers(-5, 600) | st.floats(-5, 600).map(lambda number: round(number, 2))
tolerances = (
    st.booleans()
    | st.text("ab1", max_size=3)
    | st.integers(-5, 600)
    | st.lists(scalars | numbers, max_size=4)
    | st.fixed_dictionaries(
        {"type": st.just("range"), "range": st.lists(numbers, min_size=2, max_size=2)},
        optional={"target": st.sampled_from(["status", "body", "headers", "x"])},
    )
    | st.fixed_dictionaries(
        {"type": st.just("regex"), "pattern": st.sampled_from(["a", "^1", "b$", "", "[15]+"])},
        optional={"target": st.sampled_from(["status", "body", "headers", "x"])},
    )
    | st.fixed_dictionaries(
        {"type": st.just("jsonpath"), "path": st.sampled_from(["$.a", "$.status", "$.*", "$"])},
        optional={
            "target": st.sampled_from(["status", "body", "headers", "x"]),
            "count": st.integers(0, 3),
            "expect": scalars | st.lists(scalars, max_size=2),
        },
    )
)
answers = st.fixed_dictionaries(
    {
        "status": st.integers(100, 599),
        "headers": st.dictionaries(st.sampled_from(["a", "b"]), st.text("ab1", max_size=3)),
        "body": scalars
        | numbers
        | st.dictionaries(st.sampled_from(["a", "b"]), scalars, max_size=2)
        | st.lists(scalars, max_size=3),
    }
)


@given(tolerance=tolerances, value=answers | scalars | numbers)
def test_any_tolerance_agrees_with_chaos_toolkit_about_any_value(
    tolerance: Any, value: Any
) -> None:
    compiled = compile_tolerance(tolerance, KNOWN)

    assert compiled.met(value) is chaos_toolkit_says(tolerance, value)


@given(tolerance=tolerances, value=answers)
def test_what_a_tolerance_does_not_need_does_not_matter(
    tolerance: Any, value: dict[str, Any]
) -> None:
    compiled = compile_tolerance(tolerance, KNOWN)
    bare = {
        "status": value["status"],
        "headers": value["headers"] if compiled.need >= Need.HEADERS else {},
        "body": value["body"] if compiled.need is Need.EVERYTHING else None,
    }

    assert compiled.met(bare) is compiled.met(value)


@given(tolerance=tolerances, value=answers)
def test_statuses_that_decide_alone_decide_alike(tolerance: Any, value: dict[str, Any]) -> None:
    compiled = compile_tolerance(tolerance, KNOWN)
    if compiled.statuses is not None:
        assert (value["status"] in compiled.statuses) is compiled.met(value)


@pytest.mark.parametrize(
    "data",
    [
        "${five}",
        "$five",
        "${five} apples",
        "$${five}",
        "${unknown} and ${word}",
        "$",
        "${token}",
        {"a": ["${list}", {"b": "${word}!"}], "c": 3},
        ["${five}", ["$word"]],
        "",
        None,
        7,
    ],
    ids=repr,
)
def test_substitution_agrees_with_chaos_toolkit(data: Any) -> None:
    ours = substitute(data, CONFIGURATION, SECRETS)

    assert ours == chaos_substitute(data, CONFIGURATION, SECRETS)
    assert type(ours) is type(chaos_substitute(data, CONFIGURATION, SECRETS))
