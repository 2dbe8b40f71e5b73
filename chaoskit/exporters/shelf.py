"""The exporters that were asked for, as one listener beside the terminal's; nothing else is imported.

What is wrong with an option is found out before anything is started. What goes wrong later, a defect of
an exporter included, costs that exporter and is told when the run is over.
"""

import os
import platform
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from chaoskit.model.progress import Listener, News

if TYPE_CHECKING:
    from chaoskit.exporters.otlp import OtlpExporter
    from chaoskit.model.journal import ExperimentRecord, Journal, TrialRecord
    from chaoskit.model.marks import Mark


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was asked for; nothing by default."""

    otlp: str | None = None  # a collector's address
    grafana: str | None = None  # Grafana's address
    cdevents: str | None = None  # a file or an address
    metrics_port: int | None = None  # 0: any free one


class Exporter(Protocol):
    """Somebody who is told of a run and passes it on."""

    def tell(self, news: News) -> None:
        """Take note. Quick, from several threads, but never from two at once."""
        ...

    def close(self) -> tuple[str, ...]:
        """Nothing will follow. What went wrong, a line each; takes seconds at most."""
        ...


class Exports:
    """A context manager: entering makes what was asked for, leaving sends what is left.

    Raises InputError and EnvironmentUnfit, on entering only.
    """

    def __init__(self, wanted: Wanted, environ: Mapping[str, str] = os.environ) -> None:
        self._wanted, self._environ = wanted, environ
        self._exporters: dict[str, Exporter] = {}
        self._otlp: OtlpExporter | None = None
        self._lock = threading.Lock()
        self.trouble: list[str] = []
        self.remarks: list[str] = []  # worth knowing before the run begins

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def beside(self, shown: Listener) -> Listener:
        """A listener that tells `shown` and every exporter; `shown` itself when there is none."""
        return _Both(shown, self._tell) if self._exporters else shown

    def finished(self, journal: "Journal", folder: Path) -> None:
        """The run is judged: what is made of the whole journal goes out now."""
        if self._otlp is None:
            return
        from chaoskit.exporters.spans import spans_of  # noqa: PLC0415
        from chaoskit.model.evidence import read_marks  # noqa: PLC0415

        def marks_of(_record: "ExperimentRecord", trial: "TrialRecord") -> "tuple[Mark, ...]":
            return read_marks(folder / trial.folder / "marks.jsonl")

        self.trouble += self._otlp.export(spans_of(journal, marks_of), self._environ)

    def _open(self) -> None:
        wanted = self._wanted
        if wanted.otlp is not None:
            from chaoskit.exporters import otlp, urls  # noqa: PLC0415

            self._otlp = otlp.OtlpExporter(urls.checked(wanted.otlp, otlp.OPTION))
        if wanted.grafana is not None:
            from chaoskit.exporters import grafana, urls  # noqa: PLC0415

            self._exporters["grafana"] = grafana.GrafanaExporter(
                url=urls.checked(wanted.grafana, grafana.OPTION),
                token=self._environ.get(grafana.TOKEN, ""),
            )
        if wanted.cdevents is not None:
            from chaoskit.exporters import cdevents, event_sinks  # noqa: PLC0415

            trigger = "pipeline" if self._environ.get("CI") else "manual"
            teller = cdevents.Teller(environment=platform.node() or "here", trigger=trigger)
            sink = event_sinks.sink_for(wanted.cdevents)
            self._exporters["cdevents"] = event_sinks.EventExporter(teller, sink)
        if wanted.metrics_port is not None:
            from chaoskit.exporters import prometheus  # noqa: PLC0415

            metrics = prometheus.PrometheusExporter(wanted.metrics_port)
            self._exporters["prometheus"] = metrics
            self.remarks.append(f"metrics: {metrics.address}")

    def _tell(self, news: News) -> None:
        with self._lock:
            for name, one in list(self._exporters.items()):
                try:
                    one.tell(news)
                except Exception as error:  # noqa: BLE001  # it must not cost the run
                    del self._exporters[name]
                    self._defect(name, error)

    def _close(self) -> None:
        with self._lock:
            exporters, self._exporters = self._exporters, {}
        if not exporters:
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        with ThreadPoolExecutor(len(exporters)) as together:  # they wait side by side
            closing = {name: together.submit(one.close) for name, one in exporters.items()}
        for name, closed in closing.items():
            try:
                self.trouble += closed.result()
            except Exception as error:  # noqa: BLE001  # nor its verdict
                self._defect(name, error)

    def _defect(self, name: str, error: Exception) -> None:
        words = " ".join(f"{type(error).__name__}: {error}".split())
        self.trouble.append(f"a defect of the exporter {name}, which was left out: {words}")


@dataclass(frozen=True)
class _Both:
    """Two who want to know; the one that is shown to people first."""

    shown: Listener
    others: Callable[[News], None]

    def tell(self, news: News) -> None:
        """Tell both."""
        self.shown.tell(news)
        self.others(news)
