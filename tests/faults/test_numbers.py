"""Absurd numbers: a typed error or a result, within bounded memory and time; never a panic, a wrapped sum or a figure
that is none.

All cases run in one other process with little memory: what takes memory before it checks a size ends that process, and
the test of that case names it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tradecore as tc
from tradecore.errors import InvalidValueError, OrderError, StrategyError, StrategyWarning

BTC = "BTCUSDT.SYNTH"
MEMORY = 2 << 30
"""Bytes of address space that the cases may have."""
SECONDS = 100

WHOLE = (-1, 0, 1, 7, 2**31, 2**53, 2**60, 2**62, 2**63 - 1, 2**63, 2**64, 10**30, 10**400)
FLOATS = (float("inf"), float("nan"), 1e308, -1e308, 5e-324, 1.5)
NUMBERS = WHOLE + FLOATS
DECIMALS = (
    "0",
    "-1",
    "1e-12",
    "1e-18",
    "1e-38",
    "1e12",
    "1e18",
    "1e37",
    "9" * 38,
    "0." + "1" * 30,
    "nan",
    "inf",
    10**400,
)
LENGTHS = (
    "0ns",
    "-1s",
    "1ns",
    "36500d",
    "4611686018427387903ns",
    "9223372036854775807ns",
    "1e30s",
    timedelta.max,
    2**70,
)
PRICES = ("1", "1e12", "1e16", "115292150460684697.5", "115292150460684697.6", "9e17", 10**40)
QUANTITIES = ("1", "1e6", "1e12", "1e15", "1152921504606846.975", "1152921504606846.976", "9e15", 2**70)


def instrument(**terms: Any) -> tc.Instrument:
    spec = {"kind": "linear", "base": "BTC", "quote": "USDT", "price_increment": "0.1", "qty_increment": "0.001"}
    return tc.Instrument(BTC, **{**spec, **terms})


def touch(**parameters: Any) -> tc.TouchMaker:
    return tc.TouchMaker("m", [BTC], **{"quote_qty": "0.01", "max_position": "0.05", **parameters})


def maker(**parameters: Any) -> tc.AvellanedaStoikov:
    return tc.AvellanedaStoikov("m", [BTC], quote_qty="0.01", max_position="0.05", **parameters)


def doing(do: Callable[[tc.Context], object], name: str = "s") -> tc.Strategy:
    """Return a strategy that does the same every 100 ms."""

    class Doing(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("100ms", self.act)

        def on_timer(self, ctx: tc.Context, timer: int) -> None:
            pass

        def on_bar(self, ctx: tc.Context, bar: object) -> None:
            pass

        def act(self, ctx: tc.Context) -> None:
            do(ctx)

    return Doing(name, [BTC])


def run(market: Path, *strategies: tc.Strategy, **settings: Any) -> list[float]:
    """Run, print, and return all figures there are."""
    result = tc.Backtest(strategies, market, **settings).run()
    shown = f"{result}{result!r}{result._repr_html_()}"
    figures = [value for value in result.stats.to_dict().values() if isinstance(value, float)]
    figures += [float(value) for row in result.pnl.rows() for value in row if isinstance(value, float | Decimal)]
    assert "nan" not in shown.lower().replace("finance", "") or not any(np.isnan(figures)), shown
    return figures + result.equity["equity"].cast(float).to_list()


def ledger(contract: dict[str, Any]) -> list[float]:
    """Book what can be booked of the largest and smallest fills, and return all amounts."""
    spec = instrument(**contract)
    amounts = []
    for price in (1, 2**60 - 1):
        for qty in (1, 2**60 - 1):
            one = tc.PositionLedger(spec)
            for side, at in [("buy", price)] * 9 + [("sell", 1)] * 19:
                terms = Decimal(contract["price_increment"]) * at, Decimal(contract["qty_increment"]) * qty
                try:
                    one.apply(side, *terms)
                    amounts += [float(v) for v in one.position(terms[0]).values() if v is not None]
                except tc.TradecoreError:
                    continue
    return amounts


def cases(market: Path, scratch: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield everything that takes a size or a number, with the numbers it is tried with."""

    def each(
        name: str, call: Callable[[Any], object], values: tuple[Any, ...]
    ) -> Iterator[tuple[str, Callable[[], object]]]:
        for value in values:
            shown = repr(value) if value != 10**400 else "10**400"
            yield f"{name}={shown}", lambda value=value: call(value)

    yield from each("RealizedVolatility.window", tc.RealizedVolatility, NUMBERS)
    yield from each("RealizedVolatility.half_life_s", lambda v: tc.RealizedVolatility(5, v), NUMBERS)
    yield from each("RealizedVolatility.ts_ns", lambda v: tc.RealizedVolatility(5).update(v, 1.0), NUMBERS)
    yield from each("RealizedVolatility.mid", volatility, NUMBERS)
    yield from each("IntensityEstimator.bins", lambda v: tc.IntensityEstimator(bins=v), NUMBERS)
    yield from each("IntensityEstimator.window", lambda v: tc.IntensityEstimator(window=v), NUMBERS)
    yield from each("IntensityEstimator.bin_ticks", lambda v: intensity(v, 1.0, 1.0), NUMBERS)
    yield from each("IntensityEstimator.trade", lambda v: intensity(1.0, v, 1.0), NUMBERS)
    yield from each("IntensityEstimator.end_interval", lambda v: intensity(1.0, 1.0, v), NUMBERS)
    counts = np.array([2**64 - 1, 37, 14], np.uint64)
    yield from each("fit_intensity.seconds", lambda v: tc.fit_intensity(np.array([0.5, 1.5, 2.5]), counts, v), NUMBERS)
    yield from each("fit_intensity.distances", lambda v: tc.fit_intensity(np.array([0.5, 1.5, v]), counts, 1.0), FLOATS)
    for name in ("gamma", "sigma", "k"):
        yield from each(
            f"avellaneda_stoikov_quotes.{name}",
            lambda v, n=name: quotes(**{n: v}),
            NUMBERS,
        )
    for name in ("gamma", "sigma", "a", "k", "delta", "xi"):
        yield from each(f"glft_coefficients.{name}", lambda v, n=name: glft(**{n: v}), NUMBERS)
    yield from each("QueueSimulator.displayed", queue, NUMBERS)
    for name in ("lot", "unit", "seed"):
        yield from each(f"QueueSimulator.{name}", lambda v, n=name: queue(100, **{n: v}), NUMBERS)
    yield from each("QueueSimulator.trade", lambda v: queue(100, trade=v), NUMBERS)
    yield from each("QueueSimulator.depth", lambda v: queue(100, new=v), NUMBERS)
    for name in (
        *("price_increment", "qty_increment", "tick_size", "lot_size", "min_qty", "max_qty", "min_notional"),
        *("contract_size", "maker_fee_bps", "taker_fee_bps"),
    ):
        yield from each(f"Instrument.{name}", lambda v, n=name: repr(instrument(**{n: v})), DECIMALS)
    for name in ("expiry_ns", "listing_ns"):
        yield from each(f"Instrument.{name}", lambda v, n=name: repr(instrument(**{n: v})), (*WHOLE, *DECIMALS))
    for kind in ("linear", "inverse"):
        for terms in (
            ("1e-18", "1e-18", "1"),
            ("1e-12", "1e-12", "1e12"),
            ("1e12", "1e12", "1e12"),
            ("0.1", "1", "1e26"),
        ):
            contract = dict(zip(("price_increment", "qty_increment", "contract_size"), terms, strict=True))
            contract |= {"kind": kind} | ({"settlement": "BTC"} if kind == "inverse" else {})
            yield f"PositionLedger.{kind}={terms}", lambda contract=contract: ledger(contract)
    yield from each("L2Book.depth", lambda v: tc.L2Book(BTC).depth(v), NUMBERS)
    yield from each("L2Book.imbalance", lambda v: tc.L2Book(BTC).imbalance(v), NUMBERS)
    yield from each("L2Book.price", lambda v: book(v, 1), PRICES)
    yield from each("L2Book.qty", lambda v: book(1, v), QUANTITIES)
    yield from each("L2Book.set_steps", lambda v: tc.L2Book(BTC).set_steps(1, v, v), WHOLE)
    decoder = tc.FeedDecoder("BINANCE", ["BTCUSDT.BINANCE"])
    trade = b'{"e":"trade","E":2,"T":1,"s":"BTCUSDT","t":7,"p":"60000.10","q":"0.00500","m":true}'
    yield from each("FeedDecoder.feed", lambda v: decoder.feed(trade, v), NUMBERS)
    for name in ("entry", "response", "feed"):
        yield from each(f"Latency.{name}", lambda v, n=name: tc.Latency(**{n: v}), LENGTHS)
    yield from each("SimVenue.clock_lead", lambda v: tc.SimVenue("X", clock_lead=v), LENGTHS)
    yield from each("SimVenue.queue", lambda v: tc.SimVenue("X", queue=f"power({v})"), ("1e308", "1e-308", "1e400"))
    for name in ("maker_fee_bps", "taker_fee_bps"):
        yield from each(f"SimVenue.{name}", lambda v, n=name: tc.SimVenue("X", **{n: v}), DECIMALS)

    def synthesize(**given: Any) -> object:
        market = scratch / str(len(list(scratch.iterdir())))
        return tc.synthesize(market, **{"events": 50, "instrument": instrument(), **given})

    impossible = tuple(v for v in NUMBERS if not (isinstance(v, int) and 2**31 <= v <= 10**10))
    yield from each("synthesize.events", lambda v: synthesize(events=v), impossible)
    yield from each("synthesize.seed", lambda v: synthesize(seed=v), NUMBERS)
    yield from each("synthesize.start_price", lambda v: synthesize(start_price=v), PRICES)
    yield from each("synthesize.typical_qty", lambda v: synthesize(typical_qty=v, events=3_000), QUANTITIES)
    for name in ("message_gap", "latency", "jitter"):
        yield from each(f"synthesize.{name}", lambda v, n=name: synthesize(**{n: v}, events=3_000), LENGTHS)

    catalog = tc.Catalog(market)
    yield from each("Catalog.book.depth", lambda v: catalog.book(BTC, depth=v).head(3).collect(), NUMBERS)
    yield from each("Catalog.book.every", lambda v: catalog.book(BTC, every=v).head(3).collect(), LENGTHS)
    yield from each("Catalog.bars.every", lambda v: catalog.bars(BTC, every=v).head(3).collect(), LENGTHS)

    yield from each("Backtest.seed", lambda v: run(market, touch(), seed=v), NUMBERS)
    yield from each("Backtest.byte_budget", lambda v: run(market, touch(), byte_budget=v), NUMBERS)
    for name in ("sample_interval", "candles"):
        yield from each(f"Backtest.{name}", lambda v, n=name: run(market, touch(), **{n: v}), LENGTHS)
    yield from each("TouchMaker.quote_qty", lambda v: run(market, touch(quote_qty=v, max_position=v)), QUANTITIES)
    yield from each("TouchMaker.offset_ticks", lambda v: run(market, touch(offset_ticks=v)), NUMBERS)
    for name in (
        *("gamma", "xi", "delta", "horizon_s", "volatility_window", "volatility_half_life_s", "sigma_min", "sigma_max"),
        *("intensity_window", "intensity_bins", "bin_ticks", "sigma"),
    ):
        yield from each(f"AvellanedaStoikov.{name}", lambda v, n=name: run(market, maker(**{n: v})), NUMBERS)
    for name in ("arrival_rate", "depth_decay"):
        yield from each(
            f"AvellanedaStoikov.{name}",
            lambda v, n=name: run(market, maker(**{"arrival_rate": 1.0, "depth_decay": 1.0, n: v})),
            NUMBERS,
        )

    hooks: dict[str, tuple[Callable[[tc.Context, Any], object], tuple[Any, ...]]] = {
        "every": (lambda c, v: c.every(v), LENGTHS),
        "at": (lambda c, v: c.at(v), NUMBERS),
        "cancel": (lambda c, v: c.cancel(v), NUMBERS),
        "depth": (lambda c, v: (c.book(BTC).depth(v), c.book(BTC).imbalance(v)), NUMBERS),
        "round": (lambda c, v: (c.book(BTC).round_bid(v), c.book(BTC).round_ask(v), c.book(BTC).round_qty(v)), NUMBERS),
        "bars": (lambda c, v: c.subscribe(BTC, f"bars:{v}"), LENGTHS),
        "buy": (lambda c, v: c.buy(BTC, v), QUANTITIES),
        "sell": (lambda c, v: c.sell(BTC, v), QUANTITIES),
        "limits": (
            lambda c, v: (c.buy(BTC, v, "1"), c.buy(BTC, v, "70000"), c.sell(BTC, v, "1", time_in_force="ioc")),
            QUANTITIES,
        ),
        "price": (lambda c, v: (c.buy(BTC, 1, v), c.sell(BTC, 1, v)), PRICES),
        "quote.qty": (lambda c, v: c.quote(BTC, bid="59000", ask="61000", qty=v), QUANTITIES),
        "quote.price": (lambda c, v: c.quote(BTC, bid="59000", ask=v, qty=1), PRICES),
        "replace.qty": (lambda c, v: c.replace(c.buy(BTC, 1, "59000"), qty=v), QUANTITIES),
        "replace.price": (lambda c, v: c.replace(c.buy(BTC, 1, "59000"), price=v), PRICES),
    }
    for name, (hook, values) in hooks.items():
        yield from each(f"Context.{name}", lambda v, h=hook: run(market, doing(lambda ctx: h(ctx, v))), values)

    def sweep(grid: Any, **settings: Any) -> object:
        return tc.sweep(tc.TouchMaker, market, grid, instruments=[BTC], **settings)

    yield from each("sweep.grid", lambda v: sweep({"offset_ticks": range(v)}), (10**7, 10**12, 10**30))
    small = {"quote_qty": "0.01", "max_position": "0.05", "offset_ticks": [0, 1]}
    yield from each("sweep.workers", lambda v: sweep(small, workers=v), (-1, 0, 10**9, 2**64))


def quotes(**given: Any) -> object:
    one = np.ones(1)
    return tc.avellaneda_stoikov_quotes(one, one, one, **{"gamma": 0.1, "sigma": 2.0, "k": 1.5, **given})


def glft(**given: Any) -> object:
    return tc.glft_coefficients(**{"gamma": 0.1, "sigma": 2.0, "a": 1.0, "k": 1.5, **given})


def volatility(mid: Any) -> object:
    one = tc.RealizedVolatility(2)
    return [one.update(ts, at) for ts, at in [(-(2**63), 0.0), (2**63 - 1, mid), (2**63 - 1, 0.0)]]


def intensity(bin_ticks: Any, depth: Any, seconds: Any) -> object:
    one = tc.IntensityEstimator(bin_ticks=bin_ticks, bins=3, window=4)
    for deepest in (0.8, 1.1, 2.9, depth, 0.7, 1.8, 0.9):
        one.trade(deepest)
        one.end_interval(seconds)
    return one.fit()


def queue(displayed: Any, trade: Any = 60, new: Any = 30, **given: Any) -> object:
    fronts = []
    for model in ("conservative", "power(2)", "power2(99999)", "power3(0.5)", "log", "log2", "depletion"):
        one = tc.QueueSimulator(model, displayed, **given)
        fronts.append((one.trade(trade), one.depth(100, new), one.depth(new, 5), one.front)[-1])
    return fronts


def book(price: Any, qty: Any) -> object:
    one = tc.L2Book(BTC)
    for side in ("bid", "ask"):
        one.set(side, price, qty)
    return [one.mid, one.microprice, one.imbalance(9), *one.depth(9)[0].flatten().tolist()]


def is_sound(value: Any) -> bool:
    """Whether no number that is shown is infinite or none."""
    if isinstance(value, float):
        return bool(np.isfinite(value))
    if isinstance(value, dict):
        return all(map(is_sound, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_sound, value))
    return not isinstance(value, np.ndarray) or bool(np.isfinite(value).all())


def outcome(call: Callable[[], object]) -> str:
    """What came of a call: a sound result, a refusal, or what was wrong."""
    try:
        result = call()
    except tc.TradecoreError as error:
        return "refused" if 0 < len(str(error)) < 2_000 else f"says {len(str(error))} characters"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    return "sound" if is_sound(result) else f"shows {result!r:.300}"


def tried(market: Path, scratch: Path) -> None:
    """Try all cases, and write down one by one what came of each."""
    import warnings

    warnings.simplefilter("ignore")
    for name, call in cases(market, scratch):
        print(json.dumps([name, None]), flush=True)
        print(json.dumps([name, outcome(call)]), flush=True)


CHILD = f"""
import pathlib, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_numbers
test_numbers.tried(*map(pathlib.Path, sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with ten seconds of a synthetic market."""
    folder = tmp_path_factory.mktemp("small")
    tc.synthesize(folder, events=12_000, seed=1)
    return folder


@pytest.fixture(scope="module")
def outcomes(small: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    command = [sys.executable, "-c", CHILD, str(small), str(tmp_path_factory.mktemp("scratch"))]
    # Threads of polars and their stacks are not what is measured.
    environment = {**os.environ, "POLARS_MAX_THREADS": "2", "RUST_BACKTRACE": "0"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=290, env=environment)
    told: dict[str, str | None] = {}
    for line in done.stdout.splitlines():
        name, said = json.loads(line)
        told[name] = said
    told[""] = None if done.returncode == 0 else f"the process ended with {done.returncode}: {done.stderr[-2_000:]}"
    return told


HOPELESS = ("sweep.grid",)
"""What is only tried with numbers that are beyond all reason."""
AREAS = sorted({name.partition("=")[0] for name, _ in cases(Path("/nowhere"), Path("/nowhere"))})


@pytest.mark.parametrize("area", AREAS)
def test_an_absurd_number_is_a_typed_error_or_gives_a_figure(area: str, outcomes: dict[str, str | None]) -> None:
    of_area = {name: said for name, said in outcomes.items() if name.partition("=")[0] == area}
    wrong = {name: said or outcomes[""] for name, said in of_area.items() if said not in ("sound", "refused")}
    assert of_area, outcomes[""]
    assert not wrong, "\n".join(f"{name}: {said}" for name, said in wrong.items())
    assert area in HOPELESS or "sound" in of_area.values(), "the calls are not what they are meant to be"


def test_every_case_was_tried(outcomes: dict[str, str | None]) -> None:
    assert outcomes[""] is None
    assert len(outcomes) > 1_000


def test_two_times_1e26_is_the_error_of_the_strategy_that_asked_for_it(tmp_path: Path) -> None:
    spec = instrument(contract_size="1e22")
    tc.synthesize(tmp_path, events=5_000, instrument=spec, seed=3)
    rich = doing(lambda ctx: ctx.buy(BTC, 1))
    with pytest.raises(StrategyError, match=rf"strategy s failed: .*{BTC}: .* worth more than 10\^21 of") as failed:
        tc.Backtest([rich], tmp_path, specs=[spec]).run()
    assert (failed.value.result.net_pnl, failed.value.result.stats.fills) == (0, 0)


def test_the_others_go_on_with_the_figures_of_a_run_without_the_one_that_fails(small: Path) -> None:
    def modest() -> tc.Strategy:
        return touch(quote_qty="0.1", max_position="1")

    venue = tc.SimVenue("SYNTH", accounts="isolated")
    alone = tc.Backtest([modest()], small, [venue]).run()
    reckless = doing(lambda ctx: ctx.buy(BTC, "1e15", "1e9"), "reckless")
    with pytest.warns(StrategyWarning, match=rf"strategy reckless failed: .*{BTC}"):
        both = tc.Backtest([modest(), reckless], small, [venue]).run()
    assert list(both.failures) == ["reckless"]
    assert alone.stats.fills > 0
    own = both.pnl.filter(strategy="m")
    assert own.rows() == alone.pnl.rows()


def test_an_order_beyond_arithmetic_can_be_caught_and_names_instrument_and_value(small: Path) -> None:
    caught: list[Exception] = []

    def act(ctx: tc.Context) -> None:
        for qty, price in (("1152921504606846.976", None), ("1", "115292150460684697.6"), ("1e15", "1e9")):
            try:
                ctx.buy(BTC, qty, price)
            except (InvalidValueError, OrderError) as error:
                caught.append(error)

    result = tc.Backtest([doing(act)], small).run()
    assert result.stats.orders == 0
    large, dear, worth = caught[:3]
    assert str(large) == f"qty: {BTC}: qty 1152921504606846.976 is 2^60 increments or more"
    assert str(dear) == f"price: {BTC}: price 115292150460684697.6 is 2^60 increments or more"
    assert isinstance(worth, OrderError)
    assert str(worth).startswith(f"{BTC}: 1000000000000000000 increments at 10000000000 price increments")


def test_money_is_exact_up_to_its_limit(small: Path) -> None:
    spec = instrument(contract_size="1e15", taker_fee_bps="0.000000000001")
    ledger = tc.PositionLedger(spec)
    ledger.apply("buy", "60000.1", 1)
    ledger.apply("sell", "60000.2", "0.001")
    position = ledger.position("60000.3")
    assert position["realized_pnl"] == Decimal("1E+11")
    assert position["cash"] == Decimal("-59940099800000000006.000010") - position["fees"] + Decimal("6.000010")
    with pytest.raises(tc.errors.RunError, match=rf"{BTC}: .* worth more than 10\^21 of the settlement currency"):
        ledger.apply("buy", "60000.1", "1e6")
    assert ledger.position("60000.3") == position


def test_instruments_are_counted_not_believed() -> None:
    with pytest.raises(InvalidValueError, match="got 0"):
        tc.FeedDecoder("BINANCE", range(10**18))  # type: ignore[arg-type]
    for text in ("BTCUSDT.BINANCE", ""):
        with pytest.raises(InvalidValueError, match="instruments: expected a list of ids or instruments, got '"):
            tc.FeedDecoder("BINANCE", text)
