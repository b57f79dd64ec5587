"""What a file says about itself: its format, its instrument, and the grid its numbers lie on."""

from __future__ import annotations

import gzip
import io
import math
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING

import orjson

from tradecore._core import EventReader, Instrument
from tradecore.data.arguments import id_of, paths_of
from tradecore.errors import DataError, InvalidValueError
from tradecore.instruments import TARDIS_VENUES
from tradecore.types import ON_GRID_KINDS, InstrumentKind

if TYPE_CHECKING:
    pass

__all__ = ["Inference", "Sniffed", "infer_instrument", "open_reader", "sniff"]

_LINES = 2_000
_HEAD = 4 << 20
_ROW = 1 << 16
"""Bytes that a row of a CSV file may have."""
_FINEST = Decimal("0.00000001")
_PIECE = 1 << 18
_OFF_GRID = re.compile(r"(\S+) is not a multiple of ")


@dataclass(frozen=True, slots=True)
class Sniffed:
    """Format and instrument a file seems to hold.

    Attributes
    ----------
    format : str
        ``binance-ws`` or ``tardis``.
    instrument : str or None
        Its id, when the file names one.
    """

    format: str
    instrument: str | None


@dataclass(frozen=True, slots=True)
class Inference:
    """An instrument derived from data, and what was assumed on the way."""

    instrument: Instrument
    notes: tuple[str, ...]


def _open(path: Path) -> IO[bytes]:
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        return io.BufferedReader(gzip.open(path)) if zipped else path.open("rb")
    except OSError as error:
        raise DataError(str(path), 0, f"cannot be opened: {error.strerror}") from None


def _head(path: Path, lines: int) -> list[bytes]:
    """Return a file's first lines, as far as they lie in its first :data:`_HEAD` bytes."""
    head: list[bytes] = []
    left = _HEAD
    with _open(path) as file:
        try:
            while len(head) < lines and left and (line := file.readline(left)):
                head.append(line)
                left -= len(line)
            return head
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(str(path), 1, f"cannot be read: {error}") from None


def sniff(path: str | Path) -> Sniffed:
    """Tell a file's format and instrument from its first lines.

    Raises
    ------
    DataError
        When it is neither a capture nor a Tardis CSV file.
    """
    path = Path(path)
    head = _head(path, _LINES)
    if not head:
        raise DataError(str(path), 1, "the file is empty")
    if b"local_timestamp" in head[0]:
        return _sniff_tardis(path, head)
    stamp, _, frame = head[0].partition(b" ")
    if stamp.isdigit() and frame.lstrip().startswith(b"{"):
        return _sniff_capture(head)
    raise DataError(str(path), 1, "is neither a capture (`<ts_recv ns> <json>`) nor a Tardis CSV file")


def _first_row(path: Path, head: list[bytes]) -> dict[str, str]:
    """Return the cells of a CSV file's first row by column; nothing if there is none."""
    for number, line in enumerate(head[:2], start=1):
        if len(line) > _ROW:
            raise DataError(str(path), number, f"more than {_ROW} bytes in a row")
    names, *rows = (line.decode("utf-8", "replace").strip().split(",") for line in head[:2])
    for cells in rows:
        if len(cells) != len(names):
            raise DataError(str(path), 2, f"{len(cells)} cells, expected {len(names)}")
        return dict(zip(names, cells, strict=True))
    return {}


def _sniff_tardis(path: Path, head: list[bytes]) -> Sniffed:
    row = _first_row(path, head)
    if not {"exchange", "symbol"} <= set(row):
        return Sniffed("tardis", None)
    exchange = row["exchange"]
    venue = TARDIS_VENUES.get(exchange, exchange.upper().replace("-", "_"))
    return Sniffed("tardis", f"{row['symbol']}.{venue}")


def _sniff_capture(head: list[bytes]) -> Sniffed:
    symbol, venue = None, "BINANCE"
    for line in head:
        try:
            message = orjson.loads(line.partition(b" ")[2])
        except orjson.JSONDecodeError:
            continue
        if not isinstance(message, dict):
            continue
        data = message.get("data", message)
        if isinstance(data, dict) and data.get("e") == "forceOrder":
            data, venue = data.get("o"), "BINANCE_USDM"  # spot has none
        if not isinstance(data, dict) or "s" not in data:
            continue
        symbol = symbol or data["s"]
        if "ps" in data:
            venue = "BINANCE_COINM"
        elif "pu" in data or data.get("X") == "MARKET":
            venue = "BINANCE_USDM"
        if data.get("e") == "depthUpdate":
            break
    return Sniffed("binance-ws", f"{symbol}.{venue}" if symbol else None)


def open_reader(
    form: str, instrument: Instrument, paths: Sequence[str | Path], *, lenient: bool = False
) -> EventReader:
    """Open files of a format as a stream of an instrument's events."""
    if form == "binance-ws":
        return EventReader.binance(instrument, paths, lenient=lenient)
    if form == "tardis":
        reader = EventReader.tardis(instrument, paths, lenient=lenient)
        for path in paths:
            _check_exchange(Path(path), instrument)
        return reader
    raise InvalidValueError("format", f"{form!r} is not binance-ws or tardis")


def _check_exchange(path: Path, instrument: Instrument) -> None:
    """Refuse a Tardis file of another venue, as far as both venues are known: symbols alone are not unique."""
    row = _first_row(path, _head(path, 2))
    venue = TARDIS_VENUES.get(row.get("exchange", ""))
    if venue not in (None, instrument.venue) and instrument.venue in TARDIS_VENUES.values():
        raise DataError(str(path), 2, f"exchange {row['exchange']} is venue {venue}, expected {instrument.venue}")


def provisional(instrument: str, kind: InstrumentKind = InstrumentKind.LINEAR) -> Instrument:
    """Return a stand-in on a grid of 1e-8, to read data whose specification is not known."""
    return _build(instrument, kind, _FINEST, _FINEST)[0]


def infer_instrument(form: str, instrument: str | Instrument, paths: str | Path | Sequence[str | Path]) -> Inference:
    """Derive an instrument's specification from its data.

    The increments are the largest steps that all prices and quantities in the files are multiples of; currencies,
    contract kind and contract size are guessed from symbol and venue; fees are zero. The notes say so.
    """
    import numpy as np

    paths, instrument = paths_of(paths), id_of(instrument)
    reader = open_reader(form, provisional(instrument), paths)
    steps = [0, 0]
    while (columns := reader.read(_PIECE)) is not None:
        on_grid = np.isin(columns["kind"], sorted(ON_GRID_KINDS))
        for index, name in enumerate(("price", "qty")):
            values = columns[name][on_grid]
            steps[index] = math.gcd(steps[index], int(np.gcd.reduce(values)) if len(values) else 0)
    if 0 in steps:
        raise DataError(str(paths[0]), 0, f"holds no prices of {instrument} to infer a specification from")
    symbol, _, venue = instrument.rpartition(".")
    kind = _guess_kind(symbol, venue)
    # One of the two at a time, so that what does not fit is a number of that one.
    price = _refined(form, paths, _FINEST * steps[0], lambda step: _build(instrument, kind, step, _FINEST)[0])
    qty = _refined(form, paths, _FINEST * steps[1], lambda step: _build(instrument, kind, _FINEST, step)[0])
    inferred, notes = _build(instrument, kind, price, qty)
    notes = (
        f"price_increment {inferred.price_increment} and qty_increment {inferred.qty_increment}: "
        "largest steps that fit every number in the data",
        *notes,
        "fees: none",
    )
    return Inference(inferred, notes)


def _refined(
    form: str, paths: Sequence[str | Path], step: Decimal, instrument_with: Callable[[Decimal], Instrument]
) -> Decimal:
    """Make an increment fit what the decoder reads and drops too, such as depth that no snapshot goes with."""
    while True:
        try:
            reader = open_reader(form, instrument_with(step), paths)
            while reader.read(_PIECE) is not None:
                pass
            return step
        except DataError as error:
            found = _OFF_GRID.search(error.problem)
            finer = step if found is None else _FINEST * math.gcd(int(step / _FINEST), int(Decimal(found[1]) / _FINEST))
            if finer == step:
                raise
            step = finer


def _guess_kind(symbol: str, venue: str) -> InstrumentKind:
    if venue == "BINANCE":
        return InstrumentKind.SPOT
    if venue == "BINANCE_COINM" or (venue == "BITMEX" and symbol == "XBTUSD"):
        return InstrumentKind.INVERSE
    return InstrumentKind.LINEAR


def _build(instrument: str, kind: InstrumentKind, price: Decimal, qty: Decimal) -> tuple[Instrument, tuple[str, ...]]:
    symbol, _, venue = instrument.rpartition(".")
    root = symbol.partition("_")[0].partition("-")[0].upper()
    quotes = ("USDT", "USDC", "FDUSD", "BUSD", "USD", "EUR", "BTC", "ETH", "BNB")
    end = next((q for q in quotes if root.endswith(q) and root != q), "USD")
    base = root.removesuffix(end) or root
    size = Decimal(1)
    if venue == "BINANCE_COINM":
        size = Decimal(100 if base == "BTC" else 10)
    built = Instrument(
        instrument,
        kind=kind.value,
        base=base,
        quote=end,
        price_increment=str(price.normalize().__format__("f")),
        qty_increment=str(qty.normalize().__format__("f")),
        contract_size=size,
    )
    notes = (f"{kind.value}, {base}/{end}, contract size {size}: guessed from symbol and venue",)
    return built, notes
