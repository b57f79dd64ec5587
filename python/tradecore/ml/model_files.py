"""Model files: one archive with the estimator and all that is to be known of it, nothing of it compressed.

``model.json`` has the provenance, the checksum of the estimator's bytes and one of itself. What is written follows from
the model alone, the time of writing included, which is only there if it is given. A checksum finds what was damaged,
not what was forged: whom to trust is said by ``trusted``.
"""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson

from tradecore.errors import InvalidValueError, ModelError, ModelWarning
from tradecore.files import staged
from tradecore.ml.formats import FORMATS, from_bytes, to_bytes
from tradecore.ml.prediction import LoadedModel
from tradecore.ml.training import TrainedModel

__all__ = ["load_model", "model_bytes", "save_model"]

_KIND, _VERSION = "tradecore model", 1
_ABOUT = "model.json"
_MOST = 1 << 30
"""Bytes of a model file."""


def save_model(
    model: TrainedModel,
    path: str | Path,
    *,
    format: Literal["skops", "onnx", "pickle"] = "skops",
    allow_pickle: bool = False,
    created: str | None = None,
) -> None:
    """Write a model file.

    The same training makes the same bytes, wherever and whenever it was done.

    Parameters
    ----------
    model : TrainedModel
    path : path
        Of the file; ``.tcm`` by custom.
    format : {"skops", "onnx", "pickle"}
        ``skops`` keeps the estimator as it is; ``onnx`` converts it to a graph that needs no scikit-learn to run, and
        compares the two; ``pickle`` keeps anything, and runs code when it is read.
    allow_pickle : bool
        Whether it may be a pickle.
    created : str, optional
        When it was made, if that is to be kept: no clock is read.

    Raises
    ------
    ModelError
        When it cannot be written in the format.
    CatalogError
        When the file cannot be written.

    Examples
    --------
    ::

        model = tc.ml.train(data, HistGradientBoostingClassifier())
        tc.ml.save_model(model, "models/demo.tcm")
    """
    path = Path(path)
    data = model_bytes(model, format, allow_pickle=allow_pickle, created=created)
    with staged(path.parent, path.name) as folder:
        (folder / path.name).write_bytes(data)


def model_bytes(model: TrainedModel, format: str, *, allow_pickle: bool, created: str | None = None) -> bytes:
    """Return what a model file holds; see :func:`save_model`."""
    if not isinstance(model, TrainedModel):
        raise InvalidValueError("model", f"expected a TrainedModel, got {type(model).__name__}")
    if format not in FORMATS:
        raise InvalidValueError("format", f"expected {', '.join(FORMATS)}, got {format!r}")
    data, extra = to_bytes(model.name, model.estimator, model.classes, model.probe, format, allow_pickle=allow_pickle)
    held = {"format": format, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), **extra}
    about = {**model.summary(), "created": created, "estimator_file": held}
    text = orjson.dumps({"kind": _KIND, "version": _VERSION, "sha256": _sha256(about), "about": about})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(_ABOUT), text)
        archive.writestr(zipfile.ZipInfo(f"estimator.{format}"), data)
    return out.getvalue()


def _sha256(about: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(about, option=orjson.OPT_SORT_KEYS)).hexdigest()


def load_model(
    path: str | Path,
    *,
    features: Any = None,
    trusted: Sequence[str] = (),
    allow_pickle: bool = False,
) -> LoadedModel:
    """Read a model file.

    Parameters
    ----------
    path : path
    features : list of str, or FeatureSet, optional
        What the model will be given: other features than those of its training are refused.
    trusted : sequence of str
        Full names of types that may be in the file beside those of scikit-learn, numpy and scipy. LightGBM and XGBoost
        read a text or bytes of their own, so that it takes a word from you: the error lists what there is.
    allow_pickle : bool
        Whether it may be a pickle, which runs code of whoever wrote it.

    Returns
    -------
    LoadedModel

    Raises
    ------
    ModelError
        For a file that is missing, damaged, of another kind or version, holds types that are not trusted, or takes
        other features.

    Warns
    -----
    ModelWarning
        When a library has another version than in training, and for a pickle.

    Examples
    --------
    ::

        model = tc.ml.load_model("models/demo.tcm", features=["imbalance", "ofi"])
        model.check_span(start_ns, end_ns)
        up = model.predict([0.2, -1.5])[1]
    """
    source = str(path)
    if not isinstance(path, str | Path):
        raise InvalidValueError("path", f"expected the path of a model file, got {path!r}")
    if (
        isinstance(trusted, str)
        or not isinstance(trusted, Sequence)
        or not all(isinstance(name, str) for name in trusted)
    ):
        raise InvalidValueError("trusted", f"expected a list of full names of types, got {trusted!r}")
    about, data = _parts(source, _bytes(source, Path(path)))
    held = about["estimator_file"]
    classes = None if about["classes"] is None else np.array(about["classes"], dtype=np.float64)
    ask = from_bytes(
        source,
        data,
        classes,
        len(about["features"]),
        held["format"],
        trusted=trusted,
        allow_pickle=allow_pickle,
    )
    model = LoadedModel(source, about, ask, classes)
    if features is not None:
        model.check_features(features)
    if held["format"] != "onnx" and (changed := _changed(about["versions"])):
        warnings.warn(f"{source}: trained with {changed}", ModelWarning, stacklevel=2)
    return model


def _bytes(source: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise ModelError(source, error.strerror or str(error)) from error
    except ValueError as error:  # of a name that no file can have
        raise ModelError(source, str(error)) from error
    if len(data) > _MOST:
        raise ModelError(source, f"has more than {_MOST >> 30} GiB")
    return data


def _parts(source: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return what is said of the estimator, and its bytes, both as they were written."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            listed = {part.filename: part for part in archive.infolist()}
            if _ABOUT not in listed:
                raise ModelError(source, f"is no model file: it has no {_ABOUT}")
            if len(archive.infolist()) != 2 or any(
                part.compress_type != zipfile.ZIP_STORED or part.file_size > len(data) for part in listed.values()
            ):
                raise ModelError(source, f"expected {_ABOUT} and one estimator, not compressed; got {list(listed)}")
            head = orjson.loads(archive.read(_ABOUT))
            if not isinstance(head, dict) or head.get("kind") != _KIND:
                raise ModelError(source, "is no model file of tradecore")
            if head.get("version") != _VERSION:
                raise ModelError(source, f"has version {head.get('version')!r}, this tradecore reads {_VERSION}")
            about = head["about"]
            if _sha256(about) != head["sha256"]:
                raise ModelError(source, f"{_ABOUT} is damaged: its checksum is another")
            held = about["estimator_file"]
            if not _is_whole(about):
                raise ModelError(source, f"{_ABOUT} does not say what a model file has to")
            estimator = archive.read(f"estimator.{held['format']}")
    except ModelError:
        raise
    # What a damaged archive has zipfile raise is any of these.
    except (
        zipfile.BadZipFile,
        KeyError,
        TypeError,
        ValueError,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise ModelError(source, f"is damaged, or no model file: {error}") from error
    if hashlib.sha256(estimator).hexdigest() != held["sha256"]:
        raise ModelError(source, "the estimator is damaged: its checksum is another")
    return about, estimator


def _is_whole(about: Any) -> bool:
    """Look whether what is read of a model is there, and of the kind it has to be."""
    texts = all(isinstance(about.get(key), str) for key in ("id", "name", "schema_hash", "estimator"))
    features, span, classes = about.get("features"), about.get("span_ns"), about.get("classes")
    return (
        texts
        and about["estimator_file"]["format"] in FORMATS
        and isinstance(about.get("versions"), dict)
        and isinstance(about.get("data"), dict)
        and isinstance(about["data"].get("feature_set"), str | None)
        and isinstance(features, list)
        and len(features) > 0
        and all(isinstance(name, str) for name in features)
        and about["data"].get("side") in (None, *features)
        and isinstance(span, list)
        and [type(ns) for ns in span] == [int, int]
        and (classes is None or (isinstance(classes, list) and {type(each) for each in classes} == {float}))
    )


def _changed(versions: Mapping[str, str]) -> str:
    """Return which libraries have another version here, with both."""
    found = []
    for package, then in versions.items():
        try:
            now = version(package)
        except PackageNotFoundError:
            now = "not installed"
        if now != then and package != "tradecore":
            found.append(f"{package} {then}, here it is {now}")
    return "; ".join(found)
