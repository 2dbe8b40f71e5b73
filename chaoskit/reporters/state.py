"""What is going on right now, out of the news: the one thing that both displays show."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from chaoskit.model.marks import NS
from chaoskit.model.progress import News, Step
from chaoskit.model.quantities import format_duration, parse_duration
from chaoskit.reporters.countdown import SINCE_EFFECT
from chaoskit.reporters.text import one_line

_MARKS = 6


@dataclass(kw_only=True)
class Now:
    """The present, as far as the news tell it. Changed by `take` only."""

    experiment: str = ""
    title: str = ""
    trial: int = 0
    runs: int = 0
    budgets: Mapping[str, str] = field(default_factory=dict)
    doing: str = "starting"
    doing_since_ns: int = 0
    doing_at_most_s: float | None = None
    effect_ns: int | None = None
    health: str = ""
    p99_s: float | None = None
    bad: int = 0
    asked: int = 0
    strength: dict[str, tuple[int, int]] = field(default_factory=dict)
    marks: deque[str] = field(default_factory=lambda: deque(maxlen=_MARKS))

    def take(self, news: News) -> bool:
        """Take note; whether anything changed that is worth a line."""
        match news.step:
            case Step.HEALTH:
                return self._health(news)
            case Step.MARK:
                return self._mark(news)
            case Step.EXPERIMENT:
                self.experiment = news.experiment
                self.title = one_line(str(news.data.get("title", "")) or news.text, limit=120)
                self.runs = _whole(news.data.get("runs"))
                budgets = news.data.get("budgets")
                self.budgets = dict(budgets) if isinstance(budgets, Mapping) else {}
                self.trial = 0
                self._begin("preparing", news)
            case Step.TRIAL:
                self.trial = _whole(news.data.get("index")) or news.trial
                self._begin("preparing", news)
                self.effect_ns = None
                self.health = ""
                self.marks.clear()
                self.strength.clear()
            case Step.PHASE:
                self._begin(str(news.data.get("phase") or news.text), news)
            case Step.TARGET | Step.IMAGE:
                state = news.data.get("state", "")
                self._begin(f"{news.step.value} {state} {news.text}", news)
                self.doing_at_most_s = None  # seconds are how long it took
            case _:
                pass
        return True

    def elapsed_s(self, now_ns: int) -> float:
        """How long the present activity has lasted."""
        return max(now_ns - self.doing_since_ns, 0) / NS if self.doing_since_ns else 0.0

    def countdown(self, now_ns: int) -> tuple[str, ...]:
        """Each budget of time that is running, such as `recovery 1.2 s of 2s`."""
        if self.effect_ns is None:
            return ()
        since_s = max(now_ns - self.effect_ns, 0) / NS
        said = []
        for measure in SINCE_EFFECT:
            text = self.budgets.get(measure, "")
            try:
                bound_s = parse_duration(text)
            except ValueError:
                continue  # there is no such budget
            over = ", over" if since_s > bound_s else ""
            said.append(f"{measure} {since_s:.1f} s of {text}{over}")
        return tuple(said)

    def health_words(self) -> str:
        """`up, p99 3.1 ms, 0 of 50 bad`; empty before the first ask."""
        if not self.health:
            return ""
        parts = [self.health]
        if self.p99_s is not None:
            parts.append(f"p99 {format_duration(self.p99_s)}")
        parts.append(f"{self.bad} of {self.asked} bad")
        return ", ".join(parts)

    def _begin(self, doing: str, news: News) -> None:
        self.doing = one_line(doing, limit=120)
        self.doing_since_ns = news.at_ns
        at_most = news.data.get("seconds")
        self.doing_at_most_s = (
            float(at_most) if isinstance(at_most, (int, float)) and at_most > 0 else None
        )

    def _health(self, news: News) -> bool:
        before = self.health
        self.health = str(news.data.get("state", "unknown"))
        p99_s = news.data.get("p99_s")
        self.p99_s = float(p99_s) if isinstance(p99_s, (int, float)) else None
        self.bad, self.asked = _whole(news.data.get("bad")), _whole(news.data.get("asked"))
        return self.health != before

    def _mark(self, news: News) -> bool:
        kind = str(news.data.get("kind", ""))
        if kind in {"phase", "activity"}:
            return False  # told as a phase, or of no interest while it happens
        if kind == "in_effect" and self.effect_ns is None:
            self.effect_ns = news.at_ns
        changed = kind != "redundancy" or self._strength(news)
        if changed:
            self.marks.append(mark_words(news))
        return changed

    def _strength(self, news: News) -> bool:
        """Whether a count of instances is another one than before."""
        have, want = news.data.get("have"), news.data.get("want")
        if not isinstance(have, int) or not isinstance(want, int):
            return False
        service = str(news.data.get("service", ""))
        before = self.strength.get(service)
        self.strength[service] = (have, want)
        return before is not None and before != (have, want)


def mark_words(news: News) -> str:
    """A mark on one line: `+0.412 s detected haproxy web-2`."""
    data = news.data
    since = data.get("since_effect_s")
    place = data.get("instance") or data.get("service") or ""
    kind = str(data.get("kind", "")).replace("_", " ")
    what = news.text
    if "want" in data:
        what = f"{data.get('have')} of {data['want']} instances"
    words = [f"{since:+.3f} s"] if isinstance(since, (int, float)) else []
    source = str(data.get("source") or "")
    words += [kind, source if source != kind else "", str(place), what]
    return one_line(" ".join(filter(None, words)), limit=160)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
