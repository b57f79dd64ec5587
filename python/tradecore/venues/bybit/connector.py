"""Bybit's contracts and spot."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from tradecore._core import Command
from tradecore.errors import InvalidValueError, NoAnswerError, VenueError
from tradecore.reconcile import VenueExecution, VenueOrder
from tradecore.venues.api import is_transient
from tradecore.venues.base import VenueConnector
from tradecore.venues.bybit.account import BybitAccount
from tradecore.venues.bybit.api import BybitApi
from tradecore.venues.bybit.commands import Body, amend_body, cancel_body, place_body, refusal_of
from tradecore.venues.bybit.market import HOSTS, MARKETS, Hosts, instruments_of
from tradecore.venues.bybit.private import AccountReader
from tradecore.venues.bybit.streams import BybitStreams
from tradecore.venues.clock import Clock
from tradecore.venues.connector import Permissions
from tradecore.venues.events import Balance, Stream, VenueReport
from tradecore.venues.listing import Listing, symbol_of
from tradecore.venues.orders import OrderState
from tradecore.venues.outcomes import Outcomes
from tradecore.venues.signing import Credentials
from tradecore.venues.snapshots import Snapshots
from tradecore.venues.streams import MarketStreams
from tradecore.venues.transport import Transport

__all__ = ["BybitConnector"]

_KINDS: Mapping[str, str] = {"submit": "create", "replace": "amend", "cancel": "cancel"}
_LONGEST_WINDOW_S = 300
_MOST_IN_BATCH = 10
"""As many of a kind as the venue takes in a second; each part of a batch counts."""


class BybitConnector(VenueConnector):
    """Bybit's linear and inverse contracts (``BYBIT``) or spot (``BYBIT_SPOT``), in a unified account in one-way mode.

    The venue's answer to a command says only that it was received. A report is given when the order's stream has told
    the outcome; where it does not within two seconds, the order is looked up.

    Parameters
    ----------
    venue : str
        ``BYBIT`` or ``BYBIT_SPOT``.
    credentials : Credentials, optional
        Without them only market data is to be had.
    url : str, optional
        One address in place of the venue's hosts, as ``http://127.0.0.1:8080`` of a local server.
    is_testnet : bool
        Whether to use the hosts of the venue's test network.
    order_entry : "websocket" or "rest"
        How orders go out; by request where the WebSocket is down.
    transport, clock : optional
        The network and the machine's clock if not given.
    seed : int, optional
        Of the waits between attempts; drawn by the system if not given.
    """

    _api: BybitApi
    _account: BybitAccount

    def __init__(
        self,
        venue: str = "BYBIT",
        *,
        credentials: Credentials | None = None,
        url: str | None = None,
        is_testnet: bool = False,
        order_entry: Literal["websocket", "rest"] = "websocket",
        transport: Transport | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
    ) -> None:
        if venue not in MARKETS:
            raise InvalidValueError("venue", f"{venue!r} is none of {', '.join(MARKETS)}")
        super().__init__(
            venue,
            credentials=credentials,
            url=url,
            is_testnet=is_testnet,
            transport=transport,
            clock=clock,
            seed=seed,
        )
        self._market = MARKETS[venue]
        self._is_local = url is not None
        self._listed = tuple(self._market.categories)
        """Categories that list something."""
        self._offered = self._market.topics
        self._outcomes = Outcomes(venue, self._clock)
        self._switching = asyncio.Lock()
        self._window_s: int | None = None
        """What the venue's switch was set to."""
        hosts = HOSTS[is_testnet] if url is None else Hosts.at(url)
        self._api = BybitApi(venue, hosts, credentials=credentials, **self._shared)
        dialect = BybitStreams(self._market, hosts)
        self._streams = MarketStreams(dialect, tell=self._tell, tasks=self._tasks, **self._shared)
        self._snapshots = Snapshots(
            venue,
            lambda instrument: self._streams.repeat((instrument, Stream.BOOK)),
            tell=self._tell,
            tasks=self._tasks,
            clock=self._clock,
            random=self._random,
        )
        self._account = BybitAccount(
            self._api,
            hosts,
            with_orders=order_entry == "websocket",
            tell=self._tell,
            read=self._private,
            **self._shared,
        )
        self._reader = AccountReader(venue, self._market.categories, self._instruments)

    def resync(self, instrument: str, reason: str) -> None:
        """Have a book begin anew: its stream is subscribed to again, and begins with a snapshot."""
        topic = instrument, Stream.BOOK
        # One that was just subscribed to has its snapshot to come.
        if topic in self._wanted and self._streams.is_there(topic):
            self._snapshots.ask(instrument)

    async def cancel_all(self, instrument: str) -> None:
        """Cancel every open order of an instrument."""
        await self._api.again(lambda: self._api.write("/v5/order/cancel-all", self._of(instrument), kind="cancel"))

    async def keep_alive(self, instrument: str, seconds: float) -> bool:
        """Have the venue cancel orders when our connection is lost for a time, 300 s at most.

        The switch is one of the account, not of an instrument: it cancels all orders in contracts, or all of spot, and
        only once every connection that it counts is lost. The venue has to have enabled it for the account.
        """
        async with self._switching:
            product, topic = self._market.switch
            if not seconds:
                self._window_s = None
                await self._account.release_switch()
                return True
            window_s = min(int(seconds), _LONGEST_WINDOW_S)
            if window_s != self._window_s:
                known = (await self._api.read("/v5/account/query-dcp-info", {}))["dcpInfos"]
                if not any(row["product"] == product and row["dcpStatus"] == "ON" for row in known):
                    return False
                body = {"product": product, "timeWindow": window_s}
                await self._api.write("/v5/order/disconnected-cancel-all", body, kind="cancel")
                self._window_s = window_s
            await self._account.hold_switch(topic)
            return True

    async def executions(self, instruments: Iterable[str], since_ns: int) -> Sequence[VenueExecution]:
        """Return own executions of some instruments from a time on."""
        found = []
        for instrument in instruments:
            params = self._of(instrument) | {"startTime": str(since_ns // 1_000_000), "limit": "100"}
            async for row in self._api.pages("/v5/execution/list", params):
                if (fill := self._reader.execution(row, self._clock.now_ns())) is not None:
                    found.append(fill.as_execution(self._reader.side_of(row)))
        return sorted(found, key=lambda execution: execution.ts_event)

    async def open_orders(self) -> Sequence[VenueOrder]:
        """Return own open orders."""
        return [
            VenueOrder(
                venue_id=row["orderId"],
                instrument=f"{row['symbol']}.{self.name}",
                side=AccountReader.side_of(row),
                qty=Decimal(row["qty"]),
                filled=Decimal(row["cumExecQty"]),
                price=Decimal(row["price"] or 0),
                client_id=row["orderLinkId"] or None,
            )
            for row in await self._all("/v5/order/realtime", {"limit": "50"})
        ]

    async def positions(self) -> Mapping[str, Decimal]:
        """Return signed quantities by instrument."""
        if self._market.is_spot:
            return {}
        rows = await self._all("/v5/position/list", {"limit": "200"})
        held = {f"{row['symbol']}.{self.name}": AccountReader.signed(row) for row in rows}
        return {instrument: qty for instrument, qty in held.items() if qty}

    async def balances(self) -> Sequence[Balance]:
        """Return what the account holds."""
        result = await self._api.read("/v5/account/wallet-balance", {"accountType": "UNIFIED"})
        now_ns = self._clock.now_ns()
        found = [balance for account in result["list"] for balance in self._reader.balances(account, now_ns)]
        return [balance for balance in found if balance.total]

    async def permissions(self) -> Permissions:
        """Return what the key may do, as far as the host says: local servers do not."""
        if self._is_local:
            return Permissions(can_trade=None, can_withdraw=None)
        rights = await self._api.read("/v5/user/query-api", {})
        may = rights.get("permissions") or {}
        return Permissions(can_trade=not rights.get("readOnly"), can_withdraw="Withdraw" in may.get("Wallet", ()))

    async def carry_out(self, command: Command) -> VenueReport:
        """Send a command and return what the venue says of its outcome."""
        make = {"submit": place_body, "replace": amend_body, "cancel": cancel_body}[command.kind]
        body = make(self._market, command)
        try:
            asking = self._batches.ask((_KINDS[command.kind], body["category"]), body, most=_MOST_IN_BATCH)
            return await self._outcomes.of(command, asking)
        except VenueError as error:
            if is_transient(error):
                raise
            refusal = refusal_of(error.code, error.problem)
            if command.kind == "cancel" and refusal.reason == "unknown_order":  # it has ended: as what is looked up
                raise NoAnswerError(self.name, error.request, f"{error.problem} ({error.code})") from None
            raise refusal from None

    async def look_up(self, instrument: str, client_id: str) -> OrderState | None:
        """Return how an order stands, with its fills; None if the venue does not have it."""
        named = self._of(instrument) | {"orderLinkId": client_id}
        for path in ("/v5/order/realtime", "/v5/order/history"):
            rows = (await self._api.read(path, named))["list"]
            if rows:
                break
        else:
            return None
        executions: list[Any] = []
        if Decimal(rows[0]["cumExecQty"]) > 0:
            params = self._of(instrument) | {"orderId": rows[0]["orderId"], "limit": "100"}
            executions = [row async for row in self._api.pages("/v5/execution/list", params)]
        return self._reader.order_state(rows[0], executions, self._clock.now_ns())

    async def _send_batch(self, kind: tuple[str, str], requests: Sequence[Body]) -> Sequence[Any]:
        name, category = kind
        session = self._account.orders
        if len(requests) > 1:
            return await self._api.write_batch(session, name, category, requests)
        (body,) = requests
        if session is not None:
            return [await self._api.write_on(session, f"order.{name}", body, kind=name)]
        return [await self._api.write(f"/v5/order/{name}", body, kind=name)]

    def _private(self, message: Mapping[str, Any], ts_recv: int) -> None:
        rows = message["data"]
        match message["topic"].partition(".")[0]:
            case "order":
                for row in rows:
                    if (report := self._reader.order(row, ts_recv)) is not None:
                        terms = self._reader.terms(row)
                        self._outcomes.told(report, terms, is_filled=row["orderStatus"] == "Filled")
                        self._tell(report)
            case "execution":
                for row in rows:
                    if (fill := self._reader.execution(row, ts_recv)) is not None:
                        self._tell(fill)
            case "position":
                for row in rows:
                    if (position := self._reader.position(row, ts_recv)) is not None:
                        self._tell(position)
            case "wallet":
                for account in rows:
                    for balance in self._reader.balances(account, ts_recv):
                        self._tell(balance)

    @property
    def _resyncs(self) -> int:
        return self._snapshots.fetched

    async def _listing(self) -> Listing:
        rows: dict[str, list[Any]] = {}
        for category in self._market.categories:
            params = {"category": category, "limit": "1000"}
            pages = self._api.pages("/v5/market/instruments-info", params, signed=False)
            rows[category] = [row async for row in pages]
        self._listed = tuple(category for category, listed in rows.items() if listed)
        return instruments_of(self._market, [row for listed in rows.values() for row in listed])

    async def _all(self, path: str, params: Mapping[str, str]) -> list[Any]:
        """Return the rows of a list of the whole account."""
        rows = []
        for category in self._listed:
            for coin in self._market.categories[category] or (None,):
                of_coin = {} if coin is None else {"settleCoin": coin}
                wanted = {"category": category, **of_coin, **params}
                rows.extend([row async for row in self._api.pages(path, wanted)])
        return rows

    def _of(self, instrument: str) -> dict[str, str]:
        return {"category": self._market.category_of(instrument), "symbol": symbol_of(instrument)}
