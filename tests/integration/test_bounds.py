"""Runs with bounds: a low and a high rule of filling beside the chosen one, in one pass over the data."""

from __future__ import annotations

import json
import re
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from conftest import LAST, columns
from tradecore.cli.app import main

INST = "BTCUSDT.SYNTH"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bounds") / "market"
    tc.synthesize_orders(path, events=120_000, seed=8, granularity="50ms", sizes="many")
    return path


class Joiner(tc.Strategy):
    """Joins both sides of the touch again and again, and counts what it is told."""

    def __init__(self, name: str, instruments: list[str]) -> None:
        super().__init__(name, instruments)
        self.seen: list[Decimal] = []

    def on_start(self, ctx: tc.Context) -> None:
        self.quote(ctx)

    def quote(self, ctx: tc.Context) -> None:
        ctx.cancel_all(INST)
        book = ctx.book(INST)
        if book.best_bid is not None and book.best_ask is not None:
            ctx.buy(INST, "0.002", book.best_bid, post_only=True)
            ctx.sell(INST, "0.002", book.best_ask, post_only=True)
        ctx.at(ctx.now_ns + 400_000_000, self.quote)

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.seen.append(fill.qty)


def maker(name: str = "m") -> tc.TouchMaker:
    return tc.TouchMaker(name, [INST], quote_qty="0.002", max_position="0.02", interval="300ms")


def run(strategies: list[Any], market: Path, queue: str = "power(2)", **terms: Any) -> tc.Result:
    venue = tc.SimVenue("SYNTH", queue=queue, latency=tc.Latency(entry="2ms", response="lognormal(2ms, 1.5)"))
    return tc.Backtest(strategies, market, [venue], seed=3, **terms).run()


@pytest.fixture(params=["compiled", "python", "several"])
def strategies(request: pytest.FixtureRequest) -> Any:
    kinds = {
        "compiled": lambda: [maker()],
        "python": lambda: [Joiner("j", [INST])],
        "several": lambda: [Joiner("j", [INST]), maker(), Joiner("k", [INST])],
    }
    return kinds[request.param]


def test_the_chosen_run_is_what_it_is_without_bounds(strategies: Any, market: Path) -> None:
    own = strategies()
    bounded, alone = run(own, market, bounds=True), run(strategies(), market)
    assert bounded.stats.fills > 50
    assert bounded.digest == alone.digest
    assert bounded.fills.equals(alone.fills)
    assert bounded.equity.equals(alone.equity)
    assert bounded.notes == alone.notes
    for strategy in own:
        if isinstance(strategy, Joiner):
            mine = bounded.fills["strategy"].to_list().count(strategy.name)
            assert len(strategy.seen) == mine, "it hears of its own fills alone"


def test_the_high_rule_is_a_run_of_its_own(strategies: Any, market: Path) -> None:
    bounded = run(strategies(), market, bounds=True)
    high = run(strategies(), market, queue="tracked_high")
    assert bounded.bounds is not None
    assert bounded.bounds["high"] == {"USDT": high.net_pnl}
    assert bounded.bounds["low"] != bounded.bounds["high"]


def test_the_bounds_hold_the_run_and_are_told_everywhere(market: Path, tmp_path: Path) -> None:
    result = run([maker()], market, bounds=True)
    assert result.net_pnl_low is not None
    assert result.net_pnl_high is not None
    assert result.net_pnl_low <= result.net_pnl <= result.net_pnl_high
    told = result.summary()
    assert (Decimal(told["net_pnl_low"]), Decimal(told["net_pnl_high"])) == (result.net_pnl_low, result.net_pnl_high)
    assert "by bounds" in str(result)
    low, high = f"{result.net_pnl_low:.4f}", f"{result.net_pnl_high:.4f}"
    page = result.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.search(rf"net profit, by bounds</dt><dd>{low}\d* to {high}\d* USDT", page)
    result.save(tmp_path / "run.tcr")
    loaded = tc.load_result(tmp_path / "run.tcr")
    assert (loaded.net_pnl_low, loaded.net_pnl_high) == (result.net_pnl_low, result.net_pnl_high)
    assert loaded.bounds == result.bounds
    without = run([maker()], market)
    assert (without.net_pnl_low, without.net_pnl_high, without.bounds) == (None, None, None)
    assert without.summary()["net_pnl_low"] is None
    assert "by bounds" not in str(without)


def test_by_the_low_rule_only_trades_fill() -> None:
    inst = tc.Instrument("X.V", kind="linear", base="B", quote="USDT", price_increment="0.1", qty_increment="1")
    kinds = tc.EventKind
    ms = 1_000_000
    rows = [
        (0, kinds.BOOK_SET, 1, 0, 1_000, 5),
        (0, kinds.BOOK_SET, -1, LAST, 1_005, 5),
        (20 * ms, kinds.BOOK_SET, -1, 0, 1_000, 3),  # the other side comes to the order
        (20 * ms, kinds.BOOK_SET, 1, LAST, 1_000, 0),
        (40 * ms, kinds.BOOK_SET, -1, LAST, 990, 3),
    ]
    data = columns([(ts, int(kind), side, flags, price, qty) for ts, kind, side, flags, price, qty in rows])

    class Once(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.at(ctx.now_ns + 1_000_000, lambda ctx: ctx.buy("X.V", 1, "100.0"))

    venue = tc.SimVenue("V", latency=tc.Latency(entry=0, response=0))
    run = tc.Backtest([Once("o", ["X.V"])], {"X.V": data}, [venue], specs=[inst], bounds=True).run()
    assert run.stats.fills == 1
    assert run.bounds is not None
    assert run.bounds["low"] == {"USDT": 0}
    assert run.bounds["high"] == {"USDT": run.net_pnl}
    assert run.net_pnl != 0


def test_a_strategy_that_cannot_be_copied_is_refused_by_name(market: Path) -> None:
    strategy = Joiner("j", [INST])
    strategy.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(tc.errors.InvalidValueError, match=r"strategies\.0: 'j' cannot be copied, which bounds need"):
        run([strategy], market, bounds=True)
    with pytest.raises(tc.errors.InvalidValueError, match="bounds: expected True or False"):
        run([maker()], market, bounds="yes")


def test_bounds_are_asked_for_in_a_configuration_and_on_the_command_line(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"""
[data]
catalog = {json.dumps(str(market))}

[[strategies]]
kind = "touch_maker"
instruments = ["{INST}"]
[strategies.params]
quote_qty = "0.002"
max_position = "0.02"
interval = "300ms"
"""
    plain, asking = tmp_path / "plain.toml", tmp_path / "asking.toml"
    plain.write_text(text)
    asking.write_text("bounds = true\n" + text)
    told = []
    for words in ([str(asking)], [str(plain), "--bounds"], [str(plain)]):
        assert main(["backtest", "--config", *words, "--json", "--quiet"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0]["net_pnl_low"] is not None
    assert told[0]["net_pnl_low"] == told[1]["net_pnl_low"]
    assert told[0]["net_pnl_high"] == told[1]["net_pnl_high"]
    assert told[2]["net_pnl_low"] is None
    assert told[0]["digest"] == told[2]["digest"]
    asking.write_text("bounds = 1\n" + text)
    assert main(["backtest", "--config", str(asking)]) == 2
    assert "bounds" in capsys.readouterr().err
