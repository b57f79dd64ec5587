"""A strategy that does what it is told step by step, on small tapes, for tests of what comes of orders."""

from __future__ import annotations

from typing import Any

import tradecore as tc
from conftest import LAST, columns

MS = 1_000_000
NAME = "BTCUSDT.TEST"
AT_ONCE = tc.SimVenue("TEST", latency=tc.Latency(entry=0, response=0))


def rows(*given: tuple[int, int, int, float, float]) -> Any:
    """Columns of (ms, kind, side, price, qty), each a message of its own."""
    return columns(
        [(ms * MS, kind, side, LAST, round(price * 10), round(qty * 1000)) for ms, kind, side, price, qty in given]
    )


class Scripted(tc.Strategy):
    """Calls each step ten ms after the one before."""

    def on_start(self, ctx: tc.Context) -> None:
        self.told: list[tuple[int, int, str, str]] = []
        self.filled: list[tuple[int, float, float]] = []
        self.seen: list[Any] = []
        for index in range(len(self.steps())):
            ctx.at(ctx.now_ns + (index + 1) * 10 * MS, self.step)

    def steps(self) -> tuple[Any, ...]:
        return ()

    def step(self, ctx: tc.Context) -> None:
        self.seen.append(self.steps()[len(self.seen)](ctx))

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        self.told.append((ctx.now_ns // MS, order.order_id, order.status.name, order.reason))

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        self.filled.append((fill.order_id, float(fill.price), float(fill.qty)))


def run(
    instrument: tc.Instrument,
    data: Any,
    *steps: Any,
    venue: tc.SimVenue = AT_ONCE,
    base: type[Scripted] = Scripted,
    **options: Any,
) -> tuple[Any, tc.Result]:
    """Run a strategy of a class with these steps; return it and what came of it."""
    kind = type("Steps", (base,), {"steps": lambda _: steps})
    made = kind("s", [NAME])
    backtest = tc.Backtest([made], {NAME: data}, [venue], specs={NAME: instrument}, on_error="stop_run", **options)
    return made, backtest.run()
