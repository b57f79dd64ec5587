"""Everything tradecore raises, rooted in one class, with typed fields.

Each error takes its fields as positional arguments, keeps them as attributes and pickles.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

from tradecore.hints import did_you_mean_instrument

__all__ = [
    "CatalogError",
    "ConfigError",
    "ContextError",
    "CredentialsError",
    "DataError",
    "FeatureError",
    "GridError",
    "HookError",
    "InstrumentError",
    "InvalidValueError",
    "JournalError",
    "JournalFullError",
    "ModelError",
    "ModelWarning",
    "NoAnswerError",
    "OffGridError",
    "OrderError",
    "OverlapError",
    "RequestError",
    "RunError",
    "RunInterrupted",
    "StoreError",
    "StrategyError",
    "StrategyWarning",
    "TradecoreError",
    "UnknownInstrumentError",
    "UnsupportedOrderError",
    "VenueError",
    "VenueModelError",
]

_FRAME = re.compile(r'^  File "(.+)", line (\d+).*\n(?:    .*\n|  \[.*\n)*', re.MULTILINE)
"""A frame in a traceback: file, line, and the lines of source below it."""

_NOT_OWN = ("<frozen ", *(os.path.dirname(file) + os.sep for file in (__file__, str(importlib.__file__))))
"""Where the files of frames lie that tell the author of a strategy nothing."""


class TradecoreError(Exception):
    """Root of all errors raised by tradecore."""


class InstrumentError(TradecoreError, ValueError):
    """An instrument's specification does not hold together.

    Attributes
    ----------
    instrument : str
        Identity as given.
    field : str
        The offending field.
    problem : str
        What is wrong with it.
    """

    def __init__(self, instrument: str, field: str, problem: str) -> None:
        super().__init__(instrument, field, problem)
        self.instrument = instrument
        self.field = field
        self.problem = problem

    def __str__(self) -> str:
        return f"instrument {self.instrument}: {self.field}: {self.problem}"


class UnknownInstrumentError(TradecoreError, KeyError):
    """No specification is known for an instrument.

    Attributes
    ----------
    instrument : str
        The instrument asked for.
    known : tuple of str
        What is known instead, as far as it helps.
    """

    def __init__(self, instrument: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(instrument, known)
        self.instrument = instrument
        self.known = known

    def __str__(self) -> str:
        known = f"; known here: {', '.join(self.known)}" if self.known else ""
        return f"unknown instrument {self.instrument}{known}{did_you_mean_instrument(self.instrument, self.known)}"


class InvalidValueError(TradecoreError, ValueError):
    """A price, quantity, time or name that cannot be one.

    Attributes
    ----------
    field : str
        What the value was meant to be.
    problem : str
        What is wrong with it.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(field, problem)
        self.field = field
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


class OffGridError(InvalidValueError):
    """A price or quantity lies between two steps of its instrument.

    Attributes
    ----------
    field : str
        Which one, as it is named where it is given: ``price``, ``qty``, ``trigger_price`` ...
    value : str
        The value.
    step : str
        What it should be a multiple of.
    instrument : str
        The instrument.
    nearest : tuple of str
        The multiples below and above it.
    since_ns : int or None
        Since when it should be that, ns UTC; None if it always should.
    """

    def __init__(self, field: str, value: str, step: str, instrument: str, since_ns: int | None = None) -> None:
        TradecoreError.__init__(self, field, value, step, instrument, since_ns)
        self.field = field
        self.value = value
        self.step = step
        self.instrument = instrument
        self.nearest = _neighbours(value, step)
        self.since_ns = since_ns
        self.problem = f"{value} is not a multiple of {step}"
        if since_ns is not None:
            since = datetime.fromtimestamp(since_ns // 1_000_000_000, UTC)
            self.problem += f", the step since {since:%Y-%m-%dT%H:%M:%SZ}"
        if self.nearest:
            self.problem += f"; {' and '.join(self.nearest)} are"
        self.problem += _ROUNDED_BY.get(field, "")

    def __str__(self) -> str:
        return f"{self.instrument}: {self.field} {self.problem}" if self.instrument else super().__str__()


_ROUNDED_BY = {
    "price": ": book.round_bid(price), book.round_ask(price)",
    "qty": ": book.round_qty(qty)",
}
"""What brings a value of an order onto its grid, by field."""


def _neighbours(value: str, step: str) -> tuple[str, ...]:
    """Return the multiples of a step around a value; nothing where either is no number."""
    try:
        size = Decimal(step)
        below = (Decimal(value) / size).to_integral_value(ROUND_FLOOR) * size
        return f"{below:f}", f"{below + size:f}"
    except (InvalidOperation, ZeroDivisionError):
        return ()


class JournalError(TradecoreError):
    """A journal that cannot be written, is damaged, or is not one.

    Attributes
    ----------
    place : str
        Its folder, or the segment and the byte.
    problem : str
        What is wrong with it.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(place, problem)
        self.place = place
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


class JournalFullError(JournalError):
    """The disk has no room for another segment of a journal; what is reserved in the last one is for cancels."""


class StoreError(TradecoreError):
    """A database of sessions that cannot be reached, read or written.

    Attributes
    ----------
    place : str
        Its URL, without the password.
    problem : str
        What is wrong.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(place, problem)
        self.place = place
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


class HookError(InvalidValueError):
    """A strategy's class has a hook that could never run.

    Attributes
    ----------
    strategy : str
        Name of the class.
    hook : str
        Name of the method or attribute.
    problem : str
        What is wrong with it.
    """

    def __init__(self, strategy: str, hook: str, problem: str) -> None:
        TradecoreError.__init__(self, strategy, hook, problem)
        self.strategy = strategy
        self.hook = self.field = hook
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.strategy}.{self.hook}: {self.problem}"


class OrderError(TradecoreError, ValueError):
    """An order request that contradicts itself, names no order there is, or is worth more than can be counted."""


class UnsupportedOrderError(OrderError):
    """A venue takes no order of that kind, or with that term.

    Attributes
    ----------
    instrument : str
        The instrument.
    field : str
        The term, such as ``type``, ``time_in_force``, ``post_only``, ``trigger``, ``display_qty``, ``reduce_only`` or
        ``replace``.
    value : str
        What it is.
    takes : str
        What the venue takes in its place.
    """

    def __init__(self, instrument: str, field: str, value: str, takes: str) -> None:
        super().__init__(instrument, field, value, takes)
        self.instrument = instrument
        self.field = field
        self.value = value
        self.takes = takes

    def __str__(self) -> str:
        return f"{self.instrument}: {self.field} {self.value} is unsupported: the venue takes {self.takes}"


class ContextError(TradecoreError, RuntimeError):
    """A context, book, position, trade or quote was used outside the hook it was valid in, or in another thread.

    Attributes
    ----------
    what : str
        What was used.
    """

    def __init__(self, what: str = "a context") -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        keep = "" if self.what == "a context" else "; its copy() keeps the values"
        return f"{self.what} is valid only inside the hook that was given it{keep}"


class DataError(TradecoreError, ValueError):
    """Input data that cannot be used, with its place.

    Attributes
    ----------
    source : str
        File or stream.
    line : int
        Line or row, from 1; 0 when the problem has no line.
    problem : str
        What is wrong there.
    """

    def __init__(self, source: str, line: int, problem: str) -> None:
        super().__init__(source, line, problem)
        self.source = source
        self.line = line
        self.problem = problem

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        return f"{place}: {self.problem}"


class GridError(DataError):
    """A number in data that its instrument's increments cannot count: between two steps, or too many of them.

    Attributes
    ----------
    source : str
        File or stream.
    line : int
        Line or row, from 1.
    problem : str
        What is wrong there, and what would hold the number, as far as it is known.
    value : str
        The number.
    step : str
        The increment.
    """

    def __init__(self, source: str, line: int, problem: str, value: str, step: str) -> None:
        TradecoreError.__init__(self, source, line, problem, value, step)
        self.source = source
        self.line = line
        self.problem = problem
        self.value = value
        self.step = step


class CatalogError(TradecoreError):
    """A catalog that does not hold what is asked of it.

    Attributes
    ----------
    path : str
        The catalog, or the file in it.
    problem : str
        What is wrong.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class OverlapError(CatalogError):
    """Events are to be written of a time of which the catalog already holds some, and nothing is to be replaced."""


class ConfigError(TradecoreError, ValueError):
    """A configuration that cannot be used.

    Attributes
    ----------
    source : str
        File the configuration came from, or what it is called.
    key : str
        Dotted path of the key; empty when it concerns the file as a whole.
    problem : str
        What is wrong, with the value.
    """

    def __init__(self, source: str, key: str, problem: str) -> None:
        super().__init__(source, key, problem)
        self.source = source
        self.key = key
        self.problem = problem

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.source}: {key}{self.problem}"


class ModelError(TradecoreError):
    """A model that cannot be trained, saved, loaded or asked.

    Attributes
    ----------
    model : str
        The file, or what the model is called.
    problem : str
        What is wrong, and what was expected.
    untrusted : tuple of str
        Types in the file that nobody said to be trusted, by their full names; empty for every other problem.
    """

    def __init__(self, model: str, problem: str, untrusted: tuple[str, ...] = ()) -> None:
        super().__init__(model, problem, untrusted)
        self.model = model
        self.problem = problem
        self.untrusted = untrusted

    def __str__(self) -> str:
        return f"{self.model}: {self.problem}"


def _message(traceback: str) -> str:
    """Return the exception of a traceback on one line, with the file and line that raised it."""
    last = traceback.rpartition("Traceback (most recent call last):\n")[2]
    message = " ".join(_FRAME.sub("", last).split())
    frames = _FRAME.findall(last)
    return f"{message} ({frames[-1][0]}:{frames[-1][1]})" if frames else message


def _own_frames(traceback: str) -> str:
    """Return a traceback without the frames of tradecore itself."""
    return _FRAME.sub(lambda frame: "" if frame[1].startswith(_NOT_OWN) else frame[0], traceback)


class _OwnCode:
    """Code of one's own failed, and with it a run."""

    traceback: str
    result: Any = None

    @property
    def own_traceback(self) -> str:
        """The traceback without the frames of tradecore itself."""
        return _own_frames(self.traceback)

    @property
    def problem(self) -> str:
        """The exception on one line, with the file and line that raised it, or what was returned."""
        return _message(self.own_traceback)


class StrategyError(_OwnCode, TradecoreError):
    """A strategy failed.

    Attributes
    ----------
    strategy : str
        Its name.
    traceback : str
        Where it failed.
    result : Result or None
        What the run had done by then, and after it if other strategies went on; None outside of a run.
    """

    @classmethod
    def first_of(cls, failures: Mapping[str, str]) -> StrategyError:
        """Return that of the first of some strategies that failed, by their names the tracebacks."""
        return cls(*next(iter(failures.items())))

    def __init__(self, strategy: str, traceback: str) -> None:
        super().__init__(strategy, traceback)
        self.strategy = strategy
        self.traceback = traceback

    def __str__(self) -> str:
        return f"strategy {self.strategy} failed: {self.problem}"


class VenueModelError(_OwnCode, TradecoreError):
    """A latency, queue or fee model of one's own failed, and with it the run.

    Attributes
    ----------
    model : str
        Its class and parameters.
    method : str
        What was asked of it.
    traceback : str
        Where it failed, or what it returned and what was expected.
    result : Result or None
        What the run had done by then.
    """

    def __init__(self, model: str, method: str, traceback: str) -> None:
        super().__init__(model, method, traceback)
        self.model = model
        self.method = method
        self.traceback = traceback

    def __str__(self) -> str:
        return f"{self.model}.{self.method}: {self.problem}"


class FeatureError(TradecoreError):
    """A feature of one's own failed.

    Attributes
    ----------
    feature : str
        Its name in the set.
    traceback : str
        Where it failed.
    """

    def __init__(self, feature: str, traceback: str) -> None:
        super().__init__(feature, traceback)
        self.feature = feature
        self.traceback = traceback

    def __str__(self) -> str:
        return f"feature {self.feature}: {_message(self.traceback)}"


class CredentialsError(TradecoreError):
    """Keys of a venue that cannot be used, or must not be. No part of a secret is in it.

    Attributes
    ----------
    venue : str
        The venue.
    problem : str
        What is wrong with them.
    """

    def __init__(self, venue: str, problem: str) -> None:
        super().__init__(venue, problem)
        self.venue = venue
        self.problem = problem

    def __str__(self) -> str:
        return f"keys of {self.venue}: {self.problem}"


class VenueError(TradecoreError):
    """A venue refused a request, or its answer makes no sense.

    Attributes
    ----------
    venue : str
        The venue.
    request : str
        What was asked, such as ``POST /api/v3/order``.
    code : str
        The venue's code, or the status of HTTP; empty where the answer makes no sense.
    problem : str
        What the venue said.
    """

    def __init__(self, venue: str, request: str, code: str, problem: str) -> None:
        super().__init__(venue, request, code, problem)
        self.venue = venue
        self.request = request
        self.code = code
        self.problem = problem

    def __str__(self) -> str:
        code = f" ({self.code})" if self.code else ""
        return f"{self.venue}: {self.request}: {self.problem}{code}"


class NoAnswerError(TradecoreError):
    """No answer came from a venue: whether the request was carried out is not known.

    Attributes
    ----------
    venue : str
        The venue.
    request : str
        What was asked.
    problem : str
        What came instead.
    """

    def __init__(self, venue: str, request: str, problem: str) -> None:
        super().__init__(venue, request, problem)
        self.venue = venue
        self.request = request
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.venue}: {self.request}: no answer: {self.problem}"


class RequestError(TradecoreError):
    """The server of a session did not do what it was asked.

    Attributes
    ----------
    status : int
        Of HTTP, or the code by which a stream was closed; 0 where no answer came.
    code : str
        For programs, such as ``unknown_symbol``.
    problem : str
        For people.
    """

    def __init__(self, status: int, code: str, problem: str) -> None:
        super().__init__(status, code, problem)
        self.status = status
        self.code = code
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.code} ({self.status}): {self.problem}" if self.status else f"{self.code}: {self.problem}"


class RunError(TradecoreError):
    """A run could not go on."""


class StrategyWarning(RuntimeWarning):
    """One of several strategies failed, and the others went on."""


class ModelWarning(UserWarning):
    """A model is taken that may not do what it did where it was trained, or that could do harm."""


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C ended a run.

    Attributes
    ----------
    result : Result
        What was done so far.
    """

    def __init__(self, result: Any) -> None:
        super().__init__("the run was interrupted; what was done so far is in .result")
        self.result = result

    def __reduce__(self) -> tuple[type[RunInterrupted], tuple[Any]]:
        return type(self), (self.result,)
