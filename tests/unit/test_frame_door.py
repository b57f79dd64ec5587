"""What takes frames of a live session many at a time: up to where more has to be done than to call hooks."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

import tradecore as tc
from tradecore._core import FeedDecoder, FrameDoor, Heard, Kernel, frame_record
from tradecore.errors import InvalidValueError, StrategyError, UnknownInstrumentError
from tradecore.session.kernel import build_kernel
from tradecore.types import EventKind
from tradecore.venues import Stream
from tradecore.venues.events import Frame, LinkState

_NAME = "BTCUSDT.BYBIT"
_RECORD = 3


class Watcher(tc.Strategy):
    """Counts the changes of its book; does something at one of them."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.seen: list[int] = []
        self.act: dict[int, Callable[[tc.Context], object]] = {}

    def on_book(self, ctx: tc.Context, book: tc.Book) -> None:
        self.seen.append(ctx.now_ns)
        self.act.get(len(self.seen), lambda ctx: None)(ctx)


def depth(update: int, *, snapshot: bool = False) -> bytes:
    sides = {"b": [["60000", "1"]], "a": [["60001", str(update)]]}
    data = {"s": "BTCUSDT", **sides, "u": update, "seq": update}
    kind = "snapshot" if snapshot else "delta"
    return json.dumps({"topic": "orderbook.50.BTCUSDT", "type": kind, "ts": 5, "cts": 5, "data": data}).encode()


def trade(number: int) -> bytes:
    row = {
        "T": 5,
        "s": "BTCUSDT",
        "S": "Buy",
        "v": "0.002",
        "p": "60001",
        "L": "PlusTick",
        "i": str(number),
        "BT": False,
    }
    return json.dumps({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 5, "data": [row]}).encode()


class Room:
    """A kernel with a strategy, and the door to it."""

    def __init__(self, *, is_synced: bool = True) -> None:
        spec = tc.find_instrument(_NAME)
        self.strategy = Watcher("w", [_NAME])
        self.kernel: Kernel = build_kernel("door", [self.strategy], [spec], stop_run_on_error=True, keeps_journal=True)
        self.kernel.start(1)
        self.heard = Heard()
        self.decoder = FeedDecoder("BYBIT", [spec])
        self.clock = itertools.count(10_000_000)
        self.door = self.make()
        if is_synced:
            self.decoder.feed(depth(1, snapshot=True), 2)
            self.kernel.feed(3, 0, tc.BookState.SYNCED, "synced")
            self.decoder.events(_NAME)

    def make(self, *, market: int = 0, name: str = _NAME) -> FrameDoor:
        return FrameDoor(
            self.kernel, self.decoder, "BYBIT", {name: (market, self.heard)},
            now_ns=lambda: next(self.clock), book=Stream.BOOK, record=_RECORD,
        )  # fmt: skip

    def take(self, *events: Any, start: int = 0) -> tuple[bool, int, bool]:
        has_outgoing = self.door.take(list(events), start, self.kernel.now_ns)
        return has_outgoing, self.door.taken, self.door.is_decoded


def book(update: int) -> Frame:
    return Frame("BYBIT", 6_000_000 + update, depth(update), _NAME, Stream.BOOK)


def test_frames_of_a_synced_book_go_through_and_are_counted_and_written_down() -> None:
    room = Room()
    frames = [book(2), Frame("BYBIT", 7_000_000, trade(1), _NAME, Stream.TRADES), book(3)]
    assert room.take(*frames) == (False, 3, False)
    assert len(room.strategy.seen) == 2
    assert room.kernel.now_ns == room.door.now_ns == room.strategy.seen[-1]
    assert (room.heard.messages, room.heard.books, room.heard.trades, room.heard.traded_qty) == (3, 2, 1, 2)
    assert room.heard.last_ns == frames[-1].ts_recv
    records = [frame_record(_RECORD, frame.ts_recv, frame.venue, frame.data) for frame in frames]
    assert room.door.records() == b"".join(records)
    assert room.door.records() == b""
    latency, processing = room.door.times()
    assert latency == [(frame.ts_recv - 5_000_000) / 1e9 for frame in frames]
    assert len(processing) == 3
    assert all(seconds > 0 for seconds in processing)


@pytest.mark.parametrize(
    "other",
    [
        LinkState("BYBIT", 1, "public", True, ""),
        Frame("BYBIT", 1, depth(3)),
        Frame("BYBIT", 1, depth(3), "ETHUSDT.BYBIT", Stream.BOOK),
        Frame("BYBIT", 1, b'{"topic":', _NAME, Stream.BOOK),
        Frame("BYBIT", 1, depth(3) + b" " * 70_000, _NAME, Stream.BOOK),
    ],
)
def test_what_is_not_of_that_kind_is_left_as_it_is(other: Any) -> None:
    room = Room()
    assert room.take(book(2), other, book(3)) == (False, 1, False)
    assert room.take(book(2), other, book(3), start=2) == (False, 3, False)
    assert len(room.strategy.seen) == 2


def test_a_book_that_is_not_synced_is_left_and_one_that_breaks_is_decoded() -> None:
    assert Room(is_synced=False).take(book(2)) == (False, 0, False)
    room = Room()
    assert room.take(book(2), book(9)) == (False, 1, True)
    assert room.decoder.pending(_NAME) is not None
    assert len(room.strategy.seen) == 1


def test_what_is_due_comes_before_a_message() -> None:
    room = Room()
    room.strategy.act[1] = lambda ctx: ctx.at(ctx.now_ns + 1, lambda ctx: None)
    assert room.take(book(2), book(3)) == (False, 1, True)
    assert room.kernel.next_due() is not None


def test_commands_are_left_to_whoever_sends_them() -> None:
    room = Room()
    room.strategy.act[1] = lambda ctx: ctx.buy(_NAME, "0.001", "59000")
    assert room.take(book(2), book(3)) == (True, 1, False)
    assert len(room.kernel.drain()) == 1
    assert room.take(book(2), book(3), start=1) == (False, 2, False)


def test_a_hook_that_raises_ends_it_and_its_frame_is_taken() -> None:
    room = Room()

    def fail(ctx: tc.Context) -> None:
        raise ValueError("no")

    room.strategy.act[2] = fail
    with pytest.raises(StrategyError):
        room.take(book(2), book(3), book(4))
    assert room.door.taken == 2
    assert len(room.door.records()) == sum(len(frame_record(_RECORD, 1, "BYBIT", depth(each))) for each in (2, 3))


def test_a_door_is_to_what_there_is() -> None:
    room = Room()
    with pytest.raises(InvalidValueError, match="market"):
        room.make(market=1)
    with pytest.raises(UnknownInstrumentError):
        room.make(name="ETHUSDT.BYBIT")
    room.decoder = FeedDecoder("BYBIT", [tc.find_instrument(_NAME)], keep_events=False)
    with pytest.raises(InvalidValueError, match="decoder"):
        room.make()


def test_heard_counts_by_the_first_row() -> None:
    heard = Heard()
    assert heard.age_s(5) is None
    for kind in (EventKind.BOOK_SET, EventKind.BOOK_CLEAR, EventKind.QUOTE, EventKind.TRADE):
        heard.count(1_000_000_000, kind, 4)
    assert (heard.messages, heard.books, heard.trades, heard.traded_qty) == (4, 2, 1, 4)
    assert (heard.age_s(3_000_000_000), heard.age_s(0)) == (2.0, 0.0)
