"""CDEvents to a file and to a URL: decoded by CloudEvents' own library, held to the specification."""

import time
from datetime import UTC, datetime

import jsonschema
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat

from chaoskit.errors import InputError
from chaoskit.exporters.cdevents import Teller
from chaoskit.exporters.event_sinks import EventExporter, sink_for
from tests.receivers import serving
from tests.telling import story

# What the specification (CDEvents 0.5, testing events) says of the four types that we send.
TEXT = {"type": "string", "minLength": 1}
CONTEXT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "timestamp"],
    "additionalProperties": False,
    "properties": {
        "specversion": {"const": "0.5.0"},
        "id": TEXT,
        "source": {"type": "string", "format": "uri-reference"},
        "type": {"pattern": r"^dev\.cdevents\.test(suite|case)run\.(started|finished)\.0\.3\.0$"},
        "timestamp": {"type": "string", "format": "date-time"},
    },
}
TRIGGER = {"enum": ["manual", "pipeline", "event", "schedule", "other"]}
CONTENT = {
    "type": "object",
    "required": ["environment"],
    "additionalProperties": False,
    "properties": {
        "environment": {"type": "object", "required": ["id"], "properties": {"id": TEXT}},
        "trigger": {"type": "object", "required": ["type"], "properties": {"type": TRIGGER}},
        "testSuite": {"type": "object", "required": ["id"], "properties": {"id": TEXT}},
        "testSuiteRun": {"type": "object", "required": ["id"], "properties": {"id": TEXT}},
        "testCase": {
            "type": "object",
            "required": ["id"],
            "properties": {"id": TEXT, "name": TEXT, "type": {"enum": ["functional", "other"]}},
        },
        "outcome": {"enum": ["success", "failure", "cancel", "error"]},
        "reason": {"type": "string"},
    },
}
SUBJECT = {
    "type": "object",
    "required": ["id", "type", "content"],
    "properties": {
        "id": TEXT,
        "source": {"type": "string", "format": "uri-reference"},
        "type": {"enum": ["testSuiteRun", "testCaseRun"]},
        "content": CONTENT,
    },
}
SCHEMA = {"type": "object", "required": ["context", "subject"]}
SCHEMA |= {"properties": {"context": CONTEXT, "subject": SUBJECT}}


def told(place, news):
    exporter = EventExporter(Teller(environment="ci-7", trigger="pipeline"), sink_for(str(place)))
    for one in news:
        exporter.tell(one)
    return exporter.close()


def events(path):
    return [
        from_structured_event(HTTPMessage({}, line.encode()), JSONFormat())
        for line in path.read_text().splitlines()
    ]


def types(found):
    return [one.get_type().removeprefix("dev.cdevents.") for one in found]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "events.jsonl"


def test_a_run_is_a_suite_and_an_experiment_a_case_with_the_life_of_its_fault(file):
    assert told(file, story()) == ()

    assert types(events(file)) == [
        "testsuiterun.started.0.3.0",
        "testcaserun.started.0.3.0",
        "io.chaoskit.fault.injected",
        "io.chaoskit.fault.detected",
        "io.chaoskit.fault.acted",
        "io.chaoskit.fault.recovered",
        "testcaserun.finished.0.3.0",
        "testcaserun.started.0.3.0",
        "io.chaoskit.fault.injected",
        "io.chaoskit.fault.lifted",
        "io.chaoskit.fault.recovered",
        "testcaserun.finished.0.3.0",
        "testsuiterun.finished.0.3.0",
    ]


def test_every_cdevent_keeps_to_the_specification(file):
    told(file, story())
    found = [one for one in events(file) if one.get_type().startswith("dev.cdevents.")]
    for one in found:
        data = one.get_data()
        jsonschema.validate(data, SCHEMA, format_checker=jsonschema.FormatChecker())

        assert data["context"]["id"] == one.get_id()
        assert data["context"]["type"] == one.get_type()
        assert data["context"]["source"] == one.get_source() == "/chaoskit/ci-7"
        assert data["subject"]["id"] == one.get_subject()
        assert datetime.fromisoformat(data["context"]["timestamp"]) == one.get_time()
        assert ("outcome" in data["subject"]["content"]) == ("finished" in one.get_type())
    assert len({one.get_id() for one in events(file)}) == len(events(file))


def test_times_are_those_of_the_marks_and_of_the_recovery(file):
    told(file, story())
    found = {one.get_type(): one for one in reversed(events(file))}

    effect = datetime(2023, 11, 14, 22, 13, 24, 250000, tzinfo=UTC)
    assert found["io.chaoskit.fault.injected"].get_time() == effect
    recovered = found["io.chaoskit.fault.recovered"]
    assert (recovered.get_time() - effect).total_seconds() == 1.5
    assert recovered.get_data()["sinceEffectSeconds"] == 1.5
    assert recovered.get_subject() == "r1/web/crash"


def test_outcomes_say_whose_fault_it_was(file):
    told(file, story())
    finished = [one.get_data()["subject"] for one in events(file) if "finished" in one.get_type()]

    assert [(one["id"], one["content"]["outcome"]) for one in finished] == [
        ("r1/web/crash", "success"),
        ("r1/web/hang", "failure"),
        ("r1", "failure"),
    ]
    assert finished[0]["content"]["environment"] == {"id": "web"}


def test_a_run_that_ends_without_a_word_has_its_ends_told(file):
    told(file, story(ended=False))
    last = [one.get_data()["subject"]["content"]["outcome"] for one in events(file)[-2:]]

    assert types(events(file))[-2:] == ["testcaserun.finished.0.3.0", "testsuiterun.finished.0.3.0"]
    assert last == ["error", "error"]


def test_secrets_stay_out(file):
    told(file, story())

    assert "in state T" in file.read_text()
    assert "s3cr3t" not in file.read_text()


def test_a_run_that_never_began_tells_nothing(file):
    assert told(file, ()) == ()
    assert file.read_text() == ""


def test_a_second_run_is_added_to_the_file(file):
    told(file, story())
    told(file, story())

    assert len(events(file)) == 26


def test_every_event_is_one_request_in_the_structured_form():
    got = []

    def answer(method, path, headers, body):
        got.append((method, path, headers["Content-Type"], body))
        return 202, b""

    with serving(answer) as url:
        assert told(f"{url}/hook", story()) == ()

    assert {one[:3] for one in got} == {
        ("POST", "/hook", "application/cloudevents+json; charset=utf-8")
    }
    found = [from_structured_event(HTTPMessage({}, one[3]), JSONFormat()) for one in got]
    assert len(found) == 13
    assert found[-1].get_type() == "dev.cdevents.testsuiterun.finished.0.3.0"


def test_a_receiver_that_refuses_is_told_of_once_and_left_alone():
    got = []

    def answer(*_):
        got.append(1)
        return 500, b"no"

    with serving(answer) as url:
        trouble = told(url, story())

    assert len(trouble) == 1
    assert "it answered 500" in trouble[0]
    assert "13 were not delivered" in trouble[0]
    assert "the verdict does not depend on it" in trouble[0]
    assert len(got) == 3


def test_nobody_there_is_told_of_once():
    with serving(lambda *_: (200, b"")) as url:
        pass
    trouble = told(url, story())

    assert len(trouble) == 1
    assert "refused" in trouble[0]


def test_a_slow_receiver_costs_seconds_at_the_end_and_nothing_before(monkeypatch):
    monkeypatch.setattr("chaoskit.exporters.outbox.PATIENCE_S", 0.5)

    def answer(*_):
        time.sleep(20)
        return 200, b""

    with serving(answer) as url:
        exporter = EventExporter(Teller(environment="x"), sink_for(url))
        begun = time.monotonic()
        for one in story():
            exporter.tell(one)
        told_s = time.monotonic() - begun
        trouble = exporter.close()

    assert told_s < 10  # far from thirteen times twenty
    assert len(trouble) == 1
    assert "no answer in time" in trouble[0]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/no/such/folder/events.jsonl", "cannot be written: No such file or directory"),
        ("ftp://host/x", "'ftp://host/x' is no address; write http://HOST:PORT/PATH"),
        ("http://", "is no address"),
        ("http://host:99999/", "is no address"),
        ("http://a b/", "is no address"),
        ("http://user:secret@host/", "ends up in logs"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_anything_starts(place, words):
    with pytest.raises(InputError) as refused:
        sink_for(place)

    assert words in str(refused.value)
    assert str(refused.value).startswith("--cdevents: ")


def test_a_full_disk_is_told_once(tmp_path):
    trouble = told("/dev/full", story())

    assert trouble == ("/dev/full: No space left on device; events are missing",)
