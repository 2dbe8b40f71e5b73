"""The HTML report: complete, well-formed, safe whatever the texts say, and the same every time."""

import base64
import hashlib
import re
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from chaoskit.model.journal import Journal
from chaoskit.model.marks import Mark, MarkKind
from chaoskit.reporters import html
from tests.samples_builder import MONO_NS, Run, effect_of, log_stamp, run, too_slow

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></svg><svg onload=alert(1)>",
    "javascript:alert(1)//http://evil.example/x.js",
    "{{ 7*7 }}{% raw %}\u202e\u2028\x00\x1b[31m",
)


class Tree(HTMLParser):
    """Checks that every element is closed, and remembers what there is."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> while {self.open[-5:]} are open"
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


def parse(text: str) -> Tree:
    tree = Tree()
    tree.feed(text)
    tree.close()
    assert tree.open == []
    return tree


def render(made: Run) -> str:
    return html.render(made.journal, made.timeline_of, made.logs_of)


@pytest.fixture(scope="module")
def report() -> str:
    return render(run())


def test_the_report_is_well_formed(report):
    tree = parse(report)

    tags = [tag for tag, _ in tree.seen]
    assert {"main", "header", "footer", "h1", "title"} <= set(tags)
    assert tags.count("h1") == 1
    assert tags.count("svg") >= 10


def test_a_healer_stands_beside_the_fastest_that_its_settings_allow(report):
    text = " ".join(parse(report).text)

    assert "Against the fastest that their settings allow" in text
    for words in ("100 ms", "300 ms", "1.6 s", "400 ms", "5 of 5", "75 %", "no timer before"):
        assert words in text


def test_ids_are_unique_and_every_reference_has_its_target(report):
    tree = parse(report)
    ids = [attrs["id"] for _, attrs in tree.seen if "id" in attrs]
    links = [attrs["href"] for tag, attrs in tree.seen if tag == "a"]
    named = [attrs["aria-labelledby"] for _, attrs in tree.seen if "aria-labelledby" in attrs]

    assert len(ids) == len(set(ids))
    assert links
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    assert all(one in ids for names in named for one in names.split())


def test_every_drawing_has_a_name_and_a_description(report):
    tree = parse(report)
    drawings = [attrs for tag, attrs in tree.seen if tag == "svg"]

    assert all(attrs["role"] == "img" for attrs in drawings)
    assert all(attrs.get("aria-labelledby") or attrs.get("aria-label") for attrs in drawings)


def test_headings_follow_one_another(report):
    levels = [int(tag[1]) for tag, _ in parse(report).seen if re.fullmatch(r"h[1-6]", tag)]

    steps = [after - before for before, after in pairwise(levels)]
    assert levels[0] == 1
    assert max(steps) <= 1


def test_the_report_refers_to_nothing_outside_itself(report):
    addresses = set(re.findall(r"[a-z]+://[^\s\"'<>]*", report))

    # The script's name for SVG, and an address in an advice's lines: nobody fetches either.
    assert addresses <= {"http://www.w3.org/2000/svg", "http://127.0.0.1:8080/"}
    assert not {name for _, attrs in parse(report).seen for name in attrs} & {"src", "srcset"}
    tags = {tag for tag, _ in parse(report).seen}
    assert not tags & {"link", "img", "iframe", "object", "embed", "form", "base"}


@pytest.mark.parametrize(("tag", "directive"), [("style", "style-src"), ("script", "script-src")])
def test_the_policy_allows_the_one_style_sheet_and_the_one_script_by_their_hashes(
    report, tag, directive
):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', report)[1]
    text = re.search(f"<{tag}>(.*?)</{tag}>", report, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    policy = policy.replace("&#39;", "'")
    assert "default-src 'none'" in policy
    assert f"{directive} 'sha256-{digest}'" in policy
    assert report.count(f"<{tag}") == 1
    assert not any("style" in attrs for _, attrs in parse(report).seen)


def test_the_report_is_the_same_bytes_for_the_same_run(report):
    assert render(run()) == report


def test_the_verdict_comes_first_and_everything_else_is_there(report):
    text = re.sub(r"\s+", " ", " ".join(parse(report).text))
    body = text[text.index("Skip to") :]
    order = [
        "We cannot tell in 1 of 4 experiments",
        "Experiments",
        "A crashed proxy is restarted by the engine",
        "Healed in 5 of 5 trials",
        "Budgets",
        "Trials",
        "Healers",
        "What this run does not show",
        "Repeat it",
        "chaoskit run experiments --seed 4242 --trials 5",
    ]
    place = 0
    for one in order:
        assert one in body[place:], one
        place = body.index(one, place)
    for said in (
        "expected: not healed",
        "as expected",
        "never seen",
        "20.10.24",
        "baseline not met",
    ):
        assert said in body
    assert "Unproven: nobody looked whether control arms were run" in body


def test_services_that_were_never_broken_are_named():
    made = run()
    journal = replace(made.journal, experiments=made.journal.experiments[1:2])
    text = " ".join(parse(render(replace(made, journal=journal))).text)

    assert "Three web replicas behind HAProxy: no fault was done to lb." in text


def test_a_failed_budget_is_told_without_colour():
    made = run()
    journal = replace(made.journal, experiments=(too_slow(),))
    text = " ".join(" ".join(parse(render(replace(made, journal=journal))).text).split())

    assert "✗ failed" in text
    assert "✗ missed" in text
    assert "−290 ms" in text


def test_secrets_are_not_in_the_report(tmp_path):
    path = tmp_path / "lb.log"
    stamp = log_stamp(effect_of(0, 1), 0.2)
    path.write_text(f"{stamp} lb-1 started with admin_password=hunter2 and more\n")
    report = render(run(logs={"replicated-web": {"lb": path}}))

    assert "started with admin_password=•••" in report
    assert "hunter2" not in report  # nor from the healer's settings
    assert "s3cr3t" not in report  # nor from the environment


def test_logs_are_shown_with_their_trial_in_time_from_the_fault(tmp_path):
    path = tmp_path / "lb.log"
    path.write_text(f"{log_stamp(effect_of(0, 2), 0.25)} the proxy came back\n")
    report = render(run(logs={"replicated-web": {"lb": path}}))
    trial_2 = report.index('id="e1-t2"')
    trial_3 = report.index('id="e1-t3"')

    assert trial_2 < report.index("the proxy came back") < trial_3
    assert '<span class="at">+0.250 s</span>  the proxy came back' in report


def poison(value: object, payload: str) -> object:
    """The same value with the payload in every text that others may have written."""
    match value:
        case Enum():
            made = value
        case str():
            made = f"{value}{payload}"
        case tuple() | list():
            made = type(value)(poison(one, payload) for one in value)
        case dict():
            made = {f"{key}{payload}": poison(one, payload) for key, one in value.items()}
        case _ if is_dataclass(value):
            made = replace(
                value,
                **{one.name: poison(getattr(value, one.name), payload) for one in fields(value)},
            )
        case _:
            made = value
    return made


def poisoned_run(payload: str, log: Path) -> Run:
    clean = run()
    journal: Journal = poison(clean.journal, payload)
    journal = replace(journal, schema=clean.journal.schema)
    timelines = {}
    for old, new in zip(clean.journal.experiments, journal.experiments, strict=True):
        for trial in old.trials:
            one = clean.timelines[old.name, trial.index]
            marks = [
                replace(
                    mark,
                    source=mark.source + payload,
                    service=mark.service + payload,
                    instance=mark.instance + payload,
                    detail=mark.detail + payload,
                )
                for mark in one.marks
            ]
            marks.append(Mark(at_ns=marks[-1].at_ns, kind=MarkKind.NOTE, detail=payload))
            probes = tuple(probe + payload for probe in one.probes)
            timelines[new.name, trial.index] = replace(one, marks=tuple(marks), probes=probes)
    log.write_text(f"{log_stamp(effect_of(0, 1), 0.1)} {payload}\n", errors="surrogateescape")
    targets = {one.target: {f"web{payload}": log} for one in journal.experiments}
    return Run(journal=journal, timelines=timelines, logs=targets)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_comes_out_as_markup(payload, report, tmp_path):
    poisoned = render(poisoned_run(payload, tmp_path / "web.log"))
    tree = parse(poisoned)
    tags = {tag for tag, _ in tree.seen}
    attributes = {name for _, attrs in tree.seen for name in attrs}

    ours = {tag for tag, _ in parse(report).seen} | {"details", "pre", "span", "p", "tspan"}
    assert tags <= ours
    assert not [name for name in attributes if name.startswith("on")]
    assert not [
        attrs for tag, attrs in tree.seen if tag == "a" and not attrs["href"].startswith("#")
    ]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\u2028]", poisoned)
    assert ("{{ 7*7 }}" in "".join(tree.text)) == ("{{" in payload)  # shown, not computed


def test_a_megabyte_in_a_name_does_not_hide_the_verdict():
    made = run()
    first = replace(made.journal.experiments[0], title="x" * 1_000_000)
    journal = replace(made.journal, experiments=(first,))
    report = render(replace(made, journal=journal))

    assert len(report) < 1_500_000
    assert "The system healed itself" in report


def test_a_strength_that_nobody_could_count_is_no_number():
    made = run()

    def deaf(*which):
        timeline = made.timeline_of(*which)
        data = {"have": 0, "want": 41, "silent": True}
        mark = Mark(at_ns=timeline.marks[-1].at_ns, kind=MarkKind.REDUNDANCY, data=data)
        return replace(timeline, marks=(*timeline.marks, mark))

    text = " ".join(parse(html.render(made.journal, deaf, made.logs_of)).text)

    assert "not counted: the cluster is not heard" in text
    assert "0 of 41" not in text


def test_a_run_that_died_is_reported_as_far_as_it_came():
    made = run()
    first = made.journal.experiments[0]
    unjudged = replace(first.trials[0], judgement=None, trouble="the harness died")
    partial = replace(first, trials=(unjudged,), judgement=None)
    journal = replace(made.journal, experiments=(partial,), ended_wall="", exit_code=None)
    text = " ".join(parse(render(replace(made, journal=journal))).text)

    assert "This run did not end" in text
    assert "the harness died" in text


def test_a_run_without_experiments_is_a_page():
    made = run()
    journal = replace(
        made.journal,
        experiments=(),
        environment={},
        anchor=replace(made.journal.anchor, wall="no time at all", mono_ns=MONO_NS),
    )
    text = " ".join(parse(render(replace(made, journal=journal))).text)

    assert "nothing was learnt" in text
    assert "no time at all" in text
