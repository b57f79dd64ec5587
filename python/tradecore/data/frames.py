"""Live messages of venues as they were written down, and what the live decoder makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import orjson

from tradecore._core import SKIP_HINT, CaptureFrames, FeedDecoder, Instrument
from tradecore.data.columns_reader import ColumnsReader
from tradecore.errors import DataError, GridError, InvalidValueError

if TYPE_CHECKING:
    from tradecore.data.writer import Columns

__all__ = ["FramesReader", "Received", "by_receipt", "capture_frames", "disconnected", "is_frame"]

_DISCONNECTED = b'{"tradecore":"disconnected"'
"""What a line of a capture begins with that says that a connection ended there, in place of a frame."""

_FRAMES_A_PIECE = 4_096
_NOTHING = frozenset({"control", "ignored", "other_depth", "unknown", "unused_snapshot"})
"""What no events are made of."""
_SUBJECTS = {
    "trade": "trades",
    "off_book_trade": "trades",
    "empty_trade": "trades",
    "duplicate_trade": "trades",
    "quote": "quotes",
    "stale_quote": "quotes",
    "liquidation": "liquidations",
    "duplicate_liquidation": "liquidations",
}
"""What several connections may tell of a market, each for itself, by what a frame was."""
_COPIES = frozenset({"duplicate_trade", "stale_quote", "duplicate_liquidation"})


def disconnected(instrument: str | None = None) -> bytes:
    """Return what a capture has in place of a frame where the connection of an instrument's book ended, or of all."""
    return _DISCONNECTED + (b"}" if instrument is None else b',"instrument":"' + instrument.encode() + b'"}')


def is_frame(data: bytes) -> bool:
    """Return whether a line of a capture holds what a venue sent."""
    return not data.startswith(_DISCONNECTED)


Skipped: TypeAlias = list[tuple[str, int, str]]
"""Lines of captures that are no messages: file, line and problem of each."""


class Received(NamedTuple):
    """A frame of a venue, or what says that a connection ended, when it was received, and where that is written.

    Times are ns UTC. ``connection`` tells those apart that were recorded at once.
    """

    ts_recv: int
    data: bytes
    place: tuple[str, int]
    connection: int = 0


class FramesReader(ColumnsReader):
    """Reads frames of an instrument's venue as a live session does, and counts what it makes no events of.

    Parameters
    ----------
    frames : iterable of Received
    instrument : Instrument
    lenient : bool
        Whether frames that were received before the one above are counted and taken as received with it.
    start : str
        ``snapshot``, or ``empty``: a book is made of nothing where no snapshot is.
    skipped : list, optional
        Where frames go that are no JSON, as lines of the capture do that are none; they are errors if not given.

    Raises
    ------
    InvalidValueError
        For a venue without a decoder.
    """

    def __init__(
        self,
        frames: Iterable[Received],
        instrument: Instrument,
        *,
        lenient: bool = False,
        start: str = "snapshot",
        skipped: Skipped | None = None,
    ) -> None:
        self._words: Counter[str] = Counter()
        self._is_lenient = lenient
        self._starts_empty = start == "empty"
        self._skipped = skipped
        self._first_unsorted: dict[str, Any] | None = None
        self._told_by: dict[str, int] = {}
        self._in_parallel: Counter[str] = Counter()
        self._decoder = FeedDecoder(instrument.venue, [instrument], start=start, recorded=True)
        super().__init__(self._decoded(frames, instrument.id), instrument)

    def summary(self) -> dict[str, Any]:
        """Return what was counted so far."""
        counted, words = super().summary(), self._words
        # A change begins a book that is made of nothing, or comes with a snapshot that was passed by before.
        begun = max(counted["snapshots"] - words["snapshot"] - words["partial_depth"], 0)
        if self._starts_empty:
            counted |= {"snapshots": counted["snapshots"] - begun, "book_updates": counted["book_updates"] + begun}
        quotes = self._in_parallel["quotes"]
        return counted | {
            "duplicate_trades": self._decoder.duplicate_trades,
            "duplicates": words["duplicate"] + words["duplicate_liquidation"] + quotes,
            "parallel_duplicates": self._in_parallel.total(),
            "parallel_trades": self._in_parallel["trades"],
            "stale_quotes": words["stale_quote"] - quotes,
            "empty_trades": self._decoder.empty_trades,
            "other_depth": words["other_depth"],
            "snapshots_unused": words["unused_snapshot"]
            if self._starts_empty
            else max(words["unused_snapshot"] - begun, 0),
            "ignored": words["ignored"] + words["unknown"],
            "skipped_lines": len(self._skipped or ()),
            "unsorted": words["unsorted"],
            "first_unsorted": self._first_unsorted,
            # Changes of a book that no snapshot goes with.
            "waiting": 0 if counted["snapshots"] or self._starts_empty else words["depth"],
        }

    def skipped(self) -> Skipped:
        """Return the lines that were left out so far."""
        return list(self._skipped or ())

    def _decoded(self, frames: Iterable[Received], instrument: str) -> Iterator[Columns]:
        newest, decoder = 0, self._decoder
        for number, (ts_recv, data, place, connection) in enumerate(frames, start=1):
            before, newest = newest, max(newest, ts_recv)
            if not is_frame(data):
                if data in (disconnected(), disconnected(instrument)):
                    decoder.disconnect(newest, connection=connection)
                continue
            copies = decoder.duplicate_trades
            try:
                word = decoder.feed(data, newest, connection)
            except GridError as error:
                raise GridError(*place, error.problem, error.value, error.step) from None
            except DataError as error:
                if _is_json(data):
                    raise DataError(*place, error.problem) from None
                if self._skipped is None:
                    raise DataError(*place, f"{error.problem}; {SKIP_HINT}") from None
                self._skipped.append((*place, error.problem))
                continue
            except InvalidValueError as error:
                raise DataError(*place, str(error)) from None
            self._words[word] += 1
            if (subject := _SUBJECTS.get(word)) is not None:
                self._take_copies(word, subject, connection, decoder.duplicate_trades - copies)
            if ts_recv < before and word not in _NOTHING:
                self._take_unsorted(ts_recv, before, place)
            if number % _FRAMES_A_PIECE == 0 and len((columns := decoder.events(instrument))["kind"]):
                yield columns
        if len((columns := decoder.events(instrument))["kind"]):
            yield columns

    def _take_copies(self, word: str, subject: str, connection: int, trades: int) -> None:
        """Count what another connection had told before; who told something new last is ahead of the others."""
        is_copy = word in _COPIES
        if self._told_by.get(subject, connection) != connection:
            self._in_parallel[subject] += trades if subject == "trades" else is_copy
        if not is_copy:
            self._told_by[subject] = connection

    def _take_unsorted(self, ts_recv: int, newest: int, place: tuple[str, int]) -> None:
        if not self._is_lenient:
            raise DataError(*place, f"received at {ts_recv} ns, before the frame above it at {newest} ns")
        self._words["unsorted"] += 1
        if self._first_unsorted is None:
            file, line = place
            self._first_unsorted = {"file": file, "line": line, "ts_recv": ts_recv, "previous": newest}


def by_receipt(paths: Sequence[Path], skipped: Skipped | None = None) -> Iterator[Received]:
    """Yield the frames of captures in order of receipt; those of one stand as they stood. Files are opened when due.

    What was recorded at once is of connections of its own; where a file ends, the next one goes on with its number.

    ``skipped`` is as for :func:`capture_frames`.
    """
    if len(paths) == 1:
        yield from capture_frames(paths, skipped)
        return
    looked = None if skipped is None else Skipped()
    begins = sorted(
        (first.ts_recv, at) for at, path in enumerate(paths) for first in islice(capture_frames([path], looked), 1)
    )
    due: list[tuple[int, int, Received, Iterator[Received]]] = []
    free = list(range(len(paths)))
    while begins or due:
        if begins and (not due or begins[0][0] < due[0][0]):
            at = begins.pop(0)[1]
            connection = heappop(free)
            frames = capture_frames([paths[at]], skipped, connection)
        else:
            _, at, frame, frames = heappop(due)
            connection = frame.connection
            yield frame
        following = next(frames, None)
        if following is None:
            heappush(free, connection)
        else:
            heappush(due, (following.ts_recv, at, following, frames))


def capture_frames(paths: Sequence[Path], skipped: Skipped | None = None, connection: int = 0) -> Iterator[Received]:
    """Yield the frames of captures, one file after the other.

    Lines that are no frame with its receipt go to ``skipped``, if it is given.

    Raises
    ------
    DataError
        For a file that cannot be opened, and a line that is no frame with its receipt.
    """
    frames = iter(CaptureFrames(paths))
    while True:
        try:
            yield Received(*next(frames), connection)
        except StopIteration:
            return
        except DataError as error:
            if skipped is None:
                raise DataError(error.source, error.line, f"{error.problem}; {SKIP_HINT}") from None
            skipped.append((error.source, error.line, error.problem))


def _is_json(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True
