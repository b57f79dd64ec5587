"""Labels by name and parameters, as a configuration and a data set want them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from tradecore.arrays import to_floats
from tradecore.errors import InvalidValueError
from tradecore.ml.columns import Floats, Horizon, Rows, as_long, finite_number, prices, rows_ahead
from tradecore.ml.labels import meta_labels, trend_scanning, triple_barrier
from tradecore.validation import unknown_key

__all__ = ["Label", "Labelled", "checked_params"]


class Labelled(NamedTuple):
    """Labels of rows; NaN where there is none."""

    y: Floats
    """What a model is to foretell."""
    t1: Rows
    """Row at which that was known."""
    ret: Floats
    """Return up to then, as a fraction."""


def checked_params(name: str, call: Callable[..., Any], given: Mapping[str, Any], leave: int = 0) -> dict[str, Any]:
    """Return parameters by name if a callable takes them all and lacks none.

    Raises
    ------
    InvalidValueError
        Naming the first that is unknown, with what it may have been meant for, or missing.
    """
    known = dict(list(inspect.signature(call).parameters.items())[leave:])
    for key in given:
        if key not in known:
            raise InvalidValueError(key, f"{name}: {unknown_key(key, known)}")
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key not in given:
            raise InvalidValueError(key, f"{name}: missing")
    return dict(given)


def _forward_return(
    price: Floats,
    ts: Rows,
    bets: Floats | None,
    horizon: Horizon,
    classes: Literal["none", "sign", "up"] = "none",
    threshold: float = 0.0,
) -> Labelled:
    ahead = rows_ahead(horizon, len(price), ts)
    known = ahead < len(price)
    t1 = np.where(known, ahead, np.arange(len(price)))
    ret = np.where(known, price[t1] / price - 1.0, np.nan)
    if finite_number("threshold", threshold) < 0:
        raise InvalidValueError("threshold", f"expected a number from 0, got {threshold!r}")
    if bets is not None:
        _means_nothing("classes", classes == "none")
        _means_nothing("threshold", threshold == 0)
        return Labelled(meta_labels(bets, ret), t1, ret)
    match classes:
        case "none":
            if threshold:
                raise InvalidValueError("threshold", 'is of classes: expected classes = "sign" or "up" beside it')
            y = ret
        case "sign":
            y = np.where(np.abs(ret) > threshold, np.sign(ret), 0.0)
        case "up":
            y = (ret > threshold).astype(np.float64)
        case _:
            raise InvalidValueError("classes", f"expected none, sign or up, got {classes!r}")
    return Labelled(np.where(known, y, np.nan), t1, ret)


def _means_nothing(name: str, is_default: bool) -> None:
    """Refuse a parameter that labels of bets have no use for."""
    if not is_default:
        raise InvalidValueError(name, "means nothing beside a side: labels then say whether the bet paid")


def _triple_barrier(
    price: Floats,
    ts: Rows,
    bets: Floats | None,
    horizon: int,
    target: float | None = None,
    volatility_rows: int | None = None,
    pt: float = 1.0,
    sl: float = 1.0,
    vertical: Literal["zero", "sign"] = "zero",
) -> Labelled:
    if target is not None and volatility_rows is not None:
        raise InvalidValueError("volatility_rows", "is there instead of a target, not beside it")
    half_life = 100 if volatility_rows is None else volatility_rows
    width: Floats | float = _volatility(price, half_life) if target is None else target
    way = np.ones(len(price))
    if bets is not None:
        _means_nothing("vertical", vertical == "zero")
        way[bets < 0] = -1.0
    got = triple_barrier(
        price, np.arange(len(price)), width, horizon=horizon, pt=pt or None, sl=sl or None, side=way, vertical=vertical
    )
    label = got.label if bets is None else meta_labels(bets, way * got.ret)
    return Labelled(np.where(got.truncated, np.nan, label), got.t1, way * got.ret)


def _volatility(price: Floats, rows: int) -> Floats:
    """Return the exponentially weighted volatility of returns, of a half-life in rows; NaN while it warms up."""
    import polars as pl

    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 1:
        raise InvalidValueError("volatility_rows", f"expected a whole number from 1, got {rows!r}")
    returns = pl.Series(np.log(price)).diff()
    found = returns.ewm_std(half_life=rows, min_samples=rows, ignore_nulls=True)
    return found.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _trend_scanning(price: Floats, ts: Rows, bets: Floats | None, shortest: int, longest: int) -> Labelled:
    if bets is not None:
        raise InvalidValueError("side", "trend_scanning finds trends, not what a bet came to: take another kind")
    got = trend_scanning(price, (shortest, longest))
    return Labelled(got.label, got.t1, price[got.t1] / price - 1.0)


_KINDS: dict[str, Callable[..., Labelled]] = {
    "forward_return": _forward_return,
    "triple_barrier": _triple_barrier,
    "trend_scanning": _trend_scanning,
}


class Label:
    """What a model is to foretell, by name and parameters.

    - ``forward_return``: ``horizon`` in rows or as time (``"5s"``); ``classes``, of which ``"none"`` leaves the return,
      ``"sign"`` makes -1, 0, 1 of it, and ``"up"`` 1 if it is above the ``threshold``, else 0; ``threshold`` as a
      fraction, 0 if not given.
    - ``triple_barrier``: ``horizon`` in rows; ``pt`` and ``sl``, 0 for none; ``vertical``; ``target`` as a fraction, or
      ``volatility_rows``, the half-life of a volatility of returns between rows that stands for it, 100 if neither is
      given.
    - ``trend_scanning``: ``shortest`` and ``longest``, in rows.

    Meta-labels say of a bet that something else has chosen whether it paid: with ``side`` a label is 1 if the return
    over the horizon, or up to the barrier, has the sign of that feature, else 0, and there is none where it is 0.

    Parameters
    ----------
    kind : str
    side : str, optional
        The feature whose sign is the bet: of a ``forward_return`` without classes, or a ``triple_barrier``.
    **params
        See there, and :func:`forward_return`, :func:`triple_barrier`, :func:`trend_scanning`.

    Raises
    ------
    InvalidValueError
        For an unknown kind, and parameters that it does not have, that are missing or cannot be.

    Examples
    --------
    >>> label = tc.ml.Label("forward_return", horizon=1, classes="sign")
    >>> label.of([100.0, 101.0, 101.0], [0, 1, 2]).y.tolist()
    [1.0, 0.0, nan]
    >>> meta = tc.ml.Label("forward_return", side="momentum", horizon=1)
    >>> meta.of([100.0, 101.0, 102.0, 101.0], [0, 1, 2, 3], side=[0.3, -0.2, -0.1, 0.0]).y.tolist()
    [1.0, 0.0, 1.0, nan]
    """

    def __init__(self, kind: str, *, side: str | None = None, **params: Any) -> None:
        if kind not in _KINDS:
            raise InvalidValueError("kind", f"expected {', '.join(_KINDS)}, got {kind!r}")
        if not isinstance(side, str | None):
            raise InvalidValueError("side", f"expected the name of a feature, got {side!r}")
        self.kind, self.side = kind, side
        self.params = checked_params(kind, _KINDS[kind], params, leave=3)
        # Of no rows: what a parameter cannot be is found here, not when the data has been computed.
        self.of([], np.empty(0, np.int64), None if side is None else [])

    def __repr__(self) -> str:
        given = self.params if self.side is None else {"side": self.side, **self.params}
        return f"Label({', '.join([repr(self.kind), *(f'{key}={value!r}' for key, value in given.items())])})"

    def of(self, price: Any, ts: Any, side: Any = None) -> Labelled:
        """Label the rows of a column of prices.

        Parameters
        ----------
        price : float64 (n,), quote currency
        ts : int64 (n,), ns
            Times of the rows.
        side : float64 (n,), optional
            Which way is bet, of meta-labels: only its sign counts.

        Raises
        ------
        InvalidValueError
            Naming the parameter, or the price, that cannot be one; for a side where none is bet on, or none where
            one is.
        """
        paid = prices("price", price)
        if (side is None) != (self.side is None):
            raise InvalidValueError("side", f"expected {'none' if self.side is None else self.side}")
        bets = None if side is None else to_floats("side", side)
        if bets is not None:
            as_long("side", bets, len(paid))
        return _KINDS[self.kind](paid, np.asarray(ts), bets, **self.params)
