"""``tradecore compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradecore.cli.console import command, emit, next_steps, say
from tradecore.cli.options import Json, Quiet
from tradecore.cli.usage import in_utf8_name

__all__ = ["compare"]


def compare(
    journal: Annotated[
        Path,
        typer.Argument(metavar="JOURNAL", callback=in_utf8_name, help="The folder of a session.", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", callback=in_utf8_name, help="Write orders, fills and latencies, CSV."),
    ] = None,
    trust_clocks: Annotated[
        bool,
        typer.Option("--trust-clocks", help="Take the venue's clock for right: what was measured of it is left out."),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Send a session's commands to the simulator, and say order by order where it fares otherwise, and why."""
    from tradecore.live.comparing import compare_session

    comparison = compare_session(journal, trust_clocks=trust_clocks)
    if output is not None:
        comparison.save(output)
    summary = comparison.summary()
    if json:
        emit(summary)
        return
    say("\n".join(f"{name:<19}{value}" for name, value in summary.items() if value is not None))
    if output is not None and not quiet:
        latencies = command("fit", "latency", str(output / "latency.csv"))
        market = command("data", "import", "recorded", str(journal), "--catalog", "market")
        queues = command("fit", "queue", "market", "--fills", str(output / "fills.csv"))
        next_steps(
            [(latencies, "latencies as they were"), (market, "the market of the session"), (queues, "a queue model")]
        )
