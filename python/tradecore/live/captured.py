"""Market data of sessions and recordings: into a catalog, or to be served again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tradecore._core import Instrument
from tradecore.data.catalog import Catalog
from tradecore.data.frames import Received, capture_frames
from tradecore.data.importers import ImportSummary, Progress
from tradecore.data.recorded import import_frames
from tradecore.errors import InvalidValueError, JournalError
from tradecore.instruments import instrument_from_dict
from tradecore.live.journal import JournalReader, RecordKind
from tradecore.live.recording import MANIFEST, read_manifest
from tradecore.sandbox.recorded import Recording

__all__ = ["import_recorded", "load_recording"]

_KEPT_NS = 60 * 10**9
"""What a connection brings is kept no longer until it is in use."""


def import_recorded(
    folder: str | Path, catalog: str | Path | Catalog, *, replace: bool = False, progress: Progress | None = None
) -> dict[str, ImportSummary]:
    """Import the frames that a session's journal holds, or a recording, of every instrument it names.

    They are decoded anew, as they were received: what the catalog holds is what the venues sent, not what a session
    made of it. What a new connection brought before it was in use counts as received when it was taken.

    Parameters
    ----------
    folder : path
        Of a session's journal, or what ``tradecore record`` wrote.
    catalog : path or Catalog
    replace : bool
        Whether to replace the days that are written.
    progress : callable, optional
        Called with the rows read and 0.

    Returns
    -------
    dict of str to dict
        By instrument, as :func:`~tradecore.import_binance_ws`.

    Raises
    ------
    JournalError
        For a folder that holds neither, or a damaged journal.
    DataError
        For an instrument of which nothing is there; those before it are imported then.

    Examples
    --------
    ::

        tc.import_recorded("journal/s1", "market")
    """
    folder = Path(folder)
    told = {}
    for instrument in _instruments(folder):
        frames = _frames(folder, instrument.venue)
        told[instrument.id] = import_frames(
            frames, instrument, catalog, source=str(folder), replace=replace, progress=progress
        )
    return told


def load_recording(folder: str | Path, venues: Sequence[str], names: Sequence[str] | None = None) -> Recording:
    """Return what a session's journal holds, or a recording, of the instruments of a venue, to be served again.

    Parameters
    ----------
    folder : path
        Of a session's journal, or what ``tradecore record`` wrote.
    venues : sequence of str
        Those that may be served; one of them has to be there.
    names : sequence of str, optional
        Ids of instruments; all if not given.

    Raises
    ------
    JournalError
        For a folder that holds neither, or a damaged journal; also as its frames are read.
    InvalidValueError
        For instruments of several of the venues, or of none.

    Examples
    --------
    ::

        async with tradecore.sandbox.BybitServer(data=tc.load_recording("rec", ["BYBIT"])) as server: ...
    """
    folder = Path(folder)
    listed = [instrument for instrument in _instruments(folder) if instrument.venue in venues]
    kept = [instrument for instrument in listed if names is None or instrument.id in names]
    if not kept:
        raise InvalidValueError("recording", f"{folder} holds nothing of {' or '.join(names or venues)}")
    return Recording(_frames(folder, kept[0].venue), kept)


def _instruments(folder: Path) -> list[Instrument]:
    if (folder / MANIFEST).exists():
        listed = read_manifest(folder)["instruments"]
    else:
        listed = JournalReader(folder).header.get("instruments")
        if listed is None:
            raise JournalError(str(folder), "does not say which instruments it is of")
    return [instrument_from_dict(table) for table in listed]


def _frames(folder: Path, venue: str) -> Iterator[Received]:
    """Yield the frames of a venue as they were taken, each received no earlier than the one before."""
    newest = 0
    for frame in _stored(folder, venue):
        ts_recv = frame.ts_recv
        # A clock that was set back is for the reader to refuse.
        newest = max(newest, ts_recv) if newest - _KEPT_NS < ts_recv else ts_recv
        yield frame._replace(ts_recv=newest)


def _stored(folder: Path, venue: str) -> Iterator[Received]:
    if (folder / MANIFEST).exists():
        yield from capture_frames([folder / file["name"] for file in read_manifest(folder)["files"]])
        return
    for number, record in enumerate(JournalReader(folder)):
        if record.kind is RecordKind.FRAME:
            ts_recv, name, data = record.frame()
            if name == venue:
                yield Received(ts_recv, data, (str(folder), number))
