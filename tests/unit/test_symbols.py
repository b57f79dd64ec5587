"""What symbols of venues say of their instruments, by the grammar each venue documents."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

import tradecore as tc
from tradecore.data.symbols import describe
from tradecore.instruments import TARDIS_VENUES, shipped_instruments


def ns(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[misc]


KNOWN = [
    # symbol, venue, kind, base, quote, settlement, contract size, expiry
    ("BNBBTC", "BINANCE", "spot", "BNB", "BTC", None, "1", None),
    ("币安人生USDT", "BINANCE", "spot", "币安人生", "USDT", None, "1", None),
    ("1000PEPEUSDT", "BINANCE_USDM", "linear", "1000PEPE", "USDT", None, "1", None),
    ("SOLUSDC", "BINANCE_USDM", "linear", "SOL", "USDC", None, "1", None),
    ("ETHUSDT_261225", "BINANCE_USDM", "linear", "ETH", "USDT", None, "1", ns(2026, 12, 25, 8)),
    ("BTCUSD_PERP", "BINANCE_COINM", "inverse", "BTC", "USD", None, "100", None),
    ("LTCUSD_260327", "BINANCE_COINM", "inverse", "LTC", "USD", None, "10", ns(2026, 3, 27, 8)),
    ("DOGEUSDT", "BYBIT", "linear", "DOGE", "USDT", None, "1", None),
    ("ETHPERP", "BYBIT", "linear", "ETH", "USDC", None, "1", None),
    ("XRPUSD", "BYBIT", "inverse", "XRP", "USD", None, "1", None),
    ("BTCUSDH23", "BYBIT", "inverse", "BTC", "USD", None, "1", ns(2023, 3, 31, 8)),
    ("BTCUSDT-26SEP25", "BYBIT", "linear", "BTC", "USDT", None, "1", ns(2025, 9, 26, 8)),
    ("ETH-27MAR26", "BYBIT", "linear", "ETH", "USDC", None, "1", ns(2026, 3, 27, 8)),
    ("ETHBTC", "BYBIT_SPOT", "spot", "ETH", "BTC", None, "1", None),
    ("ETH-PERPETUAL", "DERIBIT", "inverse", "ETH", "USD", None, "1", None),
    ("ETH-5JUN26", "DERIBIT", "inverse", "ETH", "USD", None, "1", ns(2026, 6, 5, 8)),
    ("SOL_USDC-PERPETUAL", "DERIBIT", "linear", "SOL", "USDC", None, "1", None),
    ("ETH_BTC", "DERIBIT", "spot", "ETH", "BTC", None, "1", None),
    ("ETH-USDT-SWAP", "OKEX_SWAP", "linear", "ETH", "USDT", None, "0.1", None),
    ("BTC-USD-SWAP", "OKEX_SWAP", "inverse", "BTC", "USD", None, "100", None),
    ("XRP-USD-260925", "OKEX_FUTURES", "inverse", "XRP", "USD", None, "10", ns(2026, 9, 25, 8)),
    ("SOL-USDC", "OKX", "spot", "SOL", "USDC", None, "1", None),
    ("XBTUSD", "BITMEX", "inverse", "XBT", "USD", None, "1", None),
    ("XBTU21", "BITMEX", "inverse", "XBT", "USD", None, "1", ns(2021, 9, 24, 12)),
    ("BCHUSD", "BITMEX", "quanto", "BCH", "USD", "XBT", "0.000001", None),
    ("ETHUSDH22", "BITMEX", "quanto", "ETH", "USD", "XBT", "0.000001", ns(2022, 3, 25, 12)),
    ("TRXU21", "BITMEX", "linear", "TRX", "XBT", None, "1", ns(2021, 9, 24, 12)),
    ("XBTUSDT", "BITMEX", "linear", "XBT", "USDT", None, "0.000001", None),
    ("XBT_USDT", "BITMEX", "spot", "XBT", "USDT", None, "1", None),
    ("ETH-EUR", "COINBASE", "spot", "ETH", "EUR", None, "1", None),
    ("ETH-PERP-INTX", "COINBASE", "linear", "ETH", "USDC", None, "1", None),
    ("ETH-PERP", "COINBASE_INTERNATIONAL", "linear", "ETH", "USDC", None, "1", None),
    ("XBT/EUR", "KRAKEN", "spot", "XBT", "EUR", None, "1", None),
    ("PI_ETHUSD", "KRAKEN_FUTURES", "inverse", "ETH", "USD", None, "1", None),
    ("PF_SOLUSD", "KRAKEN_FUTURES", "linear", "SOL", "USD", None, "1", None),
    ("FI_XBTUSD_210625", "KRAKEN_FUTURES", "inverse", "XBT", "USD", None, "1", ns(2021, 6, 25, 15)),
    ("FI_XBTUSD_201225", "KRAKEN_FUTURES", "inverse", "XBT", "USD", None, "1", ns(2020, 12, 25, 16)),
    ("ETH-USD", "HUOBI_DM_SWAP", "inverse", "ETH", "USD", None, "10", None),
    ("ethusdt", "HUOBI", "spot", "ETH", "USDT", None, "1", None),
]


@pytest.mark.parametrize(("symbol", "venue", "kind", "base", "quote", "settlement", "size", "expiry"), KNOWN)
def test_a_symbol_says_what_its_contract_is(
    symbol: str, venue: str, kind: str, base: str, quote: str, settlement: str | None, size: str, expiry: int | None
) -> None:
    terms = describe(symbol, venue)
    told = (terms.kind, terms.base, terms.quote, terms.settlement, terms.contract_size, terms.expiry_ns)
    assert told == (kind, base, quote, settlement, Decimal(size), expiry)


@pytest.mark.parametrize(
    ("symbol", "venue", "settlement", "expiry", "strike", "side"),
    [
        ("BTC-27MAR26-100000-C", "DERIBIT", "BTC", ns(2026, 3, 27, 8), "100000", "call"),
        ("BTC-9JUN20-9875-P", "DERIBIT", "BTC", ns(2020, 6, 9, 8), "9875", "put"),
        ("XRP_USDC-30JUN23-0d5-C", "DERIBIT", None, ns(2023, 6, 30, 8), "0.5", "call"),
        ("ETH-25DEC26-3000-P", "BYBIT", None, ns(2026, 12, 25, 8), "3000", "put"),
        ("ETH-25DEC26-3000-P-USDT", "BYBIT_OPTIONS", None, ns(2026, 12, 25, 8), "3000", "put"),
        ("BTC-260327-90000-C", "BINANCE_EUROPEAN_OPTIONS", None, ns(2026, 3, 27, 8), "90000", "call"),
    ],
)
def test_an_option_says_its_strike_its_side_and_its_day(
    symbol: str, venue: str, settlement: str | None, expiry: int, strike: str, side: str
) -> None:
    terms = describe(symbol, venue)
    told = (terms.kind, terms.settlement, terms.expiry_ns, terms.strike, terms.option_side, terms.contract_size)
    assert told == ("option", settlement, expiry, Decimal(strike), side, 1)


@pytest.mark.parametrize(
    ("symbol", "venue", "why"),
    [
        ("BTCUSD_PERP", "BINANCE_USDM", "BINANCE_COINM"),
        ("BTC-FS-25DEC26_PERP", "DERIBIT", "combination"),
        ("BTC-CS-25DEC26-70000_75000", "DERIBIT", "combination"),
        ("BTCDVOL_USDC-25MAR26", "DERIBIT", "volatility"),
        ("BTCUSDT_260231", "BINANCE_USDM", "no symbol of BINANCE_USDM"),  # no day of the calendar
        ("UNIUSDT", "BITMEX", "no symbol of BITMEX"),  # quanto in 2021, linear since
        ("ETHUSD_ETH", "BITMEX", "no symbol of BITMEX"),
        ("ETHYLDH23", "BITMEX", "no symbol of BITMEX"),
        ("FOO-USDT", "OKEX_SWAP", "no symbol of OKEX_SWAP"),
        ("BIT-28NOV25-CDE", "COINBASE", "no symbol of COINBASE"),
        ("BTCUSDT", "NEWVENUE", "no rule"),
    ],
)
def test_what_a_symbol_does_not_say_is_not_guessed(symbol: str, venue: str, why: str) -> None:
    terms = describe(symbol, venue)
    assert (terms.kind, terms.contract_size) == (None, None)
    assert why in terms.says


def test_contracts_of_a_size_that_differs_by_coin_are_asked_for() -> None:
    terms = describe("SOL-USDT-SWAP", "OKEX_SWAP")
    assert (terms.kind, terms.contract_size) == ("linear", None)


def test_rules_agree_with_what_is_shipped_and_make_instruments() -> None:
    for spec in shipped_instruments().values():
        terms = describe(spec.symbol, spec.venue)
        told = (terms.kind, terms.base, terms.quote, terms.settlement or spec.settlement, terms.contract_size)
        assert told == (spec.kind, spec.base, spec.quote, spec.settlement, spec.contract_size)
    for symbol, venue, *_ in KNOWN:
        terms = describe(symbol, venue)
        tc.Instrument(
            f"{symbol}.{venue}",
            kind=str(terms.kind),
            base=str(terms.base),
            quote=str(terms.quote),
            settlement=terms.settlement,
            contract_size=terms.contract_size or 0,
            expiry_ns=terms.expiry_ns,
            price_increment="0.01",
            qty_increment="1",
        )


def test_venues_of_the_vendor_have_one_name_each() -> None:
    assert len(set(TARDIS_VENUES.values())) == len(TARDIS_VENUES)
