"""What was probably meant."""

from __future__ import annotations

from tradecore.errors import UnknownInstrumentError
from tradecore.hints import did_you_mean


def test_a_word_that_is_nearly_known_is_asked_about_in_any_case():
    known = ("BTCUSDT.BINANCE", "ETHUSDT.BINANCE")
    assert did_you_mean("btcusdt.binance", known) == "; did you mean BTCUSDT.BINANCE?"
    assert did_you_mean("ETHUSTD.BINANCE", known) == "; did you mean ETHUSDT.BINANCE?"
    assert did_you_mean("nothing", known) == did_you_mean("nothing", ()) == ""


def test_an_unknown_instrument_is_asked_about_wherever_it_is_named():
    told = str(UnknownInstrumentError("btcusdt.binance", ("BTCUSDT.BINANCE",)))
    assert told == "unknown instrument btcusdt.binance; known here: BTCUSDT.BINANCE; did you mean BTCUSDT.BINANCE?"


def test_a_symbol_without_a_venue_is_asked_about_with_all_its_ids():
    known = ("BTCUSD.BYBIT", "BTCUSDT.BINANCE", "BTCUSDT.BYBIT", "BTC-USD.COINBASE")
    for written in ("BTCUSDT", "btcusdt", "BTC/USDT", "BTC-USDT", "BTC/USDT:USDT", "BINANCE:BTCUSDT"):
        told = str(UnknownInstrumentError(written, known))
        assert told.endswith("; did you mean BTCUSDT.BINANCE, BTCUSDT.BYBIT?"), told
    assert str(UnknownInstrumentError("BTC/USD", known)).endswith("; did you mean BTCUSD.BYBIT, BTC-USD.COINBASE?")
