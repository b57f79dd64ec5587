"""Captures as people have them: each test is a kind of trouble from a public report, with inputs of its own.

Where ``../shared/cases`` is there, its small file of the same kind is tried as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradecore as tc
from conftest import SHARED
from tradecore.cli import main

CASES = SHARED / "cases"
START_MS = 1_767_312_000_000
"""2026-01-02."""
USDM = "ETHUSDT.BINANCE_USDM"


def case(name: str) -> Path:
    """A file of ../shared/cases; the test skips without it."""
    path = CASES / name
    if not path.is_file():
        pytest.skip(f"no {path} beside the project")
    return path


def snapshot(id: int = 500, levels: int = 3, **more: Any) -> dict[str, Any]:
    """A REST snapshot around 3000.00 / 3000.01."""
    return {
        "lastUpdateId": id,
        "bids": [[f"{3000 - n / 100:.2f}", "5.000"] for n in range(levels)],
        "asks": [[f"{3000.01 + n / 100:.2f}", "5.000"] for n in range(levels)],
        **more,
    }


def depth(ms: int, last: int, bids: Any = (), asks: Any = (), *, width: int = 2, **more: Any) -> dict[str, Any]:
    """A futures update of `width` ids that follows the one that ends before it."""
    return {
        "e": "depthUpdate",
        "E": ms,
        "T": ms,
        "s": "ETHUSDT",
        "U": last - width + 1,
        "u": last,
        "pu": last - width,
        "b": list(bids),
        "a": list(asks),
        **more,
    }


def trade(ms: int, id: int, price: str = "3000.00", qty: str = "2.000", **more: Any) -> dict[str, Any]:
    """A futures print of the stream of single trades; a seller is the taker."""
    fields = {"e": "trade", "E": ms, "T": ms, "s": "ETHUSDT", "t": id, "p": price, "q": qty, "X": "MARKET", "m": True}
    return fields | more


def wrapped(stream: str, data: Any) -> dict[str, Any]:
    return {"stream": stream, "data": data}


def market(updates: int = 6) -> list[tuple[int, Any]]:
    """A snapshot and updates that leave the best prices alone, 100 ms apart, each with its time of receipt in ms."""
    frames: list[tuple[int, Any]] = [(START_MS, snapshot())]
    for n in range(updates):
        ms = START_MS + 100 * (n + 1)
        frames.append((ms, wrapped("ethusdt@depth@100ms", depth(ms, 502 + 2 * n, [["2999.90", f"{n + 1}.000"]]))))
    return frames


def write(path: Path, frames: Sequence[tuple[int, Any]], stamp: str = "ns") -> Path:
    """A capture; what is text already stands as it is."""
    units = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
    lines = []
    for ms, frame in sorted(frames, key=lambda row: row[0]):
        text = frame if isinstance(frame, str) else json.dumps(frame, separators=(",", ":"))
        lines.append(f"{(ms * 1_000_000 + 900_000) // units[stamp]} {text}\n")
    path.write_text("".join(lines))
    return path


def imported(path: Path | Sequence[Path], catalog: Path, instrument: str = USDM, **options: Any) -> dict[str, Any]:
    return tc.import_binance_ws(path, tc.find_instrument(instrument), catalog, **options)


def rows(catalog: Path, instrument: str = USDM) -> pl.DataFrame:
    return tc.Catalog(catalog).scan(instrument).collect()


def spaces(text: str) -> str:
    """Text with one space where there are more."""
    return re.sub(" +", " ", text)


def run(*words: object) -> int:
    return main([str(word) for word in words])


class BuyBehind(tc.Strategy):
    """Buys 3 at the best bid, once, as soon as there is one."""

    asked = False

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        if not self.asked and book.is_synced:
            self.asked = True
            ctx.buy(self.instruments[0], 3, book.best_bid)


def bought(catalog: Path, instrument: str = USDM) -> float:
    """What an order for 3 at the best bid, sent at the first book, got."""
    name, _, venue = instrument.rpartition(".")
    result = tc.Backtest([BuyBehind(name, [instrument])], catalog, [tc.SimVenue(venue)]).run()
    return float(result.fills["qty"].sum())


def test_prints_off_the_book_fill_nothing_and_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prints = [("INSURANCE_FUND", "2700.00"), ("ADL", "2700.00"), ("NA", "2700.00"), ("RPI", "2999.90")]
    others = [
        (START_MS + 250 + n, wrapped("ethusdt@trade", trade(START_MS + 250 + n, 9_001 + n, price, "9.000", X=kind)))
        for n, (kind, price) in enumerate(prints)
    ]
    others += [(START_MS + 260, trade(START_MS + 260, 9_010, "0", "0", X="NA"))]
    real = (START_MS + 350, wrapped("ethusdt@trade", trade(START_MS + 350, 9_020)))
    path = write(tmp_path / "c.txt", [*market(), *others, real])
    summary = imported(path, tmp_path / "cat")
    assert (summary["trades"], summary["traded_qty"]) == (1, "2.000")
    assert (summary["off_book_trades"], summary["off_book_qty"], summary["empty_trades"]) == (4, "36.000", 1)
    kept = rows(tmp_path / "cat").filter(pl.col("kind") == int(tc.EventKind.OFF_BOOK_TRADE))
    assert kept["id"].to_list() == [9_001, 9_002, 9_003, 9_004]
    assert (set(kept["side"]), kept["price"].to_list(), set(kept["qty"])) == ({-1}, [270_000] * 3 + [299_990], {9_000})
    assert bought(tmp_path / "cat") == 0.0
    catalog = tc.Catalog(tmp_path / "cat")
    assert catalog.trades(USDM).collect()["price"].to_list() == [3000.0]
    assert catalog.bars(USDM, "1s").collect()["low"].to_list() == [3000.0]
    words = catalog.scan(USDM, units=True).collect()["kind"].unique().to_list()
    assert "off_book_trade" in words
    assert catalog.describe()["off_book_trade"].to_list() == [4]
    assert run("data", "check", path) in (0, 1)
    assert "off_book_trades 4" in spaces(capsys.readouterr().out)
    assert run("data", "info", tmp_path / "cat") == 0
    assert "OFF_BOOK_TRADE 4" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "off_book"), [("04-insurance-fund.txt", 1), ("04-market-only.txt", 0)])
def test_the_insurance_fund_moves_no_bar(tmp_path: Path, name: str, off_book: int) -> None:
    instrument = "BTCUSDT.BINANCE_USDM"
    summary = imported(case(name), tmp_path / "cat", instrument)
    assert summary["off_book_trades"] == off_book
    assert tc.Catalog(tmp_path / "cat").bars(instrument, "1m").collect()["low"].min() >= 59_999
