"""A kernel of a session: its instruments and strategies, to be given one input after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tradecore._core import Instrument, Kernel
from tradecore.bus import EventBus
from tradecore.errors import InvalidValueError, UnknownInstrumentError
from tradecore.risk import RiskLimits
from tradecore.strategies.compiled import CompiledStrategy
from tradecore.strategy import Strategy
from tradecore.validation import DurationLike

__all__ = ["build_kernel"]


def build_kernel(
    session: str,
    strategies: Sequence[Strategy],
    instruments: Sequence[Instrument],
    *,
    accounts: Sequence[int] | None = None,
    basis: str | Mapping[str, str] = "l2",
    mark_source: str | Mapping[str, str] = "mid",
    candles: DurationLike | None = None,
    stop_run_on_error: bool = False,
    keeps_journal: bool = False,
    cost_basis: str = "average",
    risk: RiskLimits | None = None,
    events: EventBus | None = None,
) -> Kernel:
    """Set up a kernel.

    Parameters
    ----------
    session : str
        1 to 12 letters and digits, part of every client id.
    strategies : sequence of Strategy
        With distinct names.
    instruments : sequence of Instrument
        All that the strategies trade, in the order of their indices as markets.
    accounts : sequence of int, optional
        The account of each strategy; 0 for all if not given.
    basis : str or mapping
        Where a book comes from, for all instruments or by id: ``l2`` full depth, ``l1`` top-of-book quotes.
    mark_source : str or mapping
        What positions are valued at, for all instruments or by id: ``mid``, ``mark`` or ``last``.
    candles : duration, optional
        Length of recorded candles.
    stop_run_on_error : bool
        Whether a raising hook ends the session, not only its strategy.
    keeps_journal : bool
        Whether inputs and commands are kept, to be taken with ``take_journal()``.
    cost_basis : str
        Which part of a position a fill closes: ``average``, ``fifo`` or ``lifo``.
    risk : RiskLimits, optional
        Limits on orders, positions and losses.
    events : EventBus, optional
        What is told of all that happens.

    Raises
    ------
    UnknownInstrumentError
        For an instrument of a strategy that is not given.
    InvalidValueError
        For names that are not distinct, accounts that are not one for each strategy, or a parameter that does not
        fit an instrument.
    """
    if accounts is not None and len(accounts) != len(strategies):
        raise InvalidValueError("accounts", f"{len(accounts)} of {len(strategies)} strategies")
    kernel = Kernel(
        session,
        candle_interval=candles,
        stop_run_on_error=stop_run_on_error,
        keeps_journal=keeps_journal,
        cost_basis=cost_basis,
        risk=risk,
        events=events,
    )
    for strategy in strategies:
        strategy._check_ready()
    index = {}
    for instrument in instruments:
        of_this = basis if isinstance(basis, str) else basis.get(instrument.id, "l2")
        marks = mark_source if isinstance(mark_source, str) else mark_source.get(instrument.id, "mid")
        index[instrument.id] = kernel.add_market(instrument, basis=of_this, mark_source=marks)
    for number, strategy in enumerate(strategies):
        if missing := [name for name in strategy.instruments if name not in index]:
            raise UnknownInstrumentError(missing[0], tuple(index))
        strategy._begin()
        markets = [index[name] for name in strategy.instruments]
        account = 0 if accounts is None else accounts[number]
        if isinstance(strategy, CompiledStrategy):
            parameters = strategy.core_parameters()
            kernel.add_compiled(strategy.name, markets, strategy.kind, parameters, account=account)
        else:
            hooks = strategy._overridden()
            kernel.add_strategy(strategy.name, markets, hooks, strategy.book_events, strategy, account=account)
    return kernel
