"""Fault `certificate_expiry`: nobody renewed the certificate in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action, wrong_duration
from chaoskit.faults.parts.paths import wrong_path
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_duration

SIGNALS = ("HUP", "USR1", "USR2")


@dataclass(frozen=True, kw_only=True)
class CertificateExpiry(HeldFault):
    """Let a TLS proxy serve a certificate that has expired.

    What: the certificate that HAProxy, nginx, Envoy or another one serves is replaced by one with
    the same subject, names and key that expired `since` ago. Clients that verify it refuse to
    connect; connections that are open stay.

    Mechanism: the first certificate of the PEM file is rewritten in place, signed by `ca` or, where
    none is given, by its own key. Then the main process gets the signal that lets it read its
    files again (HAProxy's master: USR2, nginx: HUP), or is ended for its restart policy to start
    it again. Proven by three TLS handshakes in a row from inside the instance's network that get
    the expired certificate.

    Undo: the file is restored with its times, the process is made to read it again, and handshakes
    prove that nothing expired is served. What was kept for this lies beside the file, so that it
    works after a restart too.

    Limits: PEM files with keys that have no pass phrase. TLS from the first byte on, not STARTTLS.
    Without `ca` a client may name the issuer before the date as its reason. The service must read
    the new file within 3 s. An instance whose main process is a shell passes no signal on.
    """

    name = "certificate_expiry"
    family = "dependency"
    needs = ("certificate",)
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "certificate": "/etc/haproxy/site.pem",
        "port": 8443,
        "reload": "USR2",
    }

    certificate: str  # its PEM file in the instance, alone, with its chain, or with its key
    port: int  # where the instance serves it
    key: str | None = None  # the key's PEM file in the instance; absent: in the same file
    ca: str | None = (
        None  # the signing authority's certificate in the instance; absent: self-signed
    )
    ca_key: str | None = None  # its key's file; absent: in the same file as `ca`
    server_name: str | None = None  # that is asked for, where several certificates are served
    reload: str | None = None  # the signal by which the file is read again: HUP, USR1 or USR2
    restart: bool = False  # instead of a reload: end the main process, for its restart policy
    since: str = "24h"  # how long ago it expired

    def problems(self) -> tuple[str, ...]:
        """Paths, port and signal must be possible."""
        found = list(super().problems())
        for name in ("certificate", "key", "ca", "ca_key"):
            value = getattr(self, name)
            found += wrong_path(name, value) if value is not None else ()
        port: Any = self.port
        if not isinstance(port, int) or not 0 < port < 65536:
            found.append(f"port: {port!r} is no port; choose from 1 to 65535")
        if self.reload is not None and self.reload not in SIGNALS:
            choices = ", ".join(SIGNALS)
            found.append(f"reload: {self.reload!r} is no signal for that; choose from {choices}")
        if self.reload is not None and self.restart:
            found.append("restart: it is given together with reload; give one of them")
        if self.ca_key is not None and self.ca is None:
            found.append("ca_key: it is given without ca; give the authority's certificate too")
        return (*found, *wrong_duration("since", self.since))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One certificate of each instance."""
        reload = "KILL" if self.restart else self.reload or ""
        params = {
            "certificate": self.certificate,
            "key": self.key or "",
            "ca": self.ca or "",
            "ca_key": self.ca_key or "",
            "port": self.port,
            "server_name": self.server_name or "",
            "reload": reload,
            "since_s": parse_duration(self.since),
        }
        how = {"": "read again by itself", "KILL": "restart"}.get(reload, f"SIG{reload}")
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="certificate",
                instance=one,
                params=params,
                mechanism=f"{self.certificate} replaced by an expired one, {how}",
            )
            for one in picked
        )


inject = action(CertificateExpiry)
