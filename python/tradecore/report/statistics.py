"""Statistics of returns, by the formulas of the literature and without any that the returns do not carry.

Returns are those of equal periods, net of everything. Annual figures take a year of as many periods as are given, of
365 days where time is known: crypto markets do not close.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING

from tradecore._core import equal_within
from tradecore.errors import InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Performance", "performance", "probabilistic_sharpe", "sharpe_of_best_trial"]

_EULER = 0.57721566490153286
_NORMAL = NormalDist()
_BEYOND = 1e100
"""What is no return any more: its fourth power would be beyond all numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Statistics of returns of equal periods. What cannot be said is None, and ``why`` says the reason.

    Returns are fractions of equity where there is a capital, else changes of equity in currency; figures of both kinds
    are named below.

    Examples
    --------
    >>> import numpy as np
    >>> figures = tc.performance(np.array([0.01, -0.02, 0.015, 0.005]), periods_per_year=365)
    >>> round(figures.max_drawdown, 4), round(figures.hit_rate, 2), figures.why["deflated_sharpe"]
    (0.02, 0.75, 'the number of trials was not given')
    """

    periods: int
    """Number of periods."""
    periods_per_year: float
    """Periods in a year."""
    total: float | None
    """All of it: ``prod(1 + r) - 1``; of changes their sum, currency."""
    annual: float | None
    """In a year: ``(1 + total)^(periods_per_year / periods) - 1``; of changes ``mean x periods_per_year``, currency."""
    volatility: float | None
    """``std(r, ddof 1) x sqrt(periods_per_year)``; of changes in currency."""
    sharpe: float | None
    """``mean / std(ddof 1) x sqrt(periods_per_year)``."""
    sortino: float | None
    """``mean / sqrt(mean(min(r, 0)^2)) x sqrt(periods_per_year)``, over all periods."""
    calmar: float | None
    """``annual / max_drawdown``."""
    max_drawdown: float
    """Largest fall from a peak, the start being one: a fraction of it; of changes in currency. Not negative."""
    drawdown_periods: int
    """Periods of the longest time below a peak, to its recovery or the end."""
    var_95: float | None
    """Loss of a period that one in twenty exceeds: minus the 5 % quantile, linear between returns."""
    cvar_95: float | None
    """Mean loss of the periods at and beyond that."""
    skew: float | None
    """Third moment of the returns, of the population: ``m3 / m2^1.5``."""
    kurtosis: float | None
    """Fourth moment, 3 of a normal distribution: ``m4 / m2^2``."""
    hit_rate: float | None
    """Periods of gain over those of gain or loss."""
    profit_factor: float | None
    """Sum of the gains over the sum of the losses."""
    probabilistic_sharpe: float | None
    """Probability that the true Sharpe ratio is above 0, given skew and kurtosis (Bailey and Lopez de Prado 2012)."""
    deflated_sharpe: float | None
    """The same against the best of as many trials without any skill (Bailey and Lopez de Prado 2014)."""
    why: dict[str, str] = field(default_factory=dict)
    """Reasons for the figures that are None, by name."""


def probabilistic_sharpe(
    sharpe: float, periods: int, *, benchmark: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0
) -> float | None:
    """Return the probability that a true Sharpe ratio is above a benchmark.

    ``Phi((SR - SR*) sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2))``; Bailey and Lopez de Prado 2012.

    Parameters
    ----------
    sharpe, benchmark : float
        Of one period, not annualised.
    periods : int
        How many the ratio was measured over.
    skew, kurtosis : float
        Of the returns; the latter is 3 of a normal distribution.

    Returns
    -------
    float or None
        None where the moments say that the ratio has no variance.

    Examples
    --------
    >>> round(tc.probabilistic_sharpe(0.458, 24, skew=-2.448, kurtosis=10.164), 3)
    0.913
    """
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if variance <= 0.0 or periods < 2:
        return None
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt(periods - 1) / math.sqrt(variance))


def sharpe_of_best_trial(trials: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of some trials is expected to have where none has any skill.

    ``sqrt(V) ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e)))``, ``g`` being Euler's constant; 0 of one trial.

    Parameters
    ----------
    trials : int
        How many were tried.
    variance : float
        Of the Sharpe ratios of the trials, of one period.

    Examples
    --------
    >>> round(tc.sharpe_of_best_trial(100, 0.5 / 250), 4)
    0.1132
    """
    if trials <= 1:
        return 0.0
    first, second = -_NORMAL.inv_cdf(1.0 / trials), -_NORMAL.inv_cdf(1.0 / trials / math.e)
    return math.sqrt(variance) * ((1.0 - _EULER) * first + _EULER * second)


def performance(
    returns: Sequence[float] | NDArray[np.float64],
    periods_per_year: float = 365.0,
    *,
    in_currency: bool = False,
    trials: int | None = None,
    trial_variance: float | None = None,
) -> Performance:
    """Return statistics of returns.

    Parameters
    ----------
    returns : float64 (n,)
        Of equal periods, net of fees and funding: fractions of equity, or changes in currency.
    periods_per_year : float
        Periods in a year: 365 of days.
    in_currency : bool
        Whether they are changes of equity in currency: these add up, where fractions multiply.
    trials : int, optional
        How many variants were tried before this one was chosen, for ``deflated_sharpe``.
    trial_variance : float, optional
        Variance of the Sharpe ratios of these trials, each of one period. If not given, that of an estimate over as
        many periods: ``(1 - skew SR + (kurtosis - 1) / 4 SR^2) / (periods - 1)``.

    Raises
    ------
    InvalidValueError
        For returns that are not finite numbers up to 1e100 or lose more than everything, and numbers that are none of
        their kind.

    Examples
    --------
    >>> figures = tc.performance([0.01, -0.02, 0.015, 0.005], periods_per_year=365)
    >>> round(figures.sharpe, 2), round(figures.sortino, 2)
    (3.07, 4.78)
    """
    import numpy as np

    try:
        r = np.asarray(returns, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidValueError("returns", "expected numbers") from None
    if r.ndim != 1 or not (np.abs(r) <= _BEYOND).all():
        raise InvalidValueError("returns", f"expected finite numbers up to {_BEYOND:g} in one dimension")
    if not in_currency and (r < -1.0).any():
        raise InvalidValueError("returns", f"nothing can lose more than all of it, got {r.min():g}")
    if not (math.isfinite(periods_per_year) and periods_per_year > 0):
        raise InvalidValueError("periods_per_year", f"expected a number above 0, got {periods_per_year!r}")
    if trials is not None and (not isinstance(trials, int) or isinstance(trials, bool) or trials < 1):
        raise InvalidValueError("trials", f"expected a whole number from 1 on, got {trials!r}")
    if trial_variance is not None and not (math.isfinite(trial_variance) and trial_variance >= 0):
        raise InvalidValueError("trial_variance", f"expected a number from 0 on, got {trial_variance!r}")

    n, why = len(r), {}
    curve = np.concatenate(([0.0], np.cumsum(r))) if in_currency else np.concatenate(([1.0], np.cumprod(1.0 + r)))
    peaks = np.maximum.accumulate(curve)
    falls = peaks - curve if in_currency else 1.0 - curve / peaks
    # What returns, their sums and products were rounded to is no variation and no fall.
    largest = float(np.abs(r).max(initial=0.0))
    level = float(np.abs(curve).max()) if in_currency else 1.0 + largest
    falls[falls <= equal_within(level, 0.0) * math.sqrt(n)] = 0.0
    drawdown = float(falls.max())

    def say(name: str, value: float | None, missing: str) -> float | None:
        if value is None or not math.isfinite(value):
            why[name] = missing
            return None
        return value

    none = "there are no returns"
    mean = float(r.mean()) if n else 0.0
    deviation = float(r.std(ddof=1)) if n > 1 and float(np.ptp(r)) > equal_within(level, largest) else None
    year = math.sqrt(periods_per_year)
    total = say("total", (float(curve[-1]) if in_currency else float(curve[-1]) - 1.0) if n else None, none)
    beyond = "a year of it is beyond all numbers" if n else none
    annual = say("annual", _annual(float(curve[-1]), mean, n, periods_per_year, in_currency=in_currency), beyond)
    few = "returns do not vary" if n > 1 else "there is one return" if n else none
    ratio = say("sharpe", mean / deviation if deviation else None, few)
    losses = float(np.minimum(r, 0.0).__pow__(2).mean()) if n else 0.0
    no_loss = "no return is a loss" if n else none
    gained, lost = float(r[r > 0].sum()), float(-r[r < 0].sum())
    decided = int((r != 0).sum())
    if n:
        quantile = float(np.quantile(r, 0.05))
        worst = float(r[r <= quantile].mean())
    skew, kurtosis = _moments(r) if deviation else (None, None)
    say("skew", skew, few)
    say("kurtosis", kurtosis, few)
    found = deflated = None
    if ratio is not None and skew is not None and kurtosis is not None:
        found = probabilistic_sharpe(ratio, n, skew=skew, kurtosis=kurtosis)
        if trials is not None:
            variance = trial_variance
            if variance is None:
                variance = max((1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio) / (n - 1), 0.0)
            best = sharpe_of_best_trial(trials, variance)
            deflated = probabilistic_sharpe(ratio, n, benchmark=best, skew=skew, kurtosis=kurtosis)
    return Performance(
        periods=n,
        periods_per_year=float(periods_per_year),
        total=total,
        annual=annual,
        volatility=say("volatility", deviation * year if deviation is not None else 0.0 if n > 1 else None, few),
        sharpe=None if ratio is None else ratio * year,
        sortino=say("sortino", mean / math.sqrt(losses) * year if losses else None, no_loss),
        calmar=say(
            "calmar",
            annual / drawdown if annual is not None and drawdown else None,
            beyond if annual is None else "there is no drawdown",
        ),
        max_drawdown=drawdown,
        drawdown_periods=_longest(falls > 0.0),
        # A loss of 0 is no negative one.
        var_95=say("var_95", 0.0 - quantile if n else None, none),
        cvar_95=say("cvar_95", 0.0 - worst if n else None, none),
        skew=skew,
        kurtosis=kurtosis,
        hit_rate=say("hit_rate", float((r > 0).sum()) / decided if decided else None, "nothing was gained or lost"),
        profit_factor=say("profit_factor", gained / lost if lost else None, no_loss),
        probabilistic_sharpe=say("probabilistic_sharpe", found, few),
        deflated_sharpe=say(
            "deflated_sharpe", deflated, few if trials is not None else "the number of trials was not given"
        ),
        why=why,
    )


def _annual(last: float, mean: float, n: int, periods_per_year: float, *, in_currency: bool) -> float | None:
    if not n:
        return None
    if in_currency:
        return mean * periods_per_year
    try:
        return float(last ** (periods_per_year / n) - 1.0)
    except OverflowError:
        return None


def _moments(r: NDArray[np.float64]) -> tuple[float, float]:
    """Return skew and kurtosis of the population."""
    off = r - r.mean()
    second = float((off**2).mean())
    return float((off**3).mean()) / second**1.5, float((off**4).mean()) / second**2


def _longest(below: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of truths."""
    import numpy as np

    edges = np.flatnonzero(np.diff(np.concatenate(([False], below, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0
