"""A simulated venue's settings: one declaration, read by the core and by configurations."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from pydantic import ValidationError

import tradecore as tc
from tradecore._core import check_venue, latency_legs
from tradecore.config import BacktestConfig
from tradecore.errors import InvalidValueError
from tradecore.validation import first_problem

STRATEGIES = [{"kind": "touch_maker"}]
FULL = {
    "name": "V",
    "profile": "DERIBIT",
    "entry_latency": "1ms",
    "response_latency": "2ms",
    "feed_latency": "3ms",
    "queue": "power2(3)",
    "granularity": "100ms",
    "maker_fee_bps": Decimal("-1.5"),
    "taker_fee_bps": Decimal(4),
    "fees": "0: 2/5, 100: 1/4",
    "fee_tier": Decimal(1),
    "fee_volume": Decimal(50),
    "fee_currency": "received",
    "fee_token": "BNB",
    "fee_discount": Decimal("0.25"),
    "fee_token_price": Decimal(600),
    "option_fee": "0.0003, 0.125",
    "outcome_fee": Decimal("0.04"),
    "delivery_fee": "option: 0.00015, 0.125, fridays; future: 0.00025",
    "basis": "l1",
    "clock_lead": "5ms",
    "wrong_stamps": "refuse",
    "stale_after": "10s",
    "mark_source": "mark",
    "uncross": "off",
    "impact": "BTCUSDT: sqrt(volatility=0.02, volume=20000); *: sqrt(volatility=0.03, volume=1e6, recovery=10s)",
    "accounts": "isolated",
    "self_trade": "decrement",
    "balances": "0.5 BTC, 1000 USDT",
    "borrowing": "allowed",
    "borrow_rate": "USDT: 0.00001 every 1h; *: 0.000002 every 1h",
    "funding": "0.0001 every 8h",
    "margin": "isolated",
    "leverage": "BTCUSDT: 20; *: 5",
    "maintenance": "BTCUSDT: 0.004/0.008 to 50000, 0.01; *: 0.02",
    "liquidation_fee_bps": Decimal(30),
    "option_margin": "0.2, 0.1, 0.1",
    "insurance": "none",
    "amend": "loses_place",
    "amend_crossing": "cancelled",
    "reduce_only": "refused",
    "day_begins": "8h",
    "order_types": "market, limit",
    "times_in_force": "gtc, ioc",
    "post_only": "slide",
    "triggers": "none",
    "iceberg": "unsupported",
    "amend_trigger": "unsupported",
}


class Watched:
    """Notes which attributes of a value are read."""

    def __init__(self, value: object) -> None:
        self.value = value
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self.value, name)


def load(*venues: Any) -> BacktestConfig:
    return BacktestConfig.model_validate({"venues": list(venues), "strategies": STRATEGIES})


def dumped(config: BacktestConfig, **options: Any) -> list[dict[str, Any]]:
    return list(config.model_dump(**options)["venues"])


def test_the_core_reads_every_setting() -> None:
    venue, latency = Watched(tc.SimVenue("V")), Watched(tc.Latency())
    check_venue(venue)  # type: ignore[arg-type]
    latency_legs(latency)  # type: ignore[arg-type]
    # Where the settings come from is for those who read them.
    assert venue.read == {field.name for field in fields(tc.SimVenue)} - {"based_on"}
    assert latency.read == {field.name for field in fields(tc.Latency)}


def test_the_core_has_the_words_that_are_declared() -> None:
    words = {name: hint for name, hint in get_type_hints(tc.SimVenue).items() if get_origin(hint) is Literal}
    rules = {"amend", "amend_crossing", "reduce_only"}
    assert set(words) == {
        "basis",
        "wrong_stamps",
        "mark_source",
        "uncross",
        "accounts",
        "self_trade",
        "borrowing",
        "margin",
        "insurance",
        "iceberg",
        "amend_trigger",
        *rules,
    }
    for name, hint in words.items():
        declared = get_args(hint)
        for word in declared:
            kept = {"margin": "cross", name: word}
            assert getattr(replace(tc.SimVenue("V", balances="1 BTC"), **kept), name) == word
        with pytest.raises(InvalidValueError) as caught:
            replace(tc.SimVenue("V"), **{name: "other"})
        listed = f"{', '.join(declared[:-1])} or {declared[-1]}"
        assert str(caught.value) == f'{name}: "other" is not {listed}'


def test_a_table_has_a_key_for_every_setting() -> None:
    keys = [key for field in fields(tc.SimVenue) for key in keys_of(field.name)]
    assert list(FULL) == keys
    venue = tc.SimVenue(
        "V",
        latency=tc.Latency(entry="1ms", response="2ms", feed="3ms"),
        queue="power2(3)",
        granularity="100ms",
        maker_fee_bps=Decimal("-1.5"),
        taker_fee_bps=Decimal(4),
        fees=[{"volume": 0, "maker": 2, "taker": "5"}, {"volume": "100", "maker": Decimal(1), "taker": 4}],
        fee_tier=1,
        fee_volume=Decimal(50),
        fee_currency="received",
        fee_token="BNB",
        fee_discount=Decimal("0.25"),
        fee_token_price=Decimal(600),
        option_fee="0.0003, 0.125",
        outcome_fee=Decimal("0.04"),
        delivery_fee={"option": "0.00015, 0.125, fridays", "future": "0.00025"},
        basis="l1",
        clock_lead="5ms",
        wrong_stamps="refuse",
        stale_after="10s",
        mark_source="mark",
        uncross="off",
        impact={
            "BTCUSDT": "sqrt(volatility=0.02, volume=20000)",
            "*": "sqrt(volatility=0.03, volume=1e6, recovery=10s)",
        },
        accounts="isolated",
        self_trade="decrement",
        balances={"BTC": "0.5", "USDT": 1000},
        borrowing="allowed",
        borrow_rate={"USDT": "0.00001 every 1h", "*": "0.000002 every 1h"},
        funding="0.0001 every 8h",
        margin="isolated",
        leverage={"BTCUSDT": 20, "*": 5},
        maintenance={"BTCUSDT": "0.004/0.008 to 50000, 0.01", "*": "0.02"},
        liquidation_fee_bps=Decimal(30),
        option_margin="0.2, 0.1, 0.1",
        insurance="none",
        amend="loses_place",
        amend_crossing="cancelled",
        reduce_only="refused",
        day_begins="8h",
        order_types=["market", "limit"],
        times_in_force=("gtc", "ioc"),
        post_only="slide",
        triggers=[],
        iceberg="unsupported",
        amend_trigger="unsupported",
        based_on="DERIBIT",
    )
    assert load(FULL).venues == load(venue).venues == (venue,)
    assert dumped(load(FULL)) == [FULL]
    assert load({"name": "V"}).venues == (tc.SimVenue("V"),)


def keys_of(name: str) -> list[str]:
    if name == "latency":
        return [f"{leg.name}_latency" for leg in fields(tc.Latency)]
    return ["profile" if name == "based_on" else name]


def test_what_is_written_is_read_again() -> None:
    in_code = tc.SimVenue(
        "V", latency=tc.Latency(entry="1500ns", feed=0), taker_fee_bps=3, clock_lead=timedelta(milliseconds=2)
    )
    table = {
        "name": "V",
        "profile": None,
        "entry_latency": "1500ns",
        "response_latency": "5ms",
        "feed_latency": "0ns",
        "queue": "tracked",
        "granularity": "auto",
        "maker_fee_bps": None,
        "taker_fee_bps": "3",
        "fees": None,
        "fee_tier": None,
        "fee_volume": None,
        "fee_currency": None,
        "fee_token": None,
        "fee_discount": None,
        "fee_token_price": None,
        "option_fee": None,
        "outcome_fee": None,
        "delivery_fee": None,
        "basis": "auto",
        "clock_lead": "2ms",
        "wrong_stamps": "set_aside",
        "stale_after": "1m",
        "mark_source": "mid",
        "uncross": "drop-older",
        "impact": None,
        "accounts": "shared",
        "self_trade": "cancel_newest",
        "balances": None,
        "borrowing": "refused",
        "borrow_rate": None,
        "funding": "data",
        "margin": "off",
        "leverage": "1",
        "maintenance": "0.005",
        "liquidation_fee_bps": None,
        "option_margin": "0.15, 0.1, 0.075",
        "insurance": "fund",
        "amend": "keeps_place",
        "amend_crossing": "refused",
        "reduce_only": "shrinks",
        "day_begins": "0ns",
        "order_types": "any",
        "times_in_force": "any",
        "post_only": "any",
        "triggers": "any",
        "iceberg": "accepted",
        "amend_trigger": "accepted",
    }
    assert dumped(load(in_code), mode="json") == [table]
    assert dumped(load(table), mode="json") == [table]
    assert dumped(load({"name": "V", "maker_fee_bps": -0.3}), mode="json")[0]["maker_fee_bps"] == "-0.3"


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"name": "V", "accouts": "isolated"}, "accouts: unknown key; did you mean accounts?"),
        ({"kueue": "log"}, "kueue: unknown key; did you mean queue?"),
        ({"name": "V", "zzz": 1}, "zzz: unknown key"),
        ({"name": "V", "latency": "5ms"}, "latency: unknown key; did you mean feed_latency?"),
        ({"queue": "log"}, "name: missing"),
        ({"name": 5}, "name: Input should be a valid string, got 5"),
        ({"name": ""}, "name: expected the name of a venue, got ''"),
        ({"name": "V", "entry_latency": 5}, "entry_latency: 5 has no unit: expected a text such as"),
        ({"name": "V", "clock_lead": 5}, "clock_lead: 5 has no unit: expected a text such as"),
        ({"name": "V", "feed_latency": "-1ms"}, "feed_latency: -1ms is less than 0ns"),
        ({"name": "V", "self_trade": "both"}, 'self_trade: "both" is not cancel_newest, cancel_oldest, cancel_both or decr'),
        ({"name": "V", "maker_fee_bps": True}, 'maker_fee_bps: "True" is not a decimal number'),
        ({"name": "V", "taker_fee_bps": 1001}, "taker_fee_bps: 1001 is outside ±1000 bps"),
        ({"name": "V", "leverage": 20}, 'leverage: is of margin, and there is none: say margin="cross"'),
        ({"name": "V", "insurance": "none"}, "insurance: is of margin"),
        ({"name": "V", "fee_volume": 5}, "fee_volume: is of fees by volume, and there are none"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_said_of_its_key(table: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load({"name": "OTHER"}, table)
    key, text = first_problem(caught.value, BacktestConfig)
    assert f"{key}: {text}".startswith(f"venues.1.{problem}")


def test_a_venue_that_is_no_table_is_said_to_be_none() -> None:
    with pytest.raises(ValidationError) as caught:
        load("V")
    assert first_problem(caught.value, BacktestConfig) == ("venues.0", "expected a table, got 'V'")
