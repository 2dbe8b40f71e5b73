"""A trial's drawing: every failure is in it, labels keep clear of one another, any evidence draws."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from chaoskit.model.marks import NS, MarkKind
from chaoskit.model.outcomes import Outcome
from chaoskit.model.timeline import Timeline, no_samples
from chaoskit.reporters import svg
from chaoskit.reporters.charts import LEFT, RIGHT, WIDTH, Words, draw_dots, draw_trial
from chaoskit.reporters.figures import figure
from chaoskit.reporters.latency import buckets
from chaoskit.reporters.scene import scene_of
from tests.samples_builder import (
    Trouble,
    effect_of,
    expected_hang,
    healed_crash,
    inconclusive,
    marker,
    masked_crash,
    samples,
    timeline,
    too_slow,
)

WORDS = Words(id="one", title="A trial", description="What it shows")
SVG = ""


def draw(evidence: Timeline, trial=None):
    trial = trial or healed_crash()[0].trials[0]
    scene = scene_of(evidence, trial)
    return scene, ET.fromstring(draw_trial(scene, WORDS))


def bars(drawing: ET.Element, attribute: str) -> list[tuple[float, float]]:
    """Left and right ends of the bars of a strip."""
    found = []
    for path in drawing.iter(f"{SVG}path"):
        if path.get(attribute):
            for left, width in re.findall(r"M([\d.]+) [\d.]+h([\d.]+)", path.get("d")):
                found.append((float(left), float(left) + float(width)))
    return found


def scattered(seed: int) -> Timeline:
    """A trial whose asks fail here and there, in long rows and alone."""
    effect = effect_of(9, 1)
    rng = np.random.default_rng(seed)
    found = samples(effect_ns=effect, end_s=12.0, troubles=(Trouble(start_s=0, end_s=1.5),))
    hit = rng.random(len(found)) < 0.05
    found["outcome"][hit] = Outcome.BAD
    unsure = rng.random(len(found)) < 0.02
    found["outcome"][unsure] = Outcome.UNKNOWN
    at = marker(effect)
    marks = [
        at(-3, MarkKind.PHASE, detail="baseline"),
        at(0, MarkKind.IN_EFFECT, source="crash-1", instance="web-1"),
        at(0, MarkKind.PHASE, detail="watch"),
        at(4, MarkKind.PHASE, detail="settle"),
    ]
    return timeline(effect_ns=effect, found=found, marks=marks)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("outcome", "attribute"), [(Outcome.BAD, "data-failed"), (Outcome.UNKNOWN, "data-unknown")]
)
def test_every_ask_that_was_not_good_is_drawn(seed, outcome, attribute):
    evidence = scattered(seed)
    scene, drawing = draw(evidence)
    x = svg.Scale(low=scene.start_s, high=scene.end_s, start=LEFT, end=RIGHT)
    wrong = evidence.samples[evidence.samples["outcome"] == outcome]
    drawn = bars(drawing, attribute)

    assert len(wrong) > 5
    for due in wrong["due"]:
        at_s = (int(due) - evidence.in_effect_ns) / NS
        assert scene.start_s <= at_s <= scene.end_s
        assert any(left - 0.1 <= x(at_s) <= right + 0.1 for left, right in drawn)
    counts = [int(p.get(attribute)) for p in drawing.iter(f"{SVG}path") if p.get(attribute)]
    assert sum(counts) == len(wrong)


def test_good_asks_between_failures_are_not_drawn_over():
    xs = np.array([10.0, 11.0, 20.0, 50.0])

    assert svg.ticks_path(xs, 0, 8, 1.4).count("M") == 3


def test_labels_and_their_lines_never_cross_another_label():
    rng = np.random.default_rng(3)
    for _ in range(200):
        lefts = sorted(rng.uniform(0, 900, rng.integers(1, 9)))
        spans = [(left, left + rng.uniform(40, 160)) for left in lefts]
        rows = svg.stack(spans)
        for i, (left, right) in enumerate(spans):
            for j, (line, _) in enumerate(spans):
                if i != j and rows[j] <= rows[i]:
                    assert not left < line < right, "a line falls through a label"


@pytest.mark.parametrize("built", [healed_crash, masked_crash, expected_hang, inconclusive])
def test_every_sample_trial_is_drawn_within_its_frame(built):
    record, evidence = built()
    for trial in record.trials:
        _, drawing = draw(evidence[trial.index], trial)
        height = float(drawing.get("height"))
        for text in drawing.iter(f"{SVG}text"):
            assert 0 <= float(text.get("x")) <= WIDTH
            assert 0 < float(text.get("y")) <= height


def test_the_lines_of_a_healed_trial_are_named_with_their_times():
    record, evidence = healed_crash()
    _, drawing = draw(evidence[1], record.trials[0])
    texts = [text.text for text in drawing.iter(f"{SVG}text")]

    for said in ("fault in effect", "detected 30 ms", "acted 550 ms", "recovered 920 ms"):
        assert said in texts
    assert "front-page" in texts


def test_a_held_fault_is_shaded_until_it_was_lifted():
    record, evidence = expected_hang()
    scene, drawing = draw(evidence[1], record.trials[0])
    x = svg.Scale(low=scene.start_s, high=scene.end_s, start=LEFT, end=RIGHT)
    shades = [one for one in drawing.iter(f"{SVG}rect") if one.get("class") == "s-shade-fault"]

    assert len(shades) == 1
    assert float(shades[0].get("x")) == pytest.approx(x(0.0), abs=0.1)
    right = float(shades[0].get("x")) + float(shades[0].get("width"))
    assert right == pytest.approx(x(10.01), abs=0.2)


def test_a_masked_trial_claims_no_recovery():
    record, evidence = masked_crash()
    scene = scene_of(evidence[1], record.trials[0])

    assert scene.at("recovered") is None
    assert scene.at("strength") == pytest.approx(2.41)


def test_drawings_read_without_a_style_sheet():
    record, evidence = healed_crash()
    _, drawing = draw(evidence[1], record.trials[0])

    for shape in drawing.iter():
        if (shape.get("class") or "").startswith("s-"):
            assert shape.get("fill") or shape.get("stroke")
        assert shape.get("style") is None


def test_no_evidence_is_no_drawing():
    empty = replace(scattered(1), samples=no_samples(), marks=())

    assert scene_of(empty, healed_crash()[0].trials[0]) is None


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param(replace(scattered(1), marks=()), id="no marks"),
        pytest.param(replace(scattered(1), samples=no_samples()), id="no samples"),
        pytest.param(replace(scattered(1), samples=scattered(1).samples[:1]), id="one sample"),
        pytest.param(replace(scattered(1), probes=()), id="no probe names"),
    ],
)
def test_partial_evidence_is_drawn(evidence):
    _, drawing = draw(evidence)

    assert drawing.tag == f"{SVG}svg"


def test_quantiles_are_those_of_the_sorted_answers():
    effect = effect_of(9, 1)
    found = samples(effect_ns=effect, end_s=5.0, troubles=(Trouble(start_s=1, end_s=2),), seed=5)
    made = buckets(found, effect, -3.0, 1.0, 8)

    at_s = (found["due"] - effect) / NS
    for i in range(8):
        mine = found[(at_s >= i - 3) & (at_s < i - 2)]
        good = mine[mine["outcome"] == Outcome.GOOD]
        took = np.sort((good["done"] - good["due"]) / NS)
        assert made.asked[i] == len(mine)
        assert made.bad[i] == len(mine) - len(good)
        if not len(took):
            assert np.isnan(made.p50_s[i])
            continue
        assert made.p50_s[i] == took[int(np.ceil(len(took) * 0.5)) - 1]
        assert made.p99_s[i] == took[int(np.ceil(len(took) * 0.99)) - 1]
        assert made.peak_s[i] == took[-1]


def test_missed_trials_are_crosses_and_kept_ones_dots():
    drawing = ET.fromstring(draw_dots(figure(too_slow(), "recovery"), WORDS))
    classes = [one.get("class") for one in drawing.iter()]

    assert classes.count("s-dot") == 2
    assert classes.count("s-cross") == 3


@pytest.mark.parametrize("span", [(-3.0, 4.4), (0.0, 0.1), (-1.0, 3600.0), (0.0, 1e-9)])
def test_ticks_are_round_and_few(span):
    ticks = svg.nice_ticks(*span, 9)

    assert 1 <= len(ticks) <= 20
    assert all(span[0] - 1e-6 <= one <= span[1] + 1e-6 for one in ticks)


def test_text_in_a_drawing_is_escaped():
    made = str(svg.label(0, 0, "<b>&\x00"))

    assert ET.fromstring(made).text == "<b>&␀"


def test_a_lane_whose_events_all_lie_outside_the_drawing_is_drawn_empty():
    from chaoskit.model.marks import MarkKind
    from chaoskit.reporters.lanes import _with_room
    from chaoskit.reporters.scene import Event
    from chaoskit.reporters.svg import Scale

    scale = Scale(low=0, high=10, start=0, end=100)
    before, within = (Event(kind=MarkKind.DETECTED, text="is DOWN", at_s=at_s) for at_s in (-5, 4))

    assert _with_room([before], scale) == []
    assert [event.at_s for event, _ in _with_room([before, within], scale)] == [4]
