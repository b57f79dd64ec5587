"""What the counts of a recording mean: which are problems, and which are only worth knowing.

Here, and nowhere else, is decided what makes a check fail. A count without a rule is shown and judged by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tradecore._core import other_unit as _other_unit

__all__ = [
    "FAULTS",
    "clocks_told",
    "duration",
    "faults",
    "has_wrong_stamps",
    "holds_nothing_of_it",
    "lacks_snapshot",
    "nothing_but",
    "other_symbols",
    "other_unit",
    "problems",
    "remarks",
]


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a count is called in a sentence, and where the first of them is told."""

    count: str
    says: str
    first: str | None = None
    less: tuple[str, ...] = ()
    """Counts of what is in it and no fault."""
    plus: tuple[str, ...] = ()

    def number(self, summary: Mapping[str, Any]) -> int:
        """Return what the rule counts."""
        less = sum(summary.get(name, 0) for name in self.less)
        return int(summary.get(self.count, 0) + sum(summary.get(name, 0) for name in self.plus) - less)


FAULTS = (
    _Rule("gaps", "{n} gap{s} in the sequence of book updates"),
    _Rule("unsorted", "{n} row{s} received before one above them", "first_unsorted"),
    _Rule(
        "duplicates",
        "{n} message{s} that had been there before (duplicates)",
        less=("parallel_duplicates",),
        plus=("parallel_trades",),
    ),
    _Rule("duplicate_trades", "{n} trade{s} that had been there before", less=("parallel_trades",)),
    _Rule(
        "long_crossings",
        "{n} time{s} the book stays locked or crossed for more than a second (the removal of a level was lost; a "
        "backtest drops the older levels, see uncross)",
        "first_ts_long_crossing",
    ),
    _Rule("missing_trades", "{n} trade{s} missing, by ids that the venue gives one by one", "first_ts_trade_gap"),
    _Rule("stale_quotes", "{n} best price{s} of the venue that are not newer than those before them"),
    _Rule("late_stamps", "{n} message{s} received over 60 s later than is usual here", "first_late_stamps"),
)
"""Counts that make a check fail when they are not 0."""

_REMARKS = (
    _Rule("crossed", "the book was locked or crossed after {n} message{s}"),
    _Rule("crossed_quotes", "the venue's best bid was at or above its best ask in {n} quote{s}"),
    _Rule("parallel_duplicates", "counted once, as received first: {n} message{s} in several recordings"),
    _Rule("off_book_trades", "{n} print{s} off the book, such as those of an insurance fund"),
    _Rule("empty_trades", "left out: {n} trade{s} without price or size"),
    _Rule("empty_liquidations", "left out: {n} liquidation{s} without price or size"),
    _Rule(
        "equal_trades",
        "{n} trade{s} without an id equal to the one above: copies or not, nothing tells, so all are kept",
    ),
    _Rule("other_depth", "left out: {n} message{s} of other depth{than_the_book}"),
    _Rule("snapshots_unused", "left out: {n} snapshot{s} older than the book, or not needed for it"),
    _Rule("uncrossed", "the older side of a locked or crossed book was removed {n} time{s}"),
    _Rule("event_time_back", "{n} message{s} with a stamp of the venue before that of the one above"),
    _Rule("ignored", "left out: {n} message{s} of other kinds or symbols"),
    _Rule("skipped", "left out: {n} row{s} of the book before its first snapshot"),
    _Rule("bar_gaps", "bars are missing {n} time{s}", "first_ts_bar_gap"),
    _Rule("shortened_bars", "cut at the beginning of the next: {n} bar{s} that reached into it"),
)

_HELD = (
    "book_updates",
    "trades",
    "bars",
    "quotes",
    "marks",
    "open_interests",
    "liquidations",
    "off_book_trades",
    "gaps",
)
_UNUSED = ("duplicates", "duplicate_trades", "unsynced", "waiting", "other_depth", "stale_quotes", "empty_trades")
"""What shows that a recording is of an instrument: what was taken, and what was its and of no use."""

_EARLIEST_NS = -10_000_000_000
_LATEST_NS = 60_000_000_000
"""Between these the latency has to lie that half of the messages do not exceed."""
_WRONG_NS = 1_000_000_000
"""How far a stamp may lie behind its receipt, all that is known of the clocks allowed for."""


def holds_nothing_of_it(summary: Mapping[str, Any]) -> bool:
    """Whether nothing in a recording was of the instrument; snapshots of Binance do not say whose they are."""
    if summary["events"] == 0:
        return True
    if summary["snapshots"] and "book_ticker" not in summary:
        return False
    return bool(summary.get("ignored")) and not any(summary.get(count) for count in (*_HELD, *_UNUSED))


def other_symbols(summary: Mapping[str, Any]) -> str:
    """Return the symbols that rows were left out of, with how many; nothing where there are none."""
    others = sorted(summary.get("other_symbols", {}).items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    return ", ".join(f"{symbol} ({rows:,})" for symbol, rows in others[:5]) + more


def nothing_but(summary: Mapping[str, Any]) -> str:
    """Say what there is in a recording that nothing is made of, behind a colon; nothing where it is empty."""
    if summary.get("files_without_rows"):
        return ": a header and no rows"
    if beside := summary.get("other_depth"):
        return f": {beside} messages are of depth that makes no book, such as rpiDepth"
    if ignored := summary.get("ignored", 0) + sum(summary.get("other_symbols", {}).values()):
        return f": all {ignored} messages are of other kinds or symbols"
    if empty := summary.get("empty_trades"):
        return f": {empty} trade{' is' if empty == 1 else 's are'} without price or size"
    return ""


def lacks_snapshot(summary: Mapping[str, Any]) -> bool:
    """Whether there are changes of a book and no snapshot that they could start from."""
    changes = summary["level_updates"] + sum(summary.get(name, 0) for name in ("unsynced", "skipped", "waiting"))
    return bool(changes > 0 and summary["snapshots"] == 0 and summary.get("start") != "empty")


def has_wrong_stamps(summary: Mapping[str, Any]) -> bool:
    """Whether messages are stamped so long after their receipt that the recording is at fault."""
    wrong = summary["wrong_stamps"]
    return wrong is not None and wrong["worst_ns"] >= _WRONG_NS


def faults(summary: Mapping[str, Any]) -> list[str]:
    """Say what makes a check fail."""
    return list(_faults(summary))


def problems(summary: Mapping[str, Any]) -> list[str]:
    """Say all that is wrong with a recording: its faults, and what it lacks though every message of it is sound."""
    return [*_lacks(summary), *_faults(summary)]


def other_unit(ts_ns: int) -> str | None:
    """Say which date a time would be of if it counted s, ms or us, where that is a market's and its own is not."""
    if (told := _other_unit(ts_ns)) is None:
        return None
    unit, meant_ns = told
    return f"{_moment(ts_ns)}: times are ns; as {unit} this one would be {_moment(meant_ns)}"


def _lacks(summary: Mapping[str, Any]) -> Iterator[str]:
    if lacks_snapshot(summary):
        makes_one = (
            "; --start empty makes one of nothing" if summary.keys() & {"unsynced", "skipped", "waiting"} else ""
        )
        yield f"no snapshot: the book never becomes known{makes_one}"
    if skipped := summary.get("skipped_lines"):
        yield f"{skipped} line{' that is no message is' if skipped == 1 else 's that are no messages are'} left out"
    if (first := summary.get("first_ts_recv")) and (told := other_unit(first)):
        yield f"begins at {told}"
    if others := other_symbols(summary):
        yield f"rows of other symbols are left out: {others}"
    ticker = summary.get("book_ticker")
    if ticker and ticker["differing"]:
        yield (
            f"the book differs from the venue's best prices after {ticker['differing']} of {ticker['compared']} updates"
        )


def _faults(summary: Mapping[str, Any]) -> Iterator[str]:
    if holds_nothing_of_it(summary) and not lacks_snapshot(summary):
        yield f"nothing recognised{nothing_but(summary)}"
    yield from _said(FAULTS, summary)
    if 2 * (crossed := summary.get("crossed_quotes", 0)) > (quotes := summary.get("quotes", 0)):
        yield f"best bids are at or above best asks in {crossed:,} of {quotes:,} quotes: which of them is which?"
    if (taken := summary.get("latency_ns")) and not _EARLIEST_NS <= taken["p50"] <= _LATEST_NS:
        yield f"half of the messages took {duration(taken['p50'])} or less from the venue's stamp to their receipt"


def remarks(summary: Mapping[str, Any]) -> list[str]:
    """Say what is worth knowing of a recording and is no problem."""
    return [*_said(_REMARKS, summary), *_touch_told(summary), *_receipts_told(summary), *clocks_told(summary)]


def _touch_told(summary: Mapping[str, Any]) -> Iterator[str]:
    """Say how often the venue's best prices are not those of the depth."""
    if differing := summary.get("quoted_otherwise"):
        share = differing / summary["quoted"]
        of_time = summary["quoted_otherwise_ns"] / max(summary["quoted_ns"], 1)
        yield (
            f"depth and top-of-book quotes disagree on the best prices {of_time:.1%} of the time, at {share:.1%} of "
            f"{summary['quoted']:,} quotes; orders meet the fresher of them"
        )


def _receipts_told(summary: Mapping[str, Any]) -> Iterator[str]:
    """Say how the times of receipt are known, where they were not recorded."""
    how = summary.get("receive_times")
    if how == "missing":
        yield (
            "nothing says when rows were received, so the venue's stamps stand for it; an import asks for "
            "--assume-latency"
        )
    elif how == "assumed":
        yield f"rows are taken to have been received {duration(summary['assumed_latency_ns'])} after the venue's stamps"


def clocks_told(summary: Mapping[str, Any]) -> list[str]:
    """Say how the clocks of recordings taken in parallel stood to one another."""
    return [_clock(clock) for clock in summary.get("clocks", ())]


def _said(rules: tuple[_Rule, ...], summary: Mapping[str, Any]) -> Iterator[str]:
    for rule in rules:
        if number := rule.number(summary):
            first = summary.get(rule.first) if rule.first else None
            at = "" if first is None else f", first {_place(first)}"
            book = summary.get("depth_stream")
            than = f" than {book}, which is the book" if book else ""
            yield rule.says.format(n=number, s="" if number == 1 else "s", than_the_book=than) + at


def _place(first: int | Mapping[str, Any]) -> str:
    """Say when something was first, or in which row and how far that was before the one above."""
    if isinstance(first, int):
        return f"at {_moment(first)}"
    when = f"at {_moment(first['ts_recv'])}, after {_moment(first['previous'])}"
    return f"{first['file']}:{first['line']} {when}"


def _clock(clock: Mapping[str, Any]) -> str:
    """Say how the clocks of two recordings stood."""
    offset = clock["offset_ns"]
    where = "ahead of" if offset >= 0 else "behind"
    moved = "; its receipts are moved by it" if clock["moved"] else ""
    return (
        f"the clock of {Path(clock['file']).name} is {duration(abs(offset))} {where} that of {Path(clock['to']).name} "
        f"(median of {clock['equal']} equal message{'' if clock['equal'] == 1 else 's'}, half within "
        f"{duration(clock['spread_ns'])}){moved}"
    )


def _moment(ns: int) -> str:
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M:%S}.{rest:09} UTC"


def duration(ns: int) -> str:
    """Return a length of time in the unit that fits it."""
    for unit, size in (
        ("d", 86_400_000_000_000),
        ("h", 3_600_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
    ):
        if abs(ns) >= size:
            return f"{ns / size:.4g} {unit}"
    return f"{ns} ns"
