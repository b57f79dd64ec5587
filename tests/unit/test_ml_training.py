"""Data sets, training, metrics and checks for leakage."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tradecore as tc
from tradecore.errors import InvalidValueError, ModelError
from tradecore.ml import metrics
from tradecore.ml.training import outputs

NAN = float("nan")
SECOND = 1_000_000_000


def frame(rows: int = 400, seed: int = 2) -> pl.DataFrame:
    """A price that follows the feature ``a`` a little; ``b`` says nothing."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(2, rows))
    price = 100 * np.exp(np.cumsum(0.001 * np.r_[0.0, (a + random.normal(size=rows))[:-1]]))
    ts = np.arange(rows) * 600 * SECOND
    return pl.DataFrame({"ts_available": ts, "a": a, "b": b, "mid": price})


def data(classes: str = "sign", rows: int = 400, **terms: Any) -> tc.ml.Dataset:
    label = tc.ml.Label("forward_return", horizon=1, classes=classes)
    return tc.ml.Dataset.from_frame(frame(rows), ["a", "b"], label, price="mid", instrument="A.TEST", **terms)


# Data sets


def test_rows_without_a_feature_or_a_label_are_left_out_and_counted() -> None:
    rows = frame(20).with_columns(a=pl.when(pl.int_range(20) < 3).then(None).otherwise("a"))
    label = tc.ml.Label("forward_return", horizon=2)
    for given in (rows, rows.to_pandas()):
        got = tc.ml.Dataset.from_frame(given, ["a", "b"], label, price="mid")
        assert len(got) == 15
        assert dict(got.dropped) == {"not ready": 3, "without a label": 2}
        np.testing.assert_array_equal(got.t1 - got.ts, 1200 * SECOND)
        np.testing.assert_allclose(got.ret, tc.ml.forward_return(rows["mid"], 2).to_numpy()[3:18])


def test_a_row_without_a_price_is_skipped_by_the_label() -> None:
    rows = frame(10).with_columns(mid=pl.when(pl.int_range(10) == 4).then(None).otherwise("mid"))
    got = tc.ml.Dataset.from_frame(rows, ["a"], tc.ml.Label("forward_return", horizon=1), price="mid")
    assert (got.ts // (600 * SECOND)).tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert got.t1[3] == 5 * 600 * SECOND


@pytest.mark.parametrize("t1", ["end", 1, "600s"])
def test_labels_of_a_column_say_when_they_are_known(t1: Any) -> None:
    rows = frame(9).with_columns(y=pl.lit(1.0), end=pl.col("ts_available") + 600 * SECOND)
    got = tc.ml.Dataset.from_frame(rows[:-1] if t1 == "end" else rows, ["a"], "y", t1=t1)
    np.testing.assert_array_equal(got.t1[:7], got.ts[:7] + 600 * SECOND)
    assert got.label == "y"


@pytest.mark.parametrize(
    "label",
    [
        tc.ml.Label("forward_return", horizon="600s", classes="up", threshold=0.0001),
        tc.ml.Label("triple_barrier", horizon=5, target=0.002, vertical="sign"),
        tc.ml.Label("triple_barrier", horizon=5, volatility_rows=20, sl=0),
        tc.ml.Label("trend_scanning", shortest=3, longest=8),
    ],
    ids=repr,
)
def test_every_label_makes_samples_that_end_in_the_data(label: tc.ml.Label) -> None:
    got = tc.ml.Dataset.from_frame(frame(), ["a"], label, price="mid")
    assert 0 < got.dropped["without a label"] < 30
    assert set(got.y) <= {-1.0, 0.0, 1.0}
    assert (got.t1 > got.ts).all()
    assert got.label == repr(label)


def test_the_digest_follows_what_is_trained_on() -> None:
    base = data()
    assert data().digest == base.digest
    assert len({base.digest, data("up").digest, base.rows(slice(1, None)).digest, base.weighted().digest}) == 4
    assert (
        base.schema_hash
        == data("up").schema_hash
        != tc.ml.Dataset.from_frame(frame(), ["b", "a"], "a", t1=1).schema_hash
    )


def test_a_span_keeps_what_was_known_inside_of_it() -> None:
    got = data(rows=50).between(10 * 600 * SECOND, 20 * 600 * SECOND)
    assert (got.ts // (600 * SECOND)).tolist() == list(range(10, 19))
    assert got.dropped["outside the span"] == 40
    with pytest.raises(InvalidValueError, match="no sample lies between"):
        got.between(0, 1)


def test_data_sets_join_in_order_of_time() -> None:
    whole = data(rows=60)
    joined = tc.ml.Dataset.joined([whole.rows(slice(1, None, 2)), whole.rows(slice(0, None, 2))])
    np.testing.assert_array_equal(joined.X, whole.X)
    assert joined.instruments == ("A.TEST",)
    other = tc.ml.Dataset.from_frame(frame(60), ["a", "b"], "a", t1=1, instrument="B.TEST")
    several = tc.ml.Dataset.joined([data("none"), dataclasses.replace(data("none"), instruments=("B.TEST",))])
    assert tc.ml.train(several, Ridge(), importance=0).metrics["trading"] is None, "bets of one instrument only"
    with pytest.raises(InvalidValueError, match="of the same features and labels"):
        tc.ml.Dataset.joined([whole, other])
    with pytest.raises(InvalidValueError, match="of the same features and labels"):
        tc.ml.Dataset.joined([whole, data("up")])


def test_a_catalog_is_asked_for_features_and_for_the_price(market: Path) -> None:
    features = tc.FeatureSet(["queue_imbalance", "fast = ofi(window=500ms)"], version="3")
    label = tc.ml.Label("forward_return", horizon=2)
    got = tc.ml.build_dataset(market, "BTCUSDT.SYNTH", features, label=label, at="100ms")
    table = tc.features.compute(
        market, "BTCUSDT.SYNTH", ["queue_imbalance", "fast = ofi(window=500ms)", "mid"], "100ms"
    )
    ahead = table["mid"].shift(-2) / table["mid"] - 1
    ready = table.with_columns(ret=ahead).filter(
        pl.all_horizontal(pl.exclude("ts", "ts_available").is_not_nan()), ~ahead.is_null()
    )
    assert (got.features, got.schema_hash) == (features.names, features.schema_hash)
    np.testing.assert_array_equal(got.X, ready.select(features.names).to_numpy())
    np.testing.assert_array_equal(got.ts, ready["ts_available"].cast(int).to_numpy())
    np.testing.assert_allclose(got.y, ready["ret"].to_numpy(), atol=1e-15)
    assert tc.FeatureSet.from_toml(got.feature_set or "") == features
    assert got.instruments == ("BTCUSDT.SYNTH",)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"X": np.zeros((3, 1))}, r"X: expected 2 columns, got an array of \(3, 1\)"),
        ({"features": ("a", "a")}, "features: expected at least one, and none twice"),
        ({"X": np.array([[0, 0], [0, NAN], [0, 0]])}, "b: row 1: expected a finite number, got nan"),
        ({"y": [0.0, 1.0]}, "y: expected 3 rows, got 2"),
        ({"y": [0.0, NAN, 1.0]}, "y: row 1: expected a finite number"),
        ({"ts": [3, 2, 1]}, "ts: row 1: 2 lies before"),
        ({"t1": [1, 1, 3]}, "t1: row 1: expected no time before ts"),
        ({"weights": [1.0, -1.0, 1.0]}, "weights: row 1: expected a weight from 0"),
        ({"X": np.zeros((0, 2)), "y": [], "ts": [], "t1": [], "dropped": {"not ready": 7}}, "no row is left.*7 not"),
    ],
)
def test_a_data_set_that_does_not_hold_together_is_refused(change: dict[str, Any], problem: str) -> None:
    whole = {"X": np.zeros((3, 2)), "y": [0.0, 1.0, 1.0], "features": ("a", "b"), "ts": [1, 2, 3], "t1": [2, 3, 4]}
    with pytest.raises(InvalidValueError, match=problem):
        tc.ml.Dataset(**(whole | change))


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda f: tc.ml.Dataset.from_frame(f, ["c"], "a", t1=1), "c: no such column; there are ts_available"),
        (lambda f: tc.ml.Dataset.from_frame(f, "a", "a", t1=1), "features: expected names of features"),
        (lambda f: tc.ml.Dataset.from_frame(f, ["a"], "a"), "t1: a column of labels needs when they are known"),
        (lambda f: tc.ml.Dataset.from_frame(f, ["a"], tc.ml.Label("forward_return", horizon=1)), "price: a Label"),
        (lambda f: tc.ml.Label("forwards"), "kind: expected forward_return, triple_barrier, trend_scanning, got"),
        (lambda f: tc.ml.Label("forward_return", horizn=1), "horizn: forward_return: unknown key; did you mean"),
        (lambda f: tc.ml.Label("forward_return"), "horizon: forward_return: missing"),
        (lambda f: tc.ml.Label("forward_return", horizon=1, threshold=1.0).of(f["mid"], f["ts_available"]), "threshold"),
        (lambda f: tc.ml.Label("forward_return", horizon=1, classes="x").of(f["mid"], f["ts_available"]), "classes: exp"),
        (lambda f: tc.ml.Label("triple_barrier", horizon=1, target=0.1, volatility_rows=9).of(f["mid"], f["ts_available"]), "volatility_rows: is"),
        (lambda f: data().splitter("kfold"), "kind: expected purged_kfold, combinatorial, walk_forward"),
        (lambda f: data().splitter(n_split=3), "n_split: purged_kfold: unknown key; did you mean n_splits"),
        (lambda f: data().splitter(horizon=3), "horizon: purged_kfold: follows from the data set"),
    ],
)  # fmt: skip
def test_what_makes_no_data_set_is_refused_by_name(call: Any, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        call(frame(20))


# Training


@pytest.mark.parametrize(
    ("estimator", "classes"),
    [
        (GradientBoostingClassifier(n_estimators=15, max_depth=2), "sign"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "up"),
        (Ridge(), "none"),
    ],
    ids=["boosting", "pipeline", "ridge"],
)
def test_a_model_is_validated_where_it_was_not_trained(estimator: Any, classes: str) -> None:
    got = tc.ml.train(data(classes), estimator, cost_bps=1, split=data(classes).splitter(n_splits=4, embargo=0.01))
    assert [fold.test_rows for fold in got.folds] == [100, 100, 100, 99]
    assert all(fold.unused_rows >= 1 for fold in got.folds)
    assert not np.isnan(got.predictions).any()
    ic = got.metrics["information_coefficient"]
    assert ic["spearman"] > 0.4
    assert len(ic["days"]) == 3
    assert ic["t_stat"] > 2
    buckets = got.metrics["confidence"]
    assert buckets[-1]["hit_rate"] > buckets[0]["hit_rate"]
    assert sum(bucket["rows"] for bucket in buckets) == 399
    assert got.metrics["trading"]["gross_bps"] > got.metrics["trading"]["net_bps"] > 0
    assert got.metrics["scores"]["auc" if classes == "up" else "log_loss" if classes == "sign" else "r2"] is not None
    assert got.importance[0]["permutation"] > 5 * abs(got.importance[1]["permutation"])
    assert not hasattr(estimator, "n_features_in_"), "what was given stays as it was"
    again = tc.ml.train(data(classes), estimator, cost_bps=1, split=data(classes).splitter(n_splits=4, embargo=0.01))
    assert got.id == again.id
    assert len({got.id, tc.ml.train(data(classes, 300), estimator, importance=0).id}) == 2


def test_samples_of_several_tests_have_their_mean_and_untested_ones_none() -> None:
    whole = data("none")
    walked = tc.ml.train(whole, Ridge(), split=whole.splitter("walk_forward", train="1d", test="12h"), importance=0)
    assert np.isnan(walked.predictions[:144]).all()
    assert not np.isnan(walked.predictions[144:]).any()
    assert walked.importance[0]["permutation"] is None
    several = tc.ml.train(whole, Ridge(), split=whole.splitter("combinatorial", n_blocks=4, n_test=2), importance=0)
    assert len(several.folds) == 6
    assert not np.isnan(several.predictions).any()


def test_weights_reach_the_estimator_in_a_pipeline_and_are_refused_by_one_that_takes_none() -> None:
    weighted = data("none").weighted(0.1)
    plain = tc.ml.train(data("none"), make_pipeline(StandardScaler(), Ridge()), importance=0)
    heavy = tc.ml.train(weighted, make_pipeline(StandardScaler(), Ridge()), importance=0)
    assert heavy.predictions[0] != plain.predictions[0]
    with pytest.raises(InvalidValueError, match=r"weights: sklearn\.neighbors.*KNeighborsRegressor takes no weights"):
        tc.ml.train(weighted, KNeighborsRegressor())


def test_lightgbm_trains_like_any_other() -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    got = tc.ml.train(data("up"), lightgbm.LGBMClassifier(n_estimators=10, verbose=-1, n_jobs=1), importance=1)
    assert got.metrics["scores"]["auc"] > 0.6
    assert "lightgbm" in got.versions
    assert got.importance[0]["native"] > 0


class Broken(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that does not do what it should."""

    def __init__(self, how: str = "") -> None:
        self.how = how

    def fit(self, X: Any, y: Any) -> Broken:
        self.classes_ = np.array([5.0, 6.0]) if self.how == "others" else np.unique(y)
        if self.how == "fit":
            raise RuntimeError("no luck")
        return self

    def predict(self, X: Any) -> Any:
        return self.classes_[np.zeros(len(X), int)]

    def predict_proba(self, X: Any) -> Any:
        if self.how == "raises":
            raise RuntimeError("no luck")
        if self.how == "shape":
            return np.zeros((len(X), 9))
        if self.how == "sum":
            return np.full((len(X), 2), 0.6)
        if self.how == "beyond":
            return np.tile([-0.5, 1.5], (len(X), 1))
        if self.how == "single":
            return np.tile(np.array([0.1, 0.9 + 5e-7], np.float32), (len(X), 1))
        return np.full((len(X), len(self.classes_)), NAN)


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ("fit", "model, split 0: fit raised RuntimeError: no luck"),
        ("raises", "model, split 0: predict_proba raised RuntimeError: no luck"),
        ("shape", r"model, split 0: predict_proba returned an array of \(80, 9\), expected \(80, 2\)"),
        ("nan", "model, split 0: predict_proba returned nan, expected finite numbers"),
        ("sum", r"predict_proba returned \[0.6, 0.6\], expected probabilities that sum up to 1"),
        ("beyond", r"predict_proba returned \[-0.5, 1.5\], expected probabilities that sum up to 1"),
        ("others", r"tells \[5.0, 6.0\] apart, expected the classes \[-1.0, 1.0\]"),
    ],
)
def test_an_estimator_that_breaks_is_named_with_its_split(how: str, problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        tc.ml.train(data(), Broken(how))


class Plain:
    """An estimator of scikit-learn's kind that does not derive from its base, as older libraries' do not."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {}

    def set_params(self, **params: Any) -> Plain:
        return self

    def fit(self, X: Any, y: Any) -> Plain:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), 0.5)


class PlainClassifier(Plain):
    def predict_proba(self, X: Any) -> Any:
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_an_estimator_that_scikit_learn_knows_nothing_of_is_what_it_can_do() -> None:
    assert tc.ml.train(data(), PlainClassifier()).metrics["scores"]["auc"] == 0.5
    assert tc.ml.train(data(), Plain()).classes is None
    assert tc.ml.check_shuffled(data(), PlainClassifier()).at_chance


def test_probabilities_in_single_precision_are_scored_as_such() -> None:
    assert tc.ml.train(data(), Broken("single"), importance=0).metrics["scores"]["auc"] == 0.5


class Given:
    """A splitter that splits once, as it is told."""

    def __init__(self, train: Any, test: Any) -> None:
        self.rows = train, test

    def split(self, X: Any, y: Any = None) -> Any:
        yield self.rows


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: tc.ml.train(data(), Ridge(), split=Given(range(200), range(199, 300))), "split 0 is trained on what it"),
        (lambda: tc.ml.train(data(), Ridge(), split=Given(range(200), [-1])), "split: row 0: expected a row from 0 to 398"),
        (lambda: tc.ml.train(data(), Ridge(), split=Given(range(200), [399])), "expected a row from 0 to 398, got 399"),
        (lambda: tc.ml.train(frame(), Ridge()), "dataset: expected a Dataset, got DataFrame"),  # type: ignore[arg-type]
        (lambda: tc.ml.train(data(), 3), "estimator: expected one of scikit-learn's kind, got 3"),
        (lambda: tc.ml.train(data(), Ridge(), split=3), "split: expected a splitter, got 3"),
        (lambda: tc.ml.train(data(), Ridge(), cost_bps=-1), "cost_bps: expected a number from 0"),
        (lambda: tc.ml.train(data(), Ridge(), importance=-1), "importance: expected a whole number from 0"),
        (lambda: tc.ml.train(data("none"), LogisticRegression()), "y: 399 classes: these are values"),
        (lambda: tc.ml.make_estimator("Ridge"), "estimator: expected a path such as"),
        (lambda: tc.ml.make_estimator("sklearn.linear_model.Rigde"), "estimator: sklearn.linear_model has no Rigde; did"),
        (lambda: tc.ml.make_estimator("sklaern.Ridge"), "estimator: sklaern.Ridge: sklaern is not installed"),
        (lambda: tc.ml.make_estimator("sklearn.lin.Ridge"), "estimator: sklearn.lin.Ridge: No module named"),
        (lambda: tc.ml.make_estimator("os.system"), "estimator: os.system is no class with fit and predict"),
        (lambda: tc.ml.make_estimator("sklearn.preprocessing.StandardScaler"), "is no class with fit and predict"),
        (lambda: tc.ml.make_estimator("sklearn.linear_model.Ridge", {"alhpa": 1}), "alhpa: .* did you mean alpha"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_by_name(call: Any, problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        call()


def test_a_missing_extra_is_named_with_what_installs_it() -> None:
    code = """
import sys
sys.modules["sklearn"] = None
import tradecore as tc
tc.ml.forward_return([1.0, 2.0], 1)
import numpy as np
at = np.arange(9)
try:
    tc.ml.train(tc.ml.Dataset(X=np.ones((9, 1)), y=np.ones(9), features=("a",), ts=at, t1=at), 1)
except tc.TradecoreError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "scikit-learn: is not installed: pip install 'tradecore[ml]'\n", done.stderr


# Metrics


def test_classes_stand_for_directions() -> None:
    assert metrics.class_values(np.array([0.0, 1.0])).tolist() == [-1, 1]
    assert metrics.class_values(np.array([-2.0, 0.0, 1.0])).tolist() == [-1, 0, 0.5]
    assert metrics.class_values(np.array([-1.0, 0.0])).tolist() == [-1, 0]


def test_a_class_that_was_not_there_has_no_probability() -> None:
    class Half:
        classes_ = np.array([0.0, 1.0])

        def predict_proba(self, X: Any) -> Any:
            return np.full((len(X), 2), 0.5)

    assert outputs("m", Half(), np.zeros((1, 1)), np.array([-1.0, 0.0, 1.0])).tolist() == [[0.0, 0.5, 0.5]]


def test_the_coefficient_of_days_is_that_of_pandas() -> None:
    random = np.random.default_rng(0)
    signal, outcome = random.normal(size=(2, 500))
    ts = np.arange(500) * 600 * SECOND
    got = metrics.information_coefficient(signal, outcome, ts)
    by_day = pd.DataFrame({"s": signal, "o": outcome}).groupby(ts // (86_400 * SECOND))
    days = by_day.apply(lambda day: day["s"].corr(day["o"], method="spearman"))
    np.testing.assert_allclose([day["spearman"] for day in got["days"]], days)
    assert got["t_stat"] == pytest.approx(days.mean() / (days.std() / np.sqrt(len(days))))
    flat = metrics.information_coefficient(np.ones(5), outcome[:5], ts[:5])
    assert (flat["pearson"], flat["mean"], flat["t_stat"]) == (None, None, None)


def test_bets_do_not_overlap_and_pay_for_what_they_trade() -> None:
    ts = np.arange(6)
    got = metrics.trading(
        np.array([1.0, 1, -1, 0, -1, 1]), np.array([0.01, 9, -0.02, 9, 0.03, 9]), ts, ts + 2, cost_bps=10
    )
    # Rows 0, 2, 4: long, short, short; traded 1, 2, 0 and 1 at the end.
    assert (got["bets"], got["turnover"]) == (3, 4 / 3)
    assert got["net"] == pytest.approx(0.01 + 0.02 - 0.03 - 4 * 0.001)
    assert got["gross_bps"] == pytest.approx(0.0)


# Leakage


def test_a_feature_that_knows_the_future_is_found() -> None:
    def features(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(
            past=pl.col("mid").rolling_mean(3),
            centred=pl.col("mid").rolling_mean(3, center=True),
            scaled=pl.col("mid") / pl.col("mid").max(),
        )

    leaks = tc.ml.check_leakage(features, frame(100))
    assert {leak.feature for leak in leaks} == {"centred", "scaled"}
    with pytest.raises(InvalidValueError, match="data: expected at least one row"):
        tc.ml.check_leakage(features, frame(9)[:0])
    with pytest.raises(InvalidValueError, match="past: expected 100 rows, got 1"):
        tc.ml.check_leakage(lambda rows: {"past": [1.0]}, frame(100))
    with pytest.raises(InvalidValueError, match="compute: expected a frame or a mapping of columns, got ndarray"):
        tc.ml.check_leakage(lambda rows: np.ones(len(rows)), frame(100))


class Recalls(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Knows every row it has seen."""

    def fit(self, X: Any, y: Any) -> Recalls:
        self.seen_ = {row.tobytes(): value for row, value in zip(X, y, strict=True)}
        return self

    def predict(self, X: Any) -> Any:
        return np.array([self.seen_.get(row.tobytes(), 0.0) for row in X])


def test_shuffled_labels_are_not_foretold_unless_the_split_leaks() -> None:
    whole = data("none")
    assert tc.ml.check_shuffled(whole, Ridge()).at_chance
    assert tc.ml.check_shuffled(data(), LogisticRegression(), repeats=2).at_chance

    class Leaky:
        def split(self, X: Any, y: Any) -> Any:
            yield np.arange(len(X)), np.arange(100)

    got = tc.ml.check_shuffled(whole, Recalls(), split=Leaky())
    assert not got.at_chance
    assert got.score > 0.99
