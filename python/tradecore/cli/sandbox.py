"""``tradecore sandbox``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from tradecore.cli.console import SEED_MAX
from tradecore.cli.usage import Command, Group, in_utf8_name, number_in

__all__ = ["sandbox_app"]

_LOOK_S = 0.5
"""How often a server looks whether who started it is still there."""
_READY = (
    "Prints one line of JSON when it is ready: where it is, and the keys of its accounts. "
    "It listens on this machine only and ends with the process that started it."
)

sandbox_app = typer.Typer(cls=Group, help="Local servers that speak a venue's protocol.", no_args_is_help=True)


Port = Annotated[
    int, typer.Option(metavar="P", callback=number_in(0, 65_535), help="Port on this machine; 0 for a free one.")
]
Symbols = Annotated[
    list[str] | None,
    typer.Option(
        "--symbol",
        metavar="ID",
        help="Instrument of the venue, several times for several; all of the data if not given.",
    ),
]
Data = Annotated[
    str,
    typer.Option(
        metavar="DIR",
        callback=in_utf8_name,
        help="Catalog that moves the markets; synth makes events, crowd traders whose orders are all there is.",
    ),
]
Recorded = Annotated[
    Path | None,
    typer.Option(
        "--recording",
        metavar="DIR",
        callback=in_utf8_name,
        help="What tradecore record wrote, or a session's journal: the venue's own frames are served again.",
    ),
]
Speed = Annotated[float, typer.Option(metavar="X", help="How many times as fast the data goes by.")]
Accounts = Annotated[int, typer.Option(metavar="N", callback=number_in(1, 1_000), help="How many accounts there are.")]
Script = Annotated[
    Path | None, typer.Option(metavar="FILE", callback=in_utf8_name, help="Script of what goes wrong, TOML.")
]
Seed = Annotated[
    int, typer.Option(metavar="N", callback=number_in(0, SEED_MAX), help="Seed of markets, keys and faults.")
]


def _add(name: str, what: str) -> None:
    """Add the command that serves a venue."""

    def command(
        port: Port = 0,
        symbols: Symbols = None,
        data: Data = "synth",
        recording: Recorded = None,
        speed: Speed = 1.0,
        clients: Accounts = 2,
        faults: Script = None,
        seed: Seed = 0,
    ) -> int:
        return _serve(name.upper(), port, symbols, data, recording, faults, speed=speed, clients=clients, seed=seed)

    sandbox_app.command(name, cls=Command, help=f"Serve {what}, until Ctrl-C.\n\n{_READY}")(command)


_add("binance", "Binance, spot and USD-M futures")
_add("bybit", "Bybit, linear contracts and spot")
_add("coinbase", "Coinbase Advanced Trade, spot")


def _serve(
    venue: str,
    port: int,
    symbols: list[str] | None,
    data: str,
    recording: Path | None,
    faults: Path | None,
    **options: Any,
) -> int:
    import asyncio

    from tradecore.cli.signals import on_signals
    from tradecore.errors import InvalidValueError
    from tradecore.live.captured import load_recording
    from tradecore.observe.watched import logging_as
    from tradecore.sandbox import load_faults, server_of

    make = server_of(venue)
    assert make is not None
    script = () if faults is None else load_faults(faults)
    if recording is not None and data != "synth":
        raise InvalidValueError("--recording", "moves the markets by itself: leave --data out")
    moved_by = data if recording is None else load_recording(recording, make.venues, symbols)
    server = make(port, symbols=symbols, data=moved_by, faults=script, **options)

    async def serve() -> None:
        over = asyncio.Event()
        parent = os.getppid()
        with on_signals(over.set):
            async with server:
                sys.stdout.write(orjson.dumps(server.ready()).decode() + "\n")
                sys.stdout.flush()
                while not over.is_set() and os.getppid() == parent:
                    try:
                        await asyncio.wait_for(over.wait(), _LOOK_S)
                    except TimeoutError:
                        continue

    with logging_as(None, "the environment"):
        asyncio.run(serve())
    return 0
