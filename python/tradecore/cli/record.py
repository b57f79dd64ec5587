"""``tradecore record``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.cli.console import command, emit, next_steps, note, say
from tradecore.cli.options import FeedName, Json, Quiet
from tradecore.cli.usage import in_utf8_name

if TYPE_CHECKING:
    from tradecore.live.recording import Recorder, RecordingSummary

__all__ = ["record"]


def record(
    venue: Annotated[str, typer.Argument(metavar="VENUE", help="Such as BINANCE_USDM.", show_default=False)],
    symbols: Annotated[
        list[str], typer.Option("--symbol", metavar="SYMBOL", help="Several times for several.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", callback=in_utf8_name, help="Folder of the recording.")
    ],
    streams: Annotated[
        str, typer.Option(metavar="LIST", help="Of book, trades, quotes, mark, open_interest, liquidations, candles.")
    ] = "book,trades",
    duration: Annotated[
        str | None, typer.Option("--duration", metavar="TIME", help="End by itself after a while, such as 10m.")
    ] = None,
    rotate: Annotated[str, typer.Option(metavar="TIME", help="How much time a file holds at most.")] = "1h",
    own: Annotated[
        bool, typer.Option("--own", help="Also what the venue says of own orders, with keys from the environment.")
    ] = False,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="One address in place of the venue's hosts, as of a local server.")
    ] = None,
    testnet: Annotated[bool, typer.Option("--testnet", help="The venue's test network.")] = False,
    feed: FeedName = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Record what a venue sends, as it arrives, until Ctrl-C.

    A recording that is in the folder goes on. `data import recorded DIR` reads it into a catalog.
    """
    import asyncio

    from tradecore.errors import InvalidValueError
    from tradecore.live.recording import Recorder
    from tradecore.validation import to_ns
    from tradecore.venues import Credentials, Stream, make_connector
    from tradecore.venues.registry import feed_options

    venue = venue.upper()
    try:
        chosen = [Stream(name.strip()) for name in streams.split(",")]
    except ValueError as error:
        raise InvalidValueError("--streams", f"{error}; there is {', '.join(Stream)}") from None
    seconds = None if duration is None else int(to_ns("--duration", duration)) / 1e9
    credentials = Credentials.from_environment(venue) if own else None
    if own and credentials is None:
        raise InvalidValueError("--own", "needs keys, and there are none in the environment")
    names = [symbol if "." in symbol else f"{symbol}.{venue}" for symbol in symbols]
    options = feed_options(venue, feed)
    recorder = Recorder(
        make_connector(venue, credentials=credentials, url=url, is_testnet=testnet, **options),
        names,
        chosen,
        output,
        segment_s=int(to_ns("--rotate", rotate)) / 1e9,
    )
    summary = asyncio.run(_recorded(recorder, seconds, quiet=quiet))
    if json:
        emit(asdict(summary))
        return 0
    say(f"{summary.frames:,} frames in {len(summary.files)} files, {summary.bytes:,} bytes, {len(summary.gaps)} gaps")
    if not quiet:
        again = command("data", "import", "recorded", str(output), "--catalog", "market")
        next_steps([(again, "read it into a catalog")])
    return 0


async def _recorded(recorder: Recorder, seconds: float | None, *, quiet: bool) -> RecordingSummary:
    import asyncio

    from tradecore.cli.signals import on_signals

    def connected() -> None:
        note("recording; Ctrl-C ends it", quiet=quiet)
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, recorder.stop)

    with on_signals(recorder.stop):
        return await recorder.run(connected)
