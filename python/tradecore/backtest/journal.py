"""A session fed back from its journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from tradecore._core import Instrument
from tradecore.backtest.engine import checked
from tradecore.backtest.failures import stops_run, warn_of
from tradecore.backtest.frames import Frames
from tradecore.backtest.tables import TableStore
from tradecore.backtest.text import digest_text
from tradecore.errors import StrategyError
from tradecore.risk import RiskLimits
from tradecore.strategy import Strategy
from tradecore.validation import DurationLike

__all__ = ["ReplayResult", "replay"]


class ReplayResult(Frames):
    """What a session came to when its journal was fed back.

    Attributes
    ----------
    digest : str
        SHA-256 over every request, every venue update and the final ledger: that of the session, if strategies
        decided as they did then.
    diverged_ns : int or None
        Time of the first input after which a command differed from the journal; None if none did.
    failures : dict of str to str
        Tracebacks of strategies that failed, by name.
    tables : TableStore
        The tables behind the frames; times in ns.

    Examples
    --------
    ::

        again = tc.replay(result.journal, [Maker("m", ["BTCUSDT.SYNTH"])], result.instruments)
        assert again.digest == result.digest and again.diverged_ns is None
    """

    def __init__(self, digest: str, diverged_ns: int | None, failures: dict[str, str], tables: TableStore) -> None:
        self.digest = digest
        self.diverged_ns = diverged_ns
        self.failures = failures
        self.tables = tables

    def __repr__(self) -> str:
        faithful = "faithful" if self.diverged_ns is None else f"diverged at {self.diverged_ns}"
        return f"<ReplayResult {faithful}, digest {digest_text(self.digest)}>"


def replay(
    journal: bytes,
    strategies: Sequence[Strategy],
    instruments: Sequence[Instrument],
    *,
    session: str = "backtest",
    basis: str | Mapping[str, str] = "l2",
    mark_source: str | Mapping[str, str] = "mid",
    candles: DurationLike | None = None,
    on_error: Literal["stop_strategy", "stop_run"] | None = None,
    cost_basis: Literal["average", "fifo", "lifo"] = "average",
    risk: RiskLimits | None = None,
) -> ReplayResult:
    """Feed a session back from its journal: the same inputs, at the same times, to new strategies.

    Nothing is simulated. Strategies that decide as they did then end with the same orders, fills and digest, but for
    the mids around fills, which are None; of others :attr:`ReplayResult.diverged_ns` tells where they began to differ,
    while fills and market stay those of the journal.

    Parameters
    ----------
    journal : bytes
        The whole journal; :attr:`Result.journal <tradecore.Result.journal>` of a backtest.
    strategies : sequence of Strategy
        In the order of the session.
    instruments : sequence of Instrument
        In the order of the session; :attr:`Result.instruments <tradecore.Result.instruments>` of a backtest.
    session : str
        The session's name, part of the digest; ``backtest`` for a backtest.
    basis : str or mapping
        As in the session, for all instruments or by id; ``fill_basis`` of a backtest's result.
    mark_source : str or mapping
        As in the session, for all instruments or by id; ``mark_source`` of a backtest's result.
    candles : duration, optional
        As in the session.
    on_error : "stop_strategy" or "stop_run", optional
        As in :class:`Backtest <tradecore.Backtest>`.
    cost_basis : "average", "fifo" or "lifo"
        As in the session.
    risk : RiskLimits, optional
        As in the session.

    Raises
    ------
    DataError
        For a journal that is damaged or was cut within an entry, with the byte.
    InvalidValueError, UnknownInstrumentError
        For strategies and instruments that do not fit, with each other or with the journal.
    StrategyError
        When a hook raised and that ends the session.

    Warns
    -----
    StrategyWarning
        When a hook raised and other strategies went on.

    Examples
    --------
    ::

        result = tc.Backtest([Maker("m", ["BTCUSDT.SYNTH"])], "market", record=True).run()
        again = tc.replay(result.journal, [Maker("m", ["BTCUSDT.SYNTH"])], result.instruments)
    """
    # Not above: what else a session is built of imports pydantic, which a backtest does without.
    from tradecore.session.kernel import build_kernel

    strategies = checked(strategies)
    kernel = build_kernel(
        session,
        strategies,
        instruments,
        accounts=range(len(strategies)),
        basis=basis,
        mark_source=mark_source,
        candles=candles,
        stop_run_on_error=stops_run(on_error, strategies),
        keeps_journal=True,
        cost_basis=cost_basis,
        risk=risk,
    )
    diverged, _rest = kernel.replay(journal)
    if kernel.failures and stops_run(on_error, strategies):
        raise StrategyError.first_of(kernel.failures)
    digest = kernel.finish()
    store = TableStore([instrument.id for instrument in instruments], [strategy.name for strategy in strategies])
    store.keep(kernel.take_tables())
    warn_of(kernel.failures, stacklevel=2)
    return ReplayResult(digest, diverged, kernel.failures, store)
