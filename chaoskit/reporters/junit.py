"""junit.xml: what every CI reads. One suite an experiment, one case a budget, one for the verdict.

`file` and `line` are written, because annotators need them; the one formal schema in use, Jenkins'
junit-10.xsd, forbids them, and `strict` leaves them out. All text is cleaned first: a NUL from a
container's log would make the file ill-formed.
"""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.reporters.cases import Case, Status, Suite, suites_of
from chaoskit.reporters.text import clean, clip, redact

_TEXT_LIMIT = 10_000  # characters: some readers refuse large files whole
_TAGS = {Status.FAILED: "failure", Status.ERROR: "error", Status.SKIPPED: "skipped"}


def render(
    journal: Journal, *, strict: bool = False, attachment: str = "", more: Sequence[Suite] = ()
) -> str:
    """The run as JUnit XML, and `more` suites of whoever looked at it.

    `attachment` is a file that readers show with what is not in order.
    """
    suites = [*suites_of(journal), *more]
    root = ET.Element("testsuites", _attributes(name="chaoskit", **_counts(suites, strict=strict)))
    root.extend([_suite(journal, one, strict=strict, attachment=attachment) for one in suites])
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="utf-8"?>\n', "\n")
    )


def _suite(journal: Journal, suite: Suite, *, strict: bool, attachment: str) -> ET.Element:
    record = suite.record
    element = ET.Element(
        "testsuite",
        _attributes(
            name=suite.name,
            timestamp=journal.anchor.wall[:19],
            hostname=str(journal.environment.get("host") or "localhost"),
            time=_time(record.wall_s if record else None),
            **_counts([suite]),
        ),
    )
    if record is not None:
        element.append(_properties(journal, record))
    for one in suite.cases:
        element.append(_case(one, strict=strict, attachment=attachment))
    return element


def _case(case: Case, *, strict: bool, attachment: str) -> ET.Element:
    named = {"classname": f"chaos.{case.suite}", "name": case.name}
    if case.file and not strict:
        named |= {"file": case.file, "line": str(case.line)}
    element = ET.Element("testcase", _attributes(**named, time=_time(case.time_s)))
    if case.status is Status.PASSED:
        _out(element, redact(case.text))
        return element
    attributes = _attributes(message=redact(case.text).splitlines()[0] if case.text else "")
    if case.kind:
        attributes |= _attributes(type=case.kind)
    said = ET.SubElement(element, _TAGS[case.status], attributes)
    said.text = _clean(redact(case.text))
    if attachment and case.status is not Status.SKIPPED:
        _out(element, f"[[ATTACHMENT|{attachment}]]")
    return element


def _properties(journal: Journal, record: ExperimentRecord) -> ET.Element:
    properties = ET.Element("properties")
    rows = {
        "seed": str(journal.seed),
        "chaoskit": journal.chaoskit,
        "run": journal.run_id,
        "commit": str(journal.environment.get("commit", "")),
        "engine": str(journal.environment.get("engine", "")),
        "target": record.target,
        "faults": ", ".join(one.fault for one in record.faults),
        "trials": f"{len(record.trials)} of {record.runs}",
        "repeat": redact(journal.command),
    }
    for name, value in rows.items():
        if value:
            properties.append(ET.Element("property", _attributes(name=name, value=value)))
    return properties


def _out(case: ET.Element, text: str) -> None:
    ET.SubElement(case, "system-out").text = _clean(text)


def _attributes(**values: str) -> dict[str, str]:
    return {name: _clean(value) for name, value in values.items()}


def _clean(text: str) -> str:
    return clip(clean(text), _TEXT_LIMIT)


def _counts(suites: Sequence[Suite], *, strict: bool = False) -> dict[str, str]:
    """How many cases of each kind; the schema knows no `skipped` of all suites together."""
    found = [case.status for one in suites for case in one.cases]
    counts = {
        "tests": str(len(found)),
        "failures": str(found.count(Status.FAILED)),
        "errors": str(found.count(Status.ERROR)),
        "skipped": str(found.count(Status.SKIPPED)),
    }
    return {key: value for key, value in counts.items() if not strict or key != "skipped"}


def _time(seconds: float | None) -> str:
    """Seconds with a dot and three decimals: strict readers want no more."""
    return f"{seconds or 0.0:.3f}"
