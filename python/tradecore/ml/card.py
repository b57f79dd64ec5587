"""Model cards: what a model is, how it did where it was not trained, and what it must not be used for."""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Literal, TypeAlias

from tradecore.errors import InvalidValueError
from tradecore.ml.metrics import summary
from tradecore.ml.prediction import moment
from tradecore.ml.training import TrainedModel
from tradecore.text import printable

__all__ = ["model_card", "model_picture"]

_Table: TypeAlias = tuple[Sequence[str], Sequence[Sequence[str]]]
_Section: TypeAlias = tuple[str, list[str], _Table | None]
"""A heading, paragraphs, and a table."""

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222;background:#fff}"
    "table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:.25em .7em;text-align:left;"
    "font-variant-numeric:tabular-nums;overflow-wrap:anywhere}th{background:#f3f3f3}img{max-width:100%}"
    ".warn{border-left:4px solid #d64545;padding:.4em 1em;background:#fdf3f3}"
)


def model_picture(model: TrainedModel) -> bytes | None:
    """Return the picture of a card as PNG; None where matplotlib is not installed.

    Parameters
    ----------
    model : TrainedModel
    """
    if importlib.util.find_spec("matplotlib") is None:
        return None
    from tradecore.ml.plots import picture

    return picture(model)


def model_card(
    model: TrainedModel,
    format: Literal["markdown", "html"] = "markdown",
    *,
    picture: str | bytes | None = None,
) -> str:
    """Return what a model is, how it did and what it must not be used for.

    Parameters
    ----------
    model : TrainedModel
    format : {"markdown", "html"}
        HTML asks nothing of the network: its styles and its picture are in it.
    picture : str or bytes, optional
        :func:`model_picture`, which HTML holds; for Markdown the name of the file that it is in.

    Raises
    ------
    InvalidValueError
        For another format, and a picture in the other form.

    Examples
    --------
    ::

        Path("card.html").write_text(tc.ml.model_card(model, "html", picture=tc.ml.model_picture(model)))
    """
    if format == "markdown" and not isinstance(picture, bytes):
        return _markdown(model, picture)
    if format == "html" and not isinstance(picture, str):
        return _html(model, picture)
    if format not in ("markdown", "html"):
        raise InvalidValueError("format", f"expected markdown or html, got {format!r}")
    raise InvalidValueError("picture", "Markdown takes the name of a file, HTML the bytes of a PNG")


def _sections(model: TrainedModel) -> Iterator[_Section]:
    first, last = (moment(ns) for ns in model.span_ns)
    data = model.data
    yield (
        "What it must not be used for",
        [
            f"It was trained on {first} to {last}. A test in there says how well it remembers: it is refused.",
            "It takes the features below, in that order, with the parameters they had; others are refused.",
            "How it did is what single bets on its signals would have made, without spread, queue and latency: "
            "a backtest has to show whether it can be traded.",
        ],
        None,
    )
    out_of = ", ".join(f"{number:,} {why}" for why, number in data["dropped"].items() if number) or "none"
    facts: list[Sequence[str]] = [
        ("id", model.id),
        ("estimator", model.estimator_path),
        ("kind", "regressor" if model.classes is None else f"classifier of {model.classes.tolist()}"),
        ("label", data["label"] or "not said"),
        ("instruments", ", ".join(data["instruments"]) or "not said"),
        ("samples", f"{data['rows']:,}{', weighted' if data['weighted'] else ''}"),
        ("left out", out_of),
        ("data, SHA-256", data["digest"]),
        ("features, hash", model.schema_hash),
        ("split", model.split),
        ("seed", str(model.seed)),
        ("revision", model.revision or "not said"),
        ("libraries", ", ".join(f"{package} {number}" for package, number in model.versions.items())),
    ]
    yield "Where it comes from", [], (("what", "value"), facts)
    figures = [(name, _number(value)) for name, value in summary(model.metrics)]
    yield (
        "How it did out of sample",
        [f"{model.metrics['rows']:,} samples were tested."],
        (("figure", "value"), figures),
    )
    buckets = [
        (
            f"{_number(row['from'])} to {_number(row['to'])}",
            f"{row['rows']:,}",
            f"{row['hit_rate']:.1%}",
            _number(row["mean"] * 1e4),
        )
        for row in model.metrics["confidence"]
    ]
    yield "By confidence", [], (("|signal|", "samples", "hit rate", "mean outcome, 1e-4"), buckets)
    names = list(model.folds[0].scores)
    folds = [
        (
            f"{moment(fold.test_span[0])} to {moment(fold.test_span[1])}",
            f"{fold.train_rows:,}",
            f"{fold.test_rows:,}",
            f"{fold.unused_rows:,}",
            *(_number(fold.scores[name]) for name in names),
        )
        for fold in model.folds
    ]
    yield "Splits", [], (("tested", "trained on", "tests", "neither", *names), folds)
    worth = [
        (row["feature"], _number(row["permutation"]), _number(row["permutation_std"]), _number(row["native"]))
        for row in model.importance
    ]
    yield (
        "Features",
        ["Permutation: how much loss is added on the tests when the feature is shuffled. Own: what the model says."],
        (("feature", "permutation", "deviation", "own"), worth),
    )
    params = [(name, str(value)) for name, value in model.params.items()]
    yield "Parameters", [], (("parameter", "value"), params)


def _number(value: Any) -> str:
    if value is None:
        return "n/a"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _markdown(model: TrainedModel, picture: str | None) -> str:
    parts = [f"# Model {_plain(model.name)}\n"]
    for heading, paragraphs, table in _sections(model):
        parts.append(f"## {heading}\n")
        parts += [f"{_plain(text)}\n" for text in paragraphs]
        if table is not None:
            head, rows = table
            lines = [
                [_plain(cell) for cell in head],
                ["---"] * len(head),
                *([_plain(cell) for cell in row] for row in rows),
            ]
            parts.append("".join(f"| {' | '.join(line)} |\n" for line in lines))
        if picture is not None and heading == "How it did out of sample":
            parts.append(f"![signals over time, by day and by confidence, and importances]({picture})\n")
    return "\n".join(parts)


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    text = printable(text)
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text


def _html(model: TrainedModel, picture: bytes | None) -> str:
    def said(text: str) -> str:
        return escape(printable(text))

    parts = [
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{said(model.name)}</title>'
        f"<style>{_STYLE}</style></head><body>\n<h1>Model {said(model.name)}</h1>\n"
    ]
    for number, (heading, paragraphs, table) in enumerate(_sections(model)):
        box = ' class="warn"' if number == 0 else ""
        parts.append(f"<section{box}><h2>{said(heading)}</h2>\n")
        parts += [f"<p>{said(text)}</p>\n" for text in paragraphs]
        if table is not None:
            head, rows = table
            parts.append(f"<table><tr>{''.join(f'<th>{said(cell)}</th>' for cell in head)}</tr>\n")
            parts += [f"<tr>{''.join(f'<td>{said(cell)}</td>' for cell in row)}</tr>\n" for row in rows]
            parts.append("</table>\n")
        if picture is not None and heading == "How it did out of sample":
            encoded = base64.b64encode(picture).decode()
            parts.append(
                '<img alt="signals over time, by day and by confidence, and importances" '
                f'src="data:image/png;base64,{encoded}">\n'
            )
        parts.append("</section>\n")
    return "".join([*parts, "</body></html>\n"])
