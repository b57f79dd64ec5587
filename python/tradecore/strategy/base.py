"""The base class of strategies."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from weakref import WeakSet

from tradecore.errors import HookError, InvalidValueError
from tradecore.types import BookState

if TYPE_CHECKING:
    from tradecore._core import (
        Bar,
        BookView,
        Context,
        Fill,
        FundingRate,
        Liquidation,
        OpenInterest,
        Order,
        QuoteView,
        ReferencePrice,
        TradeView,
    )

__all__ = ["Strategy"]

HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    "on_start": ("ctx",),
    "on_book": ("ctx", "book"),
    "on_trade": ("ctx", "trade"),
    "on_quote": ("ctx", "quote"),
    "on_book_state": ("ctx", "book", "state"),
    "on_mark": ("ctx", "mark"),
    "on_index": ("ctx", "index"),
    "on_funding": ("ctx", "funding"),
    "on_open_interest": ("ctx", "open_interest"),
    "on_liquidation": ("ctx", "liquidation"),
    "on_bar": ("ctx", "bar"),
    "on_fill": ("ctx", "fill"),
    "on_order": ("ctx", "order"),
    "on_timer": ("ctx", "timer"),
    "on_stop": ("ctx",),
}
"""Every hook, with what it is called with. A new hook is a row here and a documented method of :class:`Strategy`."""


class Strategy:
    """A trading strategy: override the hooks you need; only those cost anything.

    Annotated class attributes are parameters. They are validated when the strategy is built and can be set by
    keyword or from a configuration file::

        class Quoter(Strategy):
            half_spread: int = 2

        quoter = Quoter("q1", ["BTCUSDT.BINANCE"], half_spread=3)

    Every hook takes the context first. The context, and the books and positions it hands out, are valid only inside
    the hook. Everything a hook sees is as it was known at ``ctx.now_ns``, feed latency included. A hook that raises
    stops the strategy and cancels its orders; the other strategies go on. Names that begin with ``on_`` are for hooks
    alone, so that a misspelt one is found when the strategy is built.

    Parameters
    ----------
    name : str
        Unique in a run.
    instruments : sequence of str
        Ids of the instruments it trades; market hooks are called for these.
    **parameters
        Values of the annotated parameters.

    Raises
    ------
    InvalidValueError
        For an unknown, missing or ill-typed parameter.
    HookError
        For a name that begins with ``on_`` and is not a hook, and for a hook that cannot take its arguments or is an
        ``async def`` or a generator.
    """

    book_events: ClassVar[Literal["message", "touch"]] = "message"
    """Which book updates call :meth:`on_book`: every one, or only those that move a best price."""

    name: str
    instruments: tuple[str, ...]

    def __init__(self, name: str, instruments: Sequence[str], **parameters: Any) -> None:
        from tradecore.strategy.parameters import check_parameters

        if not isinstance(name, str) or not name:
            raise InvalidValueError("name", "a strategy needs a name")
        if isinstance(instruments, str) or not all(isinstance(i, str) for i in instruments):
            raise InvalidValueError("instruments", "expected a list of ids such as 'BTCUSDT.BINANCE'")
        if twice := [i for i in instruments if instruments.count(i) > 1]:
            raise InvalidValueError("instruments", f"{twice[0]!r} is listed twice")
        if type(self) not in _CHECKED:
            _check_hooks(self)
            _CHECKED.add(type(self))
        self.name = name
        self.instruments = tuple(instruments)
        for key, value in check_parameters(type(self), parameters).items():
            setattr(self, key, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {list(self.instruments)!r})"

    @classmethod
    def parameters(cls) -> dict[str, tuple[Any, Any]]:
        """Return the parameters: name to (type, default); the default is ``...`` where there is none."""
        from tradecore.strategy.parameters import parameter_fields

        return parameter_fields(cls)

    def on_start(self, ctx: Context) -> None:
        """Once, before the first event: set timers here."""

    def on_book(self, ctx: Context, book: BookView) -> None:
        """Handle a message that changed the book of an instrument (see :attr:`book_events`)."""

    def on_trade(self, ctx: Context, trade: TradeView) -> None:
        """Handle a trade in an instrument."""

    def on_quote(self, ctx: Context, quote: QuoteView) -> None:
        """Handle the venue's own best prices of an instrument."""

    def on_book_state(self, ctx: Context, book: BookView, state: BookState) -> None:
        """Handle a book that was synchronised, or lost."""

    def on_mark(self, ctx: Context, mark: ReferencePrice) -> None:
        """Handle the price at which the venue marks positions."""

    def on_index(self, ctx: Context, index: ReferencePrice) -> None:
        """Handle the price of an instrument's index."""

    def on_funding(self, ctx: Context, funding: FundingRate) -> None:
        """Handle the funding rate of the running interval."""

    def on_open_interest(self, ctx: Context, open_interest: OpenInterest) -> None:
        """Handle the number of open contracts."""

    def on_liquidation(self, ctx: Context, liquidation: Liquidation) -> None:
        """Handle the liquidation of somebody's position."""

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """Handle a finished bar; ask for it with ``ctx.subscribe(instrument, "bars:1m")``."""

    def on_fill(self, ctx: Context, fill: Fill) -> None:
        """Handle a trade of an own order."""

    def on_order(self, ctx: Context, order: Order) -> None:
        """Handle any change of an own order, as it stands after it."""

    def on_timer(self, ctx: Context, timer: int) -> None:
        """Handle a timer that was set without a callback of its own."""

    def on_stop(self, ctx: Context) -> None:
        """Once, after the last event."""

    def _overridden(self) -> dict[str, Callable[..., None]]:
        """Bound methods of the hooks that a subclass overrides."""
        for name in vars(self):
            if name.startswith("on_"):
                raise HookError(type(self).__name__, name, "is set on the object, but hooks are methods of the class")
        return {hook: getattr(self, hook) for hook in HOOKS if getattr(type(self), hook) is not getattr(Strategy, hook)}


_CHECKED: WeakSet[type[Strategy]] = WeakSet()
"""Classes whose hooks have been found sound."""


def _check_hooks(strategy: Strategy) -> None:
    """Raise HookError for the first hook of a strategy's class that could never run."""
    for name in dict.fromkeys(_reserved_names(type(strategy))):
        if problem := _problem(strategy, name):
            raise HookError(type(strategy).__name__, name, problem)


def _reserved_names(cls: type[Strategy]) -> Iterator[str]:
    """Names that begin as hooks do, in the order of their definition, the class's own first."""
    for base in cls.__mro__:
        for name in (*vars(base), *inspect.get_annotations(base)):
            if name.startswith("on_"):
                yield name


def _problem(strategy: Strategy, name: str) -> str | None:
    """Return why a hook could never run, or None."""
    if name not in HOOKS:
        near = difflib.get_close_matches(name, HOOKS, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        return f"is not a hook{hint} Only hooks may begin with on_: {', '.join(HOOKS)}"
    # On the class, where a property does not run.
    if not callable(found := getattr(type(strategy), name)):
        return f"expected a method, got {type(found).__name__}"
    hook = getattr(strategy, name)
    code = hook if inspect.isroutine(hook) or isinstance(hook, partial) else type(hook).__call__
    if inspect.iscoroutinefunction(code):
        return "an async def is never awaited: expected a plain function"
    if inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code):
        return "a generator is never run: expected a function without yield"
    # A decorator's own signature counts, whatever the function behind it takes.
    function, first = (hook.__func__, (hook.__self__,)) if isinstance(hook, MethodType) else (hook, ())
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return None  # Not written in Python: it does not say what it takes.
    arguments = ", ".join(HOOKS[name])
    try:
        signature.bind(*first, *HOOKS[name])
    except TypeError:
        bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
        takes = " ".join(str(inspect.Signature(bare)).split())
        return f"takes {takes} and is called with ({arguments}): expected {name}(self, {arguments})"
    return None
