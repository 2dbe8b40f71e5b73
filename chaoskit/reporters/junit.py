"""junit.xml: what every CI reads. One suite an experiment, one case a budget, one for the verdict.

`file` and `line` are written, because annotators need them; the strictest schema forbids them, and
no reader minds. All text is cleaned first: a NUL from a container's log would make the file ill-formed.
"""

from xml.etree import ElementTree as ET

from chaoskit.model.experiment import Budget
from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.model.measures import Sense, Unit
from chaoskit.reporters.figures import Figure, budget_figures, sense_of
from chaoskit.reporters.headline import headline
from chaoskit.reporters.text import clean, clip, redact
from chaoskit.reporters.wording import Result, result_of, verdict_words

_TEXT_LIMIT = 10_000  # characters: some readers refuse large files whole


def render(journal: Journal) -> str:
    """The run as JUnit XML."""
    suites = [_suite(journal, record) for record in journal.experiments]
    root = ET.Element("testsuites", _attributes(name="chaoskit", **_totals(suites)))
    root.extend(suites)
    if journal.left_behind or not journal.experiments:
        root.append(_run_suite(journal))
        root.attrib.update(_totals(list(root)))
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="utf-8"?>\n', "\n")
    )


def _suite(journal: Journal, record: ExperimentRecord) -> ET.Element:
    cases = [_verdict_case(record)]
    if _tells(record):
        cases += [_budget_case(record, one) for one in budget_figures(record)]
    else:
        cases += [_untold_case(record, budget) for budget in record.budgets]
    suite = ET.Element(
        "testsuite",
        _attributes(
            name=record.name,
            timestamp=journal.anchor.wall[:19],
            time=_time(record.wall_s),
            **_counts(cases),
        ),
    )
    suite.append(_properties(journal, record))
    suite.extend(cases)
    return suite


def _tells(record: ExperimentRecord) -> bool:
    return result_of(record) in {Result.PASSED, Result.EXPECTED, Result.FAILED}


def _verdict_case(record: ExperimentRecord) -> ET.Element:
    judgement = record.judgement
    verdict = verdict_words(judgement.verdict) if judgement else "not judged"
    sentence = judgement.sentence if judgement else "The run ended before this was judged."
    name = f"verdict is {verdict_words(record.expect)}" if record.expect else "the system heals"
    case = _case(record, name, line=record.line, time_s=record.wall_s)
    result = result_of(record)
    if result is Result.FAILED:
        _say(case, "failure", sentence, kind=_camel(verdict))
    elif result is Result.INCONCLUSIVE:
        _say(case, "error", sentence, kind="Inconclusive")
    elif result in {Result.ERROR, Result.LEFT_BEHIND}:
        _say(case, "error", sentence, kind=_camel(verdict))
    elif result is Result.EXPECTED:
        _out(case, f"{verdict}, as expected: {sentence}")
    else:
        _out(case, f"{verdict}: {sentence}")
    return case


def _budget_case(record: ExperimentRecord, figure: Figure) -> ET.Element:
    assert figure.budget is not None, "a budget's figure has its budget"
    times = [dot.value for dot in figure.dots]
    in_seconds = figure.unit is Unit.SECONDS and times
    case = _case(
        record,
        _budget_name(figure.budget),
        line=figure.budget.line or record.line,
        time_s=max(times) if in_seconds else None,
    )
    told = f"{figure.label} {figure.bound_text}: median {figure.median}, worst {figure.worst}"
    if figure.known_count:
        told += f", kept in {figure.kept_count} of {figure.known_count} trials"
        told += f", {record.allow} may miss" if record.allow else ""
    expected = result_of(record) is Result.EXPECTED
    if figure.kept is False and expected:
        _out(case, f"missed, and expected to be: {told}")
    elif figure.kept is False:
        _say(case, "failure", told, kind="BudgetMissed")
    elif figure.kept is None:
        _say(case, "skipped", f"could not be told: {told}")
    else:
        _out(case, told)
    return case


def _untold_case(record: ExperimentRecord, budget: Budget) -> ET.Element:
    """A budget of an experiment that says nothing: the verdict's case is the error, once."""
    case = _case(record, _budget_name(budget), line=budget.line or record.line, time_s=None)
    _say(case, "skipped", "the experiment was inconclusive")
    return case


def _budget_name(budget: Budget) -> str:
    at_least = sense_of(budget.measure) is Sense.AT_LEAST
    return f"{budget.measure} {'at least' if at_least else 'within'} {budget.text}"


def _run_suite(journal: Journal) -> ET.Element:
    """What is wrong with the run as a whole belongs to no experiment."""
    case = ET.Element("testcase", _attributes(classname="chaoskit", name="the run", time="0.000"))
    head = headline(journal)
    _say(case, "error", "\n".join([head.sentence, *head.asides]), kind="Run")
    suite = ET.Element("testsuite", _attributes(name="chaoskit", time="0.000", **_counts([case])))
    suite.append(case)
    return suite


def _case(record: ExperimentRecord, name: str, *, line: int, time_s: float | None) -> ET.Element:
    return ET.Element(
        "testcase",
        _attributes(
            classname=f"chaos.{record.name}",
            name=name,
            file=record.file,
            line=str(line),
            time=_time(time_s),
        ),
    )


def _properties(journal: Journal, record: ExperimentRecord) -> ET.Element:
    properties = ET.Element("properties")
    rows = {
        "seed": str(journal.seed),
        "chaoskit": journal.chaoskit,
        "run": journal.run_id,
        "target": record.target,
        "trials": f"{len(record.trials)} of {record.runs}",
        "repeat": redact(journal.command),
    }
    for name, value in rows.items():
        properties.append(ET.Element("property", _attributes(name=name, value=value)))
    return properties


def _say(case: ET.Element, tag: str, text: str, *, kind: str = "") -> None:
    attributes = _attributes(message=text.splitlines()[0] if text else "")
    if kind:
        attributes["type"] = kind
    said = ET.SubElement(case, tag, attributes)
    said.text = _clean(text)


def _out(case: ET.Element, text: str) -> None:
    ET.SubElement(case, "system-out").text = _clean(text)


def _attributes(**values: str) -> dict[str, str]:
    return {name: _clean(value) for name, value in values.items()}


def _clean(text: str) -> str:
    return clip(clean(text), _TEXT_LIMIT)


def _counts(cases: list[ET.Element]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
    }


def _totals(suites: list[ET.Element]) -> dict[str, str]:
    keys = ("tests", "failures", "errors", "skipped")
    return {key: str(sum(int(suite.attrib[key]) for suite in suites)) for key in keys}


def _time(seconds: float | None) -> str:
    """Seconds with a dot and three decimals: strict readers want no more."""
    return f"{seconds or 0.0:.3f}"


def _camel(words: str) -> str:
    """`NotHealed` of `not healed`."""
    return "".join(word.capitalize() for word in words.split())
