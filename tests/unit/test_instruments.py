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
    (tmp_path / "bad.toml").write_text("instruments = 3")
    for bad in ("bad.toml", "missing.toml"):
        with pytest.raises(ConfigError, match=bad):
            tc.load_instruments(tmp_path / bad)
