"""Sessions beside the simulator: the same commands at the same times, order by order."""

from __future__ import annotations

import asyncio
import csv
import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from test_live_cli import done

import tradecore as tc
from conftest import ROOT
from tradecore.errors import DataError

pytestmark = pytest.mark.release

VENUE = tc.SimVenue("BINANCE", granularity="100ms", latency=tc.Latency(entry="5ms", response="5ms"))


def session(folder: Path, settings: str, **strategy: str) -> dict[str, object]:
    """Run a session on paper, of another strategy where one is named, and return what it came to."""
    example = (ROOT / "examples" / "paper.toml").read_text().replace("[mode]\n", '[mode]\nsession = "s1"\n')
    if strategy:
        example = example.replace('"touch_maker"', f'"{strategy["kind"]}"')
        example = "\n".join(line for line in example.splitlines() if not line.startswith("params"))
    (folder / "session.toml").write_text(f'{example}\n[[venues]]\nname = "BINANCE"\n{settings}\n')

    async def work() -> dict[str, object]:
        words = ("paper", "--config", "session.toml", "--duration", "5s", "--json")
        code, out, err = await done(folder, *words)
        assert code == 0, err
        return dict(json.loads(out))

    return asyncio.run(work())


def test_paper_is_the_simulator_on_its_own_recording(tmp_path: Path) -> None:
    result = session(tmp_path, 'granularity = "100ms"')
    compared = tc.compare_session(tmp_path / "journal" / "s1")
    assert len(compared.orders) > 5
    assert [pair.outcome for pair in compared.orders if pair.outcome.endswith("_only")] == []
    both = [pair for pair in compared.orders if pair.outcome == "both"]
    assert len(both) > 0
    for pair in both:
        assert (pair.model_qty, pair.model_price, pair.model_fee) == (pair.live_qty, pair.live_price, pair.live_fee)
        assert (pair.model_ms, pair.fee_cost) == (pair.live_ms, 0)
    assert result["orders"] == len(compared.orders)
    assert compared.funding_cost == 0


def test_differences_add_up_and_are_put_down_to_their_causes(tmp_path: Path) -> None:
    session(tmp_path, 'entry_latency = "40ms"\nresponse_latency = "40ms"\ngranularity = "100ms"')
    journal = tmp_path / "journal" / "s1"
    dear = tc.SimVenue("BINANCE", granularity="100ms", maker_fee_bps="7", taker_fee_bps="9")
    compared = tc.compare_session(journal, venues=[dear])
    for pair in compared.orders:
        assert pair.latency_qty + pair.queue_qty + pair.data_qty == pair.live_qty - pair.model_qty
        if pair.live_price is not None and pair.model_price is not None and pair.live_qty == pair.model_qty:
            sign = 1 if pair.side == "buy" else -1
            cost = sign * (pair.live_price - pair.model_price) * pair.live_qty
            told = pair.latency_cost + pair.queue_cost + pair.data_cost
            assert abs(told - cost) < Decimal("1e-9")
    both = [pair for pair in compared.orders if pair.outcome == "both"]
    assert both
    assert all(pair.fee_cost < 0 for pair in both), "the model's fees are higher"
    # With its own latency the model is the session again, so nothing is left to the queue.
    assert sum(abs(pair.queue_qty) + abs(pair.data_qty) for pair in compared.orders) == 0


def test_what_it_writes_is_what_fits_read(tmp_path: Path) -> None:
    session(tmp_path, 'entry_latency = "7ms"\nresponse_latency = "7ms"')

    async def work() -> None:
        code, out, err = await done(tmp_path, "compare", "journal/s1", "--output", "out", "--json")
        assert code == 0, err
        summary = json.loads(out)
        with (tmp_path / "out" / "orders.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == summary["orders"]
        assert sum(row["outcome"] == "both" for row in rows) == summary["both"]
        code, _, err = await done(tmp_path, "data", "import", "recorded", "journal/s1", "--catalog", "market")
        assert code == 0, err

    asyncio.run(work())
    latency = tmp_path / "out" / "latency.csv"
    with latency.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["took_ns"] for row in rows} == {"14000000"}
    many = tmp_path / "many.csv"  # a fit needs twenty
    many.write_text("took_ns\n" + "".join(f"{row['took_ns']}\n" for row in rows * 20))
    assert tc.fit_latency(many, took="took_ns").entry.p50_ns == 7_000_000
    fills = pl.read_csv(tmp_path / "out" / "fills.csv")
    assert fills.height > 0
    with pytest.raises(DataError, match="at least 10 are needed"):
        tc.fit_queue(tmp_path / "market", fills=fills.head(5))
