"""Chaos Toolkit's tolerances, with its exact meaning, compiled once instead of per ask.

They are tested for equality with `chaoslib.hypothesis.within_tolerance`. One thing differs: where
Chaos Toolkit dies of a TypeError (a pattern applied to a number), the answer is outside the tolerance.
`type: probe` is not compiled here: it runs code of the user's, so such a probe is asked by the pool.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from numbers import Number
from typing import Any

from chaoskit.probes.base import BadProbe, Settings

Check = Callable[[Any], bool]


class Need(IntEnum):
    """How much of an answer a tolerance looks at; parsing more would be wasted."""

    STATUS = 0
    HEADERS = 1
    EVERYTHING = 2


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """A compiled tolerance for values such as {status, headers, body}."""

    need: Need
    check: Check
    statuses: frozenset[int] | None = None  # when the status alone decides: the good ones

    def met(self, value: Any) -> bool:
        """Whether the value is within the tolerance."""
        try:
            return bool(self.check(value))
        except (TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
            return False


def is_probe(tolerance: Any) -> bool:
    """Whether the tolerance is itself a probe, which only the pool can ask."""
    return isinstance(tolerance, Mapping) and tolerance.get("type") == "probe"


def compile_tolerance(tolerance: Any, settings: Settings) -> Tolerance:
    """The tolerance, ready to be applied. Raises BadProbe with what is allowed."""
    if isinstance(tolerance, str):
        # As in Chaos Toolkit, only a bare string is substituted as a whole.
        tolerance = settings.fill(tolerance)
    if isinstance(tolerance, bool | str):
        return Tolerance(need=Need.STATUS, check=_equal_to(tolerance))
    if isinstance(tolerance, int):
        return Tolerance(
            need=Need.STATUS, check=_status_is(tolerance), statuses=frozenset({tolerance})
        )
    if isinstance(tolerance, list | tuple):
        return _from_list(list(tolerance))
    if isinstance(tolerance, Mapping) and tolerance.get("type") in _COMPILERS:
        return _COMPILERS[tolerance["type"]](tolerance, settings)
    message = (
        f"its tolerance is {tolerance!r}; write a boolean, a whole number, a text, a list, "
        f"or a mapping whose type is one of {', '.join(sorted(_COMPILERS))}, probe"
    )
    raise BadProbe(message)


def _equal_to(expected: Any) -> Check:
    return lambda value: bool(value == expected)


def _status_is(expected: int) -> Check:
    return lambda value: bool(_status_or_itself(value) == expected)


def _status_or_itself(value: Any) -> Any:
    return value["status"] if isinstance(value, Mapping) and "status" in value else value


def _from_list(allowed: list[Any]) -> Tolerance:
    def check(value: Any) -> bool:
        if isinstance(value, Mapping) and "status" in value:
            return value["status"] in allowed
        if len(allowed) == 2:
            return bool(allowed[0] <= value <= allowed[1])
        return value in allowed

    statuses = frozenset(status for status in range(1000) if status in allowed)
    return Tolerance(need=Need.STATUS, check=check, statuses=statuses)


def _need(target: Any) -> Need:
    return {"status": Need.STATUS, "headers": Need.HEADERS}.get(str(target), Need.EVERYTHING)


def _aim(value: Any, target: Any) -> Any:
    return value.get(target, value) if target else value


def _regex(tolerance: Mapping[str, Any], settings: Settings) -> Tolerance:
    pattern = settings.fill(tolerance.get("pattern"))
    try:
        compiled = re.compile(pattern)
    except (TypeError, re.error) as problem:
        message = f"its tolerance's pattern {pattern!r} is not a regular expression: {problem}"
        raise BadProbe(message) from problem
    target = tolerance.get("target")
    return Tolerance(
        need=_need(target), check=lambda value: compiled.search(_aim(value, target)) is not None
    )


def _range(tolerance: Mapping[str, Any], _settings: Settings) -> Tolerance:
    bounds = tolerance.get("range")
    if not (
        isinstance(bounds, list | tuple)
        and len(bounds) == 2
        and all(isinstance(bound, Number) for bound in bounds)
    ):
        message = f"its tolerance's range is {bounds!r}; write two numbers, [low, high]"
        raise BadProbe(message)
    low, high = Decimal(bounds[0]), Decimal(bounds[1])
    target = tolerance.get("target")

    def check(value: Any) -> bool:
        try:
            return low <= Decimal(_aim(value, target)) <= high
        except InvalidOperation:
            return False

    return Tolerance(need=_need(target), check=check)


def _jsonpath(tolerance: Mapping[str, Any], settings: Settings) -> Tolerance:
    import json  # noqa: PLC0415 - most probes need neither, and antlr is slow to import

    from jsonpath2.path import Path  # noqa: PLC0415

    text = settings.fill(tolerance.get("path"))
    try:
        path = Path.parse_str(text)
    except (TypeError, ValueError, AttributeError) as problem:
        message = f"its tolerance's path {text!r} is not a JSON path: {problem}"
        raise BadProbe(message) from problem
    target = tolerance.get("target")
    accept = _jsonpath_verdict(tolerance, settings)

    def check(value: Any) -> bool:
        value = _aim(value, target)
        if isinstance(value, bytes):
            value = value.decode("utf-8")
        if isinstance(value, str):
            with suppress(json.JSONDecodeError):
                value = json.loads(value)
        return accept([found.current_value for found in path.match(value)])

    return Tolerance(need=_need(target), check=check)


def _jsonpath_verdict(
    tolerance: Mapping[str, Any], settings: Settings
) -> Callable[[list[Any]], bool]:
    """What the found values must be: `expect` decides over `count`, and `count` over "anything"."""
    if "expect" in tolerance:
        expect = settings.fill(tolerance["expect"])
        expected = expect if isinstance(expect, list) else [expect]
        return lambda values: values == expected
    count = tolerance.get("count")
    if count is not None:
        return lambda values: len(values) == count
    return lambda values: len(values) > 0


_COMPILERS: dict[str, Callable[[Mapping[str, Any], Settings], Tolerance]] = {
    "jsonpath": _jsonpath,
    "range": _range,
    "regex": _regex,
}
