"""Predictors beside an event loop: answers in time or none, and never a loop that waits."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from tradecore._core import Kernel
from tradecore.errors import InvalidValueError
from tradecore.ml.inference import Inference
from tradecore.session.kernel import build_kernel

BTC, ETH = "BTCUSDT.SYNTH", "ETHUSDT.SYNTH"
SECOND = 1_000_000_000


class Asker(tc.Strategy):
    def on_start(self, ctx: tc.Context) -> None:
        self.told: list[tuple[int, int, float]] = []
        ctx.every("1s", self.ask)

    def ask(self, ctx: tc.Context) -> None:
        for instrument in self.instruments:
            ctx.predict(instrument, [float(ctx.now_ns // SECOND)], lifetime="1m")

    def on_signal(self, ctx: tc.Context, signal: tc.Signal) -> None:
        self.told.append((ctx.now_ns, signal.ts // SECOND, signal.value))


class Held:
    """Answers when it is let."""

    model_id, latency = "held", "0s"

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.asked: list[float] = []

    def opinion(self, instrument: str, ts_ns: int, features: np.ndarray) -> Any:
        self.asked.append(float(features[0]))
        self.go.acquire()
        return 1, 0.5, float(features[0])


class Session:
    """A kernel that asks once a second, and who answers."""

    def __init__(self, predictor: Any, instruments: tuple[str, ...] = (BTC,), deadline: str = "500ms") -> None:
        self.strategy = Asker("a", list(instruments))
        self.strategy.predictor = predictor
        self.kernel: Kernel = build_kernel("s", [self.strategy], [tc.find_instrument(name) for name in instruments])
        self.kernel.start(0)
        self.ready = threading.Semaphore(0)
        self.inference = Inference({"a": predictor}, deadline=deadline, on_ready=self.ready.release)

    def ask(self) -> int:
        due = self.kernel.next_due()
        assert due is not None
        self.kernel.due(due)
        self.inference.take(self.kernel)
        return due

    def problems(self) -> list[str | None]:
        table = self.kernel.take_tables()["signals"]["problem"]
        assert table is None or isinstance(table, list)
        return [] if table is None else [text or None for text in table]


def until(found: Any) -> None:
    for _ in range(60_000):
        if found():
            return
        time.sleep(0.001)
    raise AssertionError("nothing came")


def test_an_answer_is_delivered_when_it_is_there() -> None:
    session = Session(Held())
    with session.inference as inference:
        asked = session.ask()
        assert inference.deliver(session.kernel, asked) == 0
        assert inference.next_due_ns() == asked + SECOND // 2
        session.strategy.predictor.go.release()  # type: ignore[union-attr]
        assert session.ready.acquire(timeout=60)
        assert inference.deliver(session.kernel, asked + 7) == 1
        assert session.strategy.told == [(asked + 7, 1, 1.0)]
        assert inference.next_due_ns() is None
        assert inference.deliver(session.kernel, asked + 8) == 0


def test_what_is_late_is_answered_without_a_signal_and_dropped_when_it_comes() -> None:
    held = Held()
    session = Session(held)
    with session.inference as inference:
        asked = session.ask()
        assert inference.deliver(session.kernel, asked + SECOND // 2) == 1
        assert session.problems() == ["no answer by the deadline"]
        held.go.release()
        assert session.ready.acquire(timeout=60)
        assert inference.deliver(session.kernel, asked + SECOND) == 0
        later = session.ask()
        held.go.release()
        assert session.ready.acquire(timeout=60)
        assert inference.deliver(session.kernel, later + 1) == 1
        assert session.strategy.told == [(later + 1, 2, 2.0)]


def test_of_an_instrument_only_the_youngest_question_waits() -> None:
    held = Held()
    session = Session(held, deadline="1h")
    with session.inference as inference:
        session.ask()
        until(lambda: held.asked == [1.0])
        session.ask()
        last = session.ask()
        assert inference.deliver(session.kernel, last) == 1
        assert session.problems() == ["overtaken by a younger question"]
        for _ in range(2):
            held.go.release()
            assert session.ready.acquire(timeout=60)
        assert inference.deliver(session.kernel, last + 1) == 2
        assert held.asked == [1.0, 3.0]
        assert [(ts, value) for _, ts, value in session.strategy.told] == [(1, 1.0), (3, 3.0)]


def test_a_predictor_that_hangs_keeps_no_other_and_no_process() -> None:
    held = Held()
    slow, quick = Asker("slow", [BTC]), Asker("quick", [BTC])
    free = Held()
    free.go.release(100)
    slow.predictor, quick.predictor = held, free
    kernel = build_kernel("s", [slow, quick], [tc.find_instrument(BTC)])
    kernel.start(0)
    ready = threading.Semaphore(0)
    with Inference({"slow": held, "quick": free}, on_ready=ready.release) as inference:
        for _ in range(2):
            kernel.due(kernel.next_due() or 0)
            inference.take(kernel)
        assert ready.acquire(timeout=60)
        assert inference.deliver(kernel, SECOND + 1) == 1
        assert (quick.told, slow.told) == ([(SECOND + 1, 1, 1.0)], [])
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("predictor of"))


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (ValueError("no"), "ValueError: no"),
        ((5, 0.5, 0.0), "action: 5 is not 1, 0 or -1"),
        ((1, 2.0, 0.0), "confidence: 2 is not from 0 to 1"),
        (None, "TypeError: "),
        (("a", 0.5, 0.0), "TypeError: "),
    ],
    ids=repr,
)
def test_what_is_no_opinion_is_no_signal(said: Any, problem: str) -> None:
    class Odd(Held):
        def opinion(self, *_: Any) -> Any:
            if isinstance(said, Exception):
                raise said
            return said

    session = Session(Odd())
    with session.inference as inference:
        asked = session.ask()
        assert session.ready.acquire(timeout=60)
        assert inference.deliver(session.kernel, asked) == 1
        (told,) = session.problems()
        assert told is not None
        assert problem in told
        assert session.strategy.told == []


def test_a_deadline_is_a_length_of_time() -> None:
    for wrong in ("0s", "abc", 5):
        with pytest.raises(InvalidValueError, match="deadline"):
            Inference({}, deadline=wrong)  # type: ignore[arg-type]


def test_a_strategy_without_a_predictor_here_is_told_so() -> None:
    session = Session(Held())
    with Inference({}) as inference:
        asked = session.kernel.next_due() or 0
        session.kernel.due(asked)
        assert inference.take(session.kernel) == 1
        assert inference.deliver(session.kernel, asked) == 1
    assert session.problems() == ["the strategy has no predictor here"]
