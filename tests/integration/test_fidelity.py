"""Queue models beside the truth of markets of single orders, and models fitted to it."""

from __future__ import annotations

import json
import re
import signal
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradecore as tc
from tradecore.cli.app import main
from tradecore.fidelity.comparing import compare, recording

INST = "BTCUSDT.SYNTH"


@pytest.fixture(scope="module")
def markets(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    folder = tmp_path_factory.mktemp("orders")
    made = {}
    for sizes in ("few", "many"):
        for granularity in ("0ms", "100ms"):
            path = made[sizes, granularity] = folder / f"{sizes}-{granularity}"
            tc.synthesize_orders(path, events=150_000, seed=4, sizes=sizes, granularity=granularity)
    return made


def rows(market: Path, *models: str, **terms: Any) -> dict[str, tc.Compared]:
    return {row.model: row for row in tc.compare_queues(market, models, every="300ms", hold="2s", **terms)}


def test_where_every_event_is_told_the_tracked_queue_misses_almost_nothing(markets: dict[Any, Path]) -> None:
    found = rows(markets["many", "0ms"], "tracked", "conservative", "power(2)")
    tracked = found["tracked"]
    assert tracked.granularity_ms == 0
    assert tracked.orders > 250
    assert 50 < tracked.both < tracked.orders - 15
    assert tracked.wrong <= 0.01 * tracked.orders
    assert tracked.model_only == 0
    assert found["conservative"].wrong > 5 * max(tracked.wrong, 1)
    assert tracked.error_lots is not None
    assert abs(tracked.error_lots) < 5


def test_where_sizes_are_alike_the_tracked_queue_hardly_ever_fills_too_much(markets: dict[Any, Path]) -> None:
    found = rows(markets["few", "0ms"], "tracked", "conservative")
    assert found["tracked"].model_only <= 0.01 * found["tracked"].orders
    assert found["tracked"].wrong < found["conservative"].wrong


@pytest.mark.parametrize("sizes", ["few", "many"])
def test_where_events_are_merged_low_and_high_are_on_either_side(sizes: str, markets: dict[Any, Path]) -> None:
    found = rows(markets[sizes, "100ms"], "tracked", "fitted(1)", "tracked_high")
    low, middle, high = found.values()
    assert low.granularity_ms == 100
    assert low.both + low.model_only <= middle.both + middle.model_only <= high.both + high.model_only
    assert low.error_lots is not None
    assert middle.error_lots is not None
    assert high.error_lots is not None
    assert low.error_lots > middle.error_lots > high.error_lots


def test_a_market_of_orders_can_be_run_as_any_other(markets: dict[Any, Path]) -> None:
    maker = tc.TouchMaker("m", [INST], quote_qty="0.01", max_position="0.1", interval="200ms")
    result = tc.Backtest([maker], markets["few", "100ms"]).run()
    assert result.stats.fills > 20
    assert result.granularity_ms == {INST: 100.0}


def test_a_model_is_fitted_to_single_orders_and_taken_by_a_venue(markets: dict[Any, Path], tmp_path: Path) -> None:
    fit = tc.fit_queue(markets["many", "100ms"], every="300ms")
    assert fit.model.instrument == INST
    assert fit.model.granularity_ms == 100
    assert [row.model for row in fit.held_out] == [fit.model.queue, "tracked", "tracked_high", "conservative"]
    assert fit.held_out[0].wrong <= min(row.wrong for row in fit.held_out) + 5
    fit.save(tmp_path / "queue.json")
    assert tc.read_queue_model(tmp_path / "queue.json") == fit.model
    assert tc.SimVenue("SYNTH", queue=f"fitted:{tmp_path / 'queue.json'}").queue == fit.model.queue


@pytest.mark.parametrize("every", ["0ns", "1ns", "1us"])
def test_orders_so_close_that_nobody_waits_for_them_are_refused(
    every: str, markets: dict[Any, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    market = markets["few", "0ms"]
    problem = f"every: {every} is too short for data of .* min .* s: expected at least [0-9]+[nu]s, which is at most 1,000,000"
    for ask in (tc.fit_queue, tc.compare_queues):
        with pytest.raises(tc.errors.InvalidValueError, match=problem):
            ask(market, every=every)
    assert main(["fit", "queue", str(market), "--every", every]) == 2
    assert re.search(problem, capsys.readouterr().err)


def test_ctrl_c_leaves_a_comparison_of_queues_at_once(markets: dict[Any, Path]) -> None:
    """So many models take longer than a test may."""
    made = recording(markets["few", "0ms"], None)
    orders = made.orders_at_touch(every_ns=10_000_000, hold_ns=2_000_000_000, steady_ns=0)
    threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        compare(made, orders, ["tracked"] * 2_000)


def live(market: Path, model: str, count: int) -> pl.DataFrame:
    """Fills as a user would have them, of orders that fared as a model says."""
    made = recording(market, None)
    from tradecore._core import replay_orders

    orders = made.orders_at_touch(every_ns=300_000_000, hold_ns=2_000_000_000, steady_ns=100_000_000)[:count]
    outcomes = replay_orders(made.instrument, made.columns, orders, [model])["models"][0]
    units = made.instrument
    return pl.DataFrame(
        [
            {
                "instrument": INST,
                "side": "buy" if side > 0 else "sell",
                "price": str(units.price_increment * price),
                "qty": str(units.qty_increment * qty),
                "placed_ns": start + 1,
                "ended_ns": end if at is None else at,
                "filled_qty": str(units.qty_increment * filled),
            }
            for (side, price, qty, start, end), (filled, at, *_) in zip(orders, outcomes, strict=True)
        ]
    )


def test_a_model_is_fitted_to_live_fills(markets: dict[Any, Path], tmp_path: Path) -> None:
    market = markets["many", "100ms"]
    own = live(market, "fitted(5)", 600)
    own.write_csv(tmp_path / "own.csv")
    own.write_parquet(tmp_path / "own.parquet")
    fits = [tc.fit_queue(market, fills=given) for given in (own, tmp_path / "own.csv", tmp_path / "own.parquet")]
    assert fits[0].model.source == "live fills"
    assert fits[0] == fits[1] == fits[2]
    fitted = fits[0].held_out[0]
    assert fitted.error_lots is None
    assert fitted.wrong <= 0.02 * fitted.orders
    others = own.with_columns(instrument=pl.lit("OTHER.V"))
    assert tc.fit_queue(market, fills=pl.concat([own, others])) == fits[0]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"side": "long"}, "side: expected buy or sell, got 'long'"),
        ({"filled_qty": "5000"}, "filled_qty from 0 to qty"),
        ({"price": "x"}, "price"),
        ({"ended_ns": 1}, "ended_ns from placed_ns on"),
    ],
)
def test_a_row_of_fills_that_cannot_be_is_named(change: dict[str, Any], problem: str, markets: dict[Any, Path]) -> None:
    own = live(markets["many", "100ms"], "tracked", 20)
    bad = own.with_columns(**{name: pl.lit(value) for name, value in change.items()})
    with pytest.raises(tc.errors.DataError) as caught:
        tc.fit_queue(markets["many", "100ms"], fills=bad)
    assert caught.value.line == 1
    assert problem in str(caught.value)


def test_what_cannot_be_fitted_says_why(markets: dict[Any, Path], tmp_path: Path) -> None:
    own = live(markets["many", "100ms"], "tracked", 20)
    with pytest.raises(tc.errors.DataError, match="has no column filled_qty"):
        tc.fit_queue(markets["many", "100ms"], fills=own.drop("filled_qty"))
    with pytest.raises(tc.errors.DataError, match="at least 10 are needed"):
        tc.fit_queue(markets["many", "100ms"], fills=own.head(2))
    with pytest.raises(tc.errors.DataError, match="cannot be read"):
        tc.fit_queue(markets["many", "100ms"], fills=tmp_path / "none.csv")
    with pytest.raises(tc.errors.CatalogError, match="is not a catalog: no such folder"):
        tc.fit_queue(tmp_path / "nowhere")
    tc.synthesize(tmp_path / "levels", events=20_000)
    with pytest.raises(tc.errors.DataError, match="tells no single orders"):
        tc.fit_queue(tmp_path / "levels")
    with pytest.raises(tc.errors.DataError, match="tells no single orders"):
        tc.compare_queues(tmp_path / "levels")


def test_a_file_that_holds_no_queue_model_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "queue.json"
    good = tc.FittedQueue(exponent=2.0, instrument="X.V", granularity_ms=10.0, orders=40, source="live fills")
    good.save(file)
    held = json.loads(file.read_text())
    for change, problem in (
        ({"exponent": 0}, "exponent is 0.0, expected a number above 0"),
        ({"exponent": "2"}, "exponent is '2', expected a float"),
        ({"orders": None}, "orders is None, expected a int"),
        ({"format": "other"}, "is no queue model"),
    ):
        file.write_text(json.dumps({**held, **change}))
        with pytest.raises(tc.errors.InvalidValueError) as caught:
            tc.SimVenue("V", queue=f"fitted:{file}")
        assert problem in str(caught.value)
    for text in ("{", "[]"):
        file.write_text(text)
        with pytest.raises(tc.errors.InvalidValueError, match="is no queue model"):
            tc.SimVenue("V", queue=f"fitted:{file}")
    with pytest.raises(tc.errors.InvalidValueError, match="cannot be read"):
        tc.SimVenue("V", queue=f"fitted:{tmp_path / 'none.json'}")


def test_the_command_line_makes_orders_and_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    market, model = str(tmp_path / "m"), tmp_path / "q.json"
    made = ["data", "synth", "--l3", "--granularity", "100ms", "--sizes", "many", "--events", "120000", "--seed", "4"]
    assert main([*made, "--catalog", market, "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["events"] == 120_000
    assert main(["fit", "queue", market, "--every", "300ms", "--output", str(model), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["queue"] == tc.read_queue_model(model).queue
    assert main(["fit", "queue", market, "--every", "300ms"]) == 0
    out = capsys.readouterr().out
    assert f'queue = "{told["queue"]}"' in out
    assert "true only" in out
    assert main(["data", "synth", "--sizes", "few", "--catalog", market]) == 2
    assert "add --l3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        ({"sizes": "odd"}, 'sizes: "odd" is not few or many'),
        ({"amendments": 1.5}, "amendments:"),
        ({"granularity": "-1ms"}, "granularity:"),
        ({"start_price": "1"}, "start_price:"),
    ],
)
def test_a_market_of_orders_that_cannot_be_is_refused(terms: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(tc.errors.InvalidValueError) as caught:
        tc.synthesize_orders(tmp_path / "m", events=100, **terms)
    assert problem in str(caught.value)


def test_the_same_market_is_not_written_twice(markets: dict[Any, Path]) -> None:
    market = markets["few", "0ms"]
    before = sorted((path, path.stat().st_mtime_ns) for path in market.rglob("*.parquet"))
    tc.synthesize_orders(market, events=150_000, seed=4)
    assert sorted((path, path.stat().st_mtime_ns) for path in market.rglob("*.parquet")) == before
