"""Sessions that are cut go on from a state in their journal, and are then what a replay of all of it makes of them."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, TRADE, columns
from tradecore._core import Kernel
from tradecore.errors import JournalError
from tradecore.live.checkpoints import Checkpoints, SavedState
from tradecore.live.desk import PaperDesk
from tradecore.live.journal import JournalReader, JournalWriter, Record, RecordKind
from tradecore.live.recovery import setup_digest, take_up
from tradecore.live.segments import Segment
from tradecore.live.session import Session
from tradecore.live.tables import SessionTables
from tradecore.session.kernel import build_kernel
from tradecore.venues.clock import VirtualClock
from tradecore.venues.events import Frame

NAME = "X.SYNTH"
SPEC = tc.Instrument(NAME, kind="linear", base="X", quote="USDT", price_increment="1", qty_increment="1")
VENUE = tc.SimVenue("SYNTH", latency=tc.Latency(entry="3ms", response="2ms"))
RISK = tc.RiskLimits(max_position_qty="12", max_order_qty="4")
BEGIN = 10**18
MIB = 1 << 20


class Busy(tc.Strategy):
    """Decides by what it remembers: attributes, timers, bars, orders, a stop and an execution."""

    changeable = ("size",)
    size: int = 1

    def __init__(self, name: str, instruments: Sequence[str], **parameters: Any) -> None:
        super().__init__(name, instruments, **parameters)
        self.mids: list[float] = []
        self.filled = {"buy": 0.0, "sell": 0.0}
        self.bars = 0

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("70ms", self.requote)
        ctx.subscribe(NAME, "bars:1s")

    def requote(self, ctx: tc.Context) -> None:
        mid = ctx.book(NAME).mid
        if mid is None:
            return
        self.mids = [*self.mids[-7:], mid]
        away = 1 + len(self.mids) % 2 + (self.mids[-1] > self.mids[0])
        ctx.quote(NAME, bid=int(mid) - away, ask=int(mid) + away, qty=self.size)
        if len(self.mids) == 5:
            ctx.at(ctx.now_ns + 333_000_000, self.take)

    def take(self, ctx: tc.Context) -> None:
        ctx.buy(NAME, 9)  # more than an order may have
        (ctx.sell if ctx.position(NAME).qty > 0 else ctx.buy)(NAME, 2)
        self.mids = self.mids[:2]

    def on_bar(self, ctx: tc.Context, bar: tc.Bar) -> None:
        self.bars += 1
        if self.bars % 4 == 0:
            ctx.cancel_all()

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.filled[fill.side.name.lower()] += fill.qty


class Parted(Busy):
    """Keeps something that is no plain data."""

    def on_start(self, ctx: tc.Context) -> None:
        super().on_start(ctx)
        self.seen = iter(())


class Made(NamedTuple):
    """A session, new or recovered."""

    session: Session
    tables: SessionTables
    checkpoints: Checkpoints
    strategies: list[tc.Strategy]
    is_resumed: bool

    def told(self) -> dict[str, Any]:
        """All that a session has: the kernel's state (orders, positions, limits, strategies, digest) and its rows."""
        told: dict[str, Any] = {"state": self.session.kernel.save(), "began": self.session.began_ns}
        told["now"] = self.session.now_ns
        told["attributes"] = [vars(strategy) for strategy in self.strategies]
        self.tables.end()
        for name in ("orders", "fills", "payments", "refusals"):
            told[name] = self.tables.store.table(name).rows()
        return told


def busy() -> list[tc.Strategy]:
    return [Busy("one", [NAME]), Busy("two", [NAME], size=2)]


def make(folder: Path, make_strategies: Callable[[], list[tc.Strategy]] = busy, *, setup: str = "") -> Made:
    """Make a session, or take up the one that was cut in a folder."""
    strategies = make_strategies()
    reader = JournalReader(folder) if folder.exists() else None
    desk = PaperDesk([SPEC], {"SYNTH": VENUE})
    setup = setup or setup_digest(desk.instruments, strategies, RISK, "average")
    build: Callable[[], Kernel] = partial(
        build_kernel, "s1", strategies, desk.instruments, stop_run_on_error=True, keeps_journal=True, risk=RISK
    )
    journal = JournalWriter(folder, {"session": "s1"}, segment_bytes=MIB)
    session = Session(build(), desk.instruments, desk, journal)
    tables = SessionTables(session, [each.name for each in strategies], VirtualClock(), lambda work: work())
    checkpoints = take_up(session, journal, reader, strategies, tables, setup=setup, build=build)
    return Made(session, tables, checkpoints, strategies, session.began_ns is not None)


def recovered(
    folder: Path, make_strategies: Callable[[], list[tc.Strategy]] = busy, *, setup: str = ""
) -> tuple[dict[str, Any], int]:
    """Return what a cut session is once it has been taken up, and how many inputs were replayed for that."""
    made = make(folder, make_strategies, setup=setup)
    try:
        return made.told(), made.session.kernel.inputs
    finally:
        made.session.close()


def trade(made: Made, random: Random, seconds: int = 12) -> None:
    """Have a session trade on a market that is drawn, with what a person may do, and with a state now and then."""
    session, kernel, at, mid = made.session, made.session.kernel, BEGIN, 100
    session.start(at)
    session.message(at, NAME, columns([(at, CLEAR, 0, 0, 0, 0), *book(at, mid)]))
    for step in range(seconds * 50):
        at += 20_000_000
        session.frame(Frame("SYNTH", at, random.randbytes(4_000)))
        session.advance(at)
        mid += random.choice((-1, 0, 0, 1))
        rows = [(at, CLEAR, 0, 0, 0, 0), *book(at, mid)]
        side = random.choice((1, -1))
        session.message(at, NAME, columns([(at, TRADE, side, LAST, mid + side, random.randint(1, 30)), *rows]))
        match random.randint(0, 60), step > seconds * 40:
            case 0, False:
                kernel.pause(at)
            case 1 | 2 | 3, False:
                kernel.resume(at)
            case 4, _:
                kernel.set_parameters(at, "one", f'{{"size": {random.randint(1, 3)}}}')
            case 5 | 6, True:
                kernel.kill(at)
        session.settle(at)
        if random.random() < 0.03:
            made.tables.take_new()
        if random.random() < 0.03:
            made.checkpoints.save()
    session.flush()


def book(at: int, mid: int) -> list[tuple[int, int, int, int, int, int]]:
    bids = [(at, SET, 1, 0, mid - away, 5 + away) for away in range(1, 6)]
    asks = [(at, SET, -1, 0, mid + away, 5 + away) for away in range(1, 6)]
    return [*bids, *asks[:-1], (*asks[-1][:3], LAST, *asks[-1][4:])]


def cut(folder: Path, to: Path, at: int, torn: int) -> None:
    """Copy a journal as it was when so many of its records had been written, and some bytes of the next."""
    shutil.copytree(folder, to)
    for path in sorted(to.glob("0*")):
        segment = Segment.read(path)
        path.unlink()
        if at > 0:
            whole = len(segment.data) if at > len(segment.ends) else segment.ends[at - 1] + torn
            (to / f"{path.name[:6]}.tcj").write_bytes(segment.data[:whole])
        at -= len(segment.ends)


def states(folder: Path) -> list[Record]:
    return list(JournalReader(folder).states())


def rewrite(folder: Path, change: Callable[[Record], bytes]) -> None:
    """Write all records of a journal anew."""
    records = list(JournalReader(folder))
    for path in folder.glob("0*"):
        path.unlink()
    with JournalWriter(folder, {"session": "s1"}, segment_bytes=MIB) as journal:
        for record in records:
            if record.kind is not RecordKind.HEADER:
                journal._append(record.kind, change(record))


@pytest.fixture(scope="module")
def uncut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a session that nobody has cut, of several segments with several states."""
    folder = tmp_path_factory.mktemp("uncut") / "s1"
    made = make(folder)
    trade(made, Random(5))
    assert made.session.kernel.gate == "killed"
    made.session.close()
    assert len(list(folder.glob("0*"))) >= 3
    assert len(states(folder)) > 10
    return folder


@pytest.mark.parametrize("seed", range(4))
def test_a_recovery_from_a_state_is_a_replay_of_all(uncut: Path, tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    entries = JournalReader(uncut).entries()
    records = list(JournalReader(uncut))
    for number in range(6):
        at = random.randint(3, len(records))
        told, replayed = [], []
        for setup in ("", "another"):
            folder = tmp_path / f"{number}{setup}"
            cut(uncut, folder, at, random.choice((0, 0, 3, 12)))
            have = len(JournalReader(folder).entries())
            made = make(folder, setup=setup)
            assert made.is_resumed
            replayed.append(made.session.kernel.inputs)
            told.append(made.told())
            # What comes after leads to the same as well.
            assert made.session.kernel.replay(entries[have:]) == (None, b"")
            told[-1]["digest"] = made.session.kernel.finish()
            made.session.close()
        assert told[0] == told[1], f"cut at record {at}"
        if at > next(n for n, record in enumerate(records) if record.kind is RecordKind.STATE):
            assert replayed[0] < replayed[1], "the state was used"
        assert told[0]["fills"] or at < 500


def test_a_session_that_is_cut_again_and_again_has_all_of_its_rows(tmp_path: Path) -> None:
    folder, random = tmp_path / "s1", Random(3)
    made = make(folder)
    trade(made, random, 4)
    for _ in range(4):
        made.session.close()
        made = make(folder)
        assert made.is_resumed
        at = made.session.now_ns
        for step in range(60):
            at += 20_000_000
            made.session.advance(at)
            made.session.message(at, NAME, columns([(at, CLEAR, 0, 0, 0, 0), *book(at, 100 + step % 7)]))
            if random.random() < 0.05:
                made.checkpoints.save()
    made.session.flush()
    made.session.close()
    shutil.copytree(folder, tmp_path / "copy")
    (whole, replayed), (again, less) = recovered(tmp_path / "copy", setup="another"), recovered(folder)
    assert less < replayed
    assert again == whole


def test_segments_before_the_state_are_not_read(uncut: Path, tmp_path: Path) -> None:
    folder = tmp_path / "s1"
    shutil.copytree(uncut, folder)
    whole, _ = recovered(folder)
    path = folder / "000002.tcj.gz"
    path.write_bytes(path.read_bytes()[:1000])
    assert recovered(folder)[0] == whole
    with pytest.raises(JournalError, match=r"000002\.tcj\.gz: cannot be read"):
        recovered(folder, setup="another")


def other_form(kernel: bytes) -> bytes:
    return kernel.replace(b"tradecore kernel ", b"tradecore kernal ", 1)


def damaged_strategy(kernel: bytes) -> bytes:
    return kernel.replace(b'"bars"', b'"bare"').replace(b'"filled"', b'"fillet"')


@pytest.mark.parametrize("is_every", [False, True])
@pytest.mark.parametrize("change", [other_form, lambda kernel: kernel[:-3], lambda kernel: b""])
def test_a_state_that_cannot_be_read_falls_back(
    uncut: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, is_every: bool, change: Callable[[bytes], bytes]
) -> None:
    folder, newest = tmp_path / "s1", states(uncut)[0].data
    shutil.copytree(uncut, folder)
    told, inputs = recovered(folder)

    def spoil(record: Record) -> bytes:
        if record.kind is not RecordKind.STATE or not (is_every or record.data == newest):
            return record.data
        state = SavedState.of(record.data)
        return state._replace(kernel=change(state.kernel)).encoded()

    rewrite(folder, spoil)
    with caplog.at_level(logging.WARNING):
        again, replayed = recovered(folder)
    assert again == told
    assert replayed > inputs
    assert (replayed > 1_000) is is_every
    assert len(caplog.messages) == (len(states(uncut)) if is_every else 1)
    assert "the state is not used" in caplog.text


def test_a_strategy_that_cannot_load_its_state_is_put_back(
    uncut: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Picky(Busy):
        def load(self, state: Any) -> None:
            super().load(state)
            if self.name == "two":
                raise RuntimeError("no way")

    folder = tmp_path / "s1"
    shutil.copytree(uncut, folder)
    told, _ = recovered(folder)
    (setup,) = {SavedState.of(record.data).setup for record in states(folder)}
    with caplog.at_level(logging.WARNING):
        again, _ = recovered(folder, lambda: [Picky("one", [NAME]), Picky("two", [NAME], size=2)], setup=setup)
    assert "no way" in caplog.text
    assert again == told


def test_rows_that_are_not_there_or_damaged_make_a_state_useless(
    uncut: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "s1"
    shutil.copytree(uncut, folder)
    told, _ = recovered(folder)
    rows = folder / "rows.bin"
    data = bytearray(rows.read_bytes())
    data[SavedState.of(states(folder)[0].data).rows - 40] ^= 1
    rows.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert recovered(folder)[0] == told
    assert "rows.bin, byte" in caplog.text
    rows.unlink(missing_ok=True)
    again, replayed = recovered(folder)
    assert again == told
    assert "rows.bin: cannot be read: No such file" in caplog.text
    assert replayed > 1_000


def test_a_session_that_is_set_up_otherwise_is_replayed(
    uncut: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "s1"
    shutil.copytree(uncut, folder)
    with caplog.at_level(logging.WARNING):
        made = make(folder, lambda: [Busy("one", [NAME]), Busy("two", [NAME], size=3)])
        made.session.close()
    assert "limits or instruments were others" in caplog.text
    assert made.session.kernel.inputs > 1_000
    assert isinstance(made.strategies[1], Busy)
    assert made.strategies[1].size == 3


def test_what_cannot_be_saved_whole_is_said_once_and_not_saved(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "s1"
    parted = partial(lambda: [Parted("one", [NAME])])
    made = make(folder, parted)
    with caplog.at_level(logging.WARNING):
        trade(made, Random(1), 4)
        made.checkpoints.save()
    made.session.close()
    assert [message for message in caplog.messages if "does not save seen" in message] == caplog.messages
    assert len(caplog.messages) == 1
    assert states(folder) == []
    again = make(folder, parted)
    assert again.is_resumed
    assert again.tables.earlier()["fills"]


def test_states_come_by_inputs_and_with_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(tmp_path / "s1")
    checkpoints, session = made.checkpoints, made.session
    session.start(BEGIN)
    monkeypatch.setattr(Checkpoints, "every_inputs", 5)
    assert not checkpoints.is_due
    for at in range(BEGIN, BEGIN + 5):
        session.message(at, NAME, columns(book(at, 100)))
    assert checkpoints.is_due
    checkpoints.save()
    assert not checkpoints.is_due
    session.frame(Frame("SYNTH", BEGIN, bytes(2 * MIB)))
    session.flush()
    session.frame(Frame("SYNTH", BEGIN, b"in the next segment"))
    session.flush()
    assert not checkpoints.is_due, "the state would be the same"
    session.message(BEGIN + 9, NAME, columns(book(BEGIN + 9, 100)))
    assert checkpoints.is_due
    session.close()
