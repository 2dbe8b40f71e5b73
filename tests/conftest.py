"""Who may run beside whom when the tests are spread over two processes (`make test`), and who is slow.

Tests that break real containers are timed and stay in one row: two of them at once would be each
other's weather. Beside that row run the rest: a browser in a row of its own, the clusters' tests
module by module because each module has one cluster, and everything else one by one.

`make check` leaves out what is slow: the clusters' tests, and modules whose tests start programs and
wait for them.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

from chaoskit.pytest_plugin import write_group

for told in ("COLUMNS", "LINES"):  # xdist's processes are told a terminal's size, and have none
    os.environ.pop(told, None)

settings.register_profile(  # how busy the machine is, is no property of what is tested
    "unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")


SLOW = {
    "test_afar",
    "test_doctor",
    "test_ledger_kinds",
    "test_ledger_writer",
    "test_plugins",
    "test_pool",
    "test_prober",
    "test_pytest_plugin",
    "test_store",
    "test_terminal_keys",
}


def row_of(item):
    """The name of the row that a test has to stay in; None when it may run anywhere."""
    if item.get_closest_marker("docker"):
        return "engine"
    if item.get_closest_marker("browser"):
        return "browser"
    if "cluster" in item.path.parts:
        return item.path.stem
    return None


@pytest.hookimpl(tryfirst=True)  # before chaoskit's own plugin, which then leaves the row alone
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem in SLOW or "cluster" in item.path.parts:
            item.add_marker(pytest.mark.slow)
        row = row_of(item)
        if row is not None:
            item.add_marker(pytest.mark.xdist_group(row))
            write_group(item, row)
