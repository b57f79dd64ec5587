"""Balances, positions and fills of the clients of a local Binance, asked for and told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tradecore.sandbox.binance.algos import is_waiting
from tradecore.sandbox.binance.requests import Asked
from tradecore.sandbox.binance.shapes import Shapes, UsdmShapes
from tradecore.sandbox.binance.users import Users
from tradecore.sandbox.desk import MAINTENANCE, Desk, OrderRecord, Update
from tradecore.sandbox.numbers import ms
from tradecore.sandbox.refused import Refused

__all__ = ["SpotAccounts", "UsdmAccounts"]

Json = dict[str, Any]


class _Accounts(ABC):
    """What both markets do alike."""

    def __init__(self, desk: Desk, shapes: Shapes, users: Users) -> None:
        self._desk = desk
        self._shapes = shapes
        self._users = users
        desk.on_update.append(self._on_update)

    @abstractmethod
    def _told(self, update: Update, execution: Json) -> list[Json]:
        """Return what a client is told of an execution, in order."""

    def _on_update(self, update: Update) -> None:
        account = update.order.account
        if update.order.status == "REJECTED" or not self._users.listen(account):
            return
        execution = self._shapes.execution(update)
        if execution is not None:
            for event in self._told(update, execution):
                self._users.tell(account, event)

    def own_trades(self, asked: Asked) -> list[Json]:
        """Return the last fills of a symbol."""
        symbol, limit = asked.symbol(self._desk.market_of), asked.whole("limit", 500)
        order_id = asked.whole("orderId", 0)
        mine = self._desk.fills.get(asked.account, ())
        rows = [(o, f) for o, f in mine if o.symbol == symbol and order_id in (0, o.order_id)]
        return [self._shapes.own_trade(order, fill) for order, fill in rows[-limit:]]


class SpotAccounts(_Accounts):
    """Accounts of spot."""

    def _told(self, update: Update, execution: Json) -> list[Json]:
        return [execution, self._moved(update.order, ms(update.ts_ns))]

    def account(self, asked: Asked) -> Json:
        """Return rates and balances of spot."""
        instrument = next(iter(self._desk.instruments.values()))
        rates = {"maker": instrument.maker_fee_bps, "taker": instrument.taker_fee_bps}
        zero = f"{Decimal(0):.8f}"
        return {
            "makerCommission": int(rates["maker"]),
            "takerCommission": int(rates["taker"]),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                **{name: f"{rate / 10_000:.8f}" for name, rate in rates.items()}, "buyer": zero, "seller": zero,
            },
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": ms(asked.now_ns),
            "accountType": "SPOT",
            "balances": [
                {"asset": asset, "free": f"{held - locked:.8f}", "locked": f"{locked:.8f}"}
                for asset, (held, locked) in self._desk.balances(asked.account).items()
            ],
            "permissions": ["SPOT"],
            "uid": asked.account + 1,
        }  # fmt: skip

    def _moved(self, order: OrderRecord, at: int) -> Json:
        instrument, balances = self._desk.instruments[order.symbol], self._desk.balances(order.account)
        fees = {fill.fee_asset for fill in order.executions}
        touched = [asset for asset in balances if asset in {instrument.base, instrument.quote, *fees}]
        rows = [
            {"a": asset, "f": f"{balances[asset][0] - balances[asset][1]:.8f}", "l": f"{balances[asset][1]:.8f}"}
            for asset in touched
        ]
        return {"e": "outboundAccountPosition", "E": at, "u": at, "B": rows}


class UsdmAccounts(_Accounts):
    """Accounts of USD-M futures."""

    _shapes: UsdmShapes

    def _on_update(self, update: Update) -> None:
        order = update.order
        if not is_waiting(order):
            super()._on_update(update)
        elif order.status == "REJECTED":  # it was never taken
            return
        if order.algo_id and (is_waiting(order) or update.kind == "triggered" or not order.is_open):
            self._users.tell(order.account, self._shapes.algo_update(update))

    def _told(self, update: Update, execution: Json) -> list[Json]:
        moved = [] if update.execution is None else [self._moved(update.order, ms(update.ts_ns))]
        return [*moved, execution]

    def account(self, asked: Asked) -> Json:
        """Return margins, balances and positions of futures."""
        held, sums = self._desk.standing(asked.account)
        assets = [
            self._asset(asset, wallet, sums, ms(asked.now_ns))
            for asset, (wallet, _) in self._desk.balances(asked.account).items()
        ]
        total = assets[0] if assets else self._asset("USDT", Decimal(0), sums, ms(asked.now_ns))
        return {
            "totalInitialMargin": total["initialMargin"],
            "totalMaintMargin": total["maintMargin"],
            "totalWalletBalance": total["walletBalance"],
            "totalUnrealizedProfit": total["unrealizedProfit"],
            "totalMarginBalance": total["marginBalance"],
            "totalPositionInitialMargin": total["positionInitialMargin"],
            "totalOpenOrderInitialMargin": total["openOrderInitialMargin"],
            "totalCrossWalletBalance": total["crossWalletBalance"],
            "totalCrossUnPnl": total["crossUnPnl"],
            "availableBalance": total["availableBalance"],
            "maxWithdrawAmount": total["maxWithdrawAmount"],
            "assets": assets,
            "positions": [
                {
                    "symbol": symbol,
                    "positionSide": "BOTH",
                    "positionAmt": self._shapes.digits[symbol].qty(position["qty"]),
                    "unrealizedProfit": f"{position['unrealized_pnl']:.8f}",
                    "isolatedMargin": "0",
                    "notional": f"{position['value']:.8f}",
                    "isolatedWallet": "0",
                    "initialMargin": f"{position['initial_margin']:.8f}",
                    "maintMargin": f"{position['maintenance_margin']:.8f}",
                    "updateTime": ms(asked.now_ns),
                }
                for symbol, position in held.items()
                if position["qty"]
            ],
        }

    def _asset(self, asset: str, wallet: Decimal, sums: Mapping[str, Decimal], at_ms: int) -> Json:
        zero = f"{Decimal(0):.8f}"
        free = max(Decimal(0), wallet + sums["unrealized_pnl"] - sums["initial_margin"])
        return {
            "asset": asset,
            "walletBalance": f"{wallet:.8f}",
            "unrealizedProfit": f"{sums['unrealized_pnl']:.8f}",
            "marginBalance": f"{wallet + sums['unrealized_pnl']:.8f}",
            "maintMargin": f"{sums['maintenance_margin']:.8f}",
            "initialMargin": f"{sums['initial_margin']:.8f}",
            "positionInitialMargin": f"{sums['initial_margin']:.8f}",
            "openOrderInitialMargin": zero,
            "crossWalletBalance": f"{wallet:.8f}",
            "crossUnPnl": f"{sums['unrealized_pnl']:.8f}",
            "availableBalance": f"{free:.8f}",
            "maxWithdrawAmount": f"{free:.8f}",
            "updateTime": at_ms,
        }

    def balance(self, asked: Asked) -> list[Json]:
        """Return the balances of futures."""
        _, sums = self._desk.standing(asked.account)
        names = ("crossWalletBalance", "crossUnPnl", "availableBalance", "maxWithdrawAmount")
        rows = []
        for asset, (wallet, _) in self._desk.balances(asked.account).items():
            row = self._asset(asset, wallet, sums, ms(asked.now_ns))
            head = {"accountAlias": "sandbox", "asset": asset, "balance": row["walletBalance"]}
            rows.append(
                {**head, **{name: row[name] for name in names}, "marginAvailable": True, "updateTime": ms(asked.now_ns)}
            )
        return rows

    def positions(self, asked: Asked) -> list[Json]:
        """Return the positions of futures."""
        rows = []
        for symbol in asked.symbols(self._desk.symbols):
            position = self._desk.position(asked.account, symbol)
            digits = self._shapes.digits[symbol]
            entry = f"{position['avg_entry_price'] or 0.0:.8f}"
            rows.append(
                {
                    "symbol": symbol,
                    "positionSide": "BOTH",
                    "positionAmt": digits.qty(position["qty"]),
                    "entryPrice": entry,
                    "breakEvenPrice": entry,
                    "markPrice": f"{position['mark_price'] or 0.0:.8f}",
                    "unRealizedProfit": f"{position['unrealized_pnl']:.8f}",
                    "liquidationPrice": "0",
                    "isolatedMargin": "0",
                    "notional": f"{position['value'] if position['qty'] >= 0 else -position['value']:.8f}",
                    "marginAsset": self._desk.instruments[symbol].settlement,
                    "isolatedWallet": "0",
                    "initialMargin": f"{position['initial_margin']:.8f}",
                    "maintMargin": f"{position['maintenance_margin']:.8f}",
                    "positionInitialMargin": f"{position['initial_margin']:.8f}",
                    "openOrderInitialMargin": "0",
                    "adl": 0,
                    "bidNotional": "0",
                    "askNotional": "0",
                    "updateTime": ms(asked.now_ns),
                    "leverage": str(position["leverage"]),
                    "marginType": "cross",
                }
            )
        return rows

    def leverage(self, asked: Asked) -> Json:
        """Lever a symbol."""
        symbol, leverage = asked.symbol(self._desk.market_of), asked.whole("leverage", 0)
        if not 1 <= leverage <= 125:
            raise Refused(-4028, f"Leverage {leverage} is not valid.")
        if not self._desk.exchange.set_leverage(asked.account, self._desk.market_of[symbol], leverage):
            raise Refused(-2019, "Margin is insufficient.")
        at, config = ms(asked.now_ns), {"s": symbol, "l": leverage}
        self._users.tell(asked.account, {"e": "ACCOUNT_CONFIG_UPDATE", "E": at, "T": at, "ac": config})
        return {"leverage": leverage, "maxNotionalValue": "1000000", "symbol": symbol}

    def brackets(self, asked: Asked) -> list[Json]:
        """Return up to which worth positions may be levered how far: here one bracket for all."""
        bracket = {
            "bracket": 1,
            "initialLeverage": 125,
            "notionalCap": 1_000_000_000,
            "notionalFloor": 0,
            "maintMarginRatio": float(MAINTENANCE),
            "cum": 0.0,
        }
        symbols = asked.symbols(self._desk.symbols)
        return [{"symbol": symbol, "notionalCoef": 1.0, "brackets": [bracket]} for symbol in symbols]

    def _moved(self, order: OrderRecord, at: int) -> Json:
        position = self._desk.position(order.account, order.symbol)
        entry = f"{position['avg_entry_price'] or 0.0:.8f}"
        wallets = [
            {"a": asset, "wb": f"{held:.8f}", "cw": f"{held:.8f}", "bc": "0"}
            for asset, (held, _) in self._desk.balances(order.account).items()
        ]
        told = {
            "s": order.symbol,
            "pa": self._shapes.digits[order.symbol].qty(position["qty"]),
            "ep": entry,
            "bep": position["avg_entry_price"] or 0.0,
            "cr": f"{position['realized_pnl']:.8f}",
            "up": f"{position['unrealized_pnl']:.8f}",
            "mt": "cross",
            "iw": "0",
            "ps": "BOTH",
        }
        return {"e": "ACCOUNT_UPDATE", "E": at, "T": at, "a": {"m": "ORDER", "B": wallets, "P": [told]}}
