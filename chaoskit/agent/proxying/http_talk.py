"""An HTTP/1 connection through the proxy: one exchange after the other, some of them harmed.

A request that nothing is done to, and its answer, are passed on as the bytes that they were.
Pipelined requests are taken one at a time, as most proxies do. Whatever turns out not to be HTTP/1
(TLS, HTTP/2, an upgraded connection, a service that speaks first) is passed on unseen from there on.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from chaoskit.agent.proxying import http_effects, http_wire
from chaoskit.agent.proxying.flow import End, Pipes
from chaoskit.agent.proxying.http_effects import ABORT, BODY, DELAY, STATUS, Changer, Effect, Filter
from chaoskit.agent.proxying.http_ends import Inlet, Outlet
from chaoskit.agent.proxying.http_exchange import Exchange
from chaoskit.agent.proxying.http_wire import Head, NotHttp, Speech
from chaoskit.agent.proxying.loop import Loop
from chaoskit.agent.proxying.pair import Raw

_TURNS = 16
UPGRADED = "upgraded"
UNREADABLE = "unreadable"  # began as HTTP/1, and then was not


class HttpTalk:
    """A Carrier (see chaoskit.agent.proxying.pair) that understands HTTP/1."""

    def __init__(  # noqa: PLR0913  # what one connection consists of
        self,
        ends: tuple[End, End],
        *,
        loop: Loop,
        pipes: Pipes,
        filter_: Filter,
        effect: Effect,
        counts: Counter[str],
        wake: Callable[[], None],
    ) -> None:
        """`ends` are the client's and the service's; `wake` asks for another step later."""
        self._from_client, self._to_client = Inlet(ends[0]), Outlet(ends[0])
        self._from_service, self._to_service = Inlet(ends[1]), Outlet(ends[1])
        self._loop = loop
        self._pipes = pipes
        self._filter = filter_
        self._effect = effect
        self._counts = counts
        self._wake = wake
        self._exchange: Exchange | None = None
        self._recognised = False
        self._closing = False  # we end the connection, as soon as everything was sent
        self._raw: Raw | None = None

    def pump(self) -> bool:
        """See Carrier."""
        for _ in range(_TURNS):
            if self._raw is not None:
                return self._raw.pump()
            self._from_client.fill()
            self._from_service.fill()
            moved = self._advance()
            self._to_client.flush()  # once, so that a head and its body leave together
            self._to_service.flush()
            if not moved:
                return False
        return True

    def _advance(self) -> bool:
        """Use all of what was read that can be used; whether any of it was."""
        moved = False
        try:
            while not self._closing and (self._next_request() or self._next_answer()):
                moved = True
                if self._raw is not None:
                    break
        except NotHttp:
            self._pass_unseen(UNREADABLE)
            moved = True
        return moved

    def ends(self) -> Iterator[End]:
        """See Carrier."""
        if self._raw is not None:
            yield from self._raw.ends()
            return
        waits = self._exchange is not None and (self._exchange.held or self._exchange.ours)
        if not self._to_service.data and (
            self._closing or (self._from_client.drained and not waits)
        ):
            yield self._to_service.end
        if not self._to_client.data and (
            self._closing or (self._from_service.drained and not waits)
        ):
            yield self._to_client.end

    def idle(self) -> bool:
        """See Carrier: between two exchanges, nothing is lost."""
        left = self._from_client.data or self._from_service.data
        return not (
            self._raw or self._exchange or left or self._to_client.data or self._to_service.data
        )

    def release(self) -> None:
        """See Carrier."""
        self._exchange = None
        if self._raw is not None:
            self._raw.release()

    def _next_request(self) -> bool:
        """Use what the client sent; whether anything came of it."""
        one = self._exchange
        if self._to_service.full or (one is not None and one.held):
            return False
        if one is None:
            return self._begin()
        size, _ = one.body.take(self._from_client.data)
        piece = self._from_client.take(size)
        if not one.ours:
            self._to_service.put(piece)
        return size > 0

    def _begin(self) -> bool:
        data = self._from_client.data
        if not data or (not self._recognised and not self._recognise()):
            return False
        if self._raw is not None:
            return True
        while data.startswith(b"\r\n"):  # RFC 9112, 2.2: may stand before a request
            self._to_service.put(self._from_client.take(2))
        raw = http_wire.head_in(data)
        if raw is None:
            if self._from_client.ended and data:
                raise NotHttp
            return False
        request = http_wire.parse_request(raw)
        body = http_wire.body_of_request(request)
        self._from_client.take(len(raw))
        self._counts["requests"] += 1
        effect = self._effect if self._filter.draws(request) else None
        self._exchange = Exchange(request=request, body=body, effect=effect)
        self._meet_request(self._exchange)
        return True

    def _recognise(self) -> bool:
        """Find out what the client speaks; whether that is known now."""
        speech = http_wire.recognise(self._from_client.data)
        if speech is Speech.UNKNOWN and not self._from_client.ended:
            return False
        self._recognised = True
        if speech is not Speech.HTTP:
            self._pass_unseen(speech.value)
        return True

    def _meet_request(self, one: Exchange) -> None:
        """Do to a request what is done before the service sees it."""
        effect = one.effect if one.effect is not None and one.effect.at == "request" else None
        what = effect.what if effect is not None else ""
        if effect is not None:
            self._counts["affected"] += 1
        if what == DELAY:
            assert effect is not None
            self._hold(one, effect.delay_s, lambda: self._send(one))
        elif what == ABORT:
            self._abort(one)
        elif what == STATUS:
            one.ours = True
        else:
            self._send(one)

    def _send(self, one: Exchange) -> None:
        one.sent = True
        self._to_service.put(one.request.raw)

    def _next_answer(self) -> bool:
        """Use what the service sent; whether anything came of it."""
        one = self._exchange
        if one is None:
            unasked = bool(self._from_service.data)
            if unasked:  # that is not HTTP/1, or the last words of a service that closes
                self._pass_unseen(UNREADABLE if self._recognised else Speech.OTHER.value)
            return unasked
        if one.held or self._to_client.full:
            return False
        if one.ours:
            return self._answer_ourselves(one)
        return self._answer_body(one) if one.answer is not None else self._answer_head(one)

    def _answer_ourselves(self, one: Exchange) -> bool:
        if not one.body.done and not one.request.has("expect", "100-continue"):
            return False
        assert one.effect is not None
        keep = one.request.keeps_open and one.body.done
        method = one.request.method
        self._to_client.put(http_effects.answer(one.effect, method=method, keep_open=keep))
        self._exchange = None
        self._closing = not keep
        return True

    def _answer_head(self, one: Exchange) -> bool:
        raw = http_wire.head_in(self._from_service.data) if one.sent else None
        if raw is None:
            if one.sent and self._from_service.ended and self._from_service.data:
                raise NotHttp
            return False
        answer = http_wire.parse_answer(raw)
        connected = one.request.method == "CONNECT" and 200 <= answer.status < 300
        if answer.status == 101 or connected:
            self._pass_unseen(UPGRADED)
            return True
        body = http_wire.body_of_answer(answer, one.request.method)
        self._from_service.take(len(raw))
        if answer.status < 200:
            self._to_client.put(raw)
            return True
        one.answer, one.answer_body = answer, body
        self._meet_answer(one, answer)
        return True

    def _meet_answer(self, one: Exchange, answer: Head) -> None:
        """Do to an answer what is done before the client sees it."""
        effect = one.effect if one.effect is not None and one.effect.at == "answer" else None
        assert one.answer_body is not None
        empty = one.answer_body.done
        if effect is None or (effect.what == BODY and empty):
            self._to_client.put(answer.raw)
            return
        self._counts["affected"] += effect.what != BODY or effect.how != "truncate"
        if effect.what == DELAY:
            self._hold(one, effect.delay_s, lambda: self._to_client.put(answer.raw))
        elif effect.what == ABORT:
            self._abort(one)
        elif effect.what == STATUS:
            keep = one.request.keeps_open and answer.keeps_open
            method = one.request.method
            self._replace(one, http_effects.answer(effect, method=method, keep_open=keep))
            self._closing = not keep
        elif effect.how == "replace":
            self._replace(one, http_effects.with_other_body(answer, effect.text))
        else:
            self._to_client.put(answer.raw)
            one.keep_left = effect.keep_bytes if effect.how == "truncate" else None
            if effect.how == "change":
                one.changer = Changer(effect.share, self._filter.chance)

    def _replace(self, one: Exchange, answer: bytes) -> None:
        one.discard = True
        self._to_client.put(answer)

    def _answer_body(self, one: Exchange) -> bool:
        body = one.answer_body
        assert body is not None
        if self._from_service.drained and isinstance(body, http_wire.UntilEnd):
            body.done = True
        if body.done:
            if one.body.done:
                self._exchange = None
            return one.body.done
        size, spans = body.take(self._from_service.data)
        piece = self._from_service.take(size)
        if one.changer is not None:
            one.changer.change(piece, spans)
        if one.keep_left is not None:
            position = http_effects.cut(spans, one.keep_left)
            one.keep_left -= sum(stop - start for start, stop in spans)
            if position is not None:
                self._counts["affected"] += 1
                piece = piece[:position]
                self._closing = True
        if not one.discard:
            self._to_client.put(piece)
        return size > 0 or body.done

    def _hold(self, one: Exchange, delay_s: float, then: Callable[[], None]) -> None:
        def release() -> None:
            if self._exchange is one:
                one.held = False
                then()
                self._wake()

        one.held = True
        self._loop.later(delay_s, release)

    def _abort(self, one: Exchange) -> None:
        assert one.effect is not None
        if one.effect.how == "reset":
            self._to_client.flush()
            self._to_service.flush()
            message = "the fault"
            raise ConnectionResetError(message)
        self._closing = True

    def _pass_unseen(self, why: str) -> None:
        """From here on only bytes, those that were read and not passed on first."""
        self._counts[why] += 1
        inlets = (self._from_client, self._from_service)
        client, service = (inlet.end for inlet in inlets)
        for inlet in inlets:
            inlet.end.readable = True  # an end that was seen must be seen again
        up = bytes(self._to_service.data + self._from_client.data)
        down = bytes(self._to_client.data + self._from_service.data)
        self._to_service.data.clear()
        self._to_client.data.clear()
        self._raw = Raw(client, service, self._pipes, read=(up, down))
        self._exchange = None
