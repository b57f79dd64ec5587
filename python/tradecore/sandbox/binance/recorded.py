"""A recorded session served as the streams of a local Binance."""

from __future__ import annotations

from typing import Any

from tradecore.sandbox.binance.public import Stream, Streams
from tradecore.sandbox.binance.shapes import Shapes
from tradecore.sandbox.desk import Desk
from tradecore.sandbox.recorded import Recording, ToldBook
from tradecore.sandbox.refused import Refused

__all__ = ["RecordedStreams"]


class RecordedStreams(Streams):
    """Streams as they were recorded. A snapshot is the book by the last frame, from the recorded one on."""

    def __init__(self, desk: Desk, shapes: Shapes, recording: Recording) -> None:
        super().__init__(desk, shapes)
        self._recording = recording
        self._told: dict[str, tuple[int, ToldBook]] = {}
        """Of each symbol the number of its book, and the book."""

    def begin_again(self, first_id: int) -> None:
        """Keep the numbers: they are those of the recording."""

    def _made(self, name: str, route: str) -> Stream | None:
        # What was recorded tells where a stream is to be had.
        return Stream(name=name, symbol="", kind="recorded", every_ms=0)

    def publish(self, now_ns: int) -> None:
        """Send what came by now."""
        for told in self._recording.due(now_ns):
            if told is None:
                self._told.clear()
            else:
                self._take(told)

    def _take(self, told: Any) -> None:
        if "lastUpdateId" in told:
            symbol = told.get("symbol") or self.desk.symbols[0]
            self._told[symbol] = told["lastUpdateId"], ToldBook(told["bids"], told["asks"])
        elif "stream" in told:
            data = told["data"]
            if "@depth" in told["stream"] and data.get("e") == "depthUpdate":
                self._change(data)
            if (stream := self._streams.told(told["stream"])) is not None:
                self._send(stream, data)

    def _change(self, data: Any) -> None:
        number, book = self._told.get(data["s"], (0, None))
        if book is not None and data["u"] > number:
            book.change(data["b"], data["a"])
            self._told[data["s"]] = data["u"], book

    def snapshot(self, symbol: str, limit: int, now_ms: int) -> dict[str, Any]:
        """Return the book as a request gets it.

        Raises
        ------
        Refused
            Where the recording has not told it.
        """
        if symbol not in self._told:
            raise Refused(-1000, "The book is not known by now.", status=503)
        number, book = self._told[symbol]
        bids, asks = book.levels(limit)
        at = {} if self.is_spot else {"E": now_ms, "T": now_ms}
        return {"lastUpdateId": number, **at, "bids": bids, "asks": asks}
