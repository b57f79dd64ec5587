"""Settings of a simulated venue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from tradecore._core import check_latency, check_venue, format_duration_ns, parse_duration
from tradecore.validation import DurationLike

__all__ = ["Latency", "SimVenue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Constant latencies between a strategy and its venue.

    Parameters
    ----------
    entry : duration
        From sending a request to its effect at the venue: text such as ``"5ms"``, or a ``timedelta``.
    response : duration
        From an event of an own order at the venue to our knowledge of it.
    feed : duration, optional
        From a market event at the venue to our knowledge of it; the recorded latency if not given.

    Raises
    ------
    InvalidValueError
        For what is no length of time, or a negative one.

    Examples
    --------
    >>> tc.Latency(entry="2ms", response="1.5ms").response_ns
    1500000
    """

    entry: DurationLike = "5ms"
    response: DurationLike = "5ms"
    feed: DurationLike | None = None

    def __post_init__(self) -> None:
        check_latency(self)
        # One text for each length of time, so that equal latencies are equal.
        for leg in ("entry", "response", "feed"):
            if (given := getattr(self, leg)) is not None:
                object.__setattr__(self, leg, format_duration_ns(parse_duration(given)))

    @property
    def entry_ns(self) -> int:
        """The entry latency in ns."""
        return parse_duration(self.entry)

    @property
    def response_ns(self) -> int:
        """The response latency in ns."""
        return parse_duration(self.response)

    @property
    def feed_ns(self) -> int | None:
        """The feed latency in ns, or None for the recorded one."""
        return None if self.feed is None else parse_duration(self.feed)


@dataclass(frozen=True, slots=True)
class SimVenue:
    """A simulated venue.

    The core reads this value as it is; a configuration's ``[[venues]]`` have the same keys, those of ``latency`` as
    ``entry_latency``, ``response_latency`` and ``feed_latency``.

    Parameters
    ----------
    name : str
        The venue of the instruments it trades, such as ``BINANCE_USDM``.
    latency : Latency
        Of requests, responses and market data.
    queue : str
        How a resting order advances in its queue: ``conservative`` (only trades advance it), ``power(n)``,
        ``power2(n)``, ``power3(n)``, ``log``, ``log2`` (departures ahead of it too, with some probability) or
        ``depletion`` (each trade reaches it with probability ``1 - ahead / displayed``; seeded). All but the last
        also as published for hftbacktest, to compare with it: ``power(3, compat=True)``.
    maker_fee_bps, taker_fee_bps : Decimal or str, optional
        Fees in basis points of the value traded, negative for a rebate; the instrument's if not given.
    basis : "auto", "l2", "l1", "trades" or "bars"
        What orders fill against: the full book, the top-of-book quotes as a book of one level a side, or, without a
        book, trades or bars that the venue published. ``auto`` takes the first of these that the data has.
    clock_lead : duration or "auto"
        How far the venue's clock ran ahead of ours when the data was recorded. ``auto`` measures it for each hour:
        just enough that no message arrives before it happened, but for few whose stamps may be wrong.
    uncross : "drop-older" or "off"
        What is done about a book that stays locked or crossed for a second of receive time, as one does of which the
        removal of a level was lost. ``drop-older`` removes the levels of the side that was not touched for longer;
        with ``off`` such a book takes no orders for as long as it lasts.
    accounts : "shared" or "isolated"
        What the strategies of a run, each with an account of its own, are to each other. ``shared``: they see what
        the others took and trade with each other. ``isolated``: each is alone with the market, as in a run of its own.
    balances : mapping of str to Decimal or str, or str, optional
        What each account holds at first, by currency, such as ``{"BTC": "0.5", "USDT": 1000}`` or
        ``"0.5 BTC, 1000 USDT"``; of what is not named, nothing. With it a spot order that would pay what the account
        does not hold is refused (``insufficient_balance``). If not given, accounts hold whatever they need.
    borrowing : "refused" or "allowed"
        Whether balances may go below zero.
    self_trade : "cancel_newest", "cancel_oldest", "cancel_both" or "decrement"
        What happens instead when a strategy's order meets another one of its own: what is left of the incoming order
        expires, the resting one does, both do, or both lose the smaller of the two quantities. An order that expires
        so has the reason ``self_trade``.

    Raises
    ------
    InvalidValueError
        With the first setting that a venue cannot have.

    Examples
    --------
    >>> venue = tc.SimVenue("BINANCE_USDM", latency=tc.Latency(entry="3ms"), queue="power(3)", taker_fee_bps="4")
    >>> venue.latency.entry_ns
    3000000
    """

    name: str
    latency: Latency = field(default_factory=Latency, kw_only=True)
    queue: str = field(default="conservative", kw_only=True)
    maker_fee_bps: Decimal | str | int | None = field(default=None, kw_only=True)
    taker_fee_bps: Decimal | str | int | None = field(default=None, kw_only=True)
    basis: Literal["auto", "l2", "l1", "trades", "bars"] = field(default="auto", kw_only=True)
    clock_lead: DurationLike = field(default="auto", kw_only=True)
    uncross: Literal["drop-older", "off"] = field(default="drop-older", kw_only=True)
    accounts: Literal["shared", "isolated"] = field(default="shared", kw_only=True)
    self_trade: Literal["cancel_newest", "cancel_oldest", "cancel_both", "decrement"] = field(
        default="cancel_newest", kw_only=True
    )
    balances: Mapping[str, Decimal | str | int] | str | None = field(default=None, kw_only=True)
    borrowing: Literal["refused", "allowed"] = field(default="refused", kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.balances, Mapping):
            # One text for equal balances.
            held = ", ".join(f"{amount} {currency}" for currency, amount in self.balances.items())
            object.__setattr__(self, "balances", held)
        check_venue(self)
        if self.clock_lead != "auto":
            object.__setattr__(self, "clock_lead", format_duration_ns(parse_duration(self.clock_lead)))
