"""What a profit is made of, to the last digit: spread, adverse selection, inventory, fees, funding and interest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from tradecore._core import Instrument, profit_parts
from tradecore.backtest.closings import CLOSING_FEES, with_closings
from tradecore.backtest.stats import EXACT, net_of
from tradecore.backtest.tables import MONEY_SCALE, TableStore
from tradecore.errors import InvalidValueError

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from tradecore.backtest.markouts import Mids

__all__ = ["PARTS", "attribute", "keys_of"]

PARTS = ("spread", "adverse_selection", "inventory", "fees", "funding", "interest")
"""What a profit is split into; they add up to it."""
_KEYS = ("strategy", "instrument", "hour", "side")
_HOUR = 3_600_000_000_000
_SIDES = ("buy", "sell")

_Group = tuple[str, str, int, str]
"""Strategy, instrument, hour (since 1970) and side of the fills; 0 and empty where they are not told apart."""
_Add = Callable[[_Group, str, Decimal], None]


def keys_of(by: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return what a profit is told apart by.

    Raises
    ------
    InvalidValueError
        For what is none of ``strategy, instrument, hour, side``, or there twice.
    """
    keys = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    for number, key in enumerate(keys):
        if key not in _KEYS:
            raise InvalidValueError("by", f"expected some of {', '.join(_KEYS)}, got {key!r}")
        if key in keys[:number]:
            raise InvalidValueError("by", f"{key!r} is there twice")
    return keys


def attribute(
    tables: TableStore,
    positions: Iterable[Mapping[str, Any]],
    instruments: Sequence[Instrument],
    mids: Mids,
    marks: Mapping[str, float | None],
    end: int | None,
    *,
    keys: Sequence[str],
    horizon_ns: int,
) -> pl.DataFrame:
    """Split the profit of a run; see :meth:`Result.attribution <tradecore.Result.attribution>`."""
    import polars as pl

    by_hour, by_side = "hour" in keys, "side" in keys
    only = ["ts_event", "instrument", "strategy", "side", "price", "qty", "liquidity"]
    money = ["fee"] if by_hour or by_side else []
    fills = with_closings(tables.table("fills", [*only, *money]), tables)
    parts: dict[_Group, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(PARTS, Decimal(0)))

    def add(group: _Group, part: str, amount: Decimal) -> None:
        parts[group][part] = EXACT.add(parts[group][part], amount)

    known = {instrument.id: instrument for instrument in instruments}
    for (name,), piece in fills.partition_by("instrument", as_dict=True, maintain_order=True).items():
        of, mark = known[str(name)], marks.get(str(name))
        _split(add, of, piece, mids, mark, int(end or 0), horizon_ns, by_hour=by_hour, by_side=by_side)
    _add_payments(add, tables, by_hour=by_hour, by_side=by_side)
    _close(add, parts, positions, has_fees=bool(money))
    totals: dict[tuple[Any, ...], dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(PARTS, Decimal(0)))
    for group, split in sorted(parts.items()):
        told: dict[str, Any] = dict(zip(_KEYS, group, strict=True))
        key = (*(told[name] for name in keys), known[told["instrument"]].settlement)
        totals[key] = {part: EXACT.add(totals[key][part], split[part]) for part in PARTS}
    kinds = {"strategy": pl.String, "instrument": pl.String, "hour": pl.Int64, "side": pl.String}
    schema: dict[str, Any] = {
        **{name: kinds[name] for name in keys},
        "currency": pl.String,
        **dict.fromkeys((*PARTS, "net_pnl"), pl.Decimal(38, MONEY_SCALE)),
    }
    rows = []
    for key, split in sorted(totals.items()):
        net = Decimal(0)
        for part in PARTS:
            net = EXACT.add(net, split[part])
        rows.append((*key, *split.values(), net))
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    if by_hour:
        frame = frame.with_columns((pl.col("hour") * _HOUR).cast(pl.Datetime("ns", "UTC")))
    return frame


def _split(
    add: _Add,
    instrument: Instrument,
    fills: pl.DataFrame,
    mids: Mids,
    mark: float | None,
    end: int,
    horizon_ns: int,
    *,
    by_hour: bool,
    by_side: bool,
) -> None:
    """Add the spread, adverse selection, inventory and fees of an instrument's fills."""
    import polars as pl

    name = instrument.id
    strategies = fills["strategy"].unique(maintain_order=True).to_list()
    times = fills["ts_event"].to_numpy()
    buys = (fills["side"] == "buy").to_numpy()
    rested = (fills["liquidity"] == "maker").fill_null(value=False).to_numpy()
    later = np.minimum(times + horizon_ns, end)
    # What the venue closed made nothing but inventory: its price is the mid.
    prices, closes = fills["price"].to_numpy(), fills["liquidity"].is_null().to_numpy()
    columns = {
        "sides": np.where(buys, 1, -1).astype(np.int8),
        "prices": prices,
        "quantities": fills["qty"].to_numpy(),
        "mids_at_fill": np.where(closes, prices, mids.at(name, times, rested)),
        "mids_later": np.where(closes, prices, mids.at(name, later)),
    }
    holder = fills["strategy"].replace_strict(strategies, range(len(strategies)), return_dtype=pl.Int64).to_numpy()
    if by_side:
        holder = holder * 2 + ~buys
    holders = [(strategy, side) for strategy in strategies for side in (_SIDES if by_side else ("",))]
    first = int(times.min()) // _HOUR if by_hour else 0
    hours = end // _HOUR - first + 1 if by_hour else 1

    def sums(
        hour: NDArray[np.int64], marks: NDArray[np.float64], of: Mapping[str, Any], who: NDArray[np.int64]
    ) -> Iterator[tuple[_Group, list[Decimal]]]:
        groups = (who * hours + hour).astype(np.uint32)
        made = profit_parts(instrument, groups, len(holders) * hours, **of, mids_at_end=marks)
        for group in np.unique(groups).tolist():
            strategy, side = holders[group // hours]
            yield (strategy, name, first + group % hours if by_hour else 0, side), made[group]

    none = np.zeros(len(times), np.int64)
    last = mids.at(name, np.array([end]))[0] if mark is None else mark
    if not by_hour:
        for group, (spread, adverse, held) in sums(none, np.full(len(times), last), columns, holder):
            add(group, "spread", spread)
            add(group, "adverse_selection", adverse)
            add(group, "inventory", held)
    else:
        ends = mids.at(name, np.minimum((first + 1 + np.arange(hours)) * _HOUR, end))
        ends[-1] = last
        hour, hour_later = times // _HOUR - first, later // _HOUR - first
        for group, (spread, adverse, _) in sums(hour, ends[hour], columns, holder):
            add(group, "spread", spread)
            add(group, "adverse_selection", adverse)
        # From its horizon on a fill is inventory, to the end of that hour, and then hour by hour.
        for group, (_, _, held) in sums(hour_later, ends[hour_later], columns, holder):
            add(group, "inventory", held)
        change = np.zeros((len(holders), hours + 1))
        np.add.at(change, (holder, hour_later + 1), columns["sides"] * columns["quantities"])
        carried = np.cumsum(change, axis=1)[:, :hours]
        who, when = np.nonzero(np.abs(carried) > float(instrument.qty_increment) / 2)
        lots = carried[who, when]
        at_begin = ends[when - 1]
        carries = {
            "sides": np.sign(lots).astype(np.int8),
            "prices": at_begin,
            "quantities": np.abs(lots),
            "mids_at_fill": at_begin,
            "mids_later": at_begin,
        }
        for group, (_, _, held) in sums(when, ends[when], carries, who):
            add(group, "inventory", held)
    if "fee" in fills.columns:
        side = fills["side"] if by_side else fills["side"].clear(len(fills)).fill_null("")
        paid = fills.with_columns(pl.col("fee").fill_null(0)).select(
            "strategy", side.alias("side"), hour=fills["ts_event"] // _HOUR * int(by_hour), fee="fee"
        )
        for strategy, of_side, when, fee in paid.group_by("strategy", "side", "hour").sum().rows():
            add((strategy, name, when, of_side), "fees", EXACT.minus(fee))


def _add_payments(add: _Add, tables: TableStore, *, by_hour: bool, by_side: bool) -> None:
    """Add what was received for positions, less what was paid; a long position is a buy's.

    Fees are added where those of fills are: else they are known of positions.
    """
    if "payments" not in tables:  # in a result that was saved before there were any
        return
    columns = ["ts_event", "instrument", "strategy", "why", "position_qty", "paid"]
    paid = tables.table("payments", columns).select(columns)
    for ts, instrument, strategy, why, qty, amount in paid.iter_rows():
        part = why if why in ("funding", "interest") else "fees" if why in CLOSING_FEES else None
        if part in ("funding", "interest") or (part and (by_hour or by_side)):
            side = _SIDES[qty < 0] if by_side else ""
            add((strategy, instrument, ts // _HOUR if by_hour else 0, side), part, EXACT.minus(amount))


def _close(
    add: _Add, parts: Mapping[_Group, Mapping[str, Decimal]], positions: Iterable[Mapping[str, Any]], *, has_fees: bool
) -> None:
    """Add what is known of positions alone, and what values of inverse contracts lost by being rounded one by one."""
    groups: dict[tuple[str, str], list[_Group]] = defaultdict(list)
    for group in parts:
        groups[group[:2]].append(group)
    for row in positions:
        holder = (row["strategy"], row["instrument"])
        own = sorted(groups[holder]) if holder in groups else [] if has_fees else [(*holder, 0, "")]
        if not own:
            continue
        if not has_fees:
            add(own[-1], "fees", EXACT.minus(row["fees"]))
        left = net_of(row)
        for group in own:
            for part in PARTS:
                left = EXACT.subtract(left, parts[group][part])
        add(own[-1], "inventory", left)
