"""What a run leaves behind: figures, frames, copies, files and pictures."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import pickle
import random
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tradecore as tc
from conftest import OF_MIDS
from tradecore.backtest import engine
from tradecore.errors import CatalogError, DataError, InvalidValueError, RunError, UnknownInstrumentError

NAME = "BTCUSDT.SYNTH"


class Maker(tc.Strategy):
    """Joins both best prices, and now and then asks for what is refused."""

    size: float = 0.01

    def on_start(self, ctx: tc.Context) -> None:
        self.turns = 0
        for inst in self.instruments:
            ctx.buy(inst, self.size, price=1)  # Too little value for most.
        ctx.every("100ms", self.requote)

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        """Every message is looked at, so that rows leave memory often."""

    def requote(self, ctx: tc.Context) -> None:
        self.turns += 1
        for inst in self.instruments:
            book = ctx.book(inst)
            if book.spread is not None:
                ctx.quote(inst, bid=book.best_bid, ask=book.best_ask, qty=self.size)
            if self.turns == 20:
                ctx.buy(inst, self.size, client_id="taken")
                ctx.buy(inst, self.size, price=book.best_ask, post_only=True)


def run(market: Path, *, spill: int = 1, **settings: object) -> tc.Result:
    venue = tc.SimVenue(
        "SYNTH",
        latency=tc.Latency(entry="1ms", response="1ms", feed="2ms"),
        maker_fee_bps=Decimal("-0.1"),
        taker_fee_bps="5",
        queue="power(3)",
    )
    before, engine._SPILL_ROWS = engine._SPILL_ROWS, spill
    try:
        return tc.Backtest(
            [Maker("m", [NAME]), Maker("n", [NAME], size=0.02)], market, [venue], candles="1s", **settings
        ).run()  # type: ignore[arg-type]
    finally:
        engine._SPILL_ROWS = before


def run_elsewhere(market: str) -> tc.Result:
    return run(Path(market))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with 45 seconds of a synthetic market."""
    folder = tmp_path_factory.mktemp("market")
    tc.synthesize(folder, events=120_000, seed=11)
    return folder


@pytest.fixture(scope="module")
def result(market: Path) -> tc.Result:
    """A run with two strategies whose tables were moved to disk in many pieces."""
    result = run(market, record=True)
    result.notes = ["a note & a <tag>"]
    assert len(list(result.tables.pieces("fills"))) > 2
    return result


def same(one: tc.Result, other: tc.Result) -> None:
    """Everything a result says is the same."""
    for name in one.frame_names:
        assert one.frame(name).equals(other.frame(name)), name
        assert one.frame(name).schema == other.frame(name).schema, name
    assert one.stats == other.stats
    assert one.summary() == other.summary()
    assert (str(one), repr(one), one._repr_html_()) == (str(other), repr(other), other._repr_html_())
    for figure in ("digest", "seed", "totals", "final_positions", "failures", "notes", "rejected", "span_ns", "wall_s"):
        assert getattr(one, figure) == getattr(other, figure), figure
    for figure in ("events", "interrupted", "fill_basis", "clock_lead_ns", "venues", "instruments", "journal"):
        assert getattr(one, figure) == getattr(other, figure), figure


# Figures


def test_the_figures_are_those_of_the_frames(result: tc.Result) -> None:
    stats, fills, orders = result.stats, result.fills, result.orders
    assert (stats.orders, stats.fills) == (len(orders), len(fills))
    assert stats.net_pnl == result.net_pnl == result.equity["equity"][-1]
    assert stats.fees == fills["fee"].sum() != 0
    assert stats.gross_pnl == stats.net_pnl + stats.fees
    value = fills.select((pl.col("price") * pl.col("qty")).sum()).item()
    assert float(stats.turnover or 0) == pytest.approx(value)
    assert stats.net_pnl_bps == pytest.approx(10_000 * float(stats.net_pnl) / value)
    assert stats.maker_share == pytest.approx((fills["liquidity"] == "maker").mean())
    assert 0.5 < stats.maker_share < 1
    assert stats.fills_per_order == len(fills) / len(orders)
    curve = result.frame("equity", exact=False)["equity"].to_numpy()
    peaks = np.maximum.accumulate(np.maximum(curve, 0))
    assert stats.max_drawdown == pytest.approx((peaks - curve).max())
    assert stats.sharpe_period_ns == 60_000_000_000
    assert (stats.start_ns, stats.end_ns) == result.span_ns
    assert stats.span_ns == stats.end_ns - stats.start_ns
    assert stats.events == 120_000
    assert stats.why.keys() == {name for name, value in stats.to_dict().items() if value is None}


def test_ratios_are_those_of_equal_steps_of_equity(tmp_path: Path) -> None:
    """Sampled each minute the changes of a minute are those between samples."""
    tc.synthesize(tmp_path, events=80_000, seed=3, message_gap="1s")
    result = run(tmp_path, sample_interval="1m")
    frame = result.frame("equity", exact=False)
    minute = pl.col("ts").dt.epoch("ns") - frame["ts"].dt.epoch("ns")[0]
    curve = frame.filter(minute % 60_000_000_000 == 0)["equity"].to_numpy()
    changes = np.diff(curve)
    assert len(changes) >= 30
    assert result.stats.sharpe_period_ns == 60_000_000_000
    year = np.sqrt(365 * 1_440)
    assert result.stats.sharpe == pytest.approx(changes.mean() / changes.std(ddof=1) * year)
    losses = np.minimum(changes, 0)
    assert result.stats.sortino == pytest.approx(changes.mean() / np.sqrt((losses**2).mean()) * year)


def test_rejections_are_counted_wherever_their_rows_are(result: tc.Result) -> None:
    rejected = result.orders.filter(status="rejected")["reason"].value_counts()
    assert result.rejected == dict(rejected.iter_rows()) == result.stats.rejected
    assert set(result.rejected) >= {"min_notional", "post_only_would_cross"}
    assert result.stats.to_dict()["rejected"] == sum(result.rejected.values())


def test_figures_are_plain_documented_and_cannot_be_changed(result: tc.Result) -> None:
    row = result.stats.to_dict()
    assert {type(value) for value in row.values()} <= {float, int, str, type(None)}
    assert pl.DataFrame([row]).height == 1
    with pytest.raises(FrozenInstanceError):
        result.stats.orders = 0  # type: ignore[misc]
    source = Path(sys.modules["tradecore.backtest.stats"].__file__ or "").read_text()
    for field in fields(tc.Stats):
        assert re.search(rf'^    {field.name}: .*\n    """', source, re.MULTILINE), f"{field.name} is not documented"


def test_what_cannot_be_said_has_a_reason(market: Path) -> None:
    class Idle(tc.Strategy):
        pass

    result = tc.Backtest([Idle("i", [NAME])], market).run()
    assert result.stats.sharpe is None
    assert re.fullmatch(r"0 changes of 1m in [\d.]+ s: at least 30 needed", result.stats.why["sharpe"])
    assert result.performance().why["returns"] == result.stats.why["sharpe"]
    assert result.stats.why["maker_share"] == "no fills"
    assert result.stats.why["fills_per_order"] == "no orders"
    assert result.stats.why["net_pnl_bps"] == "nothing was traded"
    assert f"Sharpe ratio    n/a ({result.stats.why['sharpe']})" in str(result)
    assert "1 position without fills" in str(result)
    assert result.net_pnl == 0
    assert len(result.pnl) == 1
    assert result.plot().axes


def test_several_currencies_have_totals_each(tmp_path: Path) -> None:
    tc.synthesize(tmp_path, events=20_000, seed=1)
    inverse = tc.Instrument(
        "XBTUSD.SYNTH",
        kind="inverse",
        base="XBT",
        quote="USD",
        price_increment="0.1",
        qty_increment="1",
        lot_size="100",
    )
    tc.synthesize(tmp_path, events=20_000, seed=2, instrument=inverse, typical_qty="50000")
    result = tc.Backtest([Maker("m", [NAME]), Maker("x", ["XBTUSD.SYNTH"], size=100)], tmp_path).run()
    assert {total["currency"] for total in result.totals} == set(result.pnl["currency"]) == {"USDT", "XBT"}
    assert result.stats.net_pnl is None
    assert "USDT, XBT" in result.stats.why["net_pnl"]
    assert result.stats.to_dict()["sharpe"] is None
    assert str(result).count("net profit") == 2
    assert repr(result).count("net ") == 2
    assert result._repr_html_().count("<svg") == 2
    for total in result.totals:
        mine = result.pnl.filter(currency=total["currency"])
        assert mine["net_pnl"].sum() == total["net_pnl"]
        assert mine["turnover"].sum() == total["turnover"]


def test_profit_by_strategy_and_instrument(result: tc.Result) -> None:
    pnl = result.pnl
    assert pnl.select("strategy", "instrument", "currency").rows() == [("m", NAME, "USDT"), ("n", NAME, "USDT")]
    assert pnl["net_pnl"].sum() == result.net_pnl
    for row in pnl.iter_rows(named=True):
        mine = result.fills.filter(strategy=row["strategy"])
        assert row["fills"] == len(mine)
        assert row["volume"] == pytest.approx(mine["qty"].sum())
        assert row["qty"] == mine["position_qty"][-1]
        assert row["net_pnl"] == row["realized_pnl"] + row["unrealized_pnl"] - row["fees"]


# Text and card


def test_a_result_is_one_line_and_one_table(result: tc.Result) -> None:
    line = repr(result)
    assert "\n" not in line
    net = f"net {result.net_pnl:.8f}".rstrip("0")
    assert line.startswith(f"<Result {net} USDT, drawdown ")
    assert line.endswith(f"digest {result.digest[:12]}>")
    assert f"{len(result.orders):,} orders, {len(result.fills):,} fills" in line
    table = str(result)
    assert len(table.splitlines()) < 25
    assert table.splitlines()[-1].split() == ["digest", result.digest[:12]]
    assert re.search(r"^m BTCUSDT.SYNTH +position -?[\d.]+, \d+ fills, net -?[\d.]+$", table, re.MULTILINE)
    assert re.search(r"^rejected +\d+ \(.*min_notional 2", table, re.MULTILINE)
    assert "note             a note & a <tag>" in table


def test_a_notebook_gets_a_card_without_scripts(result: tc.Result) -> None:
    card = result._repr_html_()
    assert "a note &amp; a &lt;tag&gt;" in card
    assert "<script" not in card
    assert "<style" not in card
    (points,) = re.findall(r'<polyline points="([^"]*)"', card)
    assert 2 <= len(points.split()) <= 200
    assert result.digest[:12] in card
    assert result.digest not in card


# Frames


def test_frames_read_from_left_to_right(result: tc.Result) -> None:
    starts = {
        "orders": ["ts_submit", "instrument", "side", "order_type", "price", "qty"],
        "fills": ["ts_event", "instrument", "side", "price", "qty", "liquidity"],
        "positions": ["ts_recv", "instrument", "position_qty"],
        "payments": ["ts_event", "instrument", "why", "paid"],
        "ledger": ["ts_event", "strategy", "instrument", "currency", "kind", "account", "amount"],
        "liquidations": ["ts_event", "instrument", "qty", "price", "fee"],
        "equity": ["ts", "currency", "equity"],
        "equity_by_currency": ["ts", "currency", "equity"],
        "pnl": ["strategy", "instrument", "currency", "qty"],
        "balances": ["strategy", "venue", "currency", "begin", "end", "change", "borrowed"],
        "candles": ["ts_open", "instrument", "open", "high", "low", "close"],
        "published": ["ts_event", "instrument", "kind", "value"],
        "signals": ["ts_recv", "instrument", "action", "confidence"],
        "executions": ["execution_id", "ts_start", "ts_end", "instrument", "algorithm", "side"],
        "refusals": ["ts", "instrument", "request", "side", "price", "qty", "check", "limit", "value"],
        "trips": ["ts", "check", "does", "limit", "value"],
        "stops": ["ts", "instrument", "stop", "level", "price", "position_qty", "qty"],
    }
    assert tuple(starts) == result.frame_names
    for name, start in starts.items():
        frame = result.frame(name)
        assert frame.columns[: len(start)] == start
        for column, kind in frame.schema.items():
            if column.startswith("ts") or column in ("next_funding_ns", "expires"):
                assert kind == pl.Datetime("ns", "UTC"), column
        empty = (
            "payments",
            "liquidations",
            "balances",
            "published",
            "signals",
            "executions",
            "refusals",
            "trips",
            "stops",
        )
        assert name in empty or len(frame) > 0
    assert result.fills.columns[-3:] == ["order_id", "client_id", "ts_recv"]
    assert (result.fills["ts_recv"] - result.fills["ts_event"]).unique().to_list() == [timedelta(milliseconds=1)]
    assert result.orders.filter(status="rejected")["ts_accept"].null_count() > 0


def test_money_is_exact_or_a_float(result: tc.Result) -> None:
    exact, rough = result.frame("equity"), result.frame("equity", exact=False)
    assert exact.schema["equity"] == pl.Decimal(38, 12)
    assert rough.schema["equity"] == pl.Float64
    assert rough["equity"][-1] == pytest.approx(float(exact["equity"][-1]))
    for name in result.frame_names:
        exact, rough = result.frame(name), result.frame(name, exact=False)
        assert rough.columns == exact.columns
        assert not any(kind.is_decimal() for kind in rough.dtypes), name
        for column, kind in exact.schema.items():
            if kind.is_decimal():
                assert np.allclose(rough[column], exact[column].cast(float), rtol=1e-15, atol=0, equal_nan=True), column
            else:
                assert rough[column].equals(exact[column]), column


def test_another_name_is_told_the_names(result: tc.Result) -> None:
    with pytest.raises(InvalidValueError) as caught:
        result.frame("fill")
    names = (
        "orders, fills, positions, payments, ledger, liquidations, equity, equity_by_currency, pnl, balances, candles, "
        "published, signals, executions, refusals, trips, stops"
    )
    assert str(caught.value) == f"name: there is no frame 'fill' (did you mean 'fills'?); there is {names}"
    with pytest.raises(InvalidValueError, match="there is no frame 7;"):
        result.to_pandas(7)  # type: ignore[arg-type]


def test_pandas_gets_numbers_texts_and_times(result: tc.Result) -> None:
    orders = result.to_pandas("orders")
    assert list(orders.columns) == result.orders.columns
    assert str(orders["ts_submit"].dtype) == "datetime64[ns, UTC]"
    assert orders["ts_accept"].isna().sum() == result.orders["ts_accept"].null_count() > 0
    assert orders["ts_submit"].astype("int64").tolist() == result.orders["ts_submit"].dt.epoch("ns").to_list()
    assert orders["side"].tolist() == result.orders["side"].to_list()
    assert [None if pd.isna(name) else name for name in orders["client_id"]] == result.orders["client_id"].to_list()
    assert "taken" in set(orders["client_id"])
    equity = result.to_pandas("equity")
    assert equity.set_index("ts")["equity"].resample("10s").last().notna().all()
    assert equity["equity"].dtype == "float64"
    exact = result.to_pandas("equity", exact=True)["equity"]
    assert exact.tolist() == result.equity["equity"].to_list()
    assert isinstance(exact.iloc[-1], Decimal)
    for name in result.frame_names:
        assert result.to_pandas(name).shape == result.frame(name).shape


def test_pandas_does_without_pyarrow(result: tc.Result, tmp_path: Path) -> None:
    result.save(tmp_path / "run.tcr")
    code = f"""
import sys
sys.modules["pyarrow"] = None
import tradecore as tc
result = tc.load_result({str(tmp_path / "run.tcr")!r})
for name in result.frame_names:
    assert result.to_pandas(name, exact=True).shape == result.frame(name).shape
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("package", "ask", "problem"),
    [
        ("pandas", lambda r: r.to_pandas("fills"), "pandas is not installed: pip install pandas"),
        ("matplotlib", lambda r: r.plot(), "matplotlib is not installed: pip install 'tradecore[plot]'"),
    ],
)
def test_an_optional_package_that_is_missing_is_named(
    package: str, ask: object, problem: str, result: tc.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "tradecore.backtest.plots", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RunError) as caught:
        ask(result)  # type: ignore[operator]
    assert str(caught.value) == problem


# Copies


def test_a_copy_is_whole(result: tc.Result) -> None:
    assert result.fills.height > 0, "frames that were made are not in the way"
    for again in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result), copy.copy(result)):
        same(result, again)
    twice = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(result))))
    same(result, twice)


def test_a_copy_outlives_the_run_it_is_of(market: Path) -> None:
    first = run(market)
    folder = first.tables.folder
    copies = [pickle.loads(pickle.dumps(first)), copy.deepcopy(first)]
    expected = first.fills
    del first
    assert all(again.fills.equals(expected) for again in copies)
    assert folder is not None
    assert folder.is_dir(), "deep copies share what never changes"
    del copies
    assert not folder.exists()


def test_results_come_whole_out_of_a_pool_of_processes(market: Path) -> None:
    here = run(market)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(run_elsewhere, str(market)).result()
    there.wall_s = here.wall_s
    assert there.tables.folder not in (None, here.tables.folder)
    for name in here.frame_names:
        assert here.frame(name).equals(there.frame(name)), name
    assert here.stats.to_dict().keys() == there.stats.to_dict().keys()
    assert (here.digest, here.final_positions, here.rejected) == (there.digest, there.final_positions, there.rejected)


def test_what_a_replay_came_to_is_whole_too(result: tc.Result) -> None:
    strategies = [Maker("m", [NAME]), Maker("n", [NAME], size=0.02)]
    again = tc.replay(result.journal, strategies, result.instruments, candles="1s")
    for other in (pickle.loads(pickle.dumps(again)), copy.deepcopy(again)):
        assert (other.digest, other.diverged_ns, other.failures) == (result.digest, None, {})
        for name in again.frame_names:
            was, got = result.frame(name), other.frame(name)
            if name == "fills":  # Nothing is simulated, so there is no venue whose mids were known.
                assert got.select(OF_MIDS.is_null().all()).row(0) == (True,) * 7
                was, got = was.drop(OF_MIDS), got.drop(OF_MIDS)
            assert got.equals(was), name
    assert repr(again) == f"<ReplayResult faithful, digest {result.digest[:12]}>"
    with pytest.raises(InvalidValueError, match="there is no frame 'equity'"):
        again.frame("equity")


# Files


def test_a_saved_result_is_the_same(result: tc.Result, tmp_path: Path) -> None:
    path = tmp_path / "run.tcr"
    result.save(path)
    same(result, tc.load_result(path))
    loaded = tc.load_result(str(path))
    assert tc.replay(
        loaded.journal, [Maker("m", [NAME]), Maker("n", [NAME], size=0.02)], loaded.instruments
    ).digest == result.digest  # fmt: skip
    loaded.save(path)
    same(result, tc.load_result(path))
    assert os.listdir(tmp_path) == ["run.tcr"], "nothing half-written is left"
    data = path.read_bytes()
    assert b"cposix" not in data
    assert zipfile.ZipFile(path).namelist()[-1] == "result.json"


def test_a_result_of_few_rows_is_saved_too(market: Path, tmp_path: Path) -> None:
    whole = run(market, spill=1_000_000)
    assert whole.tables.folder is None
    whole.save(tmp_path / "run.tcr")
    loaded = tc.load_result(tmp_path / "run.tcr")
    for name in whole.frame_names:
        assert whole.frame(name).equals(loaded.frame(name)), name
    with pytest.raises(RunError, match="kept no journal"):
        _ = loaded.journal


def test_a_file_that_cannot_be_written_is_said_and_the_old_one_stays(
    result: tc.Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CatalogError, match=r"nowhere/run\.tcr: cannot be written: No such file or directory"):
        result.save(tmp_path / "nowhere" / "run.tcr")
    path = tmp_path / "run.tcr"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CatalogError, match="No space left on device"):
        result.save(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["run.tcr"]


def rewritten(source: Path, target: Path, **changes: object) -> Path:
    """The saved result with some of what it says first changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "result.json":
                data = json.dumps({**json.loads(data), **changes}).encode()
            new.writestr(name, data)
    return target


def test_what_is_no_saved_result_is_told_apart(result: tc.Result, tmp_path: Path) -> None:
    path = tmp_path / "run.tcr"
    result.save(path)
    other = tmp_path / "other.tcr"

    def problem(target: Path = other) -> str:
        with pytest.raises(DataError) as caught:
            tc.load_result(target)
        assert caught.value.source == str(target)
        assert "\n" not in str(caught.value)
        return caught.value.problem

    assert problem(tmp_path / "nothing.tcr") == "cannot be read: No such file or directory"
    assert problem(tmp_path) == "cannot be read: Is a directory"
    other.write_bytes(b"")
    assert problem().startswith("is no result that was saved, or was cut")
    other.write_bytes(pickle.dumps(result))
    assert problem().startswith("is no result that was saved, or was cut")
    other.write_bytes(path.read_bytes()[:-100])
    assert problem().startswith("is no result that was saved, or was cut")
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.txt", "a")
    assert problem() == "is no result that was saved: it holds no result.json"
    rewritten(path, other, form="something else")
    assert problem() == "is no result that was saved"
    rewritten(path, other, version=2)
    assert problem() == "is of version 2, this tradecore reads version 1"
    rewritten(path, other, byteorder="middle")
    assert "was saved on a middle-endian machine" in problem()
    rewritten(path, other, content={"dict": []})
    assert problem() == "is damaged: 'facts'"
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    other.write_bytes(data)
    assert problem().startswith("is damaged")


def test_damage_is_noticed_wherever_it_is(result: tc.Result, tmp_path: Path) -> None:
    path = tmp_path / "run.tcr"
    result.save(path)
    data, dice = path.read_bytes(), random.Random(1)
    rows = {name: list(result.tables.stored(name)) for name in ("orders", "fills", "equity", "candles", "published")}
    noticed = 0
    for turn in range(120):
        # Half of them in the last kilobyte, where the directory of the archive lies.
        place = dice.randrange(len(data)) if turn % 2 else len(data) - 1 - dice.randrange(1_000)
        broken = bytearray(data)
        broken[place] ^= 1 << dice.randrange(8)
        if turn % 5 == 0:
            del broken[place:]
        path.write_bytes(broken)
        try:
            loaded = tc.load_result(path)
        except DataError:
            noticed += 1
        else:
            assert loaded.summary() == result.summary()
            assert {name: list(loaded.tables.stored(name)) for name in rows} == rows
    assert noticed > 70


# Pictures


@pytest.mark.release
def test_a_picture_needs_no_display_and_changes_no_backend(
    result: tc.Result, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for figure in (result.plot(), result.plot(NAME), result.plot(result.instruments[0])):
        assert len(figure.axes) == 4
        assert figure.axes[3].get_title("left") == f"{NAME}: price and fills"
    figure.savefig(tmp_path / "run.png")
    assert (tmp_path / "run.png").read_bytes()[:4] == b"\x89PNG"
    assert figure._repr_png_()[:4] == b"\x89PNG"  # type: ignore[attr-defined]
    top, under, held, _ = figure.axes
    assert top.lines[0].get_ydata()[-1] == pytest.approx(float(result.net_pnl))
    assert -min(under.collections[0].get_paths()[0].vertices[:, 1]) == pytest.approx(result.stats.max_drawdown)
    assert held.lines[0].get_ydata()[-1] == pytest.approx(result.pnl["qty"].sum())
    with pytest.raises(UnknownInstrumentError, match=f"unknown instrument ETH.SYNTH; known here: {NAME}"):
        result.plot("ETH.SYNTH")
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_result import Path, run
run(Path({str(market)!r})).plot().savefig({str(tmp_path / "child.png")!r})
import matplotlib
assert "matplotlib.pyplot" not in sys.modules
assert matplotlib.get_backend(auto_select=False) is None
"""
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "MPLBACKEND")}
    path = os.pathsep.join([str(Path(__file__).parents[1]), environment.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "PYTHONPATH": path},
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
