"""What target.yaml may hold."""

import re

from chaoskit.healers.base import catalogue
from chaoskit.plan.shape import Flag, ListOf, MapOf, Number, Record, Shape, Text
from chaoskit.plan.shapes_joined import Duration, Either
from chaoskit.plan.slo import SLO


def regular_expression(text: str) -> re.Pattern[str]:
    """The compiled pattern. Raises ValueError."""
    try:
        return re.compile(text)
    except re.error as error:
        message = f"{text!r} is not a regular expression: {error}"
        raise ValueError(message) from error


def status_range(text: str) -> tuple[int, int]:
    """First and last status of `200-499`. Raises ValueError."""
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 100 <= int(first) <= int(last) <= 599):
        message = f"{text!r} is no range of statuses; write e.g. 200-299"
        raise ValueError(message)
    return int(first), int(last)


def _pattern(doc: str, example: str) -> Text:
    return Text(doc, parse=regular_expression, examples=[example])


_PATTERNS = {
    "detected": _pattern("Says that the healer noticed.", "is DOWN"),
    "acted": _pattern("Says that it did something.", "is DOWN"),
    "restored": _pattern("Says that all is well again.", "is UP"),
}
_URL = Text("An address; `${name}` of an entrypoint is filled in.", examples=["${stats_url}/"])
_PERIOD = Duration("Time between two looks.", default="100ms")

ENTRYPOINT = Record(
    {
        "service": Text("A service of the Compose file.", examples=["lb"]),
        "port": Number("The port in its container.", low=1, whole=True, examples=[8080]),
        "scheme": Text(
            "First part of the address.", pattern=r"[a-z][a-z0-9+.-]*", default="http",
            examples=["http", "redis"],
        ),
        "through": Text(
            "In a cluster: how users get in.", choices=("node-port", "address", "port-forward"),
            default="node-port",
        ),
        "address": Text(
            "In a cluster: the host that users reach, with a port of its own if it has one.",
            examples=["shop.example.org", "10.0.0.7:8080"],
        ),
        "patience": Duration(
            "Of a port-forward: asks are unknown when a round trip through it takes longer.",
            default="250ms",
        ),
    },
    "Where users reach the target; its name becomes `${name}` in experiments.",
    required=("service", "port"),
)  # fmt: skip
CLUSTER = Record(
    {
        "manifests": Text(
            "A file, a folder, or a kustomize folder: applied to a namespace of the run's own.",
            examples=["manifests"],
        ),
        "namespace": Text("Or: the namespace that it stands in already.", examples=["shop"]),
        "selector": Text("Labels of what belongs to it there.", examples=["app=shop"]),
        "whole": Flag("The selector may match everything there.", examples=[True]),
        "system": Flag(
            "The namespace may be one of the cluster's own, such as kube-system.", examples=[True]
        ),
        "context": Text("Of the cluster's configuration. Absent: the current one."),
        "agent_image": Text(
            "An image with a shell, for faults that are done on a node; `${VARIABLE:-image}` works.",
            examples=["${CHAOSKIT_K8S_IMAGE:-busybox:1.36}"],
        ),
        "prober": Record(
            {
                "image": Text(
                    "One with chaoskit, of the same version; `${VARIABLE:-image}` works.",
                    examples=["${CHAOSKIT_IMAGE:-registry.example.org/chaoskit:0.1.0}"],
                ),
                "namespace": Text(
                    "Where the pod is. Absent: where the target is.", examples=["chaoskit-probes"]
                ),
            },
            "Steady-state probes are asked from a pod in the cluster.",
            required=("image",),
        ),
    },
    "The target is in a Kubernetes cluster.",
    examples=[{"manifests": "manifests"}],
)
STRENGTH = Record(
    {
        "instances": Number("Instances at full strength.", low=1, whole=True),
        "url": _URL,
        "count": _pattern("One match in the answer is one instance in service.", "UP"),
        "period": _PERIOD,
    },
    required=("instances",),
)
WITNESS = Record(
    {
        "engine": Flag("The engine's events bear witness.", examples=[True]),
        "log": Record(
            {
                "service": Text("Whose log.", examples=["lb"]),
                "started": _pattern("A healthy start writes it, or the target is refused.", "up"),
                **_PATTERNS,
            },
            "Patterns in a service's log.",
            required=("service",),
        ),
        "http": Record(
            {"url": _URL, "period": _PERIOD, **_PATTERNS},
            "Patterns in the answers of an endpoint.",
            required=("url",),
        ),
    },
    "How one can see what the healer does.",
)
HEALER = Record(
    {
        "name": Text("Its name, for `healed_by`.", examples=["haproxy"]),
        "kind": Text(
            "What it is; a kind knows its settings and its floor.",
            choices=tuple(catalogue()),
            examples=["haproxy-check"],
        ),
        "settings": MapOf(
            Either(Text(), Number(), Flag(), ListOf(Shape()), MapOf()),
            "Its settings: what they promise is compared with what is seen.",
            examples=[{"inter": "200ms", "fall": 2, "rise": 1}],
        ),
        "witness": WITNESS,
        "off": Text("A Compose override that switches it off.", examples=["compose.off.yaml"]),
    },
    "A mechanism that repairs the target.",
    required=("name", "kind"),
)
ROLE = Record(
    {
        "service": Text("The service whose instances may play it.", examples=["redis"]),
        "command": ListOf(
            Text(), "Run in each instance.", least=1, examples=[["redis-cli", "role"]]
        ),
        "match": _pattern("What it prints in the instance that plays the role.", "master"),
    },
    "How the instance that plays a role is found.",
    required=("service", "command", "match"),
)
TARGET = Record(
    {
        "title": Text("What it is, in a few words.", examples=["Three web replicas"]),
        "compose": Text(
            "The Compose file, relative to this one. Absent: compose.yaml beside it.",
            examples=["../docker-compose.yml"],
        ),
        "kubernetes": CLUSTER,
        "entrypoints": MapOf(
            ENTRYPOINT,
            "Where users reach the target.",
            examples=[{"web_url": {"service": "lb", "port": 8080}}],
        ),
        "ready": Record(
            {
                "probe": _URL,
                "status": Text(
                    "The answers that count, as a range: 200-499 for any that is no failure.",
                    parse=status_range,
                    pattern=r"\d{3}-\d{3}",
                    default="200-299",
                    examples=["200-499"],
                ),
                "timeout": Duration("The longest wait.", default="60s"),
            },
            "When the target is ready to be broken.",
            examples=[{"probe": "${web_url}/", "timeout": "60s"}],
        ),
        "redundancy": MapOf(
            Either(Number(low=1, whole=True), STRENGTH),
            "Services and their instances at full strength.",
            examples=[{"web": 3, "lb": 1}],
        ),
        "healers": ListOf(HEALER, "What repairs the target."),
        "slo": SLO,
        "roles": MapOf(
            ROLE,
            "Roles that a fault can pick by name.",
            examples=[
                {"primary": {"service": "redis", "command": ["redis-cli", "role"], "match": "m"}}
            ],
        ),
    },
    "A system under test.",
    required=("title", "entrypoints"),
)
