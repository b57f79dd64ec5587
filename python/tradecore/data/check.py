"""Checks of raw files before anybody trusts them, and of what a catalog has stored of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tradecore._core import Instrument, format_duration_ns
from tradecore.data.arguments import instrument_of, paths_of
from tradecore.data.catalog import Catalog
from tradecore.data.formats import open_reader, place_of, sniff, sniff_any
from tradecore.data.importers import Progress, other_symbols
from tradecore.data.inference import provisional
from tradecore.data.layout import MANIFEST, manifest_of, manifests
from tradecore.data.manifest import Manifest, read_manifest
from tradecore.errors import CatalogError, DataError, UnknownInstrumentError
from tradecore.instruments import find_instrument

__all__ = ["check_catalog", "check_files"]

_PIECE = 1 << 17


def check_files(
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument | None = None,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Read files of one recording and say what is wrong with them.

    Stamps out of order, duplicates, sequence gaps, moments of a crossed book and a missing snapshot are counted,
    not raised. Where a capture holds the venue's own best prices, the replayed book is compared with them.

    Parameters
    ----------
    paths : path or sequence of path
        Captures or Tardis CSV files, in order.
    instrument : str or Instrument, optional
        Or the id of a shipped one. Found from the data if not given: a shipped specification, or a grid fine enough for
        any.
    progress : callable, optional
        Called with bytes read and bytes in all.

    Returns
    -------
    dict
        ``ok``, ``problems`` (sentences), the counts behind them, and ``book_ticker``.

    Raises
    ------
    DataError
        For a line that cannot be decoded at all, with file and line.
    """
    files = paths_of(paths)
    found = sniff_any(files) if instrument is None else sniff(files[0])
    if instrument is not None:
        spec = instrument_of(instrument)
    elif found.instrument is None:
        raise DataError(str(files[0]), 1, "names no symbol; say which instrument it is")
    else:
        try:
            spec = find_instrument(found.instrument)
        except UnknownInstrumentError:
            spec = provisional(found.instrument)
    reader = open_reader(found.format, spec, files, lenient=True)
    while reader.read(_PIECE) is not None:
        if progress is not None:
            progress(*reader.progress)
    summary = reader.summary()
    has_book = summary["level_updates"] > 0 or summary.get("unsynced", 0) > 0 or summary.get("skipped", 0) > 0
    missing_snapshot = has_book and summary["snapshots"] == 0
    ticker = summary.get("book_ticker")
    problems = [
        sentence
        for wrong, sentence in (
            (summary["events"] == 0 and summary.get("files_without_rows"), "a header and no rows"),
            (missing_snapshot, "no snapshot: the book never becomes known"),
            (summary["gaps"], f"{summary['gaps']} gaps in the sequence of book updates"),
            (summary["unsorted"], f"{summary['unsorted']} rows received before one above them"),
            (summary["duplicates"], f"{summary['duplicates']} duplicates"),
            (
                summary.get("duplicate_trades"),
                f"{summary.get('duplicate_trades')} trades that had been there before",
            ),
            (
                summary.get("stale_quotes"),
                f"{summary.get('stale_quotes')} best prices of the venue that are not newer than those before them",
            ),
            (summary.get("other_symbols"), f"rows of other symbols are left out: {other_symbols(summary)}"),
            (summary["crossed"], f"{summary['crossed']} messages leave the book crossed"),
            (
                ticker and ticker["differing"],
                f"the book differs from the venue's best prices after {ticker and ticker['differing']} of "
                f"{ticker and ticker['compared']} updates",
            ),
        )
        if wrong
    ]
    if summary["wrong_stamps"] is not None:
        problems.append(_wrong_stamps(files, summary["wrong_stamps"], summary["clock_lead_ns"]))
    return {
        "ok": not problems,
        "problems": problems,
        "files": [str(path) for path in files],
        "format": found.format,
        "instrument": spec.id,
        "missing_snapshot": missing_snapshot,
        "book_ticker": ticker,
        **{key: value for key, value in summary.items() if key != "book_ticker"},
    }


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
