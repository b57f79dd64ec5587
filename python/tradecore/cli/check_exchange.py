"""``tradecore check-exchange``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.cli.console import emit, note, say
from tradecore.cli.options import FeedName, Json, Quiet
from tradecore.errors import InvalidValueError

if TYPE_CHECKING:
    from tradecore.venues.check import VenueCheck

__all__ = ["check_exchange"]


def check_exchange(
    venues: Annotated[
        list[str] | None, typer.Argument(metavar="VENUE", help="Venues by name, such as BINANCE_USDM.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every venue there is a connector for.")] = False,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="One address in place of the venue's hosts, as of a local server.")
    ] = None,
    testnet: Annotated[bool, typer.Option("--testnet", help="The venues' test networks.")] = False,
    keyring: Annotated[
        str | None, typer.Option(metavar="SERVICE", help="Service of the keyring with keys the environment lacks.")
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(metavar="SYMBOL", help="What to subscribe to; a usual one if not given.")
    ] = None,
    seconds: Annotated[float, typer.Option(metavar="S", help="How long to listen.", min=0.1, max=3600.0)] = 10.0,
    feed: FeedName = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Connect to venues and say whether all is well: clock, rules, book, messages, and what keys may do.

    Keys are read from the environment, such as TRADECORE_BINANCE_KEY and TRADECORE_BINANCE_SECRET, or from the
    system's keyring; no order is sent.
    """
    from tradecore.venues import CONNECTORS, Credentials, make_connector
    from tradecore.venues.check import check_venues
    from tradecore.venues.registry import feed_options

    if bool(venues) == all_:
        raise InvalidValueError("VENUE", f"expected venues, or --all: there are {', '.join(CONNECTORS)}")
    names = list(CONNECTORS) if all_ else [venue.upper() for venue in venues or ()]
    connectors = [
        make_connector(
            name,
            credentials=Credentials.find(name, keyring),
            url=url,
            is_testnet=testnet,
            **feed_options(name, feed, keyring),
        )
        for name in names
    ]
    note(f"listening to {', '.join(names)} for {seconds:g} s", quiet=quiet)
    checks = check_venues(connectors, symbol=symbol, seconds=seconds)
    if json:
        emit({"venues": [check.summary() for check in checks]})
    else:
        for check in checks:
            _say(check)
    return 0 if all(check.is_well for check in checks) else 1


def _say(check: VenueCheck) -> None:
    rows = [("state", "well" if check.is_well else check.problem)]
    if check.clock_offset_ns is not None:
        rows.append(("clock", f"{check.clock_offset_ns / 1e6:+.1f} ms from ours"))
        rows.append(("instruments", f"{check.listed:,}, and {check.unusable:,} that cannot be used"))
    if (spec := check.instrument) is not None:
        sizes = f"tick {spec.tick_size:f}, lot {spec.lot_size:f}, at least {spec.min_qty:f}"
        worth = f" and {spec.min_notional:f} {spec.quote}" if spec.min_notional else ""
        rows.append((spec.symbol, sizes + worth))
    if check.synced_s is not None:
        rows.append(("book", f"{check.book} after {check.synced_s:.2f} s, {check.best_bid} / {check.best_ask}"))
    if check.messages:
        rates = ", ".join(f"{stream} {rate:g}" for stream, rate in check.messages.items())
        rows.append(("messages a second", rates))
    rows.append(("keys", check.keys))
    say(check.venue)
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        say(f"  {name:<{width}}  {text}")
