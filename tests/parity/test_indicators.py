"""Indicators against tables made outside this project, TA-Lib and wickra."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc

pytestmark = pytest.mark.both

ti = tc.indicators
Arrays = dict[str, np.ndarray[Any, Any]]


def table(path: Path) -> Arrays:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    cells = {key: [row[key] for row in rows] for key in rows[0]}
    numbers = {key: np.array([float(cell or "nan") for cell in column]) for key, column in cells.items() if key != "ts"}
    if "ts" in cells:
        numbers["ts"] = np.array([cell.rstrip("Z") for cell in cells["ts"]], "datetime64[ns]").astype(np.int64)
    return numbers


def same(got: Any, want: Any, name: str = "", rtol: float = 1e-8) -> None:
    """The same rows are NaN, and the others agree."""
    got, want = np.asarray(got, float), np.asarray(want, float)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want), err_msg=name)
    wrong = np.abs(got - want) > rtol * np.maximum(1, np.abs(want))
    assert not wrong.any(), (name, int(np.argmax(wrong)), got[wrong][:3], want[wrong][:3])


def columns(o: Any, h: Any, l: Any, c: Any, v: Any, ts: Any) -> dict[str, Any]:  # noqa: E741
    """Every column of the reference tables."""
    out: dict[str, Any] = {
        f"{name.upper()}_20": getattr(ti, name)(c, 20) for name in ("sma", "ema", "wma", "dema", "tema", "trima")
    }
    out["MACD_12_26_9"], out["MACD_signal"], out["MACD_hist"] = ti.macd(c)
    out["BB_upper_20_2"], out["BB_mid"], out["BB_lower"] = ti.bbands(c, 20, 2)
    out["STOCH_slowk_14_3"], out["STOCH_slowd_3"] = ti.stoch(h, l, c, 14, 3, 3)
    out["STOCHF_fastk_14"], out["STOCHF_fastd_3"] = ti.stochf(h, l, c, 14, 3)
    out["STOCHRSI_fastk_14_14"], out["STOCHRSI_fastd_3"] = ti.stochrsi(c, 14, 14, 3)
    out["AROON_down_14"], out["AROON_up_14"] = ti.aroon(h, l, 14)
    out["DONCHIAN_upper_20"], out["DONCHIAN_mid_20"], out["DONCHIAN_lower_20"] = ti.donchian(h, l, 20)
    out["KELTNER_upper_20_10_2"], out["KELTNER_mid_20"], out["KELTNER_lower_20_10_2"] = ti.keltner(h, l, c, 20, 10, 2)
    return out | {
        "KAMA_10": ti.kama(c, 10),
        "RSI_14": ti.rsi(c, 14),
        "STDDEV_20": ti.stddev(c, 20),
        "VAR_20": ti.var(c, 20),
        "TRANGE": ti.trange(h, l, c),
        "ATR_14": ti.atr(h, l, c, 14),
        "NATR_14": ti.natr(h, l, c, 14),
        "WILLR_14": ti.willr(h, l, c, 14),
        "PLUS_DI_14": ti.plus_di(h, l, c, 14),
        "MINUS_DI_14": ti.minus_di(h, l, c, 14),
        "DX_14": ti.dx(h, l, c, 14),
        "ADX_14": ti.adx(h, l, c, 14),
        "ADXR_14": ti.adxr(h, l, c, 14),
        "CCI_20": ti.cci(h, l, c, 20),
        "ROC_10": ti.roc(c, 10),
        "ROCP_10": ti.rocp(c, 10),
        "MOM_10": ti.mom(c, 10),
        "CMO_14": ti.cmo(c, 14),
        "APO_12_26_sma": ti.apo(c),
        "PPO_12_26_sma": ti.ppo(c),
        "TRIX_15": ti.trix(c, 15),
        "ULTOSC_7_14_28": ti.ultosc(h, l, c),
        "SAR_0.02_0.2": ti.sar(h, l),
        "OBV": ti.obv(c, v),
        "AD": ti.ad(h, l, c, v),
        "ADOSC_3_10": ti.adosc(h, l, c, v),
        "MFI_14": ti.mfi(h, l, c, v, 14),
        "LINEARREG_14": ti.linearreg(c, 14),
        "LINEARREG_SLOPE_14": ti.linearreg_slope(c, 14),
        "VWAP_anchored": ti.vwap(h, l, c, v),
        "VWAP_utc_day": ti.vwap_session(h, l, c, v, ts),
        "VWAP_rolling_20": ti.vwap_rolling(h, l, c, v, 20),
    }


@pytest.mark.parametrize("series", ["04_ohlcv_500", "04_ohlcv_edge_60"])
def test_every_column_of_the_reference_tables(shared: Path, series: str) -> None:
    """The second one is flat in its middle, where ratios are 0 / 0."""
    bars = table(shared / "reference" / f"{series}.csv")
    want = table(shared / "reference" / f"{series}_talib.csv")
    got = columns(*(bars[name] for name in ("open", "high", "low", "close", "volume", "ts")))
    assert set(got) == set(want) - {"row"}
    wrong = {}
    for name, column in got.items():
        try:
            same(column, want[name], name)
        except AssertionError as error:
            wrong[name] = str(error)[:300]
    assert wrong == {}


def bars(seed: int, n: int) -> Arrays:
    random = np.random.default_rng(seed)
    c = 100 * np.exp(np.cumsum(random.normal(size=n)) * 0.01)
    o = np.concatenate([c[:1], c[:-1]]) * np.exp(random.normal(size=n) * 0.002)
    h = np.maximum(o, c) * np.exp(random.random(n) * 0.01)
    l = np.minimum(o, c) * np.exp(-random.random(n) * 0.01)  # noqa: E741
    return {"o": o, "h": h, "l": l, "c": c, "v": random.integers(1, 1000, n).astype(float)}


C, HL, HLC, HLCV, OHLC, CV, HLV = "c", "hl", "hlc", "hlcv", "ohlc", "cv", "hlv"
TALIB: dict[str, tuple[str, str, dict[str, str]]] = {
    "sma": ("SMA", C, {}), "ema": ("EMA", C, {}), "wma": ("WMA", C, {}), "dema": ("DEMA", C, {}),
    "tema": ("TEMA", C, {}), "trima": ("TRIMA", C, {}), "kama": ("KAMA", C, {}), "t3": ("T3", C, {}),
    "rsi": ("RSI", C, {}), "cmo": ("CMO", C, {}), "mom": ("MOM", C, {}), "roc": ("ROC", C, {}),
    "rocp": ("ROCP", C, {}), "rocr": ("ROCR", C, {}), "trix": ("TRIX", C, {}), "willr": ("WILLR", HLC, {}),
    "cci": ("CCI", HLC, {}), "plus_dm": ("PLUS_DM", HL, {}), "minus_dm": ("MINUS_DM", HL, {}),
    "plus_di": ("PLUS_DI", HLC, {}), "minus_di": ("MINUS_DI", HLC, {}), "dx": ("DX", HLC, {}),
    "adx": ("ADX", HLC, {}), "adxr": ("ADXR", HLC, {}), "aroon": ("AROON", HL, {}), "aroonosc": ("AROONOSC", HL, {}),
    "atr": ("ATR", HLC, {}), "natr": ("NATR", HLC, {}), "midpoint": ("MIDPOINT", C, {}),
    "midprice": ("MIDPRICE", HL, {}), "stddev": ("STDDEV", C, {}), "var": ("VAR", C, {}), "max": ("MAX", C, {}),
    "min": ("MIN", C, {}), "minmax": ("MINMAX", C, {}), "sum": ("SUM", C, {}), "linearreg": ("LINEARREG", C, {}),
    "linearreg_slope": ("LINEARREG_SLOPE", C, {}), "linearreg_intercept": ("LINEARREG_INTERCEPT", C, {}),
    "linearreg_angle": ("LINEARREG_ANGLE", C, {}), "tsf": ("TSF", C, {}), "mfi": ("MFI", HLCV, {}),
    "avgdev": ("AVGDEV", C, {}), "correl": ("CORREL", HL, {}), "beta": ("BETA", HL, {}),
    "bbands": ("BBANDS", C, {}),
}  # fmt: skip
"""What has one period and the same meaning in both."""


@pytest.mark.parametrize("name", TALIB)
@pytest.mark.parametrize("period", [2, 3, 7, 14, 50, 500])
def test_agrees_with_talib_for_any_period(name: str, period: int) -> None:
    """The last one is longer than the data."""
    talib = pytest.importorskip("talib")
    function, inputs, more = TALIB[name]
    for seed in range(3):
        data = bars(seed, 300)
        given = [data[one] for one in inputs]
        if name in ("bbands",):
            more = {"nbdevup": 2.0, "nbdevdn": 2.0}  # type: ignore[dict-item]
        want = getattr(talib, function)(*given, timeperiod=period, **more)
        got = getattr(ti, name)(*given, period)
        if isinstance(want, np.ndarray):
            want, got = (want,), (got,)
        assert len(got) == len(want)
        for ours, theirs in zip(got, want, strict=True):
            same(ours, theirs, f"{name} {seed}", 1e-7 if name == "kama" else 1e-8)


OTHERS: dict[str, tuple[str, str, Callable[[Any], tuple[tuple[Any, ...], tuple[Any, ...]]]]] = {
    "macd": ("MACD", C, lambda p: ((p, 2 * p, 4), (p, 2 * p, 4))),
    "apo": ("APO", C, lambda p: ((p, 2 * p, "ema"), (p, 2 * p, 1))),
    "ppo": ("PPO", C, lambda p: ((p, 2 * p, "ema"), (p, 2 * p, 1))),
    "stoch": ("STOCH", HLC, lambda p: ((p, 3, 4), (p, 3, 0, 4, 0))),
    "stochf": ("STOCHF", HLC, lambda p: ((p, 4), (p, 4, 0))),
    "stochrsi": ("STOCHRSI", C, lambda p: ((p, 5, 3), (p, 5, 3, 0))),
    "ultosc": ("ULTOSC", HLC, lambda p: ((p, 2 * p, 3 * p), (p, 2 * p, 3 * p))),
    "adosc": ("ADOSC", HLCV, lambda p: ((p, p + 5), (p, p + 5))),
    "sar": ("SAR", HL, lambda p: ((0.01 * p, 0.3), (0.01 * p, 0.3))),
    "bop": ("BOP", OHLC, lambda p: ((), ())),
    "obv": ("OBV", CV, lambda p: ((), ())),
    "ad": ("AD", HLCV, lambda p: ((), ())),
    "trange": ("TRANGE", HLC, lambda p: ((), ())),
    "avgprice": ("AVGPRICE", OHLC, lambda p: ((), ())),
    "medprice": ("MEDPRICE", HL, lambda p: ((), ())),
    "typprice": ("TYPPRICE", HLC, lambda p: ((), ())),
    "wclprice": ("WCLPRICE", HLC, lambda p: ((), ())),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("period", [2, 9, 20])
def test_agrees_with_talib_where_parameters_differ(name: str, period: int) -> None:
    talib = pytest.importorskip("talib")
    function, inputs, parameters = OTHERS[name]
    ours, theirs = parameters(period)
    for seed in range(3):
        data = bars(seed, 300)
        given = [data[one] for one in inputs]
        got, want = getattr(ti, name)(*given, *ours), getattr(talib, function)(*given, *theirs)
        if isinstance(want, np.ndarray):
            want, got = (want,), (got,)
        for one, other in zip(got, want, strict=True):
            same(one, other, f"{name} {seed}")


@pytest.mark.parametrize("name", ["rsi", "ema", "sma", "macd", "bbands", "atr", "mfi", "max", "adx"])
def test_leading_nans_and_the_option_are_those_of_talib(name: str) -> None:
    talib = pytest.importorskip("talib")
    inputs = {"atr": HLC, "adx": HLC, "mfi": HLCV}.get(name, C)
    data = bars(5, 200)
    given = [data[one].copy() for one in inputs]
    for column in given:
        column[:5] = np.nan
    function = getattr(talib, name.upper())
    more = {"timeperiod": 10} if name != "macd" else {}
    if name == "bbands":
        more |= {"nbdevup": 2, "nbdevdn": 2}
    for hole in (False, True):
        if hole and name in ("mfi", "max", "bbands"):
            continue
        if hole:
            given[-1][100] = np.nan
        got = getattr(ti, name)(*given, *([10] if name != "macd" else []), nan="talib" if hole else "restart")
        want = function(*given, **more)
        if hole and name == "rsi":  # where TA-Lib says 0 for ever
            assert np.isnan(got[100:]).all()
            continue
        if isinstance(want, np.ndarray):
            want, got = (want,), (got,)
        for one, other in zip(got, want, strict=True):
            same(one, other, f"{name} {hole}")


PERCENT = 0.01
WICKRA: dict[str, tuple[str, str, list[tuple[float, ...]], float]] = {
    "sma": ("SMA", C, [(2,), (20,)], 1), "ema": ("EMA", C, [(2,), (20,)], 1), "rma": ("SMMA", C, [(1,), (14,)], 1),
    "wma": ("WMA", C, [(2,), (20,)], 1), "hma": ("HMA", C, [(5,), (16,), (50,)], 1),
    "alma": ("ALMA", C, [(9, 0.85, 6.0), (30, 0.2, 3.0)], 1), "zlema": ("ZLEMA", C, [(3,), (20,), (21,)], 1),
    "vwma": ("VWMA", CV, [(2,), (20,)], 1), "rsi": ("RSI", C, [(2,), (14,)], 1), "tsi": ("TSI", C, [(25, 13), (5, 9)], 1),
    "log_return": ("LogReturn", C, [(1,), (7,)], 1), "dpo": ("DPO", C, [(20,), (21,)], 1),
    "ao": ("AwesomeOscillator", HL, [(5, 34), (2, 3)], 1), "aroon": ("Aroon", HL, [(3,), (14,)], 1),
    "vortex": ("Vortex", HLC, [(2,), (14,)], 1), "supertrend": ("SuperTrend", HLC, [(10, 3.0), (5, 1.5)], 1),
    "donchian": ("Donchian", HL, [(2,), (20,)], 1), "keltner": ("Keltner", HLC, [(20, 10, 2.0), (5, 9, 1.0)], 1),
    "percent_b": ("PercentB", C, [(5, 1.5), (20, 2.0)], 1), "bandwidth": ("BollingerBandwidth", C, [(20, 2.0)], 1),
    "chop": ("ChoppinessIndex", HLC, [(2,), (14,)], 1), "ulcer": ("UlcerIndex", C, [(2,), (14,)], 1),
    "mass": ("MassIndex", HL, [(9, 25), (3, 4)], 1), "zscore": ("ZScore", C, [(5,), (20,)], 1),
    "skew": ("Skewness", C, [(5,), (20,)], 1), "kurt": ("Kurtosis", C, [(5,), (20,)], 1),
    "quantile": ("RollingQuantile", C, [(20, 0.3), (7, 1.0)], 1), "median": ("MedianMA", C, [(14,), (7,)], 1),
    "pvt": ("VolumePriceTrend", CV, [()], 1), "nvi": ("NVI", CV, [()], 1), "pvi": ("PVI", CV, [()], 1),
    "cmf": ("ChaikinMoneyFlow", HLCV, [(2,), (20,)], 1), "mfi": ("MFI", HLCV, [(2,), (14,)], 1),
    "vwap": ("VWAP", HLCV, [()], 1), "vwap_rolling": ("RollingVWAP", HLCV, [(2,), (20,)], 1),
    "efi": ("ForceIndex", CV, [(2,), (13,)], 1), "emv": ("EaseOfMovement", HLV, [(14, 1e8), (3, 1e4)], 1),
    "historical_volatility": ("HistoricalVolatility", C, [(20, 252), (5, 365)], PERCENT),
    "parkinson": ("ParkinsonVolatility", HL, [(20, 252), (5, 365)], PERCENT),
    "garman_klass": ("GarmanKlassVolatility", OHLC, [(20, 252), (5, 365)], PERCENT),
    "rogers_satchell": ("RogersSatchellVolatility", OHLC, [(20, 252), (5, 365)], PERCENT),
    "yang_zhang": ("YangZhangVolatility", OHLC, [(20, 252), (5, 365)], PERCENT),
    "atr": ("ATR", HLC, [(14,), (5,)], 1), "kama": ("KAMA", C, [(10, 2, 30), (5, 3, 20)], 1),
}  # fmt: skip
"""Its name, inputs, parameters, and what its unit is in ours."""

BEGUN_OTHERWISE = {
    # Its true range of row 0 is the high less the low, and it begins Wilder's average with that one.
    "chop": 20, "atr": 350, "supertrend": 350, "keltner": 350,
    # Begins with the price of row 0, TA-Lib and we with that of the row before the first value.
    "kama": 350,
}  # fmt: skip
"""Rows until both are one."""


@pytest.mark.parametrize("name", WICKRA)
def test_agrees_with_wickra(name: str) -> None:
    """Its correlation and beta are other things (of changes, of raw prices); TA-Lib's are tested above."""
    wickra = pytest.importorskip("wickra")
    function, inputs, parameters, unit = WICKRA[name]
    for seed in range(3):
        data = bars(seed, 700)
        given = [data[one] for one in inputs]
        for values in parameters:
            theirs = getattr(wickra, function)(*values).batch(*given)
            want = unit * np.array(theirs.tolist() if isinstance(theirs, wickra.Matrix) else theirs)
            want = want[:, ::-1] if name == "aroon" else want  # up and down, ours down and up
            ours = getattr(ti, name)(*given, *values)
            got = np.column_stack(ours) if isinstance(ours, tuple) else ours
            rows = slice(max(BEGUN_OTHERWISE.get(name, 0), np.argmax(~np.isnan(got).reshape(700, -1)[:, 0])), None)
            same(got[rows], want[rows], f"{name} {seed} {values}")


@pytest.mark.parametrize("periods", [(34, 55), (2, 5)])
def test_the_klinger_line_agrees_with_wickra(periods: tuple[int, int]) -> None:
    """It has no signal; with one of a single row, ours begins when theirs does."""
    wickra = pytest.importorskip("wickra")
    for seed in range(3):
        data = bars(seed, 400)
        given = [data[one] for one in HLCV]
        same(ti.kvo(*given, *periods, 1).kvo, wickra.KVO(*periods).batch(*given), "kvo", 1e-7)


@pytest.mark.parametrize("periods", [(9, 26, 52), (3, 5, 9)])
def test_the_ichimoku_cloud_agrees_with_wickra(periods: tuple[int, int, int]) -> None:
    """It counts this row in the rows that spans are drawn ahead, as some charts do; platforms of the tables do not."""
    wickra = pytest.importorskip("wickra")
    data = bars(1, 400)
    theirs = np.array(wickra.Ichimoku(*periods, 26).batch(data["h"], data["l"], data["c"]).tolist())
    ours = np.column_stack(ti.ichimoku(data["h"], data["l"], *periods, 25))
    rows = slice(periods[2] - 1 + 25, None)
    same(ours[rows], theirs[rows, :4])
    assert np.isnan(ours[: rows.start]).all()
