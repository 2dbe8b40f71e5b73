"""Where events go: lines of a file, or one request each to a URL."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, TextIO

from chaoskit.errors import InputError, Problem
from chaoskit.exporters.cdevents import Event, Teller
from chaoskit.exporters.outbox import SEND_TIMEOUT_S, Outbox, send
from chaoskit.exporters.urls import is_url
from chaoskit.model.progress import News, Step
from chaoskit.reporters.text import redact_values

OPTION = "--cdevents"
_FORM = {"Content-Type": "application/cloudevents+json; charset=utf-8"}


class Sink(Protocol):
    """Takes events."""

    def take(self, events: Iterable[Event]) -> None:
        """Take these, soon or now; must not raise."""
        ...

    def close(self) -> tuple[str, ...]:
        """No more will come; what went wrong."""
        ...


class FileSink:
    """One JSON object a line, each flushed. Raises InputError when the file cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path, self._trouble = path, ""
        try:
            self._file: TextIO = path.open("a", encoding="utf-8")
        except OSError as error:
            message = f"{path} cannot be written: {error.strerror}"
            raise InputError(Problem(file=OPTION, message=message)) from None

    def take(self, events: Iterable[Event]) -> None:
        """Write them down."""
        try:
            for event in events:
                self._file.write(_text(event) + "\n")
                self._file.flush()
        except OSError as error:
            self._trouble = self._trouble or f"{self._path}: {error.strerror}; events are missing"

    def close(self) -> tuple[str, ...]:
        """Close the file."""
        try:
            self._file.close()
        except OSError as error:
            self._trouble = self._trouble or f"{self._path}: {error.strerror}; events are missing"
        return (self._trouble,) if self._trouble else ()


class UrlSink:
    """One request an event, in CloudEvents' structured form."""

    def __init__(self, url: str) -> None:
        self._url, self._outbox = url, Outbox(f"{OPTION} {url}")

    def take(self, events: Iterable[Event]) -> None:
        """Send them soon."""
        for event in events:
            body = _text(event).encode()
            self._outbox.put(lambda body=body: self._send(body))  # type: ignore[misc]  # mypy 10740

    def close(self) -> tuple[str, ...]:
        """Send what is left."""
        return self._outbox.close()

    def _send(self, body: bytes) -> None:
        send("POST", self._url, body, _FORM, timeout_s=SEND_TIMEOUT_S)


class EventExporter:
    """Tells a sink of a run, as a listener."""

    def __init__(self, teller: Teller, sink: Sink) -> None:
        self._teller, self._sink = teller, sink
        self._last_ns = 0

    def tell(self, news: News) -> None:
        """Take note."""
        self._last_ns = max(self._last_ns, news.at_ns)
        self._sink.take(self._teller.take(news))

    def close(self) -> tuple[str, ...]:
        """Nothing will follow: a run that never said that it ended has ended with an error."""
        words = "the run ended without a word"
        self._sink.take(self._teller.end(News(at_ns=self._last_ns, step=Step.END, text=words)))
        return self._sink.close()


def sink_for(place: str) -> Sink:
    """A file's sink, or a URL's. Raises InputError."""
    return UrlSink(place) if is_url(place, OPTION) else FileSink(Path(place))


def _text(event: Event) -> str:
    return json.dumps(redact_values(event), ensure_ascii=False, allow_nan=False)
