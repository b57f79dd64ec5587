"""Names have limits, told with the value, the limit and the place."""

from __future__ import annotations

from pathlib import Path

import pytest

import tradecore as tc
from tradecore.backtest import engine
from tradecore.errors import InstrumentError, InvalidValueError

NAME = "BTCUSDT.SYNTH"


def instrument(name: str) -> tc.Instrument:
    return tc.Instrument(name, kind="spot", base="BTC", quote="USDT", price_increment="0.1", qty_increment="0.001")


@pytest.mark.parametrize("symbol", ["1" * 78, "語" * 123, "x" * 123])
def test_ids_of_instruments_hold_the_longest_symbols(symbol: str) -> None:
    assert instrument(f"{symbol}.TEST").id == f"{symbol}.TEST"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("x" * 124 + ".TEST", "has 129 characters, at most 128 are possible"),
        ("語" * 5_000 + ".TEST", "has 5005 characters, at most 128 are possible"),
        ("BTC\n.TEST", "has a character that cannot be printed"),
        ("BTC\u202eTDSU.TEST", "has a character that cannot be printed"),
        ("BTC\u200bUSDT.TEST", "has a character that cannot be printed"),
        (" BTC.TEST", "begins or ends with white space"),
        ("", "is empty"),
    ],
)
def test_what_cannot_be_an_id_is_told_shortly(name: str, problem: str) -> None:
    with pytest.raises(InstrumentError) as caught:
        instrument(name)
    assert (caught.value.field, caught.value.problem) == ("id", problem)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("m" * 65, f'"{"m" * 40}..." has 65 characters, at most 64 are possible'),
        ("m\t", '"m\\t" has a character that cannot be printed'),
        ("m ", '"m " begins or ends with white space'),
    ],
)
def test_names_of_strategies(name: str, problem: str) -> None:
    class Plain(tc.Strategy): ...

    with pytest.raises(InvalidValueError) as caught:
        Plain(name, [NAME])
    assert (caught.value.field, caught.value.problem) == ("name", problem)
    assert Plain("m" * 64, [NAME]).name == "m" * 64


def test_names_of_orders_are_limited_and_rows_as_wide_as_they_are(
    market: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty orders with 5,000 characters each once moved 1.4 GB to disk."""

    class Names(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.problems: set[str] = set()
            self.sent = 0

        def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
            for wrong in ("n" * 5_000, "", " n"):
                try:
                    ctx.buy(NAME, "0.01", 1, client_id=wrong)
                except InvalidValueError as error:
                    self.problems.add(str(error))
            if self.sent < 200:
                self.sent += 1
                ctx.buy(NAME, "0.01", 50_000, client_id=f"{self.sent:036}")
                ctx.cancel_all()

    monkeypatch.setattr(engine, "_SPILL_ROWS", 1)
    strategy = Names("n", [NAME])
    result = tc.Backtest([strategy], market).run()
    assert strategy.problems == {
        f'client_id: "{"n" * 40}..." has 5000 characters, at most 36 are possible',
        'client_id: "" is empty',
        'client_id: " n" begins or ends with white space',
    }
    assert len(result.orders) == 200
    assert result.orders["client_id"].to_list() == [f"{number:036}" for number in range(1, 201)]
    folder = result.tables.folder
    assert folder is not None
    assert sum(file.stat().st_size for file in folder.iterdir()) < 200_000
