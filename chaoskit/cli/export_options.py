"""Options that say who else is told of a run; `run` and `prove` share them."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import click

from chaoskit.cli.options import Decorator
from chaoskit.exporters.shelf import Wanted

_NAMES = ("otlp", "grafana", "cdevents", "metrics_port")


def export_options() -> Decorator:
    """What is told to others; the command gets it as `wanted`, an exporters.shelf.Wanted."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def with_exports(**given: Any) -> Any:
            return function(wanted=Wanted(**{name: given.pop(name) for name in _NAMES}), **given)

        decorated: Callable[..., Any] = with_exports
        for option in (
            partial(click.option, "--metrics-port", type=click.IntRange(0, 65_535))(
                metavar="PORT",
                envvar="CHAOSKIT_METRICS_PORT",
                help="Metrics for Prometheus on 127.0.0.1 during the run; 0: any port. [prometheus]",
            ),
            partial(click.option, "--cdevents")(
                metavar="FILE|URL",
                envvar="CHAOSKIT_CDEVENTS",
                help="CDEvents of the run, added to a file or sent to a URL.",
            ),
            partial(click.option, "--grafana")(
                metavar="URL",
                envvar="CHAOSKIT_GRAFANA",
                help="Faults as regions in Grafana; the token is CHAOSKIT_GRAFANA_TOKEN.",
            ),
            partial(click.option, "--otlp")(
                metavar="URL",
                envvar="CHAOSKIT_OTLP",
                help="Traces to an OpenTelemetry collector when the run is over. [otel]",
            ),
        ):
            decorated = option(decorated)
        return decorated

    return decorate
