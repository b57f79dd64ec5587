"""What sessions tell: a class for each kind of event.

Prices and quantities are exact, in quote currency and in contracts (spot: base units); money is in the settlement
currency. ``at_ns`` is when the session knew of it, ns UTC. Values that may be kept, compared and pickled.

Whoever subscribes to a class hears of those derived from it as well: :class:`OrderEvent` is all that happens to orders,
:class:`Event` is everything. An event of one's own is a dataclass derived from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tradecore._core import RiskBreach, session_event_names
from tradecore.types import BookState, EventKind, Liquidity, OrderType, Side, SignalAction

__all__ = [
    "BookStateChanged",
    "BookUpdated",
    "Error",
    "Event",
    "ExecutionEnded",
    "GroupEnded",
    "GroupEvent",
    "GroupLegCancelled",
    "MarketEvent",
    "OrderAccepted",
    "OrderCancelled",
    "OrderChangeRejected",
    "OrderEvent",
    "OrderExpired",
    "OrderFilled",
    "OrderRejected",
    "OrderReplaced",
    "OrderSubmitted",
    "OrderTriggered",
    "OrderUnknown",
    "OrderUpdate",
    "PaymentBooked",
    "PriceUpdated",
    "Published",
    "RiskEvent",
    "RiskHalt",
    "RiskResumed",
    "SessionStarted",
    "SessionStopped",
    "SignalGenerated",
    "StatPublished",
    "StopMoved",
    "StopTriggered",
    "TradeClosed",
    "TradeExecuted",
    "TradePrinted",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Anything that happened."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class MarketEvent(Event):
    """Anything that happened in a market. Who subscribes to it has every message delivered by itself, which costs."""

    instrument: str


@dataclass(frozen=True, slots=True)
class _Touch(MarketEvent):
    best_bid: Decimal | None
    """None for an empty side, as ``bid_qty``."""
    best_ask: Decimal | None
    bid_qty: Decimal | None
    ask_qty: Decimal | None
    state: BookState


@dataclass(frozen=True, slots=True)
class PriceUpdated(_Touch):
    """The best prices of a market moved, or its book is in a new state. A market without a book has none."""


@dataclass(frozen=True, slots=True)
class BookUpdated(_Touch):
    """A message changed the book of a market, at the touch or behind it."""


@dataclass(frozen=True, slots=True)
class TradePrinted(MarketEvent):
    """A trade of a market, anybody's."""

    price: Decimal
    qty: Decimal
    aggressor_side: Side | None
    """Who crossed the spread; None where the venue does not say."""
    ts_event: int
    """The venue's time, ns UTC."""


@dataclass(frozen=True, slots=True)
class BookStateChanged(MarketEvent):
    """A book is in a new state, such as a gap."""

    state: BookState
    reason: str
    """Why, where its connection says so; empty if not."""


@dataclass(frozen=True, slots=True)
class StatPublished(MarketEvent):
    """A mark price, index price, funding rate, open interest or liquidation, as far as the session reads them."""

    what: EventKind
    value: Decimal | None
    """The price or the rate; None of open interest."""
    qty: Decimal | None
    """Of open interest and liquidations."""
    side: Side | None
    """That of the liquidation's order."""
    next_funding_ns: int | None
    ts_event: int
    """The venue's time, ns UTC."""


@dataclass(frozen=True, slots=True)
class _OfStrategy(Event):
    instrument: str
    strategy: str


@dataclass(frozen=True, slots=True)
class SignalGenerated(_OfStrategy):
    """A strategy's model has said something, and it holds."""

    action: SignalAction
    confidence: float
    value: float
    """What the action was made from."""
    model_id: str
    expires_ns: int


@dataclass(frozen=True, slots=True)
class OrderEvent(_OfStrategy):
    """Anything that happened to an order."""

    order_id: int
    client_id: str | None
    """The strategy's own name for it."""
    side: Side


@dataclass(frozen=True, slots=True)
class OrderUpdate(OrderEvent):
    """Where an order stands now."""

    order_type: OrderType
    qty: Decimal
    price: Decimal | None
    """Its limit; None for one that takes at any price."""
    trigger_price: Decimal | None
    """None for one that acts at once or trails."""
    filled_qty: Decimal
    reason: str
    """Why it ended, or why a change was refused; empty for none."""
    breaches: tuple[RiskBreach, ...]
    """Every limit that it would have passed, where limits refused it."""


@dataclass(frozen=True, slots=True)
class OrderSubmitted(OrderUpdate):
    """An order went out. Those that were refused here never do."""


@dataclass(frozen=True, slots=True)
class OrderAccepted(OrderUpdate):
    """A venue has taken an order."""


@dataclass(frozen=True, slots=True)
class OrderTriggered(OrderUpdate):
    """A venue has set an order off."""


@dataclass(frozen=True, slots=True)
class OrderReplaced(OrderUpdate):
    """An order has new terms: asked for, or given by its venue."""


@dataclass(frozen=True, slots=True)
class OrderChangeRejected(OrderUpdate):
    """A cancel or a replacement was refused; the order stands as it did."""


@dataclass(frozen=True, slots=True)
class OrderUnknown(OrderUpdate):
    """What became of an order is not known."""


@dataclass(frozen=True, slots=True)
class OrderCancelled(OrderUpdate):
    """An order was cancelled."""


@dataclass(frozen=True, slots=True)
class OrderRejected(OrderUpdate):
    """An order was refused, by limits of ours or by its venue."""


@dataclass(frozen=True, slots=True)
class OrderExpired(OrderUpdate):
    """An order ended by its own terms, or its venue ended it."""


@dataclass(frozen=True, slots=True)
class OrderFilled(OrderEvent):
    """A fill of an order: a part of it, or what was left."""

    price: Decimal
    qty: Decimal
    liquidity: Liquidity
    fee: Decimal
    """Negative is a rebate."""
    completes_order: bool
    ts_event: int
    """The venue's time, ns UTC."""


@dataclass(frozen=True, slots=True)
class TradeExecuted(_OfStrategy):
    """A fill opened a position or added to it."""

    order_id: int
    side: Side
    price: Decimal
    qty: Decimal
    """What was added; less than the fill where it turned a position round."""
    position_qty: Decimal
    """What is held after it, signed."""
    entry_price: float | None
    """Average of what is held."""


@dataclass(frozen=True, slots=True)
class TradeClosed(_OfStrategy):
    """A position was closed, all of it or a part: by a fill, a settlement or a liquidation."""

    order_id: int | None
    """None where the venue closed it."""
    side: Side
    """That of what closed it."""
    price: Decimal
    qty: Decimal
    """What was closed."""
    position_qty: Decimal
    """What is held after it, signed."""
    realized_pnl: Decimal
    """Before fees."""
    why: str
    """``fill``, ``settlement`` or ``liquidation``."""


@dataclass(frozen=True, slots=True)
class PaymentBooked(_OfStrategy):
    """A venue moved money of its own accord."""

    why: str
    """``funding``, ``settlement``, ``delivery_fee``, ``liquidation``, ``liquidation_fee`` or ``interest``."""
    paid: Decimal
    """Negative is received."""
    price: Decimal
    """What the position was valued or closed at."""
    position_qty: Decimal
    """What it was paid on, or what of it was closed, signed."""
    ts_event: int
    """The venue's time, ns UTC."""


@dataclass(frozen=True, slots=True)
class ExecutionEnded(_OfStrategy):
    """An execution has ended: filled, cancelled, out of time, or failed."""

    execution_id: int
    algorithm: str
    side: Side
    qty: Decimal
    filled_qty: Decimal
    average_price: float | None
    slippage_bps: float | None
    """Against the price at its start; positive is a cost."""
    state: str
    reason: str
    """Why it ended early; empty for none."""


@dataclass(frozen=True, slots=True)
class StopTriggered(_OfStrategy):
    """A stop of a position has fired: what it closes is sent."""

    kind: str
    """``stop_loss``, ``trailing``, ``break_even``, ``take_profit``, ``max_loss`` or ``time``."""
    trigger: str
    """Which price was looked at: ``last``, ``mark`` or ``mid``."""
    price: float | None
    """That price; None where it is not known."""
    level: float | None
    """The price it had reached; None of a loss in money and of time."""
    qty: Decimal
    """How much is closed."""
    position_qty: Decimal
    """What is held, signed."""
    scope: str
    """Whose stop it is: ``account``, ``venue``, ``instrument`` or ``strategy``."""
    name: str
    """The name of the venue, instrument or strategy; the number of the account."""


@dataclass(frozen=True, slots=True)
class StopMoved(_OfStrategy):
    """The price at which a stop of a position cuts a loss has moved with the market: it trails, or is at break-even."""

    kind: str
    """By what a loss is cut there: ``trailing``, ``break_even`` or ``stop_loss``."""
    level: float
    before: float | None
    """None where no price cut a loss before."""
    scope: str
    """Whose stop it is, as of :class:`StopTriggered`."""
    name: str


@dataclass(frozen=True, slots=True)
class GroupEvent(_OfStrategy):
    """Anything that happened to a group of orders beside what its orders tell."""

    group_id: int


@dataclass(frozen=True, slots=True)
class GroupLegCancelled(GroupEvent):
    """An order of a group was cancelled: another one filled, the group ends, or it is sent again in another size."""

    order_id: int
    role: str
    """What it is to its group, such as ``stop_loss``."""
    filled_qty: Decimal


@dataclass(frozen=True, slots=True)
class GroupEnded(GroupEvent):
    """A group of orders has ended. One that a late fill reopens ends again."""

    kind: str
    """``bracket``, ``oco`` or ``oto``."""
    state: str
    """``done``, ``cancelled`` or ``failed``."""
    reason: str
    """Why it ended as it did; empty for none."""


@dataclass(frozen=True, slots=True)
class RiskEvent(Event):
    """Trading stopped or goes on."""


@dataclass(frozen=True, slots=True)
class RiskHalt(RiskEvent):
    """A limit tripped, or somebody stopped trading."""

    reason: str
    """The :class:`~tradecore.types.RiskCheck` that tripped, ``kill`` or ``pause``."""
    does: str
    """What is done about it: ``refuse``, ``reduce``, ``flatten`` or ``halt``."""
    scope: str
    """Whose limit it is: ``account``, ``venue``, ``instrument``, ``strategy``; ``session`` for everybody's."""
    name: str
    """The name of the venue, instrument or strategy; the number of the account; empty for everybody."""
    limit: Decimal | None
    """As the limit counts; None for ``kill`` and ``pause``, as ``value``."""
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class RiskResumed(RiskEvent):
    """Trading goes on for those whom a limit had stopped, or by hand for everybody (``scope`` ``session``)."""

    scope: str
    name: str


@dataclass(frozen=True, slots=True)
class SessionStarted(Event):
    """Strategies are being started."""


@dataclass(frozen=True, slots=True)
class SessionStopped(Event):
    """Strategies have been stopped."""


@dataclass(frozen=True, slots=True)
class Error(Event):
    """A strategy failed, or a venue's report does not agree with what is known here."""

    source: str
    """``strategy`` or ``report``."""
    name: str
    """The strategy, or the order."""
    message: str


@dataclass(frozen=True, slots=True)
class Published(Event):
    """A strategy shows something of itself, by ``ctx.publish``; told at once, not behind the input that led to it."""

    strategy: str
    kind: str
    """``value``, ``series``, ``table`` or ``log``."""
    name: str
    value: object
    """By its kind a plain value, a float, a tuple of rows (each a dict), or a text."""


OF_SESSIONS: tuple[type[Event], ...] = tuple(globals()[name] for name in session_event_names())
"""The classes of what sessions tell."""
