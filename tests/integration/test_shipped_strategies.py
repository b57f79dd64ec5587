"""The shipped strategies that follow bars: they trade as they say, and refuse parameters that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from conftest import LAST, SET, TRADE, Row, cli_json, columns
from tradecore.errors import InvalidValueError
from tradecore.strategies import REGISTRY

SECOND = 1_000_000_000
NAME = "BTCUSDT.TEST"

SHIPPED: list[tuple[type[tc.Strategy], dict[str, Any]]] = [
    (tc.MeanReversion, {"period": 5, "width": 1.0}),
    (tc.MeanReversion, {"period": 5, "mode": "threshold", "threshold_bps": 0.1}),
    (tc.MovingAverageCross, {"fast": 2, "slow": 5}),
    (tc.MovingAverageCross, {"fast": 2, "slow": 5, "average": "ema"}),
    (tc.MomentumReturn, {"lookback": 3, "threshold_bps": 0.1}),
    (tc.MomentumEma, {"fast": 2, "slow": 5, "band_bps": 0.01}),
    (tc.MomentumRsiMacd, {"rsi_period": 4, "fast": 3, "slow": 6, "signal": 3, "rsi_level": 52}),
]


def prices(path: list[float]) -> dict[str, Any]:
    """A trade a second, with a book of a tick around it."""
    rows: list[Row] = []
    for at, price in enumerate(path, start=1):
        ticks, ts = round(price * 10), at * SECOND
        rows += [(ts, tc.EventKind.BOOK_CLEAR, 0, 0, 0, 0), (ts, SET, 1, 0, ticks - 1, 100_000)]
        rows += [(ts, SET, -1, LAST, ticks + 1, 100_000), (ts + 1, TRADE, 1, LAST, ticks, 10)]
    return columns(rows)


def held(cls: type[tc.Strategy], instrument: tc.Instrument, path: list[float], **parameters: Any) -> list[float]:
    """Positions one after the other."""
    strategy = cls("s", [NAME], qty="2", bars="1s", **parameters)
    result = tc.Backtest([strategy], {NAME: prices(path)}, specs=[instrument], on_error="stop_run").run()
    return [qty / 2 for qty in result.positions["position_qty"]]


@pytest.mark.parametrize(("cls", "parameters"), SHIPPED)
def test_it_trades_a_synthetic_market(market: Path, cls: type[tc.Strategy], parameters: dict[str, Any]) -> None:
    strategy = cls("s", ["BTCUSDT.SYNTH"], qty="0.1", bars="200ms", **parameters)
    result = tc.Backtest([strategy], market, on_error="stop_run").run()
    assert len(result.fills) > 4
    assert result.rejected == {}
    assert result.positions["position_qty"].abs().max() == pytest.approx(0.1)


@pytest.mark.parametrize(("cls", "parameters"), SHIPPED)
def test_without_shorts_it_is_never_short(market: Path, cls: type[tc.Strategy], parameters: dict[str, Any]) -> None:
    strategy = cls("s", ["BTCUSDT.SYNTH"], qty="0.1", bars="200ms", allow_short=False, **parameters)
    result = tc.Backtest([strategy], market, on_error="stop_run").run()
    assert len(result.fills) > 0
    assert result.positions["position_qty"].min() >= 0  # type: ignore[operator]


def test_reversion_buys_low_and_leaves_at_the_mean(instrument: tc.Instrument) -> None:
    path = [100.0, 101, 100, 101, 100, 101, 90, 91, 101, 101, 101]
    assert held(tc.MeanReversion, instrument, path, period=5, width=1.5) == [1, 0]
    assert held(tc.MeanReversion, instrument, path, period=5, mode="threshold", threshold_bps=500) == [1, 0]


def test_a_cross_is_traded_once_and_what_lies_above_from_the_start_is_none(instrument: tc.Instrument) -> None:
    up = [float(price) for price in range(100, 120)]
    down = [float(price) for price in range(119, 99, -1)]
    assert held(tc.MovingAverageCross, instrument, up, fast=2, slow=5) == []
    assert held(tc.MovingAverageCross, instrument, up + down, fast=2, slow=5) == [-1]
    assert held(tc.MovingAverageCross, instrument, up + down + up, fast=2, slow=5) == [-1, 1]


@pytest.mark.parametrize(
    ("cls", "parameters"),
    [
        (tc.MomentumReturn, {"lookback": 3}),
        (tc.MomentumEma, {"fast": 2, "slow": 5}),
        (tc.MomentumRsiMacd, {"rsi_period": 4, "fast": 3, "slow": 6, "signal": 3}),
    ],
)
def test_momentum_follows_a_trend_both_ways(
    instrument: tc.Instrument, cls: type[tc.Strategy], parameters: dict[str, Any]
) -> None:
    wobble = [0.3 * np.sin(at) for at in range(30)]
    up = [100 + at**1.3 + wobble[at] for at in range(30)]
    path = [round(price, 1) for price in up + [up[-1] - at**1.3 - wobble[at] for at in range(30)]]
    positions = held(cls, instrument, path, **parameters)
    assert positions[0] == 1
    assert -1 in positions


def test_instruments_do_not_disturb_each_other(instrument: tc.Instrument) -> None:
    other = tc.Instrument(
        "ETHUSDT.TEST", kind="linear", base="ETH", quote="USDT", price_increment="0.1", qty_increment="0.001"
    )
    up = [float(price) for price in range(100, 120)]
    both = {NAME: prices(up + up[::-1]), other.id: prices(up[::-1] + up)}
    strategy = tc.MovingAverageCross("s", [NAME, other.id], qty="1", bars="1s", fast=2, slow=5)
    result = tc.Backtest([strategy], both, specs=[instrument, other], on_error="stop_run").run()
    assert dict(result.positions.select("instrument", "position_qty").rows()) == {NAME: -1.0, other.id: 1.0}


@pytest.mark.parametrize(
    ("cls", "parameters", "field"),
    [
        (tc.MeanReversion, {}, "qty"),
        (tc.MeanReversion, {"qty": 0}, "qty"),
        (tc.MeanReversion, {"qty": 1, "bars": "1parsec"}, "bars"),
        (tc.MeanReversion, {"qty": 1, "period": 1}, "period"),
        (tc.MeanReversion, {"qty": 1, "mode": "sometimes"}, "mode"),
        (tc.MeanReversion, {"qty": 1, "width": -1}, "width"),
        (tc.MeanReversion, {"qty": 1, "windth": 1}, "windth"),
        (tc.MovingAverageCross, {"qty": 1, "fast": 30, "slow": 30}, "fast"),
        (tc.MovingAverageCross, {"qty": 1, "average": "wma"}, "average"),
        (tc.MomentumReturn, {"qty": 1, "lookback": 0}, "lookback"),
        (tc.MomentumReturn, {"qty": 1, "threshold_bps": -1}, "threshold_bps"),
        (tc.MomentumEma, {"qty": 1, "fast": 50}, "fast"),
        (tc.MomentumRsiMacd, {"qty": 1, "rsi_level": 40}, "rsi_level"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(cls: type[tc.Strategy], parameters: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        cls("s", [NAME], **parameters)
    assert raised.value.field == field


@pytest.mark.parametrize("kind", list(dict.fromkeys(cls.kind for cls, _ in SHIPPED)))  # type: ignore[attr-defined]
def test_a_configuration_names_it(kind: str, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kind in REGISTRY
    more = ", threshold_bps = 0.1" if kind == "momentum_return" else ""
    (tmp_path / "run.toml").write_text(
        f"""
        [data]
        catalog = "{market}"

        [[strategies]]
        kind = "{kind}"
        instruments = ["BTCUSDT.SYNTH"]
        params = {{ qty = "0.1", bars = "100ms"{more} }}
        """
    )
    shown = cli_json("backtest", "--config", tmp_path / "run.toml", capsys=capsys)
    assert shown["fills"] > 0
