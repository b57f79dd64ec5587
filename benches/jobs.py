"""What is compared with what, and what is asked for."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import tradecore as tc
from benches import bars, makers
from benches.features import feature_jobs
from benches.feeds import feed_jobs
from benches.harness import Job, Limit, Target, run_seconds
from benches.indicators import indicator_jobs
from benches.journals import journal_jobs
from benches.live import live_jobs
from benches.market import NAME, Crowd, Market, depth_decoder, depth_frames
from benches.risk import risk_jobs
from benches.runs import run_jobs
from benches.signals import signal_jobs
from benches.tables import table_jobs
from tradecore._core import EventReader
from tradecore.instruments import instrument_from_dict
from tradecore.session.kernel import build_kernel

try:
    import isal.igzip
    import msgspec
    from hftbacktest.data.utils import tardis as hft_tardis

    from benches import peers
except ImportError:
    peers = None  # type: ignore[assignment]

VENUE = tc.SimVenue("SYNTH", queue="power(3)")
ROOT = Path(__file__).parents[1]
Contenders = dict[str, Callable[[], float]]


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Time a call."""

    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


def backtest(strategy: Callable[[], tc.Strategy], data: object, spec: tc.Instrument) -> Callable[[], float]:
    """Time a run over data, its preparation left out as it is for the peer."""

    def run() -> float:
        return run_seconds(tc.Backtest([strategy()], data, [VENUE], specs={NAME: spec}, on_error="stop_run"))

    return run


def hft(market: Market, function: Callable[..., object], *arguments: float) -> Callable[[], float]:
    """Time a run of hftbacktest."""

    def run() -> float:
        hbt = peers.hbt(market.events)
        started = time.perf_counter()
        function(hbt, *arguments)
        seconds = time.perf_counter() - started
        hbt.close()
        return seconds

    return run


def in_child(what: str, data: Path) -> Callable[[], float]:
    """Time a whole process, start-up included."""
    command = [sys.executable, "-m", "benches.children", what, str(data)]
    return timed(lambda: subprocess.run(command, check=True, capture_output=True, cwd=ROOT))


def told_by_child(what: str, data: Path) -> Callable[[], float]:
    """Take a figure that a process of its own prints."""
    command = [sys.executable, "-m", "benches.children", what, str(data)]
    return lambda: float(subprocess.run(command, check=True, capture_output=True, cwd=ROOT, text=True).stdout)


def jobs(folder: Path, rows: int) -> dict[str, Callable[[], Job]]:
    """All jobs by name; each makes its data when it is called."""
    market = Market(folder, rows)
    crowd = min(rows // 1_000, 1_000), max(rows // 5_000, 100)  # of so many, so many rows each
    return {
        "book, best prices of every row": lambda: book(market),
        "backtest, nothing to do": lambda: nothing(market),
        "backtest, market maker every 100 ms": lambda: market_maker(market),
        "market maker from a catalog": lambda: from_catalog(market),
        **run_jobs(market),
        "twenty orders resting": lambda: resting(Market(folder, max(rows // 5, 1_000))),
        "many orders resting": lambda: many_resting(market),
        "first result, start-up included": lambda: first_result(market),
        "Python hook on every row": lambda: every_row(market),
        "one message at a time from Python": one_message,
        "sixteen instruments": lambda: sixteen(Market(folder, max(rows // 10, 1_000))),
        "a thousand instruments": lambda: thousand(Crowd(folder, *crowd)),
        "memory of a thousand instruments": lambda: memory_of_thousand(Crowd(folder, *crowd)),
        "a sweep": lambda: many_points(market),
        "memory of a sweep's workers": lambda: memory_of_workers(market),
        "Tardis csv.gz to columns": lambda: tardis_files(Market(folder, max(rows * 2 // 5, 1_000))),
        "20-level depth frame": depth_frame,
        "memory of a streamed backtest": lambda: memory(market, Market(folder, rows * 10)),
        "memory of quoting": lambda: memory_of_quoting(market),
        "start-up": start_up,
        **indicator_jobs(rows),
        **risk_jobs(market),
        **bars.jobs(),
        **signal_jobs(folder, rows),
        **feature_jobs(folder, max(rows * 2 // 5, 20_000)),
        **feed_jobs(),
        **journal_jobs(rows),
        **live_jobs(rows),
        **table_jobs(folder / "tables", max(rows // 2, 1_000)),
    }


def book(market: Market) -> Job:
    """Take columns in, give both best prices of every row out."""
    columns = market.columns
    work: Contenders = {"tradecore": timed(lambda: tc.L2Book(market.spec).apply_and_trace(columns))}
    if peers:
        low, levels = int(peers.LOW * 10), int((peers.HIGH - peers.LOW) * 10)
        bids, asks = np.zeros(levels, np.int64), np.zeros(levels, np.int64)
        out = np.empty((2, market.rows), np.int64)
        inputs = [columns[name] for name in ("kind", "side", "price", "qty")]
        work["numba array ladder"] = timed(lambda: peers.ladder(*inputs, low, levels, bids, asks, *out))
        work["hftbacktest, no reads"] = hft(market, peers.elapse_once)
        traced = tc.L2Book(market.spec).apply_and_trace(columns)
        work["numba array ladder"]()
        synced = int(np.argmax(columns["flags"] & tc.EventFlag.LAST))  # the end of the opening snapshot
        assert np.array_equal(traced[0][synced:], out[0][synced:]), "the books differ"
        assert np.array_equal(traced[1][synced:], out[1][synced:]), "the books differ"
    return Job(
        "ns/row",
        dict.fromkeys(work, market.rows),
        work,
        (Target("tradecore", "numba array ladder", 0.5), Target("tradecore", "hftbacktest, no reads", 5)),
    )


def nothing(market: Market) -> Job:
    """Keep time and books, nothing else."""
    work: Contenders = {
        "tradecore": backtest(lambda: tc.Strategy("idle", [NAME]), {NAME: market.columns}, market.spec),
        "tradecore, Python timer": backtest(lambda: makers.Idle("idle", [NAME]), {NAME: market.columns}, market.spec),
    }
    if peers:
        work["hftbacktest"] = hft(market, peers.nothing)
    return Job(
        "ns/row",
        dict.fromkeys(work, market.rows),
        work,
        (Target("tradecore", "hftbacktest", 6),),
        note="hftbacktest and the timer wake every 100 ms",
    )


def market_maker(market: Market) -> Job:
    """Keep both quotes at the touch, moved every 100 ms, with a limit on the position."""
    data = {NAME: market.columns}

    def compiled() -> tc.Strategy:
        return tc.TouchMaker("m", [NAME], quote_qty="0.01", max_position="0.05")

    def python() -> tc.Strategy:
        return makers.PythonMaker("m", [NAME])

    work: Contenders = {
        "tradecore, compiled": backtest(compiled, data, market.spec),
        "tradecore, plain Python": backtest(python, data, market.spec),
    }
    result = tc.Backtest([python()], data, [VENUE], specs={NAME: market.spec}).run()
    note = f"{result.summary()['orders']} orders and {result.summary()['fills']} fills of ours"
    if peers:
        work["hftbacktest"] = hft(market, peers.maker, 0.01, 0.05)
        hbt = peers.hbt(market.events)
        orders = peers.maker(hbt, 0.01, 0.05)
        note += f", {orders} and {hbt.state_values(0).num_trades} of hftbacktest"
        hbt.close()
    return Job(
        "ns/row",
        dict.fromkeys(work, market.rows),
        work,
        (Target("tradecore, compiled", "hftbacktest", 5), Target("tradecore, plain Python", "hftbacktest", 3)),
        note=note,
    )


def from_catalog(market: Market) -> Job:
    """Run the plain-Python maker from the disk, files opened and decoded within the time, and from memory."""

    def maker() -> tc.Strategy:
        return makers.PythonMaker("m", [NAME])

    work: Contenders = {
        "from the catalog": backtest(maker, market.catalog, market.spec),
        "from memory": backtest(maker, {NAME: market.columns}, market.spec),
        "read alone": timed(lambda: sum(len(piece["kind"]) for piece in tc.Catalog(market.catalog).stream(NAME))),
    }
    stored = sum(path.stat().st_size for path in market.catalog.rglob("*.parquet"))
    return Job(
        "ns/row",
        dict.fromkeys(work, market.rows),
        work,
        limits=(Limit("from the catalog", 25),),
        note=f"{stored / market.rows:.1f} bytes a row on disk; a thread of ours reads while the run goes on",
    )


def resting(market: Market) -> Job:
    """Follow twenty orders far behind the market, on a full book and on top-of-book quotes."""
    work: Contenders = {}
    items: dict[str, float] = {}
    for name, columns in (("full book", market.columns), ("quotes", market.quotes)):
        for count, strategy in (("no orders", tc.Strategy), ("twenty orders", makers.Resting)):
            contender = f"{name}, {count}"
            work[contender] = backtest(lambda strategy=strategy: strategy("r", [NAME]), {NAME: columns}, market.spec)  # type: ignore[misc]
            items[contender] = len(columns["ts_recv"])
    return Job(
        "ns/row",
        items,
        work,
        (
            Target("full book, twenty orders", "full book, no orders", 0.2),
            Target("quotes, twenty orders", "quotes, no orders", 0.1),
        ),
        note="a row of quotes is half a message, one of the full book about a twentieth",
    )


def many_resting(market: Market) -> Job:
    """Follow one, four hundred and five thousand orders far behind the market, once they are there."""

    def run(count: int) -> Callable[[], float]:
        def once() -> float:
            strategy = makers.ManyResting("r", [NAME], count=count)
            tc.Backtest([strategy], {NAME: market.columns}, [VENUE], specs={NAME: market.spec}).run()
            return strategy.seconds

        return once

    work: Contenders = {"one order": run(1), "400 orders": run(400), "5,000 orders": run(5_000)}
    return Job(
        "ns/row",
        dict.fromkeys(work, market.rows),
        work,
        (Target("400 orders", "one order", 1 / 1.3), Target("5,000 orders", "one order", 1 / 2)),
        rounds=21,  # some hundredths of a second each: what the machine does meanwhile shows in five
        note="from 100 ms after they were placed to the end of the data",
    )


def first_result(market: Market) -> Job:
    """Get the market maker's result from a cold start, compile time and reading included."""
    work: Contenders = {"tradecore, plain Python": in_child("ours_python", market.catalog)}
    if peers:
        work["hftbacktest"] = in_child("peer", market.npz)
    return Job(
        "s",
        dict.fromkeys(work, 1),
        work,
        (Target("tradecore, plain Python", "hftbacktest", 10),),
        (Limit("tradecore, plain Python", 0.45),),
        rounds=3,
        note="a new process each time; hftbacktest's compile time is in it",
    )


def every_row(market: Market) -> Job:
    """Call a plain-Python hook on every row."""
    columns, events = market.every_row_alone
    strategy = makers.EveryRow("e", [NAME])
    tc.Backtest([strategy], {NAME: columns}, [VENUE], specs={NAME: market.spec}, on_error="stop_run").run()
    work: Contenders = {"tradecore": backtest(lambda: makers.EveryRow("e", [NAME]), {NAME: columns}, market.spec)}
    calls: dict[str, float] = {"tradecore": strategy.calls}
    if peers:

        def interpreted() -> float:
            hbt = peers.hbt(events)
            started = time.perf_counter()
            calls["hftbacktest, interpreted"] = peers.every_row(hbt)
            seconds = time.perf_counter() - started
            hbt.close()
            return seconds

        interpreted()  # compiles, and counts its calls
        work["hftbacktest, interpreted"] = interpreted
    return Job(
        "ns/call",
        calls,
        work,
        (Target("tradecore", "hftbacktest, interpreted", 4),),
        note=f"calls: {calls}",
    )


def one_message() -> Job:
    """Give a live kernel its messages one by one; a plain-Python hook reads both best prices after each."""
    spec = tc.find_instrument("BTCUSDT.BINANCE_USDM")
    count = 20_000

    def messages(levels: int) -> list[tuple[list[tuple[float, float]], list[tuple[float, float]]]]:
        """Half of the levels a side, behind a touch that moves by a tick with every message."""
        made = []
        for n in range(count):
            touch, tenths = 600_000 + n % 2, range(levels // 2)
            bids = [((touch - back) / 10, (1 + (n + back) % 50) / 1_000) for back in tenths]
            asks = [((touch + 2 + back) / 10, (1 + (n * 3 + back) % 50) / 1_000) for back in tenths]
            made.append((bids, asks))
        return made

    def run(given: list[tuple[Any, Any]]) -> Callable[[], float]:
        def once() -> float:
            strategy = makers.TouchReader("t", [spec.id])
            kernel = build_kernel("bench", [strategy], [spec])
            kernel.start(1)
            kernel.levels(1, 0, 1, [(50_000.0, 1.0)], [(70_000.0, 1.0)], snapshot=True)
            levels, at = kernel.levels, 1
            started = time.perf_counter()
            for bids, asks in given:
                at += 1_000
                levels(at, 0, at, bids, asks)
            seconds = time.perf_counter() - started
            assert strategy.calls == count + 1
            return seconds

        return once

    work: Contenders = {}
    for levels in (2, 20):
        lists = messages(levels)
        work[f"{levels} levels, lists"] = run(lists)
        work[f"{levels} levels, arrays"] = run([(np.array(bids), np.array(asks)) for bids, asks in lists])
        texts = [[[(f"{p:.1f}", f"{q:.3f}") for p, q in side] for side in message] for message in lists]
        work[f"{levels} levels, texts"] = run([(bids, asks) for bids, asks in texts])
    return Job(
        "us/message",
        dict.fromkeys(work, count),
        work,
        limits=tuple(Limit(name, 1.2) for name in ("2 levels, lists", "20 levels, lists", "20 levels, arrays")),
        rounds=21,  # some hundredths of a second each: what the machine does meanwhile shows in five
        note="the message's lists are there; half of the levels on each side",
    )


def sixteen(market: Market) -> Job:
    """Run sixteen instruments at once and one by one, nothing else to do."""
    names = [f"BTC{number:02}.SYNTH" for number in range(16)]
    base = market.spec.to_dict()
    specs = {name: instrument_from_dict({**base, "id": name}) for name in names}
    shift = 137_000  # ns: their messages lie between each other's, as on a real venue
    data = {}
    for number, name in enumerate(names):
        moved = {"ts_event": shift * number, "ts_recv": shift * number}
        data[name] = {key: values + moved[key] if key in moved else values for key, values in market.columns.items()}

    def run(chosen: list[str]) -> Callable[[], float]:
        def once() -> float:
            own = {name: data[name] for name in chosen}
            return run_seconds(tc.Backtest([tc.Strategy("idle", chosen)], own, [VENUE], specs=specs))

        return once

    def each() -> float:
        return sum(run([name])() for name in names)

    work: Contenders = {"sixteen in one run": run(names), "one, sixteen times": each}
    return Job(
        "ns/row",
        dict.fromkeys(work, 16 * market.rows),
        work,
        (Target("sixteen in one run", "one, sixteen times", 1 / 1.15),),
        rounds=31,  # a tenth of a second each: what the machine does meanwhile shows in five
    )


def thousand(crowd: Crowd) -> Job:
    """Run a thousand quiet instruments at once, and one that has all their rows."""

    def run(strategy: type[tc.Strategy], names: list[str], data: object, specs: dict[str, tc.Instrument]) -> float:
        return run_seconds(tc.Backtest([strategy("s", names)], data, [VENUE], specs=specs, on_error="stop_run"))

    sets = {
        "one": ([NAME], {NAME: crowd.alone}, crowd.specs | {NAME: tc.Catalog(crowd.store_alone()).instrument(NAME)}),
        "a thousand": (crowd.names(), crowd.data, crowd.specs),
    }
    strategies = {"nothing": tc.Strategy, "timer": makers.Watch, "every message": makers.EveryMessage}
    work: Contenders = {
        f"{name}, {what}": lambda strategy=strategy, names=names, data=data, specs=specs: run(  # type: ignore[misc]
            strategy, names, data, specs
        )
        for what, strategy in strategies.items()
        for name, (names, data, specs) in sets.items()
    }
    stored = {"one": crowd.store_alone(), "a thousand": crowd.store()}
    for name, (names, _, specs) in sets.items():
        work[f"{name}, nothing, catalog"] = lambda name=name, names=names, specs=specs: run(  # type: ignore[misc]
            tc.Strategy, names, stored[name], specs
        )
    rows = len(crowd.one["kind"]) * crowd.count
    return Job(
        "ns/row",
        dict.fromkeys(work, rows),
        work,
        tuple(Target(f"a thousand, {what}", f"one, {what}", 1 / 2) for what in [*strategies, "nothing, catalog"]),
        rounds=11,
        note="the same messages; the timer reads ten best bids every 100 ms; files are opened within the time",
    )


def memory_of_thousand(crowd: Crowd) -> Job:
    """Measure the peak of a process that runs a thousand instruments, from memory and from a catalog."""
    crowd.store()

    work: Contenders = {
        "from memory": told_by_child("crowd", crowd.folder),
        "from a catalog": told_by_child("stored_crowd", crowd.folder),
    }
    limits = tuple(Limit(name, 150) for name in work)
    return Job("MB", dict.fromkeys(work, 1), work, limits=limits, rounds=3, note="Python and its imports included")


def tardis_files(market: Market) -> Job:
    """Read Tardis ``incremental_book_L2`` and ``trades``, gzip, to event columns in memory."""
    files = [str(path) for path in market.tardis]

    def ours() -> None:
        reader = EventReader.tardis(market.spec, files)
        pieces = []
        while (columns := reader.read(1 << 18)) is not None:
            pieces.append(columns)

    work: Contenders = {"tradecore": timed(ours)}
    if peers:
        needed = {
            "trades": ["timestamp", "local_timestamp", "side", "price", "amount"],
            "incremental_book_L2": ["timestamp", "local_timestamp", "is_snapshot", "side", "price", "amount"],
        }

        def isal_polars() -> None:
            for path in market.tardis:
                with isal.igzip.open(path, "rb") as file:
                    pl.read_csv(io.BytesIO(file.read()), columns=needed[path.name.partition(".")[0]])

        def convert() -> None:
            stdout, sys.stdout = sys.stdout, io.StringIO()
            try:
                hft_tardis.convert(files, buffer_size=market.rows * 2, ss_buffer_size=100_000)
            finally:
                sys.stdout = stdout

        work |= {"hftbacktest convert": timed(convert), "isal + polars (columns only)": timed(isal_polars)}
    return Job(
        "ns/row",
        dict.fromkeys(work, market.rows),
        work,
        (Target("tradecore", "hftbacktest convert", 3.5), Target("tradecore", "isal + polars (columns only)", 1.5)),
        note="tradecore also checks, merges by time and marks messages",
    )


def many_points(market: Market) -> Job:
    """Run plain-Python makers with ten and forty sets of parameters in two processes, and one of them alone."""
    contenders = {
        "one run": "one_run",
        "ten points, two workers": "ten_points",
        "forty points, one worker": "forty_points_1",
        "forty points, two workers": "forty_points_2",
        "one run from a catalog": "one_stored_run",
        "ten points from a catalog, two workers": "ten_stored_points",
    }
    work: Contenders = {name: told_by_child(what, market.catalog) for name, what in contenders.items()}
    return Job(
        "ms",
        dict.fromkeys(work, 1),
        work,
        (
            Target("ten points, two workers", "one run", 1 / 3),
            Target("forty points, two workers", "forty points, one worker", 1.8),
            Target("ten points from a catalog, two workers", "one run from a catalog", 1 / 3),
        ),
        note="each in a new process, the second time there; workers are forked: their start is in it",
    )


def memory_of_workers(market: Market) -> Job:
    """Measure what each of four workers of a sweep has in memory for itself; the data they share."""
    contenders = {"forked": "weigh_forked", "new, columns mapped": "weigh_spawned", "new, catalog": "weigh_stored"}
    work: Contenders = {name: told_by_child(what, market.catalog) for name, what in contenders.items()}
    limits = tuple(Limit(name, 60) for name in work)
    note = f"the data takes {sum(values.nbytes for values in market.columns.values()) / 1e6:.0f} MB, once"
    return Job("MB", dict.fromkeys(work, 1), work, limits=limits, rounds=3, note=note)


def depth_frame() -> Job:
    """Take a Binance depth frame of 20 levels from bytes to book, against decoding alone."""
    frames = depth_frames(2_000)
    spec = tc.find_instrument("BTCUSDT.BINANCE_USDM")

    def ours() -> float:
        decoder = depth_decoder(spec, frames[0], keep_events=False)
        feed = decoder.feed
        started = time.perf_counter()
        for frame in frames[1:]:
            feed(frame, 0)
        seconds = time.perf_counter() - started
        assert decoder.state(spec.id) == tc.BookState.SYNCED
        assert decoder.gaps(spec.id) == 0
        return seconds

    work: Contenders = {"tradecore, bytes to book": ours}
    if peers:
        decoder = msgspec.json.Decoder(_message(), strict=False)

        def decode() -> None:
            for frame in frames[1:]:
                decoder.decode(frame)

        work["msgspec, decode only"] = timed(decode)
    return Job(
        "us/frame",
        dict.fromkeys(work, len(frames) - 1),
        work,
        (Target("tradecore, bytes to book", "msgspec, decode only", 4.5),),
        note=f"{len(frames[-1])} bytes a frame; msgspec to typed structs with float prices",
    )


def _message() -> type:
    level = tuple[float, float]
    scalars = {"e": str, "E": int, "T": int, "s": str, "U": int, "u": int, "pu": int}
    update = msgspec.defstruct("DepthUpdate", [*scalars.items(), ("b", list[level]), ("a", list[level])])
    return msgspec.defstruct("Frame", [("stream", str), ("data", update)])


def memory(small: Market, large: Market) -> Job:
    """Measure bytes a row, and the peak of a process over ten times the data."""
    held = sum(values.nbytes for values in small.columns.values())

    names = (f"peak, {small.rows / 1e6:g} M rows", f"peak, {large.rows / 1e6:g} M rows")
    work: Contenders = {
        name: told_by_child("ours_compiled", market.catalog) for name, market in zip(names, (small, large), strict=True)
    }
    return Job(
        "MB",
        dict.fromkeys(work, 1),
        work,
        (Target(names[1], names[0], 1 / 1.05),),
        rounds=3,
        note=f"{held / small.rows:.1f} bytes a row in memory (at most 32)",
    )


def memory_of_quoting(market: Market) -> Job:
    """Measure what 1.4 quotes a row, each a new order and its cancel, add to the memory of a process."""
    work: Contenders = {"tradecore": told_by_child("quoting", market.catalog)}
    note = "five million rows are seven million quotes, of which the second half counts"
    return Job("MB", dict.fromkeys(work, 1), work, limits=(Limit("tradecore", 3.3),), rounds=1, note=note)


def start_up() -> Job:
    """Time ``import tradecore`` beside an empty interpreter."""

    def python(code: str) -> Callable[[], float]:
        return timed(lambda: subprocess.run([sys.executable, "-c", code], check=True))

    work: Contenders = {"import tradecore": python("import tradecore"), "python alone": python("pass")}
    return Job("s", dict.fromkeys(work, 1), work, limits=(Limit("import tradecore", 0.3),))
