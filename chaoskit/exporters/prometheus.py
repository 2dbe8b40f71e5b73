"""Metrics of the run under way, on loopback, for a Prometheus that scrapes them.

They tell the present and go with the run; what stays of a run is its journal. Names and labels are
listed in docs/observability.md, and a test holds that list to this file.
"""

from collections.abc import Mapping
from typing import Any

from chaoskit import __version__
from chaoskit.errors import EnvironmentUnfit
from chaoskit.exporters.extras import needed
from chaoskit.model.progress import News, Step

OPTION = "--metrics-port"
HOST = "127.0.0.1"
_PHASES = ("baseline", "inject", "watch", "lift", "settle", "end")
_STOP_S = 5.0


class PrometheusExporter:
    """Answers scrapes and listens. Raises EnvironmentUnfit when the port is taken."""

    def __init__(self, port: int) -> None:
        client = needed("prometheus_client", "prometheus", OPTION)
        self._registry = client.CollectorRegistry()
        self._make(client)
        try:
            self._server, self._thread = client.start_http_server(port, HOST, self._registry)
        except OSError as error:
            message = f"{OPTION} {port}: {HOST}:{port} cannot be listened on: {error.strerror}"
            raise EnvironmentUnfit(message) from None
        self.address = f"http://{HOST}:{self._server.server_port}/metrics"

    def tell(self, news: News) -> None:
        """Take note."""
        data, name = news.data, news.experiment
        match news.step:
            case Step.RUN:
                words = {"run_id": str(data.get("run_id", "")), "version": __version__}
                self._run.info(words)
                self._planned.set(_number(data.get("experiments")))
            case Step.TRIAL:
                self._trial.labels(name).set(_number(data.get("index")))
                self._in_effect.clear()
                self._health({})
            case Step.PHASE:
                for phase in _PHASES:
                    self._phase.labels(phase).set(phase == news.text)
            case Step.HEALTH:
                self._health(data)
            case Step.MARK:
                self._mark(news)
            case Step.TRIAL_VERDICT | Step.VERDICT:
                self._judged(news)
            case _:
                pass

    def close(self) -> tuple[str, ...]:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_STOP_S)
        return ()

    def _make(self, client: Any) -> None:
        registry = self._registry

        def gauge(name: str, words: str, *labels: str) -> Any:
            return client.Gauge(f"chaoskit_{name}", words, labels, registry=registry)

        def counter(name: str, words: str, *labels: str) -> Any:
            return client.Counter(f"chaoskit_{name}", words, labels, registry=registry)

        self._run = client.Info("chaoskit_run", "The run under way", registry=registry)
        self._planned = gauge("experiments", "Experiments of the run")
        self._trial = gauge("trial", "Number of the trial under way", "experiment")
        self._phase = gauge("phase", "1 for the phase under way", "phase")
        self._up = gauge("service_up", "1 when most of the last second's asks were good")
        self._asked = gauge("probe_asks", "Asks of the last second")
        self._bad = gauge("probe_bad_asks", "Asks of the last second that were not good")
        self._p99 = gauge("probe_latency_p99_seconds", "Of the good asks of the last second")
        self._health({})  # not asked yet is not the same as down
        self._in_effect = gauge(
            "fault_in_effect", "1 while a held fault is on", "experiment", "fault", "fault_instance"
        )
        self._faults = counter("faults", "Faults that took effect", "experiment", "fault")
        self._lifted = counter("faults_lifted", "Faults proven gone", "experiment", "fault")
        self._healer = counter("healer_marks", "What healers did", "healer", "kind")
        self._have = gauge("instances", "Instances of a service in service", "service")
        self._want = gauge("instances_wanted", "Instances of a service at full strength", "service")
        self._trials = counter("trials", "Trials that ended", "experiment", "verdict")
        self._measure = gauge(
            "measure", "A measure of the last trial, in its unit", "experiment", "measure"
        )
        self._verdict = gauge(
            "experiment_passed",
            "1 when the verdict is good, or as expected",
            "experiment",
            "verdict",
        )

    def _health(self, data: Mapping[str, Any]) -> None:
        state = data.get("state")
        self._up.set({"up": 1.0, "down": 0.0}.get(str(state), float("nan")))
        self._asked.set(_number(data.get("asked")))
        self._bad.set(_number(data.get("bad")))
        self._p99.set(_number(data.get("p99_s")))

    def _mark(self, news: News) -> None:
        data, name = news.data, news.experiment
        kind, source = str(data.get("kind", "")), str(data.get("source", ""))
        fault, instance = str(data.get("fault") or source), str(data.get("instance") or "")
        if kind == "in_effect":
            self._faults.labels(name, fault).inc()
            if data.get("nature") == "held":
                self._in_effect.labels(name, fault, instance).set(1)
        elif kind == "lifted":
            self._lifted.labels(name, fault).inc()
            self._in_effect.labels(name, fault, instance).set(0)
        elif kind in {"detected", "acted", "restored"}:
            self._healer.labels(source, kind).inc()
        elif kind == "redundancy":
            self._have.labels(str(data.get("service", ""))).set(_number(data.get("have")))
            self._want.labels(str(data.get("service", ""))).set(_number(data.get("want")))

    def _judged(self, news: News) -> None:
        name, verdict = news.experiment, str(news.data.get("verdict", ""))
        if news.step is Step.VERDICT:
            self._verdict.labels(name, verdict).set(bool(news.data.get("passed")))
            return
        self._trials.labels(name, verdict).inc()
        numbers = news.data.get("numbers")
        for measure, value in numbers.items() if isinstance(numbers, Mapping) else ():
            self._measure.labels(name, str(measure)).set(_number(value))


def _number(value: object) -> float:
    """The number, or that there is none."""
    return float(value) if isinstance(value, (int, float)) else float("nan")
