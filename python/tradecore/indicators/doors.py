"""A function and a class for each indicator of the core, made of its description."""

from __future__ import annotations

import inspect
import textwrap
from collections import namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from tradecore._core import Indicator, compute_indicator, compute_panel
from tradecore.arrays import column_names, series_like, to_floats

__all__ = ["CLASSES", "Spec", "columns_of", "function_of", "panel", "stream_of"]

Spec = dict[str, Any]
"""What ``indicator_specs`` says of one."""

CLASSES: dict[str, type[Indicator]] = {}
"""The class of each indicator by the name of its function."""

_TS = "Time of a bar, ns UTC; as a float64 exact to 256 ns."
_INPUTS = {
    "open": "First prices of bars.",
    "high": "Highest prices of bars.",
    "low": "Lowest prices of bars.",
    "close": "Prices, or any series of numbers.",
    "volume": "Quantities traded.",
    "ts": _TS,
    "x": "The first series.",
    "y": "The second series.",
}


def has_columns(given: Any) -> bool:
    """Whether something is a frame or a mapping rather than one column."""
    return isinstance(given, Mapping) or hasattr(type(given), "columns")


def columns_of(inputs: tuple[str, ...], frame: Any) -> list[Any]:
    """Return the columns of a frame that an indicator reads.

    Raises
    ------
    InvalidValueError
        When the frame lacks one.
    """
    from tradecore.errors import InvalidValueError

    known = column_names(inputs[0], frame)
    for name in inputs:
        if name not in known:
            near = next((f"; did you mean {column}?" for column in known if column.lower() == name), "")
            raise InvalidValueError(name, f"the frame has no such column; it has {', '.join(known) or 'none'}{near}")
    return [frame[name] for name in inputs]


def function_of(spec: Spec) -> Callable[..., Any]:
    """Return the function that computes an indicator over columns."""
    name, inputs = spec["name"], tuple(spec["inputs"])
    outputs = [output for output, _ in spec["outputs"]]
    values = _values_of(spec)

    def function(*args: Any, **kwargs: Any) -> Any:
        if args and has_columns(args[0]):
            given, args = columns_of(inputs, args[0]), args[1:]
        else:
            given, args = list(args[: len(inputs)]), args[len(inputs) :]
            for column in inputs[len(given) :]:
                if column not in kwargs:
                    raise TypeError(f"{name}() is missing {column}")
                given.append(kwargs.pop(column))
        columns = [to_floats(column, values) for column, values in zip(inputs, given, strict=True)]
        done = compute_indicator(name, columns, args, kwargs)
        if len(outputs) == 1:
            return series_like(given[0], done[0], name)
        return values(*(series_like(given[0], array, output) for output, array in zip(outputs, done, strict=True)))

    function.__name__ = function.__qualname__ = name
    function.__module__ = "tradecore.indicators"
    function.__doc__ = _function_doc(spec)
    kind = inspect.Parameter
    columns = [kind(column, kind.POSITIONAL_OR_KEYWORD) for column in inputs]
    function.__signature__ = inspect.Signature([*columns, *_parameters(spec)])  # type: ignore[attr-defined]
    return function


def stream_of(spec: Spec) -> type[Indicator]:
    """Return the class of an indicator that takes a row at a time."""
    members = {
        "__doc__": _class_doc(spec),
        "__module__": "tradecore.indicators",
        "__signature__": inspect.Signature(_parameters(spec)),
        "__slots__": (),
        "_name": spec["name"],
        "_values": _values_of(spec),
    }
    made = CLASSES[spec["name"]] = type(spec["class"], (Indicator,), members)
    return made


def panel(name: str, *columns: Any, **params: Any) -> Any:
    """Compute an indicator over several series at once, each from its own beginning.

    Parameters
    ----------
    name : str
        Of the function, such as ``"rsi"``.
    *columns : float64 (symbols, n)
        Its inputs in their order, a row of the array for each symbol.
    **params : int, float or str
        Its parameters by name, and ``nan``.

    Returns
    -------
    float64 (symbols, n), or a named tuple of such

    Raises
    ------
    InvalidValueError
        For an unknown name, a parameter out of its bounds, and arrays that are none of two dimensions or differ in
        shape.

    Examples
    --------
    >>> import numpy as np
    >>> closes = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    >>> tc.indicators.panel("sma", closes, period=2).tolist()
    [[nan, 1.5, 2.5], [nan, 2.5, 1.5]]
    """
    import numpy as np

    from tradecore.errors import InvalidValueError

    if not isinstance(name, str):
        raise InvalidValueError("name", f"expected the name of an indicator such as 'rsi', got {name!r}")
    arrays = []
    for place, column in enumerate(columns):
        array = np.asarray(column)
        if array.ndim != 2 or array.dtype.kind not in "fiu":
            found = f"an array of {array.ndim} dimensions, {array.dtype}"
            raise InvalidValueError(f"columns[{place}]", f"expected numbers in two dimensions, got {found}")
        arrays.append(np.ascontiguousarray(array, dtype=np.float64))
    done = compute_panel(name, arrays, (), params)
    values = _VALUES.get(name)
    return done[0] if values is None else values(*done)


def values_name(spec: Spec) -> str:
    """Return the name of the named tuple of an indicator with several outputs."""
    return f"{spec['class']}Values"


_VALUES: dict[str, Any] = {}


def _values_of(spec: Spec) -> Any:
    """Return the named tuple of the outputs of an indicator; None of a single one."""
    if len(spec["outputs"]) == 1:
        return None
    name = spec["name"]
    if name not in _VALUES:
        made = namedtuple(values_name(spec), [output for output, _ in spec["outputs"]], module="tradecore.indicators")  # type: ignore[misc]
        made.__doc__ = f"Outputs of :func:`{spec['name']}`, or of a row of :class:`{spec['class']}`."
        for output, doc in spec["outputs"]:
            getattr(made, output).__doc__ = doc
        _VALUES[name] = made
    return _VALUES[name]


def _parameters(spec: Spec) -> list[inspect.Parameter]:
    kind = inspect.Parameter
    given = [
        kind(one["name"], kind.POSITIONAL_OR_KEYWORD, default=one["default"], annotation=one["type"])
        for one in spec["params"]
    ]
    return [*given, kind("nan", kind.KEYWORD_ONLY, default="restart", annotation="str")]


def _params_doc(spec: Spec) -> list[str]:
    lines = []
    for one in spec["params"]:
        bounds = one["bounds"]
        if one["type"] == "str":
            lines += [f"{one['name']} : {' or '.join(repr(word) for word in bounds)}", f"    {one['doc']}"]
        else:
            lines += [f"{one['name']} : {one['type']}", f"    {one['doc']} From {bounds[0]:g} to {bounds[1]:g}."]
    return [
        *lines,
        "nan : 'restart' or 'talib'",
        "    What a row without a number means, see :mod:`tradecore.indicators`.",
    ]


def _wrapped(text: str, indent: str = "") -> list[str]:
    """Return a text in lines that fit into a module."""
    return textwrap.wrap(text, 110, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, "-" * len(title), *lines]


def _raises(*more: str) -> list[str]:
    return ["InvalidValueError", "    For a parameter out of its bounds" + "".join(more) + "."]


def _function_doc(spec: Spec) -> str:
    inputs, name = spec["inputs"], spec["name"]
    words = " ".join([*(_INPUTS[one] for one in inputs), "Or, in place of them, a frame that has these columns."])
    takes = ["{} : float64 (n,)".format(", ".join(inputs)), *_wrapped(words, "    ")]
    if len(spec["outputs"]) == 1:
        gives = ["float64 (n,)", "    A series if one was given. NaN in the warm-up."]
    else:
        gives = [f"{values_name(spec)} of float64 (n,)", "    Series if such were given. NaN in the warm-up."]
        gives += [f"    ``{output}``: {doc}" for output, doc in spec["outputs"]]
    call = f"tc.indicators.{name}({', '.join(_EXAMPLES[one][0] for one in inputs)})"
    picked = call if len(spec["outputs"]) == 1 else f"{call}.{spec['outputs'][0][0]}"
    return "\n".join([
        spec["summary"],
        "",
        *_wrapped(spec["notes"]),
        *_section("Parameters", [*takes, *_params_doc(spec)]),
        *_section("Returns", gives),
        *_section("Raises", _raises(", and columns that are none, or differ in length")),
        *_section("Examples", [*_example(spec), f">>> len({picked})", "200"]),
    ])  # fmt: skip


def _class_doc(spec: Spec) -> str:
    inputs, name = spec["inputs"], spec["name"]
    columns = [_EXAMPLES[one][0] for one in inputs]
    batch = f"tc.indicators.{name}({', '.join(columns)})"
    rows = f"zip({', '.join(columns)})" if len(columns) > 1 else columns[0]
    row = "*row" if len(columns) > 1 else "row"
    last = f"float({batch}[-1])" if len(spec["outputs"]) == 1 else f"tuple(column[-1] for column in {batch})"
    return "\n".join([
        spec["summary"][:-1] + ", a row at a time.",
        "",
        f"What it gives is what :func:`{name}` gives for the same rows, to the last bit.",
        *_section("Parameters", _params_doc(spec)),
        *_section("Raises", _raises()),
        *_section("Examples", [
            *_example(spec),
            f">>> stream = tc.indicators.{spec['class']}()",
            f">>> values = [stream.update({row}) for row in {rows}]",
            f">>> values[-1] == {last}",
            "True",
        ]),
    ])  # fmt: skip


_EXAMPLES = {
    "close": ("close", ""),
    "open": ("open", "open = close - 0.25"),
    "high": ("high", "high = close + 1.0"),
    "low": ("low", "low = close - 1.5"),
    "volume": ("volume", "volume = 10.0 + np.arange(200.0) % 7"),
    "ts": ("ts", "ts = 3_600_000_000_000 * np.arange(200)"),
    "x": ("close", ""),
    "y": ("other", "other = close + np.cos(np.arange(200.0))"),
}


def _example(spec: Spec) -> list[str]:
    lines = [">>> import numpy as np", ">>> close = 100 + 5 * np.sin(np.arange(200.0) / 9)"]
    return lines + [f">>> {line}" for one in spec["inputs"] if (line := _EXAMPLES[one][1])]
