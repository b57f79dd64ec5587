"""``tradecore data``: import, check, synth, info, export, bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradecore.cli.console import SEED_MAX, emit, note, say
from tradecore.cli.imports import ImportGroup, import_files
from tradecore.cli.rows import rows_of
from tradecore.cli.usage import Command, Group, in_utf8_name, number_in
from tradecore.progress import progress_bar

if TYPE_CHECKING:
    from tradecore._core import Instrument
    from tradecore.data.formats import ReadOptions

__all__ = ["data_app"]

data_app = typer.Typer(cls=Group, help="Import, check, make, describe and export market data.", no_args_is_help=True)
import_app = typer.Typer(cls=ImportGroup, help="Import files into a catalog.", no_args_is_help=True)
data_app.add_typer(import_app, name="import")

_Files = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="Files of one recording, in order.", show_default=False)
]
_Catalog = Annotated[
    Path, typer.Option(metavar="DIR", callback=in_utf8_name, help="The catalog's folder.", show_default=False)
]
_From = Annotated[
    Path, typer.Argument(metavar="CATALOG", callback=in_utf8_name, help="The catalog's folder.", show_default=False)
]
_Id = Annotated[
    str | None,
    typer.Option("--instrument", metavar="ID", help="Its id, SYMBOL.VENUE; found in the data if not given."),
]
_Specs = Annotated[
    Path | None, typer.Option("--specs", metavar="FILE", help="TOML or JSON with specifications of instruments.")
]
_Infer = Annotated[bool, typer.Option("--infer", help="Derive the specification from the data.")]
_Kind = Annotated[
    str | None,
    typer.Option("--kind", metavar="KIND", help="With --infer: spot, linear, inverse, quanto, option or binary."),
]
_Size = Annotated[
    str | None,
    typer.Option("--contract-size", metavar="SIZE", help="With --infer: what one contract or unit stands for."),
]
_OnError = Annotated[
    str,
    typer.Option("--on-error", metavar="WORD", help="strict, or skip: leave out and list lines that are no messages."),
]
_Start = Annotated[
    str,
    typer.Option(metavar="WORD", help="snapshot, or empty: make a book of nothing where no snapshot is."),
]
_Latency = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From the venue's stamp to receipt, such as 10ms; for files that do not say it."),
]
_Map = Annotated[
    str | None,
    typer.Option("--map", metavar="MAP", help="What columns mean, such as price=px,time=ts, or a TOML file."),
]
_Replace = Annotated[bool, typer.Option("--replace", help="Replace days that the catalog already holds.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
_Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no notes.")]


def _find(
    form: str,
    files: Sequence[Path],
    instrument: str | None,
    specs: Path | None,
    infer: bool,
    kind: str | None,
    contract_size: str | None,
    options: ReadOptions,
) -> tuple[Instrument, dict[str, Any]]:
    """Return the instrument of some files, and what was concluded and inferred about it."""
    from tradecore.data.formats import sniff_any
    from tradecore.data.inference import infer_instrument
    from tradecore.errors import ConfigError

    concluded: dict[str, Any] = {}
    why = ""
    if instrument is None and form != "hftbacktest":
        found = sniff_any(files, options)
        instrument, why = found.instrument, "".join(f": {reason}" for reason in found.reasons)
        if found.reasons:
            concluded = {"concluded": found.reasons}
    if instrument is None:
        raise ConfigError("data import", "--instrument", f"{files[0]} does not say which instrument it holds{why}")
    if concluded:
        note(f"{instrument}{why}")
    _check_goes_with_infer(infer, kind, contract_size)
    if infer:
        if form == "hftbacktest":
            raise ConfigError("data import", "--infer", "works on files of text, not on event arrays")
        inferred = infer_instrument(form, instrument, files, kind=kind, contract_size=contract_size, options=options)
        for text in inferred.notes:
            note(f"inferred: {text}")
        return inferred.instrument, concluded | {"inferred": {**inferred.instrument.to_dict(), "notes": inferred.notes}}
    return _spec(instrument, specs), concluded


def _check_goes_with_infer(infer: bool, kind: str | None, contract_size: str | None) -> None:
    from tradecore.errors import ConfigError

    for option, value in (("--kind", kind), ("--contract-size", contract_size)):
        if value is not None and not infer:
            raise ConfigError("data", option, "goes with --infer")


def _spec(instrument: str, specs: Path | None) -> Instrument:
    """Return an instrument by id, of a file of specifications or a shipped one."""
    from tradecore.instruments import find_instrument, load_instruments

    return find_instrument(instrument, None if specs is None else load_instruments(specs))


def _import(
    form: str,
    files: Sequence[Path],
    catalog: Path,
    *,
    instrument: str | None,
    specs: Path | None,
    infer: bool,
    kind: str | None,
    contract_size: str | None,
    replace: bool,
    json: bool,
    quiet: bool,
    **given: str | None,
) -> None:
    from tradecore.data import findings, importers
    from tradecore.data.formats import ReadOptions

    options = ReadOptions(**given)  # type: ignore[arg-type]
    if form == "tables":
        form = importers.table_format(files[0], options)
    spec, extra = _find(form, files, instrument, specs, infer, kind, contract_size, options)
    with progress_bar("import", "B", quiet=quiet) as progress, _may_ask_to_replace(catalog, spec.id):
        if form == "hftbacktest":
            summary = importers.import_hftbacktest(files, spec, catalog, replace=replace, progress=progress)
        else:
            summary = importers.import_as(form, files, spec, catalog, options, replace=replace, progress=progress)
    for text in findings.clocks_told(summary):
        note(f"note: {text}", quiet=quiet)
    summary = {"instrument": spec.id, "catalog": str(catalog), **summary, **extra}
    if summary.get("gaps"):
        note(f"warning: {summary['gaps']} gaps in the book; see data check", quiet=quiet)
    if summary.get("skipped_lines"):
        listed = summary["skipped_file"]
        note(f"warning: {summary['skipped_lines']} lines are no messages and left out, see {listed}", quiet=quiet)
    if others := findings.other_symbols(summary):
        note(f"warning: rows of other symbols were left out: {others}", quiet=quiet)
    if summary.get("unsynced"):
        note("warning: no snapshot continues the book updates, so there is no book", quiet=quiet)
    _show(summary, json=json)


@contextmanager
def _may_ask_to_replace(catalog: Path, instrument: str) -> Iterator[None]:
    """Name the option that would help, where the catalog already holds what is to be written."""
    from tradecore.errors import CatalogError, OverlapError

    try:
        yield
    except OverlapError:
        raise CatalogError(
            str(catalog), f"already holds {instrument} of these days; --replace writes it anew"
        ) from None


def _show(summary: dict[str, Any], *, json: bool) -> None:
    if json:
        emit(summary)
        return
    width = max(len(key) for key in summary)
    for key, lines in rows_of(summary):
        say(f"{key:<{width}}  " + f"\n{'':<{width}}  ".join(lines))


@import_app.command("files", cls=Command)
def import_any(
    words: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Folders, patterns such as 'data/**/*.gz', or files.", show_default=False),
    ],
    catalog: Annotated[
        Path | None, typer.Option(metavar="DIR", callback=in_utf8_name, help="The catalog's folder.")
    ] = None,
    instrument: Annotated[
        str | None,
        typer.Option("--instrument", metavar="ID", help="The only one to import; all that are found if not."),
    ] = None,
    specs: _Specs = None,
    infer: _Infer = False,
    kind: _Kind = None,
    contract_size: _Size = None,
    replace: _Replace = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is made of each file.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", callback=number_in(1, 1024), help="Processes; as many as there are cores if not given."
        ),
    ] = None,
    assume_latency: _Latency = None,
    json: _Json = False,
    quiet: _Quiet = False,
) -> int:
    """Import all files of folders or patterns, each day of an instrument as a whole; what is in is skipped.

    Says what was made of each file before it starts. The word files may be left out: data import FOLDER.
    """
    from tradecore.data.formats import ReadOptions

    _check_goes_with_infer(infer, kind, contract_size)
    return import_files(
        words,
        catalog,
        instrument=instrument,
        specs=specs,
        infer=infer,
        kind=kind,
        contract_size=contract_size,
        replace=replace,
        dry_run=dry_run,
        workers=workers,
        options=ReadOptions(assume_latency=assume_latency),
        json=json,
        quiet=quiet,
    )


@import_app.command("binance-ws", cls=Command)
def import_binance_ws(
    files: _Files,
    catalog: _Catalog,
    instrument: _Id = None,
    specs: _Specs = None,
    infer: _Infer = False,
    kind: _Kind = None,
    contract_size: _Size = None,
    on_error: _OnError = "strict",
    start: _Start = "snapshot",
    replace: _Replace = False,
    json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Import Binance captures: lines of `<ts_recv> <raw JSON>`, plain or packed."""
    _import(
        "binance-ws",
        files,
        catalog,
        instrument=instrument,
        specs=specs,
        infer=infer,
        kind=kind,
        contract_size=contract_size,
        on_error=on_error,
        start=start,
        replace=replace,
        json=json,
        quiet=quiet,
    )


@import_app.command("klines", cls=Command)
def import_klines(
    files: _Files,
    catalog: _Catalog,
    instrument: _Id = None,
    specs: _Specs = None,
    replace: _Replace = False,
    json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Import klines of data.binance.vision: bars, each taken to have been received when it ended."""
    _import(
        "klines",
        files,
        catalog,
        instrument=instrument,
        specs=specs,
        infer=False,
        kind=None,
        contract_size=None,
        replace=replace,
        json=json,
        quiet=quiet,
    )


@import_app.command("tardis", cls=Command)
def import_tardis(
    files: _Files,
    catalog: _Catalog,
    instrument: _Id = None,
    specs: _Specs = None,
    infer: _Infer = False,
    kind: _Kind = None,
    contract_size: _Size = None,
    start: _Start = "snapshot",
    replace: _Replace = False,
    json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Import Tardis CSV files, plain or packed, merged by local time."""
    _import(
        "tardis",
        files,
        catalog,
        instrument=instrument,
        specs=specs,
        infer=infer,
        kind=kind,
        contract_size=contract_size,
        start=start,
        replace=replace,
        json=json,
        quiet=quiet,
    )


@import_app.command("tables", cls=Command)
def import_tables(
    files: _Files,
    catalog: _Catalog,
    instrument: _Id = None,
    specs: _Specs = None,
    infer: _Infer = False,
    kind: _Kind = None,
    contract_size: _Size = None,
    assume_latency: _Latency = None,
    columns: _Map = None,
    start: _Start = "snapshot",
    replace: _Replace = False,
    json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Import official dumps (Binance, Bybit, OKX, Deribit, Coinbase), or tables whose columns are named by --map."""
    _import(
        "tables",
        files,
        catalog,
        instrument=instrument,
        specs=specs,
        infer=infer,
        kind=kind,
        contract_size=contract_size,
        assume_latency=assume_latency,
        columns=columns,
        start=start,
        replace=replace,
        json=json,
        quiet=quiet,
    )


@import_app.command("hftbacktest", cls=Command)
def import_hftbacktest(
    files: _Files,
    catalog: _Catalog,
    instrument: _Id = None,
    specs: _Specs = None,
    replace: _Replace = False,
    json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Import hftbacktest event arrays (.npz)."""
    _import(
        "hftbacktest",
        files,
        catalog,
        instrument=instrument,
        specs=specs,
        infer=False,
        kind=None,
        contract_size=None,
        replace=replace,
        json=json,
        quiet=quiet,
    )


@import_app.command("exported", cls=Command)
def import_exported(
    files: _Files,
    catalog: _Catalog,
    instrument: _Id = None,
    specs: _Specs = None,
    replace: _Replace = False,
    json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Import what `data export` wrote as CSV or Parquet."""
    from tradecore.data.exported import import_exported as import_files

    spec = None if instrument is None else _spec(instrument, specs)
    with progress_bar("import", "rows", quiet=quiet) as progress, _may_ask_to_replace(catalog, instrument or "events"):
        summary = import_files(files, catalog, spec, replace=replace, progress=progress)
    _show({"catalog": str(catalog), **summary}, json=json)


@data_app.command(cls=Command)
def check(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Files of one recording, in order; or a catalog.", show_default=False),
    ],
    instrument: _Id = None,
    specs: _Specs = None,
    on_error: _OnError = "strict",
    start: _Start = "snapshot",
    columns: _Map = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw price, spread, message rate, latency and gaps over time, as FILE.html."
        ),
    ] = None,
    json: _Json = False,
    quiet: _Quiet = False,
) -> int:
    """Say what is wrong with files of one recording, or taken in parallel, before anybody trusts them.

    Of a catalog, which files are damaged or missing. The exit code is 1 when something is at fault, and 0 when all that
    is there is sound, even if a snapshot is missing.
    """
    from tradecore.cli.checks import check_plot, draw_survey, show_check
    from tradecore.data.check import check_catalog, examine
    from tradecore.data.formats import ReadOptions
    from tradecore.errors import ConfigError, DataError

    is_catalog = len(files) == 1 and files[0].is_dir()
    if plot is not None:
        if is_catalog:
            raise ConfigError("data check", "--plot", "draws files of a recording, not a catalog")
        check_plot(plot)
    if is_catalog:
        with progress_bar("check", "B", quiet=quiet) as progress:
            report = check_catalog(files[0], progress=progress)
        _show(report, json=json)
        return 0 if report["ok"] else 1
    spec = None if instrument is None else _spec(instrument, specs)
    options = ReadOptions(on_error=on_error, start=start, columns=columns)
    try:
        with progress_bar("check", "B", quiet=quiet) as progress:
            report, survey, spec = examine(files, spec, options=options, progress=progress)
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
    catalog: _Catalog,
    events: Annotated[
        int, typer.Option(metavar="N", callback=number_in(1, 2**63 - 1), help="Number of rows.")
    ] = 1_000_000,
    seed: Annotated[int, typer.Option(metavar="N", callback=number_in(0, SEED_MAX), help="Seed of the market.")] = 0,
    instrument: Annotated[str, typer.Option(metavar="ID", help="Instrument to make.")] = "BTCUSDT.SYNTH",
    specs: _Specs = None,
    start_price: Annotated[str, typer.Option(metavar="PRICE", help="First mid price.")] = "60000",
    typical_qty: Annotated[str, typer.Option(metavar="QTY", help="Typical size of a level.")] = "0.8",
    replace: _Replace = False,
    json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Make a synthetic market."""
    from tradecore.data.synthetic import synthesize

    spec = _spec(instrument, specs)
    with progress_bar("synth", "rows", quiet=quiet) as progress, _may_ask_to_replace(catalog, instrument):
        summary = synthesize(
            catalog,
            events=events,
            seed=seed,
            instrument=spec,
            start_price=start_price,
            typical_qty=typical_qty,
            replace=replace,
            progress=progress,
        )
    _show({"instrument": instrument, "catalog": str(catalog), "seed": seed, **summary}, json=json)


@data_app.command(cls=Command)
def info(
    catalog: _From,
    json: _Json = False,
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
        _show(row, json=False)


@data_app.command(cls=Command)
def export(
    catalog: _From,
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="File to write; a folder for tardis.", show_default=False)
    ],
    form: Annotated[str, typer.Option("--format", metavar="NAME", help="csv, parquet, hftbacktest or tardis.")],
    instrument: Annotated[str | None, typer.Option(metavar="ID", help="Its id; the only one if not given.")] = None,
    raw_text: Annotated[
        bool,
        typer.Option("--raw-text", help="Leave text in CSV as it is, also where a spreadsheet takes it for a formula."),
    ] = False,
    json: _Json = False,
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
    _show({"instrument": instrument, "format": form, "files": files, "left_out": lost, "notes": notes}, json=json)


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
    json: _Json = False,
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
        _show(summary | {"file": str(output)}, json=json)
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
