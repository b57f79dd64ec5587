"""Balances, positions and fills of the clients of a local Bybit, asked for and told."""

from __future__ import annotations

import itertools
from decimal import Decimal
from functools import partial
from typing import Any

from tradecore.sandbox.bybit.markets import Market, Markets
from tradecore.sandbox.bybit.refusals import bad
from tradecore.sandbox.bybit.requests import Asked
from tradecore.sandbox.desk import Update
from tradecore.sandbox.listeners import Listeners
from tradecore.sandbox.numbers import money, ms
from tradecore.sandbox.refused import Refused

__all__ = ["Accounts"]

Json = dict[str, Any]

_IN_DOLLARS = ("USDT", "USDC", "USD")


class Accounts:
    """Accounts: one wallet over all categories, each of which trades with what is its own."""

    def __init__(self, markets: Markets, users: Listeners) -> None:
        self._markets = markets
        self._users = users
        self._numbers = itertools.count(1)
        for market in markets:
            market.desk.on_update.append(partial(self._on_update, market))

    # Told.

    def _on_update(self, market: Market, update: Update) -> None:
        order, account = update.order, update.order.account
        if order.symbol not in market.traded:
            return
        if order.order_id not in market.desk.orders or not self._users.listen(account):
            return
        of = {"category": market.category}
        self._tell(account, "order", [of | market.shapes.order(order) | {"feeCurrency": "", "closedPnl": "0"}], update)
        if update.execution is not None:
            self._tell(account, "execution", [of | market.shapes.execution(order, update.execution)], update)
        if not market.is_spot:
            entry = {"entryPrice": market.shapes.entry(account, order.symbol), "sessionAvgPrice": ""}
            row = of | market.shapes.position(account, order.symbol, update.ts_ns) | entry
            self._tell(account, "position", [row], update)
        self._tell(account, "wallet", [self._wallet(account)], update)

    def _tell(self, account: int, topic: str, rows: list[Json], update: Update) -> None:
        number = f"{account}_{update.order.symbol}_{next(self._numbers)}"
        told = {"id": number, "topic": topic, "creationTime": ms(update.ts_ns), "data": rows}
        self._users.tell(account, told)

    # Asked for.

    def wallet(self, asked: Asked) -> Json:
        """Return what the account holds."""
        asked.text("accountType", among=("UNIFIED",))
        return {"list": [self._wallet(asked.account)]}

    def _wallet(self, account: int) -> Json:
        coins: dict[str, dict[str, Decimal]] = {}
        for desk in self._markets.desks:
            is_spot = all(instrument.kind == "spot" for instrument in desk.instruments.values())
            for coin, (held, locked) in desk.balances(account).items():
                of = coins.setdefault(coin, dict.fromkeys(("held", "locked", "im", "mm", "upl"), Decimal(0)))
                of["held"] += held
                if is_spot:
                    of["locked"] += locked
                    continue
                _, sums = desk.standing(account, coin)
                of["im"] += sums["initial_margin"]
                of["mm"] += sums["maintenance_margin"]
                of["upl"] += sums["unrealized_pnl"]
        worth = {coin: self._dollars(coin) for coin in coins}
        total = {
            name: sum((row[name] * worth[coin] for coin, row in coins.items()), Decimal(0))
            for name in ("held", "im", "mm", "upl")
        }
        equity = total["held"] + total["upl"]
        return {
            "totalEquity": money(equity),
            "accountIMRate": money(total["im"] / equity if equity else 0),
            "totalMarginBalance": money(equity),
            "totalInitialMargin": money(total["im"]),
            "accountType": "UNIFIED",
            "totalAvailableBalance": money(max(Decimal(0), equity - total["im"])),
            "accountMMRate": money(total["mm"] / equity if equity else 0),
            "totalPerpUPL": money(total["upl"]),
            "totalWalletBalance": money(total["held"]),
            "accountLTV": "0",
            "totalMaintenanceMargin": money(total["mm"]),
            "coin": [self._coin(coin, row, worth[coin]) for coin, row in coins.items()],
        }

    @staticmethod
    def _coin(coin: str, row: dict[str, Decimal], worth: Decimal) -> Json:
        equity = row["held"] + row["upl"]
        return {
            "availableToBorrow": "",
            "bonus": "0",
            "accruedInterest": "0",
            "availableToWithdraw": money(max(Decimal(0), row["held"] - row["locked"] - row["im"])),
            "totalOrderIM": "0",
            "equity": money(equity),
            "totalPositionMM": money(row["mm"]),
            "usdValue": money(equity * worth),
            "unrealisedPnl": money(row["upl"]),
            "collateralSwitch": True,
            "spotHedgingQty": "0",
            "borrowAmount": "0",
            "totalPositionIM": money(row["im"]),
            "walletBalance": money(row["held"]),
            "cumRealisedPnl": "0",
            "locked": money(row["locked"]),
            "marginCollateral": True,
            "coin": coin,
        }

    def _dollars(self, coin: str) -> Decimal:
        """Return what a coin is worth; 0 where no market here says so."""
        if coin in _IN_DOLLARS:
            return Decimal(1)
        for market in self._markets:
            for symbol, instrument in market.desk.instruments.items():
                if instrument.base == coin:
                    return market.desk.mark_price(symbol)
        return Decimal(0)

    def positions(self, asked: Asked) -> Json:
        """Return positions; flat ones only by their symbol."""
        market = self._markets.of(asked)
        if market.is_spot:
            raise bad("category", "has no positions")
        if market.category == "linear" and not asked.params.get("symbol") and not asked.params.get("settleCoin"):
            raise bad("symbol", "or settleCoin is missing")
        rows = [
            market.shapes.position(asked.account, symbol, asked.now_ns)
            | {"avgPrice": market.shapes.entry(asked.account, symbol)}
            for symbol in market.symbols(asked)
        ]
        rows = [row for row in rows if asked.params.get("symbol") or row["side"]]
        page, cursor = asked.page(rows, lambda row: row["symbol"], limit=20, most=200)
        return {"list": page, "nextPageCursor": cursor, "category": market.category}

    def executions(self, asked: Asked) -> Json:
        """Return fills, newest first."""
        market = self._markets.of(asked)
        symbols, since, until = market.symbols(asked), asked.whole("startTime", 0), asked.whole("endTime", 1 << 62)
        params = asked.params
        rows = [
            market.shapes.execution(order, fill)
            for order, fill in reversed(market.desk.fills.get(asked.account, ()))
            if order.symbol in symbols
            and since <= ms(fill.ts_ns) <= until
            and params.get("orderLinkId") in (None, "", order.client_id)
            and params.get("orderId") in (None, "", market.shapes.id_of(order.order_id))
        ]
        page, cursor = asked.page(rows, lambda row: row["execId"], limit=50, most=100)
        return {"nextPageCursor": cursor, "category": market.category, "list": page}

    def fees(self, asked: Asked) -> Json:
        """Return fee rates."""
        market = self._markets.of(asked)
        rows = []
        for symbol in market.symbols(asked):
            of = market.desk.instruments[symbol]
            maker, taker = money(of.maker_fee_bps / 10_000), money(of.taker_fee_bps / 10_000)
            rows.append({"symbol": symbol, "takerFeeRate": taker, "makerFeeRate": maker, "baseCoin": ""})
        return {"list": rows}

    def leverage(self, asked: Asked) -> Json:
        """Lever a symbol."""
        market = self._markets.of(asked)
        symbol, texts = market.symbol(asked), {asked.text("buyLeverage"), asked.text("sellLeverage")}
        text = texts.pop()
        if texts or not text.replace(".", "", 1).isdigit() or not 1 <= Decimal(text) <= 100:
            raise bad("leverage", "invalid")
        if money(market.desk.position(asked.account, symbol)["leverage"]) == money(Decimal(text)):
            raise Refused(110043, "Set leverage has not been modified.")
        if not market.desk.exchange.set_leverage(asked.account, market.desk.market_of[symbol], Decimal(text)):
            raise Refused(110045, "wallet balance is insufficient")
        return {}

    def info(self, asked: Asked) -> Json:
        """Return how the account is set up."""
        return {
            "marginMode": "REGULAR_MARGIN",
            "updatedTime": str(ms(asked.now_ns)),
            "unifiedMarginStatus": 6,
            "dcpStatus": "ON",
            "timeWindow": 10,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }

    def key(self, asked: Asked) -> Json:
        """Return what the key may do: all but withdraw."""
        return {
            "id": str(asked.account + 1),
            "note": "sandbox",
            "apiKey": asked.key,
            "readOnly": 0,
            "permissions": {
                "ContractTrade": ["Order", "Position"],
                "Spot": ["SpotTrade"],
                "Wallet": [],
                "Derivatives": ["DerivativesTrade"],
            },
            "ips": ["*"],
            "type": 1,
            "unified": 0,
            "uta": 1,
            "userID": asked.account + 1,
            "isMaster": True,
        }
