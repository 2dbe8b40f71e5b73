"""What `doctor` says about what other packages add: what there is, and what cannot be used."""

from collections.abc import Iterator

from chaoskit import plugins
from chaoskit.faults import base as faults
from chaoskit.healers import base as healers
from chaoskit.ledgers import base as ledgers
from chaoskit.probes import shelf as probes
from chaoskit.reporters import shelf as reporters
from chaoskit.target import added_kinds
from chaoskit.target.checks import Check, Status

_WHY = "what cannot be used is left out, and an experiment that asks for it is refused"


def refused() -> tuple[str, ...]:
    """Everything that packages offer and that cannot be used, one line each."""
    stocks = (
        faults.shelf(),
        healers.shelf(),
        probes.added(),
        reporters.added(),
        ledgers.shelf(),
        added_kinds.added(),
    )
    return tuple(line for stock in stocks for line in stock.refused.values())


def plugin_checks() -> Iterator[Check]:
    """Plugins: one check for each that cannot be used, or one that says what is added."""
    lines = refused()
    for line in lines:
        fix = "mend, upgrade or uninstall the package"
        yield Check(id="Plugins", status=Status.WARN, evidence=line, why=_WHY, fix=fix)
    if not lines:
        told = sorted({f"{one.what} of {one.package}" for one in plugins.installed()})
        evidence = ", ".join(told) or "none installed"
        yield Check(id="Plugins", status=Status.OK, evidence=evidence, why=_WHY)
