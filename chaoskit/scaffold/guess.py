"""What a service is, and what its ports speak: guessed from its image, its command, its name.

A guess decides only which question a probe asks, and in which order experiments are proposed. It is
written down where it was made, so that whoever knows better can say so.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any


class Kind(Enum):
    """What a service is to its users."""

    APP = "application"
    PROXY = "proxy"
    POSTGRES = "PostgreSQL"
    REDIS = "Redis"
    STORE = "database or queue"  # any other keeper of data
    TOOL = "tool"  # for the people who run it: nobody's user depends on it

    @property
    def keeps_data(self) -> bool:
        """Whether others keep something there."""
        return self in {Kind.POSTGRES, Kind.REDIS, Kind.STORE}


# The first that fits; images are compared by the last part of their name, without the tag.
_WORDS = (
    (Kind.TOOL, r"adminer|pgadmin4?|phpmyadmin|mailhog|mailpit|redis-?commander|redisinsight|"
                r"mongo-express|grafana|prometheus|jaeger|zipkin|kibana|portainer|dozzle|cadvisor|"
                r"\w+[-_]exporter|watchtower|autoheal"),
    (Kind.POSTGRES, r"postgres|postgresql|postgis|timescaledb|pgvector|pg"),
    (Kind.REDIS, r"redis|redis-stack-server|valkey|keydb"),
    (Kind.STORE, r"mysql|mariadb|percona|mongo|mongodb|rabbitmq|rabbit|nats|kafka|cp-kafka|redpanda|"
                 r"zookeeper|etcd|consul|elasticsearch|opensearch|memcached|minio|cassandra|"
                 r"clickhouse(?:-server)?|couchdb|mosquitto|dynamodb-local|localstack"),
    (Kind.PROXY, r"nginx|haproxy|traefik|caddy|envoy|httpd|apache|varnish|kong|openresty"),
)  # fmt: skip
_COMMANDS = (
    (Kind.REDIS, r"\b(redis|valkey)-server\b"),
    (Kind.POSTGRES, r"(^|[ /])postgres( |$)|\bpostgresql\b"),
    (Kind.PROXY, r"(^|[ /])(nginx|haproxy|traefik|caddy|envoy)( |$)"),
)
_STORE_NAMES = r"(?i)^(db|database|queue|broker|mq|store|storage|.*[-_](db|database|queue|broker))$"
_PROXY_NAMES = r"(?i)^(lb|gateway|proxy|ingress|edge|router|.*[-_](lb|gateway|proxy))$"

_SCHEMES = {Kind.REDIS: "redis", Kind.POSTGRES: "postgresql"}
_ASKED = {"http", "https", "redis", "postgresql"}  # what there is a probe for
_HTTPS_PORTS = {443, 8443}
_SPOKEN = {
    6379: "redis", 5432: "postgresql", 3306: "mysql", 27017: "mongodb", 5672: "amqp", 1883: "mqtt",
    9092: "kafka", 4222: "nats", 11211: "memcached", 2379: "etcd", 2181: "zookeeper", 25: "smtp",
    1025: "smtp", 22: "ssh", 53: "dns", 1433: "mssql", 9042: "cassandra", 389: "ldap", 61616: "jms",
}  # fmt: skip


def kind_of(name: str, service: Mapping[str, Any]) -> Kind:
    """What a service seems to be: its image says it best, then its command, then its name."""
    image = "" if service.get("build") else str(service.get("image") or "")
    last_part = image.split("@")[0].rsplit("/", 1)[-1].split(":")[0].lower()
    command = " ".join(map(str, service.get("command") or ()))
    ports = {int(port["target"]) for port in service.get("ports") or ()}
    guesses = (
        *((kind, re.fullmatch(words, last_part)) for kind, words in _WORDS),
        *((kind, re.search(pattern, command)) for kind, pattern in _COMMANDS),
        *((kind, re.fullmatch(words, name.lower())) for kind, words in _WORDS),
        (Kind.REDIS, 6379 in ports),
        (Kind.POSTGRES, 5432 in ports),
        (Kind.STORE, re.match(_STORE_NAMES, name)),
        (Kind.PROXY, re.match(_PROXY_NAMES, name)),
    )
    return next((kind for kind, found in guesses if found), Kind.APP)


def scheme_of(port: int, kind: Kind) -> str:
    """First part of the addresses of a port: http, https, redis, postgresql, or tcp for the rest."""
    if kind in _SCHEMES:
        return _SCHEMES[kind]
    spoken = _SPOKEN.get(port, "https" if port in _HTTPS_PORTS else "http")
    return spoken if spoken in _ASKED else "tcp"
