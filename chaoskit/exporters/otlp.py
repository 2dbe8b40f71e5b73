"""The spans of a finished run, sent to an OpenTelemetry collector over OTLP/HTTP.

Sent when the run is over: nothing of it runs while samples are taken. TRACEPARENT in the environment,
as CI systems set it, makes the run part of their trace.
"""

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from chaoskit.exporters.extras import needed
from chaoskit.exporters.spans import Span
from chaoskit.reporters.text import one_line, redact

OPTION = "--otlp"
_PATH = "/v1/traces"
_PATIENCE_S = 10.0  # altogether
_REQUEST_S = 4.0
_BATCH = 400  # spans
_LIBRARY = "opentelemetry"


class OtlpExporter:
    """Sends one run's spans. Raises EnvironmentUnfit when the library is missing."""

    def __init__(self, url: str) -> None:
        self._url = url if urlsplit(url).path.strip("/") else url.rstrip("/") + _PATH
        self._sdk = needed("opentelemetry.sdk.trace", "otel", OPTION)
        self._api = needed("opentelemetry.trace", "otel", OPTION)
        self._http = needed("opentelemetry.exporter.otlp.proto.http.trace_exporter", "otel", OPTION)

    def export(self, run: Span, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
        """Send it; what went wrong, in one line or none. Takes seconds at most."""
        export = needed("opentelemetry.sdk.trace.export", "otel", OPTION)
        kept = needed("opentelemetry.sdk.trace.export.in_memory_span_exporter", "otel", OPTION)
        memory = kept.InMemorySpanExporter()
        self._make(run, self._tracer(export.SimpleSpanProcessor(memory)), _parent(environ))
        spans = memory.get_finished_spans()
        heard = _Heard()
        logger = logging.getLogger(_LIBRARY)
        before = (logger.handlers[:], logger.propagate)
        logger.handlers, logger.propagate = [heard], False  # it would write over the terminal
        failed: list[str] = []
        thread = threading.Thread(target=self._send, args=(spans, failed), daemon=True)
        thread.start()
        thread.join(_PATIENCE_S)
        logger.handlers, logger.propagate = before
        if thread.is_alive():
            failed.append(f"no answer within {_PATIENCE_S:g} s")
        if not failed:
            return ()
        words = redact(one_line(heard.first or failed[0], limit=300))
        return (f"{OPTION} {self._url}: spans were not delivered: {words}",)

    def _tracer(self, processor: Any) -> Any:
        resource = needed("opentelemetry.sdk.resources", "otel", OPTION).Resource
        sampling = needed("opentelemetry.sdk.trace.sampling", "otel", OPTION)
        provider = self._sdk.TracerProvider(
            resource=resource.create({"service.name": "chaoskit"}),
            sampler=sampling.ALWAYS_ON,  # it was asked for, whatever the caller samples
            shutdown_on_exit=False,
        )
        provider.add_span_processor(processor)
        return provider.get_tracer("chaoskit")

    def _make(self, one: Span, tracer: Any, context: Any) -> None:
        """One span and all below it, with the times that they had."""
        span = tracer.start_span(
            one.name, context=context, start_time=one.start_ns, attributes=dict(one.attributes)
        )
        for event in one.events:
            span.add_event(event.name, dict(event.attributes), timestamp=event.at_ns)
        if one.error is not None:
            span.set_status(self._api.StatusCode.ERROR, one_line(one.error, limit=1000))
        for child in one.children:
            self._make(child, tracer, self._api.set_span_in_context(span))
        span.end(end_time=one.end_ns)

    def _send(self, spans: Sequence[Any], failed: list[str]) -> None:
        exporter = self._http.OTLPSpanExporter(endpoint=self._url, timeout=_REQUEST_S)
        for at in range(0, len(spans), _BATCH):
            if exporter.export(spans[at : at + _BATCH]).name != "SUCCESS":
                failed.append("it did not take them")
                break
        exporter.shutdown()


class _Heard(logging.Handler):
    """Keeps the first complaint of the library."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Take note."""
        self.first = self.first or record.getMessage()


def _parent(environ: Mapping[str, str]) -> Any:
    """The trace that we are part of, as TRACEPARENT and TRACESTATE say it."""
    propagation = needed("opentelemetry.trace.propagation.tracecontext", "otel", OPTION)
    carrier = {
        name.lower(): environ[name] for name in ("TRACEPARENT", "TRACESTATE") if environ.get(name)
    }
    return propagation.TraceContextTextMapPropagator().extract(carrier)
