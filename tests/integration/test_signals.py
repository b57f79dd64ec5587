"""Predictors of strategies: asked in a run, answered as inputs, and never in the way of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from tradecore.errors import ContextError, InvalidValueError, RunInterrupted, StrategyError
from tradecore.session.kernel import build_kernel

BTC = "BTCUSDT.SYNTH"


class Imbalance:
    """Follows the imbalance it is shown; what it was asked is kept."""

    model_id = "imbalance"
    latency = "3ms"

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, list[float]]] = []

    def opinion(self, instrument: str, ts_ns: int, features: np.ndarray) -> tuple[int, float, float]:
        self.asked.append((instrument, ts_ns, features.tolist()))
        value = float(features[0])
        return int(np.sign(value)), min(abs(value), 1.0), value


class Follower(tc.Strategy):
    interval: tc.Duration = "50ms"
    lifetime: tc.Duration = "80ms"
    heard: list[Any]

    def on_start(self, ctx: tc.Context) -> None:
        self.told: list[tuple[str, int, int]] = []
        ctx.every(self.interval, self.ask)

    def ask(self, ctx: tc.Context) -> None:
        for instrument in self.instruments:
            book = ctx.book(instrument)
            if book.is_synced:
                ctx.predict(instrument, [book.imbalance() or 0.0, 1.0], lifetime=self.lifetime)

    def on_signal(self, ctx: tc.Context, signal: tc.Signal) -> None:
        self.told.append(("signal", ctx.now_ns, signal.ts))
        assert ctx.signals[signal.instrument].ts == signal.ts
        missing = int(signal.action) * 0.01 - float(ctx.position(signal.instrument).qty)
        if abs(missing) > 0.001:
            (ctx.buy if missing > 0 else ctx.sell)(signal.instrument, round(abs(missing), 3))

    def on_signal_expired(self, ctx: tc.Context, signal: tc.Signal) -> None:
        self.told.append(("expired", ctx.now_ns, signal.ts))
        assert ctx.signal(signal.instrument) is None
        assert not ctx.signals


del Follower.__annotations__["heard"]


def follower(predictor: object | None = None, **parameters: Any) -> Follower:
    strategy = Follower("f", [BTC], **parameters)
    strategy.predictor = predictor  # type: ignore[assignment]
    return strategy


def test_a_predictor_is_asked_and_its_answers_arrive_after_their_latency(market: Path) -> None:
    strategy = follower(Imbalance())
    result = tc.Backtest([strategy], market).run()
    asked = strategy.predictor.asked  # type: ignore[union-attr]
    assert len(asked) > 100
    assert all(now - ts == 3_000_000 for kind, now, ts in strategy.told if kind == "signal")
    frame = result.signals
    assert frame.columns[:4] == ["ts_recv", "instrument", "action", "confidence"]
    assert len(frame) == len(asked)
    assert frame["ts"].cast(int).to_list() == [ts for _, ts, _ in asked]
    assert set(frame["action"]) <= {"buy", "hold", "sell"}
    assert frame["value"].to_list() == [features[0] for _, _, features in asked]
    assert set(frame["model_id"]) == {"imbalance"}
    assert frame["problem"].null_count() == len(frame)
    assert len(result.fills) > 10
    assert tc.Backtest([follower(Imbalance())], market).run().digest == result.digest


def test_signals_expire_where_no_other_comes_in_time(market: Path) -> None:
    strategy = follower(Imbalance(), lifetime="20ms")
    tc.Backtest([strategy], market).run()
    ends = [now - ts for kind, now, ts in strategy.told if kind == "expired"]
    assert len(ends) > 50
    assert set(ends) == {20_000_000}


def test_a_run_that_was_recorded_is_replayed_without_its_predictor(market: Path) -> None:
    result = tc.Backtest([follower(Imbalance())], market, record=True).run()

    class Never:
        model_id, latency = "never", "0s"

        def opinion(self, *_: object) -> tuple[int, float, float]:
            raise AssertionError("asked in a replay")

    again = tc.replay(result.journal, [follower(Never())], instruments=[tc.find_instrument(BTC)])
    assert again.digest == result.digest
    assert again.diverged_ns is None


def test_who_answers_each_signal_with_the_next_question_lets_time_go_on(market: Path) -> None:
    class AtOnce(Imbalance):
        latency = "0s"

    class Asker(Follower):
        def on_signal(self, ctx: tc.Context, signal: tc.Signal) -> None:
            ctx.predict(signal.instrument, [1.0], lifetime="1s")

    strategy = Asker("f", [BTC])
    strategy.predictor = AtOnce()
    with pytest.raises(
        StrategyError, match=r"strategy f failed: .*10000 questions to a model were asked at one moment"
    ):
        tc.Backtest([strategy], market).run()


def test_an_answer_that_came_too_late_says_so(market: Path) -> None:
    """Nobody was called, and the record had no problem."""
    slow = Imbalance()
    slow.latency = "600ms"
    strategy = follower(slow, interval="1s", lifetime="500ms")
    signals = tc.Backtest([strategy], market).run().signals
    assert strategy.told == []
    assert set(signals["problem"]) == {"expired before it came"}


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ((2, 0.5, 0.0), "action: 2 is not 1, 0 or -1"),
        ((1, 1.5, 0.0), "confidence: 1.5 is not from 0 to 1"),
        ((1, float("nan"), 0.0), "confidence: NaN is not from 0 to 1"),
        ((1, 0.5, float("inf")), "value: inf is no finite number"),
        ((1, 0.5), "opinion: expected (action, confidence, value), got (1, 0.5)"),
        (None, "got None"),
        ("abc", "got 'abc'"),
        (np.array([1.0, 2.0, 3.0]), "got array([1., 2., 3.])"),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
    ],
    ids=repr,
)
def test_what_is_no_opinion_is_no_signal_and_the_record_says_why(market: Path, said: Any, problem: str) -> None:
    class Odd(Imbalance):
        def opinion(self, *_: object) -> Any:
            if isinstance(said, Exception):
                raise said
            return said

    strategy = follower(Odd())
    result = tc.Backtest([strategy], market).run()
    assert strategy.told == []
    assert result.orders.is_empty()
    assert result.signals["action"].null_count() == len(result.signals) > 100
    assert all(problem in told for told in result.signals["problem"])
    assert any("no predictor answered in time" in note for note in result.notes)


def test_ctrl_c_in_a_predictor_ends_the_run_with_its_result(market: Path) -> None:
    class Struck(Imbalance):
        def opinion(self, *given: Any) -> tuple[int, float, float]:
            if len(self.asked) == 50:
                raise KeyboardInterrupt
            return super().opinion(*given)

    with pytest.raises(RunInterrupted) as caught:
        tc.Backtest([follower(Struck())], market).run()
    assert len(caught.value.result.signals) in (49, 50)


def test_a_strategy_without_a_predictor_cannot_ask(market: Path) -> None:
    with pytest.raises(StrategyError, match="predictor: the strategy has none that could be asked"):
        tc.Backtest([follower()], market).run()


@pytest.mark.parametrize(
    ("features", "lifetime", "field"),
    [
        ("abc", "1s", "features"),
        (None, "1s", "features"),
        (["a"], "1s", "features"),
        ([[1.0]], "1s", "features"),
        (np.zeros(70_000), "1s", "features"),
        ([1.0], 5, "lifetime"),
        ([1.0], "0s", "lifetime"),
        ([1.0], "-1s", "lifetime"),
        ([1.0], None, "lifetime"),
    ],
    ids=["text", "none", "texts", "nested", "many", "unitless", "zero", "negative", "no lifetime"],
)
def test_a_question_that_is_none_is_refused_by_its_argument(
    market: Path, features: Any, lifetime: Any, field: str
) -> None:
    caught: list[InvalidValueError] = []

    class Asker(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            with pytest.raises(InvalidValueError) as error:
                ctx.predict(BTC, features, lifetime=lifetime)
            caught.append(error.value)

    strategy = Asker("a", [BTC])
    strategy.predictor = Imbalance()
    tc.Backtest([strategy], market).run()
    assert [error.field for error in caught] == [field]


def test_arrays_of_any_kind_of_number_may_be_asked_with(market: Path) -> None:
    predictor = Imbalance()

    class Asker(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            for features in (np.arange(6.0)[::2], np.array([0, 2, 4]), np.float32([0, 2, 4]), (0, 2, 4)):
                ctx.predict(BTC, features, lifetime="1s")
            self.ctx = ctx

    strategy = Asker("a", [BTC])
    strategy.predictor = predictor
    tc.Backtest([strategy], market).run()
    assert [features for _, _, features in predictor.asked] == [[0.0, 2.0, 4.0]] * 4
    with pytest.raises(ContextError):
        strategy.ctx.predict(BTC, [1.0], lifetime="1s")


def test_a_driver_takes_questions_and_hands_answers_back() -> None:
    strategy = follower(Imbalance(), interval="1s", lifetime="5s")
    kernel = build_kernel("s1", [strategy], [tc.find_instrument(BTC)])
    kernel.start(1)
    kernel.levels(2, 0, 2, [(60_000, 1)], [(60_001, 3)], snapshot=True)
    assert kernel.next_due() == 1_000_000_001
    kernel.due(1_000_000_001)
    (question,) = kernel.questions()
    assert (question.strategy, question.instrument, question.ts) == ("f", BTC, 1_000_000_001)
    assert question.features.tolist() == [-0.5, 1.0]
    assert question.lifetime_ns == 5_000_000_000
    assert kernel.questions() == []
    with pytest.raises(InvalidValueError, match="confidence"):
        kernel.answer(1_000_000_002, question, -1, 3.0)
    kernel.answer(1_000_000_003, question, tc.SignalAction.SELL, 0.5, -0.5, model_id="m")
    assert strategy.told == [("signal", 1_000_000_003, 1_000_000_001)]
    (command,) = kernel.drain()
    assert command.side is tc.Side.SELL
    kernel.due(kernel.next_due() or 0)
    (later,) = kernel.questions()
    kernel.answer(2_500_000_000, later, problem="deadline")
    assert len(strategy.told) == 1
    saved = kernel.save()
    resumed = follower(Imbalance(), interval="1s", lifetime="5s")
    other = build_kernel("s1", [resumed], [tc.find_instrument(BTC)])
    other.restore(saved)
    for _ in range(4):
        other.due(other.next_due() or 0)
        other.questions()
    assert resumed.told[-1] == ("expired", 6_000_000_001, 1_000_000_001)
