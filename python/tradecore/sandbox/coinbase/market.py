"""What a local Coinbase answers about its time, its products and its accounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradecore.sandbox.candles import DAY, Candle, Candles, minutes
from tradecore.sandbox.coinbase.refusals import bad
from tradecore.sandbox.coinbase.requests import Asked
from tradecore.sandbox.coinbase.shapes import Shapes, id_of
from tradecore.sandbox.desk import Desk
from tradecore.sandbox.numbers import money, ms
from tradecore.venues.coinbase.private import to_text

__all__ = ["Accounts", "Market", "candle"]

Json = dict[str, Any]

_GRANULARITIES = {
    "ONE_MINUTE": minutes(1), "FIVE_MINUTE": minutes(5), "FIFTEEN_MINUTE": minutes(15), "THIRTY_MINUTE": minutes(30),
    "ONE_HOUR": minutes(60), "TWO_HOUR": minutes(120), "SIX_HOUR": minutes(360), "ONE_DAY": DAY,
}  # fmt: skip
_MOST_CANDLES = 350


class Market:
    """Requests that everybody may send."""

    def __init__(self, desk: Desk, shapes: Shapes, candles: Candles) -> None:
        self._desk = desk
        self._shapes = shapes
        self._candles = candles

    def time(self, asked: Asked) -> Json:
        """Return the venue's time."""
        seconds, millis = asked.now_ns // 10**9, ms(asked.now_ns)
        return {"iso": to_text(asked.now_ns), "epochSeconds": str(seconds), "epochMillis": str(millis)}

    def products(self, asked: Asked) -> Json:
        """Return products."""
        wanted, is_spot = asked.wants("product_ids"), asked.wants("product_type")("SPOT")
        rows = [
            self._shapes.product(symbol, asked.now_ns) for symbol in self._desk.symbols if is_spot and wanted(symbol)
        ]
        return {"products": rows, "num_products": len(rows), "pagination": None}

    def product(self, asked: Asked) -> Json:
        """Return a product."""
        return self._shapes.product(asked.product(self._desk.market_of), asked.now_ns)

    def book(self, asked: Asked) -> Json:
        """Return a book."""
        product = asked.product(self._desk.market_of)
        told = self._pricebook(product, asked.whole("limit", 1_000, most=1_000), asked.now_ns)
        bid, ask = (Decimal(side[0]) for side in self._shapes.best(product))
        mid, spread = (bid + ask) / 2, ask - bid
        return {
            "pricebook": told,
            "last": self._shapes.digits[product].price(self._desk.last_price(product)),
            "mid_market": money(mid),
            "spread_bps": money(spread / mid * 10_000 if mid else Decimal(0)),
            "spread_absolute": money(spread),
        }

    def _pricebook(self, product: str, levels: int, now_ns: int) -> Json:
        write = self._shapes.digits[product].levels
        sides = [
            [{"price": price, "size": size} for price, size in write(side.items())]
            for side in self._desk.levels(product, levels)
        ]
        return {"product_id": product, "bids": sides[0], "asks": sides[1], "time": to_text(now_ns)}

    def best(self, asked: Asked) -> Json:
        """Return best prices."""
        wanted = asked.wants("product_ids")
        return {"pricebooks": [self._pricebook(each, 1, asked.now_ns) for each in self._desk.symbols if wanted(each)]}

    def trades(self, asked: Asked) -> Json:
        """Return the last trades, newest first, and best prices."""
        product, limit = asked.product(self._desk.market_of), asked.whole("limit", 100, most=1_000)
        last = list(self._desk.trades[product])[-limit:]
        beside = {"bid": "", "ask": "", "exchange": "coinbase"}
        bid, ask = self._shapes.best(product)
        rows = [self._shapes.trade(product, trade) | beside for trade in reversed(last)]
        return {"trades": rows, "best_bid": bid[0], "best_ask": ask[0]}

    def candles(self, asked: Asked) -> Json:
        """Return candles of what was traded here, newest first."""
        product, span = asked.product(self._desk.market_of), _GRANULARITIES.get(str(asked.params.get("granularity")))
        if span is None:
            raise bad("granularity")
        since, until = asked.whole("start", 0), asked.whole("end", 1 << 62)
        rows = [candle(self._shapes, product, each) for each in self._candles.of(product, span)]
        wanted = [row for row in rows if since <= int(row["start"]) <= until]
        return {"candles": wanted[: -_MOST_CANDLES - 1 : -1]}


def candle(shapes: Shapes, product: str, of: Candle) -> dict[str, str]:
    """Write a candle."""
    price = shapes.digits[product].price
    prices = {name: price(getattr(of, name)) for name in ("low", "high", "open", "close")}
    return {"start": str(of.start_ms // 1_000), **prices, "volume": shapes.digits[product].qty(of.qty)}


class Accounts:
    """What a client has, may do and pays."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def accounts(self, asked: Asked) -> Json:
        """Return balances."""
        at = to_text(asked.now_ns)
        rows = [
            {
                "uuid": id_of((asked.account + 1) * 1_000 + number),
                "name": f"{currency} Wallet",
                "currency": currency,
                "available_balance": {"value": money(held - locked), "currency": currency},
                "default": True,
                "active": True,
                "created_at": at,
                "updated_at": at,
                "deleted_at": None,
                "type": "ACCOUNT_TYPE_FIAT" if currency == "USD" else "ACCOUNT_TYPE_CRYPTO",
                "ready": True,
                "hold": {"value": money(locked), "currency": currency},
                "retail_portfolio_id": id_of(0),
                "platform": "ACCOUNT_PLATFORM_CONSUMER",
            }
            for number, (currency, (held, locked)) in enumerate(self._desk.balances(asked.account).items())
        ]
        page, cursor = asked.page(rows, most=250)
        return {"accounts": page, "has_next": bool(cursor), "cursor": cursor, "size": len(page)}

    def permissions(self, asked: Asked) -> Json:
        """Return what the key may do: all but withdraw."""
        portfolio = {"portfolio_uuid": id_of(0), "portfolio_type": "DEFAULT"}
        return {"can_view": True, "can_trade": True, "can_transfer": False, **portfolio}

    def summary(self, asked: Asked) -> Json:
        """Return fee rates."""
        of = next(iter(self._desk.instruments.values()))
        maker, taker = money(of.maker_fee_bps / 10_000), money(of.taker_fee_bps / 10_000)
        fills = self._desk.fills.get(asked.account, ())
        volume = float(sum((fill.price * fill.qty for _, fill in fills), Decimal(0)))
        fees = float(sum((fill.fee for _, fill in fills), Decimal(0)))
        tier = {
            "pricing_tier": "Sandbox",
            "usd_from": "0",
            "usd_to": "",
            "taker_fee_rate": taker,
            "maker_fee_rate": maker,
        }
        return {"total_volume": volume, "total_fees": fees, "fee_tier": tier, "advanced_trade_only_volume": volume}
