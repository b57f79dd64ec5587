"""Recordings and captures: what venues sent, written down and read into a catalog."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from test_live_cli import done, tradecore

import tradecore as tc
from tradecore.data.catalog import Catalog
from tradecore.data.frames import capture_frames, disconnected, is_frame
from tradecore.data.recorded import import_capture
from tradecore.errors import DataError, InvalidValueError, JournalError
from tradecore.live.captured import import_recorded
from tradecore.live.journal import JournalReader, RecordKind
from tradecore.live.recording import Recorder, RecordingSummary, read_manifest
from tradecore.live.runner import Live
from tradecore.sandbox import BinanceServer
from tradecore.sandbox.faults import Fault
from tradecore.types import BookState, EventKind
from tradecore.venues import Credentials, Secret, Stream, make_connector
from venue_live import until

pytestmark = pytest.mark.release

NAME = "BTCUSDT.BINANCE"
BOTH = (Stream.BOOK, Stream.TRADES)


def recorder(server: BinanceServer, folder: Path, **options: float) -> Recorder:
    return Recorder(make_connector("BINANCE", url=server.rest), [NAME], BOTH, folder, **options)  # type: ignore[arg-type]


async def recorded(made: Recorder, is_enough: Callable[[RecordingSummary], object]) -> RecordingSummary:
    running = asyncio.create_task(made.run())
    await until(lambda: running.done() or is_enough(made.summary))
    made.stop()
    return await running


def test_a_recording_goes_on_and_is_read_into_a_catalog(tmp_path: Path) -> None:
    folder = tmp_path / "recording"

    async def work() -> None:
        async with BinanceServer(symbols=[NAME]) as server:
            first = await recorded(recorder(server, folder), lambda told: told.frames > 20)
            second = await recorded(
                recorder(server, folder, segment_s=1.0),
                lambda told: told.frames > first.frames + 40 and len(told.files) > len(first.files),
            )
            assert second.files[: len(first.files)] == first.files
            assert len(second.files) > len(first.files)
            (pause,) = second.gaps
            assert (first.gaps, pause["reason"]) == ([], "nobody recorded")
            assert read_manifest(folder)["files"][len(first.files) - 1]["last"] >= pause["from"]
            assert pause["from"] < pause["to"]

    asyncio.run(work())
    frames = list(capture_frames([folder / file["name"] for file in read_manifest(folder)["files"]]))
    told = sum(file["frames"] for file in read_manifest(folder)["files"])
    assert sum(is_frame(frame.data) for frame in frames) == told
    assert [frame.ts_recv for frame in frames] == sorted(frame.ts_recv for frame in frames)
    (summary,) = import_recorded(folder, tmp_path / "market").values()
    assert summary["events"] > 100
    assert summary["trades"] > 0
    assert summary["snapshots"] >= 2
    book = Catalog(tmp_path / "market").instrument(NAME)
    assert str(book.tick_size) == "0.01"


def test_a_lost_connection_is_marked_and_the_book_begins_anew(tmp_path: Path) -> None:
    async def work() -> None:
        lost = Fault(kind="disconnect", on="btcusdt@depth*", skip=20, count=1)
        async with BinanceServer(symbols=[NAME], faults=[lost]) as server:
            made = recorder(server, tmp_path / "recording")
            summary = await recorded(made, lambda told: told.gaps and told.gaps[0]["to"])
            (gap,) = summary.gaps
            assert gap["instrument"] == NAME
            assert gap["from"] < gap["to"]

    asyncio.run(work())
    (file,) = (tmp_path / "recording").glob("*-0*.gz")
    assert [frame.data for frame in capture_frames([file])].count(disconnected(NAME)) == 1
    (summary,) = import_recorded(tmp_path / "recording", tmp_path / "market").values()
    assert summary["snapshots"] == 2


def test_a_book_begins_anew_where_its_own_connection_was_lost_and_goes_on_where_another_was(tmp_path: Path) -> None:
    name = "BTCUSDT.BYBIT"

    def line(number: int) -> bytes:
        kind, levels = ("snapshot", '[["60000","1"]]') if number == 1 else ("delta", f'[["59999","{number}"]]')
        book = f'{{"s":"BTCUSDT","b":{levels},"a":[["60001","1"]],"u":{number},"seq":{number}}}'
        return f'{{"topic":"orderbook.50.BTCUSDT","type":"{kind}","ts":1700000000000,"data":{book}}}'.encode()

    def events(*marks: bytes) -> int:
        told = [*map(line, range(1, 5)), *marks, *map(line, range(5, 9))]
        file = tmp_path / "capture"
        file.write_bytes(b"".join(b"%d %s\n" % (1_700_000_000_000_000_000 + at, data) for at, data in enumerate(told)))
        return int(import_capture([file], name, tmp_path / "market", replace=True)["events"])

    whole = events()
    assert events(disconnected("ETHUSDT.BYBIT")) == whole
    assert events(disconnected(name)) < whole
    # What a recording of before says is of all books.
    assert events(b'{"tradecore":"disconnected"}') == events(disconnected(name))


def test_a_recorder_that_is_killed_leaves_what_can_be_read(tmp_path: Path) -> None:
    async def work() -> None:
        async with BinanceServer(symbols=[NAME]) as server:
            words = ("record", "binance", "--symbol", "BTCUSDT", "--output", "rec", "--url", server.rest, "--quiet")
            process = await tradecore(tmp_path, *words)
            async with asyncio.timeout(60):
                while not list((tmp_path / "rec").glob("*.gz")):  # noqa: ASYNC110 - another process writes them
                    await asyncio.sleep(0.1)
                await asyncio.sleep(1.5)
            process.send_signal(signal.SIGKILL)
            await process.communicate()
            code, out, err = await done(tmp_path, *words, "--duration", "1s", "--json")
            assert code == 0, err
            assert json.loads(out)["frames"] > 0
            code, out, err = await done(tmp_path, "data", "import", "recorded", "rec", "--catalog", "market", "--json")
            assert code == 0, err
            assert json.loads(out)["instrument"] == NAME

    asyncio.run(work())


class Idle(tc.Strategy):
    """Counts trades."""

    seen: int = 0

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        self.seen += 1


def test_a_journal_is_a_capture(tmp_path: Path) -> None:
    idle = Idle("i", [NAME])

    async def work() -> None:
        async with BinanceServer(symbols=[NAME]) as server:
            connectors = [make_connector("BINANCE", url=server.rest)]
            venues = [tc.SimVenue("BINANCE")]
            async with Live([idle], connectors, paper=venues, journal=tmp_path, session="s1") as live:
                running = asyncio.create_task(live.run())
                await until(lambda: idle.seen)
                live.stop()
                await running

    asyncio.run(work())
    (summary,) = import_recorded(tmp_path / "s1", tmp_path / "market").values()
    assert summary["trades"] >= idle.seen


def test_a_journal_marks_lost_connections_and_books_imported_from_it_end_there(tmp_path: Path) -> None:
    synced: list[BookState] = []

    class Watching(Idle):
        def on_book_state(self, ctx: tc.Context, book: tc.Book, state: BookState) -> None:
            synced.extend([state] * (state is BookState.SYNCED))

    async def live(server: BinanceServer, *, is_cut: bool) -> None:
        connectors = [make_connector("BINANCE", url=server.rest)]
        async with Live([Watching("i", [NAME])], connectors, paper=[tc.SimVenue("BINANCE")], journal=tmp_path) as made:
            running = asyncio.create_task(made.run())
            await made.begun()
            if is_cut:
                await until(lambda: len(synced) == 2)  # before the connection is lost and after
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            else:
                made.stop()
                await running

    async def work() -> None:
        lost = Fault(kind="disconnect", on="btcusdt@depth*", skip=30, count=1)
        async with BinanceServer(symbols=[NAME], faults=[lost]) as server:
            await live(server, is_cut=True)
            await live(server, is_cut=False)

    asyncio.run(work())
    (folder,) = tmp_path.iterdir()
    frames = [record.frame() for record in JournalReader(folder) if record.kind is RecordKind.FRAME]
    marks = [(at, data) for at, _, data in frames if not is_frame(data)]
    assert [data for _, data in marks] == [disconnected(NAME), disconnected()]
    import_recorded(folder, tmp_path / "market")
    rows = Catalog(tmp_path / "market").scan(NAME).collect().filter(kind=int(EventKind.BOOK_CLEAR))
    assert {at for at, _ in marks} <= set(rows["ts_recv"].to_list())


def test_own_orders_are_marked_with_the_times_of_the_market(tmp_path: Path) -> None:
    async def work() -> None:
        async with BinanceServer(symbols=[NAME]) as server:
            account = server.clients[0]
            credentials = Credentials(key=account.key, secret=Secret(account.secret))
            made = Recorder(
                make_connector("BINANCE", url=server.rest, credentials=credentials), [NAME], BOTH, tmp_path / "rec"
            )

            class Taker(tc.Strategy):
                filled: int = 0

                def on_start(self, ctx: tc.Context) -> None:
                    ctx.buy(NAME, "0.01")

                def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
                    self.filled += 1

            recording = asyncio.create_task(made.run())
            await until(lambda: made.summary.frames)
            taker = Taker("t", [NAME])
            connectors = [make_connector("BINANCE", url=server.rest, credentials=credentials)]
            async with Live([taker], connectors, session="s1") as live:
                running = asyncio.create_task(live.run())
                await until(lambda: taker.filled)
                live.stop()
                await running
            await until(lambda: made.summary.own)
            made.stop()
            await recording

    asyncio.run(work())
    with gzip.open(tmp_path / "rec" / "BINANCE-own.gz", "rb") as file:
        own = [json.loads(line.partition(b" ")[2]) for line in file]
    assert {line["instrument"] for line in own} == {NAME}
    assert "fill" in {line["kind"] for line in own}


@pytest.mark.parametrize(
    ("venue", "file", "symbol", "tick", "began"),
    [
        ("BYBIT_SPOT", "bybit/spot_testnet_20260913.session.jsonl", "BTCUSDT", "0.1", 1_789_300_000),
        ("COINBASE", "coinbase/advanced_20260930.session.jsonl", "BTC-USD", "0.01", 1_790_800_000),
    ],
)
def test_captures_of_other_venues(
    shared: Path, tmp_path: Path, venue: str, file: str, symbol: str, tick: str, began: int
) -> None:
    base, quote = ("BTC", "USDT") if venue == "BYBIT_SPOT" else ("BTC", "USD")
    steps = {"price_increment": tick, "qty_increment": "0.00000001"}
    spec = tc.Instrument(f"{symbol}.{venue}", kind="spot", base=base, quote=quote, **steps)
    lines = (shared / "wire" / file).read_bytes().splitlines()
    packed = tmp_path / "capture.gz"
    packed.write_bytes(gzip.compress(b"".join(b"%d.%06d %s\n" % (began + n, n, line) for n, line in enumerate(lines))))
    summary = import_capture(packed, spec, tmp_path / "market")
    assert (summary["gaps"], summary["snapshots"] > 0, summary["book_updates"] > 0) == (0, True, True)
    decoder = tc.FeedDecoder(venue, [spec])
    for number, line in enumerate(lines):
        decoder.feed(line, (began + number) * 10**9 + number * 1_000)
    assert float(summary["best_bid"][0]) == decoder.book(spec.id).best_bid


def test_captures_of_several_connections_are_one_in_any_order(shared: Path, tmp_path: Path) -> None:
    spec = tc.find_instrument("BTCUSDT.BYBIT_SPOT")
    path = shared / "wire" / "bybit" / "spot_testnet_20260913.session.jsonl"
    lines = [b"%d %s\n" % (1_789_300_000 + n, line) for n, line in enumerate(path.read_bytes().splitlines())]
    trades = [line for line in lines if b'"publicTrade' in line[:60]]
    others = [line for line in lines if line not in trades]
    assert min(len(trades), len(others)) > 3
    found = []
    for name, parts in (
        ("whole", [lines]),
        ("apart", [trades, others]),
        ("cut", [others[20:], [], trades, others[:20]]),
        ("twice", [others, trades, others]),
    ):
        files = [tmp_path / f"{name}{at}" for at in range(len(parts))]
        for file, part in zip(files, parts, strict=True):
            file.write_bytes(b"".join(part))
        import_capture(files, spec, tmp_path / name)
        found.append(tc.Catalog(tmp_path / name).scan(spec.id).collect())
    assert all(frame.equals(found[0]) for frame in found)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"e":"trade"}', "is not a receive time in s, ms, us or ns, a space and a JSON frame"),
        (b'soon {"e":"trade"}', 'ts_recv: "soon" is not a time from 1970 to 2116 in s, ms, us or ns'),
        (b'99999999999 {"e":"trade"}', 'ts_recv: "99999999999" is not a time from 1970 to 2116'),
        (b'1700000000 {"e":"trade"', "byte 12: expected a comma or a closing brace"),
    ],
)
def test_what_is_no_frame_is_named_with_its_line(tmp_path: Path, line: bytes, problem: str) -> None:
    path = tmp_path / "capture"
    path.write_bytes(b'1700000000 {"result":null,"id":1}\n' + line + b"\n")
    with pytest.raises(DataError) as caught:
        import_capture(path, NAME, tmp_path / "market")
    assert (caught.value.source, caught.value.line) == (str(path), 2)
    assert problem in caught.value.problem


def test_a_recording_is_of_one_thing(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="instruments: none is given"):
        Recorder(make_connector("BINANCE"), [], BOTH, tmp_path)
    with pytest.raises(JournalError, match="cannot be read"):
        read_manifest(tmp_path)

    async def work() -> None:
        async with BinanceServer(symbols=[NAME]) as server:
            await recorded(recorder(server, tmp_path / "rec"), lambda told: told.frames)
            other = Recorder(make_connector("BINANCE", url=server.rest), [NAME], [Stream.BOOK], tmp_path / "rec")
            with pytest.raises(JournalError, match="is of other streams: record to another folder"):
                await recorded(other, lambda told: told.frames)

    asyncio.run(work())
