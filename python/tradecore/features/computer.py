"""Features of bars for a model that takes a plain vector: names that are known from charts, one call."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tradecore import indicators
from tradecore.arrays import to_floats
from tradecore.errors import InvalidValueError
from tradecore.indicators import Bank

__all__ = ["FeatureComputer"]

Floats = NDArray[np.float64]

_BAR = ("open", "high", "low", "close", "volume")
_INDICATORS: Mapping[str, Any] = {
    "rsi": indicators.RSI(14),
    "macd": indicators.MACD(12, 26, 9),
    "bb": indicators.BBANDS(20, 2.0),
    "bb_percent": indicators.PercentB(20, 2.0),
    "ema_9": indicators.EMA(9),
    "ema_21": indicators.EMA(21),
    "sma_50": indicators.SMA(50),
    "sma_200": indicators.SMA(200),
    "atr": indicators.ATR(14),
    "log_return": indicators.LogReturn(1),
    "momentum": indicators.ROC(10),
}
"""Indicators on bars by what they are called in a bank, which takes copies."""

_CLOSE = "close"
_GROUPS: Mapping[str, Mapping[str, tuple[str, float | str]]] = {
    "ohlc": {name: (name, _CLOSE) for name in ("open", "high", "low", "close")},
    "rsi": {"rsi": ("rsi", 50.0)},
    "macd": {"macd": ("macd.macd", 0.0), "macd_signal": ("macd.signal", 0.0), "macd_hist": ("macd.hist", 0.0)},
    "bb": {
        "bb_upper": ("bb.upper", _CLOSE),
        "bb_middle": ("bb.middle", _CLOSE),
        "bb_lower": ("bb.lower", _CLOSE),
        "bb_percent": ("bb_percent", 0.5),
    },
    "ema": {"ema_9": ("ema_9", _CLOSE), "ema_21": ("ema_21", _CLOSE), "ema_spread": ("ema_spread", 0.0)},
    "sma": {
        "sma_50": ("sma_50", _CLOSE),
        "sma_50_distance": ("sma_50_distance", 0.0),
        "sma_200": ("sma_200", _CLOSE),
    },
    "atr": {"atr": ("atr", 0.0)},
    "volume": {"volume": ("volume", 0.0), "volume_change": ("volume_change", 0.0)},
    "log_return": {"log_return": ("log_return", 0.0)},
    "momentum": {"momentum": ("momentum", 0.0)},
}
"""Values of each feature: where each is found, and what stands for it while it is not known."""


class FeatureComputer:
    """Features of bars as a plain vector, such as ``model.predict([computer.compute(price_data)])`` takes.

    ============  ===================================================================================================
    feature       values
    ============  ===================================================================================================
    ohlc          ``open, high, low, close``, quote currency
    rsi           ``rsi``: of 14 bars, Wilder's averages, 0 to 100
    macd          ``macd, macd_signal, macd_hist``: averages of 12 and 26 bars, signal of 9, quote currency
    bb            ``bb_upper, bb_middle, bb_lower``: 20 bars, 2 standard deviations of the population, quote currency;
                  ``bb_percent``: (close - lower) / (upper - lower)
    ema           ``ema_9, ema_21``, ``ema_spread`` = ema_9 - ema_21, quote currency
    sma           ``sma_50, sma_200``, quote currency; ``sma_50_distance`` = 100 (close / sma_50 - 1), percent
    atr           ``atr``: of 14 bars, Wilder's average, quote currency
    volume        ``volume``, contracts (spot: base units); ``volume_change`` to the bar before, percent
    log_return    ``log_return`` = ln(close / close before)
    momentum      ``momentum`` = 100 (close / close of 10 bars ago - 1), percent
    ============  ===================================================================================================

    They are those of :mod:`tradecore.indicators`: see there for how each begins. Where nothing is known yet a value is
    NaN. Whatever needs book or trades, or is to be the same in a strategy, is a :class:`FeatureSet`.

    Parameters
    ----------
    features : sequence of str
        Which, in the order of the vector.
    fill : {"nan", "neutral"}
        What stands where nothing is known: NaN, or a value that says little: the close for prices, 50 for the RSI, 0.5
        for ``bb_percent``, 0 for the rest. A model cannot tell such a value from a real one.

    Raises
    ------
    InvalidValueError
        For a feature there is none of, one twice, none at all, or another ``fill``.

    Examples
    --------
    >>> computer = tc.features.FeatureComputer(("rsi", "macd"))
    >>> computer.names
    ('rsi', 'macd', 'macd_signal', 'macd_hist')
    >>> computer.compute([100.0 + x % 3 for x in range(60)]).round(2).tolist()
    [51.98, 0.01, 0.01, 0.0]
    >>> computer.compute_streaming(100.0).tolist()
    [nan, nan, nan, nan]
    """

    __slots__ = ("_bank", "_reads", "_values", "_volumes", "features", "fill")

    features: tuple[str, ...]
    fill: Literal["nan", "neutral"]

    def __init__(
        self,
        features: Sequence[str] = ("rsi", "macd", "bb", "volume"),
        *,
        fill: Literal["nan", "neutral"] = "nan",
    ) -> None:
        if isinstance(features, str) or not isinstance(features, Sequence) or not features:
            raise InvalidValueError("features", f"expected a list of features, got {features!r}")
        for feature in features:
            if not isinstance(feature, str) or feature not in _GROUPS:
                near = difflib.get_close_matches(str(feature), _GROUPS, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(_GROUPS)}"
                raise InvalidValueError("features", f"no feature {feature!r}{hint}")
        if len(set(features)) < len(features):
            raise InvalidValueError("features", f"expected each once, got {list(features)}")
        if fill not in ("nan", "neutral"):
            raise InvalidValueError("fill", f"expected 'nan' or 'neutral', got {fill!r}")
        self.features, self.fill = tuple(features), fill
        self._values = {name: value for feature in features for name, value in _GROUPS[feature].items()}
        self._bank = self._new_bank()
        self._volumes = Bank(volume_change=indicators.ROC(1))
        read = {source for source, _ in self._values.values()} | set(self._bank.inputs)
        self._reads = tuple(name for name in _BAR if name in read | {"close"})

    def _new_bank(self) -> Bank:
        used = {source.partition(".")[0] for source, _ in self._values.values()}
        return Bank(**{name: indicator for name, indicator in _INDICATORS.items() if name in used})

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the values, in the order of a vector."""
        return tuple(self._values)

    def compute(self, price_data: Any) -> Floats:
        """Return what is known after the last row; nothing is remembered.

        Parameters
        ----------
        price_data : frame, mapping of arrays, sequence of bars, or closes
            As :meth:`compute_batch` takes it, of at least one row.

        Returns
        -------
        float64 (n,)
            A value for each of :attr:`names`.

        Raises
        ------
        InvalidValueError
            As :meth:`compute_batch`, and for no rows.
        """
        table = self.compute_batch(price_data)
        if not len(table):
            raise InvalidValueError("price_data", "expected at least one row")
        last: Floats = table[-1].copy()
        return last

    def compute_batch(self, bars: Any) -> Floats:
        """Return what is known after each row; nothing is remembered.

        Parameters
        ----------
        bars : frame, mapping of arrays, sequence of bars, or closes
            A frame of polars or pandas, or arrays by name, with the columns that the features read of ``open, high,
            low, close, volume``; bars with such attributes or keys; or closes alone, and then what needs more is NaN.
            Prices in quote currency.

        Returns
        -------
        float64 (rows, n)
            A row of values for each bar, the same to the bit as :meth:`compute_streaming` returns.

        Raises
        ------
        InvalidValueError
            For a column that is missing, of another length, or holds no numbers.
        """
        columns = self._columns(bars)
        rows = len(columns["close"])
        known = self._new_bank().compute({name: columns[name] for name in _BAR}) if self._bank.names else {}
        changes = Bank(volume_change=indicators.ROC(1)).compute({"close": columns["volume"]})
        return self._vector({**columns, **known, **changes}, rows)

    def compute_streaming(self, bar: Any) -> Floats:
        """Take the next bar and return what is known after it.

        Parameters
        ----------
        bar : bar, mapping or float
            With the attributes or keys that the features read of ``open, high, low, close, volume``, or a close alone.

        Returns
        -------
        float64 (n,)
            A value for each of :attr:`names`.

        Raises
        ------
        InvalidValueError
            For a bar without them.
        """
        row = self._row(bar)
        known = dict(zip(self._bank.names, self._bank.update(*row.values())[:, None], strict=True))
        known["volume_change"] = self._volumes.update(np.nan, np.nan, np.nan, row["volume"], np.nan)
        known |= {name: np.array([value]) for name, value in row.items()}
        (values,) = self._vector(known, 1)
        return np.asarray(values)

    @property
    def is_ready(self) -> bool:
        """Whether every indicator has seen enough bars of :meth:`compute_streaming`."""
        return self._bank.is_ready and ("volume" not in self.features or self._volumes.is_ready)

    def reset(self) -> None:
        """Forget the bars of :meth:`compute_streaming`."""
        self._bank.reset()
        self._volumes.reset()

    def __repr__(self) -> str:
        return f"FeatureComputer({self.features!r}, fill={self.fill!r})"

    def _vector(self, known: dict[str, Floats], rows: int) -> Floats:
        if "ema" in self.features:
            known["ema_spread"] = known["ema_9"] - known["ema_21"]
        if "sma" in self.features:
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = 100.0 * (known["close"] / known["sma_50"] - 1.0)
            known["sma_50_distance"] = np.where(np.isfinite(distance), distance, np.nan)
        table = np.empty((rows, len(self._values)))
        for at, (source, neutral) in enumerate(self._values.values()):
            values = known[source]
            if self.fill == "neutral":
                values = np.where(np.isnan(values), known[neutral] if isinstance(neutral, str) else neutral, values)
            table[:, at] = values
        return table

    def _columns(self, bars: Any) -> dict[str, Floats]:
        """Return the columns of a bar; what is not read, or not there for closes alone, is NaN."""
        if isinstance(bars, Mapping) or hasattr(bars, "columns"):
            have = [str(name) for name in (bars if isinstance(bars, Mapping) else bars.columns)]
            for name in self._reads:
                if name not in have:
                    raise InvalidValueError(
                        name, f"the bars have no such column; they have {', '.join(have) or 'none'}"
                    )
            columns = {name: to_floats(name, bars[name]) for name in self._reads}
        elif isinstance(bars, Sequence) and len(bars) and not isinstance(bars[0], int | float):
            told = [self._row(bar) for bar in bars]
            columns = {name: np.array([row[name] for row in told]) for name in _BAR}
        else:
            columns = {"close": to_floats("close", bars)}
        rows = len(columns["close"])
        for name, column in columns.items():
            if len(column) != rows:
                raise InvalidValueError(name, f"has {len(column)} rows where close has {rows}")
        return {name: columns[name] if name in columns else np.full(rows, np.nan) for name in _BAR}

    def _row(self, bar: Any) -> dict[str, float]:
        """Return the numbers of a bar; what is not read, or not there for a close alone, is NaN."""
        nothing = dict.fromkeys(_BAR, np.nan)
        if isinstance(bar, int | float | np.floating | np.integer):
            return nothing | {"close": float(bar)}
        found = {}
        for name in self._reads:
            value = bar.get(name) if isinstance(bar, Mapping) else getattr(bar, name, None)
            if not isinstance(value, int | float | np.floating | np.integer):
                raise InvalidValueError(name, f"expected a number in the bar, got {value!r}")
            found[name] = float(value)
        return nothing | found
