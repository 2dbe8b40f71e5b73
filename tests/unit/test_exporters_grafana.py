"""Each fault as a region of Grafana, at a receiver that keeps to Grafana's contract."""

import pytest

from chaoskit.exporters.grafana import GrafanaExporter
from tests.receivers import Grafana, serving
from tests.telling import WALL_NS, story

T0_MS = WALL_NS // 1_000_000


def told(grafana, news, *, token=""):
    with serving(grafana) as url:
        exporter = GrafanaExporter(url=url + "/", token=token)
        for one in news:
            exporter.tell(one)
        return exporter.close()


def test_a_fault_is_a_region_from_its_effect_to_its_end_with_the_verdict():
    grafana = Grafana(token="t0p")

    assert told(grafana, story(), token="t0p") == ()
    assert grafana.refused == []
    assert list(grafana.annotations.values()) == [
        {
            "time": T0_MS + 4_250,
            "timeEnd": T0_MS + 5_750,  # recovered 1.5 s after its effect
            "tags": ["chaoskit", "experiment:web/crash", "fault:crash", "run:r1", "verdict:healed"],
            "text": "crash web-2, trial 1 of web/crash: gone",
        },
        {
            "time": T0_MS + 12_000,
            "timeEnd": T0_MS + 21_000,  # lifted
            "tags": [
                "chaoskit",
                "experiment:web/hang",
                "fault:hang",
                "run:r1",
                "verdict:not_healed",
            ],
            "text": "hang web-2, trial 1 of web/hang: in state T token=•••",
        },
    ]


def test_a_run_that_was_cut_short_leaves_no_region_open():
    grafana = Grafana()
    told(grafana, story(ended=False))
    last = grafana.annotations[2]

    assert last["timeEnd"] == last["time"] + 1_000  # when the last was heard of it
    assert last["tags"][-1] == "verdict:none"


@pytest.mark.parametrize(
    ("grafana", "words", "asked"),
    [
        (Grafana(token="other"), "it answered 401", 2),
        (Grafana(status=500), "it answered 500", 2),
        (Grafana(status=503), "it answered 503", 2),
    ],
)
def test_a_refusal_is_told_once(grafana, words, asked):
    trouble = told(grafana, story(), token="wrong")

    assert len(trouble) == 1
    assert words in trouble[0]
    assert "wrong" not in trouble[0]
    assert grafana.asked == asked  # what was never made is not changed either


def test_something_else_than_grafana_is_told_once():
    trouble = told(lambda *_: (200, b"<html>"), story())

    assert len(trouble) == 1
