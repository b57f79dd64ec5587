"""``tradecore user``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.cli.console import emit, note, say
from tradecore.cli.options import Json
from tradecore.cli.serving import check_server_extra
from tradecore.cli.usage import Command, Group
from tradecore.errors import ConfigError, InvalidValueError

if TYPE_CHECKING:
    from tradecore.server.accounts import Accounts

__all__ = ["user_app"]

user_app = typer.Typer(cls=Group, help="Users of a server, their roles and tokens.", no_args_is_help=True)

_WHO = "command line"
"""Who does in the audit log what is done here; no user has a name with a space."""

_Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration with the server's table, TOML.")
]
_Database = Annotated[str | None, typer.Option("--database", metavar="URL", help="Its database, without a file.")]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.", show_default=False)]


@user_app.command(cls=Command)
def add(
    name: _Name,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="read, trade or admin.")] = "read",
    password: Annotated[
        bool, typer.Option("--password-stdin", help="Take a password from standard input; else there is a token alone.")
    ] = False,
    config: _Config = None,
    database: _Database = None,
    json: Json = False,
) -> int:
    """Add a user and print a token, which is not told again."""
    with _accounts(config, database) as accounts:
        from tradecore.server.accounts import Role

        given = sys.stdin.readline().rstrip("\n") if password else None
        token = accounts.add(name, Role.of(role), given)
        accounts.note(_WHO, "", "add user", f"{name} {role}", 201)
    if json:
        emit({"name": name, "role": role, "token": token})
    else:
        say(token)
        note(f"the token of {name}, {role}: keep it, it is not told again")
    return 0


@user_app.command("list", cls=Command)
def listed(config: _Config = None, database: _Database = None, json: Json = False) -> int:
    """Show the users."""
    with _accounts(config, database) as accounts:
        users = accounts.listed()
    if json:
        emit({"users": users})
        return 0
    for user in users:
        added = datetime.fromtimestamp(user["added_ns"] / 1e9, UTC)
        say(f"{user['name']:<32} {user['role']:<6} since {added:%Y-%m-%d}")
    return 0


@user_app.command(cls=Command)
def revoke(name: _Name, config: _Config = None, database: _Database = None) -> int:
    """Take a user away with all tokens; a server that runs notices within seconds."""
    with _accounts(config, database) as accounts:
        accounts.revoke(name)
        accounts.note(_WHO, "", "revoke user", name, 200)
    note(f"{name} is gone")
    return 0


@contextmanager
def _accounts(config: Path | None, database: str | None) -> Iterator[Accounts]:
    check_server_extra("tradecore", "user")
    from tradecore.server.accounts import Accounts
    from tradecore.store import Store

    if (config is None) == (database is None):
        raise InvalidValueError("--config", "expected either a configuration or --database")
    if config is not None:
        from tradecore.config import load_config

        loaded, _ = load_config(config)
        if loaded.server is None:
            raise ConfigError(str(config), "server", "there is no such table")
        database = loaded.server.database
    with Store(str(database)) as store:
        yield Accounts(store)
