"""Prices and quantities between increments and units, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from tradecore._core import FINE_SCALE, Instrument
from tradecore.data.views import scaled
from tradecore.errors import DataError
from tradecore.types import FINE_KINDS

if TYPE_CHECKING:
    import polars as pl

__all__ = ["EXACT", "beyond_floats", "in_increments", "in_text"]

EXACT = 10**15
"""Below so many steps of the last decimal, the float nearest to a decimal is that of no other."""

_FINE = Decimal(1).scaleb(-FINE_SCALE)
_EXACTLY = Context(prec=60)


def _scale(increment: Decimal) -> tuple[int, int]:
    """Return the decimal places of an increment, and how many of the last it has."""
    exponent = increment.normalize().as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    return places, int(increment.scaleb(places))


def _increments(instrument: Instrument) -> Mapping[str, Decimal]:
    return {"price": instrument.price_increment, "qty": instrument.qty_increment}


def beyond_floats(events: pl.DataFrame, instrument: Instrument) -> dict[str, int]:
    """Count, of prices and of quantities in increments, those that floats do not hold exactly."""
    import polars as pl

    on_grid = ~pl.col("kind").is_in(sorted(FINE_KINDS))
    most = {name: EXACT // _scale(step)[1] for name, step in _increments(instrument).items()}
    price = (pl.col("price").abs() >= pl.when(on_grid).then(most["price"]).otherwise(EXACT)).sum()
    counts: dict[str, int] = events.select(price, (pl.col("qty").abs() >= most["qty"]).sum()).row(0, named=True)
    return counts


def in_text(events: pl.DataFrame, instrument: Instrument) -> pl.DataFrame:
    """Return events in units, for text: as floats whose shortest text is the decimal, else as that text itself."""
    import polars as pl

    beyond = beyond_floats(events, instrument)
    units = dict(zip(("price", "qty"), scaled(instrument), strict=True))
    for name, step in _increments(instrument).items():
        if beyond[name]:
            steps, kinds = events.get_column(name).to_list(), events.get_column("kind").to_list()
            texts = [
                f"{_EXACTLY.multiply(value, _FINE if name == 'price' and kind in FINE_KINDS else step):f}"
                for value, kind in zip(map(Decimal, steps), kinds, strict=True)
            ]
            units[name] = pl.lit(pl.Series(name, texts, pl.String)).alias(name)
    return events.with_columns(units["price"], units["qty"])


def in_increments(events: pl.DataFrame, instrument: Instrument, source: str, first_row: int) -> pl.DataFrame:
    """Return events with prices and quantities as counts of increments: integers are, text and other numbers are units.

    Raises
    ------
    DataError
        For a value that is no number or no multiple of its increment, with its line: ``first_row`` is that of the
        first row.
    """
    import polars as pl

    for name, step in _increments(instrument).items():
        is_counted = events.schema[name].is_integer()
        steps = events[name].cast(pl.Int64) if is_counted else _steps(events, name, step, source, first_row)
        events = events.with_columns(steps)
    return events


def _steps(events: pl.DataFrame, name: str, step: Decimal, source: str, first_row: int) -> pl.Series:
    import polars as pl

    given = events.get_column(name)
    fine = pl.col("kind").is_in(sorted(FINE_KINDS)) if name == "price" else pl.lit(False)
    places, times = _scale(step)
    values = given.cast(pl.Float64, strict=False)
    last = (
        pl.when(fine).then((pl.col(name) * 10.0**FINE_SCALE).round()).otherwise((pl.col(name) * 10.0**places).round())
    )
    found = events.with_columns(values.alias(name)).select(
        fine.alias("fine"),
        pl.col(name).alias("value"),
        last.alias("last"),
        pl.when(fine).then(1).otherwise(times).alias("times"),
        pl.when(fine).then(10.0**FINE_SCALE).otherwise(10.0**places).alias("scale"),
    )
    # A float is that of the decimal only if it comes back, and only if it is not beyond what floats tell apart.
    sound = (pl.col("last").abs() < EXACT) & (pl.col("last") / pl.col("scale") == pl.col("value"))
    whole = pl.col("last").cast(pl.Int64, strict=False)
    steps = found.select(
        pl.when(sound & (whole % pl.col("times") == 0)).then(whole // pl.col("times")).alias(name)
    ).to_series()
    odd = steps.is_null().arg_true().to_list()
    if not odd:
        return steps
    exact: dict[int, int] = {}
    for row in odd:
        increment = _FINE if found["fine"][row] else step
        exact[row] = _exactly(given[row], increment, name, source, first_row + row)
    filled: list[Any] = steps.to_list()
    for row, value in exact.items():
        filled[row] = value
    return pl.Series(name, filled, pl.Int64)


def _exactly(given: Any, increment: Decimal, name: str, source: str, line: int) -> int:
    """Return the steps of one value."""
    try:
        value = Decimal(str(given))
    except ArithmeticError:
        raise DataError(source, line, f"{name} {given!r} is not a number") from None
    steps = _EXACTLY.divide(value, increment) if value.is_finite() else Decimal("nan")
    if not steps.is_finite() or steps != steps.to_integral_value():
        raise DataError(source, line, f"{name} {given!r} is not a multiple of the increment {increment}")
    if abs(steps) >= 1 << 60:
        raise DataError(source, line, f"{name} {given!r} is 2^60 increments of {increment} or more")
    return int(steps)
