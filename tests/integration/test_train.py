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

pytestmark = pytest.mark.once

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
