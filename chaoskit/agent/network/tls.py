"""Which certificate an instance serves: a TLS handshake from inside its own network."""

import socket
import ssl
from ipaddress import IPv4Address
from pathlib import Path

from chaoskit.agent.kind import Refused
from chaoskit.agent.processes import network_of

_PATIENCE_S = 1.0


def served_certificate(pid: int, port: int, *, name: str = "") -> bytes:
    """The certificate on a port of a process's network, unverified, as DER.

    `name` is the server name that is asked for. Raises Refused when there is none, OSError when
    that network is gone.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with network_of(pid):
        plain = _connected(pid, port)
    try:
        with plain, context.wrap_socket(plain, server_hostname=name or None) as secure:
            der = secure.getpeercert(binary_form=True)
    except OSError as error:
        message = f"no TLS handshake with port {port}: {error}"
        raise Refused(message) from error
    if not der:
        message = f"port {port} serves no certificate"
        raise Refused(message)
    return der


def _connected(pid: int, port: int) -> socket.socket:
    """A connection to whichever local address is listened at. Raises Refused."""
    why = "nobody listens"
    for address in ("127.0.0.1", *_listening(pid, port)):
        try:
            return socket.create_connection((address, port), timeout=_PATIENCE_S)
        except OSError as error:
            why = error.strerror or str(error)
    message = f"port {port} of the instance cannot be reached: {why}"
    raise Refused(message)


def _listening(pid: int, port: int) -> list[str]:
    """The local IPv4 addresses at which that port is listened on, as /proc/net/tcp tells."""
    found = []
    for line in Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        address, _, number = local.partition(":")
        if state == "0A" and int(number, 16) == port:
            found.append(str(IPv4Address(int(address, 16).to_bytes(4, "little"))))
    return [one for one in found if int(IPv4Address(one))]
