"""What a run is to say of itself, so that nothing that did not happen goes unnoticed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tradecore._core import format_duration_ns, venue_balances, venue_funding
from tradecore.backtest.stats import EXACT, MOST_OF_VOLUME, net_of, share_of
from tradecore.backtest.text import counted, plain, some, span_text
from tradecore.data.findings import other_unit
from tradecore.instruments import venue_of
from tradecore.types import EventKind, OrderType, RiskCheck

if TYPE_CHECKING:
    from tradecore._core import Instrument
    from tradecore.backtest.tables import TableStore
    from tradecore.bus import EventBus
    from tradecore.strategy import Strategy
    from tradecore.venue import SimVenue

__all__ = [
    "NEEDS",
    "Part",
    "moments_text",
    "note_on_subscribers",
    "notes_on",
    "notes_on_bars",
    "notes_on_funding",
    "notes_on_margin",
    "notes_on_marks",
    "notes_on_spot",
    "notes_on_trades",
    "notes_on_trips",
]


class Part(NamedTuple):
    """What a strategy was when its run began, whatever it makes of itself in it."""

    name: str
    instruments: tuple[str, ...]
    hooks: tuple[str, ...]

    @classmethod
    def of(cls, strategy: Strategy) -> Part:
        """Return what a strategy is now."""
        return cls(strategy.name, strategy.instruments, tuple(strategy._overridden()))


NEEDS: Final[Mapping[str, tuple[frozenset[EventKind], str]]] = {
    "on_book": (frozenset({EventKind.BOOK_SET, EventKind.QUOTE}), "book"),
    "on_book_state": (frozenset({EventKind.BOOK_SET, EventKind.QUOTE}), "book"),
    "on_trade": (frozenset({EventKind.TRADE}), "trades"),
    "on_quote": (frozenset({EventKind.QUOTE}), "quotes"),
    "on_mark": (frozenset({EventKind.MARK}), "mark prices"),
    "on_index": (frozenset({EventKind.INDEX}), "index prices"),
    "on_funding": (frozenset({EventKind.FUNDING}), "funding rates"),
    "on_open_interest": (frozenset({EventKind.OPEN_INTEREST}), "open interest"),
    "on_liquidation": (frozenset({EventKind.LIQUIDATION}), "liquidations"),
}
"""What the data has to hold for a hook to be called, and how it is called."""

_OTHERWISE: Final[Mapping[str, str]] = {
    "on_fill": "no order was filled",
    "on_order": "no order was sent",
    "on_payment": "no funding or interest was paid, and no position was settled or liquidated",
    "on_execution": "no execution has ended: start one with ctx.execute",
    "on_bar": 'no bar was completed: ask for them with ctx.subscribe(instrument, "bars:1m")',
    "on_signal": "no predictor answered in time: ask it with ctx.predict(instrument, features, lifetime=...)",
    "on_signal_expired": "no signal expired before the next one",
    "on_timer": "no timer without a callback went off",
}
"""Why a hook was not called that no data calls."""


def notes_on(summary: Mapping[str, Any], parts: Sequence[Part], kinds: Callable[[str], Collection[int]]) -> list[str]:
    """Return sentences on what never happened in a run, and why, and on what its figures leave out.

    Parameters
    ----------
    summary : mapping
        The run's, as the core leaves it.
    parts : sequence of Part
        The strategies, as they began.
    kinds : callable
        The kinds of events that the data of an instrument holds, by its id.
    """
    notes = []
    if summary["span_ns"] is None:
        notes.append("the data holds no events")
    if not summary["orders"]:
        notes.append("0 orders were sent")
    elif not summary["fills"]:
        notes.append("0 fills: no order was filled")
    for part in parts:
        notes.extend(_never_called(part, summary, kinds))
    if summary["fills"]:
        notes.extend(_without_fees(summary))
        notes.extend(_large_shares(summary))
    if summary["span_ns"] and (told := other_unit(summary["span_ns"][0])):
        notes.append(f"the data begins at {told}")
    for name, wrong in summary["wrong_stamps"].items():
        notes.append(
            f"{name}: {counted(wrong['messages'], 'message')} stamped by the venue more than 10ms after receipt, by "
            f"{format_duration_ns(wrong['worst_ns'])} at {wrong['worst_ts_recv']} ns at worst: "
            "such stamps were set aside"
        )
    for name, done in summary["uncrossed"].items():
        notes.append(
            f"{name}: its book stayed locked or crossed {counted(done['times'], 'time')}, first from "
            f"{done['first_ts_recv']} ns on: {counted(done['levels'], 'older level')} dropped (uncross)"
        )
    for name, told in summary["gaps"].items():
        notes.append(f"{name}: its book was unknown {moments_text(told)}: the data has gaps")
    notes.extend(_unconverted(summary["reported"]))
    by_quotes = [name for name, basis in summary["fill_basis"].items() if basis == "l1"]
    if by_quotes and summary["span_ns"] is not None:
        why = "" if any(EventKind.BOOK_SET in kinds(name) for name in by_quotes) else ": the data has no book"
        notes.append(f"orders were filled against top-of-book quotes (fill_basis l1){why}")
    notes.extend(_unsettled(summary))
    for basis in ("trades", "bars"):
        if names := [name for name, other in summary["fill_basis"].items() if other == basis]:
            notes.append(f"orders in {some(names)} were filled against {basis} (fill_basis {basis}): there is no book")
    return notes


def notes_on_trades(left_out: Mapping[str, Mapping[str, int]]) -> Iterable[str]:
    """Say which trades of columns in memory were none, by instrument."""
    for name, counts in left_out.items():
        for count, why in (
            ("duplicate_trades", "that had been there before, by id"),
            ("empty_trades", "without price or quantity"),
        ):
            if number := counts.get(count):
                yield f"{name}: {counted(number, 'trade')} {why}, left out"


def notes_on_marks(summary: Mapping[str, Any], venues: Mapping[str, SimVenue]) -> Iterable[str]:
    """Say which positions are valued at the mid, because the data has nothing else to value them at."""
    for name, venue in venues.items():
        told = summary["marks"].items()
        others = [other for other, (source, _) in told if source != venue.mark_source and venue_of(other) == name]
        if others:
            what = "mark prices" if venue.mark_source == "mark" else "trades"
            yield f"positions in {some(others)} are valued at the mid: the data has no {what}"


def notes_on_funding(summary: Mapping[str, Any], venues: Mapping[str, SimVenue]) -> Iterable[str]:
    """Say which files of funding rates pay nothing, because no time of them lies within the run."""
    if (span := summary["span_ns"]) is None:
        return
    for name, venue in venues.items():
        if (told := venue_funding(venue)) is not None and not any(span[0] <= ts <= span[1] for ts in told[1]):
            yield f"no funding was paid at {name}: no time of {told[0]} lies within the run"


def notes_on_margin(summary: Mapping[str, Any], tables: TableStore, venues: Mapping[str, SimVenue]) -> Iterable[str]:
    """Say who was liquidated at these venues, and who owes them in the end."""
    begins = {name: venue_balances(venue) for name, venue in venues.items() if venue.margin != "off"}
    if not begins:
        return
    # A sweep keeps figures alone.
    if "payments" in tables:
        yield from _liquidated(tables)
    margined = {i.id: i for i in summary["instruments"] if i.venue in begins and i.kind != "spot"}
    made: dict[tuple[str, str, str], Decimal] = {}
    for row in summary["positions"].rows():
        if (instrument := margined.get(row["instrument"])) is not None:
            key = (row["strategy"], instrument.venue, instrument.settlement)
            made[key] = EXACT.add(made.get(key, Decimal(0)), net_of(row))
    for (strategy, venue, currency), net in made.items():
        begin = begins[venue].get(currency, Decimal(0))
        if (equity := EXACT.add(begin, net)) < 0:
            yield (
                f"{strategy}: owes {plain(-equity)} {currency} at {venue}: it lost more than the {plain(begin)} it had "
                "there, and a real account would not have been left to"
            )


def notes_on_spot(summary: Mapping[str, Any], venues: Mapping[str, SimVenue]) -> Iterable[str]:
    """Say who owes coins in the end at venues that do not ask what an account holds."""
    spot = {i.id: i for i in summary["instruments"] if i.kind == "spot" and venues[i.venue].balances is None}
    for row in summary["positions"].rows():
        instrument = spot.get(row["instrument"])
        if instrument is not None and (qty := row["qty"]) < 0:
            yield (
                f"{row['strategy']}: sold {plain(-qty)} {instrument.base} of {instrument.id} that it never bought: a "
                "venue with balances= lets nobody sell what is not held"
            )


def notes_on_bars(summary: Mapping[str, Any], tables: TableStore) -> Iterable[str]:
    """Say which stops that the high or low of a bar set off filled better than at their trigger: at the next open."""
    for name, bars in summary["undecided"].items():
        yield (
            f"{name}: {counted(bars, 'bar')} met a stop and a take profit of one position, and no bar says which came "
            "first: the stop was taken"
        )
    names = [name for name, basis in summary["fill_basis"].items() if basis == "bars"]
    if not names or not tables.has_rows("fills"):
        return
    # A frame is asked for where there is something to see: a sweep's workers are not to import polars.
    if not any(
        OrderType.STOP_MARKET in columns["order_type"][1] for columns in tables.stored("orders", ["order_type"])
    ):
        return
    import polars as pl

    stops = tables.table("orders", ["order_id", "instrument", "side", "order_type", "trigger_price"], exact=False)
    stops = stops.filter(pl.col("instrument").is_in(names), pl.col("order_type") == "stop_market")
    fills = tables.table("fills", ["order_id", "price"], exact=False)
    filled = stops.join(fills.group_by("order_id").agg(pl.col("price").first()), on="order_id", maintain_order="left")
    beyond = pl.col("price") - pl.col("trigger_price")
    kind = filled.select("instrument", kind=pl.when(pl.col("side") == "sell").then(beyond).otherwise(-beyond) > 0)
    for (name,), rows in kind.group_by("instrument", maintain_order=True):
        if better := int(rows["kind"].sum()):
            yield (
                f"{name}: {better} of {counted(len(rows), 'stop')} filled at the open of the next bar, better than at "
                "the trigger that the market had passed: too kind where it came back within the bar"
            )


def notes_on_trips(tables: TableStore) -> Iterable[str]:
    """Say whom limits and the kill switch stopped, since when and by which limit, and whose positions stops closed."""
    yield from _stops(tables)
    if not tables.has_rows("trips"):
        return
    import polars as pl

    # Who goes on has no rule for what is done.
    trips = tables.table("trips").filter(pl.col("does").is_not_null())
    for (scope, name, check, does), rows in trips.group_by("scope", "name", "check", "does", maintain_order=True):
        often, ns = counted(len(rows), "time"), rows["ts"][0]
        if check == RiskCheck.KILL_SWITCH:
            yield f"{scope} {name}: stopped by the kill switch {often}, first at {ns} ns"
            continue
        value, limit = plain(rows["value"][0]), plain(rows["limit"][0])
        yield f"{scope} {name}: stopped by {check} {often}, first at {ns} ns: {value} of {limit} (on_trip {does})"


def note_on_subscribers(bus: EventBus, failed: int) -> str:
    """Say that subscribers of a bus raised."""
    last = bus.failures[-1]
    why = last.traceback.rstrip().rpartition("\n")[2]
    kind = type(last.event).__name__
    return f"a subscriber of the bus raised {counted(failed, 'time')}, such as {last.subscriber} at {kind}: {why}"


def _stops(tables: TableStore) -> Iterable[str]:
    if not tables.has_rows("stops"):
        return
    stops = tables.table("stops", ["ts", "strategy", "instrument", "stop"])
    keys = ("strategy", "instrument", "stop")
    for (strategy, instrument, stop), rows in stops.group_by(*keys, maintain_order=True):
        yield f"{strategy}: {stop} fired in {instrument} {counted(len(rows), 'time')}, first at {rows['ts'][0]} ns"


def _liquidated(tables: TableStore) -> Iterable[str]:
    import polars as pl

    closed = tables.table("payments", ["ts_event", "strategy", "instrument", "why", "position_qty"])
    closed = closed.filter(pl.col("why") == "liquidation")
    each = closed.group_by("strategy", "instrument", maintain_order=True).agg(
        pl.col("ts_event").n_unique().alias("times"),
        pl.col("ts_event").min().alias("first"),
        pl.col("position_qty").abs().sum(),
    )
    for strategy, instrument, times, first, qty in each.iter_rows():
        often = counted(times, "time")
        yield f"{strategy}: liquidated in {instrument} {often}, first at {first} ns: {qty:g} closed in all"


def _never_called(part: Part, summary: Mapping[str, Any], kinds: Callable[[str], Collection[int]]) -> Iterable[str]:
    calls = summary["calls"].get(part.name)
    if calls is None or part.name in summary["failures"] or summary["interrupted"]:
        return
    for hook in part.hooks:
        if calls[hook]:
            continue
        if hook in NEEDS:
            needed, what = NEEDS[hook]
            there = any(not needed.isdisjoint(kinds(name)) for name in part.instruments)
            why = f"the {what} of the data did not reach it" if there else f"the data has no {what}"
        else:
            why = _OTHERWISE.get(hook, "the data has no events")
        yield f"{part.name}: {hook} was never called: {why}"


def moments_text(told: Mapping[str, Any]) -> str:
    """Return how often something was so, and for how long."""
    first = told["moments"][0][0]
    longest, total = span_text(told["longest_ns"]), span_text(told["total_ns"])
    lengths = f"for {total}" if told["times"] == 1 else f"for {longest} at most and {total} in all"
    return f"{counted(told['times'], 'time')}, {lengths}, first from {first} ns on"


def _unconverted(reported: Mapping[str, Any] | None) -> Iterable[str]:
    if reported is None:
        return
    missing = [name for name, told in reported["rates"].items() if told["rate"] is None]
    if reported["total"] is None:
        why = f"no mid ever said what {some(missing)} is worth in it" if missing else "a rate was not known"
        yield f"nothing is told in the reporting currency: {why}"
    elif times := reported["unknown_samples"]:
        yield f"{counted(times, 'sample')} of equity are left out: the market had no mid yet to convert them at"


def _large_shares(summary: Mapping[str, Any]) -> Iterable[str]:
    shares = ((name, volume, share_of(volume)) for name, volume in summary["positions"].volumes().items())
    for name, volume, share in shares:
        if share is not None and share > MOST_OF_VOLUME:
            yield (
                f"{name}: fills of {plain(volume['filled'])} are {share:.1%} of the {plain(volume['traded'])} that the "
                f"market traded: beyond {MOST_OF_VOLUME:.0%} orders move it, and profit without that is too kind"
            )


def _unsettled(summary: Mapping[str, Any]) -> Iterable[str]:
    end = summary["span_ns"][1] if summary["span_ns"] else 0
    expired = {i.id: i.expiry_ns for i in summary["instruments"] if i.expiry_ns is not None and i.expiry_ns <= end}
    for row in summary["positions"].rows() if expired else ():
        if row["qty"] and row["instrument"] in expired:
            yield (
                f"{row['instrument']}: expired at {expired[row['instrument']]} ns, and what it was worth is not "
                f"known: {row['strategy']} still holds {row['qty']:g}, at its last mark; "
                "its specification can say settlement_price"
            )


def _without_fees(summary: Mapping[str, Any]) -> Iterable[str]:
    instruments: Sequence[Instrument] = summary["instruments"]
    # Fees by a formula of their own are none of the instrument's rates.
    charged = {row["instrument"] for row in summary["positions"].rows() if row["fees"]}
    if free := [i.id for i in instruments if not (i.maker_fee_bps or i.taker_fee_bps or i.id in charged)]:
        yield f"no fees are set for {some(free)}: profit is before fees"
    elif not any(total["fees"] for total in summary["totals"]):
        terms = {f"maker {i.maker_fee_bps:f}, taker {i.taker_fee_bps:f} bps" for i in instruments}
        yield f"no fees were paid ({' or '.join(sorted(terms)[:3])}): profit is before fees"
