"""A session fed back from its journal is the session, whole, cut anywhere, saved and loaded in another process."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

import tradecore as tc
from conftest import OF_MIDS, ROOT
from tradecore._core import Kernel
from tradecore.errors import DataError, RunError, StrategyError, StrategyWarning, UnknownInstrumentError
from tradecore.session.kernel import build_kernel

NAME = "BTCUSDT.SYNTH"


class Busy(tc.Strategy):
    """Has timers, fills, subscriptions, and attributes on which its orders depend."""

    def __init__(self, name: str, instruments: Sequence[str]) -> None:
        super().__init__(name, instruments)
        self.mids: list[float] = []
        self.filled = Decimal(0)
        self.sizes = {"buy": 1, "sell": 1}
        self.bars = 0

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("70ms", self.requote)
        ctx.every("210ms")
        ctx.subscribe(NAME, "bars:1s")

    def requote(self, ctx: tc.Context) -> None:
        book = ctx.book(NAME)
        if book.mid is None:
            return
        self.mids = [*self.mids[-9:], book.mid]
        drift = self.mids[-1] - self.mids[0]
        ctx.quote(
            NAME,
            bid=None if drift < -2 else book.best_bid,
            ask=None if drift > 2 else book.best_ask,
            bid_qty=Decimal(self.sizes["buy"]) / 100,
            ask_qty=Decimal(self.sizes["sell"]) / 100,
        )
        if len(self.mids) == 5:
            ctx.at(ctx.now_ns + 333_000_000, self.__later)

    def __later(self, ctx: tc.Context) -> None:
        ctx.subscribe(NAME, "trades")
        self.mids = self.mids[:2]

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        ctx.cancel_all()

    def on_bar(self, ctx: tc.Context, bar: object) -> None:
        self.bars += 1
        if self.bars % 3 == 0:
            ctx.buy(NAME, "0.01")

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        ctx.unsubscribe(NAME, "trades")

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.filled += Decimal(str(fill.qty))
        word = fill.side.name.lower()
        self.sizes[word] = self.sizes[word] % 3 + 1


def busy() -> list[tc.Strategy]:
    return [Busy("one", [NAME]), Busy("two", [NAME])]


def compiled() -> list[tc.Strategy]:
    return [
        tc.TouchMaker("touch", [NAME], quote_qty="0.01", max_position="0.05", interval="130ms"),
        tc.AvellanedaStoikov(
            "model",
            [NAME],
            quote_qty="0.01",
            max_position="0.05",
            interval="100ms",
            volatility_window=20,
            intensity_window=100,
            gamma=0.01,
        ),
    ]


def backtest(strategies: Callable[[], list[tc.Strategy]], market: Path, *, record: bool) -> tc.Result:
    venue = tc.SimVenue("SYNTH", latency=tc.Latency(entry="5ms", response="4ms"))
    return tc.Backtest(strategies(), market, [venue], candles="1s", on_error="stop_run", record=record).run()


@pytest.fixture(scope="module", params=[busy, compiled])
def session(request: pytest.FixtureRequest, market: Path) -> tuple[Callable[[], list[tc.Strategy]], tc.Result]:
    """Strategies, and the result of their backtest with its journal."""
    return request.param, backtest(request.param, market, record=True)


Session = tuple[Callable[[], list[tc.Strategy]], tc.Result]


def test_a_backtest_fed_back_from_its_journal_is_the_same_to_the_byte(session: Session, market: Path) -> None:
    strategies, result = session
    plain = backtest(strategies, market, record=False)
    assert plain.digest == result.digest, "keeping a journal changes nothing"
    assert result.fills.height > 100
    again = tc.replay(
        result.journal, strategies(), result.instruments, basis=result.fill_basis, candles="1s", on_error="stop_run"
    )
    assert again.diverged_ns is None
    assert again.digest == result.digest
    assert again.failures == {}
    for name in ("orders", "fills", "candles", "published"):
        was, got = (getattr(run, name).drop(OF_MIDS) for run in (result, again))
        assert got.equals(was), name
    assert repr(again) == f"<ReplayResult faithful, digest {result.digest[:12]}>"


CHILD = """
import sys
from pathlib import Path
from tests.integration import test_journal as it

strategies, market, folder = getattr(it, sys.argv[1]), sys.argv[2], Path(sys.argv[3])
journal = (folder / "journal").read_bytes()
for cut in map(int, sys.argv[4:]):
    kernel = it.opened(strategies(), [it.tc.Catalog(market).instrument(it.NAME)])
    state = (folder / str(cut)).read_bytes()
    kernel.restore(state)
    assert kernel.save() == state
    diverged, rest = kernel.replay(journal[cut:])
    assert (diverged, rest) == (None, b""), diverged
    print(kernel.finish())
"""


def opened(strategies: Sequence[tc.Strategy], instruments: Sequence[tc.Instrument]) -> Kernel:
    return build_kernel(
        "backtest", strategies, instruments, accounts=range(len(strategies)), candles="1s", keeps_journal=True
    )


def ends_of_entries(journal: bytes) -> list[int]:
    ends, at = [], 0
    while at < len(journal):
        at += 4 + int.from_bytes(journal[at : at + 4], "little")
        ends.append(at)
    return ends


def test_a_session_that_is_cut_goes_on_in_another_process(session: Session, market: Path, tmp_path: Path) -> None:
    strategies, result = session
    journal = result.journal
    (tmp_path / "journal").write_bytes(journal)
    ends = ends_of_entries(journal)
    cuts = [ends[int(len(ends) * part)] for part in (0.001, 0.31, 0.5, 0.77, 0.999)]
    for cut in cuts:
        # With fees of the run: the child makes it from the catalog as the backtest did.
        kernel = opened(strategies(), result.instruments)
        assert kernel.replay(journal[:cut])[0] is None
        (tmp_path / str(cut)).write_bytes(kernel.save())
    command = [sys.executable, "-c", CHILD, strategies.__name__, market, tmp_path, *map(str, cuts)]
    path = f"{ROOT}:{ROOT / 'tests'}:{Path(tc.__file__).parents[1]}"
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": path}, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [result.digest] * len(cuts)


def test_a_session_is_saved_after_every_hundredth_entry(session: Session) -> None:
    strategies, result = session
    journal = result.journal
    ends = ends_of_entries(journal)
    cuts = [0, *ends[:: len(ends) // 40], len(journal)]
    kernel = opened(strategies(), result.instruments)
    for start, end in itertools.pairwise(cuts):
        assert kernel.replay(journal[start:end])[0] is None
        state = kernel.save()
        kernel = opened(strategies(), result.instruments)
        kernel.restore(state)
        assert kernel.save() == state
    assert kernel.finish() == result.digest


def test_other_decisions_are_told(market: Path) -> None:
    result = backtest(busy, market, record=True)

    class Later(Busy):
        def on_bar(self, ctx: tc.Context, bar: object) -> None:
            self.bars += 1
            if self.bars == 4:
                ctx.sell(NAME, "0.01")

    strategies: list[tc.Strategy] = [Later("one", [NAME]), Busy("two", [NAME])]
    again = tc.replay(result.journal, strategies, result.instruments, candles="1s")
    third = result.candles["ts_open"].dt.epoch("ns")[0] + 3_000_000_000
    assert again.diverged_ns is not None
    assert third <= again.diverged_ns < third + 1_500_000_000, "the third bar is the first at which they differ"
    assert again.digest != result.digest
    assert "diverged at" in repr(again)


def test_what_does_not_fit_is_refused(market: Path) -> None:
    result = backtest(busy, market, record=True)
    with pytest.raises(RunError, match="record=True"):
        _ = backtest(busy, market, record=False).journal
    with pytest.raises(DataError, match="journal: byte"):
        tc.replay(result.journal[:-1], busy(), result.instruments)
    with pytest.raises(UnknownInstrumentError):
        tc.replay(result.journal, busy(), [])
    with pytest.raises(tc.TradecoreError):
        tc.replay(result.journal, [], [])

    class Fails(Busy):
        def on_bar(self, ctx: tc.Context, bar: object) -> None:
            raise ValueError("so")

    def failing() -> list[tc.Strategy]:
        return [Fails("one", [NAME]), Busy("two", [NAME])]

    with pytest.warns(StrategyWarning, match="strategy one failed"):
        again = tc.replay(result.journal, failing(), result.instruments, candles="1s")
    assert list(again.failures) == ["one"]
    assert again.diverged_ns is not None
    with pytest.raises(StrategyError, match="strategy one failed: ValueError: so"):
        tc.replay(result.journal, failing(), result.instruments, candles="1s", on_error="stop_run")
