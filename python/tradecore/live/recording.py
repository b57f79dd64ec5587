"""Recordings: what a venue sends, written to capture files as it arrives."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tradecore._core import FeedDecoder, Instrument
from tradecore.data.frames import disconnected, is_frame
from tradecore.errors import InvalidValueError, JournalError
from tradecore.files import placed, writing
from tradecore.locks import locked
from tradecore.types import BookState
from tradecore.venues import Connector, Feed, Stream
from tradecore.venues.clock import Clock, SystemClock
from tradecore.venues.events import Event, FeedState, Frame, VenueReport

__all__ = ["MANIFEST", "Recorder", "RecordingSummary", "read_manifest"]

MANIFEST = "recording.json"
VERSION = 1
SEGMENT_BYTES = 256 << 20
SEGMENT_S = 3_600.0
_FLUSH_S = 1.0


@dataclass(slots=True)
class RecordingSummary:
    """What was recorded.

    Attributes
    ----------
    frames, bytes : int
        Of market data, and the bytes of its files.
    own : int
        Lines on orders of the account.
    files : list of str
    gaps : list of dict
        When which book was not the venue's, with the reason: ``instrument``, ``from`` and ``to`` (ns UTC, None while
        it is so), ``reason``.
    """

    frames: int = 0
    bytes: int = 0
    own: int = 0
    files: list[str] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)


class Recorder:
    """Writes down what a venue sends of some instruments, and with keys what it says of the account's own orders.

    Files ``NAME-000001.gz`` hold a line for each frame, ``<ts_recv ns> <raw JSON>``; each second of them is compressed
    for itself and appended, so that a process that dies leaves a file that can be read and lacks a second at most. The
    manifest ``recording.json`` says what is in them: instruments, streams, files with times and counts, and when a book
    was not the venue's. A connection is renewed beside the old one, so that nothing is missed; where one is lost, or a
    recording goes on, a line marks it, and the book begins anew with a snapshot. What the venue says of own orders, by
    which their footprint in the market data is known, is in ``NAME-own.gz``, with the same times.

    Parameters
    ----------
    connector : Connector
        Closed in the end.
    instruments : sequence of str
        Ids.
    streams : iterable of Stream
    folder : path
        Made if it is not there. A recording that is there goes on.
    segment_bytes : int
        After so many bytes the next file begins.
    segment_s : float
        And after so many seconds.
    clock : Clock, optional
        The machine's if not given.

    Raises
    ------
    InvalidValueError
        For no instruments or streams.
    """

    def __init__(
        self,
        connector: Connector,
        instruments: Sequence[str],
        streams: Iterable[Stream],
        folder: str | Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        segment_s: float = SEGMENT_S,
        clock: Clock | None = None,
    ) -> None:
        if not instruments:
            raise InvalidValueError("instruments", "none is given")
        self._connector = connector
        self._names = list(dict.fromkeys(instruments))
        self._streams = sorted(set(streams))
        if not self._streams:
            raise InvalidValueError("streams", "none is given")
        self._folder = Path(folder)
        self._segment_bytes = segment_bytes
        self._segment_ns = int(segment_s * 1e9)
        self._clock = clock or SystemClock()
        self._feed: Feed | None = None
        self._lines: list[tuple[int, bytes]] = []
        self._own: list[bytes] = []
        self._manifest: dict[str, Any] = {}
        self._has_changed = False
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None

    @property
    def summary(self) -> RecordingSummary:
        """What has been written so far."""
        files = self._manifest.get("files", [])
        return RecordingSummary(
            frames=sum(file["frames"] for file in files),
            bytes=sum(file["bytes"] for file in files),
            own=self._manifest.get("own", 0),
            files=[file["name"] for file in files],
            gaps=list(self._manifest.get("gaps", [])),
        )

    def stop(self) -> None:
        """Have :meth:`run` end."""
        self._stopping.set()

    async def run(self, connected: Callable[[], None] = lambda: None) -> RecordingSummary:
        """Record until :meth:`stop`.

        Parameters
        ----------
        connected : callable
            Called once the streams are subscribed to.

        Raises
        ------
        JournalError
            For a folder that another process writes to, or one of another recording.
        InvalidValueError
            For an instrument or a stream that the venue does not have.
        CatalogError
            Where it cannot be written; what was written before stays.
        """
        with ExitStack() as stack:
            with writing(self._folder):
                self._folder.mkdir(parents=True, exist_ok=True)
            busy = JournalError(str(self._folder), "another process records to this folder")
            stack.enter_context(locked(lambda: self._folder, patience_s=0, busy=lambda: busy))
            async with self._connector:
                await self._begin()
                connected()
                while not self._stopping.is_set() and self._failure is None:
                    await self._clock.sleep(_FLUSH_S)
                    await self._flush()
            await self._flush()
        if self._failure is not None:
            raise self._failure
        return self.summary

    async def _begin(self) -> None:
        await self._connector.start(self._take)
        listed = await self._connector.instruments()
        if missing := [name for name in self._names if name not in listed]:
            raise InvalidValueError("instruments", f"{self._connector.name} does not list {missing[0]}")
        instruments = [listed[name] for name in self._names]
        self._open(instruments)
        decoder = FeedDecoder(self._connector.name, instruments, keep_events=False)
        self._feed = Feed(self._connector, decoder, self._names, self._state)
        for name in self._names:
            self._connector.subscribe("record", name, self._streams)

    def _open(self, instruments: Sequence[Instrument]) -> None:
        described: dict[str, Any] = {
            "version": VERSION,
            "venue": self._connector.name,
            "instruments": [instrument.to_dict() for instrument in instruments],
            "streams": [str(stream) for stream in self._streams],
        }
        self._manifest = {**described, "files": [], "gaps": [], "own": 0}
        if (self._folder / MANIFEST).exists():
            self._manifest = read_manifest(self._folder)
            self._lines.append((self._clock.now_ns(), disconnected()))
        for name, value in orjson.loads(orjson.dumps(described)).items():
            if self._manifest[name] != value:
                raise JournalError(str(self._folder / MANIFEST), f"is of other {name}: record to another folder")
        if self._manifest["files"]:
            self._add_pause(self._manifest["files"][-1]["last"])
        self._has_changed = True

    def _add_pause(self, since_ns: int) -> None:
        """Add to the gaps the time in which nobody recorded: until a book is there again, or else until now."""
        gaps = self._manifest["gaps"]
        for gap in gaps:
            gap["to"] = gap["to"] or since_ns
        until = None if Stream.BOOK in self._streams else self._clock.now_ns()
        gaps += [
            {"instrument": name, "from": since_ns, "to": until, "reason": "nobody recorded"} for name in self._names
        ]

    def _take(self, event: Event) -> None:
        try:
            self._took(event)
        except Exception as error:  # of a sink nobody else would hear
            self._failure = self._failure or error

    def _took(self, event: Event) -> None:
        if isinstance(event, Frame):
            self._lines.append((event.ts_recv, event.data))
            if self._feed is not None:
                self._feed.frame(event)
        elif isinstance(event, FeedState) and self._feed is not None:
            if event.is_disconnected:
                self._lines.append((event.ts_recv, disconnected(event.instrument)))
            self._feed.state(event)
        elif isinstance(event, VenueReport):
            self._own.append(b"%d %s" % (event.ts_recv, orjson.dumps(event, default=str)))

    def _state(self, state: FeedState) -> None:
        """Keep when a book was not the venue's."""
        if state.stream is not Stream.BOOK:
            return
        gaps = self._manifest["gaps"]
        last = next((gap for gap in reversed(gaps) if gap["instrument"] == state.instrument), None)
        if state.state is BookState.SYNCED:
            if last is not None and last["to"] is None:
                last["to"] = state.ts_recv
        elif state.state in (BookState.GAP, BookState.STALE) and (last is None or last["to"] is not None):
            gap = {"instrument": state.instrument, "from": state.ts_recv, "to": None, "reason": state.reason}
            gaps.append(gap)
        self._has_changed = True

    async def _flush(self) -> None:
        lines, self._lines = self._lines, []
        own, self._own = self._own, []
        if lines or own or self._has_changed:
            self._has_changed = False
            try:
                await asyncio.to_thread(self._write, lines, own)
            except Exception as error:
                self._failure = self._failure or error

    def _write(self, lines: Sequence[tuple[int, bytes]], own: Sequence[bytes]) -> None:
        with writing(self._folder):
            if lines:
                file = self._file(lines[0][0])
                file["bytes"] += _append(self._folder / file["name"], [b"%d %s" % line for line in lines])
                file["frames"] += sum(is_frame(data) for _, data in lines)
                file["last"] = lines[-1][0]
            if own:
                _append(self._folder / f"{self._connector.name}-own.gz", own)
                self._manifest["own"] += len(own)
            with placed(self._folder / MANIFEST) as fresh:
                fresh.write_bytes(orjson.dumps(self._manifest, option=orjson.OPT_INDENT_2))

    def _file(self, ts_recv: int) -> dict[str, Any]:
        """Return the file that lines from a time on go to: the newest one, or the next."""
        files = self._manifest["files"]
        if files and (last := files[-1])["bytes"] < self._segment_bytes and ts_recv - last["first"] < self._segment_ns:
            newest: dict[str, Any] = last
            return newest
        number = len(files) + 1
        name = f"{self._connector.name}-{number:06}.gz"
        fresh = {"name": name, "first": ts_recv, "last": ts_recv, "frames": 0, "bytes": 0}
        files.append(fresh)
        return fresh


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a recording.

    Raises
    ------
    JournalError
        For a folder without one, or one of a version that is not known.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise JournalError(str(path), f"cannot be read: {error}") from error
    if manifest.get("version") != VERSION:
        raise JournalError(str(path), f"is of version {manifest.get('version')}, known is {VERSION}")
    return manifest


def _append(path: Path, lines: Sequence[bytes]) -> int:
    """Append lines as a piece that is packed for itself, wait for the disk, and return its bytes."""
    packed = gzip.compress(b"\n".join(lines) + b"\n", compresslevel=6, mtime=0)
    with path.open("ab") as file:
        file.write(packed)
        file.flush()
        os.fsync(file.fileno())
    return len(packed)
