"""What can be asked of a local Binance, by requests and by WebSocket alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tradecore.sandbox.binance.accounts import SpotAccounts, UsdmAccounts
from tradecore.sandbox.binance.algos import Algos
from tradecore.sandbox.binance.limits import Limits
from tradecore.sandbox.binance.market import Market
from tradecore.sandbox.binance.orders import Orders
from tradecore.sandbox.binance.public import Streams
from tradecore.sandbox.binance.requests import Asked, orders_in, whole
from tradecore.sandbox.binance.shapes import UsdmShapes
from tradecore.sandbox.binance.users import Users
from tradecore.sandbox.desk import Desk
from tradecore.sandbox.door import Visit

__all__ = ["Api", "Endpoint"]

_STALE = 1_000_000
"""So many updates lie between a stale snapshot and the book."""

_DEPTH_WEIGHT = {True: ((100, 5), (500, 25), (1000, 50)), False: ((50, 2), (100, 5), (500, 10), (1000, 20))}
_KLINES_WEIGHT = ((100, 1), (500, 2), (1001, 5))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What can be asked: ``security`` is ``none``, ``key`` or ``signed``; ``orders`` says how many it counts for."""

    call: Callable[[Asked], Any]
    weight: Callable[[Mapping[str, Any]], int]
    security: str = "none"
    orders: Callable[[Mapping[str, Any]], int] = lambda _: 0


def _weighs(weight: int) -> Callable[[Mapping[str, Any]], int]:
    return lambda _: weight


_ONE = _weighs(1)


def _by_symbol(one: int, all_of_them: int) -> Callable[[Mapping[str, Any]], int]:
    return lambda params: one if params.get("symbol") else all_of_them


class Api:
    """One market of the venue, spot or USD-M.

    ``requests`` are its endpoints by method and path, ``methods`` those of its WebSocket API.
    """

    def __init__(self, desk: Desk, streams: Streams, limits: Limits) -> None:
        self.desk = desk
        self.streams = streams
        self.limits = limits
        self.users = Users()
        self.is_spot = streams.is_spot
        self._market = Market(desk, streams, limits)
        self._orders = Orders(desk, streams.shapes)
        self.requests, self.methods = self._spot() if self.is_spot else self._usdm()

    def carry_out(self, endpoint: Endpoint, asked: Asked, visit: Visit) -> Any:
        """Do what was asked for, as the market is by now."""
        self.desk.pump(asked.now_ns)
        result = endpoint.call(asked)
        if visit.meets("stale_snapshot") and "lastUpdateId" in result:
            result = {**result, "lastUpdateId": result["lastUpdateId"] - _STALE}
        return result

    def expire(self, now_ns: int) -> None:
        """Cancel orders whose client is no longer heard of."""
        self._orders.expire(now_ns)

    def _common(self, base: str) -> dict[tuple[str, str], Endpoint]:
        market, orders = self._market, self._orders
        return {
            ("GET", f"{base}/ping"): Endpoint(lambda _: {}, _weighs(1)),
            ("GET", f"{base}/time"): Endpoint(market.time, _weighs(1)),
            ("GET", f"{base}/exchangeInfo"): Endpoint(market.exchange_info, _weighs(20 if self.is_spot else 1)),
            ("GET", f"{base}/depth"): Endpoint(market.depth, self._depth_weight),
            ("GET", f"{base}/trades"): Endpoint(market.trades, _weighs(25 if self.is_spot else 5)),
            ("GET", f"{base}/aggTrades"): Endpoint(market.aggregates, _weighs(4 if self.is_spot else 20)),
            ("GET", f"{base}/klines"): Endpoint(market.klines, _weighs(2) if self.is_spot else self._klines_weight),
            ("GET", f"{base}/ticker/24hr"): Endpoint(
                market.day, _by_symbol(2, 80) if self.is_spot else _by_symbol(1, 40)
            ),
            ("GET", f"{base}/ticker/price"): Endpoint(
                market.price, _by_symbol(2, 4) if self.is_spot else _by_symbol(1, 2)
            ),
            ("GET", f"{base}/ticker/bookTicker"): Endpoint(market.book_ticker, _weighs(2)),
            ("GET", f"{base}/order"): Endpoint(orders.order, _weighs(4 if self.is_spot else 1), "signed"),
            ("GET", f"{base}/openOrders"): Endpoint(
                orders.open_orders, _by_symbol(6, 80) if self.is_spot else _by_symbol(1, 40), "signed"
            ),
            ("GET", f"{base}/allOrders"): Endpoint(orders.all_orders, _weighs(20 if self.is_spot else 5), "signed"),
            ("POST", f"{base}/order"): Endpoint(orders.place, _weighs(1), "signed", _ONE),
            ("DELETE", f"{base}/order"): Endpoint(orders.cancel, _weighs(1), "signed"),
        }

    def _spot(self) -> tuple[dict[tuple[str, str], Endpoint], dict[str, Endpoint]]:
        base, market, orders = "/api/v3", self._market, self._orders
        accounts = SpotAccounts(self.desk, self.streams.shapes, self.users)
        requests = self._common(base) | {
            ("GET", f"{base}/avgPrice"): Endpoint(market.average, _weighs(2)),
            ("GET", f"{base}/account"): Endpoint(accounts.account, _weighs(20), "signed"),
            ("GET", f"{base}/myTrades"): Endpoint(accounts.own_trades, _weighs(20), "signed"),
            ("POST", f"{base}/order/cancelReplace"): Endpoint(orders.cancel_replace, _weighs(1), "signed", _ONE),
            ("PUT", f"{base}/order/amend/keepPriority"): Endpoint(orders.amend, _weighs(4), "signed"),
            ("DELETE", f"{base}/openOrders"): Endpoint(orders.cancel_all, _weighs(1), "signed"),
        }
        names = {
            "ping": ("GET", "/ping"), "time": ("GET", "/time"), "exchangeInfo": ("GET", "/exchangeInfo"),
            "depth": ("GET", "/depth"), "klines": ("GET", "/klines"), "ticker.24hr": ("GET", "/ticker/24hr"),
            "ticker.price": ("GET", "/ticker/price"), "ticker.book": ("GET", "/ticker/bookTicker"),
            "trades.recent": ("GET", "/trades"), "trades.aggregate": ("GET", "/aggTrades"),
            "avgPrice": ("GET", "/avgPrice"),
            "order.place": ("POST", "/order"), "order.cancel": ("DELETE", "/order"),
            "order.status": ("GET", "/order"), "order.cancelReplace": ("POST", "/order/cancelReplace"),
            "order.amend.keepPriority": ("PUT", "/order/amend/keepPriority"),
            "openOrders.status": ("GET", "/openOrders"), "openOrders.cancelAll": ("DELETE", "/openOrders"),
            "account.status": ("GET", "/account"), "myTrades": ("GET", "/myTrades"),
        }  # fmt: skip
        return requests, {name: requests[method, base + path] for name, (method, path) in names.items()}

    def _usdm(self) -> tuple[dict[tuple[str, str], Endpoint], dict[str, Endpoint]]:
        base, market, orders = "/fapi/v1", self._market, self._orders
        assert isinstance(self.streams.shapes, UsdmShapes)
        algos = Algos(self.desk, self.streams.shapes)
        accounts = UsdmAccounts(self.desk, self.streams.shapes, self.users)
        requests = self._common(base) | {
            ("PUT", f"{base}/order"): Endpoint(orders.modify, _weighs(1), "signed", _ONE),
            ("POST", f"{base}/batchOrders"): Endpoint(orders.place_batch, _weighs(5), "signed", orders_in),
            ("DELETE", f"{base}/batchOrders"): Endpoint(orders.cancel_batch, _weighs(1), "signed"),
            ("DELETE", f"{base}/allOpenOrders"): Endpoint(orders.cancel_all, _weighs(1), "signed"),
            ("POST", f"{base}/algoOrder"): Endpoint(algos.place, _weighs(0), "signed", _ONE),
            ("GET", f"{base}/algoOrder"): Endpoint(algos.order, _weighs(1), "signed"),
            ("DELETE", f"{base}/algoOrder"): Endpoint(algos.cancel, _weighs(1), "signed"),
            ("GET", f"{base}/openAlgoOrders"): Endpoint(algos.open_orders, _by_symbol(1, 40), "signed"),
            ("DELETE", f"{base}/algoOpenOrders"): Endpoint(algos.cancel_all, _weighs(1), "signed"),
            ("POST", f"{base}/countdownCancelAll"): Endpoint(orders.countdown, _weighs(10), "signed"),
            ("GET", f"{base}/userTrades"): Endpoint(accounts.own_trades, _weighs(5), "signed"),
            ("GET", f"{base}/premiumIndex"): Endpoint(market.premium_index, _weighs(1)),
            ("GET", f"{base}/leverageBracket"): Endpoint(accounts.brackets, _weighs(1), "signed"),
            ("POST", f"{base}/leverage"): Endpoint(accounts.leverage, _weighs(1), "signed"),
            ("GET", f"{base}/positionSide/dual"): Endpoint(
                lambda _: {"dualSidePosition": False}, _weighs(30), "signed"
            ),
            ("POST", f"{base}/listenKey"): Endpoint(self.users.key, _weighs(1), "key"),
            ("PUT", f"{base}/listenKey"): Endpoint(self.users.keep_key, _weighs(1), "key"),
            ("DELETE", f"{base}/listenKey"): Endpoint(self.users.close_key, _weighs(1), "key"),
        }
        for version in ("v2", "v3"):
            requests["GET", f"/fapi/{version}/account"] = Endpoint(accounts.account, _weighs(5), "signed")
            requests["GET", f"/fapi/{version}/balance"] = Endpoint(accounts.balance, _weighs(5), "signed")
            requests["GET", f"/fapi/{version}/positionRisk"] = Endpoint(accounts.positions, _weighs(5), "signed")
        names = {
            "order.place": ("POST", "/fapi/v1/order"), "order.modify": ("PUT", "/fapi/v1/order"),
            "order.cancel": ("DELETE", "/fapi/v1/order"), "order.status": ("GET", "/fapi/v1/order"),
            "algoOrder.place": ("POST", "/fapi/v1/algoOrder"), "algoOrder.cancel": ("DELETE", "/fapi/v1/algoOrder"),
            "v2/account.status": ("GET", "/fapi/v3/account"), "v2/account.balance": ("GET", "/fapi/v3/balance"),
            "v2/account.position": ("GET", "/fapi/v3/positionRisk"), "depth": ("GET", "/fapi/v1/depth"),
        }  # fmt: skip
        return requests, {name: requests[key] for name, key in names.items()}

    def _depth_weight(self, params: Mapping[str, Any]) -> int:
        limit = whole(params, "limit", self._market.depth_default)
        return next((weight for most, weight in _DEPTH_WEIGHT[self.is_spot] if limit <= most), 250)

    @staticmethod
    def _klines_weight(params: Mapping[str, Any]) -> int:
        limit = whole(params, "limit", 500)
        return next((weight for most, weight in _KLINES_WEIGHT if limit < most), 10)
