"""Bybit's messages as values of ours: recorded ones by what holds of every order, published ones by a table."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

import tradecore as tc
from tradecore._core import Command
from tradecore.types import OrderType, Side, TimeInForce
from tradecore.venues import Balance, Position
from tradecore.venues.bybit.commands import amend_body, cancel_body, place_body, refusal_of
from tradecore.venues.bybit.market import MARKETS, instruments_of
from tradecore.venues.bybit.private import AccountReader
from tradecore.venues.orders import Refusal, StandingTerms
from venue_live import Trader

LINEAR = AccountReader("BYBIT", ["linear"], {})


def lines(shared: Path, name: str) -> list[Any]:
    return [json.loads(line) for line in (shared / "wire" / "bybit" / name).read_text().splitlines()]


def fixtures(shared: Path, name: str) -> dict[str, Any]:
    return {row["fixture"].removesuffix(".json"): row["message"] for row in lines(shared, name)}


def test_recorded_orders_are_accepted_and_end(shared: Path) -> None:
    told: dict[str, list[str]] = {}
    for message in lines(shared, "private_order_nexus.jsonl"):
        for row in message.get("data", ()):
            report = LINEAR.order(row, 5)
            assert report is not None
            assert (report.venue_id, report.instrument) == (row["orderId"], f"{row['symbol']}.BYBIT")
            assert report.ts_event == int(row["updatedTime"]) * 1_000_000
            told.setdefault(row["orderId"], []).append(report.kind)
    limits = [kinds for kinds in told.values() if "cancelled" in kinds]
    assert limits == [["accepted", "cancelled"]] * 8
    assert len(told) == 18
    assert all(kinds == ["accepted"] for kinds in told.values() if kinds not in limits)


def test_recorded_messages_of_an_account(shared: Path) -> None:
    btc = tc.Instrument(
        "BTCUSDT.BYBIT", kind="linear", base="BTC", quote="USDT", price_increment="0.1", qty_increment="0.001"
    )
    reader = AccountReader("BYBIT", ["linear"], {btc.id: btc})
    seen: dict[str, list[Any]] = {"wallet": [], "order": [], "execution": []}
    for message in lines(shared, "private_user_linear_yasstake.jsonl"):
        for row in message["data"]:
            match message["topic"]:
                case "wallet":
                    seen["wallet"] += reader.balances(row, 5)
                case "order":
                    seen["order"].append(reader.order(row, 5))
                case "execution":
                    seen["execution"].append(reader.execution(row, 5))
    assert Balance("BYBIT", 5, "USDC", Decimal(0), Decimal(0)) in seen["wallet"]
    assert all(balance.total >= balance.available >= 0 for balance in seen["wallet"])
    assert {report.kind for report in seen["order"]} == {"accepted"}
    (fill,) = seen["execution"]
    assert (fill.price, fill.qty, fill.liquidity) == (Decimal("41553.9"), Decimal("0.001"), "taker")
    assert (fill.fee, fill.order) == (Decimal("0.02285465"), "SkeltonAgentlp9qlB-0001")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ws_account_order", "cancelled"),
        ("ws_account_order_filled", "accepted"),  # its executions say the rest
        ("ws_account_order_stop_limit", "accepted"),
        ("ws_account_order_buy_stop_market", "accepted"),
    ],
)
def test_published_orders(shared: Path, name: str, kind: str) -> None:
    (row,) = fixtures(shared, "fixtures_ws.jsonl")[name]["data"]
    report = LINEAR.order(row, 5)
    assert report is not None
    assert (report.kind, report.order) == (kind, row["orderLinkId"])


ROW = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "orderId": "v",
    "orderLinkId": "c",
    "updatedTime": "1700000000000",
    "orderStatus": "Cancelled",
    "orderType": "Limit",
    "timeInForce": "GTC",
    "price": "1",
    "qty": "2",
}


@pytest.mark.parametrize(
    ("fields", "kind", "reason"),
    [
        ({"cancelType": "CancelByUser", "rejectReason": "EC_PerCancelRequest"}, "cancelled", None),
        (
            {"cancelType": "UNKNOWN", "rejectReason": "EC_PostOnlyWillTakeLiquidity"},
            "rejected",
            "post_only_would_cross",
        ),
        (
            {"cancelType": "UNKNOWN", "rejectReason": "EC_PostOnlyWillTakeLiquidity", "cumExecQty": "1"},
            "expired",
            "post_only_would_cross",
        ),
        ({"cancelType": "UNKNOWN", "rejectReason": "EC_NoImmediateQtyToFill"}, "expired", "ioc_remainder"),
        ({"cancelType": "UNKNOWN", "timeInForce": "FOK"}, "expired", "fok_not_fillable"),
        ({"cancelType": "UNKNOWN", "orderType": "Market", "timeInForce": "IOC"}, "expired", "no_liquidity"),
        ({"cancelType": "CancelBySmp"}, "expired", "self_trade"),
        ({"cancelType": "CancelAllBeforeLiq"}, "expired", "liquidated"),
        ({"cancelType": "CancelByDCP"}, "expired", "venue"),
        ({"orderStatus": "Rejected", "rejectReason": "EC_Others"}, "rejected", "venue"),
        ({"orderStatus": "PartiallyFilledCanceled", "cancelType": "CancelByUser"}, "cancelled", None),
        ({"orderStatus": "Triggered"}, "triggered", None),
        ({"orderStatus": "New", "category": "spot"}, None, None),
        ({"orderStatus": "SomethingNew"}, None, None),
    ],
)
def test_ends_say_why(fields: dict[str, str], kind: str | None, reason: str | None) -> None:
    report = LINEAR.order(ROW | fields, 5)
    assert (report.kind if report else None, report.reason if report else None) == (kind, reason)


def test_only_own_trades_are_fills(shared: Path) -> None:
    (row,) = fixtures(shared, "fixtures_ws.jsonl")["ws_account_execution"]["data"]
    assert LINEAR.execution(row, 5) is not None
    for other in ({"execType": "Funding"}, {"execType": "AdlTrade"}, {"category": "spot"}):
        assert LINEAR.execution(row | other, 5) is None


def test_positions_are_signed(shared: Path) -> None:
    (row,) = fixtures(shared, "fixtures_ws.jsonl")["ws_account_position"]["data"]
    assert LINEAR.position(row, 5) == Position("BYBIT", 5, "ETHUSDT.BYBIT", Decimal("-0.01"), Decimal("3641.075"))
    assert LINEAR.position(row | {"positionIdx": 1}, 5) is None
    flat = LINEAR.position(row | {"side": "", "size": "0", "entryPrice": ""}, 5)
    assert flat is not None
    assert (flat.qty, flat.entry_price) == (0, None)
    for message in lines(shared, "private_position_nexus.jsonl"):
        for recorded in message.get("data", ()):
            told = LINEAR.position(recorded, 5)
            assert told is None or abs(told.qty) == Decimal(recorded["size"])


def test_published_rules(shared: Path) -> None:
    answers = fixtures(shared, "fixtures_rest.jsonl")
    listed, unusable = instruments_of(MARKETS["BYBIT"], answers["http_get_instruments_linear"]["result"]["list"])
    btc = listed["BTCUSDT.BYBIT"]
    assert (len(listed), unusable) == (2, {})
    assert (btc.tick_size, btc.lot_size, btc.max_qty, btc.min_notional) == (Decimal("0.5"), Decimal("0.001"), 100, 5)
    spot, unusable = instruments_of(MARKETS["BYBIT_SPOT"], answers["http_get_instruments_spot"]["result"]["list"])
    assert (spot["BTCUSDT.BYBIT_SPOT"].lot_size, unusable) == (Decimal("0.0001"), {})


def commands(venue: str, what: Any) -> Any:
    kind = "linear" if venue == "BYBIT" else "spot"
    spec = tc.Instrument(
        f"BTCUSDT.{venue}", kind=kind, base="BTC", quote="USDT", price_increment="0.1", qty_increment="0.001"
    )
    return Trader(spec).act(lambda ctx: what(ctx, spec.id))[0]


def test_orders_are_written_as_the_venue_wants_them() -> None:
    limit = commands("BYBIT", lambda ctx, name: ctx.sell(name, "0.01", "60000", post_only=True, reduce_only=True))
    assert place_body(MARKETS["BYBIT"], limit) == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "orderLinkId": "T1-0-1",
        "side": "Sell",
        "orderType": "Limit",
        "qty": "0.010",
        "price": "60000.0",
        "timeInForce": "PostOnly",
        "positionIdx": 0,
        "reduceOnly": True,
    }
    market = commands("BYBIT_SPOT", lambda ctx, name: ctx.buy(name, "0.01"))
    body = place_body(MARKETS["BYBIT_SPOT"], market)
    assert (body["orderType"], body["timeInForce"], body["marketUnit"]) == ("Market", "IOC", "baseCoin")
    assert "price" not in body
    named = {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "T1-0-1"}
    assert cancel_body(MARKETS["BYBIT"], limit) == named
    assert amend_body(MARKETS["BYBIT"], limit) == named | {"price": "60000.0", "qty": "0.010"}


def test_a_replacement_of_a_stop_says_where_it_is_to_be_set_off() -> None:
    class Moved(NamedTuple):
        instrument: str
        client_id: str
        order_type: OrderType
        price: Decimal
        qty: Decimal
        trigger_price: Decimal | None
        price_text: str = "59000"
        qty_text: str = "1"

    market = Moved("BTCUSDT.BYBIT", "c", OrderType.STOP_MARKET, Decimal(59_000), Decimal(1), Decimal(59_000))
    body = amend_body(MARKETS["BYBIT"], cast(Command, market))
    assert (body.get("price"), body["qty"], body["triggerPrice"]) == (None, "1", "59000")
    standing = StandingTerms(None, Decimal(1), Decimal(59_000))
    assert standing.are_of(cast(Command, market))
    assert not standing._replace(trigger_price=Decimal(58_000)).are_of(cast(Command, market))
    limit = market._replace(order_type=OrderType.STOP_LIMIT, trigger_price=None)
    assert "triggerPrice" not in amend_body(MARKETS["BYBIT"], cast(Command, limit))
    assert not standing.are_of(cast(Command, limit))
    assert standing._replace(price=Decimal(59_000)).are_of(cast(Command, limit))


@pytest.mark.parametrize(
    ("side", "kind", "direction"),
    [
        ("buy", OrderType.STOP_MARKET, 1),
        ("sell", OrderType.STOP_MARKET, 2),
        ("buy", OrderType.TAKE_PROFIT_MARKET, 2),
        ("sell", OrderType.TAKE_PROFIT_MARKET, 1),
    ],
)
def test_triggers_say_which_way_the_price_comes(side: str, kind: OrderType, direction: int) -> None:
    stop = commands(
        "BYBIT", lambda ctx, name: ctx.submit(name, side, "0.01", type=kind, trigger_price="61000", trigger="mark")
    )
    body = place_body(MARKETS["BYBIT"], stop)
    assert (body["triggerPrice"], body["triggerDirection"], body["triggerBy"]) == ("61000.0", direction, "MarkPrice")
    assert stop.side is (Side.BUY if side == "buy" else Side.SELL)


@pytest.mark.parametrize(
    ("venue", "terms"),
    [
        ("BYBIT", {"price": "60000", "post_only": "slide"}),
        ("BYBIT", {"price": "60000", "display_qty": "0.005"}),
        ("BYBIT", {"price": "60000", "time_in_force": TimeInForce.DAY}),
        ("BYBIT", {"type": OrderType.TRAILING_STOP, "trailing_offset": "10"}),
        ("BYBIT_SPOT", {"price": "60000", "reduce_only": True}),
        ("BYBIT_SPOT", {"type": OrderType.STOP_MARKET, "trigger_price": "61000", "trigger": "mark"}),
    ],
)
def test_what_the_venue_has_no_words_for_is_refused(venue: str, terms: dict[str, Any]) -> None:
    command = commands(venue, lambda ctx, name: ctx.submit(name, "buy", "0.01", **terms))
    with pytest.raises(Refusal) as caught:
        place_body(MARKETS[venue], command)
    assert caught.value.reason == "unsupported"


@pytest.mark.parametrize(
    ("code", "reason"), [("170131", "insufficient_balance"), ("110094", "min_notional"), ("999", "venue")]
)
def test_codes_in_our_words(code: str, reason: str) -> None:
    refusal = refusal_of(code, "said")
    assert (refusal.reason, refusal.detail) == (reason, f"said ({code})")
