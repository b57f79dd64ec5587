from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tradecore as tc
from conftest import CLEAR, LAST, SET, TRADE, columns
from tradecore.errors import DataError, InvalidValueError

LEVELS = st.lists(st.tuples(st.sampled_from([1, -1]), st.integers(9_900, 10_100), st.integers(0, 9)), max_size=200)


def make() -> tc.L2Book:
    return tc.L2Book(
        tc.Instrument("A.TEST", kind="linear", base="A", quote="B", price_increment="0.1", qty_increment="0.001")
    )


def test_an_empty_side_is_none_and_a_crossed_book_says_so() -> None:
    book = make()
    assert (book.best_bid, book.best_ask, book.mid, book.imbalance(3)) == (None, None, None, None)
    book.set("buy", "100.0", "2")
    assert (book.best_bid, book.bid_qty, book.best_ask, book.spread, book.mid) == (100.0, 2.0, None, None, None)
    book.set(tc.Side.SELL, 99.9, 1)
    assert book.is_crossed
    assert book.spread == pytest.approx(-0.1)


def test_measures_in_units() -> None:
    book = make()
    for side, price, qty in [("bid", "99", "3"), ("bid", "98", "7"), ("ask", "101", "1"), ("ask", "102", "4")]:
        book.set(side, price, qty)
    assert (book.best_bid, book.best_ask, book.spread, book.mid) == (99.0, 101.0, 2.0, 100.0)
    assert book.microprice == pytest.approx((99 * 1 + 101 * 3) / 4)
    assert book.imbalance() == 0.5
    assert book.imbalance(2) == pytest.approx(5 / 15)
    bids, asks = book.depth(5)
    assert bids.tolist() == [[99.0, 3.0], [98.0, 7.0]]
    assert asks.dtype == np.float64
    assert book.walk("buy", 3) == (pytest.approx((101 + 2 * 102) / 3), 102.0, 0.0)
    assert book.walk("sell", 11)[1:] == (98.0, 1.0)
    assert (book.bid_levels, book.ask_levels) == (2, 2)
    assert "bid 99.0 x 3.000" in repr(book)


@given(LEVELS)
def test_columns_equal_one_by_one_and_a_plain_dictionary(levels: list[tuple[int, int, int]]) -> None:
    batch, single, model = make(), make(), {1: dict[int, int](), -1: dict[int, int]()}
    rows = [(i, SET, side, LAST, price, qty) for i, (side, price, qty) in enumerate(levels)]
    bid, ask = batch.apply_and_trace(columns(rows))
    for i, (side, price, qty) in enumerate(levels):
        assert single.set_steps(side, price, qty) == model[side].get(price, 0)
        if qty:
            model[side][price] = qty
        else:
            model[side].pop(price, None)
        assert bid[i] == max(model[1], default=np.iinfo(np.int64).min)
        assert ask[i] == min(model[-1], default=np.iinfo(np.int64).max)
    for side, depth in zip((1, -1), batch.depth(10**6), strict=True):
        want = [[p / 10, q / 1000] for p, q in sorted(model[side].items(), reverse=side == 1)]
        assert depth.tolist() == want
    assert [d.tolist() for d in batch.depth(50)] == [d.tolist() for d in single.depth(50)]


def test_narrow_columns_and_polars_columns_do_as_well() -> None:
    rows = [(1, SET, 1, LAST, 1000, 5), (2, SET, -1, LAST, 1001, 6), (3, TRADE, 1, LAST, 1001, 1)]
    wide = columns(rows)
    narrow = {**wide, "price": wide["price"].astype(np.int32), "qty": wide["qty"].astype(np.int32)}
    book = make()
    book.apply(narrow)
    assert (book.best_bid, book.best_ask) == (100.0, 100.1)


def test_a_clear_marks_a_gap() -> None:
    book = make()
    book.apply(columns([(1, SET, 1, LAST, 1000, 5), (2, CLEAR, 0, LAST, 0, 0)]))
    assert (book.best_bid, book.state, book.is_synced) == (None, tc.BookState.GAP, False)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ((0, SET, 1, LAST, 1000, 5), "row 1: ts_recv 0 is before 1"),
        ((2, 99, 1, LAST, 1000, 5), "row 1: kind 99"),
        ((2, SET, 0, LAST, 1000, 5), "row 1: side 0"),
        ((2, SET, 5, LAST, 1000, 5), "row 1: side 5"),
        ((2, SET, 1, LAST, 1000, -5), "row 1: qty -5"),
        ((2, SET, 1, LAST, 2**61, 5), "row 1: price"),
    ],
)
def test_bad_columns_name_row_and_value_and_change_nothing(row: tuple[int, ...], text: str) -> None:
    book = make()
    with pytest.raises(DataError, match=text):
        book.apply(columns([(1, SET, 1, LAST, 1000, 5), row]))  # type: ignore[list-item]
    assert book.best_bid is None


def test_wrong_dtypes_shapes_and_names_say_what_was_expected() -> None:
    good = columns([(1, SET, 1, LAST, 1000, 5)])
    book = make()
    with pytest.raises(TypeError, match=r"column price: expected .* int32 or int64 array, not dtype float32"):
        book.apply({**good, "price": good["price"].astype(np.float32)})
    with pytest.raises(DataError, match="column kind has 0 rows, expected 1"):
        book.apply({**good, "kind": good["kind"][:0]})
    with pytest.raises(InvalidValueError, match="qty: this column is missing"):
        book.apply({k: v for k, v in good.items() if k != "qty"})
    with pytest.raises(InvalidValueError, match="ts_recv: the array is not contiguous"):
        book.apply({**good, "ts_recv": np.arange(4)[::2]})


def test_levels_that_cannot_be_are_refused() -> None:
    book = make()
    for arguments in [("up", 1, 1), (1, 0, 1), (1, -5, 1), (1, 1, -1)]:
        with pytest.raises(InvalidValueError):
            book.set(*arguments)  # type: ignore[arg-type]


def test_a_book_can_be_read_while_another_thread_writes() -> None:
    book, stop, seen = make(), threading.Event(), []
    book.set(1, 100, 1)

    def read() -> None:
        while not stop.is_set():
            seen.append(book.best_bid)

    reader = threading.Thread(target=read)
    reader.start()
    rows = columns([(i, SET, 1, LAST, 1000 + i % 7, 1 + i % 5) for i in range(200_000)])
    for _ in range(5):
        book.apply(rows)
    stop.set()
    reader.join()
    assert all(isinstance(bid, float) for bid in seen)
