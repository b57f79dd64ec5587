"""Import of live messages of venues, from capture files or journals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tradecore._core import Instrument
from tradecore.data.catalog import Catalog
from tradecore.data.formats import ReadOptions
from tradecore.data.frames import FramesReader, Received
from tradecore.data.importers import ImportSummary, Progress, import_as, read_into

__all__ = ["import_capture", "import_frames"]


def import_capture(
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument,
    catalog: str | Path | Catalog,
    *,
    on_error: str = "strict",
    start: str = "snapshot",
    replace: bool = False,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import captures of any venue that there is a live decoder for.

    Parameters
    ----------
    paths : path or sequence of path
        Files of one recording, or of several connections at once, in any order; each line ``<ts_recv> <raw JSON>``,
        plain or packed (gzip, zip, zstd, xz). The time of receipt is in s (with or without a fraction), ms, us or ns
        since 1970, UTC.
    instrument : str or Instrument
        Or the id of a shipped one. Its venue says whose messages they are: see :class:`~tradecore.FeedDecoder`.
    catalog : path or Catalog
        Where to write.
    on_error : str
        ``strict``, or ``skip``: lines that are no messages are left out, counted and listed in the catalog's folder
        ``skipped``, and frames that were received before the one above are taken as received with it.
    start : str
        ``snapshot``, or ``empty``: where no snapshot is, changes make a book of nothing. What no change has named
        since is missing in it.
    replace : bool
        Whether to replace the days that are written.
    progress : callable, optional
        Called with the rows read and 0; of Binance as :func:`~tradecore.import_binance_ws` calls it.

    Returns
    -------
    dict
        As :func:`~tradecore.import_binance_ws`, which is what reads captures of Binance.

    Raises
    ------
    DataError
        With file and line; the catalog is unchanged then.
    InvalidValueError
        For a venue without a decoder.

    Examples
    --------
    ::

        tc.import_capture("bybit.gz", "BTCUSDT.BYBIT", "market")
    """
    options = ReadOptions(on_error=on_error, start=start)
    return import_as("capture", paths, instrument, catalog, options, replace=replace, progress=progress)


def import_frames(
    frames: Iterable[Received],
    instrument: Instrument,
    catalog: str | Path | Catalog,
    *,
    source: str,
    replace: bool = False,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import frames of an instrument's venue, as :func:`import_capture` does."""
    reader = FramesReader(frames, instrument)
    return read_into(reader, instrument, catalog, source=source, replace=replace, progress=progress)
