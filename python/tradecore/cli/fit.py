"""``tradecore fit``: models of what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.cli.console import emit, say
from tradecore.cli.options import CatalogRead, Json
from tradecore.cli.usage import Command, Group

if TYPE_CHECKING:
    from tradecore.data.latencies import LegFit

__all__ = ["fit_app"]

fit_app = typer.Typer(cls=Group, no_args_is_help=True, help="Fit models of latencies and queues.")


@fit_app.command(cls=Command)
def latency(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV of acknowledged orders.", show_default=False)],
    sent: Annotated[str, typer.Option(metavar="COLUMN", help="When orders were sent.")] = "sent_ns",
    acted: Annotated[str, typer.Option(metavar="COLUMN", help="When they took effect at the venue.")] = "acted_ns",
    received: Annotated[str, typer.Option(metavar="COLUMN", help="When that was known.")] = "received_ns",
    took: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Instead of times: how long they took there and back.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only requests of this kind, of the column request.")
    ] = None,
    series: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Write what was measured, for entry_latency = 'series:CSV'.")
    ] = None,
    json: Json = False,
) -> None:
    """Fit latency models to acknowledged orders: a file, such as latency.csv of tradecore compare.

    A column's name ends with its unit: _ns, _us, _ms or _s.
    """
    from tradecore.data.latencies import fit_latency

    fit = fit_latency(file, sent=sent, acted=acted, received=received, took=took, only=only, series=series)
    if json:
        emit(fit.summary())
        return
    for name, leg in (("entry", fit.entry), ("response", fit.response)):
        say(f'{name}_latency = "{leg.model}"')
        say(f"  {_measured(leg)}")
        for kind, of_kind in fit.requests.items():
            say(f"  {kind} {_measured(getattr(of_kind, name))}")
    if fit.refused:
        say(f"left out: {fit.refused:,} without {'an answer' if took else 'a time at the venue'}")
    if fit.series is not None:
        say(f"series written to {fit.series}")


@fit_app.command(cls=Command)
def queue(
    catalog: CatalogRead,
    instrument: Annotated[str | None, typer.Option(metavar="ID", help="Its id; the only one if not given.")] = None,
    fills: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV or Parquet of own live orders (columns: see tradecore.fit_queue)."),
    ] = None,
    every: Annotated[str, typer.Option(metavar="TIME", help="Time between orders at the touch.")] = "1s",
    hold: Annotated[str, typer.Option(metavar="TIME", help="How long each stays.")] = "2s",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the model, for queue = 'fitted:FILE'.")
    ] = None,
    json: Json = False,
) -> None:
    """Fit a queue model to single orders (L3), or to own live orders beside a recorded market."""
    from tradecore.fidelity import fit_queue, table_of

    fit = fit_queue(catalog, instrument=instrument, fills=fills, every=every, hold=hold)
    if output is not None:
        fit.save(output)
    if json:
        emit(fit.summary())
        return
    model = fit.model
    say(f'queue = "{model.queue}"')
    say(f"  of {model.orders:,} orders of {model.instrument} ({model.source}); of as many others:")
    for line in table_of(fit.held_out):
        say(f"  {line}")
    if output is not None:
        say(f"model written to {output}")


def _measured(leg: LegFit) -> str:
    quantiles = (("50", leg.p50_ns), ("90", leg.p90_ns), ("99", leg.p99_ns), ("99.9", leg.p999_ns))
    told = ", ".join(f"{share} % within {ns / 1e6:,.3f} ms" for share, ns in quantiles)
    negative = f"; {leg.negative:,} negative left out" if leg.negative else ""
    return f"of {leg.used:,}: {told}{negative}"
