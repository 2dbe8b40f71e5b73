"""Progress for a log: one line for each change, and a sign of life while nothing changes.

No animation, no cursor movements; ASCII where the stream can do no better. A line never begins with
text of others, and what a CI would obey anywhere in a line is taken out of it, so that a target's log
cannot give commands to the CI that reads ours.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TextIO

from chaoskit.model.marks import NS
from chaoskit.model.progress import News, Step
from chaoskit.model.quantities import format_duration
from chaoskit.reporters.eta import Eta
from chaoskit.reporters.state import Now, mark_words
from chaoskit.reporters.text import one_line, tame
from chaoskit.reporters.wording import plural

HEARTBEAT_S = 20.0
_LOOK_EVERY_S = 1.0
_ASCII = str.maketrans(
    {
        "✓": "+",
        "✗": "x",
        "–": "-",
        "−": "-",
        "≤": "<=",
        "≥": ">=",
        "·": "-",
        "…": "...",
        "µ": "u",
        "•": "*",
        "→": "->",
        "’": "'",
        "█": "#",
        "▁": "_",
    }
)


def fit(text: str, encoding: str | None) -> str:
    """`text` as an encoding can hold it; ASCII when it cannot."""
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII).encode("ascii", "replace").decode()
    return text


class PlainListener:
    """A line for each change of state, stamped with UTC and the time since the start.

    As a context manager it also looks every second whether a sign of life is due; without one,
    `tick` must be called.
    """

    def __init__(
        self, stream: TextIO, *, now_ns: Callable[[], int], wall_ns: Callable[[], int]
    ) -> None:
        self._stream = stream
        self._now_ns = now_ns
        self._started_ns = now_ns()
        self._wall_from_mono_ns = wall_ns() - self._started_ns
        self._now = Now(doing_since_ns=self._started_ns)
        self._eta = Eta()
        self._last_line_ns = self._started_ns
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self, news: News) -> None:
        """Write a line when something changed."""
        with self._lock:
            self._eta.take(news)
            if self._now.take(news):
                text = _line_of(news, self._now)
                if text:
                    self._write(news.at_ns, text)
        self.tick()

    def tick(self) -> None:
        """Write a sign of life when nothing was written for twenty seconds."""
        with self._lock:
            now_ns = self._now_ns()
            if now_ns - self._last_line_ns >= HEARTBEAT_S * NS:
                self._write(now_ns, _still(self._now, now_ns, self._eta.left_s(now_ns)))

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, name="heartbeat", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_EVERY_S):
            self.tick()

    def _write(self, at_ns: int, text: str) -> None:
        self._last_line_ns = max(self._now_ns(), at_ns)
        wall_s = (self._wall_from_mono_ns + at_ns) / NS
        clock = datetime.fromtimestamp(wall_s, UTC).strftime("%H:%M:%SZ")
        since_s = max(at_ns - self._started_ns, 0) / NS
        line = tame(f"{clock} +{since_s:.0f}s  {text}")
        line = fit(line, getattr(self._stream, "encoding", None))
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._done.set()  # nobody reads us any more; the run goes on


def _still(now: Now, now_ns: int, left_s: float | None) -> str:
    doing = f"still {now.doing}, {format_duration(now.elapsed_s(now_ns))}"
    if now.doing_at_most_s is not None:
        doing += f" of at most {format_duration(now.doing_at_most_s)}"
    left = "" if left_s is None else f"about {format_duration(round(left_s))} to go"
    parts = [doing, now.health_words(), *now.countdown(now_ns), left]
    return _placed(now, "; ".join(filter(None, parts)))


def _placed(now: Now, text: str) -> str:
    """Text with the experiment and the trial that it belongs to."""
    if not now.experiment:
        return text
    trial = f" trial {now.trial}/{now.runs or '?'}" if now.trial else ""
    return f"{one_line(now.experiment, limit=80)}{trial}: {text}"


def _line_of(news: News, now: Now) -> str:
    """The line for a piece of news; empty when it is worth none."""
    return _LINES[news.step](news, now, one_line(news.text, limit=300))


def _run(news: News, _now: Now, text: str) -> str:
    named = [f"{key} {news.data[key]}" for key in ("run_id", "seed") if key in news.data]
    counted = [
        plural(news.data[key], key.removesuffix("s"))
        for key in ("experiments", "trials")
        if isinstance(news.data.get(key), int)
    ]
    estimates = news.data.get("estimates")
    if isinstance(estimates, Mapping) and estimates:
        counted.append(f"at least {format_duration(round(sum(estimates.values())))}")
    return "run " + one_line(", ".join([*named, *counted, *filter(None, [text])]))


def _target(news: News, _now: Now, text: str) -> str:
    took_s = news.data.get("seconds")
    took = f" after {format_duration(took_s)}" if isinstance(took_s, (int, float)) else ""
    return f"target {text}: {one_line(str(news.data.get('state', '')))}{took}"


def _experiment(_news: News, now: Now, _text: str) -> str:
    budgets = one_line(", ".join(f"{name} {bound}" for name, bound in now.budgets.items()))
    return _placed(now, f"{now.title} ({plural(now.runs, 'trial')}; budgets: {budgets or 'none'})")


def _phase(_news: News, now: Now, _text: str) -> str:
    at_most = now.doing_at_most_s
    return _placed(now, now.doing + (f", at most {format_duration(at_most)}" if at_most else ""))


def _trial_verdict(news: News, now: Now, text: str) -> str:
    verdict = one_line(str(news.data.get("verdict", "")).replace("_", " "))
    return _placed(now, f"{verdict} – {text}" if text else verdict)


def _verdict(news: News, _now: Now, text: str) -> str:
    symbol = "✓" if news.data.get("passed") else "✗"
    verdict = one_line(str(news.data.get("verdict", "")).replace("_", " "))
    return f"{symbol} {one_line(news.experiment, limit=80)}: {verdict} – {text}"


_LINES: Mapping[Step, Callable[[News, Now, str], str]] = {
    Step.RUN: _run,
    Step.IMAGE: lambda _news, _now, text: f"image {text}",
    Step.TARGET: _target,
    Step.EXPERIMENT: _experiment,
    Step.TRIAL: lambda _news, now, _text: _placed(now, "begins"),
    Step.PHASE: _phase,
    Step.MARK: lambda news, now, _text: _placed(now, mark_words(news)),
    Step.HEALTH: lambda _news, now, _text: _placed(now, f"service {now.health_words()}"),
    Step.TRIAL_VERDICT: _trial_verdict,
    Step.VERDICT: _verdict,
    Step.NOTE: lambda _news, _now, text: text,
    Step.END: lambda _news, _now, text: f"end {text}".strip(),
}
