"""What it costs to hold orders against limits."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import tradecore as tc
from benches import makers
from benches.harness import Job, Limit, Target, run_seconds
from benches.market import NAME, Market
from tradecore.session.kernel import build_kernel

try:
    from benches import nautilus
except ImportError:
    nautilus = None  # type: ignore[assignment]

LIMITS = tc.RiskLimits(
    max_order_qty=10,
    max_order_notional=1_000_000,
    max_position_qty=20,
    max_position_notional=2_000_000,
    max_gross=3_000_000,
    max_net=3_000_000,
    max_leverage=10,
    capital=1_000_000,
    max_open_orders=50,
    max_open_positions=5,
    max_order_rate="1000 per 1s",
    collar_touch_bps=100,
    fat_finger_bps=500,
    max_daily_loss=10_000,
    max_drawdown=20_000,
)
COUNT = 20_000


class Plain:
    """Five limits as a bot in plain Python holds them."""

    def __init__(self) -> None:
        self.position, self.open_orders, self.mid, self.loss = 0.0, 0, 60_000.0, 0.0

    def check(self, side: int, qty: float, price: float) -> list[str]:
        """Name the limits that an order would pass."""
        failed = []
        if qty > 10:
            failed.append("order")
        if qty * price > 1_000_000:
            failed.append("notional")
        if abs(self.position + side * qty) > 20:
            failed.append("position")
        if self.open_orders >= 50:
            failed.append("open orders")
        if self.loss >= 10_000:
            failed.append("loss")
        return failed


class Asker(tc.Strategy):
    """Holds orders against limits inside a hook, and keeps the seconds that took."""

    many: bool = False

    def on_book(self, ctx: tc.Context, book: tc.Book) -> None:
        """Ask once the book is there."""
        (name,) = self.instruments
        check = ctx.risk.check
        if self.many:
            sides = np.where(np.arange(COUNT) % 2, 1, -1).astype(np.int8)
            prices, qtys = np.full(COUNT, 6_000_000), np.full(COUNT, 1_000)
            started = time.perf_counter()
            passed = ctx.risk.check_many(name, sides, prices, qtys)
            self.seconds = time.perf_counter() - started
            assert passed.all()
            return
        started = time.perf_counter()
        for _ in range(COUNT):
            check(name, "buy", 1, 60_000)
        self.seconds = time.perf_counter() - started


def risk_jobs(market: Market) -> dict[str, Callable[[], Job]]:
    """All jobs by name."""
    return {"an order against fourteen limits": checks, "market maker with limits": lambda: maker(market)}


def checks() -> Job:
    """Ask of an order whether it would pass, from a hook; and of many orders at once."""
    spec = tc.find_instrument("BTCUSDT.BINANCE_USDM")

    def asked(many: bool) -> float:
        strategy = Asker("a", [spec.id], many=many)
        kernel = build_kernel("bench", [strategy], [spec], risk=LIMITS, stop_run_on_error=True)
        kernel.start(1)
        kernel.levels(1, 0, 1, [(59_999.0, 5.0)], [(60_001.0, 5.0)], snapshot=True)
        return strategy.seconds

    def plain() -> float:
        checker = Plain()
        started = time.perf_counter()
        for _ in range(COUNT):
            checker.check(1, 1.0, 60_000.0)
        return time.perf_counter() - started

    def peer() -> float:
        # It lets each of 600 pass a limit of 100: on a margin account it does not get as far.
        checked = nautilus.Checked(max_notional=100, count=COUNT)
        started = time.perf_counter()
        checked.run()
        seconds = time.perf_counter() - started
        assert len(checked.passed) == COUNT
        assert not checked.denied
        return seconds

    work = {"one call": lambda: asked(False), "many at once": lambda: asked(True), "five in plain Python": plain}
    if nautilus is not None:
        work["nautilus_trader, margin account"] = peer
    return Job(
        "us/order",
        dict.fromkeys(work, COUNT),
        work,
        targets=(
            Target("many at once", "five in plain Python", 3.0),
            Target("one call", "nautilus_trader, margin account", 30.0),
        ),
        limits=(Limit("one call", 0.5), Limit("many at once", 0.025)),
        rounds=11,
        note="prices and quantities are converted exactly in the one call",
    )


def maker(market: Market) -> Job:
    """Run the makers of the benchmark without limits and with fourteen."""
    venue = tc.SimVenue("SYNTH", queue="power(3)")

    def run(strategy: Callable[[], tc.Strategy], risk: tc.RiskLimits | None) -> Callable[[], float]:
        def seconds() -> float:
            data, specs = {NAME: market.columns}, {NAME: market.spec}
            return run_seconds(tc.Backtest([strategy()], data, [venue], specs=specs, on_error="stop_run", risk=risk))

        return seconds

    def compiled() -> tc.Strategy:
        return tc.TouchMaker("m", [NAME], quote_qty="0.01", max_position="0.05")

    def python() -> tc.Strategy:
        return makers.PythonMaker("m", [NAME])

    work = {
        "compiled": run(compiled, None),
        "compiled, limits": run(compiled, LIMITS),
        "plain Python": run(python, None),
        "plain Python, limits": run(python, LIMITS),
    }
    targets = tuple(Target(f"{name}, limits", name, 1 / 1.1) for name in ("compiled", "plain Python"))
    note = "limits of losses and of leverage hold at every move of the mid"
    return Job("ns/row", dict.fromkeys(work, market.rows), work, targets, note=note)
