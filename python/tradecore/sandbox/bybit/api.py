"""What can be asked of a local Bybit, by requests and by its WebSocket for orders alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tradecore.sandbox.bybit.accounts import Accounts
from tradecore.sandbox.bybit.limits import Limits
from tradecore.sandbox.bybit.market import PublicRequests
from tradecore.sandbox.bybit.markets import Markets
from tradecore.sandbox.bybit.orders import Orders
from tradecore.sandbox.bybit.protection import Protection
from tradecore.sandbox.bybit.public import Streams
from tradecore.sandbox.bybit.requests import Asked
from tradecore.sandbox.listeners import Listeners

__all__ = ["Api", "Endpoint"]

Json = dict[str, Any]

_OF_SPOT = {"create": 20, "cancel": 20, "cancel-all": 20}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What can be asked.

    Parameters
    ----------
    call : callable
        Returns the result; of a batch also what became of each.
    limit : str
        The limit it counts against; public ones have none of an account.
    most : int
        So many in a second.
    is_batch : bool
    """

    call: Callable[[Asked], Any]
    limit: str = ""
    most: int = 0
    is_batch: bool = False

    def allowed(self, params: Mapping[str, Any]) -> int:
        """Return how many there may be in a second: spot allows more orders."""
        return _OF_SPOT.get(self.limit, self.most) if params.get("category") == "spot" else self.most

    def counts(self, params: Mapping[str, Any]) -> int:
        """Return for how many one counts."""
        rows = params.get("request")
        return len(rows) if self.is_batch and isinstance(rows, list) else 1


class Api:
    """The venue: ``requests`` are its endpoints by method and path, ``ops`` those of its WebSocket for orders."""

    def __init__(self, markets: Markets, streams: Streams) -> None:
        self.markets = markets
        self.streams = streams
        self.limits = Limits()
        self.users = Listeners()
        self.protection = Protection(markets)
        public, orders = PublicRequests(markets, self.streams), Orders(markets)
        accounts = Accounts(markets, self.users)
        self.requests: dict[tuple[str, str], Endpoint] = {
            ("GET", "/v5/market/time"): Endpoint(public.time),
            ("GET", "/v5/market/instruments-info"): Endpoint(public.instruments),
            ("GET", "/v5/market/orderbook"): Endpoint(public.orderbook),
            ("GET", "/v5/market/tickers"): Endpoint(public.tickers),
            ("GET", "/v5/market/recent-trade"): Endpoint(public.trades),
            ("GET", "/v5/market/kline"): Endpoint(public.klines),
            ("GET", "/v5/order/realtime"): Endpoint(orders.realtime, "realtime", 50),
            ("GET", "/v5/order/history"): Endpoint(orders.history, "history", 50),
            ("GET", "/v5/execution/list"): Endpoint(accounts.executions, "executions", 50),
            ("GET", "/v5/position/list"): Endpoint(accounts.positions, "positions", 50),
            ("GET", "/v5/account/wallet-balance"): Endpoint(accounts.wallet, "wallet", 50),
            ("GET", "/v5/account/fee-rate"): Endpoint(accounts.fees, "fees", 10),
            ("GET", "/v5/account/info"): Endpoint(accounts.info, "info", 50),
            ("GET", "/v5/user/query-api"): Endpoint(accounts.key, "key", 10),
            ("POST", "/v5/position/set-leverage"): Endpoint(accounts.leverage, "leverage", 10),
            ("GET", "/v5/account/query-dcp-info"): Endpoint(self.protection.info, "protection", 10),
            ("POST", "/v5/order/disconnected-cancel-all"): Endpoint(self.protection.set, "protection", 5),
            ("POST", "/v5/order/cancel-all"): Endpoint(orders.cancel_all, "cancel-all", 10),
        }
        self.ops: dict[str, Endpoint] = {}
        for name, call in (("create", orders.create), ("amend", orders.amend), ("cancel", orders.cancel)):
            self.ops[f"order.{name}"] = Endpoint(call, name, 10)
            self.ops[f"order.{name}-batch"] = Endpoint(partial(orders.batch, call=call), name, 10, is_batch=True)
        for op, endpoint in self.ops.items():
            self.requests["POST", f"/v5/{op.replace('.', '/')}"] = endpoint

    def carry_out(self, endpoint: Endpoint, asked: Asked) -> tuple[Any, Json]:
        """Do what was asked for, as the markets are by now; return the result and what is said beside it."""
        for desk in self.markets.desks:
            desk.pump(asked.now_ns)
        result = endpoint.call(asked)
        return result if endpoint.is_batch else (result, {})
