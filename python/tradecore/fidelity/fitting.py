"""Queue models fitted to how orders really filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tradecore.errors import DataError
from tradecore.fidelity.comparing import Compared, Recording, Scripted, compare, recording
from tradecore.queue_models import FittedQueue
from tradecore.types import Side
from tradecore.validation import DurationLike, to_ns

if TYPE_CHECKING:
    import polars as pl

    from tradecore._core import Instrument
    from tradecore.data.catalog import Catalog, Columns

__all__ = ["QueueFit", "fit_queue"]

_EXPONENTS: Final = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0)
"""Exponents that are tried: from all ahead to all behind."""

_BESIDE: Final = ("tracked", "tracked_high", "conservative")
"""Models that the fitted one is shown beside."""

_SIDES = {side.name.lower(): int(side) for side in Side}
_FILLS: Final = ("side", "price", "qty", "placed_ns", "ended_ns", "filled_qty")
_LEAST: Final = 10
"""Orders that are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFit:
    """A fitted queue model, and how it fares with orders it was not fitted to.

    Parameters
    ----------
    model : FittedQueue
        What was fitted, to every other order.
    held_out : tuple of Compared
        The fitted model and others beside it, over the remaining orders.

    Examples
    --------
    ::

        fit = tc.fit_queue("market")
        print(fit.model.queue, fit.held_out[0].wrong)
    """

    model: FittedQueue
    held_out: tuple[Compared, ...]

    def save(self, path: str | Path) -> None:
        """Write the model to a file: see :meth:`FittedQueue.save <tradecore.FittedQueue.save>`.

        Parameters
        ----------
        path : path

        Raises
        ------
        CatalogError
            When it cannot be written.
        """
        self.model.save(path)

    def summary(self) -> dict[str, Any]:
        """Return the model and the comparison as plain values."""
        return {**asdict(self.model), "queue": self.model.queue, "held_out": [asdict(row) for row in self.held_out]}


def fit_queue(
    data: str | Path | Catalog | Mapping[str, Columns],
    *,
    instrument: str | Instrument | None = None,
    fills: str | Path | pl.DataFrame | None = None,
    every: DurationLike = "1s",
    hold: DurationLike = "2s",
    steady: DurationLike = "100ms",
) -> QueueFit:
    """Fit the exponent of ``fitted(n)`` to how orders truly filled.

    With ``fills`` these are a user's own live orders, in the market that was recorded beside them; otherwise orders
    that join the touch of a market of single orders, whose truth is exact. Every other order at whose price something
    traded is fitted to, the others tell how well it went.

    Parameters
    ----------
    data : catalog, path or mapping
        With the levels and trades of the instrument, without ``fills`` its single orders too.
    instrument : str or Instrument, optional
        The only one of the data if not given.
    fills : path or polars DataFrame, optional
        CSV or Parquet of own orders that rested, a row each: ``side`` (buy or sell), ``price`` and ``qty`` in units,
        ``placed_ns`` and ``ended_ns`` (when it came to rest, and was filled or cancelled, venue's time, ns UTC) and
        ``filled_qty``. With a column ``instrument``, rows of others are left out.
    every, hold, steady : duration
        Of orders at the touch: see :func:`tradecore.compare_queues`.

    Returns
    -------
    QueueFit

    Raises
    ------
    DataError
        When the data has no book, tells no single orders where no fills are given, or holds fewer than ten orders at
        whose price something traded; when the file of fills cannot be read, or a column or value of it is wrong.
    UnknownInstrumentError
        When the data does not have the instrument.
    InvalidValueError
        For what is no length of time, and an ``every`` of which the data is more than 1,000,000 times as long.

    Examples
    --------
    ::

        fit = tc.fit_queue("market", instrument="BTCUSDT.SYNTH")
        fit.save("queue.json")
        tc.SimVenue("SYNTH", queue="fitted:queue.json")
    """
    made = recording(data, instrument)
    truth: list[tuple[int, int | None]] | None = None
    if fills is not None:
        orders, truth = _live(made, fills)
        source = "live fills"
    elif made.tells_orders:
        orders = made.orders_at_touch(
            every_ns=to_ns("every", every), hold_ns=to_ns("hold", hold), steady_ns=to_ns("steady", steady)
        )
        source = "single orders"
    else:
        raise DataError(made.instrument.id, 0, "the data tells no single orders: give fills of live orders")
    names = [f"fitted({exponent:g})" for exponent in _EXPONENTS]
    rows = compare(made, orders, [*names, *_BESIDE], truth)
    count = rows[0][0].orders
    if count < _LEAST:
        problem = f"something traded at the price of {count} orders, at least {_LEAST} are needed"
        raise DataError(made.instrument.id, 0, problem)
    best = min(range(len(names)), key=lambda at: _misfit(rows[at][1], _EXPONENTS[at]))
    model = FittedQueue(
        exponent=_EXPONENTS[best],
        instrument=made.instrument.id,
        granularity_ms=rows[best][0].granularity_ms,
        orders=rows[best][1].orders,
        source=source,
    )
    return QueueFit(model=model, held_out=tuple(row[2] for row in (rows[best], *rows[len(names) :])))


def _misfit(row: Compared, exponent: float) -> tuple[int, float, float]:
    """Return how far a model is off: outcomes missed, then the queue or else the time to fill, then how far from 1."""
    off = row.error_lots
    if off is None and row.true_ms is not None and row.model_ms is not None:
        off = row.model_ms - row.true_ms
    return row.wrong, abs(off or 0.0), max(exponent, 1 / exponent)


def _live(made: Recording, fills: str | Path | pl.DataFrame) -> tuple[list[Scripted], list[tuple[int, int | None]]]:
    """Return live orders and what became of them."""
    import polars as pl

    name = "fills" if isinstance(fills, pl.DataFrame) else str(fills)
    frame = fills if isinstance(fills, pl.DataFrame) else _read(Path(fills))
    if missing := [column for column in _FILLS if column not in frame.columns]:
        raise DataError(name, 0, f"has no column {missing[0]}; expected {', '.join(_FILLS)}")
    spec, orders, truth = made.instrument, [], []
    for line, row in enumerate(frame.iter_rows(named=True), start=1):
        if "instrument" in row and row["instrument"] != spec.id:
            continue
        if (side := _SIDES.get(str(row["side"]).lower())) is None:
            raise DataError(name, line, f"side: expected buy or sell, got {row['side']!r}")
        try:
            price, qty = spec.price_to_steps(str(row["price"])), spec.qty_to_steps(str(row["qty"]))
            filled = spec.qty_to_steps(str(row["filled_qty"]))
            placed, ended = int(row["placed_ns"]), int(row["ended_ns"])
        except (TypeError, ValueError) as error:
            raise DataError(name, line, f"{error}") from None
        if not (qty > 0 and 0 <= filled <= qty and placed <= ended):
            raise DataError(name, line, "expected qty above 0, filled_qty from 0 to qty, ended_ns from placed_ns on")
        # One that was cancelled is there until then; one that filled might have filled later in a model. It comes right
        # before the levels show it: there it is growth behind itself.
        until = ended if filled < qty else ended + max(ended - placed, 1)
        orders.append((side, price, qty, placed - 1, until))
        truth.append((filled, ended if filled == qty else None))
    return orders, truth


def _read(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(str(path), 0, f"cannot be read: {error}") from None
