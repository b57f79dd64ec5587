"""The Avellaneda-Stoikov and Guéant-Lehalle-Fernandez-Tapia market maker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tradecore._core import MOST_BINS, MOST_WINDOW
from tradecore.errors import InvalidValueError
from tradecore.strategies.maker import CompiledMaker
from tradecore.strategy import Duration

__all__ = ["AvellanedaStoikov"]

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Window = Annotated[int, Field(ge=1, le=MOST_WINDOW)]


class AvellanedaStoikov(CompiledMaker):
    """Quote both sides around a mid that inventory skews, with parameters measured from the market.

    Prices are in ticks and times in seconds throughout. With volatility ``sigma``, and fills that reach a distance
    ``d`` at the rate ``A exp(-k d)``, the closed form (``model="glft"``, Guéant 2017, arXiv 1605.01862) quotes
    ``half + skew q`` below and ``half - skew q`` above the mid. ``model="avellaneda_stoikov"`` is the formula of 2008
    with a constant time to the horizon. Bids round down, asks up; both stay post-only. Nothing is quoted before
    the first sound estimate, or beyond ``max_position``.

    Parameters
    ----------
    name, instruments
        See :class:`~tradecore.strategy.Strategy`.
    quote_qty : Decimal
        Quantity of each quote.
    max_position : Decimal
        No quote that could take the position beyond this, long or short.
    gamma : float
        Risk aversion, 1 / (tick x q).
    xi : float, optional
        ``gamma`` if not given; 0 for a mean-variance maker.
    delta : float
        What one filled quote adds to the inventory ``q`` of the formula.
    model : "glft" or "avellaneda_stoikov"
        Which of the two formulas quotes.
    horizon_s : float
        Time to the horizon of the 2008 formula.
    interval : duration
        Time between quotes, at least ``1us``; also the step of both estimates.
    volatility_window : int
        Samples of the mid in the volatility estimate.
    volatility_half_life_s : float, optional
        Smoothing of the squared volatility; none if not given.
    sigma_min, sigma_max : float
        Limits of the volatility used, as a fraction of the mid per square root of a second.
    intensity_window : int
        Intervals in the intensity estimate.
    intensity_bins : int
        Distances of the fit.
    bin_ticks : float
        Their spacing.
    fit : "weighted" or "ols"
        Least squares of the log intensity, weighted with the counts or plain.
    sigma : float, optional
        A fixed volatility instead of a measured one, ticks per square root of a second.
    arrival_rate, depth_decay : float, optional
        A fixed ``A`` (1/s) and ``k`` (1/tick) instead of measured ones; both or neither.
    join_touch : bool
        Never quote better than the best price of the own side.

    Examples
    --------
    >>> tc.AvellanedaStoikov("a", ["BTCUSDT.SYNTH"], quote_qty="0.01", max_position="0.1", gamma=0.05)
    AvellanedaStoikov('a', ['BTCUSDT.SYNTH'])
    """

    kind: ClassVar[str] = "avellaneda_stoikov"

    gamma: _Positive = 0.01
    xi: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    delta: _Positive = 1.0
    model: Literal["glft", "avellaneda_stoikov"] = "glft"
    horizon_s: _Positive = 1.0
    interval: Duration = "500ms"
    volatility_window: _Window = 500
    volatility_half_life_s: _Positive | None = 2.0
    sigma_min: Annotated[float, Field(ge=0)] = 0.0
    sigma_max: Annotated[float, Field(gt=0)] = math.inf
    intensity_window: _Window = 120
    intensity_bins: Annotated[int, Field(ge=3, le=MOST_BINS)] = 100
    bin_ticks: _Positive = 1.0
    fit: Literal["weighted", "ols"] = "weighted"
    sigma: _Positive | None = None
    arrival_rate: _Positive | None = None
    depth_decay: _Positive | None = None
    join_touch: bool = False

    def __init__(self, name: str, instruments: Sequence[str], **parameters: Any) -> None:
        super().__init__(name, instruments, **parameters)
        if self.sigma_min > self.sigma_max:
            raise InvalidValueError("sigma_min", f"{self.sigma_min} is more than sigma_max {self.sigma_max}")
        if (self.arrival_rate is None) != (self.depth_decay is None):
            raise InvalidValueError("arrival_rate", "goes together with depth_decay")
