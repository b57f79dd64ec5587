"""The journal of a live session: what it adds to an order, and how fast a session is made again from it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import tradecore as tc
from benches.harness import Job, Limit
from benches.live import Watcher
from benches.market import depth_decoder, depth_frames
from tradecore.live.checkpoints import Checkpoints
from tradecore.live.journal import JournalReader, JournalWriter, session_to_resume
from tradecore.live.recovery import setup_digest, take_up
from tradecore.live.session import Session
from tradecore.live.tables import SessionTables
from tradecore.session.kernel import build_kernel
from tradecore.venues import Frame
from tradecore.venues.clock import VirtualClock

_SPEC = tc.find_instrument("BTCUSDT.BINANCE_USDM")


def journal_jobs(rows: int) -> dict[str, Callable[[], Job]]:
    """Jobs by name; a short market makes them short."""
    return {
        "live journal, orders": lambda: order_cost(min(rows // 200, 5_000)),
        "live journal, replay": lambda: replay(min(rows // 20, 50_000)),
        "live journal, recovery": lambda: recovery(min(rows // 5, 1_000_000)),
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
    session.start(0)
    return _take(session, frames)


def _take(session: Session, frames: Sequence[bytes], each: Callable[[], None] = lambda: None) -> float:
    """Have a session that has started take frames, from the snapshot they go on from."""
    decoder, begin = depth_decoder(_SPEC, frames[0]), session.now_ns + 1
    session.message(begin, _SPEC.id, decoder)
    session.kernel.feed(begin, 0, tc.BookState.SYNCED, "")
    started = time.perf_counter()
    for at, data in enumerate(frames[1:], begin + 1):
        session.frame(Frame("BINANCE_USDM", at, data))
        decoder.feed(data, at)
        session.message(at, _SPEC.id, decoder)
        session.write_down()
        each()
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
        session.recover(JournalReader(folder).pieces(), lambda: None)
        assert session.began_ns is not None
        return time.perf_counter() - started

    work = {"replay of the entries": replayed, "recovery from the files": recovered}
    limits = (Limit("replay of the entries", 1.0), Limit("recovery from the files", 3.0))
    return Job("us/input", dict.fromkeys(work, inputs), work, limits=limits)


class _Resumable(NamedTuple):
    """A session with states, new or taken up."""

    session: Session
    checkpoints: Checkpoints


def _resumable(journals: Path) -> _Resumable:
    """Begin a session, or take up the one whose journal is there, as a process does."""
    reader, strategies, folder = session_to_resume(journals), [Watcher("s", [_SPEC.id])], journals / "bench"
    build = partial(build_kernel, "bench", strategies, [_SPEC], stop_run_on_error=True, keeps_journal=True)
    journal = JournalWriter(folder, {"session": "bench"})
    session = Session(build(), [_SPEC], _Desk(), journal)
    tables = SessionTables(session, ["s"], VirtualClock(), lambda work: work())
    setup = setup_digest([_SPEC], strategies, None, "average")
    checkpoints = take_up(session, journal, reader, strategies, tables, setup=setup, build=build)
    return _Resumable(session, checkpoints)


def recovery(inputs: int) -> Job:
    """Take up a session that was cut right before it would have written its next state, frames in its journal."""
    frames, folder = depth_frames(min(inputs, Checkpoints.every_inputs)), tempfile.TemporaryDirectory()
    saving: list[float] = []

    @cache
    def cut() -> Path:
        session, checkpoints = _resumable(Path(folder.name))

        def look() -> None:
            if checkpoints.is_due:
                started = time.perf_counter()
                checkpoints.save()
                saving.append(time.perf_counter() - started)

        session.start(0)
        for _ in range(max(inputs // len(frames) - 1, 1)):
            _take(session, frames, look)
        checkpoints.save()
        _take(session, frames)
        session.close()
        return Path(folder.name)

    def recovered() -> float:
        journals = cut()
        started = time.perf_counter()
        session, _ = _resumable(journals)
        seconds = time.perf_counter() - started
        assert 0 < session.kernel.inputs < len(frames) + 10, "a state was used"
        session.close()
        return seconds

    def written() -> float:
        cut()
        return max(saving, default=0.0)

    name, state = f"recovery of {inputs:,} inputs", "the slowest state that was written"
    limits = (Limit(name, 3.0), Limit(state, 0.02))
    return Job("s", {name: 1, state: 1}, {name: recovered, state: written}, limits=limits, rounds=3)
