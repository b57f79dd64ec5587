"""How a session stands, and what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from tradecore._core import Kernel
from tradecore.backtest.frames import Frames
from tradecore.backtest.tables import TableStore
from tradecore.backtest.text import digest_text
from tradecore.types import BookState

__all__ = ["LiveState", "Mode", "SessionResult", "strategy_states"]

Mode: TypeAlias = Literal["paper", "live"]
"""Whether a simulated exchange fills orders, or venues do."""


def strategy_states(kernel: Kernel) -> dict[str, str]:
    """Return what each strategy may do, by name.

    ``active``, ``reducing``, ``paused`` or ``halted``; ``stopped`` where a person has stopped it, and once its last
    hook has been called; ``failed`` where a hook of it has raised.
    """
    failures, is_stopped = kernel.failures, kernel.is_stopped
    return {
        name: "failed" if name in failures else "stopped" if is_stopped else state
        for name, state in kernel.trading.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveState:
    """How a session stands.

    Parameters
    ----------
    session : str
    mode : "paper" or "live"
    now_ns : int
        The session's time, ns UTC.
    books : mapping of str to BookState
        By instrument.
    reasons : mapping of str to str
        Why each is in its state, or stays in it.
    open_orders : int
    positions : mapping of str to Decimal
        Signed quantities by instrument, contracts (spot: base units).
    trading : mapping of str to str
        What each strategy may do, as :func:`strategy_states` says it.
    failures : mapping of str to str
        Tracebacks of strategies that failed.
    frames, dropped, malformed : int
        Of market data, so far.
    """

    session: str
    mode: Mode
    now_ns: int
    books: Mapping[str, BookState]
    reasons: Mapping[str, str]
    open_orders: int
    positions: Mapping[str, Decimal]
    trading: Mapping[str, str]
    failures: Mapping[str, str]
    frames: int
    dropped: int
    malformed: int


class SessionResult(Frames):
    """What a session came to.

    Attributes
    ----------
    session : str
        Its name.
    digest : str
        SHA-256 over every command, every report and the final ledger; that of its journal when it is replayed.
    failures : dict of str to str
        Tracebacks of strategies that failed, by name.
    held : dict of str to Decimal
        What was held in the end, by instrument, contracts (spot: base units).
    tables : TableStore
        The tables behind the frames; times in ns.
    """

    def __init__(
        self,
        session: str,
        digest: str,
        failures: dict[str, str],
        held: dict[str, Decimal],
        tables: TableStore,
    ) -> None:
        self.session = session
        self.digest = digest
        self.failures = failures
        self.held = held
        self.tables = tables

    def __repr__(self) -> str:
        return f"<SessionResult {self.session}, digest {digest_text(self.digest)}>"
