"""What HAProxy's statistics say: how much is asked for, and by whom it is answered."""

import csv
import http.client
import io
from dataclasses import dataclass

PATIENCE_S = 1.0
ANSWERS = ("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other")


@dataclass(frozen=True)
class Server:
    """One server now. The counters only ever rise; a slot keeps them when its server changes."""

    up: bool
    asked: int  # requests that were answered, or failed
    failed: int  # of these: 5xx, no answer, no connection


@dataclass(frozen=True)
class Statistics:
    """All of it at one moment."""

    asked: int  # requests that came so far, whatever became of them
    servers: dict  # address → Server


class ProxySilent(Exception):
    """The statistics could not be read."""


def look(host="lb", port=8404):
    """The statistics now. Raises ProxySilent."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/;csv")
        text = connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException) as error:
        message = f"no statistics of {host}: {error}"
        raise ProxySilent(message) from error
    finally:
        connection.close()
    return parsed(text)


def parsed(text, frontend="front", backend="web"):
    """The same from a text. Raises ProxySilent when it is something else."""
    if not text.startswith("# pxname,"):
        message = "what was answered is no statistics"
        raise ProxySilent(message)
    asked, servers = 0, {}
    try:
        for row in csv.DictReader(io.StringIO(text.removeprefix("# "))):
            address = (row["addr"] or "").rpartition(":")[0]
            if (row["pxname"], row["svname"]) == (frontend, "FRONTEND"):
                asked = _count(row, "req_tot")
            elif row["pxname"] == backend and row["svname"] != "BACKEND" and address:
                servers[address] = _server(row)
    except (KeyError, ValueError) as error:
        message = f"the statistics have no {error}"
        raise ProxySilent(message) from error
    return Statistics(asked=asked, servers=servers)


def _server(row):
    lost = _count(row, "econ", "eresp")
    return Server(
        up=row["status"].startswith(("UP", "no check")),
        asked=_count(row, *ANSWERS) + lost,
        failed=_count(row, "hrsp_5xx") + lost,
    )


def _count(row, *names):
    return sum(int(row[name] or 0) for name in names)
