"""TLS around any dialogue, through memory: the owner of the socket sees only bytes."""

import os
import ssl
from functools import cache

from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.probes.base import CLOSED, Dialogue, Judgement

_READ_BYTES = 65536


@cache
def client_context(verify: bool | str) -> ssl.SSLContext:
    """Verify against the usual authorities, those of a file or folder, or not at all."""
    if verify is False:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    authorities = verify if isinstance(verify, str) else _usual_authorities()
    if authorities and os.path.isdir(authorities):  # noqa: PTH112 - a user's text, not a Path
        return ssl.create_default_context(capath=authorities)
    return ssl.create_default_context(cafile=authorities)


def _usual_authorities() -> str | None:
    """Where requests, and so Chaos Toolkit, would look."""
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if os.environ.get(variable):
            return os.environ[variable]
    try:
        import certifi  # noqa: PLC0415 - it comes with requests; not a dependency of ours
    except ImportError:
        return None
    return str(certifi.where())


class TlsDialogue:
    """Carries another dialogue's bytes through TLS."""

    __slots__ = ("_from_peer", "_inner", "_started", "_tls", "_to_peer", "outbox")

    def __init__(self, inner: Dialogue, context: ssl.SSLContext, host: str) -> None:
        self.outbox = b""
        self._inner = inner
        self._from_peer, self._to_peer = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._from_peer, self._to_peer, server_hostname=host)
        self._started = False  # the handshake is done

    def connected(self) -> Judgement | None:
        """Begin the handshake."""
        return self._advance()

    def feed(self, data: bytes) -> Judgement | None:
        """Bytes from the peer: more of the handshake, or something for the inner dialogue."""
        self._from_peer.write(data)
        return self._advance()

    def ended(self) -> Judgement:
        """The peer closed, politely or not."""
        return self._inner.ended() if self._started else CLOSED

    def expired(self) -> Judgement:
        """The time is over."""
        return self._inner.expired()

    def _advance(self) -> Judgement | None:
        try:
            return self._handshake() or self._exchange()
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return self._inner.ended()
        except ssl.SSLError:
            return Judgement(Outcome.BAD, Reason.PROTOCOL)
        finally:
            self.outbox += self._to_peer.read()

    def _handshake(self) -> Judgement | None:
        if self._started:
            return None
        self._tls.do_handshake()
        self._started = True
        return self._inner.connected()

    def _exchange(self) -> Judgement | None:
        while True:
            if self._inner.outbox:
                self._tls.write(self._inner.outbox)
                self._inner.outbox = b""
            data = self._tls.read(_READ_BYTES)
            if not data:
                return self._inner.ended()
            judgement = self._inner.feed(data)
            if judgement:
                return judgement
