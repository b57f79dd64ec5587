"""``tradecore data import``: files of each format, and folders of any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradecore.cli.console import note
from tradecore.cli.folders import import_files
from tradecore.cli.options import (
    AssumeLatency,
    CatalogFolder,
    ColumnsMap,
    ContractSize,
    Files,
    Infer,
    InstrumentId,
    Json,
    Kind,
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

if TYPE_CHECKING:
    from tradecore._core import Instrument
    from tradecore.data.formats import ReadOptions

__all__ = ["import_app"]

_MARKS = frozenset("*?[/\\.")
"""What makes a word a path or a pattern, and no name of a command."""


class ImportGroup(Group):
    """The formats as commands, and ``files`` for words that are none of them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word in that may be left out."""
        first = args[0] if args else "--help"
        if first != "--help" and first not in self.commands and self._is_path(first):
            args = ["files", *args]
        return super().parse_args(ctx, args)

    def _is_path(self, word: str) -> bool:
        return word.startswith("-") or not _MARKS.isdisjoint(word) or Path(word).exists()


import_app = typer.Typer(cls=ImportGroup, help="Import files into a catalog.", no_args_is_help=True)


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
        inferred = infer_instrument(form, instrument, files, kind=kind, contract_size=contract_size, options=options)
        for text in inferred.notes:
            note(f"inferred: {text}")
        return inferred.instrument, concluded | {"inferred": {**inferred.instrument.to_dict(), "notes": inferred.notes}}
    return spec_of(instrument, specs), concluded


def _check_goes_with_infer(infer: bool, kind: str | None, contract_size: str | None) -> None:
    from tradecore.errors import ConfigError

    for option, value in (("--kind", kind), ("--contract-size", contract_size)):
        if value is not None and not infer:
            raise ConfigError("data", option, "goes with --infer")


def _import(
    form: str,
    files: Sequence[Path],
    catalog: Path,
    *,
    instrument: str | None,
    specs: Path | None,
    replace: bool,
    json: bool,
    quiet: bool,
    infer: bool = False,
    kind: str | None = None,
    contract_size: str | None = None,
    **given: str | None,
) -> None:
    from tradecore.data import findings, importers
    from tradecore.data.arguments import paths_of
    from tradecore.data.formats import ReadOptions, captured_form

    files = paths_of(files)
    options = ReadOptions(**given)  # type: ignore[arg-type]
    if form == "tables":
        form = importers.table_format(files[0], options)
    spec, extra = _find(form, files, instrument, specs, infer, kind, contract_size, options)
    if form == "capture":
        form = captured_form(spec.venue)
    unit = "rows" if form in ("capture", "hftbacktest") else "B"
    with progress_bar("import", unit, quiet=quiet) as progress, may_ask_to_replace(catalog, spec.id):
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
    if summary.get("unsynced") or summary.get("waiting"):
        note("warning: no snapshot continues the book updates, so there is no book", quiet=quiet)
    show(summary, json=json)


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
    specs: SpecsFile = None,
    infer: Infer = False,
    kind: Kind = None,
    contract_size: ContractSize = None,
    replace: Replace = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is made of each file.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", callback=number_in(1, 1024), help="Processes; as many as there are cores if not given."
        ),
    ] = None,
    assume_latency: AssumeLatency = None,
    columns: ColumnsMap = None,
    on_error: OnError = "strict",
    start: Start = "snapshot",
    json: Json = False,
    quiet: Quiet = False,
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
        options=ReadOptions(on_error=on_error, start=start, assume_latency=assume_latency, columns=columns),
        json=json,
        quiet=quiet,
    )


@import_app.command("binance-ws", cls=Command)
def import_binance_ws(
    files: Files,
    catalog: CatalogFolder,
    instrument: InstrumentId = None,
    specs: SpecsFile = None,
    infer: Infer = False,
    kind: Kind = None,
    contract_size: ContractSize = None,
    on_error: OnError = "strict",
    start: Start = "snapshot",
    replace: Replace = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Import Binance captures: lines of `<ts_recv> <raw JSON>`, plain or packed."""
    _import("binance-ws", **locals())


@import_app.command("klines", cls=Command)
def import_klines(
    files: Files,
    catalog: CatalogFolder,
    instrument: InstrumentId = None,
    specs: SpecsFile = None,
    infer: Infer = False,
    kind: Kind = None,
    contract_size: ContractSize = None,
    replace: Replace = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Import klines of data.binance.vision: bars, each taken to have been received when it ended."""
    _import("klines", **locals())


@import_app.command("tardis", cls=Command)
def import_tardis(
    files: Files,
    catalog: CatalogFolder,
    instrument: InstrumentId = None,
    specs: SpecsFile = None,
    infer: Infer = False,
    kind: Kind = None,
    contract_size: ContractSize = None,
    start: Start = "snapshot",
    replace: Replace = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Import Tardis CSV files, plain or packed, merged by local time."""
    _import("tardis", **locals())


@import_app.command("tables", cls=Command)
def import_tables(
    files: Files,
    catalog: CatalogFolder,
    instrument: InstrumentId = None,
    specs: SpecsFile = None,
    infer: Infer = False,
    kind: Kind = None,
    contract_size: ContractSize = None,
    assume_latency: AssumeLatency = None,
    columns: ColumnsMap = None,
    start: Start = "snapshot",
    replace: Replace = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Import official dumps (Binance, Bybit, OKX, Deribit, Coinbase), or tables whose columns are named by --map."""
    _import("tables", **locals())


@import_app.command("hftbacktest", cls=Command)
def import_hftbacktest(
    files: Files,
    catalog: CatalogFolder,
    instrument: InstrumentId = None,
    specs: SpecsFile = None,
    replace: Replace = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Import hftbacktest event arrays (.npz)."""
    _import("hftbacktest", **locals())


@import_app.command("exported", cls=Command)
def import_exported(
    files: Files,
    catalog: CatalogFolder,
    instrument: InstrumentId = None,
    specs: SpecsFile = None,
    replace: Replace = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Import what `data export` wrote as CSV or Parquet."""
    from tradecore.data.exported import import_exported as import_files

    spec = None if instrument is None else spec_of(instrument, specs)
    with progress_bar("import", "rows", quiet=quiet) as progress, may_ask_to_replace(catalog, instrument or "events"):
        summary = import_files(files, catalog, spec, replace=replace, progress=progress)
    show({"catalog": str(catalog), **summary}, json=json)


@import_app.command("capture", cls=Command)
def import_capture(
    files: Files,
    catalog: CatalogFolder,
    instrument: InstrumentId = None,
    specs: SpecsFile = None,
    infer: Infer = False,
    kind: Kind = None,
    contract_size: ContractSize = None,
    on_error: OnError = "strict",
    start: Start = "snapshot",
    replace: Replace = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Import captures of any venue with a live decoder, Bybit and Coinbase too: lines of `<ts_recv> <raw JSON>`."""
    _import("capture", **locals())


@import_app.command("recorded", cls=Command)
def import_recorded(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", callback=in_utf8_name, help="Of a session's journal, or a recording.", show_default=False
        ),
    ],
    catalog: CatalogFolder,
    replace: Replace = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Import what a session's journal holds of the venues' frames, or what `record` wrote."""
    from tradecore.live.captured import import_recorded as import_folder

    with progress_bar("import", "rows", quiet=quiet) as progress, may_ask_to_replace(catalog, "events"):
        summaries = import_folder(folder, catalog, replace=replace, progress=progress)
    for name, summary in summaries.items():
        show({"instrument": name, "catalog": str(catalog), **summary}, json=json)
