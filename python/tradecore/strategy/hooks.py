"""The hooks of strategies, and why one could never run."""

from __future__ import annotations

import dis
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import partial
from types import MethodType
from typing import Any, Final
from weakref import WeakSet

from tradecore.errors import HookError
from tradecore.hints import did_you_mean

__all__ = ["HOOKS", "arguments_of", "check_hooks"]

HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    "on_start": ("ctx",),
    "on_book": ("ctx", "book"),
    "on_trade": ("ctx", "trade"),
    "on_quote": ("ctx", "quote"),
    "on_book_state": ("ctx", "book", "state"),
    "on_mark": ("ctx", "mark"),
    "on_index": ("ctx", "index"),
    "on_funding": ("ctx", "funding"),
    "on_open_interest": ("ctx", "open_interest"),
    "on_liquidation": ("ctx", "liquidation"),
    "on_bar": ("ctx", "bar"),
    "on_fill": ("ctx", "fill"),
    "on_order": ("ctx", "order"),
    "on_payment": ("ctx", "payment"),
    "on_execution": ("ctx", "execution"),
    "on_signal": ("ctx", "signal"),
    "on_signal_expired": ("ctx", "signal"),
    "on_timer": ("ctx", "timer"),
    "on_stop": ("ctx",),
}
"""Every hook, with what it is called with. A new hook is a row here and a documented method of :class:`Strategy`."""

_CAMEL: Final = re.compile(r"on([A-Z])")
"""How hooks begin elsewhere."""

_MAKES_VALUES: Final = ("BUILD_", "BINARY_OP", "COMPARE_OP", "IS_OP", "CONTAINS_OP", "UNARY_", "FORMAT_", "LIST_")
"""Instructions that leave a value that is not None."""

_NOTHING: Final = ("None", "Any", "Never", "NoReturn")
"""Return annotations that a hook may have."""

_CHECKED: WeakSet[type] = WeakSet()
"""Classes whose hooks have been found sound."""


def check_hooks(strategy: object) -> None:
    """Look at the hooks of a strategy's class, once for each class.

    Raises
    ------
    HookError
        For the first hook that could never run.
    """
    if type(strategy) in _CHECKED:
        return
    for name in dict.fromkeys(_reserved_names(type(strategy))):
        if problem := _problem(strategy, name):
            raise HookError(type(strategy).__name__, name, problem)
    _CHECKED.add(type(strategy))


def _reserved_names(cls: type) -> Iterator[str]:
    """Names that begin as hooks do, in the order of their definition, the class's own first."""
    for base in cls.__mro__:
        for name in (*vars(base), *inspect.get_annotations(base)):
            if name.startswith("on_") or _CAMEL.match(name):
                yield name


def _problem(strategy: object, name: str) -> str | None:
    """Return why a hook could never run, or None."""
    if name not in HOOKS:
        snake = _CAMEL.sub(lambda found: f"on_{found[1].lower()}", name)
        hint = did_you_mean(snake, HOOKS) or "."
        return f"is not a hook{hint} Only hooks may begin with on_: {', '.join(HOOKS)}"
    # On the class, where a property does not run.
    if not callable(found := getattr(type(strategy), name)):
        return f"expected a method, got {type(found).__name__}"
    hook = getattr(strategy, name)
    code = hook if inspect.isroutine(hook) or isinstance(hook, partial) else type(hook).__call__
    if inspect.iscoroutinefunction(code):
        return "an async def is never awaited: expected a plain function"
    if inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code):
        return "a generator is never run: expected a function without yield"
    told = inspect.get_annotations(_function(code)).get("return")
    if (said := told if isinstance(told, str) else getattr(told, "__name__", str(told))) not in _NOTHING:
        return f"says that it returns {said}: nobody looks at what a hook returns"
    if (line := _line_of_value(_function(code))) is not None:
        return f"returns a value in line {line}: nobody looks at what a hook returns; orders are sent with ctx"
    # A decorator's own signature counts, whatever the function behind it takes.
    function, first = (hook.__func__, (hook.__self__,)) if isinstance(hook, MethodType) else (hook, ())
    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return None  # Not written in Python: it does not say what it takes.
    arguments = ", ".join(HOOKS[name])
    try:
        signature.bind(*first, *HOOKS[name])
    except TypeError:
        return f"takes {arguments_of(signature)} and is called with ({arguments}): expected {name}(self, {arguments})"
    return None


def arguments_of(signature: inspect.Signature) -> str:
    """Return what a function takes, without types, on one line."""
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    return " ".join(str(inspect.Signature(bare)).split())


def _line_of_value(function: Any) -> int | None:
    """Return the line in which a function returns what can only be a value: a constant, a list, a comparison, a sum.

    What a name or a call gives is only known when the hook has run.
    """
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    before, line = None, code.co_firstlineno
    for step in dis.get_instructions(code):
        line = step.positions.lineno if step.positions and step.positions.lineno else line
        if step.opname == "RETURN_CONST":
            is_value = step.argval is not None
        elif step.opname == "RETURN_VALUE" and before is not None:
            is_const = before.opname.startswith(("LOAD_CONST", "LOAD_SMALL_INT"))
            is_value = (
                before.argval is not None
                if is_const
                else before.opname.startswith(_MAKES_VALUES) and before.argrepr != "[]"
            )
        else:
            is_value = False
        if is_value:
            return line
        if step.opname not in ("CACHE", "NOP", "RESUME"):
            before = step
    return None


def _function(code: Any) -> Any:
    """Return what carries the annotations of something that can be called."""
    while isinstance(code, partial):
        code = code.func
    return getattr(code, "__func__", code)
