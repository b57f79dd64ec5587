"""What a round of prediction costs beside the model: features out, probabilities in, a signal told."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import tradecore as tc
from benches.harness import Job, Limit
from benches.market import NAME, Market
from tradecore.ml.predictor import ModelPredictor

FEATURES = tc.FeatureSet([f"f{level} = depth_imbalance(levels={level})" for level in range(1, 21)])


class Coin:
    """A model that takes no time."""

    id, class_values = "coin", np.array([-1.0, 1.0])
    said = np.array([[0.45, 0.55]])

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Say the same again."""
        return self.said


class Asking(tc.Strategy):
    """Reads twenty features every millisecond, and asks, or does not."""

    features = FEATURES
    asks: bool = True

    def on_start(self, ctx: tc.Context) -> None:
        """Set the timer."""
        ctx.every("1ms", self.ask)

    def ask(self, ctx: tc.Context) -> None:
        """Ask, or only look."""
        if self.asks:
            seen = ctx.features(NAME)
            ctx.predict(NAME, seen.values, lifetime="1s")

    def on_signal(self, ctx: tc.Context, signal: tc.Signal) -> None:
        """Look at what was said."""
        _ = signal.confidence


def signal_jobs(folder: Path, rows: int) -> dict[str, Callable[[], Job]]:
    """Return the jobs, by name."""

    def one_round() -> Job:
        market = Market(folder, max(rows // 25, 10_000))
        data = {NAME: market.columns}

        def run(asks: bool) -> tuple[float, int]:
            strategy = Asking("a", [NAME], asks=asks)
            strategy.predictor = ModelPredictor(Coin())
            prepared = tc.Backtest([strategy], data, specs={NAME: market.spec})
            started = time.perf_counter()
            result = prepared.run()
            return time.perf_counter() - started, len(result.signals) if asks else 0

        rounds = run(True)[1]
        return Job(
            "us/round",
            {"our share of a round": rounds},
            {"our share of a round": lambda: max(run(True)[0] - run(False)[0], 1e-9)},
            limits=(Limit("our share of a round", 10.0),),
            note=f"{rounds:,} rounds: twenty features out, a model that takes no time, a signal told",
        )

    return {"a round of prediction": one_round}
