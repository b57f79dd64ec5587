"""Users and tokens, on every kind of database."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tradecore.errors import InvalidValueError
from tradecore.server.accounts import Accounts, Identity, Role
from tradecore.store import Store
from tradecore.store.schema import requests


def test_tokens_are_of_users_there_are_and_go_with_them(store_url: str) -> None:
    with Store(store_url) as store:
        accounts = Accounts(store)
        tokens = [accounts.add("ada", Role.TRADE), accounts.add_token("ada")]
        assert [accounts.of_token(token) for token in tokens] == [Identity("ada", Role.TRADE)] * 2
        with pytest.raises(InvalidValueError, match="there is a user 'ada'"):
            accounts.add("ada", Role.READ)
        for ask in (accounts.add_token, accounts.revoke):
            with pytest.raises(InvalidValueError, match="there is no user 'bob'"):
                ask("bob")
        accounts.revoke("ada")
        accounts.add("ada", Role.ADMIN)
        assert [accounts.of_token(token) for token in tokens] == [None, None]


def test_passwords_and_the_audit_log_outlive_the_process(store_url: str) -> None:
    with Store(store_url) as store:
        accounts = Accounts(store)
        assert not accounts.has_users()
        accounts.add("ada", Role.TRADE, "a password of hers")
        accounts.note("ada", "127.0.0.1", "order", '{"quantity": "0.1"}', 200)
        accounts.note(None, "127.0.0.1", "login", "by token", 401)
    with Store(store_url) as store:
        accounts = Accounts(store)
        assert accounts.of_password("ada", "a password of hers") == Identity("ada", Role.TRADE)
        assert accounts.of_password("ada", "another password") is None
        assert accounts.of_password("bob", "a password of hers") is None
        assert [(row["user"], row["what"], row["status"]) for row in accounts.noted(10)] == [
            *((None, "login", 401), ("ada", "order", 200))
        ]


def test_requests_are_forgotten_when_they_are_old_or_too_many(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradecore.server.accounts._MOST_KEYS", 3)
    monkeypatch.setattr("tradecore.server.accounts._SWEEP", 2)
    day_ns = 24 * 3600 * 10**9

    def at(ns: int) -> None:
        monkeypatch.setattr("tradecore.server.accounts.time.time_ns", lambda: ns)

    with Store(store_url) as store:
        accounts = Accounts(store)

        def known() -> set[str]:
            with store.reading() as connection:
                return set(connection.execute(select(requests.c.key)).scalars())

        for number in range(6):
            at(10 * day_ns + number)
            assert accounts.begin_request(f"key {number}", "digest") is None
            accounts.end_request(f"key {number}", 201, "answer")
        assert known() == {f"key {number}" for number in range(1, 6)}, "three and what came since the last look"
        assert accounts.begin_request("key 5", "digest") == ("digest", 201, "answer")
        at(18 * day_ns)
        assert accounts.begin_request("key 6", "digest") is None
        assert known() == {"key 6"}, "the others are older than a week"
