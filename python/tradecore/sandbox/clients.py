"""Clients of a local venue: their keys, and whether a signature is theirs."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from hashlib import sha256

from tradecore.errors import InvalidValueError

__all__ = ["Client", "Clients"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client of a local venue server.

    Parameters
    ----------
    key : str
        What it is known by.
    secret : str, optional
        Shared with it, for HMAC.
    public_key : str, optional
        In PEM, for Ed25519.
    """

    key: str
    secret: str = field(default="", repr=False)
    public_key: str = ""

    @classmethod
    def made(cls, seed: int, number: int) -> Client:
        """Return the client of a number that a seed makes."""
        text = f"tradecore sandbox {seed} {number}".encode()
        return cls(key=sha256(b"key " + text).hexdigest(), secret=sha256(b"secret " + text).hexdigest())

    @property
    def is_ed25519(self) -> bool:
        """Whether it signs with a private key."""
        return bool(self.public_key)

    def signed(self, payload: bytes, signature: str) -> bool:
        """Return whether a signature is this client's."""
        if not self.is_ed25519:
            return hmac.compare_digest(hmac.digest(self.secret.encode(), payload, "sha256").hex(), signature.lower())
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        key = load_pem_public_key(self.public_key.encode())
        if not isinstance(key, Ed25519PublicKey):
            raise InvalidValueError("public_key", "is not Ed25519")
        try:
            key.verify(base64.b64decode(signature), payload)
        except (InvalidSignature, binascii.Error):
            return False
        return True


class Clients:
    """All clients, each with an account of its own in their order."""

    def __init__(self, clients: tuple[Client, ...]) -> None:
        self._clients = {client.key: (number, client) for number, client in enumerate(clients)}
        if len(self._clients) < len(clients):
            raise InvalidValueError("clients", "two of them have one key")

    def revoke(self, key: str) -> None:
        """Know a key no more."""
        self._clients.pop(key, None)

    def find(self, key: str | None) -> tuple[int, Client] | None:
        """Return the account of a key and its client; None if nobody has it."""
        return None if key is None else self._clients.get(key)
