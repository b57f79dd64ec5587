"""The base class of strategies."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self
from weakref import WeakSet

from tradecore._core import Instrument, check_strategy_name
from tradecore.errors import HookError, InvalidValueError, RunError
from tradecore.strategy.hooks import HOOKS, check_hooks
from tradecore.strategy.parameters import check_parameters, parameter_fields
from tradecore.strategy.predictor import Predictor, check_predictor
from tradecore.strategy.state import decode, encode, is_plain
from tradecore.types import BookState

if TYPE_CHECKING:
    from tradecore._core import (
        Bar,
        BookView,
        Context,
        Execution,
        Fill,
        FundingRate,
        Liquidation,
        OpenInterest,
        Order,
        Payment,
        QuoteView,
        ReferencePrice,
        Signal,
        TradeView,
    )

__all__ = ["Strategy"]


class Strategy:
    """A trading strategy: override the hooks you need; only those cost anything.

    Annotated class attributes are parameters. They are validated when the strategy is built and can be set by
    keyword or from a configuration file:

    >>> class Quoter(Strategy):
    ...     half_spread: int = 2
    >>> Quoter("q1", ["BTCUSDT.SYNTH"], half_spread=3).half_spread
    3

    The hooks: :meth:`on_start` and :meth:`on_stop` once; of the market :meth:`on_book`, :meth:`on_trade`,
    :meth:`on_quote`, :meth:`on_book_state` and :meth:`on_bar`; of what the venue publishes :meth:`on_mark`,
    :meth:`on_index`, :meth:`on_funding`, :meth:`on_open_interest` and :meth:`on_liquidation`; of own orders
    :meth:`on_fill`, :meth:`on_order` and :meth:`on_execution`; of money that the venue moves :meth:`on_payment`; of its
    predictor :meth:`on_signal` and :meth:`on_signal_expired`; and :meth:`on_timer`. When and how often each runs stands
    there, and in a table in :mod:`tradecore.strategy`.

    Every hook takes the context first. The context, and the books and positions it hands out, are valid only inside
    the hook. Everything a hook sees is as it was known at ``ctx.now_ns``, feed latency included. A hook that raises
    stops the strategy and cancels its orders; the other strategies go on. Names that begin with ``on_`` are for hooks
    alone, so that a misspelt one is found when the strategy is built.

    Parameters
    ----------
    name : str
        Unique in a run; 64 characters at most.
    instruments : sequence of str or Instrument
        The instruments it trades, mostly by id; market hooks are called for these.
    **parameters
        Values of the annotated parameters.

    Raises
    ------
    InvalidValueError
        For an unknown, missing or ill-typed parameter, and for what cannot be a name: empty, too long, with white space
        at an end or a character that cannot be printed.
    HookError
        For a name that begins with ``on_`` and is not a hook, and for a hook that cannot take its arguments or is an
        ``async def`` or a generator.
    """

    book_events: ClassVar[Literal["message", "touch"]] = "message"
    """Which book updates call :meth:`on_book`: every one, or only those that move a best price."""

    features: ClassVar[Any] = None
    """A FeatureSet: what ``ctx.features`` gives of its instruments, seen from the first message on. An object may have
    a set of its own: assign it in ``__init__``."""

    changeable: ClassVar[tuple[str, ...]] = ()
    """Parameters that a person may change while it runs; hooks read them anew each time, as ``self.half_spread``."""

    reusable: ClassVar[bool] = False
    """Whether an object may run more than once although it keeps what it saw. A class with a method ``reset()`` is:
    it is called before every further run."""

    name: str
    instruments: tuple[str, ...]

    predictor: Predictor | None = None
    """What ``ctx.predict`` asks; it is set on the object, and it is not saved with its state."""

    def __init__(self, name: str, instruments: Sequence[str | Instrument], **parameters: Any) -> None:
        if not isinstance(name, str) or not name:
            raise InvalidValueError("name", f"a strategy needs a name first, then its instruments; got {name!r}")
        check_strategy_name(name)
        if isinstance(instruments, str | Instrument) or not isinstance(instruments, Iterable):
            problem = f"expected a list of ids such as ['BTCUSDT.BINANCE'], got {instruments!r}"
            raise InvalidValueError("instruments", problem)
        ids = [i.id if isinstance(i, Instrument) else i for i in instruments]
        if wrong := [i for i in ids if not isinstance(i, str)]:
            raise InvalidValueError("instruments", f"expected ids such as 'BTCUSDT.BINANCE', got {wrong[0]!r}")
        if twice := [name for name, times in Counter(ids).items() if times > 1]:
            raise InvalidValueError("instruments", f"{twice[0]!r} is listed twice")
        check_hooks(self)
        self.name = name
        self.instruments = tuple(ids)
        for key, value in check_parameters(type(self), parameters).items():
            setattr(self, key, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {list(self.instruments)!r})"

    @classmethod
    def parameters(cls) -> dict[str, tuple[Any, Any]]:
        """Return the parameters: name to (type, default); the default is ``...`` where there is none."""
        return parameter_fields(cls)

    def check_changes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return new values of parameters as they would be set, those of ``changeable`` alone.

        Raises
        ------
        InvalidValueError
            For a parameter that is unknown or does not change, and for a value that is none of its.
        """
        known = parameter_fields(type(self))
        for name in values:
            if name not in known:
                raise InvalidValueError(
                    name, f"is no parameter of {self.name!r}; there is {', '.join(known) or 'none'}"
                )
            if name not in self.changeable:
                there = ", ".join(self.changeable) or "none"
                raise InvalidValueError(name, f"does not change while {self.name!r} runs; what does: {there}")
        current = {name: getattr(self, name) for name in known}
        checked = check_parameters(type(self), {**current, **values})
        return {name: checked[name] for name in values}

    def _change(self, values: str) -> None:
        """Set parameters from a JSON object, by order of a person."""
        for name, value in self.check_changes(json.loads(values)).items():
            setattr(self, name, value)

    def on_start(self, ctx: Context) -> None:
        """Begin: once, before the first event. Set timers and subscribe here.

        Nothing of the market is known yet: books are empty.
        """

    def on_book(self, ctx: Context, book: BookView) -> None:
        """Handle a changed book: once a message with levels, last of what a message calls.

        In busy markets that is hundreds of times a second; with ``book_events = "touch"`` only when a best price has
        moved. For work at a steady pace, ``ctx.every`` costs less.

        Parameters
        ----------
        book : BookView
            The book after the message.
        """

    def on_trade(self, ctx: Context, trade: TradeView) -> None:
        """Handle a trade: once for each, as often as there are trades in the market.

        The book is as it is after the message that carries the trade.

        Parameters
        ----------
        trade : TradeView
            Price in quote currency, quantity in contracts (spot: base units), side, times in ns UTC.
        """

    def on_quote(self, ctx: Context, quote: QuoteView) -> None:
        """Handle the venue's own best prices: once a message of its top-of-book feed.

        Never, if the data has no quotes; :meth:`on_book` is about the book that is kept from levels.

        Parameters
        ----------
        quote : QuoteView
            Prices in quote currency, quantities in contracts (spot: base units).
        """

    def on_book_state(self, ctx: Context, book: BookView, state: BookState) -> None:
        """Handle a book that was synchronised, or lost: once for each change of its state.

        That is once at the beginning, and twice for every gap in the data.

        Parameters
        ----------
        book : BookView
            The book; its prices mean something only in state ``SYNCED``.
        state : BookState
            The new state.
        """

    def on_mark(self, ctx: Context, mark: ReferencePrice) -> None:
        """Handle the price at which the venue marks positions: as often as it publishes one.

        Parameters
        ----------
        mark : ReferencePrice
            Price in quote currency.
        """

    def on_index(self, ctx: Context, index: ReferencePrice) -> None:
        """Handle the price of an instrument's index: as often as the venue publishes one.

        Parameters
        ----------
        index : ReferencePrice
            Price in quote currency.
        """

    def on_funding(self, ctx: Context, funding: FundingRate) -> None:
        """Handle a funding rate: as often as the venue publishes one, which is more often than it is paid.

        Parameters
        ----------
        funding : FundingRate
            Rate as a fraction of a position's value, and when it is paid, ns UTC.
        """

    def on_open_interest(self, ctx: Context, open_interest: OpenInterest) -> None:
        """Handle the number of open contracts: as often as the venue publishes it.

        Parameters
        ----------
        open_interest : OpenInterest
            Quantity in contracts (spot: base units).
        """

    def on_liquidation(self, ctx: Context, liquidation: Liquidation) -> None:
        """Handle the liquidation of somebody's position: once for each that the venue publishes.

        Parameters
        ----------
        liquidation : Liquidation
            Price in quote currency, quantity in contracts (spot: base units), side of the order.
        """

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """Handle a finished bar: once a window with trades, for the lengths that were asked for.

        Ask with ``ctx.subscribe(instrument, "bars:1m")``. A bar is finished by the first trade of a later window.

        Parameters
        ----------
        bar : Bar
            Prices in quote currency, volume in contracts (spot: base units), start in ns UTC.
        """

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        """Handle a fill: once for each trade of an own order, one response latency after it happened.

        Order and position are up to date already; :meth:`on_order` follows.

        Parameters
        ----------
        fill : Fill
            Price in quote currency, quantity in contracts (spot: base units), fee in the settlement currency.
        """

    def on_order(self, ctx: Context, order: Order) -> None:
        """Handle any change of an own order: accepted, filled, replaced, refused, ended; one response latency later.

        Parameters
        ----------
        order : Order
            The order as it stands after the change; ``order.reason`` says why one was refused or ended.
        """

    def on_payment(self, ctx: Context, payment: Payment) -> None:
        """Handle money that the venue moved of its own accord: funding, a settlement, a liquidation, interest.

        It is told one response latency after it was paid. Position and equity are up to date already.

        Parameters
        ----------
        payment : Payment
            Amount in the settlement currency, negative where it was received.
        """

    def on_execution(self, ctx: Context, execution: Execution) -> None:
        """Handle the end of an execution that ``ctx.execute`` started: once for each, filled or not.

        Parameters
        ----------
        execution : Execution
            The execution; ``execution.state`` says how it ended.
        """

    def on_signal(self, ctx: Context, signal: Signal) -> None:
        """Handle what the strategy's predictor says: once for each ``ctx.predict``, after the time that takes.

        Not called for an answer that has expired on its way, that another one has overtaken, or where the predictor
        failed; ``signals`` of the result tells of these, too.

        Parameters
        ----------
        signal : Signal
            The signal; ``ctx.signal(instrument)`` returns it until it expires.
        """

    def on_signal_expired(self, ctx: Context, signal: Signal) -> None:
        """Handle the end of a signal: once, when it expires and there is no other. What relied on it should stop here.

        Parameters
        ----------
        signal : Signal
            The signal that has expired.
        """

    def on_timer(self, ctx: Context, timer: int) -> None:
        """Handle a timer that was set without a callback of its own: each time that it goes off.

        Parameters
        ----------
        timer : int
            What ``ctx.every`` or ``ctx.at`` returned.
        """

    def on_stop(self, ctx: Context) -> None:
        """End: once, after the last event. Orders sent here are refused."""

    def save(self) -> object:
        """Return what the strategy has to remember over a restart, as plain data.

        The default are its parameters and all attributes that are plain data: None, bool, int, float, str, bytes,
        Decimal, and list, tuple, dict and set of these. Others are left out and named in a warning, once a class.
        Override it, with :meth:`load`, to choose; what it returns has to be plain data then. It changes nothing:
        sessions call it while they run.
        """
        left_out = _left_out(self)
        if left_out and type(self) not in _WARNED:
            _WARNED.add(type(self))
            warnings.warn(_not_saved(self, left_out), RuntimeWarning, stacklevel=2)
        return {name: value for name, value in _remembered(self).items() if name not in left_out}

    def load(self, state: Any) -> None:
        """Go on from what :meth:`save` returned; :meth:`on_start` is not called then.

        The default sets the attributes.
        """
        for name, value in state.items():
            setattr(self, name, value)

    def _check_saved_whole(self) -> None:
        """Refuse a strategy of which the default :meth:`save` leaves something out.

        Raises
        ------
        InvalidValueError
        """
        if type(self).save is Strategy.save and (left_out := _left_out(self)):
            raise InvalidValueError("save", _not_saved(self, left_out))

    def _save_state(self, timers: Sequence[tuple[int, Callable[..., Any], bool]]) -> bytes:
        """Return the state as bytes, with the names of the methods its timers call.

        Raises
        ------
        InvalidValueError
            For a timer that calls no method of the strategy, and for a state that is not plain data.
        """
        return encode((self.save(), [(timer, self._method_name(callback), once) for timer, callback, once in timers]))

    def _load_state(self, data: bytes) -> list[tuple[int, Callable[..., Any], bool]]:
        """Go on from :meth:`_save_state`, and return the timers.

        Raises
        ------
        InvalidValueError
            For bytes it did not make, and for a method that is gone.
        """
        saved = decode(data)
        try:
            state, timers = saved
            found = [(int(timer), getattr(self, name), bool(once)) for timer, name, once in timers]
        except AttributeError as error:
            problem = f"a timer calls it, and {type(self).__name__} has no such method"
            raise InvalidValueError(error.name or "callback", problem) from None
        except (TypeError, ValueError):
            raise InvalidValueError("state", "is not one of a strategy") from None
        self.load(state)
        return found

    def _method_name(self, callback: Callable[..., Any]) -> str:
        """Return the name by which a timer's callback is found again."""
        if isinstance(callback, MethodType) and callback.__self__ is self:
            for base in type(self).__mro__:
                for name, member in vars(base).items():
                    if member is callback.__func__ and getattr(self, name) == callback:
                        return name
        raise InvalidValueError(
            "callback",
            f"a timer calls {callback!r}, which cannot be saved: use a method of the strategy, "
            'such as ctx.every("1s", self.requote)',
        )

    @classmethod
    def _of_journal(
        cls, name: str, instruments: Sequence[str], parameters: Mapping[str, Any], features: Mapping[str, Any] | None
    ) -> Self:
        """Build one of a session that is decided once more from its journal.

        Parameters
        ----------
        name, instruments, parameters
            As it was built before.
        features : mapping, optional
            What the journal keeps of its features; None of an older one. A class that has them from elsewhere than its
            code takes them from here.
        """
        return cls(name, instruments, **parameters)

    def _check_ready(self) -> None:
        """Raise for an object that cannot run: it was not set up, keeps what it saw, or asks what cannot answer.

        Raises
        ------
        InvalidValueError, RunError
        """
        if not hasattr(self, "instruments"):
            problem = "does not call super().__init__(name, instruments, **parameters)"
            raise InvalidValueError(f"{type(self).__name__}.__init__", problem)
        if getattr(self, "_has_run", False) and not (self.reusable or hasattr(self, "reset")):
            raise RunError(
                f"{self!r} has run before and keeps what it saw: build a new one, or give its class a method reset(), "
                "or say reusable = True"
            )
        if self.predictor is not None:
            check_predictor(self.predictor)

    def _begin(self) -> None:
        """Take part in a run, the first one or, where the class says so, another one."""
        reset = getattr(self, "reset", None)
        if getattr(self, "_has_run", False) and reset is not None:
            reset()
        self._has_run = True

    def _overridden(self) -> dict[str, Callable[..., None]]:
        """Bound methods of the hooks that a subclass overrides."""
        for hook in HOOKS:
            # Not by vars(self): from then on Python before 3.13 stores attributes more slowly, in every hook. A method
            # is bound anew each time it is asked for; what stays the same is the class's own or set on the object.
            found = getattr(self, hook)
            if found is getattr(self, hook) and found is not getattr(type(self), hook):
                raise HookError(type(self).__name__, hook, "is set on the object, but hooks are methods of the class")
        return {hook: getattr(self, hook) for hook in HOOKS if getattr(type(self), hook) is not getattr(Strategy, hook)}


def _remembered(strategy: Strategy) -> dict[str, Any]:
    """Return the attributes that are what a strategy has come to."""
    own = ("name", "instruments", "features", "predictor", "_has_run", "_recorded")
    return {name: value for name, value in vars(strategy).items() if name not in own}


def _left_out(strategy: Strategy) -> list[str]:
    """Return the attributes that the default ``save`` leaves out."""
    return [name for name, value in _remembered(strategy).items() if not is_plain(value)]


def _not_saved(strategy: Strategy, left_out: Sequence[str]) -> str:
    named = ", ".join(f"{name} ({type(getattr(strategy, name)).__qualname__})" for name in left_out)
    return f"{strategy!r} does not save {named}: no plain data; override save and load"


_WARNED: WeakSet[type[Strategy]] = WeakSet()
"""Classes that have been told what they do not save."""
