"""ctrf.json: the Common Test Report Format, https://ctrf.io, that many dashboards and bots read.

Evidence against the system is `failed`; what cannot be told is `other`, for the format has no word
for it and neither `failed` nor `skipped` would be true.
"""

import json
from datetime import UTC, datetime
from typing import Any

from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.reporters.cases import Case, Status, suites_of
from chaoskit.reporters.text import clean, clip, one_line, redact

SPEC = "0.0.0"
_TEXT_LIMIT = 10_000
_STATUSES = {
    Status.PASSED: "passed",
    Status.FAILED: "failed",
    Status.SKIPPED: "skipped",
    Status.ERROR: "other",
}


def render(journal: Journal) -> str:
    """The run as CTRF."""
    suites = suites_of(journal)
    tests = [_test(suite.record, one) for suite in suites for one in suite.cases]
    start_ms = journal.anchor.wall_ns // 1_000_000
    stop_ms = _ms(journal.ended_wall) if journal.ended_wall else start_ms
    statuses = [one["status"] for one in tests]
    summary = {
        status: statuses.count(status)
        for status in ("passed", "failed", "skipped", "pending", "other")
    }
    document = {
        "reportFormat": "CTRF",
        "specVersion": SPEC,
        "runId": one_line(journal.run_id),
        "timestamp": journal.anchor.wall,
        "generatedBy": f"chaoskit {journal.chaoskit}",
        "results": {
            "tool": {"name": "chaoskit", "version": one_line(journal.chaoskit)},
            "summary": {
                "tests": len(tests),
                **summary,
                "suites": len(suites),
                "start": start_ms,
                "stop": max(stop_ms, start_ms),
            },
            "tests": tests,
            "environment": _environment(journal),
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _test(record: ExperimentRecord | None, case: Case) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": one_line(f"{case.suite}: {case.name}"),
        "status": _STATUSES[case.status],
        "duration": round((case.time_s or 0.0) * 1000),
        "suite": [one_line(case.suite)],
        "message": clip(clean(redact(case.text)), _TEXT_LIMIT),
        "rawStatus": one_line(case.kind or case.status.value),
        "type": "chaos",
        "extra": {"chaoskit": {key: one_line(value) for key, value in case.facts.items()}},
    }
    if case.file:
        test |= {"filePath": one_line(case.file), "line": case.line}
    if record is not None:
        faults = ", ".join(one.fault for one in record.faults)
        test["tags"] = [one_line(tag) for tag in record.tags]
        test["labels"] = {"target": one_line(record.target), "faults": one_line(faults)}
    return test


def _environment(journal: Journal) -> dict[str, Any]:
    known = {
        "testEnvironment": journal.environment.get("host"),
        "osPlatform": journal.environment.get("platform"),
        "commit": journal.environment.get("commit"),
        "branchName": journal.environment.get("branch"),
    }
    told: dict[str, Any] = {key: one_line(str(value)) for key, value in known.items() if value}
    extra = {"seed": journal.seed, "repeat": one_line(redact(journal.command), limit=4_000)}
    return {**told, "extra": {"chaoskit": extra}}


def _ms(wall: str) -> int:
    at = datetime.fromisoformat(wall)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
