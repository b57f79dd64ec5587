"""Whose a request to a local Coinbase is: JSON web tokens, each for one request."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

import orjson

from tradecore.sandbox.clients import Client, Clients
from tradecore.sandbox.coinbase.refusals import unauthorized
from tradecore.sandbox.door import Door

__all__ = ["Tokens", "made_client"]

_LONGEST_S = 300
_ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def made_client(seed: int, number: int) -> Client:
    """Return the client of a number that a seed makes: a name, and a private key on the curve P-256 in PEM."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    digest = hashlib.sha256(f"tradecore sandbox coinbase {seed} {number}".encode()).digest()
    key = derive_private_key(int.from_bytes(digest) % (_ORDER_OF_P256 - 1) + 1, SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    name = f"organizations/sandbox-{seed}/apiKeys/{number}"
    return Client(key=name, secret=private, public_key=public)


class Tokens:
    """Checks tokens. What is wrong is :class:`Refused` with 401, which says no more, as at the venue."""

    def __init__(self, clients: Clients, door: Door) -> None:
        self._clients = clients
        self._door = door

    def check_request(self, header: str, method: str, host: str, path: str) -> int:
        """Return whose request it is: its token names the method, the host and the path."""
        scheme, _, token = header.partition(" ")
        account, claims = self._read(token if scheme == "Bearer" else "")
        named = str(claims.get("uri", claims.get("uris", [""])[0]))
        # Clients strip no more than "https://" of an address.
        if named.replace("http://", "", 1) != f"{method} {host}{path}":
            raise unauthorized()
        return account

    def check(self, token: str) -> int:
        """Return whose token of a WebSocket it is."""
        return self._read(token)[0]

    def _read(self, token: str) -> tuple[int, dict[str, Any]]:
        try:
            head, body, signature = token.split(".")
            header, claims = orjson.loads(_decoded(head)), orjson.loads(_decoded(body))
            found = self._clients.find(header["kid"])
            begins, ends = int(claims["nbf"]), int(claims["exp"])
        except (ValueError, KeyError, TypeError, binascii.Error):
            raise unauthorized() from None
        now_s = self._door.venue_ns / 1e9
        if found is None or claims.get("sub") != header["kid"] or not begins - 1 <= now_s < ends <= begins + _LONGEST_S:
            raise unauthorized()
        if not _is_signed(found[1].public_key, f"{head}.{body}".encode(), _decoded(signature)):
            raise unauthorized()
        return found[0], claims


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _is_signed(public_key: str, payload: bytes, signature: bytes) -> bool:
    """Return whether a signature is that of a key: 64 bytes, of ES256 the two numbers one behind the other."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = load_pem_public_key(public_key.encode())
    try:
        if isinstance(key, EllipticCurvePublicKey):
            r, s = (int.from_bytes(part) for part in (signature[:32], signature[32:]))
            key.verify(encode_dss_signature(r, s), payload, ECDSA(SHA256()))
        elif isinstance(key, Ed25519PublicKey):
            key.verify(signature, payload)
        else:
            return False
    except InvalidSignature:
        return False
    return True
