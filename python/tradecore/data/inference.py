"""The specification of an instrument, from the numbers in its data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tradecore._core import Instrument
from tradecore.data.arguments import id_of, paths_of
from tradecore.data.formats import open_reader
from tradecore.errors import DataError
from tradecore.types import ON_GRID_KINDS, InstrumentKind

__all__ = ["Inference", "infer_instrument", "provisional"]

_FINEST = Decimal("0.00000001")
_PIECE = 1 << 18
_OFF_GRID = re.compile(r"(\S+) is not a multiple of ")


@dataclass(frozen=True, slots=True)
class Inference:
    """An instrument derived from data, and what was assumed on the way."""

    instrument: Instrument
    notes: tuple[str, ...]


def provisional(instrument: str, kind: InstrumentKind = InstrumentKind.LINEAR) -> Instrument:
    """Return a stand-in on a grid of 1e-8, to read data whose specification is not known."""
    return _build(instrument, kind, _FINEST, _FINEST)[0]


def infer_instrument(form: str, instrument: str | Instrument, paths: str | Path | Sequence[str | Path]) -> Inference:
    """Derive an instrument's specification from its data.

    The increments are the largest steps that all prices and quantities in the files are multiples of; currencies,
    contract kind and contract size are guessed from symbol and venue; fees are zero. The notes say so.
    """
    import numpy as np

    paths, instrument = paths_of(paths), id_of(instrument)
    reader = open_reader(form, provisional(instrument), paths)
    steps = [0, 0]
    while (columns := reader.read(_PIECE)) is not None:
        on_grid = np.isin(columns["kind"], sorted(ON_GRID_KINDS))
        for index, name in enumerate(("price", "qty")):
            values = columns[name][on_grid]
            steps[index] = math.gcd(steps[index], int(np.gcd.reduce(values)) if len(values) else 0)
    if 0 in steps:
        raise DataError(str(paths[0]), 0, f"holds no prices of {instrument} to infer a specification from")
    symbol, _, venue = instrument.rpartition(".")
    kind = _guess_kind(symbol, venue)
    # One of the two at a time, so that what does not fit is a number of that one.
    price = _refined(form, paths, _FINEST * steps[0], lambda step: _build(instrument, kind, step, _FINEST)[0])
    qty = _refined(form, paths, _FINEST * steps[1], lambda step: _build(instrument, kind, _FINEST, step)[0])
    inferred, notes = _build(instrument, kind, price, qty)
    notes = (
        f"price_increment {inferred.price_increment} and qty_increment {inferred.qty_increment}: "
        "largest steps that fit every number in the data",
        *notes,
        "fees: none",
    )
    return Inference(inferred, notes)


def _refined(
    form: str, paths: Sequence[str | Path], step: Decimal, instrument_with: Callable[[Decimal], Instrument]
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
            finer = step if found is None else _FINEST * math.gcd(int(step / _FINEST), int(Decimal(found[1]) / _FINEST))
            if finer == step:
                raise
            step = finer


def _guess_kind(symbol: str, venue: str) -> InstrumentKind:
    if venue == "BINANCE":
        return InstrumentKind.SPOT
    if venue == "BINANCE_COINM" or (venue == "BITMEX" and symbol == "XBTUSD"):
        return InstrumentKind.INVERSE
    return InstrumentKind.LINEAR


def _build(instrument: str, kind: InstrumentKind, price: Decimal, qty: Decimal) -> tuple[Instrument, tuple[str, ...]]:
    symbol, _, venue = instrument.rpartition(".")
    root = symbol.partition("_")[0].partition("-")[0].upper()
    quotes = ("USDT", "USDC", "FDUSD", "BUSD", "USD", "EUR", "BTC", "ETH", "BNB")
    end = next((q for q in quotes if root.endswith(q) and root != q), "USD")
    base = root.removesuffix(end) or root
    size = Decimal(1)
    if venue == "BINANCE_COINM":
        size = Decimal(100 if base == "BTC" else 10)
    built = Instrument(
        instrument,
        kind=kind.value,
        base=base,
        quote=end,
        price_increment=str(price.normalize().__format__("f")),
        qty_increment=str(qty.normalize().__format__("f")),
        contract_size=size,
    )
    notes = (f"{kind.value}, {base}/{end}, contract size {size}: guessed from symbol and venue",)
    return built, notes
