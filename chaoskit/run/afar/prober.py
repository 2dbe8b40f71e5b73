"""The handle of a prober that samples in a pod: the same orders, and samples in the same file.

It never ends a run. When the prober is lost, whatever was asked and did not come is UNKNOWN, the trial
says why, and the next trial is given another one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from chaoskit.errors import EnvironmentUnfit, InputError
from chaoskit.measures.series import send_lag_p99_s
from chaoskit.model.evidence import read_samples
from chaoskit.model.experiment import FRESH, ProbeSpec
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.model.timeline import NS
from chaoskit.probes import shelf
from chaoskit.run.afar.courier import Courier, Place
from chaoskit.run.afar.samples import AfarLane, Incoming
from chaoskit.run.clock import now_ns
from chaoskit.run.prober.handle import Begun, Ended, ProberLost, accepted, asked, begun_of

_READINGS = 30  # of the clock, before a trial
_BEGIN_S = 60.0
_END_S = 30.0  # beyond the longest timeout


class Site(Place, Protocol):
    """A place that can be made and unmade."""

    name: str

    def make(self) -> None:
        """A prober there, as new. Raises EnvironmentUnfit."""
        ...

    def unmake(self) -> None:
        """Send it away. Never raises."""
        ...


class AfarProber:
    """A prober in a pod. Not for several threads at once. See AnyProber."""

    def __init__(self, site: Site, note: Callable[[str], None]) -> None:
        """Makes it, and waits until it answers. Raises EnvironmentUnfit."""
        self._site = site
        self._note = note
        self._orders = count(1)
        self._lanes: tuple[AfarLane, ...] = ()
        self._longest_timeout_s = 0.0
        self._courier = self._hire()

    @property
    def lost(self) -> str:
        """Why nothing comes from it any more; "" while something may."""
        return self._courier.lost

    @property
    def clock_error_ns(self) -> int:
        """How far the samples' times may be from our clock at worst, in nanoseconds."""
        return self._courier.clock.error_ns

    def begin(  # noqa: PLR0913 - see AnyProber
        self,
        samples_path: Path,
        probes: Sequence[ProbeSpec],
        *,
        rate_hz: float,
        timeout_s: float,
        tracks: Sequence[str] = (FRESH,),
        configuration: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Begun:
        """Sample the probes into a new file until `end`; times in it are ours.

        Raises InputError for a probe that cannot be asked, EnvironmentUnfit, ProberLost.
        """
        _refuse_pooled(probes)
        if self.lost:
            self._hire_another()
        courier, number = self._courier, next(self._orders)
        courier.do(partial(self._read_clock, iter(range(_READINGS))), within_s=_BEGIN_S)
        courier.clock.fix()
        offset_ns = courier.clock.offset_ns
        order = {
            **asked(probes, rate_hz=rate_hz, timeout_s=timeout_s, tracks=tracks),
            "configuration": dict(configuration or {}),
            "secrets": {group: dict(values) for group, values in (secrets or {}).items()},
        }
        incoming = Incoming(path=samples_path, number=number, offset_ns=offset_ns)
        reply = accepted(self._tell(number, order, within_s=_BEGIN_S))
        self._lanes = tuple(
            AfarLane(probe, track, first_ns - offset_ns, period_ns)
            for probe, track, first_ns, period_ns in reply["lanes"]
        )
        courier.incoming = incoming
        begun = begun_of(reply, probes)
        self._longest_timeout_s = max(begun.timeouts.values(), default=0.0)
        return replace(begun, started_ns=begun.started_ns - offset_ns)

    def end(self) -> Ended:
        """Complete the round under way, and have every sample here; what does not come is UNKNOWN."""
        courier, incoming = self._courier, self._courier.incoming
        assert incoming is not None, "begin first"
        try:
            within_s = _END_S + self._longest_timeout_s
            told = self._tell(next(self._orders), {"do": "end"}, within_s=within_s)
            courier.do(courier.fetch_all, within_s=within_s)
            if told.get("asked") != incoming.count:
                courier.lose(f"of {told.get('asked')} samples {incoming.count} came")
            else:
                courier.incoming = None
                return Ended(**told)
        except ProberLost:
            pass
        missing = incoming.fill_up(self._lanes, now_ns())
        courier.incoming = None
        self._note(f"{self.lost}; {missing} asks that did not come are unknown")
        return _ended(incoming.path)

    def close(self) -> None:
        """End it. Never raises."""
        self._courier.close()
        self._site.unmake()

    def _tell(self, number: int, order: Mapping[str, Any], *, within_s: float) -> dict[str, Any]:
        def told() -> dict[str, Any] | None:
            reply = self._courier.ask({"tell": number, "order": order}).get("reply")
            return None if reply is None else dict(reply)

        return self._courier.do(told, within_s=within_s)

    def _read_clock(self, readings: Iterator[int]) -> bool:
        for _ in readings:  # after a break it goes on with those that are left
            self._courier.ask({})
        return True

    def _hire(self) -> Courier:
        self._site.make()
        courier = Courier(self._site, self._note)
        try:
            courier.do(lambda: bool(courier.ask({})) or None, within_s=_BEGIN_S)
        except ProberLost as error:
            courier.close()
            self._site.unmake()
            message = f"the prober in the cluster does not begin: {error}"
            raise EnvironmentUnfit(message) from error
        return courier

    def _hire_another(self) -> None:
        self._note(f"another prober is started: {self.lost}")
        self._courier.close()
        self._site.unmake()
        try:
            self._courier = self._hire()
        except EnvironmentUnfit as error:
            raise ProberLost(str(error)) from error


def _refuse_pooled(probes: Sequence[ProbeSpec]) -> None:
    for one in probes:
        if shelf.is_pooled(one):
            message = (
                f"the probe {one.name!r} is asked by Chaos Toolkit's code on this machine, and not "
                f"from a pod in a cluster, which asks {', '.join(shelf.asked_afar())}"
            )
            raise InputError(message)


def _ended(path: Path) -> Ended:
    """What there is of samples whose prober is lost."""
    samples = read_samples(path)
    outcome, reason = samples["outcome"], samples["reason"]
    lags = (samples["sent"] - samples["due"])[samples["sent"] > 0] / NS
    return Ended(
        asked=len(samples),
        good=int((outcome == Outcome.GOOD).sum()),
        bad=int((outcome == Outcome.BAD).sum()),
        unknown=int((outcome == Outcome.UNKNOWN).sum()),
        late=int((reason == Reason.LATE).sum()),
        no_slot=int((reason == Reason.NO_SLOT).sum()),
        send_lag_p50_s=float(np.median(lags)) if len(lags) else 0.0,
        send_lag_p99_s=send_lag_p99_s(samples) or 0.0,
        send_lag_max_s=float(lags.max()) if len(lags) else 0.0,
    )
