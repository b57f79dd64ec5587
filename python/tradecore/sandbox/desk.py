"""The exchange behind a local venue: its markets, and the orders of its clients as the venue numbers them."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any, Protocol

from tradecore._core import Instrument, Notice, SimExchange
from tradecore.sandbox.feed import KINDS, MarketFeed
from tradecore.sandbox.numbers import Levels
from tradecore.types import EventKind
from tradecore.venue import SimVenue

__all__ = ["MAINTENANCE", "Desk", "Execution", "OrderRecord", "PublicTrade", "Traders", "Update"]

MAINTENANCE = "0.005"
"""The share of a position's worth below which its margin must not fall."""

_HOLDS = tuple(int(kind) for kind in KINDS)
_KEPT, _KEPT_OF_CROWD = 20_000, 100
"""So many orders that have ended can be asked for, and so many fills."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A fill of an order; ``fee`` is in ``fee_asset``, ``left`` what is open.

    ``trade_id`` is that of the public trade, or of its own where the recorded market's trade gave to several.
    """

    trade_id: int
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    ts_ns: int
    left: Decimal


@dataclass(slots=True)
class OrderRecord:
    """An order of a client."""

    order_id: int
    client_id: str
    account: int
    market: int
    symbol: str
    side: str
    kind: str
    time_in_force: str
    qty: Decimal
    price: Decimal = Decimal(0)
    stop_price: Decimal = Decimal(0)
    trigger: str = "last"
    trigger_rises: bool = False
    quote_qty: Decimal = Decimal(0)
    reduce_only: bool = False
    post_only: bool = False
    expires_ms: int = 0
    status: str = "NEW"
    reason: str | None = None
    is_abandoned: bool = False
    """Whether the venue cancels it since its client is gone."""
    filled: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    is_working: bool = True
    created_ns: int = 0
    updated_ns: int = 0
    executions: list[Execution] = field(default_factory=list)
    cancel_id: str | None = None
    """What its client calls the cancel of it."""
    execution_id: int = 0
    """The venue's number of what happened to it last."""
    algo_id: int = 0
    """Of one that waits for its trigger at a service of its own: its number there."""
    algo_kind: str = ""
    """What it is called there."""

    @property
    def is_open(self) -> bool:
        """Whether something of it may still fill."""
        return self.status in ("NEW", "PARTIALLY_FILLED")


@dataclass(frozen=True, slots=True)
class Update:
    """What happened to an order: the kind of a notice, and the fill if it is one."""

    order: OrderRecord
    kind: str
    reason: str | None
    ts_ns: int
    execution: Execution | None = None


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """A trade as everybody sees it."""

    trade_id: int
    price: Decimal
    qty: Decimal
    is_buyer_maker: bool
    ts_ns: int


class Traders(Protocol):
    """Who moves markets by orders alone, from accounts of their own."""

    first_account: int
    """From here on accounts are theirs."""

    def begin(self, desk: Desk, now_ns: int) -> None:
        """Open the markets."""

    def act(self, desk: Desk, now_ns: int) -> None:
        """Do what they have done by now."""


class Desk:
    """Clients and markets of one simulated venue.

    Nothing takes time here: what a request leads to at once is known when it returns. What time brings comes with
    :meth:`pump`, which goes before any request.

    Parameters
    ----------
    instruments : mapping of str to Instrument
        By the venue's symbol.
    movers : mapping of str to MarketFeed, or Traders
        What moves each of them.
    venue : SimVenue
        Without latency.
    seed : int
    told_later : set of str
        Why orders are rejected that a client hears of only after they were taken: these can be asked for. What is
        refused for any other reason was never there.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        movers: Mapping[str, MarketFeed] | Traders,
        venue: SimVenue,
        *,
        seed: int,
        told_later: frozenset[str] = frozenset(),
    ) -> None:
        self._crowd = None if isinstance(movers, Mapping) else movers
        feeds = movers if isinstance(movers, Mapping) else {}
        # Where there is no data, marks are told.
        holds = (*_HOLDS, int(EventKind.MARK)) if self._crowd is not None else _HOLDS
        self.exchange = SimExchange(seed=seed)
        self.symbols = tuple(instruments)
        self.instruments: dict[str, Instrument] = {}
        self.market_of: dict[str, int] = {}
        for symbol, instrument in instruments.items():
            market = self.exchange.add_market(instrument, venue, holds)
            self.market_of[symbol] = market
            self.instruments[symbol] = self.exchange.instrument(market)
        self._feeds = [(self.market_of[symbol], symbol, feed) for symbol, feed in feeds.items()]
        self.orders: dict[int, OrderRecord] = {}
        self._open: dict[int, OrderRecord] = {}
        self._ended: dict[bool, deque[int]] = {is_of_crowd: deque() for is_of_crowd in (False, True)}
        self.fills: dict[int, deque[tuple[OrderRecord, Execution]]] = {}
        self.trades: dict[str, deque[PublicTrade]] = {symbol: deque(maxlen=1_000) for symbol in instruments}
        self.on_update: list[Callable[[Update], None]] = []
        self.on_trades: list[Callable[[str, list[PublicTrade]], None]] = []
        self._order_ids = itertools.count(1_000_001)
        self._trade_ids = {symbol: itertools.count((at + 5) * 10**9 + 1) for at, symbol in enumerate(instruments)}
        """Numbers of public trades, which count up by one for each symbol."""
        self._fill_ids = itertools.count(10**12 + 1)
        """Numbers of what a public trade gave to each order."""
        self._execution_ids = itertools.count(1)
        self._venue = venue.name
        self._told_later = told_later
        self._met: tuple[tuple[int, int, int], int] | None = None
        """The trade of a client that rested, whose taker is told of it next."""

    @property
    def is_of_orders(self) -> bool:
        """Whether nothing but orders makes its markets, so that each of them is known."""
        return self._crowd is not None

    def begin(self, now_ns: int) -> None:
        """Open the markets."""
        for _, _, feed in self._feeds:
            feed.begin(now_ns)
        if self._crowd is not None:
            self._crowd.begin(self, now_ns)
        self.pump(now_ns)

    def pump(self, now_ns: int) -> None:
        """Let happen what the markets and time have brought by now."""
        due = [
            (message.at_ns, market, symbol, message)
            for market, symbol, feed in self._feeds
            for message in feed.due(now_ns)
        ]
        for at, market, symbol, message in sorted(due, key=lambda item: item[:2]):
            at = self._at(at)
            self.exchange.message(at, market, message.rows)
            if message.trades:
                self._publish(symbol, [(price, qty, not bought) for price, qty, bought in message.trades], at)
            self._take(at)
        if self._crowd is not None:
            self._crowd.act(self, now_ns)
        self._advance(now_ns)

    def _at(self, now_ns: int) -> int:
        """Return the exchange's time, which does not go back where the server's does."""
        return max(now_ns, self.exchange.now_ns or 0)

    def _advance(self, now_ns: int) -> None:
        at = self._at(now_ns)
        self.exchange.advance(at)
        self._take(at)

    def _publish(self, symbol: str, trades: list[tuple[int, int, bool]], at: int) -> list[PublicTrade]:
        """Tell everybody of trades: price and quantity in increments, and whether the buyer had rested."""
        instrument = self.instruments[symbol]
        told = [
            PublicTrade(
                next(self._trade_ids[symbol]),
                price * instrument.price_increment,
                qty * instrument.qty_increment,
                buyer,
                at,
            )
            for price, qty, buyer in trades
        ]
        self.trades[symbol].extend(told)
        for listener in self.on_trades:
            listener(symbol, told)
        return told

    def submit(self, order: OrderRecord, now_ns: int, **terms: Any) -> OrderRecord:
        """Take an order; its status tells what became of it at once. ``terms`` are those of ``SimExchange.submit``.

        One between two steps of its instrument is rejected for ``tick_size`` or ``lot_size``.

        Raises
        ------
        TradecoreError
            For terms that do not go together.
        """
        at = self._at(now_ns)
        order.created_ns = order.updated_ns = at
        price = None if order.price == 0 else order.price
        reason = self.misfit(order.symbol, order.qty, order.price, order.stop_price)
        if reason is not None or not order.qty:
            # What it may cost does not always buy a lot.
            order.status, order.reason = "REJECTED", reason or "min_qty"
            return order
        self.exchange.submit(
            at, order.account, order.order_id, order.market, order.side.lower(), order.qty, price,
            reduce_only=order.reduce_only, **terms,
        )  # fmt: skip
        self.orders[order.order_id] = self._open[order.order_id] = order
        self._advance(at)
        return order

    def place(
        self, account: int, symbol: str, side: str, qty: Decimal, price: Decimal | None, now_ns: int, *, post_only: bool
    ) -> OrderRecord:
        """Take an order of somebody else than clients, such as the crowd; without a price it is one at the market."""
        order = OrderRecord(
            order_id=self.next_order_id(), client_id="", account=account, market=self.market_of[symbol], symbol=symbol,
            side=side, kind="LIMIT" if price else "MARKET", time_in_force="GTC", qty=qty, price=price or Decimal(0),
            post_only=post_only,
        )  # fmt: skip
        return self.submit(order, now_ns, post_only=post_only)

    def misfit(self, symbol: str, qty: Decimal, *prices: Decimal) -> str | None:
        """Return which step of an instrument numbers miss; the exchange's notice does not tell them apart."""
        instrument = self.instruments[symbol]
        if any(price % instrument.tick_size for price in prices):
            return "tick_size"
        return "lot_size" if qty % instrument.lot_size else None

    def balances(self, account: int) -> Mapping[str, tuple[Decimal, Decimal]]:
        """Return what an account holds of each asset, and how much of it orders lock."""
        return self.exchange.balances(account).get(self._venue, {})

    def position(self, account: int, symbol: str) -> dict[str, Any]:
        """Return what an account holds of a contract, as :meth:`SimExchange.position` does."""
        return self.exchange.position(account, self.market_of[symbol])

    def standing(
        self, account: int, settlement: str | None = None
    ) -> tuple[dict[str, dict[str, Any]], dict[str, Decimal]]:
        """Return positions by symbol, all or those settled in a currency, and what margins and profits come to."""
        rows = self.instruments.items()
        symbols = [symbol for symbol, instrument in rows if settlement in (None, instrument.settlement)]
        held = {symbol: self.position(account, symbol) for symbol in symbols}
        names = ("initial_margin", "maintenance_margin", "unrealized_pnl")
        return held, {name: sum((position[name] for position in held.values()), Decimal(0)) for name in names}

    def open_interest(self, symbol: str) -> Decimal:
        """Return what the accounts that have traded hold long of a contract."""
        held = (self.position(account, symbol)["qty"] for account in self.fills)
        return sum((qty for qty in held if qty > 0), Decimal(0))

    def mark_price(self, symbol: str) -> Decimal:
        """Return the price that positions are valued at, else the mid; 0 before there is any."""
        mark = self.exchange.mark_price(self.market_of[symbol])
        if mark is not None:
            return Decimal(str(mark))
        bid, ask = self.best(symbol)
        return Decimal(0) if bid is None or ask is None else (bid + ask) / 2

    def best(self, symbol: str) -> tuple[Decimal | None, Decimal | None]:
        """Return the best bid and ask, None where there is none."""
        increment = self.instruments[symbol].price_increment
        bids, asks = self.exchange.depth(self.market_of[symbol], 1)
        return bids[0][0] * increment if bids else None, asks[0][0] * increment if asks else None

    def last_price(self, symbol: str) -> Decimal:
        """Return the price of the last trade; the mark before any."""
        traded = self.trades[symbol]
        return traded[-1].price if traded else self.mark_price(symbol)

    def levels(self, symbol: str, most: int) -> tuple[Levels, Levels]:
        """Return so many levels of bids and asks as they are now, best first."""
        bids, asks = self.exchange.depth(self.market_of[symbol], most)
        return dict(bids), dict(asks)

    def worth(self, symbol: str, side: str, quote: Decimal) -> Decimal:
        """Return how much a quote quantity buys or sells for now, in whole lots."""
        instrument, left, qty = self.instruments[symbol], quote, Decimal(0)
        bids, asks = self.levels(symbol, 1_000)
        for price, size in (asks if side == "BUY" else bids).items():
            worth = price * instrument.price_increment
            part = min(size * instrument.qty_increment, left / worth)
            qty, left = qty + part, left - part * worth
            if left <= 0:
                break
        return (qty / instrument.lot_size).quantize(Decimal(1), ROUND_DOWN) * instrument.lot_size

    def next_order_id(self) -> int:
        """Return the venue's number of the next order."""
        return next(self._order_ids)

    def cancel(self, order: OrderRecord, now_ns: int) -> bool:
        """Cancel an order. Return whether it was there to be cancelled."""
        if not order.is_open:
            return False
        at = self._at(now_ns)
        self.exchange.cancel(at, order.account, order.order_id, order.market)
        self._advance(at)
        return order.status == "CANCELED"

    def replace(
        self, order: OrderRecord, price: Decimal, qty: Decimal, now_ns: int, *, trigger_price: Decimal | None = None
    ) -> str | None:
        """Change terms of an order. Return why the venue refused, None if it did not."""
        if not order.is_open:
            return "unknown_order"
        stop_price = trigger_price or order.stop_price
        if (misfit := self.misfit(order.symbol, qty, price, stop_price)) is not None:
            return misfit
        at = self._at(now_ns)
        order.reason = None
        # What has no limit is valued where it is set off.
        self.exchange.replace(
            at, order.account, order.order_id, order.market, price or stop_price, qty, trigger_price=trigger_price
        )
        self._advance(at)
        return order.reason

    def open_orders(self, account: int, symbol: str | None = None) -> list[OrderRecord]:
        """Return the open orders of an account, by number."""
        mine = [order for order in self._open.values() if order.account == account]
        return [order for order in mine if symbol is None or order.symbol == symbol]

    def find(self, account: int, symbol: str, *, order_id: int | None, client_id: str | None) -> OrderRecord | None:
        """Return an order by the venue's number or the client's id; of several of one id the last."""
        if order_id is not None:
            found = self.orders.get(order_id)
            return found if found and (found.account, found.symbol) == (account, symbol) else None
        for order in reversed(self.orders.values()):
            if (order.account, order.symbol, order.client_id) == (account, symbol, client_id):
                return order
        return None

    def _take(self, now_ns: int) -> None:
        for notice in self.exchange.receive(now_ns):
            if notice.order is not None and (order := self.orders.get(notice.order)) is not None:
                self._apply(order, notice)

    def _apply(self, order: OrderRecord, notice: Notice) -> None:
        order.updated_ns, order.execution_id = notice.ts_event, next(self._execution_ids)
        order.reason = notice.reason
        execution = None
        match notice.kind:
            case "fill":
                execution = self._fill(order, notice)
            case "rejected":
                order.status = "REJECTED"
            case "expired":
                order.status = "EXPIRED_IN_MATCH" if notice.reason == "self_trade" else "EXPIRED"
            case "cancelled":
                order.status = "CANCELED"
            case "replaced":
                assert notice.price is not None
                assert notice.qty is not None
                order.price, order.qty = notice.price if order.price else order.price, notice.qty
                order.stop_price = notice.trigger_price or order.stop_price
            case "reduced":
                assert notice.qty is not None
                order.qty = notice.qty
            case "repriced":
                assert notice.price is not None
                order.price = notice.price
            case "triggered":
                order.is_working = True
            case _:
                pass
        if not order.is_open:
            self._end(order)
        update = Update(order, notice.kind, notice.reason, notice.ts_event, execution)
        for listener in self.on_update:
            listener(update)

    def _fill(self, order: OrderRecord, notice: Notice) -> Execution:
        assert notice.price is not None
        assert notice.qty is not None
        instrument = self.instruments[order.symbol]
        is_maker = notice.liquidity == "maker"
        fee, asset = notice.fee or Decimal(0), instrument.settlement
        if notice.fee_paid is not None:
            asset, fee = notice.fee_paid
        steps = (int(notice.price / instrument.price_increment), int(notice.qty / instrument.qty_increment))
        met = (order.market, *steps)
        if is_maker and notice.made_by == "print":
            # The market's own trade has been told; what it gave to each order is numbered by itself.
            trade_id = next(self._fill_ids)
        elif not is_maker and self._met is not None and self._met[0] == met:
            trade_id, self._met = self._met[1], None
        else:
            buyer_rested = (order.side == "BUY") == is_maker
            trade_id = self._publish(order.symbol, [(*steps, buyer_rested)], notice.ts_event)[0].trade_id
            if notice.made_by == "own_order":
                self._met = (met, trade_id)
        order.filled += notice.qty
        left = order.qty - order.filled
        execution = Execution(trade_id, notice.price, notice.qty, fee, asset, is_maker, notice.ts_event, left)
        order.cost += notice.price * notice.qty
        order.status = "FILLED" if order.filled >= order.qty else "PARTIALLY_FILLED"
        order.executions.append(execution)
        kept = _KEPT_OF_CROWD if self._is_of_crowd(order) else _KEPT
        self.fills.setdefault(order.account, deque(maxlen=kept)).append((order, execution))
        return execution

    def _end(self, order: OrderRecord) -> None:
        if self._open.pop(order.order_id, None) is None:
            return
        if order.status == "REJECTED" and order.reason not in self._told_later:
            # It was never there.
            del self.orders[order.order_id]
            return
        is_of_crowd = self._is_of_crowd(order)
        ended = self._ended[is_of_crowd]
        ended.append(order.order_id)
        if len(ended) > (_KEPT_OF_CROWD if is_of_crowd else _KEPT):
            self.orders.pop(ended.popleft(), None)

    def _is_of_crowd(self, order: OrderRecord) -> bool:
        return self._crowd is not None and order.account >= self._crowd.first_account
