"""A run as a picture. Only imported where matplotlib is asked for."""

from __future__ import annotations

import io

import matplotlib.dates
import polars as pl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tradecore._core import Instrument
from tradecore.backtest.closings import with_closings
from tradecore.backtest.performance import Curve
from tradecore.backtest.tables import TableStore
from tradecore.report.charts import decimated

__all__ = ["draw"]

_POINTS = 4_000
"""Points of a line: more than the picture has columns."""
_MARKS = 1_000
"""Fills of a side that are marked."""
_GAIN, _LOSS, _LINE = "#1a9c5b", "#d64545", "#2f6fb5"


class _Shown(Figure):
    """A figure that notebooks show without pyplot."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=100)
        return picture.getvalue()


def draw(tables: TableStore, equity: Curve, currency: str, instrument: Instrument) -> Figure:
    """Draw equity, drawdown, inventory and the price with fills of one instrument.

    Parameters
    ----------
    tables : TableStore
    equity : Curve
    currency : str
        That of the equity.
    instrument : Instrument
    """
    figure = _Shown(figsize=(11, 9), layout="constrained")
    FigureCanvasAgg(figure)
    top, under, held, market = figure.subplots(4, 1, sharex=True, height_ratios=[3, 1.3, 1.3, 3])
    fills = _of(tables, "fills", instrument, ["ts_event", "side", "price", "qty", "instrument"])
    _equity(top, under, equity, currency)
    moves = with_closings(fills.with_columns(instrument=pl.lit(instrument.id)), tables)
    _inventory(held, moves.filter(instrument=instrument.id))
    _market(market, tables, fills, instrument)
    for axes in (top, under, held, market):
        axes.grid(alpha=0.25)
        axes.margins(x=0)
        for edge in ("top", "right"):
            axes.spines[edge].set_visible(False)
    locator = matplotlib.dates.AutoDateLocator(tz="UTC")  # type: ignore[no-untyped-call]
    market.xaxis.set_major_locator(locator)
    market.xaxis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(locator, tz="UTC"))  # type: ignore[no-untyped-call]
    market.set_xlabel("UTC")
    return figure


def _of(tables: TableStore, name: str, instrument: Instrument, columns: list[str]) -> pl.DataFrame:
    pieces = (piece.filter(instrument=instrument.id).drop("instrument") for piece in tables.pieces(name, columns))
    return pl.concat(pieces)


def _at(frame: pl.DataFrame, column: str) -> pl.Series:
    """Return ns as days since 1970, which is what matplotlib calls a date."""
    return frame[column] / 86_400e9


def _thinned(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return the rows that draw the same line."""
    return frame[decimated(frame[column].to_numpy(), _POINTS)]


def _equity(top: Axes, under: Axes, curve: Curve, currency: str) -> None:
    frame = pl.DataFrame({"ts": curve[0], "equity": curve[1]})
    # The curve starts at 0, which counts as a peak.
    frame = frame.with_columns(drawdown=pl.col("equity") - pl.max_horizontal(pl.col("equity").cum_max(), 0.0))
    drawn = _thinned(frame, "equity")
    top.plot(_at(drawn, "ts"), drawn["equity"], color=_LINE, linewidth=1.2)
    top.axhline(0, color="grey", linewidth=0.8, linestyle=":")
    top.set_ylabel(f"equity, {currency}")
    top.set_title("equity after fees", loc="left")
    drawn = _thinned(frame, "drawdown")
    under.fill_between(_at(drawn, "ts"), drawn["drawdown"], color=_LOSS, alpha=0.35, linewidth=0)
    under.set_ylabel("drawdown")


def _inventory(axes: Axes, fills: pl.DataFrame) -> None:
    signed = pl.when(side="buy").then("qty").otherwise(-pl.col("qty"))
    held = _thinned(fills.select("ts_event", held=signed.cum_sum()), "held")
    axes.step(_at(held, "ts_event"), held["held"], where="post", color=_LINE, linewidth=1)
    axes.axhline(0, color="grey", linewidth=0.8, linestyle=":")
    axes.set_ylabel("inventory")


def _market(axes: Axes, tables: TableStore, fills: pl.DataFrame, instrument: Instrument) -> None:
    candles = _of(tables, "candles", instrument, ["ts_open", "open", "instrument"])
    if len(candles):
        drawn = _thinned(candles, "open")
        axes.plot(_at(drawn, "ts_open"), drawn["open"], color="grey", linewidth=0.9, label="opening prices of candles")
    elif "mids" in tables:
        drawn = _thinned(_of(tables, "mids", instrument, ["ts", "mid", "instrument"]), "mid")
        axes.plot(_at(drawn, "ts"), drawn["mid"], color="grey", linewidth=0.7, label="mid")
    else:  # a result that was saved before mids were kept
        drawn = _thinned(fills, "price")
        axes.plot(_at(drawn, "ts_event"), drawn["price"], color="grey", linewidth=0.6, label="prices of fills")
    for side, marker, colour in (("buy", "^", _GAIN), ("sell", "v", _LOSS)):
        mine = fills.filter(side=side)
        shown = mine.gather_every(-(-len(mine) // _MARKS) or 1)
        some = f", {len(shown):,} shown" if len(shown) < len(mine) else ""
        axes.scatter(
            _at(shown, "ts_event"),
            shown["price"],
            marker=marker,
            s=18,
            color=colour,
            label=f"{len(mine):,} {side}s{some}",
        )
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), fontsize=8, frameon=False, ncols=3)
    axes.set_ylabel(f"price, {instrument.quote}")
    axes.set_title(f"{instrument.id}: price and fills", loc="left")
