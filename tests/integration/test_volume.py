"""What a run filled against what the market traded."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, TRADE, columns
from tradecore.instruments import instrument_from_dict

MS = 1_000_000
NAME = "BTCUSDT.TEST"


class Buys(tc.Strategy):
    def on_start(self, ctx: tc.Context) -> None:
        ctx.at(ctx.now_ns + MS, self.buy)

    def buy(self, ctx: tc.Context) -> None:
        ctx.buy(NAME, "1")


def tape(*trades: tuple[int, int]) -> Any:
    rows = [(0, CLEAR, 0, 2, 0, 0), (0, SET, 1, 2, 990, 9_000), (0, SET, -1, 3, 1_010, 9_000)]
    rows += [(ms * MS, TRADE, 1, LAST, 1_010, qty) for ms, qty in trades]
    return columns([*rows, (900 * MS, SET, 1, LAST, 900, 1)])


def ran(instrument: tc.Instrument, data: Any) -> tc.Result:
    return tc.Backtest([Buys("s", [NAME])], {NAME: data}, specs={NAME: instrument}).run()


def test_the_share_of_what_was_traded_is_told(instrument: tc.Instrument, tmp_path: Path) -> None:
    result = ran(instrument, tape((100, 30_000), (200, 10_000)))
    assert result.volumes == {NAME: {"filled": Decimal(1), "traded": Decimal(40), "share": 0.025}}
    assert result.summary()["volumes"] == {NAME: {"filled": "1", "traded": "40", "share": 0.025}}
    assert f"volume share    {NAME}: 2.50%" in str(result)
    assert not [note for note in result.notes if "market traded" in note]
    result.save(tmp_path / "run.tcr")
    assert tc.load_result(tmp_path / "run.tcr").volumes == result.volumes


@pytest.mark.parametrize(("traded", "is_warned"), [(10_000, False), (9_999, True)])
def test_more_than_a_tenth_of_it_is_warned_of(instrument: tc.Instrument, traded: int, is_warned: bool) -> None:
    result = ran(instrument, tape((100, traded)))
    warnings = [note for note in result.notes if "market traded" in note]
    assert len(warnings) == is_warned
    assert all(note.startswith(f"{NAME}: fills of 1 are 10.0% of the 9.999") for note in warnings)
    assert all(note in str(result) for note in warnings)


def test_data_without_trades_says_so(instrument: tc.Instrument) -> None:
    result = ran(instrument, tape())
    assert result.volumes[NAME] == {"filled": Decimal(1), "traded": Decimal(0), "share": None}
    assert f"{NAME}: no trades in the data" in str(result)


def test_a_market_that_ran_ahead_counts_its_trades_once(instrument: tc.Instrument) -> None:
    class Late(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.at(450 * MS, lambda ctx: ctx.buy(NAME, "1"))

    data = tape(*((ms, 1_000) for ms in range(10, 900)))
    other = instrument_from_dict({**instrument.to_dict(), "id": "ETHUSDT.TEST", "base": "ETH"})
    both = {NAME: data, other.id: data}
    specs = {NAME: instrument, other.id: other}
    result = tc.Backtest([Late("s", [NAME, other.id])], both, specs=specs).run()
    assert {volume["traded"] for volume in result.volumes.values()} == {Decimal(890)}
