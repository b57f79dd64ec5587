"""A model that was trained is asked in a backtest: same features, same answers, and orders only while they hold."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
import tomli_w
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import Ridge

import tradecore as tc
from tradecore._core import Kernel
from tradecore.cli import main
from tradecore.data.windows import arrays_of, window
from tradecore.errors import InvalidValueError, ModelError
from tradecore.session.kernel import build_kernel

pytestmark = pytest.mark.release

BTC = "BTCUSDT.SYNTH"
FEATURES = tc.FeatureSet(["queue_imbalance", "ofi(window=500ms)", "log_return(horizon=500ms)"])


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A market that begins where the shared one has ended."""
    folder = tmp_path_factory.mktemp("later")
    tc.synthesize(folder / "whole", events=120_000, seed=11)
    whole = pl.concat(tc.Catalog(folder / "whole").pieces(BTC))
    spec = tc.Catalog(folder / "whole").instrument(BTC)
    columns = arrays_of(whole)
    half = int(columns["ts_recv"][60_000])
    with tc.Catalog(folder / "later").writer(spec) as writer:
        writer.write(window(columns, spec, half, int(columns["ts_recv"][-1]) + 1))
    return folder / "later"


@pytest.fixture(scope="module")
def trained(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    label = tc.ml.Label("forward_return", horizon="500ms", classes="up")
    data = tc.ml.build_dataset(market, BTC, FEATURES, label=label, at="100ms", progress=False)
    model = tc.ml.train(data, HistGradientBoostingClassifier(max_iter=10, max_depth=3), importance=0)
    path = tmp_path_factory.mktemp("models") / "up.tcm"
    tc.ml.save_model(model, path)
    return path


def made(model: Path, **parameters: Any) -> tc.ml.SignalStrategy:
    settings: dict[str, Any] = {"qty": "0.01", "interval": "100ms", "time_to_live": "400ms", "buy_above": 0.05}
    return tc.ml.SignalStrategy("s", [BTC], model=model, **settings | parameters)


def test_a_model_trades_what_it_was_not_trained_on(trained: Path, later: Path) -> None:
    result = tc.Backtest([made(trained)], later).run()
    signals = result.signals
    assert len(signals) > 100
    assert signals["problem"].null_count() == len(signals)
    assert set(signals["action"]) == {"buy", "hold", "sell"}
    assert signals["confidence"].is_between(0, 1).all()
    assert len(result.fills) > 10
    assert float(result.positions["position_qty"].abs().max()) <= 0.01  # type: ignore[arg-type]
    asked = signals["ts"].cast(int)
    assert (asked % 100_000_000 == 0).all(), "on the grid of the clock"


def test_what_is_worked_out_beforehand_is_what_would_be_said_then(trained: Path, later: Path) -> None:
    batch, stream = (tc.Backtest([made(trained, batch=batch)], later).run() for batch in (True, False))
    assert batch.digest == stream.digest
    assert batch.signals.equals(stream.signals)


def test_a_model_that_differs_in_the_last_digit_is_asked_one_by_one(market: Path) -> None:
    random = np.random.default_rng(1)
    rows = random.normal(size=(500, 6))

    class Linear:
        id, class_values = "linear", None

        def predict(self, x: np.ndarray) -> np.ndarray:
            return x @ np.arange(1.0, 7.0) + (1e-16 if len(x) > 1 else 0.0) * x[:, 0]

    class Exact(Linear):
        def predict(self, x: np.ndarray) -> np.ndarray:
            return np.array([float(row[0]) for row in x])

    rows[3, 2] = np.nan
    assert tc.ml.ModelPredictor(Exact()).learn(rows) == 499
    assert tc.ml.ModelPredictor(Exact()).learn(rows[3:4]) == 0
    linear = tc.ml.ModelPredictor(Linear())
    learnt = linear.learn(rows)
    alone = tc.ml.ModelPredictor(Linear())
    for row in rows[4:]:
        assert linear.opinion("A", 0, row) == alone.opinion("A", 0, row), learnt


def test_features_of_a_run_are_those_of_a_table(trained: Path, later: Path) -> None:
    seen: list[tuple[int, list[float]]] = []

    class Looking(tc.ml.SignalStrategy):
        def on_signal(self, ctx: tc.Context, signal: tc.Signal) -> None:
            seen.append((signal.ts, signal.features.tolist()))

    strategy = Looking("s", [BTC], model=trained, qty="0.01", interval="100ms")
    tc.Backtest([strategy], later).run()
    table = tc.features.compute(later, BTC, FEATURES, "100ms", progress=False)
    rows = dict(zip(table["ts"].cast(int), table.select(FEATURES.names).rows(), strict=True))
    assert len(seen) > 100
    assert all(list(rows[ts]) == features for ts, features in seen)


def test_a_test_inside_of_the_training_is_refused(trained: Path, market: Path) -> None:
    with pytest.raises(ModelError, match="was trained on"):
        tc.Backtest([made(trained)], market).run()
    result = tc.Backtest([made(trained, inside_training=True)], market).run()
    assert len(result.signals) > 100


def test_other_features_than_those_of_the_training_are_refused(trained: Path) -> None:
    with pytest.raises(ModelError, match="takes other features: missing ofi"):
        made(trained, features=tc.FeatureSet(["queue_imbalance", "log_return(horizon=500ms)"]))
    other = tc.FeatureSet(["queue_imbalance", "ofi = ofi(window=2s)", "log_return = log_return(horizon=500ms)"])
    with pytest.raises(ModelError, match="takes"):
        made(trained, features=other)


def test_a_predictor_is_asked_what_its_model_was_trained_on(trained: Path) -> None:
    predictor = tc.ml.ModelPredictor(tc.ml.load_model(trained))
    assert tc.ml.SignalStrategy("s", [BTC], predictor=predictor, qty="0.01").features == FEATURES
    other = ["mid", "spread", "imbalance"]
    with pytest.raises(ModelError, match="takes other features: missing queue_imbalance"):
        tc.ml.SignalStrategy("s", [BTC], predictor=predictor, features=other, qty="0.01")
    with pytest.raises(ModelError, match="takes other features: missing queue_imbalance"):
        tc.ml.ModelPredictor(predictor.model, features=tc.FeatureSet(other), every="100ms")


def test_a_model_of_ones_own_features_is_traded_from_a_configuration(
    market: Path, later: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file of the model does not name code: the configuration does, and what it names is held against the file."""
    monkeypatch.chdir(tmp_path)
    Path("leans.py").write_text(
        "class Lean:\n    def __init__(self, levels):\n        self.levels = levels\n\n"
        "    def update(self, book, trade):\n        return book.imbalance(self.levels)\n"
    )
    features = ["queue_imbalance", "lean = leans.py:Lean(levels=3)"]
    config = {
        "name": "own",
        "features": features,
        "estimator": "sklearn.linear_model.LogisticRegression",
        "label": {"kind": "forward_return", "params": {"horizon": "500ms", "classes": "up"}},
        "data": {"catalog": str(market), "at": "100ms"},
        "output": {"dir": "models"},
    }
    Path("train.toml").write_text(tomli_w.dumps(config))
    assert main(["train", "--config", "train.toml", "--quiet"]) == 0
    (model,) = Path("models").glob("*.tcm")
    assert tc.ml.load_model(model).feature_set is None

    def run(**params: Any) -> int:
        strategy = {"kind": "tradecore.ml:SignalStrategy", "name": "own"}
        given = {"model": str(model), "qty": "0.01", "interval": "200ms", **params}
        table = {"data": {"catalog": str(later)}, "strategies": [{**strategy, "params": given}]}
        Path("run.toml").write_text(tomli_w.dumps(table))
        capsys.readouterr()
        return main(["backtest", "--config", "run.toml", "--json", "--quiet"])

    assert run(features=features) == 0
    assert orjson.loads(capsys.readouterr().out)["orders"] > 0
    assert run() == 2
    assert "features: missing: this model does not say what it is asked with" in capsys.readouterr().err
    assert run(features=[features[0], features[1].replace("3", "4")]) != 0
    assert "takes the same features with other parameters" in capsys.readouterr().err


class Calling:
    """Says what it is told to, by how many questions there were."""

    model_id, latency = "calling", "0s"

    def __init__(self, says: dict[int, int]) -> None:
        self.says, self.asked = says, 0

    def opinion(self, instrument: str, ts_ns: int, features: np.ndarray) -> tuple[int, float, float]:
        self.asked += 1
        if self.asked not in self.says:
            raise ValueError("nothing to say")
        return self.says[self.asked], 0.9, 0.0


@pytest.mark.parametrize("style", ["take", "quote"])
def test_an_expired_signal_stops_what_relied_on_it(market: Path, style: str) -> None:
    strategy = tc.ml.SignalStrategy(
        "s",
        [BTC],
        predictor=Calling({5: 1, 40: -1}),
        features=tc.FeatureSet(["mid"]),
        qty="0.01",
        interval="200ms",
        time_to_live="1s",
        style=style,
    )
    result = tc.Backtest(
        [strategy], market, [tc.SimVenue("SYNTH", latency=tc.Latency(entry="1ms", response="1ms"))]
    ).run()
    told = result.signals.filter(pl.col("action").is_not_null())
    assert told["action"].to_list() == ["buy", "sell"]
    first, last = told["expires"].to_list()
    wanted = result.orders.filter(pl.col("order_type") == ("market" if style == "take" else "limit"))
    assert wanted["side"][0] == "buy"
    soon = timedelta(milliseconds=5)
    for order in result.orders.iter_rows(named=True):
        closed = order["ts_close"]
        assert closed <= first + soon or first + soon < order["ts_submit"]
        assert closed <= last + soon
    assert result.positions["position_qty"].abs().max() == 0.01
    assert result.positions["position_qty"][-1] == 0, "closed when the signal had expired"


def test_parameters_that_do_not_fit_are_refused(trained: Path) -> None:
    for changed, field in (
        ({"qty": 0}, "qty"),
        ({"buy_above": "x"}, "buy_above"),
        ({"buy_above": -0.2, "sell_below": 0.2}, "sell_below"),
        ({"hold_band": -1.0}, "hold_band"),
        ({"style": "hit"}, "style"),
        ({"interval": 5}, "interval"),
        ({"predictor": Calling({})}, "model"),
    ):
        with pytest.raises(InvalidValueError) as caught:
            made(trained, **changed)
        assert caught.value.field == field
    with pytest.raises(InvalidValueError, match="features: missing"):
        tc.ml.SignalStrategy("s", [BTC], predictor=Calling({}), qty="0.01")
    with pytest.raises(ModelError, match=r"none\.tcm"):
        made(Path("none.tcm"))


class Stub:
    id = "stub"

    def __init__(self, said: list[Any], class_values: list[float] | None = None) -> None:
        self.said = said
        self.class_values = None if class_values is None else np.array(class_values)

    def predict(self, x: np.ndarray) -> np.ndarray:
        told, self.said = self.said[: len(x)], self.said[len(x) :]
        return np.array(told)


def test_values_become_actions_with_a_band_that_holds() -> None:
    values = [0.0, 0.3, 0.15, 0.05, 0.15, -0.3, -0.15, -0.05, 0.3]
    predictor = tc.ml.ModelPredictor(Stub(values), buy_above=0.2, hold_band=0.1)
    actions = [predictor.opinion("A", 0, np.zeros(1))[0] for _ in values]
    assert actions == [0, 1, 1, 0, 0, -1, -1, 0, 1]
    both = tc.ml.ModelPredictor(Stub([0.3, 0.15, 0.15]), buy_above=0.2, hold_band=0.1)
    assert [both.opinion(name, 0, np.zeros(1))[0] for name in ("A", "B", "A")] == [1, 0, 1]


def test_a_confidence_is_the_probability_of_what_is_done() -> None:
    three = tc.ml.ModelPredictor(Stub([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.3, 0.4, 0.3]], [-1, 0, 1]), buy_above=0.1)
    told = [three.opinion("A", 0, np.zeros(1)) for _ in range(3)]
    assert [action for action, *_ in told] == [1, -1, 0]
    np.testing.assert_allclose([confidence for _, confidence, _ in told], [0.5, 0.6, 0.4])
    np.testing.assert_allclose([value for *_, value in told], [0.3, -0.5, 0.0], atol=1e-15)
    returns = tc.ml.ModelPredictor(Stub([0.002, 0.001, -0.003]), buy_above=0.001)
    np.testing.assert_allclose([returns.opinion("A", 0, np.zeros(1))[1] for _ in range(3)], [2 / 3, 0.5, 0.75])


def test_a_predictor_begins_every_run_anew(trained: Path, later: Path) -> None:
    predictor = tc.ml.ModelPredictor(tc.ml.load_model(trained), buy_above=0.05, hold_band=0.05)

    def run() -> str:
        settings: dict[str, Any] = {"qty": "0.01", "interval": "100ms", "features": FEATURES}
        strategy = tc.ml.SignalStrategy("s", [BTC], predictor=predictor, **settings)
        return tc.Backtest([strategy], later).run().digest

    assert run() == run()


def test_a_session_goes_on_after_a_restart_with_the_same_signals(trained: Path, later: Path) -> None:
    """In another process: features, timers, signals and what they hold on to are those of the session that went on."""
    events = {name: column[:12_000] for name, column in arrays_of(pl.concat(tc.Catalog(later).pieces(BTC))).items()}
    ends = np.flatnonzero(events["flags"] & 1) + 1
    spec = tc.Catalog(later).instrument(BTC)

    def new() -> tuple[Kernel, tc.ml.SignalStrategy]:
        strategy = made(trained, time_to_live="150ms", buy_above=0.2, hold_band=0.5)
        return build_kernel("s", [strategy], [spec]), strategy

    def answer(kernel: Kernel, strategy: tc.ml.SignalStrategy, told: list[Any]) -> None:
        assert strategy.predictor is not None
        for question in kernel.questions():
            opinion = strategy.predictor.opinion(question.instrument, question.ts, question.features)
            kernel.answer(question.ts + 1_000, question, *opinion, model_id=strategy.predictor.model_id)
            told.append((question.ts, *opinion))
        told.extend((command.at_ns, command.side, command.qty) for command in kernel.drain())

    def feed(kernel: Kernel, strategy: tc.ml.SignalStrategy, first: int, last: int) -> list[Any]:
        told: list[Any] = []
        for begin, end in itertools.pairwise([0, *ends][first : last + 1]):
            at = int(events["ts_recv"][end - 1])
            while (due := kernel.next_due()) is not None and due < at:
                kernel.due(due)
                answer(kernel, strategy, told)
            kernel.message(at, 0, {name: column[begin:end] for name, column in events.items()})
            answer(kernel, strategy, told)
        return told

    whole = new()
    whole[0].start(int(events["ts_recv"][0]) - 1)
    told = feed(*whole, 0, len(ends))
    assert len(told) > 20
    cut = new()
    cut[0].start(int(events["ts_recv"][0]) - 1)
    before = feed(*cut, 0, len(ends) // 2)
    resumed = new()
    resumed[0].restore(cut[0].save())
    assert before + feed(*resumed, len(ends) // 2, len(ends)) == told
    values = [value for _, action, _, value in (row for row in told if len(row) == 4) if action]
    assert min(abs(value) for value in values) < 0.2, "held by the band alone"


def test_a_model_that_has_nothing_to_say_says_so() -> None:
    with pytest.raises(ModelError, match="not finite"):
        tc.ml.ModelPredictor(Stub([float("nan")])).opinion("A", 0, np.zeros(1))
    with pytest.raises(InvalidValueError, match="tells up from down"):
        tc.ml.ModelPredictor(Stub([], [0.0, 1.0]))


def test_a_walk_forward_trains_a_model_for_every_span(market: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def walk(**changed: Any) -> tc.ml.Walk:
        settings: dict[str, Any] = {
            "label": tc.ml.Label("forward_return", horizon="500ms"),
            "at": "100ms",
            "estimator": Ridge(),
            "train_span": "8s",
            "test_span": "5s",
            "folder": tmp_path / "models",
            "strategy": {"qty": "0.01", "interval": "100ms", "buy_above": 1e-6},
            "progress": lambda done, of: told.append((done, of)),
        }
        return tc.ml.walk_forward(market, BTC, FEATURES, **settings | changed)

    whole = walk()
    steps = whole.steps
    assert len(steps) >= 2
    assert told[-1] == (len(steps), len(steps))
    for step, after in itertools.pairwise(steps):
        assert step.train_ns[1] == step.test_ns[0]
        assert step.test_ns[1] == after.test_ns[0]
        assert step.train_ns[0] < after.train_ns[0]
    for step in steps:
        model = tc.ml.load_model(step.model)
        assert step.train_ns[0] <= model.span_ns[0]
        assert model.span_ns[1] < step.test_ns[0], "no label of the training reaches into the test"
        assert len(step.result.signals) > 10
    assert len({step.model.read_bytes() for step in steps}) == len(steps)
    assert whole.frame["net_pnl"].is_not_null().all()
    assert f"{len(steps)} models" in str(whole)
    with pytest.raises(InvalidValueError, match=r"000\.tcm is there already: another folder, or replace=True"):
        walk()
    assert walk(replace=True).frame.equals(whole.frame)
    anchored = walk(folder=tmp_path / "anchored", anchored=True)
    assert {step.train_ns[0] for step in anchored.steps} == {steps[0].train_ns[0]}
    with pytest.raises(InvalidValueError, match="nothing is left to test"):
        walk(train_span="1h", folder=tmp_path / "none")
    with pytest.raises(
        InvalidValueError, match=r"test_span: 1ns gives [0-9,]{13,} models, more than 10,000: expected a"
    ):
        walk(test_span="1ns", folder=tmp_path / "none")
