"""Spans of event columns begin with the book as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tradecore as tc
from tradecore.data.windows import arrays_of, book_after, read_all, window

BTC = "BTCUSDT.SYNTH"


@pytest.mark.parametrize("part", [(0.0, 0.5), (0.3, 0.6), (0.5, 1.1)])
def test_a_window_has_the_book_of_its_start_and_ends_in_that_of_its_end(
    market: Path, part: tuple[float, float]
) -> None:
    columns, spec = read_all(tc.Catalog(market), BTC), tc.find_instrument(BTC)
    first, last = int(columns["ts_recv"][0]), int(columns["ts_recv"][-1])
    start, end = (first + int((last - first) * share) for share in part)
    cut = window(columns, spec, start, end)
    assert start <= cut["ts_recv"][0]
    assert cut["ts_recv"][-1] < max(end, last + 1)
    rows = int(np.searchsorted(columns["ts_recv"], end))
    whole, own = book_after(columns, spec, rows), book_after(cut, spec, len(cut["kind"]))
    for ours, theirs in zip(own.depth(5_000), whole.depth(5_000), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    trades = [int((held["kind"] == int(tc.EventKind.TRADE)).sum()) for held in (columns, cut)]
    assert 0 < trades[1] < trades[0]
    tc.Backtest([tc.Strategy("s", [BTC])], {BTC: cut}).run()


def test_a_window_without_messages_is_empty(market: Path) -> None:
    columns, spec = read_all(tc.Catalog(market), BTC), tc.find_instrument(BTC)
    after = int(columns["ts_recv"][-1]) + 1
    assert [len(window(columns, spec, *span)["kind"]) for span in ((after, after + 5), (0, 5))] == [0, 0]


def test_columns_may_be_a_frame_and_without_ids(market: Path) -> None:
    frame = next(iter(tc.Catalog(market).pieces(BTC)))
    held = arrays_of(frame)
    assert held["price"].dtype == held["qty"].dtype == np.int64
    assert "id" not in arrays_of({name: column for name, column in held.items() if name != "id"})
