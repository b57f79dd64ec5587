"""The market that a session saw, for a backtest of the same strategies."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradecore._core import Instrument, journal_messages
from tradecore.instruments import instrument_from_dict
from tradecore.live.journal import JournalReader, RecordKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SessionMarket", "session_market"]


@dataclass(frozen=True, slots=True)
class SessionMarket:
    """What a session was told of its markets, as its strategies were told it.

    Parameters
    ----------
    data : dict of str to dict
        Event columns by instrument, arrays (n,) by name; those of which nothing came are left out. ``ts_recv`` is when
        a message was taken, ns UTC.
    instruments : list of Instrument
        As they were traded.
    shift_ns : int
        What ``ts_event`` is later than the venue's stamp, the same for all: so much that no message happens before its
        receipt, which is when it moved the exchange of a paper session.

    Examples
    --------
    ::

        seconds = tc.session_market("journal/s1").shift_ns / 1e9
    """

    data: dict[str, dict[str, NDArray[Any]]]
    instruments: list[Instrument]
    shift_ns: int


def session_market(journal: str | Path) -> SessionMarket:
    """Return the market data of a session from its journal, for :class:`~tradecore.Backtest`.

    On it a backtest of the session's strategies, with its venues and its seed, does what the session did on paper:
    the same orders and fills at the same times. It all lies in memory; for long sessions, and for the venue's own
    stamps, see :func:`~tradecore.import_recorded`.

    Parameters
    ----------
    journal : path
        The folder of a session.

    Raises
    ------
    JournalError
        For a damaged journal.

    Examples
    --------
    ::

        market = tc.session_market("journal/s1")
        tc.Backtest([Maker("m", ["BTCUSDT.BINANCE"])], market.data, [venue], specs=market.instruments).run()
    """
    import numpy as np

    reader = JournalReader(journal)
    instruments = [instrument_from_dict(table) for table in reader.header["instruments"]]
    messages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in reader:
        if record.kind is RecordKind.ENTRIES:
            for at_ns, market, columns in journal_messages(record.data):
                taken = np.full(len(columns["kind"]), at_ns, np.int64)
                messages[instruments[market].id].append({**columns, "ts_recv": taken})
    data = {
        name: {column: np.concatenate([each[column] for each in parts]) for column in parts[0]}
        for name, parts in messages.items()
    }
    shift_ns = max((int((of["ts_recv"] - of["ts_event"]).max()) for of in data.values()), default=0)
    for of in data.values():
        of["ts_event"] += shift_ns
    return SessionMarket(data, instruments, shift_ns)
