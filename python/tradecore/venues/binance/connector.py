"""Binance spot and USD-M futures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import orjson

from tradecore._core import Command
from tradecore.errors import InvalidValueError, NoAnswerError, VenueError
from tradecore.reconcile import VenueExecution, VenueOrder
from tradecore.venues.api import is_transient
from tradecore.venues.base import VenueConnector
from tradecore.venues.binance.account import UserStream
from tradecore.venues.binance.algos import (
    algo_cancel_params,
    algo_id,
    algo_order,
    algo_params,
    algo_state,
    is_conditional,
    spawned_by,
)
from tradecore.venues.binance.api import BinanceApi
from tradecore.venues.binance.commands import Params, modify_params, place_params, refusal_of
from tradecore.venues.binance.market import MARKETS, Hosts, instruments_of, limits_of
from tradecore.venues.binance.private import AccountReader
from tradecore.venues.binance.standing import NOT_THERE, Replaced, StandingOrders
from tradecore.venues.binance.streams import BinanceStreams
from tradecore.venues.clock import Clock
from tradecore.venues.connector import Permissions
from tradecore.venues.events import Balance, Frame, Stream, VenueReport
from tradecore.venues.listing import Listing, symbol_of
from tradecore.venues.orders import OrderState, Refusal, StandingTerms, replaced
from tradecore.venues.signing import Credentials
from tradecore.venues.snapshots import Snapshots
from tradecore.venues.streams import MarketStreams
from tradecore.venues.subscriptions import Topic
from tradecore.venues.transport import Transport

__all__ = ["BinanceConnector"]

_INTEREST_S = 10.0
_PAGE = 1_000
_RESTRICTIONS = "/sapi/v1/account/apiRestrictions"
_WAYS: Mapping[str, tuple[str, str, str]] = {
    "place": ("POST", "order", "order.place"),
    "cancel": ("DELETE", "order", "order.cancel"),
    "modify": ("PUT", "order", "order.modify"),
    "reduce": ("PUT", "order/amend/keepPriority", "order.amend.keepPriority"),
    "replace": ("POST", "order/cancelReplace", "order.cancelReplace"),
    "place_algo": ("POST", "algoOrder", "algoOrder.place"),
    "cancel_algo": ("DELETE", "algoOrder", "algoOrder.cancel"),
}
"""How a command goes out by request and on a WebSocket."""
_MOST_IN_BATCH: Mapping[str, int] = {"place": 5, "cancel": 10}
"""What contracts have batches of, by request; messages on a WebSocket leave at once, one behind the other."""


class BinanceConnector(VenueConnector):
    """Binance spot (``BINANCE``) or USD-M futures (``BINANCE_USDM``).

    Accounts of contracts are taken to be in one-way mode.

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
        self._snapshots = Snapshots(
            venue, self._fetch_snapshot, tell=self._tell, tasks=self._tasks, clock=self._clock, random=self._random
        )
        self._reader = AccountReader(venue, self._instruments)
        self._standing = StandingOrders(self._market, self._api, self._clock, self._carry)

    def resync(self, instrument: str, reason: str) -> None:
        """Have a book begin anew with a snapshot."""
        if (instrument, Stream.BOOK) in self._wanted:
            self._snapshots.ask(instrument)

    async def cancel_all(self, instrument: str) -> None:
        """Cancel every open order of an instrument."""
        for name in ("openOrders",) if self._market.is_spot else ("allOpenOrders", "algoOpenOrders"):
            await self._cancel_all(name, {"symbol": symbol_of(instrument)})

    async def _cancel_all(self, name: str, params: Params) -> None:
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
            # What took the place of an order, or was set off for it, has a number that says nothing.
            names = await self._standing.client_ids(symbol_of(instrument)) if page else {}
            while page:
                for row in page:
                    fill = replace(self._reader.trade(row, self._clock.now_ns()), order=names.get(row["orderId"]))
                    found.append(fill.as_execution(self._reader.side_of(row)))
                if len(page) < _PAGE:
                    break
                page = await self._api.read(name, params | {"fromId": str(page[-1]["id"] + 1)}, signed=True)
        return sorted(found, key=lambda execution: execution.ts_event)

    async def open_orders(self) -> Sequence[VenueOrder]:
        """Return own open orders."""
        found = []
        for row in await self._api.read("openOrders", signed=True):
            stands = self._standing.replacements.saw(row["clientOrderId"])
            found.append(
                VenueOrder(
                    venue_id=str(row["orderId"]),
                    instrument=f"{row['symbol']}.{self.name}",
                    side=AccountReader.side_of(row),
                    qty=Decimal(row["origQty"]) + stands.before,
                    filled=Decimal(row["executedQty"]) + stands.before,
                    price=Decimal(row["price"]) or None,
                    client_id=stands.client_id,
                )
            )
        if not self._market.is_spot:
            waiting = await self._api.read("openAlgoOrders", signed=True)
            found += [algo_order(row, f"{row['symbol']}.{self.name}") for row in waiting]
        return found

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
        rows = await self._standing.rows(symbol, client_id)
        if not rows and not self._market.is_spot:
            algo = await self._waiting(client_id)
            if algo is None or (spawned := spawned_by(algo)) is None:
                return None if algo is None else algo_state(algo)
            rows = [await self._api.read("order", {"symbol": symbol, "orderId": spawned}, signed=True)]
        if not rows:
            return None
        name = "myTrades" if self._market.is_spot else "userTrades"
        trades: list[dict[str, Any]] = []
        for row in rows:
            if Decimal(row["executedQty"]) > 0:
                trades += await self._api.read(name, {"symbol": symbol, "orderId": str(row["orderId"])}, signed=True)
        state = self._reader.order_state(rows[-1], trades, self._clock.now_ns())
        if state.end is not None:
            self._forget(client_id)
        elif client_id in self._terms:
            self._terms[client_id] = state.terms
        return state

    async def _waiting(self, client_id: str) -> Mapping[str, Any] | None:
        """Return a conditional order; None where there is none of that client id."""
        try:
            row: Mapping[str, Any] = await self._api.read("algoOrder", {"clientAlgoId": client_id}, signed=True)
        except VenueError as error:
            if error.code not in NOT_THERE:
                raise
            return None
        return row

    async def _place(self, command: Command) -> VenueReport:
        if not self._market.is_spot and is_conditional(command):
            return self._report(command, "accepted", await self._carry("place_algo", algo_params(command)))
        params = place_params(self._market, command)
        if command.price is not None and command.qty is not None:
            self._terms[command.client_id] = StandingTerms(command.price, command.qty)
        try:
            answer = await self._carry("place", params)
        except VenueError:
            self._forget(command.client_id)
            raise
        return self._report(command, "accepted", answer)

    async def _replace(self, command: Command) -> VenueReport:
        standing = self._terms.get(command.client_id)
        if command.price is not None and command.qty is not None:
            self._terms[command.client_id] = StandingTerms(command.price, command.qty)
        try:
            if self._market.is_spot:
                outcome = await self._standing.replace(command, standing)
            else:
                outcome = Replaced("replaced", await self._carry("modify", modify_params(command)))
        except (Refusal, VenueError):
            if standing is not None:
                self._terms[command.client_id] = standing
            raise
        report = replace(self._report(command, outcome.kind, outcome.answer), detail=outcome.detail)
        if outcome.kind == "replaced":
            return replaced(report, command)
        self._forget(command.client_id)
        return report

    async def _cancel(self, command: Command) -> VenueReport:
        if not self._market.is_spot and is_conditional(command):
            try:
                return self._report(command, "cancelled", await self._carry("cancel_algo", algo_cancel_params(command)))
            except VenueError as error:
                if error.code not in NOT_THERE:
                    raise  # else it was set off, and is an order like any other
        return self._report(command, "cancelled", await self._standing.cancel(command))

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
            venue_id=algo_id(answer["algoId"]) if "algoId" in answer else str(answer["orderId"]),
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
        if report.kind in ("cancelled", "expired", "rejected"):
            self._forget(client_id)
        terms = self._terms.get(client_id)
        if terms is None:
            return False
        if report.kind == "replaced" and report.price is not None and report.qty is not None:
            self._terms[client_id] = told = StandingTerms(report.price, report.qty)
            return terms == told
        if report.kind == "fill":
            self._standing.replacements.saw_fill(client_id)
            if report.cumulative is not None and report.cumulative >= terms.qty:
                self._forget(client_id)
        return False

    def _forget(self, client_id: str) -> None:
        self._terms.pop(client_id, None)
        self._standing.replacements.forget(client_id)

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
    return {"urgent": True} if what.startswith("cancel") else {"orders": count}
