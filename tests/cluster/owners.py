"""Who owns what in a fake cluster, and which of it is ready."""


def owner(one, kind):
    """A reference to what manages an object."""
    return {"apiVersion": "apps/v1", "kind": kind, "name": one["metadata"]["name"],
            "uid": one["metadata"]["uid"], "controller": True}  # fmt: skip


def owned_by(item, owner):
    """Whether this object is that one's."""
    return any(
        one["uid"] == owner["metadata"]["uid"]
        for one in item["metadata"].get("ownerReferences", ())
    )


def ready(pod):
    """Whether it counts as ready."""
    conditions = {one["type"]: one["status"] for one in pod.get("status", {}).get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]
