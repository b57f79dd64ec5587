"""What specifications say, and data that has no book: kinds of trouble that people had."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

import tradecore as tc
from conftest import LAST, SET, columns
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


def test_a_price_between_two_increments_is_told_the_tick_in_force(changing: tc.Instrument) -> None:
    class Between(Joins):
        def on_book(self, ctx: tc.Context, book: tc.BookView) -> None:
            with pytest.raises(tc.errors.OffGridError) as told:
                ctx.buy(book.instrument, "1", "100.123")
            self.said.append(told.value.step)
            with pytest.raises(tc.errors.OffGridError) as told:
                ctx.buy(book.instrument, "1.00001", "100.5")
            self.said.append(told.value.step)

    between = Between("b", [changing.id])
    tc.Backtest([between], {changing.id: around(CHANGED)}, specs=[changing]).run()  # type: ignore[dict-item]
    assert between.said == ["0.1", "0.01"] * 2 + ["0.5", "0.1"] * 2


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
