"""Users and tokens, on every kind of database."""

from __future__ import annotations

import pytest

from tradecore.errors import InvalidValueError
from tradecore.server.accounts import Accounts, Identity, Role
from tradecore.store import Store


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
