"""Binance spot and USD-M futures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, Literal

import orjson

from tradecore._core import Command
from tradecore.errors import InvalidValueError, NoAnswerError, VenueError
from tradecore.reconcile import VenueExecution, VenueOrder
from tradecore.venues.api import is_transient
from tradecore.venues.base import VenueConnector
from tradecore.venues.binance.account import UserStream
from tradecore.venues.binance.api import BinanceApi
from tradecore.venues.binance.commands import Params, modify_params, place_params, refusal_of
from tradecore.venues.binance.market import MARKETS, Hosts, instruments_of, limits_of
from tradecore.venues.binance.private import AccountReader
from tradecore.venues.binance.streams import BinanceStreams
from tradecore.venues.clock import Clock
from tradecore.venues.connector import Permissions
from tradecore.venues.events import Balance, Frame, Stream, VenueReport
from tradecore.venues.listing import Listing, symbol_of
from tradecore.venues.orders import OrderState, StandingTerms, replaced
from tradecore.venues.signing import Credentials
from tradecore.venues.snapshots import Snapshots
from tradecore.venues.streams import MarketStreams
from tradecore.venues.subscriptions import Topic
from tradecore.venues.transport import Transport

__all__ = ["BinanceConnector"]

_INTEREST_S = 10.0
_PAGE = 1_000
_RESTRICTIONS = "/sapi/v1/account/apiRestrictions"
_NOT_THERE = ("-2013", "-2011")
_WAYS: Mapping[str, tuple[str, str, str]] = {
    "place": ("POST", "order", "order.place"),
    "cancel": ("DELETE", "order", "order.cancel"),
    "modify": ("PUT", "order", "order.modify"),
    "reduce": ("PUT", "order/amend/keepPriority", "order.amend.keepPriority"),
}
"""How a command goes out by request and on a WebSocket."""
_MOST_IN_BATCH: Mapping[str, int] = {"place": 5, "cancel": 10}
"""What contracts have batches of, by request; messages on a WebSocket leave at once, one behind the other."""


class BinanceConnector(VenueConnector):
    """Binance spot (``BINANCE``) or USD-M futures (``BINANCE_USDM``).

    Accounts of contracts are taken to be in one-way mode. Conditional orders on contracts are rejected as
    unsupported; so are replacements of spot orders that do more than lower the quantity.

    Parameters
    ----------
    venue : str
        ``BINANCE`` or ``BINANCE_USDM``.
    credentials : Credentials, optional
        Without them only market data is to be had.
    url : str, optional
        One address in place of the venue's hosts, as ``http://127.0.0.1:8080`` of a local server.
    is_testnet : bool
        Whether to use the hosts of the venue's test network.
    order_entry : "websocket" or "rest"
        How orders go out; by request where the WebSocket is down.
    sockets : int
        1, or 2 for two connections that carry the same market data, of which the first to bring something counts.
    transport, clock : optional
        The network and the machine's clock if not given.
    seed : int, optional
        Of the waits between attempts; drawn by the system if not given.
    """

    _api: BinanceApi

    def __init__(
        self,
        venue: str = "BINANCE",
        *,
        credentials: Credentials | None = None,
        url: str | None = None,
        is_testnet: bool = False,
        order_entry: Literal["websocket", "rest"] = "websocket",
        sockets: int = 1,
        transport: Transport | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
    ) -> None:
        if venue not in MARKETS:
            raise InvalidValueError("venue", f"{venue!r} is none of {', '.join(MARKETS)}")
        if sockets not in (1, 2):
            raise InvalidValueError("sockets", f"expected 1 or 2, got {sockets!r}")
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
        self._offered = self._market.streams
        self._is_mainnet = url is None and not is_testnet
        hosts = self._market.testnet if is_testnet else self._market.mainnet
        hosts = hosts if url is None else Hosts.at(url)
        self._terms: dict[str, StandingTerms] = {}
        self._api = BinanceApi(self._market, hosts, credentials=credentials, **self._shared)
        dialect = BinanceStreams(self._market, hosts)
        self._streams = MarketStreams(dialect, tell=self._tell, tasks=self._tasks, sockets=sockets, **self._shared)
        self._account = UserStream(
            self._api,
            hosts,
            with_orders=order_entry == "websocket",
            tell=self._tell,
            read=self._private,
            **self._shared,
        )
        self._snapshots = Snapshots(self._fetch_snapshot, clock=self._clock, random=self._random, tasks=self._tasks)
        self._reader = AccountReader(venue, self._instruments)

    def resync(self, instrument: str, reason: str) -> None:
        """Have a book begin anew with a snapshot."""
        if (instrument, Stream.BOOK) in self._wanted:
            self._snapshots.ask(instrument)

    async def cancel_all(self, instrument: str) -> None:
        """Cancel every open order of an instrument."""
        name, params = "openOrders" if self._market.is_spot else "allOpenOrders", {"symbol": symbol_of(instrument)}
        try:
            await self._api.again(lambda: self._api.write("DELETE", name, params, urgent=True))
        except VenueError as error:
            if error.code != "-2011":  # which is said where none is open
                raise

    async def keep_alive(self, instrument: str, seconds: float) -> bool:
        """Have the venue cancel an instrument's orders unless told again in time; futures have that."""
        if self._market.is_spot:
            return False
        params = {"symbol": symbol_of(instrument), "countdownTime": str(round(seconds * 1_000))}
        await self._api.write("POST", "countdownCancelAll", params, urgent=True)
        return True

    async def executions(self, instruments: Iterable[str], since_ns: int) -> Sequence[VenueExecution]:
        """Return own executions of some instruments from a time on."""
        name = "myTrades" if self._market.is_spot else "userTrades"
        found: list[VenueExecution] = []
        for instrument in instruments:
            params: Params = {"symbol": symbol_of(instrument), "limit": str(_PAGE)}
            page = await self._api.read(name, params | {"startTime": str(since_ns // 1_000_000)}, signed=True)
            while page:
                for row in page:
                    fill = self._reader.trade(row, self._clock.now_ns())
                    found.append(fill.as_execution(self._reader.side_of(row)))
                if len(page) < _PAGE:
                    break
                page = await self._api.read(name, params | {"fromId": str(page[-1]["id"] + 1)}, signed=True)
        return sorted(found, key=lambda execution: execution.ts_event)

    async def open_orders(self) -> Sequence[VenueOrder]:
        """Return own open orders."""
        return [
            VenueOrder(
                venue_id=str(row["orderId"]),
                instrument=f"{row['symbol']}.{self.name}",
                side=AccountReader.side_of(row),
                qty=Decimal(row["origQty"]),
                filled=Decimal(row["executedQty"]),
                price=Decimal(row["price"]),
                client_id=row["clientOrderId"],
            )
            for row in await self._api.read("openOrders", signed=True)
        ]

    async def positions(self) -> Mapping[str, Decimal]:
        """Return signed quantities by instrument."""
        if self._market.is_spot:
            return {}
        rows = await self._api.read("/fapi/v3/positionRisk", signed=True)
        held = {f"{row['symbol']}.{self.name}": Decimal(row["positionAmt"]) for row in rows}
        return {instrument: qty for instrument, qty in held.items() if qty}

    async def balances(self) -> Sequence[Balance]:
        """Return what the account holds."""
        if self._market.is_spot:
            account = await self._api.read("account", {"omitZeroBalances": "true"}, signed=True)
            rows = [(row["asset"], Decimal(row["free"]), Decimal(row["locked"])) for row in account["balances"]]
            found = [(currency, free + locked, free) for currency, free, locked in rows]
        else:
            rows_of_contracts = await self._api.read("/fapi/v3/balance", signed=True)
            found = [
                (row["asset"], Decimal(row["balance"]), Decimal(row["availableBalance"])) for row in rows_of_contracts
            ]
        now_ns = self._clock.now_ns()
        return [Balance(self.name, now_ns, currency, total, free) for currency, total, free in found if total]

    async def permissions(self) -> Permissions:
        """Return what the key may do, as far as the host says: test networks and local servers do not."""
        account = "account" if self._market.is_spot else "/fapi/v3/account"
        can_trade = (await self._api.read(account, signed=True)).get("canTrade")
        if not self._is_mainnet:
            return Permissions(can_trade=can_trade, can_withdraw=None)
        # Which is asked of the spot host, whatever it trades.
        spot = MARKETS["BINANCE"]
        api = self._api
        if self._market is not spot:
            api = BinanceApi(spot, spot.mainnet, credentials=self._origin["credentials"], **self._shared)
        rights = await api.read(_RESTRICTIONS, signed=True)
        return Permissions(can_trade=can_trade, can_withdraw=bool(rights["enableWithdrawals"]))

    # How the desk has commands carried out.

    async def carry_out(self, command: Command) -> VenueReport:
        """Send a command and return what the venue says."""
        try:
            match command.kind:
                case "submit":
                    return await self._place(command)
                case "replace":
                    return await self._replace(command)
                case _:
                    return await self._cancel(command)
        except VenueError as error:
            if is_transient(error):
                raise
            if "Duplicate order" in error.problem:
                raise NoAnswerError(self.name, error.request, f"{error.problem} ({error.code})") from None
            raise refusal_of(self._market, error.code, error.problem) from None

    async def look_up(self, instrument: str, client_id: str) -> OrderState | None:
        """Return how an order stands, with its fills; None if the venue does not have it."""
        symbol = symbol_of(instrument)
        try:
            row = await self._api.read("order", {"symbol": symbol, "origClientOrderId": client_id}, signed=True)
        except VenueError as error:
            if error.code in _NOT_THERE:
                return None
            raise
        trades: list[dict[str, Any]] = []
        if Decimal(row["executedQty"]) > 0:
            name = "myTrades" if self._market.is_spot else "userTrades"
            trades = await self._api.read(name, {"symbol": symbol, "orderId": str(row["orderId"])}, signed=True)
        return self._reader.order_state(row, trades, self._clock.now_ns())

    async def _place(self, command: Command) -> VenueReport:
        params = place_params(self._market, command)
        if command.price is not None and command.qty is not None:
            self._terms[command.client_id] = StandingTerms(command.price, command.qty)
        answer = await self._carry("place", params)
        return self._report(command, "accepted", answer)

    async def _replace(self, command: Command) -> VenueReport:
        standing = self._terms.get(command.client_id)
        params = modify_params(self._market, command, standing)
        if command.price is not None and command.qty is not None:
            self._terms[command.client_id] = StandingTerms(command.price, command.qty)
        try:
            answer = await self._carry("reduce" if self._market.is_spot else "modify", params)
        except VenueError:
            if standing is not None:
                self._terms[command.client_id] = standing
            raise
        return replaced(self._report(command, "replaced", answer.get("amendedOrder", answer)), command)

    async def _cancel(self, command: Command) -> VenueReport:
        params = {"symbol": symbol_of(command.instrument), "origClientOrderId": command.client_id}
        try:
            answer = await self._carry("cancel", params)
        except VenueError as error:
            if error.code != "-2011":
                raise
            raise NoAnswerError(self.name, error.request, f"{error.problem} ({error.code})") from None
        return self._report(command, "cancelled", answer)

    async def _carry(self, what: str, params: Params) -> Any:
        method, path, on_websocket = _WAYS[what]
        session = self._account.orders
        if session is not None:
            return await self._api.write_on(session, on_websocket, params, **_costs(what))
        if not self._market.is_spot and what in _MOST_IN_BATCH:
            symbol = params["symbol"] if what == "cancel" else ""  # cancels of a batch are of one
            return await self._batches.ask((what, symbol), params, most=_MOST_IN_BATCH[what])
        return await self._api.write(method, path, params, **_costs(what))

    async def _send_batch(self, kind: tuple[str, str], requests: Sequence[Params]) -> Sequence[Any]:
        what, symbol = kind
        method, path, _ = _WAYS[what]
        if len(requests) == 1:
            return [await self._api.write(method, path, requests[0], **_costs(what))]
        if what == "place":
            params = {"batchOrders": orjson.dumps(requests).decode()}
        else:
            ids = [request["origClientOrderId"] for request in requests]
            params = {"symbol": symbol, "origClientOrderIdList": orjson.dumps(ids).decode()}
        return await self._api.write_batch(method, params, **_costs(what, len(requests)))

    def _report(self, command: Command, kind: Literal["accepted", "replaced", "cancelled"], answer: Any) -> VenueReport:
        time_ms = answer.get("transactTime") or answer.get("updateTime")
        return VenueReport(
            venue=self.name,
            ts_recv=self._clock.now_ns(),
            instrument=command.instrument,
            kind=kind,
            order=command.client_id,
            venue_id=str(answer["orderId"]),
            ts_event=int(time_ms) * 1_000_000 if time_ms else None,
        )

    # What goes on by itself.

    def _private(self, message: Mapping[str, Any], ts_recv: int) -> None:
        for event in self._reader.events(message, ts_recv):
            if not (isinstance(event, VenueReport) and self._is_answered(event)):
                self._tell(event)

    def _is_answered(self, report: VenueReport) -> bool:
        """Return whether a report says what the answer to a command says, and follow the order's terms."""
        client_id = report.order or ""
        terms = self._terms.get(client_id)
        if terms is None:
            return False
        if report.kind == "replaced" and report.price is not None and report.qty is not None:
            self._terms[client_id] = told = StandingTerms(report.price, report.qty)
            return terms == told
        is_filled = report.kind == "fill" and report.cumulative is not None and report.cumulative >= terms.qty
        if is_filled or report.kind in ("cancelled", "expired", "rejected"):
            del self._terms[client_id]
        return False

    def _polled(self, stream: Stream) -> bool:
        return stream is Stream.OPEN_INTEREST and not self._market.is_spot

    @property
    def _resyncs(self) -> int:
        return self._snapshots.fetched

    async def _listing(self) -> Listing:
        info = await self._api.read("exchangeInfo")
        for limit in limits_of(info):
            self._api.limiter.set(limit)
        return instruments_of(self._market, info)

    async def _fetch_snapshot(self, instrument: str) -> None:
        body = await self._api.read_bytes("depth", {"symbol": symbol_of(instrument), "limit": "1000"})
        # The answer does not say whose book it is.
        named = b'{"symbol":' + orjson.dumps(symbol_of(instrument)) + b"," + body.lstrip()[1:]
        self._tell(Frame(self.name, self._clock.now_ns(), named, instrument, Stream.BOOK))

    async def _poll(self, topic: Topic) -> None:
        instrument, _ = topic
        while True:
            with suppress(VenueError, NoAnswerError):  # the next one is soon
                body = await self._api.read_bytes("openInterest", {"symbol": symbol_of(instrument)})
                self._tell(Frame(self.name, self._clock.now_ns(), body, instrument, Stream.OPEN_INTEREST))
                self._answered.add(topic)
            await self._clock.sleep(_INTEREST_S)


def _costs(what: str, count: int = 1) -> dict[str, Any]:
    """Return how a request counts against the limits: for so many orders, or as a cancel, which does not wait."""
    return {"urgent": True} if what == "cancel" else {"orders": count}
