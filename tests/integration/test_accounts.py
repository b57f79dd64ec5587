"""How the orders of a run's strategies meet: shared and isolated accounts, and a strategy's own orders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, columns

MS = 1_000_000
NAME = "BTCUSDT.TEST"
AT_ONCE = tc.Latency(entry="1ms", response="1ms")


def acting(name: str, steps: dict[int, Callable[[tc.Context], object]]) -> tc.Strategy:
    """A strategy that does something at some of its timer's calls, 10 ms after each other."""

    class Acting(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.calls = 0
            ctx.every("10ms")

        def on_timer(self, ctx: tc.Context, timer: int) -> None:
            steps.get(self.calls, lambda _: None)(ctx)
            self.calls += 1

    return Acting(name, [NAME])


def still() -> Any:
    """Bids 1 @ 99.0, asks 1 @ 101.0, to an end at 1 s."""
    start = [(0, CLEAR, 0, 2, 0, 0), (0, SET, 1, 2, 990, 1_000), (0, SET, -1, 3, 1010, 1_000)]
    return columns([*start, (1_000 * MS, SET, 1, LAST, 900, 1)])


def run(instrument: tc.Instrument, *strategies: tc.Strategy, **settings: Any) -> tc.Result:
    venue = tc.SimVenue("TEST", latency=AT_ONCE, **settings)
    specs = {NAME: instrument}
    return tc.Backtest(list(strategies), {NAME: still()}, [venue], specs=specs, on_error="stop_run").run()


@pytest.mark.parametrize(("accounts", "fills"), [({}, 2), ({"accounts": "shared"}, 2), ({"accounts": "isolated"}, 0)])
def test_two_strategies_that_cross_trade_if_they_share_the_market(
    instrument: tc.Instrument, accounts: dict[str, str], fills: int
) -> None:
    maker = acting("maker", {0: lambda ctx: ctx.buy(NAME, 2, 100)})
    taker = acting("taker", {5: lambda ctx: ctx.sell(NAME, 2, 100)})
    result = run(instrument, maker, taker, **accounts)
    assert len(result.fills) == fills
    if fills:
        mine = result.fills.select("strategy", "side", "price", "qty", "liquidity").rows()
        assert sorted(mine) == [("maker", "buy", 100.0, 2.0, "maker"), ("taker", "sell", 100.0, 2.0, "taker")]


def test_what_one_took_is_gone_for_all_that_share(instrument: tc.Instrument) -> None:
    def bought(**settings: str) -> list[float]:
        first = acting("first", {0: lambda ctx: ctx.buy(NAME, 1)})
        second = acting("second", {5: lambda ctx: ctx.buy(NAME, 1)})
        return run(instrument, first, second, **settings).orders["filled_qty"].to_list()

    assert bought() == [1.0, 0.0]
    assert bought(accounts="isolated") == [1.0, 1.0]


class Quoter(tc.Strategy):
    """Quotes near the touch and takes now and then."""

    ticks: int = 0
    every: tc.Duration = "100ms"

    def on_start(self, ctx: tc.Context) -> None:
        self.calls = 0
        ctx.every(self.every, self.requote)

    def requote(self, ctx: tc.Context) -> None:
        (inst,) = self.instruments
        book, self.calls = ctx.book(inst), self.calls + 1
        if book.best_bid is None or book.best_ask is None:
            return
        away = self.ticks * book.tick_size
        ctx.quote(inst, bid=book.best_bid - away, ask=book.best_ask + away, qty="0.05")
        if self.calls % 7 == 0:
            ctx.buy(inst, "0.4", time_in_force="ioc")


def test_isolated_strategies_fill_as_in_runs_of_their_own(market: Path) -> None:
    """Draws of chance included: ``depletion`` is seeded."""
    names = ["BTCUSDT.SYNTH"]

    def fills(accounts: str, *strategies: tc.Strategy) -> dict[str, pl.DataFrame]:
        venue = tc.SimVenue("SYNTH", queue="depletion", accounts=accounts)  # type: ignore[arg-type]
        table = tc.Backtest(list(strategies), market, [venue], seed=5).run().fills.drop("order_id")
        return {s.name: table.filter(pl.col("strategy") == s.name) for s in strategies}

    def one() -> Quoter:
        return Quoter("one", names)

    def two() -> Quoter:
        return Quoter("two", names, every="70ms")

    together = fills("isolated", one(), two())
    alone = fills("isolated", one()) | fills("shared", two())
    for name, table in alone.items():
        assert table.height > 20
        assert set(table["liquidity"]) == {"maker", "taker"}
        assert together[name].equals(table), name
    shared = fills("shared", one(), two())
    assert not all(shared[name].equals(table) for name, table in alone.items())


@pytest.mark.parametrize(
    ("self_trade", "bid", "offer"),
    [
        (None, ("new", "", 2.0), ("expired", "self_trade", 3.0)),
        ("cancel_newest", ("new", "", 2.0), ("expired", "self_trade", 3.0)),
        ("cancel_oldest", ("expired", "self_trade", 2.0), ("new", "", 3.0)),
        ("cancel_both", ("expired", "self_trade", 2.0), ("expired", "self_trade", 3.0)),
        ("decrement", ("expired", "self_trade", 2.0), ("new", "", 1.0)),
    ],
)
def test_a_strategy_that_crosses_its_own_quote_is_told(
    instrument: tc.Instrument, self_trade: str | None, bid: tuple[Any, ...], offer: tuple[Any, ...]
) -> None:
    told: list[tuple[int, str, str, float]] = []

    class Crosses(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.sent: list[int] = []
            ctx.every("10ms")

        def on_timer(self, ctx: tc.Context, timer: int) -> None:
            if not self.sent:
                self.sent.append(ctx.buy(NAME, 2, 100))
            elif len(self.sent) == 1:
                self.sent.append(ctx.sell(NAME, 3, 100))

        def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
            told.append((order.order_id, order.status.name.lower(), order.reason, order.qty))

    strategy = Crosses("s", [NAME])
    result = run(instrument, strategy, **({} if self_trade is None else {"self_trade": self_trade}))
    assert len(result.fills) == 0
    last = {order: (status, reason, qty) for order, status, reason, qty in told}
    assert [last[order] for order in strategy.sent] == [bid, offer]
