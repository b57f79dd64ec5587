"""Checks of raw files before anybody trusts them, and of what a catalog has stored of them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tradecore._core import EventReader, Instrument, Survey, format_duration_ns
from tradecore.data.arguments import paths_of
from tradecore.data.catalog import Catalog
from tradecore.data.columns_reader import ColumnsReader
from tradecore.data.event_arrays import is_array
from tradecore.data.exported import exported_reader, is_exported, stored_instrument, told_instrument
from tradecore.data.findings import faults, has_wrong_stamps, holds_nothing_of_it, lacks_snapshot, problems, remarks
from tradecore.data.formats import (
    AS_RECORDED,
    CAPTURES,
    ReadOptions,
    Sniffed,
    captured_form,
    open_reader,
    place_of,
    sniff,
    sniff_any,
    told_otherwise,
)
from tradecore.data.importers import Progress, array_reader
from tradecore.data.inference import fitted, telling_increments
from tradecore.data.layout import MANIFEST, manifest_of, manifests
from tradecore.data.manifest import Manifest, read_manifest
from tradecore.data.mapping import ColumnMap
from tradecore.errors import CatalogError, DataError, UnknownInstrumentError
from tradecore.instruments import TARDIS_VENUES, find_instrument, venue_of
from tradecore.validation import DurationLike

__all__ = ["check_catalog", "check_files", "examine"]

_PIECE = 1 << 17
_LISTED = 20
"""Lines that were skipped and are shown."""


def check_files(
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument | None = None,
    *,
    on_error: str = "strict",
    start: str = "snapshot",
    assume_latency: DurationLike | None = None,
    columns: ColumnMap = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Read files of one recording and say what is wrong with them.

    Stamps out of order, duplicates, sequence gaps, moments of a crossed book and a missing snapshot are counted,
    not raised. Where a capture holds the venue's own best prices, the replayed book is compared with them. Captures
    that overlap are recordings taken in parallel: they are merged, and their clocks compared.

    Parameters
    ----------
    paths : path or sequence of path
        Captures, Tardis CSV files, official dumps, klines, tables, event arrays or exported files, in order.
    instrument : str or Instrument, optional
        Or its id; found from the data if not given. Of one that is not shipped a grid is taken that is fine enough for
        its numbers.
    on_error : str
        ``strict``, or ``skip``: lines of a capture that are no messages are counted and listed.
    start : str
        ``snapshot``, or ``empty``: a book is made of nothing where no snapshot is.
    assume_latency : str or timedelta, optional
        From the venue's stamp of a row to its receipt, where tables do not say when that was: what an import will
        assume.
    columns : mapping of str to str, str or path, optional
        What the columns of a table mean that is not known; see :func:`~tradecore.import_tables`.
    progress : callable, optional
        Called with bytes read and bytes in all.

    Returns
    -------
    dict
        ``ok``, ``failed`` (whether a problem is a fault of the data, and not only something that it lacks),
        ``problems`` and ``notes`` (sentences), the counts behind them, ``book_ticker``, ``latency_ns``
        (``min``, ``p1`` to ``p99.9``, ``max``), and durations, ns: ``locked_ns``, ``crossed_ns``,
        ``longest_crossed_ns`` (locked or crossed without a break), ``longest_silence_ns``. ``quoted`` are quotes of
        the venue's best prices while a book was known, ``quoted_otherwise`` those that differ from its prices;
        ``quoted_ns`` and ``quoted_otherwise_ns`` the same in time of receipt. ``first_unsorted`` is the first row that
        was received before one above it: ``file``, ``line``, ``ts_recv`` and ``previous``, when that above it was.

    Raises
    ------
    DataError
        For a line that cannot be decoded at all, with file and line.
    """
    options = ReadOptions(on_error=on_error, start=start, assume_latency=assume_latency, columns=columns)
    return examine(paths, instrument, options=options, progress=progress)[0]


def examine(
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument | None = None,
    *,
    specs: Mapping[str, Instrument] | None = None,
    options: ReadOptions = AS_RECORDED,
    progress: Progress | None = None,
) -> tuple[dict[str, Any], Survey, Instrument]:
    """Return what :func:`check_files` does, what was measured over time, and the instrument it is of.

    ``specs`` are known beside the shipped ones.
    """
    files = paths_of(paths)
    found = _sniff_columns(files[0], options)
    of_columns = found is not None
    if found is None:
        found = sniff_any(files, options) if instrument is None else sniff(files[0], options)
    if found.format in CAPTURES and instrument is not None:
        venue = venue_of(instrument if isinstance(instrument, str) else instrument.id)
        found = replace(found, format=captured_form(venue))
    spec = None
    if instrument is None and found.instrument is None:
        reasons = "".join(f": {reason}" for reason in found.reasons)
        problem = f"does not tell its instrument{reasons}; say which with --instrument SYMBOL.VENUE (instrument=)"
        raise DataError(str(files[0]), 0, problem)
    name = found.instrument if instrument is None else instrument
    # Of a venue that nobody has, it is a misspelt name.
    if isinstance(instrument, str) and (of_columns or specs or venue_of(instrument) not in TARDIS_VENUES.values()):
        instrument = find_instrument(instrument, specs)
    if found.format == "exported":
        spec = told_instrument(files, instrument)
    elif isinstance(instrument, Instrument):
        spec = instrument
    else:
        with contextlib.suppress(UnknownInstrumentError):
            spec = find_instrument(str(name), specs)

    def measured(spec: Instrument) -> tuple[EventReader | ColumnsReader, Survey]:
        survey = Survey()
        reader: EventReader | ColumnsReader
        if of_columns:
            options.check(found.format)
            reader = _columns_of(found.format, files, spec)
        else:
            reader = open_reader(found.format, spec, files, lenient=True, options=options)
        while (columns := reader.read(_PIECE)) is not None:
            survey.push(columns)
            if progress is not None:
                progress(*reader.progress)
        return reader, survey

    if spec is None:
        spec, (reader, survey) = fitted(str(name), measured)
    elif of_columns:
        reader, survey = measured(spec)
    else:
        with telling_increments(found.format, spec, files, options):
            reader, survey = measured(spec)
    summary = {**reader.summary(), **survey.to_dict(), "start": options.start}
    twice = [path for at, path in enumerate(files) if path.resolve() in {other.resolve() for other in files[:at]}]
    named = [f"{path} is named twice; leave one of them out" for path in twice]
    wrong = [*named, *problems(summary)]
    if holds_nothing_of_it(summary) and (whose := told_otherwise(found, spec.id)) is not None:
        wrong.append(f"its first frames are of {whose}, not of {spec.id}")
    if summary["wrong_stamps"] is not None:
        wrong.append(_wrong_stamps(files, summary["wrong_stamps"], summary["clock_lead_ns"]))
    report = {
        "ok": not wrong,
        "failed": bool(named or faults(summary) or has_wrong_stamps(summary)),
        "problems": wrong,
        "notes": remarks(summary),
        "files": [str(path) for path in files],
        "format": found.format,
        "instrument": spec.id,
        "concluded": [] if instrument is not None else list(found.reasons),
        "missing_snapshot": lacks_snapshot(summary),
        **summary,
    }
    if skipped := reader.skipped():
        report["skipped_list"] = [f"{source}:{line}: {problem}" for source, line, problem in skipped[:_LISTED]]
    return report, survey, spec


def _sniff_columns(path: Path, options: ReadOptions) -> Sniffed | None:
    """Tell what a file of columns is of; None for another file."""
    if options.columns is not None or not path.is_file():
        return None
    if is_array(path):
        return Sniffed("hftbacktest", None, ("an event array names no instrument",))
    if not is_exported(path):
        return None
    stored = stored_instrument(path)
    if stored is None:
        return Sniffed("exported", None, ("CSV of event columns names no instrument",))
    return Sniffed("exported", stored.id, ("its own specification",))


def _columns_of(form: str, files: Sequence[Path], instrument: Instrument) -> ColumnsReader:
    if form == "exported":
        return exported_reader(files, instrument)
    return array_reader(files, instrument)


def _wrong_stamps(files: Sequence[Path], wrong: Mapping[str, int], lead_ns: int) -> str:
    """Return a sentence on stamps of the venue that cannot be."""
    event, recv = wrong["worst_ts_event"], wrong["worst_ts_recv"]
    place = place_of(files, event, recv) or str(files[0])
    clock = f", a clock {format_duration_ns(lead_ns)} ahead of ours allowed for" if lead_ns else ""
    more = "" if wrong["messages"] == 1 else f", the worst of {wrong['messages']:,} such messages"
    return (
        f"{place}: stamped {event} by the venue, {format_duration_ns(event - recv)} after its receipt at {recv}"
        f"{clock}{more}: nothing is received before it happens; a backtest sets such stamps aside and takes the "
        "message to have come as fast as the fastest of its hour"
    )


def check_catalog(catalog: str | Path | Catalog, *, progress: Progress | None = None) -> dict[str, Any]:
    """Read every file of a catalog and say which are not what was written.

    Parameters
    ----------
    catalog : path or Catalog
    progress : callable, optional
        Called with bytes read and bytes in all.

    Returns
    -------
    dict
        ``ok``, ``problems`` (sentences that name the files), numbers of ``instruments``, ``parts``, ``rows`` and
        ``bytes``, and ``without_checksums``: parts written before there were any, of which only the form is checked.

    Raises
    ------
    CatalogError
        When it is no catalog or holds nothing.
    """
    catalog = Catalog.of(catalog)
    problems: list[str] = []
    held: list[Manifest] = []
    for path in sorted(manifests(catalog.path)):
        try:
            manifest = read_manifest(catalog.path, path)
            manifest.parts()
        except CatalogError as error:
            problems.append(str(error))
        else:
            held.append(manifest)
    if not held and not problems and any(path.is_file() for path in catalog.path.glob("[!.]*")):
        raise CatalogError(
            str(catalog.path), "is a folder of files and no catalog; name the files that are to be checked"
        )
    if not held and not problems:
        raise CatalogError(str(catalog.path), "is not a catalog, or an empty one")
    parts = [part for manifest in held for part in manifest.parts()]
    total = sum(part.size for part in parts)
    read = 0
    for manifest in held:
        for part, damage in manifest.check(whole=True):
            problems += [] if damage is None else [str(damage)]
            read += part.size
            if progress is not None:
                progress(read, total)
        if manifest.path.name == MANIFEST and manifest.path != manifest_of(catalog.path, manifest.instrument.id):
            problems.append(f"{manifest.path}: holds {manifest.instrument.id}, which lies elsewhere")
        listed = {manifest.folder / name for name in manifest.names()}
        strays = sorted(set(manifest.folder.rglob("*.parquet")) - listed)
        problems += [
            f"{path}: no manifest lists it, so nothing of it is read; who reads the whole folder would"
            for path in strays
        ]
    return {
        "ok": not problems,
        "problems": problems,
        "instruments": len(held),
        "parts": len(parts),
        "rows": sum(part.rows for part in parts),
        "bytes": total,
        "without_checksums": sum(part.checksums is None for part in parts),
    }
