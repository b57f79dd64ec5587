"""Tickers as Bybit has them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradecore.sandbox.bybit.markets import Market
from tradecore.sandbox.candles import minutes
from tradecore.sandbox.numbers import money, ms

__all__ = ["ticker", "told_ticker"]

Json = dict[str, Any]

_FUNDING_MS = 8 * 3_600_000


def ticker(market: Market, symbol: str, now_ns: int) -> Json:
    """Write a ticker as a request has it."""
    told = told_ticker(market, symbol, now_ns)
    return told | _best(market, symbol) if market.is_spot else told


def told_ticker(market: Market, symbol: str, now_ns: int) -> Json:
    """Write a ticker as its topic has it: on spot without best prices."""
    price, qty = market.shapes.digits[symbol].price, market.shapes.digits[symbol].qty
    day, hour = market.candles.last(symbol, ms(now_ns)), market.candles.last(symbol, ms(now_ns), minutes(60))
    mark, last = market.desk.mark_price(symbol), market.desk.last_price(symbol)
    first, high, low = (day.open, day.high, day.low) if day else (last, last, last)
    told = {
        "symbol": symbol,
        "lastPrice": price(last),
        "highPrice24h": price(high),
        "lowPrice24h": price(low),
        "prevPrice24h": price(first),
        "volume24h": qty(day.qty if day else Decimal(0)),
        "turnover24h": money(market.shapes.turnover(day.qty, day.quote) if day else None),
        "price24hPcnt": money(round(last / first - 1, 6) if first else None),
    }
    if market.is_spot:
        return told | {"usdIndexPrice": money(mark)}
    at, held = ms(now_ns), market.desk.open_interest(symbol)
    return (
        told
        | {
            "tickDirection": "ZeroPlusTick",
            "prevPrice1h": price(hour.open if hour else last),
            "markPrice": price(mark),
            "indexPrice": price(mark),
            "openInterest": qty(held),
            "openInterestValue": money(market.shapes.value(held, mark)),
            "singleOpenInterest": qty(held),
            "singleOpenInterestValue": money(market.shapes.value(held, mark)),
            "nextFundingTime": str(at - at % _FUNDING_MS + _FUNDING_MS),
            "fundingRate": "0",
            "fundingIntervalHour": "8",
            "fundingCap": "0.00375",
            "preOpenPrice": "",
            "preQty": "",
            "curPreListingPhase": "",
        }
        | _best(market, symbol)
    )


def _best(market: Market, symbol: str) -> Json:
    bid, ask = market.shapes.digits[symbol].best(market.desk.levels(symbol, 1))
    return {"bid1Price": bid[0], "bid1Size": bid[1], "ask1Price": ask[0], "ask1Size": ask[1]}
