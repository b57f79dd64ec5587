"""Official dumps to a catalog, against polars alone; the files are made here.

``python -m benches.tables FILE CATALOG`` imports one and prints the peak of memory, MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

import tradecore as tc
from benches.harness import Job, Limit, Target

SPEC = "BTCUSDT.BINANCE_USDM"
START = 1_723_075_200_000
"""2024-08-08 in ms."""
AGG_TRADES = (
    "agg_trade_id",
    "price",
    "quantity",
    "first_trade_id",
    "last_trade_id",
    "transact_time",
    "is_buyer_maker",
)
BOOK_TICKER = (
    "update_id",
    "best_bid_price",
    "best_bid_qty",
    "best_ask_price",
    "best_ask_qty",
    "transaction_time",
    "event_time",
)
_PIECE = 1_000_000


def table_jobs(folder: Path, rows: int) -> dict[str, Callable[[], Job]]:
    """Return the jobs on tables of some rows."""
    return {
        "Binance aggTrades.zip to catalog": lambda: _to_catalog(folder, "aggTrades", AGG_TRADES, rows),
        "Binance bookTicker.zip to catalog": lambda: _to_catalog(folder, "bookTicker", BOOK_TICKER, rows),
        "Bybit ob500.zip to catalog": lambda: _bybit(folder, max(rows // 50, 100)),
        "memory of a day of tables": lambda: _memory(folder, rows * 20),
    }


def agg_trades(first: int, rows: int, ms: float) -> pl.DataFrame:
    """Rows of aggregated trades from one on, some ms apart."""
    random = np.random.default_rng(first)
    ids = np.arange(first, first + rows)
    return pl.DataFrame(
        {
            "agg_trade_id": 2_100_000_000 + ids,
            "price": (600_000 + random.integers(-200, 200, rows).cumsum() % 2_000) / 10,
            "quantity": random.integers(1, 2_000, rows) / 1_000,
            "first_trade_id": 5_000_000_000 + 2 * ids,
            "last_trade_id": 5_000_000_001 + 2 * ids,
            "transact_time": START + (ids * ms).astype(np.int64),
            "is_buyer_maker": random.integers(0, 2, rows) == 1,
        }
    )


def book_tickers(first: int, rows: int, ms: float) -> pl.DataFrame:
    """Rows of best prices from one on, some ms apart."""
    random = np.random.default_rng(first)
    ids = np.arange(first, first + rows)
    bid = 600_000 + random.integers(-1, 2, rows).cumsum() % 2_000
    times = START + (ids * ms).astype(np.int64)
    return pl.DataFrame(
        {
            "update_id": 5_100_000_000_000 + 3 * ids,
            "best_bid_price": bid / 10,
            "best_bid_qty": random.integers(1, 20_000, rows) / 1_000,
            "best_ask_price": (bid + 1) / 10,
            "best_ask_qty": random.integers(1, 20_000, rows) / 1_000,
            "transaction_time": times,
            "event_time": times + 3,
        }
    )


def dump(folder: Path, kind: str, rows: int) -> Path:
    """Return the official file of a kind with some rows, made once."""
    path = folder / f"BTCUSDT-{kind}-2024-08-08-{rows}.zip"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        make = agg_trades if kind == "aggTrades" else book_tickers
        ms = min(1.0, 86_000_000 / rows)
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open(f"BTCUSDT-{kind}-2024-08-08.csv", "w", force_zip64=True) as file,
        ):
            for first in range(0, rows, _PIECE):
                piece = make(first, min(_PIECE, rows - first), ms)
                file.write(piece.write_csv(include_header=first == 0).encode())
    return path


def _to_catalog(folder: Path, kind: str, columns: tuple[str, ...], rows: int) -> Job:
    path = dump(folder, kind, rows)

    def ours() -> float:
        started = time.perf_counter()
        tc.import_tables(path, SPEC, folder / "catalog", assume_latency="10ms", replace=True)
        return time.perf_counter() - started

    def polars_alone() -> float:
        started = time.perf_counter()
        with zipfile.ZipFile(path) as archive:
            frame = pl.read_csv(archive.read(archive.namelist()[0]))
        stamp = "transact_time" if kind == "aggTrades" else "transaction_time"
        prices = [name for name in columns if "price" in name]
        quantities = [name for name in columns if name.endswith(("qty", "quantity"))]
        frame = frame.with_columns(
            (pl.col(stamp) * 1_000_000).alias("ts_event"),
            (pl.col(stamp) * 1_000_000 + 10_000_000).alias("ts_recv"),
            *((pl.col(name) * 10).round().cast(pl.Int64) for name in prices),
            *((pl.col(name) * 1_000).round().cast(pl.Int64) for name in quantities),
        )
        frame.write_parquet(folder / "alone.parquet", compression="zstd", compression_level=1)
        return time.perf_counter() - started

    work = {"tradecore": ours, "polars alone": polars_alone}
    return Job(
        "ns/row",
        dict.fromkeys(work, rows),
        work,
        (Target("tradecore", "polars alone", 1.5),),
        rounds=3,
        note="tradecore also checks, drops copies and seals; polars reads floats and rounds them",
    )


def _messages(count: int) -> Iterator[bytes]:
    random = np.random.default_rng(5)
    for number in range(count):
        changed = random.integers(0, 500, 60) if number else np.arange(500)
        levels = [
            [
                [f"{60_000 + sign * (0.1 + level / 10):.2f}", f"{random.integers(1, 9_999) / 1_000:.3f}"]
                for level in side
            ]
            for sign, side in ((-1, changed), (1, changed))
        ]
        yield (
            json.dumps(
                {
                    "topic": "orderbook.500.BTCUSDT",
                    "type": "delta" if number else "snapshot",
                    "ts": START + 10 * number,
                    "data": {"s": "BTCUSDT", "b": levels[0], "a": levels[1], "u": 5 + number, "seq": 1 + number},
                    "cts": START + 10 * number - 4,
                },
                separators=(",", ":"),
            ).encode()
            + b"\n"
        )


def _bybit(folder: Path, messages: int) -> Job:
    path = folder / f"2024-08-08_BTCUSDT_ob500-{messages}.data.zip"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("2024-08-08_BTCUSDT_ob500.data", b"".join(_messages(messages)))
    spec = tc.Instrument(
        "BTCUSDT.BYBIT", kind="linear", base="BTC", quote="USDT", price_increment="0.1", qty_increment="0.001"
    )

    def ours() -> float:
        started = time.perf_counter()
        tc.import_tables(path, spec, folder / "catalog", assume_latency="10ms", replace=True)
        return time.perf_counter() - started

    return Job("us/message", {"tradecore": messages}, {"tradecore": ours}, rounds=3, note="120 levels a message")


def _memory(folder: Path, rows: int) -> Job:
    path = dump(folder, "aggTrades", rows)

    def ours() -> float:
        command = [sys.executable, "-m", "benches.tables", str(path), str(folder / "day")]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
        return float(done.stdout)

    name = "a day to a catalog"
    note = f"{rows:,} rows, Python and its imports included"
    return Job("MB", {name: 1}, {name: ours}, limits=(Limit(name, 150),), rounds=1, note=note)


if __name__ == "__main__":
    from tradecore.memory import peak_rss_mb

    tc.import_tables(sys.argv[1], SPEC, sys.argv[2], assume_latency="10ms", replace=True)
    print(peak_rss_mb())
