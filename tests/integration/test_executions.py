"""Execution algorithms in runs: what they send, what they come to, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradecore as tc
from conftest import LAST, SET, TRADE, columns
from tradecore.errors import InvalidValueError, OffGridError, UnknownInstrumentError

NAME = "BTCUSDT.SYNTH"
SECOND = 1_000_000_000


class Executor(tc.Strategy):
    """Starts one execution and keeps what is told of it."""

    algorithm: str = "twap"
    side: str = "buy"
    qty: Decimal = Decimal(1)

    def __init__(self, *args: Any, given: Mapping[str, Any], cancel_after: int = 0, **parameters: Any) -> None:
        super().__init__(*args, **parameters)
        self.given, self.cancel_after = dict(given), cancel_after
        self.ended: list[tuple[str, float, float]] = []
        self.seen: list[float] = []

    def on_start(self, ctx: tc.Context) -> None:
        ctx.at(ctx.now_ns + SECOND, self.begin)

    def begin(self, ctx: tc.Context) -> None:
        (instrument,) = self.instruments
        self.execution = ctx.execute(self.algorithm, instrument, self.side, self.qty, **self.given)  # type: ignore[arg-type]
        assert not self.execution.is_done
        assert ctx.executions == [self.execution] == [ctx.execution(self.execution.execution_id)]
        if self.cancel_after:
            ctx.at(ctx.now_ns + self.cancel_after, self.end)

    def end(self, ctx: tc.Context) -> None:
        assert self.execution.cancel()
        assert not self.execution.cancel()

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.seen.append(self.execution.filled)

    def on_execution(self, ctx: tc.Context, execution: Any) -> None:
        assert execution == self.execution
        assert ctx.executions == []
        self.ended.append((execution.state, execution.filled, execution.progress))


def run(market: Any, algorithm: str, qty: str = "1", side: str = "buy", **given: Any) -> tuple[Executor, tc.Result]:
    cancel_after = given.pop("cancel_after", 0)
    specs = given.pop("specs", None)
    name = given.pop("name", NAME)
    strategy = Executor(
        "e", [name], given=given, algorithm=algorithm, side=side, qty=Decimal(qty), cancel_after=cancel_after
    )
    result = tc.Backtest([strategy], market, specs=specs, debug_checks=True).run()
    return strategy, result


def only(result: tc.Result) -> dict[str, Any]:
    (row,) = result.executions.to_dicts()
    return row


WAYS: list[tuple[str, dict[str, Any]]] = [
    ("twap", {"duration": "4s", "slices": 7}),
    ("twap", {"duration": "4s", "slices": 3, "style": "make"}),
    ("vwap", {"duration": "4s", "curve": [1, 3, 0, 2]}),
    ("almgren_chriss", {"duration": "4s", "slices": 5, "risk_aversion": 1e-3, "sigma": 500.0, "eta": 1e-7}),
    ("pov", {"rate": 0.2}),
    ("peg", {"to": "touch"}),
    ("peg", {"to": "mid", "interval": "50ms"}),
    ("sniper", {"size": "0.2"}),
]


@pytest.mark.parametrize(("algorithm", "given"), WAYS)
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_all_of_it_is_filled_and_children_sum_to_it(
    market: Path, algorithm: str, given: dict[str, Any], side: str
) -> None:
    strategy, result = run(market, algorithm, side=side, **given)
    row = only(result)
    assert (row["state"], row["algorithm"], row["side"], row["filled_qty"]) == ("filled", algorithm, side, 1.0)
    assert strategy.ended == [("filled", 1.0, 1.0)]
    fills = result.fills
    assert fills["qty"].sum() == pytest.approx(1)
    assert strategy.seen == pytest.approx(fills["qty"].cum_sum().to_list())
    assert row["children"] == len(result.orders)
    average = (fills["price"] * fills["qty"]).sum() / fills["qty"].sum()
    assert row["average_price"] == pytest.approx(average)
    sign = 1 if side == "buy" else -1
    slippage = 1e4 * sign * (average - row["arrival_price"]) / row["arrival_price"]
    assert row["slippage_bps"] == pytest.approx(slippage)
    assert 0 < row["participation"] < 1
    assert result.orders["filled_qty"].sum() == pytest.approx(1)


@pytest.mark.parametrize("profile", ["BINANCE", "BINANCE_USDM", "BYBIT", "COINBASE", "POLYMARKET", "DERIBIT"])
@pytest.mark.parametrize(("algorithm", "given"), WAYS)
def test_every_way_works_at_every_venue(market: Path, profile: str, algorithm: str, given: dict[str, Any]) -> None:
    """Orders that rest asked the venue to slide them where most refuse such a one that would take."""
    venue = tc.SimVenue.profile(profile, name="SYNTH", latency=tc.Latency(entry="1ms", response="1ms"))
    strategy = Executor("e", [NAME], given=given, algorithm=algorithm, side="buy", qty=Decimal(1))
    row = only(tc.Backtest([strategy], market, [venue], debug_checks=True).run())
    assert (row["state"], row["reason"], row["filled_qty"]) == ("filled", None, 1.0)


@pytest.mark.parametrize(("algorithm", "given"), WAYS)
def test_a_run_is_the_same_again(market: Path, algorithm: str, given: dict[str, Any]) -> None:
    first, second = (run(market, algorithm, **given)[1] for _ in range(2))
    assert first.digest == second.digest
    assert first.executions.equals(second.executions)


def test_a_twap_sends_equal_parts_at_equal_times(market: Path) -> None:
    _, result = run(market, "twap", qty="0.1", duration="3s", slices=3)
    orders = result.orders
    assert orders["qty"].to_list() == pytest.approx([0.034, 0.033, 0.033])
    sent = orders["ts_submit"].cast(pl.Int64)
    assert sent.diff().drop_nulls().to_list() == [SECOND, SECOND]
    assert sent[0] == only(result)["ts_start"].timestamp() * 1e9


def test_a_vwap_follows_its_curve(market: Path) -> None:
    _, result = run(market, "vwap", duration="4s", curve=[10, 20, 5, 15, 50])
    assert result.orders["qty"].to_list() == pytest.approx([0.1, 0.2, 0.05, 0.15, 0.5])


def test_almgren_and_chriss_trade_most_at_first(market: Path) -> None:
    given = {"duration": "4s", "slices": 5, "risk_aversion": 1e-3, "sigma": 500.0, "eta": 1e-7}
    _, result = run(market, "almgren_chriss", **given)
    sent = result.orders["qty"].to_list()
    days = 4 / 86_400
    plan = tc.exec.almgren_chriss(1, days, 5, sigma=500.0, eta=1e-7, risk_aversion=1e-3)
    assert sent == pytest.approx(plan["trades"], abs=0.001)
    assert sent == sorted(sent, reverse=True)
    assert sent[0] > 2 * sent[-1]


def test_a_share_of_the_volume_is_kept(market: Path) -> None:
    _, result = run(market, "pov", qty="500", rate=0.1, duration="10s")
    row = only(result)
    assert row["state"] == "expired"
    assert row["participation"] == pytest.approx(0.1, abs=0.01)


def test_a_cancelled_execution_sends_nothing_more(market: Path) -> None:
    strategy, result = run(market, "twap", duration="10s", slices=10, cancel_after=2 * SECOND + 1)
    assert strategy.ended == [("cancelled", pytest.approx(0.3), pytest.approx(0.3))]
    row = only(result)
    assert len(result.orders) == 3
    assert (row["ts_end"] - row["ts_start"]).total_seconds() == pytest.approx(2, abs=0.1)


def test_a_resting_order_is_cancelled_with_its_execution(market: Path) -> None:
    strategy, result = run(market, "peg", side="buy", limit="59000", cancel_after=SECOND)
    assert strategy.ended == [("cancelled", 0.0, 0.0)]
    assert result.orders["status"].to_list() == ["cancelled"]


def test_the_limit_is_never_passed(market: Path) -> None:
    _, free = run(market, "twap", duration="4s", slices=8)
    limit = only(free)["arrival_price"] // 0.1 / 10
    for given in ({"duration": "4s", "slices": 8}, {"duration": "4s", "slices": 8, "style": "make"}):
        _, result = run(market, "twap", limit=str(round(limit, 1)), **given)
        assert (result.orders["price"] <= limit).all()
        assert (result.fills["price"] <= limit).all()


# --- a market by hand ---------------------------------------------------------------------------------------------


def book(seconds: int, ask_qty: int = 1_000, extra: list[tuple[int, ...]] | None = None) -> dict[str, Any]:
    """A still book of 99.9 x 1 / 100.1 x ask_qty steps, told anew every second."""
    rows = [
        row
        for at in range(1, seconds)
        for row in ((at * SECOND, SET, 1, 0, 999, 1_000), (at * SECOND, SET, -1, LAST, 1001, ask_qty))
    ]
    return columns(sorted([*rows, *(extra or [])], key=itemgetter(0)))  # type: ignore[arg-type]


def at_hand(
    instrument: tc.Instrument, events: dict[str, Any], algorithm: str, **given: Any
) -> tuple[Executor, tc.Result]:
    return run({instrument.id: events}, algorithm, specs=[instrument], name=instrument.id, **given)


@pytest.fixture
def small(instrument: tc.Instrument) -> tc.Instrument:
    """The same without a smallest notional."""
    return tc.Instrument(
        "BTCUSDT.TEST",
        kind="linear",
        base="BTC",
        quote="USDT",
        price_increment="0.1",
        qty_increment="0.001",
        lot_size="0.01",
        min_qty="0.05",
    )


def test_parts_below_the_smallest_order_are_put_together(small: tc.Instrument) -> None:
    _, result = at_hand(small, book(20), "twap", qty="0.29", duration="9s", slices=9)
    sent = result.orders["qty"].to_list()
    assert sum(sent) == pytest.approx(0.29)
    assert min(sent) >= 0.05
    assert len(sent) > 3


def test_parts_are_worth_the_smallest_notional(instrument: tc.Instrument) -> None:
    _, result = at_hand(instrument, book(20, 10_000), "twap", qty="5", duration="9s", slices=9)
    sent = result.orders["qty"].to_list()
    assert sum(sent) == pytest.approx(5)
    assert min(sent) * 100 >= 100
    assert result.rejected == {}


def test_an_iceberg_shows_a_part_at_a_time(small: tc.Instrument) -> None:
    prints = [(at * SECOND + 500_000_000, TRADE, -1, LAST, 990, 400) for at in range(3, 15)]
    _, result = at_hand(small, book(20, extra=prints), "iceberg", qty="1", limit="99.5", display="0.3", post_only=True)
    assert result.orders["qty"].to_list() == pytest.approx([0.3, 0.3, 0.3, 0.1])
    assert only(result)["state"] == "filled"
    assert (result.fills["liquidity"] == "maker").all()


def test_a_sniper_waits_for_its_size(small: tc.Instrument) -> None:
    thick = [(8 * SECOND + 1, SET, -1, LAST, 1001, 900)]
    _, result = at_hand(small, book(20, 400, thick), "sniper", qty="0.8")
    assert result.orders["qty"].to_list() == [0.8]
    sent = result.orders["ts_submit"].cast(pl.Int64)[0]
    assert sent == 8 * SECOND + 1


def test_a_peg_follows_the_market_no_further_than_it_may(small: tc.Instrument) -> None:
    moves = [(at * SECOND + 10, SET, 1, LAST, 999 + at, 500) for at in range(3, 9)]
    ups = [(at * SECOND + 5, SET, -1, LAST, 1001, 0) for at in range(3, 9)]
    asks = [(at * SECOND + 4, SET, -1, LAST, 1100, 500) for at in range(1, 20)]
    still = [(SECOND, SET, 1, 0, 999, 1_000), (SECOND, SET, -1, LAST, 1100, 1_000)]
    events = columns(sorted([*still, *moves, *ups, *asks], key=itemgetter(0)))  # type: ignore[arg-type]
    _, free = at_hand(small, events, "peg", qty="1", limit="100.4")
    assert free.orders["price"].to_list() == [100.4]
    _, few = at_hand(small, events, "peg", qty="1", max_moves=2)
    assert few.orders["replaced"].to_list() == [2]
    assert few.executions["state"].to_list() == ["working"], "it was at work when the run ended"


def test_an_execution_without_liquidity_expires_with_what_it_has(small: tc.Instrument) -> None:
    strategy, result = at_hand(small, book(20, 60), "twap", qty="1", duration="3s", slices=1, limit="100.1")
    assert strategy.ended[0][0] == "expired"
    assert 0 < only(result)["filled_qty"] < 1


def test_cancelling_all_orders_ends_executions(small: tc.Instrument) -> None:
    class Panic(Executor):
        def end(self, ctx: tc.Context) -> None:
            assert ctx.cancel_all() == 1
            assert self.execution.state == "cancelling"

    strategy = Panic("p", [small.id], given={}, algorithm="peg", cancel_after=SECOND)
    result = tc.Backtest([strategy], {small.id: book(10)}, specs=[small]).run()
    assert strategy.ended == [("cancelled", 0.0, 0.0)]
    assert result.orders["status"].to_list() == ["cancelled"]


def test_what_starts_before_anything_is_known_waits_for_a_price(small: tc.Instrument) -> None:
    class Early(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            execution = ctx.execute("twap", small, "buy", 1, duration="5s", slices=2)
            assert execution.arrival_price is None
            assert execution.average_price is execution.slippage_bps is execution.participation is None

    result = tc.Backtest([Early("early", [small.id])], {small.id: book(20)}, specs=[small]).run()
    row = only(result)
    assert (row["state"], row["arrival_price"], row["children"]) == ("filled", 100.0, 2)


def test_orders_that_are_always_refused_fail_the_execution(small: tc.Instrument, tmp_path: Path) -> None:
    """It is to buy, only to make a position smaller that there is none of."""
    strategy, result = at_hand(small, book(30), "twap", duration="20s", slices=40, reduce_only=True)
    assert strategy.ended[0][0] == "failed"
    assert only(result)["reason"] == "reduce_only"
    assert "<td>failed: reduce_only</td>" in result.report(tmp_path / "run.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("algorithm", "given", "field"),
    [
        ("twpa", {}, "algorithm"),
        (7, {}, "algorithm"),
        ("twap", {}, "duration"),
        ("twap", {"duration": 5}, "duration"),
        ("twap", {"duration": "0s"}, "duration"),
        ("twap", {"duration": "5s", "slices": 0}, "slices"),
        ("twap", {"duration": "5s", "slice": 3}, "slice"),
        ("twap", {"duration": "5s", "style": "maker"}, "style"),
        ("vwap", {"duration": "5s"}, "curve"),
        ("vwap", {"duration": "5s", "curve": [0, 0]}, "curve"),
        ("vwap", {"duration": "5s", "curve": [1, -1]}, "curve"),
        ("vwap", {"duration": "5s", "curve": "abc"}, "curve"),
        ("pov", {}, "rate"),
        ("pov", {"rate": 1.0}, "rate"),
        ("pov", {"rate": 0}, "rate"),
        ("iceberg", {"display": "0.1"}, "limit"),
        ("iceberg", {"limit": 100}, "display"),
        ("iceberg", {"limit": 100, "display": 2}, "display"),
        ("iceberg", {"limit": 100, "display": "0.01"}, "display"),
        ("peg", {"to": "last"}, "to"),
        ("peg", {"offset_ticks": -1}, "offset_ticks"),
        ("peg", {"max_moves": 0.5}, "max_moves"),
        ("almgren_chriss", {"duration": "5s"}, "sigma"),
        ("almgren_chriss", {"duration": "5s", "sigma": 1, "eta": 0, "risk_aversion": 1}, "eta"),
        ("sniper", {"size": 2}, "size"),
        ("sniper", {"reduce_only": "yes"}, "reduce_only"),
    ],
)
def test_a_bad_parameter_is_named(small: tc.Instrument, algorithm: Any, given: dict[str, Any], field: str) -> None:
    class Wrong(tc.Strategy):
        def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
            with pytest.raises(InvalidValueError) as raised:
                ctx.execute(algorithm, small, "buy", 1, **given)
            assert raised.value.field == field
            if algorithm == "twpa":
                assert 'did you mean "twap"?' in str(raised.value)
            if field == "slice":
                assert 'did you mean "slices"?' in str(raised.value)
            for qty, error in ((0, InvalidValueError), ("0.04", InvalidValueError), ("0.055", OffGridError)):
                with pytest.raises(error):
                    ctx.execute("pov", small, "buy", qty, rate=0.1)
            with pytest.raises(OffGridError):
                ctx.execute("pov", small, "buy", 1, rate=0.1, limit="100.05")
            with pytest.raises(UnknownInstrumentError):
                ctx.execute("pov", "ETHUSDT.TEST", "buy", 1, rate=0.1)
            assert ctx.executions == []

    result = tc.Backtest([Wrong("w", [small.id])], {small.id: book(3)}, specs=[small], on_error="stop_run").run()
    assert len(result.executions) == 0


def test_a_curve_is_learnt_from_trades() -> None:
    import numpy as np

    hour = 3_600 * SECOND
    ts = np.array([9, 10, 33, 34]) * hour
    curve = tc.exec.volume_curve(ts, np.array([1.0, 2.0, 3.0, 4.0]), start=57 * hour, duration="2h", slices=2)
    assert curve == [4.0, 6.0]
    with pytest.raises(InvalidValueError, match="time of day"):
        tc.exec.volume_curve(ts, np.ones(4), start=0, duration="2h", slices=2)


def test_a_saved_result_keeps_its_executions(market: Path, tmp_path: Path) -> None:
    _, result = run(market, "twap", duration="2s")
    result.save(tmp_path / "run.tcr")
    assert tc.load_result(tmp_path / "run.tcr").executions.equals(result.executions)
