"""The spans of a run: as a pure function, and at a receiver that really decodes OTLP."""

import gzip
import time
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from chaoskit.exporters import otlp
from chaoskit.exporters.spans import spans_of
from chaoskit.model.marks import NS, Mark, MarkKind
from tests.receivers import serving
from tests.samples_builder import run

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    """Decodes what comes, as a collector does."""

    def __init__(self, status=200):
        self.spans, self.resources, self.paths, self.status = [], [], [], status
        self.headers = []

    def __call__(self, method, path, headers, body):
        self.paths.append((method, path))
        self.headers.append(headers)
        if self.status != 200:
            return self.status, b""
        assert headers["Content-Type"] == "application/x-protobuf"
        if headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            self.resources.append(attributes(resource.resource))
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return 200, ExportTraceServiceResponse().SerializeToString()


def attributes(holder):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in holder.attributes}


@pytest.fixture(scope="module")
def finished():
    """A run with its journal and, of every trial, its marks."""
    made = run()
    return made.journal, lambda record, trial: made.timeline_of(record, trial).marks


def exported(finished, collector, environ=None):
    with serving(collector) as url:
        return otlp.OtlpExporter(url).export(spans_of(*finished), environ or {})


@pytest.fixture(scope="module")
def collector(finished):
    one = Collector()
    assert exported(finished, one, {"TRACEPARENT": PARENT}) == ()
    return one


def test_the_tree_is_run_experiment_trial_phase(collector, finished):
    journal, _ = finished
    by_id = {one.span_id: one for one in collector.spans}
    depth = defaultdict(list)
    for one in collector.spans:
        at, steps = one, 0
        while at.parent_span_id in by_id:
            at, steps = by_id[at.parent_span_id], steps + 1
        depth[steps].append(one.name)
    trials = sum(len(record.trials) for record in journal.experiments)

    assert set(collector.paths) == {("POST", "/v1/traces")}
    assert collector.resources[0]["service.name"] == "chaoskit"
    assert depth[0] == ["chaoskit run"]
    assert sorted(depth[1]) == sorted(record.name for record in journal.experiments)
    assert len(depth[2]) == trials
    assert {"baseline", "watch"} <= set(depth[3])


def test_it_joins_the_trace_of_the_ci(collector):
    root = next(one for one in collector.spans if one.name == "chaoskit run")

    assert root.parent_span_id.hex() == "b7ad6b7169203331"
    assert {one.trace_id.hex() for one in collector.spans} == {"0af7651916cd43dd8448eb211c80319c"}


def test_every_time_is_the_marks_own(collector, finished):
    journal, marks_of = finished
    record = journal.experiments[0]
    trial = record.trials[0]
    span = next(one for one in collector.spans if one.name == f"{record.name} trial 1")
    marks = marks_of(record, trial)
    effect = next(mark for mark in marks if mark.kind == "in_effect")
    events = {event.name: event for event in reversed(span.events)}

    assert events["fault.in_effect"].time_unix_nano == journal.anchor.wall_of(effect.at_ns)
    recovery = trial.judgement.measured("recovery").middle
    recovered = events["fault.recovered"].time_unix_nano
    assert recovered == events["fault.in_effect"].time_unix_nano + round(recovery * NS)
    assert "fault.detected" in events
    assert (
        span.start_time_unix_nano
        < effect.at_ns + (journal.anchor.wall_ns - journal.anchor.mono_ns)
        < span.end_time_unix_nano
    )
    phases = [one for one in collector.spans if one.parent_span_id == span.span_id]
    for before, after in pairwise(phases):
        assert before.end_time_unix_nano == after.start_time_unix_nano


def test_a_span_says_what_was_found_and_only_failures_are_errors(collector, finished):
    journal, _ = finished
    for record in journal.experiments:
        span = next(one for one in collector.spans if one.name == record.name)
        said = attributes(span)

        assert said["chaoskit.verdict"] == record.judgement.verdict.value
        assert said["test.case.result.status"] == ("pass" if record.judgement.passed else "fail")
        assert (span.status.code == span.status.STATUS_CODE_ERROR) == (not record.judgement.passed)


def test_children_lie_within_their_parents(finished):
    def check(span):
        for child in span.children:
            assert span.start_ns <= child.start_ns <= child.end_ns <= span.end_ns, child.name
            check(child)

    for experiment in spans_of(*finished).children:
        check(experiment)


def test_a_run_that_died_half_way_has_spans_too(finished):
    journal, marks_of = finished
    record = journal.experiments[0]
    bare = replace(record.trials[0], judgement=None, trouble="died")
    torn = replace(
        journal,
        ended_wall="",
        exit_code=None,
        experiments=(replace(record, judgement=None, trials=(bare,)),),
    )
    span = spans_of(torn, marks_of)

    assert span.error == "exit code None"
    assert span.children[0].error == "not judged"
    assert span.children[0].children[0].error == "not judged"
    assert spans_of(torn, lambda *_: ()).children[0].children == ()


def test_texts_of_others_are_fit_to_be_shown_and_hide_their_secrets(finished):
    journal, _ = finished
    mark = Mark(
        at_ns=journal.anchor.mono_ns,
        kind=MarkKind.IN_EFFECT,
        detail="\x1b[31mpassword=s3cr3t",
    )
    trial = spans_of(journal, lambda *_: (mark,)).children[0].children[0]

    assert trial.events[0].attributes["chaoskit.detail"] == "password=•••"


def test_without_a_traceparent_it_is_a_trace_of_its_own(finished):
    collector = Collector()
    exported(finished, collector, {"TRACEPARENT": "nonsense"})
    root = next(one for one in collector.spans if one.name == "chaoskit run")

    assert not root.parent_span_id


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_collector_that_refuses_is_told_of_once_and_quickly(finished, status, capfd):
    trouble = exported(finished, Collector(status))

    assert len(trouble) == 1
    assert "spans were not delivered" in trouble[0]
    assert str(status) in trouble[0] or "no answer" in trouble[0]
    assert capfd.readouterr().err == ""  # the library has a log of its own


def test_nobody_there_costs_seconds(finished, capfd, monkeypatch):
    monkeypatch.setattr(otlp, "_REQUEST_S", 0.5)
    with serving(Collector()) as url:
        pass
    trouble = otlp.OtlpExporter(url).export(spans_of(*finished), {})

    assert len(trouble) == 1
    assert capfd.readouterr().err == ""


def test_a_collector_that_never_answers_is_not_waited_for(finished, monkeypatch):
    monkeypatch.setattr(otlp, "_PATIENCE_S", 0.5)

    def never(*_):
        time.sleep(30)
        return 200, b""

    trouble = exported(finished, never)

    assert len(trouble) == 1
    assert "no answer within 0.5 s" in trouble[0]


def test_a_path_in_the_address_is_kept(finished):
    collector = Collector()
    with serving(collector) as url:
        otlp.OtlpExporter(f"{url}/otel/v1/traces").export(spans_of(*finished), {})

    assert set(collector.paths) == {("POST", "/otel/v1/traces")}
