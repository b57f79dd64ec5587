"""The order book over time as a picture: what rested at each price, the best prices, and whatever is laid over it."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from tradecore._core import EventStream, Instrument, MemoryColumns, book_raster
from tradecore.data import views
from tradecore.data.catalog import Catalog
from tradecore.errors import CatalogError, InvalidValueError
from tradecore.report.charts import Chart, Layer, number
from tradecore.report.page import Section, page, write_page
from tradecore.types import EventKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tradecore.data.views import Moment

__all__ = ["BookPicture", "book_picture", "plot_book"]

_COLUMNS, _ROWS = 1_100, 420
_HEIGHT = 400
_SHADES: Final = (
    (11, 15, 23),
    (22, 48, 92),
    (30, 96, 145),
    (36, 152, 158),
    (120, 200, 120),
    (250, 224, 90),
    (255, 250, 220),
)
"""From nothing to the brightest: dark in any light, as maps of heat are read."""


@dataclass(frozen=True, slots=True)
class BookPicture:
    """An order book over time. Notebooks show it; :meth:`save` writes it as a page.

    Examples
    --------
    ::

        picture = tc.plot_book("market", "BTCUSDT.SYNTH", "2026-01-01T00:00:05", "2026-01-01T00:00:10")
        picture.save("book.html")
    """

    instrument: str
    """Id of the instrument."""
    start_ns: int
    """First time, ns UTC."""
    end_ns: int
    """Last time, ns UTC."""
    low: float
    """Price of the lower edge, quote currency."""
    high: float
    """Price of the upper edge."""
    columns: int
    """Width, pixels."""
    rows: int
    """Height, pixels."""
    brightest: float
    """The quantity of a pixel from which on it has the brightest shade, in contracts (spot: base units)."""
    png: bytes
    """The picture without its axes."""
    bid: NDArray[np.float64]
    """Best bid of each column, NaN where there was none."""
    ask: NDArray[np.float64]
    """Best ask of each column."""
    quote: str
    """Currency of prices."""

    def chart(self, layers: Sequence[Layer] = (), note: str = "") -> Chart:
        """Return it with its axes, best prices, and layers over it."""
        at = self.start_ns + (np.arange(self.columns) + 0.5) * ((self.end_ns - self.start_ns) / self.columns)
        touch = []
        for name, values in (("best bid", self.bid), ("best ask", self.ask)):
            there = ~np.isnan(values)
            touch.append(Layer(at[there], values[there], "line thin", "muted", name))
        said = f"Brightest from {number(self.brightest)} on at a price; shades by the logarithm. {note}"
        return Chart(
            self.instrument,
            [*touch, *layers],
            self.quote,
            _HEIGHT,
            x_range=(float(self.start_ns), float(self.end_ns)),
            y_range=(self.low, self.high),
            note=said.strip(),
            image="data:image/png;base64," + base64.b64encode(self.png).decode("ascii"),
        )

    def save(self, path: str | Path) -> Path:
        """Write it as a page that loads nothing; return where it is.

        Raises
        ------
        CatalogError
            When it cannot be written.
        """
        section = Section("book", "Order book", self.chart().html())
        return write_page(Path(path), page(self.instrument, "order book over time", [section], ""))

    def _repr_html_(self) -> str:
        text = page(self.instrument, "", [Section("book", "Order book", self.chart().html())], "")
        framed = text.replace("&", "&amp;").replace('"', "&quot;")
        return f'<iframe srcdoc="{framed}" style="width:100%;height:{_HEIGHT + 230}px;border:0"></iframe>'


def book_picture(
    instrument: Instrument,
    events: EventStream | MemoryColumns,
    start_ns: int,
    end_ns: int,
    *,
    low: float | None = None,
    high: float | None = None,
) -> BookPicture | None:
    """Return the picture of a book of some events; None where no best price was seen.

    Parameters
    ----------
    instrument : Instrument
    events : EventStream or MemoryColumns
        From the last snapshot before the time on.
    start_ns, end_ns : int
    low, high : float, optional
        Prices; where the best prices went, with as much again around them, if not given.
    """
    # A column is at least a nanosecond.
    columns = min(_COLUMNS, end_ns - start_ns)
    told = book_raster(
        instrument, events, start_ns=start_ns, end_ns=end_ns, columns=columns, rows=_ROWS, low=low, high=high
    )
    if told is None:
        return None
    shades = np.frombuffer(told["shades"], np.uint8).reshape(told["rows"], columns)
    return BookPicture(
        instrument=instrument.id,
        start_ns=start_ns,
        end_ns=end_ns,
        low=told["low"],
        high=told["high"],
        columns=columns,
        rows=told["rows"],
        brightest=told["brightest"],
        png=_png(shades),
        bid=np.array(told["bid"]),
        ask=np.array(told["ask"]),
        quote=instrument.quote,
    )


def plot_book(
    catalog: str | Path | Catalog,
    instrument: str | Instrument,
    start: Moment | None = None,
    end: Moment | None = None,
    *,
    low: float | None = None,
    high: float | None = None,
) -> BookPicture:
    """Draw the order book of an instrument over time: what rested at each price, and the best prices.

    Parameters
    ----------
    catalog : Catalog or path
    instrument : str or Instrument
    start, end : datetime, date or text in ISO 8601, optional
        Times of receipt, UTC where no zone is given; all there is if not given.
    low, high : float, optional
        Prices, quote currency; where the best prices went, with as much again around them, if not given.

    Raises
    ------
    CatalogError
        When the data has no book, or none in that time.
    InvalidValueError
        For what is no time, and prices that are no range.

    Examples
    --------
    ::

        tc.plot_book("market", "BTCUSDT.SYNTH", "2026-01-01T00:00:05", "2026-01-01T00:00:10")
    """
    if low is not None and high is not None and not low < high:
        raise InvalidValueError("high", f"{high} is not above low {low}")
    source = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
    held = source.manifest(instrument)
    span = views.Span.of(start, end)
    parts = held.parts()
    if not any(part.kinds.get(EventKind.BOOK_SET.name) for part in parts):
        raise CatalogError(str(source.path), f"the data of {held.instrument.id} has no book")
    first = max(span.start_ns, min(part.first_ts_recv for part in parts))
    last = min(span.end_ns, max(part.last_ts_recv for part in parts))
    picture = None
    if first < last:
        stream = views.book_stream(held, views.Span(first, last))
        try:
            picture = book_picture(held.instrument, stream, first, last, low=low, high=high)
        finally:
            stream.close()
    if picture is None:
        raise CatalogError(str(source.path), f"the book of {held.instrument.id} is not known in that time")
    return picture


def _png(shades: NDArray[np.uint8]) -> bytes:
    """Return shades as a PNG with a palette."""
    height, width = shades.shape
    marks = np.linspace(0, 255, len(_SHADES))
    palette = np.stack([np.interp(np.arange(256), marks, [shade[part] for shade in _SHADES]) for part in range(3)], 1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = np.zeros((height, width + 1), np.uint8)  # No filter before each row.
    rows[:, 1:] = shades
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            chunk(b"PLTE", palette.round().astype(np.uint8).tobytes()),
            chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            chunk(b"IEND", b""),
        )
    )
