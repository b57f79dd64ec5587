"""Binance's messages as values of ours: recorded ones by what holds of every order, published ones by a table."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from tradecore.types import Side
from tradecore.venues import Balance, Position, Stream, VenueReport
from tradecore.venues.binance.algos import algo_order
from tradecore.venues.binance.market import MARKETS, instruments_of, limits_of
from tradecore.venues.binance.private import AccountReader

SPOT, USDM = "BINANCE", "BINANCE_USDM"


def messages(shared: Path, name: str) -> list[Any]:
    lines = (shared / "wire" / "binance" / name).read_text().splitlines()
    return [json.loads(line) for line in lines]


def payload(message: dict[str, Any]) -> dict[str, Any]:
    """The event in any of the envelopes."""
    return message.get("event") or message.get("data") or message


def fixtures(shared: Path, name: str) -> dict[str, dict[str, Any]]:
    return {row["fixture"].removesuffix(".json"): payload(row["message"]) for row in messages(shared, name)}


def eth(venue: str) -> dict[str, tc.Instrument]:
    kind = "spot" if venue == SPOT else "linear"
    steps = {"price_increment": "0.01", "qty_increment": "0.0001"}
    spec = tc.Instrument(f"ETHUSDT.{venue}", kind=kind, base="ETH", quote="USDT", **steps)
    return {spec.id: spec}


@pytest.mark.parametrize(
    ("venue", "name"),
    [(SPOT, "user_spot_executionReport.pm_stream.jsonl"), (USDM, "user_usdm_ORDER_TRADE_UPDATE.pm_stream.jsonl")],
)
def test_fills_of_recorded_orders_add_up_to_what_the_venue_counts(shared: Path, venue: str, name: str) -> None:
    reader = AccountReader(venue, {})
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    begun, executions, ends = set(), set(), defaultdict(list)
    recorded = messages(shared, name)
    for message in recorded:
        (report,) = reader.events(message, 5)
        assert isinstance(report, VenueReport)
        assert report.venue_id is not None
        row = message.get("o") if venue == USDM else message
        assert (report.order, report.instrument) == (row["c"], f"{row['s']}.{venue}")
        if report.kind == "accepted":
            begun.add(report.venue_id)
        elif report.kind == "fill":
            assert report.qty is not None
            assert (report.instrument, report.execution) not in executions
            executions.add((report.instrument, report.execution))
            filled[report.venue_id] += report.qty
            if report.venue_id in begun:  # others began before the recording
                assert filled[report.venue_id] == report.cumulative
            assert report.price == Decimal(row["L"])
            assert report.liquidity == ("maker" if row["m"] else "taker")
            assert report.paid == (Decimal(row["n"]), row["N"])
        else:
            ends[report.venue_id].append(report.kind)
    assert len(begun) >= 15
    assert all(kinds == ["cancelled"] for kinds in ends.values())


@pytest.mark.parametrize(
    ("name", "kind", "fields"),
    [
        ("execution_report_new", "accepted", {"order": "x-TD67BGP9-T0000000000000", "venue_id": "12345678"}),
        ("execution_report_stop_loss", "accepted", {}),
        (
            "execution_report_trade",
            "fill",
            # The fee is one of the coin that was bought.
            {
                "execution": "98765432",
                "price": 2500,
                "qty": 1,
                "fee": Decimal("2.5"),
                "paid": (Decimal("0.001"), "ETH"),
            },
        ),
        ("execution_report_expired", "expired", {"reason": "no_liquidity", "detail": "INSUFFICIENT_LIQUIDITY"}),
        ("ws_spot_execution_report_canceled", "cancelled", {"order": "O-12345-test-cancel"}),
        ("ws_spot_execution_report_pending_cancel", "cancelled", {}),
        ("ws_spot_execution_report_rejected", "rejected", {"reason": "post_only_would_cross"}),
        ("ws_spot_execution_report_calculated", "fill", {"order": "autoclose-123456789", "price": 49500}),
        ("ws_spot_execution_report_empty_client_id", "fill", {"order": None, "venue_id": "1234567890"}),
        ("ws_spot_execution_report_trade_l_zero", "fill", {"price": 2500, "qty": Decimal("0.001")}),
        ("ws_spot_execution_report_trade_l_zero_canceled", "cancelled", {}),
        ("ws_spot_execution_report_trade_l_zero_expired", "expired", {"reason": "gtd_reached"}),
        ("ws_spot_execution_report_trade_l_zero_new", None, {}),
        ("ws_spot_execution_report_trade_l_zero_partial", None, {}),
        ("list_status_wrapped", None, {}),
        ("balance_update", None, {}),
    ],
)
def test_published_spot_messages(shared: Path, name: str, kind: str | None, fields: dict[str, Any]) -> None:
    message = fixtures(shared, "fixtures_spot_user.jsonl")[name]
    told = AccountReader(SPOT, eth(SPOT)).events(message, 5)
    assert [report.kind for report in told if isinstance(report, VenueReport)] == ([kind] if kind else [])
    for field, value in fields.items():
        assert getattr(told[0], field) == value, field


@pytest.mark.parametrize(
    ("name", "kind", "fields"),
    [
        ("order_update_new", "accepted", {"order": "TEST", "ts_event": 1_568_879_465_651_000_000}),
        ("order_update_trade", "fill", {"liquidity": "maker", "execution": "12345678", "cumulative": Decimal("0.001")}),
        ("order_update_calculated", "fill", {"order": "autoclose-1234567890"}),
        ("order_update_calculated_pending", None, {}),
        ("order_update_adl", "fill", {"order": "adl_autoclose_12345"}),
        ("order_update_insurance", "fill", {}),
        ("order_update_delivery", "fill", {"fee": None, "paid": None}),
        ("ws_futures_order_update_liquidation_zero_qty", None, {}),
        ("ws_futures_order_update_trade_reduce_only_qty", "fill", {"fee": Decimal("0.5"), "price": 2500}),
        ("trade_lite", None, {}),
        ("algo_update_new", "accepted", {"order": "Q5xaq5EGKgXXa0fD7fs0Ip", "venue_id": "algo-2148719"}),
        ("algo_update_canceled", "cancelled", {"order": "Q5xaq5EGKgXXa0fD7fs0Ip"}),
        ("ws_futures_algo_update_triggering", None, {}),
        ("ws_futures_algo_update_finished", None, {}),
    ],
)
def test_published_futures_messages(shared: Path, name: str, kind: str | None, fields: dict[str, Any]) -> None:
    message = fixtures(shared, "fixtures_usdm_user.jsonl")[name]
    told = AccountReader(USDM, eth(USDM)).events(message, 5)
    assert [report.kind for report in told if isinstance(report, VenueReport)] == ([kind] if kind else [])
    for field, value in fields.items():
        assert getattr(told[0], field) == value, field


def test_published_conditional_orders_are_open_orders(shared: Path) -> None:
    named = {each["fixture"]: each["message"] for each in messages(shared, "fixtures_rest_usdm.jsonl")}
    (row,) = named["open_algo_orders.json"]
    order = algo_order(row, "BTCUSDT.BINANCE_USDM")
    assert (order.venue_id, order.client_id, order.side) == ("algo-123456789", "test-algo-order-1", Side.BUY)
    assert (order.qty, order.filled, order.price) == (Decimal("0.001"), "0", None)


EXPIRED = {"s": "ETHUSDT", "c": "a", "i": 1, "T": 1, "x": "EXPIRED", "X": "EXPIRED", "l": "0", "q": "2", "p": "3"}


@pytest.mark.parametrize(
    ("row", "kind", "reason"),
    [
        ({"f": "IOC", "o": "LIMIT"}, "expired", "ioc_remainder"),
        ({"f": "FOK", "o": "LIMIT"}, "expired", "fok_not_fillable"),
        ({"f": "GTX", "o": "LIMIT"}, "expired", "post_only_would_cross"),
        ({"f": "GTC", "o": "MARKET"}, "expired", "no_liquidity"),
        ({"f": "GTC", "o": "LIMIT"}, "expired", "venue"),
        ({"f": "GTC", "o": "LIMIT", "x": "TRADE_PREVENTION", "X": "EXPIRED_IN_MATCH"}, "expired", "self_trade"),
        ({"f": "GTC", "o": "LIMIT", "x": "AMENDMENT", "X": "NEW"}, "replaced", None),
        ({"f": "GTC", "o": "LIMIT", "x": "CANCELED", "X": "CANCELED"}, "cancelled", None),
    ],
)
def test_ends_say_why(row: dict[str, str], kind: str, reason: str | None) -> None:
    (told,) = AccountReader(USDM, {}).events({"e": "ORDER_TRADE_UPDATE", "o": EXPIRED | row}, 5)
    assert isinstance(told, VenueReport)
    assert (told.kind, told.reason) == (kind, reason)
    assert kind != "replaced" or (told.price, told.qty) == (3, 2)


def test_a_spot_cancel_names_the_order_and_an_amendment_its_terms() -> None:
    row = {"e": "executionReport", "c": "the-request", "C": "the-order", "o": "LIMIT", "f": "GTC"}
    reader = AccountReader(SPOT, {})
    (cancelled,) = reader.events(EXPIRED | row | {"x": "CANCELED", "X": "CANCELED"}, 5)
    (amended,) = reader.events(EXPIRED | row | {"x": "REPLACED", "X": "NEW"}, 5)
    assert isinstance(cancelled, VenueReport)
    assert isinstance(amended, VenueReport)
    assert (cancelled.order, amended.order, amended.kind, amended.qty) == ("the-order", "the-order", "replaced", 2)


def test_a_conditional_order_is_set_off_once_it_works() -> None:
    row = EXPIRED | {"e": "executionReport", "x": "NEW", "X": "NEW", "o": "STOP_LOSS_LIMIT", "O": 1, "w": False}
    reader = AccountReader(SPOT, {})
    kinds = [reader.events(message, 5)[0].kind for message in (row, row | {"w": True, "W": 9, "T": 9})]  # type: ignore[union-attr]
    assert kinds == ["accepted", "triggered"]


def test_holdings(shared: Path) -> None:
    told = AccountReader(SPOT, {}).events(fixtures(shared, "fixtures_spot_user.jsonl")["account_position"], 5)
    assert told[0] == Balance(SPOT, 5, "USDT", Decimal(12_500), Decimal(10_000))
    message = fixtures(shared, "fixtures_usdm_user.jsonl")["account_update"]
    # Of an account in hedge mode the net position alone.
    assert AccountReader(USDM, {}).events(message, 5) == [
        Balance(USDM, 5, "USDT", Decimal("122624.12345678"), Decimal("100.12345678")),
        Position(USDM, 5, "BTCUSDT.BINANCE_USDM", Decimal(0), None),
    ]
    for recorded in messages(shared, "user_usdm_ACCOUNT_UPDATE.pm_stream.jsonl"):
        update = recorded["a"]
        assert len(AccountReader(USDM, {}).events(recorded, 5)) == len(update["B"]) + len(update["P"])


def test_rules_of_a_recorded_exchange_info(shared: Path) -> None:
    info = json.loads((shared / "wire" / "binance" / "usdm_exchangeInfo_20210721.json").read_text())
    listed, unusable = instruments_of(MARKETS[USDM], info)
    trading = [row for row in info["symbols"] if row.get("status", row.get("contractStatus")) == "TRADING"]
    assert (len(listed), unusable) == (len(trading), {})
    btc = listed["BTCUSDT.BINANCE_USDM"]
    assert (btc.tick_size, btc.lot_size, btc.min_qty, btc.max_qty) == tuple(
        map(Decimal, ("0.01", "0.001", "0.001", "1000"))
    )
    assert (btc.kind, btc.settlement, btc.min_notional, btc.is_perpetual) == ("linear", "USDT", 5, True)
    dated = [spec for spec in listed.values() if not spec.is_perpetual]
    assert all(spec.expiry_ns for spec in dated)
    assert [(limit.name, limit.most, limit.reserve) for limit in limits_of(info)] == [
        ("weight_1m", 2_400, 120),
        ("orders_1m", 1_200, 0),
        ("orders_10s", 300, 0),
    ]


def test_every_stream_of_futures_is_asked_for_where_it_is_sent() -> None:
    market = MARKETS[USDM]
    routes = {stream: route for stream, (route, _) in market.streams.items()}
    assert {stream for stream, route in routes.items() if route == "public"} == {Stream.BOOK, Stream.QUOTES}
    assert market.stream_name("BTCUSDT", Stream.MARK) == "btcusdt@markPrice@1s"
    assert set(routes.values()) == set(market.routes)


def test_sides() -> None:
    rows = [{"side": "BUY"}, {"side": "SELL"}, {"isBuyer": True}, {"isBuyer": False}]
    assert [AccountReader.side_of(row) for row in rows] == [Side.BUY, Side.SELL, Side.BUY, Side.SELL]
