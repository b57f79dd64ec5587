"""Secrets, and signatures made with them.

A secret is read from the environment or the system's keyring and can be taken out of its wrapper by what signs with it,
nothing else: it is not printed, compared, copied or pickled.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, NoReturn, Protocol

from tradecore.errors import CredentialsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "Credentials",
    "Ed25519Signer",
    "HmacSigner",
    "JwtSigner",
    "Secret",
    "Signer",
    "signer_of",
]


_BLOCK = 64
"""Bytes that SHA-256 works on at a time: a key of HMAC is filled up to them (RFC 2104)."""


class Secret:
    """A text that nothing shows.

    Examples
    --------
    >>> from tradecore.venues.signing import Secret
    >>> Secret("hunter2"), f"{Secret('hunter2')}"
    (Secret(***), 'Secret(***)')
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text, for what signs with it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is neither copied nor pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A key of a venue's interface and its secret.

    Parameters
    ----------
    key : str
        The key's name, which goes with every request; a repr shows its first four characters.
    secret : Secret
        A shared secret, or a private key in PEM or base64.
    passphrase : Secret, optional
        Of a venue whose keys have one: Coinbase Exchange.
    """

    key: str = field(repr=False)
    secret: Secret
    passphrase: Secret | None = None

    def __repr__(self) -> str:
        return f"Credentials(key='{self.key[:4]}...', secret={self.secret!r})"

    @classmethod
    def from_environment(cls, venue: str, environment: Mapping[str, str] = os.environ) -> Credentials | None:
        """Read ``TRADECORE_<VENUE>_KEY`` and ``TRADECORE_<VENUE>_SECRET``, and ``_PASSPHRASE`` where one is set.

        Returns
        -------
        Credentials or None
            None where neither is set.

        Raises
        ------
        CredentialsError
            When only one of them is set.
        """
        return cls._read(venue, f"TRADECORE_{venue}", lambda name: environment.get(name, ""))

    @classmethod
    def from_keyring(cls, venue: str, service: str) -> Credentials | None:
        """Read ``<VENUE>_KEY``, ``<VENUE>_SECRET`` and ``<VENUE>_PASSPHRASE`` of a service in the system's keyring.

        Returns
        -------
        Credentials or None
            None where neither is there.

        Raises
        ------
        CredentialsError
            When only one of them is there, or the keyring cannot be read.
        """
        try:
            import keyring
            from keyring.errors import KeyringError
        except ImportError:
            problem = 'a keyring needs the package: pip install "tradecore[keyring]"'
            raise CredentialsError(venue, problem) from None

        def read(name: str) -> str:
            try:
                return keyring.get_password(service, name) or ""
            except KeyringError as error:  # without its words, which are the backend's
                problem = f"{name} of {service} cannot be read from the keyring ({type(error).__name__})"
                raise CredentialsError(venue, problem) from None

        return cls._read(venue, venue, read)

    @classmethod
    def find(
        cls, venue: str, service: str | None = None, environment: Mapping[str, str] = os.environ
    ) -> Credentials | None:
        """Read them from the environment, and where that has none from a service of the keyring, if one is named.

        Raises
        ------
        CredentialsError
            As of :meth:`from_environment` and :meth:`from_keyring`.
        """
        found = cls.from_environment(venue, environment)
        return cls.from_keyring(venue, service) if found is None and service is not None else found

    @classmethod
    def _read(cls, venue: str, prefix: str, read: Callable[[str], str]) -> Credentials | None:
        names = f"{prefix}_KEY", f"{prefix}_SECRET"
        key, secret = (read(name).strip() for name in names)
        if not key and not secret:
            return None
        if not key or not secret:
            there, missing = names if key else reversed(names)
            raise CredentialsError(venue, f"{there} is set and {missing} is not")
        passphrase = read(f"{prefix}_PASSPHRASE").strip()
        # What holds one line has a PEM with escaped line ends.
        return cls(
            key=key,
            secret=Secret(secret.replace("\\n", "\n")),
            passphrase=Secret(passphrase) if passphrase else None,
        )


class Signer(Protocol):
    """Signs the exact bytes of a request."""

    def sign(self, payload: bytes) -> str:
        """Return the signature as text."""


class HmacSigner:
    """HMAC-SHA256 with a shared secret, in lower-case hex, or in base64 with the secret in base64 too."""

    __slots__ = ("_in_base64", "_inner", "_outer")

    def __init__(self, secret: Secret, *, in_base64: bool = False) -> None:
        text = secret.reveal()
        key = base64.b64decode(text) if in_base64 else text.encode()
        if len(key) > _BLOCK:
            key = sha256(key).digest()
        key = key.ljust(_BLOCK, b"\0")
        # What the key comes to is hashed once; a signature goes on from there, at half the cost of `hmac.digest`.
        self._inner = sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in key))
        self._in_base64 = in_base64

    def sign(self, payload: bytes) -> str:
        """Return the signature of the payload."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(payload)
        outer.update(inner.digest())
        digest = outer.digest()
        return base64.b64encode(digest).decode() if self._in_base64 else digest.hex()


class Ed25519Signer:
    """Ed25519 with a private key, in base64."""

    __slots__ = ("_key",)

    def __init__(self, venue: str, secret: Secret) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = _private_key(venue, secret)
        if not isinstance(key, Ed25519PrivateKey):
            raise CredentialsError(venue, "the private key is not Ed25519")
        self._key = key

    def sign(self, payload: bytes) -> str:
        """Return the signature of the payload."""
        return base64.b64encode(self._key.sign(payload)).decode()


def signer_of(venue: str, credentials: Credentials) -> Signer:
    """Return what signs with a secret: a private key in PEM by Ed25519, any other text by HMAC.

    Raises
    ------
    CredentialsError
        For a private key that cannot be read, or is not Ed25519.
    """
    if "-----BEGIN" in credentials.secret.reveal():
        return Ed25519Signer(venue, credentials.secret)
    return HmacSigner(credentials.secret)


class JwtSigner:
    """JSON web tokens with an elliptic key in PEM (ES256), or an Ed25519 key in PEM or base64 (EdDSA).

    Parameters
    ----------
    venue : str
        For messages.
    credentials : Credentials
    issuer : str
        The claim ``iss``.
    lifetime_s : int
        How long a token is good for.
    """

    __slots__ = ("_algorithm", "_issuer", "_key", "_lifetime_s", "_name")

    def __init__(self, venue: str, credentials: Credentials, *, issuer: str, lifetime_s: int) -> None:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey

        key = _private_key(venue, credentials.secret)
        if isinstance(key, EllipticCurvePrivateKey) and not isinstance(key.curve, SECP256R1):
            raise CredentialsError(venue, f"the private key is on the curve {key.curve.name}, expected P-256")
        self._key = key
        self._algorithm = "ES256" if isinstance(key, EllipticCurvePrivateKey) else "EdDSA"
        self._name = credentials.key
        self._issuer = issuer
        self._lifetime_s = lifetime_s

    def token(self, now_s: int, nonce: str, uri: str | None = None) -> str:
        """Return a token that is good from a second, UTC, on; ``uri`` names the one request it is for."""
        header = {"alg": self._algorithm, "kid": self._name, "nonce": nonce, "typ": "JWT"}
        claims: dict[str, object] = {
            "sub": self._name,
            "iss": self._issuer,
            "nbf": now_s,
            "exp": now_s + self._lifetime_s,
        }
        if uri is not None:
            claims["uri"] = uri
        signed = f"{_compact(header)}.{_compact(claims)}"
        return f"{signed}.{_base64url(self._sign(signed.encode()))}"

    def _sign(self, payload: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(payload)
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        r, s = decode_dss_signature(self._key.sign(payload, ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _private_key(venue: str, secret: Secret) -> EllipticCurvePrivateKey | Ed25519PrivateKey:
    """Read a private key; what is wrong with it is said without showing any of it."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise CredentialsError(venue, 'a private key needs the package: pip install "tradecore[live]"') from None
    text = secret.reveal()
    try:
        if "-----BEGIN" not in text:
            raw = base64.b64decode(text, validate=True)
            if len(raw) not in (32, 64):
                raise CredentialsError(venue, f"the private key has {len(raw)} bytes, expected 32 or 64")
            return Ed25519PrivateKey.from_private_bytes(raw[:32])
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError):
        raise CredentialsError(venue, "the private key cannot be read") from None
    if isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey):
        return key
    raise CredentialsError(venue, "the private key is neither elliptic nor Ed25519")


def _compact(table: Mapping[str, object]) -> str:
    return _base64url(json.dumps(table, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
