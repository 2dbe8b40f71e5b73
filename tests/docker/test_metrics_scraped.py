"""Metrics of a run, scraped and asked for by a real Prometheus: the one of the alerting target."""

import json
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from chaoskit.exporters.prometheus import PrometheusExporter
from chaoskit.plan.targets import TargetShelf
from chaoskit.run.clock import wait_until
from chaoskit.target import engine, images
from tests.telling import story

pytestmark = pytest.mark.docker
TARGETS = Path(__file__).parents[2] / "targets"
CONFIG = """
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs:
  - job_name: chaoskit
    static_configs: [{targets: ["%s"]}]
"""


class Prometheus:
    """A Prometheus on loopback that scrapes one address."""

    def __init__(self, folder, scraped):
        (folder / "prometheus.yml").write_text(CONFIG % scraped)
        client = engine.connect()
        spec = TargetShelf(TARGETS).load("alert-remediation")
        image = monitoring_image(client, spec)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = ["docker", "run", "-d", "--rm", "--network=host", f"-v{folder}:/conf:ro", image]
        command += ["prometheus", "--config.file=/conf/prometheus.yml"]
        command += ["--storage.tsdb.path=/tmp/p", f"--web.listen-address=127.0.0.1:{self.port}"]
        started = subprocess.run(command, capture_output=True, text=True, check=True)
        self.container = started.stdout.strip()

    def ask(self, query):
        """Every answer to a query: labels, without the scrape's own, and value."""
        words = urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/api/v1/query?{words}", timeout=5
            ) as reply:
                found = json.load(reply)["data"]["result"]
        except OSError:
            return {}
        own = {"__name__", "instance", "job"}
        return {
            tuple(sorted((k, v) for k, v in one["metric"].items() if k not in own)): float(
                one["value"][1]
            )
            for one in found
        }

    def close(self):
        subprocess.run(["docker", "rm", "-f", self.container], capture_output=True, check=True)


def monitoring_image(client, spec):
    """The image with Debian's Prometheus, made when it is not there."""
    return images.ensure_services(client, spec.folder, lambda _line: None)["prometheus"]


def test_a_real_prometheus_sees_the_run_while_it_goes_on(tmp_path):
    exporter = PrometheusExporter(0)
    prometheus = Prometheus(tmp_path, exporter.address.split("/")[2])
    held = (("experiment", "web/hang"), ("fault", "hang"), ("fault_instance", "web-2"))
    try:
        news = list(story())
        for one in news[:-5]:
            exporter.tell(one)
        assert wait_until(
            lambda: prometheus.ask("chaoskit_fault_in_effect") == {held: 1.0}, timeout_s=60
        )
        assert prometheus.ask("chaoskit_phase == 1") == {(("phase", "watch"),): 1.0}
        assert prometheus.ask("chaoskit_instances < chaoskit_instances_wanted") == {
            (("service", "web"),): 2.0
        }
        assert prometheus.ask("chaoskit_service_up") == {(): 0.0}
        crash = (("experiment", "web/crash"), ("measure", "recovery"))
        assert prometheus.ask("chaoskit_measure{measure='recovery'}") == {crash: 1.5}
        for one in news[-5:]:
            exporter.tell(one)
        assert wait_until(
            lambda: prometheus.ask("chaoskit_fault_in_effect") == {held: 0.0}, timeout_s=60
        )
        assert prometheus.ask("sum(chaoskit_faults_total)") == {(): 2.0}
        assert prometheus.ask("sum by (verdict) (chaoskit_trials_total)") == {
            (("verdict", "healed"),): 1.0,
            (("verdict", "not_healed"),): 1.0,
        }
        assert prometheus.ask("chaoskit_run_info")[(("run_id", "r1"), ("version", "0.1.0"))] == 1.0
    finally:
        prometheus.close()
        exporter.close()
