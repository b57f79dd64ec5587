"""Who carries out a session's commands: what becomes of orders that are on their way when it ends."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, TRADE, columns
from tradecore._core import Command
from tradecore.errors import NoAnswerError, StrategyError
from tradecore.live.desk import PaperDesk, VenueDesk
from tradecore.live.session import Session
from tradecore.session.kernel import build_kernel
from tradecore.venues import VenueReport
from tradecore.venues.clock import SystemClock
from tradecore.venues.orders import OrderDesk
from tradecore.venues.tasks import Tasks, begin

SPEC = tc.Instrument("BTCUSDT.SIM", kind="linear", base="BTC", quote="USDT", price_increment="0.1", qty_increment="1")


class Bidder(tc.Strategy):
    def on_start(self, ctx: tc.Context) -> None:
        ctx.buy(SPEC.id, "1", "100", post_only=True)


def bid(instrument: tc.Instrument = SPEC) -> Command:
    """Return the command of a resting order, sent at 1 ns."""
    kernel = build_kernel("T1", [Bidder("b", [SPEC.id])], [instrument])
    kernel.start(1)
    (command,) = kernel.drain()
    return command


def test_an_order_that_arrives_after_the_end_on_paper_is_cancelled_once() -> None:
    desk = PaperDesk([SPEC], {"SIM": tc.SimVenue("SIM", latency=tc.Latency(entry="1ms", response="1ms"))})
    book = [(1, CLEAR, 0, 0, 0, 0), (1, SET, 1, 0, 1000, 5), (1, SET, -1, LAST, 1001, 4)]
    desk.message(1, 0, columns(book))
    desk.send(1, [bid(*desk.instruments)], [])
    desk.cancel_all(1)
    told: list[str] = []
    while (due := desk.next_due()) is not None:
        told += [notice.kind for notice in desk.advance(due)]
    assert told == ["accepted", "cancelled"]


class Parting(Bidder):
    """Has an order at rest, and sends another when it is stopped."""

    def on_stop(self, ctx: tc.Context) -> None:
        ctx.buy(SPEC.id, "1", "99", post_only=True)


def test_an_order_that_opens_between_the_stop_and_the_cancels_on_paper_is_cancelled_too() -> None:
    desk = PaperDesk([SPEC], {"SIM": tc.SimVenue("SIM", latency=tc.Latency(entry="1ms", response="1ms"))})
    kernel = build_kernel("T1", [Parting("p", [SPEC.id])], desk.instruments)
    session, ms = Session(kernel, desk.instruments, desk), 1_000_000
    session.start(1)
    session.message(1, SPEC.id, columns([(1, CLEAR, 0, 0, 0, 0), (1, SET, 1, 0, 1000, 5), (1, SET, -1, LAST, 1001, 4)]))
    session.advance(3 * ms)
    session.stop(4 * ms)
    session.cancel_all(6 * ms)  # the hook took its time: the last order has opened meanwhile
    session.advance(20 * ms)
    assert [order["is_open"] for order in kernel.account_state()["orders"]] == [False, False]


class Startled(tc.Strategy):
    """Has three orders at rest, and raises at its first fill."""

    def on_start(self, ctx: tc.Context) -> None:
        for _ in range(3):
            ctx.buy(SPEC.id, "1", "100")

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        raise ValueError("on purpose")


def test_what_arrived_on_paper_with_what_a_hook_raised_at_is_known_and_time_has_passed() -> None:
    desk = PaperDesk([SPEC], {"SIM": tc.SimVenue("SIM", latency=tc.Latency(entry="1ms", response="1ms"))})
    kernel = build_kernel("T1", [Startled("p", [SPEC.id])], desk.instruments, stop_run_on_error=True)
    session, ms = Session(kernel, desk.instruments, desk), 1_000_000
    session.start(1)
    session.message(1, SPEC.id, columns([(1, CLEAR, 0, 0, 0, 0), (1, SET, 1, 0, 1000, 1), (1, SET, -1, LAST, 1001, 4)]))
    session.advance(3 * ms)
    session.message(4 * ms, SPEC.id, columns([(4 * ms, TRADE, -1, LAST, 999, 10)]))
    with pytest.raises(StrategyError, match="on purpose"):
        session.advance(6 * ms)
    assert session.now_ns == kernel.now_ns == 5 * ms
    state = kernel.account_state()
    assert [order["is_open"] for order in state["orders"]] == [False] * 3
    assert state["positions"] == {SPEC.id: 3}


class Stubborn(tc.Strategy):
    """Sends a bid each 20 ms where none is open, whatever it was told of the last one."""

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("20ms", self.bid)

    def bid(self, ctx: tc.Context) -> None:
        if not ctx.orders(SPEC.id):
            ctx.buy(SPEC.id, "1", "100", post_only=True)


@pytest.mark.parametrize("killed_us", [100_000, 100_500, 101_000, 101_500, 102_000, 110_000])
def test_a_strategy_that_goes_on_sending_under_the_kill_switch_is_halted_all_the_same(killed_us: int) -> None:
    desk = PaperDesk([SPEC], {"SIM": tc.SimVenue("SIM", latency=tc.Latency(entry="1ms", response="1ms"))})
    kernel = build_kernel("T1", [Stubborn("s", [SPEC.id])], desk.instruments)
    kernel.carry_refusals(0)
    session, ms = Session(kernel, desk.instruments, desk), 1_000_000
    session.start(1)
    session.message(1, SPEC.id, columns([(1, CLEAR, 0, 0, 0, 0), (1, SET, 1, 0, 1000, 5), (1, SET, -1, LAST, 1001, 4)]))
    killed = killed_us * 1_000
    session.advance(killed)
    kernel.kill(killed)
    session.settle(killed)
    for at in range(killed, killed + 500 * ms, ms):
        session.advance(at)
    assert kernel.trading == {"s": "halted"}


class Slow:
    """A connector whose answer to an order waits until it may come."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.asked: list[str] = []

    async def send(self, command: Command) -> str:
        await self.may_answer.wait()
        self.asked.append(f"{command.kind} answered")
        return "report"

    async def cancel_all(self, instrument: str) -> None:
        self.asked.append(f"cancel {instrument}")


def test_a_venue_is_asked_again_behind_an_order_that_was_on_its_way() -> None:
    async def end(*, is_under_way: bool) -> list[str]:
        slow, told = Slow(), []
        connectors: Any = {"SIM": slow}
        desk = VenueDesk(connectors, [SPEC], told.append, told.append, told.append)
        desk.send(1, [bid()], [])
        if not is_under_way:
            slow.may_answer.set()
            await desk.close()
        desk.cancel_all(1)
        await asyncio.sleep(0)
        slow.may_answer.set()
        await desk.close()
        assert told == ["report"]
        return slow.asked

    cancel = f"cancel {SPEC.id}"
    assert asyncio.run(end(is_under_way=False)) == ["submit answered", cancel]
    assert asyncio.run(end(is_under_way=True)) == [cancel, "submit answered", cancel]


def test_what_waits_for_an_answer_is_not_asked_for_any_more_once_a_session_was_cut_off() -> None:
    async def work() -> None:
        slow, told = Slow(), list[object]()
        connectors: Any = {"SIM": slow}
        desk = VenueDesk(connectors, [SPEC], told.append, told.append, told.append)
        desk.send(1, [bid()], [])
        for _ in range(2):
            desk.cancel_in(SPEC.id)
        desk.send(2, [bid()], [])  # of the same order: it waits for the first
        await desk.abandon()
        slow.may_answer.set()
        await desk.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert (told, slow.asked) == ([], [f"cancel {SPEC.id}"] * 2)

    asyncio.run(work())


class Mute:
    """A venue that never has an order, and says nothing of it at first."""

    good_for_s = 0.0

    async def carry_out(self, command: Command) -> VenueReport:
        raise NoAnswerError("SIM", command.kind, "nothing came")

    async def look_up(self, instrument: str, client_id: str) -> None:
        return None


def test_what_is_sent_in_the_turn_in_which_an_order_was_found_does_not_wait_for_that() -> None:
    async def work() -> list[str]:
        loop, tasks, told = asyncio.get_running_loop(), Tasks(), list[str]()

        def tell(report: VenueReport) -> None:
            told.append(report.kind)
            if len(told) == 1:
                loop.call_soon(begin, again())

        async def again() -> None:
            told.append((await desk.send(command)).kind)
            over.set()

        desk = OrderDesk("SIM", Mute(), clock=SystemClock(), random=Random(1), tell=tell, tasks=tasks)
        command, over = bid(), asyncio.Event()
        told_at_once = await desk.send(command)
        assert told_at_once.kind == "unknown"
        await over.wait()
        assert desk.unresolved == 1
        await tasks.close()
        return told

    assert asyncio.run(work()) == ["rejected", "unknown"]
