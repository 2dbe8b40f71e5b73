"""What an http probe sends, built as requests would: Chaos Toolkit's http provider uses it."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit

from chaoskit.probes.base import BadProbe, Settings
from chaoskit.probes.names import Names
from chaoskit.probes.tolerance import Tolerance

PORTS = {"http": 80, "https": 443}
_SAFE_IN_URL = "!#$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, and what is needed to judge its answer and to follow a redirect."""

    method: str
    url: SplitResult
    headers: Mapping[str, str]
    body: bytes
    verify_tls: bool | str
    tolerance: Tolerance
    names: Names
    hops: int = 0  # redirects followed so far
    may_keep: bool = True  # nobody wrote a Connection header of their own

    def opening(self) -> bytes:
        """The bytes to send."""
        target = self.url.path or "/"
        if self.url.query:
            target += "?" + self.url.query
        lines = [f"{self.method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


def read_request(provider: Mapping[str, Any], tolerance: Tolerance, settings: Settings) -> Request:
    """The request that a provider describes. Raises BadProbe."""
    method = provider.get("method", "GET")
    if not isinstance(method, str) or not method.isascii() or not method.isalpha():
        message = f"its method is {method!r}; write one such as GET or POST"
        raise BadProbe(message)
    method = method.upper()
    headers = _own_headers(settings.fill(provider.get("headers")))
    arguments = settings.fill(provider.get("arguments"))
    url = split_url(settings.fill(provider.get("url")))
    body = b""
    if method == "GET":
        if arguments:
            query = arguments if isinstance(arguments, str) else urlencode(_pairs(arguments), True)
            url = url._replace(query="&".join(filter(None, (url.query, query))))
    elif arguments:
        body = _encode_body(arguments, headers)
    if method not in {"GET", "HEAD"} or body:
        headers.setdefault("Content-Length", str(len(body)))
    verify = provider.get("verify_tls", True)
    request = Request(
        method=method,
        url=url,
        headers=headers,
        body=body,
        verify_tls=verify if isinstance(verify, str) else bool(verify),
        tolerance=tolerance,
        names=settings.names,
        may_keep=all(name.lower() != "connection" for name in headers),
    )
    return replace(request, headers=_with_defaults(request))


def split_url(url: Any) -> SplitResult:
    """The parts of an http or https address. Raises BadProbe."""
    parts = urlsplit(quote(url.strip(), safe=_SAFE_IN_URL)) if isinstance(url, str) else None
    try:
        if parts and parts.scheme in PORTS and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass  # a port that is no number
    message = f"its url is {url!r}; write one that begins with http:// or https:// and has a host"
    raise BadProbe(message)


def _own_headers(headers: Any) -> dict[str, str]:
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        message = f"its headers are {headers!r}; write a mapping of names to texts"
        raise BadProbe(message)
    texts = {str(name): str(value) for name, value in headers.items() if value is not None}
    for name, value in texts.items():
        # Chaos Toolkit's client cannot send these either.
        if set("\r\n") & set(name + value) or not (name + value).isprintable():
            message = f"its header {name!r} contains a line break or a control character"
            raise BadProbe(message)
        try:
            value.encode("latin-1")
        except UnicodeEncodeError as problem:
            message = f"its header {name!r} contains characters outside latin-1"
            raise BadProbe(message) from problem
    return texts


def _with_defaults(request: Request) -> dict[str, str]:
    """The headers as sent. The user's own win, whatever their case."""
    url = request.url
    host = url.netloc.rpartition("@")[2]
    wanted = {
        "Host": host,
        "User-Agent": "chaoskit",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        # The truth, and it leaves the closed connection's TIME_WAIT with the server.
        "Connection": "close",
    }
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}".encode("latin-1", "replace")
        wanted["Authorization"] = "Basic " + b64encode(pair).decode("ascii")
    own = {name.lower() for name in request.headers}
    return {name: value for name, value in wanted.items() if name.lower() not in own} | dict(
        request.headers
    )


def _pairs(arguments: Any) -> Any:
    if not isinstance(arguments, Mapping):
        return arguments
    return [(key, value) for key, value in arguments.items() if value is not None]


def _encode_body(arguments: Any, headers: dict[str, str]) -> bytes:
    if headers.get("Content-Type") == "application/json":
        return json.dumps(arguments).encode()
    if isinstance(arguments, str):
        return arguments.encode()
    try:
        encoded = urlencode(_pairs(arguments), doseq=True)
    except TypeError as problem:
        message = f"its arguments are {arguments!r}; write a mapping or a text"
        raise BadProbe(message) from problem
    if "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return encoded.encode()


def after_redirect(request: Request, url: SplitResult, status: int) -> Request:
    """What a browser, and requests, would ask after this redirect."""
    drop = {"host"}
    if url.hostname != request.url.hostname:
        drop.add("authorization")
    method, body = request.method, request.body
    if (status in {302, 303} and method != "HEAD") or (status == 301 and method == "POST"):
        method, body = "GET", b""
        drop |= {"content-length", "content-type", "transfer-encoding"}
    headers = {name: value for name, value in request.headers.items() if name.lower() not in drop}
    moved = replace(
        request,
        method=method,
        body=body,
        url=url,
        headers=headers,
        hops=request.hops + 1,
        names=request.names.frozen(),
    )
    return replace(moved, headers=_with_defaults(moved))
