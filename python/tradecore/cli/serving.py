"""A server beside a session of the command line."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tradecore.cli.console import note

if TYPE_CHECKING:
    from tradecore.live.plan import SessionPlan
    from tradecore.live.runner import Live
    from tradecore.observe.observer import Observer

__all__ = ["check_server_extra", "serving"]


def check_server_extra(source: str, key: str) -> None:
    """Say which package is missing where the extra is not installed.

    Raises
    ------
    ConfigError
    """
    from tradecore.observe.extra import needs

    for package in ("fastapi", "uvicorn", "argon2", "sqlalchemy", "alembic", "prometheus_client"):
        needs(package, "server", source, key)


@asynccontextmanager
async def serving(live: Live, plan: SessionPlan, observer: Observer | None, *, quiet: bool) -> AsyncIterator[None]:
    """Serve a session, with what observes it, for as long as the block runs, where its configuration says so."""
    config = plan.config.server
    if config is None or observer is None:
        yield
        return
    check_server_extra(plan.source, "server")
    import asyncio

    from tradecore.server.run import Server

    text = await asyncio.to_thread(Path(plan.source).read_text, encoding="utf-8")
    with Server(
        live,
        config,
        is_sandbox=any(connection.sandbox for connection in plan.config.mode.connections),
        config_text=text,
        journals=plan.journal or plan.config.mode.journal,
        mounts=dict.fromkeys(("/metrics", "/ready", "/live"), observer.asgi),
        health=observer.health,
        source=plan.source,
    ) as server:
        server.begin()
        note(f"serving at {server.url}", quiet=quiet)
        _welcome(server.url, server.token, quiet=quiet)
        yield


def _welcome(url: str, token: str | None, *, quiet: bool) -> None:
    """Let whoever sits at the terminal in, where there are no users; no token goes to a log."""
    if token is None:
        return
    if sys.stderr.isatty():
        note(f"there are no users yet; for this run: {url}/#token={token}", quiet=quiet)
    else:
        note("there are no users yet: what changes anything needs one, see tradecore user add", quiet=quiet)
