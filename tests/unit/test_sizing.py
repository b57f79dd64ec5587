"""How much to trade, as it is asked for from Python."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import tradecore as tc
from tradecore.errors import InvalidValueError


def test_less_than_the_venue_takes_is_nothing() -> None:
    def sized(capital: int) -> tc.risk.Size:
        return tc.risk.size("BTCUSDT.BINANCE", capital, 60_000, stop=54_000, risk_pct=1)

    # A tenth of the price is lost at the stop, so ten times what may be lost is bought: from 5 on the venue takes it.
    assert sized(60).qty == Decimal("0.0001")
    assert sized(40).qty == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"risk_pct": 0}, "risk_pct: expected a number greater than 0, at most 100.0, got 0.0"),
        ({"volatility": -1.0, "target_volatility": 0.1}, "volatility: expected a number greater than 0, at most "),
    ],
)
def test_a_number_that_must_be_positive_is_asked_for_so(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        tc.risk.size("BTCUSDT.BINANCE", 10_000, 60_000, stop=54_000, **given)
    assert expected in str(caught.value)
