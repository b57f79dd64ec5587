"""The context and its views out of place: in another thread, between hooks, after the run. A typed error, never a wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from tradecore.backtest import engine
from tradecore.backtest.tables import TableStore
from tradecore.errors import StrategyError, StrategyWarning

NAME = "BTCUSDT.SYNTH"

USES: dict[str, Callable[[Any], object]] = {
    "time": lambda ctx: ctx.now_ns,
    "equity": lambda ctx: ctx.equity,
    "book": lambda ctx: ctx.book(NAME),
    "position": lambda ctx: ctx.position(NAME),
    "order": lambda ctx: ctx.buy(NAME, "0.01"),
    "quote": lambda ctx: ctx.quote(NAME, bid=None, ask=None, qty="0.01"),
    "orders": lambda ctx: ctx.orders(),
    "cancel": lambda ctx: ctx.cancel(1),
    "cancel all": lambda ctx: ctx.cancel_all(),
    "timer": lambda ctx: ctx.every("1s", print),
    "alarm": lambda ctx: ctx.at(0, print),
    "follow": lambda ctx: ctx.subscribe(NAME, "trades"),
    "log": lambda ctx: ctx.log("hello"),
    "listed": lambda ctx: ctx.is_listed(NAME),
}


def outcome(use: Callable[[], object]) -> str:
    try:
        return f"returned {use()!r}"
    except BaseException as error:  # a panic is no Exception
        return type(error).__name__


class Sharing(tc.Strategy):
    """Lets another thread use its context while a hook waits for it."""

    is_alone: bool = False

    def on_start(self, ctx: tc.Context) -> None:
        self.book = ctx.book(NAME)
        self.told: set[str] = set()
        self.left = 20

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        if self.is_alone or not self.left:
            return
        self.left -= 1
        other = threading.Thread(target=self.ask, args=(ctx,), daemon=True)
        other.start()
        other.join(60)
        assert not other.is_alive()
        assert ctx.now_ns > 0

    def ask(self, ctx: tc.Context) -> None:
        self.told.update(f"{name}: {outcome(lambda use=use: use(ctx))}" for name, use in USES.items())
        self.told.add(f"kept book: {outcome(lambda: self.book.best_bid)}")


REFUSED = {f"{name}: ContextError" for name in (*USES, "kept book")}


def test_another_thread_is_refused_while_a_hook_runs(market: Path) -> None:
    strategy = Sharing("s", [NAME])
    result = tc.Backtest([strategy], market).run()
    assert strategy.told == REFUSED
    again = tc.Backtest([Sharing("s", [NAME], is_alone=True)], market).run()
    assert again.digest == result.digest, "nothing of it had an effect"


class Kept(tc.Strategy):
    def on_start(self, ctx: tc.Context) -> None:
        self.ctx, self.book = ctx, ctx.book(NAME)

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        ctx.log("")

    def told(self) -> set[str]:
        told = {f"{name}: {outcome(lambda use=use: use(self.ctx))}" for name, use in USES.items()}
        return told | {f"kept book: {outcome(lambda: self.book.best_bid)}"}


def test_between_hooks_and_after_the_run_it_is_refused(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_SPILL_ROWS", 1)
    strategy = Kept("k", [NAME])
    between: list[set[str]] = []

    def spill(self: TableStore, *args: object) -> None:
        between.append(strategy.told())
        moved(self, *args)

    moved = TableStore.spill
    monkeypatch.setattr(TableStore, "spill", spill)
    tc.Backtest([strategy], market).run(progress=lambda *_: None)
    assert between
    assert all(told == REFUSED for told in [*between, strategy.told()])


def test_in_the_hook_of_another_strategy_it_is_refused(market: Path) -> None:
    class Other(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.told: set[str] = set()

        def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
            self.told = self.told or first.told()

    first = Kept("k", [NAME])
    second = Other("o", [NAME])
    tc.Backtest([first, second], market).run()
    assert second.told == REFUSED


@pytest.mark.parametrize("on_error", ["stop_strategy", "stop_run"])
@pytest.mark.parametrize("count", [1, 3])
def test_equity_stays_in_order_when_all_strategies_fail(on_error: Any, count: int, market: Path) -> None:
    """Samples are taken ahead of the last message where nothing happens; the last one came before them."""

    class Fails(tc.Strategy):
        at: int

        def on_start(self, ctx: tc.Context) -> None:
            self.calls = 0
            ctx.every("7ms", self.go)

        def go(self, ctx: tc.Context) -> None:
            self.calls += 1
            if ctx.book(NAME).is_synced:
                ctx.buy(NAME, "0.01")
            if self.calls > self.at:
                raise ValueError("as it should")

    for at in range(0, 40, 3):
        strategies = [Fails(f"f{number}", [NAME], at=at + 5 * number) for number in range(count)]
        try:
            with pytest.warns(StrategyWarning) if on_error == "stop_strategy" else nullcontext():
                result = tc.Backtest(strategies, market, on_error=on_error, sample_interval="1ms").run()
        except StrategyError as error:
            result = error.result
        assert len(result.failures) == (count if on_error == "stop_strategy" else 1)
        assert result.equity["ts"].is_sorted()
        assert float(result.equity["equity"][-1]) == pytest.approx(float(result.net_pnl))
