"""Latency, queue and fee models of one's own: what a class has to have, and how a venue keeps it."""

from __future__ import annotations

import ast
import copy
import inspect
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, Protocol

from tradecore._core import ChargedFill, QueuePlace
from tradecore.errors import InvalidValueError
from tradecore.imports import is_named, made_of

__all__ = [
    "FEE_METHODS",
    "LEG_ARGUMENTS",
    "QUEUE_METHODS",
    "FeeModel",
    "LatencyModel",
    "QueueModel",
    "VenueModel",
    "kept_model",
]


class LatencyModel(Protocol):
    """A latency that a Python class works out, for :class:`Latency <tradecore.Latency>`.

    An object has :meth:`least` and the methods of the legs it is given for. A run uses copies of it, as it was when the
    ``Latency`` was made: one for each leg of each instrument, and where strategies are each alone with the market one
    for each of them. It is asked once for each command, report or message, in the order in which they are sent, so
    random numbers belong to the object (``self._random = random.Random(7)``), and a run is the same every time. Nothing
    overtakes what went the same way before it, whatever the model says.

    What raises, and what is no whole number of ns or less than the least, ends the run with a
    :class:`VenueModelError <tradecore.errors.VenueModelError>`.

    Examples
    --------
    ::

        class BusyHour:
            def least(self):
                return 2_000_000

            def entry(self, now_ns, instrument):
                return 9_000_000 if now_ns // 3_600_000_000_000 % 24 == 14 else 2_000_000

        tc.SimVenue("BINANCE", latency=tc.Latency(entry=BusyHour()))
    """

    def least(self) -> int:
        """Return the least that anything ever takes, ns: so far markets without own orders may run ahead."""

    def entry(self, now_ns: int, instrument: str) -> int:
        """Return what a command takes to the venue that is sent at ``now_ns``, ns."""

    def response(self, now_ns: int, instrument: str) -> int:
        """Return what a report takes back of what happens at the venue at ``now_ns``, ns."""

    def feed(self, now_ns: int, instrument: str) -> int:
        """Return what a message of the market takes that happens at the venue at ``now_ns``, ns."""


class QueueModel(Protocol):
    """How resting orders queue, as a Python class says, for :class:`SimVenue <tradecore.SimVenue>`.

    Every method returns what is ahead of the order from then on: a number from 0 on, in increments of quantity, as all
    quantities here are. A run uses copies of the object, as it was when the venue was made: one for each instrument,
    and where strategies are each alone with the market one for each of them. ``place.memory`` keeps what the model
    wants to remember of one order. A fill by a trade beyond the order's price, and one by what the other side displays
    there, are no matter of the queue.

    What raises, and what is no such number, ends the run with a
    :class:`VenueModelError <tradecore.errors.VenueModelError>`.

    Examples
    --------
    ::

        class Shared:
            def __init__(self, share=0.5):
                self.share = share

            def join(self, place):
                return place.ahead

            def trade(self, place, qty):
                return max(place.ahead - qty, 0)

            def change(self, place, prev, new):
                left = max(prev - new, 0)
                return min(max(place.ahead - self.share * left, 0), new)

        tc.SimVenue("BINANCE", queue=Shared(0.3))
    """

    def join(self, place: QueuePlace) -> float:
        """Return what is ahead of an order that joins its level; ``place.ahead`` is all that is displayed there."""

    def trade(self, place: QueuePlace, qty: int) -> float:
        """Return what is ahead after a trade of ``qty`` at the order's price; its change of the level is told as well.

        Once that is 0, what of the trade was more than had been ahead fills the order, in whole lots.
        """

    def change(self, place: QueuePlace, prev: int, new: int) -> float:
        """Return what is ahead after the level displays ``new``, which displayed ``prev``."""


class FeeModel(Protocol):
    """What fills cost, as a Python class says, for :class:`SimVenue <tradecore.SimVenue>`.

    It is asked once for each fill, in their order, and goes before ``maker_fee_bps``, tiers and the fees of options and
    outcomes; the coin and the token that fees are paid in stay what the venue says. A run uses copies of the object, as
    it was when the venue was made: one for each instrument, and where strategies are each alone with the market one for
    each of them.

    What raises, and what is no exact amount, ends the run with a
    :class:`VenueModelError <tradecore.errors.VenueModelError>`.

    Examples
    --------
    ::

        class Flat:
            def fee(self, fill):
                return Decimal("0.02") * fill.qty

        tc.SimVenue("DERIBIT", fees=Flat())
    """

    def fee(self, fill: ChargedFill) -> Decimal | int | str:
        """Return the fee of a fill in the settlement currency, negative for a rebate; an exact amount, no float."""


LEG_ARGUMENTS: Final = ("now_ns", "instrument")
"""What the method of a leg is called with."""

QUEUE_METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "join": ("place",),
    "trade": ("place", "qty"),
    "change": ("place", "prev", "new"),
}
"""The methods of a queue model, and what they are called with."""

FEE_METHODS: Final[Mapping[str, tuple[str, ...]]] = {"fee": ("fill",)}
"""The same of a fee model."""


class VenueModel:
    """A model of one's own as a venue keeps it, and as results and configurations name it.

    Attributes
    ----------
    text : str
        Its class and its parameters, such as ``mymodels:Shared(share=0.3)``.
    model : object
        A copy of the object as it was when the venue was made; None in a result that was saved and loaded again.
    """

    __slots__ = ("model", "text")

    def __init__(self, text: str, model: Any) -> None:
        self.text = text
        self.model = model

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VenueModel) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return self.text


def kept_model(field: str, given: Any, methods: Mapping[str, tuple[str, ...]], *, not_named: Iterable[str]) -> Any:
    """Return a model as a venue keeps it, if what is given is one; else what is given.

    Parameters
    ----------
    field : str
        The setting, for messages.
    given : object
        A model, the text of one to import, or what else the setting can be.
    methods : mapping
        The methods it has to have, and what they are called with.
    not_named : iterable of str
        How texts begin that name something else.

    Raises
    ------
    InvalidValueError
        For a text that names no model, an object without one of the methods or with a parameter that is not plain
        data, or one that cannot be copied.
    """
    if isinstance(given, VenueModel):
        return given
    if isinstance(given, str):
        if not is_named(given) or given.startswith(tuple(not_named)):
            return given
        model = made_of(field, given)
        _check_methods(field, given, model, methods)
        return VenueModel(given.strip(), model)
    if not any(callable(getattr(given, name, None)) for name in methods):
        return given
    kind = type(given)
    if isinstance(given, type):
        raise InvalidValueError(field, f"{given.__name__} is a class, expected an object of it: {given.__name__}()")
    name = f"{kind.__module__}:{kind.__qualname__}"
    _check_methods(field, name, given, methods)
    parameters = ", ".join(f"{key}={value!r}" for key, value in _parameters(field, name, given))
    try:
        return VenueModel(f"{name}({parameters})", copy.deepcopy(given))
    except Exception as error:
        raise InvalidValueError(field, f"{name} cannot be copied: {type(error).__name__}: {error}") from error


def _check_methods(field: str, name: str, model: Any, methods: Mapping[str, tuple[str, ...]]) -> None:
    for method, arguments in methods.items():
        own = getattr(model, method, None)
        asked = f"{method}(self{''.join(f', {argument}' for argument in arguments)})"
        # A protocol's own methods say nothing.
        inherited = {getattr(base, method, None) for base in (FeeModel, LatencyModel, QueueModel)} - {None}
        if not callable(own) or getattr(own, "__func__", own) in inherited:
            raise InvalidValueError(field, f"{name} has no method {asked}")
        try:
            signature = inspect.signature(own)
        except (TypeError, ValueError):
            continue  # Not written in Python: it does not say what it takes.
        try:
            signature.bind(*arguments)
        except TypeError:
            raise InvalidValueError(field, f"{name}.{method} takes {signature}: expected {asked}") from None


def _parameters(field: str, name: str, model: Any) -> list[tuple[str, Any]]:
    """Return the public attributes of a model, in order of their names."""
    slots = [slot for base in type(model).__mro__ for slot in getattr(base, "__slots__", ())]
    names = {*getattr(model, "__dict__", ()), *(slot for slot in slots if hasattr(model, slot))}
    parameters = [(key, getattr(model, key)) for key in sorted(names) if not key.startswith("_")]
    for key, value in parameters:
        if not _is_plain(value):
            problem = f"{key} is a {type(value).__qualname__}; parameters are plain data, and what is not begins with _"
            raise InvalidValueError(field, f"{name}: {problem}")
    return parameters


def _is_plain(value: Any) -> bool:
    """Whether a value is data that its text says in full: numbers, texts, and lists, tuples and dicts of them."""
    try:
        json.dumps(value, allow_nan=False)
        return bool(ast.literal_eval(repr(value)) == value)
    except (TypeError, ValueError, SyntaxError, RecursionError):
        return False
