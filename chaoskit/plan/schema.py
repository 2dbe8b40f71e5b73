"""JSON Schemas of our files, for editors; made from the tables that check the files.

They accept every correct file. A few mistakes (an unknown service, say) only the loader can see.
"""

from typing import Any

from chaoskit.plan.experiment_shape import EXPERIMENT
from chaoskit.plan.shape import Record
from chaoskit.plan.target_shape import TARGET

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def experiment_schema() -> dict[str, Any]:
    """The JSON Schema of an experiment file."""
    return _schema("chaoskit experiment", EXPERIMENT)


def target_schema() -> dict[str, Any]:
    """The JSON Schema of a target.yaml."""
    return _schema("chaoskit target", TARGET)


def _schema(title: str, record: Record) -> dict[str, Any]:
    defs: dict[str, dict[str, Any]] = {}
    body = record.schema(defs)
    return {"$schema": DRAFT, "title": title, **body, "$defs": dict(sorted(defs.items()))}
