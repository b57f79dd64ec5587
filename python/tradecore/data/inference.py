"""The specification of an instrument, from the numbers in its data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from tradecore._core import Instrument
from tradecore.data.arguments import id_of, paths_of
from tradecore.data.formats import open_reader
from tradecore.data.symbols import describe
from tradecore.errors import DataError, InstrumentError, InvalidValueError
from tradecore.types import ON_GRID_KINDS, InstrumentKind

__all__ = ["Inference", "fitted", "infer_instrument", "provisional"]

T = TypeVar("T")

_FINEST = Decimal("0.00000001")
_PIECE = 1 << 18
_OFF_GRID = re.compile(r"(\S+) is not a multiple of (\d+(?:\.\d+)?)")
_TOO_LARGE = re.compile(r"\"(\S+)\" is not (greater than zero|zero or more) and below 2\^60 steps")
_OUT_OF_RANGE = re.compile(r"(\w+): \"(\S+)\" is too large or has too many digits")
_LEVEL_TOO_LARGE = re.compile(r"\"(\S+) x (\S+)\" is not a positive price x a quantity .* both below 2\^60 steps")
_MOST_STEPS = 1 << 60


@dataclass(frozen=True, slots=True)
class Inference:
    """An instrument derived from data, and what was assumed on the way."""

    instrument: Instrument
    notes: tuple[str, ...]


def provisional(instrument: str, kind: InstrumentKind = InstrumentKind.LINEAR) -> Instrument:
    """Return a stand-in on a grid of 1e-8, to read data whose specification is not known."""
    return _stand_in(instrument, _FINEST, _FINEST, kind)


def _stand_in(
    instrument: str, price: Decimal, qty: Decimal, kind: InstrumentKind = InstrumentKind.LINEAR
) -> Instrument:
    return _build(instrument, {"kind": kind.value, "base": "BASE", "quote": "QUOTE"}, price, qty)


def fitted(instrument: str, read: Callable[[Instrument], T]) -> tuple[Instrument, T]:
    """Read data whose specification is not known, on a grid that takes every number of it.

    Parameters
    ----------
    instrument : str
        Its id.
    read : callable
        Reads the data with a stand-in, and is called anew with another one when a number lies off its grid.

    Returns
    -------
    tuple of Instrument and what ``read`` returned

    Raises
    ------
    DataError
        Of ``read``, when it is of something else, or when no grid takes both the largest number and the finest.
    """
    price, qty = _FINEST / 10, _FINEST
    tried: set[tuple[Decimal, Decimal]] = set()
    while True:
        tried.add((price, qty))
        try:
            return (spec := _stand_in(instrument, price, qty)), read(spec)
        except DataError as error:
            price, qty = _other_grid(error.problem, price, qty)
            if (price, qty) in tried:
                raise


def _other_grid(problem: str, price: Decimal, qty: Decimal) -> tuple[Decimal, Decimal]:
    """Return a grid that takes the number an error is about; the same one if it is about something else."""
    if found := _OFF_GRID.search(problem):
        number, step = Decimal(found[1]), Decimal(found[2])
        # The steps differ, so that theirs says which of both an error is about.
        if step == price:
            return (finer := _finer(price, number)) / (10 if finer == qty else 1), qty
        if step == qty:
            return price, (finer := _finer(qty, number)) / (10 if finer == price else 1)
    elif found := _TOO_LARGE.search(problem):
        is_price = found[2] == "greater than zero"
        price, qty = _fewer(price, qty, found[1] if is_price else "0", "0" if is_price else found[1])
    elif found := _LEVEL_TOO_LARGE.search(problem):
        price, qty = _fewer(price, qty, found[1], found[2])
    elif found := _OUT_OF_RANGE.search(problem):
        # Levels of captures do not say which of both it is; a quantity is the larger one as a rule.
        is_price = found[1] in ("price", "p") or Decimal(found[2]) / qty < _MOST_STEPS
        price, qty = _fewer(price, qty, found[2] if is_price else "0", "0" if is_price else found[2])
    return price, qty


def _fewer(price: Decimal, qty: Decimal, largest_price: str, largest_qty: str) -> tuple[Decimal, Decimal]:
    """Return the finest grid from one on, with steps that differ, of which two numbers have few enough steps."""
    price, qty = _coarser(price, Decimal(largest_price)), _coarser(qty, Decimal(largest_qty))
    return (price * 10 if price == qty else price), qty


def _finer(step: Decimal, number: Decimal) -> Decimal:
    """Return the largest power of ten that a number and a step are multiples of."""
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # it was read as a decimal number
    return min(step, Decimal(1).scaleb(exponent))


def _coarser(step: Decimal, number: Decimal) -> Decimal:
    """Return the finest step, from one on in powers of ten, of which a number has few enough."""
    while number > 0 and number / step >= _MOST_STEPS:
        step *= 10
    return step


def infer_instrument(
    form: str,
    instrument: str | Instrument,
    paths: str | Path | Sequence[str | Path],
    *,
    kind: InstrumentKind | str | None = None,
    contract_size: Decimal | str | int | None = None,
) -> Inference:
    """Derive an instrument's specification from its data and its symbol.

    The increments are the largest steps that all prices and quantities in the files are multiples of. Kind, currencies,
    contract size, expiry and strike are those of the symbol, by the grammar its venue documents; what it does not say
    has to be given. Fees are zero. The notes say so.

    Parameters
    ----------
    form : str
        The files' format.
    instrument : str or Instrument
        Its id.
    paths : path or sequence of path
    kind : InstrumentKind or str, optional
        Instead of what the symbol says.
    contract_size : number or str, optional
        Base units a contract stands for (quote units if inverse, settlement units a unit of price if quanto), instead
        of what the symbol says.

    Raises
    ------
    InstrumentError
        When the symbol does not say what is needed; it names the option that does.
    DataError
        When the files hold no price.
    """
    import numpy as np

    paths, instrument = paths_of(paths), id_of(instrument)
    terms, concluded = _terms(instrument, kind, contract_size)

    def steps_of(spec: Instrument) -> list[int]:
        steps = [0, 0]
        reader = open_reader(form, spec, paths)
        while (columns := reader.read(_PIECE)) is not None:
            on_grid = np.isin(columns["kind"], sorted(ON_GRID_KINDS))
            for index, name in enumerate(("price", "qty")):
                values = columns[name][on_grid]
                steps[index] = math.gcd(steps[index], int(np.gcd.reduce(values)) if len(values) else 0)
        return steps

    spec, steps = fitted(instrument, steps_of)
    if 0 in steps:
        raise DataError(str(paths[0]), 0, f"holds no prices of {instrument} to infer a specification from")
    units = spec.price_increment, spec.qty_increment
    # One of the two at a time, so that what does not fit is a number of that one.
    price = _refined(form, paths, units[0] * steps[0], units[0], lambda step: _build(instrument, terms, step, units[1]))
    qty = _refined(form, paths, units[1] * steps[1], units[1], lambda step: _build(instrument, terms, units[0], step))
    inferred = _build(instrument, terms, price, qty)
    notes = (
        f"price_increment {inferred.price_increment} and qty_increment {inferred.qty_increment}: "
        "largest steps that fit every number in the data",
        f"{inferred.kind}, {inferred.base}/{inferred.quote}, settled in {inferred.settlement}, contract size "
        f"{inferred.contract_size}: {concluded}",
        "fees: none",
    )
    return Inference(inferred, notes)


def _refined(
    form: str,
    paths: Sequence[str | Path],
    step: Decimal,
    unit: Decimal,
    instrument_with: Callable[[Decimal], Instrument],
) -> Decimal:
    """Make an increment fit what the decoder reads and drops too, such as depth that no snapshot goes with."""
    while True:
        try:
            reader = open_reader(form, instrument_with(step), paths)
            while reader.read(_PIECE) is not None:
                pass
            return step
        except DataError as error:
            found = _OFF_GRID.search(error.problem)
            finer = step if found is None else unit * math.gcd(int(step / unit), int(Decimal(found[1]) / unit))
            if finer == step:
                raise
            step = finer


def _terms(
    instrument: str, kind: InstrumentKind | str | None, contract_size: Decimal | str | int | None
) -> tuple[dict[str, Any], str]:
    """Return the fields of a specification that a symbol or its user tells, and how they are known."""
    symbol, _, venue = instrument.rpartition(".")
    told = describe(symbol, venue)
    if kind is not None and kind not in list(InstrumentKind):
        raise InvalidValueError("kind", f"{str(kind)!r} is not one of {', '.join(InstrumentKind)}")
    is_own = kind is None or kind == told.kind
    chosen = told.kind if kind is None else InstrumentKind(kind)
    what = f"{symbol} of {venue}: {told.says}"
    if chosen is None:
        problem = f"cannot be told from {what}; say it with --kind {'|'.join(InstrumentKind)} (kind= in Python)"
        raise InstrumentError(instrument, "kind", problem)
    by_hand = "; write a specification and give it with --specs FILE"
    if told.base is None or told.quote is None:
        raise InstrumentError(instrument, "base", f"currencies cannot be told from {what}{by_hand}")
    size = contract_size
    if size is None and is_own:
        size = told.contract_size
    if size is None and chosen in (InstrumentKind.SPOT, InstrumentKind.BINARY):
        size = 1
    if size is None:
        problem = f"cannot be told from {what}; say it with --contract-size SIZE (contract_size= in Python)"
        raise InstrumentError(instrument, "contract_size", problem)
    if not is_own and chosen in (InstrumentKind.QUANTO, InstrumentKind.OPTION, InstrumentKind.BINARY):
        raise InstrumentError(instrument, "kind", f"the terms of a {chosen} cannot be told from {what}{by_hand}")
    fields: dict[str, Any] = {
        "kind": chosen.value,
        "base": told.base,
        "quote": told.quote,
        "settlement": told.settlement if is_own else None,
        "contract_size": size,
        "expiry_ns": None if chosen is InstrumentKind.SPOT else told.expiry_ns,
        "strike": told.strike if is_own else None,
        "option_side": told.option_side if is_own else None,
    }
    given = [name for name, value in (("kind", kind), ("contract size", contract_size)) if value is not None]
    concluded = [*([f"{' and '.join(given)} as given"] if given else []), *([what] if is_own else [])]
    return {name: value for name, value in fields.items() if value is not None}, "; ".join(concluded)


def _build(instrument: str, terms: Mapping[str, Any], price: Decimal, qty: Decimal) -> Instrument:
    return Instrument(
        instrument,
        price_increment=str(price.normalize().__format__("f")),
        qty_increment=str(qty.normalize().__format__("f")),
        **terms,
    )
