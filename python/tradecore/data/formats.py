"""Formats of files: which one a file has, whose data it holds, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import orjson

from tradecore._core import (
    EventReader,
    Instrument,
    find_line,
    is_kline,
    kline_origin,
    read_head,
    table_head,
    tardis_origin,
)
from tradecore.data.captures import conclude, conclude_other, contradiction, is_captured
from tradecore.data.columns_reader import ColumnsReader
from tradecore.data.frames import FramesReader, Skipped, by_receipt
from tradecore.data.mapping import ColumnMap, columns_of, is_parquet, pieces_of
from tradecore.errors import DataError, InvalidValueError
from tradecore.validation import DurationLike, to_ns

__all__ = [
    "AS_RECORDED",
    "CAPTURES",
    "DUMPS",
    "ReadOptions",
    "Sniffed",
    "begins_at",
    "captured_form",
    "check_receipt",
    "open_reader",
    "place_of",
    "sniff",
    "sniff_any",
    "told_otherwise",
]

_LINES = 2_000
_FILES = 16
"""Files of a recording that are looked into."""
_FEW = 200
"""Lines that have to agree with the instrument's market."""
_HEAD = 4 << 20
_STAMP = re.compile(rb"(?<![0-9.])1[0-9]{9,18}(?![0-9])")
"""A time of these decades in s, ms, us or ns."""


@dataclass(frozen=True, slots=True)
class Sniffed:
    """Format and instrument a file seems to hold.

    Attributes
    ----------
    format : str
        ``binance-ws``, ``capture`` (of another venue), ``tardis``, ``klines``, ``table`` or ``bybit``.
    instrument : str or None
        Its id, when the file tells it.
    reasons : tuple of str
        What it is concluded from, or why it cannot be.
    symbols : tuple of str
        Those that the first frames of a capture name.
    """

    format: str
    instrument: str | None
    reasons: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()


_TAKEN: dict[str, frozenset[str]] = {
    "binance-ws": frozenset({"on_error", "start"}),
    "tardis": frozenset({"start"}),
    "klines": frozenset(),
    "table": frozenset({"start", "assume_latency", "columns"}),
    "bybit": frozenset({"start", "assume_latency"}),
    "capture": frozenset({"on_error", "start"}),
    "hftbacktest": frozenset(),
    "exported": frozenset(),
}
"""By format the options that it takes."""

CAPTURES = frozenset({"binance-ws", "capture"})
"""Formats of recordings: a file goes on where the one in front of it ends."""

DUMPS = frozenset({"klines", "table", "bybit"})
"""Formats of which files are read together: what a venue publishes of one instrument comes in several of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How files are read, and what they do not say about themselves.

    Attributes
    ----------
    on_error : str
        ``strict``, or ``skip``: lines of a capture that are no messages are left out and listed.
    start : str
        ``snapshot``, or ``empty``: a book is made of nothing where no snapshot is.
    assume_latency : str or timedelta, optional
        From the venue's stamp of a row to its receipt, where the files do not say when that was.
    columns : mapping, str or path, optional
        What the columns of a table mean; see :func:`~tradecore.import_tables`.

    Raises
    ------
    InvalidValueError
        For a word that is none of these, or what is no length of time.
    """

    on_error: str = "strict"
    start: str = "snapshot"
    assume_latency: DurationLike | None = None
    columns: ColumnMap = None

    def __post_init__(self) -> None:
        for name, usual, other in (("on_error", "strict", "skip"), ("start", "snapshot", "empty")):
            if (given := getattr(self, name)) not in (usual, other):
                raise InvalidValueError(name, f"{given!r} is not {usual} or {other}")
        if self.assume_latency is not None:
            to_ns("assume_latency", self.assume_latency)

    def within(self, form: str) -> ReadOptions:
        """Return those of a format, for files of several formats."""
        usual: dict[str, Any] = {
            field.name: field.default for field in fields(self) if not self._is_for(form, field.name)
        }
        return replace(self, **usual)

    def check(self, *forms: str) -> None:
        """Refuse what none of some formats takes.

        Raises
        ------
        InvalidValueError
            It names the option.
        """
        for form in forms:
            if form not in _TAKEN:
                raise InvalidValueError("format", f"{form!r} is not one of {', '.join(_TAKEN)}")
        for field in fields(self):
            is_taken = any(self._is_for(form, field.name) for form in forms)
            if not is_taken and getattr(self, field.name) != field.default:
                takers = ", ".join(other for other in _TAKEN if self._is_for(other, field.name))
                raise InvalidValueError(field.name, f"works on {takers}, not on {' or '.join(forms)}")

    @staticmethod
    def _is_for(form: str, option: str) -> bool:
        return option in _TAKEN[form]


AS_RECORDED = ReadOptions()
"""Nothing is left out, and nothing is made up."""


def sniff(path: str | Path, options: ReadOptions = AS_RECORDED) -> Sniffed:
    """Tell a file's format and instrument from its first lines.

    Raises
    ------
    DataError
        When it is of no format that is known.
    """
    path = Path(path)
    if options.columns is not None or is_parquet(path):
        return _sniff_table(path, options)
    if (origin := tardis_origin(path)) is not None:
        return Sniffed("tardis", origin[1])
    head = read_head(path, _LINES, _HEAD)
    if not head:
        raise DataError(str(path), 1, "the file is empty")
    if any(map(is_captured, head)):
        if (other := conclude_other([head])) is not None:
            return Sniffed("capture", *other)
        return Sniffed("binance-ws", *conclude([head]))
    if is_kline(head):
        symbol, venue = kline_origin(str(path))
        return Sniffed("klines", *_named("klines", symbol, venue))
    first = next(filter(bytes.strip, head), b"")
    if first.startswith(b"{") and b'"orderbook.' in first:
        return _sniff_bybit(path, first)
    return _sniff_table(path, options)


def told_otherwise(found: Sniffed, instrument: str) -> str | None:
    """Return whose the first frames of a capture are that holds none of an instrument; None where they do not say."""
    if found.format not in CAPTURES:
        return None
    if found.instrument is not None:
        return None if found.instrument == instrument else found.instrument
    return None if instrument.rpartition(".")[0] in found.symbols else ", ".join(found.symbols[:5]) or None


def _sniff_bybit(path: Path, line: bytes) -> Sniffed:
    try:
        topic = str(orjson.loads(line)["topic"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise DataError(str(path), 1, "a line without a topic; expected depth that Bybit publishes") from None
    venue = "BYBIT_SPOT" if "spot" in path.parts else "BYBIT"
    return Sniffed("bybit", f"{topic.rpartition('.')[2]}.{venue}", (f"topic {topic}",))


def _sniff_table(path: Path, options: ReadOptions) -> Sniffed:
    columns = columns_of(options.columns)
    mapping = "say what the columns mean: data import tables --map price=COLUMN,amount=COLUMN,time=COLUMN"
    if is_parquet(path):
        if columns is None:
            raise DataError(str(path), 0, f"is a Parquet file, which does not say what its columns mean; {mapping}")
        return Sniffed("table", None, ("its columns name no instrument",))
    head = table_head(path, columns)
    if head is None and b"".join(read_head(path, _LINES, _HEAD)).lstrip().startswith((b"{", b"[")):
        problem = "holds JSON whose lines do not begin with when they were received, as those of captures do"
        raise DataError(str(path), 1, f"{problem} (`<ts_recv> <json>`)")
    if head is None:
        raise DataError(
            str(path),
            1,
            "is neither a capture (`<ts_recv> <json>`) nor a Tardis CSV file, nor klines, nor an official dump that is "
            f"known; of another table {mapping}",
        )
    publisher, _, symbol, venue = head
    return Sniffed("table", *_named(publisher, symbol, venue))


def _named(publisher: str, symbol: str | None, venue: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return the instrument that a table tells, and what it is concluded from or lacks."""
    if symbol and venue:
        return f"{symbol}.{venue}", (publisher,)
    missing = (
        "neither rows nor name say the symbol" if not symbol else f"holds {symbol}, but nothing tells which market"
    )
    return None, (f"{publisher}: {missing}",)


def sniff_any(paths: Sequence[Path], options: ReadOptions = AS_RECORDED) -> Sniffed:
    """Tell the format of files of one recording, and the instrument by the first that names one.

    What one capture leaves open another may tell: trades and depth come on two sockets.

    Raises
    ------
    DataError
        When one is of no format that is known, or all are Tardis CSV files of a header and no more.
    """
    found = sniff(paths[0], options)
    if found.format in CAPTURES and len(paths) > 1:
        heads = [read_head(path, _LINES, _HEAD) for path in paths[:_FILES]]
        told = conclude_other(heads) if found.format == "capture" else None
        return Sniffed(found.format, *(told or conclude(heads)))
    for path in paths[1:]:
        if found.instrument is not None:
            break
        found = sniff(path, options)
    if found == Sniffed("tardis", None):
        raise DataError(str(paths[0]), 1, "has a header and no rows, so nothing says which instrument it holds")
    return found


def place_of(paths: Sequence[str | Path], *times: int) -> str | None:
    """Return ``FILE:LINE`` of the first line that has these times in it, ns, in any unit; None if there is none."""
    texts = []
    for ns in times:
        digits = str(ns)
        while digits.endswith("000"):
            digits = digits[:-3]
        # Seconds may have a point and decimals.
        texts.append([digits, f"{digits[:10]}.{digits[10:]}"])
    for path in map(Path, paths):
        if (number := find_line(path, texts)) is not None:
            return f"{path}:{number}"
    return None


def _open_together(
    by_format: Mapping[str, Sequence[str | Path]], instrument: Instrument, *, lenient: bool, options: ReadOptions
) -> EventReader:
    """Open files of several formats as one stream; an option is for those that take it."""
    options.check(*by_format)
    readers = [
        _open_events(form, instrument, paths, lenient=lenient, options=options.within(form))
        # Of one time trades come before changes of the book.
        for form, paths in sorted(by_format.items(), reverse=True)
    ]
    return EventReader.merged(readers)


def captured_form(venue: str) -> str:
    """Return the format as which captures of a venue are read: those of Binance have a reader of their own."""
    return "binance-ws" if venue.startswith("BINANCE") else "capture"


def open_reader(
    form: str,
    instrument: Instrument,
    paths: Sequence[str | Path],
    *,
    lenient: bool = False,
    options: ReadOptions = AS_RECORDED,
) -> EventReader | FramesReader:
    """Open files of a format as a stream of an instrument's events.

    Raises
    ------
    InvalidValueError
        For an option that the format does not take.
    DataError
        For files that are not of the format, or not of the instrument.
    """
    if form in DUMPS and len(paths) > 1 and options.columns is None:
        by_format: dict[str, list[str | Path]] = {}
        for path in paths:
            by_format.setdefault(sniff(path, options).format, []).append(path)
        if len(by_format) > 1 and by_format.keys() <= DUMPS:
            return _open_together(by_format, instrument, lenient=lenient, options=options)
    if form == "capture":
        form = captured_form(instrument.venue)
    options.check(form)
    if form == "capture":
        skips = options.on_error == "skip"
        skipped: Skipped | None = [] if skips else None
        _check_market(instrument, paths)
        frames = by_receipt(list(map(Path, paths)), skipped)
        return FramesReader(frames, instrument, lenient=lenient or skips, start=options.start, skipped=skipped)
    return _open_events(form, instrument, paths, lenient=lenient, options=options)


def _open_events(
    form: str, instrument: Instrument, paths: Sequence[str | Path], *, lenient: bool, options: ReadOptions
) -> EventReader:
    """Open files of a format that the core reads."""
    if form == "binance-ws":
        reader = EventReader.binance(instrument, paths, lenient=lenient, on_error=options.on_error, start=options.start)
        _check_market(instrument, paths)
        return reader
    if form == "klines":
        return EventReader.klines(instrument, paths)
    if form == "tardis":
        return EventReader.tardis(instrument, paths, lenient=lenient, start=options.start)
    if form == "bybit":
        return EventReader.bybit(
            instrument, paths, lenient=lenient, assume_latency=options.assume_latency, start=options.start
        )
    columns = columns_of(options.columns)
    reader = EventReader.tables(
        instrument,
        [pieces_of(Path(path), columns) for path in paths],
        lenient=lenient,
        assume_latency=options.assume_latency,
        columns=columns,
        start=options.start,
    )
    if options.assume_latency is not None and reader.summary()["receive_times"] == "recorded":
        raise InvalidValueError("assume_latency", f"{paths[0]} says when its rows were received; leave it out")
    return reader


def _check_market(instrument: Instrument, paths: Sequence[str | Path]) -> None:
    """Refuse captures whose first lines show that they are of another market than the instrument's."""
    for path in paths[:_FILES]:
        problem = contradiction(read_head(path, _FEW, _HEAD), instrument.symbol, instrument.venue)
        if problem is not None:
            raise DataError(str(path), 0, problem)


def check_receipt(reader: EventReader | ColumnsReader, source: str | Path) -> None:
    """Refuse files that do not say when their rows were received, where nothing is assumed about it.

    Raises
    ------
    DataError
        It names the option.
    """
    if reader.lacks_receive_times:
        raise DataError(
            str(source),
            0,
            "does not say when its rows were received; say how long after the venue's stamps that was: "
            "assume_latency='10ms' (--assume-latency 10ms)",
        )


def begins_at(path: str | Path) -> int | None:
    """Return about when a file begins, ns, by the first time that stands in its first lines; None if none does.

    It is for files that cannot be read, to say which day they would be of.
    """
    for line in read_head(path, 2, _HEAD):
        if found := _STAMP.search(line):
            return int(found[0].ljust(19, b"0"))
    return None
