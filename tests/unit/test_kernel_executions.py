"""Executions in a kernel fed by hand: late reports, the kill switch, and another process that goes on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import tradecore as tc
from tradecore._core import Kernel
from tradecore.session.kernel import build_kernel

NAME = "BTCUSDT.TEST"
BOOK = ([(100.0, 10.0), (99.9, 20.0)], [(100.1, 15.0), (100.2, 25.0)])
SECOND = 1_000_000_000


class Worker(tc.Strategy):
    """Starts an execution with the first book, and finds it again by its id."""

    algorithm: str = "peg"

    def __init__(self, *arguments: Any, given: dict[str, Any] | None = None, **parameters: Any) -> None:
        super().__init__(*arguments, **parameters)
        self.execution_id = 0
        self.given = given or {}
        self.told: list[Any] = []

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        if not self.execution_id:
            execution = ctx.execute(self.algorithm, NAME, "buy", 10, **self.given)  # type: ignore[arg-type]
            self.execution_id = execution.execution_id
        found = ctx.execution(self.execution_id)
        assert found is not None
        self.told.append((ctx.now_ns, found.state, found.filled))

    def on_execution(self, ctx: tc.Context, execution: Any) -> None:
        self.told.append(("ended", execution.state, execution.filled))


def started(instrument: tc.Instrument, worker: Worker) -> Kernel:
    kernel = build_kernel("s1", [worker], [instrument])
    kernel.start(1)
    kernel.levels(10, 0, 9, *BOOK, snapshot=True)
    return kernel


def sent(kernel: Kernel) -> list[tuple[Any, ...]]:
    return [(c.kind, c.order_id, c.price, c.qty) for c in kernel.drain()]


def fill(kernel: Kernel, at: int, order: int, qty: int, name: str) -> None:
    kernel.report(at, 0, "fill", order, execution=name, price="100", qty=qty, liquidity="maker", fee="0")


def move(kernel: Kernel, at: int, bid: float) -> None:
    kernel.levels(at, 0, at - 1, [(bid, 10.0)], [])


def test_a_peg_is_moved_once_its_last_request_is_answered(instrument: tc.Instrument) -> None:
    kernel = started(instrument, Worker("w", [NAME]))
    assert sent(kernel) == [("submit", 1, Decimal("100.0"), Decimal("10.000"))]
    kernel.report(20, 0, "accepted", 1)
    kernel.levels(25, 0, 24, [], [(100.1, 0)])
    assert sent(kernel) == []
    move(kernel, 30, 100.1)
    assert sent(kernel) == [("replace", 1, Decimal("100.1"), Decimal("10.000"))]
    kernel.levels(35, 0, 34, [(100.1, 0)], [])
    assert sent(kernel) == [], "one request at a time"
    kernel.report(40, 0, "replaced", 1, price="100.1", qty=10)
    assert sent(kernel) == [("replace", 1, Decimal("100.0"), Decimal("10.000"))]


def test_the_kill_switch_ends_executions(instrument: tc.Instrument) -> None:
    worker = Worker("w", [NAME])
    kernel = started(instrument, worker)
    kernel.report(20, 0, "accepted", 1)
    kernel.drain()
    kernel.kill(30)
    assert sent(kernel) == [("cancel", 1, None, None)]
    fill(kernel, 35, 1, 4, "e1")
    kernel.report(40, 0, "cancelled", 1)
    move(kernel, 50, 100.1)
    assert sent(kernel) == []
    assert worker.told[1:] == [("ended", "cancelled", 4.0), (50, "cancelled", 4.0)]


def test_a_fill_that_comes_after_the_end_of_its_order_is_counted(instrument: tc.Instrument) -> None:
    worker = Worker("w", [NAME], algorithm="twap", given={"duration": "10s", "slices": 2})
    kernel = started(instrument, worker)
    assert sent(kernel) == [("submit", 1, None, Decimal("5.000"))]
    fill(kernel, 20, 1, 2, "e1")
    kernel.report(21, 0, "expired", 1, reason="no_liquidity")
    fill(kernel, 22, 1, 1, "late")
    assert kernel.next_due() == 10 + 5 * SECOND
    kernel.due(10 + 5 * SECOND)
    assert sent(kernel) == [("submit", 2, None, Decimal("7.000"))]


@pytest.mark.parametrize("algorithm", ["peg", "twap"])
def test_another_process_goes_on(instrument: tc.Instrument, algorithm: str) -> None:
    given = {"duration": "10s", "slices": 4} if algorithm == "twap" else {}
    kernel = started(instrument, Worker("w", [NAME], algorithm=algorithm, given=given))
    kernel.drain()
    fill(kernel, 20, 1, 2, "e1")
    saved = kernel.save()
    other = build_kernel("s1", [Worker("w", [NAME], algorithm=algorithm, given=given)], [instrument])
    other.restore(saved)
    assert other.save() == saved
    for each in (kernel, other):
        fill(each, 30, 1, 1, "e2")
        each.report(31, 0, "cancelled", 1)
        each.due(10 + 4 * SECOND)
        move(each, 10 + 5 * SECOND, 100.0)
    commands = sent(other)
    assert commands == sent(kernel) != []
    assert other.save() == kernel.save()
    assert other.finish() == kernel.finish()


def test_a_strategy_that_fails_takes_its_executions_along(instrument: tc.Instrument) -> None:
    class Fails(Worker):
        def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
            raise ValueError("enough")

    worker = Fails("w", [NAME])
    kernel = started(instrument, worker)
    kernel.drain()
    fill(kernel, 20, 1, 2, "e1")
    assert sent(kernel) == [("cancel", 1, None, None)]
    kernel.report(30, 0, "cancelled", 1)
    move(kernel, 40, 100.1)
    assert sent(kernel) == []
    kernel.finish()
    tables = kernel.take_tables()
    assert len(tables["executions"]["execution_id"][1]) == 8
