"""A shop of small services: what is covered when a dependency is gone, and what is not."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

EXPERIMENTS = Path(__file__).parents[2] / "experiments" / "microservices"


def judged(ran, at):
    return ran.journal["experiments"][at]["trials"][0]["judgement"]


def test_the_shop_goes_on_without_its_database_and_takes_no_orders_without_the_queue_as_well(run):
    names = ("database-away", "database-and-queue-away")
    ran = run(*(EXPERIMENTS / f"{one}.yaml" for one in names))

    assert ran.verdicts == ["masked", "not_healed"], ran.err
    assert ran.code == 0, ran.err
    away, both = (judged(ran, at) for at in range(len(names)))
    acts = {one["healer"]: one for one in away["acts"]}
    for healer in ("gateway", "catalogue", "orders"):
        assert acts[healer]["detected_s"] is not None, healer
        assert acts[healer]["acted_s"] is not None, healer
    for one in (away, both):
        assert one["ledger"]["acked"] > 0
        assert one["ledger"]["lost"] == 0
