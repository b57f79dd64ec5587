"""The specification of an instrument, from the numbers in its data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, TypeVar

from tradecore._core import Instrument
from tradecore.data.arguments import id_of, paths_of
from tradecore.data.formats import AS_RECORDED, ReadOptions, open_reader
from tradecore.data.symbols import describe
from tradecore.errors import DataError, GridError, InstrumentError, InvalidValueError
from tradecore.types import ON_GRID_KINDS, EventKind, InstrumentKind

__all__ = ["Inference", "fitted", "infer_instrument", "telling_increments"]

T = TypeVar("T")

_FINEST = Decimal("0.00000001")
_PIECE = 1 << 18
_MOST_STEPS = 1 << 60
_MOST_PLACES = 18
_EXACT = Context(prec=100)
_ENOUGH = 10
"""Different numbers whose common step is hardly ever coarser than that of all others."""


@dataclass(frozen=True, slots=True)
class Inference:
    """An instrument derived from data, and what was assumed on the way."""

    instrument: Instrument
    notes: tuple[str, ...]


def _stand_in(instrument: str, price: Decimal, qty: Decimal) -> Instrument:
    return _build(instrument, {"kind": "linear", "base": "BASE", "quote": "QUOTE"}, price, qty)


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
    grid = (_FINEST / 10, _FINEST)
    tried: set[tuple[Decimal, Decimal]] = set()
    known: tuple[list[Decimal], list[Decimal]] = ([], [])
    while True:
        tried.add(grid)
        try:
            return (spec := _stand_in(instrument, *grid)), read(spec)
        except GridError as error:
            # The steps differ, so that theirs says which of both an error is about.
            which = 0 if Decimal(error.step) == grid[0] else 1
            number, numbers = Decimal(error.value), known[which]
            numbers.append(number)
            if _EXACT.remainder(number, grid[which]):
                found = _finer(grid[which], number)
                grid = _with(grid, which, found, found / 10)
            else:
                found = _coarser(grid[which], number)
                grid = _with(grid, which, found, found * 10)
            if grid in tried:
                grid = _with(grid, which, _common(numbers), _common(numbers) / 10)
            if grid in tried or not _is_grid(instrument, grid) or _places(grid[which]) > _MOST_PLACES:
                problem = error.problem
                if (places := _places(number)) > _MOST_PLACES:
                    field = problem.partition(": ")[0]
                    problem = f"{field}: {error.value} has {places} decimals, at most {_MOST_PLACES} are counted"
                elif len(numbers) > 1:
                    both = f"{min(numbers):f} and {max(numbers):f}"
                    problem += (
                        f"; no increment holds both {both} in less than 2^60 steps. Leave out the rows of one of them"
                    )
                raise GridError(error.source, error.line, problem, error.value, error.step) from None


def _with(grid: tuple[Decimal, Decimal], which: int, step: Decimal, other: Decimal) -> tuple[Decimal, Decimal]:
    """Return a grid with another step of one of both, the second if the first is that of the other already."""
    step = other if step == grid[1 - which] else step
    return (step, grid[1]) if which == 0 else (grid[0], step)


def _is_grid(instrument: str, grid: tuple[Decimal, Decimal]) -> bool:
    """Whether there is an instrument of such steps: one of 20 digits is too large."""
    try:
        _stand_in(instrument, *grid)
    except InstrumentError:
        return False
    return True


def _places(step: Decimal) -> int:
    return -int(step.normalize().as_tuple().exponent)


def _common(numbers: Sequence[Decimal]) -> Decimal:
    """Return the largest step that numbers are multiples of."""
    places = max(0, *map(_places, numbers))
    units = math.gcd(*(int(_EXACT.scaleb(number, places)) for number in numbers))
    return _EXACT.scaleb(Decimal(units), -places)


def _round(step: Decimal, unit: Decimal) -> Decimal:
    """Return the largest step that a venue could have and that another is a multiple of, if it is one of a unit.

    That is one, two, or a fraction of halves (0.5, 0.25, 0.125) times a power of ten: what a few numbers have in
    common is more, as the 0.0004 of 1 and 0.0004.
    """
    places = _places(step)
    digits = int(_EXACT.scaleb(step, places))
    # Ten is no factor of them.
    halves = 1
    while digits % (halves * 5) == 0:
        halves *= 5
    found = _EXACT.scaleb(Decimal(2 if digits % 2 == 0 else halves), -places)
    return step if _EXACT.remainder(found, unit) else found


def _finer(step: Decimal, number: Decimal) -> Decimal:
    """Return the largest power of ten that a number and a step are multiples of."""
    return min(step, Decimal(1).scaleb(-_places(number)))


def _coarser(step: Decimal, number: Decimal) -> Decimal:
    """Return the finest step, from one on in powers of ten, of which a number has few enough."""
    while number / step >= _MOST_STEPS:
        step *= 10
    return step


@contextmanager
def telling_increments(
    form: str, instrument: Instrument, paths: Sequence[str | Path], options: ReadOptions = AS_RECORDED
) -> Iterator[None]:
    """Name the increments that hold every number of some files, where those of an instrument do not."""
    try:
        yield
    except GridError as error:
        raise _cured(error, form, instrument, paths, options) from None


def _cured(
    error: GridError, form: str, instrument: Instrument, paths: Sequence[str | Path], options: ReadOptions
) -> GridError:
    try:
        found = _increments(form, instrument.id, paths, options)
    except DataError:
        return error  # there is more that is wrong with them
    if found is None:
        return error
    fields = []
    for name, own, fits, order, every in (
        ("price", instrument.price_increment, found[0], "tick_size", instrument.tick_size),
        ("qty", instrument.qty_increment, found[1], "lot_size", instrument.lot_size),
    ):
        if fits % own:
            fields += [f'{name}_increment = "{_finer(_finer(own, own), fits):f}"', f'{order} = "{every:f}"']
        elif own == Decimal(error.step) and Decimal(error.value) % own == 0:
            fields.append(f'{name}_increment = "{fits.normalize():f}"')
    if not fields:
        return error
    cure = (
        f"{error.problem}. Every number in the data fits on {', '.join(fields)} in the specification (--specs FILE), "
        "where tick_size and lot_size are what orders keep to; --infer finds increments, too"
    )
    return GridError(error.source, error.line, cure, error.value, error.step)


def infer_instrument(
    form: str,
    instrument: str | Instrument,
    paths: str | Path | Sequence[str | Path],
    *,
    kind: InstrumentKind | str | None = None,
    contract_size: Decimal | str | int | None = None,
    options: ReadOptions = AS_RECORDED,
) -> Inference:
    """Derive an instrument's specification from its data and its symbol.

    The increments are the largest steps that all prices and quantities in the files are multiples of, among those that
    a venue could have: one, two, or a fraction of halves (0.5, 0.25), times a power of ten. Kind, currencies, contract
    size, expiry and strike are those of the symbol, by the grammar its venue documents; what it does not say has to be
    given. Fees are zero. The notes say so.

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
    options : ReadOptions
        How the files are read.

    Raises
    ------
    InstrumentError
        When the symbol does not say what is needed; it names the option that does.
    DataError
        When the files hold no price.
    """
    paths, instrument = paths_of(paths), id_of(instrument)
    terms, concluded = _terms(instrument, kind, contract_size)
    increments = _increments(form, instrument, paths, options)
    if increments is None:
        raise DataError(str(paths[0]), 0, f"holds no prices of {instrument} to infer a specification from")
    *steps, prices, quantities = increments
    inferred = _build(instrument, terms, *steps)
    few = [f"{n} different {what}" for n, what in ((prices, "prices"), (quantities, "quantities")) if n < _ENOUGH]
    doubt = f"; of {' and '.join(few)} alone, so that the venue's own may be finer" if few else ""
    notes = (
        f"price_increment {inferred.price_increment} and qty_increment {inferred.qty_increment}: "
        f"largest round steps that fit every number in the data{doubt}",
        f"{inferred.kind}, {inferred.base}/{inferred.quote}, settled in {inferred.settlement}, contract size "
        f"{inferred.contract_size}: {concluded}",
        "fees: none",
    )
    return Inference(inferred, notes)


def _increments(
    form: str, instrument: str, paths: Sequence[str | Path], options: ReadOptions
) -> tuple[Decimal, Decimal, int, int] | None:
    """Return the largest steps of a venue's kind that take all prices and quantities in files; None without a price.

    And how many of either differ, up to what is enough.
    """
    import numpy as np

    differing: list[set[int]] = [set(), set()]

    # The begin of a bar that is over counts trades; its volume stands at its end.
    kinds = {"price": sorted(ON_GRID_KINDS), "qty": sorted(ON_GRID_KINDS - {EventKind.BAR_OPEN})}

    def steps_of(spec: Instrument) -> list[int]:
        steps = [0, 0]
        for each in differing:
            each.clear()
        reader = open_reader(form, spec, paths, options=options)
        while (columns := reader.read(_PIECE)) is not None:
            for index, (name, of) in enumerate(kinds.items()):
                values = columns[name][np.isin(columns["kind"], of)]
                steps[index] = math.gcd(steps[index], int(np.gcd.reduce(values)) if len(values) else 0)
                if len(differing[index]) < _ENOUGH:
                    differing[index].update(np.unique(values[values > 0])[:_ENOUGH].tolist())
        return steps

    spec, steps = fitted(instrument, steps_of)
    if 0 in steps:
        return None
    units = spec.price_increment, spec.qty_increment
    common = [_round(unit * step, unit) for unit, step in zip(units, steps, strict=True)]
    # One of the two at a time, so that what does not fit is a number of that one.
    price = _refined(form, paths, options, common[0], units[0], lambda step: _stand_in(instrument, step, units[1]))
    qty = _refined(form, paths, options, common[1], units[1], lambda step: _stand_in(instrument, units[0], step))
    return price, qty, len(differing[0]), len(differing[1])


def _refined(
    form: str,
    paths: Sequence[str | Path],
    options: ReadOptions,
    step: Decimal,
    unit: Decimal,
    instrument_with: Callable[[Decimal], Instrument],
) -> Decimal:
    """Make an increment fit what the decoder reads and drops too, such as depth that no snapshot goes with."""
    while True:
        try:
            reader = open_reader(form, instrument_with(step), paths, options=options)
            while reader.read(_PIECE) is not None:
                pass
            return step
        except GridError as error:
            finer = _round(unit * math.gcd(int(step / unit), int(Decimal(error.value) / unit)), unit)
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
