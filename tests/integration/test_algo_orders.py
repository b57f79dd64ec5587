"""Conditional orders on Binance's contracts, which wait at a service of their own."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from tradecore.sandbox import Fault
from tradecore.types import OrderStatus
from tradecore.venues import VenueReport
from tradecore.venues.binance.algos import algo_params
from venue_live import run, until
from venue_sandbox import Trading, session

pytestmark = pytest.mark.release
entries = pytest.mark.parametrize("order_entry", ["websocket", "rest"])
_USDM = "BINANCE_USDM"


def told(made: Trading) -> list[str]:
    """Return the kinds of the reports at the sink."""
    return [event.kind for event in made.events if isinstance(event, VenueReport) and event.order == made.client_id]


async def stop(made: Trading, at: Decimal, **terms: Any) -> VenueReport:
    """Have a sell wait for a price."""
    given = {"type": "stop_market", "trigger_price": str(at), **terms}
    report: VenueReport = await made.send(lambda ctx: ctx.sell(made.id, "0.01", given.pop("price", None), **given))
    return report


def print_at_bid(made: Trading) -> None:
    """Have somebody sell a little to the best bid."""
    made.desk.place(1, "BTCUSDT", "SELL", Decimal("0.001"), made.below(0), time.time_ns(), post_only=False)


@entries
def test_a_stop_waits_at_the_service_and_is_cancelled_there(order_entry: str) -> None:
    async def work() -> None:
        async with session(_USDM, speed=0.02, order_entry=order_entry) as made:
            at = made.below(0.01)
            placed = await stop(made, at)
            assert (placed.kind, placed.venue_id) == ("accepted", "algo-2000001")
            (order,) = await made.connector.open_orders()
            assert (order.venue_id, order.client_id, order.price) == (placed.venue_id, made.client_id, None)
            looked_up = await made.connector.query(made.id, made.client_id)
            assert [(report.kind, report.venue_id) for report in looked_up] == [("accepted", placed.venue_id)]
            moved = await made.send(lambda ctx: ctx.replace(made.order_id, qty="0.02"))
            assert (moved.kind, moved.reason) == ("replace_rejected", "unsupported")
            assert (await made.send(lambda ctx: ctx.cancel(made.order_id))).kind == "cancelled"
            await until(lambda: told(made) == ["accepted", "cancelled"])
            assert [report.kind for report in await made.connector.query(made.id, made.client_id)] == [
                "accepted", "cancelled",
            ]  # fmt: skip
            assert await made.connector.open_orders() == []

    run(work)


@entries
def test_a_stop_that_is_set_off_goes_on_as_an_ordinary_order(order_entry: str) -> None:
    async def work() -> None:
        async with session(_USDM, speed=0.02, order_entry=order_entry) as made:
            placed = await stop(made, made.below(0))
            print_at_bid(made)
            await until(lambda: "fill" in told(made))
            assert told(made)[0] == "accepted"
            assert "triggered" in told(made)
            for report in made.events:
                if isinstance(report, VenueReport):
                    made.trader.take(report)
            assert made.trader.last == (OrderStatus.FILLED, 0.01)
            looked_up = await made.connector.query(made.id, made.client_id)
            assert [report.kind for report in looked_up] == ["accepted", "fill", "reduced"]
            assert looked_up[0].venue_id != placed.venue_id
            (fill,) = await made.connector.executions([made.id], time.time_ns() - 60_000_000_000)
            assert (fill.client_id, fill.venue_id, fill.qty) == (
                made.client_id, looked_up[0].venue_id, Decimal("0.01"),
            )  # fmt: skip

    run(work)


def test_a_stop_limit_that_was_set_off_is_cancelled_as_an_ordinary_order() -> None:
    async def work() -> None:
        async with session(_USDM, speed=0.02) as made:
            bid = made.below(0)
            far = bid + 100 * made.spec.tick_size
            await stop(made, bid, type="stop_limit", price=str(far))
            print_at_bid(made)
            await until(lambda: "triggered" in told(made))
            (order,) = await made.connector.open_orders()
            assert (order.client_id, order.price) == (made.client_id, far)
            assert (await made.send(lambda ctx: ctx.cancel(made.order_id))).kind == "cancelled"
            assert made.trader.last == (OrderStatus.CANCELLED, 0.0)

    run(work)


def test_all_orders_that_are_cancelled_are_those_that_wait_too() -> None:
    async def work() -> None:
        async with session(_USDM, speed=0.02) as made:
            await stop(made, made.below(0.01))
            await made.send(lambda ctx: ctx.buy(made.id, "0.01", made.below(0.01), post_only=True))
            assert len(await made.connector.open_orders()) == 2
            await made.connector.cancel_all(made.id)
            assert await made.connector.open_orders() == []

    run(work)


@pytest.mark.parametrize("kind", ["swallow", "lose"])
def test_a_stop_that_nobody_answered_is_looked_up(kind: Any) -> None:
    async def work() -> None:
        async with session(_USDM, [Fault(kind=kind, on="algoOrder.place", count=1)], speed=0.02) as made:
            made.connector._api.good_for_s = 1.0
            assert (await stop(made, made.below(0.01))).kind == "unknown"
            wanted = "accepted" if kind == "swallow" else "rejected"
            await until(lambda: any(report.detail == "" or report.kind == wanted for report in made.reports(wanted)))
            assert len(await made.connector.open_orders()) == (kind == "swallow")

    run(work)


def test_what_the_service_has_no_words_for_is_refused() -> None:
    async def work() -> None:
        async with session(_USDM, speed=0.02) as made:
            at = made.below(0.01)
            waits = {"type": "stop_market", "trigger_price": str(at)}
            (command,) = made.trader.act(
                lambda ctx: ctx.sell(made.id, "0.01", trigger="mark", reduce_only=True, **waits)
            )
            params = algo_params(command)
            assert (params["workingType"], params["reduceOnly"], params["type"]) == (
                "MARK_PRICE",
                "true",
                "STOP_MARKET",
            )
            limit = {"type": "stop_limit", "trigger_price": str(at), "price": str(at)}
            for terms in (
                {"type": "trailing_stop", "trailing_offset": "10"}, {**waits, "trigger": "mid"},
                {**limit, "post_only": True}, {**limit, "time_in_force": "gtd", "expires_at": time.time_ns() + 10**13},
            ):  # fmt: skip
                report = await made.send(lambda ctx, terms=terms: ctx.sell(made.id, "0.01", **terms))  # type: ignore[misc]
                assert (report.kind, report.reason) == ("rejected", "unsupported"), terms

    run(work)
