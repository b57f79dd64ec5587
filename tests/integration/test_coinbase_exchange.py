"""The connector of Coinbase on the feed of Coinbase Exchange: books without numbers, trades that heartbeats count."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from test_recording import recorded

import tradecore as tc
from conftest import cli
from tradecore.data.catalog import Catalog
from tradecore.errors import CredentialsError, InvalidValueError, RunError
from tradecore.live.captured import import_recorded
from tradecore.live.recording import Recorder
from tradecore.sandbox import CoinbaseServer, Fault
from tradecore.types import BookState, EventKind, OrderStatus
from tradecore.venues import Connector, Credentials, Feed, FeedState, Frame, Secret, Stream, make_connector
from tradecore.venues.check import check_venues
from tradecore.venues.clock import VirtualClock
from tradecore.venues.coinbase.exchange import ExchangeStreams, login_of
from tradecore.venues.coinbase.market import MAINNET
from tradecore.venues.link import Session
from venue_live import run, until
from venue_sandbox import Trading, session

pytestmark = pytest.mark.release

VENUE, BTC = "COINBASE", "BTC-USD.COINBASE"
ALL = (Stream.BOOK, Stream.TRADES, Stream.QUOTES)


async def followed(made: Trading) -> None:
    made.connector.subscribe("s", made.id, ALL)
    await until(lambda: all(made.connector.delivers(made.id, stream) for stream in ALL))


def gaps(made: Trading) -> list[str]:
    """Why the book was not the venue's."""
    return [state.reason for state in made.states if state.stream is Stream.BOOK and state.state is BookState.GAP]


def test_a_session_has_its_market_from_there_and_its_orders_by_advanced_trade() -> None:
    async def work() -> None:
        async with session(VENUE, feed="exchange") as made:
            await followed(made)
            began = made.connector.health.frames
            await until(lambda: made.connector.health.frames > began + 200)
            assert (made.decoder.gaps(made.id), made.feed.malformed, gaps(made)) == (0, 0, [])
            assert not made.decoder.book(made.id).is_crossed
            price = made.below(0.0001)
            assert (await made.send(lambda ctx: ctx.buy(made.id, "0.01", price))).kind == "accepted"

            def told() -> bool:
                bids, _ = made.decoder.book(made.id).depth(1_000)
                return any(abs(at - float(price)) < 0.001 and qty >= 0.01 for at, qty in bids.tolist())

            await until(told)  # others see it, and so do we
            assert (await made.cancel()).kind == "cancelled"
            await made.send(lambda ctx: ctx.buy(made.id, "0.01"))
            await until(lambda: made.trader.last == (OrderStatus.FILLED, 0.01))

    run(work)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        # A trade that is missing shows by the next one: what else was lost nobody knows.
        ({"kind": "drop", "on": "exchange.matches.*", "skip": 3, "count": 1}, "sequence gap"),
        ({"kind": "disconnect", "on": "exchange.level2_batch.*", "skip": 40, "count": 1}, ""),
        ({"kind": "corrupt", "on": "exchange.level2_batch.*", "skip": 40, "count": 1}, "malformed frame"),
    ],
    ids=["lost trade", "lost connection", "malformed"],
)
def test_a_book_that_may_have_lost_something_begins_anew(fault: dict[str, Any], reason: str) -> None:
    async def work() -> None:
        async with session(VENUE, [Fault.model_validate(fault)], feed="exchange") as made:
            made.connector.subscribe("s", made.id, ALL)
            await until(lambda: bool(gaps(made)))
            assert gaps(made)[0].startswith(reason)
            await until(lambda: made.states[-1].state is BookState.SYNCED)
            await until(lambda: made.connector.health.resyncs + made.connector.health.reconnects == 1)
            assert made.connector.health.resyncs == bool(reason)
            began = made.connector.health.frames
            await until(lambda: made.connector.health.frames > began + 50)
            assert not made.decoder.book(made.id).is_crossed

    run(work)


class Told:
    """A connection, and what it is asked."""

    def __init__(self, **options: Any) -> None:
        self.clock = VirtualClock()
        self.streams = ExchangeStreams(MAINNET, self.clock, **options)
        self.session = Session(self.clock)
        self.session.opened(self)  # type: ignore[arg-type]
        self.asked: list[Any] = []

    def send(self, text: bytes) -> None:
        self.asked.append(json.loads(text))

    def hear(self, **message: Any) -> str | None:
        """Hear a message of BTC-USD; returns what is handled at once."""
        data = json.dumps({"product_id": "BTC-USD", **message}, separators=(",", ":")).encode()
        return None if self.streams.name_in(data) else self.streams.control(self.session, json.loads(data))


def test_trades_that_a_heartbeat_tells_and_nobody_sends_renew_the_connection() -> None:
    async def work() -> None:
        told = Told()
        told.session.streams["matches:BTC-USD"] = True

        async def heard(newest: int) -> str | None:
            await told.clock.advance(1.0)
            return told.hear(type="heartbeat", last_trade_id=newest, sequence=9)

        assert await heard(6) == ""  # nobody knows where trades begin before one has come
        assert told.hear(type="last_match", trade_id=7) is None
        assert [await heard(9) for _ in range(3)] == [""] * 3
        assert told.hear(type="match", trade_id=9) is None  # it was late
        assert [await heard(9) for _ in range(9)] == [""] * 9
        assert [await heard(11) for _ in range(6)] == [*[""] * 5, "trades of BTC-USD from 10 to 11 did not come"]
        told.session.streams.clear()
        assert [await heard(20) for _ in range(9)] == [""] * 9

    run(work)


def test_heartbeats_of_a_product_are_subscribed_to_once_and_stay() -> None:
    async def work() -> None:
        told = Told()

        async def answered(asking: Any, **answer: Any) -> Any:
            task = asyncio.ensure_future(asking)
            await asyncio.sleep(0)
            assert told.hear(**answer) == ""
            return await task

        taken, names = {"type": "subscriptions", "channels": []}, ["level2_batch:BTC-USD", "matches:BTC-USD"]
        refused = {"type": "error", "message": "Failed to subscribe", "reason": "BTC-USD is not a valid product"}
        text = "Failed to subscribe: BTC-USD is not a valid product"
        subscribe, leave = told.streams.subscribe, told.streams.unsubscribe
        assert await answered(subscribe(told.session, names), **refused) == dict.fromkeys(names, text)
        assert await answered(subscribe(told.session, names), **taken) == {}
        await answered(leave(told.session, names[:1]), **taken)
        assert await answered(subscribe(told.session, names[:1]), **taken) == {}
        both = [{"name": name, "product_ids": ["BTC-USD"]} for name in ("level2_batch", "matches", "heartbeat")]
        assert told.asked == [
            {"type": "subscribe", "channels": both},
            {"type": "subscribe", "channels": both},
            {"type": "unsubscribe", "channels": both[:1]},
            {"type": "subscribe", "channels": both[:1]},
        ]

    run(work)


def test_every_recorded_message_is_of_a_stream_or_an_answer(shared: Path) -> None:
    folder = shared / "wire" / "coinbase"
    if not folder.is_dir():
        pytest.skip("no ../shared/wire/coinbase beside the project: the recorded messages are not here")
    told, kinds = Told(), dict[str, int]()
    for line in (folder / "exchange_20210417.session.jsonl").read_bytes().splitlines():
        name = told.streams.name_in(line)
        if name is None:
            assert told.streams.control(told.session, json.loads(line)) == ""
        kind = "answer" if name is None else name.partition(b":")[0].decode()
        kinds[kind] = kinds.get(kind, 0) + 1
        if name is not None:
            assert name.partition(b":")[2].decode() == json.loads(line)["product_id"]
    assert kinds == {"answer": 3, "level2_batch": 6_553, "matches": 83, "ticker": 83}


def test_it_is_checked_and_recorded(tmp_path: Path) -> None:
    async def work() -> None:
        async with CoinbaseServer(seed=4, symbols=[BTC]) as server:
            reached = make_connector(VENUE, url=server.rest, feed="exchange")
            (found,) = await asyncio.to_thread(check_venues, [reached], seconds=2.0)
            assert (found.problem, found.book, found.keys) == ("", "synced", "none")
            assert found.instrument is not None
            assert (found.instrument.id, set(found.messages)) == (BTC, {"book", "trades", "quotes"})
            made = Recorder(make_connector(VENUE, url=server.rest, feed="exchange"), [BTC], ALL, tmp_path / "recording")
            summary = await recorded(made, lambda told: told.frames > 200)
            assert summary.gaps == []

    run(work)
    (summary,) = import_recorded(tmp_path / "recording", tmp_path / "market").values()
    assert summary["snapshots"] == 1
    assert summary["trades"] > 0
    assert Catalog(tmp_path / "market").instrument(BTC).id == BTC


def test_a_session_on_paper_says_so_in_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '[mode]\n[[mode.connections]]\nvenue = "{0}"\nsandbox = true\nfeed = "{1}"\n'
    text += '[[strategies]]\nkind = "touch_maker"\nname = "m"\ninstruments = ["{2}.{0}"]\n'
    text += 'params = {{ quote_qty = "0.01", max_position = "0.05" }}\n'
    problems = []
    for venue, feed, symbol in (
        (VENUE, "exchange", "BTC-USD"),
        (VENUE, "other", "BTC-USD"),
        ("BYBIT", "exchange", "BTCUSDT"),
    ):
        file = tmp_path / "paper.toml"
        file.write_text(text.format(venue, feed, symbol))
        code, _, err = cli("paper", "--config", file, "--duration", "2s", "--quiet", capsys=capsys)
        assert code == (2 if err else 0), err
        problems.append(err)
    assert problems[0] == ""
    assert "mode.connections.0.feed: expected advanced, exchange or full, got 'other'" in problems[1]
    assert "mode.connections.0.feed: BYBIT has no such option" in problems[2]


@pytest.mark.parametrize("words", [("check-exchange",), ("record", "--symbol", "BTC-USD", "--output", "folder")])
def test_commands_ask_for_a_feed_there_is(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = cli(*words, "coinbase", "--feed", "other", capsys=capsys)
    assert (code, err) == (2, "error: feed: expected advanced, exchange or full, got 'other'\n")
    code, _, err = cli(*words, "bybit", "--feed", "exchange", capsys=capsys)
    assert (code, err) == (2, "error: feed: BYBIT has no such option\n")


NAMES = (BTC, "ETH-USD.COINBASE")


class Following:
    """A connector that is told single orders, and the books that come of them."""

    def __init__(self, connector: Connector, instruments: Mapping[str, tc.Instrument]) -> None:
        self.connector = connector
        self.states: list[FeedState] = []
        self.decoder = tc.FeedDecoder(VENUE, [instruments[name] for name in NAMES])
        self.feed = Feed(connector, self.decoder, NAMES, self.states.append)

    def sink(self, event: Any) -> None:
        if isinstance(event, Frame):
            self.feed.frame(event)
        elif isinstance(event, FeedState):
            self.feed.state(event)

    @property
    def books(self) -> list[FeedState]:
        return [state for state in self.states if state.stream is Stream.BOOK]


@asynccontextmanager
async def following(*faults: dict[str, Any]) -> AsyncIterator[Following]:
    async with (
        CoinbaseServer(seed=4, data="crowd", faults=[Fault.model_validate(fault) for fault in faults]) as server,
        make_connector(VENUE, url=server.rest, feed="full", seed=1) as connector,
    ):
        made = Following(connector, await connector.instruments())
        await connector.start(made.sink)
        for name in NAMES:
            connector.subscribe("s", name, [Stream.TRADES, Stream.BOOK, Stream.QUOTES])
        await until(lambda: made.feed.is_calm)
        yield made


def test_single_orders_are_followed_on_a_snapshot_each() -> None:
    async def work() -> None:
        async with following() as made:
            began = made.connector.health.frames
            await until(lambda: made.connector.health.frames > began + 300)
            assert [made.decoder.gaps(name) for name in NAMES] == [0, 0]
            assert (made.connector.health.resyncs, made.feed.malformed) == (2, 0)
            assert not any(made.decoder.book(name).is_crossed for name in NAMES)
            assert {state.state for state in made.books} == {BookState.BUFFERING, BookState.SYNCED}

    run(work)


@pytest.mark.parametrize(
    ("kind", "reason"), [("drop", "sequence gap"), ("corrupt", "malformed frame"), ("disconnect", "")], ids=str
)
def test_of_single_orders_a_book_that_lost_one_is_asked_for_anew(kind: str, reason: str) -> None:
    async def work() -> None:
        fault = {"kind": kind, "on": "exchange.full.BTC-USD", "skip": 150, "count": 1}
        async with following(fault) as made:
            await until(lambda: any(state.state is BookState.GAP for state in made.books))
            lost = next(state for state in made.books if state.state is BookState.GAP)
            assert lost.instrument == BTC or kind == "disconnect"
            assert lost.reason.startswith(reason)
            await until(lambda: made.feed.is_calm)
            began = made.connector.health.frames
            await until(lambda: made.connector.health.frames > began + 100)
            assert made.feed.is_calm
            assert not made.decoder.book(BTC).is_crossed

    run(work)


class Watcher(tc.Strategy):
    """Bids at the best price, and counts what it is told."""

    def on_start(self, ctx: tc.Context) -> None:
        self.trades, self.books = 0, 0

    def on_trade(self, ctx: tc.Context, trade: tc.Trade) -> None:
        self.trades += 1

    def on_book(self, ctx: tc.Context, book: tc.Book) -> None:
        self.books += 1
        if not ctx.orders(BTC):
            ctx.buy(BTC, "0.001", book.best_bid)


def test_single_orders_are_recorded_and_traded_on_paper(tmp_path: Path) -> None:
    async def work() -> None:
        async with CoinbaseServer(seed=4, symbols=[BTC], data="crowd", speed=5.0) as server:
            made = Recorder(make_connector(VENUE, url=server.rest, feed="full"), [BTC], ALL, tmp_path / "recording")
            assert (await recorded(made, lambda told: told.frames > 1_000)).gaps == []
            strategy, connector = Watcher("w", [BTC]), make_connector(VENUE, url=server.rest, feed="full")
            async with tc.Live([strategy], [connector], paper=[tc.SimVenue.profile(VENUE)]) as live:
                running = asyncio.create_task(live.run())
                await live.begun()
                await until(lambda: strategy.trades > 5 and strategy.books > 100)
                live.stop()
                result = await running
            assert result.tables.table("orders").height > 0

    run(work)
    (summary,) = import_recorded(tmp_path / "recording", tmp_path / "market").values()
    assert summary["snapshots"] == 1
    wanted = (EventKind.ORDER_ADD, EventKind.ORDER_CANCEL, EventKind.ORDER_EXECUTE, EventKind.TRADE)
    pieces = Catalog(tmp_path / "market").stream(BTC, kinds=wanted)
    assert {int(kind) for piece in pieces for kind in piece["kind"]} == {*map(int, wanted)}


KEYS = Credentials(
    key="key", secret=Secret("dHJhZGVjb3JlLWV4Y2hhbmdlLXRlc3Qtc2VjcmV0LTA="), passphrase=Secret("hunter2")
)


def test_requests_for_single_orders_are_signed() -> None:
    assert login_of(KEYS, 1_700_000_000) == {
        "signature": "yN2gZyvcfJnIFN0ErIUMsu8vdOpjSvyTa3RpCqCMvtI=",
        "key": "key",
        "passphrase": "hunter2",
        "timestamp": "1700000000",
    }
    told = Told(login=lambda: login_of(KEYS, 1_700_000_000), with_orders=True)
    names = {told.streams.locate((BTC, stream)) for stream in ALL}
    assert names == {("public", "full:BTC-USD"), ("public", "ticker:BTC-USD")}

    async def work() -> None:
        task = asyncio.ensure_future(told.streams.subscribe(told.session, ["full:BTC-USD"]))
        await asyncio.sleep(0)
        assert told.hear(type="subscriptions", channels=[]) == ""
        assert await task == {}
        [asked] = told.asked
        assert [channel["name"] for channel in asked["channels"]] == ["full", "heartbeat"]
        assert asked["passphrase"] == "hunter2"
        for kind in ("received", "open", "done", "change", "match"):
            assert told.streams.name_in(b'{"type":"%s","product_id":"BTC-USD"}' % kind.encode()) == b"full:BTC-USD"

    run(work)


def test_keys_that_single_orders_need_are_missed_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CredentialsError, match="keys of COINBASE_EXCHANGE: they have no passphrase"):
        make_connector(VENUE, feed="full", feed_keys=Credentials(key="key", secret=KEYS.secret))
    with pytest.raises(CredentialsError, match="the secret is not in base64") as wrong:
        make_connector(
            VENUE, feed="full", feed_keys=Credentials(key="key", secret=Secret("secrets"), passphrase=Secret("hunter2"))
        )
    assert "secrets" not in str(wrong.value)
    assert make_connector(VENUE, feed="full", feed_keys=KEYS).has_keys is False
    words = ("check-exchange", "coinbase", "--feed", "full")
    code, _, err = cli(*words, capsys=capsys)
    assert (code, err.count("keys of COINBASE_EXCHANGE: there are none, and single orders")) == (2, 1)
    monkeypatch.setenv("TRADECORE_COINBASE_EXCHANGE_KEY", "key")
    monkeypatch.setenv("TRADECORE_COINBASE_EXCHANGE_SECRET", "c2VjcmV0")
    code, _, err = cli(*words, capsys=capsys)
    assert (code, err.count("they have no passphrase")) == (2, 1)
    monkeypatch.setenv("TRADECORE_COINBASE_EXCHANGE_PASSPHRASE", "hunter2")
    found = Credentials.from_environment("COINBASE_EXCHANGE")
    assert found is not None
    assert found.passphrase is not None
    assert found.passphrase.reveal() == "hunter2"
    assert "hunter2" not in repr(found)


def test_there_are_no_candles() -> None:
    async def work() -> None:
        async with session(VENUE, feed="exchange") as made:
            with pytest.raises(InvalidValueError, match=r"stream: BTC-USD\.COINBASE has no candles"):
                made.connector.subscribe("s", made.id, [Stream.CANDLES])

    run(work)


def test_a_session_whose_book_is_never_synced_says_what_the_venue_said(caplog: pytest.LogCaptureFixture) -> None:
    class Idle(tc.Strategy):
        pass

    async def work() -> None:
        async with CoinbaseServer(seed=4, symbols=[BTC]) as server:  # not of a crowd: it has no single orders
            connector = make_connector(VENUE, url=server.rest, feed="full", seed=1)
            async with tc.Live([Idle("i", [BTC])], [connector], paper=[tc.SimVenue(VENUE)]) as live:
                await until(lambda: "refused" in live.state.reasons.get(BTC, ""))
                with pytest.raises(RunError, match=r"BTC-USD\.COINBASE \(book: refused: .* is there of a crowd alone"):
                    await live._driver.synced(0.0)

    run(work)
    assert "the book of BTC-USD.COINBASE stays empty: book: refused: " in caplog.text
