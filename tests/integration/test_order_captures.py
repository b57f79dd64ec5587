"""Captures of single orders: what Coinbase's channel ``full`` tells is what a catalog holds of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest

import tradecore as tc
from tradecore.data.catalog import Catalog
from tradecore.data.recorded import import_capture
from tradecore.types import EventKind, Side

pytestmark = pytest.mark.release

NAME = "BTC-USD.COINBASE"
ORDERS = [int(kind) for kind in EventKind if kind.name.startswith("ORDER_")]
_SIDES = {1: "buy", -1: "sell"}


def made(catalog: Path) -> tuple[tc.Instrument, pl.DataFrame]:
    """A market of single orders, and the instrument that tells it at Coinbase."""
    tc.synthesize_orders(catalog, events=6_000, seed=3)
    (name,) = Catalog(catalog).instruments()
    spec = Catalog(catalog).instrument(name)
    steps = {"price_increment": str(spec.price_increment), "qty_increment": str(spec.qty_increment)}
    told = tc.Instrument(NAME, kind="spot", base="BTC", quote="USD", **steps)
    return told, Catalog(catalog).scan(name).collect()


def frames(rows: pl.DataFrame, spec: tc.Instrument) -> Iterator[tuple[int, dict[str, Any]]]:
    """The messages of the venue: those of the first moment are a snapshot, which comes behind what it holds."""

    def price(row: dict[str, Any]) -> str:
        return str(row["price"] * spec.price_increment)

    def qty(row: dict[str, Any]) -> str:
        return str(row["qty"] * spec.qty_increment)

    orders = rows.filter(pl.col("kind").is_in(ORDERS))
    first_ns = orders["ts_event"][0]
    resting = orders.filter(pl.col("ts_event") == first_ns)
    books: dict[int, list[list[str]]] = {1: [], -1: []}
    for row in resting.iter_rows(named=True):
        books[row["side"]].append([price(row), qty(row), str(UUID(int=row["id"]))])
    for number, row in enumerate(orders.iter_rows(named=True), start=1):
        time = pl.Series([row["ts_event"]], dtype=pl.Datetime("ns")).dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")[0]
        order = {"sequence": number, "product_id": "BTC-USD", "time": time, "side": _SIDES[row["side"]]}
        order |= {"order_id": str(UUID(int=row["id"])), "price": price(row)}
        match EventKind(row["kind"]):
            case EventKind.ORDER_ADD:
                order |= {"type": "open", "remaining_size": qty(row)}
            case EventKind.ORDER_MODIFY:
                order |= {"type": "change", "new_price": price(row), "new_size": qty(row)}
            case EventKind.ORDER_CANCEL:
                order |= {"type": "done", "reason": "canceled", "remaining_size": qty(row)}
            case _:
                order |= {"type": "match", "trade_id": number, "size": qty(row), "maker_order_id": order["order_id"]}
        yield row["ts_recv"], order
        if number == len(resting) + 5:
            yield row["ts_recv"], {"sequence": len(resting), "bids": books[1], "asks": books[-1]}


def levels(rows: pl.DataFrame) -> dict[tuple[int, int], int]:
    """The book that rows of levels end with."""
    held = rows.filter(kind=int(EventKind.BOOK_SET)).group_by("side", "price", maintain_order=True).last()
    return {(row["side"], row["price"]): row["qty"] for row in held.iter_rows(named=True) if row["qty"]}


def test_a_capture_of_single_orders_is_the_market_that_told_them(tmp_path: Path) -> None:
    spec, rows = made(tmp_path / "made")
    capture = tmp_path / "capture"
    capture.write_text("".join(f"{at} {json.dumps(frame)}\n" for at, frame in frames(rows, spec)))
    summary = import_capture(capture, spec, tmp_path / "market")
    assert (summary["gaps"], summary["snapshots"]) == (0, 1)
    imported = Catalog(tmp_path / "market").scan(NAME).collect()
    of_orders = ["kind", "side", "price", "qty", "id"]
    was, now = (table.filter(pl.col("kind").is_in(ORDERS)).select(of_orders) for table in (rows, imported))
    # A snapshot tells bids, then asks; each level in the order of its queue.
    first = was.filter(rows.filter(pl.col("kind").is_in(ORDERS))["ts_event"] == rows["ts_event"][0])
    assert now.head(len(first)).rows() == first.sort("side", descending=True, maintain_order=True).rows()
    assert now.slice(len(first)).rows() == was.slice(len(first)).rows()
    assert levels(imported) == levels(rows)
    traded = [table.filter(kind=int(EventKind.TRADE)) for table in (rows, imported)]
    assert traded[0]["qty"].sum() == traded[1]["qty"].sum() > 0
    sides = [table.group_by("side").agg(pl.col("qty").sum()).sort("side").rows() for table in traded]
    assert sides[0] == sides[1]
    assert set(traded[1]["side"].unique()) == {int(Side.BUY), int(Side.SELL)}


def test_queue_models_are_compared_with_the_orders_of_a_capture(tmp_path: Path) -> None:
    spec, rows = made(tmp_path / "made")
    capture = tmp_path / "capture"
    capture.write_text("".join(f"{at} {json.dumps(frame)}\n" for at, frame in frames(rows, spec)))
    import_capture(capture, spec, tmp_path / "market")
    (row,) = tc.compare_queues(tmp_path / "market", ("tracked",), hold="2s")
    assert row.both > 0
    assert row.true_only + row.model_only < row.both


def test_a_lost_message_of_a_capture_ends_its_orders(tmp_path: Path) -> None:
    spec, rows = made(tmp_path / "made")
    told = list(frames(rows, spec))
    del told[len(told) // 2]
    capture = tmp_path / "capture"
    capture.write_text("".join(f"{at} {json.dumps(frame)}\n" for at, frame in told))
    summary = import_capture(capture, spec, tmp_path / "market")
    assert (summary["gaps"], summary["snapshots"]) == (1, 1)
    imported = Catalog(tmp_path / "market").scan(NAME).collect()
    cleared = imported.with_row_index().filter(kind=int(EventKind.BOOK_CLEAR))["index"].to_list()
    assert set(imported["kind"].slice(cleared[-1] + 1).to_list()) == {int(EventKind.TRADE)}
