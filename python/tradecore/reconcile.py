"""What a venue says against what is known here, after a reconnect or a restart.

Executions come first, by id: what was filled while nobody listened is replayed through the orders it belongs to, once.
Only then open orders are compared, then positions and balances, so that nothing is counted twice or invented. What
cannot be explained halts its instrument and is told with both sides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from tradecore._core import Instrument, reconcile_account
from tradecore.types import Side

__all__ = ["AccountState", "KnownOrder", "ReconcileAction", "VenueAccount", "VenueExecution", "VenueOrder", "reconcile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOrder:
    """An order as it is known here.

    Parameters
    ----------
    order_id : int
        Our number.
    instrument : str
        Id of the instrument.
    side : Side or str
    qty, filled : Decimal or str
        The total, and what is filled of it, in contracts (spot: base units).
    price : Decimal or str, optional
        Its limit in quote currency.
    venue_id : str, optional
        The venue's key for it, where that is known.
    is_open : bool
        Whether it may still trade.
    is_acknowledged : bool
        Whether the venue has said that it has it.
    cancel_pending : bool
        Whether a cancel of it was sent and is not answered.
    replaces_pending : int
        So many replacements of it were sent and are not answered.
    """

    order_id: int
    instrument: str
    side: Side | str
    qty: Decimal | str
    filled: Decimal | str = "0"
    price: Decimal | str | None = None
    venue_id: str | None = None
    is_open: bool = True
    is_acknowledged: bool = True
    cancel_pending: bool = False
    replaces_pending: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An open order as the venue says; as :class:`KnownOrder`, ``order_id`` where its client id is one of ours."""

    venue_id: str
    instrument: str
    side: Side | str
    qty: Decimal | str
    filled: Decimal | str = "0"
    price: Decimal | str | None = None
    order_id: int | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueExecution:
    """An execution as the venue says.

    Parameters
    ----------
    execution_id, venue_id : str
        The venue's keys for it and for its order.
    instrument : str
        Id of the instrument.
    side : Side or str
    price, qty : Decimal or str
        In quote currency, and in contracts (spot: base units).
    ts_event : int
        Time at the venue, ns UTC.
    order_id : int, optional
        Our number, where the order's client id is one of ours.
    client_id : str, optional
        The client id, where the venue tells it.
    fee : Decimal, optional
        In the settlement currency, negative is a rebate; None where it was paid in another or is not told.
    liquidity : "maker" or "taker", optional
        Where the venue tells it.
    """

    execution_id: str
    venue_id: str
    instrument: str
    side: Side | str
    price: Decimal | str
    qty: Decimal | str
    ts_event: int
    order_id: int | None = None
    client_id: str | None = None
    fee: Decimal | None = None
    liquidity: Literal["maker", "taker"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What is known here of an account.

    Parameters
    ----------
    orders : collection of KnownOrder
        Open, or ended a short while ago.
    executions : collection of (str, str)
        Instrument and the venue's key of each execution that was booked.
    positions : mapping of str to Decimal or str
        Signed quantities by instrument; what is not named is flat.
    balances : mapping of str to Decimal or str
        Amounts by currency.
    """

    orders: Collection[KnownOrder] = ()
    executions: Collection[tuple[str, str]] = ()
    positions: Mapping[str, Decimal | str] = field(default_factory=dict)
    balances: Mapping[str, Decimal | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAccount:
    """What a venue says of an account; as :class:`AccountState`, with its executions since before the cut.

    Positions in spot that are not named are not compared: what is held is in the balances.
    """

    orders: Collection[VenueOrder] = ()
    executions: Collection[VenueExecution] = ()
    positions: Mapping[str, Decimal | str] = field(default_factory=dict)
    balances: Mapping[str, Decimal | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileAction:
    """What is to be done; what does not concern it is None.

    ``replay`` books an execution that was missed, ``acknowledge``, ``amend`` and ``end`` say what became of an order,
    ``cancel`` asks the venue to cancel one that has ended here, ``set_balance`` takes the venue's count, and ``halt``
    stops an instrument for a ``difference`` that nothing explains, with ``ours`` and ``theirs``.
    """

    kind: Literal["replay", "acknowledge", "amend", "end", "cancel", "set_balance", "halt"]
    instrument: str | None = None
    order_id: int | None = None
    venue_id: str | None = None
    execution_id: str | None = None
    side: Side | None = None
    price: Decimal | None = None
    qty: Decimal | None = None
    ts_event: int | None = None
    currency: str | None = None
    total: Decimal | None = None
    difference: Literal["unknown_execution", "unknown_order", "filled", "position"] | None = None
    ours: Decimal | None = None
    theirs: Decimal | None = None


def reconcile(known: AccountState, venue: VenueAccount, instruments: Iterable[Instrument]) -> Sequence[ReconcileAction]:
    """Return what is to be done so that what is known here is what the venue says.

    A pure function. With its actions carried out, a second round finds nothing but the same halts.

    Parameters
    ----------
    known : AccountState
    venue : VenueAccount
    instruments : iterable of Instrument
        All that either side names.

    Raises
    ------
    InvalidValueError
        For an instrument that was not given, and for an order that is listed twice.
    OffGridError
        When a price or quantity lies between two increments.

    Examples
    --------
    >>> from tradecore import reconcile
    >>> btc = tc.find_instrument("BTCUSDT.SYNTH")
    >>> ours = reconcile.KnownOrder(order_id=1, instrument=btc.id, side="buy", qty="2", price="60000", venue_id="a")
    >>> fill = reconcile.VenueExecution(
    ...     execution_id="x", venue_id="a", instrument=btc.id, side="buy", price="60000", qty="2", ts_event=1
    ... )
    >>> theirs = reconcile.VenueAccount(executions=[fill], positions={btc.id: "2"})
    >>> actions = reconcile.reconcile(reconcile.AccountState(orders=[ours]), theirs, [btc])
    >>> [(action.kind, action.qty) for action in actions]
    [('replay', Decimal('2'))]
    """
    return [ReconcileAction(**action) for action in reconcile_account(known, venue, list(instruments))]
