"""A session beside the simulator: what became of its orders, and of the same orders in the simulated venue."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tradecore._core import journal_messages
from tradecore.backtest.tables import TableStore
from tradecore.files import staged
from tradecore.live.desk import PaperDesk
from tradecore.live.replay import Replay
from tradecore.venue import Latency, SimVenue

__all__ = ["Comparison", "OrderPair", "compare_session"]

Outcome: TypeAlias = Literal["both", "live_only", "model_only", "neither"]

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What became of an order on one side: in the session, or in a simulated venue."""

    filled_qty: Decimal = _ZERO
    value: Decimal = _ZERO
    """Sum of price times quantity of its fills."""
    fee: Decimal = _ZERO
    last_ns: int = 0
    """The venue's time of its last fill, ns UTC."""

    def and_fill(self, price: Decimal, qty: Decimal, fee: Decimal, at_ns: int) -> Side:
        """Return this with another fill."""
        return Side(filled_qty=self.filled_qty + qty, value=self.value + price * qty, fee=self.fee + fee, last_ns=at_ns)

    @property
    def price(self) -> Decimal | None:
        """The average price of its fills."""
        return self.value / self.filled_qty if self.filled_qty else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPair:
    """An order of the session, and the same one in the simulated venue.

    Parameters
    ----------
    order_id : int
    strategy, instrument, side : str
    qty : Decimal
        What it asked for in the end, contracts (spot: base units).
    outcome : str
        Who filled any of it: ``both``, ``live_only``, ``model_only``, ``neither``.
    live_qty, model_qty : Decimal
        Filled.
    live_price, model_price : Decimal or None
        Average prices.
    live_fee, model_fee : Decimal
        Settlement currency.
    live_ms, model_ms : float or None
        From its sending to its last fill, ms.
    latency_qty, queue_qty, data_qty : Decimal
        What the session filled more than the model, by cause: they add up to ``live_qty - model_qty``.
    latency_cost, queue_cost, data_cost : Decimal
        What the session's average price was worse by, times what both filled, in quote currency, by cause.
    fee_cost : Decimal
        What its fees were higher for what both filled, settlement currency.

    Examples
    --------
    ::

        late = [pair for pair in tc.compare_session("journal/s1").orders if pair.outcome == "model_only"]
    """

    order_id: int
    strategy: str
    instrument: str
    side: str
    qty: Decimal
    outcome: Outcome
    live_qty: Decimal
    model_qty: Decimal
    live_price: Decimal | None
    model_price: Decimal | None
    live_fee: Decimal
    model_fee: Decimal
    live_ms: float | None
    model_ms: float | None
    latency_qty: Decimal
    queue_qty: Decimal
    data_qty: Decimal
    latency_cost: Decimal
    queue_cost: Decimal
    data_cost: Decimal
    fee_cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A session beside the simulator.

    Parameters
    ----------
    session : str
    orders : list of OrderPair
        That left for the venue, by id.
    funding_cost : Decimal
        What the session paid of its venue's accord more than the model, settlement currency.
    resting : list of dict
        Orders that rested, as :func:`tradecore.fit_queue` takes them.
    acknowledged : list of dict
        How long orders took to be acknowledged, as ``fit latency --took took_ns`` takes them.

    Examples
    --------
    ::

        tc.compare_session("journal/s1").save("compared")
    """

    session: str
    orders: list[OrderPair]
    funding_cost: Decimal
    resting: list[dict[str, Any]]
    acknowledged: list[dict[str, Any]]

    def summary(self) -> dict[str, Any]:
        """Return counts and sums as plain values."""
        count: dict[str, int] = {"both": 0, "live_only": 0, "model_only": 0, "neither": 0}
        for pair in self.orders:
            count[pair.outcome] += 1
        parts = [
            field.name
            for field in fields(OrderPair)
            if field.name.endswith(("_cost", "latency_qty", "queue_qty", "data_qty"))
        ]
        sums = {name: str(sum((getattr(pair, name) for pair in self.orders), _ZERO)) for name in parts}
        both = [pair for pair in self.orders if pair.outcome == "both"]
        return {
            "session": self.session,
            "orders": len(self.orders),
            **count,
            "live_ms": _mean([pair.live_ms for pair in both]),
            "model_ms": _mean([pair.model_ms for pair in both]),
            **sums,
            "funding_cost": str(self.funding_cost),
        }

    def save(self, folder: str | Path) -> None:
        """Write ``orders.csv``, ``fills.csv`` for ``fit queue --fills`` and ``latency.csv`` for ``fit latency``.

        Raises
        ------
        CatalogError
            Where it cannot be written.
        """
        import polars as pl

        tables = {
            "orders.csv": [{name: _plain(value) for name, value in asdict(pair).items()} for pair in self.orders],
            "fills.csv": self.resting,
            "latency.csv": self.acknowledged,
        }
        with staged(Path(folder)) as fresh:
            for name, rows in tables.items():
                pl.DataFrame(rows, infer_schema_length=None).write_csv(fresh / name)


def compare_session(journal: str | Path, *, venues: Sequence[SimVenue] | None = None) -> Comparison:
    """Send the commands of a session to the simulated venue, at their times, in the market that it saw.

    What the session filled more or less than the model, and at what prices, is put down to its causes by running the
    model again with the latencies that the session had: what that changes is ``latency``. Of the rest, orders that took
    liquidity differ because the book they met was not the one that was told (``data``); the others stood elsewhere in
    the queue (``queue``).

    Parameters
    ----------
    journal : path
        The folder of a session that was made from a configuration.
    venues : sequence of SimVenue, optional
        Settings of the model; those of the session's configuration if not given.

    Raises
    ------
    JournalError
        For a damaged journal, or one that its strategies decide otherwise today.

    Examples
    --------
    ::

        print(tc.compare_session("journal/s1").summary())
    """
    first = _run(journal, venues, None)
    tables = first.tables
    sent = set(first.sent.values())
    orders = [row for row in tables.table("orders").to_dicts() if row["order_id"] in sent]
    live = _live(tables)
    acknowledged = [_acknowledged(row) for row in orders if row["ts_accept"] is not None]
    with tempfile.TemporaryDirectory() as folder:
        timed = _run(journal, venues, _series(Path(folder), acknowledged)) if acknowledged else first
    taken = {row["order_id"] for row in tables.table("fills").to_dicts() if row["liquidity"] == "taker"}
    pairs = [
        _pair(row, live.get(row["order_id"], Side()), first.of(row), timed.of(row), row["order_id"] in taken)
        for row in orders
    ]
    paid = sum((row["paid"] for row in tables.table("payments").to_dicts()), _ZERO)
    return Comparison(
        session=first.session,
        orders=pairs,
        funding_cost=paid - first.paid,
        resting=[_resting(row, live.get(row["order_id"], Side())) for row in orders if _rested(row, taken)],
        acknowledged=acknowledged,
    )


@dataclass(slots=True)
class _Ran:
    """What a simulated venue made of a session's commands."""

    session: str
    tables: TableStore
    sent: dict[int, int]
    """The strategy's order of each order that left for the venue: itself, or the one that it was a part of."""
    fills: dict[int, list[tuple[Decimal, Decimal, Decimal, int, int]]]
    """By the strategy's order: price, quantity, fee, the venue's time and when it was known, ns UTC."""
    paid: Decimal

    def of(self, order: Mapping[str, Any]) -> Side:
        """Return what became of an order, as long as the session had it: what ended it there ends it here."""
        until = order["ts_close"] if order["status"] != "filled" else None
        side = Side()
        for price, qty, fee, at_ns, known_ns in self.fills.get(order["order_id"], ()):
            if until is None or known_ns <= until:
                side = side.and_fill(price, qty, fee, at_ns)
        return side


def _run(journal: str | Path, venues: Sequence[SimVenue] | None, latency: Latency | None) -> _Ran:
    replay = Replay(journal)
    replay.sent = []
    settings = {venue.name: venue for venue in (replay.venues if venues is None else venues)}
    if latency is not None:
        settings = {name: replace(venue, latency=latency) for name, venue in settings.items()}
    desk = PaperDesk(replay.instruments, settings, seed=replay.seed)
    ran = _Ran(replay.session, TableStore([i.id for i in replay.instruments], replay.strategies), {}, {}, _ZERO)
    for entries in replay.pieces():
        for at, market, columns in journal_messages(entries):
            _hear(desk, at, ran)
            desk.message(at, market, columns)
            _hear(desk, at, ran)
        for at, command in replay.sent:
            _hear(desk, at, ran)
            desk.send(at, [command], ())
            ran.sent[command.order_id] = command.parent_id or command.order_id
        replay.sent.clear()
    _hear(desk, replay.kernel.now_ns, ran)
    replay.checked_summary()
    ran.tables.keep(replay.kernel.take_tables())
    return ran


def _hear(desk: PaperDesk, until_ns: int, ran: _Ran) -> None:
    """Let everything happen at the simulated venue that is due by a time, and keep what it tells."""
    while (due := desk.next_due()) is not None and due <= until_ns:
        for notice in desk.advance(due):
            if notice.kind == "fill" and notice.order is not None:
                price, qty = notice.price or _ZERO, notice.qty or _ZERO
                fill = (price, qty, notice.fee or _ZERO, notice.ts_event, notice.at_ns)
                ran.fills.setdefault(ran.sent[notice.order], []).append(fill)
            elif notice.paid is not None:
                ran.paid += notice.paid


def _live(tables: TableStore) -> dict[int, Side]:
    sides: dict[int, Side] = defaultdict(Side)
    for row in tables.table("fills").to_dicts():
        price, qty = Decimal(repr(row["price"])), Decimal(repr(row["qty"]))
        sides[row["order_id"]] = sides[row["order_id"]].and_fill(price, qty, row["fee"], row["ts_event"])
    return sides


def _pair(row: Mapping[str, Any], live: Side, model: Side, timed: Side, took: bool) -> OrderPair:
    outcomes: dict[tuple[bool, bool], Outcome] = {
        (True, True): "both",
        (True, False): "live_only",
        (False, True): "model_only",
        (False, False): "neither",
    }
    latency_qty, rest_qty = timed.filled_qty - model.filled_qty, live.filled_qty - timed.filled_qty
    latency_cost, rest_cost = _worse(row, timed, model), _worse(row, live, timed)
    shared = min(live.filled_qty, model.filled_qty)
    fee_cost = live.fee * shared / live.filled_qty - model.fee * shared / model.filled_qty if shared else _ZERO
    return OrderPair(
        order_id=row["order_id"],
        strategy=row["strategy"],
        instrument=row["instrument"],
        side=row["side"],
        qty=Decimal(repr(row["qty"])),
        outcome=outcomes[live.filled_qty > 0, model.filled_qty > 0],
        live_qty=live.filled_qty,
        model_qty=model.filled_qty,
        live_price=live.price,
        model_price=model.price,
        live_fee=live.fee,
        model_fee=model.fee,
        live_ms=_took_ms(row, live),
        model_ms=_took_ms(row, model),
        latency_qty=latency_qty,
        queue_qty=_ZERO if took else rest_qty,
        data_qty=rest_qty if took else _ZERO,
        latency_cost=latency_cost,
        queue_cost=_ZERO if took else rest_cost,
        data_cost=rest_cost if took else _ZERO,
        fee_cost=fee_cost,
    )


def _worse(row: Mapping[str, Any], one: Side, other: Side) -> Decimal:
    """Return what one side's average price is worse by than the other's, for what both filled."""
    if one.price is None or other.price is None:
        return _ZERO
    sign = 1 if row["side"] == "buy" else -1
    return sign * (one.price - other.price) * min(one.filled_qty, other.filled_qty)


def _took_ms(row: Mapping[str, Any], side: Side) -> float | None:
    return (side.last_ns - row["ts_submit"]) / 1e6 if side.filled_qty else None


def _rested(row: Mapping[str, Any], taken: set[int]) -> bool:
    ended = row["ts_accept"] is not None and row["ts_close"] is not None
    return bool(ended and row["price"] is not None and not row["replaced"] and row["order_id"] not in taken)


def _resting(row: Mapping[str, Any], live: Side) -> dict[str, Any]:
    is_whole = live.filled_qty == Decimal(repr(row["qty"]))
    placed = (row["ts_submit"] + row["ts_accept"]) // 2  # the venue's own stamp of it is not kept
    ended = max(live.last_ns if is_whole else row["ts_close"], placed)
    told = {name: row[name] for name in ("instrument", "side", "price", "qty")}
    return {**told, "placed_ns": placed, "ended_ns": ended, "filled_qty": float(live.filled_qty)}


def _acknowledged(row: Mapping[str, Any]) -> dict[str, Any]:
    sent, received = row["ts_submit"], row["ts_accept"]
    return {"order_id": row["order_id"], "sent_ns": sent, "received_ns": received, "took_ns": received - sent}


def _series(folder: Path, acknowledged: Sequence[Mapping[str, Any]]) -> Latency:
    """Return the latencies that a session had; of the way there and back each leg takes half."""
    rows = sorted((row["sent_ns"], row["sent_ns"] + row["took_ns"] // 2, row["received_ns"]) for row in acknowledged)
    path = folder / "latency.csv"
    path.write_text("sent_ns,acted_ns,received_ns\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows))
    return Latency(entry=f"series:{path}", response=f"series:{path}")


def _plain(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
