"""Model cards: what they say, and that nothing in them is taken for markup."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

import tradecore as tc
from tradecore.errors import InvalidValueError


def trained(estimator: Any = None, name: str = "m", feature: str = "a", **terms: Any) -> tc.ml.TrainedModel:
    X = np.random.default_rng(1).normal(size=(200, 2))
    ts = 1_700_000_000_000_000_000 + np.arange(200) * 1_800_000_000_000
    data = tc.ml.Dataset(
        X=X, y=np.sign(X[:, 0]), features=(feature, "b"), ts=ts, t1=ts, ret=X[:, 0] / 1e3, dropped={"not ready": 4}
    )
    split = data.splitter(n_splits=3)
    return tc.ml.train(data, estimator or LogisticRegression(), split=split, name=name, revision="abc", **terms)


def test_a_card_says_what_the_model_is_and_what_it_must_not_be_used_for() -> None:
    model = trained(cost_bps=2)
    for card in (tc.ml.model_card(model), tc.ml.model_card(model, "html")):
        text = re.sub(r"\\([`*_\[\]<>|#])", r"\1", card)
        for said in (
            model.id,
            model.data["digest"],
            "It was trained on 2023-11-14T22:13:20.000Z to 2023-11-19T01:43:20.000Z",
            "sklearn.linear_model._logistic.LogisticRegression",
            "4 not ready",
            "area under the ROC curve",
            "net return a bet at 2 bps",
            "abc",
        ):
            assert said in text, said
        assert len(re.findall("2023-11-1[4-9]T", text)) >= 2 + 2 * 3


def test_a_card_shows_what_was_not_measured_as_that() -> None:
    model = trained(Ridge(), importance=0)
    assert "| a | n/a | n/a | " in tc.ml.model_card(model)


def test_names_are_no_markup() -> None:
    evil = "<script>alert(1)</script>|`*_\x1b[2J"
    model = trained(name=evil, feature=evil, importance=0)
    html = tc.ml.model_card(model, "html")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    markdown = tc.ml.model_card(model)
    assert re.search(r"(?<!\\)<script", markdown) is None
    assert "\x1b" not in html + markdown
    rows = [line for line in markdown.splitlines() if "script" in line and line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [5]


def test_html_holds_its_picture_and_asks_nothing_of_the_network() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    model = trained(feature="$x_{1", importance=1)
    picture = tc.ml.model_picture(model)
    assert picture is not None
    assert picture == tc.ml.model_picture(model)
    assert picture.startswith(b"\x89PNG")
    html = tc.ml.model_card(model, "html", picture=picture)
    assert html.count("data:image/png;base64,") == 1
    assert not re.search(r"(src|href)=\"?https?:", html)
    assert "](m.png)" in tc.ml.model_card(model, picture="m.png")


def test_a_picture_says_what_is_not_there() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    model = trained(Ridge(), importance=0)
    metrics = {**model.metrics, "confidence": [], "information_coefficient": {"days": []}}
    bare = dataclasses.replace(model, metrics=metrics, curve=(np.empty(0, np.int64), np.empty(0)))
    assert tc.ml.model_picture(bare) != tc.ml.model_picture(model)


def test_another_form_is_refused() -> None:
    model = trained(importance=0)
    with pytest.raises(InvalidValueError, match="format: expected markdown or html"):
        tc.ml.model_card(model, "pdf")  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="picture: Markdown takes the name"):
        tc.ml.model_card(model, picture=b"")
