"""The compiled half of tradecore.

Prices and quantities are accepted as ``Decimal``, ``str``, ``int`` or a ``float`` on the instrument's grid, and
returned as ``float`` (market data) or ``Decimal`` (money). Times are ns UTC. "Increments" are integer counts of an
instrument's ``price_increment`` and ``qty_increment``. Errors are those of :mod:`tradecore.errors`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from os import PathLike
from typing import Any, Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from tradecore.types import BookState, Liquidity, OrderStatus, OrderType, Side, TimeInForce
from tradecore.validation import Duration
from tradecore.venue import Latency, SimVenue

__all__ = [
    "FINE_KINDS",
    "FINE_SCALE",
    "MARKET_KINDS",
    "ON_GRID_KINDS",
    "Bar",
    "BinanceDecoder",
    "BookView",
    "Command",
    "Context",
    "EventReader",
    "EventStream",
    "FeedSummary",
    "Fill",
    "FinalPositions",
    "FundingRate",
    "Instrument",
    "IntensityEstimator",
    "Kernel",
    "L2Book",
    "Liquidation",
    "MemoryColumns",
    "OpenInterest",
    "Order",
    "PositionLedger",
    "PositionView",
    "QueueSimulator",
    "QuoteView",
    "ReadAhead",
    "RealizedVolatility",
    "ReferencePrice",
    "Simulation",
    "Synth",
    "TradeView",
    "avellaneda_stoikov_quotes",
    "check_latency",
    "check_part",
    "check_quote_size",
    "check_venue",
    "decode_hftbacktest",
    "fit_intensity",
    "format_duration_ns",
    "glft_coefficients",
    "money_text",
    "parse_duration",
    "vocabulary",
]

_Number: TypeAlias = Decimal | str | int | float
_Exact: TypeAlias = Decimal | str | int
_Levels: TypeAlias = Sequence[tuple[_Number, _Number] | Sequence[_Number]] | NDArray[np.float64]
_Side: TypeAlias = Side | int | str
_Columns: TypeAlias = Mapping[str, NDArray[Any]]

FINE_KINDS: Final[int]
"""Kinds of events whose price counts 10^-``FINE_SCALE``, as bits: kind ``k`` is bit ``k``."""

FINE_SCALE: Final[int]
"""Decimal places of the price of mark, index and funding events."""

MARKET_KINDS: Final[int]
"""Kinds of events that move books and fills, as bits."""

ON_GRID_KINDS: Final[int]
"""Kinds of events with a price and a quantity on the instrument's grid, as bits."""

@final
class Instrument:
    """What is traded: identity, grid, contract kind, fees. Immutable, hashable, picklable.

    Parameters
    ----------
    id : str
        ``SYMBOL.VENUE`` with the venue's own symbol.
    kind : str
        ``spot``, ``linear``, ``inverse``, ``quanto``, ``option`` or ``binary``; see
        :class:`~tradecore.types.InstrumentKind`.
    base, quote : str
        Currencies.
    price_increment, qty_increment : Decimal, str or int
        Finest steps ever quoted; the unit of every number inside.
    settlement : str, optional
        Currency of profit, loss and fees; the base for inverse, else the quote if not given. A quanto contract has to
        name it. An option that settles in its base is settled in coin, any other in cash.
    tick_size, lot_size : Decimal, str or int, optional
        Steps of an order; the increments if not given.
    min_qty, min_notional : Decimal, str or int, optional
        Smallest quantity (one lot if not given) and smallest notional in quote currency (none) of an order.
    max_qty : Decimal, str or int, optional
        Largest quantity of an order; none if not given.
    contract_size : Decimal, str or int, optional
        Base units (linear, option) or quote units (inverse) a contract stands for, or settlement units it gains with
        a unit of price (quanto); 1 if not given.
    maker_fee_bps, taker_fee_bps : Decimal, str or int, optional
        Fees in basis points of a fill's value, negative for a rebate; 0 if not given.
    expiry_ns : int or str, optional
        When it expires, ns UTC. Options need it; a contract without is perpetual.
    strike : Decimal, str or int, optional
        An option's price of exercise, in quote currency.
    option_side : str, optional
        ``call`` or ``put``.
    outcome : str, optional
        What a binary token pays on, in the venue's words.
    listing_ns : int or str, optional
        When trading in it begins, ns UTC; it always has been traded if not given.

    Raises
    ------
    InstrumentError
        Naming the field that does not hold.
    """

    def __new__(
        cls,
        id: str,
        *,
        kind: str,
        base: str,
        quote: str,
        price_increment: _Exact,
        qty_increment: _Exact,
        settlement: str | None = None,
        tick_size: _Exact | None = None,
        lot_size: _Exact | None = None,
        min_qty: _Exact | None = None,
        max_qty: _Exact | None = None,
        min_notional: _Exact | None = None,
        contract_size: _Exact | None = None,
        maker_fee_bps: _Exact | None = None,
        taker_fee_bps: _Exact | None = None,
        expiry_ns: int | str | None = None,
        strike: _Exact | None = None,
        option_side: str | None = None,
        outcome: str | None = None,
        listing_ns: int | str | None = None,
    ) -> Instrument: ...
    @property
    def id(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def venue(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def expiry_ns(self) -> int | None:
        """When it expires, ns UTC."""
    @property
    def listing_ns(self) -> int | None:
        """When trading in it begins, ns UTC; None if it always has been traded."""
    @property
    def strike(self) -> Decimal | None: ...
    @property
    def option_side(self) -> str | None:
        """``call`` or ``put``; see :class:`~tradecore.types.OptionSide`."""
    @property
    def outcome(self) -> str | None: ...
    @property
    def is_inverse(self) -> bool:
        """Whether value is in inverse proportion to price."""
    @property
    def is_perpetual(self) -> bool:
        """Whether it is a contract that never expires."""
    @property
    def price_limits(self) -> tuple[Decimal, Decimal] | None:
        """Least and greatest price of an order where the kind limits it: a binary's lie a tick within 0 and 1."""
    @property
    def base(self) -> str: ...
    @property
    def quote(self) -> str: ...
    @property
    def settlement(self) -> str: ...
    @property
    def price_increment(self) -> Decimal: ...
    @property
    def qty_increment(self) -> Decimal: ...
    @property
    def tick_size(self) -> Decimal: ...
    @property
    def lot_size(self) -> Decimal: ...
    @property
    def min_qty(self) -> Decimal: ...
    @property
    def max_qty(self) -> Decimal | None: ...
    @property
    def min_notional(self) -> Decimal: ...
    @property
    def contract_size(self) -> Decimal: ...
    @property
    def maker_fee_bps(self) -> Decimal: ...
    @property
    def taker_fee_bps(self) -> Decimal: ...
    def price_to_steps(self, price: _Number) -> int:
        """Return a price in increments.

        Raises
        ------
        OffGridError
            When it lies between two increments.
        InvalidValueError
            When it is no number, or out of range.
        """
    def qty_to_steps(self, qty: _Number) -> int:
        """Return a quantity in increments; raises like :meth:`price_to_steps`."""
    def round_price(self, price: _Number, side: _Side) -> float:
        """Return the nearest price of an order that is no worse for its sender.

        Not above ``price`` for a buy, not below it for a sell.
        """
    def round_qty(self, qty: _Number) -> float:
        """Return the largest quantity of an order that is not above ``qty``; 0 below one lot."""
    def price_from_steps(self, steps: int) -> Decimal:
        """Return the price of a count of increments."""
    def qty_from_steps(self, steps: int) -> Decimal:
        """Return the quantity of a count of increments."""
    def format_price(self, steps: int) -> str:
        """Return a price, given in increments, as text with the decimals of the tick."""
    def format_qty(self, steps: int) -> str:
        """Return a quantity, given in increments, as text with the decimals of the lot."""
    def to_dict(self) -> dict[str, str]:
        """Return the specification as text by field; :func:`tradecore.instruments.instrument_from_dict` reads it."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[dict[str, str]]]: ...

@final
class L2Book:
    """An order book aggregated by price.

    It mirrors what it is told: it may be one-sided or crossed, and an empty side is ``None``. Safe to share between
    threads.

    Parameters
    ----------
    instrument : Instrument
        Gives the grid.
    """

    def __new__(cls, instrument: Instrument) -> L2Book: ...
    @property
    def instrument(self) -> Instrument: ...
    def set(self, side: _Side, price: _Number, qty: _Number) -> None:
        """Set a level; quantity 0 removes it."""
    def set_steps(self, side: int, price: int, qty: int) -> int:
        """Set a level in increments and return the quantity it held before; ``side`` is 1 (bid) or -1 (ask)."""
    def apply(self, columns: _Columns) -> None:
        """Apply event columns in order; rows that are no book rows are ignored.

        Parameters
        ----------
        columns : mapping of str to contiguous array (n,)
            ``ts_event, ts_recv`` int64, ``kind, flags`` uint8, ``side`` int8, ``price, qty`` int32 or int64
            (increments). Read in place without the GIL: do not change them meanwhile.

        Raises
        ------
        DataError
            Naming the first row and value that breaks a rule.
        """
    def apply_and_trace(self, columns: _Columns) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Apply event columns and return best bid and best ask after every row, int64 (n,), increments.

        An empty side is the smallest (bid) or largest (ask) int64. Takes and raises what :meth:`apply` does.
        """
    def clear(self) -> None:
        """Empty the book; it counts as a gap until levels arrive again."""
    @property
    def state(self) -> BookState: ...
    @property
    def is_synced(self) -> bool: ...
    @property
    def is_crossed(self) -> bool: ...
    @property
    def best_bid(self) -> float | None: ...
    @property
    def best_ask(self) -> float | None: ...
    @property
    def bid_qty(self) -> float | None: ...
    @property
    def ask_qty(self) -> float | None: ...
    @property
    def mid(self) -> float | None: ...
    @property
    def microprice(self) -> float | None: ...
    @property
    def spread(self) -> float | None: ...
    @property
    def bid_levels(self) -> int: ...
    @property
    def ask_levels(self) -> int: ...
    def imbalance(self, n: int = 1) -> float | None:
        """Return ``(bids - asks) / (bids + asks)`` over the best ``n`` levels; None if both sides are empty."""
    def depth(self, n: int = 10) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the best ``n`` bids and asks, best first: float64 (levels, 2) of price and quantity."""
    def walk(self, side: _Side, qty: _Number) -> tuple[float | None, float | None, float]:
        """Return average price, worst price and unfilled quantity of a taker of ``side``; the book does not change."""

@final
class BookView:
    """The book of one instrument as known at the context's time. Valid only inside a hook."""

    @property
    def instrument(self) -> str: ...
    @property
    def tick_size(self) -> float: ...
    @property
    def lot_size(self) -> float: ...
    @property
    def state(self) -> BookState: ...
    @property
    def state_reason(self) -> str | None:
        """Why the feed is in its state, where its connection said so."""
    @property
    def is_synced(self) -> bool: ...
    @property
    def is_crossed(self) -> bool: ...
    @property
    def best_bid(self) -> float | None: ...
    @property
    def best_ask(self) -> float | None: ...
    @property
    def bid_qty(self) -> float | None: ...
    @property
    def ask_qty(self) -> float | None: ...
    @property
    def mid(self) -> float | None: ...
    @property
    def microprice(self) -> float | None: ...
    @property
    def spread(self) -> float | None: ...
    @property
    def bid_levels(self) -> int: ...
    @property
    def ask_levels(self) -> int: ...
    def imbalance(self, n: int = 1) -> float | None:
        """Return ``(bids - asks) / (bids + asks)`` over the best ``n`` levels; None if both sides are empty."""
    def depth(self, n: int = 10) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the best ``n`` bids and asks, best first: float64 (levels, 2) of price and quantity."""
    def walk(self, side: _Side, qty: _Number) -> tuple[float | None, float | None, float]:
        """Return average price, worst price and unfilled quantity of a taker of ``side``."""
    def round_bid(self, price: _Number) -> float:
        """Return the highest price a buy order may have that is not above ``price``."""
    def round_ask(self, price: _Number) -> float:
        """Return the lowest price a sell order may have that is not below ``price``."""
    def copy(self) -> L2Book:
        """Return the book as it is now; unlike the view it may be kept."""

@final
class PositionView:
    """The strategy's position in one instrument. Valid only inside a hook."""

    @property
    def instrument(self) -> str: ...
    @property
    def qty(self) -> float: ...
    @property
    def avg_entry_price(self) -> float | None: ...
    @property
    def realized_pnl(self) -> Decimal: ...
    @property
    def unrealized_pnl(self) -> Decimal: ...
    @property
    def fees(self) -> Decimal: ...
    def copy(self) -> PositionView:
        """Return the position as it is now; unlike the view it may be kept."""

@final
class TradeView:
    """The trade a strategy is being told of. Valid only inside ``on_trade``."""

    @property
    def instrument(self) -> str: ...
    @property
    def price(self) -> float: ...
    @property
    def qty(self) -> float: ...
    @property
    def aggressor_side(self) -> Side | None: ...
    @property
    def ts_event(self) -> int: ...
    @property
    def trade_id(self) -> int: ...
    def copy(self) -> TradeView:
        """Return the trade as a value that may be kept."""

@final
class QuoteView:
    """The venue's own best prices a strategy is being told of. Valid only inside ``on_quote``."""

    @property
    def instrument(self) -> str: ...
    @property
    def best_bid(self) -> float | None: ...
    @property
    def best_ask(self) -> float | None: ...
    @property
    def bid_qty(self) -> float | None: ...
    @property
    def ask_qty(self) -> float | None: ...
    def copy(self) -> QuoteView:
        """Return the quote as a value that may be kept."""

@final
class ReferencePrice:
    """A mark or index price as the venue published it."""

    @property
    def instrument(self) -> str: ...
    @property
    def price(self) -> float: ...
    @property
    def ts_event(self) -> int: ...

@final
class FundingRate:
    """A funding rate as the venue published it; ``next_funding_ns`` is when it is paid, None if it does not say."""

    @property
    def instrument(self) -> str: ...
    @property
    def rate(self) -> float: ...
    @property
    def next_funding_ns(self) -> int | None: ...
    @property
    def ts_event(self) -> int: ...

@final
class OpenInterest:
    """Open interest as the venue published it."""

    @property
    def instrument(self) -> str: ...
    @property
    def qty(self) -> float: ...
    @property
    def ts_event(self) -> int: ...

@final
class Liquidation:
    """The liquidation of somebody's position; ``side`` is the liquidation order's."""

    @property
    def instrument(self) -> str: ...
    @property
    def side(self) -> Side | None: ...
    @property
    def price(self) -> float: ...
    @property
    def qty(self) -> float: ...
    @property
    def ts_event(self) -> int: ...

@final
class Bar:
    """A finished bar of trades, stamped with its start (ns); ``volume`` in units."""

    @property
    def instrument(self) -> str: ...
    @property
    def interval_ns(self) -> int: ...
    @property
    def ts_open(self) -> int: ...
    @property
    def open(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def close(self) -> float: ...
    @property
    def volume(self) -> float: ...
    @property
    def trades(self) -> int: ...

@final
class Order:
    """An order as it stood when it was asked for."""

    @property
    def order_id(self) -> int: ...
    @property
    def client_id(self) -> str | None: ...
    @property
    def instrument(self) -> str: ...
    @property
    def side(self) -> Side: ...
    @property
    def order_type(self) -> OrderType: ...
    @property
    def time_in_force(self) -> TimeInForce: ...
    @property
    def post_only(self) -> bool: ...
    @property
    def price(self) -> float | None: ...
    @property
    def qty(self) -> float: ...
    @property
    def filled_qty(self) -> float: ...
    @property
    def leaves_qty(self) -> float: ...
    @property
    def avg_fill_price(self) -> float | None: ...
    @property
    def status(self) -> OrderStatus: ...
    @property
    def is_closed(self) -> bool: ...
    @property
    def is_pending(self) -> bool: ...
    @property
    def reason(self) -> str: ...
    @property
    def ts_submit(self) -> int: ...

@final
class Fill:
    """A fill of an own order."""

    @property
    def order_id(self) -> int: ...
    @property
    def client_id(self) -> str | None: ...
    @property
    def instrument(self) -> str: ...
    @property
    def side(self) -> Side: ...
    @property
    def price(self) -> float: ...
    @property
    def qty(self) -> float: ...
    @property
    def liquidity(self) -> Liquidity: ...
    @property
    def fee(self) -> Decimal: ...
    @property
    def realized_pnl(self) -> Decimal: ...
    @property
    def position_qty(self) -> float: ...
    @property
    def completes_order(self) -> bool: ...
    @property
    def ts_event(self) -> int: ...
    @property
    def ts_recv(self) -> int: ...

@final
class Context:
    """What a strategy can read and do inside a hook. Outside of hooks every access raises ``ContextError``.

    Instruments are named by id. Requests are sent at once and act at the venue one entry latency later; what comes of
    them arrives in ``on_order`` and ``on_fill``. A price or quantity off the grid raises ``OffGridError``; what a venue
    would refuse (too small, post-only that crosses) comes back as a rejected order.
    """

    @property
    def strategy(self) -> str: ...
    @property
    def now_ns(self) -> int: ...
    @property
    def equity(self) -> Decimal: ...
    def equity_in(self, currency: str) -> Decimal:
        """Return cash from trading plus marked positions, after fees, in one settlement currency."""
    def book(self, instrument: str | Instrument) -> BookView:
        """Return the book of an instrument as known now."""
    def position(self, instrument: str | Instrument) -> PositionView:
        """Return this strategy's position in an instrument."""
    def orders(self, instrument: str | Instrument | None = None) -> list[Order]:
        """Return this strategy's open orders, oldest first."""
    def order(self, order: int | str | Order) -> Order | None:
        """Return an open order by its id, client id or an older copy; None when it is closed."""
    def submit(
        self,
        instrument: str | Instrument,
        side: _Side,
        qty: _Number,
        price: _Number | None = None,
        *,
        time_in_force: TimeInForce | str | None = None,
        post_only: bool = False,
        client_id: str | None = None,
    ) -> int:
        """Send an order and return its id; without a price it is a market order.

        Raises
        ------
        OffGridError
            When price or quantity lie between two steps.
        OrderError
            When the terms contradict each other or the client id is in use.
        """
    def buy(
        self,
        instrument: str | Instrument,
        qty: _Number,
        price: _Number | None = None,
        *,
        time_in_force: TimeInForce | str | None = None,
        post_only: bool = False,
        client_id: str | None = None,
    ) -> int:
        """Send a buy order; see :meth:`submit`."""
    def sell(
        self,
        instrument: str | Instrument,
        qty: _Number,
        price: _Number | None = None,
        *,
        time_in_force: TimeInForce | str | None = None,
        post_only: bool = False,
        client_id: str | None = None,
    ) -> int:
        """Send a sell order; see :meth:`submit`."""
    def quote(
        self,
        instrument: str | Instrument,
        *,
        bid: _Number | None = None,
        ask: _Number | None = None,
        qty: _Number | None = None,
        bid_qty: _Number | None = None,
        ask_qty: _Number | None = None,
        post_only: bool = True,
    ) -> None:
        """Make the two-sided quote of an instrument what it is asked to be, with as few requests as possible.

        The quantity is what shall rest, whatever has been filled before. An order of which that much rests at that
        price is left alone and keeps its queue place; another price or quantity replaces it; another ``post_only``
        makes it a new order; a side that is None is cancelled. Nothing is sent unless both sides are sound.
        """
    def cancel(self, order: int | str | Order) -> bool:
        """Ask to cancel an order by id or client id; False when there is nothing to cancel."""
    def cancel_all(self, instrument: str | Instrument | None = None) -> int:
        """Ask to cancel every open order; returns how many."""
    def replace(self, order: int | str | Order, *, price: _Number | None = None, qty: _Number | None = None) -> bool:
        """Ask for a new price and total quantity of an order; False when it is no longer open.

        The queue place is kept only when the price stays and the quantity shrinks. A refused replacement leaves the
        order as it was and is told through ``on_order``, with the reason in ``order.reason``.
        """
    def every(self, interval: Duration, callback: Callable[[Context], object] = ...) -> int:
        """Call ``callback(ctx)`` (or ``on_timer(ctx, timer)``) every interval, first one interval from now."""
    def at(self, ts_ns: int, callback: Callable[[Context], object] = ...) -> int:
        """Call ``callback(ctx)`` (or ``on_timer(ctx, timer)``) once, at a time."""
    def subscribe(self, instrument: str | Instrument, topic: str) -> None:
        """Follow something of an instrument from the next message on.

        Topics: ``book``, ``touch``, ``trades``, ``quotes``, ``book_state``, ``mark``, ``index``, ``funding``,
        ``open_interest``, ``liquidations``, and ``bars:LENGTH`` (``bars:1m``), told by the hook of that name.
        """
    def unsubscribe(self, instrument: str | Instrument, topic: str) -> None:
        """Follow it no longer."""
    def balance(self, currency: str) -> Decimal | None:
        """Return what the venue says this strategy's account holds; None where it has not said."""
    def is_listed(self, instrument: str | Instrument) -> bool:
        """Return whether an instrument can be traded now: in a backtest from its listing (or the start) to its expiry.

        At its expiry its resting orders expire with the reason ``not_listed``; before its listing and from then on
        orders are refused with it.
        """
    def log(self, message: str) -> None:
        """Write to the logger ``tradecore.strategy``, with the time of the run."""

@final
class BinanceDecoder:
    """Decodes frames of a Binance market as they arrive, and keeps the books synchronised.

    Parameters
    ----------
    venue : str
        ``BINANCE``, ``BINANCE_USDM`` or ``BINANCE_COINM``.
    instruments : sequence of Instrument
        Frames of other symbols are ignored.
    keep_events : bool
        Whether to keep decoded events for :meth:`events`.
    """

    def __new__(cls, venue: str, instruments: Sequence[Instrument], *, keep_events: bool = True) -> BinanceDecoder: ...
    def feed(self, frame: bytes, ts_recv: int) -> str:
        """Take a stream frame or a REST depth snapshot and say what it was.

        Returns ``depth, snapshot, trade, book_ticker, mark_price, liquidation, open_interest, control`` or ``ignored``.

        Raises
        ------
        DataError
            When the frame is malformed; the state is as before.
        """
    def events(self, instrument: str) -> dict[str, NDArray[Any]]:
        """Return the event columns decoded since the last call."""
    def book(self, instrument: str) -> L2Book:
        """Return the book, which :meth:`feed` keeps up to date."""
    def needs_snapshot(self, instrument: str) -> bool:
        """Whether a depth snapshot has to be fetched."""
    def state(self, instrument: str) -> BookState:
        """Return where the book stands with the venue."""
    def gaps(self, instrument: str) -> int:
        """Return how many gaps were found."""

@final
class EventReader:
    """Reads files of one instrument piece by piece."""

    @staticmethod
    def binance(instrument: Instrument, paths: Sequence[str], *, lenient: bool = False) -> EventReader:
        """Open Binance captures of one recording, in order."""
    @staticmethod
    def tardis(instrument: Instrument, paths: Sequence[str], *, lenient: bool = False) -> EventReader:
        """Open Tardis CSV files of one instrument."""
    def read(self, rows: int) -> dict[str, NDArray[Any]] | None:
        """Return the next event columns, at least ``rows`` rows of whole messages; None at the end.

        Raises
        ------
        DataError
            With file and line.
        """
    @property
    def progress(self) -> tuple[int, int]: ...
    def summary(self) -> dict[str, Any]:
        """Return counts, times and the book as of what has been read."""

@final
class FinalPositions:
    """The positions at the end of a run."""

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a strategy and instrument, instrument by instrument."""

@final
class MemoryColumns:
    """An instrument's event columns in memory, as a backtest takes them.

    Parameters
    ----------
    name : str
        The instrument's id, for messages.
    given : mapping of str to array, or polars DataFrame
        The columns by name. Arrays of the right type are not copied.
    with_ids : bool
        Whether to take the ``id`` column where there is one.

    Raises
    ------
    DataError
        For a column that is missing, no array, or of another type, shape or length.
    """

    def __new__(cls, name: str, given: object, *, with_ids: bool) -> MemoryColumns: ...
    @property
    def rows(self) -> int: ...
    def kinds(self) -> list[int]:
        """Return the kinds of events there are."""
    @property
    def has_book(self) -> bool:
        """Whether there are levels."""
    @property
    def min_latency_ns(self) -> int:
        """The smallest difference of receipt and event; below 0 where the venue's clock ran ahead."""

@final
class EventStream:
    """The events of an instrument's parts in a catalog, read ahead on threads, without the interpreter.

    An iterator of event columns; a simulation takes it over as it stands, and nothing comes from it then. Close it, or
    exhaust it, to end what reads it.

    Parameters
    ----------
    parts : sequence of (path, int, int)
        Each file, its rows, and the kinds of its rows as bits: kind ``k`` is bit ``k``.
    kinds : int
        The kinds to read, as bits. Rows are only looked at where a part holds others.
    with_ids : bool
        Whether to read the ``id`` column.
    piece_rows : int
        Most rows of a piece; fewer where the budget does not hold two of them.
    budget_bytes : int
        About how many bytes of columns may lie in memory at a time; two pieces of 1,024 rows at the least.
    ahead : ReadAhead, optional
        The threads that read; a thread of its own if not given.
    """

    def __new__(
        cls,
        parts: Sequence[tuple[str | PathLike[str], int, int]],
        *,
        kinds: int,
        with_ids: bool,
        piece_rows: int,
        budget_bytes: int,
        ahead: ReadAhead | None = None,
    ) -> EventStream: ...
    def __iter__(self) -> EventStream: ...
    def __next__(self) -> dict[str, NDArray[Any]]:
        """Return the next piece.

        Raises
        ------
        CatalogError
            Naming a part that is damaged or not there.
        """
    def close(self) -> None:
        """End what reads it; nothing comes any more."""

@final
class ReadAhead:
    """A few threads that read any number of streams ahead. They end with the last stream."""

    def __new__(cls) -> ReadAhead: ...

@final
class FeedSummary:
    """Running totals over event columns of one instrument."""

    def __new__(cls, instrument: Instrument) -> FeedSummary: ...
    def push(self, columns: _Columns) -> None:
        """Take the next columns, of whole messages."""
    def to_dict(self) -> dict[str, Any]:
        """Return counts, times and the book so far."""

@final
class Synth:
    """Synthetic markets."""

    @staticmethod
    def reader(
        instrument: Instrument,
        *,
        events: int,
        seed: int,
        start_price: _Number,
        typical_qty: _Number,
        start_ns: int,
        message_gap: Duration,
        latency: Duration,
        jitter: Duration,
    ) -> EventReader:
        """Return a reader over a market of ``events`` rows."""

@final
class Simulation:
    """A backtest under construction: add markets, then strategies, then run it once."""

    def __new__(
        cls,
        *,
        seed: int = 0,
        sample_interval: Duration,
        candle_interval: Duration | None = None,
        stop_run_on_error: bool = False,
        keeps_journal: bool = False,
    ) -> Simulation: ...
    def add_market(
        self,
        instrument: Instrument,
        chunks: MemoryColumns | Iterator[_Columns] | EventStream,
        venue: SimVenue,
        *,
        has_book: bool,
        min_latency_ns: int,
    ) -> int:
        """Add a market and return its index.

        ``has_book`` and ``min_latency_ns``, the smallest difference of receipt and event in the data, decide what the
        venue's settings leave open.
        """
    def add_strategy(
        self, name: str, markets: Sequence[int], hooks: dict[str, Callable[..., None]], book_events: str, owner: object
    ) -> None:
        """Add a strategy by the bound methods of its hooks and the object they are methods of."""
    def add_compiled(self, name: str, markets: Sequence[int], kind: str, params: dict[str, Any]) -> None:
        """Add a compiled strategy."""
    def run(
        self,
        *,
        progress: Callable[[int, int], object] | None = None,
        spill: Callable[[dict[str, dict[str, Any]]], object] | None = None,
        spill_rows: int = 100_000,
    ) -> dict[str, Any]:
        """Run to the end of the data and return figures and tables.

        A column of a table is the name of its type and its bytes, or texts; None for no text in any row.
        """

@final
class Command:
    """A command on its way to a venue: a new order, a replacement or a cancel.

    What it leaves open is the order's: of a cancel and a replacement, side, type and terms are those of their order.
    """

    @property
    def kind(self) -> str:
        """``submit``, ``replace`` or ``cancel``."""
    @property
    def order_id(self) -> int:
        """Our number of the order within the session."""
    @property
    def client_id(self) -> str:
        """What the venue carries for us: ``<session>-<strategy>-<order>``, the numbers in base 36."""
    @property
    def venue_id(self) -> str | None:
        """The venue's own id of the order, where a report has told it."""
    @property
    def strategy(self) -> str: ...
    @property
    def account(self) -> int: ...
    @property
    def market(self) -> int: ...
    @property
    def instrument(self) -> str: ...
    @property
    def side(self) -> Side: ...
    @property
    def order_type(self) -> OrderType: ...
    @property
    def price(self) -> Decimal | None:
        """In units, with the places of the instrument's grid; None for a market order and a cancel."""
    @property
    def qty(self) -> Decimal | None:
        """In units; of a replacement the new total, what has been filled included; None for a cancel."""
    @property
    def time_in_force(self) -> TimeInForce: ...
    @property
    def post_only(self) -> bool: ...
    @property
    def at_ns(self) -> int:
        """When it was sent, ns UTC."""

@final
class Kernel:
    """The kernel, one input at a time: what paper and live trading and the replay of a journal are driven through.

    Add markets, then strategies, then :meth:`start` it or :meth:`restore` it from a saved state; from then on the
    set-up is closed. Every input takes the time at which it arrives, ns UTC from 1970 to 2116; the kernel's time does
    not go back. The driver keeps the order: what :meth:`next_due` names comes before anything later, and at one
    nanosecond reports come first, then messages, what is due, control. Commands are taken with :meth:`drain` after
    each input.

    An input that is refused has changed nothing. A hook that raises stops its strategy (see :attr:`failures`), or,
    with ``stop_run_on_error``, the input that called it raises StrategyError; Ctrl-C in a hook raises
    KeyboardInterrupt. The kernel takes one input at a time: from inside a hook or from a second thread meanwhile every
    call raises RunError.

    Parameters
    ----------
    session : str
        1 to 12 letters and digits, another for every start: part of every client id.
    candle_interval : duration, optional
        Length of recorded candles.
    stop_run_on_error : bool
        Whether a raising hook ends more than its strategy.
    keeps_journal : bool
        Whether inputs and commands are kept for :meth:`take_journal`.

    Raises
    ------
    InvalidValueError
        By every method, naming the argument that is none: a market out of range, a time, a price off the grid.
    RunError
        By inputs before :meth:`start` and after :meth:`finish`, and by changes of the set-up after :meth:`start`.
    """

    def __new__(
        cls,
        session: str,
        *,
        candle_interval: Duration | None = None,
        stop_run_on_error: bool = False,
        keeps_journal: bool = False,
    ) -> Kernel: ...
    def add_market(self, instrument: Instrument, *, basis: str = "l2") -> int:
        """Add an instrument and return its index; ``basis``: ``l2`` full depth, ``l1`` top-of-book quotes."""
    def add_strategy(
        self,
        name: str,
        markets: Sequence[int],
        hooks: dict[str, Callable[..., None]],
        book_events: str,
        owner: object,
        *,
        account: int = 0,
    ) -> None:
        """Add a strategy by the bound methods of its hooks and the object they are methods of."""
    def add_compiled(
        self, name: str, markets: Sequence[int], kind: str, params: dict[str, Any], *, account: int = 0
    ) -> None:
        """Add a compiled strategy."""
    def start(self, at_ns: int) -> None:
        """Call ``on_start`` of every strategy. Balances and listings may be told before."""
    def stop(self, at_ns: int) -> None:
        """Call ``on_stop`` of every strategy, their last hook; reports are still booked after it."""
    def pause(self, at_ns: int) -> None:
        """Refuse everything but cancels."""
    def resume(self, at_ns: int) -> None:
        """Go on after :meth:`pause` or :meth:`kill`."""
    def kill(self, at_ns: int) -> None:
        """Cancel all orders, and refuse everything but cancels."""
    def order(
        self,
        at_ns: int,
        strategy: str,
        market: int,
        side: Side | str | int,
        qty: _Number,
        price: _Number | None = None,
        *,
        time_in_force: TimeInForce | str | int | None = None,
        post_only: bool = False,
    ) -> None:
        """Send a person's order on behalf of a strategy; a market order without a price.

        Raises
        ------
        OrderError
            When no venue could be asked for it.
        """
    def message(self, at_ns: int, market: int, columns: _Columns) -> None:
        """Deliver event columns of one or several whole messages, one after the other."""
    def levels(
        self,
        at_ns: int,
        market: int,
        ts_event: int,
        bids: _Levels,
        asks: _Levels,
        *,
        snapshot: bool = False,
    ) -> None:
        """Deliver a book update as one message.

        Levels are ``(price, qty)`` pairs in units, best as lists or as float64 arrays of shape (n, 2); a quantity of 0
        removes the level. A ``snapshot`` replaces the book. ``ts_event`` is the venue's time, ns UTC.
        """
    def decoded(self, at_ns: int, market: int, decoder: BinanceDecoder) -> None:
        """Deliver what a decoder has decoded of the market's instrument since the last call, message by message."""
    def report(
        self,
        at_ns: int,
        market: int,
        kind: str,
        order: int | str | None = None,
        *,
        venue_id: str | int | None = None,
        execution: str | int | None = None,
        cumulative: _Number | None = None,
        ts_event: int | None = None,
        price: _Number | None = None,
        qty: _Number | None = None,
        liquidity: str | None = None,
        fee: _Exact | None = None,
        reason: str | None = None,
    ) -> None:
        """Deliver a venue's word on an order.

        A report on an order nobody knows, or one that contradicts what is known, is kept for reconciliation.

        Parameters
        ----------
        at_ns, market
            When it reached us, and the order's market.
        kind : str
            ``accepted``, ``rejected``, ``fill``, ``cancelled``, ``cancel_rejected``, ``replaced``, ``reduced`` (by the
            venue, on its own), ``replace_rejected``, ``expired`` or ``unknown`` (no answer came).
        order : int or str, optional
            Our number of the order, or the client id; without it ``venue_id`` names the order.
        venue_id : str or int, optional
            The venue's id of the order.
        execution : str or int, optional
            The venue's id of a fill, by which one told twice is known.
        cumulative : number, optional
            Filled so far by the venue's count, in units.
        ts_event : int, optional
            The venue's time; that of receipt if not given.
        price, qty : number
            Of a fill, and what an order was replaced by or reduced to (the total, what is filled included), in units.
        liquidity : str
            Of a fill: ``maker`` or ``taker``.
        fee : Decimal, str or int
            Of a fill, in the settlement currency; negative is a rebate.
        reason : str
            Of a refusal or an expiry, such as ``post_only_would_cross``; ``venue`` for any other.
        """
    def balance(self, at_ns: int, currency: str, total: _Exact, *, account: int = 0) -> None:
        """Tell what an account holds of a settlement currency."""
    def feed(self, at_ns: int, market: int, state: BookState, reason: str) -> None:
        """Tell the state of a market's feed, as its connection knows it."""
    def listing(self, at_ns: int, market: int, is_listed: bool) -> None:
        """Tell whether an instrument can be traded from now on."""
    def due(self, at_ns: int) -> None:
        """Let what :meth:`next_due` named happen: one timer, or refusals of our own."""
    def next_due(self) -> int | None:
        """Return when :meth:`due` is next to be called, ns UTC; None for nothing to wait for."""
    def drain(self) -> list[Command]:
        """Take the commands that may go to their venues, in the order they were sent."""
    def save(self) -> bytes:
        """Return the state after the inputs so far, for :meth:`restore` in another process.

        Raises
        ------
        RunError
            While commands have not been drained.
        InvalidValueError
            Where a strategy's timer calls something else than a method of it, or its own ``save`` returned what is
            not plain data.
        """
    def restore(self, saved: bytes) -> None:
        """Go on from a saved state, in place of :meth:`start`. The set-up is that of the kernel that was saved.

        Raises
        ------
        InvalidValueError
            For bytes that are no state, or one of another set-up. The kernel cannot be used then: strategies may
            have loaded a part.
        """
    def replay(self, journal: bytes) -> tuple[int | None, bytes]:
        """Take the inputs of a journal, or of a piece of one that ends with an entry; its commands are not sent.

        Returns
        -------
        diverged_ns : int or None
            Time of the first input after which a command differed from the journal.
        rest : bytes
            What follows from the last input and is not in the journal, which was cut behind it.

        Raises
        ------
        DataError
            For a journal that is damaged or was cut within an entry; nothing of it was taken.
        RunError
            For a kernel that keeps no journal.
        """
    def take_journal(self) -> bytes:
        """Take the entries since the last call; empty if they are not kept."""
    def take_tables(self) -> dict[str, dict[str, Any]]:
        """Take the rows of orders that ended, fills and candles since the last call, as :meth:`Simulation.run`."""
    @property
    def failures(self) -> dict[str, str]:
        """Tracebacks of strategies that failed, by name."""
    def finish(self) -> str:
        """Close the session: open orders go to the tables. Return the digest."""

@final
class QueueSimulator:
    """One resting order in the queue of its price level, advanced by hand.

    Parameters
    ----------
    model : str
        A queue model; see :class:`tradecore.SimVenue`.
    displayed : int
        Size of the level when the order joins, increments.
    lot : int
        Step of a fill, increments.
    unit : float
        Value of an increment; the logarithmic models depend on it.
    seed : int
        For ``depletion``.
    """

    def __new__(
        cls, model: str, displayed: int, *, lot: int = 1, unit: float = 1.0, seed: int = 0
    ) -> QueueSimulator: ...
    def trade(self, qty: int) -> int:
        """Let a trade happen at the order's price; returns how much of it reaches the order."""
    def depth(self, previous: int, new: int) -> None:
        """Change the displayed size of the level."""
    @property
    def front(self) -> float: ...

@final
class PositionLedger:
    """A position of one instrument, booked fill by fill with exact money."""

    def __new__(cls, instrument: Instrument) -> PositionLedger: ...
    def value(self, price: _Number, qty: _Number) -> Decimal:
        """Return the value of a quantity at a price, in the settlement currency."""
    def fee(self, price: _Number, qty: _Number, *, maker: bool) -> Decimal:
        """Return the fee of a fill; negative is a rebate."""
    def apply(self, side: _Side, price: _Number, qty: _Number, *, maker: bool = False) -> Decimal:
        """Book a fill with its fee and return the profit it realised, before the fee."""
    def position(self, mark: _Number) -> dict[str, Any]:
        """Return the position marked at a price: ``qty, avg_entry_price``, profit, fees, cash, equity."""

@final
class RealizedVolatility:
    """Rolling realised volatility ``sqrt(sum r^2 / sum dt)`` of a mid, price units per square root of a second.

    Parameters
    ----------
    window : int
        Steps.
    half_life_s : float, optional
        Smoothing of the squared volatility over time; none if not given.
    """

    def __new__(cls, window: int, half_life_s: float | None = None) -> RealizedVolatility: ...
    def update(self, ts_ns: int, mid: float) -> float | None:
        """Take a sample and return the volatility; None before the second one."""

@final
class IntensityEstimator:
    """Rolling estimate of ``A exp(-k d)``, the rate of fills at a distance of ``d`` ticks from the mid.

    Parameters
    ----------
    bin_ticks : float
        Spacing of the distances ``(j + 1/2) * bin_ticks``.
    bins : int
        How many distances.
    window : int
        Intervals.
    """

    def __new__(cls, *, bin_ticks: float = 1.0, bins: int = 100, window: int = 120) -> IntensityEstimator: ...
    def trade(self, depth_ticks: float) -> None:
        """Take a trade, by its distance from the mid at the start of the interval."""
    def end_interval(self, seconds: float) -> None:
        """End an interval of that length."""
    def fit(self, *, method: str = "weighted") -> dict[str, float] | None:
        """Return ``a, k, r2, points``; None without a sound fit. Method ``weighted`` (by counts) or ``ols``."""

def parse_duration(text: Duration | int) -> int:
    """Return a length of time such as ``"100ms"``, ``"1s"``, ``"5m"``, or a ``timedelta``, in ns.

    Numbers have no unit: of them only 0 is a length of time.

    Raises
    ------
    InvalidValueError
        When it is not one, or negative.
    """

def format_duration_ns(ns: int) -> str:
    """Return a length of time as text in the largest unit that divides it."""

def avellaneda_stoikov_quotes(
    s: NDArray[np.float64],
    q: NDArray[np.float64],
    tau: NDArray[np.float64],
    *,
    gamma: float,
    sigma: float,
    k: float,
) -> dict[str, NDArray[np.float64]]:
    """Return Avellaneda-Stoikov quotes, element by element.

    Parameters
    ----------
    s, q, tau : float64 (n,)
        Mid, inventory, time left.
    gamma, sigma, k : float
        Risk aversion, volatility per square root of time, decay of the fill rate.

    Returns
    -------
    dict of float64 (n,)
        ``reservation, spread, bid, ask``: ``r = s - q gamma sigma^2 tau`` and
        ``spread = gamma sigma^2 tau + (2 / gamma) ln(1 + gamma / k)``.
    """

def glft_coefficients(
    *, gamma: float, sigma: float, a: float, k: float, delta: float = 1.0, xi: float | None = None
) -> dict[str, float]:
    """Return ``c1, c2, half_spread, skew`` of the GLFT closed form; ``xi`` is ``gamma`` if not given."""

def fit_intensity(
    distances: NDArray[np.float64], counts: NDArray[np.uint64], seconds: float, *, method: str = "weighted"
) -> dict[str, float] | None:
    """Fit ``counts / seconds = a exp(-k distances)`` and return ``a, k, r2, points``; None without a sound fit."""

def check_latency(latency: Latency) -> None:
    """Raise InvalidValueError naming the first leg that takes no length of time."""

def check_part(path: str | PathLike[str], rows: int) -> None:
    """Raise CatalogError if a file is not Parquet with the event columns and this many rows."""

def check_quote_size(instrument: Instrument, quote_qty: _Number, max_position: _Number) -> None:
    """Raise InvalidValueError naming the size that a maker cannot quote in an instrument."""

def check_venue(venue: SimVenue) -> None:
    """Raise InvalidValueError naming the first setting that a venue cannot have."""

def decode_hftbacktest(
    instrument: Instrument,
    source: str,
    ev: NDArray[np.uint64],
    exch_ts: NDArray[np.int64],
    local_ts: NDArray[np.int64],
    px: NDArray[np.float64],
    qty: NDArray[np.float64],
) -> dict[str, NDArray[Any]]:
    """Return hftbacktest event rows as event columns; raises DataError with the row, from 1."""

def money_text(column: bytes) -> list[str]:
    """Return money of a result table as decimal text.

    Parameters
    ----------
    column : bytes
        16 for each amount, a count of 10^-12 units in the byte order of the machine.
    """

def vocabulary() -> dict[str, dict[str, int | str]]:
    """Return the words of the core's enums and flags with their values, by the name of the enum."""
