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
