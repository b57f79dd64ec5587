"""What a check says of depth and top-of-book quotes that disagree."""

from __future__ import annotations

from pathlib import Path

import pytest

import tradecore as tc
from conftest import columns
from tradecore.data.check import check_files


@pytest.mark.parametrize(("market", "instrument"), [("spot", "BTCUSDT.BINANCE"), ("usdm", "BTCUSDT.BINANCE_USDM")])
def test_a_check_says_how_often_depth_and_quotes_disagree(shared: Path, market: str, instrument: str) -> None:
    files = sorted((shared / "data" / "binance_ws_2024" / market).glob("*"))
    report = check_files([file for file in files if file.is_file()][:1], instrument)
    assert 0 < report["quoted_otherwise"] < report["quoted"]
    share = report["quoted_otherwise"] / report["quoted"]
    # Most quotes come when the market moves, so that many of them differ, and not for long.
    of_time = report["quoted_otherwise_ns"] / report["quoted_ns"]
    assert 0.03 < of_time < 0.1 < share
    told = (
        f"depth and top-of-book quotes disagree on the best prices {of_time:.1%} of the time, at {share:.1%} of "
        f"{report['quoted']:,} quotes"
    )
    assert any(note.startswith(told) for note in report["notes"])


def test_the_time_for_which_they_disagree_is_that_between_messages(tmp_path: Path) -> None:
    second = 1_000_000_000
    start = 1_700_000_000 * second
    spec = tc.find_instrument("BTCUSDT.SYNTH")
    book = [(0, 0, 0, 0), (1, 1, 600_000, 5), (1, -1, 600_010, 5)]
    rows = [
        *((start, kind, side, int(at == 2), price, qty) for at, (kind, side, price, qty) in enumerate(book)),
        *((start + second, 3, side, int(side < 0), price, 5) for side, price in ((1, 600_000), (-1, 600_010))),
        *((start + 3 * second, 3, side, int(side < 0), price, 5) for side, price in ((1, 600_001), (-1, 600_010))),
        (start + 4 * second, 1, 1, 1, 600_001, 5),
        (start + 9 * second, 1, 1, 1, 599_990, 5),
    ]
    with tc.Catalog(tmp_path / "market").writer(spec) as writer:
        writer.write(columns(rows))
    tc.Catalog(tmp_path / "market").scan(spec.id).collect().write_parquet(tmp_path / "day.parquet")
    report = check_files(tmp_path / "day.parquet", spec)
    assert (report["quoted_ns"], report["quoted_otherwise_ns"]) == (8 * second, second)
    assert (report["quoted"], report["quoted_otherwise"]) == (2, 1)
