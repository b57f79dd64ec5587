"""One currency for all of a run: which way amounts become amounts of it, when, and what it says where they cannot."""

from __future__ import annotations

import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tradecore as tc
from conftest import CLEAR, LAST, SET, Row, cli_json, columns
from tradecore.data.catalog import Columns
from tradecore.errors import InvalidValueError, RunError

SECOND = 1_000_000_000
LINEAR = tc.Instrument(
    "BTCUSDT.A", kind="linear", base="BTC", quote="USDT", price_increment="0.5", qty_increment="0.001", taker_fee_bps=4
)
INVERSE = tc.Instrument(
    "BTCUSD.B", kind="inverse", base="BTC", quote="USD", price_increment="0.5", qty_increment="1", taker_fee_bps=5
)
SPOT = tc.Instrument("BTCUSDT.C", kind="spot", base="BTC", quote="USDT", price_increment="0.5", qty_increment="0.001")
EURUSDT = tc.Instrument("EURUSDT.C", kind="spot", base="EUR", quote="USDT", price_increment="0.0001", qty_increment="1")
SPECS = [LINEAR, INVERSE, SPOT, EURUSDT]


def mids(*prices: float, step: float = 0.5, start: int = 1, clear: bool = True) -> Columns:
    """A book around each of these mids, a second apart."""
    rows: list[Row] = []
    for at, mid in enumerate(prices, start):
        ts, (bid, ask) = at * SECOND, (round(mid / step) - 1, round(mid / step) + 1)
        rows += [(ts, CLEAR, 0, 0, 0, 0), (ts, SET, 1, 0, bid, 10**9), (ts, SET, -1, LAST, ask, 10**9)]
    return columns(rows)


class Buys(tc.Strategy):
    """Buys one coin of each of the first instruments after the first second, 1,000 dollars of an inverse one."""

    count: int = 1

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("1500ms", self.buy)

    def buy(self, ctx: tc.Context) -> None:
        for inst in self.instruments[: self.count]:
            if not ctx.position(inst).qty and ctx.book(inst).best_ask:
                ctx.buy(inst, 1_000 if inst == INVERSE.id else 1)


def run(data: dict[str, Columns], *, count: int = 1, **options: Any) -> tc.Result:
    venues = [
        tc.SimVenue(name, latency=tc.Latency(entry=0, response=0)) for name in {i.rpartition(".")[2]: 0 for i in data}
    ]
    return tc.Backtest([Buys("b", list(data), count=count)], data, venues, specs=SPECS, **options).run()


BOTH = {
    LINEAR.id: mids(50_000, 51_000, 52_000, 53_000, 54_000),
    INVERSE.id: mids(50_000, 51_000, 52_000, 53_000, 54_000),
}


def test_without_one_currency_there_are_totals_alone() -> None:
    made = run(BOTH, count=2)
    assert (made.reported, made.reporting, made.rates) == (None, None, {})
    with pytest.raises(RunError, match="have it reported in one currency"):
        _ = made.net_pnl
    assert made.equity.equals(made.equity_by_currency)


def test_profit_in_coin_is_worth_what_the_market_says_in_the_end() -> None:
    made = run(BOTH, count=2, reporting_currency="USDT")
    usdt, btc = (next(t for t in made.totals if t["currency"] == name) for name in ("USDT", "BTC"))
    assert made.rates == {"BTC": {"rate": Decimal(54_000), "by": [LINEAR.id]}}
    for name in ("net_pnl", "fees", "funding", "turnover", "gross_pnl"):
        want = usdt[name] + btc[name] * 54_000
        assert made.reported is not None
        assert abs(made.reported[name] - want) < Decimal("1e-10"), name
    assert made.net_pnl == made.reported["net_pnl"]
    assert made.net_pnl == made.gross_pnl - made.fees - made.funding
    assert made.stats.currency == "USDT"
    assert made.summary()["net_pnl"] == str(made.net_pnl)
    assert made.summary()["reporting_currency"] == "USDT"


def test_equity_is_converted_at_the_mids_of_its_time() -> None:
    made = run(BOTH, count=2, reporting_currency="USDT")
    rates = pl.DataFrame({"ts": [n * SECOND for n in range(1, 6)], "rate": [50e3, 51e3, 52e3, 53e3, 54e3]})
    by = made.equity_by_currency.with_columns(pl.col("ts").cast(pl.Int64), pl.col("equity").cast(pl.Float64))
    wide = by.pivot(on="currency", index="ts", values="equity").sort("ts").fill_null(strategy="backward")
    want = wide.sort("ts").join_asof(rates, on="ts").with_columns(all=pl.col("USDT") + pl.col("BTC") * pl.col("rate"))
    got = made.equity.with_columns(pl.col("ts").cast(pl.Int64), pl.col("equity").cast(pl.Float64))
    assert got["currency"].unique().to_list() == ["USDT"]
    held = got.join(want, on="ts")
    assert len(held) >= 4
    assert (held["equity"] - held["all"]).abs().max() < 1e-6
    assert made.equity["equity"][-1] == made.net_pnl


def test_a_market_without_orders_converts_and_is_not_ahead_of_its_time() -> None:
    """The market that says what a coin is worth moves after the position was opened; nothing is held in it."""
    data = {
        INVERSE.id: mids(50_000, 50_000, 60_000, 60_000, 60_000),
        SPOT.id: mids(50_000, 50_000, 60_000, 30_000, 20_000),
    }
    made = run(data, reporting_currency="USDT", sample_interval="1s")
    coin = float(made.totals[0]["net_pnl"])
    samples = dict(zip(made.equity["ts"].cast(pl.Int64), made.equity["equity"].cast(pl.Float64), strict=True))
    assert made.rates["BTC"]["by"] == [SPOT.id]
    assert samples[3 * SECOND] == pytest.approx(coin * 60_000)
    assert samples[4 * SECOND] == pytest.approx(coin * 30_000)
    assert float(made.net_pnl) == pytest.approx(coin * 20_000)
    assert made.stats.max_drawdown == pytest.approx(coin * 40_000)


def test_a_currency_is_converted_over_a_price_and_by_way_of_a_third() -> None:
    data = {LINEAR.id: mids(50_000, 51_000, 52_000), EURUSDT.id: mids(1.1, 1.25, 1.25, step=0.0001)}
    made = run(data, reporting_currency="EUR")
    assert made.rates == {"USDT": {"rate": Decimal("0.8"), "by": [EURUSDT.id]}}
    assert float(made.net_pnl) == pytest.approx(float(made.totals[0]["net_pnl"]) / 1.25)
    hop = {INVERSE.id: BOTH[INVERSE.id], SPOT.id: mids(54_000), EURUSDT.id: mids(1.25, step=0.0001)}
    made = run(hop, reporting_currency="EUR")
    assert made.rates["BTC"] == {"rate": Decimal(43_200), "by": [SPOT.id, EURUSDT.id]}


def test_a_stated_rate_goes_before_markets_and_ends_a_way() -> None:
    made = run(BOTH, count=2, reporting_currency="USDT", reporting_rates={"BTC": "40000"})
    assert made.rates == {"BTC": {"rate": Decimal(40_000), "by": ["stated"]}}
    made = run({INVERSE.id: BOTH[INVERSE.id]}, reporting_currency="USDC", reporting_rates={"USD": Decimal("0.5")})
    assert made.rates == {"BTC": {"rate": Decimal(27_000), "by": [INVERSE.id, "stated"]}}
    assert float(made.net_pnl) == pytest.approx(27_000 * float(made.totals[0]["net_pnl"]))


@pytest.mark.parametrize(
    ("options", "field", "said"),
    [
        (
            {"reporting_currency": "EUR"},
            "reporting_currency",
            "no way from BTC to EUR: expected an instrument of the run",
        ),
        ({"reporting_currency": ""}, "reporting_currency", "expected a currency such as 'USDT', got ''"),
        ({"reporting_currency": 5}, "reporting_currency", "expected a currency"),
        ({"reporting_rates": {"BTC": 1}}, "reporting_rates", "goes with reporting_currency"),
        ({"reporting_currency": "USDT", "reporting_rates": {"BTC": "0"}}, "reporting_rates.BTC", "above 0"),
        ({"reporting_currency": "USDT", "reporting_rates": {"BTC": "much"}}, "reporting_rates.BTC", "much"),
        ({"reporting_currency": "USDT", "reporting_rates": {"USDT": 1}}, "reporting_rates.USDT", "another currency"),
        ({"reporting_currency": "USDT", "reporting_rates": {"XRP": 1}}, "reporting_rates.XRP", "nothing settles in it"),
        ({"reporting_currency": "USDT", "reporting_rates": [1]}, "reporting_rates", "expected rates by currency"),
    ],
)
def test_what_cannot_be_converted_is_named_before_the_run(options: Any, field: str, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said) as caught:
        tc.Backtest([Buys("b", list(BOTH))], BOTH, specs=SPECS, **options)
    assert caught.value.field == field


def test_where_no_mid_ever_said_a_rate_the_run_says_so() -> None:
    one_sided = columns([(SECOND, CLEAR, 0, 0, 0, 0), (SECOND, SET, 1, LAST, 100_000, 1)])
    made = run({INVERSE.id: BOTH[INVERSE.id], SPOT.id: one_sided}, reporting_currency="USDT")
    assert made.reported is None
    assert made.rates["BTC"]["rate"] is None
    assert "nothing is told in the reporting currency: no mid ever said what BTC is worth in it" in made.notes
    late = run({INVERSE.id: BOTH[INVERSE.id], SPOT.id: mids(54_000, start=4)}, reporting_currency="USDT")
    assert late.reported is not None
    assert any("of equity are left out: the market had no mid yet" in note for note in late.notes)


def test_the_currency_is_on_every_surface_and_in_files(tmp_path: Path) -> None:
    made = run(BOTH, count=2, reporting_currency="USDT", bounds=True)
    told = str(made)
    assert "net profit" in told
    assert "in BTC" in told
    assert "54,000 USDT (BTCUSDT.A)" in told
    assert made.net_pnl_low is not None
    assert made.net_pnl_high is not None
    assert made.net_pnl_low <= made.net_pnl <= made.net_pnl_high
    page = made.report(tmp_path / "a.html", against={"again": made}).read_text(encoding="utf-8")
    assert "By currency" in page
    assert "54,000 USDT (BTCUSDT.A)" in page
    assert "reported in" in page
    assert made.performance(period="1s").currency == "USDT"
    assert made.performance("BTC").currency == "BTC"
    made.save(tmp_path / "run.tcr")
    for again in (tc.load_result(tmp_path / "run.tcr"), pickle.loads(pickle.dumps(made))):
        assert (again.net_pnl, again.rates, again.net_pnl_low) == (made.net_pnl, made.rates, made.net_pnl_low)
        assert again.equity.equals(made.equity)
    assert made._repr_html_().count("<svg") == 1


def test_a_configuration_names_it(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = f'reporting_currency = "EUR"\n[reporting_rates]\nUSDT = "0.9"\n[data]\ncatalog = "{market}"\n'
    strategy = '[[strategies]]\nkind = "touch_maker"\nparams = { quote_qty = "0.01", max_position = "0.05" }\n'
    config = tmp_path / "run.toml"
    config.write_text(text + strategy)
    told = cli_json("backtest", "--config", config, capsys=capsys)
    net = Decimal(told["by_currency"]["USDT"]["net_pnl"])
    assert told["reporting_currency"] == "EUR"
    assert abs(Decimal(told["net_pnl"]) - net * Decimal("0.9")) < Decimal("1e-11")
    assert told["rates"] == {"USDT": {"rate": "0.9", "by": ["stated"]}}
    config.write_text(text.replace("0.9", "-1") + strategy)
    from tradecore.cli.app import main

    assert main(["backtest", "--config", str(config)]) == 2
    assert "reporting_rates.USDT" in capsys.readouterr().err
