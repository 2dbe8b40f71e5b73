"""A run as CDEvents in CloudEvents' JSON form: what happened, for whoever reacts to events.

A run is a test suite run, an experiment a test case run (CDEvents 0.5); a fault's life has types of our
own, `io.chaoskit.fault.*`. Times are those of the marks, not those of the telling.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chaoskit.model.journal import Anchor
from chaoskit.model.marks import NS
from chaoskit.model.progress import News, Step
from chaoskit.model.verdict import Verdict

SPEC = "0.5.0"
_SUITE, _CASE = "testsuiterun", "testcaserun"
_VERSION = "0.3.0"
_FAULT = {
    "in_effect": "injected",
    "detected": "detected",
    "acted": "acted",
    "restored": "restored",
    "lifted": "lifted",
}

Event = Mapping[str, Any]


@dataclass(kw_only=True)
class Teller:
    """Turns news into events; everything before the news of a run is none of them."""

    environment: str  # where this runs, when no target is known yet
    trigger: str = "manual"  # or pipeline
    anchor: Anchor | None = None
    run_id: str = ""
    target: str = ""
    case: tuple[str, str] | None = None  # name and title of the experiment under way
    ended: bool = False
    _effects: dict[str, int] = field(default_factory=dict)  # by fault, in this trial
    _count: int = 0

    def take(self, news: News) -> Iterator[Event]:
        """The events that a piece of news amounts to."""
        match news.step:
            case Step.RUN:
                self.run_id, self.anchor = str(news.data["run_id"]), news.data["anchor"]
                content = {"trigger": {"type": self.trigger}, "testSuite": {"id": "chaoskit"}}
                yield self._cd(_SUITE, "started", news.at_ns, content)
            case Step.TARGET:
                self.target = str(news.data.get("target") or self.target)
            case Step.EXPERIMENT:
                yield from self._close_case(news.at_ns, "error", "it did not come to a verdict")
                self.case = (news.experiment, str(news.data.get("title") or news.experiment))
                yield self._cd(_CASE, "started", news.at_ns, {"trigger": {"type": self.trigger}})
            case Step.TRIAL | Step.MARK | Step.TRIAL_VERDICT if self.case is not None:
                yield from self._within(news)
            case Step.VERDICT:
                yield from self._close_case(news.at_ns, _outcome(news), news.text)
            case Step.END:
                yield from self.end(news)
            case _:
                pass

    def end(self, news: News) -> Iterator[Event]:
        """The run is over, in whatever way; nothing when that was said already."""
        if not self.run_id or self.ended:
            return
        self.ended = True
        code = news.data.get("exit_code")
        outcome = {0: "success", 1: "failure"}.get(code if isinstance(code, int) else -1, "error")
        outcome = "cancel" if news.data.get("interrupted") else outcome
        unfinished = "cancel" if outcome == "cancel" else "error"
        yield from self._close_case(news.at_ns, unfinished, "the run ended before it did")
        content = {"outcome": outcome, "reason": news.text, "testSuite": {"id": "chaoskit"}}
        yield self._cd(_SUITE, "finished", news.at_ns, content)

    def _close_case(self, at_ns: int, outcome: str, reason: str) -> Iterator[Event]:
        if self.case is not None:
            yield self._cd(_CASE, "finished", at_ns, {"outcome": outcome, "reason": reason})
            self.case = None

    def _within(self, news: News) -> Iterator[Event]:
        """What happens in the trials of an experiment."""
        if news.step is Step.TRIAL:
            self._effects.clear()
        elif news.step is Step.TRIAL_VERDICT:
            yield from self._recovered(news)
        elif news.data.get("kind") in _FAULT:
            yield from self._mark(news)

    def _mark(self, news: News) -> Iterator[Event]:
        data = news.data
        kind, source = str(data["kind"]), str(data.get("source", ""))
        if kind == "in_effect":
            self._effects.setdefault(source, news.at_ns)
        elif kind != "lifted" and not self._effects:
            return  # healers of a target that nobody broke yet
        since_s = data.get("since_effect_s")
        said = {
            "source": source,
            "fault": data.get("fault"),
            "service": data.get("service"),
            "instance": data.get("instance"),
            "sinceEffectSeconds": since_s,
            "detail": news.text,
        }
        yield self._own(_FAULT[kind], news, said)

    def _recovered(self, news: News) -> Iterator[Event]:
        numbers = news.data.get("numbers")
        recovery_s = numbers.get("recovery") if isinstance(numbers, Mapping) else None
        if not self._effects or not isinstance(recovery_s, (int, float)):
            return
        at_ns = min(self._effects.values()) + round(recovery_s * NS)
        said = {"sinceEffectSeconds": recovery_s, "verdict": news.data.get("verdict")}
        yield self._own("recovered", news, said, at_ns=at_ns)

    def _own(
        self, what: str, news: News, said: Mapping[str, Any], *, at_ns: int | None = None
    ) -> Event:
        name = self.case[0] if self.case else news.experiment
        data = {"run": self.run_id, "experiment": name, "trial": news.trial, **said}
        return self._cloud(
            f"io.chaoskit.fault.{what}",
            self.run_subject(name),
            news.at_ns if at_ns is None else at_ns,
            {name: value for name, value in data.items() if value not in (None, "")},
        )

    def _cd(self, subject: str, what: str, at_ns: int, content: Mapping[str, Any]) -> Event:
        content = {"environment": {"id": self.target or self.environment}, **content}
        kind, subject_id = "testSuiteRun", self.run_id
        if subject == _CASE:
            assert self.case is not None, "an experiment has begun"
            name, title = self.case
            kind, subject_id = "testCaseRun", self.run_subject(name)
            content |= {
                "testCase": {"id": name, "name": title, "type": "other"},
                "testSuiteRun": {"id": self.run_id},
            }
        event = self._cloud(f"dev.cdevents.{subject}.{what}.{_VERSION}", subject_id, at_ns, {})
        context = {"specversion": SPEC, "id": event["id"], "source": event["source"]}
        context |= {"type": event["type"], "timestamp": event["time"]}
        about = {"id": subject_id, "source": event["source"], "type": kind, "content": content}
        return {**event, "data": {"context": context, "subject": about}}

    def _cloud(
        self, kind: str, subject: str, at_ns: int, data: Mapping[str, Any]
    ) -> dict[str, Any]:
        self._count += 1
        assert self.anchor is not None, "the run has begun"
        at = datetime.fromtimestamp(self.anchor.wall_of(at_ns) / NS, UTC)
        return {
            "specversion": "1.0",
            "id": f"{self.run_id}-{self._count}",
            "source": f"/chaoskit/{self.environment}",
            "type": kind,
            "subject": subject,
            "time": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": data,
        }

    def run_subject(self, experiment: str) -> str:
        """What an experiment's run is called in events."""
        return f"{self.run_id}/{experiment}"


def _outcome(news: News) -> str:
    if news.data.get("passed"):
        return "success"
    try:
        verdict = Verdict(str(news.data.get("verdict", "")))
    except ValueError:
        return "error"
    if verdict is Verdict.INTERRUPTED:
        return "cancel"
    return "failure" if verdict.conclusive else "error"
