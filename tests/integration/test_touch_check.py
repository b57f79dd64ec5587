"""What a check says of depth and top-of-book quotes that disagree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradecore.data.check import check_files


@pytest.mark.parametrize(("market", "instrument"), [("spot", "BTCUSDT.BINANCE"), ("usdm", "BTCUSDT.BINANCE_USDM")])
def test_a_check_says_how_often_depth_and_quotes_disagree(shared: Path, market: str, instrument: str) -> None:
    files = sorted((shared / "data" / "binance_ws_2024" / market).glob("*"))
    report = check_files([file for file in files if file.is_file()][:1], instrument)
    assert 0 < report["quoted_otherwise"] < report["quoted"]
    share = report["quoted_otherwise"] / report["quoted"]
    told = f"depth and top-of-book quotes disagree on the best prices at {share:.1%} of {report['quoted']:,} quotes"
    assert any(note.startswith(told) for note in report["notes"])
