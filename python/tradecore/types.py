"""Vocabulary: the words and numbers that events, orders and books use."""

from __future__ import annotations

from enum import IntEnum, IntFlag, StrEnum

from tradecore._core import FINE_KINDS as _FINE
from tradecore._core import MARKET_KINDS as _MARKET
from tradecore._core import ON_GRID_KINDS as _ON_GRID
from tradecore._core import order_status_of as _order_status_of
from tradecore._core import side_of as _side_of

__all__ = [
    "FINE_KINDS",
    "MARKET_KINDS",
    "ON_GRID_KINDS",
    "BookState",
    "EventFlag",
    "EventKind",
    "FillEvent",
    "InstrumentKind",
    "Liquidity",
    "OptionSide",
    "OrderStatus",
    "OrderType",
    "RiskCheck",
    "Side",
    "SignalAction",
    "TimeInForce",
]


class InstrumentKind(StrEnum):
    """How a position turns price into profit, and in which currency."""

    SPOT = "spot"
    """Asset against quote currency."""
    LINEAR = "linear"
    """Contract worth ``qty * contract_size * price``, settled in the quote currency."""
    INVERSE = "inverse"
    """Contract worth ``qty * contract_size / price``, settled in the base coin."""
    QUANTO = "quanto"
    """Contract worth ``qty * contract_size * price`` in a currency that is neither base nor quote."""
    OPTION = "option"
    """European option at ``qty * contract_size * price``, in coin if it settles in its base, else in cash."""
    BINARY = "binary"
    """Token that pays 1 if its outcome comes true; its price lies between 0 and 1."""


class OptionSide(StrEnum):
    """What an option gives its holder the right to: to buy or to sell."""

    CALL = "call"
    PUT = "put"


class RiskCheck(StrEnum):
    """What an order is held against: each is the name of a limit of :class:`RiskLimits <tradecore.RiskLimits>`."""

    MAX_ORDER_QTY = "max_order_qty"
    MAX_ORDER_NOTIONAL = "max_order_notional"
    MIN_ORDER_NOTIONAL = "min_order_notional"
    MAX_POSITION_QTY = "max_position_qty"
    MAX_POSITION_NOTIONAL = "max_position_notional"
    MAX_GROSS_QTY = "max_gross_qty"
    MAX_GROSS = "max_gross"
    MAX_NET_QTY = "max_net_qty"
    MAX_NET = "max_net"
    MAX_LEVERAGE = "max_leverage"
    MAX_MARGIN_USE = "max_margin_use"
    MAX_OPEN_ORDERS = "max_open_orders"
    MAX_OPEN_POSITIONS = "max_open_positions"
    MAX_ORDER_RATE = "max_order_rate"
    MAX_MESSAGE_RATE = "max_message_rate"
    COLLAR_TOUCH_BPS = "collar_touch_bps"
    COLLAR_LAST_BPS = "collar_last_bps"
    FAT_FINGER_BPS = "fat_finger_bps"
    MAX_BOOK_AGE = "max_book_age"
    MAX_SIGNAL_AGE = "max_signal_age"
    SYNCED_BOOK = "synced_book"
    MAX_DAILY_LOSS = "max_daily_loss"
    MAX_DRAWDOWN = "max_drawdown"
    MAX_CONSECUTIVE_LOSSES = "max_consecutive_losses"
    MAX_TRADES_PER_DAY = "max_trades_per_day"
    TRIP_REJECT_RATE = "trip_reject_rate"
    TRIP_SILENCE = "trip_silence"
    TRIP_JUMP_BPS = "trip_jump_bps"
    TRIP_SPREAD_BPS = "trip_spread_bps"
    TRIP_CLOCK_JUMP = "trip_clock_jump"
    BREAKER = "breaker"
    """The circuit breaker has tripped; it has no limit of its own."""
    STOP = "stop"
    """A stop is closing the position; likewise."""
    KILL_SWITCH = "kill_switch"
    """The kill switch was thrown; likewise, and no check of an order."""


class Side(IntEnum):
    """Buy or sell; bid or ask; who crossed the spread in a trade. ``Side("bid")`` is ``Side.BUY``."""

    BUY = 1
    SELL = -1

    @classmethod
    def _missing_(cls, value: object) -> Side | None:
        return cls(_side_of(value)) if isinstance(value, str) else None


class SignalAction(IntEnum):
    """What a signal says to do."""

    BUY = 1
    """Be long."""
    HOLD = 0
    """Neither."""
    SELL = -1
    """Be short."""


class EventKind(IntEnum):
    """The ``kind`` column of events."""

    BOOK_CLEAR = 0
    """The book is void. Alone in its message it marks a sequence gap."""
    BOOK_SET = 1
    """A level holds ``qty`` from now on; 0 removes it."""
    TRADE = 2
    """A trade; ``side`` is the aggressor, 0 when the venue does not say."""
    QUOTE = 3
    """One side of the top of book; ``qty`` 0 means that the side is empty."""
    MARK = 4
    """Mark price, in units of 1e-9."""
    INDEX = 5
    """Index price, in units of 1e-9."""
    FUNDING = 6
    """Funding rate, in units of 1e-9; ``id`` is the time of the next payment in ns."""
    OPEN_INTEREST = 7
    """Open interest, in ``qty``."""
    LIQUIDATION = 8
    """A forced close; ``side`` is that of the liquidation order, 0 when the venue does not say. No trade."""
    ORDER_ADD = 9
    """Order ``id`` rests from now on: its ``side``, ``price`` and ``qty``."""
    ORDER_MODIFY = 10
    """Order ``id`` rests with this ``price`` and ``qty`` from now on."""
    ORDER_CANCEL = 11
    """Order ``id`` is gone."""
    ORDER_EXECUTE = 12
    """``qty`` of order ``id`` has traded at ``price``."""
    OFF_BOOK_TRADE = 13
    """A print that is no trade of the book (insurance fund, auto-deleveraging, block trade, retail price improvement);
    ``side`` is the aggressor, 0 when the venue does not say. It fills no order and makes no bar."""
    BAR_OPEN = 14
    """A bar of the venue begins: its first price, and what will trade in it. Once more when it is over, with the begin
    as ``ts_event`` and the number of trades as ``qty``."""
    BAR_HIGH = 15
    """Its highest price; ``qty`` is what takers bought, which is known where ``side`` is 1."""
    BAR_LOW = 16
    """Its lowest price; ``qty`` is what takers sold, which is known where ``side`` is -1."""
    BAR_CLOSE = 17
    """Its last price, and all that traded. It ended at ``ts_event``."""


def _kinds(mask: int) -> frozenset[EventKind]:
    return frozenset(kind for kind in EventKind if mask >> kind & 1)


FINE_KINDS = _kinds(_FINE)
"""What carries a price in units of 1e-9, off the grid of the instrument."""

MARKET_KINDS = _kinds(_MARKET)
"""What moves books and fills in a run."""

ON_GRID_KINDS = _kinds(_ON_GRID)
"""What carries a price and a quantity in increments of the instrument."""


class EventFlag(IntFlag):
    """The ``flags`` column of events."""

    LAST = 1
    """Last row of its message; a book is judged only here."""
    SNAPSHOT = 2
    """The row belongs to a full snapshot."""


class BookState(IntEnum):
    """What is known about a book."""

    EMPTY = 0
    """Nothing received yet."""
    BUFFERING = 1
    """Deltas are kept until a snapshot arrives."""
    SYNCED = 2
    """The book equals the venue's."""
    GAP = 3
    """A message was lost; the content has been discarded."""
    STALE = 4
    """The venue has been silent for too long: the content may be old."""


class OrderType(IntEnum):
    """How an order's price is meant."""

    MARKET = 0
    """Take what the book offers."""
    LIMIT = 1
    """Not worse than its price."""
    STOP_MARKET = 2
    """A market order, once the market is at its trigger price or beyond: above for a buy, below for a sell."""
    STOP_LIMIT = 3
    """The same with a limit order."""
    TAKE_PROFIT_MARKET = 4
    """A market order, once the market is at its trigger price or beyond: below for a buy, above for a sell."""
    TAKE_PROFIT_LIMIT = 5
    """The same with a limit order."""
    TRAILING_STOP = 6
    """A market order, once the market has come back by its offset from its best price."""


class TimeInForce(IntEnum):
    """How long an order lives."""

    GTC = 0
    """Until cancelled."""
    IOC = 1
    """Take at once, drop the rest."""
    FOK = 2
    """All at once or nothing."""
    GTD = 3
    """Until a time, at the venue."""
    DAY = 4
    """Until the venue's day is over."""


class OrderStatus(IntEnum):
    """Where an order stands. ``OrderStatus("Pending")`` is ``PENDING_NEW``: words of others are taken as well.

    An order that was replaced works on, whatever its venue makes of that: ``OrderStatus("Replaced")`` is ``NEW``.
    """

    PENDING_NEW = 0
    NEW = 1
    PARTIALLY_FILLED = 2
    FILLED = 3
    CANCELLED = 4
    REJECTED = 5
    EXPIRED = 6
    PENDING_CANCEL = 7
    """Working, with a cancel on its way."""
    PENDING_REPLACE = 8
    """Working, with a replacement on its way."""
    UNKNOWN = 9
    """What became of it is not known."""

    @classmethod
    def _missing_(cls, value: object) -> OrderStatus | None:
        return cls(_order_status_of(value)) if isinstance(value, str) else None

    @property
    def is_closed(self) -> bool:
        """Whether nothing can happen to the order any more."""
        return self in (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED)


class FillEvent(IntEnum):
    """What made an order trade at a simulated venue."""

    PRINT = 1
    """A trade of the market."""
    BOOK = 2
    """The other side's best price came to the order's."""
    TAKER = 3
    """It took what was there."""
    OWN_ORDER = 4
    """Another order of ours took it."""


class Liquidity(IntEnum):
    """Who made and who took liquidity, for fees."""

    MAKER = 0
    TAKER = 1
