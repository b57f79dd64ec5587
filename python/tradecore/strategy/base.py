"""The base class of strategies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tradecore.errors import InvalidValueError
from tradecore.types import BookState

if TYPE_CHECKING:
    from tradecore._core import BookView, Context, Fill, Order, QuoteView, TradeView

__all__ = ["Strategy"]

_HOOKS = (
    "on_start",
    "on_book",
    "on_trade",
    "on_quote",
    "on_book_state",
    "on_fill",
    "on_order",
    "on_timer",
    "on_stop",
)


class Strategy:
    """A trading strategy: override the hooks you need; only those cost anything.

    Annotated class attributes are parameters. They are validated when the strategy is built and can be set by
    keyword or from a configuration file::

        class Quoter(Strategy):
            half_spread: int = 2

        quoter = Quoter("q1", ["BTCUSDT.BINANCE"], half_spread=3)

    Every hook takes the context first. The context, and the books and positions it hands out, are valid only inside
    the hook. Everything a hook sees is as it was known at ``ctx.now_ns``, feed latency included. A hook that raises
    stops the strategy and cancels its orders; the other strategies go on.

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
        return {
            hook: getattr(self, hook) for hook in _HOOKS if getattr(type(self), hook) is not getattr(Strategy, hook)
        }
