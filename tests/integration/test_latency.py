"""Latencies that vary: drawn, measured, of a busy market; and models of measured ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from conftest import cli
from tradecore.errors import DataError, InvalidValueError

NAME = "BTCUSDT.SYNTH"
MS = 1_000_000


class Pulse(tc.Strategy):
    """Sends a small order far from the touch every 20 ms and notes how long each answer took."""

    def on_start(self, ctx: tc.Context) -> None:
        self.sent: dict[int, int] = {}
        self.took: list[int] = []
        self.answered: list[int] = []
        ctx.every("20ms")

    def on_timer(self, ctx: tc.Context, timer: int) -> None:
        if len(self.sent) < 200 and (bid := ctx.book(NAME).best_bid) is not None:
            self.sent[ctx.buy(NAME, "0.01", bid - 100, post_only=True)] = ctx.now_ns

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
        if order.status is tc.OrderStatus.NEW:
            self.took.append(ctx.now_ns - self.sent[order.order_id])
            self.answered.append(order.order_id)


def pulse(market: Path, seed: int = 1, **legs: Any) -> tuple[Pulse, tc.Result]:
    made = Pulse("p", [NAME])
    venue = tc.SimVenue("SYNTH", latency=tc.Latency(**{"entry": 0, "response": 0, **legs}))
    return made, tc.Backtest([made], market, [venue], seed=seed).run()


def test_each_order_draws_its_own_latency_and_none_overtakes_another(market: Path) -> None:
    made, _ = pulse(market, entry="lognormal(30ms, 0.8)", response="mixture(0.8 1ms, 0.2 90ms)")
    assert len(set(made.took)) > 50
    assert made.answered == sorted(made.answered)
    assert min(made.took) > MS
    assert max(made.took) > 90 * MS


def test_draws_follow_from_the_seed(market: Path) -> None:
    digests = [
        pulse(market, seed, entry="lognormal(30ms, 0.8)", feed="lognormal(5ms, 1)")[1].digest for seed in (1, 1, 2)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_isolated_strategies_draw_as_if_they_were_alone(market: Path) -> None:
    latency = tc.Latency(entry="lognormal(30ms, 0.8)", response="lognormal(3ms, 0.8)")
    venue = tc.SimVenue("SYNTH", latency=latency, accounts="isolated")
    both = [Pulse("a", [NAME]), Pulse("b", [NAME])]
    tc.Backtest(both, market, [venue], seed=3).run()
    alone = Pulse("a", [NAME])
    tc.Backtest([alone], market, [venue], seed=3).run()
    assert alone.took == both[0].took == both[1].took


def test_a_busy_market_answers_later(market: Path) -> None:
    made, _ = pulse(market, entry="load(1ms, each=1ms, window=100ms)")
    assert min(made.took) >= MS
    assert len(set(made.took)) > 3
    assert all(took % MS == 0 for took in made.took)


def test_a_series_is_read_when_the_run_begins(market: Path, tmp_path: Path) -> None:
    series = tmp_path / "acks.csv"
    venue = {"entry": f"series:{series}", "response": f"series:{series}"}
    assert tc.Latency(**venue).entry == f"series:{series}"
    with pytest.raises(DataError, match=r"acks\.csv: cannot be read: No such file"):
        pulse(market, **venue)
    series.write_text("sent_ns,acted_ns,received_ns\n1000,5001000,8001000\n")
    assert set(pulse(market, **venue)[0].took) == {8 * MS}
    series.write_text("sent_ns,acted_ns,received_ns\n1000,999,1000\n")
    with pytest.raises(DataError, match=r"acks\.csv:2: 999 is before 1000"):
        pulse(market, **venue)
    series.write_text("sent_ns,acted_ns,received_ns\n1723075200000000,1723075200004000,1723075200009000\n")
    with pytest.raises(DataError, match=r"acks\.csv:2: 1723075200000000 is not a time in ns .* as us it is 2024-08-08"):
        pulse(market, **venue)


def test_what_is_fitted_is_what_was_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draws = []
    for n in range(400):
        slow = n % 10 == 0
        draws.append((n * 10**9, n * 10**9 + (60 if slow else 4) * MS + (n * 7919 % 1000) * 1000))
    lines = [f"{sent / 1000:.0f},{acted / 1000:.0f},{acted / 1000 + 1500:.0f}" for sent, acted in draws]
    file, series = tmp_path / "acks.csv", tmp_path / "series.csv"
    file.write_text("out_us,there_us,back_us\n" + "\n".join([*lines, "7,0,9"]))
    columns = ("--sent", "out_us", "--acted", "there_us", "--received", "back_us")
    code, out, err = cli("fit", "latency", file, *columns, "--series", series, "--json", capsys=capsys)
    assert code == 0, err
    told = json.loads(out)
    assert told["refused"] == 1
    assert told["entry"]["used"] == 400
    assert told["series"] == str(series)
    assert told["response"]["model"] == "1500us"
    assert told["entry"]["model"].startswith("mixture(0.9 lognormal(4")
    fit = tc.fit_latency(file, sent="out_us", acted="there_us", received="back_us")
    assert fit.latency == tc.Latency(entry=told["entry"]["model"], response="1500us")
    assert series.read_text().startswith("sent_ns,acted_ns,received_ns\n0,60000000,61500000\n1000000000,1")
    again = tc.fit_latency(series)
    assert again.entry == fit.entry


def test_what_cannot_be_fitted_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "acks.csv"
    file.write_text("sent_ns,acted_ns,recieved_ns\n1,2,3\n")
    code, _, err = cli("fit", "latency", file, capsys=capsys)
    assert code == 2
    assert "no column received_ns, but sent_ns, acted_ns, recieved_ns: say which with --received (received=)" in err
    file.write_text("sent_ns,acted_ns,received_ns\n1,2,3\n1,x,3\n")
    with pytest.raises(DataError, match=r"acks\.csv:3: acted_ns: 'x' is no number"):
        tc.fit_latency(file)
    file.write_text("sent_s,acted_s,received_s\n1,2,3\n1,1700000000000000000,3\n")
    with pytest.raises(DataError, match=r"acks\.csv:3: acted_s: '1700000000000000000' is no number, or too large"):
        tc.fit_latency(file, sent="sent_s", acted="acted_s", received="received_s")
    file.write_text("sent_ns,acted_ns,received_ns\n1,2,3\n")
    with pytest.raises(InvalidValueError, match="1 latencies that are not negative: at least 20"):
        tc.fit_latency(file)
    with pytest.raises(InvalidValueError, match="series: needs columns of times"):
        tc.fit_latency(file, took="sent_ns", series=tmp_path / "s.csv")


def test_a_real_tail_of_cancels_is_a_part_of_its_own(shared: Path) -> None:
    """19 of 100 cancels took about 6 s, the others 0.74 s."""
    file = shared / "data" / "latency" / "order_latency_hyperliquid_20260823.csv"
    if not file.is_file():
        pytest.skip("no measured order latencies there")
    fit = tc.fit_latency(file, took="cancel_effective_latency_us").entry
    assert fit.model.startswith("mixture(0.81 lognormal(")
    assert ", 0.19 lognormal(3" in fit.model
    assert fit.p50_ns == 741_945_000 // 2
    assert tc.fit_latency(file, took="submit_response_rtt_us").entry.model.startswith("lognormal(")


def test_a_configuration_takes_the_texts_of_models() -> None:
    from tradecore.config import BacktestConfig

    given = {"name": "V", "entry_latency": "lognormal( 5000us, 0.30)", "feed_latency": "series:a.csv"}
    config = BacktestConfig.model_validate({"venues": [given], "strategies": [{"kind": "touch_maker"}]})
    (table,) = config.model_dump()["venues"]
    assert (table["entry_latency"], table["feed_latency"]) == ("lognormal(5ms, 0.3)", "series:a.csv")
