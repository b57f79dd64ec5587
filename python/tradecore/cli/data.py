"""``tradecore data``: import, check, synth, info, export, bars."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tradecore.cli.console import SEED_MAX, emit, note, say
from tradecore.cli.imports import import_app
from tradecore.cli.options import (
    AssumeLatency,
    CatalogFolder,
    CatalogRead,
    ColumnsMap,
    InstrumentId,
    Json,
    OnError,
    Quiet,
    Replace,
    SpecsFile,
    Start,
    may_ask_to_replace,
    show,
    spec_of,
)
from tradecore.cli.usage import Command, Group, in_utf8_name, number_in
from tradecore.progress import progress_bar

__all__ = ["data_app"]

data_app = typer.Typer(cls=Group, help="Import, check, make, describe and export market data.", no_args_is_help=True)
data_app.add_typer(import_app, name="import")


@data_app.command(cls=Command)
def check(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Files of one recording, in order; or a catalog.", show_default=False),
    ],
    instrument: InstrumentId = None,
    specs: SpecsFile = None,
    on_error: OnError = "strict",
    start: Start = "snapshot",
    assume_latency: AssumeLatency = None,
    columns: ColumnsMap = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw price, spread, message rate, latency and gaps over time, as FILE.html."
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Say what is wrong with files of one recording, or taken in parallel, before anybody trusts them.

    Of a catalog, which files are damaged or missing. The exit code is 1 when something is at fault, and 0 when all that
    is there is sound, even if a snapshot is missing.
    """
    from tradecore.cli.checks import check_plot, draw_survey, show_check
    from tradecore.data.check import check_catalog, examine
    from tradecore.data.formats import ReadOptions
    from tradecore.errors import ConfigError, DataError
    from tradecore.instruments import load_instruments

    is_catalog = len(files) == 1 and files[0].is_dir()
    if plot is not None:
        if is_catalog:
            raise ConfigError("data check", "--plot", "draws files of a recording, not a catalog")
        check_plot(plot)
    if is_catalog:
        with progress_bar("check", "B", quiet=quiet) as progress:
            report = check_catalog(files[0], progress=progress)
        show(report, json=json)
        return 0 if report["ok"] else 1
    known = None if specs is None else load_instruments(specs)
    options = ReadOptions(on_error=on_error, start=start, assume_latency=assume_latency, columns=columns)
    try:
        with progress_bar("check", "B", quiet=quiet) as progress:
            report, survey, spec = examine(files, instrument, specs=known, options=options, progress=progress)
    except DataError as error:
        if not all(path.is_file() for path in files):
            raise
        note(f"error: {error}")
        report = {"ok": False, "failed": True, "problems": [str(error)], "files": [str(path) for path in files]}
        show_check(report, json=json)
        return 1
    show_check(report, json=json)
    if plot is not None:
        draw_survey(survey.stretches(), report, spec, plot)
    return 1 if report["failed"] else 0


@data_app.command(cls=Command)
def synth(
    catalog: CatalogFolder,
    events: Annotated[
        int, typer.Option(metavar="N", callback=number_in(1, 2**63 - 1), help="Number of rows.")
    ] = 1_000_000,
    seed: Annotated[int, typer.Option(metavar="N", callback=number_in(0, SEED_MAX), help="Seed of the market.")] = 0,
    instrument: Annotated[str, typer.Option(metavar="ID", help="Instrument to make.")] = "BTCUSDT.SYNTH",
    specs: SpecsFile = None,
    start_price: Annotated[str, typer.Option(metavar="PRICE", help="First mid price.")] = "60000",
    typical_qty: Annotated[
        str | None,
        typer.Option(
            metavar="QTY", help="Typical size: of a level 0.8, with --l3 of an order 0.01.", show_default=False
        ),
    ] = None,
    l3: Annotated[bool, typer.Option("--l3", help="A market of single orders, with its levels and trades.")] = False,
    granularity: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="With --l3: levels are told once in so much time; if not given, always."),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="With --l3: few sizes of orders, or many; few if not given."),
    ] = None,
    amendments: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="With --l3: share of events that change an order; 0.05 if not given."),
    ] = None,
    replace: Replace = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a synthetic market."""
    from tradecore.data.synthetic import synthesize, synthesize_orders

    spec = spec_of(instrument, specs)
    given = {"typical_qty": typical_qty, "granularity": granularity, "sizes": sizes, "amendments": amendments}
    terms: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not l3 and (of_orders := [name for name in terms if name != "typical_qty"]):
        raise typer.BadParameter(f"--{of_orders[0]} is of a market of single orders: add --l3")
    with progress_bar("synth", "rows", quiet=quiet) as progress, may_ask_to_replace(catalog, instrument):
        summary = (synthesize_orders if l3 else synthesize)(
            catalog,
            events=events,
            seed=seed,
            instrument=spec,
            start_price=start_price,
            replace=replace,
            progress=progress,
            **terms,
        )
    show({"instrument": instrument, "catalog": str(catalog), "seed": seed, **summary}, json=json)


@data_app.command(cls=Command)
def info(
    catalog: CatalogRead,
    json: Json = False,
) -> None:
    """Describe what a catalog holds."""
    from tradecore.data.catalog import Catalog
    from tradecore.errors import CatalogError

    rows = Catalog(catalog).info()
    if not rows:
        raise CatalogError(str(catalog), "is not a catalog, or an empty one")
    if json:
        emit({"catalog": str(catalog), "instruments": rows})
        return
    for row in rows:
        show(row, json=False)


@data_app.command(cls=Command)
def export(
    catalog: CatalogRead,
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="File to write; a folder for tardis.", show_default=False)
    ],
    form: Annotated[str, typer.Option("--format", metavar="NAME", help="csv, parquet, hftbacktest or tardis.")],
    instrument: Annotated[str | None, typer.Option(metavar="ID", help="Its id; the only one if not given.")] = None,
    raw_text: Annotated[
        bool,
        typer.Option("--raw-text", help="Leave text in CSV as it is, also where a spreadsheet takes it for a formula."),
    ] = False,
    json: Json = False,
) -> None:
    """Write an instrument's events in another format."""
    from tradecore.data.catalog import Catalog
    from tradecore.data.exporters import export as write
    from tradecore.data.exporters import left_out
    from tradecore.data.losses import losses
    from tradecore.errors import CatalogError

    source = Catalog(catalog)
    known = source.instruments()
    if instrument is None:
        if len(known) != 1:
            raise CatalogError(str(catalog), f"holds {len(known)} instruments; name one with --instrument")
        instrument = known[0]
    written = write(source, instrument, target, form=form, csv_safe=not raw_text)
    lost = {name.lower(): rows for name, rows in left_out(source, instrument, form).items()}
    notes = losses(source, instrument, form)
    for text in notes:
        note(f"warning: {text}")
    files = [str(path) for path in written]
    show({"instrument": instrument, "format": form, "files": files, "left_out": lost, "notes": notes}, json=json)


_SHOWN = 20
"""Bars that are printed where no file is asked for."""


@data_app.command(cls=Command)
def bars(
    instrument: Annotated[str, typer.Argument(metavar="INSTRUMENT", help="Its id, SYMBOL.VENUE.", show_default=False)],
    spec: Annotated[
        str,
        typer.Argument(metavar="SPEC", help="Which bars: 1m, 1d+8h, tick:100, volume:5 and so on.", show_default=False),
    ],
    data: Annotated[Path, typer.Option(metavar="DIR", callback=in_utf8_name, help="The catalog's folder.")] = Path(
        "market"
    ),
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File to write, .csv or .parquet; the last ones are shown if not."),
    ] = None,
    json: Json = False,
) -> None:
    """Make bars of an instrument's trades, quotes or book."""
    import polars as pl

    from tradecore.bars import BarSpec
    from tradecore.data.catalog import Catalog
    from tradecore.errors import ConfigError
    from tradecore.files import staged

    form = None if output is None else output.suffix
    if form not in (None, ".csv", ".parquet"):
        raise ConfigError("data bars", "--output", f"expected a file .csv or .parquet, got {output}")
    made = Catalog(data).bars(instrument, spec).collect()
    summary: dict[str, Any] = {"instrument": instrument, "spec": str(BarSpec(spec)), "bars": len(made)}
    if output is not None:
        with staged(output.parent, output.name) as folder:
            file = folder / output.name
            made.write_csv(file) if form == ".csv" else made.write_parquet(file)
        show(summary | {"file": str(output)}, json=json)
        return
    if json:
        times = pl.col("ts_open", "ts_close", "ts_available").cast(pl.Int64)
        emit(summary | {"rows": made.with_columns(times).to_dicts()})
        return
    for bar in made.tail(_SHOWN).iter_rows(named=True):
        prices = " ".join(f"{name} {bar[name]}" for name in ("open", "high", "low", "close", "volume", "trades"))
        say(f"{bar['ts_open']:%Y-%m-%d %H:%M:%S.%f} {prices}{' (unfinished)' if bar['is_partial'] else ''}")
    if len(made) > _SHOWN:
        note(f"the last {_SHOWN} of {len(made)} bars; --output FILE.csv writes all")
