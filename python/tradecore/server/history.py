"""What happened in a session, kept for those who ask: orders, fills, money, trades, and what strategies publish."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import singledispatchmethod
from typing import Any

from tradecore._core import Instrument
from tradecore.bus import events
from tradecore.bus.lines import plain_fields
from tradecore.histogram import Histogram
from tradecore.server.bars import Bars
from tradecore.server.diary import MOST_EVENTS

__all__ = ["History", "shown_order"]

_MOST_ORDERS = 20_000
_MOST_ROWS = 10_000
_MOST_TRADES = 1_000
_MOST_POINTS = 2_000

_STATUS: dict[type[events.Event], str] = {
    events.OrderSubmitted: "pending_new",
    events.OrderAccepted: "accepted",
    events.OrderTriggered: "accepted",
    events.OrderReplaced: "accepted",
    events.OrderUnknown: "unknown",
    events.OrderCancelled: "cancelled",
    events.OrderRejected: "rejected",
    events.OrderExpired: "expired",
}
_ENDED = frozenset({"cancelled", "rejected", "expired", "filled"})
_REST = frozenset({"accepted", "partially_filled"})
_KNOWN = _ENDED | _REST | {"pending_new", "unknown"}

Row = dict[str, Any]
Terms = tuple[Decimal, Decimal | None, Decimal | None]
"""Quantity, limit and trigger of an order."""


class History:
    """Folds the events of a session into what can be asked for. It belongs to the server's event loop.

    Parameters
    ----------
    tell : callable
        Is given each new item of a topic, in order: the topic and the item.
    name : callable
        Returns what venues carry for an order, by its strategy and its number.
    """

    def __init__(self, tell: Callable[[str, Any], None], name: Callable[[str, int], str]) -> None:
        self._tell = tell
        self._name = name
        self.orders: OrderedDict[int, Row] = OrderedDict()
        self.fills: deque[Row] = deque(maxlen=_MOST_ROWS)
        self.ledger: deque[Row] = deque(maxlen=_MOST_ROWS)
        self.events: deque[Row] = deque(maxlen=MOST_EVENTS)
        self.trades: dict[str, deque[list[Any]]] = {}
        self.bars = Bars(tell)
        self.published: dict[str, Row] = {}
        self.lags: dict[str, float] = {}
        """From the venue's stamp of the newest trade to its receipt, seconds."""
        self.answers = Histogram()
        """From an order to the first that its venue says of it, seconds."""
        self._numbers = {"fills": 0, "events": 0}
        self._waiting: dict[int, asyncio.Event] = {}
        self._breaches: dict[int, list[str]] = {}
        self._is_over = False

    def seed(self, earlier: Mapping[str, Sequence[Row]], instruments: Sequence[Instrument]) -> None:
        """Take what a session did before anything was told, as :meth:`tradecore.live.runner.Live.earlier` has it."""
        specs = {instrument.id: instrument for instrument in instruments}
        for order in earlier.get("orders", ())[-_MOST_ORDERS:]:
            row = _earlier_order(order, specs[order["instrument"]], self._name)
            self.orders[row["id"]] = row
        fills, payments = earlier.get("fills", ()), earlier.get("payments", ())
        for fill in fills:
            spec = specs[fill["instrument"]]
            self._fill(
                fill["ts_recv"],
                fill["ts_event"],
                order_id=fill["order_id"],
                symbol=fill["instrument"],
                strategy=fill["strategy"],
                side=fill["side"],
                price=_text(_on_grid(fill["price"], spec.tick_size)),
                quantity=_text(_on_grid(fill["qty"], spec.lot_size)),
                liquidity=fill["liquidity"],
                fee=_money(fill["fee"]),
            )
        closes = [(row, "close", row["realized_pnl"], row["order_id"]) for row in fills if row["realized_pnl"]]
        moved = [*closes, *((row, row["why"], -row["paid"], None) for row in payments)]
        for row, kind, amount, order_id in sorted(moved, key=lambda entry: int(entry[0]["ts_recv"])):
            self._book(row["ts_recv"], row["instrument"], row["strategy"], kind, amount, order_id)

    def remember(self, happened: Sequence[Row]) -> None:
        """Take the events that were told before a restart, oldest first."""
        self.events.extend(happened)
        self._numbers["events"] = max((row["seq"] for row in happened), default=0)

    def take(self, event: events.Event) -> None:
        """Take what the session tells."""
        self._take(event)
        if isinstance(event, events.TradePrinted | events.Published):
            return
        self._numbers["events"] += 1
        row = {"seq": self._numbers["events"], **plain_fields(event)}
        self.events.append(row)
        self._tell("events", row)

    async def answered(self, order_id: int, patience_s: float, *, is_over: bool) -> Row | None:
        """Return an order once its venue, or a limit, has said something of it; None for one nobody knows.

        Parameters
        ----------
        order_id : int
        patience_s : float
            How long to wait, at most until :meth:`end`; then it is returned as it stands.
        is_over : bool
            Whether to wait until it is over, as one that acts at once soon is.
        """
        end = asyncio.get_running_loop().time() + patience_s
        changed = self._waiting.setdefault(order_id, asyncio.Event())
        try:
            while True:
                row = self.orders.get(order_id)
                if row is not None and (not row["is_open"] if is_over else row["status"] != "pending_new"):
                    return row
                if self._is_over:
                    return row
                changed.clear()
                await asyncio.wait_for(changed.wait(), end - asyncio.get_running_loop().time())
        except TimeoutError:
            return self.orders.get(order_id)
        finally:
            self._waiting.pop(order_id, None)

    def end(self) -> None:
        """Let nobody wait any more for what would be told: the session is over."""
        self._is_over = True
        for changed in self._waiting.values():
            changed.set()

    def unheard(self, order_id: int, symbol: str, strategy: str, side: str, kind: str, terms: Terms, at_ns: int) -> Row:
        """Return an order that has left at a time, and of which nothing was heard, as it is answered."""
        name = self._name(strategy, order_id)
        row = _order_row(order_id, name, None, symbol, strategy, side, kind, *terms, at_ns)
        row["status"] = "unknown"
        row["reason"] = f"it has left, and nothing is known of it yet: look up {name}"
        return shown_order(row)

    def breaches(self, order_id: int) -> list[str]:
        """Return what limits said of an order that they refused."""
        return self._breaches.get(order_id, [])

    @singledispatchmethod
    def _take(self, event: events.Event) -> None:
        """Nothing is folded of the others."""

    @_take.register
    def _(self, event: events.OrderUpdate) -> None:
        row = self.orders.get(event.order_id)
        if row is None:
            row = self._new(event)
        if event.breaches:
            told = [
                f"{breach.check.value} of {breach.scope} {breach.name}: {breach.value} beyond {breach.limit}"
                for breach in event.breaches
            ]
            self._breaches[event.order_id] = told
            if len(self._breaches) > _MOST_TRADES:
                self._breaches.pop(next(iter(self._breaches)))
        status = _STATUS.get(type(event))
        if status in ("accepted", "rejected") and row["status"] == "pending_new":
            self.answers.observe((event.at_ns - row["created_ns"]) / 1e9)
        if status is not None:
            row["status"] = status
        _set_terms(row, event.qty, event.price, event.trigger_price)
        row["reason"] = event.reason
        row["updated_ns"] = event.at_ns
        _fill_up(row, event.filled_qty)
        self._changed(row)

    @_take.register
    def _(self, event: events.OrderFilled) -> None:
        row = self.orders.get(event.order_id)
        self._fill(
            event.at_ns,
            event.ts_event,
            order_id=event.order_id,
            symbol=event.instrument,
            strategy=event.strategy,
            side=event.side.name.lower(),
            price=_text(event.price),
            quantity=_text(event.qty),
            liquidity=event.liquidity.name.lower(),
            fee=_money(event.fee),
        )
        if row is None:
            return
        if row["status"] == "pending_new":
            self.answers.observe((event.at_ns - row["created_ns"]) / 1e9)
        row["_notional"] += event.price * event.qty
        row["updated_ns"] = event.at_ns
        row["status"] = "filled" if event.completes_order else "partially_filled"
        _fill_up(row, Decimal(row["filled_quantity"]) + event.qty)
        self._changed(row)

    @_take.register
    def _(self, event: events.TradeClosed) -> None:
        kind = "close" if event.order_id is not None else event.why
        self._book(event.at_ns, event.instrument, event.strategy, kind, event.realized_pnl, event.order_id)

    @_take.register
    def _(self, event: events.PaymentBooked) -> None:
        self._book(event.at_ns, event.instrument, event.strategy, event.why, -event.paid, None)

    @_take.register
    def _(self, event: events.TradePrinted) -> None:
        side = None if event.aggressor_side is None else event.aggressor_side.name.lower()
        trade = [event.at_ns, _text(event.price), _text(event.qty), side]
        self.trades.setdefault(event.instrument, deque(maxlen=_MOST_TRADES)).append(trade)
        self._tell(f"trades:{event.instrument}", trade)
        self.lags[event.instrument] = (event.at_ns - event.ts_event) / 1e9
        self.bars.trade(event.instrument, event.at_ns, float(event.price), float(event.qty))

    @_take.register
    def _(self, event: events.Published) -> None:
        empty: Row = {"values": {}, "series": {}, "tables": {}, "log": deque(maxlen=_MOST_POINTS)}
        board = self.published.setdefault(event.strategy, empty)
        value: Any = event.value
        match event.kind:
            case "value":
                board["values"][event.name] = _text(value) if isinstance(value, Decimal) else value
            case "series":
                points = board["series"].setdefault(event.name, deque(maxlen=_MOST_POINTS))
                points.append([event.at_ns, value if value - value == 0 else None])
            case "table":
                columns = list(dict.fromkeys(column for row in value for column in row))
                rows = [[_shown(row.get(column)) for column in columns] for row in value]
                board["tables"][event.name] = {"columns": columns, "rows": rows}
            case _:
                board["log"].append([event.at_ns, event.value])

    def _new(self, event: events.OrderUpdate) -> Row:
        row = _order_row(
            event.order_id,
            self._name(event.strategy, event.order_id),
            event.client_id,
            event.instrument,
            event.strategy,
            event.side.name.lower(),
            event.order_type.name.lower(),
            event.qty,
            event.price,
            event.trigger_price,
            event.at_ns,
        )
        self.orders[event.order_id] = row
        if len(self.orders) > _MOST_ORDERS:
            oldest = next((key for key, order in self.orders.items() if not order["is_open"]), None)
            if oldest is not None:
                del self.orders[oldest]
        return row

    def _changed(self, row: Row) -> None:
        if row["id"] in self._waiting:
            self._waiting[row["id"]].set()
        self._tell("orders", shown_order(row))

    def _fill(self, at_ns: int, event_ns: int, **told: Any) -> None:
        self._numbers["fills"] += 1
        fill = {"id": self._numbers["fills"], **told, "at_ns": at_ns, "event_ns": event_ns}
        self.fills.append(fill)
        self._tell("fills", fill)

    def _book(self, at_ns: int, symbol: str, strategy: str, kind: str, amount: Decimal, order_id: int | None) -> None:
        entry = {
            "at_ns": at_ns,
            "kind": kind,
            "symbol": symbol,
            "strategy": strategy,
            "amount": _money(amount),
            "order_id": order_id,
        }
        self.ledger.append(entry)
        self._tell("ledger", entry)


def _earlier_order(told: Row, spec: Instrument, name: Callable[[str, int], str]) -> Row:
    """Return an order out of a row of a table."""
    price, trigger = told["price"], told["trigger_price"]
    row = _order_row(
        told["order_id"],
        name(told["strategy"], told["order_id"]),
        told["client_id"],
        told["instrument"],
        told["strategy"],
        told["side"],
        told["order_type"],
        _on_grid(told["qty"], spec.lot_size),
        None if price is None else _on_grid(price, spec.tick_size),
        None if trigger is None else _on_grid(trigger, spec.tick_size),
        told["ts_submit"],
    )
    filled, average = _on_grid(told["filled_qty"], spec.lot_size), told["avg_fill_price"]
    row["_notional"] = Decimal(0) if average is None else filled * Decimal(repr(average))
    row["status"] = told["status"] if told["status"] in _KNOWN else "accepted"
    row["reason"] = told["reason"] or ""
    row["updated_ns"] = told["ts_close"] or told["ts_accept"] or told["ts_submit"]
    _fill_up(row, filled)
    return row


def shown_order(row: Row) -> Row:
    """Return an order as it is answered."""
    return {key: value for key, value in row.items() if not key.startswith("_")}


def _order_row(
    order_id: int,
    venue_client_id: str,
    client_id: str | None,
    instrument: str,
    strategy: str,
    side: str,
    order_type: str,
    qty: Decimal,
    price: Decimal | None,
    trigger: Decimal | None,
    at_ns: int,
) -> Row:
    row: Row = {
        "id": order_id,
        "venue_client_id": venue_client_id,
        "client_id": client_id,
        "symbol": instrument,
        "strategy": strategy,
        "side": side,
        "type": order_type,
        "status": "pending_new",
        "is_open": True,
        "filled_quantity": "0",
        "average_price": None,
        "reason": "",
        "timestamp": datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat().replace("+00:00", "Z"),
        "created_ns": at_ns,
        "updated_ns": at_ns,
        "_notional": Decimal(0),
    }
    _set_terms(row, qty, price, trigger)
    _fill_up(row, Decimal(0))
    return row


def _set_terms(row: Row, qty: Decimal, price: Decimal | None, trigger: Decimal | None) -> None:
    row["_qty"] = qty
    row["quantity"], row["quantity_text"] = float(qty), _text(qty)
    row["price"] = None if price is None else float(price)
    row["price_text"] = None if price is None else _text(price)
    row["trigger_price"] = None if trigger is None else _text(trigger)


def _fill_up(row: Row, filled: Decimal) -> None:
    row["filled_quantity"] = _text(filled)
    row["remaining_quantity"] = _text(max(row["_qty"] - filled, Decimal(0)))
    if filled and row["_notional"]:
        row["average_price"] = _text((row["_notional"] / filled).quantize(Decimal("1e-8")).normalize())
    if filled and row["status"] in _REST:
        row["status"] = "filled" if filled >= row["_qty"] else "partially_filled"
    row["is_open"] = row["status"] not in _ENDED


def _on_grid(value: float, step: Decimal) -> Decimal:
    """Return the decimal that a float of a grid stands for, with the digits of its step where they hold it."""
    exact = Decimal(repr(value))
    rounded = exact.quantize(step)
    return rounded if rounded == exact else exact


def _money(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _text(value: Decimal) -> str:
    return format(value, "f")


def _shown(value: Any) -> Any:
    return _text(value) if isinstance(value, Decimal) else value
