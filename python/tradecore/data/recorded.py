"""Live messages of venues as they were written down, in capture files or journals, read by the live decoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import islice, starmap
from pathlib import Path
from typing import NamedTuple

from tradecore._core import CaptureFrames, FeedDecoder, Instrument
from tradecore.data.arguments import instrument_of, paths_of
from tradecore.data.catalog import Catalog, Columns
from tradecore.data.columns_reader import ColumnsReader
from tradecore.data.importers import ImportSummary, Progress, read_into
from tradecore.errors import DataError, InvalidValueError

__all__ = [
    "Received",
    "capture_frames",
    "disconnected",
    "import_capture",
    "import_frames",
    "is_frame",
]

_DISCONNECTED = b'{"tradecore":"disconnected"'
"""What a line of a capture begins with that says that a connection ended there, in place of a frame."""

_FRAMES_A_PIECE = 4_096


def disconnected(instrument: str | None = None) -> bytes:
    """Return what a capture has in place of a frame where the connection of an instrument's book ended, or of all."""
    return _DISCONNECTED + (b"}" if instrument is None else b',"instrument":"' + instrument.encode() + b'"}')


def is_frame(data: bytes) -> bool:
    """Return whether a line of a capture holds what a venue sent."""
    return not data.startswith(_DISCONNECTED)


class Received(NamedTuple):
    """A frame of a venue, or what says that a connection ended, when it was received, and where that is written.

    Times are ns UTC.
    """

    ts_recv: int
    data: bytes
    place: tuple[str, int]


def import_capture(
    paths: str | Path | Sequence[str | Path],
    instrument: str | Instrument,
    catalog: str | Path | Catalog,
    *,
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
    replace : bool
        Whether to replace the days that are written.
    progress : callable, optional
        Called with the rows read and 0.

    Returns
    -------
    dict
        As :func:`~tradecore.import_binance_ws`.

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
    files = paths_of(paths)
    return import_frames(
        _by_receipt(files),
        instrument_of(instrument),
        catalog,
        source=str(files[0]),
        replace=replace,
        progress=progress,
    )


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
    reader = ColumnsReader(_decoded(frames, instrument), instrument)
    return read_into(reader, instrument, catalog, source=source, replace=replace, progress=progress)


def _decoded(frames: Iterable[Received], instrument: Instrument) -> Iterator[Columns]:
    decoder = FeedDecoder(instrument.venue, [instrument])
    for number, (ts_recv, data, place) in enumerate(frames, start=1):
        if not is_frame(data):
            if data in (disconnected(), disconnected(instrument.id)):
                decoder.disconnect(ts_recv)
            continue
        try:
            decoder.feed(data, ts_recv)
        except DataError as error:
            raise DataError(*place, error.problem) from None
        except InvalidValueError as error:
            raise DataError(*place, str(error)) from None
        if number % _FRAMES_A_PIECE == 0 and len((columns := decoder.events(instrument.id))["kind"]):
            yield columns
    if len((columns := decoder.events(instrument.id))["kind"]):
        yield columns


def _by_receipt(paths: Sequence[Path]) -> Iterator[Received]:
    """Yield the frames of captures in order of receipt; those of one stand as they stood. Files are opened when due."""
    if len(paths) == 1:
        yield from capture_frames(paths)
        return
    begins = sorted((first.ts_recv, at) for at, path in enumerate(paths) for first in islice(capture_frames([path]), 1))
    due: list[tuple[int, int, Received, Iterator[Received]]] = []
    while begins or due:
        if begins and (not due or begins[0][0] < due[0][0]):
            at = begins.pop(0)[1]
            frames = capture_frames([paths[at]])
        else:
            _, at, frame, frames = heappop(due)
            yield frame
        for following in islice(frames, 1):
            heappush(due, (following.ts_recv, at, following, frames))


def capture_frames(paths: Sequence[Path]) -> Iterator[Received]:
    """Return the frames of captures, one file after the other.

    Raises
    ------
    DataError
        For a file that cannot be read, and a line that is no frame with its receipt.
    """
    return starmap(Received, CaptureFrames(paths))
