"""Model files that are damaged, forged or of something else, and models that break when they are asked."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import random
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import tradecore as tc
from tradecore.errors import InvalidValueError, ModelError, ModelWarning
from tradecore.ml.trees import tree_problem

pytestmark = pytest.mark.release

NAN = float("nan")
ESTIMATORS = {
    "boosting": HistGradientBoostingClassifier(max_iter=8, max_depth=3),
    "trees": GradientBoostingClassifier(n_estimators=4, max_depth=2),
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "ridge": Ridge(),
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Boosting of a few hundred rows: threads only wait for one another."""
    with threadpool_limits(1, user_api="openmp"):
        yield


def trained(name: str = "pipeline", **terms: Any) -> tc.ml.TrainedModel:
    draw = np.random.default_rng(5)
    X = draw.normal(size=(240, 3))
    y = X[:, 0] + draw.normal(size=240)
    data = tc.ml.Dataset(
        X=X,
        y=y if name == "ridge" else np.sign(y),
        features=("a", "b", "c"),
        ts=np.arange(240) * 1_000_000_000,
        t1=np.arange(240) * 1_000_000_000 + 5,
    )
    estimator = ESTIMATORS.get(name, name)
    return tc.ml.train(data, estimator, split=data.splitter(n_splits=2), importance=0, **terms)


@pytest.fixture(scope="module")
def model() -> tc.ml.TrainedModel:
    return trained(revision="abc123")


@pytest.fixture
def file(model: tc.ml.TrainedModel, tmp_path: Path) -> Path:
    tc.ml.save_model(model, tmp_path / "m.tcm")
    return tmp_path / "m.tcm"


def rewritten(file: Path, **parts: bytes | None) -> Path:
    """The file with some of its parts others, or gone."""
    with zipfile.ZipFile(file) as archive:
        held: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    held |= {name.replace("_json", ".json").replace("_skops", ".skops"): data for name, data in parts.items()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in held.items():
            if data is not None:
                archive.writestr(name, data)
    return file


def forged(file: Path, estimator: bytes, **about: Any) -> Path:
    """The file with another estimator and all its checksums right."""
    with zipfile.ZipFile(file) as archive:
        head = orjson.loads(archive.read("model.json"))
    head["about"] |= about
    head["about"]["estimator_file"] |= {"bytes": len(estimator), "sha256": hashlib.sha256(estimator).hexdigest()}
    head["sha256"] = hashlib.sha256(orjson.dumps(head["about"], option=orjson.OPT_SORT_KEYS)).hexdigest()
    return rewritten(file, model_json=orjson.dumps(head), estimator_skops=estimator)


# What comes back


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_model_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    before = trained(name)
    tc.ml.save_model(before, tmp_path / "m.tcm")
    after = tc.ml.load_model(tmp_path / "m.tcm", features=["a", "b", "c"])
    told = before.estimator.predict(before.probe) if name == "ridge" else before.estimator.predict_proba(before.probe)
    np.testing.assert_array_equal(after.predict(before.probe), told)
    # One row is multiplied in another order than many.
    np.testing.assert_allclose(after.predict(before.probe[0]), told[0], rtol=1e-14)
    assert (after.id, after.span_ns, after.about["data"]["digest"]) == (
        before.id,
        before.span_ns,
        before.data["digest"],
    )
    assert {key: after.about[key] for key in before.summary()} == json.loads(orjson.dumps(before.summary()))
    first = (tmp_path / "m.tcm").read_bytes()
    tc.ml.save_model(trained(name), tmp_path / "m.tcm")
    assert (tmp_path / "m.tcm").read_bytes() == first, "the same training makes the same bytes"


@pytest.mark.parametrize("name", ["trees", "pipeline", "ridge"])
def test_a_converted_model_says_the_same(name: str, tmp_path: Path) -> None:
    before = trained(name)
    tc.ml.save_model(before, tmp_path / "m.tcm", format="onnx")
    after = tc.ml.load_model(tmp_path / "m.tcm")
    told = before.estimator.predict(before.probe) if name == "ridge" else before.estimator.predict_proba(before.probe)
    np.testing.assert_allclose(after.predict(before.probe), told, atol=1e-5)
    assert after.about["estimator_file"]["max_difference"] < 1e-5


def test_lightgbm_is_loaded_when_its_types_are_trusted(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    before = trained(lightgbm.LGBMClassifier(n_estimators=4, verbose=-1, n_jobs=1))
    tc.ml.save_model(before, tmp_path / "m.tcm")
    with pytest.raises(
        ModelError, match=r"not trusted: lightgbm\.basic\.Booster, lightgbm\.sklearn\.LGBMClassifier"
    ) as caught:
        tc.ml.load_model(tmp_path / "m.tcm")
    after = tc.ml.load_model(tmp_path / "m.tcm", trusted=caught.value.untrusted)
    np.testing.assert_array_equal(after.predict(before.probe), before.estimator.predict_proba(before.probe))


def test_what_cannot_be_converted_is_said_with_what_can(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    with pytest.raises(ModelError, match=r"cannot be converted to ONNX: .*; the format skops takes it"):
        tc.ml.save_model(
            trained(lightgbm.LGBMClassifier(n_estimators=4, verbose=-1, n_jobs=1)), tmp_path / "m.tcm", format="onnx"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_pickle_takes_a_word_twice_and_warns(model: tc.ml.TrainedModel, tmp_path: Path) -> None:
    path = tmp_path / "m.tcm"
    with pytest.raises(ModelError, match="say allow_pickle=True"):
        tc.ml.save_model(model, path, format="pickle")
    tc.ml.save_model(model, path, format="pickle", allow_pickle=True)
    with pytest.raises(ModelError, match="is a pickle, which runs code"):
        tc.ml.load_model(path)
    with pytest.warns(ModelWarning, match="is a pickle: reading it runs code"):
        loaded = tc.ml.load_model(path, allow_pickle=True)
    np.testing.assert_array_equal(loaded.predict(model.probe), model.estimator.predict_proba(model.probe))


def test_the_time_of_writing_is_there_only_if_given(model: tc.ml.TrainedModel, tmp_path: Path) -> None:
    tc.ml.save_model(model, tmp_path / "m.tcm", created="2026-11-01T00:00:00Z")
    assert tc.ml.load_model(tmp_path / "m.tcm").about["created"] == "2026-11-01T00:00:00Z"


# Damage


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for name in ("none.tcm", "\0"):
        with pytest.raises(ModelError) as caught:
            tc.ml.load_model(tmp_path / name)
        assert caught.value.model.endswith(name)
    with pytest.raises(ModelError, match="Is a directory"):
        tc.ml.load_model(tmp_path)


def test_no_bit_of_a_file_can_be_another(file: Path) -> None:
    whole = file.read_bytes()
    told = tc.ml.load_model(file).predict([0.1, 0.2, 0.3]).tolist()
    draw = random.Random(3)
    refused = 0
    for _ in range(150):
        at = draw.randrange(len(whole))
        file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << draw.randrange(8))]) + whole[at + 1 :])
        try:
            same = tc.ml.load_model(file).predict([0.1, 0.2, 0.3]).tolist()
        except ModelError:
            refused += 1
        else:  # dates, versions and attributes of an archive mean nothing
            assert same == told
    assert refused > 120


def test_a_file_that_ends_early_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    for length in [0, 1, *range(7, len(whole), 1_501), len(whole) - 1]:
        file.write_bytes(whole[:length])
        with pytest.raises(ModelError, match="is damaged, or no model file"):
            tc.ml.load_model(file)


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"model_json": None}, r"it has no model\.json"),
        ({"model_json": b"{"}, "is damaged, or no model file"),
        ({"model_json": b"[]"}, "is no model file of tradecore"),
        ({"model_json": b'{"kind": "tradecore model", "version": 2}'}, "has version 2, this tradecore reads 1"),
        ({"model_json": b'{"kind": "tradecore model", "version": 1}'}, "is damaged, or no model file: 'about'"),
        ({"estimator_skops": None}, r"expected model\.json and one estimator"),
        ({"estimator_skops": b"other"}, "the estimator is damaged: its checksum is another"),
        ({"../../evil_json": b"{}"}, r"expected model\.json and one estimator"),
    ],
)
def test_other_parts_are_refused(file: Path, parts: dict[str, bytes | None], problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        tc.ml.load_model(rewritten(file, **parts))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", 3),
        ("features", []),
        ("features", [1]),
        ("span_ns", [0]),
        ("span_ns", "ab"),
        ("classes", ["a", "b"]),
        ("classes", []),
        ("versions", None),
        ("data", None),
        ("data", {"feature_set": 1}),
        ("estimator_file", {"format": "joblib"}),
    ],
)
def test_a_file_that_says_other_things_of_itself_is_refused(file: Path, key: str, value: Any) -> None:
    with pytest.raises(ModelError, match=r"model\.json does not say what a model file has to"):
        tc.ml.load_model(forged(file, b"", **{key: value}))


def test_a_file_that_names_code_as_a_feature_runs_none(file: Path, tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n\n\nclass Evil: ...\n")
    with zipfile.ZipFile(file) as archive:
        estimator = archive.read("estimator.skops")
    for text in (f'features = ["x = {tmp_path / "evil.py"}:Evil"]', "features = 3", "features = ['nope']", "a = ["):
        model = tc.ml.load_model(forged(file, estimator, data={"feature_set": text}))
        with pytest.raises(ModelError, match="features"):
            _ = model.feature_set
    assert not (tmp_path / "ran").exists()


def test_nothing_compressed_is_opened(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        head = archive.read("model.json")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.json", head)
        archive.writestr("estimator.skops", b"\0" * 50_000_000)
    with pytest.raises(ModelError, match="not compressed"):
        tc.ml.load_model(file)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 50_000_000)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model.json", head)
        archive.writestr("estimator.skops", b"")
    with pytest.raises(ModelError, match="holds compressed parts"):
        tc.ml.load_model(forged(file, inner.getvalue()))


def test_types_that_run_code_are_listed_and_not_made(file: Path) -> None:
    import skops.io

    def os_system(X: Any) -> Any:
        raise AssertionError("was called")

    from sklearn.preprocessing import FunctionTransformer

    pipeline = make_pipeline(FunctionTransformer(os_system), LogisticRegression())
    pipeline.steps[-1] = ("m", LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    with pytest.raises(ModelError, match=r"holds types that are not trusted: .*os_system") as caught:
        tc.ml.load_model(forged(file, skops.io.dumps(pipeline)))
    assert caught.value.untrusted
    with pytest.raises(ModelError, match="cannot be read"):
        tc.ml.load_model(forged(file, b"no archive"))
    with pytest.raises(ModelError, match="holds dict, which has no predict_proba"):
        tc.ml.load_model(forged(file, skops.io.dumps({"a": 1})))
    with pytest.raises(ModelError, match="cannot be read"):
        tc.ml.load_model(forged(file, pickle.dumps(1)))


@pytest.mark.parametrize("field", ["left", "right", "feature_idx"])
def test_a_boosted_tree_that_points_outside_is_refused(field: str, tmp_path: Path) -> None:
    broken = trained("boosting")
    nodes = broken.estimator._predictors[0][0].nodes
    nodes[field][0] = 1_000_000
    tc.ml.save_model(broken, tmp_path / "m.tcm")
    with pytest.raises(ModelError, match="holds a tree"):
        tc.ml.load_model(tmp_path / "m.tcm")


def test_a_tree_that_points_outside_is_refused() -> None:
    broken = trained("trees").estimator
    assert tree_problem(broken) is None
    tree = broken.estimators_[0, 0].tree_
    state = tree.__getstate__()
    state["nodes"]["feature"][0] = 7
    tree.__setstate__(state)
    assert tree_problem({"in": [broken]}) == "a tree that asks about a feature there is not"


def test_another_version_of_a_library_is_said_with_both(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        estimator = archive.read("estimator.skops")
    with pytest.warns(
        ModelWarning, match=r"trained with scikit-learn 0\.1, here it is \d.*; gone 2\.0, here it is not in"
    ):
        tc.ml.load_model(forged(file, estimator, versions={"scikit-learn": "0.1", "gone": "2.0", "tradecore": "9"}))


# Another schema, another span


class Schema:
    """A set of features, of which the parameters are in the hash."""

    names = ("a", "b", "c")

    def __init__(self, schema_hash: str) -> None:
        self.schema_hash = schema_hash


@pytest.mark.parametrize(
    ("features", "difference"),
    [
        (["a", "b"], "missing c"),
        (["a", "b", "c", "d"], "added d"),
        (["a", "x", "c"], "missing b; added x"),
        (["a", "c", "b"], "in another order: c where b was, at 1"),
        (Schema("0123456789abcdef"), "same features with other parameters: schema .* in training, 0123456789ab now"),
    ],
)
def test_other_features_are_refused_with_the_difference(file: Path, features: Any, difference: str) -> None:
    with pytest.raises(ModelError, match=difference):
        tc.ml.load_model(file, features=features)


def test_a_test_inside_of_the_training_is_refused_unless_it_is_wanted(file: Path) -> None:
    model = tc.ml.load_model(file)
    first, last = model.span_ns
    for start, end in ((first - 5, first), (last, last + 5), (first + 1, first + 2), (first - 5, last + 5)):
        with pytest.raises(ModelError, match=r"was trained on 1970-01-01T00:00:00\.000Z to 1970.*lies in there"):
            model.check_span(start, end)
        model.check_span(start, end, allow_overlap=True)
    model.check_span(last + 1, last + 2)
    model.check_span(first - 9, first - 1)


# Asking


def test_features_that_are_not_there_give_no_answer(file: Path) -> None:
    model = tc.ml.load_model(file)
    assert np.isnan(model.predict([0.1, NAN, 0.2])).all()
    assert np.isnan(model.predict([0.1, np.inf, 0.2])).all()
    got = model.predict([[0.1, 0.2, 0.3], [0.1, NAN, 0.2]])
    np.testing.assert_allclose(got[0], model.predict([0.1, 0.2, 0.3]), rtol=1e-14)
    assert np.isnan(got[1]).all()
    assert model.predict(np.empty((0, 3))).shape == (0, 2)


@pytest.mark.parametrize("x", [[0.1, 0.2], [[0.1, 0.2]], 0.1, [[[0.1]]], []], ids=repr)
def test_features_of_another_shape_are_refused_by_name(file: Path, x: Any) -> None:
    with pytest.raises(ModelError, match="expected numbers as features: could not convert string"):
        tc.ml.load_model(file).predict(["a", "b", "c"])
    with pytest.raises(ModelError, match=r"expected features of shape \(3,\) or \(n, 3\), got .*: a, b, c"):
        tc.ml.load_model(file).predict(x)


@pytest.mark.parametrize(
    ("ask", "problem"),
    [
        (lambda x: 1 / 0, "the model raised ZeroDivisionError: division by zero"),
        (lambda x: np.full((len(x), 2), NAN), "the model returned nan, expected finite numbers"),
        (lambda x: np.zeros((len(x), 5)), r"the model returned an array of \(1, 5\), expected \(1, 2\)"),
        (lambda x: "up", "the model raised ValueError"),
    ],
)
def test_a_model_that_breaks_is_named_with_what_was_expected(file: Path, ask: Any, problem: str) -> None:
    model = tc.ml.load_model(file)
    model._ask = ask
    with pytest.raises(ModelError, match=problem) as caught:
        model.predict([0.1, 0.2, 0.3])
    assert caught.value.model == str(file)


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda path: tc.ml.save_model(3, path), "model: expected a TrainedModel, got int"),
        (lambda path: tc.ml.save_model(trained(), path, format="joblib"), "format: expected skops, onnx, pickle"),
        (lambda path: tc.ml.load_model(path, trusted="a.B"), "trusted: expected a list"),
    ],
)
def test_what_is_no_model_is_refused_by_name(call: Any, problem: str, tmp_path: Path) -> None:
    with warnings.catch_warnings(), pytest.raises(InvalidValueError, match=problem):
        call(tmp_path / "m.tcm")
