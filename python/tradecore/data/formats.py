"""Formats of files: which one a file has, whose data it holds, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tradecore._core import EventReader, Instrument, find_line, read_head, tardis_origin
from tradecore.data.captures import conclude, contradiction, is_captured, symbols
from tradecore.errors import DataError, InvalidValueError

__all__ = ["Sniffed", "begins_at", "open_reader", "place_of", "sniff", "sniff_any", "symbols_of"]

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
        ``binance-ws``, ``tardis`` or ``klines``.
    instrument : str or None
        Its id, when the file tells it.
    reasons : tuple of str
        What it is concluded from, or why it cannot be.
    """

    format: str
    instrument: str | None
    reasons: tuple[str, ...] = ()


def sniff(path: str | Path) -> Sniffed:
    """Tell a file's format and instrument from its first lines.

    Raises
    ------
    DataError
        When it is neither a capture nor a Tardis CSV file, nor klines.
    """
    path = Path(path)
    if (origin := tardis_origin(path)) is not None:
        return Sniffed("tardis", origin[1])
    head = read_head(path, _LINES, _HEAD)
    if not head:
        raise DataError(str(path), 1, "the file is empty")
    if any(map(is_captured, head)):
        return Sniffed("binance-ws", *conclude([head]))
    if _is_kline(head[0]):
        return Sniffed("klines", None)
    raise DataError(str(path), 1, "is neither a capture (`<ts_recv> <json>`) nor a Tardis CSV file, nor klines")


def _is_kline(line: bytes) -> bool:
    """Tell whether a first line is of klines of Binance's public data: their header, or a bar."""
    cells = line.lstrip(b"\xef\xbb\xbf").strip().split(b",")
    return len(cells) == 12 and (cells[0] == b"open_time" or (cells[0].isdigit() and cells[6].isdigit()))


def sniff_any(paths: Sequence[Path]) -> Sniffed:
    """Tell the format of files of one recording, and the instrument by the first that names one.

    What one capture leaves open another may tell: trades and depth come on two sockets.

    Raises
    ------
    DataError
        When one is neither a capture nor a Tardis CSV file, or all of the latter are a header and no more.
    """
    found = sniff(paths[0])
    if found.format == "binance-ws" and len(paths) > 1:
        return Sniffed(found.format, *conclude([read_head(path, _LINES, _HEAD) for path in paths[:_FILES]]))
    for path in paths[1:]:
        if found.instrument is not None:
            break
        found = sniff(path)
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


def open_reader(
    form: str,
    instrument: Instrument,
    paths: Sequence[str | Path],
    *,
    lenient: bool = False,
    on_error: str = "strict",
    start: str = "snapshot",
) -> EventReader:
    """Open files of a format as a stream of an instrument's events.

    Captures alone can skip what is no message (``on_error="skip"``) and start from an empty book (``start="empty"``).
    """
    if form == "binance-ws":
        reader = EventReader.binance(instrument, paths, lenient=lenient, on_error=on_error, start=start)
        for path in paths[:_FILES]:
            problem = contradiction(read_head(path, _FEW, _HEAD), instrument.symbol, instrument.venue)
            if problem is not None:
                raise DataError(str(path), 0, problem)
        return reader
    if (on_error, start) != ("strict", "snapshot"):
        raise InvalidValueError("on_error" if on_error != "strict" else "start", f"works on captures, not on {form}")
    if form == "klines":
        return EventReader.klines(instrument, paths)
    if form == "tardis":
        return EventReader.tardis(instrument, paths, lenient=lenient)
    raise InvalidValueError("format", f"{form!r} is not binance-ws, tardis or klines")


def symbols_of(path: str | Path) -> list[str]:
    """Return the symbols that the first frames of a capture name, each once, in order."""
    return symbols(read_head(path, _LINES, _HEAD))


def begins_at(path: str | Path) -> int | None:
    """Return about when a file begins, ns, by the first time that stands in its first lines; None if none does.

    It is for files that cannot be read, to say which day they would be of.
    """
    for line in read_head(path, 2, _HEAD):
        if found := _STAMP.search(line):
            return int(found[0].ljust(19, b"0"))
    return None
