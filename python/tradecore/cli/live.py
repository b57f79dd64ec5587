"""``tradecore paper`` and ``tradecore live``."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradecore.cli.console import command, emit, next_steps, note, say
from tradecore.cli.options import Json
from tradecore.cli.usage import in_utf8_name, number_in

if TYPE_CHECKING:
    from tradecore.config import BacktestConfig
    from tradecore.live.plan import SessionPlan
    from tradecore.live.runner import Live
    from tradecore.live.state import Mode, SessionResult

__all__ = ["live", "paper", "serve"]

_LOOKS_PER_SECOND = 4

_Config = Annotated[Path, typer.Option("--config", metavar="FILE", help="Configuration, TOML.", show_default=False)]
_Journal = Annotated[
    Path | None,
    typer.Option("--journal", metavar="DIR", callback=in_utf8_name, help="Folder of journals, not the configured one."),
]
_Symbol = Annotated[str | None, typer.Option("--symbol", metavar="ID", help="Trade only this instrument.")]
_Duration = Annotated[
    str | None,
    typer.Option("--duration", metavar="TIME", help="End by itself after so much trading, such as 10m."),
]
_RealOrders = Annotated[bool, typer.Option("--real-orders", help="Really trade; the file has to say so too.")]
_MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        metavar="P",
        callback=number_in(0, 65_535),
        help="Answer for metrics and health there, not at the configured port; 0 for a free one.",
    ),
]
_Start = Annotated[
    list[str] | None,
    typer.Option("--start", metavar="NAME", help="Start a strategy that failed before, or was stopped; repeatable."),
]
_Quiet = Annotated[bool, typer.Option("--quiet", help="No view, no notes, no next steps.")]


def paper(
    config: _Config,
    journal: _Journal = None,
    symbol: _Symbol = None,
    duration: _Duration = None,
    metrics_port: _MetricsPort = None,
    start: _Start = None,
    json: Json = False,
    quiet: _Quiet = False,
) -> int:
    """Trade on live data with simulated fills, from the file of a backtest.

    Ctrl-C ends it in order: last hooks, open orders, the journal. A second one ends it at once. A session that was
    killed goes on from its journal, and one that has a name in any case.
    """
    return _run(config, "paper", journal, symbol, duration, metrics_port, start, json=json, quiet=quiet)


def live(
    config: _Config,
    real_orders: _RealOrders = False,
    journal: _Journal = None,
    symbol: _Symbol = None,
    duration: _Duration = None,
    metrics_port: _MetricsPort = None,
    start: _Start = None,
    json: Json = False,
    quiet: _Quiet = False,
) -> int:
    """Trade at the venues, with keys from the environment.

    Real orders need live = true in the file's table of the mode, and --real-orders.
    """
    return _run(
        config, "live", journal, symbol, duration, metrics_port, start, json=json, quiet=quiet, real_orders=real_orders
    )


def serve(
    config: _Config,
    host: Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = None,
    port: Annotated[int | None, typer.Option("--port", metavar="P", help="Port; 0 for one that is free.")] = None,
    real_orders: _RealOrders = False,
    journal: _Journal = None,
    symbol: _Symbol = None,
    duration: _Duration = None,
    metrics_port: _MetricsPort = None,
    start: _Start = None,
    quiet: _Quiet = False,
) -> int:
    """Trade as paper does, or with --real-orders as live does, and serve the session: REST, WebSocket, dashboard.

    The same as a table of the server in the file of a session. It listens on this machine alone if the file does not
    say otherwise.
    """
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    mode: Mode = "live" if real_orders else "paper"
    return _run(
        config,
        mode,
        journal,
        symbol,
        duration,
        metrics_port,
        start,
        json=False,
        quiet=quiet,
        real_orders=real_orders,
        server=given,
    )


def _run(
    config: Path,
    mode: Mode,
    journal: Path | None,
    symbol: str | None,
    duration: str | None,
    metrics_port: int | None,
    start: list[str] | None,
    *,
    json: bool,
    quiet: bool,
    real_orders: bool = False,
    server: dict[str, Any] | None = None,
) -> int:
    from tradecore.config import load_config
    from tradecore.config.observe import MetricsConfig
    from tradecore.errors import StrategyError
    from tradecore.live.loop import run_loop
    from tradecore.live.plan import SessionPlan
    from tradecore.observe.watched import logging_as
    from tradecore.validation import to_ns

    seconds = None if duration is None else int(to_ns("--duration", duration)) / 1e9
    loaded, notes = load_config(config)
    if metrics_port is not None:
        metrics = (loaded.metrics or MetricsConfig()).model_copy(update={"port": metrics_port})
        loaded = loaded.model_copy(update={"metrics": metrics})
    if server is not None:
        loaded = _with_server(loaded, str(config), server)
    plan = SessionPlan(
        config=loaded,
        source=str(config),
        mode=mode,
        real_orders=real_orders,
        journal=None if journal is None else str(journal),
        symbol=symbol,
    )
    for text in notes:
        note(f"note: {text}", quiet=quiet)
    with logging_as(loaded, str(config)):
        result = run_loop(_session(plan, seconds, start or [], quiet=quiet or json))
    for failed in (StrategyError(name, traceback) for name, traceback in result.failures.items()):
        note(failed.own_traceback.rstrip())
        note(f"error: {failed}")
    summary = _summary(result, mode)
    if json:
        emit(summary)
    else:
        say("\n".join(f"{name:<12}{value}" for name, value in summary.items() if name != "positions"))
        for name, qty in result.held.items():
            say(f"{'holds':<12}{qty} {name}")
        folder = plan.journal or loaded.mode.journal
        if folder is not None and not quiet:
            again = command("replay", os.path.join(folder, result.session))
            next_steps([(again, "decide everything once more, from the journal")])
    return 1 if result.failures else 0


def _with_server(config: BacktestConfig, source: str, given: dict[str, Any]) -> BacktestConfig:
    """Return a configuration with a server, whose settings the command line has a say in."""
    from pydantic import ValidationError

    from tradecore.config.server import ServerConfig
    from tradecore.errors import ConfigError
    from tradecore.validation import first_problem

    known = {} if config.server is None else config.server.model_dump()
    try:
        server = ServerConfig.model_validate({**known, **given})
    except ValidationError as error:
        key, problem = first_problem(error, ServerConfig)
        raise ConfigError(source, f"server.{key}" if key else "server", problem) from None
    return config.model_copy(update={"server": server})


async def _session(plan: SessionPlan, seconds: float | None, start: list[str], *, quiet: bool) -> SessionResult:
    import asyncio

    from tradecore.cli.serving import serving
    from tradecore.cli.signals import on_signals
    from tradecore.errors import InvalidValueError
    from tradecore.live.plan import run_session
    from tradecore.live.session import Session as LiveSession
    from tradecore.observe.watched import watched

    loop = asyncio.get_running_loop()
    running: list[Live] = []
    stops = 0

    def stop() -> None:
        nonlocal stops
        stops += 1
        if stops > 1:
            os._exit(130)
        if not running:
            raise KeyboardInterrupt
        note("ending: open orders first; once more to end at once", quiet=quiet)
        running[0].stop()

    @asynccontextmanager
    async def opened(session: Live) -> AsyncIterator[None]:
        running.append(session)

        async def end_in_time(seconds: float) -> None:
            await session.begun()
            await asyncio.sleep(seconds)
            session.stop()

        async def start_again() -> None:
            await session.begun()
            for name in start:
                session.perform(partial(LiveSession.start_strategy, name=name))

        names = [strategy.name for strategy in session.strategies]
        for name in start:
            if name not in names:
                raise InvalidValueError("--start", f"no strategy is called {name!r}; there is {', '.join(names)}")
        async with watched(session, plan.config, plan.source) as (observer, url):
            if url is not None:
                note(f"metrics and health at {url}", quiet=quiet)
            beside = [] if quiet else [loop.create_task(_show(session))]
            if start:
                beside.append(loop.create_task(start_again()))
            if seconds is not None:
                beside.append(loop.create_task(end_in_time(seconds)))
            try:
                async with serving(session, plan, observer, quiet=quiet):
                    # It stays until the end: to look through it for garbage stands in an order's way for 30 ms.
                    gc.collect()
                    gc.freeze()
                    yield
            finally:
                gc.unfreeze()
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)

    with on_signals(stop):
        return await run_session(plan, opened)


async def _show(session: Live) -> None:
    """Draw how the session stands on a terminal, again and again."""
    import asyncio

    from rich.console import Console
    from rich.live import Live as Screen

    console = Console(stderr=True)
    if not console.is_terminal:
        return
    with Screen(console=console, auto_refresh=False, transient=True) as screen:
        while True:
            screen.update(_table(session), refresh=True)
            await asyncio.sleep(1 / _LOOKS_PER_SECOND)


def _table(session: Live) -> Any:
    from rich.table import Table

    from tradecore.errors import StrategyError
    from tradecore.types import BookState

    state = session.state
    table = Table(title=f"{state.mode} session {state.session}", title_justify="left")
    for name in ("instrument", "book", "position"):
        table.add_column(name)
    for name, book in state.books.items():
        why = "" if book is BookState.SYNCED else f": {state.reasons.get(name, 'nothing was told of it')}"
        table.add_row(name, book.name.lower() + why, f"{state.positions.get(name, 0)}")
    trading = ", ".join(f"{name} {what}" for name, what in state.trading.items())
    counts = f"{state.frames:,} frames, {state.dropped:,} dropped, {state.malformed:,} malformed"
    failed = [str(StrategyError(name, traceback)) for name, traceback in state.failures.items()]
    table.caption = "\n".join([f"{state.open_orders} open orders; {trading}; {counts}", *failed])
    table.caption_justify = "left"
    return table


def _summary(result: SessionResult, mode: Mode) -> dict[str, Any]:
    return {
        "session": result.session,
        "mode": mode,
        "digest": result.digest,
        "orders": result.orders.height,
        "fills": result.fills.height,
        "positions": {name: str(qty) for name, qty in result.held.items()},
    }
