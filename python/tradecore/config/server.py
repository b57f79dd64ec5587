"""What a configuration says of the server of a session."""

from __future__ import annotations

from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated

from pydantic import Field, model_validator

from tradecore.config.sections import Section

__all__ = ["ServerConfig", "is_loopback"]


def is_loopback(host: str) -> bool:
    """Return whether only programs of this machine reach a host's address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class ServerConfig(Section):
    """A REST and WebSocket server, and the dashboard, in the process of a session."""

    host: str = "127.0.0.1"
    """Address to listen on; another than this machine's own needs ``tls_cert`` and ``open_reads = false``."""
    port: Annotated[int, Field(ge=0, le=65535, strict=True)] = 8080
    """Port; 0 for one that is free."""
    database: str = "sqlite:///tradecore.db"
    """URL of the database of users, tokens and the audit log; a path is a file of SQLite."""
    open_reads: Annotated[bool, Field(strict=True)] = True
    """Whether reading needs no token. What changes something always needs one."""
    tls_cert: str | None = None
    """File of the certificate, PEM; with ``tls_key``."""
    tls_key: str | None = None
    """File of its key, PEM."""
    behind_tls: Annotated[bool, Field(strict=True)] = False
    """Whether somebody else, such as a proxy in front, brings TLS; then another address needs no certificate here."""
    rate_per_second: Annotated[float, Field(gt=0)] = 200.0
    """Requests a second that one address may send for long; twice as many at once."""
    starting_cash: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal(100_000)
    """What the portfolio of a session on paper begins with, in the settlement currency."""

    @model_validator(mode="after")
    def _is_safe(self) -> ServerConfig:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        if not is_loopback(self.host):
            if self.open_reads:
                raise ValueError(f"host {self.host} is not this machine's own: that needs open_reads = false")
            if self.tls_cert is None and not self.behind_tls:
                raise ValueError(
                    f"host {self.host} is not this machine's own: that needs tls_cert, or behind_tls = true"
                )
        return self
