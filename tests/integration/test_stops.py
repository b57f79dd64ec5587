"""Stops of positions, on small tapes: where the market went, what fired, and what came of it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import scripted
from scripted import MS, NAME, Scripted

import tradecore as tc
from conftest import LAST, SET, TRADE, columns
from tradecore.config import load_config
from tradecore.errors import ConfigError, InvalidValueError

MARK = int(tc.EventKind.MARK)
FREE = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0), maker_fee_bps=0, taker_fee_bps=0)
SLOW = tc.SimVenue("TEST", latency=tc.Latency(entry="4ms", response="4ms"), maker_fee_bps=0, taker_fee_bps=0)


@pytest.fixture
def instrument() -> tc.Instrument:
    """A linear perpetual on a 0.1 / 0.001 grid with a lot of 0.01, of any size."""
    grid = {"price_increment": "0.1", "qty_increment": "0.001", "lot_size": "0.01"}
    return tc.Instrument(NAME, kind="linear", base="BTC", quote="USDT", **grid)


def tape(
    *moves: tuple[int, float] | tuple[int, float, float],
    others: Iterable[tuple[int, int, int, float, float]] = (),
    until: int = 1_000,
    size: float = 50,
) -> Any:
    """A book a tenth to each side of a mid from each ms on, with so much at its best prices, and single rows."""
    messages: list[tuple[int, list[tuple[int, int, float, float]]]] = []
    before: list[tuple[int, float]] = []
    for ms, mid, *sizes in [*moves, (until, moves[-1][1])]:
        levels = [(1, mid - 0.1), (-1, mid + 0.1)]
        gone = [(SET, side, price, 0.0) for side, price in before if (side, price) not in levels]
        qty = sizes[0] if sizes else size
        messages.append((ms, [*gone, *((SET, side, price, qty) for side, price in levels)]))
        before = levels
    messages += [(ms, [(kind, side, price, qty)]) for ms, kind, side, price, qty in others]
    rows = []
    for ms, told in sorted(messages, key=lambda message: message[0]):
        for at, (kind, side, price, qty) in enumerate(told):
            flags = LAST if at == len(told) - 1 else 0
            exact = round(price * 10**9) if kind == MARK else round(price * 10)
            rows.append((ms * MS, kind, side, flags, exact, round(qty * 1_000)))
    return columns(rows)


def run(
    instrument: tc.Instrument, data: Any, stops: tc.Stops | None, *steps: Any, venue: tc.SimVenue = FREE, **limits: Any
) -> tuple[Any, tc.Result]:
    risk = tc.RiskLimits(stops=stops, **limits)
    return scripted.run(instrument, data, *steps, venue=venue, risk=risk)


def buy(qty: float = 4) -> Any:
    return lambda ctx: ctx.buy(NAME, qty)


def sell(qty: float = 4) -> Any:
    return lambda ctx: ctx.sell(NAME, qty)


def idle(_: tc.Context) -> None:
    """Nothing."""


def fired(result: tc.Result) -> list[tuple[int, str, float | None, float]]:
    """When, what, at which level, and how much it closes."""
    frame = result.risk.stops.select("ts", "stop", "level", "qty").to_dicts()
    return [(round(row["ts"].timestamp() * 1_000), row["stop"], row["level"], row["qty"]) for row in frame]


def held(result: tc.Result) -> Decimal:
    return Decimal(result.final_positions[0]["qty"])


# Where they fire


def test_a_stop_loss_over_a_gap_fills_where_the_market_is(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 99), (200, 90))
    made, result = run(instrument, data, tc.Stops(stop_loss="2%"), buy())
    assert fired(result) == [(200, "stop_loss", pytest.approx(100.1 * 0.98), 4)]
    row = result.risk.stops.to_dicts()[0]
    assert (row["price"], row["position_qty"], row["avg_entry_price"]) == (90, 4, pytest.approx(100.1))
    assert (row["trigger"], row["scope"], row["name"], row["strategy"]) == ("mid", "account", "0", "s")
    assert made.filled[-1] == (2, 89.9, 4), "two percent were lost at once, and eight more in the gap"
    assert result.orders.filter(order_id=2).select("order_type", "reduce_only").row(0) == ("market", True)
    assert held(result) == 0
    told = f"s: stop_loss fired in {NAME} 1 time, first at {200 * MS} ns"
    assert told in result.notes


def test_what_is_short_is_stopped_above(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 90), (200, 101), (300, 102))
    _, result = run(instrument, data, tc.Stops(stop_loss="2%", take_profit="12%"), sell())
    assert fired(result) == [(300, "stop_loss", pytest.approx(99.9 * 1.02), 4)]
    assert held(result) == 0


def test_an_inverse_contract_is_stopped_by_its_price(instrument: tc.Instrument) -> None:
    grid = {"price_increment": "0.1", "qty_increment": "0.001", "lot_size": "0.01"}
    inverse = tc.Instrument(NAME, kind="inverse", base="BTC", quote="USD", **grid)
    data = tape((0, 100), (100, 99), (200, 90))
    _, result = run(inverse, data, tc.Stops(stop_loss="2%", max_loss="0.0003"), buy(1), buy(1))
    # Of 2 contracts at 100.1, 2/99 - 2/100.1 of a coin are lost at 99.
    assert fired(result) == [(200, "stop_loss", pytest.approx(100.1 * 0.98), 2)]
    _, result = run(inverse, data, tc.Stops(stop_loss="2%", max_loss="0.0002"), buy(1), buy(1))
    assert fired(result) == [(100, "max_loss", None, 2)]


def test_a_trailing_stop_follows_the_best_price_since_it_holds(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 104), (200, 110), (300, 108), (400, 107.2), (500, 104), (600, 100))
    _, result = run(instrument, data, tc.Stops(trailing="3%"), buy())
    assert fired(result) == [(500, "trailing", pytest.approx(106.7), 4)]
    _, result = run(instrument, data, tc.Stops(trailing="25 ticks", trailing_from="5%"), buy())
    assert fired(result) == [(400, "trailing", 107.5, 4)]
    _, result = run(instrument, data, tc.Stops(trailing="1%", trailing_from="20%"), buy())
    assert fired(result) == []


def test_a_bus_hears_where_a_stop_moves_and_that_it_fired(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 104), (200, 110), (300, 108), (400, 107.2), (500, 104), (600, 100))
    told: list[Any] = []
    bus = tc.EventBus()
    for kind in (tc.events.StopMoved, tc.events.StopTriggered):
        bus.subscribe(kind, told.append)
    stops = tc.Stops(trailing="3%")
    alone = run(instrument, data, stops, buy())[1]
    result = scripted.run(instrument, data, buy(), venue=FREE, risk=tc.RiskLimits(stops=stops), events=bus)[1]
    assert result.digest == alone.digest
    *moves, last = told
    assert [(event.kind, event.level) for event in moves] == [
        ("trailing", pytest.approx(100.88)),
        ("trailing", pytest.approx(106.7)),
    ]
    assert moves[1].before == moves[0].level
    assert isinstance(last, tc.events.StopTriggered)
    assert (last.kind, last.level, last.qty, last.position_qty) == ("trailing", pytest.approx(106.7), 4, 4)
    assert (last.scope, last.price) == ("account", pytest.approx(104))


def test_a_ladder_closes_shares_and_a_gap_several_rungs(instrument: tc.Instrument) -> None:
    ladder = tc.Stops(take_profit=[("1%", 0.5), ("2%", "0.25"), ("3%", 0.25)])
    data = tape((0, 100), (100, 101.2), (200, 101.5), (300, 104))
    made, result = run(instrument, data, ladder, buy())
    assert [(ms, stop, qty) for ms, stop, _, qty in fired(result)] == [
        (100, "take_profit", 2),
        (300, "take_profit", 1),
        (300, "take_profit", 1),
    ]
    assert [(price, qty) for _, price, qty in made.filled] == [(100.1, 4), (101.1, 2), (103.9, 2)]
    assert held(result) == 0


def test_break_even_gives_nothing_back(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 100.5), (200, 100), (300, 101.2), (400, 100.2), (500, 100))
    _, result = run(instrument, data, tc.Stops(break_even="1%"), buy())
    assert fired(result) == [(500, "break_even", pytest.approx(100.1), 4)]


def test_time_closes_without_any_message(instrument: tc.Instrument) -> None:
    _, result = run(instrument, tape((0, 100)), tc.Stops(time="333ms"), buy())
    assert fired(result) == [(343, "time", None, 4)]
    assert result.risk.stops["price"].to_list() == [100]
    assert held(result) == 0


def test_a_loss_in_money_is_that_of_what_is_open(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 97.6), (200, 97.5))
    _, result = run(instrument, data, tc.Stops(max_loss=10.4), buy())  # type: ignore[arg-type]
    assert fired(result) == [(200, "max_loss", None, 4)]


@pytest.mark.parametrize(("trigger", "at"), [("mid", 300), ("last", 100), ("mark", 200)])
def test_the_price_is_the_one_that_was_asked_for(instrument: tc.Instrument, trigger: Any, at: int) -> None:
    others = [(50, MARK, 0, 100, 0), (50, TRADE, 1, 100.1, 1), (100, TRADE, -1, 99.9, 1), (200, MARK, 0, 99.9, 0)]
    data = tape((0, 100), (300, 99.9), others=others)
    _, result = run(instrument, data, tc.Stops(stop_loss="0.15%", trigger=trigger), *[idle] * 5, buy())
    assert [(ms, stop) for ms, stop, *_ in fired(result)] == [(at, "stop_loss")]
    assert result.risk.stops["trigger"].to_list() == [trigger]
    assert result.risk.stops["price"].to_list() == [99.9]


@pytest.mark.parametrize("trigger", ["last", "mark"])
def test_the_mid_stands_for_what_was_never_told(instrument: tc.Instrument, trigger: Any) -> None:
    _, result = run(instrument, tape((0, 100), (300, 95)), tc.Stops(stop_loss="2%", trigger=trigger), buy())
    assert [(ms, stop) for ms, stop, *_ in fired(result)] == [(300, "stop_loss")]


def test_every_trade_of_a_message_counts(instrument: tc.Instrument) -> None:
    both = [(100 * MS, TRADE, -1, 0, 999, 1_000), (100 * MS, TRADE, 1, LAST, 1_001, 1_000)]
    start = [(0, SET, 1, 0, 999, 50_000), (0, SET, -1, LAST, 1_001, 50_000)]
    data = columns([*start, *both, (500 * MS, SET, 1, LAST, 999, 50_000)])
    _, result = run(instrument, data, tc.Stops(stop_loss="0.15%", trigger="last"), buy())
    assert [(ms, stop) for ms, stop, *_ in fired(result)] == [(100, "stop_loss")]


def test_a_market_without_a_book_is_looked_at_by_its_prints(instrument: tc.Instrument) -> None:
    prints = [(ms * MS, TRADE, 1, LAST, 950 if ms == 200 else 1_000, 5_000) for ms in range(0, 400, 5)]
    _, result = run(instrument, columns(prints), tc.Stops(stop_loss="2%"), buy())
    assert [(ms, stop) for ms, stop, *_ in fired(result)] == [(200, "stop_loss")]


# What they do


def test_a_thin_book_is_asked_again_until_nothing_is_held(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 97, 1), (150, 97, 1), (250, 96.5, 1), (350, 96, 9))
    made, result = run(instrument, data, tc.Stops(stop_loss="2%"), buy())
    assert [row[0] for row in fired(result)] == [100], "it fires once"
    sold = [(price, qty) for order, price, qty in made.filled if order > 1]
    assert len(sold) > 2
    assert sum(qty for _, qty in sold) == 4
    assert held(result) == 0
    assert all(result.orders.filter(side="sell")["reduce_only"])


def test_a_rung_is_closed_in_rounds_and_no_further(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 102, 1), (250, 101.5, 9))
    made, result = run(instrument, data, tc.Stops(take_profit=[("1%", 0.5)]), buy(), idle)
    assert [(price, qty) for _, price, qty in made.filled] == [(100.1, 4), (101.9, 1), (101.4, 1)]
    assert held(result) == 2


def test_what_would_open_the_position_again_is_cancelled_and_refused(instrument: tc.Instrument) -> None:
    seen: list[Any] = []

    class Quotes(Scripted):
        def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
            super().on_order(ctx, order)
            if order.breaches:
                seen.append([(b.check.value, b.scope, b.name) for b in order.breaches])

    data = tape((0, 100), (95, 97, 1), (300, 97, 9))
    steps = [
        buy(),
        lambda ctx: (ctx.buy(NAME, 1, 90), ctx.sell(NAME, 1, 120)),
        *[idle] * 8,
        lambda ctx: ctx.risk.check(NAME, "buy", 1, 95),
        lambda ctx: (
            ctx.buy(NAME, 1, 95),
            ctx.quote(NAME, bid=90, ask=120, qty=1),
            [dict(row) for row in ctx.risk.stops],
        ),
        *[idle] * 30,
        lambda ctx: ctx.buy(NAME, 1, 90),
    ]
    made, result = scripted.run(
        instrument, data, *steps, venue=FREE, base=Quotes, risk=tc.RiskLimits(stops=tc.Stops(stop_loss="2%"))
    )
    ends = {row["order_id"]: (row["status"], row["reason"]) for row in result.orders.to_dicts()}
    assert ends[2] == ends[3] == ("cancelled", "risk"), "orders that only reduce it would be left over"
    assert [breach.check.value for breach in made.seen[10]] == ["stop"]
    assert seen == [[("stop", "account", "0")]] * 3
    assert made.seen[11][2][0]["is_closing"]
    assert result.orders.sort("order_id")[-1]["status"].to_list() == ["new"], "it trades again once nothing is held"
    assert held(result) == 0


def test_a_part_leaves_what_else_works(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 101.5))
    _, result = run(instrument, data, tc.Stops(take_profit=[("1%", 0.5)]), buy(), lambda ctx: ctx.buy(NAME, 1, 90))
    assert result.orders.filter(order_id=2)["status"].to_list() == ["new"]
    assert held(result) == 2


def test_a_new_position_is_watched_anew_and_an_addition_moves_the_level(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 97), (200, 100), (300, 98.6), (400, 97.8), (500, 97))
    steps = [buy(), *[idle] * 19, buy(1), *[idle] * 9, buy(3)]
    _, result = run(instrument, data, tc.Stops(stop_loss="2%"), *steps)
    # 1 at 100.1 and 3 at 98.7 are 99.05 on average.
    assert fired(result) == [
        (100, "stop_loss", pytest.approx(100.1 * 0.98), 4),
        (500, "stop_loss", pytest.approx(99.05 * 0.98), 4),
    ]


def test_a_position_that_turns_is_a_new_one(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 99), (200, 102.5))
    _, result = run(instrument, data, tc.Stops(stop_loss="2%"), buy(), sell(8))
    assert fired(result) == [(200, "stop_loss", pytest.approx(99.9 * 1.02), 4)]


def test_stops_pass_limits_halts_and_pauses(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 99), (200, 90))
    limits = {"max_drawdown": 2, "on_trip": "halt", "max_order_rate": "1 per 1h", "max_order_qty": 4}
    _, result = run(instrument, data, tc.Stops(stop_loss="2%"), buy(), **limits)
    assert result.risk.trips["check"].to_list() == ["max_drawdown"]
    assert fired(result) == [(200, "stop_loss", pytest.approx(100.1 * 0.98), 4)]
    assert held(result) == 0


def spot_of(instrument: tc.Instrument) -> tc.Instrument:
    """The same market for the coin itself."""
    grid = {"price_increment": "0.1", "qty_increment": "0.001", "lot_size": "0.01"}
    return tc.Instrument(instrument.id, kind="spot", base="BTC", quote="USDT", **grid)


@pytest.mark.parametrize("does", ["stop", "flatten", "kill"])
@pytest.mark.parametrize("profile", ["BINANCE", "BYBIT_SPOT", "COINBASE", "POLYMARKET"])
def test_a_position_is_closed_where_the_venue_takes_no_reduce_only_orders(
    instrument: tc.Instrument, profile: str, does: Any
) -> None:
    """Stops, limits that flatten and the kill switch closed nothing at any spot venue, without a word."""
    venue = tc.SimVenue.profile(profile, name="TEST", latency=tc.Latency(entry=0, response=0), fee_currency="USDT")
    spot = spot_of(instrument)
    data = tape((0, 100), (25, 97), size=50)
    if does == "stop":
        _, result = run(spot, data, tc.Stops(stop_loss="2%"), buy(), idle, venue=venue)
    elif does == "flatten":
        _, result = run(spot, data, None, buy(), idle, venue=venue, max_daily_loss=5, on_trip="flatten")
    else:
        _, result = run(spot, data, None, buy(), idle, lambda ctx: ctx.risk.kill(), venue=venue)
    assert result.fills["position_qty"].to_list() == [4.0, 0.0]
    assert not result.rejected


@pytest.mark.parametrize("does", ["stop", "kill"])
@pytest.mark.parametrize("profile", ["BINANCE", None])
def test_what_fees_have_taken_of_a_position_is_not_sold(
    instrument: tc.Instrument, profile: str | None, does: str
) -> None:
    """Of 4 that were bought the venue keeps 0.004: an exit of 4 was refused ten times a second, for ever."""
    terms: dict[str, Any] = {
        "latency": tc.Latency(entry=0, response=0),
        "balances": {"USDT": 1_000},
        "taker_fee_bps": "10",
        "fee_currency": "received",
    }
    venue = tc.SimVenue.profile(profile, name="TEST", **terms) if profile else tc.SimVenue("TEST", **terms)
    stops = tc.Stops(stop_loss="2%") if does == "stop" else None
    steps = (buy(), idle, idle if does == "stop" else lambda ctx: ctx.risk.kill())
    _, result = run(spot_of(instrument), tape((0, 100), (25, 97), size=50), stops, *steps, venue=venue)
    assert result.fills.select("side", "qty").rows() == [("buy", 4.0), ("sell", 3.99)]
    assert not result.rejected
    (left,) = result.balances.filter(currency="BTC")["end"]
    assert left == Decimal("0.006")


def test_a_bracket_protects_what_fees_have_left_of_its_entry(instrument: tc.Instrument) -> None:
    venue = tc.SimVenue(
        "TEST",
        latency=tc.Latency(entry=0, response=0),
        # Each leg lays claim to what it would sell.
        balances={"USDT": 1_000, "BTC": 4},
        taker_fee_bps="10",
        fee_currency="received",
    )
    enter = lambda ctx: ctx.bracket(NAME, "buy", 4, stop_loss=98, take_profit=110)  # noqa: E731
    trade = [(26, TRADE, -1, 96.9, 1.0)]
    steps = (enter, idle, lambda ctx: ctx.group(1).state)
    made, result = run(spot_of(instrument), tape((0, 100), (25, 97), others=trade), None, *steps, venue=venue)
    assert result.fills.select("side", "qty").rows() == [("buy", 4.0), ("sell", 3.99)]
    assert not result.rejected
    assert made.seen[2] == "done"


def test_the_kill_switch_closes_what_it_has_and_is_written_down(instrument: tc.Instrument, tmp_path: Path) -> None:
    data = tape((0, 100), (100, 99), (200, 90), (300, 90))
    _, result = run(instrument, data, tc.Stops(stop_loss="2%"), buy(), idle, lambda ctx: ctx.risk.kill())
    assert fired(result) == []
    assert held(result) == 0
    trips = result.risk.trips
    assert trips.select("check", "does", "scope", "name").rows() == [("kill_switch", "flatten", "account", "0")]
    assert f"account 0: stopped by the kill switch 1 time, first at {30 * MS} ns" in result.notes
    assert "<td>kill_switch</td>" in result.report(tmp_path / "run.html").read_text("utf-8")


def test_the_page_shows_where_they_acted(instrument: tc.Instrument, tmp_path: Path) -> None:
    data = tape((0, 100), (200, 90))
    _, result = run(instrument, data, tc.Stops(stop_loss="2%"), buy())
    page = result.report(tmp_path / "run.html").read_text("utf-8")
    assert "<td>stop_loss of account 0</td>" in page
    assert "1 stop fired" in page
    assert result.stops.equals(result.risk.stops)


# Whose they are


def test_stops_of_several_sets_hold_together(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 98.8), (200, 97))
    wide = tc.Stops(stop_loss="2%")
    sets = {"instruments": {NAME: tc.RiskLimits(stops=tc.Stops(stop_loss="99"))}}
    _, result = run(instrument, data, wide, buy(), **sets)
    assert fired(result) == [(100, "stop_loss", 99, 4)]
    assert result.risk.stops.select("scope", "name").row(0) == ("instrument", NAME)
    for scope, name in (("venues", "TEST"), ("strategies", "s")):
        sets = {scope: {name: tc.RiskLimits(stops=tc.Stops(stop_loss="1%"))}}
        _, result = run(instrument, data, wide, buy(), **sets)
        assert result.risk.stops.select("scope", "name").row(0) == (
            scope[:-1] if scope == "venues" else "strategy",
            name,
        )


def test_a_strategy_tightens_and_never_widens(instrument: tc.Instrument) -> None:
    def refused(**stops: Any) -> Any:
        def step(ctx: tc.Context) -> str:
            with pytest.raises(InvalidValueError) as caught:
                ctx.protect(NAME, tc.Stops(**stops) if stops else None)
            return str(caught.value)

        return step

    steps = [
        lambda ctx: ctx.protect(NAME, tc.Stops(stop_loss="5%")),
        lambda ctx: ctx.protect(NAME, tc.Stops(stop_loss="9%", time="1h")),
        buy(),
        refused(stop_loss="10%", time="1h"),
        refused(stop_loss="9%"),
        refused(),
        refused(stop_loss="100"),
        lambda ctx: ctx.protect(NAME, tc.Stops(stop_loss="1%", time="1h")),
        lambda ctx: [dict(row) for row in ctx.risk.stops],
    ]
    data = tape((0, 100), (100, 98.9), (200, 97))
    made, result = run(instrument, data, tc.Stops(stop_loss="2%"), *steps)
    assert made.seen[3].startswith("stop_loss: would be wider")
    assert made.seen[4].startswith("time: would be wider")
    assert made.seen[5].startswith("stops: would be wider")
    assert made.seen[6].startswith("stop_loss: the market is there already")
    whose = [(row["scope"], row["name"], row["stop"], row["level"]) for row in made.seen[8]]
    assert whose == [
        ("account", "0", "stop_loss", pytest.approx(98.098)),
        ("strategy", "s", "stop_loss", pytest.approx(99.099)),
    ]
    assert made.seen[8][1]["until_ns"] == 30 * MS + 3_600 * 1_000 * MS
    assert fired(result) == [(100, "stop_loss", pytest.approx(99.099), 4)]


def test_own_stops_need_no_limits_and_protect_what_is_held(instrument: tc.Instrument) -> None:
    data = tape((0, 100), (100, 110), (200, 106), (300, 104))
    steps = [buy(), *[idle] * 10, lambda ctx: ctx.protect(NAME, tc.Stops(stop_loss=105, trailing="9%"))]
    _, result = scripted.run(instrument, data, *steps, venue=FREE)
    assert fired(result) == [(300, "stop_loss", 105, 4)]
    assert result.risk.stops.select("scope", "name").row(0) == ("strategy", "s")


def test_stops_that_do_not_fire_change_no_digest(market: Path) -> None:
    def digest(risk: tc.RiskLimits | None) -> str:
        maker = tc.TouchMaker("m", ["BTCUSDT.SYNTH"], quote_qty="0.1", max_position="1")
        return tc.Backtest([maker], market, risk=risk).run().digest

    assert digest(None) == digest(tc.RiskLimits(stops=tc.Stops(stop_loss="90%", take_profit="90%", trigger="last")))


# Saved, replayed, configured


@pytest.mark.parametrize("venue", [FREE, SLOW])
def test_a_journal_is_fed_back_to_the_same_stops(instrument: tc.Instrument, venue: tc.SimVenue) -> None:
    steps = (
        buy(),
        lambda ctx: ctx.protect(NAME, tc.Stops(trailing="3%", take_profit=[("1%", 0.5)])),
        lambda ctx: ctx.buy(NAME, 1, 90),
    )

    class Steps(Scripted):
        def steps(self) -> tuple[Any, ...]:
            return steps

    risk = tc.RiskLimits(stops=tc.Stops(stop_loss="2%", trigger="last"), max_daily_loss=50)
    data = tape((0, 100), (100, 101.5, 1), (300, 97, 1), (500, 96), others=[(310, TRADE, -1, 97, 1)])
    backtest = tc.Backtest(
        [Steps("s", [NAME])], {NAME: data}, [venue], specs={NAME: instrument}, risk=risk, record=True
    )
    result = backtest.run()
    assert len(result.stops) == 2
    again = tc.replay(result.journal, [Steps("s", [NAME])], result.instruments, risk=risk)
    assert (again.diverged_ns, again.digest) == (None, result.digest)
    assert again.stops.equals(result.stops)


def test_a_result_with_stops_is_whole_wherever_it_goes(instrument: tc.Instrument, tmp_path: Path) -> None:
    _, result = run(instrument, tape((0, 100), (200, 90)), tc.Stops(stop_loss="2%"), buy())
    result.save(tmp_path / "run.tcr")
    for again in (pickle.loads(pickle.dumps(result)), tc.load_result(tmp_path / "run.tcr")):
        assert again.risk.stops.equals(result.risk.stops)
        assert len(again.risk.stops) == 1


@pytest.mark.parametrize(
    ("stops", "field"),
    [
        ({}, "stop_loss"),
        ({"stop_loss": "much"}, "stop_loss"),
        ({"stop_loss": "101%"}, "stop_loss"),
        ({"stop_loss": -1}, "stop_loss"),
        ({"trailing": "100"}, "trailing"),
        ({"stop_loss": "1%", "trailing_from": "1%"}, "trailing"),
        ({"take_profit": [("1%", 0.6), ("2%", 0.6)]}, "take_profit"),
        ({"take_profit": [("2%", 0.5), ("1%", 0.5)]}, "take_profit"),
        ({"take_profit": ["1%"]}, "take_profit"),
        ({"take_profit": [("1%", 0)]}, "take_profit"),
        ({"time": 5}, "time"),
        ({"max_loss": 0}, "max_loss"),
        ({"stop_loss": "1%", "trigger": "index"}, "trigger"),
    ],
)
def test_stops_that_cannot_be_name_their_field(stops: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValueError) as error:
        tc.Stops(**stops)
    assert error.value.field == field


def test_a_price_is_one_of_an_instrument(instrument: tc.Instrument) -> None:
    with pytest.raises(InvalidValueError, match=r"^risk\.stops\.stop_loss: a price is one of an instrument"):
        run(instrument, tape((0, 100)), tc.Stops(stop_loss=99))
    with pytest.raises(InvalidValueError, match=r"^risk\.venues\.TEST\.stops\.take_profit"):
        run(instrument, tape((0, 100)), None, venues={"TEST": tc.RiskLimits(stops=tc.Stops(take_profit=99))})
    with pytest.raises(InvalidValueError, match="stops: expected Stops"):
        tc.RiskLimits(stops="2%")  # type: ignore[arg-type]
    sets = {NAME: tc.RiskLimits(stops=tc.Stops(stop_loss="99.05"))}
    with pytest.raises(InvalidValueError, match=rf"risk\.instruments\.{NAME}\.stops\.stop_loss.*99\.05"):
        run(instrument, tape((0, 100)), None, instruments=sets)


HEAD = """
[data]
catalog = "nowhere"

[[strategies]]
kind = "touch_maker"
params = { quote_qty = "0.1", max_position = "1" }
"""


def test_a_table_of_stops_is_the_dataclass(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        HEAD
        + """
[risk.stops]
stop_loss = "2%"
take_profit = [["1%", 0.5], ["2%", 0.5]]
time = "90s"

[risk.instruments."BTCUSDT.SYNTH".stops]
stop_loss = "59000"
trigger = "last"
"""
    )
    config, notes = load_config(path)
    assert notes == []
    wanted = tc.RiskLimits(
        stops=tc.Stops(stop_loss="2%", take_profit=[("1%", 0.5), ("2%", 0.5)], time="90s"),
        instruments={"BTCUSDT.SYNTH": tc.RiskLimits(stops=tc.Stops(stop_loss="59000", trigger="last"))},
    )
    assert config.risk == wanted
    from tradecore.config.risk import limits_from_table, limits_to_table

    assert limits_from_table(limits_to_table(config.risk)) == wanted


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("[risk.stops]\nstop_los = '2%'", "risk.stops.stop_los"),
        ("[risk.stops]\nstop_loss = '2 percent'", "risk.stops.stop_loss"),
        ("[risk.stops]\ntrailing = 'x'", "risk.stops.trailing"),
        ("[risk]\nstops = 5", "risk.stops"),
        ("[risk.venues.V.stops]\ntime = 'soon'", "risk.venues.V.stops.time"),
    ],
)
def test_a_bad_table_of_stops_names_its_key(tmp_path: Path, table: str, key: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(HEAD + table)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert error.value.key == key


def test_the_percentages_of_the_founding_file_act(instrument: tc.Instrument, tmp_path: Path) -> None:
    path = tmp_path / "system.json"
    path.write_text(json.dumps({"risk": {"stop_loss_percent": 2.0, "trailing_stop_percent": 1.5}}))
    from tradecore.config.risk import limits_from_table

    risk = limits_from_table(str(path))
    assert risk is not None
    falls = tape((0, 100), (100, 98.2), (200, 98))
    _, result = scripted.run(instrument, falls, buy(), venue=FREE, risk=risk)
    assert fired(result) == [(200, "stop_loss", pytest.approx(100.1 * 0.98), 4)]
    turns = tape((0, 100), (100, 103), (200, 101.6), (300, 101.4))
    _, result = scripted.run(instrument, turns, buy(), venue=FREE, risk=risk)
    assert fired(result) == [(300, "trailing", pytest.approx(103 * 0.985), 4)]
