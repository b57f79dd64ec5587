"""Indicators that TA-Lib lacks against their definitions, written row by row and as slow as that is.

The series have a stretch in which nothing moves and nothing is traded, where ratios are 0 / 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from tradecore._core import indicator_specs

pytestmark = pytest.mark.both

ti = tc.indicators
NAN = math.nan
DAY_NS = 86_400 * 10**9
INPUTS = {spec["name"]: spec["inputs"] for spec in indicator_specs()}


def bars(seed: int, n: int = 220) -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    still = slice(n // 2, n // 2 + 60)
    moves = random.normal(size=n) * 0.02
    moves[still] = 0
    c = 100 * np.exp(np.cumsum(moves))
    o = np.concatenate([c[:1], c[:-1] * np.exp(random.normal(size=n - 1) * 0.003)])
    h, lo = np.maximum(o, c) * np.exp(random.random(n) * 0.01), np.minimum(o, c) * np.exp(-random.random(n) * 0.01)
    v = random.integers(1, 1000, n).astype(float)
    for column in (o, h, lo):
        column[still] = c[still]
    v[still] = 0
    ts = 1_700_000_000 * 10**9 + np.arange(n) * 3600.0 * 10**9
    return {"open": o, "high": h, "low": lo, "close": c, "volume": v, "ts": ts, "x": o, "y": c}


Numbers = Sequence[float] | np.ndarray[Any, Any]


def over(x: Numbers, n: int, of: Callable[[np.ndarray[Any, Any]], float]) -> np.ndarray[Any, Any]:
    """Something of the last n rows; NaN in them gives NaN."""
    x = np.asarray(x, float)
    windows = [x[max(i - n + 1, 0) : i + 1] for i in range(len(x))]
    return np.array([of(one) if len(one) == n and not np.isnan(one).any() else NAN for one in windows])


def sma(x: Numbers, n: int) -> np.ndarray[Any, Any]:
    return over(x, n, np.mean)


def total(x: Numbers, n: int) -> np.ndarray[Any, Any]:
    return over(x, n, np.sum)


def smooth(x: Numbers, n: int, take: float) -> np.ndarray[Any, Any]:
    """An exponential average begun with the mean of the first n numbers."""
    out, begin = [NAN] * len(x), int(np.argmax(~np.isnan(x)))
    for i in range(begin + n - 1, len(x)):
        is_first = i == begin + n - 1
        out[i] = float(np.mean(x[begin : i + 1])) if is_first else out[i - 1] + take * (x[i] - out[i - 1])
    return np.array(out)


def ema(x: Numbers, n: int) -> np.ndarray[Any, Any]:
    return smooth(x, n, 2 / (n + 1))


def wma(x: Numbers, n: int) -> np.ndarray[Any, Any]:
    return over(x, n, lambda window: float(np.average(window, weights=np.arange(1, n + 1))))


def before(x: Numbers, n: int = 1) -> np.ndarray[Any, Any]:
    return np.concatenate([np.full(n, NAN), np.asarray(x, float)[:-n]])


def divide(a: Any, b: Any, of_nothing: float = 0.0) -> np.ndarray[Any, Any]:
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    return np.array([of_nothing if y == 0 else x / y for x, y in zip(a, b, strict=True)])


def true_range(h: Any, lo: Any, c: Any) -> np.ndarray[Any, Any]:
    return np.max([h - lo, abs(h - before(c)), abs(lo - before(c))], axis=0)


def highest(x: Numbers, n: int) -> np.ndarray[Any, Any]:
    return over(x, n, np.max)


def lowest(x: Numbers, n: int) -> np.ndarray[Any, Any]:
    return over(x, n, np.min)


def middle(h: Numbers, lo: Numbers, n: int) -> np.ndarray[Any, Any]:
    return (highest(h, n) + lowest(lo, n)) / 2


def all_or_none(*columns: Any) -> tuple[np.ndarray[Any, Any], ...]:
    """Outputs that begin together."""
    begin = max(int(np.argmax(~np.isnan(column))) for column in columns)
    return tuple(np.where(np.arange(len(column)) < begin, NAN, column) for column in columns)


def supertrend(h: Any, lo: Any, c: Any, n: int, width: float) -> tuple[Any, ...]:
    reach = width * smooth(true_range(h, lo, c), n, 1 / n)
    stops, ways = [NAN] * len(c), [NAN] * len(c)
    last_upper, last_lower, is_up = math.inf, -math.inf, False
    for i in range(n, len(c)):
        upper, lower = (h[i] + lo[i]) / 2 + reach[i], (h[i] + lo[i]) / 2 - reach[i]
        upper = upper if c[i - 1] > last_upper else min(upper, last_upper)
        lower = lower if c[i - 1] < last_lower else max(lower, last_lower)
        is_up = i > n and (c[i] >= lower if is_up else c[i] > upper)
        last_upper, last_lower = upper, lower
        stops[i], ways[i] = (lower, 1) if is_up else (upper, -1)
    return stops, ways


def klinger(h: Any, lo: Any, c: Any, v: Any, fast: int, slow: int, signal: int) -> tuple[Any, ...]:
    price, force = h + lo + c, [NAN] * len(c)
    way, run = 0, 0.0
    for i in range(1, len(c)):
        now = 1 if price[i] > price[i - 1] else -1
        ranges = (h - lo)[i - 1 : i + 1]
        run = run + ranges[1] if now == way and run > 0 else float(sum(ranges))
        way = now
        force[i] = 100 * now * v[i] * abs(2 * (ranges[1] / run - 1)) if run else 0.0
    line = ema(force, fast) - ema(force, slow)
    return all_or_none(line, ema(line, signal))


def strength(c: Any, long: int, short: int) -> Any:
    change = c - before(c)
    return 100 * divide(ema(ema(change, long), short), ema(ema(abs(change), long), short))


def index_of_volume(c: Any, v: Any, counts: Callable[[float, float], bool]) -> list[float]:
    out = [1000.0]
    for i in range(1, len(c)):
        out.append(out[-1] * (c[i] / c[i - 1] if counts(v[i], v[i - 1]) else 1))
    return out


def money_flow(h: Any, lo: Any, c: Any, v: Any) -> Any:
    return divide((c - lo) - (h - c), h - lo) * v


def shape(window: Any, power: int, less: float) -> float:
    away = window - window.mean()
    return float(np.mean(away**power) / np.mean(away**2) ** (power / 2) - less) if np.ptp(window) > 0 else NAN


def bands(c: Any, n: int, std: float) -> tuple[Any, Any]:
    return sma(c, n), std * over(c, n, lambda x: float(np.std(x)) if np.ptp(x) else 0.0)


def garman_klass(o: Any, h: Any, lo: Any, c: Any) -> Any:
    return np.log(h / lo) ** 2 / 2 - (2 * math.log(2) - 1) * np.log(c / o) ** 2


def rogers_satchell(o: Any, h: Any, lo: Any, c: Any) -> Any:
    return np.log(h / c) * np.log(h / o) + np.log(lo / c) * np.log(lo / o)


def yang_zhang(o: Any, h: Any, lo: Any, c: Any, n: int, year: float) -> Any:
    night, day = np.log(o / before(c)), np.log(c / o)
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    variance = over(night, n, lambda x: float(np.var(x, ddof=1))) + k * over(day, n, lambda x: float(np.var(x, ddof=1)))
    return np.sqrt(year * (variance + (1 - k) * sma(rogers_satchell(o, h, lo, c), n)))


def bell(x: Any, n: int, offset: float, sigma: float) -> Any:
    at, width = offset * (n - 1), n / sigma
    weights = [math.exp(-((i - at) ** 2) / (2 * width * width)) for i in range(n)]
    return over(x, n, lambda window: float(np.average(window, weights=weights)))


def since_midnight(h: Any, lo: Any, c: Any, v: Any, ts: Any) -> list[float]:
    out = []
    for i in range(len(c)):
        rows = [j for j in range(i + 1) if ts[j] // DAY_NS == ts[i] // DAY_NS]
        volume = sum(v[j] for j in rows)
        out.append(sum((h[j] + lo[j] + c[j]) / 3 * v[j] for j in rows) / volume if volume else NAN)
    return out


def fractional(c: Any, d: float, tau: float) -> Any:
    """The binomial series of (1 - B)^d over logarithms, up to the first term below tau."""
    terms = [1.0]
    while abs(next_ := -terms[-1] * (d - len(terms) + 1) / len(terms)) >= tau:
        terms.append(next_)
    return over(np.log(c), len(terms), lambda x: float(sum(w * one for w, one in zip(terms, x[::-1], strict=True))))


def weighted(x: Any, span: int) -> tuple[Any, ...]:
    """The mean and the variance of all rows so far with weights (1 - a)^age, that of row 0 without its factor a."""
    a, means, variances = 2 / (span + 1), [], []
    for i in range(len(x)):
        weights = np.array([(1 - a) ** (i - j) * (a if j else 1) for j in range(i + 1)])
        means.append(float(np.dot(weights, x[: i + 1])))
        variances.append(float(np.dot(weights, (x[: i + 1] - means[-1]) ** 2)))
    return means, variances


DEFINITIONS: dict[str, tuple[Callable[..., Any], list[tuple[Any, ...]]]] = {
    "rma": (lambda c, n: smooth(c, n, 1 / n), [(1,), (2,), (14,)]),
    "hma": (lambda c, n: wma(2 * wma(c, n // 2) - wma(c, n), math.isqrt(n)), [(2,), (3,), (16,), (25,)]),
    "zlema": (lambda c, n: ema(2 * c - (before(c, (n - 1) // 2) if n > 2 else c), n), [(1,), (2,), (3,), (20,)]),
    "alma": (bell, [(1, 0.85, 6.0), (9, 0.85, 6.0), (8, 0.0, 2.0)]),
    "vwma": (lambda c, v, n: divide(total(c * v, n), total(v, n), NAN), [(1,), (20,)]),
    "log_return": (lambda c, n: np.log(c / before(c, n)), [(1,), (9,)]),
    "tsi": (strength, [(25, 13), (2, 5), (1, 1)]),
    "ao": (lambda h, lo, a, b: sma((h + lo) / 2, a) - sma((h + lo) / 2, b), [(5, 34), (1, 2)]),
    "dpo": (lambda c, n: before(c, n // 2 + 1) - sma(c, n), [(1,), (20,), (21,)]),
    "supertrend": (supertrend, [(10, 3.0), (1, 1.0), (3, 0.5)]),
    "ichimoku": (
        lambda h, lo, t, k, s, d: all_or_none(
            middle(h, lo, t), middle(h, lo, k), before((middle(h, lo, t) + middle(h, lo, k)) / 2, d), before(middle(h, lo, s), d)
        ),
        [(9, 26, 52, 26), (1, 2, 3, 40), (3, 5, 9, 1)],
    ),
    "vortex": (
        lambda h, lo, c, n: tuple(
            divide(total(abs(way), n), total(true_range(h, lo, c), n)) for way in (h - before(lo), lo - before(h))
        ),
        [(1,), (14,)],
    ),
    "percent_b": (lambda c, n, k: divide(c - bands(c, n, k)[0] + bands(c, n, k)[1], 2 * bands(c, n, k)[1], NAN), [(20, 2.0), (2, 1.0)]),
    "bandwidth": (lambda c, n, k: 2 * bands(c, n, k)[1] / bands(c, n, k)[0], [(20, 2.0), (2, 1.0)]),
    "keltner": (
        lambda h, lo, c, n, a, k: all_or_none(
            *(ema(c, n) + side * k * smooth(true_range(h, lo, c), a, 1 / a) for side in (1, 0, -1))
        ),
        [(20, 10, 2.0), (5, 14, 1.0)],
    ),
    "donchian": (lambda h, lo, n: (highest(h, n), middle(h, lo, n), lowest(lo, n)), [(1,), (20,)]),
    "chop": (
        lambda h, lo, c, n: 100
        * np.log10(divide(total(true_range(h, lo, c), n), highest(h, n) - lowest(lo, n), NAN))
        / math.log10(n),
        [(2,), (14,)],
    ),
    "ulcer": (lambda c, n: np.sqrt(sma((100 * (c / highest(c, n) - 1)) ** 2, n)), [(2,), (14,)]),
    "mass": (lambda h, lo, n, m: total(divide(ema(h - lo, n), ema(ema(h - lo, n), n)), m), [(9, 25), (2, 1)]),
    "historical_volatility": (
        lambda c, n, y: over(np.log(c / before(c)), n, lambda x: float(np.std(x, ddof=1))) * math.sqrt(y),
        [(20, 1.0), (2, 252.0)],
    ),
    "parkinson": (lambda h, lo, n, y: np.sqrt(y * sma(np.log(h / lo) ** 2, n) / (4 * math.log(2))), [(20, 1.0), (1, 252.0)]),
    "garman_klass": (lambda o, h, lo, c, n, y: np.sqrt(y * sma(garman_klass(o, h, lo, c), n)), [(20, 1.0), (3, 252.0)]),
    "rogers_satchell": (lambda o, h, lo, c, n, y: np.sqrt(y * sma(rogers_satchell(o, h, lo, c), n)), [(20, 1.0), (1, 252.0)]),
    "yang_zhang": (yang_zhang, [(20, 1.0), (2, 252.0)]),
    "cmf": (lambda h, lo, c, v, n: divide(total(money_flow(h, lo, c, v), n), total(v, n)), [(1,), (20,)]),
    "vwap": (lambda h, lo, c, v: divide(np.cumsum((h + lo + c) / 3 * v), np.cumsum(v), NAN), [()]),
    "vwap_session": (since_midnight, [()]),
    "vwap_rolling": (lambda h, lo, c, v, n: divide(total((h + lo + c) / 3 * v, n), total(v, n), NAN), [(1,), (20,)]),
    "efi": (lambda c, v, n: ema((c - before(c)) * v, n), [(1,), (13,)]),
    "emv": (
        lambda h, lo, v, n, d: sma(divide(((h + lo) / 2 - before((h + lo) / 2)) * (h - lo), v / d), n),
        [(1, 1e8), (14, 1e4)],
    ),
    "nvi": (lambda c, v: index_of_volume(c, v, lambda now, last: now < last), [()]),
    "pvi": (lambda c, v: index_of_volume(c, v, lambda now, last: now > last), [()]),
    "pvt": (lambda c, v: np.nancumsum(v * (c / before(c) - 1)), [()]),
    "kvo": (klinger, [(34, 55, 13), (2, 3, 1)]),
    "zscore": (lambda c, n: over(c, n, lambda x: float((x[-1] - x.mean()) / x.std()) if np.ptp(x) else 0.0), [(2,), (20,)]),
    "skew": (lambda c, n: over(c, n, lambda x: shape(x, 3, 0)), [(2,), (20,)]),
    "kurt": (lambda c, n: over(c, n, lambda x: shape(x, 4, 3)), [(2,), (20,)]),
    "median": (lambda c, n: over(c, n, np.median), [(1,), (20,), (21,)]),
    "quantile": (lambda c, n, q: over(c, n, lambda x: float(np.quantile(x, q))), [(1, 0.3), (20, 0.25), (7, 1.0)]),
    "fracdiff": (fractional, [(0.4, 1e-2), (0.0, 1e-3), (1.0, 1e-3), (1.7, 1e-3)]),
    "drawdown": (lambda c: c / np.maximum.accumulate(c) - 1, [()]),
    "ewm": (weighted, [(1,), (20,)]),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFINITIONS)
def test_is_what_its_definition_says(name: str) -> None:
    of, parameters = DEFINITIONS[name]
    for seed in range(3):
        data = bars(seed)
        given = [data[one] for one in INPUTS[name]]
        for values in parameters:
            with np.errstate(all="ignore"):
                want = of(*given, *values)
            got = getattr(ti, name)(*given, *values)
            for ours, theirs in zip(*((one if isinstance(one, tuple) else (one,)) for one in (got, want)), strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7, err_msg=f"{name} {seed} {values}")


@pytest.mark.parametrize("price", [0.1, 3.3, 61_583.22, 1e-7])
def test_of_what_never_moves_nothing_deviates(price: float) -> None:
    """Whatever the digits of the price: its mean over a window is the price itself."""
    for n in (3, 7, 20):
        c = np.full(60, price)
        for still in (ti.cci(c, c, c, n), ti.avgdev(c, n), ti.correl(c, c / 3, n), ti.zscore(c, n), ti.beta(c, c, n)):
            assert set(still[n:]) == {0}
        assert np.isnan([ti.skew(c, n), ti.kurt(c, n)]).all()
