"""Reconciliation through its Python door; the rules themselves are tested where they are, in the core."""

from __future__ import annotations

from decimal import Decimal

import pytest

import tradecore as tc
from tradecore.errors import InvalidValueError, OffGridError
from tradecore.reconcile import (
    AccountState,
    KnownOrder,
    ReconcileAction,
    VenueAccount,
    VenueExecution,
    VenueOrder,
    reconcile,
)

NAME = "BTCUSDT.TEST"


def ours(order_id: int, **changed: object) -> KnownOrder:
    terms: dict[str, object] = {"side": "buy", "qty": "1", "price": "100", "venue_id": f"v{order_id}"}
    return KnownOrder(order_id=order_id, instrument=NAME, **(terms | changed))  # type: ignore[arg-type]


def theirs(order_id: int | None, venue_id: str, **changed: object) -> VenueOrder:
    terms: dict[str, object] = {"side": "buy", "qty": "1", "price": "100", "order_id": order_id}
    return VenueOrder(venue_id=venue_id, instrument=NAME, **(terms | changed))  # type: ignore[arg-type]


def fill(execution_id: str, venue_id: str, qty: str, ts_event: int = 1) -> VenueExecution:
    return VenueExecution(
        execution_id=execution_id,
        venue_id=venue_id,
        instrument=NAME,
        side="buy",
        price="100",
        qty=qty,
        ts_event=ts_event,
    )


def test_every_action_is_told_with_what_concerns_it(instrument: tc.Instrument) -> None:
    known = AccountState(
        orders=[
            ours(1),
            ours(2, venue_id=None, is_acknowledged=False),
            ours(3),
            ours(4, is_open=False),
            ours(5),
        ],
        executions=[(NAME, "booked")],
        positions={NAME: "0"},
        balances={"USDT": "5"},
    )
    venue = VenueAccount(
        orders=[
            theirs(2, "late"),
            theirs(None, "v4"),
            theirs(None, "v5", qty="0.5", filled="0.25"),
            theirs(None, "nobody"),
        ],
        executions=[fill("x", "v1", "1", 7), fill("x", "v1", "1", 7), fill("booked", "v9", "3"), fill("y", "v8", "2")],
        positions={NAME: "4"},
        balances={"USDT": "7.5"},
    )
    actions = reconcile(known, venue, [instrument])
    assert actions == [
        ReconcileAction(
            kind="halt",
            instrument=NAME,
            execution_id="y",
            venue_id="v8",
            difference="unknown_execution",
            theirs=Decimal(2),
        ),
        ReconcileAction(
            kind="replay",
            instrument=NAME,
            order_id=1,
            venue_id="v1",
            execution_id="x",
            side=tc.Side.BUY,
            price=Decimal(100),
            qty=Decimal(1),
            ts_event=7,
        ),
        ReconcileAction(kind="acknowledge", instrument=NAME, order_id=2, venue_id="late"),
        ReconcileAction(kind="cancel", instrument=NAME, order_id=4, venue_id="v4"),
        ReconcileAction(
            kind="halt",
            instrument=NAME,
            order_id=5,
            difference="filled",
            ours=Decimal(0),
            theirs=Decimal("0.25"),
        ),
        ReconcileAction(kind="amend", instrument=NAME, order_id=5, price=Decimal(100), qty=Decimal("0.5")),
        ReconcileAction(kind="halt", instrument=NAME, venue_id="nobody", difference="unknown_order"),
        ReconcileAction(kind="end", instrument=NAME, order_id=3),
        ReconcileAction(kind="halt", instrument=NAME, difference="position", ours=Decimal(1), theirs=Decimal(4)),
        ReconcileAction(kind="set_balance", currency="USDT", total=Decimal("7.5")),
    ]
    assert reconcile(known, venue, [instrument]) == actions


def test_two_sides_that_agree_need_nothing(instrument: tc.Instrument) -> None:
    known = AccountState(orders=[ours(1)], positions={NAME: "-2"}, balances={"USDT": "5"})
    venue = VenueAccount(orders=[theirs(1, "v1")], positions={NAME: "-2.000"}, balances={"USDT": "5.0"})
    assert reconcile(known, venue, [instrument]) == []


def test_what_cannot_be_is_named(instrument: tc.Instrument) -> None:
    with pytest.raises(InvalidValueError, match="not among those"):
        reconcile(AccountState(orders=[ours(1)]), VenueAccount(), [])
    with pytest.raises(InvalidValueError, match="twice"):
        reconcile(AccountState(orders=[ours(1), ours(1)]), VenueAccount(), [instrument])
    with pytest.raises(OffGridError):
        reconcile(AccountState(positions={NAME: "0.0005"}), VenueAccount(), [instrument])
    with pytest.raises(InvalidValueError, match="side"):
        reconcile(AccountState(orders=[ours(1, side="up")]), VenueAccount(), [instrument])


def test_positions_in_spot_are_compared_only_where_the_venue_names_them() -> None:
    terms = {"base": "BTC", "quote": "USDT", "price_increment": "0.1", "qty_increment": "0.001"}
    spot = tc.Instrument("BTCUSDT.SPOT", kind="spot", **terms)  # type: ignore[arg-type]
    known = AccountState(positions={spot.id: "2"})
    assert reconcile(known, VenueAccount(), [spot]) == []
    (halt,) = reconcile(known, VenueAccount(positions={spot.id: "3"}), [spot])
    assert (halt.kind, halt.ours, halt.theirs) == ("halt", 2, 3)
