"""What needs no engine: arguments, floors, dialogues and texts."""

import json
import socketserver
import threading

import pytest
from chaoskit_example_extras import banner
from chaoskit_example_extras.chat import REPORTER

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import catalogue, make
from chaoskit.healers.base import catalogue as healers
from chaoskit.model.journal import Anchor, Journal
from chaoskit.model.outcomes import Outcome
from chaoskit.probes.base import BadProbe, Settings


def test_the_faults_are_on_the_shelf():
    assert {"stall", "renice"} <= set(catalogue())
    assert make("stall", {"service": "web", "for": "5s"}).duration_s == 5.0


def test_a_nice_value_that_would_help_is_refused():
    with pytest.raises(FaultRefused, match="choose from 1 to 19"):
        make("renice", {"service": "web", "nice": -5})


def test_the_healer_is_as_quick_as_its_period():
    floor = healers()["cron-restart"].floor({"every": "10s"}, "crash")

    assert floor.detection.worst_s == 10.0
    assert healers()["cron-restart"].floor({}, "latency") is None


class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"220 mail.example ready\r\n")


@pytest.fixture
def server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeter) as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.01,))
        thread.start()
        yield f"tcp://127.0.0.1:{one.server_address[1]}"
        one.shutdown()
        thread.join()


def test_a_greeting_is_heard_by_chaos_toolkit(server):
    assert banner.greets(server, expect="220 ")
    assert not banner.greets("tcp://127.0.0.1:1", expect="220 ")


def test_a_greeting_is_judged_by_the_prober():
    provider = {"arguments": {"url": "tcp://127.0.0.1:25", "expect": "220 "}}
    asked = banner.question(provider, True, Settings())
    dialogue = asked.open()

    assert dialogue.connected() is None
    assert dialogue.feed(b"22") is None
    assert dialogue.feed(b"0 ready\r\n").outcome is Outcome.GOOD


@pytest.mark.parametrize("url", ["", "tcp://host", "tcp://host:port", "::"])
def test_an_address_that_leads_nowhere_is_refused(url):
    with pytest.raises(BadProbe, match="write tcp://HOST:PORT"):
        banner.question({"arguments": {"url": url, "expect": "x"}}, True, Settings())


def test_a_run_is_one_message():
    anchor = Anchor(wall="2026-01-01T00:00:00+00:00", wall_ns=0, mono_ns=0)
    journal = Journal(run_id="r1", chaoskit="1", command="chaoskit run", seed=1, anchor=anchor)

    assert json.loads(REPORTER.render(journal))["text"]
