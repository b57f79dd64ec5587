"""Indicators of bars inside the kernel are those of the columns, at the time when their bars are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from tradecore._core import indicator_specs
from tradecore.errors import InvalidValueError, UnknownInstrumentError
from tradecore.session.kernel import build_kernel

BTC = "BTCUSDT.SYNTH"
CASES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("rsi", {"period": 5}, ("close",)),
    ("macd", {"fast": 3, "slow": 6, "signal": 3}, ("close",)),
    ("atr", {"period": 4}, ("high", "low", "close")),
    ("obv", {}, ("close", "volume")),
    ("bbands", {"period": 5, "std": 1.5}, ("close",)),
]


class Watcher(tc.Strategy):
    """Reads indicators with every bar."""

    spec: str = "1s"

    def on_start(self, ctx: tc.Context) -> None:
        self.seen: list[tuple[int, float, float, float, float, list[tuple[float, ...]]]] = []
        ctx.subscribe(BTC, f"bars:{self.spec}")
        self.read(ctx)

    def read(self, ctx: tc.Context) -> list[tuple[float, ...]]:
        return [ctx.indicator(name, BTC, bars=self.spec, **parameters).values for name, parameters, _ in CASES]

    def on_bar(self, ctx: tc.Context, bar: Any) -> None:
        self.seen.append((bar.ts_open, bar.high, bar.low, bar.close, bar.volume, self.read(ctx)))


@pytest.mark.parametrize("spec", ["1s", "tick:50", "volume:3", "1s,source=mid"])
def test_a_strategy_reads_what_columns_of_its_bars_say(market: Path, spec: str) -> None:
    watcher = Watcher("w", [BTC], spec=spec)
    tc.Backtest([watcher], market).run()
    assert len(watcher.seen) > 15
    _, high, low, close, volume, read = zip(*watcher.seen, strict=True)
    columns = {"high": np.array(high), "low": np.array(low), "close": np.array(close), "volume": np.array(volume)}
    for at, (name, parameters, inputs) in enumerate(CASES):
        expected = getattr(tc.indicators, name)(*(columns[column] for column in inputs), **parameters)
        expected = np.column_stack(expected if isinstance(expected, tuple) else [expected])
        np.testing.assert_array_equal(np.array([row[at] for row in read]), expected, err_msg=name)


def test_every_indicator_that_reads_bars_is_that_of_columns(market: Path) -> None:
    specs = [spec for spec in indicator_specs() if not {"x", "y"} & set(spec["inputs"])]

    def short(spec: Any) -> dict[str, int]:
        whole = [one["name"] for one in spec["params"] if one["type"] == "int"]
        return {name: 3 + place for place, name in enumerate(whole)}

    class Reader(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            self.bars: list[dict[str, float]] = []
            self.seen: list[list[tuple[float, ...]]] = []
            ctx.subscribe(BTC, "bars:tick:30")
            self.read(ctx)

        def read(self, ctx: tc.Context) -> list[tuple[float, ...]]:
            return [ctx.indicator(spec["name"], BTC, bars="tick:30", **short(spec)).values for spec in specs]

        def on_bar(self, ctx: tc.Context, bar: Any) -> None:
            inputs = ("open", "high", "low", "close", "volume")
            self.bars.append({name: getattr(bar, name) for name in inputs} | {"ts": float(bar.ts_open)})
            self.seen.append(self.read(ctx))

    reader = Reader("r", [BTC])
    tc.Backtest([reader], market).run()
    assert len(specs) > 90
    assert len(reader.bars) > 60
    for at, spec in enumerate(specs):
        columns = [np.array([bar[name] for bar in reader.bars]) for name in spec["inputs"]]
        expected = getattr(tc.indicators, spec["name"])(*columns, **short(spec))
        expected = np.column_stack(expected if isinstance(expected, tuple) else [expected])
        np.testing.assert_array_equal(np.array([row[at] for row in reader.seen]), expected, err_msg=spec["name"])


def test_an_indicator_is_shared_and_goes_on_without_its_first_user(market: Path) -> None:
    told: dict[str, list[float]] = {"early": [], "late": []}

    class Early(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.indicator("sma", BTC, bars="1s", period=3)
            ctx.every("5s", self.end)

        def end(self, ctx: tc.Context) -> None:
            told["early"].append(ctx.indicator("sma", BTC, bars="1s", period=3).value)
            raise ZeroDivisionError

    class Late(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("4s", self.look)

        def look(self, ctx: tc.Context) -> None:
            told["late"].append(float(ctx.indicator("sma", BTC, bars="1s", period=3)))

    with pytest.warns(tc.errors.StrategyWarning):
        tc.Backtest([Early("e", [BTC]), Late("l", [BTC])], market).run()
    assert np.isfinite(told["early"][0])
    assert np.isfinite(told["late"]).all(), "the first look finds what the other one has warmed up"
    assert len(set(told["late"])) == len(told["late"])


def test_indicators_go_on_after_a_restart() -> None:
    def trades(kernel: Any, first: int, last: int) -> None:
        for second in range(first, last):
            at = second * 1_000_000_000 + 5
            price = 600_000 + (second * 37) % 50
            columns = {
                "ts_event": np.array([at]),
                "ts_recv": np.array([at]),
                "kind": np.array([int(tc.EventKind.TRADE)], np.uint8),
                "side": np.array([1], np.int8),
                "flags": np.array([1], np.uint8),
                "price": np.array([price]),
                "qty": np.array([10]),
            }
            while (due := kernel.next_due()) is not None and due <= at:
                kernel.due(due)
            kernel.message(at, 0, columns)

    def made() -> tuple[Any, Watcher]:
        watcher = Watcher("w", [BTC])
        return build_kernel("s", [watcher], [tc.find_instrument(BTC)]), watcher

    whole, one = made()
    whole.start(0)
    trades(whole, 0, 40)
    cut, two = made()
    cut.start(0)
    trades(cut, 0, 17)
    resumed, three = made()
    resumed.restore(cut.save())
    trades(resumed, 17, 40)
    assert len(one.seen) == 39
    assert repr(one.seen) == repr(three.seen)
    assert len(two.seen) == 16


def test_a_reading_is_a_value_with_its_outputs_by_name(market: Path) -> None:
    kept: list[Any] = []

    class Keeper(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("1s", self.look)

        def look(self, ctx: tc.Context) -> None:
            kept.append(ctx.indicator("macd", BTC, bars="500ms", fast=2, slow=4, signal=2))

    tc.Backtest([Keeper("k", [BTC])], market).run()
    first, last = kept[0], kept[-1]
    assert (first.is_ready, last.is_ready) == (False, True)
    assert np.isnan(first.value)
    assert last.names == ("macd", "signal", "hist")
    assert last.values == (last.macd, last["signal"], last.hist)
    assert last.value == float(last) == last.macd
    with pytest.raises(KeyError, match='macd has no "histogram"; it says macd, signal, hist'):
        _ = last["histogram"]
    with pytest.raises(AttributeError, match='macd has no "lines"'):
        _ = last.lines
    assert repr(last).startswith("<macd macd: ")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda ctx: ctx.indicator("rsii", BTC, bars="1m"), InvalidValueError, "did you mean rsi"),
        (lambda ctx: ctx.indicator("rsi", BTC, bars="1x"), InvalidValueError, "1x"),
        (lambda ctx: ctx.indicator("rsi", BTC, bars="1m", period=0), InvalidValueError, "period"),
        (lambda ctx: ctx.indicator("rsi", BTC, bars="1m", length=3), TypeError, "rsi has no parameter.*length"),
        (lambda ctx: ctx.indicator("rsi", "NONE.SYNTH", bars="1m"), UnknownInstrumentError, "NONE"),
        (lambda ctx: ctx.indicator("rsi", BTC), TypeError, "bars"),
        (lambda ctx: ctx.indicator("rsi", BTC, bars=60), InvalidValueError, 'expected a text such as "1m"'),
        (lambda ctx: ctx.indicator("correl", BTC, bars="1m"), InvalidValueError, "correl does not read bars"),
    ],
)
def test_what_cannot_be_is_refused(market: Path, call: Any, error: type[Exception], message: str) -> None:
    class Asker(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            with pytest.raises(error, match=message):
                call(ctx)

    tc.Backtest([Asker("a", [BTC])], market).run()
