"""A session beside the simulator: what became of its orders, and of the same orders in the simulated venue."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeAlias

from tradecore._core import Command, Notice, journal_messages
from tradecore.backtest.tables import TableStore
from tradecore.files import staged
from tradecore.instruments import venue_of
from tradecore.live.desk import PaperDesk
from tradecore.live.replay import Replay
from tradecore.live.requests import Clocks, Request, paired
from tradecore.live.resting import RestingOrder, resting_orders
from tradecore.profiles import profiles
from tradecore.venue import Latency, SimVenue

__all__ = ["Comparison", "OrderPair", "RequestPair", "compare_session"]

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
class RequestPair:
    """A request of the session on its way to the venue and back, and the same one in the model.

    Parameters
    ----------
    order_id : int
        The strategy's order that it is of.
    instrument : str
    request : str
        ``submit``, ``replace`` or ``cancel``.
    answer : str or None
        What the venue said, such as ``accepted``; ``unknown`` where nothing came and the order was looked up, None
        where the session ended before.
    sent_ns : int
        When it left its strategy, ns UTC.
    acted_ns : int or None
        When it took effect at the venue, by its own stamp less ``clock_offset_ns``; None where it did not say.
    received_ns : int or None
        When the answer was known.
    took_ns : int or None
        There and back; None also where it was refused and the venue did not say when: it may never have left.
    clock_offset_ns : int or None
        By how much the venue's clock was measured to be ahead of ours; None where nobody did.
    model_answer, model_acted_ns, model_received_ns
        Of the model, likewise.

    Examples
    --------
    ::

        cancels = [each for each in tc.compare_session("journal/s1").requests if each.request == "cancel"]
    """

    order_id: int
    instrument: str
    request: str
    answer: str | None
    sent_ns: int
    acted_ns: int | None
    received_ns: int | None
    took_ns: int | None
    clock_offset_ns: int | None
    model_answer: str | None
    model_acted_ns: int | None
    model_received_ns: int | None


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
    requests : list of RequestPair
        New orders, replacements and cancels on their way, in the order they left, as :func:`tradecore.fit_latency`
        takes them.
    resting : list of RestingOrder
        Orders that rested, place by place, as :func:`tradecore.fit_queue` takes them.

    Examples
    --------
    ::

        tc.compare_session("journal/s1").save("compared")
    """

    session: str
    orders: list[OrderPair]
    funding_cost: Decimal
    requests: list[RequestPair]
    resting: list[RestingOrder]

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
        sums = {name: _summed([getattr(pair, name) for pair in self.orders]) for name in parts}
        both = [pair for pair in self.orders if pair.outcome == "both"]
        return {
            "session": self.session,
            "orders": len(self.orders),
            **count,
            "live_ms": _mean([pair.live_ms for pair in both]),
            "model_ms": _mean([pair.model_ms for pair in both]),
            **sums,
            "funding_cost": _summed([self.funding_cost]),
            "requests": len(self.requests),
            "entry_ms": _median_ms((each.sent_ns, each.acted_ns) for each in self.requests),
            "response_ms": _median_ms((each.acted_ns, each.received_ns) for each in self.requests),
            "model_entry_ms": _median_ms((each.sent_ns, each.model_acted_ns) for each in self.requests),
            "model_response_ms": _median_ms((each.model_acted_ns, each.model_received_ns) for each in self.requests),
        }

    def save(self, folder: str | Path) -> None:
        """Write ``orders.csv``, ``fills.csv`` for ``fit queue --fills`` and ``latency.csv`` for ``fit latency``.

        Raises
        ------
        CatalogError
            Where it cannot be written.
        """
        import polars as pl

        tables: dict[str, tuple[type, Sequence[Any]]] = {
            "orders.csv": (OrderPair, self.orders),
            "fills.csv": (RestingOrder, self.resting),
            "latency.csv": (RequestPair, self.requests),
        }
        with staged(Path(folder)) as fresh:
            for name, (kind, rows) in tables.items():
                columns = {field.name: [_plain(getattr(row, field.name)) for row in rows] for field in fields(kind)}
                pl.DataFrame(columns, strict=False).write_csv(fresh / name)


def compare_session(
    journal: str | Path, *, venues: Sequence[SimVenue] | None = None, trust_clocks: bool = False
) -> Comparison:
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
    trust_clocks : bool
        Whether both clocks are right, so that the venue's stamps are taken as they are. Requests for its time take half
        of what the ways there and back differ by for a difference of clocks.

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
    ids = {command.parent_id or command.order_id for _, command in first.commands}
    orders = [row for row in tables.table("orders").to_dicts() if row["order_id"] in ids]
    live = _live(tables)
    lived = paired(first.commands, first.told, always_stamped=first.mode == "paper")
    # On paper the venue is the model itself, whose clock is ours.
    clocks = Clocks() if trust_clocks or first.mode == "paper" else first.clocks
    modelled = paired(first.commands, first.answered, always_stamped=True)
    requests = [_request(live, model, clocks) for live, model in zip(lived, modelled, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        series = _series(Path(folder), requests)
        timed = first if series is None else _run(journal, venues, series)
    taken = {row["order_id"] for row in tables.table("fills").to_dicts() if row["liquidity"] == "taker"}
    orders.sort(key=lambda row: int(row["order_id"]))
    pairs = [
        _pair(row, live.get(row["order_id"], Side()), first.of(row), timed.of(row), row["order_id"] in taken)
        for row in orders
    ]
    paid = sum((row["paid"] for row in tables.table("payments").to_dicts()), _ZERO)
    return Comparison(
        session=first.session,
        orders=pairs,
        funding_cost=paid - first.paid,
        requests=requests,
        resting=resting_orders(lived, first.told, clocks, keeping=first.keeping),
    )


@dataclass(slots=True)
class _Ran:
    """What a simulated venue made of a session's commands."""

    session: str
    mode: str
    clocks: Clocks
    keeping: frozenset[str]
    """Venues where a replacement may keep the place in the queue."""
    tables: TableStore
    commands: list[tuple[int, Command]] = field(default_factory=list)
    """That left for the venue, with their times, ns UTC."""
    told: list[Notice] = field(default_factory=list)
    """What the session was told of its orders."""
    answered: list[Notice] = field(default_factory=list)
    """What the model says of them."""
    sent: dict[int, int] = field(default_factory=dict)
    """The strategy's order of each order that left for the venue: itself, or the one that it was a part of."""
    fills: dict[int, list[tuple[Decimal, Decimal, Decimal, int, int]]] = field(default_factory=dict)
    """By the strategy's order: price, quantity, fee, the venue's time and when it was known, ns UTC."""
    paid: Decimal = _ZERO

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
    replay.sent, replay.told = [], []
    settings = {venue.name: venue for venue in (replay.venues if venues is None else venues)}
    if latency is not None:
        settings = {name: replace(venue, latency=latency) for name, venue in settings.items()}
    desk = PaperDesk(replay.instruments, settings, seed=replay.seed)
    tables = TableStore([i.id for i in replay.instruments], replay.strategies)
    ran = _Ran(replay.session, replay.mode, replay.clocks, _keeping(replay), tables)
    for entries in replay.pieces(singly=True):
        for at, market, columns in journal_messages(entries):
            _hear(desk, at, ran)
            desk.message(at, market, columns)
            _hear(desk, at, ran)
        for at, command in replay.sent:
            _hear(desk, at, ran)
            desk.send(at, [command], ())
            ran.sent[command.order_id] = command.parent_id or command.order_id
        ran.commands += replay.sent
        ran.told += replay.told
        replay.sent.clear()
        replay.told.clear()
    _hear(desk, replay.kernel.now_ns, ran)
    replay.checked_summary()
    ran.tables.keep(replay.kernel.take_tables())
    return ran


def _keeping(replay: Replay) -> frozenset[str]:
    """Return the venues where a replacement may keep the place in the queue.

    A real venue is its profile, unless the configuration starts from one itself.
    """
    own = {} if replay.mode == "paper" else profiles()
    rules = {
        each.name: each.amend if each.based_on else own.get(each.name, {}).get("amend", each.amend)
        for each in replay.venues
    }
    return frozenset(name for name, rule in rules.items() if rule == "keeps_place")


def _hear(desk: PaperDesk, until_ns: int, ran: _Ran) -> None:
    """Let everything happen at the simulated venue that is due by a time, and keep what it tells."""
    while (due := desk.next_due()) is not None and due <= until_ns:
        for notice in desk.advance(due):
            ran.answered.append(notice)
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


def _request(live: Request, model: Request, clocks: Clocks) -> RequestPair:
    command, received = live.command, live.received_ns
    offset = clocks.offset_ns(venue_of(command.instrument), live.sent_ns)
    may_have_stayed = live.venue_ns is None and str(live.answer).endswith("rejected")
    return RequestPair(
        order_id=command.parent_id or command.order_id,
        instrument=command.instrument,
        request=command.kind,
        answer=live.answer,
        sent_ns=live.sent_ns,
        acted_ns=None if live.venue_ns is None else live.venue_ns - (offset or 0),
        received_ns=received,
        took_ns=None if received is None or may_have_stayed else received - live.sent_ns,
        clock_offset_ns=offset,
        model_answer=model.answer,
        model_acted_ns=model.venue_ns,
        model_received_ns=model.received_ns,
    )


def _series(folder: Path, requests: Sequence[RequestPair]) -> Latency | None:
    """Return the latencies that a session had; None without any.

    A stamp that cannot be, since it lies outside of the way there and back, is taken to be at its end; where there is
    none, each leg takes half.
    """
    rows = []
    for each in requests:
        if each.received_ns is not None and each.took_ns is not None:
            half = (each.sent_ns + each.received_ns) // 2
            acted = half if each.acted_ns is None else min(max(each.acted_ns, each.sent_ns), each.received_ns)
            rows.append((each.sent_ns, acted, each.received_ns))
    if not rows:
        return None
    path = folder / "latency.csv"
    path.write_text("sent_ns,acted_ns,received_ns\n" + "".join(f"{a},{b},{c}\n" for a, b, c in sorted(rows)))
    return Latency(entry=f"series:{path}", response=f"series:{path}")


def _plain(value: Any) -> Any:
    return _text(value) if isinstance(value, Decimal) else value


def _text(value: Decimal) -> str:
    """Return an amount to a trillionth, beyond which there is what divisions leave over."""
    return format(round(value, 12).normalize() + 0, "f")


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 6) if known else None


def _summed(values: Sequence[Decimal]) -> str:
    return _text(sum(values, _ZERO))


def _median_ms(times: Iterable[tuple[int | None, int | None]]) -> float | None:
    took = [later - earlier for earlier, later in times if earlier is not None and later is not None]
    return median(took) / 1e6 if took else None
