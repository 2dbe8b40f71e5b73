"""A Chaos Toolkit probe for any TCP service: does somebody serve behind this port?

For the hypothesis, as a python provider, with the tolerance true:

    {type: python, module: chaoskit.probes.port, func: serves, arguments: {address: "${mail_url}"}}

It asks more than whether a connection stands, which the engine's own proxy lets everybody have. It
cannot see a process that hangs: the kernel accepts on its behalf. Where there is a probe that knows
the protocol, such as chaoskit.probes.redis, that one is better.
"""

from chaoskit.target.asking import port_serves


def serves(address: str, timeout: float = 0.5) -> bool:
    """Whether the other end greets, or leaves the connection open for 100 ms."""
    return port_serves(address, timeout_s=timeout)
