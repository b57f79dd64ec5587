"""Profiles of venues: one table, said to Python, to configurations, to results and in the documentation."""

from __future__ import annotations

import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from pydantic import ValidationError

import tradecore as tc
from tradecore.config import BacktestConfig
from tradecore.errors import InvalidValueError
from tradecore.profiles import ABOUT, profiles
from tradecore.validation import first_problem

PAGE = Path(__file__).parents[2] / "docs" / "pages" / "venues.md"
TAKES = ("order_types", "times_in_force", "post_only", "triggers", "iceberg", "reduce_only")
DOES = ("amend", "amend_crossing", "amend_trigger", "self_trade", "day_begins")
STRATEGIES = [{"kind": "touch_maker"}]


def load(**venue: Any) -> tc.SimVenue:
    return BacktestConfig.model_validate({"venues": [venue], "strategies": STRATEGIES}).venues[0]


def shown(name: str, key: str, value: Any) -> str:
    return f"{value} (a)" if key in profiles()[name]["assumed"] else f"{value}"


def table(keys: tuple[str, ...]) -> str:
    lines = ["| profile | " + " | ".join(f"`{key}`" for key in keys) + " |", "|---" * (len(keys) + 1) + "|"]
    for name in profiles():
        venue = tc.SimVenue.profile(name)
        lines.append(f"| `{name}` | " + " | ".join(shown(name, key, getattr(venue, key)) for key in keys) + " |")
    return "\n".join(lines)


def fees() -> str:
    keys = ("fees", "fee_currency", "option_fee", "outcome_fee", "delivery_fee")
    lines = ["| profile | " + " | ".join(f"`{key}`" for key in keys) + " |", "|---" * (len(keys) + 1) + "|"]
    for name in profiles():
        venue = tc.SimVenue.profile(name)
        cells = (shown(name, key, value) if (value := getattr(venue, key)) else "" for key in keys)
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def latencies() -> str:
    lines = ["| profile | entry | response |", "|---|---|---|"]
    for name in profiles():
        latency = tc.SimVenue.profile(name).latency
        legs = (shown(name, "latency", f"`{leg}`") for leg in (latency.entry, latency.response))
        lines.append(f"| `{name}` | " + " | ".join(legs) + " |")
    return "\n".join(lines)


def titles() -> str:
    lines = ["| profile | of |", "|---|---|"]
    return "\n".join(lines + [f"| `{name}` | {profile['title']} |" for name, profile in profiles().items()])


def test_the_documented_tables_are_those_of_the_profiles() -> None:
    page = PAGE.read_text()
    for told in (titles(), table(TAKES), table(DOES), fees(), latencies()):
        assert told in page, told


@pytest.mark.parametrize("name", profiles())
def test_a_profile_sets_every_rule_it_names_and_says_so(name: str) -> None:
    venue = tc.SimVenue.profile(name)
    assert (venue.name, venue.based_on) == (name, name)
    told = {key: value for key, value in profiles()[name].items() if key not in (*ABOUT, "latency")}
    assert {key: getattr(venue, key) for key in told} == told
    assert venue.latency.entry == profiles()[name]["latency"]["entry"]
    assert load(profile=name) == venue
    assert set(profiles()[name]["assumed"]) <= {field.name for field in fields(tc.SimVenue)}


def test_every_setting_of_a_profile_can_be_another() -> None:
    venue = tc.SimVenue.profile("BINANCE_USDM", name="MINE", taker_fee_bps="3", triggers=["mid"], queue="power(3)")
    assert (venue.name, venue.taker_fee_bps, venue.triggers, venue.queue) == ("MINE", "3", "mid", "power(3)")
    assert (venue.fees, venue.amend) == (profiles()["BINANCE_USDM"]["fees"], "loses_place")
    assert venue == load(profile="BINANCE_USDM", name="MINE", taker_fee_bps="3", triggers=["mid"], queue="power(3)")
    one_leg = load(profile="BINANCE_USDM", entry_latency="7ms").latency
    assert (one_leg.entry, one_leg.response) == ("7ms", tc.SimVenue.profile("BINANCE_USDM").latency.response)
    own = tc.SimVenue.profile("BYBIT", latency=tc.Latency(entry="7ms"))
    assert own.latency == tc.Latency(entry="7ms")


def test_a_shown_configuration_says_the_profile_and_reads_back() -> None:
    config = BacktestConfig.model_validate(
        {"venues": [{"profile": "DERIBIT", "amend": "loses_place"}], "strategies": STRATEGIES}
    )
    dumped = config.model_dump(mode="json", exclude_none=True)
    dumped["venues"] = [{key: value for key, value in venue.items() if value is not None} for venue in dumped["venues"]]
    text = tomli_w.dumps(dumped)
    assert 'profile = "DERIBIT"' in text
    assert 'post_only = "reject, slide"' in text
    assert BacktestConfig.model_validate(tomllib.loads(text)) == config


def test_an_unknown_profile_is_told_with_what_was_meant() -> None:
    with pytest.raises(InvalidValueError, match=r"profile.*'BINANCE_USD' is none of BINANCE, .*did you mean BINANCE"):
        tc.SimVenue.profile("BINANCE_USD")
    with pytest.raises(InvalidValueError, match="did you mean DERIBIT"):
        tc.SimVenue.profile("deribit")
    with pytest.raises(InvalidValueError, match="profile"):
        tc.SimVenue("X", based_on="NOWHERE")
    with pytest.raises(InvalidValueError, match=r"^lantency: is no setting of a venue; did you mean latency\?"):
        tc.SimVenue.profile("BYBIT", lantency="1ms")
    with pytest.raises(ValidationError) as told:
        load(profile="BITMX")
    assert first_problem(told.value, BacktestConfig)[0] == "venues.0.profile"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("order_types", "limit, iceberg", "'iceberg'|\"iceberg\" is not any, none, market, limit"),
        ("times_in_force", ["gtc", "gtx"], '"gtx" is not any, none, gtc, ioc'),
        ("post_only", "slides", '"slides" is not any, none, reject, slide'),
        ("triggers", "index", '"index" is not any, none, last, mark, mid'),
        ("iceberg", "yes", '"yes" is not accepted or unsupported'),
        ("amend_trigger", "yes", '"yes" is not accepted or unsupported'),
        ("amend", "never", '"never" is not keeps_place, loses_place or unsupported'),
        ("order_types", 5, "words with commas"),
    ],
)
def test_what_a_venue_cannot_take_is_told_by_its_key(key: str, value: Any, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem) as told:
        tc.SimVenue("V", **{key: value})
    assert told.value.field == key


def test_a_copy_keeps_the_profile() -> None:
    venue = tc.SimVenue.profile("COINBASE")
    assert replace(venue, queue="log").based_on == "COINBASE"
