"""Settings of a simulated venue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Final, Literal, Self

from tradecore._core import check_venue, format_duration_ns, latency_legs, parse_duration
from tradecore.errors import InvalidValueError
from tradecore.hints import did_you_mean
from tradecore.profiles import profile_settings, profiles
from tradecore.queue_models import FITTED, read_queue_model
from tradecore.validation import DurationLike, by_symbol_text
from tradecore.venue_models import (
    FEE_METHODS,
    LEG_ARGUMENTS,
    QUEUE_METHODS,
    FeeModel,
    LatencyModel,
    QueueModel,
    VenueModel,
    kept_model,
)

__all__ = ["LENGTHS", "Latency", "SimVenue", "check_models", "real_venue", "venue_from_plain", "venue_to_plain"]

_MODEL: Final = "model of one's own"
"""The key of a model's text in a venue's settings as plain data."""
LENGTHS: Final = ("clock_lead", "granularity", "day_begins", "stale_after")
"""Settings that are lengths of time, beside latencies."""
_OF_MARGIN: Final = ("leverage", "maintenance", "liquidation_fee_bps", "option_margin", "insurance")
"""Settings that say nothing where no margin is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Latencies between a strategy and its venue, of each leg a length of time or a model.

    A length of time is text such as ``"5ms"``, or a ``timedelta``. A model is text:

    - ``lognormal(5ms, 0.3)``: median and sigma of the logarithm; with ``least=3ms`` none takes less, and what is above
      is spread so;
    - ``mixture(0.95 lognormal(4ms, 0.2), 0.05 lognormal(50ms, 1))``: one of these, by weights that sum to 1;
    - ``load(4ms, each=20us, window=100ms)``: 20 us more for each message that the instrument had in the last 100 ms;
    - ``series:FILE``: measured latencies, linear in time between two (:func:`fit_latency` writes such a file);
    - ``module:Class``, ``file.py:Class`` or ``module:Class(name=value)``: a class of your own.

    A :class:`LatencyModel <tradecore.LatencyModel>` is an object of such a class.

    Draws are seeded by the run. Nothing overtakes what went the same way before it.

    Parameters
    ----------
    entry : duration, str or LatencyModel
        From sending a request to its effect at the venue.
    response : duration, str or LatencyModel
        From an event of an own order at the venue to our knowledge of it.
    feed : duration, str or LatencyModel, optional
        From a market event at the venue to our knowledge of it; the recorded latency if not given.

    Raises
    ------
    InvalidValueError
        For what is neither a length of time nor a model, a negative time, and a model that lacks a method.

    Examples
    --------
    >>> tc.Latency(entry="2ms", response="1.5ms").response_ns
    1500000
    >>> tc.Latency(entry="lognormal(5000us, 0.30, least=3ms)").entry
    'lognormal(5ms, 0.3, least=3ms)'
    """

    entry: DurationLike | LatencyModel | VenueModel = "5ms"
    response: DurationLike | LatencyModel | VenueModel = "5ms"
    feed: DurationLike | LatencyModel | VenueModel | None = None

    def __post_init__(self) -> None:
        for leg in ("entry", "response", "feed"):
            methods = {"least": (), leg: LEG_ARGUMENTS}
            object.__setattr__(self, leg, kept_model(leg, getattr(self, leg), methods, not_named=("series:",)))
        # One text for each latency, so that equal ones are equal.
        for leg, told in zip(("entry", "response", "feed"), latency_legs(self), strict=True):
            if told is not None and not isinstance(getattr(self, leg), VenueModel):
                object.__setattr__(self, leg, told[1])

    @property
    def entry_ns(self) -> int:
        """The entry latency in ns, of a model the least that it takes."""
        return self._least(0) or 0

    @property
    def response_ns(self) -> int:
        """The response latency in ns, of a model the least that it takes."""
        return self._least(1) or 0

    @property
    def feed_ns(self) -> int | None:
        """The feed latency in ns, of a model the least that it takes, or None for the recorded one."""
        return self._least(2)

    def _least(self, leg: int) -> int | None:
        told = latency_legs(self)[leg]
        return None if told is None else told[0]


def _tier_text(tier: Mapping[str, Any]) -> str:
    """Return a tier of fees as text, such as ``15000000: 1.6/4``."""
    if not isinstance(tier, Mapping) or set(tier) != {"volume", "maker", "taker"}:
        raise InvalidValueError("fees", f"expected tiers with volume, maker and taker, got {tier!r}")
    return f"{tier['volume']}: {tier['maker']}/{tier['taker']}"


@dataclass(frozen=True, slots=True)
class SimVenue:
    """A simulated venue.

    The core reads this value as it is; a configuration's ``[[venues]]`` have the same keys, those of ``latency`` as
    ``entry_latency``, ``response_latency`` and ``feed_latency``.

    Parameters
    ----------
    name : str
        The venue of the instruments it trades, such as ``BINANCE_USDM``.
    based_on : str, optional
        The profile that the settings began with, as :meth:`profile` says it; ``profile`` in a configuration. It sets
        nothing by itself.
    latency : Latency
        Of requests, responses and market data.
    queue : str or QueueModel
        How a resting order advances in its queue: ``tracked`` (the level's own changes tell who stands where; what
        they leave open left from behind), ``tracked_low`` (of equal sizes too), ``tracked_high`` (from ahead),
        ``fitted(n)`` (``(ahead / level)^n`` of it from ahead) or ``fitted:FILE`` (the same with the exponent of such a
        file, which is read at once), ``conservative`` (only trades advance it), ``power(n)``, ``power2(n)``,
        ``power3(n)``, ``log``, ``log2`` (departures ahead of it too, with some probability) or ``depletion`` (each
        trade reaches it with probability ``1 - ahead / displayed``; seeded). ``conservative``, the powers and the
        logarithms also as published for hftbacktest, to compare with it: ``power(3, compat=True)``. Or a
        :class:`QueueModel <tradecore.QueueModel>`, an object of a class of your own, or the text of one to import:
        ``module:Class``, ``file.py:Class``, ``module:Class(name=value)``.
    granularity : duration or "auto"
        How fine the venue's book is: the time whose events its data tells as one message, 0 where each is one. For
        the tracked models. ``auto`` is told by the data: 0 where no more than a quarter of the first 256 messages of
        the book name several levels, else the lower quartile of the time between them.
    maker_fee_bps, taker_fee_bps : Decimal or str, optional
        Fees in basis points of the value traded, negative for a rebate. They go before all other fees; the instrument's
        if there are none.
    fees : str or sequence of mapping, optional
        Fees by the volume of 30 days: ``"0: 2/5, 15000000: 1.6/4"``, or
        ``[{"volume": "0", "maker": "2", "taker": "5"}, ...]``, from a volume in quote currency on, in basis points. An
        account's volume is what it has traded at the venue in the run before, and in the 30 days before the run.
    fee_tier : int, optional
        The tier of ``fees`` that holds, from 0 on, whatever was traded.
    fee_volume : Decimal or str, optional
        What each account had traded in the 30 days before the run; it leaves the count day by day. 0 if not given.
    fee_currency : str, optional
        In which currency fees of spot instruments are paid: one, or ``received`` for the one that is bought; as the
        instrument says if not given.
    fee_token : str, optional
        A token that fees are paid in as far as an account has it: all it needs where there are no ``balances``. Rebates
        are not. It is priced by its mid in a market of the run, or by ``fee_token_price``.
    fee_discount : Decimal or str, optional
        What a fee is less in the token, as a fraction such as ``"0.25"``.
    fee_token_price : Decimal or str, optional
        What the token is worth in settlement currency.
    option_fee : str, optional
        Of options: ``"0.0003, 0.125"``, so much of the underlying, at most that share of the premium. Of what settles
        in cash the underlying is worth its last index price, the strike where there is none.
    outcome_fee : Decimal or str, optional
        Of binaries, paid by takers: ``qty x outcome_fee x price x (1 - price)``, rounded to 5 decimals.
    delivery_fee : str, or mapping of str to str, optional
        What the settlement of a position at expiry costs, of an ``option`` and a ``future``: a rate of what is
        delivered, the most it may be of what is paid out, and which expiries are charged for, ``fridays`` or
        ``last_fridays`` (of their month, UTC), all if not said: ``{"option": "0.00015, 0.125, fridays", "future":
        "0.00025, last_fridays"}``.
    basis : "auto", "l2", "l1", "trades" or "bars"
        What orders fill against: the full book, the top-of-book quotes as a book of one level a side, or, without a
        book, trades or bars that the venue published. ``auto`` takes the first of these that the data has.
    clock_lead : duration or "auto"
        How far the venue's clock ran ahead of ours when the data was recorded. ``auto`` measures it for each hour:
        just enough that no message arrives before it happened, but for few whose stamps may be wrong.
    wrong_stamps : "set_aside" or "refuse"
        What becomes of a venue's stamp that lies more than a second behind its receipt once the clocks are set right.
        ``set_aside``: it is counted, and its message acts as fast as the fastest of its hour, as all are that lie
        behind; ``refuse``: the run ends with a ``DataError`` that names the row.
    stale_after : duration
        After so long without a message of its market what is known of it is old: the result counts such times
        (``silences``), and those in which a position was open (``stale_marks``).
    mark_source : "mid", "mark" or "last"
        What positions are valued at, for equity, unrealised profit and limits: the middle of the best prices, the last
        mark price that the venue published, or the last trade; the mid as long as there was no other, and where the
        data has none (``Result.mark_source``). Margin is kept by the venue's own mark in any case.
    uncross : "drop-older" or "off"
        What is done about a book that stays locked or crossed for a second of receive time, as one does of which the
        removal of a level was lost. ``drop-older`` removes the levels of the side that was not touched for longer;
        with ``off`` such a book takes no orders for as long as it lasts.
    impact : str, or mapping of str to str, optional
        How far what an account took moves the prices that it meets afterwards, a fraction of the price:
        ``"sqrt(volatility=0.02, volume=20000)"`` is ``y x volatility x sqrt(taken / volume)``, with the volatility and
        the quantity traded of a day (contracts; spot: base units). Also ``y=0.7`` (1 if not said) and ``recovery=30s``
        (``1m``), in which half of what was taken is forgotten. By symbol like ``leverage``. Not at all if not given.
    accounts : "shared" or "isolated"
        What the strategies of a run, each with an account of its own, are to each other. ``shared``: they see what
        the others took and trade with each other. ``isolated``: each is alone with the market, as in a run of its own.
    balances : mapping of str to Decimal or str, or str, optional
        What each account holds at first, by currency, such as ``{"BTC": "0.5", "USDT": 1000}`` or
        ``"0.5 BTC, 1000 USDT"``; of what is not named, nothing. With it an order in spot, a binary or an option that
        would pay what the account does not hold is refused (``insufficient_balance``). If not given, accounts hold
        whatever they need.
    borrowing : "refused" or "allowed"
        Whether balances may go below zero.
    borrow_rate : str, or mapping of str to str, optional
        What that costs where it is allowed: a rate of what is owed at whole multiples of an interval, such as
        ``"0.00001 every 1h"``, or rates by currency, ``"*"`` for all others: ``{"USDT": "0.00001 every 1h", "BTC":
        "0.000002 every 1h"}``. Paid in the currency that is owed on the most that was owed in the interval
        (``interest`` of the result); nothing if not given.
    margin : "off", "cross" or "isolated"
        Whether linear, inverse and quanto contracts, and options that were written, need margin, and what stands behind
        a position: all that the account has in its settlement currency, or what was put behind it. The collateral is
        ``balances``. An order that the account cannot margin is refused (``insufficient_margin``), a position whose
        maintenance margin is no longer covered at the mark is liquidated: see the page "How orders fill", "Margin and
        liquidation".
    leverage : int, str, or mapping of str to either
        How many times its margin a position may be worth: one for all contracts, or by symbol, ``"*"`` for all others:
        ``{"BTCUSDT": 20, "*": 5}``, as text ``"BTCUSDT: 20; *: 5"``.
    maintenance : str, or mapping of str to str
        Maintenance margin as a fraction of the position's value: a rate, or brackets by that value in the settlement
        currency with the rate in each, and its least initial margin behind a slash if it has one:
        ``"0.004/0.008 to 50000, 0.005/0.01 to 250000"``; beyond the last end no position is let in. By symbol like
        ``leverage``. ``"brackets:FILE"`` reads a CSV of
        ``symbol,notional_floor,notional_cap,initial_rate,maintenance_rate,maintenance_amount``.
    liquidation_fee_bps : Decimal or str, optional
        What a liquidation costs, in basis points of the value closed; what a taker pays if not given.
    option_margin : str
        What written options ask with margin, as fractions of the underlying's value: initial margin at the money, its
        least, maintenance margin. Deribit's if not given: see "Options and binaries" there.
    insurance : "fund" or "none"
        Whether what the book does not take at the price of bankruptcy goes to an insurance fund at that price, or a
        liquidated position is closed at any price, and the account owes what it cost beyond its margin.
    funding : str
        What is paid for positions in perpetual contracts: ``data``, by the funding rates of the data; ``off``;
        a rate at whole multiples of an interval, ``"0.0001 every 8h"``, or so long after them,
        ``"0.0001 every 8h from 4h"``; or ``series:FILE``, a CSV of ``ts_ns,rate``.
        Paid on what is held at that time, valued at the mark price, else the index price, else the mid.
    self_trade : "cancel_newest", "cancel_oldest", "cancel_both" or "decrement"
        What happens instead when a strategy's order meets another one of its own: what is left of the incoming order
        expires, the resting one does, both do, or both lose the smaller of the two quantities. An order that expires
        so has the reason ``self_trade``.
    amend : "keeps_place", "loses_place" or "unsupported"
        Whether a replacement that leaves the price and lowers the quantity keeps the order's place in its queue, as on
        most venues, or every replacement goes to the end, as Binance USD-M does. Any other one goes to the end.
        ``unsupported``: there are none, and :meth:`Context.quote` cancels and sends anew.
    amend_crossing : "refused" or "cancelled"
        What becomes of a replacement by which a post-only order would take: it is refused and the order stays, or it is
        refused and the order ends, as on Binance USD-M. It never takes.
    reduce_only : "shrinks", "refused" or "unsupported"
        What becomes of a reduce-only order that is larger than what it may reduce; ``unsupported``: there are none.
    day_begins : duration
        When the venue's day begins, after midnight UTC: orders for the day end then. Deribit's begins at ``"8h"``.
    order_types, times_in_force, post_only, triggers : str or iterable of str
        Which kinds of orders the venue takes, how long they may live, what may become of post-only ones that would take
        (``reject``, ``slide``), and what may set stops off: some of these words, ``any`` or ``none``. An order that the
        venue does not take raises :class:`~tradecore.errors.UnsupportedOrderError` where it is sent; a simulated venue
        that is sent one all the same refuses it (``unsupported``).
    iceberg : "accepted" or "unsupported"
        Whether the venue takes orders that show a part of themselves.
    amend_trigger : "accepted" or "unsupported"
        Whether a replacement may move what sets an order off that waits: the trigger's price, or how far it trails.

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
    based_on: str | None = field(default=None, kw_only=True)
    latency: Latency = field(default_factory=Latency, kw_only=True)
    queue: str | QueueModel | VenueModel = field(default="tracked", kw_only=True)
    granularity: DurationLike = field(default="auto", kw_only=True)
    maker_fee_bps: Decimal | str | int | None = field(default=None, kw_only=True)
    taker_fee_bps: Decimal | str | int | None = field(default=None, kw_only=True)
    fees: str | Iterable[Mapping[str, Decimal | str | int]] | FeeModel | VenueModel | None = field(
        default=None, kw_only=True
    )
    fee_tier: Decimal | str | int | None = field(default=None, kw_only=True)
    fee_volume: Decimal | str | int | None = field(default=None, kw_only=True)
    fee_currency: str | None = field(default=None, kw_only=True)
    fee_token: str | None = field(default=None, kw_only=True)
    fee_discount: Decimal | str | int | None = field(default=None, kw_only=True)
    fee_token_price: Decimal | str | int | None = field(default=None, kw_only=True)
    option_fee: str | None = field(default=None, kw_only=True)
    outcome_fee: Decimal | str | int | None = field(default=None, kw_only=True)
    delivery_fee: str | None = field(default=None, kw_only=True)
    basis: Literal["auto", "l2", "l1", "trades", "bars"] = field(default="auto", kw_only=True)
    clock_lead: DurationLike = field(default="auto", kw_only=True)
    wrong_stamps: Literal["set_aside", "refuse"] = field(default="set_aside", kw_only=True)
    stale_after: DurationLike = field(default="1m", kw_only=True)
    mark_source: Literal["mid", "mark", "last"] = field(default="mid", kw_only=True)
    uncross: Literal["drop-older", "off"] = field(default="drop-older", kw_only=True)
    impact: Mapping[str, str] | str | None = field(default=None, kw_only=True)
    accounts: Literal["shared", "isolated"] = field(default="shared", kw_only=True)
    self_trade: Literal["cancel_newest", "cancel_oldest", "cancel_both", "decrement"] = field(
        default="cancel_newest", kw_only=True
    )
    balances: Mapping[str, Decimal | str | int] | str | None = field(default=None, kw_only=True)
    borrowing: Literal["refused", "allowed"] = field(default="refused", kw_only=True)
    borrow_rate: Mapping[str, str] | str | None = field(default=None, kw_only=True)
    funding: str = field(default="data", kw_only=True)
    margin: Literal["off", "cross", "isolated"] = field(default="off", kw_only=True)
    leverage: Mapping[str, str | int] | str | int = field(default="1", kw_only=True)
    maintenance: Mapping[str, str] | str = field(default="0.005", kw_only=True)
    liquidation_fee_bps: Decimal | str | int | None = field(default=None, kw_only=True)
    option_margin: str = field(default="0.15, 0.1, 0.075", kw_only=True)
    insurance: Literal["fund", "none"] = field(default="fund", kw_only=True)
    amend: Literal["keeps_place", "loses_place", "unsupported"] = field(default="keeps_place", kw_only=True)
    amend_crossing: Literal["refused", "cancelled"] = field(default="refused", kw_only=True)
    reduce_only: Literal["shrinks", "refused", "unsupported"] = field(default="shrinks", kw_only=True)
    day_begins: DurationLike = field(default="0ns", kw_only=True)
    order_types: str | Iterable[str] = field(default="any", kw_only=True)
    times_in_force: str | Iterable[str] = field(default="any", kw_only=True)
    post_only: str | Iterable[str] = field(default="any", kw_only=True)
    triggers: str | Iterable[str] = field(default="any", kw_only=True)
    iceberg: Literal["accepted", "unsupported"] = field(default="accepted", kw_only=True)
    amend_trigger: Literal["accepted", "unsupported"] = field(default="accepted", kw_only=True)

    @classmethod
    def profile(cls, profile: str, **settings: Any) -> Self:
        """Return a venue with the rules, fees and usual latencies of a real one.

        Parameters
        ----------
        profile : str
            A venue of the table in the documentation: ``BINANCE``, ``BINANCE_USDM``, ``BINANCE_COINM``,
            ``BYBIT``, ``BYBIT_SPOT``, ``COINBASE``, ``DERIBIT``, ``POLYMARKET`` or ``BITMEX``.
        **settings
            What shall be another than there. ``name`` is the profile's if not given.

        Raises
        ------
        InvalidValueError
            For a profile or a setting there is none of.

        Examples
        --------
        >>> venue = tc.SimVenue.profile("BINANCE_USDM", queue="power(3)")
        >>> venue.name, venue.amend, venue.queue
        ('BINANCE_USDM', 'loses_place', 'power(3)')
        """
        given = profile_settings(profile)
        legs = given.pop("latency")
        known = [own.name for own in fields(cls)]
        for name in settings:
            if name not in known:
                raise InvalidValueError(name, f"is no setting of a venue{did_you_mean(name, known)}")
        latency = settings.pop("latency", None) or Latency(**legs)
        return cls(**{"name": profile, **given, **settings}, latency=latency, based_on=profile)

    def __post_init__(self) -> None:
        if self.based_on is not None:
            profile_settings(self.based_on)
        for name in ("order_types", "times_in_force", "post_only", "triggers"):
            if not isinstance(given := getattr(self, name), str) and isinstance(given, Iterable):
                object.__setattr__(self, name, ", ".join(given) or "none")
        object.__setattr__(self, "fees", kept_model("fees", self.fees, FEE_METHODS, not_named=()))
        if isinstance(self.fees, Iterable) and not isinstance(self.fees, str):
            object.__setattr__(self, "fees", ", ".join(map(_tier_text, self.fees)))
        if isinstance(self.balances, Mapping):
            # One text for equal balances.
            held = ", ".join(f"{amount} {currency}" for currency, amount in self.balances.items())
            object.__setattr__(self, "balances", held)
        for name in ("leverage", "maintenance", "borrow_rate", "impact", "delivery_fee"):
            object.__setattr__(self, name, by_symbol_text(getattr(self, name)))
        if isinstance(self.queue, str) and self.queue.startswith(FITTED):
            object.__setattr__(self, "queue", read_queue_model(self.queue.removeprefix(FITTED)).queue)
        object.__setattr__(self, "queue", kept_model("queue", self.queue, QUEUE_METHODS, not_named=(FITTED,)))
        check_venue(self)
        self._refuse_idle()
        for name in LENGTHS:
            if (given := getattr(self, name)) != "auto":
                object.__setattr__(self, name, format_duration_ns(parse_duration(given)))

    def _refuse_idle(self) -> None:
        """Refuse what is said of margin where none is kept: it would say nothing."""
        for own in fields(self):
            if self.margin == "off" and own.name in _OF_MARGIN and getattr(self, own.name) != own.default:
                raise InvalidValueError(own.name, 'is of margin, and there is none: say margin="cross" or "isolated"')


def check_models(venue: SimVenue) -> None:
    """Refuse a venue of which a model of one's own is known by its name alone.

    Raises
    ------
    InvalidValueError
    """
    kept = {
        "queue": venue.queue,
        "fees": venue.fees,
        **{leg.name: getattr(venue.latency, leg.name) for leg in fields(venue.latency)},
    }
    for name, model in kept.items():
        if isinstance(model, VenueModel) and model.model is None:
            raise InvalidValueError(name, f"of {model} the name alone is known; give the model itself")


def venue_to_plain(venue: SimVenue) -> dict[str, Any]:
    """Return a venue's settings as plain data, by :func:`venue_from_plain` to be made a venue again.

    Of a model of one's own there is its text.
    """
    plain: dict[str, Any] = {}
    for own in fields(venue):
        value = getattr(venue, own.name)
        if isinstance(value, Latency):
            plain[own.name] = {leg.name: _plain(getattr(value, leg.name)) for leg in fields(value)}
        else:
            plain[own.name] = _plain(value)
    return plain


def _plain(value: Any) -> Any:
    return {_MODEL: value.text} if isinstance(value, VenueModel) else value


def venue_from_plain(plain: Mapping[str, Any]) -> SimVenue:
    """Make a venue of what :func:`venue_to_plain` told; nothing is imported."""
    legs = {name: _known(value) for name, value in plain["latency"].items()}
    rest = {name: _known(value) for name, value in plain.items() if name != "latency"}
    return SimVenue(latency=Latency(**legs), **rest)


def _known(value: Any) -> Any:
    return VenueModel(value[_MODEL], None) if isinstance(value, Mapping) and set(value) == {_MODEL} else value


def real_venue(name: str) -> SimVenue:
    """Return what a real venue is known to be like: its profile, or what takes every order where there is none."""
    return SimVenue.profile(name) if name in profiles() else SimVenue(name)
