"""Envoy before three back ends: who goes round a failing one, and when a spike does not end."""

import pytest

pytestmark = pytest.mark.docker


def acts(ran, at):
    judged = ran.journal["experiments"][at]["trials"][0]["judgement"]
    return {one["healer"]: one for one in judged["acts"]}


def test_retries_go_round_a_failing_back_end_and_a_storm_ends_only_within_limits(run, experiment):
    names = ("failing-back-end", "retry-storm", "retry-storm-without-budget")
    ran = run(*(experiment(f"service-mesh/{one}") for one in names))

    assert ran.verdicts == ["masked", "healed", "not_healed"], ran.err
    assert ran.code == 0, ran.err
    failing, storm, _ = (acts(ran, at) for at in range(len(names)))
    assert failing["retries"]["acted_s"] is not None
    assert failing["outlier"]["detected_s"] is not None
    assert failing["outlier"]["acted_s"] is not None
    assert storm["limits"]["acted_s"] is not None
