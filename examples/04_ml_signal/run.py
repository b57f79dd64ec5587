"""From order-book features to orders: train on one part of a capture, test and trade on the next.

    python examples/04_ml_signal/run.py [CATALOG] [--split TIME] [--output DIR]

Without a catalog it makes a synthetic market of its own. Recorded data is imported first, such as two captures that
follow each other, where the second is the test:

    tradecore data import binance-ws first.gz second.gz --catalog captures --infer
    python examples/04_ml_signal/run.py captures --split 2024-08-09T00:00Z

It needs `pip install tradecore[ml]`.
"""

import argparse
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

import tradecore as tc
from tradecore.data.windows import read_all, window

HERE = Path(__file__).parent
HORIZON = "1s"


def main() -> None:
    """Read the command line and run in a folder that goes away."""
    parser = argparse.ArgumentParser(description="Train, test and trade a model of the order book.")
    parser.add_argument("catalog", nargs="?", help="a catalog with one instrument")
    parser.add_argument("--split", help="where training ends and the test begins, ISO time; half way if not given")
    parser.add_argument("--output", type=Path, help="where the model and its card go")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if options.catalog is None:
            options.catalog = str(Path(scratch) / "market")
            tc.synthesize(options.catalog, events=2_000_000, seed=4)
        run(tc.Catalog(options.catalog), options.split, options.output or Path(scratch) / "models")


def run(catalog: tc.Catalog, split: str | None, output: Path) -> None:
    """Train on what came before the split, and see what it is worth after it."""
    (name,) = catalog.instruments()
    features = tc.FeatureSet.from_toml((HERE / "features.toml").read_text())

    # Samples are what was known on a grid of the clock; a label is what the mid price did within the horizon.
    label = tc.ml.Label("forward_return", horizon=HORIZON, classes="up")
    samples = tc.ml.build_dataset(catalog, name, features, label=label, at="100ms", progress=False)
    first, last = samples.span_ns
    middle = (first + last) // 2 if split is None else int(datetime.fromisoformat(split).timestamp() * 1e9)
    train, test = samples.between(None, middle), samples.between(middle, None)

    # Validated over time: no label of a training fold reaches into its test.
    estimator = HistGradientBoostingClassifier(max_iter=60, max_depth=3, learning_rate=0.05, min_samples_leaf=50)
    model = tc.ml.train(train, estimator, split=train.splitter(n_splits=4, embargo=0.01), importance=2, name="touch")
    print(f"trained on {len(train):,} samples: area under the curve {model.metrics['scores']['auc']:.3f} out of fold")
    for row in sorted(model.importance, key=lambda row: -row["permutation"])[:3]:
        print(f"  {row['feature']}: shuffled, the score falls by {row['permutation']:.4f}")

    output.mkdir(parents=True, exist_ok=True)
    path = output / "touch.tcm"
    tc.ml.save_model(model, path)
    (output / "touch.html").write_text(tc.ml.model_card(model, "html", picture=tc.ml.model_picture(model)))

    # What it says about the next part, which it has never seen.
    loaded = tc.ml.load_model(path, features=features)
    said = loaded.predict(test.X) @ loaded.class_values
    told = float(np.corrcoef(said, test.ret)[0, 1])
    chance = float(2 / np.sqrt((test.ts[-1] - test.ts[0]) / np.median(test.t1 - test.ts)))  # of labels side by side
    print(f"on the {len(test):,} samples after it: information coefficient {told:.3f}, {chance:.3f} would be chance")

    # The same model as a strategy, on the same part, with fees and latency.
    spec = catalog.instrument(name)
    events = window(read_all(catalog, name), spec, middle, last)
    results = {}
    for style in ("take", "quote"):
        trader = tc.ml.SignalStrategy(
            style, [name], model=path, qty=str(10 * spec.lot_size), interval="100ms",
            time_to_live=HORIZON, buy_above=0.2, hold_band=0.2, style=style,
        )  # fmt: skip
        terms = {"maker_fee_bps": "1", "taker_fee_bps": "4", "latency": tc.Latency(entry="5ms", response="5ms")}
        venue = tc.SimVenue(spec.venue, **terms)
        results[style] = tc.Backtest([trader], {name: events}, [venue], specs=[spec]).run()
        figures = results[style].summary()
        print(f"{style}: {figures['fills']} fills, gross {figures['gross_pnl']}, fees {figures['fees']},", end=" ")
        print(f"net {figures['net_pnl']} {figures['settlement_currency']}, digest {figures['digest'][:16]}")

    print("so:", conclusion(told, chance, results))


def conclusion(told: float, chance: float, results: dict[str, tc.Result]) -> str:
    """Say what the numbers say, whichever way they fell."""
    if told < chance:
        return "out of sample the model says no more than chance; nothing of this is to be traded."
    net = {style: float(result.summary()["net_pnl"]) for style, result in results.items()}
    gross = {style: float(result.summary()["gross_pnl"]) for style, result in results.items()}
    if max(net.values()) > 0:
        best = max(net, key=lambda style: net[style])
        return f"the model knows something, and {best} kept some of it here; one test of minutes proves no edge."
    if max(gross.values()) > 0:
        return "the model knows something, and less than fees and the spread cost: as it is, it loses."
    return "the model knows something, and not what the price does by the time that orders are there: it loses."


if __name__ == "__main__":
    main()
