"""Decisions that look ahead are found by running again on other futures; others are not accused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, TRADE, columns
from tradecore.backtest.lookahead import _scrambled
from tradecore.cli import main
from tradecore.errors import InvalidValueError, StrategyError, UnknownInstrumentError

BTC = "BTCUSDT.SYNTH"


class Base:
    model_id, latency = "base", "1ms"

    def opinion(self, instrument: str, ts_ns: int, features: np.ndarray) -> tuple[int, float, float]:
        value = self.value(ts_ns, float(features[0]))
        return int(np.sign(value)), 0.5, value

    def value(self, ts_ns: int, mid: float) -> float:
        return round(mid * 10) % 3 - 1.0


class Peeking(Base):
    """Knows the price a second ahead."""

    def prepare(self, data: Any, instruments: list[tc.Instrument]) -> None:
        frame = trades(data)
        self.ts, self.price = frame["ts_recv"].to_numpy(), frame["price"].to_numpy()

    def value(self, ts_ns: int, mid: float) -> float:
        at = min(int(np.searchsorted(self.ts, ts_ns + 1_000_000_000)), len(self.ts) - 1)
        now = max(int(np.searchsorted(self.ts, ts_ns)) - 1, 0)
        return float(self.price[at] - self.price[now])


class Normalised(Base):
    """Compares with the mean of all data, as a scaler that was fitted on the whole sample does."""

    def prepare(self, data: Any, instruments: list[tc.Instrument]) -> None:
        self.mean = float(trades(data)["price"].mean()) * float(instruments[0].price_increment)  # type: ignore[arg-type]

    def value(self, ts_ns: int, mid: float) -> float:
        return mid - self.mean


class Expanding(Base):
    """The same, honestly: of what was known."""

    def prepare(self, data: Any, instruments: list[tc.Instrument]) -> None:
        frame = trades(data)
        price = frame["price"].to_numpy() * float(instruments[0].price_increment)
        self.ts, self.mean = frame["ts_recv"].to_numpy(), np.cumsum(price) / np.arange(1, len(price) + 1)

    def value(self, ts_ns: int, mid: float) -> float:
        at = int(np.searchsorted(self.ts, ts_ns, side="right")) - 1
        return mid - self.mean[at] if at >= 0 else 0.0


class Early(Base):
    """Takes the venue's clock for ours: it has every trade as soon as the venue."""

    def prepare(self, data: Any, instruments: list[tc.Instrument]) -> None:
        frame = trades(data)
        self.ts, self.price = frame["ts_event"].to_numpy(), frame["price"].to_numpy()

    def value(self, ts_ns: int, mid: float) -> float:
        at = int(np.searchsorted(self.ts, ts_ns, side="right")) - 1
        return float(self.price[at] % 7) - 3 if at >= 0 else 0.0


class Chance(Base):
    """Draws what it says anew in every run."""

    draws = np.random.default_rng(1)

    def value(self, ts_ns: int, mid: float) -> float:
        return float(self.draws.normal())


def trades(data: Any) -> pl.DataFrame:
    names = ("ts_event", "ts_recv", "kind", "price")
    if isinstance(data, Mapping):
        (held,) = data.values()
        frame = pl.DataFrame({name: held[name] for name in names})
    else:
        frame = pl.concat(data.pieces(BTC)).select(names)
    return frame.filter(kind=TRADE)


class Follower(tc.Strategy):
    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("200ms", self.ask)

    def ask(self, ctx: tc.Context) -> None:
        book = ctx.book(BTC)
        if book.mid is not None:
            ctx.predict(BTC, [book.mid], lifetime="1s")

    def on_signal(self, ctx: tc.Context, signal: tc.Signal) -> None:
        book = ctx.book(BTC)
        if signal.action:
            side = "buy" if signal.action > 0 else "sell"
            price = book.best_bid if signal.action > 0 else book.best_ask
            ctx.cancel_all(BTC)
            if price is not None and abs(ctx.position(BTC).qty) < 0.1:
                ctx.submit(BTC, side, "0.01", price, post_only=True)


def follower(predictor: object) -> list[tc.Strategy]:
    strategy = Follower("f", [BTC])
    strategy.predictor = predictor  # type: ignore[assignment]
    return [strategy]


@pytest.mark.parametrize("kind", [Peeking, Normalised])
def test_a_predictor_that_was_told_the_future_is_found(market: Path, kind: type[Base]) -> None:
    report = tc.check_lookahead(lambda: follower(kind()), market, cuts=4)
    assert not report.is_clean
    assert report.decisions > 50
    assert len(report.cuts) == 4
    assert {change.future for change in report.changes} == {"truncated", "scrambled"}
    for change in report.changes:
        assert change.before != change.after
        assert change.at_ns <= change.cut_ns
        assert change.strategy == "f"
    moments = {(change.at_ns, change.strategy) for change in report.changes}
    assert len(moments) < len(report.changes), "one is found by several cuts"
    head, *lines = str(report).splitlines()
    assert head.startswith(f"LOOK-AHEAD: decisions of {len(moments):,} moments changed; {report.decisions:,} decisions")
    assert len(lines) == min(len(moments), 21)


def test_what_was_known_to_the_venue_alone_is_found(market: Path) -> None:
    """Only data that ends finds it: what is turned round is what came after the cut."""
    report = tc.check_lookahead(lambda: follower(Early()), market, cuts=None)
    assert 0 < len({change.at_ns for change in report.changes}) < len(report.cuts)
    assert {change.future for change in report.changes} == {"truncated"}
    assert all(change.cut_ns - change.at_ns < 10_000_000 for change in report.changes)
    assert len(report.cuts) > 20


def test_chance_is_not_taken_for_look_ahead(market: Path) -> None:
    with pytest.raises(
        InvalidValueError, match=r"strategies: decide otherwise on the same data: f at \d+: .*signal on"
    ):
        tc.check_lookahead(lambda: follower(Chance()), market, cuts=2)


def test_a_request_that_a_limit_refuses_is_a_decision(market: Path) -> None:
    class Loud(Follower):
        def on_signal(self, ctx: tc.Context, signal: tc.Signal) -> None:
            ctx.submit(BTC, "buy" if signal.action > 0 else "sell", "0.5", ctx.book(BTC).best_bid)

    def loud() -> list[tc.Strategy]:
        strategy = Loud("f", [BTC])
        strategy.predictor = Peeking()
        return [strategy]

    report = tc.check_lookahead(loud, market, risk=tc.RiskLimits(max_order_notional="10"), cuts=3)
    told = [change.before for change in report.changes if change.before and "refused" in change.before]
    assert told
    assert re.search(r"new (buy|sell) 0.5 BTCUSDT.SYNTH @ \d+\.?\d*, refused by max_order_notional", told[0])


def test_a_hook_that_raises_on_what_never_came_is_no_look_ahead(market: Path) -> None:
    highest = max(pl.concat(tc.Catalog(market).pieces(BTC)).filter(kind=TRADE)["price"]) / 10

    class Surprised(Follower):
        def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
            assert trade.price <= highest, "never seen"

    def surprised() -> list[tc.Strategy]:
        strategy = Surprised("f", [BTC])
        strategy.predictor = Base()
        return [strategy]

    report = tc.check_lookahead(surprised, market, cuts=3)
    assert report.is_clean, str(report)


@pytest.mark.parametrize("kind", [Base, Expanding])
def test_one_that_uses_what_was_known_is_not_accused(market: Path, kind: type[Base]) -> None:
    told: list[tuple[int, int]] = []
    report = tc.check_lookahead(
        lambda: follower(kind()), market, cuts=6, progress=lambda done, of: told.append((done, of))
    )
    assert report.is_clean, str(report)
    assert report.decisions > 50
    assert told[-1] == (13, 13)
    assert str(report).startswith("no look-ahead")


def test_market_makers_are_not_accused_whatever_happens_at_the_cut(market: Path) -> None:
    def makers() -> list[tc.Strategy]:
        settings: dict[str, Any] = {"quote_qty": "0.01", "max_position": "0.05"}
        return [
            tc.TouchMaker("t", [BTC], interval="100ms", **settings),
            tc.AvellanedaStoikov("a", [BTC], gamma=0.05, **settings),
        ]

    venues = [tc.SimVenue("SYNTH", queue="power(2)", latency=tc.Latency(entry="2ms", response="3ms", feed="7ms"))]
    for given in (None, venues):
        report = tc.check_lookahead(makers, market, given, cuts=8, seed=5)
        assert report.is_clean, str(report)
        assert report.decisions > 200


def test_columns_in_memory_are_checked_like_a_catalog(market: Path) -> None:
    frame = pl.concat(tc.Catalog(market).pieces(BTC))
    in_memory = tc.check_lookahead(lambda: follower(Peeking()), {BTC: frame}, cuts=2)
    assert in_memory == tc.check_lookahead(lambda: follower(Peeking()), market, cuts=2)


def test_a_strategy_that_decides_nothing_has_no_cuts(market: Path) -> None:
    report = tc.check_lookahead(lambda: [tc.Strategy("s", [BTC])], market)
    assert (report.decisions, report.cuts, report.is_clean) == (0, (), False)


def test_what_cannot_be_checked_is_refused(market: Path) -> None:
    with pytest.raises(InvalidValueError, match="strategies: expected a function that makes them"):
        tc.check_lookahead([tc.Strategy("s", [BTC])], market)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="cuts"):
        tc.check_lookahead(lambda: [tc.Strategy("s", [BTC])], market, cuts=0)
    with pytest.raises(UnknownInstrumentError, match="NONE"):
        tc.check_lookahead(lambda: [tc.Strategy("s", ["NONE.SYNTH"])], {BTC: pl.DataFrame()})

    class Failing(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            raise ZeroDivisionError

    with pytest.raises(StrategyError):
        tc.check_lookahead(lambda: [Failing("s", [BTC])], market)


def test_the_other_future_is_the_mirror_image_of_the_real_one(instrument: tc.Instrument) -> None:
    rows = [
        (10, CLEAR, 0, 0, 0, 0),
        (10, SET, 1, 0, 100, 5),
        (10, SET, 1, 0, 98, 7),
        (10, SET, -1, LAST, 103, 2),
        (20, TRADE, 1, LAST, 103, 1),
        (30, SET, 1, 0, 101, 4),
        (30, SET, -1, LAST, 103, 0),
        (40, TRADE, -1, LAST, 101, 1),
        (50, int(tc.EventKind.MARK), 0, LAST, 10_250_000_000, 0),
        (60, int(tc.EventKind.FUNDING), 0, LAST, 500, 0),
    ]
    other = _scrambled(columns(rows), instrument, 25, [])
    told = list(zip(*(other[name].tolist() for name in ("ts_event", "kind", "side", "price", "qty")), strict=True))
    assert told[:5] == [(ts, kind, side, price, qty) for ts, kind, side, _, price, qty in rows[:5]]
    assert told[5:] == [
        (30, CLEAR, 0, 203, 0),  # of a void book the price says nothing
        (30, SET, -1, 103, 5),
        (30, SET, -1, 105, 7),
        (30, SET, 1, 100, 2),
        (30, SET, -1, 102, 4),
        (30, SET, 1, 100, 0),
        (40, TRADE, 1, 102, 1),
        (50, int(tc.EventKind.MARK), 0, 20_300_000_000 - 10_250_000_000, 0),
        (60, int(tc.EventKind.FUNDING), 0, -500, 0),
    ]
    book = tc.L2Book(instrument)
    book.apply(other)
    assert not book.is_crossed
    assert _scrambled(columns(rows), instrument, 60, [])["price"].tolist() == [row[4] for row in rows]


CONFIG = """
[data]
catalog = "{market}"

[risk]
max_order_notional = 100

[[strategies]]
kind = "{file}:Made"
name = "f"
"""


def test_the_command_says_what_it_found_and_ends_with_1(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    for kind, code in (("Normalised", 1), ("Base", 0)):
        (tmp_path / "s.py").write_text(
            f"import test_lookahead as t\n\n\nclass Made(t.Follower):\n    predictor = t.{kind}()\n"
        )
        config = tmp_path / f"{kind}.toml"
        config.write_text(CONFIG.format(market=market, file=tmp_path / "s.py"))
        assert main(["lookahead", str(config), "--cuts", "3", "--quiet"]) == code
        out = capsys.readouterr()
        assert out.out.startswith("LOOK-AHEAD" if code else "no look-ahead")
        assert out.err == ""
        assert main(["lookahead", str(config), "--cuts", "3", "--json", "--quiet"]) == code
        told = orjson.loads(capsys.readouterr().out)
        assert told["is_clean"] is (code == 0)
        assert "refused by max_order_notional" in str(told["changes"]) or code == 0, "limits hold as in the run"
        assert len(told["cuts"]) == 3
        assert all({"cut_ns", "future", "at_ns", "strategy", "before", "after"} == set(c) for c in told["changes"])
    assert main(["lookahead", str(config), "--every", "--json", "--quiet"]) == 0
    told = orjson.loads(capsys.readouterr().out)
    assert len(told["cuts"]) > 20
    assert main(["lookahead", str(tmp_path / "none.toml")]) == 2
    assert main(["lookahead", str(config), "--cuts", "0"]) == 2


class Idle(tc.Strategy):
    """Decides nothing, or fails before it could."""

    fails: bool = False

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None:
        if self.fails:
            raise RuntimeError("no luck")


def test_who_decides_nothing_is_not_called_clean(market: Path, tmp_path: Path) -> None:
    report = tc.check_lookahead(lambda: [Idle("i", [BTC])], market)
    assert not report.is_clean
    assert str(report) == "nothing to tell: no decision was made, so none could look ahead"
    config = tmp_path / "idle.toml"
    config.write_text(f'[data]\ncatalog = "{market}"\n[[strategies]]\nkind = "{__file__}:Idle"\n')
    assert main(["lookahead", str(config), "--quiet"]) == 1


@pytest.mark.parametrize("on_error", ["stop_strategy", "stop_run"])
def test_who_fails_is_not_judged(market: Path, on_error: Any) -> None:
    with pytest.raises(StrategyError, match="no luck"):
        tc.check_lookahead(lambda: [Idle("i", [BTC], fails=True)], market, on_error=on_error)
