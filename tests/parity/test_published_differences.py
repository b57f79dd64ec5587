"""Where fills part from hftbacktest's with the same queue model: each difference as its smallest market.

The peer's side is what the short emulation of its rules says (`benches/emulator.py`), which `make parity` holds against
the peer itself, order by order.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from conftest import ROOT

sys.path.insert(0, str(ROOT))

from benches.emulator import RULES, Request, causes, emulate
from benches.parity import table_of

pytestmark = pytest.mark.both

INST = tc.Instrument(
    "X.V", kind="linear", base="BTC", quote="USDT", price_increment="1", qty_increment="1", taker_fee_bps=0
)
SET, TRADE = tc.EventKind.BOOK_SET, tc.EventKind.TRADE
BUY, SELL = int(tc.Side.BUY), int(tc.Side.SELL)
MS = 1_000_000
Row = tuple[Any, int, int, int]
BOOK: tuple[int, list[Row]] = (0, [(SET, BUY, 100, 5), (SET, BUY, 99, 5), (SET, SELL, 101, 5), (SET, SELL, 102, 5)])


def columns(*messages: tuple[int, list[Row]]) -> dict[str, np.ndarray[Any, Any]]:
    """Event columns of messages, each a time in ms and its rows."""
    rows = [(ms, place == len(rows) - 1, *row) for ms, rows in messages for place, row in enumerate(rows)]
    ms, last, kind, side, price, qty = zip(*rows, strict=True)
    ts = np.array(ms, np.int64) * MS
    return {
        "ts_event": ts,
        "ts_recv": ts,
        "kind": np.array(kind, np.uint8),
        "side": np.array(side, np.int8),
        "flags": np.array(last, np.uint8),
        "price": np.array(price, np.int64),
        "qty": np.array(qty, np.int64),
    }


class Places(tc.Strategy):
    """Buys one lot 5 ms after the start."""

    price: int
    qty: int = 1
    post_only: bool = True

    def on_start(self, ctx: tc.Context) -> None:
        ctx.at(5 * MS, self.send)

    def send(self, ctx: tc.Context) -> None:
        ctx.buy(INST.id, self.qty, self.price, post_only=self.post_only)


def fills(data: Any, price: int, model: str = "power(1, compat=True)", **terms: Any) -> list[tuple[int, int]]:
    """When the order filled and how much of it, ms and lots."""
    latency = tc.Latency(entry=0, response=0)
    venue = tc.SimVenue("V", latency=latency, queue=model, clock_lead="0ns", uncross="off")
    placed = Places("p", [INST.id], price=price, **terms)
    table = tc.Backtest([placed], {INST.id: data}, [venue], specs={INST.id: INST}).run().fills
    stamps = table["ts_event"].to_physical()
    return [(int(ts) // MS, int(qty)) for ts, qty in zip(stamps, table["qty"], strict=True)]


QUIET = (90, [(SET, SELL, 110, 1)])
DIFFERENT = [
    pytest.param(
        # A seller's print at 100 takes all five; the depth that says so comes later, and an order came between.
        [BOOK, (3, [(TRADE, SELL, 100, 5)]), (20, [(TRADE, SELL, 100, 1)]), (40, [(SET, BUY, 100, 0)]), QUIET],
        100,
        None,
        20,
        ("fresher touch",),
        id="what traded is not ahead of who comes after it",
    ),
    pytest.param(
        # The print took all asks at 101: a buyer at 101 rests there. With the stale book it would take.
        [BOOK, (3, [(TRADE, BUY, 101, 5)]), (20, [(TRADE, SELL, 101, 1)]), QUIET],
        101,
        None,
        20,
        ("fresher touch",),
        id="asks that traded away are not in the way of a post-only order",
    ),
    pytest.param(
        # One message moves the ask to 100 and away again.
        [BOOK, (20, [(SET, SELL, 100, 1), (SET, SELL, 100, 0)]), QUIET],
        100,
        20,
        None,
        ("whole messages",),
        id="what one row says and the next takes back never was",
    ),
    pytest.param(
        # Five ahead, three trade, then the level is told once more as it was; the change that shows the trade comes last.
        [
            BOOK,
            (10, [(SET, BUY, 100, 9)]),
            (20, [(TRADE, SELL, 100, 3), (SET, BUY, 100, 9)]),
            (30, [(SET, BUY, 100, 6)]),
            (40, [(TRADE, SELL, 100, 2)]),
            QUIET,
        ],
        100,
        40,
        None,
        ("restated size",),
        id="a size that is told again does not forget what traded",
    ),
    pytest.param(
        # A buyer's print at 99, below a bid at 100: somebody sold there.
        [BOOK, (20, [(TRADE, BUY, 99, 1)]), QUIET],
        100,
        None,
        20,
        ("either aggressor",),
        id="a print below a bid fills it, whoever took",
    ),
]


@pytest.mark.parametrize(("messages", "price", "theirs", "ours", "rules"), DIFFERENT)
def test_fills_part_from_the_peers_where_a_rule_says_so(
    messages: list[Any], price: int, theirs: int | None, ours: int | None, rules: tuple[str, ...]
) -> None:
    data = columns(*messages)
    asked = [Request(5 * MS, False, 0, BUY, price)]

    def told(chosen: Any) -> int | None:
        at = emulate(data, asked, "power(1)", chosen).get(0)
        return None if at is None else at // MS

    assert told(()) == theirs
    assert told(RULES) == ours
    assert fills(data, price) == ([] if ours is None else [(ours, 1)])
    own = {} if ours is None else {0: ours * MS}
    assert causes([0], own, lambda _, chosen: emulate(data, asked, "power(1)", chosen)) == {0: rules}


def test_orders_that_nothing_parts_fill_at_the_same_time() -> None:
    data = columns(
        BOOK, (10, [(TRADE, SELL, 100, 4)]), (11, [(SET, BUY, 100, 1)]), (20, [(TRADE, SELL, 100, 2)]), QUIET
    )
    asked = [Request(5 * MS, False, 0, BUY, 100)]
    for model in ("conservative", "power(2)", "power2(2)", "power3(3)", "log", "log2"):
        compat = model.removesuffix(")") + (", compat=True)" if model.endswith(")") else "(compat=True)")
        assert emulate(data, asked, model) == emulate(data, asked, model, RULES) == {0: 20 * MS}
        assert fills(data, 100, compat) == [(20, 1)]


def test_a_print_beyond_the_price_fills_no_more_than_its_quantity() -> None:
    data = columns(BOOK, (20, [(TRADE, SELL, 99, 2)]), QUIET)
    assert fills(data, 100, qty=5) == [(20, 2)], "all five there"


def test_what_the_other_side_displays_at_the_price_fills_no_more_than_that() -> None:
    data = columns(BOOK, (20, [(SET, BUY, 100, 0), (SET, SELL, 100, 2)]), (30, [(SET, SELL, 100, 3)]), QUIET)
    assert fills(data, 100, qty=5) == [(20, 2), (30, 1)], "all five at once there"


def test_a_trade_that_reaches_an_order_in_part_fills_that_part() -> None:
    data = columns(BOOK, (20, [(TRADE, SELL, 100, 7)]), QUIET)
    assert fills(data, 100, qty=5) == [(20, 2)], "all five there without partial fills"
    exact = columns(BOOK, (20, [(TRADE, SELL, 100, 6)]), (30, [(TRADE, SELL, 100, 1)]), QUIET)
    assert fills(exact, 100) == [(20, 1)], "there the order stays in the book, and the next trade ends the run"


def test_what_crosses_takes_what_is_displayed_and_rests() -> None:
    data = columns(BOOK, QUIET)
    assert fills(data, 101, qty=8, post_only=False) == [(5, 5)], "all eight there, at one price"


def test_the_table_names_every_cause() -> None:
    row = {"model": "log", "orders": 10, "filled": (3, 4), "equal": 8, "causes": {"restated size": 2}, "unexplained": 0}
    assert table_of([row]) == [
        "model  orders  filled there  filled here  equal  restated size  unexplained",
        "log        10             3            4      8              2            0",
    ]
