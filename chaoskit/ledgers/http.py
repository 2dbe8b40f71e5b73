"""http: every value is sent to a URL of the target, and another URL tells all of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from chaoskit.ledgers.base import ACKNOWLEDGED, Answer, LedgerKind, ReadFailed, Run, setting
from chaoskit.model.ledger import Discipline, Fate

if TYPE_CHECKING:
    from http.client import HTTPConnection

# Refusals that do not say whether the value is there: too slow, already there, come again.
_UNSURE = {408, 409, 425, 429}
_VALUE = "{value}"


@dataclass(frozen=True, kw_only=True)
class Http(LedgerKind):
    """An HTTP service: a request for every value, and one that returns all of them."""

    discipline: ClassVar[Discipline] = Discipline.SET
    url: str = setting(
        "Where a value is sent; `{value}` in it is filled in.", example="${web_url}/items/{value}"
    )
    read_url: str = setting(
        "Its answer to GET holds all values, in whatever form, none left out.",
        example="${web_url}/items",
    )
    method: str = setting("The verb of a write.", default="POST")
    body: str = setting("The body of a write; `{value}` is filled in.", default=_VALUE)
    content_type: str = setting("The body's type.", default="text/plain")
    verify_tls: bool = setting("Whether the certificate must be good.", default=True)

    def __post_init__(self) -> None:
        for url in (self.url, self.read_url):
            if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
                message = f"{url!r} is no http address"
                raise ValueError(message)
        if _VALUE not in self.url + self.body:
            message = f"neither url nor body holds {_VALUE}: every write would be the same"
            raise ValueError(message)

    def prepare(self, run: Run) -> None:
        """Nothing: the place is the target's."""

    def open(self, run: Run) -> "HttpClient":
        """A client."""
        return HttpClient(self, run.timeout_s)


class HttpClient:
    """Makes a connection for every request: an idle one that was closed would only confuse."""

    def __init__(self, settings: Http, timeout_s: float) -> None:
        self._settings = settings
        self._timeout_s = timeout_s

    def write(self, value: str) -> Answer:
        """See Client."""
        from http.client import HTTPException  # noqa: PLC0415

        settings = self._settings
        url, body = (one.replace(_VALUE, value) for one in (settings.url, settings.body))
        connection = self._connection(url)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            return Answer(Fate.FAIL, f"not connected: {error}")
        headers = {"Content-Type": settings.content_type, "Connection": "close"}
        try:
            connection.request(settings.method, _path(url), body.encode(), headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, HTTPException) as error:
            return Answer(Fate.INFO, f"no answer: {error}")
        finally:
            connection.close()
        return _told(status)

    def read(self) -> list[str]:
        """See Client."""
        from http.client import HTTPException  # noqa: PLC0415

        url = self._settings.read_url
        connection = self._connection(url)
        try:
            connection.request("GET", _path(url), headers={"Connection": "close"})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            raise ReadFailed(f"{url}: {error}") from error  # noqa: EM102
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            message = f"{url} answers {answer.status}"
            raise ReadFailed(message)
        return [body.decode("utf-8", "replace")]

    def close(self) -> None:
        """Nothing is kept."""

    def _connection(self, url: str) -> "HTTPConnection":
        import ssl  # noqa: PLC0415
        from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415

        parts = urlsplit(url)
        assert parts.hostname is not None, "checked when the settings were read"
        if parts.scheme == "http":
            return HTTPConnection(parts.hostname, parts.port or 80, timeout=self._timeout_s)
        context = ssl.create_default_context()
        if not self._settings.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return HTTPSConnection(
            parts.hostname, parts.port or 443, timeout=self._timeout_s, context=context
        )


def _told(status: int) -> Answer:
    """What a status says about the value: 5xx may come from a proxy whose backend has it."""
    if 200 <= status < 300:
        return ACKNOWLEDGED
    refused = 400 <= status < 500 and status not in _UNSURE
    return Answer(Fate.FAIL if refused else Fate.INFO, f"status {status}")


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


KIND = Http
