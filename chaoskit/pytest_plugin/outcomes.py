"""How what chaoskit knows becomes what pytest knows.

evidence against the system           FAILED
nothing was learnt                    ERROR, "inconclusive"
trouble of ours or of the machine     ERROR
something may be left behind          ERROR, and the last and loudest lines of the session
what xfail excuses                    evidence against the system, and nothing of the rest
no Docker engine                      ERROR where CI is set or with --chaos-required, else SKIPPED
"""

import gc
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from chaoskit.api import Missed, Result
from chaoskit.errors import ChaoskitError, EnvironmentUnfit, Inconclusive, LiftFailed
from chaoskit.model.journal import ExperimentRecord
from chaoskit.reporters.text import one_line
from chaoskit.reporters.wording import measured_text, result_of

LEFT_BEHIND = "left behind"
INCONCLUSIVE = "inconclusive"
NO_ENGINE = "no engine"

_HEADS = {
    LEFT_BEHIND: "A FAULT OR A CONTAINER MAY BE LEFT BEHIND",
    INCONCLUSIVE: "INCONCLUSIVE: nothing was learnt about the system",
    "error": "chaoskit could not do its work; this says nothing about the system",
}
_SENTENCES = ("FAILED: ", "INCONCLUSIVE: ", "ERROR: ")  # in the story of a result
_engine = pytest.StashKey[str]()


def kind_of(error: BaseException) -> str:
    """failed, inconclusive, left behind or error; "" for what is not ours."""
    if isinstance(error, Missed):
        return "failed"
    if isinstance(error, LiftFailed):
        return LEFT_BEHIND
    if isinstance(error, Inconclusive):
        return INCONCLUSIVE
    return "error" if isinstance(error, ChaoskitError) else ""


def mark_report(item: pytest.Item, report: Any, call: pytest.CallInfo[None]) -> None:
    """Put the kind of a failure on the report, which xdist carries to the controller.

    Where no line of the test's own is to blame, the message takes the place of the traceback.
    """
    if call.excinfo is None:
        return
    error = call.excinfo.value
    if isinstance(error, (pytest.skip.Exception, pytest.fail.Exception)):
        if NO_ENGINE in str(error.msg):
            report.chaos = NO_ENGINE
    elif kind := kind_of(error):
        report.chaos = kind
        if kind != "failed" and hasattr(report, "wasxfail"):
            report.outcome = "failed"  # an xfail excuses the system, not us
            del report.wasxfail
        if call.when != "call" or not isinstance(item, pytest.Function):
            report.longrepr = block_of(error, kind, item.path)


def block_of(error: BaseException, kind: str, path: Path) -> Any:
    """The message alone, under a line that says whose fault it is."""
    head = _HEADS.get(kind, "")
    text = f"{head}\n{error}" if head else str(error)
    shown = pytest.ExceptionInfo.from_exception(_raised(text)).getrepr(style="value")
    lines = [line.strip() for line in str(error).splitlines()]
    said = next((line for line in lines if line.startswith(_SENTENCES)), lines[0])
    crash = getattr(shown, "reprcrash", None)
    if crash is not None:
        message = one_line(said.removeprefix("FAILED: "))  # pytest says that itself
        shown.reprcrash = replace(crash, path=str(path), lineno=1, message=message)
    return shown


def _raised(text: str) -> "ShownAsItIs":
    """An error that has been raised: pytest shows no others."""
    try:
        raise ShownAsItIs(text)  # noqa: TRY301  # there is nothing else to do
    except ShownAsItIs as error:
        return error


class ShownAsItIs(Exception):
    """A text that pytest is to show without anything around it."""


def refuse_without_engine(config: pytest.Config) -> None:
    """Skip, or fail where that must not go unseen, when no Docker engine answers."""
    if _engine not in config.stash:
        config.stash[_engine] = _why_no_engine()
    if why := config.stash[_engine]:
        _refuse(config, f"{NO_ENGINE}: {why}")


def _refuse(config: pytest.Config, why: str) -> NoReturn:
    if config.option.chaos_required or os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        pytest.fail(f"{why} (it is required: CI is set, or --chaos-required)", pytrace=False)
    pytest.skip(why)


def _why_no_engine() -> str:
    from chaoskit.target import engine  # noqa: PLC0415  # docker, for those who need it

    why = ""
    with warnings.catch_warnings():
        # Where nobody answers docker-py forgets its socket; a suite that is strict about such things
        # must not hear of it in whatever test comes next.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            engine.connect().close()
        except EnvironmentUnfit as error:
            why = str(error)
        if why:
            gc.collect()
    return why


def tell_result(item: pytest.Item, result: Result) -> None:
    """A run's result as properties of the test: JUnit and the summary have it from there."""
    tell_record(item, result.record, result.report)
    item.user_properties.append(("chaos_seed", str(result.seed)))
    item.user_properties.append(("chaos_repeat", result.repeat))


def tell_record(item: pytest.Item, record: ExperimentRecord, report: Path) -> None:
    """What an experiment came to."""
    judgement = record.judgement
    told = {
        "chaos_result": result_of(record).value,
        "chaos_verdict": judgement.verdict.value if judgement else "",
        "chaos_sentence": one_line(judgement.sentence) if judgement else "",
        "chaos_report": str(report),
    }
    from chaoskit.reporters.figures import worst_of  # noqa: PLC0415  # numpy

    for budget in record.budgets:
        worst = measured_text(worst_of(record, budget.measure))
        told[f"chaos_{budget.measure}"] = f"{worst}, budget {budget.text}"
    item.user_properties.extend(told.items())
