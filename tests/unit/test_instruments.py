from __future__ import annotations

import json
import pickle
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tradecore as tc
from conftest import LAST, SET, columns
from tradecore.errors import ConfigError, InstrumentError, InvalidValueError, OffGridError, UnknownInstrumentError
from tradecore.instruments import instrument_from_dict


@pytest.mark.parametrize("price", ["100.3", Decimal("100.3"), 100.3, np.float64(100.3), 100.5 - 0.2])
def test_every_accepted_type_means_the_same_price(instrument: tc.Instrument, price: object) -> None:
    assert instrument.price_to_steps(price) == 1003  # type: ignore[arg-type]


def test_integers_are_prices_not_steps(instrument: tc.Instrument) -> None:
    assert instrument.price_to_steps(100) == instrument.price_to_steps(np.int64(100)) == 1000  # type: ignore[arg-type]


def test_off_grid_names_value_step_and_instrument(instrument: tc.Instrument) -> None:
    with pytest.raises(OffGridError) as caught:
        instrument.price_to_steps("100.35")
    error = caught.value
    assert (error.field, error.value, error.step, error.instrument) == ("price", "100.35", "0.1", "BTCUSDT.TEST")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    with pytest.raises(OffGridError):
        instrument.price_to_steps(100.35)


@pytest.mark.parametrize("price", ["", "abc", "1e400", "nan", float("nan"), float("inf"), "1,5"])
def test_what_is_no_number_is_refused(instrument: tc.Instrument, price: object) -> None:
    with pytest.raises(InvalidValueError):
        instrument.price_to_steps(price)  # type: ignore[arg-type]


@pytest.mark.parametrize("price", [None, [], True, object()])
def test_other_types_are_a_type_error(instrument: tc.Instrument, price: object) -> None:
    with pytest.raises(TypeError):
        instrument.price_to_steps(price)  # type: ignore[arg-type]


@given(st.integers(0, 10**12))
def test_steps_survive_the_way_there_and_back(steps: int) -> None:
    spec = tc.find_instrument("BTCUSDT.BINANCE")
    assert spec.qty_to_steps(spec.qty_from_steps(steps)) == steps
    assert spec.qty_to_steps(str(spec.qty_from_steps(steps))) == steps
    assert spec.price_to_steps(spec.format_price(steps)) == steps


def test_shipped_instruments_cover_the_sample_data() -> None:
    shipped = tc.shipped_instruments()
    for name in ("BTCUSDT.BINANCE", "BTCUSDT.BINANCE_USDM", "BTCUSD_PERP.BINANCE_COINM", "XBTUSD.BITMEX"):
        assert shipped[name].id == name
    assert shipped["XBTUSD.BITMEX"].kind == tc.InstrumentKind.INVERSE
    assert shipped["XBTUSD.BITMEX"].settlement == "XBT"


GRID = {"base": "BTC", "quote": "USD", "price_increment": "0.0005", "qty_increment": "0.1"}
OPTION = {**GRID, "kind": "option", "strike": "60000", "option_side": "call", "expiry_ns": 1_800_000_000_000_000_000}
KINDS = {
    "future": {**GRID, "kind": "inverse", "expiry_ns": "1800000000000000000", "listing_ns": "1700000000000000000"},
    "quanto": {**GRID, "kind": "quanto", "settlement": "XBT", "contract_size": "0.000001"},
    "coin option": {**OPTION, "settlement": "BTC"},
    "cash option": {**OPTION, "option_side": tc.OptionSide.PUT, "strike": Decimal("0.5")},
    "binary": {**GRID, "kind": "binary", "outcome": "Yes", "price_increment": "0.001"},
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_keeps_its_terms(name: str, tmp_path: Path) -> None:
    spec = tc.Instrument("A.B", **KINDS[name])  # type: ignore[arg-type]
    assert all(isinstance(value, str) for value in spec.to_dict().values())
    assert instrument_from_dict(spec.to_dict()) == spec == pickle.loads(pickle.dumps(spec))
    assert eval(repr(spec), {"Instrument": tc.Instrument}) == spec
    catalog = tc.Catalog(tmp_path)
    with catalog.writer(spec) as writer:
        writer.write(columns([(1, SET, 1, LAST, 100, 5)]))
    assert catalog.instrument("A.B") == spec


def test_terms_are_properties() -> None:
    option = tc.Instrument("A.B", **KINDS["coin option"])  # type: ignore[arg-type]
    assert (option.kind, option.settlement, option.is_inverse) == (tc.InstrumentKind.OPTION, "BTC", False)
    assert (option.strike, option.option_side, option.expiry_ns) == (60_000, tc.OptionSide.CALL, 1_800_000_000 * 10**9)
    assert (option.outcome, option.is_perpetual, option.price_limits) == (None, False, None)
    binary = tc.Instrument("A.B", **KINDS["binary"])  # type: ignore[arg-type]
    assert (binary.outcome, binary.settlement, binary.strike, binary.expiry_ns) == ("Yes", "USD", None, None)
    assert binary.price_limits == (Decimal("0.001"), Decimal("0.999"))
    future = tc.Instrument("A.B", **KINDS["future"])  # type: ignore[arg-type]
    assert (future.is_inverse, future.is_perpetual, future.settlement) == (True, False, "BTC")
    assert (future.listing_ns, binary.listing_ns) == (1_700_000_000 * 10**9, None)
    assert tc.find_instrument("XBTUSD.BITMEX").is_perpetual
    assert not tc.find_instrument("BTCUSDT.BINANCE").is_perpetual


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({**OPTION, "strike": None}, "strike", "missing: option instruments have one"),
        ({**OPTION, "strike": "-5"}, "strike", "-5 must be greater than zero"),
        ({**OPTION, "expiry_ns": None}, "expiry_ns", "missing: option instruments have one"),
        ({**OPTION, "option_side": "up"}, "option_side", '"up" is not call or put'),
        ({**OPTION, "kind": "linear"}, "strike", "linear instruments have none"),
        ({**KINDS["binary"], "price_increment": "0.03"}, "price_increment", "1 is not a multiple of 0.03"),
        ({**KINDS["binary"], "tick_size": "0.3"}, "tick_size", "0.3 does not divide the prices of a binary, 0 to 1"),
        ({**KINDS["quanto"], "settlement": None}, "settlement", "a quanto contract has to name it"),
        ({**KINDS["quanto"], "settlement": "USD"}, "settlement", "neither base nor quote, not USD"),
        ({**GRID, "kind": "swap"}, "kind", '"swap" is not one of spot, linear, inverse, quanto, option, binary'),
        ({**OPTION, "expiry": "2027-01-15T08:00:00Z"}, "expiry", "is given as expiry_ns too"),
        ({**OPTION, "listing": "2027-01-15T08:00:00Z"}, "listing_ns", "is not before its expiry"),
        ({**OPTION, "listing_ns": 0}, "listing_ns", "0 is not a time in ns before 2116"),
        ({**OPTION, "expiry_ns": None, "expiry": "2027-01-15"}, "expiry", "'2027-01-15' is not a time with its zone"),
        ({**OPTION, "expiry_ns": None, "expiry": "soon"}, "expiry", "'soon' is not a time with its zone"),
    ],
)
def test_terms_that_do_not_hold_name_their_field(change: dict[str, object], field: str, problem: str) -> None:
    with pytest.raises(InstrumentError) as caught:
        instrument_from_dict({"id": "A.B", **change})
    assert caught.value.instrument == "A.B"
    assert (caught.value.field, problem in caught.value.problem) == (field, True), caught.value.problem


@pytest.mark.parametrize("expiry", [1.5, "soon", True])
def test_an_expiry_is_an_integer(expiry: object) -> None:
    with pytest.raises(InstrumentError, match=r"instrument A.B: expiry_ns: .* is not an integer"):
        instrument_from_dict({"id": "A.B", **OPTION, "expiry_ns": expiry})


@pytest.mark.parametrize("expiry", ["2027-01-15T08:00:00Z", '"2027-01-15T09:00:00+01:00"'])
def test_a_file_may_write_the_expiry_as_a_time(expiry: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        '[[instruments]]\nid = "BTC-15JAN27-60000-C.DERIBIT"\nkind = "option"\nbase = "BTC"\nquote = "USD"\n'
        'settlement = "BTC"\nprice_increment = "0.0001"\ntick_size = "0.0005"\nqty_increment = "0.1"\n'
        f'strike = "60000"\noption_side = "call"\nexpiry = {expiry}\n'
        "listing = 2026-01-15T08:00:00Z\n"
    )
    (spec,) = tc.load_instruments(path).values()
    assert (spec.expiry_ns, spec.kind) == (1_800_000_000 * 10**9, "option")
    assert spec.listing_ns == 1_768_464_000 * 10**9


def test_a_binary_is_held_and_marked_like_a_linear_contract() -> None:
    ledger = tc.PositionLedger(tc.Instrument("A.B", **KINDS["binary"]))  # type: ignore[arg-type]
    ledger.apply("buy", "0.62", "100")
    assert ledger.position("0.65")["unrealized_pnl"] == Decimal(3)


def test_an_unknown_instrument_says_what_is_known() -> None:
    with pytest.raises(UnknownInstrumentError, match=r"unknown instrument NOPE\.X; known here: .*BTCUSDT\.BINANCE"):
        tc.find_instrument("NOPE.X")


def test_an_id_that_is_twice_in_a_file_is_refused(instrument: tc.Instrument, tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps([instrument.to_dict(), instrument.to_dict()]))
    with pytest.raises(InstrumentError, match=r"instrument BTCUSDT\.TEST: id: is twice in .*own\.json"):
        tc.load_instruments(path)


def test_specs_round_trip_and_compare_by_value(instrument: tc.Instrument) -> None:
    again = instrument_from_dict(instrument.to_dict())
    assert again == instrument
    assert hash(again) == hash(instrument)
    assert pickle.loads(pickle.dumps(instrument)) == instrument
    assert eval(repr(instrument), {"Instrument": tc.Instrument}) == instrument
    other = instrument_from_dict({**instrument.to_dict(), "taker_fee_bps": "6"})
    assert other != instrument


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"price_increment": "0"}, "price_increment"),
        ({"tick_size": "0.25"}, "tick_size"),
        ({"kind": "weird"}, "kind"),
        ({"settlement": "BTC", "kind": "spot"}, "settlement"),
        ({"maker_fee_bps": "2000"}, "maker_fee_bps"),
        ({"colour": "red"}, "colour"),
        ({"base": None}, "base"),
        ({"id": "NODOT"}, "id"),
    ],
)
def test_a_bad_specification_names_its_field(instrument: tc.Instrument, change: dict[str, str], field: str) -> None:
    spec = {k: v for k, v in {**instrument.to_dict(), **change}.items() if v is not None}
    with pytest.raises(InstrumentError) as caught:
        instrument_from_dict(spec)
    assert caught.value.field == field


def test_loading_from_toml_and_json(tmp_path: Path, instrument: tc.Instrument) -> None:
    spec = instrument.to_dict()
    toml = tmp_path / "own.toml"
    toml.write_text("[[instruments]]\n" + "\n".join(f'{k} = "{v}"' for k, v in spec.items()))
    own = tmp_path / "own.json"
    own.write_text(json.dumps([spec]))
    assert tc.load_instruments(toml) == tc.load_instruments(own) == {instrument.id: instrument}
    for file in (toml, own):  # As editors on Windows write it.
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
        assert tc.load_instruments(file) == {instrument.id: instrument}
    own.write_text(json.dumps([{**spec, "price_increment": None}]))
    with pytest.raises(InstrumentError, match="price_increment: missing"):
        tc.load_instruments(own)
    (tmp_path / "bad.toml").write_text("instruments = 3")
    for bad in ("bad.toml", "missing.toml"):
        with pytest.raises(ConfigError, match=bad):
            tc.load_instruments(tmp_path / bad)
