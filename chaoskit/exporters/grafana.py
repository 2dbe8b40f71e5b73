"""Each fault as a region on Grafana's dashboards: open at its effect, closed when it is over.

A region is made at once, so that somebody at a dashboard sees what is going on; its end and the verdict
follow. Regions belong to no dashboard: a dashboard shows those with the tag `chaoskit`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaoskit.exporters.outbox import SEND_TIMEOUT_S, Outbox, send
from chaoskit.model.journal import Anchor
from chaoskit.model.marks import NS
from chaoskit.model.progress import News, Step
from chaoskit.reporters.text import one_line, redact

OPTION = "--grafana"
TOKEN = "CHAOSKIT_GRAFANA_TOKEN"  # noqa: S105  # the variable's name
_API = "/api/annotations"
_NS_IN_MS = 1_000_000


@dataclass(kw_only=True)
class _Region:
    """One fault of one trial."""

    effect_ns: int
    tags: tuple[str, ...]
    held: bool
    end_ns: int | None = None
    id: int | None = None  # as Grafana named it, once it has


@dataclass(kw_only=True)
class GrafanaExporter:
    """Tells Grafana of a run, as a listener."""

    url: str
    token: str
    _anchor: Anchor | None = None
    _run_id: str = ""
    _last_ns: int = 0
    _watch_end_ns: int | None = None
    _regions: dict[str, _Region] = field(default_factory=dict)  # of the trial under way
    _outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        """Be ready to send."""
        self._outbox = Outbox(f"{OPTION} {self.url}")

    def tell(self, news: News) -> None:
        """Take note."""
        self._last_ns = max(self._last_ns, news.at_ns)
        match news.step:
            case Step.RUN:
                self._run_id, self._anchor = str(news.data["run_id"]), news.data["anchor"]
            case Step.TRIAL:
                self._regions, self._watch_end_ns = {}, None
            case Step.PHASE if news.text in {"lift", "settle", "end"}:
                self._watch_end_ns = self._watch_end_ns or news.at_ns
            case Step.MARK:
                self._mark(news)
            case Step.TRIAL_VERDICT:
                self._judged(news)
            case _:
                pass

    def close(self) -> tuple[str, ...]:
        """Nothing will follow: what is still open ends here."""
        for region in self._regions.values():
            self._end(region, region.end_ns or self._last_ns, "verdict:none")
        self._regions = {}
        return self._outbox.close()

    def _mark(self, news: News) -> None:
        kind, source = news.data.get("kind"), str(news.data.get("source", ""))
        if kind == "in_effect" and source not in self._regions:
            fault = str(news.data.get("fault") or source)
            tags = (
                "chaoskit",
                f"experiment:{news.experiment}",
                f"fault:{fault}",
                f"run:{self._run_id}",
            )
            held = news.data.get("nature") == "held"
            region = _Region(effect_ns=news.at_ns, tags=tags, held=held)
            self._regions[source] = region
            where = news.data.get("instance") or news.data.get("service") or ""
            words = f"{fault} {where}, trial {news.trial} of {news.experiment}: {news.text}"
            self._outbox.put(lambda: self._open(region, redact(one_line(words, limit=500))))
        elif kind == "lifted" and source in self._regions:
            region = self._regions[source]
            region.end_ns = news.at_ns
            self._outbox.put(lambda: self._patch(region, {"timeEnd": self._ms(news.at_ns)}))

    def _judged(self, news: News) -> None:
        """A fault that is not held is over when the service was good again, or was given up."""
        numbers = news.data.get("numbers")
        recovery_s = numbers.get("recovery") if isinstance(numbers, Mapping) else None
        verdict = f"verdict:{news.data.get('verdict')}"
        for region in self._regions.values():
            end_ns = region.end_ns
            if end_ns is None and isinstance(recovery_s, (int, float)) and not region.held:
                end_ns = region.effect_ns + round(recovery_s * NS)
            self._end(region, end_ns or self._watch_end_ns or news.at_ns, verdict)
        self._regions = {}

    def _end(self, region: _Region, end_ns: int, verdict: str) -> None:
        change = {"timeEnd": self._ms(end_ns), "tags": [*region.tags, verdict]}
        self._outbox.put(lambda: self._patch(region, change))

    def _open(self, region: _Region, words: str) -> None:
        said = {"time": self._ms(region.effect_ns), "tags": list(region.tags), "text": words}
        region.id = int(self._send("POST", _API, said)["id"])

    def _patch(self, region: _Region, change: Mapping[str, Any]) -> None:
        if region.id is not None:  # otherwise it was never made, and that was told
            self._send("PATCH", f"{_API}/{region.id}", change)

    def _send(self, method: str, path: str, said: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body, url = json.dumps(said).encode(), self.url.rstrip("/") + path
        reply = json.loads(send(method, url, body, headers, timeout_s=SEND_TIMEOUT_S))
        if not isinstance(reply, dict):
            message = "it answered something that Grafana never does"
            raise ValueError(message)  # noqa: TRY004  # the receiver's mistake, not ours
        return reply

    def _ms(self, at_ns: int) -> int:
        assert self._anchor is not None, "the run has begun"
        return self._anchor.wall_of(at_ns) // _NS_IN_MS
