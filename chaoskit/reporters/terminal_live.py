"""Progress for a person at a terminal: a small panel that shows the present.

What is over is printed above the panel and stays; the panel goes when the run ends.
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from chaoskit.model.progress import News, Step
from chaoskit.model.quantities import format_duration
from chaoskit.reporters.state import Now
from chaoskit.reporters.terminal_plain import fit
from chaoskit.reporters.text import one_line

_FRAMES_HZ = 4
_HEALTH = {"up": ("▁", "green"), "down": ("█", "bold red"), "unknown": ("?", "yellow")}


class LiveListener:
    """The present in a panel at the bottom, the past above it."""

    def __init__(self, stream: TextIO, *, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._now = Now(doing_since_ns=now_ns())
        self._lock = threading.Lock()
        self.console = Console(file=stream, markup=False, highlight=False, emoji=False)
        self._live = Live(
            get_renderable=self.panel,
            console=self.console,
            refresh_per_second=_FRAMES_HZ,
            transient=True,
        )

    def tell(self, news: News) -> None:
        """Take note, and print what is over."""
        with self._lock:
            self._now.take(news)
            over = self._over(news)
        if over is not None:
            self._print(over)

    def panel(self) -> RenderableType:
        """The present, drawn."""
        with self._lock:
            now, now_ns = self._now, self._now_ns()
            title = one_line(now.title or "chaoskit", limit=80)
            lanes = Table.grid(padding=(0, 2))
            lanes.add_column(style="dim", no_wrap=True)
            lanes.add_column(overflow="ellipsis", no_wrap=True)
            for name, content in self._lanes(now, now_ns):
                lanes.add_row(name, content)
            return Panel(lanes, title=Text(self._fit(title)), title_align="left", expand=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._live.stop()
        except (OSError, ValueError):
            return  # the terminal is gone

    def _lanes(self, now: Now, now_ns: int) -> list[tuple[str, RenderableType]]:
        elapsed = format_duration(now.elapsed_s(now_ns))
        at_most = (
            f" of at most {format_duration(now.doing_at_most_s)}" if now.doing_at_most_s else ""
        )
        lanes: list[tuple[str, RenderableType]] = [
            ("now", Text(f"{now.doing}  {elapsed}{at_most}"))
        ]
        if now.trial:
            lanes.insert(0, ("trial", Text(f"{now.trial} of {now.runs}")))
        if now.health:
            strip = Text()
            for tick in now.ticks:
                character, style = _HEALTH.get(tick, _HEALTH["unknown"])
                strip.append(self._fit(character), style=style)
            lanes.append(("service", Group(strip, Text(self._fit(now.health_words())))))
        lanes += [
            ("budget", Text(text, style="red" if text.endswith("over") else ""))
            for text in now.countdown(now_ns)
        ]
        for service, (have, want) in now.strength.items():
            style = "" if have >= want else "red"
            lanes.append((one_line(service, limit=20), Text(f"{have} of {want}", style=style)))
        lanes += [("", Text(self._fit(text), style="dim")) for text in now.marks]
        return lanes

    def _over(self, news: News) -> Text | None:
        """The line that stays of a piece of news, if any does."""
        text = one_line(news.text, limit=300)
        if news.step is Step.VERDICT:
            passed = bool(news.data.get("passed"))
            line = Text("✓ " if passed else "✗ ", style="green" if passed else "red")
            return line.append(f"{one_line(news.experiment, limit=80)}: {text}", style="default")
        if news.step is Step.TRIAL_VERDICT:
            verdict = one_line(str(news.data.get("verdict", "")).replace("_", " "))
            text = f"  trial {news.trial}: {verdict} – {text}"
        elif news.step is Step.TARGET and news.data.get("state") == "ready":
            text = f"target {text}: ready"
        elif news.step is not Step.NOTE:
            return None
        return Text(text, style="dim")

    def _print(self, line: Text) -> None:
        line.plain = self._fit(line.plain)
        try:
            self.console.print(line, soft_wrap=True)
        except (OSError, ValueError):
            return  # the terminal is gone; the run goes on

    def _fit(self, text: str) -> str:
        return fit(text, self.console.encoding)
