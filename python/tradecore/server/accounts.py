"""Users, their tokens, and who did what, in the database of a server."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from tradecore.errors import InvalidValueError
from tradecore.store import Store
from tradecore.store.schema import audit, requests, tokens, users

__all__ = ["Accounts", "Identity", "Role"]

_NAMES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
_KNOWN_FOR_S = 5.0
"""A token that was looked up is known for so long: one that is revoked by another process lives on as long."""
_MOST_KNOWN = 10_000
_KEYS_LIVE_NS = 7 * 24 * 3600 * 10**9
"""A request is known by its key for so long."""
_MOST_KEYS = 100_000
"""So many of them, the newest."""
_SWEEP = 1_000
"""Requests with a key between two looks for those that are forgotten."""


class Role(IntEnum):
    """What somebody may do, each what those before may."""

    NONE = 0
    READ = 1
    TRADE = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """Its name in answers and commands."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Role:
        """Return the role of a name.

        Raises
        ------
        InvalidValueError
        """
        if word in ("read", "trade", "admin"):
            return cls[word.upper()]
        raise InvalidValueError("role", f"{word!r} is not read, trade or admin")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends a request."""

    user: str | None
    role: Role


class Accounts:
    """Users with a password (argon2) or tokens (of which only SHA-256 hashes are kept: they are random already).

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[float, Identity | None]] = {}
        self._own: str | None = None
        self._requests = 0

    def own_token(self) -> str:
        """Return a token of an administrator that lives as long as this process and is written nowhere."""
        token = secrets.token_urlsafe(32)
        self._own = _hash(token)
        return token

    def has_users(self) -> bool:
        """Return whether there is anybody."""
        with self._store.reading() as connection:
            return connection.execute(select(users.c.name).limit(1)).first() is not None

    def add(self, name: str, role: Role, password: str | None = None) -> str:
        """Add a user and return a token of theirs, which is told this once.

        Raises
        ------
        InvalidValueError
            For a name that is taken or none, or a password of less than 10 characters.
        """
        if not 0 < len(name) <= 32 or not set(name) <= set(_NAMES):
            raise InvalidValueError("name", f"expected 1 to 32 letters, digits, '-', '_' or '.', got {name!r}")
        if password is not None and not 10 <= len(password) <= 200:
            raise InvalidValueError("password", "expected 10 to 200 characters")
        hashed = None if password is None else _hasher().hash(password)
        values = {"name": name, "role": role.word, "password": hashed, "ts_added": time.time_ns()}
        with self._store.writing() as connection:
            try:
                connection.execute(insert(users).values(**values))
            except IntegrityError:
                raise InvalidValueError("name", f"there is a user {name!r}") from None
            return _new_token(connection, name)

    def add_token(self, name: str) -> str:
        """Return another token of a user, which is told this once.

        Raises
        ------
        InvalidValueError
            For a user there is not.
        """
        with self._store.writing() as connection:
            try:
                return _new_token(connection, name)
            except IntegrityError:
                raise InvalidValueError("name", f"there is no user {name!r}") from None

    def revoke(self, name: str) -> None:
        """Take a user away, with all tokens.

        Raises
        ------
        InvalidValueError
            For a user there is not.
        """
        with self._store.writing() as connection:
            if connection.execute(delete(users).where(users.c.name == name)).rowcount == 0:
                raise InvalidValueError("name", f"there is no user {name!r}")
        self._known.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Return the users by name: role, when they were added, whether they have a password."""
        with self._store.reading() as connection:
            rows = connection.execute(select(users).order_by(users.c.name)).all()
        return [
            {"name": row.name, "role": row.role, "added_ns": row.ts_added, "has_password": row.password is not None}
            for row in rows
        ]

    def of_token(self, token: str) -> Identity | None:
        """Return whose a token is."""
        hashed = _hash(token)
        if self._own is not None and secrets.compare_digest(hashed, self._own):
            return Identity("terminal", Role.ADMIN)
        now = time.monotonic()
        known = self._known.get(hashed)
        if known is not None and now - known[0] < _KNOWN_FOR_S:
            return known[1]
        where = tokens.c.hash == hashed
        with self._store.reading() as connection:
            row = connection.execute(select(users.c.name, users.c.role).join(tokens).where(where)).first()
        found = None if row is None else Identity(row.name, Role.of(row.role))
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[hashed] = (now, found)
        return found

    def is_there(self, who: Identity) -> bool:
        """Return whether somebody who logged in still has that role."""
        if who.user == "terminal":
            return self._own is not None
        with self._store.reading() as connection:
            row = connection.execute(select(users.c.role).where(users.c.name == who.user)).first()
        return row is not None and row.role == who.role.word

    def of_password(self, name: str, password: str) -> Identity | None:
        """Return who a name and a password are of. It takes as long for a name there is not."""
        from argon2.exceptions import InvalidHashError, VerificationError

        with self._store.reading() as connection:
            row = connection.execute(select(users.c.role, users.c.password).where(users.c.name == name)).first()
        hashed = _NOBODY if row is None or row.password is None else row.password
        try:
            _hasher().verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return None
        return None if row is None or row.password is None else Identity(name, Role.of(row.role))

    def note(self, who: str | None, peer: str, what: str, detail: str, status: int) -> None:
        """Write down what somebody did."""
        values = {"ts": time.time_ns(), "who": who, "peer": peer, "what": what, "detail": detail, "status": status}
        with self._store.writing() as connection:
            connection.execute(insert(audit).values(**values))

    def noted(self, limit: int) -> list[dict[str, Any]]:
        """Return what was done, newest first."""
        with self._store.reading() as connection:
            rows = connection.execute(select(audit).order_by(audit.c.number.desc()).limit(limit)).all()
        return [
            {
                "at_ns": row.ts,
                "user": row.who,
                "peer": row.peer,
                "what": row.what,
                "detail": row.detail,
                "status": row.status,
            }
            for row in rows
        ]

    def begin_request(self, key: str, digest: str) -> tuple[str, int | None, str | None] | None:
        """Note a request by its idempotency key; return what is known where it was made before.

        Returns
        -------
        digest, status, answer : str, int or None, str or None
            Of the first request with the key; without status where its answer is not known.
        """
        with self._store.writing() as connection:
            row = connection.execute(select(requests).where(requests.c.key == key)).first()
            if row is not None:
                return row.digest, row.status, row.answer
            if self._requests % _SWEEP == 0:
                _forget_requests(connection)
            self._requests += 1
            connection.execute(insert(requests).values(key=key, digest=digest, ts=time.time_ns()))
        return None

    def end_request(self, key: str, status: int, answer: str) -> None:
        """Note the answer to a request."""
        with self._store.writing() as connection:
            connection.execute(update(requests).where(requests.c.key == key).values(status=status, answer=answer))

    def forget_request(self, key: str) -> None:
        """Forget a request that came to nothing, so that it may be made again."""
        with self._store.writing() as connection:
            connection.execute(delete(requests).where(requests.c.key == key))


def _forget_requests(connection: Connection) -> None:
    """Forget requests that are too old or too many, oldest first."""
    newest = select(requests.c.ts).order_by(requests.c.ts.desc()).offset(_MOST_KEYS).limit(1)
    surplus = connection.execute(newest).scalar() or 0
    oldest = max(surplus, time.time_ns() - _KEYS_LIVE_NS)
    connection.execute(delete(requests).where(requests.c.ts <= oldest))


def _new_token(connection: Connection, name: str) -> str:
    token = secrets.token_urlsafe(32)
    connection.execute(insert(tokens).values(hash=_hash(token), name=name, ts_added=time.time_ns()))
    return token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher()


_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$Rk1Y1zSAmJfsuBDqKrR1lQ8YJb1sQ6m8QmYV4VdZ3fQ"
"""A hash of nothing anybody knows."""
