"""The exporters as the command line asks for them: nothing when nobody asks, and no harm done."""

import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from chaoskit.cli import cli
from chaoskit.errors import EnvironmentUnfit, InputError
from chaoskit.exporters.prometheus import PrometheusExporter
from chaoskit.exporters.shelf import Exports, Wanted
from tests.receivers import Grafana, serving
from tests.telling import story

ROOT = Path(__file__).parents[2]
MINIMAL = str(ROOT / "tests" / "good" / "our-block.yaml")


class Heard:
    def __init__(self):
        self.news = []

    def tell(self, news):
        self.news.append(news)


def test_nothing_asked_for_costs_nothing():
    shown = Heard()
    with Exports(Wanted()) as exports:
        assert exports.beside(shown) is shown
    code = (
        "import sys; import chaoskit.cli.run_command, chaoskit.exporters.shelf as s\n"
        "with s.Exports(s.Wanted()): pass\n"
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('opentelemetry', 'prometheus_client') or m.startswith('chaoskit.exporters.')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    names = set(json.loads(found.stdout.replace("'", '"')))
    assert names <= {"chaoskit.exporters.shelf"}


def test_everybody_is_told_and_the_terminal_first(tmp_path):
    shown, grafana, file = Heard(), Grafana(), tmp_path / "events.jsonl"
    with serving(grafana) as url:
        wanted = Wanted(grafana=url, cdevents=str(file), metrics_port=0)
        with Exports(wanted, {}) as exports:
            listener = exports.beside(shown)
            for one in story():
                listener.tell(one)
            address = exports.remarks[0].removeprefix("metrics: ")
            with urllib.request.urlopen(address, timeout=10) as reply:
                text = reply.read().decode()

    assert len(shown.news) == len(list(story()))
    assert len(grafana.annotations) == 2
    assert len(file.read_text().splitlines()) == 13
    assert 'chaoskit_trials_total{experiment="web/crash",verdict="healed"} 1.0' in text
    assert exports.trouble == []


def test_a_defect_of_an_exporter_costs_that_exporter_only(tmp_path, monkeypatch):
    shown, file = Heard(), tmp_path / "events.jsonl"
    monkeypatch.setattr("chaoskit.exporters.grafana.GrafanaExporter.tell", lambda *_: 1 / 0)
    with Exports(Wanted(grafana="http://127.0.0.1:1", cdevents=str(file)), {}) as exports:
        for one in story():
            exports.beside(shown).tell(one)

    assert len(shown.news) == len(list(story()))
    assert len(file.read_text().splitlines()) == 13
    assert exports.trouble == [
        "a defect of the exporter grafana, which was left out: ZeroDivisionError: division by zero"
    ]


def test_what_is_left_is_sent_side_by_side():
    meeting = threading.Barrier(2)

    class Waits(Heard):
        def close(self):
            meeting.wait(timeout=60)  # broken when the other one does not come, too
            return ("told",)

    with Exports(Wanted(), {}) as exports:
        exports._exporters = {"one": Waits(), "two": Waits()}

    assert exports.trouble == ["told", "told"]


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        (Wanted(otlp="collector:4318"), InputError, "--otlp: 'collector:4318' is no address"),
        (Wanted(grafana="file:///etc"), InputError, "--grafana: 'file:///etc' is no address"),
        (Wanted(cdevents="/no/such/x"), InputError, "--cdevents: /no/such/x cannot be written"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(wanted, error, words):
    with pytest.raises(error) as refused, Exports(wanted, {}):
        pytest.fail("entered")

    assert words in str(refused.value)


def test_a_port_that_is_taken_is_refused():
    first = PrometheusExporter(0)
    port = int(first.address.rsplit(":", 1)[1].split("/")[0])
    try:
        with pytest.raises(EnvironmentUnfit) as refused:
            PrometheusExporter(port)
    finally:
        first.close()

    assert f"--metrics-port {port}: 127.0.0.1:{port} cannot be listened on" in str(refused.value)


@pytest.mark.parametrize(
    ("wanted", "package", "extra"),
    [
        (Wanted(otlp="http://127.0.0.1:4318"), "opentelemetry", "otel"),
        (Wanted(metrics_port=0), "prometheus_client", "prometheus"),
    ],
)
def test_a_missing_extra_is_named_with_its_remedy(monkeypatch, wanted, package, extra):
    for name in [one for one in sys.modules if one.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EnvironmentUnfit) as refused, Exports(wanted, {}):
        pytest.fail("entered")

    assert f"pip install 'chaoskit[{extra}]'" in str(refused.value)
    assert refused.value.exit_code == 4


@pytest.mark.parametrize("command", ["run", "prove", "ci"])
def test_help_names_every_option(command):
    text = CliRunner().invoke(cli, [command, "--help"]).output

    for option in ("--otlp URL", "--grafana URL", "--cdevents FILE|URL", "--metrics-port PORT"):
        assert option in text


def test_the_page_lists_every_metric_and_every_label():
    page = (ROOT / "docs" / "observability.md").read_text()
    exporter = PrometheusExporter(0)
    try:
        for one in story():
            exporter.tell(one)
        with urllib.request.urlopen(exporter.address, timeout=10) as reply:
            families = list(text_string_to_metric_families(reply.read().decode()))
    finally:
        exporter.close()

    assert len(families) > 15
    for family in families:
        labels = {name for sample in family.samples for name in sample.labels}
        names = {one.name for one in family.samples if not one.name.endswith("_created")}
        for name in names:
            assert f"`{name}`" in page, name
        for label in labels:
            assert f"`{label}`" in page, label


def test_the_dashboard_asks_for_metrics_that_there_are():
    board = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text())
    page = (ROOT / "docs" / "observability.md").read_text()
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]

    assert asked
    for expression in asked:
        name = expression.split("chaoskit_", 1)[1].split("{")[0].split(")")[0].split("[")[0]
        assert f"`chaoskit_{name.split()[0]}`" in page, expression
    annotations = board["annotations"]["list"]
    assert [one["target"]["tags"] for one in annotations if "target" in one] == [["chaoskit"]]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
