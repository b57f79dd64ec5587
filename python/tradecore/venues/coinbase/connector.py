"""Coinbase Advanced Trade, spot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any, Literal

import orjson

from tradecore._core import Command
from tradecore.errors import CredentialsError, InvalidValueError, NoAnswerError, VenueError
from tradecore.reconcile import VenueExecution, VenueOrder
from tradecore.venues.api import is_transient
from tradecore.venues.backoff import Backoff
from tradecore.venues.base import VenueConnector
from tradecore.venues.clock import Clock
from tradecore.venues.coinbase.account import UserChannel
from tradecore.venues.coinbase.api import CoinbaseApi
from tradecore.venues.coinbase.commands import order_body, refusal_of
from tradecore.venues.coinbase.exchange import ExchangeStreams, login_of
from tradecore.venues.coinbase.market import (
    CHANNELS,
    EXCHANGE,
    EXCHANGE_CHANNELS,
    FULL_CHANNELS,
    MAINNET,
    VENUE,
    Hosts,
    instruments_of,
)
from tradecore.venues.coinbase.private import AccountReader, to_ns, to_text
from tradecore.venues.coinbase.streams import CoinbaseStreams
from tradecore.venues.connector import Permissions
from tradecore.venues.events import Balance, Frame, Stream, VenueReport
from tradecore.venues.listing import Listing, symbol_of
from tradecore.venues.orders import OrderState, Refusal
from tradecore.venues.outcomes import Outcomes
from tradecore.venues.signing import Credentials
from tradecore.venues.snapshots import Snapshots
from tradecore.venues.streams import MarketStreams, StreamDialect
from tradecore.venues.transport import Transport

__all__ = ["CoinbaseConnector"]

_ORDERS = "orders/historical/batch"
_FILLS = "orders/historical/fills"
_CANCELS = "orders/batch_cancel"
_MOST_IN_BATCH = 100
_REMEMBERED = 10_000
"""Orders whose ids at the venue are known; those that were heard of longest ago go."""


@dataclass(slots=True)
class _Followed:
    """An order of which the user channel tells how much is filled."""

    client_id: str | None
    total: Decimal | None = None
    """Its quantity, as it was told last."""
    counted: Decimal = Decimal(0)
    told: Decimal = Decimal(0)
    trades: set[str] = field(default_factory=set)
    end: tuple[Mapping[str, Any], VenueReport] | None = None
    is_followed: bool = False


class CoinbaseConnector(VenueConnector):
    """Coinbase Advanced Trade, spot.

    The user channel counts what is filled of an order and tells no fills: those are read by request, with the venue's
    ids and fees, and told then. What is an alias of another product is not listed. Market data comes from either of two
    feeds of the same market; orders go out by Advanced Trade.

    Parameters
    ----------
    venue : str
        ``COINBASE``.
    credentials : Credentials, optional
        Name of the key and its private key; without them only market data is to be had.
    url : str, optional
        One address in place of the venue's hosts, as ``http://127.0.0.1:8080`` of a local server.
    is_testnet : bool
        The venue has no test network with a market: True is refused.
    transport, clock : optional
        The network and the machine's clock if not given.
    seed : int, optional
        Of the waits between attempts; drawn by the system if not given.
    feed : str
        Where market data comes from: ``advanced``, or ``exchange``, which is Coinbase Exchange: trades and best prices
        as they happen, and no candles; or ``full``, which is its single orders.
    feed_keys : Credentials, optional
        Of Coinbase Exchange, with a passphrase, which tells single orders to nobody else; a local server does.
    """

    _api: CoinbaseApi

    def __init__(
        self,
        venue: str = VENUE,
        *,
        credentials: Credentials | None = None,
        url: str | None = None,
        is_testnet: bool = False,
        transport: Transport | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
        feed: Literal["advanced", "exchange", "full"] = "advanced",
        feed_keys: Credentials | None = None,
    ) -> None:
        if venue != VENUE:
            raise InvalidValueError("venue", f"{venue!r} is not {VENUE}")
        if is_testnet:
            raise InvalidValueError("is_testnet", f"{VENUE} has no test network with a market")
        if feed not in ("advanced", "exchange", "full"):
            raise InvalidValueError("feed", f"expected advanced, exchange or full, got {feed!r}")
        if feed_keys is not None:
            login_of(feed_keys, 0)  # what is wrong with them is told now
        elif feed == "full" and url is None:
            raise CredentialsError(EXCHANGE, "there are none, and single orders (feed full) are told to nobody else")
        super().__init__(
            venue,
            credentials=credentials,
            url=url,
            is_testnet=is_testnet,
            transport=transport,
            clock=clock,
            seed=seed,
        )
        self._is_local = url is not None
        self._renewals = 0
        hosts = MAINNET if url is None else Hosts.at(url)
        self._api = CoinbaseApi(hosts, credentials=credentials, **self._shared)
        self._feed = feed
        self._offered = {"advanced": CHANNELS, "exchange": EXCHANGE_CHANNELS, "full": FULL_CHANNELS}[feed]
        dialect: StreamDialect = CoinbaseStreams(hosts, self._clock)
        if feed != "advanced":
            login = dict if feed_keys is None else lambda: login_of(feed_keys, self._api.now_ms() // 1_000)
            dialect = ExchangeStreams(hosts, self._clock, login=login, with_orders=feed == "full")
        self._streams = MarketStreams(dialect, tell=self._tell, tasks=self._tasks, **self._shared)
        self._snapshots = Snapshots(
            venue, self._begin_anew, tell=self._tell, tasks=self._tasks, clock=self._clock, random=self._random
        )
        self._account = UserChannel(self._api, hosts, tell=self._tell, read=self._private, **self._shared)
        self._reader = AccountReader(self._instruments)
        self._outcomes = Outcomes(venue, self._clock)
        self._venue_ids: dict[str, str] = {}
        self._orders: dict[str, _Followed] = {}

    def resync(self, instrument: str, reason: str) -> None:
        """Have a book begin anew: its channel is subscribed to again, and begins with a snapshot.

        Messages of Advanced Trade are numbered by connection, so that is another connection, for all books. All single
        orders are asked for.
        """
        topic = instrument, Stream.BOOK
        if self._feed == "full":
            if topic in self._wanted:
                self._snapshots.ask(instrument)
        elif not self._streams.is_there(topic):
            return  # one that was just subscribed to has its snapshot to come
        elif self._feed == "exchange":
            self._snapshots.ask(instrument)
        else:
            self._renewals += self._streams.drop(topic, f"{instrument}: {reason}")

    async def _begin_anew(self, instrument: str) -> None:
        if self._feed == "exchange":
            await self._streams.repeat((instrument, Stream.BOOK))
            return
        product = symbol_of(instrument)
        body = await self._api.orders_of(product)
        # The answer does not say whose book it is.
        named = b'{"product_id":' + orjson.dumps(product) + b"," + body.lstrip()[1:]
        self._tell(Frame(self.name, self._clock.now_ns(), named, instrument, Stream.BOOK))

    async def cancel_all(self, instrument: str) -> None:
        """Cancel every open order of an instrument."""
        ids = [order.venue_id for order in await self.open_orders() if order.instrument == instrument]
        for start in range(0, len(ids), _MOST_IN_BATCH):
            await self._api.again(partial(self._send_batch, _CANCELS, ids[start : start + _MOST_IN_BATCH]))

    async def keep_alive(self, instrument: str, seconds: float) -> bool:
        """Return False: the venue has no such switch."""
        return False

    async def executions(self, instruments: Iterable[str], since_ns: int) -> Sequence[VenueExecution]:
        """Return own executions of some instruments from a time on."""
        found = []
        for instrument in instruments:
            params = {
                "product_ids": symbol_of(instrument),
                "start_sequence_timestamp": to_text(since_ns),
                "limit": "100",
            }
            async for row in self._api.pages(_FILLS, "fills", params):
                execution = self._reader.fill(row, None, self._clock.now_ns()).as_execution(self._reader.side_of(row))
                if execution.ts_event >= since_ns:
                    found.append(execution)
        return sorted(found, key=lambda execution: execution.ts_event)

    async def open_orders(self) -> Sequence[VenueOrder]:
        """Return own open orders."""
        found = []
        async for row in self._api.pages(_ORDERS, "orders", {"order_status": "OPEN", "limit": "250"}):
            (terms,) = row["order_configuration"].values()
            self._name(row["client_order_id"], row["order_id"])
            found.append(
                VenueOrder(
                    venue_id=row["order_id"],
                    instrument=f"{row['product_id']}.{VENUE}",
                    side=AccountReader.side_of(row),
                    qty=Decimal(terms["base_size"]),
                    filled=Decimal(row["filled_size"]),
                    price=Decimal(terms["limit_price"]),
                    client_id=row["client_order_id"] or None,
                )
            )
        return found

    async def positions(self) -> Mapping[str, Decimal]:
        """Return nothing: of spot there are none."""
        return {}

    async def balances(self) -> Sequence[Balance]:
        """Return what the account holds."""
        found = []
        now_ns = self._clock.now_ns()
        async for row in self._api.pages("accounts", "accounts", {"limit": "250"}):
            free, held = Decimal(row["available_balance"]["value"]), Decimal(row["hold"]["value"])
            if free + held:
                found.append(Balance(VENUE, now_ns, row["currency"], free + held, free))
        return found

    async def permissions(self) -> Permissions:
        """Return what the key may do, as far as the host says: local servers do not."""
        if self._is_local:
            return Permissions(can_trade=None, can_withdraw=None)
        rights = await self._api.read("key_permissions")
        return Permissions(can_trade=rights["can_trade"], can_withdraw=rights["can_transfer"])

    async def carry_out(self, command: Command) -> VenueReport:
        """Send a command and return what the venue says of it."""
        try:
            match command.kind:
                case "submit":
                    return await self._place(command)
                case "replace":
                    return await self._outcomes.of(command, self._edit(command))
                case _:
                    return await self._outcomes.of(command, self._cancel(command))
        except VenueError as error:
            if is_transient(error):
                raise
            raise Refusal("venue", f"{error.problem} ({error.code})") from None

    async def look_up(self, instrument: str, client_id: str) -> OrderState | None:
        """Return how an order stands, with its fills; None if the venue does not have it."""
        venue_id = self._venue_ids.get(client_id)
        if venue_id is not None:
            row = (await self._api.read(f"orders/historical/{venue_id}"))["order"]
        else:
            params = {"product_ids": symbol_of(instrument), "limit": "250"}
            async for row in self._api.pages(_ORDERS, "orders", params):
                if row["client_order_id"] == client_id:
                    break
            else:
                return None
            self._name(client_id, row["order_id"])
        fills = []
        if Decimal(row["filled_size"]):
            fills = await self._fills(row["order_id"])
        state = self._reader.order_state(row, fills, self._clock.now_ns())
        if state.end is not None:  # which may have been missed
            self._orders.pop(state.venue_id, None)
        return state

    async def _place(self, command: Command) -> VenueReport:
        answer = await self._api.write("orders", order_body(command))
        if not answer["success"]:
            raise refusal_of(answer)
        venue_id = answer["success_response"]["order_id"]
        self._name(command.client_id, venue_id)
        return VenueReport(
            venue=VENUE,
            ts_recv=self._clock.now_ns(),
            instrument=command.instrument,
            kind="accepted",
            order=command.client_id,
            venue_id=venue_id,
        )

    async def _edit(self, command: Command) -> None:
        if command.trigger_price is not None:
            raise Refusal("unsupported", "triggers are not moved here: cancel and send anew")
        body = {"order_id": self._venue_id(command), "price": command.price_text, "size": command.qty_text}
        answer = await self._api.write("orders/edit", body)
        if not answer["success"]:
            raise refusal_of((answer.get("errors") or [{}])[0])

    async def _cancel(self, command: Command) -> None:
        result = await self._batches.ask(_CANCELS, self._venue_id(command), most=_MOST_IN_BATCH)
        if not result["success"]:
            refusal = refusal_of(result)
            if refusal.reason == "unknown_order":  # it has ended: as what is looked up
                raise NoAnswerError(VENUE, "cancel", refusal.detail)
            raise refusal

    async def _send_batch(self, kind: str, requests: Sequence[str]) -> Sequence[Any]:
        """Cancel orders, of which alone the venue takes several at once."""
        answer: dict[str, list[Any]] = await self._api.write(kind, {"order_ids": list(requests)}, urgent=True)
        return answer["results"]

    def _name(self, client_id: str, venue_id: str) -> None:
        """Know an order's id at the venue by ours; of one that is known no more the venue is asked."""
        self._venue_ids.pop(client_id, None)
        self._venue_ids[client_id] = venue_id
        if len(self._venue_ids) > _REMEMBERED:
            del self._venue_ids[next(iter(self._venue_ids))]

    def _venue_id(self, command: Command) -> str:
        venue_id = command.venue_id or self._venue_ids.get(command.client_id)
        if venue_id is None:
            raise NoAnswerError(VENUE, command.kind, "the venue's id of the order is not known")
        return venue_id

    async def _fills(self, venue_id: str) -> list[Any]:
        rows = self._api.pages(_FILLS, "fills", {"order_ids": venue_id, "limit": "100"})
        return [row async for row in rows if row["trade_type"] == "FILL"]

    def _private(self, message: Mapping[str, Any], ts_recv: int) -> None:
        ts_event = to_ns(message["timestamp"])
        for event in message["events"]:
            for row in event.get("orders") or ():
                self._order(row, ts_event, ts_recv)

    def _order(self, row: Mapping[str, Any], ts_event: int, ts_recv: int) -> None:
        report = self._reader.order(row, ts_event, ts_recv)
        if report is None:
            return
        self._name(row["client_order_id"], row["order_id"])
        order = self._orders.setdefault(row["order_id"], _Followed(report.order))
        order.counted = max(order.counted, Decimal(row["cumulative_quantity"]))
        if report.kind == "accepted":
            self._tell(report)
            total = self._reader.terms(row).qty
            if order.total is not None and total < order.total:
                # Orders of one account that meet lose what they would have traded.
                self._tell(replace(report, kind="reduced", qty=total))
            order.total = total
        if report.kind == "accepted" and row["status"] != "FILLED":
            self._told(row, report)
        else:
            order.end = row, report
        if order.counted > order.told or order.end is not None:
            self._follow(row["order_id"], order)

    def _told(self, row: Mapping[str, Any], report: VenueReport) -> None:
        self._outcomes.told(report, self._reader.terms(row), is_filled=row["status"] == "FILLED")

    def _follow(self, venue_id: str, order: _Followed) -> None:
        if not order.is_followed:
            order.is_followed = True
            self._tasks.start(self._read_fills(venue_id, order), f"fills {venue_id}")

    async def _read_fills(self, venue_id: str, order: _Followed) -> None:
        """Tell the fills the venue has counted, and then how the order ended."""
        backoff = Backoff(self._random, first_s=0.1, most_s=10.0)
        try:
            while order.counted > order.told:
                try:
                    fills = await self._fills(venue_id)
                except (VenueError, NoAnswerError, CredentialsError):
                    fills = []
                if not self._tell_new(order, fills):
                    await self._clock.sleep(backoff.next_s())
        finally:
            order.is_followed = False
        if order.end is not None:
            row, report = order.end
            self._orders.pop(venue_id, None)
            self._told(row, report)
            # What is filled may be less than was sent: see above.
            self._tell(report if report.kind != "accepted" else replace(report, kind="reduced", qty=order.counted))

    def _tell_new(self, order: _Followed, fills: Iterable[Mapping[str, Any]]) -> bool:
        """Tell fills that were not told; returns whether there were any."""
        is_new = False
        for row in sorted(fills, key=lambda row: str(row["trade_time"])):
            if row["trade_id"] not in order.trades:
                order.trades.add(row["trade_id"])
                fill = self._reader.fill(row, order.client_id, self._clock.now_ns())
                order.told += fill.qty or Decimal(0)
                self._tell(fill)
                is_new = True
        return is_new

    @property
    def _resyncs(self) -> int:
        return self._renewals + self._snapshots.fetched

    async def _listing(self) -> Listing:
        answer = await self._api.read("market/products", signed=False)
        return instruments_of(answer["products"])
