"""``tradecore train``: from a configuration to a model, its card and what is said of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest

import tradecore as tc
from tradecore.cli import main

pytestmark = pytest.mark.release

CONFIG = """
name = "demo"
revision = "abc"
features = ["a", "b"]
estimator = "sklearn.linear_model.LogisticRegression"
cost_bps = 1.0
importance = 1

[params]
C = 0.5

[[before]]
transformer = "sklearn.preprocessing.StandardScaler"

[label]
kind = "forward_return"
params = { horizon = "600s", classes = "up" }

[split]
kind = "purged_kfold"
params = { n_splits = 3, embargo = 0.01 }

[data]
frame = "features.parquet"
"""


OF_RETURN = """kind = "forward_return"
params = { horizon = "600s", classes = "up" }"""
META = """kind = "triple_barrier"
side = "a"
params = { horizon = 2, target = 0.001 }"""


def frame(rows: int = 400) -> pl.DataFrame:
    random = np.random.default_rng(2)
    a, b = random.normal(size=(2, rows))
    price = 100 * np.exp(np.cumsum(0.001 * np.r_[0.0, (a + random.normal(size=rows))[:-1]]))
    ts = 1_700_000_000_000_000_000 + np.arange(rows) * 600_000_000_000
    return pl.DataFrame({"ts_available": ts, "a": a, "b": b, "mid": price})


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    frame().write_parquet("features.parquet")
    path = tmp_path / "train.toml"
    path.write_text(CONFIG)
    return path


def test_a_training_leaves_a_model_a_card_and_what_it_was(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--config", str(config), "--output", "models", "--json"]) == 0
    summary = orjson.loads(capsys.readouterr().out)
    prefix = Path(summary["output"])
    assert prefix.name == f"demo_{summary['id']}"
    ends = {path.name.removeprefix(prefix.name) for path in Path("models").iterdir()}
    assert ends - {"_card.png"} == {".json", ".tcm", "_card.html", "_card.md", "_config.toml"}
    assert orjson.loads(prefix.with_name(f"{prefix.name}.json").read_bytes()) == summary
    assert summary["metrics"]["scores"]["auc"] > 0.6
    assert summary["metrics"]["trading"]["cost_bps"] == 1
    assert [fold["test_rows"] for fold in summary["folds"]] == [133, 133, 133]
    model = tc.ml.load_model(f"{prefix}.tcm", features=["a", "b"])
    assert model.id == summary["id"]
    assert model.predict([2.0, 0.0])[1] > 0.6
    assert model.about["estimator"].count("|") == 1
    assert "abc" in Path(f"{prefix}_card.md").read_text()
    assert "data:image/png;base64," in Path(f"{prefix}_card.html").read_text()

    held = {path.name: path.read_bytes() for path in Path("models").iterdir()}
    assert main(["train", "--config", f"{prefix}_config.toml", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert re.search(rf"demo {summary['id']}: .*399 samples, 3 splits", out)
    assert "left out: 1 without a label\n" in out
    assert "area under the ROC curve: 0." in out
    assert {path.name: path.read_bytes() for path in Path("models").iterdir()} == held, "the same bytes again"


def test_the_command_line_goes_before_the_file(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--config", str(config), "--seed", "7", "--json"]) == 0
    summary = orjson.loads(capsys.readouterr().out)
    assert (summary["seed"], summary["output"]) == (7, None)
    assert not Path("models").exists()


def test_a_span_and_weights_come_from_the_file(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = CONFIG + 'start = 2023-11-15\nend = "2023-11-16T12:00Z"\n'
    config.write_text('weights = "uniqueness"\ndecay = 0.5\n' + text)
    assert main(["train", "--config", str(config), "--json"]) == 0
    summary = orjson.loads(capsys.readouterr().out)
    assert summary["span_ns"][0] >= 1_700_006_400_000_000_000
    assert summary["span_ns"][1] < 1_700_136_000_000_000_000
    assert summary["data"]["weighted"]
    assert summary["data"]["dropped"]["outside the span"] == 400 - 1 - summary["data"]["rows"]


def test_all_instruments_of_a_catalog_are_trained_on(
    config: Path, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CONFIG.replace('"a", "b"', '"queue_imbalance", "ofi(window=500ms)"').replace('"600s"', '"1s"')
    config.write_text(text.replace('frame = "features.parquet"', 'at = "100ms"'))
    words = ["train", "--config", str(config), "--data", str(market), "--output", "models", "--json"]
    assert main(words) == 0
    summary = orjson.loads(capsys.readouterr().out)
    assert summary["data"]["instruments"] == ["BTCUSDT.SYNTH"]
    model = tc.ml.load_model(f"{summary['output']}.tcm")
    assert model.feature_set == tc.FeatureSet(["queue_imbalance", "ofi(window=500ms)"])
    assert model.feature_set.schema_hash == model.schema_hash


def test_a_meta_model_says_whether_the_bet_of_a_feature_pays(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = CONFIG.replace(OF_RETURN, META)
    config.write_text(text)
    assert main(["train", "--config", str(config), "--output", "models", "--json"]) == 0
    summary = orjson.loads(capsys.readouterr().out)
    assert (summary["data"]["side"], summary["classes"]) == ("a", [0.0, 1.0])
    assert summary["metrics"]["hit_rate"] > 0.6, "the bets it takes are those of the feature, and pay"
    assert main(["train", "--config", f"{summary['output']}_config.toml", "--json"]) == 0
    assert orjson.loads(capsys.readouterr().out)["id"] == summary["id"], "the configuration that is kept says it all"

    model = tc.ml.load_model(f"{summary['output']}.tcm")
    assert model.side == "a"
    predictor = tc.ml.ModelPredictor(model)
    for a in (2.0, -2.0):
        pays = model.predict([a, 0.0])[1]
        assert pays > 0.5
        assert predictor.opinion("BTC", 0, np.array([a, 0.0])) == (
            np.sign(a),
            pays,
            pytest.approx(a / 2 * (2 * pays - 1)),
        )
    fails = next(a for a in (1e-6, -1e-6, 0.0) if model.predict([a, 0.0])[1] <= 0.5 or a == 0)
    assert predictor.opinion("BTC", 0, np.array([fails, 0.0]))[0] == 0


def test_samples_are_weighed_by_the_return_that_is_their_own(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for weights in ("none", "uniqueness", "returns"):
        config.write_text(f'weights = "{weights}"\n' + CONFIG)
        assert main(["train", "--config", str(config), "--json"]) == 0
        told.append(orjson.loads(capsys.readouterr().out))
    assert [one["data"]["weighted"] for one in told] == [False, True, True]
    label = tc.ml.Label("forward_return", horizon="600s", classes="up")
    data = tc.ml.Dataset.from_frame(frame(), ["a", "b"], label, price="mid")
    assert data.weighted(by="returns").digest == told[2]["data"]["digest"]
    ends = np.minimum(np.arange(399) + 1, 398)
    expected = tc.ml.return_weights(frame()["mid"].to_numpy()[:399], np.arange(399), ends)
    np.testing.assert_array_equal(data.weighted(by="returns").weights, expected)


def test_a_fractional_difference_is_an_input_like_any_other(
    config: Path, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feature = 'frac = indicator(name=fracdiff, bars="250ms,source=mid", d=0.4, tau=0.05)'
    text = CONFIG.replace('"a", "b"', f"\"queue_imbalance\", '{feature}'").replace('"600s"', '"1s"')
    config.write_text(text.replace('frame = "features.parquet"', f'catalog = "{market}"\nat = "250ms"'))
    assert main(["train", "--config", str(config), "--output", "models", "--json"]) == 0
    model = tc.ml.load_model(f"{orjson.loads(capsys.readouterr().out)['output']}.tcm")
    assert model.features == ("queue_imbalance", "frac")
    assert model.feature_set is not None
    table = tc.features.compute(market, "BTCUSDT.SYNTH", model.feature_set, "bar:250ms,source=mid", progress=False)
    bars = tc.Catalog(market).bars("BTCUSDT.SYNTH", "250ms,source=mid").collect()
    expected = tc.ml.fractional_difference(np.log(bars["close"].to_numpy()), 0.4, tau=0.05)
    np.testing.assert_allclose(table["frac"].to_numpy()[: len(bars)], expected[: len(table)], rtol=1e-9, atol=1e-12)


WALK = """
[walk]
train = "8s"
test = "5s"

[walk.strategy]
params = { qty = "0.01", interval = "100ms", buy_above = 0.05 }

[[walk.venues]]
name = "SYNTH"
taker_fee_bps = 7
"""


def walking(market: Path) -> str:
    text = CONFIG.replace('"a", "b"', '"queue_imbalance", "ofi(window=500ms)"').replace('"600s"', '"500ms"')
    return text.replace('frame = "features.parquet"', f'catalog = "{market}"\nat = "100ms"') + WALK


def test_a_walk_stores_a_model_for_every_span_and_uses_none_again(
    config: Path, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(walking(market))
    words = ["train", "--config", str(config), "--output", "models"]
    assert main([*words, "--json"]) == 0
    summary = orjson.loads(capsys.readouterr().out)
    steps = summary["steps"]
    assert len(steps) >= 2
    files = {path.name: path.read_bytes() for path in Path("models").iterdir()}
    assert files.keys() == {*(f"{number:03}.tcm" for number in range(len(steps))), "config.toml", "walk.json"}
    assert orjson.loads(files["walk.json"]) == summary
    for number, step in enumerate(steps):
        model = tc.ml.load_model(Path("models") / step["model"])
        assert (model.id, model.name, model.about["revision"]) == (step["model_id"], f"demo {number}", "abc")
        assert step["train_ns"][0] <= model.span_ns[0] <= model.span_ns[1] < step["train_ns"][1] == step["test_ns"][0]
    assert sum(step["fills"] for step in steps) > 0
    assert any(float(step["fees"]) > 0 for step in steps), "of the venue in the file"

    assert main(words) == 2
    assert "output.dir: models/000.tcm is there already" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in Path("models").iterdir()} == files

    config.write_text(walking(market).replace('test = "5s"', 'test = "5s"\nreplace = true\nanchored = true'))
    assert main([*words, "--quiet"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"demo: {len(steps)} models of BTCUSDT.SYNTH, each tested on what came next\n  000.tcm: ")
    again = orjson.loads(Path("models/walk.json").read_bytes())["steps"]
    assert {step["train_ns"][0] for step in again} == {steps[0]["train_ns"][0]}
    assert again[-1]["model_id"] != steps[-1]["model_id"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('train = "8s"', "", "walk.train: missing"),
        ('test = "5s"', 'test = "0s"', "walk.test: expected more than 0"),
        ('test = "5s"', 'test = "5s"\nanchord = true', "walk.anchord: unknown key; did you mean anchored?"),
        ('train = "8s"', 'train = "1h"', "walk.train: the data spans"),
        ("[walk.strategy]", '[walk.strategy]\nkind = "tradecore.ml:Signal"', "walk.strategy.kind: tradecore.ml has no Signal"),
        ("[walk.strategy]", '[walk.strategy]\nkind = "mean_reversion"', "walk.strategy.kind: mean_reversion has no parameter model"),
        ("qty =", "qyt =", "walk.strategy.params.qyt: "),
        ("interval =", 'model = "x", interval =', "walk.strategy.params.model: is the file of each step"),
        ("interval =", "hold_band = -1.0, interval =", "walk.strategy.params.hold_band: "),
        ("taker_fee_bps = 7", 'taker_fee_bps = "two"', "walk.venues.0.taker_fee_bps"),
        ('at = "100ms"', 'at = "100ms"\nend = "2020-01-01"', "walk.train: the data spans 0.0 s"),
        ("n_splits = 3", "n_splits = 1", "split.params.n_splits: expected at least 2, got 1"),
        ("n_splits = 3", "n_splits = 999", "split: expected at least 999 samples, got"),
        ('[walk]', '[output]\nformat = "pickle"\n[walk]', "output.format: pickle runs code when it is read"),
    ],
)  # fmt: skip
def test_what_is_wrong_of_a_walk_is_one_line_with_its_key(
    config: Path, market: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, problem: str
) -> None:
    text = walking(market)
    assert old in text
    config.write_text(text.replace(old, new, 1))
    assert main(["train", "--config", str(config), "--output", "models"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"error: {config}: "), said
    assert problem in said
    assert len(said.splitlines()) == 1
    assert not list(Path().glob("models/*"))


def test_a_walk_takes_a_catalog_and_a_folder(config: Path, market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(walking(market))
    assert main(["train", "--config", str(config)]) == 2
    assert "output.dir: a walk stores its models" in capsys.readouterr().err
    config.write_text(CONFIG + WALK)
    assert main(["train", "--config", str(config), "--output", "models"]) == 2
    assert "data.frame: a walk tests its models in backtests, which take a catalog" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("cost_bps", "cost_bsp", "cost_bsp: unknown key; did you mean cost_bps?"),
        ("linear_model.Logistic", "linear_model.Logisti", "estimator: sklearn.linear_model has no LogistiRegression; did"),
        ("sklearn.linear_model.LogisticRegression", "os.system", "estimator: os.system is no class with fit and predict"),
        ("C = 0.5", "max_itr = 5", "params.max_itr: sklearn.linear_model.LogisticRegression has no such parameter; did you mean"),
        ("StandardScaler", "StandardScalar", "before.0.transformer: sklearn.preprocessing has no StandardScalar; did"),
        ('kind = "forward_return"', 'kind = "forward"', "label.kind: expected forward_return, triple_barrier, tr"),
        ("horizon =", "horizn =", "label.params.horizn: forward_return: unknown key; did you mean horizon?"),
        ('"600s"', '"600x"', "label.params.horizon: "),
        ("n_splits = 3", "n_splits = 1", "split.params.n_splits: expected at least 2, got 1"),
        ("n_splits = 3", "n_splits = 999", "split: expected at least 999 samples, got 399"),
        ('["a", "b"]', '["a", "z"]', "features: features.parquet has no column z; it has ts_available, a, b, mid"),
        ('["a", "b"]', "[]", "features: "),
        ('name = "demo"', 'name = "../demo"', "name: "),
        ("features.parquet", "none.parquet", "data.frame: none.parquet cannot be read"),
        ('frame = "features.parquet"', "", "data.catalog: no data: name a catalog or a frame"),
        ('frame = "features.parquet"', 'catalog = "none"', "data.catalog: none is not a catalog, or an empty one"),
        ('frame = "features.parquet"', 'frame = "features.parquet"\nend = "soon"', "data.end: expected a datetime"),
        ('frame = "features.parquet"', 'frame = "features.parquet"\nend = 2020-01-01', "data.start: no sample lies"),
        ('frame = "features.parquet"', 'frame = "features.parquet"\nprice = "b"', "data: price: row "),
        ('[data]', '[output]\nformat = "pickle"\n[data]', "output.format: pickle runs code when it is read"),
        ('revision = "abc"', "decay = 0.5", 'decay needs weights = "uniqueness"'),
        ('revision = "abc"', 'weights = "return"', "weights: "),
        (OF_RETURN, META.replace('"a"', '"z"'), "label.side: expected one of the features, which say what is bet: a, b"),
        ('kind = "forward_return"', 'kind = "forward_return"\nside = "a"', "label.params.classes: means nothing beside a side"),
        (OF_RETURN, 'kind = "trend_scanning"\nside = "a"\nparams = { shortest = 3, longest = 5 }', "label.side: trend_scanning finds trends"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_with_its_key(
    config: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, problem: str
) -> None:
    assert old in CONFIG
    config.write_text(CONFIG.replace(old, new, 1))
    assert main(["train", "--config", str(config), "--output", "models"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"error: {config}: "), said
    assert problem in said
    assert len(said.splitlines()) == 1
    assert not Path("models").exists()
