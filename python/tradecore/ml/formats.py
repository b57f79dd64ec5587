"""How estimators become bytes and come back: skops, ONNX, pickle."""

from __future__ import annotations

import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradecore.errors import ModelError, ModelWarning
from tradecore.ml.columns import Floats
from tradecore.ml.estimators import outputs
from tradecore.ml.extra import required
from tradecore.ml.trees import TREE_TYPES, tree_problem

__all__ = ["FORMATS", "TRUSTED", "from_bytes", "to_bytes"]

FORMATS = ("skops", "onnx", "pickle")

TRUSTED = (
    *TREE_TYPES,
    "collections.OrderedDict",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
)
"""Types that are trusted beside those skops trusts: plain holders of values, and trees, which are checked."""

_INNER_BYTES = 1 << 30
"""Bytes that the parts of a skops file may have together."""

_CLOSE = 1e-3
"""Difference between a model and its conversion, over the spread of what the model says, that is taken for rounding."""


def to_bytes(
    name: str, estimator: Any, classes: NDArray[Any] | None, probe: Floats, form: str, *, allow_pickle: bool
) -> tuple[bytes, dict[str, Any]]:
    """Return an estimator as bytes, and what is to be known of them.

    Raises
    ------
    ModelError
        When it cannot be written in the format.
    """
    if form == "pickle":
        if not allow_pickle:
            raise ModelError(name, "pickle runs code when it is read: say allow_pickle=True if that is wanted")
        return pickle.dumps(estimator, protocol=5), {}
    if form == "onnx":
        return _to_onnx(name, estimator, classes, probe)
    try:
        return _stable(required("skops.io", "skops").dumps(estimator)), {}
    except ModelError:
        raise
    except Exception as error:  # the estimator is anybody's
        raise ModelError(name, f"skops cannot write it: {type(error).__name__}: {error}") from error


def from_bytes(
    source: str,
    data: bytes,
    classes: NDArray[Any] | None,
    width: int,
    form: str,
    *,
    trusted: Sequence[str],
    allow_pickle: bool,
) -> Callable[[Floats], Any]:
    """Return what asks the model.

    Raises
    ------
    ModelError
        When it cannot be read, or must not be.
    """
    if form == "onnx":
        return _from_onnx(source, data, classes, width)
    if form == "pickle":
        if not allow_pickle:
            raise ModelError(source, "is a pickle, which runs code when it is read: allow_pickle=True takes it")
        warnings.warn(f"{source} is a pickle: reading it runs code of whoever wrote it", ModelWarning, stacklevel=4)
        try:
            estimator = pickle.loads(data)
        except Exception as error:  # a pickle can raise anything
            raise ModelError(source, f"cannot be read: {type(error).__name__}: {error}") from error
    else:
        estimator = _from_skops(source, data, trusted)
    method = "predict" if classes is None else "predict_proba"
    ask = getattr(estimator, method, None)
    if not callable(ask):
        raise ModelError(source, f"holds {type(estimator).__name__}, which has no {method}")
    found: Callable[[Floats], Any] = ask
    return found


def _from_skops(source: str, data: bytes, trusted: Sequence[str]) -> Any:
    skops = required("skops.io", "skops")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            listed = parts.infolist()
        if any(part.compress_type != zipfile.ZIP_STORED for part in listed):
            raise ModelError(source, "holds compressed parts, which no model file of ours has")
        if sum(part.file_size for part in listed) > _INNER_BYTES:
            raise ModelError(source, f"has parts of more than {_INNER_BYTES >> 30} GiB")
        found = skops.get_untrusted_types(data=data)
        unknown = sorted(set(found) - set(TRUSTED) - set(trusted))
        if unknown:
            raise ModelError(
                source,
                f"holds types that are not trusted: {', '.join(unknown)}; trusted={unknown!r} takes them, if you "
                "know who wrote the file",
                tuple(unknown),
            )
        estimator = skops.loads(data, trusted=found)
    except ModelError:
        raise
    except Exception as error:  # of zipfile, json, numpy and whatever a state is set by
        raise ModelError(source, f"cannot be read: {type(error).__name__}: {error}") from error
    if not set(TREE_TYPES) & set(trusted):
        try:
            problem = tree_problem(estimator)
        except Exception as error:  # arrays of a crafted file may be anything
            problem = f"a tree of another layout ({type(error).__name__})"
        if problem is not None:
            raise ModelError(source, f"holds {problem}")
    return estimator


def _stable(data: bytes) -> bytes:
    """Return a skops file without what differs from run to run: addresses in memory and the time of writing."""
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        held = {part: parts.read(part) for part in parts.namelist()}
    schema = json.loads(held.pop("schema.json"))
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(each) for each in node]
        if not isinstance(node, dict):
            return node
        fresh: dict[str, Any] = {}
        for key, value in node.items():
            if key == "__id__" and isinstance(value, int):
                fresh[key] = numbers.setdefault(value, len(numbers))
            elif key == "file" and value in held:
                fresh[key] = names.setdefault(value, f"{len(names)}.{value.rpartition('.')[2]}")
            else:
                fresh[key] = renamed(value)
        return fresh

    schema = renamed(schema)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as parts:
        for old, new in names.items():
            parts.writestr(zipfile.ZipInfo(new), held[old])
        parts.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema))
    return out.getvalue()


def _to_onnx(name: str, estimator: Any, classes: NDArray[Any] | None, probe: Floats) -> tuple[bytes, dict[str, Any]]:
    convert = required("skl2onnx", "skl2onnx").to_onnx
    options = {} if classes is None else {"options": {id(estimator): {"zipmap": False}}}
    told = outputs(name, estimator, probe, classes)
    problems = []
    for kind in (np.float64, np.float32):  # what is computed in double is what scikit-learn computes
        try:
            data = convert(estimator, probe[:1].astype(kind), **options).SerializeToString()
            again = np.asarray(_from_onnx(name, data, classes, probe.shape[1])(probe))
        except Exception as error:  # of the converter, which knows some estimators in one of the two only
            problems.append(" ".join(str(error).split())[:200])
            continue
        difference = float(np.abs(again - told).max())
        if difference <= _CLOSE * max(float(np.ptp(told)), np.finfo(np.float64).tiny):
            return data, {"input": np.dtype(kind).name, "max_difference": difference}
        problems.append(f"the conversion differs by up to {difference:g}")
    raise ModelError(name, f"cannot be converted to ONNX: {problems[0]}; the format skops takes it")


def _from_onnx(source: str, data: bytes, classes: NDArray[Any] | None, width: int) -> Callable[[Floats], Any]:
    runtime, onnx = required("onnxruntime", "onnxruntime"), required("onnx", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # one row at a time is over before threads have begun
    options.log_severity_level = 4
    try:
        graph = onnx.load_model_from_string(data).graph
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in graph.initializer):
            raise ModelError(source, "refers to other files, which no model file of ours does")
        session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        output = session.get_outputs()[-1].name
    except ModelError:
        raise
    except Exception as error:  # of protobuf and of the runtime
        raise ModelError(source, f"is no ONNX model: {' '.join(str(error).split())[:200]}") from error
    kinds = {"tensor(double)": np.float64, "tensor(float)": np.float32}
    if given.type not in kinds or given.shape[-1] not in (width, None):
        raise ModelError(source, f"takes {given.type} of {given.shape}, expected {width} numbers a row")
    kind, name, run, wanted = kinds[given.type], given.name, session.run, [output]
    if classes is None:
        return lambda x: run(wanted, {name: x.astype(kind, copy=False)})[0][:, 0]
    return lambda x: run(wanted, {name: x.astype(kind, copy=False)})[0]
