"""The compiled half of tradecore.

Prices and quantities are accepted as ``Decimal``, ``str``, ``int`` or a ``float`` on the instrument's grid, and
returned as ``float`` (market data) or ``Decimal`` (money). Times are ns UTC. "Increments" are integer counts of an
instrument's ``price_increment`` and ``qty_increment``. Errors are those of :mod:`tradecore.errors`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from os import PathLike
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import disjoint_base

from tradecore.bus.dispatch import EventBus
from tradecore.features.sets import FeatureSet
from tradecore.orders import OrderSpec
from tradecore.reconcile import AccountState, VenueAccount
from tradecore.risk import RiskLimits, Stops
from tradecore.types import BookState, Liquidity, OrderStatus, OrderType, RiskCheck, Side, SignalAction, TimeInForce
from tradecore.validation import DurationLike
from tradecore.venue import Latency, SimVenue

__all__ = [
    "CHANGES_NEEDED",
    "FINE_KINDS",
    "FINE_SCALE",
    "HFT_OWN",
    "MARKET_KINDS",
    "MOST_BINS",
    "MOST_WINDOW",
    "ON_GRID_KINDS",
    "SHORTEST_INTERVAL",
    "SKIP_HINT",
    "Bar",
    "BarBuilder",
    "BarSpec",
    "BookView",
    "CaptureFrames",
    "ChargedFill",
    "Command",
    "Context",
    "EventInterest",
    "EventReader",
    "EventStream",
    "Execution",
    "ExportedReader",
    "FeatureBook",
    "FeatureEngine",
    "FeatureReader",
    "FeatureSchema",
    "FeatureVector",
    "FeedControl",
    "FeedDecoder",
    "FeedSummary",
    "Fill",
    "FinalPositions",
    "FrameDoor",
    "FundingRate",
    "Heard",
    "HftDecoder",
    "Indicator",
    "IndicatorBank",
    "IndicatorReading",
    "Instrument",
    "IntensityEstimator",
    "Kernel",
    "L2Book",
    "Liquidation",
    "MemoryColumns",
    "Notice",
    "OpenInterest",
    "OpenOrder",
    "Order",
    "OrderGroup",
    "PartWriter",
    "Payment",
    "PositionLedger",
    "PositionView",
    "Question",
    "QueuePlace",
    "QueueSimulator",
    "QuoteView",
    "ReadAhead",
    "RealizedVolatility",
    "RecordScan",
    "ReferencePrice",
    "Refusal",
    "RiskBreach",
    "RiskView",
    "SeriesReader",
    "Signal",
    "SimExchange",
    "Simulation",
    "Slippage",
    "Survey",
    "Synth",
    "TradeSieve",
    "TradeView",
    "almgren_chriss",
    "avellaneda_stoikov_quotes",
    "bars_of",
    "book_raster",
    "check_columns",
    "check_part",
    "check_quote_size",
    "check_risk",
    "check_stops",
    "check_strategy_name",
    "check_venue",
    "checksum",
    "client_id_of",
    "compute_indicator",
    "compute_panel",
    "equal_within",
    "feature_definitions",
    "few_changes_text",
    "fill_basis",
    "find_line",
    "fit_intensity",
    "fit_latencies",
    "fit_microprice",
    "format_duration_ns",
    "format_span_ns",
    "fractional_weights",
    "frame_record",
    "funding_kinds",
    "glft_coefficients",
    "gunzip",
    "iceberg_slices",
    "impact_bps",
    "implementation_shortfall",
    "index_records",
    "indicator_specs",
    "is_exported",
    "is_kline",
    "journal_begins",
    "journal_commands",
    "journal_messages",
    "kline_origin",
    "latencies_of",
    "latency_legs",
    "microprice_adjustments",
    "money_text",
    "not_in_ns",
    "order_status_of",
    "other_unit",
    "parse_duration",
    "pov_target",
    "profit_parts",
    "read_head",
    "read_note",
    "reconcile_account",
    "record_head",
    "replay_orders",
    "risk_checks",
    "risk_profile",
    "seal_part",
    "session_event_names",
    "side_of",
    "size_position",
    "slippage",
    "table_head",
    "taken_at",
    "tardis_origin",
    "tardis_venue",
    "tardis_venues",
    "touch_orders",
    "twap_slices",
    "venue_balances",
    "venue_funding",
    "venue_times",
    "vocabulary",
    "volume_curve",
    "vwap_slices",
]

_Number: TypeAlias = Decimal | str | int | float
_Exact: TypeAlias = Decimal | str | int
_Levels: TypeAlias = Sequence[tuple[_Number, _Number] | Sequence[_Number]] | NDArray[np.float64]
_Side: TypeAlias = Side | int | str
_Columns: TypeAlias = Mapping[str, NDArray[Any]]
_PartFile: TypeAlias = tuple[str | PathLike[str], str | PathLike[str], int, int, str | None]

FINE_KINDS: Final[int]
"""Kinds of events whose price counts 10^-``FINE_SCALE``, as bits: kind ``k`` is bit ``k``."""

FINE_SCALE: Final[int]
"""Decimal places of the price of mark, index and funding events."""

HFT_OWN: Final[int]
"""Bit of an event array's field ``ival`` that marks a row as exported here; the bits below are its flags."""

MARKET_KINDS: Final[int]
"""Kinds of events that move books and fills, as bits."""

CHANGES_NEEDED: Final[int]
MOST_BINS: Final[int]
"""Distances of an intensity fit at most."""

MOST_WINDOW: Final[int]
"""Steps or intervals of an estimate's window at most."""

ON_GRID_KINDS: Final[int]
"""Kinds of events with a price and a quantity on the instrument's grid, as bits."""

SHORTEST_INTERVAL: Final[int]
"""Of a strategy's timer that repeats, ns."""

SKIP_HINT: Final[str]
"""What becomes of a capture with lines that are no messages, where they are left out."""

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
    fee_currency : str, optional
        Currency in which the fees of a spot instrument are paid, or ``received`` for the one that is bought: the base
        of a buy, the quote of a sell; the quote if not given. It matters where a venue has ``balances``.
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
    settlement_price : Decimal, str or int, optional
        What it is settled at when it expires: the price of what it is written on, in quote currency; of a binary token
        1 if its outcome came true, else 0. If not given it is the last index price of the data, of a future else its
        mark or mid.
    changes : sequence of mapping, optional
        What became another, in order of time: ``from`` (a time with its zone, as text in ISO 8601 or as a datetime) or
        ``from_ns``, and ``tick_size``, ``lot_size``, ``min_qty``, ``max_qty`` or ``min_notional`` as of then; what
        is not named stays. What stands outside of the changes holds before the first.

    Raises
    ------
    InstrumentError
        Naming the field that does not hold.

    Examples
    --------
    >>> perpetual = tc.Instrument(
    ...     "BTCUSDT.TEST",
    ...     kind="linear",
    ...     base="BTC",
    ...     quote="USDT",
    ...     price_increment="0.1",
    ...     qty_increment="0.001",
    ...     taker_fee_bps="4",
    ... )
    >>> perpetual.settlement, perpetual.tick_size, perpetual.is_perpetual
    ('USDT', Decimal('0.1'), True)
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
        fee_currency: str | None = None,
        expiry_ns: int | str | None = None,
        strike: _Exact | None = None,
        option_side: str | None = None,
        outcome: str | None = None,
        listing_ns: int | str | None = None,
        settlement_price: _Exact | None = None,
        changes: Sequence[Mapping[str, Any]] | None = None,
    ) -> Instrument: ...
    @property
    def id(self) -> str:
        """``SYMBOL.VENUE``: what names the instrument everywhere else."""
    @property
    def symbol(self) -> str:
        """The venue's own symbol: the part of the id in front of the last dot."""
    @property
    def venue(self) -> str:
        """The venue's name: the part of the id behind the last dot."""
    @property
    def kind(self) -> str:
        """``spot``, ``linear``, ``inverse``, ``quanto``, ``option`` or ``binary``.

        See :class:`~tradecore.types.InstrumentKind`.
        """
    @property
    def expiry_ns(self) -> int | None:
        """When it expires, ns UTC; None if it never does."""
    @property
    def is_margined(self) -> bool:
        """Whether venues that keep margin ask it for this: linear, inverse and quanto contracts."""
    @property
    def listing_ns(self) -> int | None:
        """When trading in it begins, ns UTC; None if it always has been traded."""
    @property
    def settlement_price(self) -> Decimal | None:
        """What it is settled at when it expires, in quote currency, a binary token at 0 or 1; None where data says."""
    @property
    def strike(self) -> Decimal | None:
        """An option's price of exercise, in quote currency; None for other kinds."""
    @property
    def option_side(self) -> str | None:
        """``call`` or ``put``, see :class:`~tradecore.types.OptionSide`; None for other kinds."""
    @property
    def outcome(self) -> str | None:
        """What a binary token pays on, in the venue's words; None for other kinds, or if not given."""
    @property
    def is_inverse(self) -> bool:
        """Whether value is in inverse proportion to price."""
    @property
    def is_perpetual(self) -> bool:
        """Whether it is a contract that never expires."""
    @property
    def price_limits(self) -> tuple[Decimal, Decimal] | None:
        """Least and greatest price of an order, in quote currency, where the kind limits it; None where not.

        A binary's lie a tick within 0 and 1.
        """
    @property
    def base(self) -> str:
        """Base currency: what is bought."""
    @property
    def quote(self) -> str:
        """Quote currency: what prices are in."""
    @property
    def settlement(self) -> str:
        """Currency of profit, loss and fees."""
    @property
    def price_increment(self) -> Decimal:
        """Finest step of a price, in quote currency: the unit of prices in event columns."""
    @property
    def qty_increment(self) -> Decimal:
        """Finest step of a quantity, in contracts (spot: base units): the unit of quantities in event columns."""
    @property
    def tick_size(self) -> Decimal:
        """Step of an order's price, in quote currency, before any change; a multiple of the price increment."""
    @property
    def lot_size(self) -> Decimal:
        """Step of an order's quantity before any change, in contracts (spot: base units); whole increments."""
    @property
    def min_qty(self) -> Decimal:
        """Smallest quantity of an order, in contracts (spot: base units), before any change."""
    @property
    def max_qty(self) -> Decimal | None:
        """Largest quantity of an order before any change, in contracts (spot: base units); None without limit."""
    @property
    def min_notional(self) -> Decimal:
        """Smallest notional of an order, in quote currency, before any change; 0 if there is no limit."""
    @property
    def contract_size(self) -> Decimal:
        """What a contract stands for: base units (linear, option) or quote units (inverse); 1 for spot.

        Of a quanto contract, the settlement units it gains with a unit of price.
        """
    @property
    def maker_fee_bps(self) -> Decimal:
        """Fee of a fill that made liquidity, in basis points of its value; negative is a rebate."""
    @property
    def taker_fee_bps(self) -> Decimal:
        """Fee of a fill that took liquidity, in basis points of its value; negative is a rebate."""
    @property
    def fee_currency(self) -> str:
        """Currency in which fees are paid, or ``received``; see the parameter. The settlement currency if not given."""
    @property
    def changes(self) -> list[dict[str, str]]:
        """What became another over time, as text by field, in order of time: ``from_ns`` and what changed then."""
    def at(self, ts_ns: int | str) -> Instrument:
        """Return the instrument as it is from a time on, ns UTC: with the steps and sizes of an order in force then.

        Its changes are those still to come. Without changes it is the instrument itself.

        Examples
        --------
        >>> spec = tc.find_instrument("BTCUSDT.BINANCE_USDM")
        >>> spec.at(1612137600000000000).tick_size, spec.tick_size  # on 2021-02-01, and today
        (Decimal('0.01'), Decimal('0.1'))
        """
    def price_to_steps(self, price: _Number) -> int:
        """Return a price, in quote currency, as a count of price increments.

        Raises
        ------
        OffGridError
            When it lies between two increments.
        InvalidValueError
            When it is no number, or out of range.

        Examples
        --------
        >>> tc.find_instrument("BTCUSDT.SYNTH").price_to_steps("60000.1")
        600001
        """
    def qty_to_steps(self, qty: _Number) -> int:
        """Return a quantity, in contracts (spot: base units), as a count of quantity increments.

        Raises
        ------
        OffGridError
            When it lies between two increments.
        InvalidValueError
            When it is no number, or out of range.
        """
    def round_price(self, price: _Number, side: _Side) -> float:
        """Return the nearest price of an order, in quote currency, that is no worse for its sender.

        Not above ``price`` for a buy, not below it for a sell.

        Raises
        ------
        InvalidValueError
            For what is no number, or no side.

        Examples
        --------
        >>> spec = tc.find_instrument("BTCUSDT.BINANCE_USDM")
        >>> spec.round_price(60000.13, "buy"), spec.round_price(60000.13, "sell")
        (60000.1, 60000.2)
        """
    def round_qty(self, qty: _Number) -> float:
        """Return the largest quantity of an order, in contracts (spot: base units), that is not above ``qty``.

        It is 0 below one lot.

        Raises
        ------
        InvalidValueError
            For what is no number.
        """
    def price_from_steps(self, steps: int) -> Decimal:
        """Return the price, in quote currency, of a count of price increments."""
    def qty_from_steps(self, steps: int) -> Decimal:
        """Return the quantity, in contracts (spot: base units), of a count of quantity increments."""
    def format_price(self, steps: int) -> str:
        """Return a price, given in increments, as text with the decimals of the tick."""
    def format_qty(self, steps: int) -> str:
        """Return a quantity, given in increments, as text with the decimals of the lot."""
    def to_dict(self) -> dict[str, Any]:
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

    Examples
    --------
    >>> book = tc.L2Book(tc.find_instrument("BTCUSDT.SYNTH"))
    >>> book.set("bid", "60000.0", 2)
    >>> book.set("ask", "60000.1", 1)
    >>> book
    <L2Book BTCUSDT.SYNTH bid 60000.0 x 2.000 ask 60000.1 x 1.000>
    >>> book.spread
    0.1
    """

    def __new__(cls, instrument: Instrument | str) -> L2Book: ...
    @property
    def instrument(self) -> Instrument:
        """The instrument whose grid the book has."""
    def set(self, side: _Side, price: _Number, qty: _Number) -> None:
        """Set a level: price in quote currency, quantity in contracts (spot: base units); quantity 0 removes it.

        Raises
        ------
        OffGridError
            When price or quantity lie between two increments.
        InvalidValueError
            When the side is neither buy (bid) nor sell (ask), or a number is out of range.
        """
    def set_steps(self, side: int, price: int, qty: int) -> int:
        """Set a level in increments and return the quantity it held before; ``side`` is 1 (bid) or -1 (ask).

        Raises
        ------
        InvalidValueError
            When the side is neither, or a number is out of range.
        """
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
    def state(self) -> BookState:
        """What is known about the book; see :class:`~tradecore.types.BookState`."""
    @property
    def is_synced(self) -> bool:
        """Whether the book equals the venue's, as the event columns say that were applied."""
    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
    @property
    def best_bid(self) -> float | None:
        """Highest price of a bid, in quote currency; None if there are no bids."""
    @property
    def best_ask(self) -> float | None:
        """Lowest price of an ask, in quote currency; None if there are no asks."""
    @property
    def bid_qty(self) -> float | None:
        """Quantity at the best bid, in contracts (spot: base units); None if there are no bids."""
    @property
    def ask_qty(self) -> float | None:
        """Quantity at the best ask, in contracts (spot: base units); None if there are no asks."""
    @property
    def mid(self) -> float | None:
        """Half way between best bid and best ask, in quote currency; None if a side is empty."""
    @property
    def microprice(self) -> float | None:
        """``(bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty)`` at the best prices, in quote currency.

        It leans to the side with the smaller quantity; None if a side is empty.
        """
    @property
    def spread(self) -> float | None:
        """Best ask minus best bid, in quote currency, negative when crossed; None if a side is empty."""
    @property
    def bid_levels(self) -> int:
        """How many prices have bids."""
    @property
    def ask_levels(self) -> int:
        """How many prices have asks."""
    def imbalance(self, n: int = 1) -> float | None:
        """Return ``(bids - asks) / (bids + asks)``, a fraction from -1 to 1, over the best ``n`` levels a side.

        Of their quantities; None if both sides are empty.
        """
    def depth(self, n: int = 10) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the best ``n`` bids and the best ``n`` asks, best first.

        Returns
        -------
        bids, asks : float64 (levels, 2)
            Price in quote currency and quantity in contracts (spot: base units); fewer than ``n`` rows where there are
            fewer levels.
        """
    def walk(self, side: _Side, qty: _Number) -> tuple[float | None, float | None, float]:
        """Return what taking a quantity at once would pay; the book does not change.

        Parameters
        ----------
        side : Side or str
            Of the taker: ``buy`` goes through the asks, ``sell`` through the bids.
        qty : Decimal, str, int or float
            Quantity in contracts (spot: base units).

        Returns
        -------
        average, worst : float or None
            Price on average and of the last level, in quote currency; None if the side is empty.
        unfilled : float
            What the book does not hold, in contracts (spot: base units).

        Raises
        ------
        OffGridError
            When the quantity lies between two increments.
        InvalidValueError
            When the side is neither buy nor sell, or the quantity is out of range.
        """

@final
class BookView:
    """The book of one instrument as known at the context's time. Valid only inside a hook.

    It is read when it is asked, so within a hook it always shows what is known at ``ctx.now_ns``; outside of hooks
    it raises ``ContextError``. An empty side is ``None``.

    Where the data has depth and top-of-book quotes or trades, the book is what the newest of them says: a quote that is
    newer than the depth removes better levels and sets its own, a trade that is newer than both removes levels better
    than its price and takes its quantity off the one there, until newer depth comes. ``ctx.book(..., view="depth")`` is
    the depth alone.

    Examples
    --------
    >>> book = ctx.book("BTCUSDT.SYNTH")
    >>> book.best_bid, book.best_ask, book.mid
    (60000.0, 60000.1, 60000.05)
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def tick_size(self) -> float:
        """Step of an order's price now, in quote currency."""
    @property
    def lot_size(self) -> float:
        """Step of an order's quantity now, in contracts (spot: base units)."""
    @property
    def state(self) -> BookState:
        """What is known about the book; see :class:`~tradecore.types.BookState`."""
    @property
    def state_reason(self) -> str | None:
        """Why the feed is in its state, where its connection said so; None where it did not, as in a backtest."""
    @property
    def is_synced(self) -> bool:
        """Whether the book equals the venue's; without that, orders are refused and its prices mean nothing."""
    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
    @property
    def best_bid(self) -> float | None:
        """Highest price of a bid, in quote currency; None if there are no bids."""
    @property
    def best_ask(self) -> float | None:
        """Lowest price of an ask, in quote currency; None if there are no asks."""
    @property
    def bid_qty(self) -> float | None:
        """Quantity at the best bid, in contracts (spot: base units); None if there are no bids."""
    @property
    def ask_qty(self) -> float | None:
        """Quantity at the best ask, in contracts (spot: base units); None if there are no asks."""
    @property
    def mid(self) -> float | None:
        """Half way between best bid and best ask, in quote currency; None if a side is empty."""
    @property
    def microprice(self) -> float | None:
        """``(bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty)`` at the best prices, in quote currency.

        It leans to the side with the smaller quantity; None if a side is empty.
        """
    @property
    def spread(self) -> float | None:
        """Best ask minus best bid, in quote currency, negative when crossed; None if a side is empty."""
    @property
    def bid_levels(self) -> int:
        """How many prices have bids."""
    @property
    def ask_levels(self) -> int:
        """How many prices have asks."""
    def imbalance(self, n: int = 1) -> float | None:
        """Return ``(bids - asks) / (bids + asks)``, a fraction from -1 to 1, over the best ``n`` levels a side.

        Of their quantities; None if both sides are empty.

        Examples
        --------
        With bids of 2 and 3 and asks of 1 and 4, best first:

        >>> round(book.imbalance(), 3), book.imbalance(2)
        (0.333, 0.0)
        """
    def depth(self, n: int = 10) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the best ``n`` bids and the best ``n`` asks, best first.

        Returns
        -------
        bids, asks : float64 (levels, 2)
            Price in quote currency and quantity in contracts (spot: base units); fewer than ``n`` rows where there are
            fewer levels.

        Examples
        --------
        >>> bids, asks = book.depth(2)
        >>> asks.tolist()
        [[60000.1, 1.0], [60000.2, 4.0]]
        >>> float(bids[:, 1].sum())
        5.0
        """
    def walk(self, side: _Side, qty: _Number) -> tuple[float | None, float | None, float]:
        """Return what taking a quantity at once would pay; the book does not change.

        Parameters
        ----------
        side : Side or str
            Of the taker: ``buy`` goes through the asks, ``sell`` through the bids.
        qty : Decimal, str, int or float
            Quantity in contracts (spot: base units).

        Returns
        -------
        average, worst : float or None
            Price on average and of the last level, in quote currency; None if the side is empty.
        unfilled : float
            What the book does not hold, in contracts (spot: base units).

        Raises
        ------
        OffGridError
            When the quantity lies between two increments.
        InvalidValueError
            When the side is neither buy nor sell, or the quantity is out of range.

        Examples
        --------
        >>> average, worst, unfilled = book.walk("buy", 3)
        >>> round(average, 2), worst, unfilled
        (60000.17, 60000.2, 0.0)
        """
    def round_bid(self, price: _Number) -> float:
        """Return the highest price, in quote currency, that a buy order may have and that is not above ``price``.

        Examples
        --------
        >>> book = ctx.book("BTCUSDT.SYNTH")
        >>> book.round_bid(59999.97), book.round_ask(59999.97)
        (59999.9, 60000.0)
        """
    def round_ask(self, price: _Number) -> float:
        """Return the lowest price, in quote currency, that a sell order may have and that is not below ``price``."""
    def round_qty(self, qty: _Number) -> float:
        """Return the largest quantity of an order, in contracts (spot: base units), that is not above ``qty``.

        It is 0 below one lot.
        """
    def copy(self) -> L2Book:
        """Return the book as it is now, as a book of your own; unlike the view it may be kept."""

@final
class PositionView:
    """The strategy's position in one instrument. Valid only inside a hook.

    Money is exact, in the instrument's settlement currency. Equity is cash plus value: ``realized_pnl +
    unrealized_pnl - fees``.

    Examples
    --------
    >>> position = ctx.position("BTCUSDT.SYNTH")
    >>> position.qty, position.avg_entry_price, position.realized_pnl
    (0.0, None, Decimal('0'))
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def qty(self) -> float:
        """What is held, in contracts (spot: base units); negative is short."""
    @property
    def avg_entry_price(self) -> float | None:
        """Average price of what is held, in quote currency; None when nothing is."""
    @property
    def realized_pnl(self) -> Decimal:
        """Profit booked by closing, before fees, in the settlement currency."""
    @property
    def unrealized_pnl(self) -> Decimal:
        """Profit of what is held at the mid (or the last there was), before fees, in the settlement currency."""
    @property
    def fees(self) -> Decimal:
        """Fees paid, in the settlement currency; negative when rebates exceed them."""
    def copy(self) -> PositionView:
        """Return the position as it is now; unlike the view it may be kept."""

@final
class TradeView:
    """The trade a strategy is being told of. Valid only inside ``on_trade``.

    Examples
    --------
    >>> class Tape(tc.Strategy):
    ...     def on_start(self, ctx):
    ...         self.volume = 0.0
    ...
    ...     def on_trade(self, ctx, trade):
    ...         if trade.aggressor_side is tc.Side.BUY:
    ...             self.volume += trade.qty
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def price(self) -> float:
        """Price, in quote currency."""
    @property
    def qty(self) -> float:
        """Quantity, in contracts (spot: base units)."""
    @property
    def aggressor_side(self) -> Side | None:
        """Side of the order that took liquidity; None where the venue does not say."""
    @property
    def ts_event(self) -> int:
        """When it happened by the venue's clock, ns UTC; ``ctx.now_ns`` is when it was known."""
    @property
    def trade_id(self) -> int:
        """The venue's id of the trade; 0 where the data has none."""
    def copy(self) -> TradeView:
        """Return the trade as a value that may be kept."""

@final
class QuoteView:
    """The venue's own best prices a strategy is being told of. Valid only inside ``on_quote``.

    Examples
    --------
    >>> class Spread(tc.Strategy):
    ...     def on_quote(self, ctx, quote):
    ...         if quote.best_bid is not None and quote.best_ask is not None:
    ...             self.spread = quote.best_ask - quote.best_bid
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def best_bid(self) -> float | None:
        """Highest price of a bid, in quote currency; None where the message tells of none."""
    @property
    def best_ask(self) -> float | None:
        """Lowest price of an ask, in quote currency; None where the message tells of none."""
    @property
    def bid_qty(self) -> float | None:
        """Quantity at the best bid, in contracts (spot: base units); None where the message tells of none."""
    @property
    def ask_qty(self) -> float | None:
        """Quantity at the best ask, in contracts (spot: base units); None where the message tells of none."""
    def copy(self) -> QuoteView:
        """Return the quote as a value that may be kept."""

@final
class ReferencePrice:
    """A mark or index price as the venue published it. A value that may be kept.

    Examples
    --------
    >>> class Basis(tc.Strategy):
    ...     def on_mark(self, ctx, mark):
    ...         mid = ctx.book(mark.instrument).mid
    ...         self.basis = None if mid is None else mid - mark.price
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def price(self) -> float:
        """The price, in quote currency, with up to nine decimals: not on the instrument's grid."""
    @property
    def ts_event(self) -> int:
        """When it was published by the venue's clock, ns UTC."""

@final
class FundingRate:
    """A funding rate as the venue published it. A value that may be kept.

    Examples
    --------
    >>> class Carry(tc.Strategy):
    ...     def on_funding(self, ctx, funding):
    ...         self.rate_bps = funding.rate * 10_000
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def rate(self) -> float:
        """Fraction of a position's value that longs pay to shorts at the next payment; negative for the reverse."""
    @property
    def next_funding_ns(self) -> int | None:
        """When it is paid, ns UTC; None where the venue does not say."""
    @property
    def ts_event(self) -> int:
        """When it was published by the venue's clock, ns UTC."""

@final
class RiskBreach:
    """A limit that a request would have passed.

    Examples
    --------
    >>> def names(order):  # of what on_order is called with
    ...     return [breach.check.value for breach in order.breaches]
    """

    @property
    def check(self) -> RiskCheck:
        """The check that failed; see :class:`~tradecore.types.RiskCheck`."""
    @property
    def scope(self) -> str:
        """Whose limit it is: ``account``, ``venue``, ``instrument`` or ``strategy``."""
    @property
    def name(self) -> str:
        """The name of the venue, instrument or strategy; the number of the account."""
    @property
    def limit(self) -> Decimal:
        """The limit, in what it counts: units, currency, orders, basis points, ns."""
    @property
    def value(self) -> Decimal:
        """What it would have come to, as the limit counts: base units, quote currency, basis points, ns."""

@final
class RiskView:
    """Limits while a hook runs: what holds for the strategy, what it stands at, and what may be done about it.

    Examples
    --------
    >>> ctx.risk.state
    'active'
    >>> ctx.risk.tighten(max_position_qty="0.5")
    >>> ctx.risk.check("BTCUSDT.SYNTH", "buy", 1)[0].check.value
    'max_position_qty'
    """

    @property
    def state(self) -> str:
        """What the strategy may do: ``active``, ``reducing``, ``paused``, ``stopped`` or ``halted``.

        While it is ``reducing`` only orders that make a position smaller pass, or, after the kill switch, nothing while
        positions are being closed.
        """
    @property
    def limits(self) -> list[dict[str, Any]]:
        """Every limit that holds for the strategy and what it stands at, a dictionary each.

        ``check, scope, name, limit, window, value, used_pct``: ``window`` is text, None where it counts over none;
        ``value`` and its percent of the limit are None for limits of single orders.
        """
    @property
    def stops(self) -> list[dict[str, Any]]:
        """What stops say of every position that they watch, a dictionary for each set and position.

        ``instrument, scope, name, trigger, stop, level, take_profit, until_ns, max_loss, is_closing``: ``level`` is
        the price at which ``stop`` cuts the loss, ``take_profit`` where the next gain is taken, ``until_ns`` when it
        has been held long enough; what a set does not say is None. ``is_closing`` is whether one is closing all of it.
        """
    @property
    def used_pct(self) -> dict[str, float]:
        """How many percent are used of the limits that count something, by name; of several of one name the most."""
    def check(
        self,
        instrument: str | Instrument,
        side: Side | str | int,
        qty: Decimal | str | int | float,
        price: Decimal | str | int | float | None = None,
        *,
        reduce_only: bool = False,
    ) -> tuple[RiskBreach, ...]:
        """Return every limit that a new order would pass, with limit and value; empty where no limit is in its way.

        Nothing is sent and nothing is counted. Rules of the venue, and a session that is paused or killed, are not
        looked at. Without a price it is a market order.
        """
    def check_many(
        self,
        instrument: str | Instrument,
        sides: NDArray[np.int8],
        prices: NDArray[np.int64],
        qtys: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Return of many limit orders whether each by itself would pass, bool (n,).

        Parameters
        ----------
        instrument : str or Instrument
        sides : int8 (n,)
            1 to buy, -1 to sell.
        prices, qtys : int64 (n,)
            In price and quantity increments of the instrument.
        """
    def tighten(self, **limits: Any) -> None:
        """Tighten limits of the strategy's own; those of others still hold, and no limit becomes wider.

        Parameters are those of :class:`tradecore.RiskLimits` that are limits.

        Raises
        ------
        InvalidValueError
            For what is no limit, and one that would be wider than the one that holds; nothing has changed then.
        """
    def kill(self) -> None:
        """Cancel all orders and close all positions, of every strategy of the session.

        Nothing else passes from now on until a person resumes trading. Positions are closed by reduce-only market
        orders; what a thin book leaves of them is sent again ten times a second until nothing is held.
        """

@final
class Payment:
    """Money that a venue moved by itself: funding, a settlement, a liquidation, interest. A value that may be kept.

    Examples
    --------
    >>> def rate_bps(payment):  # of what on_payment is called with
    ...     return payment.rate * 10_000 if payment.why == "funding" else 0.0
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def why(self) -> str:
        """Why money moved.

        ``funding``, ``settlement``, ``delivery_fee``, ``liquidation``, ``liquidation_fee`` or ``interest``.
        """
    @property
    def paid(self) -> Decimal:
        """What was paid, in the settlement currency; negative is received."""
    @property
    def position_qty(self) -> float:
        """The position it was paid on, or what of it was closed, in contracts (spot: base units); negative is short."""
    @property
    def price(self) -> float:
        """The price the position was valued at, in quote currency: mark, else index, else mid; or closed at.

        Of interest it is what one of the currency that is owed is worth.
        """
    @property
    def rate(self) -> float:
        """Fraction of the position's value that longs pay to shorts, negative for the reverse, or of a fee; else 0.

        Of interest it is that of what is owed.
        """
    @property
    def ts_event(self) -> int:
        """When it was paid by the venue's clock, ns UTC."""
    @property
    def ts_recv(self) -> int:
        """When it was known to the strategy, ns UTC."""

@final
class OpenInterest:
    """Open interest as the venue published it. A value that may be kept.

    Examples
    --------
    >>> class Crowd(tc.Strategy):
    ...     def on_open_interest(self, ctx, open_interest):
    ...         self.crowd = open_interest.qty
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def qty(self) -> float:
        """How much is open, in contracts (spot: base units)."""
    @property
    def ts_event(self) -> int:
        """When it was published by the venue's clock, ns UTC."""

@final
class Liquidation:
    """The liquidation of somebody's position, as the venue published it. A value that may be kept.

    It is no trade: what the liquidation order traded is told by ``on_trade``, too.

    Examples
    --------
    >>> class Cascade(tc.Strategy):
    ...     def on_liquidation(self, ctx, liquidation):
    ...         if liquidation.side is tc.Side.SELL:
    ...             self.forced_selling = liquidation.qty
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def side(self) -> Side | None:
        """Side of the liquidation order: ``SELL`` closes a long; None where the venue does not say."""
    @property
    def price(self) -> float:
        """Price of the liquidation order, in quote currency."""
    @property
    def qty(self) -> float:
        """Its quantity, in contracts (spot: base units)."""
    @property
    def ts_event(self) -> int:
        """When it happened by the venue's clock, ns UTC."""

@final
class Bar:
    """A finished bar. A value that may be kept.

    A bar of a window of the venue's clock is finished by the first thing the venue stamps at the window's end or
    later, or by our clock a second after it; other bars by the trade that completes them. A late trade changes its bar
    only if the bars were asked for with ``late=amend``.

    Examples
    --------
    >>> class Momentum(tc.Strategy):
    ...     def on_start(self, ctx):
    ...         ctx.subscribe("BTCUSDT.SYNTH", "bars:1s")
    ...
    ...     def on_bar(self, ctx, bar):
    ...         self.rises = bar.close > bar.open
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument; empty of a :class:`BarBuilder`, which knows none."""
    @property
    def spec(self) -> str:
        """Which bars it is one of: ``1m``, ``tick:100``."""
    @property
    def interval_ns(self) -> int | None:
        """Length of the window, ns; None of bars that are no windows."""
    @property
    def ts_open(self) -> int:
        """Start of the window, which it includes, or time of the first trade; by the venue's clock, ns UTC."""
    @property
    def ts_close(self) -> int:
        """End of the window, which it does not include, or latest time of a trade; by the venue's clock, ns UTC."""
    @property
    def ts_available(self) -> int:
        """When it was finished by our clock, ns UTC: now, in the hook that is told of it."""
    @property
    def open(self) -> float:
        """First price, in quote currency."""
    @property
    def high(self) -> float:
        """Highest price, in quote currency."""
    @property
    def low(self) -> float:
        """Lowest price, in quote currency."""
    @property
    def close(self) -> float:
        """Last price, in quote currency."""
    @property
    def volume(self) -> float:
        """Quantity traded, in contracts (spot: base units)."""
    @property
    def quote_volume(self) -> float:
        """Sum of price times quantity, in quote currency where a contract is one base unit."""
    @property
    def buy_volume(self) -> float:
        """Quantity of trades whose aggressor bought, in contracts (spot: base units)."""
    @property
    def sell_volume(self) -> float:
        """Quantity of trades whose aggressor sold, in contracts (spot: base units)."""
    @property
    def vwap(self) -> float:
        """``quote_volume / volume``, in quote currency; NaN without a quantity."""
    @property
    def trades(self) -> int:
        """Number of trades, or of quotes where those make the bars."""
    @property
    def revision(self) -> int:
        """How many times late trades have changed it."""
    @property
    def is_partial(self) -> bool:
        """Whether the data ended before it was finished; never in a hook."""

@final
class BarSpec:
    """Which bars to make: a kind with its size, and options.

    Parameters
    ----------
    text : str
        Such as ``1m``, ``1d+8h,empty=carry``, ``tick:100``, ``volume:5,excess=split``; see ``tc.bars``.

    Raises
    ------
    InvalidValueError
        When there are no such bars; it says what is wrong and what is expected.

    Examples
    --------
    >>> spec = tc.bars.BarSpec("60s, empty = carry")
    >>> str(spec), spec.kind, spec.interval_ns
    ('1m,empty=carry', 'time', 60000000000)
    """

    def __new__(cls, text: str) -> Self: ...
    @property
    def kind(self) -> str:
        """``time``, ``tick``, ``volume``, ``notional``, ``imbalance``, ``run``, ``renko`` or ``range``."""
    @property
    def source(self) -> str:
        """What they are made of: ``trades``, ``quotes`` or ``mid``."""
    @property
    def interval_ns(self) -> int | None:
        """Length of the windows, ns; None of bars that are no windows."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class BarBuilder:
    """Makes bars of single trades, one after the other, by the same rules as the functions of ``tc.bars``.

    Parameters
    ----------
    spec : str or BarSpec
        Which bars, such as ``1m`` or ``tick:100``.

    Raises
    ------
    InvalidValueError
        When there are no such bars.

    Examples
    --------
    >>> builder = tc.bars.BarBuilder("1s")
    >>> builder.push(1_000_000_000, 100.0, 2.0, side="buy")
    []
    >>> [bar] = builder.push(2_500_000_000, 101.0, 1.0)
    >>> bar.open, bar.volume, bar.ts_available
    (100.0, 2.0, 2500000000)
    >>> [bar] = builder.advance(3_000_000_000)
    >>> bar.close
    101.0
    """

    def __new__(cls, spec: str | BarSpec) -> Self: ...
    def push(
        self,
        ts: int,
        price: float,
        qty: float = 0.0,
        side: Literal["buy", "sell", 1, 0, -1] | None = None,
        ts_recv: int | None = None,
    ) -> list[Bar]:
        """Take a trade (or the middle of a quote) and return the bars it finished.

        Parameters
        ----------
        ts : int
            Time by the venue's clock, ns UTC.
        price : float
        qty : float
            Zero or more.
        side : str or int, optional
            The aggressor: ``buy`` or 1, ``sell`` or -1; unknown if not given.
        ts_recv : int, optional
            Time by our clock, ns UTC. From the first one on that is given our clock closes bars, too.

        Raises
        ------
        InvalidValueError
            For a time that is no whole number of 64 bits, a price that is not above zero, a quantity below it, another
            side, or bars so small that a trade makes more than a million. Nothing has changed then.
        """
    def advance(self, ts: int, ts_recv: int | None = None) -> list[Bar]:
        """Say that the venue's clock has reached a time, and return the bars whose windows have ended by then.

        Parameters
        ----------
        ts : int
            Time by the venue's clock, ns UTC: of anything else it sent.
        ts_recv : int, optional
            Time by our clock, ns UTC.

        Raises
        ------
        InvalidValueError
            For a time that is no whole number of 64 bits, and when more than a million empty windows would be carried
            on.
        """
    def flush(self) -> list[Bar]:
        """Return the open bar as it is, with what our clock has finished before; the next trade opens another."""
    @property
    def late(self) -> int:
        """Number of late trades so far: dropped, or added to their bars."""
    @property
    def spec(self) -> BarSpec:
        """Which bars it makes."""
    def save(self) -> bytes:
        """Return what it remembers, for :meth:`load`."""
    def load(self, state: bytes) -> None:
        """Go on from what :meth:`save` returned of a builder of the same bars.

        Raises
        ------
        InvalidValueError
            When these are not such bytes.
        """
    def __getstate__(self) -> bytes: ...
    def __setstate__(self, state: bytes) -> None: ...
    def __getnewargs__(self) -> tuple[str]: ...

def bars_of(
    spec: BarSpec,
    ts_event: NDArray[np.int64],
    ts_recv: NDArray[np.int64] | None,
    price: NDArray[np.float64],
    qty: NDArray[np.float64] | None,
    side: NDArray[np.int8] | None,
    partial: bool,
) -> tuple[dict[str, NDArray[Any]], int]:
    """Return the bars of columns of trades as a dict of arrays, and the number of late trades.

    Parameters
    ----------
    spec : BarSpec
    ts_event, ts_recv : int64 (n,)
        Times by the venue's clock and by ours, ns; the second may be None.
    price, qty : float64 (n,)
        Above zero, and zero or more; quantities may be None.
    side : int8 (n,)
        1 where the aggressor bought, -1 where it sold, 0 unknown; may be None.
    partial : bool
        Whether the last bar is returned, which nothing has finished.

    Raises
    ------
    DataError
        Naming the row of a price or quantity that is none.
    InvalidValueError
        For arrays that differ in length or are not contiguous, and for bars so small that a trade makes more than a
        million.
    """

@final
class Order:
    """An order as it stood when it was asked for. A value that may be kept; :meth:`Context.order` returns a newer one.

    Examples
    --------
    >>> order_id = ctx.sell("BTCUSDT.SYNTH", 1, 60001, post_only=True)
    >>> order = ctx.order(order_id)
    >>> order.side.name, order.price, order.leaves_qty, order.status.name
    ('SELL', 60001.0, 1.0, 'PENDING_NEW')
    """

    @property
    def order_id(self) -> int:
        """Our id of the order: a number from 1 on, unique in a run."""
    @property
    def client_id(self) -> str | None:
        """The strategy's own name for it; None if it gave none."""
    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def side(self) -> Side:
        """``Side.BUY`` or ``Side.SELL``."""
    @property
    def order_type(self) -> OrderType:
        """What kind of order it is; see :class:`~tradecore.types.OrderType`."""
    @property
    def trigger_price(self) -> float | None:
        """Where it is set off, in quote currency; None for one that acts at once or trails."""
    @property
    def trigger(self) -> str | None:
        """By which price it is set off: ``last``, ``mark`` or ``mid``; None for one that acts at once."""
    @property
    def trailing_offset(self) -> float | None:
        """How far the market has to come back, in quote currency; None for one that does not trail."""
    @property
    def is_triggered(self) -> bool | None:
        """Whether it has been set off, as far as is known; None for one that acts at once."""
    @property
    def time_in_force(self) -> TimeInForce:
        """How long it lives; see :class:`~tradecore.types.TimeInForce`."""
    @property
    def expires_at(self) -> int | None:
        """When a good-till-date order ends at the venue, ns UTC; None for any other."""
    @property
    def post_only(self) -> bool:
        """Whether it rests rather than take liquidity."""
    @property
    def slides(self) -> bool:
        """Whether, as a post-only order, it is given another price rather than to be rejected."""
    @property
    def reduce_only(self) -> bool:
        """Whether it only makes a position smaller."""
    @property
    def display_qty(self) -> float | None:
        """How much of it is displayed at a time, in contracts (spot: base units); None for all of it."""
    @property
    def price(self) -> float | None:
        """Its limit, in quote currency; None for one that takes at any price."""
    @property
    def qty(self) -> float:
        """Its total quantity, what has been filled included, in contracts (spot: base units)."""
    @property
    def filled_qty(self) -> float:
        """Quantity filled, in contracts (spot: base units)."""
    @property
    def leaves_qty(self) -> float:
        """Quantity not filled, in contracts (spot: base units)."""
    @property
    def avg_fill_price(self) -> float | None:
        """Average price of its fills, in quote currency; None if there is none."""
    @property
    def status(self) -> OrderStatus:
        """Where it stands; see :class:`~tradecore.types.OrderStatus`."""
    @property
    def is_closed(self) -> bool:
        """Whether nothing can happen to it any more."""
    @property
    def is_pending(self) -> bool:
        """Whether an answer of the venue is awaited: to the order itself, a cancel or a replacement."""
    @property
    def reason(self) -> str:
        """Why it ended, such as ``post_only_would_cross``; empty for none.

        Of an open order: why the last request to change it was refused.
        """
    @property
    def breaches(self) -> tuple[RiskBreach, ...]:
        """Every limit that the request would have passed, where ``on_order`` tells that limits refused it (``risk``).

        A tuple of :class:`RiskBreach`, each with ``check``, ``scope``, ``name``, ``limit`` and ``value``; empty for
        anything else, and for an order that was asked for with :meth:`Context.order`.
        """
    @property
    def emulated(self) -> tuple[str, ...]:
        """What the kernel does of it in the venue's place; empty for nothing.

        Words of ``trigger``, ``reduce_only``, ``display_qty``.
        """
    @property
    def group_id(self) -> int | None:
        """Number of the group it belongs to, of ``ctx.oco``, ``ctx.bracket`` or ``ctx.oto``; None for none."""
    @property
    def role(self) -> str | None:
        """What it is to its group, such as ``entry`` or ``stop_loss``; None without one."""
    @property
    def ts_submit(self) -> int:
        """When it was sent, ns UTC."""

@final
class Fill:
    """A fill of an own order. A value that may be kept.

    Examples
    --------
    >>> class Hedger(tc.Strategy):
    ...     def on_start(self, ctx):
    ...         ctx.buy("BTCUSDT.SYNTH", 1)
    ...
    ...     def on_fill(self, ctx, fill):
    ...         if fill.liquidity is tc.Liquidity.TAKER:
    ...             self.cost = fill.qty * fill.price + float(fill.fee)
    """

    @property
    def order_id(self) -> int:
        """Our id of the order: a number from 1 on, unique in a run."""
    @property
    def client_id(self) -> str | None:
        """The strategy's own name for the order; None if it gave none."""
    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def side(self) -> Side:
        """``Side.BUY`` or ``Side.SELL``."""
    @property
    def price(self) -> float:
        """Price, in quote currency."""
    @property
    def qty(self) -> float:
        """Quantity, in contracts (spot: base units)."""
    @property
    def liquidity(self) -> Liquidity:
        """Whether the order made or took liquidity."""
    @property
    def fee(self) -> Decimal:
        """Fee, in the settlement currency; negative is a rebate."""
    @property
    def fee_coin(self) -> str | None:
        """Coin that the fee was paid in, or None for the settlement currency."""
    @property
    def fee_paid(self) -> Decimal | None:
        """What was paid of ``fee_coin`` in place of the fee in settlement currency; None where that was paid."""
    @property
    def realized_pnl(self) -> Decimal:
        """Profit of what the fill closed, before its fee, in the settlement currency; 0 where it closed nothing."""
    @property
    def position_qty(self) -> float:
        """What the strategy holds after it, in contracts (spot: base units); negative is short."""
    @property
    def completes_order(self) -> bool:
        """Whether nothing of the order is left."""
    @property
    def ts_event(self) -> int:
        """When it happened by the venue's clock, ns UTC."""
    @property
    def ts_recv(self) -> int:
        """When it was known to the strategy, ns UTC."""

@final
class Context:
    """What a strategy can read and do inside a hook.

    Outside of its hooks, and from another thread than that of the hook, every access raises ``ContextError``.

    An instrument is named by its id or given as an :class:`Instrument`; one that is not in the run raises
    ``UnknownInstrumentError``. Prices are in quote currency, quantities in contracts (spot: base units), both given as
    ``Decimal``, ``str``, ``int`` or a ``float`` on the grid; money is exact, in a settlement currency.

    Requests are sent at once and act at the venue one entry latency later; what comes of them arrives in ``on_order``
    and ``on_fill``. A price or quantity off the grid raises ``OffGridError``; what a venue would refuse (too small,
    post-only that crosses) comes back as a rejected order.

    Examples
    --------
    >>> class Quoter(tc.Strategy):
    ...     def on_start(self, ctx):
    ...         ctx.every("100ms", self.requote)
    ...
    ...     def requote(self, ctx):
    ...         for instrument in self.instruments:
    ...             book = ctx.book(instrument)
    ...             if book.is_synced:
    ...                 ctx.quote(instrument, bid=book.best_bid, ask=book.best_ask, qty="0.01")
    """

    @property
    def strategy(self) -> str:
        """Name of the strategy."""
    @property
    def now_ns(self) -> int:
        """The time of the run, ns UTC: that of the newest thing known. It does not move during a hook."""
    @property
    def equity(self) -> Decimal:
        """Cash from trading plus marked positions, after fees, where all instruments of the run settle in one currency.

        Exact, in that settlement currency; it begins at 0. Positions are marked at the mid, or the last there was.

        Raises
        ------
        OrderError
            When there are several currencies: ask for one with :meth:`equity_in`.
        """
    def equity_in(self, currency: str) -> Decimal:
        """Return cash from trading plus marked positions, after fees, in one settlement currency.

        Raises
        ------
        InvalidValueError
            When no instrument of the run settles in the currency.
        """
    def book(self, instrument: str | Instrument, *, view: Literal["merged", "depth"] = "merged") -> BookView:
        """Return the book of an instrument as known now.

        Parameters
        ----------
        instrument : str or Instrument
        view : "merged" or "depth"
            ``merged``: of depth, top-of-book quotes and trades what is newest, as orders meet it. ``depth``: the depth
            alone, however old it is.

        Raises
        ------
        UnknownInstrumentError
            When the instrument is not in the run.
        InvalidValueError
            For another view, or an instrument that has no book.

        Examples
        --------
        >>> ctx.book("BTCUSDT.SYNTH").best_bid
        60000.0
        >>> ctx.book("BTCUSDT.SYNTH", view="depth").best_bid
        60000.0
        """
    @property
    def risk(self) -> RiskView:
        """Limits that hold for the strategy, and what may be done about them; see :class:`RiskView`."""
    def protect(self, instrument: str | Instrument, stops: Stops | None) -> None:
        """Set stops of the strategy's own on its positions in an instrument, the one it holds and later ones.

        They take the place of those it had set before, and hold beside those that came with limits, which stay. While
        a position is held they are only tightened: no level of theirs lies further from the market than before, no
        time or loss is longer or larger. None takes them away, while nothing is held.

        Parameters
        ----------
        instrument : str or Instrument
        stops : Stops or None

        Raises
        ------
        InvalidValueError
            Naming what would be wider, or a price that the market is at already; nothing has changed then.

        Examples
        --------
        >>> ctx.protect("BTCUSDT.SYNTH", tc.Stops(stop_loss="1%", take_profit="2%"))
        >>> ctx.risk.stops
        []
        """
    def features(self, instrument: str | Instrument, features: FeatureSet | None = None) -> FeatureVector:
        """Return features of an instrument as known now: of the set the strategy declares, or of another one.

        A set that is declared (``features`` of the class or the object) sees every message from the first one on. One
        that is first asked for here begins with the book as it is now, and warms up from then on. Sets of one schema
        are computed once, however many strategies follow them.

        Parameters
        ----------
        instrument : str or Instrument
        features : FeatureSet, optional
            The declared set if not given.

        Returns
        -------
        FeatureVector
            A value that may be kept; NaN where nothing is known yet.

        Raises
        ------
        UnknownInstrumentError
            When the instrument is not in the run.
        InvalidValueError
            Without a set, or for a value of a parameter that the instrument does not allow.
        """
    def indicator(
        self, name: str, instrument: str | Instrument, *, bars: str, **parameters: float | str
    ) -> IndicatorReading:
        """Return what an indicator of an instrument's bars says now.

        The first call makes it, from the next bar on: make it in ``on_start``. Later ones, by whichever strategy, read
        it. Bars are in units of the instrument; one that is amended later counts as it was first told.

        Parameters
        ----------
        name : str
            A name of :mod:`tradecore.indicators`, such as ``rsi``.
        instrument : str or Instrument
            Any instrument of the run.
        bars : str
            Which bars, as ``ctx.subscribe`` takes them: ``1m``, ``tick:100``, ``volume:5``.
        **parameters
            Those of the indicator, such as ``period=14``.

        Returns
        -------
        IndicatorReading
            ``value``, the other outputs by name, ``is_ready``; NaN before it is ready.

        Raises
        ------
        InvalidValueError
            For an unknown indicator, bars that cannot be, or a parameter out of bounds.
        UnknownInstrumentError
            When the instrument is not in the run.

        Examples
        --------
        >>> rsi = ctx.indicator("rsi", "BTCUSDT.SYNTH", bars="1m", period=14)
        >>> rsi.is_ready, rsi.value
        (False, nan)
        """
    def position(self, instrument: str | Instrument) -> PositionView:
        """Return this strategy's position in an instrument.

        Raises
        ------
        UnknownInstrumentError
            When the instrument is not in the run.
        """
    def orders(self, instrument: str | Instrument | None = None) -> list[Order]:
        """Return this strategy's open orders, oldest first, in one instrument or in all.

        Raises
        ------
        UnknownInstrumentError
            When the instrument is not in the run.

        Examples
        --------
        >>> ids = [ctx.buy("BTCUSDT.SYNTH", "0.5", price, post_only=True) for price in (59999, 59998)]
        >>> [order.price for order in ctx.orders("BTCUSDT.SYNTH")]
        [59999.0, 59998.0]
        """
    def order(self, order: int | str | Order) -> Order | None:
        """Return an open order by its id, client id or an older copy; None when it is closed."""
    def submit(
        self,
        instrument: str | Instrument,
        side: _Side,
        qty: _Number,
        price: _Number | None = None,
        *,
        type: OrderType | str | None = None,
        trigger_price: _Number | None = None,
        trigger: Literal["last", "mark", "mid"] | None = None,
        trailing_offset: _Number | None = None,
        time_in_force: TimeInForce | str | None = None,
        expires_at: int | datetime | None = None,
        post_only: bool | Literal["slide"] = False,
        reduce_only: bool = False,
        display_qty: _Number | None = None,
        client_id: str | None = None,
        emulate: bool = False,
    ) -> int:
        """Send an order and return its id; without a price it is a market order.

        Parameters
        ----------
        instrument : str or Instrument
            What to trade.
        side : Side or str
            ``buy`` or ``sell``.
        qty : Decimal, str, int or float
            Quantity in contracts (spot: base units), a multiple of the lot size.
        price : Decimal, str, int or float, optional
            Limit in quote currency, a multiple of the tick size; a market order if not given.
        type : OrderType or str, optional
            ``market``, ``limit``, ``stop_market``, ``stop_limit``, ``take_profit_market``, ``take_profit_limit`` or
            ``trailing_stop``; if not given, market or limit by its price, or a trailing stop by its offset. All but the
            first two wait at the venue until they are set off, and take no place in a queue before.
        trigger_price : Decimal, str, int or float, optional
            Where it is set off, in quote currency, a multiple of the tick size: a stop that buys at it or above, one
            that sells at it or below; a take profit the other way round.
        trigger : "last", "mark" or "mid", optional
            By which price: of the last trade (if not given), the venue's mark price, or the middle of the best prices.
        trailing_offset : Decimal, str, int or float, optional
            How far the market has to come back from its best price since the order arrived, in quote currency.
        time_in_force : TimeInForce or str, optional
            ``gtc`` (until cancelled; if not given), ``ioc`` (what can be had at once), ``fok`` (all or nothing),
            ``gtd`` (until ``expires_at``) or ``day`` (until the venue's day is over).
        expires_at : int or datetime, optional
            When it ends at the venue: ns UTC, or a datetime with a time zone; makes it ``gtd``.
        post_only : bool or "slide"
            Whether it is rejected rather than take liquidity, or, with ``"slide"``, rests at the best price that takes
            nothing; for limit orders that rest.
        reduce_only : bool
            Whether it only makes the position smaller: it fills no more than that, whatever else fills.
        display_qty : Decimal, str, int or float, optional
            How much of it is displayed at a time (an iceberg); all of it if not given. When that has filled, the next
            part queues behind all others.
        client_id : str, optional
            The strategy's own name for it, unique among its open orders; 36 characters at most.
        emulate : bool
            Whether the kernel does what the venue lacks: keeps a stop, take profit or trailing stop until it is set off
            by what is known here, holds a reduce-only order to the position, sends the parts of an iceberg one by one.
            ``order.emulated`` says what it is. Such an order is not at the venue: while the session is not connected or
            down, nothing sets it off, and no part follows.

        Returns
        -------
        int
            Our id of the order, for :meth:`order`, :meth:`cancel` and :meth:`replace`.

        Raises
        ------
        OffGridError
            When price or quantity lie between two steps.
        InvalidValueError
            When price or quantity is no number above 0 and below 2^60 increments, a word is none of those above, or the
            client id is no name.
        OrderError
            When the terms contradict each other, a time is over, the client id is in use, or the order is worth more
            than 10^21 of the settlement currency.
        UnsupportedOrderError
            When the venue takes no such order, and it is not or cannot be emulated.
        UnknownInstrumentError
            When the instrument is not in the run.

        Examples
        --------
        >>> order_id = ctx.submit("BTCUSDT.SYNTH", "buy", "0.5", 60000.1, time_in_force="ioc")
        >>> ctx.order(order_id).time_in_force.name
        'IOC'
        """
    def buy(
        self,
        instrument: str | Instrument,
        qty: _Number,
        price: _Number | None = None,
        *,
        type: OrderType | str | None = None,
        trigger_price: _Number | None = None,
        trigger: Literal["last", "mark", "mid"] | None = None,
        trailing_offset: _Number | None = None,
        time_in_force: TimeInForce | str | None = None,
        expires_at: int | datetime | None = None,
        post_only: bool | Literal["slide"] = False,
        reduce_only: bool = False,
        display_qty: _Number | None = None,
        client_id: str | None = None,
        emulate: bool = False,
    ) -> int:
        """Send a buy order and return its id; parameters and errors are those of :meth:`submit`.

        The quantity comes before the price: ``ctx.buy(instrument, qty, price)``. Without a price it is a market order.

        Examples
        --------
        >>> order_id = ctx.buy("BTCUSDT.SYNTH", "0.5", 59999.9, post_only=True, client_id="entry")
        >>> order = ctx.order("entry")
        >>> order.order_id == order_id, order.qty, order.price
        (True, 0.5, 59999.9)
        """
    def sell(
        self,
        instrument: str | Instrument,
        qty: _Number,
        price: _Number | None = None,
        *,
        type: OrderType | str | None = None,
        trigger_price: _Number | None = None,
        trigger: Literal["last", "mark", "mid"] | None = None,
        trailing_offset: _Number | None = None,
        time_in_force: TimeInForce | str | None = None,
        expires_at: int | datetime | None = None,
        post_only: bool | Literal["slide"] = False,
        reduce_only: bool = False,
        display_qty: _Number | None = None,
        client_id: str | None = None,
        emulate: bool = False,
    ) -> int:
        """Send a sell order and return its id; parameters and errors are those of :meth:`submit`.

        The quantity comes before the price: ``ctx.sell(instrument, qty, price)``. Without a price it is a market order.

        Examples
        --------
        >>> order_id = ctx.sell("BTCUSDT.SYNTH", 1)
        >>> ctx.order(order_id).order_type.name
        'MARKET'
        """
    def quote(
        self,
        instrument: str | Instrument,
        *,
        bid: _Number | None = None,
        ask: _Number | None = None,
        qty: _Number | None = None,
        bid_qty: _Number | None = None,
        ask_qty: _Number | None = None,
        post_only: bool | Literal["slide"] = True,
    ) -> None:
        """Make the two-sided quote of an instrument what it is asked to be, with as few requests as possible.

        The quantity is what shall rest, whatever has been filled before. An order of which that much rests at that
        price is left alone and keeps its queue place; another price or quantity replaces it; another ``post_only``
        makes it a new order; a side that is None is cancelled. Nothing is sent unless both sides are sound. Orders sent
        by :meth:`submit`, :meth:`buy` and :meth:`sell` are not touched.

        Parameters
        ----------
        instrument : str or Instrument
            What to quote.
        bid, ask : Decimal, str, int or float, optional
            Prices in quote currency, multiples of the tick size; no order on that side if not given.
        qty : Decimal, str, int or float, optional
            Quantity of both sides in contracts (spot: base units), a multiple of the lot size.
        bid_qty, ask_qty : Decimal, str, int or float, optional
            Quantity of one side; ``qty`` if not given.
        post_only : bool or "slide"
            Whether a side is rejected rather than take liquidity, or rests at the best price that takes nothing.

        Raises
        ------
        OffGridError
            When a price or quantity lies between two steps.
        InvalidValueError
            When a side has no quantity, or a number is not above 0 and below 2^60 increments.
        OrderError
            When a side is worth more than 10^21 of the settlement currency.
        UnknownInstrumentError
            When the instrument is not in the run.

        Examples
        --------
        >>> ctx.quote("BTCUSDT.SYNTH", bid=60000.0, ask=60000.1, qty=1)
        >>> [(order.side.name, order.price) for order in ctx.orders()]
        [('BUY', 60000.0), ('SELL', 60000.1)]
        """
    def slippage(
        self,
        instrument: str | Instrument,
        side: _Side,
        qty: _Number,
        *,
        reference: Literal["mid", "touch"] = "mid",
        volatility: float | None = None,
        daily_volume: float | None = None,
        y: float | None = None,
    ) -> Slippage | None:
        """Return what taking a quantity at once would cost now; None where the book has no two sides.

        It is :func:`tradecore.exec.slippage` against the book as it is known, and takes and raises what that does.

        Raises
        ------
        UnknownInstrumentError
            When the instrument is not in the run.

        Examples
        --------
        >>> ctx.slippage("BTCUSDT.SYNTH", "buy", 2, reference="touch").average_price
        60000.15
        """
    def execute(
        self,
        algorithm: Literal["twap", "vwap", "pov", "iceberg", "peg", "almgren_chriss", "sniper"],
        instrument: str | Instrument,
        side: _Side,
        qty: _Number,
        **parameters: Any,
    ) -> Execution:
        """Start an execution: an order that is worked off by smaller ones, and return a handle to watch it.

        Its orders are the strategy's own, pass the same checks as any other, and one at most is at the venue at a time.
        Their quantities sum to that of the execution. ``on_execution`` is called once when it has ended.

        ================== ============================================================================================
        ``twap``           equal parts: ``duration``, ``slices=10``, ``style="take"``
        ``vwap``           parts in proportion to a volume curve: ``duration``, ``curve``, ``style="take"``
        ``pov``            a share of all volume, its own included: ``rate``
        ``iceberg``        rests at ``limit`` and shows ``display`` at a time: ``post_only=False``
        ``peg``            rests at a best price and follows it: ``to="touch"`` or ``"mid"``, ``offset_ticks=0`` behind
                           it, ``max_moves``, ``interval`` between two moves
        ``almgren_chriss`` parts that weigh cost against risk: ``duration``, ``slices=10``, ``sigma`` (price by square
                           root of a day), ``eta`` (price by quantity a day), ``gamma=0``, ``risk_aversion``,
                           ``style="take"``
        ``sniper``         takes when ``size`` (all that is left, if not given) is on display
        ================== ============================================================================================

        Each takes ``limit``, a price that none of its orders is worse than, ``reduce_only``, and ``duration``, after
        which it ends. Parts of style ``"take"`` take at once; of style ``"make"`` they rest at the best price of their
        own side until the next one is due, and what is left at the end is taken.

        Parameters
        ----------
        algorithm : str
            One of these.
        instrument : str or Instrument
        side : Side or str
        qty : Decimal, str, int or float
            The whole quantity in contracts (spot: base units).
        **parameters
            Of the algorithm, as above.

        Raises
        ------
        InvalidValueError
            Naming the algorithm or parameter that there is none of, is missing, or cannot be.
        OffGridError
            When a price or quantity lies between two steps.
        UnknownInstrumentError
            When the instrument is not in the run.

        Examples
        --------
        >>> class Buyer(tc.Strategy):
        ...     def on_start(self, ctx):
        ...         (instrument,) = self.instruments
        ...         ctx.execute("twap", instrument, "buy", 2, duration="2s", slices=2)
        ...
        ...     def on_execution(self, ctx, execution):
        ...         ctx.log(f"{execution.state}: {execution.filled} at {execution.average_price}")
        """
    def route(
        self,
        instruments: Sequence[str | Instrument],
        side: _Side,
        qty: _Number,
        limit: _Number | None = None,
        *,
        latencies: Mapping[str, DurationLike] | Mapping[Instrument, DurationLike] | None = None,
        drift_bps: float = 0,
        reduce_only: bool = False,
    ) -> list[Execution]:
        """Buy or sell over the venues that trade one asset; return an execution for each part that a venue gets.

        The books are walked as they are known, at what each level costs with the taker fee of its venue. Each part is
        one order that takes at once and no deeper than its part of the book, in whole lots and no smaller than its
        venue takes. Venues whose book is not known get none, and there is no part where nothing is on display. What is
        not filled, because a market moved meanwhile, ends with its execution: route it again in ``on_execution``.

        Parameters
        ----------
        instruments : sequence of str or Instrument
            At most 8, spot or linear, with one base and one quote currency.
        side : Side or str
        qty : Decimal, str, int or float
            The whole quantity in base units.
        limit : Decimal, str, int or float, optional
            No order is worse than this price, in quote currency.
        latencies : dict of str or Instrument to duration, optional
            How long an order takes to a venue; no time if not given.
        drift_bps : float
            How far a market is thought to move away in a second, basis points; a venue costs as much more as that
            comes to in its latency.
        reduce_only : bool
            Whether the orders only make positions smaller.

        Raises
        ------
        InvalidValueError
            Naming the parameter that cannot be, such as instruments of different assets.
        UnknownInstrumentError
            When an instrument is not in the run.

        Examples
        --------
        >>> [(part.instrument, part.qty) for part in ctx.route(["BTCUSDT.SYNTH"], "buy", "0.01", limit=60_100)]
        [('BTCUSDT.SYNTH', 0.01)]
        """
    @property
    def executions(self) -> list[Execution]:
        """Executions of this strategy that are at work, oldest first."""
    def execution(self, execution_id: int) -> Execution | None:
        """Return an execution of this strategy by its id, as to go on after a restart; None where there is none.

        The newest 10,000 that have ended can still be asked for.
        """
    def oco(
        self,
        instrument: str | Instrument,
        *orders: OrderSpec,
        if_rejected: Literal["cancel", "keep"] = "cancel",
        emulate: bool = False,
    ) -> OrderGroup:
        """Send orders of which what one fills the others lose (one-cancels-other), and return the group.

        They share one quantity, and may be of both sides. When one fills in part, the others get as much less; when
        nothing is left, they are cancelled. One that is cancelled or ends by its own terms leaves the others alone.
        Where several fill on their way, what they fill beyond the quantity is undone at the market, and counted in
        ``group.over_qty``.

        Parameters
        ----------
        instrument : str or Instrument
        *orders : OrderSpec
            Two or more.
        if_rejected : "cancel" or "keep"
            Whether the others are cancelled when one is refused, or ended by its venue.
        emulate : bool
            Whether the kernel does what the venue lacks for its orders, as for :meth:`submit`.

        Raises
        ------
        OrderError
            When there is but one, or their quantities differ; and as :meth:`submit` does, which nothing is sent after.
        InvalidValueError, OffGridError, UnknownInstrumentError
            As :meth:`submit` does.

        Examples
        --------
        >>> group = ctx.oco(
        ...     "BTCUSDT.SYNTH",
        ...     tc.OrderSpec("sell", 1, 60100),
        ...     tc.OrderSpec("sell", 1, type="stop_market", trigger_price=59900),
        ... )
        >>> [(order.role, order.order_type.name) for order in group.orders]
        [('leg', 'LIMIT'), ('leg', 'STOP_MARKET')]
        """
    def bracket(
        self,
        instrument: str | Instrument,
        side: _Side,
        qty: _Number,
        price: _Number | None = None,
        *,
        stop_loss: _Number | None = None,
        stop_limit: _Number | None = None,
        trailing_offset: _Number | None = None,
        take_profit: _Number | None = None,
        trigger: Literal["last", "mark", "mid"] = "last",
        post_only: bool | Literal["slide"] = False,
        time_in_force: TimeInForce | str | None = None,
        expires_at: int | datetime | None = None,
        client_id: str | None = None,
        if_rejected: Literal["close", "cancel", "keep"] = "close",
        emulate: bool = False,
    ) -> OrderGroup:
        """Send an entry, whose fills are protected by a stop and a take profit, and return the group.

        The legs are sent when the entry fills, and are as large as what it has filled and no leg has. They are
        reduce-only where the venue takes such orders. The first fill of a leg ends the entry, and what one leg fills
        the other loses. Where the venue replaces no orders a leg of another size is sent once the end of the old one
        is certain.
        Legs that fill both on their way are undone at the market, as in :meth:`oco`.

        An entry that ends without a fill ends the group. Cancelling the group cancels all its orders, and leaves what
        is held.

        Parameters
        ----------
        instrument : str or Instrument
        side : Side or str
            Of the entry.
        qty : Decimal, str, int or float
            Of the entry, in contracts (spot: base units).
        price : Decimal, str, int or float, optional
            Limit of the entry in quote currency; it is a market order if not given.
        stop_loss : Decimal, str, int or float, optional
            Where the stop is set off, in quote currency.
        stop_limit : Decimal, str, int or float, optional
            Its limit from then on; it takes what the book offers if not given.
        trailing_offset : Decimal, str, int or float, optional
            In place of ``stop_loss``: how far the market may come back, in quote currency, before the stop is set off.
        take_profit : Decimal, str, int or float, optional
            Limit of the order that takes the profit, in quote currency.
        trigger : "last", "mark" or "mid"
            By which price the stop is set off.
        post_only, time_in_force, expires_at, client_id : optional
            Of the entry, as :meth:`submit` takes them.
        if_rejected : "close", "cancel" or "keep"
            What becomes of the group when a leg is refused, or ended by the venue: all others are cancelled and what is
            open is closed at the market; only the former; or nothing.
        emulate : bool
            Whether the kernel does what the venue lacks for its orders, as for :meth:`submit`.

        Raises
        ------
        OrderError
            When stop, entry and take profit do not lie in this order; and as :meth:`submit` does, which nothing is sent
            after.
        InvalidValueError
            Without any leg, and as :meth:`submit` does.
        OffGridError, UnknownInstrumentError
            As :meth:`submit` does.

        Examples
        --------
        >>> group = ctx.bracket("BTCUSDT.SYNTH", "buy", "0.5", stop_loss=59900, take_profit=60100)
        >>> group.state, group.open_qty, group.order("entry").order_type.name
        ('working', 0.0, 'MARKET')
        """
    def oto(
        self, instrument: str | Instrument, first: OrderSpec, *then: OrderSpec, emulate: bool = False
    ) -> OrderGroup:
        """Send an order, and others once it has filled whole (one-triggers-other), and return the group.

        The others are orders of their own from then on. None is sent when the first ends otherwise.

        Parameters
        ----------
        instrument : str or Instrument
        first : OrderSpec
        *then : OrderSpec
            One or more.
        emulate : bool
            Whether the kernel does what the venue lacks for its orders, as for :meth:`submit`.

        Raises
        ------
        OrderError
            When there is nothing to be triggered; and as :meth:`submit` does, which nothing is sent after.
        InvalidValueError, OffGridError, UnknownInstrumentError
            As :meth:`submit` does.

        Examples
        --------
        >>> group = ctx.oto("BTCUSDT.SYNTH", tc.OrderSpec("buy", 1, 59990), tc.OrderSpec("sell", 1, 60100))
        >>> group.kind, [order.role for order in group.orders]
        ('oto', ['first'])
        """
    @property
    def groups(self) -> list[OrderGroup]:
        """Groups of this strategy that are at work, oldest first."""
    def group(self, group_id: int) -> OrderGroup | None:
        """Return a group of this strategy by its id, as to go on after a restart; None where there is none.

        The newest 1,000 that have ended can still be asked for.
        """
    def cancel(self, order: int | str | Order) -> bool:
        """Ask to cancel an order, given by id, client id or a copy; False when there is nothing to cancel.

        There is nothing when the order is closed, not this strategy's, or already being cancelled.

        Examples
        --------
        >>> order_id = ctx.buy("BTCUSDT.SYNTH", 1, 59000)
        >>> ctx.cancel(order_id), ctx.cancel(order_id)
        (True, False)
        """
    def cancel_all(self, instrument: str | Instrument | None = None) -> int:
        """Ask to cancel every open order of this strategy, in one instrument or in all; returns how many.

        Executions and groups there end, too.
        """
    def replace(
        self,
        order: int | str | Order,
        *,
        price: _Number | None = None,
        qty: _Number | None = None,
        trigger_price: _Number | None = None,
        trailing_offset: _Number | None = None,
    ) -> bool:
        """Ask for a new price and total quantity of an order; False when it is no longer open.

        The queue place is kept only when the price stays and the quantity shrinks. A refused replacement leaves the
        order as it was and is told through ``on_order``, with the reason in ``order.reason``. What sets off an order
        that waits can be moved, too; if the market is there already, it acts at once.

        Parameters
        ----------
        order : int, str or Order
            An order's id, client id or a copy.
        price : Decimal, str, int or float, optional
            New limit in quote currency; as it is if not given.
        qty : Decimal, str, int or float, optional
            New total quantity in contracts (spot: base units), what has been filled included; as it is if not given.
        trigger_price : Decimal, str, int or float, optional
            Of a stop or take profit that waits: where it is set off, in quote currency; as it is if not given.
        trailing_offset : Decimal, str, int or float, optional
            Of a trailing stop that waits: how far the market has to come back from the best price so far.

        Raises
        ------
        OffGridError
            When price or quantity lie between two steps.
        InvalidValueError
            When a number is not above 0 and below 2^60 increments, or the order has no such price.
        UnsupportedOrderError
            When the venue replaces nothing, or moves no triggers.
        OrderError
            For a market order, a trigger of an order that was set off, and for one that would be worth more than 10^21
            of the settlement currency.

        Examples
        --------
        >>> order_id = ctx.buy("BTCUSDT.SYNTH", 1, 59999, post_only=True)
        >>> ctx.replace(order_id, price=59999.5)
        True
        """
    def every(self, interval: DurationLike, callback: Callable[[Context], object] = ...) -> int:
        """Call ``callback(ctx)`` every interval, first one interval from now, and return the timer's id.

        Parameters
        ----------
        interval : duration
            Text such as ``"100ms"``, ``"1s"`` or ``"5m"``, a ``timedelta``, or a parameter that is a ``tc.Duration``;
            at least ``1us``.
        callback : function of the context, optional
            Mostly a method of the strategy; ``on_timer(ctx, timer)`` if not given.

        Raises
        ------
        InvalidValueError
            When the interval is no length of time or too short a one, or the callback cannot be called.

        Examples
        --------
        >>> class Clock(tc.Strategy):
        ...     def on_start(self, ctx):
        ...         ctx.every("100ms", self.tick)
        ...
        ...     def tick(self, ctx):
        ...         ctx.log(f"equity {ctx.equity}")
        """
    def at(self, ts_ns: int, callback: Callable[[Context], object] = ...) -> int:
        """Call ``callback(ctx)`` once, at a time (at once if that has passed), and return the timer's id.

        Parameters
        ----------
        ts_ns : int
            The time, ns UTC.
        callback : function of the context, optional
            Mostly a method of the strategy; ``on_timer(ctx, timer)`` if not given.

        Raises
        ------
        InvalidValueError
            When the time is none, or the callback cannot be called; for the 10,001st timer that was set at one moment
            for that very moment, and for one less than 1 us ahead after 100,000 went off within 100 ms: a callback
            that sets itself again so keeps time from going on.

        Examples
        --------
        >>> class Patient(tc.Strategy):
        ...     def on_start(self, ctx):
        ...         ctx.at(ctx.now_ns + 50_000_000)
        ...
        ...     def on_timer(self, ctx, timer):
        ...         ctx.buy("BTCUSDT.SYNTH", 1)
        """
    def subscribe(self, instrument: str | Instrument, topic: str) -> None:
        """Follow something of an instrument from the next message on.

        A hook that is overridden follows its topic for the strategy's own instruments from the start; this is for bars,
        for other instruments of the run, and for what is to be followed at times.

        Parameters
        ----------
        instrument : str or Instrument
            Any instrument of the run.
        topic : str
            ``book``, ``touch``, ``trades``, ``quotes``, ``book_state``, ``mark``, ``index``, ``funding``,
            ``open_interest``, ``liquidations``, or ``bars:`` and which ones, such as ``bars:1m`` or ``bars:tick:100``
            (see ``tc.bars``); told by the hook of that name.

        Raises
        ------
        InvalidValueError
            When there is no such topic, or the strategy does not have the hook that tells of it.
        UnknownInstrumentError
            When the instrument is not in the run.

        Examples
        --------
        >>> class Candles(tc.Strategy):
        ...     def on_start(self, ctx):
        ...         for instrument in self.instruments:
        ...             ctx.subscribe(instrument, "bars:1s")
        ...
        ...     def on_bar(self, ctx, bar):
        ...         self.last_close = bar.close
        """
    def unsubscribe(self, instrument: str | Instrument, topic: str) -> None:
        """Follow something of an instrument no longer; topics and errors are those of :meth:`subscribe`."""
    def predict(self, instrument: str | Instrument, features: ArrayLike, *, lifetime: DurationLike) -> None:
        """Ask the strategy's predictor what it makes of these features.

        The answer comes after the time that the predictor takes, in ``on_signal``; :meth:`signal` returns it from then
        on, until it expires.

        Parameters
        ----------
        instrument : str or Instrument
            What it is about.
        features : float64 (n,)
            What the predictor is to see.
        lifetime : duration
            How long the answer holds, from now on: text such as ``"5s"``, a ``timedelta`` or a ``tc.Duration``.

        Raises
        ------
        InvalidValueError
            For what is no array of numbers, no length of time, or where the strategy has no ``predictor``; for the
            10,001st question that was asked at one moment.
        UnknownInstrumentError
            When the instrument is not in the run.

        Examples
        --------
        >>> class Imbalance:
        ...     model_id, latency = "imbalance", "1ms"
        ...
        ...     def opinion(self, instrument, ts_ns, features):
        ...         return (1 if features[0] > 0 else -1), abs(features[0]), features[0]
        >>> class Asker(tc.Strategy):
        ...     predictor = Imbalance()
        ...
        ...     def on_start(self, ctx):
        ...         ctx.every("1s", self.ask)
        ...
        ...     def ask(self, ctx):
        ...         for instrument in self.instruments:
        ...             book = ctx.book(instrument)
        ...             if book.is_synced:
        ...                 ctx.predict(instrument, [book.imbalance(), book.spread], lifetime="3s")
        """
    def signal(self, instrument: str | Instrument) -> Signal | None:
        """Return what the strategy's predictor last said of an instrument; None before that, and once it has expired.

        Raises
        ------
        UnknownInstrumentError
            When the instrument is not in the run.
        """
    @property
    def signals(self) -> dict[str, Signal]:
        """All signals that hold now, by id of their instrument."""
    def balance(self, currency: str) -> Decimal | None:
        """Return what this strategy's account holds of a settlement currency; None where the venue has not said.

        Raises
        ------
        InvalidValueError
            When no instrument of the run settles in the currency.
        """
    def is_listed(self, instrument: str | Instrument) -> bool:
        """Return whether an instrument can be traded now: in a backtest from its listing (or the start) to its expiry.

        At its expiry its resting orders expire with the reason ``not_listed``; before its listing and from then on
        orders are refused with it.
        """
    def publish(self, name: str, value: object, kind: str = "value") -> None:
        """Show something of the strategy to whoever watches it: on the dashboard, and as event ``Published`` on a bus.

        It decides nothing, and a backtest without a bus forgets it; what cannot be shown is refused there, too.

        Parameters
        ----------
        name : str
            What it is called; 1 to 64 characters.
        value : object
            By ``kind``: of ``"value"`` a text, a number, a bool or None, which takes the place of the one before; of
            ``"series"`` the next number; of ``"table"`` a list of rows, each a mapping of columns to such values, in
            place of the table before; of ``"log"`` a line of text.
        kind : "value", "series", "table" or "log"

        Raises
        ------
        InvalidValueError
            When the value is none of its kind.

        Examples
        --------
        >>> ctx.publish("half spread", 2)
        >>> ctx.publish("fair", 60000.25, "series")
        """
    def log(self, message: str) -> None:
        """Write to the logger ``tradecore.strategy``, level INFO, with the time (ns UTC) and the strategy's name."""

@final
class FeedControl:
    """What a venue said that concerns the connection.

    Examples
    --------
    >>> decoder = tc.FeedDecoder("BYBIT", ["BTCUSDT.BYBIT"])
    >>> decoder.feed(b'{"success":true,"ret_msg":"","op":"subscribe","req_id":"7","conn_id":"c"}', ts_recv=1)
    'control'
    >>> decoder.control
    <FeedControl answer to subscribe 7: granted>
    """

    @property
    def kind(self) -> str:
        """``answer``, ``subscriptions`` (everything subscribed to now), ``pong``, ``heartbeat``, or ``closing``."""
    @property
    def operation(self) -> str:
        """The operation that an answer names, such as ``subscribe``; empty where the venue names none."""
    @property
    def request(self) -> str:
        """Id of the request as it was sent; empty where the venue tells none."""
    @property
    def success(self) -> bool:
        """Whether the request was granted."""
    @property
    def text(self) -> str:
        """The venue's words."""
    @property
    def channels(self) -> list[str]:
        """What is subscribed to: channels, each with a colon and a product where it has one."""
    def __eq__(self, other: object, /) -> bool: ...

@final
class FeedDecoder:
    """Decodes a venue's live messages as they arrive, and keeps the books synchronised.

    It does no I/O: frames go in as they were received, and what came of them is asked for.

    Parameters
    ----------
    venue : str
        ``BINANCE``, ``BINANCE_USDM``, ``BINANCE_COINM``, ``BYBIT`` (linear and inverse), ``BYBIT_SPOT`` or
        ``COINBASE`` (Advanced Trade and Exchange feed).
    instruments : sequence of Instrument or str
        Frames of other symbols are ignored.
    keep_events : bool
        Whether to keep decoded events for :meth:`events`, and bars for :meth:`klines`.
    start : str
        ``snapshot``, or ``empty``: where no snapshot is, changes make a book of nothing. What no change has named since
        is missing in it.
    recorded : bool
        Whether frames are of a recording: one that was received more than a day from the venue's stamp is refused. A
        live venue may be one that plays the past.

    Raises
    ------
    InvalidValueError
        When the venue is none of these.

    Examples
    --------
    >>> instrument = tc.find_instrument("BTCUSDT.BINANCE")
    >>> decoder = tc.FeedDecoder("BINANCE", [instrument])
    >>> decoder.needs_snapshot("BTCUSDT.BINANCE")
    True
    >>> frame = b'{"e":"trade","E":2,"T":1,"s":"BTCUSDT","t":7,"p":"60000.10","q":"0.00500","m":true}'
    >>> decoder.feed(frame, ts_recv=2_500_000)
    'trade'
    >>> decoder.events("BTCUSDT.BINANCE")["price"].tolist()
    [6000010]
    """

    def __new__(
        cls,
        venue: str,
        instruments: Sequence[Instrument | str],
        *,
        keep_events: bool = True,
        start: str = "snapshot",
        recorded: bool = False,
    ) -> FeedDecoder: ...
    def feed(self, frame: bytes, ts_recv: int, connection: int = 0) -> str:
        """Take a frame, or a depth snapshot by REST, and say what it was.

        Parameters
        ----------
        frame : bytes
            JSON as the venue sent it.
        ts_recv : int
            When it was received, ns UTC.
        connection : int
            By which of several connections that are decoded together it came.

        Returns
        -------
        str
            ``depth``, ``snapshot``, ``unused_snapshot`` (older than the book, or not needed for it), ``partial_depth``,
            ``other_depth``; ``trade``, ``off_book_trade``, ``empty_trade``, ``duplicate_trade``, ``trade_history``;
            ``quote``, ``stale_quote``; ``ticker`` (mark, index, funding, open interest), ``open_interest``;
            ``liquidation``, ``duplicate_liquidation``; ``kline``, ``open_kline``;
            ``control`` (see :attr:`control`); ``duplicate`` (a numbered message that was there), ``ignored``
            (another symbol, or a known kind that is no market data) or ``unknown`` (see :attr:`unknown`). Of several
            messages in one frame, what the last one was that is decoded.

        Raises
        ------
        DataError
            When the frame is malformed (a ``GridError`` for a number off the increments), or the time counts us,
            ms or s; the state is as before.
        InvalidValueError
            When the time is none from 1970 to 2116.
        """
    def disconnect(self, ts_recv: int, instrument: str | None = None, connection: int = 0) -> None:
        """Void books and forget where messages stood: their connection has ended.

        Parameters
        ----------
        ts_recv : int
            When that was known, ns UTC.
        instrument : str, optional
            The one whose book it told; all if not given.
        connection : int
            Which of several connections that are decoded together.
        """
    def events(self, instrument: str) -> dict[str, NDArray[Any]]:
        """Return the event columns decoded since the last call: arrays (n,) by name, prices in increments.

        Raises
        ------
        UnknownInstrumentError
            When the decoder does not have the instrument; of every method.
        """
    def pending(self, instrument: str) -> tuple[int, int, int] | None:
        """Return what of an instrument is decoded and not taken yet; None for nothing.

        Returns
        -------
        (int, int, int) or None
            The newest row's ``ts_event`` in ns UTC, the first one's kind, and what was traded, in quantity increments.
        """
    def klines(self, instrument: str) -> dict[str, NDArray[np.int64]]:
        """Return the venue's bars that ended since the last call: int64 arrays (n,) by name.

        They are no events: where trades are told as well they say them once more.

        Returns
        -------
        dict
            ``ts_open``, ``ts_close`` (its end, where the next one begins) and ``ts_recv`` in ns UTC; ``open``,
            ``high``, ``low``, ``close`` in price increments, ``volume`` and ``buy_volume`` in quantity increments (-1
            where the venue does not say what takers bought), ``trades`` (0 where it does not say).
        """
    def book(self, instrument: str) -> L2Book:
        """Return the book, which :meth:`feed` keeps up to date."""
    def needs_snapshot(self, instrument: str) -> bool:
        """Return whether the book waits for a depth snapshot.

        Binance's is fetched by REST and fed; others come when the stream is subscribed to anew.
        """
    def state(self, instrument: str) -> BookState:
        """Return where the book stands with the venue."""
    def gaps(self, instrument: str) -> int:
        """Return how many gaps in the venue's sequence were found."""
    def gap_reason(self, instrument: str) -> str | None:
        """Return why the book was void last, in words; None if it never was."""
    def heard(self, instrument: str) -> dict[str, int]:
        """Return when the newest message on each subject was received, ns UTC, of those there was any on.

        Returns
        -------
        dict
            By ``book``, ``trades``, ``quotes``, ``ticker``, ``liquidations``, ``klines``.
        """
    @property
    def control(self) -> FeedControl | None:
        """The newest message that concerns the connection; None before the first."""
    @property
    def unknown(self) -> dict[str, int]:
        """How many messages there were of each kind that is not known, by its name."""

    @property
    def duplicate_trades(self) -> int:
        """How many trades had been there before, by their ids; of all instruments."""
    @property
    def empty_trades(self) -> int:
        """How many trades had no price or no size and say nothing; of all instruments."""

@final
class EventReader:
    """Reads files of one instrument piece by piece."""

    @staticmethod
    def binance(
        instrument: Instrument,
        paths: Sequence[str | PathLike[str]],
        *,
        lenient: bool = False,
        on_error: str = "strict",
        start: str = "snapshot",
    ) -> EventReader:
        """Open Binance captures of one recording, in order or in parallel.

        Parameters
        ----------
        instrument : Instrument
            Of one of the venues ``BINANCE``, ``BINANCE_USDM`` and ``BINANCE_COINM``.
        paths : list of path
        lenient : bool
            Whether lines that were received before the one above are counted and read.
        on_error : str
            ``strict``, or ``skip``: lenient, and lines that are no messages are left out and listed (:meth:`skipped`).
        start : str
            ``snapshot``, or ``empty``: where no snapshot is, the book is made of nothing.

        Raises
        ------
        InvalidValueError
            When a word is none of these, or the venue.
        DataError
            When a file cannot be opened.
        """
    @staticmethod
    def tardis(
        instrument: Instrument,
        paths: Sequence[str | PathLike[str]],
        *,
        lenient: bool = False,
        start: str = "snapshot",
    ) -> EventReader:
        """Open Tardis CSV files of one instrument.

        Parameters
        ----------
        instrument : Instrument
        paths : list of path
        lenient : bool
            Whether rows out of order are counted instead of refused.
        start : str
            ``snapshot``, or ``empty``: where no snapshot is, the book is made of nothing.
        """
    @staticmethod
    def klines(instrument: Instrument, paths: Sequence[str | PathLike[str]]) -> EventReader:
        """Open klines of Binance's public data, in any order of their files."""
    @staticmethod
    def tables(
        instrument: Instrument,
        inputs: Sequence[str | PathLike[str] | tuple[str, Iterator[bytes]]],
        *,
        lenient: bool = False,
        assume_latency: DurationLike | None = None,
        columns: Sequence[tuple[str, str]] | None = None,
        start: str = "snapshot",
    ) -> EventReader:
        """Open tables of one instrument: official dumps, or such whose columns are named.

        Parameters
        ----------
        instrument : Instrument
        inputs : list of path or (str, iterator of bytes)
            Files, or text with its name.
        lenient : bool
            Whether rows out of order are counted instead of refused.
        assume_latency : str or timedelta, optional
            From the venue's stamp to receipt, where the tables do not say when that was.
        columns : list of (str, str), optional
            What the columns mean: a field and the name of its column, or the number from 1.
        start : str
            ``snapshot``, or ``empty``: where no snapshot is, the book is made of nothing.
        """
    @staticmethod
    def bybit(
        instrument: Instrument,
        paths: Sequence[str | PathLike[str]],
        *,
        lenient: bool = False,
        assume_latency: DurationLike | None = None,
        start: str = "snapshot",
    ) -> EventReader:
        """Open files of Bybit's depth (``ob200``, ``ob500``), in order. See :meth:`tables` for the rest."""
    @staticmethod
    def merged(readers: Sequence[EventReader]) -> EventReader:
        """Return a reader of what several readers of one instrument have yet to read, merged by the time of receipt.

        Nothing comes from these any more.
        """
    def read(self, rows: int) -> dict[str, NDArray[Any]] | None:
        """Return the next event columns, at least ``rows`` rows of whole messages; None at the end.

        Arrays (n,) by name, prices and quantities in increments, times in ns UTC.

        Raises
        ------
        DataError
            With file and line.
        """
    def skipped(self) -> list[tuple[str, int, str]]:
        """Return the lines of a capture that were left out, at most 10,000 of them: file, line and problem of each."""
    @property
    def lacks_receive_times(self) -> bool:
        """Whether receive times are not known, so that the venue's stamps stand for them."""
    @property
    def progress(self) -> tuple[int, int]:
        """Bytes read so far, and bytes of all files."""
    def summary(self) -> dict[str, Any]:
        """Return counts, times and the book as of what has been read."""

@final
class FinalPositions:
    """The positions at the end of a run, and what was traded in it."""

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a strategy and instrument, instrument by instrument.

        Each has ``strategy``, ``instrument``, ``qty`` in contracts (spot: base units), ``avg_entry_price`` in quote
        currency, ``realized_pnl``, ``unrealized_pnl``, ``fees``, ``funding``, ``interest`` and ``cash`` in the
        settlement currency, and ``fills``, their number.
        """

    def volumes(self) -> dict[str, dict[str, Decimal]]:
        """Return what was filled in the run and traded in its data, ``filled`` and ``traded``, by instrument."""

@final
class MemoryColumns:
    """An instrument's event columns in memory, as a backtest takes them: without trades that are none.

    Parameters
    ----------
    name : str
        The instrument's id, for messages.
    given : mapping of str to array, or polars DataFrame
        The columns by name. Arrays of the right type are not copied, but where trades are left out.
    with_ids : bool
        Whether to take the ``id`` column where there is one. Trades are told by it in any case.

    Raises
    ------
    DataError
        For a column that is missing, no array, or of another type, shape or length.
    """

    def __new__(cls, name: str, given: object, *, with_ids: bool) -> MemoryColumns: ...
    @property
    def rows(self) -> int:
        """Number of rows."""
    def kinds(self) -> list[int]:
        """Return the kinds of events there are."""
    @property
    def left_out(self) -> dict[str, int]:
        """How many trades were left out: ``duplicate_trades``, by their ids, ``empty_trades``, of no price or size."""
    @property
    def has_book(self) -> bool:
        """Whether there are levels."""
    def order(self) -> tuple[bool, bool]:
        """Return whether the book is sound, and whether the messages are in order.

        A sound book is its own from the beginning and never stays locked or crossed; messages in order lie as they
        acted at the venue.
        """
    def latencies(self) -> str:
        """Return how long the messages took, as :func:`latencies_of` does."""

@final
class EventStream:
    """The events of an instrument's parts in a catalog, read ahead on threads, without the interpreter.

    An iterator of event columns, which raises ``CatalogError`` for a part that is damaged or not there; a simulation
    takes it over as it stands, and nothing comes from it then. Close it, or exhaust it, to end what reads it.

    Parameters
    ----------
    parts : sequence of (path, path, int, int, str or None)
        Each file, where it lies once it was replaced, its rows, the kinds of its rows as bits (kind ``k`` is bit
        ``k``), and its checksums (:func:`seal_part`) if they were kept: what is read is compared with them.
    kinds : int
        The kinds to read, as bits. Rows are only looked at where a part holds others.
    with_ids : bool
        Whether to read the ``id`` column.
    piece_rows : int
        Most rows of a piece; fewer where the budget does not hold two of them.
    budget_bytes : int
        About how many bytes of columns may lie in memory at a time; two pieces of 1,024 rows at the least.
    uncross : bool
        Whether whoever makes series or features of it is to uncross the book. Its pieces are as they were stored.
    latencies : sequence of (str or None, int)
        How long the messages of the parts took, each as :func:`latencies_of` says it, or the smallest where that is not
        known, ns: series and features are made with stamps set right that cannot be.
    ahead : ReadAhead, optional
        The threads that read; a thread of its own if not given.
    lease : object, optional
        What keeps the files where they are. It is let go of with the stream.
    """

    def __new__(
        cls,
        parts: Sequence[_PartFile],
        *,
        kinds: int,
        with_ids: bool,
        piece_rows: int,
        budget_bytes: int,
        uncross: bool = False,
        latencies: Sequence[tuple[str | None, int]] = ...,
        ahead: ReadAhead | None = None,
        lease: object | None = None,
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
class PartWriter:
    """Writes one part of a catalog: a Parquet file of event columns, in row groups that a thread writes.

    Parameters
    ----------
    path : path
        The file, which is made.
    notes : dict of str to str
        Texts for its footer.

    Raises
    ------
    OSError
        When it cannot be made; from each method when what was given before could not be written.
    """

    def __new__(cls, path: str | PathLike[str], notes: Mapping[str, str]) -> PartWriter: ...
    @property
    def rows(self) -> int:
        """Return the number of rows that were given."""
    def push(self, columns: object) -> None:
        """Add rows that were checked, :func:`check_columns`."""
    def finish(self) -> dict[str, Any] | None:
        """End the file.

        Returns
        -------
        dict
            ``rows, first_ts_recv, last_ts_recv, min_latency_ns, kinds`` (rows by kind), ``max_price, max_qty,
            checksums`` (as of :func:`seal_part`) and ``latencies`` (as of :func:`latencies_of`). None without any row.
        """

@final
class ReadAhead:
    """A few threads that read any number of streams ahead. They end with the last stream."""

    def __new__(cls) -> ReadAhead: ...

@final
class CaptureFrames:
    """Frames of captures, one file after the other: receipt (ns UTC), bytes, and the file and line where they stand.

    Parameters
    ----------
    paths : list of path
        Each line ``<ts_recv> <frame>``, plain or packed.

    Raises
    ------
    DataError
        When a file cannot be read, or a line has no time of receipt.
    """

    def __new__(cls, paths: Sequence[str | PathLike[str]]) -> CaptureFrames: ...
    def __iter__(self) -> CaptureFrames: ...
    def __next__(self) -> tuple[int, bytes, tuple[str, int]]: ...

@final
class ChargedFill:
    """A fill that a fee model is asked for.

    Examples
    --------
    ::

        class Rebate:
            def fee(self, fill):
                is_maker = fill.liquidity is tc.Liquidity.MAKER
                return fill.value * (Decimal("-0.00005") if is_maker else Decimal("0.0004"))
    """

    @property
    def instrument(self) -> Instrument:
        """What was traded."""
    @property
    def side(self) -> Side:
        """Whether it was bought or sold."""
    @property
    def liquidity(self) -> Liquidity:
        """Whether the order was a maker or a taker."""
    @property
    def price(self) -> Decimal:
        """Price, in quote currency, exact."""
    @property
    def qty(self) -> Decimal:
        """Quantity, in contracts (spot: base units), exact."""
    @property
    def value(self) -> Decimal:
        """What was traded is worth so much, in the settlement currency, exact."""
    @property
    def volume(self) -> Decimal:
        """What the account has traded at the venue in the 30 days before, in quote currency, exact."""
    @property
    def ts_ns(self) -> int:
        """When, by the venue's clock, ns UTC."""

@final
class QueuePlace:
    """An order of one's own in the queue of its level, as a queue model is told of it.

    Quantities are in increments, whole numbers of ``instrument.qty_increment``.

    Examples
    --------
    ::

        class Cautious:
            def join(self, place):
                place.memory = place.ts_ns
                return place.ahead

            def trade(self, place, qty):
                return max(place.ahead - qty, 0)

            def change(self, place, prev, new):
                return min(place.ahead, new)
    """

    @property
    def instrument(self) -> Instrument:
        """What it is an order in."""
    @property
    def side(self) -> Side:
        """Its side."""
    @property
    def price(self) -> Decimal:
        """Its price, in quote currency, exact."""
    @property
    def leaves(self) -> int:
        """What of it is not filled, increments."""
    @property
    def displayed(self) -> int:
        """What its level displays, increments."""
    @property
    def ahead(self) -> float:
        """What is ahead of it, increments, as the model said last, or 0 after a trade beyond its price.

        In ``join`` all that is displayed and that own orders have not taken.
        """
    @property
    def ts_ns(self) -> int:
        """Venue's time of what is told, ns UTC."""
    @property
    def own(self) -> int:
        """In ``trade``: what own orders ahead got of the trade, increments, which the level will show as well."""
    @property
    def is_shown(self) -> bool:
        """In ``trade``: whether the trade had happened when the level last shrank, which shows it."""
    @property
    def memory(self) -> Any:
        """Whatever the model wants to remember of this order; None at first."""
    @memory.setter
    def memory(self, value: Any) -> None:
        """Whatever the model wants to remember of this order; None at first."""

@final
class FeatureBook:
    """The book a feature of one's own is told of. Valid only inside ``update``, and only to be read.

    An empty side is None. Prices are in quote currency, quantities in contracts (spot: base units).
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def is_synced(self) -> bool:
        """Whether the book equals the venue's; without that its prices mean nothing."""
    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
    @property
    def best_bid(self) -> float | None:
        """Highest price of a bid, in quote currency; None if there are no bids."""
    @property
    def best_ask(self) -> float | None:
        """Lowest price of an ask, in quote currency; None if there are no asks."""
    @property
    def bid_qty(self) -> float | None:
        """Quantity at the best bid, in contracts (spot: base units); None if there are no bids."""
    @property
    def ask_qty(self) -> float | None:
        """Quantity at the best ask, in contracts (spot: base units); None if there are no asks."""
    @property
    def mid(self) -> float | None:
        """Half way between best bid and best ask, in quote currency; None if a side is empty."""
    def imbalance(self, n: int = 1) -> float | None:
        """Return ``(bids - asks) / (bids + asks)`` of the quantities on the best ``n`` levels a side."""
    def depth(self, n: int = 10) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the best ``n`` bids and asks, best first: float64 (levels, 2) each, of price and quantity."""

@final
class FeatureEngine:
    """Computes features message by message.

    Parameters
    ----------
    instrument : Instrument
    features : FeatureSet
    basis : {"l2", "l1"}
        Whether levels or quotes make the book.

    Raises
    ------
    InvalidValueError
        For a value of a parameter that the instrument does not allow, such as a bucket below its increment.

    Examples
    --------
    >>> import numpy as np
    >>> from tradecore import features
    >>> inst = tc.find_instrument("BTCUSDT.SYNTH")
    >>> engine = features.FeatureEngine(inst, features.FeatureSet(["mid", "imbalance"], name="touch", version="1"))
    >>> engine.update(
    ...     {
    ...         "ts_event": np.array([1, 1]),
    ...         "ts_recv": np.array([1, 1]),
    ...         "kind": np.array([1, 1], np.uint8),
    ...         "side": np.array([1, -1], np.int8),
    ...         "flags": np.array([0, 1], np.uint8),
    ...         "price": np.array([1000, 1002]),
    ...         "qty": np.array([5, 15]),
    ...     }
    ... )
    >>> engine.values()
    <Features mid: 100.10000000000001, imbalance: 0.25>
    """

    def __new__(cls, instrument: Instrument, features: FeatureSet, *, basis: str = "l2") -> FeatureEngine: ...
    def update(self, columns: Any) -> None:
        """Take event columns: whole messages, received not before those taken last.

        Trades that are none are left out as everywhere: without price or size, or of an id that it has taken before.

        Parameters
        ----------
        columns : mapping of str to array, or DataFrame
            As :meth:`tradecore.Catalog.stream` gives them.

        Raises
        ------
        DataError
            When a row breaks a rule of events; nothing was taken then.
        FeatureError
            When a feature of one's own raises.
        """
    def values(self, now_ns: int | None = None) -> FeatureVector:
        """Return the features as known at ``now_ns``, ns UTC; with the last message if not given, or before it."""
    def save(self) -> bytes:
        """Return its state, to go on from in another process with the same bits to come.

        Raises
        ------
        FeatureError
            When a feature of one's own cannot be saved.
        """
    def load(self, state: bytes) -> None:
        """Go on from what :meth:`save` returned, which knows no ids of trades.

        Raises
        ------
        InvalidValueError
            For a state that is none of such features.
        """

@final
class FeatureReader:
    """Makes a table of the features of an instrument's events, piece by piece. It takes a stream over as it stands.

    Parameters
    ----------
    instrument : Instrument
    features : FeatureSet
    events : EventStream or MemoryColumns
    basis : {"l2", "l1"}
    at : int or str
        A row every so many ns, or for each ``trade``, ``message`` or bar, such as ``bar:1m``.
    from_ns : int
        The first time wanted, ns.
    """

    def __new__(
        cls,
        instrument: Instrument,
        features: FeatureSet,
        events: EventStream | MemoryColumns,
        *,
        basis: str,
        at: int | str,
        from_ns: int,
    ) -> FeatureReader: ...
    def read(self, rows: int) -> tuple[NDArray[np.int64], list[NDArray[np.float64]], int] | None:
        """Read about ``events`` rows of events, and return what became of them, None at the end.

        Returns
        -------
        ts : int64 (n,)
            Our clock, ns.
        columns : list of float64 (n,)
        rows : int
            Rows of events read so far.

        Raises
        ------
        CatalogError, DataError
            When a file cannot be read, or its rows break a rule of events.
        FeatureError
            When a feature of one's own raises.
        """
    def close(self) -> None:
        """End what reads the events; nothing comes from then on."""

@final
class FeatureSchema:
    """What the features of a set are: names and parameters in order, and their hash.

    Parameters
    ----------
    name, version : str
    features : sequence of str or (str, str)
        As they are written, or name and identity of one that a class computes.
    """

    def __new__(cls, name: str, version: str, features: Sequence[str | tuple[str, str]]) -> FeatureSchema: ...
    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
    @property
    def texts(self) -> list[str | None]:
        """The features as they are written, in order; None for one that a class computes."""
    @property
    def schema_hash(self) -> str:
        """SHA-256 of the version and of the names and parameters of the features, in order."""

@final
class FeatureVector:
    """Features as known at a time: a value that may be kept.

    Examples
    --------
    >>> f = ctx.features("BTCUSDT.SYNTH", tc.FeatureSet(["spread", "ofi"]))
    >>> f["spread"], f.spread
    (0.1, 0.1)
    >>> f.names, f.is_ready
    (('spread', 'ofi'), False)
    >>> f.values.round(3).tolist()
    [0.1, nan]
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
    @property
    def schema_hash(self) -> str:
        """SHA-256 of the schema, by which a model knows its inputs again."""
    @property
    def values(self) -> NDArray[np.float64]:
        """Their values, float64 (features,); NaN where nothing is known (yet)."""
    @property
    def mask(self) -> NDArray[np.bool_]:
        """Which of them are known, bool (features,)."""
    @property
    def is_ready(self) -> bool:
        """Whether all of them are known."""
    def __len__(self) -> int: ...
    def __getitem__(self, name: str, /) -> float: ...
    def __contains__(self, name: str, /) -> bool: ...

@final
class FeedSummary:
    """Running totals over event columns of one instrument."""

    def __new__(cls, instrument: Instrument | str) -> FeedSummary: ...
    def push(self, columns: _Columns) -> None:
        """Take the next columns, of whole messages."""
    def to_dict(self) -> dict[str, Any]:
        """Return counts, times and the book so far."""

@final
class TradeSieve:
    """Leaves trades out of columns that are none: those whose ids were there before, and those without price or size.

    Trades without an id are all kept.
    """

    def __new__(cls) -> TradeSieve: ...
    def push(self, columns: _Columns) -> _Columns:
        """Take the next columns, of whole messages, and return what is left of them: these columns, or shorter ones."""
    @property
    def counts(self) -> dict[str, int]:
        """How many trades were left out so far: ``duplicate_trades`` and ``empty_trades``."""

@final
class ExportedReader:
    """Rows of a file of event columns as text, as ``data export`` writes them as CSV: plain or packed.

    Raises
    ------
    DataError
        When it cannot be opened.
    """

    def __new__(cls, path: str | PathLike[str], instrument: Instrument) -> ExportedReader: ...
    def read(self, rows: int) -> dict[str, NDArray[Any]] | None:
        """Return the next rows, at most ``rows``; None at the end. A message may go on in the next ones.

        Raises
        ------
        DataError
            With file and line.
        """

@final
class Heard:
    """What arrived of an instrument, counted: messages by what their first row is.

    Examples
    --------
    >>> from tradecore._core import Heard
    >>> heard = Heard()
    >>> heard.count(5, tc.EventKind.TRADE, 7)
    >>> (heard.messages, heard.trades, heard.traded_qty, heard.last_ns)
    (1, 1, 7, 5)
    """

    def __new__(cls) -> Self: ...
    def count(self, ts_recv: int, kind: int, traded_qty: int) -> None:
        """Count a message: when it was received (ns UTC), the kind of its first row, what was traded (increments)."""
    def age_s(self, now_ns: int) -> float | None:
        """Return for how long nothing arrived, seconds; None before anything did."""
    @property
    def messages(self) -> int:
        """How many messages."""
    @property
    def trades(self) -> int:
        """How many of them were of trades."""
    @property
    def books(self) -> int:
        """How many were of the order book."""
    @property
    def traded_qty(self) -> int:
        """What was traded, in quantity increments."""
    @property
    def last_ns(self) -> int:
        """When the newest one was read from its socket, ns UTC; 0 before any."""

@final
class FrameDoor:
    """Takes frames of a venue whose books are all synced: decodes them and gives what they hold to a kernel.

    Parameters
    ----------
    kernel : Kernel
    decoder : FeedDecoder
    venue : str
    places : dict of str to (int, Heard)
        The kernel's market of each of the decoder's instruments, and what counts its messages.
    now_ns : callable
        The time, ns UTC.
    book : object
        What frames of books have as their stream.
    record : int, optional
        Kind of the records that frames are written down as; they are not if not given.

    Raises
    ------
    InvalidValueError
        For a market that the kernel does not have, and for a decoder that keeps no events.
    UnknownInstrumentError
        For an instrument that the decoder does not have.
    """

    def __new__(
        cls,
        kernel: Kernel,
        decoder: FeedDecoder,
        venue: str,
        places: Mapping[str, tuple[int, Heard]],
        *,
        now_ns: Callable[[], int],
        book: object,
        record: int | None = None,
    ) -> Self: ...
    def take(self, events: list[Any], start: int, now_ns: int) -> bool:
        """Take the frames of a list of events from a place on, up to one that leads to more than hooks.

        Such are events that are no frames, those of no instrument and of others, a frame that cannot be read, a book
        that is not synced before or after, something that is due before, and commands. What came of it is to be asked
        for also after an error.

        Parameters
        ----------
        events : list
        start : int
        now_ns : int
            The kernel's time, ns UTC: messages are not given to it earlier.

        Returns
        -------
        bool
            Whether commands, refusals or questions wait for being taken.

        Raises
        ------
        StrategyError
            As :meth:`Kernel.decoded`.
        """
    @property
    def taken(self) -> int:
        """Index of the first event of the newest call that was not taken."""
    @property
    def is_decoded(self) -> bool:
        """Whether that event's bytes are with the decoder all the same, and its rows wait there."""
    @property
    def now_ns(self) -> int:
        """Time at which the kernel was given something last, ns UTC."""
    def records(self) -> bytes:
        """Take the records of the frames that were taken."""
    def times(self) -> tuple[list[float], list[float]]:
        """Take how long they took, seconds: from the venue's stamps to receipt, and from there until all was done."""

@final
class HftDecoder:
    """Turns an hftbacktest event array into event columns piece by piece.

    Prices and quantities are in increments, times in ns UTC.
    """

    def __new__(cls, instrument: Instrument, source: str | PathLike[str]) -> HftDecoder: ...
    def push(
        self,
        ev: NDArray[np.uint64],
        exch_ts: NDArray[np.int64],
        local_ts: NDArray[np.int64],
        px: NDArray[np.float64],
        qty: NDArray[np.float64],
        order_id: NDArray[np.uint64],
        ival: NDArray[np.int64],
    ) -> dict[str, NDArray[Any]]:
        """Take the next rows and return the columns of the messages that are complete.

        Raises
        ------
        DataError
            With the row, from 1.
        """

    def finish(self) -> dict[str, NDArray[Any]]:
        """Return the columns of the rest, the array having ended.

        Raises
        ------
        DataError
            With the first row that no time was found for.
        """

    @property
    def empty_trades(self) -> int:
        """How many trades without price or quantity there were so far, which are none and left out."""

@final
class Survey:
    """Measures event columns: how long messages took, for how long the book was crossed, and what there was when."""

    def __new__(cls) -> Survey: ...
    def push(self, columns: _Columns) -> None:
        """Take the next columns, of whole messages."""
    def to_dict(self) -> dict[str, Any]:
        """Return latencies and durations so far, ns: a dictionary."""
    def stretches(self) -> dict[str, Any]:
        """Return what there was in stretches of time of one length, at most 2,048: lists by name.

        ``ts`` is the start of each, ns; ``messages, trades, gaps, crossed`` are counts; ``bid, ask`` the best prices at
        its end and ``widest`` the largest spread, in increments; ``latency_mean, latency_max`` are ns. None where there
        was nothing.
        """

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
        message_gap: DurationLike,
        latency: DurationLike,
        jitter: DurationLike,
    ) -> EventReader:
        """Return a reader over a market of ``events`` rows."""

    @staticmethod
    def order_reader(
        instrument: Instrument,
        *,
        events: int,
        seed: int,
        start_price: _Number,
        typical_qty: _Number,
        start_ns: int,
        event_gap: DurationLike,
        granularity: DurationLike,
        sizes: str,
        amendments: float,
        latency: DurationLike,
    ) -> EventReader:
        """Return a reader over a market of single orders of ``events`` rows."""

@final
class SeriesReader:
    """Makes a series of the events of an instrument, piece by piece. It takes the stream over as it stands."""

    @staticmethod
    def quotes(instrument: Instrument, stream: EventStream) -> SeriesReader:
        """Return the venue's own best prices by message: ``ts_recv, ts_event`` (ns), ``bid, bid_qty, ask, ask_qty``."""

    @staticmethod
    def book(instrument: Instrument, stream: EventStream, *, depth: int, every_ns: int, from_ns: int) -> SeriesReader:
        """Return the best levels every ``every_ns`` from ``from_ns`` on, ns: ``ts, bid_0, bid_qty_0, ask_0`` ..."""

    @staticmethod
    def bars(instrument: Instrument, stream: EventStream, *, spec: str, has_book: bool, from_ns: int) -> SeriesReader:
        """Return bars by a specification.

        Times are ``ts_open, ts_close, ts_available`` (ns), counts ``trades, revision, is_partial``; numbers are ``open,
        high, low, close, volume, quote_volume, buy_volume, sell_volume, vwap``. Mid prices are those of the book, or of
        the venue's own best prices where it has none.

        Raises
        ------
        InvalidValueError
            When there are no such bars, or none of this instrument.
        """

    def read(self, rows: int) -> dict[str, NDArray[Any]] | None:
        """Return the next ``rows`` rows at most, None at the end.

        Times and counts are int64; numbers are float64 in units of the instrument, NaN where there is none.

        Raises
        ------
        CatalogError, DataError
            When a file cannot be read, or its rows break a rule of events.
        """

    def close(self) -> None:
        """End what reads the stream; nothing comes from then on."""

@final
class Simulation:
    """A backtest under construction: add markets, then strategies, then run it once.

    Parameters
    ----------
    seed : int
        Of everything that is drawn.
    sample_interval : duration
        Time between samples of equity.
    candle_interval : duration, optional
        Length of recorded candles; none if not given.
    stop_run_on_error : bool
        Whether a raising hook ends more than its strategy.
    keeps_journal : bool
        Whether inputs and commands are kept and returned as ``journal``.
    cost_basis : str
        Which part of a position a fill closes first: ``average``, ``fifo`` or ``lifo``.
    debug_checks : bool
        Whether accounts are checked after everything that moves money.
    reporting_currency : str, optional
        What the run is reported in beside its settlement currencies.
    reporting_rates : dict of str to str, optional
        What one of another currency is worth in it, where that is stated.
    risk : RiskLimits, optional
        Limits; none if not given.
    """

    def __new__(
        cls,
        *,
        seed: int = 0,
        sample_interval: DurationLike,
        candle_interval: DurationLike | None = None,
        stop_run_on_error: bool = False,
        keeps_journal: bool = False,
        cost_basis: str = "average",
        debug_checks: bool = False,
        reporting_currency: str | None = None,
        reporting_rates: Mapping[str, str] | None = None,
        risk: RiskLimits | None = None,
    ) -> Simulation: ...
    def check_reporting(self, instruments: Sequence[Instrument]) -> None:
        """Raise InvalidValueError where what these instruments settle in cannot be reported in the one currency."""
    def add_market(
        self,
        instrument: Instrument,
        chunks: MemoryColumns | Iterator[_Columns] | EventStream,
        venue: SimVenue,
        *,
        holds: Sequence[int],
        latencies: Sequence[tuple[str | None, int]],
        is_sound: bool = False,
        in_order: bool = False,
    ) -> int:
        """Add a market and return its index.

        ``holds``, the kinds of events in the data, and ``latencies`` decide what the venue's settings leave open. The
        latter are of the pieces of the data: the text of :func:`latencies_of`, or None where nothing is known but the
        smallest one; and that one, ns. ``is_sound`` says that the book is known never to stay locked or crossed: it is
        not looked at for that. ``in_order`` says that messages are known to lie in the order in which they acted at the
        venue; else they are brought into it.
        """
    def add_strategy(
        self, name: str, markets: Sequence[int], hooks: dict[str, Callable[..., None]], book_events: str, owner: object
    ) -> None:
        """Add a strategy by the bound methods of its hooks and the object they are methods of."""
    def add_compiled(self, name: str, markets: Sequence[int], kind: str, params: dict[str, Any]) -> None:
        """Add a compiled strategy."""
    def begin_again(self) -> None:
        """Add the same strategies once more, beside those that were added."""
    def run(
        self,
        *,
        progress: Callable[[int, int], object] | None = None,
        spill: Callable[[dict[str, dict[str, Any]], int], object] | None = None,
        spill_rows: int = 100_000,
        ended: Callable[[], object] | None = None,
        bounds: bool = False,
        events: EventBus | None = None,
    ) -> dict[str, Any]:
        """Run to the end of the data and return figures and tables.

        With ``bounds`` there are the same strategies three times, and ``bounds`` are what the second and the third
        came to, which filled by what is surely a fill and by what may be one.

        A column of a table is the name of its type and its bytes, or texts; None for no text in any row.
        ``events`` is an EventBus that is told of all that happens; of the first of three.

        ``spill`` is called with tables of so many rows and how often it was called before without an error, as
        ``spills`` says in the end; ``ended`` once when the run is over, which Ctrl-C before that interrupts.
        """
    def run_apart(self, *, progress: Callable[[int, int], object] | None = None) -> list[dict[str, Any]]:
        """Run to the end of the data, each strategy as if it were alone, and return the figures of each.

        They are those of a run of its own, its digest too. Of tables there is what was not dropped on the way.
        """

@final
class Notice:
    """What a simulated venue tells an account: a report on an order, or money that it moved.

    :meth:`Kernel.notice` takes it whole. What does not go with its kind is None.
    """

    @property
    def at_ns(self) -> int:
        """When it reaches the account, ns UTC."""
    @property
    def account(self) -> int:
        """Index of the account."""
    @property
    def market(self) -> int:
        """Index of the market."""
    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def kind(self) -> str:
        """What happened.

        Of a report as :meth:`Kernel.report` has it, such as ``fill``; of money ``funding``, ``settlement``,
        ``delivery_fee``, ``liquidation``, ``liquidation_fee`` or ``interest``.
        """
    @property
    def order(self) -> int | None:
        """Number of the order; None of money."""
    @property
    def execution(self) -> str | None:
        """Number of a fill at the venue."""
    @property
    def cumulative(self) -> Decimal | None:
        """What is filled of the order after a fill, in contracts (spot: base units)."""
    @property
    def ts_event(self) -> int:
        """When it happened at the venue, ns UTC."""
    @property
    def price(self) -> Decimal | None:
        """Of a fill, and what an order is replaced by or given, in quote currency."""
    @property
    def trigger_price(self) -> Decimal | None:
        """Where an order is set off from now on, or how far it trails, in quote currency; None where that stays."""
    @property
    def qty(self) -> Decimal | None:
        """In contracts (spot: base units): of a fill, of an order's new total, of what money is paid on (signed)."""
    @property
    def liquidity(self) -> str | None:
        """Of a fill: ``maker`` or ``taker``."""
    @property
    def fee(self) -> Decimal | None:
        """Of a fill: its fee in the settlement currency; negative is a rebate."""
    @property
    def fee_paid(self) -> tuple[str, Decimal] | None:
        """Of a fill whose fee is not paid in the settlement currency: the coin it is paid in, and how much of it."""
    @property
    def reason(self) -> str | None:
        """Why an order was refused, or ended."""
    @property
    def made_by(self) -> str | None:
        """Of a fill, what made the order trade.

        ``print`` (a trade of the market), ``book`` (the other side came to its price), ``taker`` (it took what was
        there) or ``own_order`` (an order of another account took it).
        """
    @property
    def paid(self) -> Decimal | None:
        """Of money: what the account pays in the settlement currency; negative is received."""
    @property
    def valued_at(self) -> float | None:
        """Of money: the price the position was valued or closed at, in quote currency."""
    @property
    def rate(self) -> float | None:
        """Of money: the fraction of the position's value that a long pays, or a fee is."""

@final
class Refusal:
    """A command that the gate of its kernel refused, to be brought back by its driver."""

    @property
    def at_ns(self) -> int:
        """When the command was sent, ns UTC."""
    @property
    def account(self) -> int:
        """Index of the account it was for."""
    @property
    def order_id(self) -> int:
        """Number of the order."""
    @property
    def market(self) -> int:
        """Index of the market."""
    @property
    def reason(self) -> str:
        """Why it was refused."""

@final
class OpenOrder:
    """An order that is open at a simulated exchange."""

    @property
    def account(self) -> int:
        """Index of the account."""
    @property
    def order(self) -> int:
        """Number of the order among those of its account."""
    @property
    def market(self) -> int:
        """Index of the market."""
    @property
    def side(self) -> Side:
        """``Side.BUY`` or ``Side.SELL``."""
    @property
    def order_type(self) -> OrderType:
        """What kind of order it is; see :class:`~tradecore.types.OrderType`."""
    @property
    def price(self) -> Decimal | None:
        """Its limit in quote currency; None of a market order that waits."""
    @property
    def trigger_price(self) -> Decimal | None:
        """What it is set off by, in quote currency; None where it waits for nothing, or trails."""
    @property
    def qty(self) -> Decimal:
        """In contracts (spot: base units), what is filled of it included."""
    @property
    def filled_qty(self) -> Decimal:
        """What is filled of it, in contracts (spot: base units)."""
    @property
    def time_in_force(self) -> TimeInForce:
        """How long it lives; see :class:`~tradecore.types.TimeInForce`."""
    @property
    def post_only(self) -> bool:
        """Whether it rests rather than take liquidity."""
    @property
    def reduce_only(self) -> bool:
        """Whether it only makes a position smaller."""
    @property
    def arrived_ns(self) -> int:
        """When it arrived at the venue, or what replaced it did, ns UTC."""

@final
class SimExchange:
    """A simulated exchange that is driven from outside: what paper trading and local venue servers trade against.

    Add markets; from the first thing that happens on the set-up is closed. Market data is pushed by venue time,
    commands by the time they are sent; :meth:`advance` lets happen what is due, :meth:`receive` takes what came of
    it. It is the venue of backtests: the same rows, commands and times make the same reports.

    Its time does not go back. At one nanosecond messages act first, then commands: push messages before
    :meth:`advance`. What was due before a message happens before it by itself. The rows are taken as they are: a book
    that stays crossed is not put right, and stamps play no part in when a message acts.

    Accounts are numbers from 0 on. An order's number is its account's own.

    Parameters
    ----------
    seed : int
        Of everything that is drawn.

    Raises
    ------
    InvalidValueError
        By every method, naming the argument that is none: a market out of range, a time that lies back, a price off the
        grid. Nothing has changed then.
    RunError
        Where a model of the user's fails, and by changes of the set-up once something has happened.
    """

    def __new__(cls, *, seed: int = 0) -> SimExchange: ...
    def add_market(self, instrument: Instrument, venue: SimVenue, holds: Sequence[int]) -> int:
        """Add a market and return its index; ``holds`` are the kinds of events that will be pushed.

        They decide what ``basis="auto"`` is. ``granularity="auto"`` is told by the messages so far: give it where runs
        are to be compared. ``clock_lead``, ``wrong_stamps``, ``uncross``, ``stale_after`` and the latency of the feed
        are its driver's to keep.
        """
    def instrument(self, market: int) -> Instrument:
        """Return the instrument of a market as the venue trades it: with its fees, and the orders it takes."""
    def message(self, at_ns: int, market: int, columns: _Columns) -> None:
        """Let event columns of one or several whole messages happen, one after the other."""
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
        """Let a book update happen, as :meth:`Kernel.levels` has it."""
    def decoded(self, at_ns: int, market: int, decoder: FeedDecoder) -> None:
        """Let happen what a decoder has decoded of the market's instrument and nobody has taken, message by message.

        It stays there: the kernel that is told of it takes it.
        """
    def command(self, at_ns: int, command: Command, *, account: int | None = None) -> None:
        """Take a command that the gate of a kernel has approved, sent at ``at_ns``.

        Markets are those of the kernel: add the same in the same order. ``account`` is the command's own if not given.
        """
    def refuse(self, refusal: Refusal, *, account: int | None = None) -> None:
        """Bring a refusal of a kernel's gate back, when the venue's own would have come."""
    def submit(
        self,
        at_ns: int,
        account: int,
        order: int,
        market: int,
        side: Side | str | int,
        qty: _Number,
        price: _Number | None = None,
        *,
        type: OrderType | str | int | None = None,
        trigger_price: _Number | None = None,
        trigger: Literal["last", "mark", "mid"] | None = None,
        trailing_offset: _Number | None = None,
        time_in_force: TimeInForce | str | int | None = None,
        expires_at: int | datetime | None = None,
        post_only: bool | Literal["slide"] = False,
        reduce_only: bool = False,
        display_qty: _Number | None = None,
    ) -> None:
        """Take an order of an outside client, sent at ``at_ns``, with the terms of :meth:`Context.submit`.

        It passes a gate without limits. What that or the venue refuses comes back as a notice.
        """
    def replace(
        self,
        at_ns: int,
        account: int,
        order: int,
        market: int,
        price: _Number,
        qty: _Number,
        *,
        trigger_price: _Number | None = None,
    ) -> None:
        """Change price and total quantity of an order of an outside client, and where it is set off if it waits.

        Of an order without a limit the price is what it is valued at.
        """
    def cancel(self, at_ns: int, account: int, order: int, market: int) -> None:
        """Cancel an order of an outside client."""
    def advance(self, until_ns: int) -> None:
        """Let happen what is due by a time: commands arrive, orders end, instruments come and go, funding is paid."""
    def next_due(self) -> int | None:
        """Return when something is next due by itself, ns UTC; None for nothing."""
    def next_report(self) -> int | None:
        """Return when the next notice arrives, ns UTC; None for none on its way."""
    def receive(self, until_ns: int) -> list[Notice]:
        """Take what has arrived by a time, in order."""
    @property
    def now_ns(self) -> int | None:
        """How far it has got, ns UTC; None before anything has happened."""
    def open_orders(self, account: int) -> list[OpenOrder]:
        """Return the open orders of an account, by market: those that rest, that wait for a print, for a trigger."""
    def balances(self, account: int) -> dict[str, dict[str, tuple[Decimal, Decimal]]]:
        """Return what an account has of each currency, Decimal, as ``{currency: (held, locked)}``, by venue.

        ``locked`` is the part of what is held that open spot orders may pay. Empty for venues without ``balances``.
        """
    def position(self, account: int, market: int) -> dict[str, Any]:
        """Return what an account has in a market.

        ``qty`` in contracts (spot: base units, of what was traded here). Where it is traded on margin also
        ``avg_entry_price`` (float or None), ``mark_price`` (float or None), and Decimal in the settlement currency
        ``unrealized_pnl``, ``realized_pnl``, ``value``, ``initial_margin`` (open orders included),
        ``maintenance_margin`` and ``isolated_margin`` (None where margin is cross), and ``leverage``.
        """
    def take_over(
        self,
        kernel: Kernel,
        fills: Sequence[tuple[int, int, int, str, float, float]],
        payments: Sequence[tuple[int, int, int, str, float, Decimal]],
        *,
        account: int = 0,
    ) -> None:
        """Let an account have what the strategies of a kernel came to, which has the same markets.

        Positions, what stands behind them and balances are those of an account that came to it here, to the last unit.
        For an exchange that begins anew.

        Parameters
        ----------
        kernel : Kernel
        fills : sequence of tuple
            All of them as they became known: market, time at the venue (ns), strategy, side, price, quantity.
        payments : sequence of tuple
            What the venue moved of its own accord: market, time at the venue (ns), strategy, why, the quantity it was
            paid on, amount.
        account : int

        Raises
        ------
        InvalidValueError
            For others than those of the kernel.
        """
    def set_leverage(self, account: int, market: int, leverage: _Exact) -> bool:
        """Lever what an account trades in a market from now on.

        Return False where its equity does not allow it, or there is no margin.
        """
    def depth(
        self, market: int, levels: int, *, own: bool = True
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the best bids and asks of a market as ``(price, qty)`` in increments, best first.

        With ``own``, as the venue shows them: with open orders in them, and without what these have taken. Else as they
        were pushed.
        """
    def last_trade(self, market: int) -> tuple[int, int] | None:
        """Return price and quantity of the last trade that was pushed to a market, in increments; None before any."""
    def mark_price(self, market: int) -> float | None:
        """Return the price positions in a market are valued at, in quote currency: mark, else index, else the mid."""

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
    def parent_id(self) -> int | None:
        """Our number of the order that it is a part of, where the kernel shows an order in parts; None of any other."""
    @property
    def client_id(self) -> str:
        """What the venue carries for us: ``<session>-<strategy>-<order>``, the numbers in base 36."""
    @property
    def venue_id(self) -> str | None:
        """The venue's own id of the order, where a report has told it."""
    @property
    def strategy(self) -> str:
        """Name of the strategy that sent it."""
    @property
    def account(self) -> int:
        """Index of the account it trades on."""
    @property
    def market(self) -> int:
        """Index of the market, as :meth:`Kernel.add_market` returned it."""
    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def side(self) -> Side:
        """``Side.BUY`` or ``Side.SELL``."""
    @property
    def order_type(self) -> OrderType:
        """What kind of order it is; see :class:`~tradecore.types.OrderType`."""
    @property
    def price(self) -> Decimal | None:
        """In quote currency, with the places of the instrument's grid; None for a market order and a cancel."""
    @property
    def qty(self) -> Decimal | None:
        """In contracts (spot: base units); None for a cancel.

        Of a replacement the new total, what has been filled included.
        """
    @property
    def price_text(self) -> str:
        """The price as venues are told it, in plain digits; empty for a market order and a cancel."""
    @property
    def qty_text(self) -> str:
        """The quantity likewise; empty for a cancel."""
    @property
    def trigger_price(self) -> Decimal | None:
        """Where the order is set off, in quote currency; None for one that acts at once or trails.

        Of a replacement where it is to be set off from now on, None where that stays.
        """
    @property
    def trigger(self) -> str | None:
        """By which price the order is set off: ``last``, ``mark`` or ``mid``; None for one that acts at once."""
    @property
    def trailing_offset(self) -> Decimal | None:
        """How far the market has to come back, in quote currency; None for one that does not trail.

        Of a replacement how far from now on, None where that stays.
        """
    @property
    def time_in_force(self) -> TimeInForce:
        """How long the order lives; see :class:`~tradecore.types.TimeInForce`."""
    @property
    def expires_at(self) -> int | None:
        """When a good-till-date order ends at the venue, ns UTC; None for any other."""
    @property
    def post_only(self) -> bool:
        """Whether the order rests rather than take liquidity."""
    @property
    def slides(self) -> bool:
        """Whether, as a post-only order, it is given another price rather than to be rejected."""
    @property
    def reduce_only(self) -> bool:
        """Whether the order only makes a position smaller."""
    @property
    def display_qty(self) -> Decimal | None:
        """How much of the order is displayed at a time, in contracts (spot: base units); None for all of it."""
    @property
    def at_ns(self) -> int:
        """When it was sent, ns UTC."""

@final
class IndicatorReading:
    """What an indicator of bars says after the last of them. A value that may be kept.

    Examples
    --------
    >>> class Trend(tc.Strategy):
    ...     def on_start(self, ctx):
    ...         ctx.indicator("macd", self.instruments[0], bars="1s", fast=3, slow=6, signal=3)
    ...         ctx.every("1s", self.look)
    ...
    ...     def look(self, ctx):
    ...         macd = ctx.indicator("macd", self.instruments[0], bars="1s", fast=3, slow=6, signal=3)
    ...         if macd.is_ready and macd.hist > 0:
    ...             ctx.log(f"rising by {macd.value:.3f}")
    """

    @property
    def name(self) -> str:
        """What the indicator is called."""
    @property
    def names(self) -> tuple[str, ...]:
        """Names of what it says, in order."""
    @property
    def value(self) -> float:
        """What it says, the first of several; NaN before it is ready.

        In quote currency or as a fraction, as the indicator is defined.
        """
    @property
    def values(self) -> tuple[float, ...]:
        """All that it says, in order, in quote currency or as fractions; NaN before it is ready."""
    @property
    def is_ready(self) -> bool:
        """Whether it has seen enough bars."""
    def __getitem__(self, output: str, /) -> float: ...
    def __float__(self) -> float: ...

@final
class Signal:
    """What a model says of an instrument, for as long as it holds. A value that may be kept.

    Examples
    --------
    >>> class Bull:
    ...     model_id, latency = "bull", "1ms"
    ...
    ...     def opinion(self, instrument, ts_ns, features):
    ...         return 1, 0.9, float(features[0])
    >>> class Follower(tc.Strategy):
    ...     predictor = Bull()
    ...
    ...     def on_start(self, ctx):
    ...         for instrument in self.instruments:
    ...             ctx.predict(instrument, [0.001], lifetime="1m")
    ...
    ...     def on_signal(self, ctx, signal):
    ...         if signal.action is tc.SignalAction.BUY and signal.confidence > 0.6:
    ...             ctx.buy(signal.instrument, "0.01")
    """

    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def action(self) -> SignalAction:
        """``SignalAction.BUY``, ``HOLD`` or ``SELL``."""
    @property
    def confidence(self) -> float:
        """How sure the model is: a fraction, from 0 to 1."""
    @property
    def value(self) -> float:
        """What the action was made from: a fraction, be it a difference of probabilities or an expected return."""
    @property
    def model_id(self) -> str:
        """Which model it was."""
    @property
    def features(self) -> NDArray[np.float64]:
        """What the model saw: float64 (n,), an array of its own."""
    @property
    def ts(self) -> int:
        """When the features were taken, ns UTC."""
    @property
    def expires(self) -> int:
        """From when on it says nothing any more, ns UTC."""

@final
class Question:
    """What a strategy asks its model: for :meth:`Kernel.answer`, from whoever has the model."""

    @property
    def strategy(self) -> str:
        """Name of the strategy."""
    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def ts(self) -> int:
        """When it was asked, ns UTC."""
    @property
    def lifetime_ns(self) -> int:
        """How long an answer holds from ``ts`` on, ns."""
    @property
    def features(self) -> NDArray[np.float64]:
        """What the strategy saw: float64 (n,), an array of its own."""

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
    risk : RiskLimits, optional
        Limits; none if not given.
    events : EventBus, optional
        What is told of all that happens, each time an input has been taken.

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
        candle_interval: DurationLike | None = None,
        stop_run_on_error: bool = False,
        keeps_journal: bool = False,
        cost_basis: str = "average",
        debug_checks: bool = False,
        risk: RiskLimits | None = None,
        events: EventBus | None = None,
    ) -> Kernel: ...
    def add_market(self, instrument: Instrument, *, basis: str = "l2", mark_source: str = "mid") -> int:
        """Add an instrument and return its index.

        ``basis``: ``l2`` full depth, ``l1`` top-of-book quotes. Positions in it are valued by ``mark_source``: ``mid``,
        ``mark`` or ``last``.
        """
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
        """Call ``on_start`` of every strategy. Balances and listings may be told before.

        One that was stopped starts again: timers are gone, executions and groups go on where an order of theirs is
        open, and books are ``STALE`` until they are told anew.
        """
    def stop(self, at_ns: int) -> None:
        """Call ``on_stop`` of every strategy, their last hook; reports are still booked after it."""
    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped, and not started again."""
    def pause(self, at_ns: int) -> None:
        """Refuse everything but cancels."""
    def resume(self, at_ns: int) -> None:
        """Go on after :meth:`pause`, :meth:`kill`, or where limits have stopped somebody: losses count anew."""
    def kill(self, at_ns: int) -> None:
        """Cancel all orders, close all positions, and refuse everything but cancels.

        Positions are closed by reduce-only market orders; what is left of them is sent again ten times a second, when
        :meth:`next_due` says, until nothing is held.
        """
    def order(
        self,
        at_ns: int,
        strategy: str,
        market: int,
        side: Side | str | int,
        qty: _Number,
        price: _Number | None = None,
        *,
        type: OrderType | str | int | None = None,
        trigger_price: _Number | None = None,
        trigger: Literal["last", "mark", "mid"] | None = None,
        trailing_offset: _Number | None = None,
        time_in_force: TimeInForce | str | int | None = None,
        expires_at: int | datetime | None = None,
        post_only: bool | Literal["slide"] = False,
        reduce_only: bool = False,
        display_qty: _Number | None = None,
    ) -> int:
        """Send a person's order on behalf of a strategy, with the terms of :meth:`Context.submit`; return its id.

        Raises
        ------
        OrderError
            When no venue could be asked for it.
        """
    def cancel(self, at_ns: int, order: int) -> bool:
        """Ask for an order to be cancelled, whoever's it is; return whether there was anything to ask for."""
    def cancel_all(self, at_ns: int, strategy: str, market: int | None = None) -> int:
        """Ask for every open order of a strategy to be cancelled, in one market or in all; return how many.

        Executions and groups there end, too.
        """
    def replace(
        self,
        at_ns: int,
        order: int,
        *,
        price: _Number | None = None,
        qty: _Number | None = None,
        trigger_price: _Number | None = None,
        trailing_offset: _Number | None = None,
    ) -> bool:
        """Ask for new terms of an order, whoever's it is; return whether there was anything to ask for.

        What is not given stays as it is; ``qty`` is the total, what has been filled included; the rest as in
        :meth:`Context.replace`.

        Raises
        ------
        OrderError
            When no venue could be asked for them, as of a market order.
        """
    def hold(self, at_ns: int, strategy: str) -> None:
        """Refuse everything but cancels of one strategy, until :meth:`release`; its orders stay."""
    def stop_strategy(self, at_ns: int, strategy: str) -> None:
        """Hold a strategy as stopped: its orders, executions and groups are cancelled, and it stays so when held."""
    def release(self, at_ns: int, strategy: str) -> None:
        """Let a strategy go on after :meth:`hold` or :meth:`stop_strategy`."""
    def rearm(self, at_ns: int, strategy: str) -> None:
        """Start a strategy that has failed once more: it follows what it did at first, and its ``on_start`` is called.

        It stays as it is where its features have failed, and in a session that was stopped.
        """
    def set_parameters(self, at_ns: int, strategy: str, values: str) -> None:
        """Give parameters of a strategy new values: a JSON object, which :meth:`Strategy.check_changes` has passed.

        A strategy that does not take them has failed, as by any hook that raises.
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
    def decoded(self, at_ns: int, market: int, decoder: FeedDecoder) -> None:
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
        trigger_price: _Number | None = None,
    ) -> None:
        """Deliver a venue's word on an order.

        A report on an order nobody knows, or one that contradicts what is known, is kept for reconciliation.

        Parameters
        ----------
        at_ns, market
            When it reached us, and the order's market.
        kind : str
            ``accepted``, ``rejected``, ``fill``, ``cancelled``, ``cancel_rejected``, ``replaced``, ``reduced`` or
            ``repriced`` (by the venue, on its own), ``replace_rejected``, ``triggered``, ``expired`` or ``unknown`` (no
            answer came); or where the order stands now, by the words of :class:`~tradecore.types.OrderStatus`.
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
        trigger_price : number, optional
            Of an order that was replaced and waits: where it is set off from now on, or how far it trails, where that
            was moved.
        """
    def notice(self, notice: Notice) -> None:
        """Deliver what a simulated exchange tells, as it is and when it arrives.

        Raises
        ------
        InvalidValueError
            For a notice of a market that the kernel does not have; money that is moved in it has no place either.
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
    @property
    def followed_version(self) -> int:
        """How many times it has changed what :meth:`followed` returns: a count that only grows."""
    def followed(self) -> list[tuple[str, int, list[str]]]:
        """Return what strategies follow now: hooks they override, and what they asked for while running.

        Returns
        -------
        list of (str, int, list of str)
            The strategy, the market and its topics, as ``ctx.subscribe`` takes them; ``bars`` for bars of any kind.
        """
    def drain(self) -> list[Command]:
        """Take the commands that may go to their venues, in the order they were sent."""
    def carry_refusals(self, at_ns: int) -> None:
        """Leave it to the driver from now on to bring refusals of our own back, as late as a venue's answers."""
    def refusals(self) -> list[Refusal]:
        """Take the commands that were refused since :meth:`carry_refusals`, for :meth:`SimExchange.refuse`."""
    def questions(self) -> list[Question]:
        """Take what strategies ask their models, in the order they asked. Each is to be answered by :meth:`answer`."""
    def answer(
        self,
        at_ns: int,
        question: Question,
        action: int = 0,
        confidence: float = 0.0,
        value: float = 0.0,
        *,
        model_id: str = "",
        problem: str | None = None,
    ) -> None:
        """Deliver what a model says to a question, or why it says nothing.

        Parameters
        ----------
        at_ns, question
            When the answer arrives, and the question it is to.
        action : SignalAction or int
            1 for buy, 0 for hold, -1 for sell.
        confidence : float
            From 0 to 1.
        value : float
            What the action was made from.
        model_id : str
            Which model it was.
        problem : str, optional
            Why there is no signal; the rest does not count then.
        """
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
    def replay(
        self, journal: bytes, *, sent: list[tuple[int, Command]] | None = None, told: list[Notice] | None = None
    ) -> tuple[int | None, bytes]:
        """Take the inputs of a journal, or of a piece of one that ends with an entry; its commands are not sent.

        Where ``sent`` is a list, each command that would have left is appended to it, with when it would have (ns UTC);
        where ``told`` is one, each report on an order that is open or ended a short while ago, a :class:`Notice`. What
        came after the failure of a strategy that ended its session is taken as well; see :attr:`failures`.

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
    def known_orders(self) -> dict[str, Any]:
        """Return orders that :meth:`take_tables` has not given yet, open or ended a short while ago, as columns."""
    @property
    def inputs(self) -> int:
        """How many inputs this kernel took, those of :meth:`replay` with them, where it keeps its journal."""
    @property
    def now_ns(self) -> int:
        """The time of the newest input, ns UTC; 0 before any."""
    def book(self, market: int, depth: int = 20) -> tuple[BookState, int, list[tuple[str, str]], list[tuple[str, str]]]:
        """Return so many levels of a market's book: its state, the venue's time of it (ns UTC), bids and asks.

        Sides are lists of ``(price, qty)``, best first, in quote currency and contracts (spot: base units), as text.
        """
    def orders(self) -> list[tuple[str, Order]]:
        """Return the open orders of all strategies, oldest first, each with the name of its strategy."""
    @property
    def gate(self) -> str:
        """Whether orders may be sent at all: ``active``, ``paused`` or ``killed``, by a person or a strategy."""
    def account_state(self, account: int = 0) -> dict[str, Any]:
        """Return what is known of an account, to be compared with what its venue says.

        The fields of an :class:`~tradecore.reconcile.AccountState`, orders and executions as far as they are open or
        ended a short while ago.
        """
    def client_id(self, order: int) -> str | None:
        """Return the client id of an order that is open or ended a short while ago; None of any other."""
    @property
    def forgotten_before_ns(self) -> int:
        """Time, ns UTC: :meth:`account_state` tells no more of orders that ended before it; 0 while it tells of all."""
    @property
    def limits(self) -> list[dict[str, Any]]:
        """Every limit and what it stands at, as :attr:`Result.risk <tradecore.Result.risk>` has them in ``limits``."""
    @property
    def positions(self) -> list[dict[str, Any]]:
        """What each strategy holds of each instrument, at its mark now.

        Each has ``strategy``, ``instrument``, ``qty`` in contracts (spot: base units), ``avg_entry_price`` in quote
        currency, ``realized_pnl``, ``unrealized_pnl``, ``fees``, ``funding``, ``interest`` and ``cash`` in the
        settlement currency, ``fills``, their number, and what they came to as ``volume`` and ``turnover``.
        """
    @property
    def trading(self) -> dict[str, str]:
        """What every strategy may do, by name: ``active``, ``reducing``, ``paused``, ``stopped`` or ``halted``."""
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
    throttled : bool
        Whether a change of the size may be several events in one; for the tracked models.

    Raises
    ------
    InvalidValueError
        When there is no such model, or a number is out of range.

    Examples
    --------
    >>> queue = tc.QueueSimulator("conservative", 100)
    >>> queue.trade(60), queue.front
    (0, 40.0)
    >>> queue.trade(60)
    20
    """

    def __new__(
        cls,
        model: str,
        displayed: int,
        *,
        lot: int = 1,
        unit: float = 1.0,
        seed: int = 0,
        throttled: bool = False,
    ) -> QueueSimulator: ...
    def trade(self, qty: int, *, shown: bool = False) -> int:
        """Let a trade happen at the order's price and return how much of it reaches the order, in increments.

        It is ``shown`` when the displayed size shrank by it already.
        """
    def depth(self, previous: int, new: int) -> None:
        """Change the displayed size of the level from ``previous`` to ``new``, in increments."""
    @property
    def front(self) -> float:
        """Quantity ahead of the order, in increments."""

@final
class PositionLedger:
    """A position of one instrument, booked fill by fill with exact money in the settlement currency.

    Parameters
    ----------
    instrument : Instrument
        Gives grid, contract and fees.
    cost_basis : "average", "fifo" or "lifo"
        Which part of a position a fill closes: a share of all of it, what was opened first, or last.

    Examples
    --------
    >>> ledger = tc.PositionLedger(tc.find_instrument("BTCUSDT.SYNTH"))
    >>> ledger.apply("buy", 60000, 1)
    Decimal('0')
    >>> ledger.apply("sell", 60100, 1, maker=True)
    Decimal('100')
    >>> ledger.position(60100)["fees"]
    Decimal('24')
    """

    def __new__(cls, instrument: Instrument | str, *, cost_basis: str = "average") -> PositionLedger: ...
    def value(self, price: _Number, qty: _Number) -> Decimal:
        """Return the value of a quantity, in contracts (spot: base units), at a price, in the settlement currency.

        Raises
        ------
        OffGridError
            When price or quantity lie between two increments; of every method.
        InvalidValueError
            When the price is not above 0, or the quantity is negative; of every method.
        RunError
            When the value, or a sum of the account, is beyond 10^21 of the currency; of every method.
        """
    def fee(self, price: _Number, qty: _Number, *, maker: bool) -> Decimal:
        """Return the fee of a fill, in the settlement currency; negative is a rebate."""
    def apply(self, side: _Side, price: _Number, qty: _Number, *, maker: bool = False) -> Decimal:
        """Book a fill with its fee and return the profit it realised, before the fee, in the settlement currency."""
    def position(self, mark: _Number) -> dict[str, Any]:
        """Return the position marked at a price.

        A dictionary of ``qty`` in contracts (spot: base units), ``avg_entry_price`` in quote currency, and, in the
        settlement currency, ``realized_pnl``, ``unrealized_pnl``, ``fees``, ``cash`` and ``equity``.
        """

@final
class RealizedVolatility:
    """Rolling realised volatility ``sqrt(sum r^2 / sum dt)`` of a mid, price units per square root of a second.

    Parameters
    ----------
    window : int
        Steps, up to 10,000,000.
    half_life_s : float, optional
        Smoothing of the squared volatility over time, seconds; none if not given.

    Raises
    ------
    InvalidValueError
        When there is no such window, or the half-life is not above 0.

    Examples
    --------
    >>> volatility = tc.RealizedVolatility(100)
    >>> volatility.update(0, 100.0)
    >>> volatility.update(1_000_000_000, 100.5)
    0.5
    """

    def __new__(cls, window: int, half_life_s: float | None = None) -> RealizedVolatility: ...
    def update(self, ts_ns: int, mid: float) -> float | None:
        """Take a sample of the mid at a time, ns UTC, and return the volatility; None before the second one.

        Raises
        ------
        InvalidValueError
            When the mid is no number up to 1e100.
        """

@final
class IntensityEstimator:
    """Rolling estimate of ``A exp(-k d)``, the rate of fills at a distance of ``d`` ticks from the mid.

    Parameters
    ----------
    bin_ticks : float
        Spacing of the distances ``(j + 1/2) * bin_ticks``, ticks.
    bins : int
        How many distances, up to 100,000.
    window : int
        Intervals, up to 10,000,000; the deepest trade of each counts.

    Raises
    ------
    InvalidValueError
        When one of them is not above 0, or too many.

    Examples
    --------
    >>> intensity = tc.IntensityEstimator(bins=3)
    >>> for deepest in (0.8, 1.1, 2.9, 0.7, 1.8, 0.9, 0.6, 1.3):
    ...     intensity.trade(deepest)
    ...     intensity.end_interval(1.0)
    >>> fit = intensity.fit()
    >>> round(fit["a"], 2), round(fit["k"], 2)
    (1.72, 1.14)
    """

    def __new__(cls, *, bin_ticks: float = 1.0, bins: int = 100, window: int = 120) -> IntensityEstimator: ...
    def trade(self, depth_ticks: float) -> None:
        """Take a trade, by its distance in ticks from the mid at the start of the interval.

        Raises
        ------
        InvalidValueError
            When it is no number.
        """
    def end_interval(self, seconds: float) -> None:
        """End an interval of that length, in seconds.

        Raises
        ------
        InvalidValueError
            When it is negative, or longer than 1e10 s.
        """
    def fit(self, *, method: str = "weighted") -> dict[str, float] | None:
        """Return ``a`` (fills a second), ``k`` (per tick), ``r2`` and ``points``; None without a sound fit.

        Method ``weighted`` (by counts) or ``ols``. A fit needs three distances that trades have reached.

        Raises
        ------
        InvalidValueError
            When there is no such method.
        """

def parse_duration(text: DurationLike | int) -> int:
    """Return a length of time such as ``"100ms"``, ``"1s"``, ``"5m"`` in ns.

    Raises
    ------
    InvalidValueError
        When it is not one, or negative.
    """

def format_duration_ns(ns: int) -> str:
    """Return a length of time, given in ns, as text in the largest unit that divides it."""

def format_span_ns(ns: int) -> str:
    """Return a length of time, given in ns, as people say it: the two largest units that are not 0, or seconds."""

def equal_within(level: float, change: float) -> float:
    """Return what equal changes of an equity differ by at most, at levels and with changes up to such."""

def few_changes_text(changes: int, period_ns: int, span_ns: int) -> str:
    """Return why there are no statistics of so few changes of a period, in so long a time, ns."""

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
        Mid (price), inventory (any unit of quantity), time left.
    gamma, sigma, k : float
        Risk aversion (per price and unit of quantity), volatility (price per square root of time), decay of the fill
        rate (per price).

    Returns
    -------
    dict of float64 (n,)
        ``reservation, spread, bid, ask``: ``r = s - q gamma sigma^2 tau`` and
        ``spread = gamma sigma^2 tau + (2 / gamma) ln(1 + gamma / k)``.

    Raises
    ------
    InvalidValueError
        When the arrays differ in length, a parameter is negative (or ``k`` 0), or a quote of finite numbers is none.

    Examples
    --------
    >>> import numpy as np
    >>> quotes = tc.avellaneda_stoikov_quotes(
    ...     np.array([100.0]), np.array([1.0]), np.array([1.0]), gamma=0.1, sigma=2.0, k=1.5
    ... )
    >>> quotes["reservation"].tolist(), quotes["bid"].round(2).tolist(), quotes["ask"].round(2).tolist()
    ([99.6], [98.75], [100.45])
    """

@final
class OrderGroup:
    """Orders that depend on each other, to watch and to cancel: what ``ctx.bracket``, ``oco`` and ``oto`` return.

    Valid only inside a hook: it shows what is known at ``ctx.now_ns``. What became of its orders is in
    ``result.orders``, with ``group`` and ``role``. A handle is no plain data: keep ``group_id`` in what a strategy
    saves, and ask ``ctx.group(group_id)``.

    Examples
    --------
    >>> group = ctx.bracket("BTCUSDT.SYNTH", "buy", 1, 59990, stop_loss=59900, take_profit=60100)
    >>> group
    <OrderGroup 1 bracket BTCUSDT.SYNTH, working>
    >>> [(order.role, order.price) for order in group.orders]
    [('entry', 59990.0)]
    >>> group.cancel()
    True
    """

    @property
    def group_id(self) -> int:
        """Number of the group in the run: 1, 2, 3 ... in the order they were made."""
    @property
    def kind(self) -> str:
        """How its orders depend on each other: ``oco``, ``bracket`` or ``oto``."""
    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def state(self) -> str:
        """Where it stands: ``working``, ``cancelling``, ``closing``, ``done``, ``cancelled`` or ``failed``.

        ``closing``: its orders are cancelled, and what must not stay open is closed at the market.
        """
    @property
    def reason(self) -> str | None:
        """Why it did not come to its proper end, such as ``post_only_would_cross``; None where it did or may."""
    @property
    def is_done(self) -> bool:
        """Whether nothing happens to it any more."""
    @property
    def open_qty(self) -> float:
        """Of a bracket: quantity the entry has filled and no leg has, in contracts (spot: base units)."""
    @property
    def over_qty(self) -> float:
        """Quantity that legs filled beyond what there was and was undone, in contracts (spot: base units)."""
    @property
    def orders(self) -> list[Order]:
        """The newest order of each role that has one, the first one first; those that ended long ago are left out."""
    @property
    def order_ids(self) -> list[int]:
        """Number of each of its orders, role by role in the order they were sent."""
    def order(self, role: str) -> Order | None:
        """Return the newest order of a role; None where none was sent, or it ended long ago.

        Roles are ``entry``, ``stop_loss``, ``take_profit`` of a bracket, ``leg`` of one-cancels-other, ``first`` and
        ``then`` of one-triggers-other, and ``close`` of what closes at the market. Of several, it is the last.

        Raises
        ------
        InvalidValueError
            For another role.
        """
    def cancel(self) -> bool:
        """Ask to cancel all its orders; False when there is nothing to cancel. What it has filled stays as it is."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Execution:
    """An execution, to watch and to cancel: what ``ctx.execute`` returns. Valid only inside a hook.

    It shows what is known at ``ctx.now_ns``; what became of it is in ``result.executions``. A handle is no plain data:
    keep ``execution_id`` in what a strategy saves, and ask ``ctx.execution(execution_id)``.

    Examples
    --------
    >>> execution = ctx.execute("peg", "BTCUSDT.SYNTH", "buy", 1, limit=59000)
    >>> execution
    <Execution 1 peg buy 0.000 of 1.000 BTCUSDT.SYNTH, working>
    >>> execution.progress, execution.arrival_price, execution.cancel()
    (0.0, 60000.05, True)
    """

    @property
    def execution_id(self) -> int:
        """Number of the execution in the run: 1, 2, 3 ... in the order they were started."""
    @property
    def instrument(self) -> str:
        """Id of the instrument."""
    @property
    def algorithm(self) -> str:
        """Its algorithm: that of ``ctx.execute``, or ``route``."""
    @property
    def side(self) -> Side:
        """Buy or sell."""
    @property
    def qty(self) -> float:
        """The whole quantity, in contracts (spot: base units)."""
    @property
    def filled(self) -> float:
        """Quantity filled so far, in contracts (spot: base units)."""
    @property
    def remaining(self) -> float:
        """Quantity that is left, in contracts (spot: base units)."""
    @property
    def progress(self) -> float:
        """Share of the quantity that is filled, a fraction from 0 to 1."""
    @property
    def state(self) -> str:
        """Where it stands: ``working``, ``cancelling``, ``filled``, ``cancelled``, ``expired`` or ``failed``."""
    @property
    def reason(self) -> str | None:
        """Why its last order was refused; None where none was."""
    @property
    def is_done(self) -> bool:
        """Whether nothing happens to it any more."""
    @property
    def arrival_price(self) -> float | None:
        """The mid when it was started, in quote currency; None while nothing is known of the market."""
    @property
    def average_price(self) -> float | None:
        """Price of its fills on average, in quote currency; None before the first."""
    @property
    def slippage_bps(self) -> float | None:
        """The average price against the arrival price, basis points: positive is worse. None before the first fill."""
    @property
    def participation(self) -> float | None:
        """Share of all that was traded since the start, its own fills included, a fraction; None where nothing was."""
    @property
    def order_ids(self) -> list[int]:
        """Number of each of its orders, in the order they were sent."""
    def cancel(self) -> bool:
        """End it: its order is cancelled and no other is sent. False when it has ended, or was cancelled before."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Slippage:
    """What taking a quantity would cost against a reference price.

    Prices are in quote currency, quantities in contracts (spot: base units). ``str(estimate)`` says it in a line.

    Examples
    --------
    >>> book = tc.L2Book(tc.find_instrument("BTCUSDT.SYNTH"))
    >>> for side, price, qty in [("bid", 99, 1), ("ask", 101, 1), ("ask", 103, 2)]:
    ...     book.set(side, price, qty)
    >>> estimate = tc.exec.slippage(book, "buy", 2)
    >>> estimate.average_price, estimate.worst_price, estimate.bps
    (102.0, 103.0, 200.0)
    """

    @property
    def bps(self) -> float:
        """The average price against the reference, basis points: positive is worse for the taker."""
    @property
    def average_price(self) -> float:
        """Price on average, in quote currency, of all that can be priced."""
    @property
    def worst_price(self) -> float:
        """Price of the last level taken, in quote currency; beyond the display where the law of impact has it."""
    @property
    def reference_price(self) -> float:
        """The price it is counted from, in quote currency."""
    @property
    def displayed_qty(self) -> float:
        """Quantity taken from levels on display, in contracts (spot: base units)."""
    @property
    def beyond_qty(self) -> float:
        """Quantity beyond them, in contracts (spot: base units), priced by the law of impact."""
    @property
    def unfilled_qty(self) -> float:
        """Quantity in contracts (spot: base units) that is not on display, where no law was given to price it."""

def slippage(
    book: L2Book | BookView,
    side: _Side,
    qty: _Number,
    *,
    reference: Literal["mid", "touch"] = "mid",
    volatility: float | None = None,
    daily_volume: float | None = None,
    y: float | None = None,
) -> Slippage | None:
    """Return what taking a quantity at once would cost against a book; None where there is no reference price.

    Levels on display are walked first. What they do not hold is priced by the square-root law of impact, ``y *
    volatility * sqrt(qty / daily_volume)``, from the last level on, where volatility and volume are given; without them
    it is ``unfilled_qty`` and not part of the average.

    Parameters
    ----------
    book : L2Book or BookView
        Is not changed.
    side : Side or str
        Of the taker: ``buy`` goes through the asks, ``sell`` through the bids.
    qty : Decimal, str, int or float
        Quantity in contracts (spot: base units).
    reference : "mid" or "touch"
        The price it is counted from: half-way between the best prices, or the best of the side that is taken from.
    volatility : float, optional
        Standard deviation of a day's return, a fraction: 0.03 for 3 %.
    daily_volume : float, optional
        Quantity traded a day, in the unit of ``qty``.
    y : float, optional
        Coefficient of the law, 1 if not given; from 0.5 to 1 as published, to be fitted to one's own fills.

    Raises
    ------
    OffGridError
        When the quantity lies between two increments.
    InvalidValueError
        Naming the parameter, for numbers out of range, and for a volatility without a volume or the reverse.

    Examples
    --------
    >>> book = tc.L2Book(tc.find_instrument("BTCUSDT.SYNTH"))
    >>> for side, price, qty in [("bid", 99, 1), ("ask", 101, 1)]:
    ...     book.set(side, price, qty)
    >>> tc.exec.slippage(book, "buy", 4).unfilled_qty
    3.0
    >>> round(tc.exec.slippage(book, "buy", 4, volatility=0.02, daily_volume=400).bps, 2)
    104.21
    """

def volume_curve(
    ts_ns: NDArray[np.int64], qty: NDArray[np.float64], *, start: int, duration: DurationLike, slices: int
) -> list[float]:
    """Return a volume curve for a schedule, learnt from trades of the past.

    Of each part it is what was traded at that time of day, over all days there are: what ``ctx.execute("vwap", ...)``
    takes as its ``curve``.

    Parameters
    ----------
    ts_ns : int64 (n,)
        Times of the trades, ns UTC.
    qty : float64 (n,)
        Their quantities, in any unit.
    start : int
        When the schedule begins, ns UTC.
    duration : duration
        How long it is.
    slices : int
        Its parts.

    Returns
    -------
    list of float
        Volume of each part, in the unit of ``qty``.

    Raises
    ------
    InvalidValueError
        Naming the parameter that is out of range, and for trades of which none lies at that time of day.

    Examples
    --------
    >>> import numpy as np
    >>> hour = 3_600_000_000_000
    >>> tc.exec.volume_curve(np.array([hour, 2 * hour]), np.array([1.0, 3.0]), start=hour, duration="2h", slices=2)
    [1.0, 3.0]
    """

def reconcile_account(
    known: AccountState, venue: VenueAccount, instruments: Sequence[Instrument]
) -> list[dict[str, Any]]:
    """Return what is to be done so that what we know is what a venue says, one dictionary an action.

    It is the core of :func:`tradecore.reconcile.reconcile`, which says what the values are.
    """

def impact_bps(qty: float, *, daily_volume: float, volatility: float, y: float | None = None) -> float:
    """Return where the square-root law of impact has the price, in basis points.

    It is ``1e4 * y * volatility * sqrt(qty / daily_volume)``.

    Parameters
    ----------
    qty, daily_volume : float
        What is taken, and what is traded a day, in one unit.
    volatility : float
        Standard deviation of a day's return, a fraction: 0.02 for 2 %.
    y : float
        Coefficient of the law.

    Raises
    ------
    InvalidValueError
        Naming the parameter that is out of range.

    Examples
    --------
    >>> round(tc.exec.impact_bps(1_000, daily_volume=100_000, volatility=0.02), 6)
    20.0
    """

def twap_slices(total: int, slices: int) -> list[int]:
    """Return how a quantity is cut into equal parts, as a TWAP does: what does not divide goes to the earlier ones.

    Parameters
    ----------
    total : int
        Lots to cut.
    slices : int
        Parts.

    Returns
    -------
    list of int
        Lots of each part; they sum to ``total``.

    Raises
    ------
    InvalidValueError
        Naming the parameter that is out of range.

    Examples
    --------
    >>> tc.exec.twap_slices(100, 3)
    [34, 33, 33]
    """

def vwap_slices(total: int, curve: Sequence[float] | NDArray[np.float64]) -> list[int]:
    """Return how a quantity is cut in proportion to a volume curve, as a VWAP does.

    Each part gets the whole lots of its share; the rest goes one by one to the largest remainders, of equal ones to the
    earlier part.

    Parameters
    ----------
    total : int
        Lots to cut.
    curve : float64 (n,)
        Volume expected in each part, in any unit.

    Returns
    -------
    list of int
        Lots of each part; they sum to ``total``.

    Raises
    ------
    InvalidValueError
        Naming the parameter that is out of range.

    Examples
    --------
    >>> tc.exec.vwap_slices(25, [10, 20, 5, 15, 50])
    [3, 5, 1, 4, 12]
    """

def iceberg_slices(total: int, display: int) -> list[int]:
    """Return what an iceberg order shows, one after another.

    Parameters
    ----------
    total, display : int
        Lots of the order, and on display at a time.

    Raises
    ------
    InvalidValueError
        Naming the parameter that is out of range, and for more than 100,000 parts.

    Examples
    --------
    >>> tc.exec.iceberg_slices(10, 3)
    [3, 3, 3, 1]
    """

def pov_target(rate: float, market_volume: float, total: float) -> float:
    """Return how much a POV order is to have done when the others have traded so much.

    ``rate / (1 - rate) * market_volume``, which is the rate of all volume, its own included; never more than the total.

    Parameters
    ----------
    rate : float
        Share of all volume, between 0 and 1.
    market_volume : float
        What the others have traded since the start.
    total : float
        The whole order, in the same unit.

    Raises
    ------
    InvalidValueError
        Naming the parameter that is out of range.

    Examples
    --------
    >>> tc.exec.pov_target(0.2, 100, 30), tc.exec.pov_target(0.2, 1000, 30)
    (25.0, 30.0)
    """

def almgren_chriss(
    qty: float,
    duration: float,
    slices: int,
    *,
    sigma: float,
    eta: float,
    gamma: float = 0.0,
    epsilon: float = 0.0,
    risk_aversion: float = 0.0,
) -> dict[str, Any]:
    """Return the schedule of Almgren and Chriss (2000) and what it is expected to cost.

    Parameters
    ----------
    qty : float
        What is to be sold or bought.
    duration : float
        Time for it, in the unit of time of the other parameters (days, mostly).
    slices : int
        Equal steps.
    sigma : float
        Volatility: price by square root of time.
    eta, gamma : float
        Temporary impact (price by rate of trading) and permanent impact (price by quantity).
    epsilon : float
        Fixed cost of trading, a price: half the spread.
    risk_aversion : float
        1 / money; at 0 the schedule is a straight line.

    Returns
    -------
    dict
        ``holdings`` float64 (slices + 1,) and ``trades`` float64 (slices,) in the unit of ``qty``; ``kappa``, 1 / time;
        ``half_life``, the time in which the position falls by the factor e (None for a straight line);
        ``expected_cost`` and ``variance``.

    Raises
    ------
    InvalidValueError
        Naming the parameter that is out of range; ``eta`` has to be more than ``gamma`` times half a step's length.

    Examples
    --------
    >>> plan = tc.exec.almgren_chriss(
    ...     1_000_000, 5, 5, sigma=0.95, eta=2.5e-6, gamma=2.5e-7, epsilon=0.0625, risk_aversion=1e-6
    ... )
    >>> plan["trades"].round().tolist()
    [458044.0, 252101.0, 141957.0, 85756.0, 62142.0]
    >>> round(plan["expected_cost"])
    911227
    """

def implementation_shortfall(
    side: _Side,
    qty: float,
    *,
    decision_price: float,
    fills: Sequence[Sequence[float]],
    end_price: float,
    fees: float = 0.0,
) -> dict[str, float]:
    """Return what an order came to cost against the price at which it was decided (Perold 1988).

    Parameters
    ----------
    side : Side or str
    qty : float
        The whole order.
    decision_price, end_price : float
        The price when it was decided, and when what is left was given up.
    fills : sequence of (float, float)
        Quantity and price of each fill.
    fees : float
        Money paid besides.

    Returns
    -------
    dict of float
        ``execution_cost`` of what was filled, ``opportunity_cost`` of what was not, ``total_cost`` with fees, in money,
        and ``bps`` of the whole order at the decision price.

    Raises
    ------
    InvalidValueError
        Naming the parameter that is out of range, and for more filled than ordered.

    Examples
    --------
    >>> cost = tc.exec.implementation_shortfall(
    ...     "buy", 1000, decision_price=100, fills=[(300, 100.2), (500, 100.6)], end_price=101, fees=12
    ... )
    >>> round(cost["total_cost"], 6), round(cost["bps"], 6)
    (572.0, 57.2)
    """

def glft_coefficients(
    *, gamma: float, sigma: float, a: float, k: float, delta: float = 1.0, xi: float | None = None
) -> dict[str, float]:
    """Return ``c1, c2, half_spread, skew`` of the GLFT closed form; ``xi`` is ``gamma`` if not given.

    Parameters
    ----------
    gamma, xi : float
        Risk aversion, per tick and unit of quantity.
    sigma : float
        Volatility, ticks per square root of a second.
    a, k : float
        Rate of fills ``a exp(-k d)`` at ``d`` ticks from the mid: per second, and per tick.
    delta : float
        What one filled quote adds to the inventory.

    Returns
    -------
    dict of float
        ``half_spread`` in ticks, ``skew`` in ticks for a unit of inventory, and the two constants they come from.

    Raises
    ------
    InvalidValueError
        When ``a``, ``k`` or ``delta`` is not above 0, another one negative, or a result no finite number.

    Examples
    --------
    >>> quote = tc.glft_coefficients(gamma=0.1, sigma=0.5, a=1.0, k=1.5)
    >>> round(quote["half_spread"], 3), round(quote["skew"], 3)
    (0.722, 0.153)
    """

def feature_definitions() -> list[dict[str, Any]]:
    """Return what features there are: name, unit, formula, warm-up and parameters (name, what it takes, default)."""

def fit_microprice(
    imbalance: NDArray[np.float64],
    spread: NDArray[np.float64],
    mid: NDArray[np.float64],
    *,
    buckets: int = 10,
    spreads: int = 3,
    terms: int = 6,
) -> list[float]:
    """Fit Stoikov's microprice: how far the mid is expected to move, by imbalance and spread.

    States are pairs of an imbalance bucket and a spread in ticks; with every observation its mirror image is counted.
    The adjustment is ``G1 + B G1 + B^2 G1 + ...`` with ``G1 = (I - Q)^-1 R1 K`` and ``B = (I - Q)^-1 R2``, of ``terms``
    terms. Pass the table to the feature ``stoikov_microprice(table=[...], buckets=...)``.

    Parameters
    ----------
    imbalance : float64 (n,)
        The bid's share of the quantity at the best prices, of books one after the other.
    spread, mid : float64 (n,)
        In ticks.
    buckets, spreads : int
        Buckets of the imbalance, and the widest spread in ticks.
    terms : int

    Returns
    -------
    list of float
        Adjustments in ticks, a row of ``buckets`` for each spread; NaN for what was never seen.

    Raises
    ------
    InvalidValueError
        For columns that differ in length, too many states, and data from which nothing follows.

    Examples
    --------
    >>> import numpy as np
    >>> up = np.tile([0.9, 0.1], 50)
    >>> mid = np.tile([100.0, 101.0], 50)
    >>> [round(x, 3) for x in tc.features.fit_microprice(up, np.ones(100), mid, buckets=2, spreads=1)]
    [0.0, 0.0]
    """

def microprice_adjustments(
    q: Sequence[Sequence[float]],
    r1: Sequence[Sequence[float]],
    k: Sequence[float],
    r2: Sequence[Sequence[float]],
    *,
    terms: int = 6,
) -> list[float]:
    """Return Stoikov's adjustments from matrices that are known: ``terms`` terms of ``G1 + B G1 + B^2 G1 + ...``.

    Parameters
    ----------
    q, r1, r2 : list of list of float
        By state: probabilities of the next state without a move of the mid, of each move, of the next state with one.
    k : list of float
        The moves.
    terms : int

    Raises
    ------
    InvalidValueError
        For matrices that do not fit each other, or states that never lead to a move.

    Examples
    --------
    >>> from tradecore._core import microprice_adjustments
    >>> stay, move = [[0.5, 0.1], [0.1, 0.5]], [[0.3, 0.1], [0.1, 0.3]]
    >>> [round(x, 6) for x in microprice_adjustments(stay, move, [-0.5, 0.5], [[0.2, 0.2], [0.2, 0.2]], terms=1)]
    [-0.166667, 0.166667]
    """

def fit_intensity(
    distances: NDArray[np.float64], counts: NDArray[np.uint64], seconds: float, *, method: str = "weighted"
) -> dict[str, float] | None:
    """Fit ``counts / seconds = a exp(-k distances)``.

    Parameters
    ----------
    distances : float64 (n,)
        From the mid, in ticks or another unit of price.
    counts : uint64 (n,)
        How often a trade reached beyond each.
    seconds : float
        Time they were counted over.
    method : "weighted" or "ols"
        Least squares of the log rate, weighted with the counts or plain.

    Returns
    -------
    dict of float, or None
        ``a`` (per second), ``k`` (per unit of distance), ``r2``, ``points``; None with fewer than three counts above 0
        or a rate that does not fall.

    Raises
    ------
    InvalidValueError
        When there is no such method, or no such time.

    Examples
    --------
    >>> import numpy as np
    >>> fit = tc.fit_intensity(np.array([0.5, 1.5, 2.5]), np.array([100, 37, 14], dtype=np.uint64), 10.0)
    >>> round(fit["a"], 1), round(fit["k"], 2)
    (16.4, 0.99)
    """

def latency_legs(latency: Latency) -> list[tuple[int, str] | None]:
    """Return the legs of a latency, each with the least it takes, ns, and its text.

    Raises
    ------
    InvalidValueError
        Naming the first leg that is neither a length of time nor a model.
    """

def fit_latencies(latencies: NDArray[np.int64]) -> tuple[str, int, int, list[int]]:
    """Fit a latency model to latencies, int64 ns (n,).

    Returns
    -------
    tuple
        The model's text, how many latencies it was made of, how many were left out because they are negative, and the
        latencies that 50, 90, 99 and 99.9 % did not exceed, ns.

    Raises
    ------
    InvalidValueError
        For fewer than 20 latencies that are not negative.
    """

def check_columns(instrument: str, columns: _Columns, previous: int | None = None) -> None:
    """Raise DataError naming the first row that breaks a rule of events, or begins before the time ``previous``, ns."""

def check_part(part: _PartFile, *, whole: bool = False) -> None:
    """Raise CatalogError if a part is not Parquet with the event columns and its rows, or not what was written.

    Parameters
    ----------
    part : tuple
        As :class:`EventStream` is given it.
    whole : bool
        Whether to read all of it, rather than what says how it is laid out.
    """

def checksum(data: bytes) -> str:
    """Return the checksum of bytes as manifests have it: 16 digits."""

def tardis_origin(path: str | PathLike[str]) -> tuple[str, str | None] | None:
    """Return what the beginning of a CSV file of Tardis says of its origin; None if it is another file.

    Returns
    -------
    tuple or None
        The kind of its rows, and the id of the instrument of the first one, None without rows.

    Raises
    ------
    DataError
        When it cannot be read, or has a header that is not.
    """

def tardis_venues() -> dict[str, str]:
    """Return the venues of the exchanges that Tardis has."""

def tardis_venue(exchange: str) -> str:
    """Return the venue that an exchange of Tardis is called here."""

def seal_part(path: str | PathLike[str]) -> str:
    """Return the checksums of a part that was just written, ``END:CHECKSUM`` a row group and one for the rest.

    Raises
    ------
    CatalogError
        When the file cannot be read.
    """

def latencies_of(columns: object) -> str:
    """Return how long the messages of event columns took, hour by hour of receipt, as text.

    ``HOUR:MESSAGES:RANK1,RANK2,RANK4`` for each hour and each 262,144 messages of it at most: hours since 1970, and the
    smallest latencies by rank, ns. A space stands between two, as between the texts of two pieces of the data.

    Parameters
    ----------
    columns : mapping of str to array
        Event columns.
    """

def venue_times(
    ts_event: NDArray[np.int64], ts_recv: NDArray[np.int64], steps: Sequence[tuple[int, int, int]]
) -> NDArray[np.int64]:
    """Return when rows act at the venue, int64 (n,) in ns of our clock, each taken for a message of its own stream.

    Parameters
    ----------
    ts_event, ts_recv : int64 (n,)
        The venue's stamps and the receipts, ns.
    steps : sequence of (int, int, int)
        How its clock stood: from which receipt on, how far it ran ahead, and the shortest that messages took, ns.
    """

def check_strategy_name(name: str) -> None:
    """Raise InvalidValueError for what cannot be the name of a strategy."""

def check_quote_size(instrument: Instrument, quote_qty: _Number, max_position: _Number) -> None:
    """Raise InvalidValueError naming the size that a maker cannot quote in an instrument."""

def touch_orders(
    instrument: Instrument, columns: MemoryColumns, *, qty: int, every: int, hold: int, steady: int
) -> list[tuple[int, int, int, int, int]]:
    """Return orders that join the touch of a market of single orders.

    Of each side in turn, one in ``every`` ns, for ``hold`` ns each: side (1 buys), price and quantity in
    increments, when they come and go, ns. The best prices have stood for ``steady`` ns when one comes, so that a
    feed that fine shows them. Raises InvalidValueError where the data is more than 1,000,000 times as long as
    ``every``.
    """

def replay_orders(
    instrument: Instrument,
    columns: MemoryColumns,
    orders: list[tuple[int, int, int, int, int]],
    models: list[str],
    *,
    granularity_ns: int | None = None,
) -> dict[str, Any]:
    """Let orders come and go in a market, each alone with it, by each of these queue models.

    Returns ``met``, whether a trade printed at an order's price while it was there; ``truth``, what became of
    each where the data tells single orders, else None; ``models``, the same by model; ``granularity_ns``. An
    outcome is the quantity that filled, in increments, when the last of it did, ns or None, whether it came to
    rest, and the sum and number of the errors of what is ahead at trades at its price, model less truth, in
    increments.
    """

def funding_kinds(funding: str) -> list[int]:
    """Return the kinds of events by which funding from a source is paid and valued."""

def venue_balances(venue: SimVenue) -> dict[str, Decimal]:
    """Return what each account of a venue holds at first, Decimal by currency."""

def venue_funding(venue: SimVenue) -> tuple[str, list[int]] | None:
    """Return the file that a venue's funding comes from and when it is paid, ns; None where it comes from no file."""

def taken_at(instrument: Instrument, venue: SimVenue, *, is_real: bool) -> Instrument:
    """Return an instrument of which its venue takes the orders that its settings, a ``SimVenue``, say.

    A real one sets aside what each order of spot would pay, unless accounts may borrow there.
    """

def fill_basis(basis: str, holds: Sequence[int]) -> str:
    """Return what orders fill against by a venue's ``basis`` over data that holds these kinds of events."""

def check_risk(limits: RiskLimits) -> None:
    """Raise InvalidValueError naming the first limit that cannot be one."""

def check_stops(stops: Stops) -> None:
    """Raise InvalidValueError naming the first field of stops that cannot be one."""

def risk_checks() -> list[tuple[str, str, bool]]:
    """Return the checks there are, in order: name of the limit, what it counts, whether it trips the breaker."""

def risk_profile(name: str, capital: Decimal | str | int) -> dict[str, Any]:
    """Return what a profile limits for a capital, by field of RiskLimits, and its percent at risk in a trade.

    Raises
    ------
    InvalidValueError
        For another name, or a capital that is no amount above 0.
    """

def size_position(
    instrument: Instrument,
    capital: Any,
    entry: Any,
    *,
    stop: Any = None,
    risk_pct: Any = None,
    volatility: Any = None,
    target_volatility: Any = None,
    win_rate: Any = None,
    win_loss_ratio: Any = None,
    kelly_cap: Any = None,
    limits: RiskLimits | None = None,
    at_ns: int | None = None,
) -> tuple[Decimal, str]:
    """Return how much to trade, in whole lots, and what it is bound by; see :func:`tradecore.risk.size`."""

def check_venue(venue: SimVenue) -> None:
    """Raise InvalidValueError naming the first setting that a venue cannot have."""

@final
class RecordScan:
    """Finds the records of a file that is read block by block, and checks their sums.

    Parameters
    ----------
    joined : int
        Records of this kind that stand together, but for those that are skipped, come as one.
    skipped : bytes
        Kinds that are left out.
    since : int
        Records that begin before this byte are left out.
    is_packed : bool
        Whether the file is packed, by gzip; bytes count as unpacked.
    """

    def __new__(cls, joined: int, skipped: bytes, *, since: int = 0, is_packed: bool = False) -> Self: ...
    def push(self, block: bytes) -> list[tuple[int, bytes, int]]:
        """Take the next bytes of the file.

        Returns
        -------
        list of (int, bytes, int)
            What is whole by now: kind, record or records, and where the first of them begins.

        Raises
        ------
        OSError
            For what cannot be unpacked.
        """

    def end(self) -> tuple[list[tuple[int, bytes, int]], int, str]:
        """Say that the file is at its end.

        Returns
        -------
        found : list of (int, bytes, int)
            As of :meth:`push`.
        end : int
            Where its last whole record ends.
        rest : str
            What is behind that, as :func:`index_records` says it.

        Raises
        ------
        OSError
            For a packed file that was cut.
        """

def gunzip(packed: bytes) -> bytes:
    """Unpack a gzip file that is small enough for memory.

    Raises
    ------
    OSError
        For bytes that are none, or that were cut.
    """

def index_records(data: bytes) -> tuple[bytes, list[int], str]:
    """Find the records in the bytes of a file, which may end in zeros, and check their sums.

    Returns
    -------
    kinds : bytes
        What each record is, up to the first that is not whole.
    ends : list of int
        Where each ends. The next begins nine bytes behind that.
    rest : str
        What is behind the last: ``""`` for nothing, ``"torn"`` for a record that was cut short, or is not right with
        nothing but zeros behind it, ``"damaged"`` for one that is not right otherwise.
    """

def record_head(kind: int, data: bytes) -> bytes:
    """Return what stands before a record: its length, its sum and its kind, nine bytes.

    Raises
    ------
    InvalidValueError
        For a record of more than 64 MiB, and for the kind 0, which no record has.
    """

def frame_record(kind: int, ts_recv: int, venue: str, data: bytes) -> bytes:
    """Return the record of a frame as it came from a venue, with what stands before it.

    It holds the receipt (ns UTC, 64 bits), the length of the venue's name (16 bits), both little-endian, the name,
    and the bytes.

    Raises
    ------
    InvalidValueError
        As :func:`record_head`, and for a name of more than 256 bytes.
    """

def client_id_of(session: str, strategy: int, order: int) -> str:
    """Return what venues carry for an order: ``<session>-<strategy>-<order>``, the numbers in base 36.

    Parameters
    ----------
    session : str
    strategy : int
        Its place among the strategies of the session.
    order : int
        Our number of the order within the session.
    """

def journal_begins(journal: bytes) -> int | None:
    """Return when the first entry of a journal happened, ns UTC; None for an empty one.

    Raises
    ------
    DataError
        For a journal that is damaged.
    """

def journal_commands(
    journal: bytes, instruments: list[Instrument], *, terms: dict[int, str] | None = None
) -> list[tuple[int, int, str]]:
    """Return the commands of a journal in the order they left.

    Of each there is when it left (ns UTC), the index of its strategy, and the command in words, which name an order by
    its terms. Of a journal that is read in pieces, ``terms`` has those of orders by number, and is added to.

    Raises
    ------
    DataError
        For a journal that is damaged, or of other instruments.
    """

def journal_messages(journal: bytes) -> list[tuple[int, int, dict[str, NDArray[Any]]]]:
    """Return the market data of a journal, message by message.

    Returns
    -------
    list of (int, int, dict)
        When a message was taken (ns UTC), the index of its market, and its event columns: arrays (n,) by name, prices
        and quantities in increments.

    Raises
    ------
    DataError
        For a journal that is damaged.
    """

def book_raster(
    instrument: Instrument,
    events: EventStream | MemoryColumns,
    *,
    start_ns: int,
    end_ns: int,
    columns: int,
    rows: int,
    low: float | None = None,
    high: float | None = None,
) -> dict[str, Any] | None:
    """Paint the book of an instrument over time.

    Parameters
    ----------
    instrument : Instrument
    events : EventStream or MemoryColumns
        Taken over; with the events from the last snapshot before the time on.
    start_ns, end_ns : int
        First and last time, ns UTC: what was received by then.
    columns, rows : int
        Width, and height at most: a row is a price, or as many as have to share one.
    low, high : float, optional
        Prices, quote currency; where the best prices went, with as much again around them, if not given.

    Returns
    -------
    dict or None
        ``shades`` (bytes, row by row from the highest price; 0 for nothing), ``rows``, ``low`` and ``high`` (prices of
        the lower and the upper edge), ``brightest`` (the quantity of the brightest shade), ``bid`` and ``ask`` (list of
        float, NaN where there was none) of each column; None where no best price was seen.

    Raises
    ------
    CatalogError, DataError
        When a file cannot be read, or its rows break a rule of events.
    """

def profit_parts(
    instrument: Instrument,
    groups: NDArray[np.uint32],
    count: int,
    *,
    sides: NDArray[np.int8],
    prices: NDArray[np.float64],
    quantities: NDArray[np.float64],
    mids_at_fill: NDArray[np.float64],
    mids_later: NDArray[np.float64],
    mids_at_end: NDArray[np.float64],
) -> list[list[Decimal]]:
    """Split the profit of an instrument's fills, before fees, and sum it up by group.

    Parameters
    ----------
    instrument : Instrument
    groups : uint32 (n,)
        The group of each fill.
    count : int
        How many groups there are.
    sides : int8 (n,)
        1 of what was bought, -1 of what was sold.
    prices, quantities : float64 (n,)
        On the instrument's grid; quote currency, contracts (spot: base units).
    mids_at_fill, mids_later, mids_at_end : float64 (n,)
        The mid right before each fill, at its horizon, and where its position is marked, quote currency; NaN for one
        that is not known, which is taken to be the one before it, the first of all the price.

    Returns
    -------
    list of list of Decimal
        Of each group ``spread, adverse_selection, inventory`` in the settlement currency, exact.

    Raises
    ------
    InvalidValueError
        For arrays that differ in length, and a group that is not there.
    RunError
        For sums beyond exact money.
    """

def money_text(column: bytes) -> list[str]:
    """Return money of a result table as decimal text.

    Parameters
    ----------
    column : bytes
        16 for each amount, a count of 10^-12 units in the byte order of the machine.
    """

def find_line(path: str | PathLike[str], texts: Sequence[Sequence[str]]) -> int | None:
    """Return the number of the first line of a file, unpacked, in which of each of some lists of texts one stands.

    Parameters
    ----------
    path : path
    texts : list of list of str

    Raises
    ------
    DataError
        When the file cannot be read as far as that line.
    """

def read_head(path: str | PathLike[str], lines: int, size: int) -> list[bytes]:
    """Return the first lines of a file, unpacked; of a zip archive those of its first member.

    Parameters
    ----------
    path : path
    lines : int
        Lines at most.
    size : int
        Bytes at most; the line that goes beyond is the last, and cut.

    Raises
    ------
    DataError
        When it cannot be opened, or its first line cannot be read.
    """

def kline_origin(path: str) -> tuple[str | None, str | None]:
    """Return the symbol and the venue that the path of a file of klines tells; each None where it does not."""

def is_exported(path: str | PathLike[str]) -> bool:
    """Return whether the header of a file, plain or packed, has the columns of events."""

def other_unit(ns: int) -> tuple[str, int] | None:
    """Return in which unit a time that counts ns would be a market's, and that time, ns; None where it is one."""

def not_in_ns(ns: int) -> str | None:
    """Return what is wrong with a time in ns that would be a market's in another unit; None where nothing is."""

def is_kline(lines: Sequence[bytes]) -> bool:
    """Whether a file with these first lines is one of klines of Binance's public data: of their header, or a bar."""

def table_head(
    path: str | PathLike[str], columns: Sequence[tuple[str, str]] | None = None
) -> tuple[str, str, str | None, str | None] | None:
    """Return what a table says about itself: publisher, kind, symbol and venue; None if it is none that is known.

    Symbol and venue are None where the file does not tell.

    Parameters
    ----------
    path : path
    columns : list of (str, str), optional
        What its columns mean, where that is not known.

    Raises
    ------
    DataError
        When it cannot be read, or nothing can be made of what it holds.
    """

def read_note(path: str | PathLike[str], key: str) -> str | None:
    """Return the text that a Parquet file has under a key in its footer, None if it has none.

    Raises
    ------
    CatalogError
        When the file cannot be read.
    """

@final
class EventInterest:
    """Which events of a session a bus wants to be told: what is in none is not made."""

    def __new__(cls) -> Self: ...
    def set(self, names: Sequence[str]) -> None:
        """Want these kinds, by the names of their classes, and no others, from the next input of a session on.

        Raises
        ------
        InvalidValueError
            For a name that is none of :func:`session_event_names`.
        """

def session_event_names() -> list[str]:
    """Return the names of the events that sessions tell, each that of a class of :mod:`tradecore.bus.events`."""

def side_of(word: str) -> int:
    """Return the value of the ``Side`` that a word means: ``buy`` or ``bid``, ``sell`` or ``ask``.

    Raises
    ------
    InvalidValueError
        For any other word.
    """

def order_status_of(word: str) -> int:
    """Return the value of the ``OrderStatus`` that a word means, ours or one of others for the same.

    Raises
    ------
    InvalidValueError
        For any other word.
    """

def vocabulary() -> dict[str, dict[str, int | str]]:
    """Return the words of the core's enums and flags with their values, by the name of the enum."""

def indicator_specs() -> list[dict[str, Any]]:
    """Describe every indicator: names, parameters, inputs, outputs and words about them, a dictionary each."""

def compute_indicator(
    name: str, columns: Sequence[NDArray[np.float64]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[NDArray[np.float64]]:
    """Compute an indicator by name over contiguous float64 arrays; an array for each output."""

def compute_panel(
    name: str, columns: Sequence[NDArray[np.float64]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[NDArray[np.float64]]:
    """Compute an indicator by name over several series at once, a row of a 2-D array each; an array for each output."""

def fractional_weights(d: float, tau: float) -> NDArray[np.float64] | None:
    """Return the weights of a fractional difference, newest first; None where a million do not reach ``tau``."""

@disjoint_base
class Indicator:
    """An indicator that takes a row at a time.

    Its classes are named after the indicators, and take their parameters. What it remembers can be saved, pickled and
    copied; two of them are equal when they will say the same of whatever comes.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self: ...
    @property
    def value(self) -> Any:
        """What the last row gave; NaN before the first one. Of several outputs a named tuple."""
    @property
    def is_ready(self) -> bool:
        """Whether the warm-up is over: whether the last row gave something."""
    @property
    def warm_up(self) -> int:
        """Number of rows before the first one that gives something."""
    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs, in the order in which :meth:`update` takes them."""
    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
    @property
    def params(self) -> dict[str, Any]:
        """Values of the parameters by name."""
    def update(
        self,
        a: float,
        b: float | None = None,
        c: float | None = None,
        d: float | None = None,
        e: float | None = None,
        /,
    ) -> Any:
        """Take the next row, a number for each input, and return what is known after it, NaN during the warm-up.

        Returns
        -------
        float, or tuple of float
            Of several outputs a tuple, in the order of ``outputs``.

        Raises
        ------
        InvalidValueError
            For what is no number, naming the input.
        TypeError
            For too few or too many of them.
        """
    def reset(self) -> None:
        """Forget all rows."""
    def save(self) -> bytes:
        """Return what it is and remembers, as bytes: they are the same on every platform."""
    @classmethod
    def load(cls, state: bytes, /) -> Self:
        """Return one that goes on from saved bytes.

        Raises
        ------
        InvalidValueError
            For bytes that are not of :meth:`save`, or of another indicator.
        """
    def copy(self) -> Self:
        """Return another one that remembers the same."""
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: Any) -> Self: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def __eq__(self, value: object, /) -> bool: ...
    _name: str
    _values: Any
    __hash__: ClassVar[None]  # type: ignore[assignment]

@disjoint_base
class IndicatorBank:
    """Indicators that read the same bars, in one call."""

    def __new__(cls, **indicators: Indicator) -> Self: ...
    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs: that of the indicator, and behind a dot that of its output where it has several."""
    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the columns that are read."""
    @property
    def is_ready(self) -> bool:
        """Whether the warm-up of each is over."""
    def update(
        self, open: float, high: float, low: float, close: float, volume: float, ts: float = ...
    ) -> NDArray[np.float64]:
        """Take the next bar and return what is known after it, float64 in the order of ``names``.

        Parameters
        ----------
        open, high, low, close, volume : float
        ts : float
            Time of the bar, ns UTC, for what asks for it.

        Raises
        ------
        InvalidValueError
            For what is no number.
        """
    def batch(self, columns: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        """Take many bars by columns, empty where none is read; an array for each output."""
    def states(self) -> list[tuple[str, str, bytes]]:
        """Return the indicators in their present state: name, indicator, and what :meth:`Indicator.save` gives."""
    def reset(self) -> None:
        """Forget all bars."""
