"""Indicators against what trading platforms and spreadsheets print (``../shared/data/indicators/lean``).

Most print single precision or a few decimals; each tolerance below is half of the last digit printed, and where a
platform works in single precision also what that loses on the way. Where a platform begins an average otherwise than
TA-Lib does, and so do we, both are one after the rows that are left out.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import tradecore as tc

pytestmark = pytest.mark.both

ti = tc.indicators
Column = np.ndarray[Any, Any]
Columns = dict[str, Column]


class Printed(NamedTuple):
    """A column of a file, ours, how far they may be apart, and from which row on they are compared."""

    column: str
    ours: Callable[[Columns], Column]
    tolerance: float
    start: int | None = None
    """``None``: both begin in the same row."""
    end: int | None = None


def read(path: Path) -> Columns:
    def number(cell: str) -> float:
        return float(cell) if cell.strip() else float("nan")

    with path.open(encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    return {
        name.strip().lower(): np.array([number(row[i]) if i < len(row) else float("nan") for row in rows])
        for i, name in enumerate(head)
        if i > 0
    }


def hlc(d: Columns) -> tuple[Column, Column, Column]:
    return d["high"], d["low"], d["close"]


def typical(d: Columns) -> Column:
    return np.asarray(ti.typprice(*hlc(d)))


def cutler(close: Column) -> Column:
    """The RSI with simple averages in place of those of Wilder."""
    change = np.diff(close, prepend=np.nan)
    return np.asarray(100 * ti.sma(np.maximum(change, 0), 14) / ti.sma(np.abs(change), 14))


def of_three_means(d: Columns) -> Column:
    return np.asarray(ti.sma(d["close"], 5) - ti.sma(d["close"], 10) + ti.sma(d["close"], 15))


TABLES: dict[str, list[Printed]] = {
    # Begins with the high less the low of row 0, ours with the true range of row 1.
    "spy_atr_wilder.txt": [Printed("average true range 14", lambda d: ti.atr(*hlc(d), 14), 5e-6, 250)],
    "spy_bollinger_bands.txt": [
        Printed("moving average 20", lambda d: ti.sma(d["close"], 20), 1e-12),
        Printed("bollinger bands® 20 2 top", lambda d: ti.bbands(d["close"], 20, 2).upper, 7e-5),
        Printed("bollinger bands® 20 2 bottom", lambda d: ti.bbands(d["close"], 20, 2).lower, 7e-5),
        # In percent there.
        Printed("bandwidth", lambda d: 100 * ti.bandwidth(d["close"], 20, 2), 1.2e-4),
        Printed("%b", lambda d: ti.percent_b(d["close"], 20, 2), 7e-5),
    ],
    # Goes on from earlier rows; the volume of the last row was not yet final.
    "spy_cmf.txt": [Printed("cmf_20", lambda d: ti.cmf(*hlc(d), d["volume"], 20), 1e-12, 19, -1)],
    "spy_dema.txt": [Printed("dema_5", lambda d: ti.dema(d["close"], 5), 1e-11)],
    "spy_tema.txt": [Printed("tema_5", lambda d: ti.tema(d["close"], 5), 1e-11)],
    "spy_ema.csv": [Printed("ema14", lambda d: ti.ema(d["close"], 14), 1e-11)],
    "spy_hma.txt": [Printed("hma_16", lambda d: ti.hma(d["close"], 16), 6e-8)],
    "spy_kama.txt": [Printed("kama_5", lambda d: ti.kama(d["close"], 5), 1e-11)],
    "spy_mfi.txt": [Printed("money flow index 20", lambda d: ti.mfi(*hlc(d), d["volume"], 20), 1e-5)],
    # %K is smoothed there: it is our %D, and their %D the average of that.
    "spy_with_StochRSI.csv": [
        Printed("k", lambda d: ti.stochrsi(d["close"], 14, 14, 3).d, 1e-11),
        Printed("d", lambda d: ti.sma(ti.stochrsi(d["close"], 14, 14, 3).d, 3), 1e-11),
    ],
    # Movements begin with the sum of 14 rows, those of TA-Lib with that of 13 and a step.
    "spy_with_adx.txt": [
        Printed("tr", lambda d: ti.trange(*hlc(d)), 5.1e-3),
        Printed("tr14", lambda d: 14 * ti.atr(*hlc(d), 14), 5.1e-3),
        Printed("+dm14", lambda d: ti.plus_dm(d["high"], d["low"], 14), 5.1e-3, 300),
        Printed("-dm14", lambda d: ti.minus_dm(d["high"], d["low"], 14), 5.1e-3, 300),
        Printed("+di14", lambda d: ti.plus_di(*hlc(d), 14), 5.1e-5, 300),
        Printed("-di14", lambda d: ti.minus_di(*hlc(d), 14), 5.1e-5, 300),
        Printed("dx", lambda d: ti.dx(*hlc(d), 14), 5.1e-3, 300),
        Printed("adx 14", lambda d: ti.adx(*hlc(d), 14), 5.1e-5, 300),
        Printed("adxr 14", lambda d: ti.adxr(*hlc(d), 14), 5.1e-5, 300),
    ],
    # A price in single precision, 1e-5 at 200, divided by 0.015 times a deviation of 0.3.
    "spy_with_cci.txt": [Printed("commodity channel index (cci) 14", lambda d: ti.cci(*hlc(d), 14), 2.5e-3)],
    # The first 49 rows are of as many rows as there are; ours are none.
    "spy_with_don50.txt": [
        Printed("donchian channels 50 top", lambda d: ti.donchian(d["high"], d["low"], 50).upper, 0, 49),
        Printed("donchian channels 50 bottom", lambda d: ti.donchian(d["high"], d["low"], 50).lower, 0, 49),
        Printed("donchian channels 50 mean", lambda d: ti.donchian(d["high"], d["low"], 50).middle, 1e-12, 49),
    ],
    # Each line begins by itself there; all of ours begin with the last one, the middles alone are midprice.
    "spy_with_ichimoku.csv": [
        Printed("tenkan", lambda d: ti.midprice(d["high"], d["low"], 9), 1e-12),
        Printed("kijun", lambda d: ti.midprice(d["high"], d["low"], 26), 1e-12),
        Printed("tenkan", lambda d: ti.ichimoku(d["high"], d["low"]).tenkan, 1e-12, 77),
        Printed("kijun", lambda d: ti.ichimoku(d["high"], d["low"]).kijun, 1e-12, 77),
        Printed("senkou a", lambda d: ti.ichimoku(d["high"], d["low"]).senkou_a, 1e-12, 77),
        Printed("senkou b", lambda d: ti.ichimoku(d["high"], d["low"]).senkou_b, 1e-12),
    ],
    # No volume, so its OBV cannot be worked out. Each average of its MACD begins by itself, as those of our apo.
    "spy_with_indicators.txt": [
        Printed("sma14", lambda d: ti.sma(d["close"], 14), 6e-3),
        Printed("ema14", lambda d: ti.ema(d["close"], 14), 6e-3),
        Printed("macd 12 26", lambda d: ti.apo(d["close"], 12, 26, "ema"), 2e-4),
        Printed("macd 12 26", lambda d: ti.macd(d["close"]).macd, 2e-4, 150),
        Printed("rsi 14 wilder", lambda d: ti.rsi(d["close"], 14), 5.1e-6),
        Printed("rsi 14", lambda d: cutler(d["close"]), 3e-4, 15),
    ],
    # Of typical prices and simple averages, where ours is the EMA of closes and the ATR of Wilder.
    "spy_with_keltner.csv": [
        Printed("middle band", lambda d: ti.sma(typical(d), 20), 6e-5),
        Printed("keltner channels 20 top", lambda d: ti.sma(typical(d), 20) + 1.5 * ti.sma(ti.trange(*hlc(d)), 20), 1.2e-4, 20),
        Printed("keltner channels 20 bottom", lambda d: ti.sma(typical(d), 20) - 1.5 * ti.sma(ti.trange(*hlc(d)), 20), 1.2e-4, 20),
        Printed("typicalprice", typical, 6e-5),
    ],
    "spy_with_macd.txt": [
        Printed("macd", lambda d: ti.macd(d["close"]).macd, 5.1e-6, 179),
        Printed("signal", lambda d: ti.macd(d["close"]).signal, 6e-6, 179),
        Printed("histogram", lambda d: ti.macd(d["close"]).hist, 2e-6, 179),
    ],
    # Of volumes of 1e8 printed with seven digits.
    "spy_with_obv.txt": [Printed("obv", lambda d: ti.obv(d["close"], d["volume"]), 1.5e3, 1)],
    # No average of Wilder: SMA(5) - SMA(10) + SMA(15), and the heads of SMA5 and SMA15 are each other's.
    "spy_with_rma.csv": [
        Printed("sma15", lambda d: ti.sma(d["close"], 5), 1e-7, 4),
        Printed("sma10", lambda d: ti.sma(d["close"], 10), 1e-7, 9),
        Printed("sma5", lambda d: ti.sma(d["close"], 15), 1e-7, 14),
        Printed("rma5", of_three_means, 1e-7, 14),
    ],
    # A difference, which we call momentum.
    "spy_with_roc50.txt": [Printed("rate of change 50", lambda d: ti.mom(d["close"], 50), 2e-5)],
    "spy_with_stoch12k3.txt": [
        # %K begins by itself; ours when both lines are there.
        Printed("stochastics 12 %k 3", lambda d: ti.stoch(*hlc(d), 12, 3, 5).k, 4e-4, 17),
        Printed("%d 5", lambda d: ti.stoch(*hlc(d), 12, 3, 5).d, 3e-4),
    ],
    # Of (open + high + low + close) / 4, where ours takes the typical price.
    "spy_with_vwap.txt": [
        Printed("moving vwap 50", lambda d: ti.vwma(ti.avgprice(d["open"], *hlc(d)), d["volume"], 50), 6e-5),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def lean(shared: Path) -> Path:
    return shared / "data" / "indicators" / "lean"


def test_every_file_is_held_to_something(lean: Path) -> None:
    assert {path.name for path in lean.iterdir()} == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_agrees_with_the_platform(lean: Path, name: str) -> None:
    columns = read(lean / name)
    for printed in TABLES[name]:
        got, want = np.asarray(printed.ours(columns)), columns[printed.column]
        if printed.start is None:
            first = [int(np.argmax(~np.isnan(one))) for one in (got, want)]
            assert first[0] == first[1], (printed.column, first)
        rows = slice(printed.start or 0, printed.end)
        held = ~np.isnan(want[rows])
        assert held.sum() > 150, printed.column
        far = np.abs(got[rows] - want[rows])[held]
        assert np.all(far <= printed.tolerance), (printed.column, np.nanmax(far), int(np.isnan(far).sum()))
