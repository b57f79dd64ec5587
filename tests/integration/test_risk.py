"""Limits, the circuit breaker and the kill switch, on small tapes: what was asked, what came of it."""

from __future__ import annotations

import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scripted
from scripted import MS, NAME, Scripted, rows

import tradecore as tc
from conftest import LAST, SET, TRADE, columns
from tradecore.errors import InvalidValueError
from tradecore.session.kernel import build_kernel
from tradecore.types import RiskCheck

FREE = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), maker_fee_bps=0, taker_fee_bps=0)


@pytest.fixture
def instrument() -> tc.Instrument:
    """A linear perpetual on a 0.1 / 0.001 grid with a lot of 0.01, of any size."""
    grid = {"price_increment": "0.1", "qty_increment": "0.001", "lot_size": "0.01"}
    return tc.Instrument(NAME, kind="linear", base="BTC", quote="USDT", **grid)


def book(*given: tuple[int, int, int, float, float], until: int = 1_000) -> Any:
    """Five at 99 and at 101 from 0 ms on, then what is given."""
    return rows((0, SET, 1, 99, 5), (0, SET, -1, 101, 5), *given, (until, SET, 1, 90, 5))


class Watched(Scripted):
    """Keeps what limits say, too; what was sold counts below 0."""

    def on_start(self, ctx: tc.Context) -> None:
        super().on_start(ctx)
        self.breaches: list[list[tuple[str, str, Decimal, Decimal]]] = []
        self.states: list[tuple[int, str]] = []
        ctx.every("10ms", self.look)

    def look(self, ctx: tc.Context) -> None:
        if not self.states or self.states[-1][1] != ctx.risk.state:
            self.states.append((ctx.now_ns // MS, ctx.risk.state))

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        super().on_order(ctx, order)
        if order.breaches:
            self.breaches.append([(b.check.value, b.scope, b.limit, b.value) for b in order.breaches])

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.filled.append((fill.order_id, fill.price, fill.qty * fill.side))


def run(
    instrument: tc.Instrument, data: Any, risk: tc.RiskLimits | None, *steps: Any, venue: tc.SimVenue = FREE
) -> tuple[Any, tc.Result]:
    return scripted.run(instrument, data, *steps, venue=venue, base=Watched, risk=risk)


def refused(made: Any) -> list[list[str]]:
    """The checks that failed, of each refusal."""
    return [[check for check, *_ in breaches] for breaches in made.breaches]


def test_a_refusal_lists_every_failing_check_and_reaches_on_order(instrument: tc.Instrument) -> None:
    limits = tc.RiskLimits(max_order_qty=1, max_order_notional=150, instruments={NAME: tc.RiskLimits(max_net=120)})
    made, result = run(instrument, book(), limits, lambda ctx: ctx.buy(NAME, 2, 98), lambda ctx: ctx.buy(NAME, 1, 98))
    assert made.told[0] == (10, 1, "REJECTED", "risk")
    assert made.breaches == [
        [
            ("max_order_qty", "account", 1, 2),
            ("max_order_notional", "account", 150, 196),
            ("max_net", "instrument", 120, 196),
        ]
    ]
    assert made.told[1][1:3] == (2, "NEW")
    assert result.rejected == {"risk": 1}
    told = result.risk.refusals
    assert told["check"].to_list() == ["max_order_qty", "max_order_notional", "max_net"]
    assert told["value"].to_list() == [2, 196, 196]
    assert told["name"].to_list() == ["0", "0", NAME]
    assert told["request"].to_list() == ["new"] * 3


@pytest.mark.parametrize("qty", [6, 1.01])
def test_an_order_beyond_its_notional_is_refused_on_margin_too(instrument: tc.Instrument, qty: float) -> None:
    """Another engine lets 600 pass a limit of 100 on the accounts of perpetuals."""
    venue = tc.SimVenue("TEST", latency=FREE.latency, margin="cross", balances={"USDT": 10_000})
    made, _ = run(
        instrument, book(), tc.RiskLimits(max_order_notional=100), lambda ctx: ctx.buy(NAME, qty, 100), venue=venue
    )
    assert made.told == [(10, 1, "REJECTED", "risk")]
    assert refused(made) == [["max_order_notional"]]


@pytest.mark.parametrize(
    ("limits", "steps", "failing"),
    [
        ({"max_position_qty": 2}, [("buy", 2, 98), ("buy", 1, 97)], ["max_position_qty"]),
        ({"max_position_qty": 2}, [("buy", 2, 98), ("sell", 2, 102), ("sell", 1, 103)], ["max_position_qty"]),
        ({"max_position_notional": 200}, [("buy", 2, 98), ("buy", 1, 97)], ["max_position_notional"]),
        ({"max_gross": 200}, [("sell", 2, 103)], ["max_gross"]),
        ({"max_gross_qty": 1}, [("sell", 2, 103)], ["max_gross_qty"]),
        ({"max_net_qty": 1}, [("sell", 2, 103)], ["max_net_qty"]),
        ({"max_leverage": "0.5", "capital": 1000}, [("buy", 5, 98), ("buy", 2, 97)], ["max_leverage"]),
        (
            {"max_margin_use": "0.05", "capital": 1000, "leverage": 10},
            [("buy", 5, 98), ("buy", 2, 97)],
            ["max_margin_use"],
        ),
        ({"max_open_orders": 1}, [("buy", 2, 98), ("buy", 2, 97)], ["max_open_orders"]),
        ({"max_order_rate": "1 per 15ms"}, [("buy", 2, 98), ("buy", 2, 97)], ["max_order_rate"]),
        ({"max_message_rate": "2/s"}, [("buy", 2, 98), ("buy", 2, 97), ("buy", 2, 96)], ["max_message_rate"]),
        ({"collar_touch_bps": 50}, [("buy", 2, 102)], ["collar_touch_bps"]),
        ({"fat_finger_bps": 500}, [("buy", 2, 90)], ["fat_finger_bps"]),
        ({"min_order_notional": 200}, [("buy", 2, 98)], ["min_order_notional"]),
        ({"max_book_age": "5ms"}, [("buy", 2, 98)], ["max_book_age"]),
        ({"max_trades_per_day": 1}, [("buy", 2, 101), ("buy", 2, 98)], ["max_trades_per_day"]),
        ({"max_order_notional": 505}, [("buy", 5, None), ("buy", 6, None)], ["max_order_notional"]),
    ],
)
def test_each_limit_refuses_the_last_order_and_none_before(
    instrument: tc.Instrument, limits: dict[str, Any], steps: list[Any], failing: list[str]
) -> None:
    orders = [lambda ctx, order=order: getattr(ctx, order[0])(NAME, *order[1:]) for order in steps]
    made, result = run(instrument, book(), tc.RiskLimits(**limits), *orders)
    assert refused(made) == [failing]
    assert result.risk.refusals["order_id"].to_list() == [len(steps)]
    free, _ = run(instrument, book(), None, *orders)
    assert not any(reason == "risk" for *_, reason in free.told)


def test_margin_in_use_counts_what_works_by_leverage_and_brackets_and_lets_exits_pass(
    instrument: tc.Instrument,
) -> None:
    margin = {"capital": 1000, "leverage": {"BTCUSDT": 20, "*": 1}, "maintenance": "0.004/0.01 to 200, 0.005/0.1"}
    made, result = run(
        instrument,
        book(),
        tc.RiskLimits(max_margin_use="0.051", **margin),
        lambda ctx: ctx.buy(NAME, 5),
        lambda ctx: ctx.buy(NAME, 2, 98),
        lambda ctx: ctx.buy(NAME, 1, 95),
        lambda ctx: ctx.risk.used_pct,
        lambda ctx: ctx.sell(NAME, 5, 99),
        lambda ctx: ctx.buy(NAME, 2, 98),
        lambda ctx: ctx.risk.used_pct,
    )
    # 500 at the mid ask a tenth of it above 200; 696 with the order beside them, of 1000 less the 5 that the spread cost.
    assert made.breaches[0] == [("max_margin_use", "account", Decimal("0.051"), Decimal("0.069949748743"))]
    assert [order for _, order, _, reason in made.told if reason == "risk"] == [2, 3], "an exit passes"
    assert made.seen[3]["max_margin_use"] == pytest.approx(50 / 995 / 0.051 * 100)
    assert made.filled == [(1, 101.0, 5.0), (4, 99.0, -5.0)]
    assert made.seen[6]["max_margin_use"] == pytest.approx(9.8 / 990 / 0.051 * 100), "a twentieth of 196; 10 were lost"
    (limit,) = result.risk.limits
    assert (limit["check"], limit["limit"], limit["value"]) == ("max_margin_use", Decimal("0.051"), 0)


def test_margin_in_use_is_counted_of_what_is_known_to_ask_it(instrument: tc.Instrument, tmp_path: Path) -> None:
    use = {"max_margin_use": "0.5", "capital": 1000}
    (tmp_path / "brackets.csv").write_text(
        "symbol,notional_floor,notional_cap,initial_rate,maintenance_rate,maintenance_amount\nBTCUSDT,0,,0.5,0.1,\n"
    )
    of_file = tc.RiskLimits(**use, leverage=10, maintenance=f"brackets:{tmp_path / 'brackets.csv'}")
    steps = [lambda ctx: ctx.buy(NAME, 11, 98), lambda ctx: ctx.buy(NAME, 10, 98)]
    made, _ = run(instrument, book(), of_file, *steps)
    assert made.breaches == [[("max_margin_use", "account", Decimal("0.5"), Decimal("0.539"))]]
    tighter, _ = run(
        instrument,
        book(),
        tc.RiskLimits(capital=1000, leverage=10),
        lambda ctx: ctx.risk.tighten(max_margin_use="0.1"),
        lambda ctx: ctx.buy(NAME, 11, 98),
    )
    assert refused(tighter) == [["max_margin_use"]]
    for limits, field in (
        ({"max_margin_use": "0.5", "leverage": 10}, "capital"),
        (use, "leverage"),
        ({**use, "leverage": {"ETHUSDT": 10}}, "leverage"),
        ({**use, "leverage": 10, "maintenance": {"ETHUSDT": "0.01"}}, "maintenance"),
    ):
        with pytest.raises(InvalidValueError, match=rf"risk\.{field}"):
            run(instrument, book(), tc.RiskLimits(**limits))
    for field, value in (("leverage", 0), ("maintenance", "much")):
        with pytest.raises(InvalidValueError) as error:
            tc.RiskLimits(**{"leverage": 10, field: value})
        assert error.value.field == field
    with pytest.raises(InvalidValueError, match="maintenance goes with it"):
        tc.RiskLimits(maintenance="0.01")


def test_no_limit_counts_the_margin_of_options() -> None:
    call = tc.Instrument(
        "BTC-1JAN27-100000-C.TEST",
        kind="option",
        base="BTC",
        quote="USDT",
        price_increment="0.1",
        qty_increment="0.01",
        strike="100000",
        expiry_ns=1_800_000_000_000_000_000,
        option_side="call",
    )
    limits = tc.RiskLimits(max_margin_use=1, capital=1, leverage=1)
    kernel = build_kernel("s", [tc.Strategy("a", [call.id])], [call], risk=limits)
    with pytest.raises(InvalidValueError, match=r"risk\.max_margin_use.*options and binaries"):
        kernel.start(1)


def test_a_window_slides_with_the_kernels_time(instrument: tc.Instrument) -> None:
    orders = [lambda ctx, price=price: ctx.buy(NAME, 2, price) for price in (98, 97, 96, 95)]
    made, _ = run(instrument, book(), tc.RiskLimits(max_order_rate="1 per 20ms"), *orders)
    assert [order for _, order, _, reason in made.told if reason == "risk"] == [2, 4], "what is refused is not counted"


def test_a_price_is_held_against_the_last_trade(instrument: tc.Instrument) -> None:
    data = book((5, TRADE, 1, 100, 1))
    made, _ = run(
        instrument,
        data,
        tc.RiskLimits(collar_last_bps=50),
        lambda ctx: ctx.buy(NAME, 2, 100.6),
        lambda ctx: ctx.buy(NAME, 2, 100.4),
        lambda ctx: ctx.sell(NAME, 2, 99.4),
    )
    assert [row[1] for row in made.told if row[3] == "risk"] == [1, 3]


def test_what_truly_reduces_a_position_passes_when_every_limit_is_full(instrument: tc.Instrument) -> None:
    limits = tc.RiskLimits(
        max_order_qty=2, max_position_qty=2, max_gross=1_000, max_open_orders=2, max_order_rate="3 per 1h"
    )
    made, result = run(
        instrument,
        book(),
        limits,
        lambda ctx: ctx.buy(NAME, 2),
        lambda ctx: ctx.risk.tighten(max_position_qty=1, max_order_qty="0.5", max_order_rate="1 per 1h"),
        lambda ctx: ctx.sell(NAME, 1, 102),
        lambda ctx: ctx.sell(NAME, 1, 103),
        lambda ctx: ctx.sell(NAME, 1, 104),
        lambda ctx: ctx.sell(NAME, 1, 104, reduce_only=True),
    )
    assert [row[1] for row in made.told if row[3] == "risk"] == [4], "a third one would turn the position around"
    assert "max_order_qty" in refused(made)[0]
    assert len(result.orders) == 5


def test_what_only_reduces_opens_nothing_by_what_it_takes_from_others(instrument: tc.Instrument) -> None:
    made, _ = run(
        instrument,
        book(),
        tc.RiskLimits(max_position_qty=4),
        lambda ctx: ctx.buy(NAME, 4),
        lambda ctx: ctx.risk.tighten(max_position_qty=1, max_order_qty=2),
        lambda ctx: ctx.sell(NAME, 3, 102),
        lambda ctx: ctx.sell(NAME, 3, 103, reduce_only=True),
        lambda ctx: ctx.sell(NAME, 2, 103, reduce_only=True),
    )
    # With the first filled behind the second, two would be sold short; its size alone is no matter.
    assert made.breaches == [[("max_position_qty", "strategy", 1, 2)]]
    assert [row[1] for row in made.told if row[3] == "risk"] == [3]


def test_a_replacement_is_held_against_limits_as_the_larger_of_both(instrument: tc.Instrument) -> None:
    slow = tc.SimVenue("TEST", latency=tc.Latency(entry="4ms", response="4ms"))
    made, _ = run(
        instrument,
        book(),
        tc.RiskLimits(max_position_qty=3),
        lambda ctx: ctx.buy(NAME, 1, 98, client_id="a"),
        lambda ctx: (ctx.replace("a", qty=3), ctx.replace("a", qty=1), ctx.buy(NAME, 1, 97)),
        lambda ctx: ctx.replace("a", qty=4),
        lambda ctx: ctx.buy(NAME, 2, 97),
        venue=slow,
    )
    assert [row[1] for row in made.told if row[3] == "risk"] == [2, 1], "3 may be what is there when it fills"
    assert made.told[-1][1:3] == (3, "NEW")


def test_a_cancel_that_loses_its_race_counts_until_it_has_lost(instrument: tc.Instrument) -> None:
    slow = tc.SimVenue("TEST", latency=tc.Latency(entry="4ms", response="4ms"), maker_fee_bps=0, taker_fee_bps=0)
    # The bid at 98 is traded through while its cancel is on its way.
    data = book((22, TRADE, -1, 97, 9))
    made, result = run(
        instrument,
        data,
        tc.RiskLimits(max_position_qty=2),
        lambda ctx: ctx.buy(NAME, 2, 98, client_id="a"),
        lambda ctx: (ctx.cancel("a"), ctx.buy(NAME, 1, 96)),
        lambda ctx: ctx.buy(NAME, 1, 96),
        lambda ctx: ctx.sell(NAME, 2, 103),
        lambda ctx: ctx.sell(NAME, 3, 104),
        venue=slow,
    )
    assert [(order, float(qty)) for order, _, qty in made.filled] == [(1, 2.0)]
    assert [(order, status, reason) for _, order, status, reason in made.told if order == 1] == [
        (1, "NEW", ""),
        (1, "FILLED", ""),
    ]
    # The second while it could still fill, the third because it has, and the last would turn it round by three.
    assert [row[1] for row in made.told if row[3] == "risk"] == [2, 3, 5]
    assert result.final_positions[0]["qty"] == 2


def test_to_ask_changes_nothing(instrument: tc.Instrument) -> None:
    limits = tc.RiskLimits(max_order_rate="1 per 1h", max_position_qty=1)
    made, result = run(
        instrument,
        book(),
        limits,
        lambda ctx: [[b.check for b in ctx.risk.check(NAME, "buy", 2, 98)] for _ in range(3)],
        lambda ctx: ctx.risk.check(NAME, "buy", 1, 98),
        lambda ctx: ctx.buy(NAME, 1, 98),
    )
    assert made.seen[0] == [[RiskCheck.MAX_POSITION_QTY]] * 3
    assert made.seen[1] == ()
    assert made.told[-1][1:3] == (1, "NEW")
    assert not result.risk.refusals.height


def test_limits_are_tightened_by_strategies_and_never_widened(instrument: tc.Instrument) -> None:
    def widen(ctx: tc.Context) -> str:
        with pytest.raises(InvalidValueError) as error:
            ctx.risk.tighten(max_position_qty=3)
        return str(error.value)

    made, _ = run(
        instrument,
        book(),
        None,
        lambda ctx: ctx.risk.tighten(max_position_qty=2),
        widen,
        lambda ctx: ctx.buy(NAME, 3, 98),
        lambda ctx: ctx.buy(NAME, 1, 98),
        lambda ctx: (ctx.risk.limits, ctx.risk.used_pct),
    )
    assert "max_position_qty" in made.seen[1]
    assert "wider" in made.seen[1]
    assert made.breaches == [[("max_position_qty", "strategy", 2, 3)]]
    (limits, used) = made.seen[4]
    assert [(row["check"], row["limit"], row["value"], row["used_pct"]) for row in limits] == [
        ("max_position_qty", 2, 1, 50.0)
    ]
    assert used == {"max_position_qty": 50.0}


def test_limits_that_are_not_reached_change_no_digest(market: Path) -> None:
    def digest(risk: tc.RiskLimits | None) -> str:
        maker = tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.1", max_position="1")
        return tc.Backtest([maker], market, risk=risk).run().digest

    wide = tc.RiskLimits(max_position_qty=1_000, max_gross=10**9, max_order_rate=10**6, collar_touch_bps=1_000)
    assert digest(None) == digest(wide)


def test_a_daily_loss_flattens_through_a_thin_book(instrument: tc.Instrument, tmp_path: Path) -> None:
    # Bought five at 101; the bid falls to 90, where one is bid for at a time.
    data = book(
        (100, SET, 1, 99, 0),
        (100, SET, 1, 90, 1),
        (250, SET, 1, 90, 2),
        (350, SET, 1, 89, 5),
        until=900,
    )
    made, result = run(
        instrument,
        data,
        tc.RiskLimits(max_daily_loss=25, on_trip="flatten"),
        lambda ctx: ctx.buy(NAME, 5),
        lambda ctx: ctx.sell(NAME, 5, 110, reduce_only=True),
    )
    trips = result.risk.trips
    assert trips["check"].to_list() == ["max_daily_loss"]
    assert trips["does"].to_list() == ["flatten"]
    sold = [(price, qty) for _, price, qty in made.filled if qty < 0]
    assert sum(qty for _, qty in sold) == -5
    assert len(sold) > 1
    assert sold[0] == (90.0, -1.0)
    assert made.told
    assert result.final_positions[0]["qty"] == 0
    assert [state for _, state in made.states] == ["active", "reducing", "halted"]
    assert result.orders.filter(order_id=2)["status"].to_list() == ["cancelled"]
    ns = trips["ts"].dt.timestamp("ns")[0]
    value = tc.backtest.text.plain(trips["value"][0])
    told = f"account 0: stopped by max_daily_loss 1 time, first at {ns} ns: {value} of 25 (on_trip flatten)"
    assert told in result.notes
    page = result.report(tmp_path / "run.html").read_text("utf-8")
    assert "<th>does</th>" in page
    assert f'<td>flatten</td><td class="n">{value}</td><td class="n">25</td>' in page


def test_a_loss_is_seen_on_the_mark_without_any_order(instrument: tc.Instrument) -> None:
    data = book((100, SET, 1, 99, 0), (100, SET, 1, 80, 5), until=500)
    made, result = run(
        instrument,
        data,
        tc.RiskLimits(max_drawdown=20),
        lambda ctx: ctx.buy(NAME, 2),
        lambda ctx: ctx.buy(NAME, 1, 98),
        *[lambda ctx: None] * 12,
        lambda ctx: ctx.buy(NAME, 1, 79),
        lambda ctx: ctx.sell(NAME, 2, 102),
    )
    assert result.risk.trips["ts"].dt.timestamp("ms").to_list() == [100]
    assert (100, "CANCELLED") in [(ms, status) for ms, _, status, _ in made.told], "what would add is cancelled"
    assert [row[1] for row in made.told if row[2] == "REJECTED"] == [3]
    assert "breaker" in refused(made)[0]
    assert "max_drawdown" in refused(made)[0]
    assert result.orders.filter(order_id=4)["status"].to_list() == ["new"], "what reduces passes"


def test_a_flash_crash_trips_the_breaker_which_resumes(instrument: tc.Instrument) -> None:
    data = book((100, SET, 1, 99, 0), (100, SET, 1, 80, 5), (110, SET, 1, 99, 5), until=900)
    orders = [lambda ctx: ctx.buy(NAME, 1, 70, client_id=None)] * 45
    limits = tc.RiskLimits(trip_jump_bps="300 per 50ms", cooldown="200ms", auto_resume=True)
    made, result = run(instrument, data, limits, *orders)
    assert result.risk.trips["check"].to_list() == ["trip_jump_bps", "resumed"]
    assert result.risk.trips["ts"].dt.timestamp("ms").to_list() == [100, 300]
    refused_at = [row[0] for row in made.told if row[2] == "REJECTED"]
    assert refused_at == list(range(100, 300, 10))


@pytest.mark.parametrize(
    ("limits", "rows_", "at"),
    [
        ({"trip_spread_bps": 300}, [(100, SET, -1, 101, 0.0), (100, SET, -1, 110, 5.0)], 100),
        ({"trip_silence": "300ms"}, [], 300),
    ],
)
def test_the_market_as_such_trips_the_breaker(
    instrument: tc.Instrument, limits: dict[str, Any], rows_: list[Any], at: int
) -> None:
    made, result = run(instrument, book(*rows_), tc.RiskLimits(**limits))
    assert result.risk.trips["ts"].dt.timestamp("ms").to_list()[0] == at
    assert made.states[-1][1] == "reducing"


def late(ns: int) -> Any:
    """A message every 10 ms, of which the venue's stamps fall behind by so much from the fifteenth on."""
    data = rows((0, SET, -1, 101, 5), *[(ms, SET, 1, 99, 5 + ms) for ms in range(10, 300, 10)])
    for stamps in ("ts_event", "ts_recv"):
        data[stamps] += 10**10
    data["ts_event"][15:] -= ns
    return data


def test_a_step_of_the_venues_clock_trips_the_breaker(instrument: tc.Instrument) -> None:
    limits = tc.RiskLimits(trip_clock_jump="1s")
    _, result = run(instrument, late(2 * 10**9), limits)
    (trip,) = result.risk.trips.to_dicts()
    assert (trip["check"], trip["limit"], trip["value"]) == ("trip_clock_jump", 10**9, 2 * 10**9)
    assert result.risk.trips["ts"].dt.timestamp("ms").to_list() == [10_150]
    _, result = run(instrument, late(10**9), limits)
    assert not len(result.risk.trips), "it has moved by no more than it may"


def test_a_step_of_our_own_clock_trips_the_breaker(instrument: tc.Instrument) -> None:
    class Looks(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.states: list[str] = []

        def on_book(self, ctx: tc.Context, book: tc.Book) -> None:
            self.states.append(ctx.risk.state)

    strategy = Looks("l", [NAME])
    risk = tc.RiskLimits(trip_clock_jump="1s", on_trip="halt")
    kernel = build_kernel("clock", [strategy], [instrument], risk=risk, stop_run_on_error=True)
    kernel.start(10**10)
    for ours, venues in [(0, 0), (1, 1), (2, 2), (1, 3), (2, 4)]:
        at = [10**10 + seconds * 10**9 for seconds in (ours, venues)]
        kernel.levels(at[0], 0, at[1], [(99.0, 5.0 + venues)], [(101.0, 5.0)], snapshot=True)
    assert strategy.states == ["active"] * 3 + ["halted"] * 2


class Says:
    """Is of one opinion."""

    model_id = "says"
    latency = "2ms"

    def opinion(self, instrument: str, ts_ns: int, features: Any) -> tuple[int, float, float]:
        return 1, 0.5, 1.0


class Asks(Watched):
    predictor = Says()


def test_an_order_on_a_signal_that_is_too_old_is_refused(instrument: tc.Instrument) -> None:
    ask = lambda ctx: ctx.predict(NAME, [1.0], lifetime="5ms")  # noqa: E731
    buy = lambda ctx: ctx.buy(NAME, 1, 98)  # noqa: E731
    sell = lambda ctx: ctx.sell(NAME, 1, 110, reduce_only=True)  # noqa: E731
    take = lambda ctx: ctx.buy(NAME, 1, 101)  # noqa: E731
    steps = (buy, ask, take, buy, sell, ask, buy)
    limits = tc.RiskLimits(max_signal_age="15ms")
    made, result = scripted.run(instrument, book(), *steps, venue=FREE, base=Asks, risk=limits)
    assert made.breaches == [[("max_signal_age", "account", 15 * MS, 20 * MS)]]
    refused = [order for _, order, _, reason in made.told if reason == "risk"]
    assert refused == [3], "before there was a signal, on a fresh one, and to reduce they pass"
    assert len(result.orders) == 5


def test_refusals_of_the_venue_trip_the_breaker(instrument: tc.Instrument) -> None:
    crossing = [lambda ctx: ctx.buy(NAME, 2, 102, post_only=True)] * 4
    made, result = run(instrument, book(), tc.RiskLimits(trip_reject_rate="3 per 1s", on_trip="halt"), *crossing)
    assert [row[3] for row in made.told] == ["post_only_would_cross"] * 3 + ["risk"]
    assert result.risk.trips["check"].to_list() == ["trip_reject_rate"]


def test_losses_in_a_row_are_round_trips(instrument: tc.Instrument) -> None:
    trip = [lambda ctx: ctx.buy(NAME, 2), lambda ctx: ctx.sell(NAME, 1), lambda ctx: ctx.sell(NAME, 1)]
    made, result = run(instrument, book(), tc.RiskLimits(max_consecutive_losses=2), *trip, *trip, *trip)
    assert next(row[1] for row in made.told if row[3] == "risk") == 7
    assert result.risk.trips["check"].to_list() == ["max_consecutive_losses"]


def test_a_day_begins_when_it_is_said_to(instrument: tc.Instrument) -> None:
    data = book(until=1_000)
    trade = [lambda ctx: ctx.buy(NAME, 1), lambda ctx: ctx.buy(NAME, 1)] * 3
    made, _ = run(instrument, data, tc.RiskLimits(max_trades_per_day=1, day_begins="35ms"), *trade)
    assert [row[1] for row in made.told if row[3] == "risk"] == [2, 3, 5, 6]


def test_the_kill_switch_closes_everything_and_stays(instrument: tc.Instrument) -> None:
    data = book((150, SET, 1, 99, 1), (260, SET, 1, 98, 5), until=900)
    made, result = run(
        instrument,
        data,
        None,
        lambda ctx: ctx.buy(NAME, 5),
        lambda ctx: ctx.sell(NAME, 1, 110),
        *[lambda ctx: None] * 14,
        lambda ctx: ctx.risk.kill(),
        *[lambda ctx: None] * 30,
        lambda ctx: ctx.sell(NAME, 1, 110),
    )
    assert [(price, qty) for _, price, qty in made.filled] == [(101.0, 5.0), (99.0, -1.0), (98.0, -4.0)]
    assert [state for _, state in made.states] == ["active", "reducing", "halted"]
    assert made.told[-1][2:] == ("REJECTED", "killed")
    assert result.orders.filter(order_id=2)["status"].to_list() == ["cancelled"]
    assert result.final_positions[0]["qty"] == 0


def test_limits_of_what_is_not_there_are_refused(instrument: tc.Instrument) -> None:
    for scope in ("venues", "instruments", "strategies"):
        limits = tc.RiskLimits(**{scope: {"nope": tc.RiskLimits(max_order_qty=1)}})
        with pytest.raises(InvalidValueError, match=rf"risk\.{scope}\.nope"):
            run(instrument, book(), limits)
    with pytest.raises(InvalidValueError, match=r"risk\.capital"):
        run(instrument, book(), tc.RiskLimits(max_leverage=2))
    with pytest.raises(InvalidValueError, match="expected RiskLimits"):
        run(instrument, book(), {"max_order_qty": 1})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_order_qty", -1),
        ("max_order_qty", "many"),
        ("max_open_orders", 2.5),
        ("max_order_rate", "1 per"),
        ("trip_jump_bps", 100),
        ("max_book_age", 5),
        ("synced_book", "yes"),
        ("on_trip", "panic"),
        ("cooldown", "soon"),
        ("risk_per_trade_pct", 0),
    ],
)
def test_a_bad_limit_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidValueError) as error:
        tc.RiskLimits(**{field: value})
    assert error.value.field == field


def test_a_result_with_limits_is_whole_wherever_it_goes(instrument: tc.Instrument, tmp_path: Path) -> None:
    _, result = run(instrument, book(), tc.RiskLimits(max_order_qty=1), lambda ctx: ctx.buy(NAME, 2, 98))
    result.save(tmp_path / "run.tcr")
    for again in (pickle.loads(pickle.dumps(result)), tc.load_result(tmp_path / "run.tcr")):
        assert again.risk.limits == result.risk.limits
        assert again.risk.refusals.equals(result.risk.refusals)
    assert result.risk.limits[0]["check"] == "max_order_qty"


def test_a_journal_with_limits_is_fed_back_to_the_same_decisions(instrument: tc.Instrument) -> None:
    limits = tc.RiskLimits(max_daily_loss=25, on_trip="flatten", max_order_qty=5)
    data = book((100, SET, 1, 99, 0), (100, SET, 1, 90, 1), (350, SET, 1, 89, 5), until=900)
    steps = (lambda ctx: ctx.buy(NAME, 5), lambda ctx: ctx.buy(NAME, 6, 98))

    class Steps(Scripted):
        def steps(self) -> tuple[Any, ...]:
            return steps

    made = Steps("s", [NAME])
    result = tc.Backtest([made], {NAME: data}, [FREE], specs={NAME: instrument}, risk=limits, record=True).run()
    again = tc.replay(result.journal, [Steps("s", [NAME])], result.instruments, risk=limits)
    assert (again.diverged_ns, again.digest) == (None, result.digest)
    assert again.refusals.height == 1
    assert again.trips.equals(result.trips)


def test_a_spread_that_widens_around_its_mid_trips(instrument: tc.Instrument) -> None:
    wide = [(SET, 1, 0, 99, 0), (SET, -1, 0, 101, 0), (SET, 1, 0, 90, 5), (SET, -1, LAST, 110, 5)]
    begin = [(0, SET, 1, LAST, 990, 5_000), (0, SET, -1, LAST, 1_010, 5_000)]
    later = [(100 * MS, kind, side, flags, price * 10, qty * 1_000) for kind, side, flags, price, qty in wide]
    end = (500 * MS, SET, 1, LAST, 800, 1_000)
    _, result = run(instrument, columns([*begin, *later, end]), tc.RiskLimits(trip_spread_bps=300))
    assert result.risk.trips["ts"].dt.timestamp("ms").to_list() == [100]
    assert result.risk.trips["check"].to_list() == ["trip_spread_bps"]


def test_a_finger_is_fat_without_a_book_too(instrument: tc.Instrument) -> None:
    trades = rows(*[(ms, TRADE, 1, 100, 1) for ms in range(0, 200, 5)])
    limits = tc.RiskLimits(fat_finger_bps=500)
    made, _ = run(instrument, trades, limits, lambda ctx: ctx.buy(NAME, 1, 90), lambda ctx: ctx.buy(NAME, 1, 99))
    assert [breach[0][0] for breach in made.breaches] == ["fat_finger_bps"]


@pytest.mark.parametrize("others", [None, tc.RiskLimits(max_order_qty=10)])
def test_limits_that_are_tightened_late_count_from_then_on(
    instrument: tc.Instrument, others: tc.RiskLimits | None
) -> None:
    data = book((50, SET, -1, 101, 0), (50, SET, 1, 99, 0), (50, SET, 1, 89, 5), (50, SET, -1, 91, 5))
    steps = [
        lambda ctx: ctx.buy(NAME, 2),
        *[lambda ctx: None] * 8,
        lambda ctx: ctx.risk.tighten(max_drawdown=5, max_daily_loss=5),
        lambda ctx: ctx.buy(NAME, "0.01", 80),
    ]
    made, result = run(instrument, data, others, *steps)
    assert result.net_pnl < -5, "as much was lost before"
    assert (made.breaches, len(result.risk.trips)) == ([], 0)


def test_a_halt_ends_executions_before_they_are_refused(instrument: tc.Instrument) -> None:
    data = book((200, SET, 1, 99, 0), (200, SET, 1, 80, 5))
    work = {"duration": "800ms", "slices": 40}
    steps = [lambda ctx: ctx.buy(NAME, 2), lambda ctx: ctx.execute("twap", NAME, "buy", 2, **work)]
    made, result = run(instrument, data, tc.RiskLimits(max_daily_loss=5, on_trip="halt"), *steps)
    assert made.states[-1][1] == "halted"
    (execution,) = result.executions.to_dicts()
    assert execution["state"] == "cancelled"
    assert len(result.risk.refusals) == 0


def test_what_is_counted_in_two_currencies_is_told_twice(instrument: tc.Instrument) -> None:
    other = tc.Instrument(
        "ETHBTC.TEST", kind="linear", base="ETH", quote="BTC", price_increment="0.1", qty_increment="0.001"
    )

    class Idle(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.at(10 * MS, lambda ctx: ctx.buy(NAME, 1))

    data = {NAME: book(), other.id: book()}
    made = tc.Backtest(
        [Idle("i", list(data))], data, [FREE], specs=[instrument, other], risk=tc.RiskLimits(max_gross=500)
    )
    values = [limit["value"] for limit in made.run().risk.limits]
    assert sorted(values) == [0, 100]


def test_a_side_of_many_is_one_or_minus_one(instrument: tc.Instrument) -> None:
    sides, prices = np.array([1, 0], np.int8), np.array([900, 900])
    made, _ = run(
        instrument,
        book(),
        tc.RiskLimits(max_order_qty=1),
        lambda ctx: raised(lambda: ctx.risk.check_many(NAME, sides, prices, prices)),
    )
    assert made.seen == ["sides: 0 at 1, expected 1 or -1"]


def raised(act: Any) -> str:
    with pytest.raises(InvalidValueError) as caught:
        act()
    return str(caught.value)


class Follower(tc.Strategy):
    """Hears of every message, and does nothing."""

    def on_book(self, ctx: tc.Context, book: tc.Book) -> None:
        pass


@pytest.mark.parametrize("on_trip", ["reduce", "flatten"])
def test_losses_trip_at_the_same_message_whether_or_not_anybody_follows_the_markets(
    tmp_path: Path, on_trip: str
) -> None:
    names = ["BTCUSDT.SYNTH", "ETHUSDT.BINANCE"]
    for at, (name, price, qty) in enumerate(zip(names, ("60000", "3000"), ("0.8", "10"), strict=True)):
        tc.synthesize(tmp_path, events=30_000, seed=at, instrument=name, start_price=price, typical_qty=qty)
    began = int(next(tc.Catalog(tmp_path).stream(names[0]))["ts_recv"][0])
    # A day begins 15 seconds into the data.
    day_begins = (began + 15_000 * MS) % (86_400_000 * MS)
    limits = tc.RiskLimits(
        max_drawdown=4,
        max_daily_loss=30,
        max_leverage=3,
        capital=1_000,
        on_trip=on_trip,
        auto_resume=True,
        cooldown="300ms",
        day_begins=f"{day_begins}ns",
        strategies={"m0": tc.RiskLimits(max_drawdown=3)},
    )

    def ran(*others: tc.Strategy) -> tc.Result:
        sizes = ("0.01", "0.2")
        makers = [
            tc.TouchMaker(f"m{at}", [name], quote_qty=qty, max_position=qty, interval="50ms")
            for at, (name, qty) in enumerate(zip(names, sizes, strict=True))
        ]
        return tc.Backtest([*makers, *others], tmp_path, risk=limits, on_error="stop_run").run()

    alone, followed = ran(), ran(Follower("f", names))
    assert len(alone.risk.trips.filter(alone.risk.trips["check"] == "max_drawdown")) > 0
    assert alone.risk.trips.equals(followed.risk.trips)
    assert alone.risk.refusals.equals(followed.risk.refusals)
    assert alone.fills.equals(followed.fills)
    assert alone.orders.equals(followed.orders)
