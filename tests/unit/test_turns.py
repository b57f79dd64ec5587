"""Reads wait their turn, so that nothing else waits for all of them."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

pytest.importorskip("fastapi")

from tradecore.server.problems import Busy
from tradecore.server.turns import Turns


def test_others_go_on_between_reads_that_wait() -> None:
    async def main() -> None:
        turns, done = Turns(), 0

        async def read() -> None:
            nonlocal done
            await turns.take()
            done += 1

        reads = [asyncio.create_task(read()) for _ in range(200)]
        seen = []
        for _ in range(10):
            await asyncio.sleep(0)
            seen.append(done)
        # Ten rounds of the loop have let a few through each, in place of all of them in the first.
        assert all(after - before <= 8 for before, after in pairwise(seen))
        await asyncio.gather(*reads)
        assert done == 200

    asyncio.run(main())


def test_a_read_that_is_given_up_takes_nobodys_turn_and_too_many_are_refused() -> None:
    async def main() -> None:
        turns = Turns()
        reads = [asyncio.create_task(turns.take()) for _ in range(1_008)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="1000 requests are waiting"):
            await turns.take()
        for read in reads[8:-1]:
            read.cancel()
        async with asyncio.timeout(60):
            await reads[-1]

    asyncio.run(main())


def test_what_takes_no_time_has_turns_of_its_own_each_round() -> None:
    async def main() -> None:
        turns = Turns()
        for _ in range(3):
            assert sum(turns.take_quick() for _ in range(100)) == 64
            async with asyncio.timeout(60):
                await turns.take()
            await asyncio.sleep(0)

    asyncio.run(main())
