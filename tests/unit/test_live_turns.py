"""What happens within one turn of the event loop: events taken where they are read, commands sent where decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tradecore.live.intake import Intake
from tradecore.venues import Frame, VenueQueue
from tradecore.venues.events import Event, LinkState
from tradecore.venues.tasks import begin

pytestmark = pytest.mark.release


class Nobody:
    def resync(self, instrument: str, reason: str) -> None:
        raise AssertionError("nothing was dropped")


def frame(number: int) -> Frame:
    return Frame("V", number, b"")


def reading(work: Callable[[Intake, list[str]], Coroutine[Any, Any, None]]) -> list[str]:
    """Return what an intake hands on, by the number of each event, and `|` where a turn ends."""
    told: list[str] = []

    async def run() -> None:
        intake = Intake(VenueQueue(Nobody()))

        def take(events: list[Event]) -> None:
            for event in events:
                told.append(str(event.ts_recv))
                if event.ts_recv == 7:  # what comes of an event may be another one
                    intake.put(frame(8))
                    told.append("8 waits")

        intake.put(frame(0))
        assert told == []
        intake.start(take, lambda: told.append("|"))
        await asyncio.sleep(0)
        await work(intake, told)

    asyncio.run(run())
    return told


def test_the_first_frame_of_a_turn_is_taken_at_once_and_the_others_together_behind_it() -> None:
    async def work(intake: Intake, told: list[str]) -> None:
        for number in (1, 2, 3):
            intake.put(frame(number))
        told.append("read")
        await asyncio.sleep(0)
        intake.put(frame(4))
        await asyncio.sleep(0)

    assert reading(work) == ["0", "|", "1", "read", "2", "3", "|", "4", "|"]


def test_what_is_no_frame_waits_for_the_next_turn_and_so_does_what_an_event_leads_to() -> None:
    async def work(intake: Intake, told: list[str]) -> None:
        intake.put(LinkState("V", 5, "public", True, ""))
        intake.put(frame(6))
        told.append("read")
        await asyncio.sleep(0)
        intake.put(frame(7))
        await asyncio.sleep(0)

    assert reading(work) == ["0", "|", "read", "5", "6", "|", "7", "8 waits", "8", "|"]


def test_sockets_are_read_between_two_pieces_of_many_events() -> None:
    async def work(intake: Intake, told: list[str]) -> None:
        for _ in range(1_200):
            intake.put(frame(1))
        asyncio.get_running_loop().call_soon(told.append, "read")
        for _ in range(4):
            await asyncio.sleep(0)

    told = reading(work)[2:]
    turns = [index for index, what in enumerate(told) if what == "|"]
    assert told.count("1") == 1_200
    assert len(turns) == 3
    assert turns[0] < told.index("read") < turns[1]


def test_who_waits_is_told_from_what_is_read_to_the_end_of_what_comes_of_it() -> None:
    async def work(intake: Intake, told: list[str]) -> None:
        intake.busy = lambda is_busy: told.append("busy" if is_busy else "idle")
        for number in (1, 2):
            intake.put(frame(number))
        await asyncio.sleep(0)
        intake.put(frame(3))
        await asyncio.sleep(0)

    assert reading(work) == ["0", "|", "busy", "1", "2", "|", "idle", "busy", "3", "|", "idle"]


def test_a_closed_intake_hands_nothing_on() -> None:
    async def work(intake: Intake, told: list[str]) -> None:
        intake.put(frame(1))
        intake.put(frame(2))
        intake.close()
        intake.put(frame(3))
        await asyncio.sleep(0)

    assert reading(work) == ["0", "|", "1"]


def test_work_is_begun_in_the_call_and_ends_in_a_task() -> None:
    async def run() -> list[str]:
        told: list[str] = []
        waited = asyncio.get_running_loop().create_future()

        async def inner() -> str:
            told.append("begun")
            await asyncio.sleep(0)
            return str(await waited)

        async def work() -> None:
            told.append(await inner())

        task = begin(work())
        assert task is not None
        told.append("returned")
        await asyncio.sleep(0.001)
        waited.set_result("done")
        await task
        return told

    assert asyncio.run(run()) == ["begun", "returned", "done"]


def test_work_that_never_waits_is_done_and_its_error_is_the_callers() -> None:
    async def fails() -> None:
        raise ValueError("at once")

    async def run() -> None:
        assert begin(_nothing()) is None
        with pytest.raises(ValueError, match="at once"):
            begin(fails())

    asyncio.run(run())


async def _nothing() -> None:
    pass


@pytest.mark.parametrize("is_caught", [False, True])
def test_what_waits_can_be_cancelled_and_may_wait_again_to_clean_up(is_caught: bool) -> None:
    async def run() -> list[str]:
        told: list[str] = []

        async def work() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
                told.append("cleaned")
                if not is_caught:
                    raise

        task = begin(work())
        assert task is not None
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [*told, str(task.cancelled())]

    assert asyncio.run(run()) == ["cleaned", str(not is_caught)]
