"""The journal of a live session: what it adds to an order, and how fast a session is made again from it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import tradecore as tc
from benches.harness import Job, Limit
from benches.live import Watcher
from benches.market import depth_decoder, depth_frames
from tradecore.live.journal import JournalReader, JournalWriter
from tradecore.live.session import Session
from tradecore.session.kernel import build_kernel
from tradecore.venues import Frame

_SPEC = tc.find_instrument("BTCUSDT.BINANCE_USDM")


def journal_jobs(rows: int) -> dict[str, Callable[[], Job]]:
    """Jobs by name; a short market makes them short."""
    return {
        "live journal, orders": lambda: order_cost(min(rows // 200, 5_000)),
        "live journal, replay": lambda: replay(min(rows // 20, 50_000)),
    }


class _Desk:
    """Takes commands and answers none."""

    is_busy = False

    def message(self, at_ns: int, market: int, source: Any) -> None:
        """See nothing."""

    def send(self, at_ns: int, commands: Sequence[Any], refusals: Sequence[Any]) -> None:
        """Send nothing."""

    def next_due(self) -> None:
        """Nothing is due here."""

    def advance(self, at_ns: int) -> tuple[()]:
        """Nothing happens here."""
        return ()

    def cancel_all(self, at_ns: int) -> None:
        """Nothing is open here."""

    def cancel_in(self, instrument: str) -> None:
        """Nothing is open here."""

    async def close(self) -> None:
        """Nothing is on its way."""


class _Replier(tc.Strategy):
    def on_book(self, ctx: tc.Context, book: tc.Book) -> None:
        """Bid far away."""
        ctx.buy(_SPEC.id, "0.01", "50000", post_only=True)


def _kernel(strategy: type[tc.Strategy]) -> tc.Kernel:
    return build_kernel("bench", [strategy("s", [_SPEC.id])], [_SPEC], stop_run_on_error=True, keeps_journal=True)


def _run(strategy: type[tc.Strategy], frames: Sequence[bytes], journal: JournalWriter | None) -> float:
    """Have a session take frames, each in a turn of its own, and return how long that took, seconds."""
    session = Session(_kernel(strategy), [_SPEC], _Desk(), journal)
    decoder = depth_decoder(_SPEC, frames[0])
    session.start(0)
    session.message(1, _SPEC.id, decoder)
    session.kernel.feed(1, 0, tc.BookState.SYNCED, "")
    started = time.perf_counter()
    for at, data in enumerate(frames[1:], 2):
        session.frame(Frame("BINANCE_USDM", at, data))
        decoder.feed(data, at)
        session.message(at, _SPEC.id, decoder)
        session.write_down()
    session.flush()
    return time.perf_counter() - started


def order_cost(orders: int) -> Job:
    """Send an order after each change of a book, with a journal and without, and take the difference."""
    frames = depth_frames(orders)

    def added() -> float:
        with tempfile.TemporaryDirectory() as folder, JournalWriter(Path(folder) / "j", {}) as journal:
            return _run(_Replier, frames, journal) - _run(_Replier, frames, None)

    name = "added by the journal"
    return Job("us/order", {name: orders - 1}, {name: added}, limits=(Limit(name, 5.0),))


def replay(inputs: int) -> Job:
    """Make a session again: its kernel from the entries alone, and all of it from a journal that holds the frames."""

    @cache
    def written() -> tempfile.TemporaryDirectory[str]:
        folder = tempfile.TemporaryDirectory()
        with JournalWriter(Path(folder.name) / "j", {}) as journal:
            _run(Watcher, depth_frames(inputs), journal)
        return folder

    @cache
    def entries() -> bytes:
        return JournalReader(Path(written().name) / "j").entries()

    def replayed() -> float:
        kernel, journal = _kernel(Watcher), entries()
        started = time.perf_counter()
        kernel.replay(journal)
        return time.perf_counter() - started

    def recovered() -> float:
        session, folder = Session(_kernel(Watcher), [_SPEC], _Desk()), Path(written().name) / "j"
        started = time.perf_counter()
        assert session.recover(JournalReader(folder)) >= inputs - 1
        return time.perf_counter() - started

    work = {"replay of the entries": replayed, "recovery from the files": recovered}
    limits = (Limit("replay of the entries", 1.0), Limit("recovery from the files", 3.0))
    return Job("us/input", dict.fromkeys(work, inputs), work, limits=limits)
