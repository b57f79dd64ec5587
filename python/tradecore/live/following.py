"""What strategies follow, at the venues: asked for when they begin to, given up when they no longer do."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from tradecore.errors import InvalidValueError
from tradecore.live.line import Line
from tradecore.live.session import Session
from tradecore.strategy import Strategy
from tradecore.venues import Stream

__all__ = ["Following"]

_LOG = logging.getLogger("tradecore.live")

_STREAMS = {
    "quotes": Stream.QUOTES,
    "mark": Stream.MARK,
    "index": Stream.MARK,
    "funding": Stream.MARK,
    "open_interest": Stream.OPEN_INTEREST,
    "liquidations": Stream.LIQUIDATIONS,
}
"""What topics of strategies come with, beside books and trades: of what they trade these come whatever they follow."""


class Following:
    """Holds what connectors deliver against what a session's kernel says that its strategies follow.

    The kernel alone knows: what a hook asked for is there again when its journal has been replayed.

    Parameters
    ----------
    session : Session
    strategies : sequence of Strategy
    lines : iterable of Line
        By whose connectors the instruments come.
    """

    def __init__(self, session: Session, strategies: Sequence[Strategy], lines: Iterable[Line]) -> None:
        self._session = session
        self._lines = {name: line for line in lines for name in line.instruments}
        self._traded = [(strategy.name, name) for strategy in strategies for name in strategy.instruments]
        self._version: int | None = None
        self._held: dict[tuple[str, str], list[Stream]] = {}

    def begin(self, *, is_new: bool) -> None:
        """Subscribe to what is followed from the start.

        Raises
        ------
        InvalidValueError
            For a stream that a venue does not have, of a new session.
        """
        self._bring(is_strict=is_new)

    def look(self) -> None:
        """Subscribe and unsubscribe by what has changed since; what a venue does not have is said in the log."""
        if self._session.kernel.followed_version != self._version:
            self._bring(is_strict=False)

    def _bring(self, *, is_strict: bool) -> None:
        self._version = self._session.kernel.followed_version
        wanted = self._wanted()
        for key in list(self._held):
            wanted.setdefault(key, [])
        for (owner, instrument), streams in wanted.items():
            held = self._held.get((owner, instrument), [])
            if gone := [stream for stream in held if stream not in streams]:
                self._lines[instrument].connector.unsubscribe(owner, instrument, gone)
            new = [stream for stream in streams if stream not in held]
            self._subscribe(owner, instrument, new, is_strict=is_strict)
            self._held[owner, instrument] = streams

    def _wanted(self) -> dict[tuple[str, str], list[Stream]]:
        """Return the streams of each strategy and instrument, in an order of their own."""
        wanted = {key: [Stream.BOOK, Stream.TRADES] for key in self._traded}
        for owner, market, topics in self._session.kernel.followed():
            streams = wanted.setdefault((owner, self._session.instruments[market].id), [])
            streams += dict.fromkeys(_STREAMS[topic] for topic in topics if topic in _STREAMS)
        return wanted

    def _subscribe(self, owner: str, instrument: str, streams: list[Stream], *, is_strict: bool) -> None:
        connector = self._lines[instrument].connector
        for stream in streams:
            try:
                connector.subscribe(owner, instrument, [stream])
            except InvalidValueError as error:
                if is_strict:
                    raise
                _LOG.warning("%s follows what its venue does not tell: %s", owner, error)
