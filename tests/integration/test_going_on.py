"""Sessions that ended in order and go on by their name."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
from test_live import NAME, SETTINGS, Bidder, again, connector, has_states, run, session, trade, until

import tradecore as tc
from tradecore.errors import JournalError, StrategyError
from tradecore.live.events import SessionFailed
from tradecore.live.journal import JournalReader, RecordKind
from tradecore.live.runner import Live
from tradecore.live.state import SessionResult
from venue_binance import FakeBinance

__all__ = ["has_states"]


class Counting(Bidder):
    """Counts its starts, and notes what it knew then."""

    starts = 0
    seen = ""

    def on_start(self, ctx: tc.Context) -> None:
        super().on_start(ctx)
        self.starts += 1
        self.seen = f"{ctx.position(NAME).qty} {ctx.book(NAME).state.name}"


class Heeding(Bidder):
    """Sends nothing that would be refused, so that it is known when all is closed."""

    def quote(self, ctx: tc.Context) -> None:
        if ctx.risk.state == "active":
            super().quote(ctx)


def made(server: FakeBinance, folder: Path, *strategies: tc.Strategy, is_live: bool = False, **options: Any) -> Live:
    return Live(
        strategies or [Bidder("b", [NAME])],
        [connector(server, keys=is_live)],
        paper=None if is_live else [SETTINGS],
        journal=folder,
        session="s1",
        **options,
    )


async def bought(server: FakeBinance, live: Live) -> None:
    """Have an order of it filled, and wait until there is another."""
    is_live = live.state.mode == "live"
    fills = live.state.positions
    await until(
        lambda: live.has_begun and any(o.is_open and o.is_acknowledged for o in live.session.known([NAME]).orders)
    )
    if is_live:
        (order,) = [client_id for client_id, order in server.orders.items() if order["status"] == "NEW"]
        server.fill(order, "0.01")
    else:
        await asyncio.sleep(0.02)
        trade(server, "59999.90", "50")
    await until(lambda: live.state.positions != fills)
    await until(lambda: live.state.open_orders)


@pytest.mark.parametrize("is_live", [False, True], ids=["paper", "live"])
def test_a_session_that_ended_in_order_goes_on_by_its_name(
    tmp_path: Path, is_live: bool, has_states: bool, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = Counting("b", [NAME]), Counting("b", [NAME])
    results = list[SessionResult]()

    async def work(server: FakeBinance) -> None:
        for strategy in (first, second):
            live = made(server, tmp_path, strategy, is_live=is_live)
            results.append(await session(live, server, lambda live: bought(server, live)))

    run(work)
    ended, result = results
    assert (ended.session, result.session, ended.held, result.held) == (
        "s1",
        "s1",
        {NAME: Decimal("0.01")},
        {NAME: Decimal("0.02")},
    )
    # What it remembers is there, and it knows its position before it knows anything of the market.
    assert (first.starts, first.seen) == (1, "0.0 EMPTY")
    assert (second.starts, second.seen) == (2, "0.01 STALE")
    assert result.orders["order_id"].to_list() == [1, 2, 3, 4], "numbered on, so that no client id comes twice"
    assert result.orders["status"].to_list() == ["filled", "cancelled"] * 2
    assert result.fills.height == 2
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
    # Its journal is one, with two ends, and decides the same once more.
    records = list(JournalReader(tmp_path / "s1"))
    ends = [json.loads(record.data)["digest"] for record in records if record.kind is RecordKind.END]
    assert ends == [ended.digest, result.digest]
    assert again(tmp_path / "s1", Counting("b", [NAME])) == (result.digest, None)


def test_the_kill_switch_and_pauses_outlive_an_end_in_order(
    tmp_path: Path, has_states: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a person or a limit has stopped is stopped until a person says otherwise."""
    lives = list[Callable[[Live], Awaitable[None]]]()

    async def work(server: FakeBinance) -> None:
        names = ("b", "c")

        async def pausing(live: Live) -> None:
            await live.begun()
            live.perform(lambda session, now: session.kernel.hold(now, "c"))

        async def killing(live: Live) -> None:
            await live.begun()
            assert live.state.trading == {"b": "active", "c": "paused"}
            await bought(server, live)
            live.perform(lambda session, now: session.kernel.kill(now))
            await until(lambda: live.state.trading["b"] == "halted")
            await until(lambda: not any(live.state.positions.values()))  # it closes what is held

        async def resuming(live: Live) -> None:
            await live.begun()
            assert live.state.trading == {"b": "halted", "c": "halted"}
            live.perform(lambda session, now: session.kernel.resume(now))
            assert live.state.trading == {"b": "active", "c": "paused"}
            await until(lambda: live.state.open_orders)

        lives.extend((pausing, killing, resuming))
        for each in lives:
            await session(made(server, tmp_path, *(Heeding(name, [NAME]) for name in names)), server, each)

    run(work)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text for text in told if "goes on" in text and "begins without" not in text] == [
        "s1 goes on with c paused, as it was",
        "s1 goes on with b halted, as it was",
        "s1 goes on with c halted, as it was",
    ]
    assert told[0] == "s1 ends with c paused, which it keeps where it goes on by its name; a new session begins without"


def test_what_was_bought_on_the_exchange_of_before_is_sold_on_the_next(tmp_path: Path) -> None:
    """On paper each process has an exchange of its own: it takes the account over, or nothing could be closed."""

    async def work(server: FakeBinance) -> None:
        await session(made(server, tmp_path, Heeding("b", [NAME])), server, lambda live: bought(server, live))

        async def closing(live: Live) -> None:
            await live.begun()
            assert live.state.positions == {NAME: Decimal("0.01")}
            live.perform(lambda session, now: session.kernel.kill(now))
            await until(lambda: live.state.trading == {"b": "halted"})
            assert not any(live.state.positions.values())

        result = await session(made(server, tmp_path, Heeding("b", [NAME])), server, closing)
        assert result.orders.filter(result.orders["reduce_only"])["status"].to_list() == ["filled"]
        assert again(tmp_path / "s1", Heeding("b", [NAME])) == (result.digest, None)

    run(work)


def test_one_of_another_configuration_does_not_go_on(tmp_path: Path) -> None:
    class Larger(Bidder):
        def quote(self, ctx: tc.Context) -> None:
            book = ctx.book(NAME)
            if book.is_synced and book.best_bid is not None and not ctx.orders(NAME):
                ctx.buy(NAME, "0.02", book.best_bid, post_only=True)

    async def work(server: FakeBinance) -> None:
        await session(made(server, tmp_path), server, lambda live: bought(server, live))
        with pytest.raises(
            JournalError, match="s1: its strategies, limits or instruments decide otherwise today, from"
        ):
            async with made(server, tmp_path, Larger("b", [NAME])):
                pass
        # Nothing of it was written.
        assert list(JournalReader(tmp_path / "s1"))[-1].kind is RecordKind.END
        live = Live([Bidder("b", [NAME])], [connector(server, keys=False)], paper=[SETTINGS], journal=tmp_path)
        result = await session(live, server, lambda live: live.begun())
        assert (result.session != "s1", result.held) == (True, {}), "without a name it is a new one"

    run(work)


def test_one_that_was_stopped_before_it_went_on_goes_on(tmp_path: Path) -> None:
    async def work(server: FakeBinance) -> None:
        await session(made(server, tmp_path), server, lambda live: bought(server, live))
        async with made(server, tmp_path) as stopped:
            stopped.stop()
            await stopped.run()
        assert list(JournalReader(tmp_path / "s1"))[-1].kind is not RecordKind.END
        result = await session(made(server, tmp_path), server, lambda live: bought(server, live))
        assert result.held == {NAME: Decimal("0.02")}
        assert again(tmp_path / "s1", Bidder("b", [NAME])) == (result.digest, None)

    run(work)


def test_an_order_that_was_kept_is_there_when_the_session_goes_on(tmp_path: Path) -> None:
    async def work(server: FakeBinance) -> None:
        async def kept(live: Live) -> None:
            await until(
                lambda: (
                    live.has_begun and any(o.is_open and o.is_acknowledged for o in live.session.known([NAME]).orders)
                )
            )

        await session(made(server, tmp_path, is_live=True, on_stop="keep"), server, kept)
        (order,) = server.orders
        server.fill(order, "0.004", muted=True)

        async def filled(live: Live) -> None:
            await live.begun()
            assert live.state.positions == {NAME: Decimal("0.004")}
            server.fill(order, "0.006")
            await until(lambda: live.state.positions == {NAME: Decimal("0.01")})

        result = await session(made(server, tmp_path, is_live=True, on_stop="cancel"), server, filled)
        assert result.held == {NAME: Decimal("0.01")}

    run(work)


@pytest.mark.parametrize("on_stop", ["cancel", "keep"])
def test_a_stop_that_is_kept_here_ends_by_the_policy_too(
    tmp_path: Path, on_stop: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Kept(tc.Strategy):
        seen = -1

        def on_start(self, ctx: tc.Context) -> None:
            self.seen = len(ctx.orders(NAME))
            if self.seen == 0:
                ctx.buy(NAME, "0.01", type="stop", trigger_price=70_000, emulate=True)

    async def work(server: FakeBinance) -> None:
        bare = tc.SimVenue("BINANCE", order_types="market, limit")
        seen = []
        for _ in range(2):
            strategy = Kept("k", [NAME])
            live = made(server, tmp_path, strategy, is_live=True, venues=[bare], on_stop=on_stop)
            await session(live, server, lambda live: live.begun())
            seen.append(strategy.seen)
        assert seen == ([0, 0] if on_stop == "cancel" else [0, 1])

    run(work)
    assert "may still be open" not in caplog.text


class Tripping(Heeding):
    """Fails at the first print of a size."""

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        if trade.qty == 13:
            raise ValueError("on purpose")


async def tripped(server: FakeBinance, live: Live) -> None:
    """Have it fail, and wait until nothing of it is open."""
    await until(lambda: live.has_begun and live.state.open_orders)
    trade(server, "60000.00", "13")
    await until(lambda: live.state.failures)


async def started(live: Live, name: str) -> None:
    """Start it once more, as a person does, and wait until it has an order at work."""
    await live.begun()
    assert (live.state.trading[name], "on purpose" in live.state.failures[name]) == ("failed", True)
    live.perform(lambda session, now: session.start_strategy(now, name))
    assert (live.state.trading[name], live.state.failures) == ("active", {})
    await until(lambda: any(strategy == name for strategy, _ in live.session.kernel.orders()))


def test_a_strategy_that_failed_stays_failed_until_a_person_starts_it(
    tmp_path: Path, has_states: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(server: FakeBinance) -> None:
        def strategies() -> list[tc.Strategy]:
            return [Heeding("b", [NAME]), Tripping("t", [NAME])]

        await session(made(server, tmp_path, *strategies()), server, lambda live: tripped(server, live))
        await session(made(server, tmp_path, *strategies()), server, lambda live: started(live, "t"))

        async def active(live: Live) -> None:
            await live.begun()
            assert live.state.trading == {"b": "active", "t": "active"}

        result = await session(made(server, tmp_path, *strategies()), server, active)
        assert again(tmp_path / "s1", *strategies()) == (result.digest, None)

    run(work)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert [text.partition(" (")[0] for text in told] == [
        "s1 goes on with t failed, until a person starts it: ValueError: on purpose"
    ]


def test_a_session_that_its_only_strategy_ended_goes_on_with_it_failed(tmp_path: Path, has_states: bool) -> None:
    async def work(server: FakeBinance) -> None:
        with pytest.raises(StrategyError, match="on purpose"):
            await session(made(server, tmp_path, Tripping("t", [NAME])), server, lambda live: tripped(server, live))
        result = await session(made(server, tmp_path, Tripping("t", [NAME])), server, lambda live: started(live, "t"))
        assert again(tmp_path / "s1", Tripping("t", [NAME])) == (result.digest, None)

    run(work)


class Stumbling(Heeding):
    """Fails at its first start."""

    fails_at: ClassVar[int] = 1

    def on_start(self, ctx: tc.Context) -> None:
        self.starts = getattr(self, "starts", 0) + 1
        if self.starts == self.fails_at:
            raise ValueError("on purpose")
        super().on_start(ctx)


class StumblingLater(Stumbling):
    """Fails where it starts once more, after an end in order."""

    fails_at = 2


@pytest.mark.parametrize("kind", [Stumbling, StumblingLater])
def test_a_session_that_its_only_strategy_ended_as_it_started_goes_on_with_it_failed(
    tmp_path: Path, kind: type[Stumbling], has_states: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def never(live: Live) -> None:
        await until(lambda: False)

    async def work(server: FakeBinance) -> None:
        if kind is StumblingLater:
            await session(made(server, tmp_path, kind("t", [NAME])), server, lambda live: bought(server, live))
        failures: list[SessionFailed] = []
        live = made(server, tmp_path, kind("t", [NAME]))
        live.events.subscribe(SessionFailed, failures.append)
        with pytest.raises(StrategyError, match="on purpose"):
            await session(live, server, never)
        assert [failure.error for failure in failures] == ["StrategyError"]
        result = await session(made(server, tmp_path, kind("t", [NAME])), server, lambda live: started(live, "t"))
        assert again(tmp_path / "s1", kind("t", [NAME])) == (result.digest, None)

    run(work)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert [text.partition(" (")[0] for text in told] == [
        "s1 goes on with t failed, until a person starts it: ValueError: on purpose"
    ]
