"""What comes on top of a run: bounds, many sets of parameters over one pass of the data, the page of a large one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import tradecore as tc
from benches import makers
from benches.harness import Job, Limit, Target, run_seconds
from benches.market import NAME, Market

SETS = 16
FLIPPERS = 4


def run_jobs(market: Market) -> dict[str, Callable[[], Job]]:
    """All of them by name."""
    large = Large(market)
    return {
        "market maker with bounds": lambda: bounds(market),
        "sixteen sets of parameters": lambda: sets(market),
        "page of a million fills": large.page,
        "size of the page of a million fills": large.size,
    }


def bounds(market: Market) -> Job:
    """Run the compiled maker alone, and with a high and a low rule beside it."""

    def run(*, both: bool) -> float:
        maker = tc.TouchMaker("m", [NAME], quote_qty="0.01", max_position="0.05")
        return _seconds([maker], market, tc.SimVenue("SYNTH"), bounds=both)

    work = {"one run": lambda: run(both=False), "with bounds": lambda: run(both=True)}
    target = Target("with bounds", "one run", 1 / 1.6)
    return Job("ns/row", dict.fromkeys(work, market.rows), work, (target,), note="tracked queues")


def sets(market: Market) -> Job:
    """Run compiled makers with sixteen sets of parameters at once, as isolated accounts, and one of them alone."""

    def run(count: int) -> float:
        return _seconds(
            [
                tc.TouchMaker(f"m{number}", [NAME], quote_qty="0.01", max_position=f"{0.05 + 0.01 * number:.2f}")
                for number in range(count)
            ],
            market,
            tc.SimVenue("SYNTH", queue="power(3)", accounts="isolated"),
        )

    work = {"one set": lambda: run(1), "sixteen sets": lambda: run(SETS)}
    return Job("ns/row", dict.fromkeys(work, market.rows), work, (Target("sixteen sets", "one set", 1 / 4),))


class Large:
    """A run of some fills for each message that changes the book; a million of five million rows."""

    def __init__(self, market: Market) -> None:
        self.market = market

    @cached_property
    def result(self) -> tc.Result:
        """It, once."""
        strategies = [makers.Flipper(f"f{number}", [NAME]) for number in range(FLIPPERS)]
        return tc.Backtest(strategies, self.market.catalog, [tc.SimVenue("SYNTH")]).run()

    def write(self, folder: str) -> Path:
        """Write its page."""
        return self.result.report(Path(folder) / "report.html")

    def page(self) -> Job:
        """Write the page of a run of a million fills."""

        def write() -> float:
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                self.write(folder)
                return time.perf_counter() - started

        note = f"{self.result.summary()['fills']:,} fills"
        return Job("s", {"page": 1}, {"page": write}, limits=(Limit("page", 10),), rounds=3, note=note)

    def size(self) -> Job:
        """Measure it."""

        def weigh() -> float:
            with tempfile.TemporaryDirectory() as folder:
                return self.write(folder).stat().st_size / 1e6

        return Job("MB", {"page": 1}, {"page": weigh}, limits=(Limit("page", 15),), rounds=1)


def _seconds(strategies: list[tc.Strategy], market: Market, venue: tc.SimVenue, *, bounds: bool = False) -> float:
    data, specs = {NAME: market.columns}, {NAME: market.spec}
    return run_seconds(tc.Backtest(strategies, data, [venue], specs=specs, on_error="stop_run", bounds=bounds))
