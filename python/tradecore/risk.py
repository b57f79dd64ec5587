"""Limits on orders, positions and losses, stops, and how much to trade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from tradecore._core import (
    RiskBreach,
    RiskView,
    check_risk,
    check_stops,
    format_duration_ns,
    parse_duration,
    risk_checks,
    risk_profile,
    size_position,
)
from tradecore.errors import InvalidValueError
from tradecore.instruments import find_instrument
from tradecore.validation import DurationLike, by_symbol_text

if TYPE_CHECKING:
    from tradecore._core import Instrument

__all__ = ["RiskBreach", "RiskLimits", "RiskView", "Size", "Stops", "size"]

_LIMITS: tuple[str, ...] = tuple(name for name, _, _ in risk_checks())
"""The names of all limits, in the order in which they are checked."""

_LENGTHS: tuple[str, ...] = tuple(name for name, counts, _ in risk_checks() if counts == "duration")
"""Those that are lengths of time."""

SCOPES = ("venues", "instruments", "strategies")

_Number: TypeAlias = "Decimal | str | int | float"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Stops:
    """What closes a position by itself: set with limits (``stops`` of :class:`RiskLimits`), or by ``ctx.protect``.

    A distance is a percentage such as ``"2%"``, of the average entry price where nothing else is said, or a number of
    ticks such as ``"25 ticks"``. Each fires once for a position, whose exit is a reduce-only market order in whole
    lots, sent again until that much is closed: over a gap it fills where the market is. What closes all of a position
    cancels what its strategy has working in the instrument, and until it is closed only ``reduce_only`` orders of it
    pass there.

    Parameters
    ----------
    stop_loss : str, Decimal or int, optional
        The loss that is cut, as a distance, or the price it is cut at; the distance follows the average entry price
        when something is added.
    trailing : str, optional
        The distance from the best price since, of which a percentage is taken; it only comes closer.
    trailing_from : str, optional
        The gain from which on ``trailing`` holds; from the beginning if not given.
    take_profit : str, Decimal, int or sequence of pairs, optional
        The gain, or the price, at which all is closed; or a ladder of these, each with the share of the largest
        quantity held that it closes.
    break_even : str, optional
        The gain from which on the average entry price is the stop.
    time : duration, optional
        How long a position is held.
    max_loss : Decimal, str or int, optional
        The most that the open quantity may lose, before fees, in the settlement currency.
    trigger : "mid", "last" or "mark"
        Which price is looked at: the middle of the book, each trade, or the venue's mark; the middle stands for what
        was never told. In a market without a book it is what is printed there.

    Raises
    ------
    InvalidValueError
        Naming the first field that cannot be one.

    Examples
    --------
    >>> tc.Stops(stop_loss="2%", take_profit=[("1%", 0.5), ("2%", 0.5)], time="1h")
    Stops(stop_loss='2%', take_profit=(('1%', 0.5), ('2%', 0.5)), time='1h')
    """

    stop_loss: Decimal | str | int | None = None
    trailing: str | None = None
    trailing_from: str | None = None
    take_profit: Decimal | str | int | Sequence[tuple[Decimal | str | int, Decimal | str | float]] = ()
    break_even: str | None = None
    time: DurationLike | None = None
    max_loss: Decimal | str | int | None = None
    trigger: Literal["mid", "last", "mark"] = "mid"

    def __post_init__(self) -> None:
        object.__setattr__(self, "take_profit", _ladder(self.take_profit))
        check_stops(self)
        if self.time is not None:
            object.__setattr__(self, "time", format_duration_ns(parse_duration(self.time)))

    def __repr__(self) -> str:
        return f"Stops({_told(self)})"


def _ladder(given: Any) -> tuple[tuple[Any, Any], ...]:
    """Return a ladder of rungs; what is no sequence closes all at once."""
    if given is None:
        return ()
    if isinstance(given, str | Decimal | int):
        return ((given, 1),)
    try:
        return tuple((at, share) for at, share in given)
    except (TypeError, ValueError):
        problem = f"expected a distance, a price, or pairs of one and a share, got {given!r}"
        raise InvalidValueError("take_profit", problem) from None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RiskLimits:
    """Limits on orders, positions and losses; one that is None does not hold.

    Given to a backtest it holds for every account, which each strategy of a backtest has of its own; ``venues``,
    ``instruments`` and ``strategies`` hold further sets for what an account has at a venue, in an instrument, or by a
    strategy. An order is held against all sets it falls under. Limits of a single instrument, such as
    ``max_position_qty``, hold in a wider set for every instrument in it; sums are over the set. What is counted in
    several currencies is counted apart.

    Quantities are in contracts (spot: base units), notionals in the quote currency, profit in the settlement currency.
    Exposure counts everything that works on the side of the order, each at its own price, positions at the mid; a
    market order counts at the worst price its walk of the book meets. An order that truly reduces a position, with all
    that works against it counted, passes all limits unless trading is halted.

    Parameters
    ----------
    max_order_qty, max_order_notional, min_order_notional : Decimal, str or int
        Of one order.
    max_position_qty, max_position_notional : Decimal, str or int
        What is held in an instrument once all orders of a side have filled, whichever way it points.
    max_gross_qty, max_gross : Decimal, str or int
        Sum over the instruments, quantities and notionals, each without its sign.
    max_net_qty, max_net : Decimal, str or int
        The same with their signs.
    max_leverage : Decimal, str or int
        Gross value over ``capital`` plus profit.
    max_margin_use : Decimal, str or int
        Initial margin of all that may be held over ``capital`` plus profit: ``"0.5"`` is half of it. It is counted by
        ``leverage``.
    max_open_orders, max_open_positions : int
        Orders that are open, and instruments held or with orders that would open a position.
    max_order_rate, max_message_rate : str or int
        New orders and replacements, and all requests with cancels, in a sliding window: ``"100 per 10s"``; a number
        alone is per second. Cancels are counted, not refused.
    collar_touch_bps, collar_last_bps : Decimal, str or int
        How far a price may be worse than the best price of the other side, and than the last trade.
    fat_finger_bps : Decimal, str or int
        How far a limit price may lie from the mid, to either side.
    max_book_age : duration
        Age of the newest thing known of the market.
    max_signal_age : duration
        Age of what the strategy's newest signal in the instrument was made of, expired or not; where it never had a
        signal nothing is held against it.
    synced_book : bool
        Whether the book has to be in sync and not crossed.
    max_daily_loss, max_drawdown : Decimal, str or int
        Loss since the day began, and since equity was highest: realised, unrealised, fees and funding. They trip.
    max_consecutive_losses : int
        Round trips in a row that lost, after fees. It trips.
    max_trades_per_day : int
        Orders that traded since the day began.
    trip_reject_rate : str or int
        Orders that venues refused in a window. It only trips, as do the following.
    trip_silence : duration
        How long nothing is known of a market.
    trip_jump_bps : str
        Move of the mid in a window: ``"100 per 5s"``.
    trip_spread_bps : Decimal, str or int
        Spread over mid.
    trip_clock_jump : duration
        How much further ahead, or less, our clock is of the venue's than at the message of the market before.
    capital : Decimal, str or int, optional
        What an account begins with, in the settlement currency; ``max_leverage`` and ``max_margin_use`` need it.
    leverage : int, Decimal, str, or mapping of str to either, optional
        How many times its initial margin a position may be worth, one for all contracts or by symbol, as of
        :class:`SimVenue <tradecore.SimVenue>`; ``max_margin_use`` needs it.
    maintenance : str, Decimal, or mapping of str to str, optional
        Brackets as of :class:`SimVenue <tradecore.SimVenue>`, whose least initial margins count, too.
    risk_per_trade_pct : Decimal, str, int or float, optional
        Percent of the capital that :func:`size` lets be lost at a stop.
    on_trip : "refuse", "reduce", "flatten" or "halt"
        What happens when a limit that trips is reached. ``refuse``: orders are refused for as long as it is.
        ``reduce``: working orders are cancelled unless they are reduce-only, and only orders that reduce a position
        pass. ``flatten``: everything is cancelled, positions are closed by market orders until nothing is held, and
        nothing passes. ``halt``: everything is cancelled and nothing passes.
    cooldown : duration
        How long that holds at least before ``auto_resume``; no less than 1 ms.
    auto_resume : bool
        Whether it ends by itself once the cooldown is over; else a person resumes trading. Losses in a row and the
        highest equity begin anew then; a day that lost too much stays lost until the next one.
    day_begins : duration
        When a day begins, after midnight UTC.
    stops : Stops, optional
        What closes positions by itself. Those of several sets hold together: whichever fires first closes.
    venues, instruments, strategies : mapping of str to RiskLimits
        Further sets, by name of the venue, id of the instrument and name of the strategy: only limits and stops.

    Raises
    ------
    InvalidValueError
        Naming the first limit that cannot be one.

    Examples
    --------
    >>> limits = tc.RiskLimits(
    ...     max_gross=100_000,
    ...     max_order_rate="50 per 1s",
    ...     instruments={"BTCUSDT.BINANCE": tc.RiskLimits(max_position_qty="0.5")},
    ... )
    >>> limits.max_gross, limits.instruments["BTCUSDT.BINANCE"].max_position_qty
    (100000, '0.5')
    """

    max_order_qty: Decimal | str | int | None = None
    max_order_notional: Decimal | str | int | None = None
    min_order_notional: Decimal | str | int | None = None
    max_position_qty: Decimal | str | int | None = None
    max_position_notional: Decimal | str | int | None = None
    max_gross_qty: Decimal | str | int | None = None
    max_gross: Decimal | str | int | None = None
    max_net_qty: Decimal | str | int | None = None
    max_net: Decimal | str | int | None = None
    max_leverage: Decimal | str | int | None = None
    max_margin_use: Decimal | str | int | None = None
    max_open_orders: int | None = None
    max_open_positions: int | None = None
    max_order_rate: str | int | None = None
    max_message_rate: str | int | None = None
    collar_touch_bps: Decimal | str | int | None = None
    collar_last_bps: Decimal | str | int | None = None
    fat_finger_bps: Decimal | str | int | None = None
    max_book_age: DurationLike | None = None
    max_signal_age: DurationLike | None = None
    synced_book: bool | None = None
    max_daily_loss: Decimal | str | int | None = None
    max_drawdown: Decimal | str | int | None = None
    max_consecutive_losses: int | None = None
    max_trades_per_day: int | None = None
    trip_reject_rate: str | int | None = None
    trip_silence: DurationLike | None = None
    trip_jump_bps: str | None = None
    trip_spread_bps: Decimal | str | int | None = None
    trip_clock_jump: DurationLike | None = None
    capital: Decimal | str | int | None = None
    leverage: Mapping[str, Decimal | str | int] | Decimal | str | int | None = None
    maintenance: Mapping[str, str] | Decimal | str | None = None
    risk_per_trade_pct: Decimal | str | int | float | None = None
    on_trip: Literal["refuse", "reduce", "flatten", "halt"] = "reduce"
    cooldown: DurationLike = "1m"
    auto_resume: bool = False
    day_begins: DurationLike = "0ns"
    stops: Stops | None = None
    venues: Mapping[str, RiskLimits] = field(default_factory=dict)
    instruments: Mapping[str, RiskLimits] = field(default_factory=dict)
    strategies: Mapping[str, RiskLimits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.stops is not None and not isinstance(self.stops, Stops):
            raise InvalidValueError("stops", f"expected Stops, got {self.stops!r}")
        for scope in SCOPES:
            _check_sets(scope, getattr(self, scope))
        if self.risk_per_trade_pct is not None:
            _check_percent("risk_per_trade_pct", self.risk_per_trade_pct)
        for name in ("leverage", "maintenance"):
            object.__setattr__(self, name, by_symbol_text(getattr(self, name)))
        check_risk(self)
        for name in (*_LENGTHS, "cooldown", "day_begins"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, format_duration_ns(parse_duration(given)))

    def __repr__(self) -> str:
        return f"RiskLimits({_told(self)})"

    @classmethod
    def profile(
        cls, name: Literal["conservative", "balanced", "aggressive"], capital: Decimal | str | int, **changes: Any
    ) -> RiskLimits:
        """Return the limits of a profile for a capital, in the settlement currency.

        ============  ==============  ==========  ============  ===============  ==============  ========
        profile       risk per trade  daily loss  max drawdown  position value   open positions  leverage
        ============  ==============  ==========  ============  ===============  ==============  ========
        conservative  1 %             5 %         10 %          1 %              3               1
        balanced      2 %             10 %        20 %          2 %              5               1.5
        aggressive    3 %             15 %        30 %          5 %              10              2
        ============  ==============  ==========  ============  ===============  ==============  ========

        The numbers are used together by :func:`size`: the tightest of them wins, so what it sizes is never refused.

        Parameters
        ----------
        name : "conservative", "balanced" or "aggressive"
        capital : Decimal, str or int
        **changes
            Fields that are to be otherwise.

        Examples
        --------
        >>> limits = tc.RiskLimits.profile("balanced", 10_000, on_trip="flatten")
        >>> limits.max_daily_loss, limits.max_position_notional, limits.max_open_positions
        (Decimal('1000'), Decimal('200'), Decimal('5'))
        """
        if unknown := [change for change in changes if change not in _FIELDS]:
            raise InvalidValueError(unknown[0], "is no field of RiskLimits")
        return cls(**{**risk_profile(str(name).lower(), capital), **changes})


_FIELDS = frozenset(each.name for each in fields(RiskLimits))


def needing_synced_books(limits: RiskLimits | None) -> RiskLimits:
    """Return limits by which nothing is added where a book is not in sync, unless they say otherwise themselves."""
    limits = RiskLimits() if limits is None else limits
    return replace(limits, synced_book=True) if limits.synced_book is None else limits


def set_fields(of: RiskLimits | Stops) -> dict[str, Any]:
    """Return the fields that are not as they are by default."""
    default: dict[str, Any] = {each.name: {} if each.name in SCOPES else each.default for each in fields(of)}
    return {name: value for name, other in default.items() if (value := getattr(of, name)) != other}


def _told(of: RiskLimits | Stops) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in set_fields(of).items())


def _check_sets(scope: str, given: Any) -> None:
    if not isinstance(given, Mapping):
        raise InvalidValueError(scope, f"expected limits by name, got {given!r}")
    for name, limits in given.items():
        place = f"{scope}.{name}"
        if not isinstance(name, str) or not isinstance(limits, RiskLimits):
            raise InvalidValueError(place, f"expected RiskLimits, got {limits!r}")
        for own in set_fields(limits):
            if own not in _LIMITS and own != "stops":
                raise InvalidValueError(f"{place}.{own}", "holds for all: it is set with the limits of accounts")


def _check_percent(name: str, given: Any) -> None:
    try:
        percent = float(given)
    except (TypeError, ValueError):
        percent = -1.0
    if not 0 < percent <= 100:
        raise InvalidValueError(name, f"expected a percentage above 0 and at most 100, got {given!r}")


class Size(NamedTuple):
    """How much to trade.

    Attributes
    ----------
    qty : Decimal
        The quantity, in contracts (spot: base units), whole lots; 0 where not even the smallest order is allowed.
    by : str
        What it is bound by: ``risk``, ``volatility``, ``kelly``, or the name of a limit.
    """

    qty: Decimal
    by: str


def size(
    instrument: Instrument | str,
    capital: _Number | None = None,
    entry: _Number | None = None,
    *,
    stop: _Number | None = None,
    risk_pct: _Number | None = None,
    volatility: float | None = None,
    target_volatility: float | None = None,
    win_rate: float | None = None,
    win_loss_ratio: float | None = None,
    kelly_cap: float = 0.25,
    limits: RiskLimits | None = None,
    at_ns: int | None = None,
) -> Size:
    """Return how much to trade: the smallest of what each rule allows, rounded down to whole lots.

    - fixed risk: ``capital * risk_pct / 100`` is lost between ``entry`` and ``stop``;
    - volatility target: a value of ``capital * target_volatility / volatility``;
    - Kelly: the fraction ``win_rate - (1 - win_rate) / win_loss_ratio`` of the capital, between 0 and ``kelly_cap``,
      lost at the stop, or invested where there is none;
    - limits: every one of ``limits`` on an order, a position, a sum, the leverage or margin, for an account that holds
      nothing.

    Parameters
    ----------
    instrument : Instrument or str
    capital : Decimal, str or int
        What there is to lose, in the settlement currency; that of ``limits`` if not given.
    entry : Decimal, str, int or float
        The price it is opened at, in quote currency.
    stop : Decimal, str, int or float, optional
        The price it is given up at.
    risk_pct : Decimal, str, int or float, optional
        Percent of the capital; ``risk_per_trade_pct`` of ``limits`` if not given.
    volatility, target_volatility : float, optional
        Of the price, and the one wanted of the capital, both as fractions over the same time.
    win_rate, win_loss_ratio : float, optional
        The chance to win, and what is won then for one that is lost otherwise.
    kelly_cap : float
        The most of the capital that Kelly's fraction takes.
    limits : RiskLimits, optional
    at_ns : int, optional
        When, ns UTC, for an instrument whose lots have changed; now, as its newest terms say, if not given.

    Returns
    -------
    Size
        ``qty`` and what it is bound ``by``.

    Raises
    ------
    InvalidValueError
        For a term that is missing or out of range.
    UnknownInstrumentError
        For an id without a specification.

    Examples
    --------
    >>> tc.risk.size("BTCUSDT.BINANCE", 10_000, 60_000, stop=58_800, risk_pct=2)
    Size(qty=Decimal('0.16666'), by='risk')
    >>> tc.risk.size("BTCUSDT.BINANCE", entry=60_000, stop=58_800, limits=tc.RiskLimits.profile("balanced", 10_000))
    Size(qty=Decimal('0.00333'), by='max_position_notional')
    """
    if limits is not None:
        capital = limits.capital if capital is None else capital
        if risk_pct is None and stop is not None:
            risk_pct = limits.risk_per_trade_pct
    for name, given in (("capital", capital), ("entry", entry)):
        if given is None:
            raise InvalidValueError(name, "missing")
    spec = find_instrument(instrument) if isinstance(instrument, str) else instrument
    qty, by = size_position(
        spec,
        capital,
        entry,
        stop=stop,
        risk_pct=None if risk_pct is None else float(risk_pct),
        volatility=volatility,
        target_volatility=target_volatility,
        win_rate=win_rate,
        win_loss_ratio=win_loss_ratio,
        kelly_cap=kelly_cap,
        limits=limits,
        at_ns=at_ns,
    )
    return Size(qty, by)
