"""What the judge can say is written down for people."""

import re
from pathlib import Path

import pytest

from chaoskit.errors import Exit
from chaoskit.measures.base import catalogue
from chaoskit.model.verdict import Verdict
from chaoskit.stats.plans import NAMED

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_documented_with_its_exit_code(verdict: Verdict):
    rows = (DOCS / "verdicts.md").read_text(encoding="utf-8").splitlines()
    row = next(row for row in rows if row.startswith(f"| `{verdict.value}` |"))

    assert row.endswith(f"| {int(verdict.exit_code)} |")


@pytest.mark.parametrize("code", Exit)
def test_every_exit_code_is_documented(code: Exit):
    section = (DOCS / "verdicts.md").read_text(encoding="utf-8").split("## Exit codes")[1]
    codes = [row.split("|")[1] for row in section.splitlines() if row.startswith("|")]

    assert str(int(code)) in re.findall(r"\d+", " ".join(codes))


@pytest.mark.parametrize("name", catalogue())
def test_every_measure_is_documented_with_its_unit(name: str):
    text = (DOCS / "measurement.md").read_text(encoding="utf-8")

    assert f"| `{name}` | {catalogue()[name].unit.value} |" in text


@pytest.mark.parametrize("plan", NAMED.values(), ids=NAMED)
def test_every_plan_is_documented(plan):
    text = (DOCS / "verdicts.md").read_text(encoding="utf-8")

    assert (
        f"| `{plan.name}` | {plan.runs} | {plan.allow} | at least {plan.share:.0%}".replace(
            "%", " %"
        )
        in text
    )
