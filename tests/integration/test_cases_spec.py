"""What specifications say, and data that has no book: kinds of trouble that people had."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import polars as pl
import pytest

import tradecore as tc
from conftest import LAST, SET, columns
from tradecore.config.venues import from_table, to_table
from tradecore.errors import CatalogError, InvalidValueError

DAY = 86_400_000_000_000


def changed(instrument: tc.Instrument, **fields: object) -> tc.Instrument:
    return tc.instruments.instrument_from_dict({**instrument.to_dict(), **fields})


# --- what makes data compatible -----------------------------------------------------------------------------------


def levels(day: int) -> dict[str, object]:
    return dict(columns([(day * DAY + at, SET, side, LAST, price, 5) for at, side, price in ((0, 1, 9), (1, -1, 11))]))


@pytest.mark.parametrize(
    "other",
    [
        {"maker_fee_bps": "7", "taker_fee_bps": "8"},
        {"tick_size": "0.5", "lot_size": "0.1", "min_qty": "0.2", "max_qty": "9", "min_notional": "1"},
        {"listing_ns": "1"},
    ],
)
def test_a_day_is_added_with_other_fees_and_order_terms_which_are_those_from_then_on(
    tmp_path: Path, instrument: tc.Instrument, other: dict[str, str]
) -> None:
    catalog, later = tc.Catalog(tmp_path), changed(instrument, **other)
    for day, spec in ((1, instrument), (2, later)):
        with catalog.writer(spec) as writer:
            writer.write(levels(day))  # type: ignore[arg-type]
    assert catalog.instrument(instrument.id) == later
    assert [part.rows for part in catalog.parts(instrument.id)] == [2, 2]
    with catalog.writer(instrument, replace=True) as writer:
        writer.write(levels(2))  # type: ignore[arg-type]
    assert catalog.instrument(instrument.id) == instrument


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"kind": "spot", "settlement": "USDT"}, "kind linear, not spot"),
        ({"contract_size": "10"}, "contract_size 1, not 10"),
        ({"expiry_ns": "1"}, "expiry_ns None, not 1"),
        ({"price_increment": "0.01"}, "price_increment 0.1, not 0.01"),
        ({"base": "ETH"}, "base BTC, not ETH"),
    ],
)
def test_data_whose_meaning_would_change_is_neither_mixed_nor_run_on(
    tmp_path: Path, instrument: tc.Instrument, other: dict[str, str], told: str
) -> None:
    catalog = tc.Catalog(tmp_path)
    with catalog.writer(instrument) as writer:
        writer.write(levels(1))  # type: ignore[arg-type]
    spec = changed(instrument, **other)
    with pytest.raises(CatalogError, match=rf"another specification \({told}\)"), catalog.writer(spec):
        pass
    with pytest.raises(InvalidValueError, match=rf"specs: the data of BTCUSDT\.TEST was stored with {told}"):
        tc.Backtest([tc.Strategy("s", [spec.id])], catalog, specs=[spec])


def test_a_run_over_a_catalog_with_other_fees_pays_them(market: Path) -> None:
    class Taker(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("1s", self.take)

        def take(self, ctx: tc.Context) -> None:
            ctx.buy(self.instruments[0], "0.01")

    stored = tc.Catalog(market).instrument("BTCUSDT.SYNTH")
    fees = [
        tc.Backtest([Taker("t", [stored.id])], market, specs=[changed(stored, taker_fee_bps=bps)]).run().totals
        for bps in ("0", "10")
    ]
    assert fees[0][0]["fees"] == 0
    assert fees[1][0]["fees"] > Decimal(0)


# --- ticks and lots over time ---------------------------------------------------------------------------------------

CHANGED = 20 * DAY
OLD_TICKS = Path("38-old-ticks.csv")


@pytest.fixture
def changing(instrument: tc.Instrument) -> tc.Instrument:
    """Ticks of 0.1, and of 0.5 in lots of 0.1 from a time on."""
    change = {"from_ns": CHANGED, "tick_size": "0.5", "lot_size": "0.1"}
    return changed(instrument, changes=[change])


def around(change: int) -> dict[str, object]:
    """A book of 100.3 to 100.7 a minute before a change and a minute after it."""
    minute = 60_000_000_000
    times = (change - minute, change + minute)
    return dict(
        columns([(at, SET, side, LAST, price, 5_000) for at in times for side, price in ((1, 1003), (-1, 1007))])
    )


class Joins(tc.Strategy):
    """Quotes the book's own best bid with every book, and keeps what was said against it."""

    qty = "1"

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.said: list[str] = []
        self.ticks: list[tuple[float, float, float]] = []

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
        if book.best_bid is None:
            return
        self.ticks.append((book.tick_size, book.lot_size, book.round_bid(100.3)))
        try:
            ctx.buy(book.instrument, self.qty, book.best_bid)
        except tc.errors.OffGridError as error:
            self.said.append(str(error))


def test_an_order_is_held_against_the_tick_and_the_lot_of_its_time(changing: tc.Instrument) -> None:
    joins = Joins("j", [changing.id])
    result = tc.Backtest([joins], {changing.id: around(CHANGED)}, specs=[changing]).run()  # type: ignore[dict-item]
    assert joins.ticks == [(0.1, 0.01, 100.3)] * 2 + [(0.5, 0.1, 100.0)] * 2
    since = "not a multiple of 0.5, the step since 1970-01-21T00:00:00Z; 100.0 and 100.5 are: book.round_bid(price)"
    assert [since in said for said in joins.said] == [True] * 2
    assert result.orders["price"].to_list() == [100.3] * 2


def test_what_lies_between_two_increments_is_told_the_tick_or_the_lot_in_force(changing: tc.Instrument) -> None:
    class Between(Joins):
        def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
            buy = partial(ctx.buy, book.instrument)
            stop = buy("1", type="stop_market", trigger_price="110")
            asked: list[Callable[[], object]] = [
                lambda: buy("1", "100.123"),
                lambda: buy("1", type="stop_market", trigger_price="110.123"),
                lambda: buy("1", type="trailing_stop", trailing_offset="5.123"),
                lambda: ctx.replace(stop, trigger_price="111.123"),
                lambda: buy("1.00001", "100.5"),
                lambda: buy("1", "100.5", display_qty="0.50001"),
                lambda: ctx.replace(stop, qty="2.00001"),
                lambda: ctx.execute("iceberg", book.instrument, "buy", "1", limit="100.5", display="0.50001"),
            ]
            for ask in asked:
                with pytest.raises(tc.errors.OffGridError) as told:
                    ask()
                self.said.append(told.value.step)

    between = Between("b", [changing.id])
    tc.Backtest([between], {changing.id: around(CHANGED)}, specs=[changing]).run()  # type: ignore[dict-item]
    before, after = ([tick] * 4 + [lot] * 4 for tick, lot in (("0.1", "0.01"), ("0.5", "0.1")))
    assert between.said == before * 2 + after * 2


def test_changes_are_read_from_files_kept_by_catalogs_and_said_back(tmp_path: Path, changing: tc.Instrument) -> None:
    file = tmp_path / "i.toml"
    file.write_text(
        '[[instruments]]\nid = "A.B"\nkind = "linear"\nbase = "A"\nquote = "B"\nprice_increment = "0.01"\n'
        'qty_increment = "1"\nmin_qty = "2"\n[[instruments.changes]]\nfrom = 2022-03-01T00:00:00Z\ntick_size = "0.1"\n'
        '[[instruments.changes]]\nfrom = "2023-11-02T10:00:00+00:00"\nmin_notional = 5\nmax_qty = "7"\n'
    )
    read = tc.load_instruments(file)["A.B"]
    assert read.changes == [
        {"from_ns": "1646092800000000000", "tick_size": "0.1"},
        {"from_ns": "1698919200000000000", "max_qty": "7", "min_notional": "5"},
    ]
    assert [read.at(ns).tick_size for ns in (0, 1646092799999999999, 1646092800000000000)] == [
        Decimal("0.01"),
        Decimal("0.01"),
        Decimal("0.1"),
    ]
    assert read.at(1700000000000000000).changes == []
    assert read.at(1700000000000000000).min_qty == 2
    assert eval(repr(read), {"Instrument": tc.Instrument}) == read
    assert tc.instruments.instrument_from_dict(read.to_dict()) == read
    with tc.Catalog(tmp_path / "c").writer(changing) as writer:
        writer.write(levels(1))  # type: ignore[arg-type]
    assert tc.Catalog(tmp_path / "c").instrument(changing.id) == changing


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tick_size": "0.5"}, "number 1: from is missing"),
        ({"from_ns": 5, "from": "2022-01-01T00:00:00Z"}, "from is given as from_ns too"),
        ({"from": "2022-01-01", "tick_size": "0.5"}, "is not a time with its zone"),
        ({"from_ns": 5, "tick": "0.5"}, "number 1: unknown field tick"),
        ({"from_ns": 5}, "names nothing that changes"),
        ({"from_ns": 5, "tick_size": "0.25"}, "number 1: tick_size: 0.25 is not a multiple of 0.1"),
    ],
)
def test_a_change_that_cannot_be_is_told_by_number(
    instrument: tc.Instrument, change: dict[str, object], told: str
) -> None:
    with pytest.raises(tc.errors.InstrumentError, match=told) as error:
        changed(instrument, changes=[change])
    assert error.value.field == "changes"


@pytest.mark.parametrize(
    ("lines", "best"),
    [
        (["33000.03,bid", "33000.04,ask"], 33000.03),
        (["8123.47,bid", "8123.52,ask"], 8123.47),
    ],
)
def test_the_best_price_of_an_old_day_can_be_quoted(tmp_path: Path, lines: list[str], best: float) -> None:
    file = tmp_path / "binance-futures_incremental_book_L2_2021-02-01_BTCUSDT.csv"
    head = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"
    stamp = "1612137600000000,1612137600000900"
    rows = [f"binance-futures,BTCUSDT,{stamp},true,{side},{price},1" for price, side in (x.split(",") for x in lines)]
    file.write_text("\n".join([head, *rows, f"binance-futures,BTCUSDT,{stamp},false,bid,1000,1"]) + "\n")
    assert quoted(tmp_path, file) == [best]


def test_the_best_price_of_the_old_ticks_can_be_quoted(tmp_path: Path, shared: Path) -> None:
    assert quoted(tmp_path, shared / "cases" / OLD_TICKS)[0] == 33000.03


def quoted(folder: Path, file: Path) -> list[float]:
    """What a maker at the best bid has quoted over a file."""

    class Once(Joins):
        qty = "0.001"

    tc.import_tardis(file, "BTCUSDT.BINANCE_USDM", folder / "catalog")
    once = Once("o", ["BTCUSDT.BINANCE_USDM"])
    result = tc.Backtest([once], folder / "catalog").run()
    assert once.said == []
    return [float(price) for price in result.orders["price"].unique(maintain_order=True)]


# --- data without a book --------------------------------------------------------------------------------------------

TRADE = int(tc.EventKind.TRADE)
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
AT_ONCE = tc.SimVenue("TEST", latency=tc.Latency(entry="0ns", response="0ns"))


def trades(*rows: tuple[int, int, int, int]) -> dict[str, object]:
    """Trades of second, price, quantity and side of the aggressor."""
    return dict(columns([(DAY + at * SECOND, TRADE, side, LAST, price, qty) for at, price, qty, side in rows]))


class Sends(tc.Strategy):
    """Sends orders at seconds of the data: side, quantity and terms."""

    def __init__(self, orders: dict[int, tuple[str, str, dict[str, object]]]) -> None:
        super().__init__("sends", ["BTCUSDT.TEST"])
        self.orders = orders

    def on_start(self, ctx: tc.Context) -> None:
        for at, (side, qty, terms) in self.orders.items():
            ctx.at(DAY + at * SECOND, lambda ctx, s=side, q=qty, t=terms: getattr(ctx, s)("BTCUSDT.TEST", q, **t))  # type: ignore[misc]


def fills(result: tc.Result) -> list[tuple[int, float, float, str]]:
    """Fills as second, price, quantity and liquidity."""
    rows = result.fills.select(pl.col("ts_event").to_physical(), "price", "qty", "liquidity").iter_rows()
    return [((ts - DAY) // SECOND, float(price), float(qty), str(made).lower()) for ts, price, qty, made in rows]


def run_on(
    data: dict[str, object], instrument: tc.Instrument, orders: dict[int, object], **settings: object
) -> tc.Result:
    venue = tc.SimVenue("TEST", latency=AT_ONCE.latency, **settings)  # type: ignore[arg-type]
    data = {instrument.id: data}
    return tc.Backtest([Sends(orders)], data, [venue], specs=[instrument]).run()  # type: ignore[arg-type]


def test_a_market_order_takes_the_next_trades_at_their_prices(instrument: tc.Instrument) -> None:
    data = trades((0, 1000, 5_000, 1), (10, 1002, 2_000, 1), (20, 1005, 9_000, -1), (30, 990, 9_000, 1))
    result = run_on(data, instrument, {5: ("buy", "3", {})})
    assert result.fill_basis == {instrument.id: "trades"}
    assert fills(result) == [(10, 100.2, 2, "taker"), (20, 100.5, 1, "taker")]
    assert any("filled against trades (fill_basis trades): there is no book" in note for note in result.notes)


def test_a_limit_fills_only_when_a_trade_prints_through_it(instrument: tc.Instrument) -> None:
    data = trades((0, 1000, 5_000, 1), (10, 995, 9_000, -1), (20, 994, 10, -1), (30, 1006, 10, 1))
    result = run_on(data, instrument, {5: ("buy", "2", {"price": "99.5"}), 6: ("sell", "2", {"price": "100.5"})})
    assert fills(result) == [(20, 99.5, 2, "maker"), (30, 100.5, 2, "maker")]


@pytest.mark.parametrize(
    ("terms", "filled", "status"),
    [
        ({"price": "100.3"}, [(10, 100.2, 2, "taker"), (20, 100.3, 1, "maker")], "filled"),
        ({"price": "100.3", "time_in_force": "ioc"}, [(10, 100.2, 2, "taker")], "expired"),
        ({"price": "100.3", "time_in_force": "fok"}, [], "expired"),
        ({"price": "100.1", "time_in_force": "ioc"}, [], "expired"),
        ({"price": "100.3", "post_only": True}, [], "rejected"),
    ],
)
def test_a_limit_beyond_the_last_trade_takes_the_next_one(
    instrument: tc.Instrument, terms: dict[str, object], filled: list[object], status: str
) -> None:
    data = trades((0, 1000, 5_000, 1), (10, 1002, 2_000, 1), (20, 1002, 9_000, -1), (30, 1010, 1, 1))
    result = run_on(data, instrument, {5: ("buy", "3", terms)})
    assert fills(result) == filled
    assert str(result.orders["status"][0]).lower() == status


def test_an_order_that_waits_for_a_trade_can_be_cancelled_and_one_that_never_comes_is_open(
    instrument: tc.Instrument,
) -> None:
    class Cancels(Sends):
        def on_order(self, ctx: tc.Context, order: tc.Order) -> None:
            if order.status == tc.types.OrderStatus.NEW:
                ctx.cancel(order)

    data = {instrument.id: trades((0, 1000, 5, 1), (10, 1001, 5_000, 1))}
    result = tc.Backtest([Cancels({5: ("buy", "1", {})})], data, [AT_ONCE], specs=[instrument]).run()  # type: ignore[dict-item]
    assert not len(result.fills)
    assert str(result.orders["status"][0]).lower() == "cancelled"


def klines(
    file: Path, *bars: tuple[float, float, float, float, float], unit: int = 1_000_000, header: bool = False
) -> Path:
    """A file of one-minute klines from the start of the second day on."""
    lines = []
    for number, (first, high, low, last, volume) in enumerate(bars):
        begin, length = (1_723_075_200 * SECOND + number * MINUTE) // unit, MINUTE // unit
        cells = [begin, first, high, low, last, volume, begin + length - 1, 1, 9, volume / 2, 1, 0]
        lines.append(",".join(map(str, cells)))
    head = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
    file.write_text("\n".join([head] * header + lines) + "\n")
    return file


BARS = ((100, 101, 99, 100.5, 5), (100.6, 102, 100, 101.5, 4), (101.4, 101.6, 98, 98.5, 3), (98.4, 103, 98.4, 102, 2))


class OnBars(tc.Strategy):
    """Sends an order after each bar that is asked for, and keeps what it was told."""

    def __init__(self, orders: dict[int, tuple[str, str, dict[str, object]]] | None = None, every: str = "1m") -> None:
        super().__init__("bars", ["BTCUSDT.TEST"])
        self.orders, self.every, self.bars = orders or {}, every, []  # type: ignore[var-annotated]
        self.held: list[Decimal] = []

    def on_start(self, ctx: tc.Context) -> None:
        ctx.subscribe("BTCUSDT.TEST", f"bars:{self.every}")

    def on_bar(self, ctx: tc.Context, bar: tc.Bar) -> None:
        if (order := self.orders.get(len(self.bars))) is not None:
            side, qty, terms = order
            getattr(ctx, side)("BTCUSDT.TEST", qty, **terms)
        self.bars.append(bar)
        self.held.append(ctx.position("BTCUSDT.TEST").qty)


def bars_run(folder: Path, instrument: tc.Instrument, strategy: tc.Strategy, **settings: object) -> tc.Result:
    tc.import_klines(klines(folder / "k.csv", *BARS), instrument, folder / "c")
    return tc.Backtest([strategy], folder / "c", **settings).run()  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", [1_000_000, 1_000])
@pytest.mark.parametrize("header", [False, True])
def test_klines_are_the_bars_that_strategies_hear_of(
    tmp_path: Path, instrument: tc.Instrument, unit: int, header: bool
) -> None:
    file = klines(tmp_path / "k.csv", *BARS, unit=unit, header=header)
    summary = tc.import_klines(file, instrument, tmp_path / "c")
    assert (summary["bars"], summary["traded_qty"]) == (4, "14.00")
    heard = OnBars()
    result = tc.Backtest([heard], tmp_path / "c", candles="1m").run()
    assert result.fill_basis == {instrument.id: "bars"}
    told = [(b.open, b.high, b.low, b.close, b.volume, b.trades, b.buy_volume) for b in heard.bars]
    assert told == [(*bar, 9, bar[-1] / 2) for bar in BARS]
    assert [b.ts_available - b.ts_open for b in heard.bars] == [MINUTE] * 4
    frame = tc.Catalog(tmp_path / "c").bars(instrument.id, "2m").collect()
    assert frame["high"].to_list() == [102, 103]
    assert frame["volume"].to_list() == [9, 5]
    assert result.candles["close"].to_list() == [bar[3] for bar in BARS]


def test_a_market_order_takes_the_open_of_the_next_bar_and_is_known_before_it_ends(
    tmp_path: Path, instrument: tc.Instrument
) -> None:
    strategy = OnBars({0: ("buy", "2", {}), 2: ("sell", "2", {})})
    result = bars_run(tmp_path, instrument, strategy)
    prices = [(str(side).lower(), float(price)) for side, price in result.fills.select("side", "price").iter_rows()]
    assert prices == [("buy", 100.6), ("sell", 98.4)]
    assert strategy.held == [0, 2, 2, 0]
    assert set(result.fills["liquidity"].cast(str)) == {"taker"}


@pytest.mark.parametrize(
    ("after", "order", "filled"),
    [
        (0, ("buy", "1", {"price": "100.0"}), [(2, 100.0, 1)]),  # the low of the next bar only touches it
        (0, ("buy", "1", {"price": "98"}), []),
        (0, ("sell", "1", {"price": "101.9"}), [(1, 101.9, 1)]),
        (
            1,
            ("buy", "9", {"price": "99"}),
            [(2, 99.0, 3), (2, 99.0, 2)],
        ),  # no more than the volume of 3, and of 2 at the next open
    ],
)
def test_a_limit_fills_only_when_a_bar_goes_through_it(
    tmp_path: Path,
    instrument: tc.Instrument,
    after: int,
    order: tuple[str, str, dict[str, object]],
    filled: list[object],
) -> None:
    result = bars_run(tmp_path, instrument, OnBars({after: order}))
    start = result.span_ns[0]
    rows = result.fills.select(pl.col("ts_event").to_physical(), "price", "qty").iter_rows()
    assert [((ts - start) // MINUTE - 1, float(price), float(qty)) for ts, price, qty in rows] == filled
    assert set(result.fills["liquidity"].cast(str)) <= {"maker"}


@pytest.mark.parametrize(("data", "basis"), [("trades", "trades"), ("bars", "bars")])
def test_a_strategy_that_needs_a_book_is_refused_where_there_is_none(
    tmp_path: Path, instrument: tc.Instrument, data: str, basis: str
) -> None:
    class Reads(tc.Strategy):
        def on_timer(self, ctx: tc.Context, timer: tc.Timer) -> None:
            ctx.book("BTCUSDT.TEST")

        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("1s")

    source: object = {instrument.id: trades((0, 1000, 5, 1), (9, 1001, 5, 1))}
    if data == "bars":
        tc.import_klines(klines(tmp_path / "k.csv", *BARS), instrument, tmp_path / "c")
        source = tmp_path / "c"
    told = rf"strategies\.0: Joins needs a book \(on_book\), and there are only {basis} of BTCUSDT\.TEST"
    with pytest.raises(InvalidValueError, match=told):
        tc.Backtest([Joins("j", [instrument.id])], source, specs=[instrument])  # type: ignore[arg-type]
    maker = tc.TouchMaker("m", [instrument.id], quote_qty="1", max_position="5")
    with pytest.raises(InvalidValueError, match=r"TouchMaker needs a book \(it quotes around the best prices\)"):
        tc.Backtest([maker], source, specs=[instrument])  # type: ignore[arg-type]
    with pytest.raises(tc.errors.StrategyError, match=f"has no book: orders are filled against its {basis}"):
        tc.Backtest([Reads("r", [instrument.id])], source, specs=[instrument]).run()  # type: ignore[arg-type]


def test_bars_shorter_than_those_of_the_venue_fail_with_their_length(tmp_path: Path, instrument: tc.Instrument) -> None:
    with pytest.raises(tc.errors.StrategyError, match="the data has bars of 1m, which do not lie in these"):
        bars_run(tmp_path, instrument, OnBars(every="30s"))


def test_klines_that_cannot_be_are_told_with_their_line(tmp_path: Path, instrument: tc.Instrument) -> None:
    file = klines(tmp_path / "k.csv", BARS[0], (100, 99, 98, 100, 1))
    with pytest.raises(tc.errors.DataError, match=r"k\.csv:2: high: 990: expected no price below open, low or close"):
        tc.import_klines(file, instrument, tmp_path / "c")
    assert tc.Catalog(tmp_path / "c").instruments() == ()


# --- balances of spot accounts --------------------------------------------------------------------------------------

SPOT = "BTCUSDT.TEST"


@pytest.fixture
def spot() -> tc.Instrument:
    return tc.Instrument(
        SPOT, kind="spot", base="BTC", quote="USDT", price_increment="0.1", qty_increment="0.001", taker_fee_bps="10"
    )


def coin_book(price: int = 1000) -> dict[str, object]:
    """A book of 5 at a price and 0.1 above it, said again every second for a minute."""
    times = range(DAY, DAY + MINUTE, SECOND)
    return dict(columns([(at, SET, s, LAST, p, 5_000) for at in times for s, p in ((1, price), (-1, price + 1))]))


def reasons(spot: tc.Instrument, orders: dict[int, object], balances: object, **settings: object) -> list[str]:
    """What became of orders: why they were refused, or their status."""
    venue = tc.SimVenue("TEST", latency=AT_ONCE.latency, balances=balances, **settings)  # type: ignore[arg-type]
    backtest = tc.Backtest([Sends(orders)], {spot.id: coin_book()}, [venue], specs=[spot])  # type: ignore[arg-type, dict-item]
    rows = backtest.run().orders.select("reason", "status").iter_rows()
    return [reason or str(status).lower() for reason, status in rows]


SELL_1 = ("sell", "1", {})
BUY_1 = ("buy", "1", {})


@pytest.mark.parametrize(
    ("balances", "settings", "orders", "told"),
    [
        ({"BTC": "0.999"}, {}, {5: SELL_1}, ["insufficient_balance"]),
        ({"BTC": 1}, {}, {5: SELL_1, 6: SELL_1}, ["filled", "insufficient_balance"]),
        ("1 BTC", {"borrowing": "allowed"}, {5: SELL_1, 6: SELL_1}, ["filled", "filled"]),
        (None, {}, {5: SELL_1}, ["filled"]),
        # 100.1 and its fee of 0.1001; a sell at 100 gives 100 less 0.1
        ({"USDT": "100.2"}, {}, {5: BUY_1}, ["insufficient_balance"]),
        ({"USDT": "100.2001"}, {}, {5: BUY_1, 6: BUY_1, 7: SELL_1}, ["filled", "insufficient_balance", "filled"]),
        # What rests may still pay.
        ({"BTC": 1}, {}, {5: ("sell", "1", {"price": "120"}), 6: SELL_1}, ["new", "insufficient_balance"]),
        ({"USDT": "150"}, {}, {5: ("buy", "1", {"price": "99"}), 6: BUY_1}, ["new", "insufficient_balance"]),
        # A stop is held against what it may come to at its trigger.
        (
            {"USDT": "110"},
            {},
            {5: ("buy", "1", {"type": "stop_market", "trigger_price": "120"})},
            ["insufficient_balance"],
        ),
    ],
)
def test_what_is_not_held_is_not_sold_unless_borrowing_is_allowed(
    spot: tc.Instrument, balances: object, settings: dict[str, object], orders: dict[int, object], told: list[str]
) -> None:
    assert reasons(spot, orders, balances, **settings) == told


@pytest.mark.parametrize(
    ("currency", "sells", "told"),
    [
        (None, "1", "filled"),
        ("USDT", "1", "filled"),
        ("BTC", "1", "insufficient_balance"),
        ("BTC", "0.999", "insufficient_balance"),  # its fee is of that coin, too
        ("BTC", "0.998", "filled"),
        ("received", "1", "insufficient_balance"),
        ("received", "0.999", "filled"),
    ],
)
def test_a_fee_shrinks_the_balance_of_the_coin_it_is_paid_in(
    spot: tc.Instrument, currency: str | None, sells: str, told: str
) -> None:
    paid = changed(spot, fee_currency=currency)
    assert tc.instruments.instrument_from_dict(paid.to_dict()) == paid
    assert reasons(paid, {5: BUY_1, 6: ("sell", sells, {})}, {"USDT": 1000}) == ["filled", told]


def test_a_fee_in_a_third_coin_is_paid_at_its_price_in_the_run(spot: tc.Instrument) -> None:
    paid = changed(spot, fee_currency="BNB")
    coin = changed(spot, id="BNBUSDT.TEST", base="BNB", taker_fee_bps="0")
    venue = tc.SimVenue("TEST", latency=AT_ONCE.latency, balances={"USDT": 1000, "BNB": 1})

    class Both(Sends):
        def __init__(self, orders: dict[int, tuple[str, str, dict[str, object]]], last: str) -> None:
            super().__init__(orders)
            self.instruments = (paid.id, coin.id)
            self.last = last

        def on_stop(self, ctx: tc.Context) -> None:
            pass

        def on_start(self, ctx: tc.Context) -> None:
            super().on_start(ctx)
            ctx.at(DAY + 9 * SECOND, lambda ctx: ctx.sell(coin.id, self.last))

    data = {paid.id: coin_book(), coin.id: coin_book(500)}
    # The fee of 0.1001 USDT is 0.002 BNB of 50.05: 0.998 are left.
    for last, told in (("0.998", "filled"), ("0.999", "insufficient_balance")):
        both = tc.Backtest([Both({5: BUY_1}, last)], data, [venue], specs=[paid, coin]).run()  # type: ignore[dict-item]
        reason, status = both.orders.select("reason", "status").row(-1)
        assert (reason or str(status).lower()) == told
    with pytest.raises(tc.errors.TradecoreError, match="are paid in BNB, and no market of the run is BNB/USDT"):
        reasons(paid, {5: BUY_1}, {"USDT": 1000})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("1", "is no amount of a currency"),
        ({"BTC": "-1"}, "is no amount of a currency"),
        ("1 A, 2 A", "A is there twice"),
    ],
)
def test_balances_that_cannot_be_are_told(given: object, told: str) -> None:
    with pytest.raises(InvalidValueError, match=told) as error:
        tc.SimVenue("TEST", balances=given)  # type: ignore[arg-type]
    assert error.value.field == "balances"


def test_only_spot_has_a_currency_for_fees(instrument: tc.Instrument) -> None:
    with pytest.raises(tc.errors.InstrumentError, match="only spot has one"):
        changed(instrument, fee_currency="BNB")


def test_the_spot_case_refuses_what_is_not_held(tmp_path: Path, shared: Path) -> None:
    class Sells(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.every("1s", lambda ctx: ctx.sell("BTCUSDT.BINANCE", "0.01"))

    tc.import_tardis(shared / "cases" / "31-spot.csv", "BTCUSDT.BINANCE", tmp_path / "c")
    venue = tc.SimVenue("BINANCE", balances={"USDT": 1000})
    result = tc.Backtest([Sells("s", ["BTCUSDT.BINANCE"])], tmp_path / "c", [venue]).run()
    assert set(result.orders["reason"]) <= {"insufficient_balance", "run_ended"}
    assert not len(result.fills)


@pytest.mark.parametrize(
    ("settings", "bought", "owed"),
    [({}, "0.01", "0.03"), ({}, "0.04", ""), ({"balances": "1000 USDT", "borrowing": "allowed"}, "0.01", "")],
)
def test_a_run_says_who_sold_what_was_never_bought(
    tmp_path: Path, shared: Path, settings: dict[str, str], bought: str, owed: str
) -> None:
    class Sells(tc.Strategy):
        def on_start(self, ctx: tc.Context) -> None:
            ctx.at(1_723_075_201_000_000_000, lambda ctx: ctx.buy("BTCUSDT.BINANCE", bought))
            ctx.at(1_723_075_202_000_000_000, lambda ctx: ctx.sell("BTCUSDT.BINANCE", "0.04"))

    tc.import_tardis(shared / "cases" / "31-spot.csv", "BTCUSDT.BINANCE", tmp_path / "c")
    result = tc.Backtest(
        [Sells("s", ["BTCUSDT.BINANCE"])],
        tmp_path / "c",
        [tc.SimVenue("BINANCE", **settings)],  # type: ignore[arg-type]
    ).run()
    assert len(result.fills) == 2
    told = [note for note in result.notes if "never bought" in note]
    assert told == ([f"s: sold {owed} BTC of BTCUSDT.BINANCE that it never bought: a venue with balances= lets nobody sell "
                     "what is not held"] if owed else [])  # fmt: skip


@pytest.mark.parametrize("given", ["0.5 BTC, 1000 USDT", {"BTC": "0.5", "USDT": 1000}])
def test_a_configuration_holds_balances_as_text_or_as_a_table(given: object) -> None:
    venue = from_table({"name": "TEST", "balances": given, "borrowing": "allowed"})
    assert venue == tc.SimVenue("TEST", balances={"BTC": Decimal("0.5"), "USDT": 1000}, borrowing="allowed")
    assert from_table(to_table(venue)) == venue
