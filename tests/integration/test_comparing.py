"""Sessions beside the simulator: the same commands at the same times, order by order."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from test_live_cli import done

import tradecore as tc
from conftest import ROOT
from simulation.network import VirtualLoop, run_virtually
from simulation.world import World
from tradecore.config import BacktestConfig
from tradecore.errors import DataError
from tradecore.sandbox.faults import Fault

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
        code, out, err = await done(tmp_path, "replay", "journal/s1", "--step")
        assert "maker: replace buy 0.01" in out
        assert "an order" not in out
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
    fit = tc.fit_latency(latency)
    assert (fit.entry.model, fit.response.model) == ("7ms", "7ms")
    fills = pl.read_csv(tmp_path / "out" / "fills.csv")
    assert fills.height > 0
    with pytest.raises(DataError, match="at least 10 are needed"):
        tc.fit_queue(tmp_path / "market", fills=fills.head(5))


NAME = "BTCUSDT.BINANCE_USDM"
MAKER = {"quote_qty": "0.01", "max_position": "0.05"}


def lived(folder: Path, *, there_ms: float, back_ms: float, **fault: float) -> Path:
    """Trade for half a minute at a local venue at the end of ways of known lengths, and return the journal."""
    table = {"kind": "touch_maker", "name": "maker", "instruments": [NAME], "params": MAKER}
    config = BacktestConfig.model_validate({"strategies": [table], "venues": [{"name": "BINANCE_USDM"}]})

    async def work(loop: VirtualLoop) -> None:
        loop.latency_s, loop.back_s = ((ms * 0.9e-3, ms * 1.1e-3) for ms in (there_ms, back_ms))
        world = World(
            loop, 3, "BINANCE_USDM", ("BTCUSDT",), lambda ids: [tc.TouchMaker("maker", ids, **MAKER)],
            server={"faults": [Fault(kind="clock_step", **fault)] if fault else []},
            header={"config": config.model_dump(mode="json")}, session="s1",
        )  # fmt: skip
        async with world.server:
            world.now.start()
            await world.now.is_up.wait()
            assert world.now.live is not None
            assert world.now.running is not None
            await world.now.live.begun()
            await asyncio.sleep(30)
            world.now.live.stop()
            await world.now.running
        shutil.copytree(world.now.journal, folder, dirs_exist_ok=True)
        world.clear()

    run_virtually(work, 1)
    return folder / "s1"


def missed(compared: tc.Comparison) -> int:
    """Return of how many orders the model misses whether they filled."""
    return sum(pair.outcome in ("live_only", "model_only") for pair in compared.orders)


def test_a_model_with_the_latencies_that_were_fitted_agrees_with_the_session(tmp_path: Path) -> None:
    journal = lived(tmp_path / "journal", there_ms=20, back_ms=20)
    compared = tc.compare_session(journal)
    compared.save(tmp_path / "out")
    latency = tc.fit_latency(tmp_path / "out" / "latency.csv").latency
    fitted = tc.compare_session(journal, venues=[tc.SimVenue("BINANCE_USDM", latency=latency)])
    # What it saw is there for a fit of queues, too, though connections bring what they kept behind others.
    tc.import_recorded(journal, tmp_path / "market")
    assert tc.fit_queue(tmp_path / "market", fills=tmp_path / "out" / "fills.csv").model.orders >= 10
    assert missed(compared) > 40
    assert missed(fitted) < missed(compared) / 10
    of_latency = [sum(abs(pair.latency_qty) for pair in each.orders) for each in (compared, fitted)]
    assert of_latency[1] < of_latency[0] / 10


def test_latencies_are_those_that_the_venue_had_whatever_its_clock_says(tmp_path: Path) -> None:
    compared = tc.compare_session(lived(tmp_path / "journal", there_ms=20, back_ms=20, step_ms=1_500))
    compared.save(tmp_path / "out")
    assert all(abs((each.clock_offset_ns or 0) - 1_500_000_000) < 1_500_000 for each in compared.requests)
    fit = tc.fit_latency(tmp_path / "out" / "latency.csv")
    for each in (fit, fit.requests["submit"], fit.requests["replace"]):
        for leg in (each.entry, each.response):
            assert leg.negative == 0
            assert abs(leg.p50_ns - 20_000_000) < 1_000_000  # the venue stamps to the ms
            assert leg.p90_ns < 24_000_000


def test_ways_of_two_lengths_are_told_apart_where_clocks_are_right(tmp_path: Path) -> None:
    journal = lived(tmp_path / "journal", there_ms=24, back_ms=6)
    both = [tc.compare_session(journal, trust_clocks=trusts).summary() for trusts in (False, True)]
    assert [abs(each["entry_ms"] - want) < 1 for each, want in zip(both, (15, 24), strict=True)] == [True, True]
    assert [abs(each["response_ms"] - want) < 1 for each, want in zip(both, (15, 6), strict=True)] == [True, True]
