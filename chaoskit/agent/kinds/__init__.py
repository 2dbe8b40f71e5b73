"""The shelf of kinds: one file each, listed here because the agent imports nothing by name."""

from collections.abc import Mapping

from chaoskit.agent.kind import Kind
from chaoskit.agent.kinds import firewall, signals

KINDS: Mapping[str, Kind] = {"signal": signals.KIND, "firewall": firewall.KIND}
