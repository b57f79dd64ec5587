"""Bars of trades, quotes or mid prices: of arrays and frames, of single trades, and by the same core in runs.

Which bars is said in a text, the same for these functions, ``ctx.subscribe(inst, "bars:...")``, ``Catalog.bars`` and
``tradecore data bars``::

    1m, 1h, 1d, 1w          windows from 00:00 UTC on, weeks from Monday
    1d+8h                   windows that begin eight hours later
    tick:100                every 100 trades
    volume:5                every 5 units of quantity
    notional:1000000        every 1,000,000 of price times quantity
    imbalance:tick,length=50,mean=0.5    when signed trades outweigh what is expected (or volume, notional)
    run:tick,length=50,mean=0.6          when the buys or the sells alone do
    renko:10                every move by a brick of 10
    range:20                when high and low are 20 apart

Options follow after commas, the default first: ``source=trades|quotes|mid``; of windows ``empty=skip|carry``,
``late=drop|amend``, ``grace=1s``; of volume and notional ``excess=keep|split``; of imbalance and run ``span=20`` and
``clamp=10``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from tradecore._core import BarBuilder, BarSpec, bars_of
from tradecore.arrays import column_names, frame_like, library_of, to_floats, to_stamps
from tradecore.errors import InvalidValueError
from tradecore.validation import DurationLike, to_ns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "BAR_COLUMNS",
    "BarBuilder",
    "BarSpec",
    "imbalance",
    "make",
    "notional",
    "range",
    "renko",
    "run",
    "tick",
    "time",
    "volume",
]

BAR_COLUMNS = (
    "ts_open",
    "ts_close",
    "ts_available",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "buy_volume",
    "sell_volume",
    "vwap",
    "trades",
    "revision",
    "is_partial",
)
"""Columns of bars, in their order."""

Source = Literal["trades", "quotes", "mid"]
Weight = Literal["tick", "volume", "notional"]


def make(spec: str | BarSpec, trades: Any, *, partial: bool = True) -> Any:
    """Return bars by their text.

    Parameters
    ----------
    spec : str or BarSpec
        Such as ``"1m"`` or ``"volume:5,excess=split"``.
    trades : frame or mapping of arrays
        A frame of polars or pandas, or arrays by name, in the order in which the rows were received: ``ts_event`` (or
        ``ts``), int64 in ns UTC or times; ``price`` and ``qty``, float64; and if there are any ``ts_recv``, when we
        received them, and ``side`` of the aggressor (``"buy"``, ``"sell"`` or 1, -1). For a source of quotes or mid
        ``bid`` and ``ask`` take the place of price and quantity.
    partial : bool
        Whether the last bar is returned, which nothing has finished.

    Returns
    -------
    frame or mapping of arrays
        What was given, of ``BAR_COLUMNS``: ``ts_open``, ``ts_close`` (venue's clock) and ``ts_available`` (when it
        was known by our clock), in ns or as times, as given; prices; quantities; ``vwap`` (NaN without a quantity);
        ``trades``, their number; ``revision``, how many times late trades had changed it; ``is_partial``.

    Raises
    ------
    InvalidValueError
        For bars there are none of, columns that are none or are not there, and bars so small that a trade makes more
        than a million.
    DataError
        Naming the first row, from 1, with a price that is not above zero or a quantity below it.

    Warns
    -----
    RuntimeWarning
        When trades were late: their windows had been closed before they came.

    Examples
    --------
    >>> trades = {"ts": [0, 400, 1_200], "price": [10.0, 12.0, 11.0], "qty": [1.0, 2.0, 3.0]}
    >>> bars = tc.bars.make("1us", trades)
    >>> bars["close"].tolist(), bars["volume"].tolist(), bars["is_partial"].tolist()
    ([12.0, 11.0], [3.0, 3.0], [False, True])
    """
    import numpy as np

    if not isinstance(spec, str | BarSpec):
        raise InvalidValueError("spec", f"expected bars such as '1m', got {spec!r}")
    spec = BarSpec(spec) if isinstance(spec, str) else spec
    names = column_names("trades", trades)
    has_times = library_of(trades) == "pandas" and trades.index.dtype.kind == "M"
    hint = "; the index is no column: reset_index() makes it one" if has_times else ""

    def column(*choice: str) -> Any:
        for name in choice:
            if name in names:
                return trades[name]
        raise InvalidValueError(
            "trades", f"expected a column {' or '.join(choice)}, got {', '.join(names) or 'none'}{hint}"
        )

    stamps = column("ts_event", "ts")
    ts_event = to_stamps("ts_event", stamps)
    ts_recv = to_stamps("ts_recv", trades["ts_recv"]) if "ts_recv" in names else None
    qty: NDArray[np.float64] | None = None
    side: NDArray[np.int8] | None = None
    if spec.source == "trades":
        price, qty = to_floats("price", column("price")), to_floats("qty", column("qty"))
        side = _to_sides(trades["side"]) if "side" in names else None
    else:
        bid, ask = to_floats("bid", column("bid")), to_floats("ask", column("ask"))
        if len(bid) != len(ask):
            raise InvalidValueError("ask", f"{len(ask)} rows, bid {len(bid)}")
        price = (bid + ask) / 2
        if spec.source == "mid" and len(price) and spec.interval_ns is None:
            moved = np.concatenate(([True], price[1:] != price[:-1]))
            ts_event, price = ts_event[moved], price[moved]
            ts_recv = None if ts_recv is None else ts_recv[moved]
    bars, late = bars_of(spec, ts_event, ts_recv, price, qty, side, partial)
    if late:
        warnings.warn(
            f"{late} of {len(ts_event)} trades were late: the bars of their windows were already closed"
            " (late=amend adds them, grace=10s waits longer)",
            RuntimeWarning,
            stacklevel=2,
        )
    ordered = {name: bars[name] for name in BAR_COLUMNS}
    if isinstance(trades, Mapping):
        return ordered
    return _timed(frame_like(trades, ordered), stamps)


def _timed(bars: Any, stamps: Any) -> Any:
    """Return bars with times in the form of those given."""
    names = ["ts_open", "ts_close", "ts_available"]
    if library_of(bars) == "pandas":
        if stamps.dtype.kind == "M":
            zone = getattr(stamps.dtype, "tz", None)
            for name in names:
                times = bars[name].astype("datetime64[ns]")
                bars[name] = times if zone is None else times.dt.tz_localize("UTC").dt.tz_convert(zone)
        return bars
    import polars as pl

    if stamps.dtype.is_temporal():
        zone = stamps.dtype.time_zone
        times = pl.col(names).cast(pl.Datetime("ns"))
        if zone is not None:
            times = times.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        bars = bars.with_columns(times)
    return bars


def _to_sides(given: Any) -> NDArray[np.int8]:
    """Return sides of aggressors as 1, -1 and 0 for unknown."""
    import numpy as np

    array = given.to_numpy() if library_of(given) != "numpy" else np.asarray(given)
    if array.dtype.kind in "iuf" or not array.size:
        known = np.where(np.isnan(array), 0, array) if array.dtype.kind == "f" else array
        is_beyond = bool(known.size) and (known.min() < -1 or known.max() > 1)
        if is_beyond or (array.dtype.kind == "f" and (known != np.trunc(known)).any()):
            other = known[~np.isin(known, (-1, 0, 1))][0]
            raise InvalidValueError("side", f"expected 1, -1 or 0 for unknown, got {other}")
        return np.ascontiguousarray(known, dtype=np.int8)
    words = array.astype(str)
    buys, sells = words == "buy", words == "sell"
    for word in np.unique(words[~(buys | sells)]).tolist():
        if word not in ("None", "nan", "<NA>"):
            raise InvalidValueError("side", f"expected 'buy' or 'sell', got {word!r}")
    sides: NDArray[np.int8] = buys.astype(np.int8) - sells.astype(np.int8)
    return sides


def time(
    trades: Any,
    every: DurationLike = "1m",
    *,
    offset: DurationLike | None = None,
    empty: Literal["skip", "carry"] = "skip",
    late: Literal["drop", "amend"] = "drop",
    grace: DurationLike = "1s",
    source: Source = "trades",
    partial: bool = True,
) -> Any:
    """Return bars of windows ``[start, start + every)`` of the venue's clock.

    Parameters
    ----------
    trades, partial
        As of :func:`make`.
    every : duration
        Length of a window; whole weeks begin on Monday, all else counts from 00:00 UTC.
    offset : duration, optional
        How much later windows begin.
    empty : str
        ``carry``: a window without a trade has a bar of the last close, without a quantity.
    late : str
        ``amend``: a trade whose window is closed changes its bar, which comes again with a higher revision.
    grace : duration
        How long after the end of its window our clock closes a bar; it has a say where there is ``ts_recv``.
    source : str

    Returns
    -------
    frame or mapping of arrays
        As :func:`make`, which says what is raised, too.

    Examples
    --------
    >>> trades = {"ts": [0, 5 * 10**9], "price": [10.0, 12.0], "qty": [1.0, 2.0]}
    >>> tc.bars.time(trades, "2s", empty="carry")["close"].tolist()
    [10.0, 10.0, 12.0]
    """
    # Weeks are a length only here.
    is_week = isinstance(every, str) and every.strip().endswith("w")
    text = f"{every}" if is_week else f"{to_ns('every', every):d}ns"
    if offset is not None:
        text += f"+{to_ns('offset', offset):d}ns"
    options = f"empty={empty},late={late},grace={to_ns('grace', grace):d}ns,source={source}"
    return make(f"{text},{options}", trades, partial=partial)


def tick(trades: Any, count: int, *, source: Source = "trades", partial: bool = True) -> Any:
    """Return bars of so many trades each.

    Parameters
    ----------
    trades, source, partial
        As of :func:`make`.
    count : int
        Trades in a bar.

    Returns
    -------
    frame or mapping of arrays
        As :func:`make`, which says what is raised, too.

    Examples
    --------
    >>> trades = {"ts": [1, 2, 3], "price": [10.0, 12.0, 11.0], "qty": [1.0, 2.0, 3.0]}
    >>> tc.bars.tick(trades, 2)["volume"].tolist()
    [3.0, 3.0]
    """
    return make(f"tick:{count},source={source}", trades, partial=partial)


def volume(trades: Any, size: float, *, excess: Literal["keep", "split"] = "keep", partial: bool = True) -> Any:
    """Return bars that end when so much was traded.

    Parameters
    ----------
    trades, partial
        As of :func:`make`.
    size : float
        Quantity of a bar.
    excess : str
        ``keep``: the trade that completes a bar is its own, whole. ``split``: it is cut, and one may make several bars.

    Returns
    -------
    frame or mapping of arrays
        As :func:`make`, which says what is raised, too.

    Examples
    --------
    >>> trades = {"ts": [1, 2], "price": [10.0, 12.0], "qty": [1.0, 5.0]}
    >>> tc.bars.volume(trades, 3)["volume"].tolist(), tc.bars.volume(trades, 3, excess="split")["volume"].tolist()
    ([6.0], [3.0, 3.0])
    """
    return make(f"volume:{size},excess={excess}", trades, partial=partial)


def notional(trades: Any, size: float, *, excess: Literal["keep", "split"] = "keep", partial: bool = True) -> Any:
    """Return bars that end when price times quantity adds up to so much.

    Parameters
    ----------
    trades, excess, partial
        As of :func:`volume`.
    size : float
        Sum of price times quantity of a bar.

    Returns
    -------
    frame or mapping of arrays
        As :func:`make`, which says what is raised, too.

    Examples
    --------
    >>> trades = {"ts": [1, 2], "price": [10.0, 12.0], "qty": [1.0, 5.0]}
    >>> tc.bars.notional(trades, 50)["quote_volume"].tolist()
    [70.0]
    """
    return make(f"notional:{size},excess={excess}", trades, partial=partial)


def _expecting(
    kind: str, weight: Weight, length: float, mean: float, span: int | None, clamp: float, source: Source
) -> str:
    learns = "" if span is None else f",span={span}"
    return f"{kind}:{weight},length={length},mean={mean}{learns},clamp={clamp},source={source}"


def imbalance(
    trades: Any,
    weight: Weight = "tick",
    *,
    length: float,
    mean: float,
    span: int | None = None,
    clamp: float = 10,
    source: Source = "trades",
    partial: bool = True,
) -> Any:
    """Return bars that end when ``|sum of sign x weight|`` reaches ``length x mean``.

    The sign of a trade is that of the change of price, the last one where it is unchanged, at first 1.

    Parameters
    ----------
    trades, source, partial
        As of :func:`make`.
    weight : str
        What a trade counts: 1 (``tick``), its quantity or price times quantity.
    length : float
        Trades a bar is expected to have.
    mean : float
        What a trade is expected to add.
    span : int, optional
        Expectations follow finished bars, an exponential average of this span (``2 / (span + 1)`` of the last one);
        constant if not given.
    clamp : float
        They stay within this factor of what was given.

    Returns
    -------
    frame or mapping of arrays
        As :func:`make`, which says what is raised, too.

    Examples
    --------
    >>> trades = {"ts": [1, 2, 3, 4], "price": [10.0, 11.0, 10.0, 9.0], "qty": [1.0] * 4}
    >>> tc.bars.imbalance(trades, length=4, mean=0.5)["close"].tolist()
    [11.0, 9.0]
    """
    return make(_expecting("imbalance", weight, length, mean, span, clamp, source), trades, partial=partial)


def run(
    trades: Any,
    weight: Weight = "tick",
    *,
    length: float,
    mean: float,
    span: int | None = None,
    clamp: float = 10,
    source: Source = "trades",
    partial: bool = True,
) -> Any:
    """Return bars that end when the buys alone, or the sells alone, reach ``length x mean``.

    Signs and parameters are those of :func:`imbalance`; ``mean`` is what a trade is expected to add to the larger of
    the two.

    Returns
    -------
    frame or mapping of arrays
        As :func:`make`, which says what is raised, too.

    Examples
    --------
    >>> trades = {"ts": [1, 2, 3, 4], "price": [10.0, 11.0, 10.0, 12.0], "qty": [1.0] * 4}
    >>> tc.bars.run(trades, length=4, mean=0.75)["trades"].tolist()
    [4]
    """
    return make(_expecting("run", weight, length, mean, span, clamp, source), trades, partial=partial)


def renko(trades: Any, size: float, *, source: Source = "trades", partial: bool = True) -> Any:
    """Return bricks: a move of one size on from the last close, or beyond the last open the other way.

    The first price is the first level. One price may make several bricks; its trade belongs to the first, so others
    have no quantity. High and low are those of the brick.

    Parameters
    ----------
    trades, source, partial
        As of :func:`make`.
    size : float
        Of a brick, in units of the price.

    Returns
    -------
    frame or mapping of arrays
        As :func:`make`, which says what is raised, too.

    Examples
    --------
    >>> trades = {"ts": [1, 2, 3], "price": [10.0, 12.5, 9.0], "qty": [1.0] * 3}
    >>> tc.bars.renko(trades, 1)["close"].tolist()
    [11.0, 12.0, 10.0, 9.0]
    """
    return make(f"renko:{size},source={source}", trades, partial=partial)


def range(trades: Any, size: float, *, source: Source = "trades", partial: bool = True) -> Any:
    """Return bars that end when high and low are so far apart.

    Parameters
    ----------
    trades, source, partial
        As of :func:`make`.
    size : float
        In units of the price.

    Returns
    -------
    frame or mapping of arrays
        As :func:`make`, which says what is raised, too.

    Examples
    --------
    >>> trades = {"ts": [1, 2, 3], "price": [10.0, 10.5, 11.0], "qty": [1.0] * 3}
    >>> tc.bars.range(trades, 1)["high"].tolist()
    [11.0]
    """
    return make(f"range:{size},source={source}", trades, partial=partial)
