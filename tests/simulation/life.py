"""An order's life, as a strategy leads it and somebody at the venue has part in it."""

from __future__ import annotations

from decimal import Decimal

import tradecore as tc
from simulation.world import World
from tradecore.sandbox.desk import OrderRecord

__all__ = ["Lifelong", "fill_a_part"]


class Lifelong(tc.Strategy):
    """Rests a bid, lowers it, has part of it filled, cancels the rest, sells what it holds, and is done.

    Each step waits until what it sees is the outcome of the one before, so that a process that dies between them, or
    what goes wrong, does not change what comes next. ``begins_ns`` is when it starts, ns UTC.
    """

    begins_ns: int = 0
    step = "bid"

    def on_start(self, ctx: tc.Context) -> None:
        ctx.every("50ms", self.act)

    def act(self, ctx: tc.Context) -> None:
        name = self.instruments[0]
        book = ctx.book(name)
        bid = book.best_bid
        held = ctx.position(name).qty
        orders = ctx.orders(name)
        is_early = ctx.now_ns < self.begins_ns
        if is_early or not book.is_synced or bid is None or any(order.is_pending for order in orders):
            return
        if self.step == "bid":
            if held > 0:
                self.step = "cancel"
            elif not orders:
                ctx.buy(name, "0.02", bid, post_only=True)
            elif orders[0].qty == 0.02:
                ctx.replace(orders[0].order_id, qty="0.01")
        elif self.step == "cancel":
            if orders:
                ctx.cancel(orders[0].order_id)
            else:
                self.step = "sell"
        elif self.step == "sell":
            if held == 0:
                self.step = "done"
            elif not orders:
                ctx.sell(name, str(Decimal(str(held))))


def fill_a_part(world: World) -> None:
    """Have somebody sell so much that a part of the bid is filled, once it is as small as it becomes."""
    desk = world.desk
    for order in desk.open_orders(0):
        if order.side != "BUY" or order.qty != Decimal("0.01") or order.filled > 0:
            continue
        instrument = desk.instruments[order.symbol]
        # A crowd goes on without who has died: what rests is not at the top of its book any more.
        depth, _ = desk.exchange.depth(order.market, 1_000 if desk.is_of_orders else 1)
        bids = [(price, qty) for price, qty in depth if price * instrument.price_increment >= order.price]
        if not bids or bids[-1][0] * instrument.price_increment != order.price:
            continue
        number = desk.next_order_id()
        other = OrderRecord(
            order_id=number, client_id=f"other{number}", account=1, market=order.market, symbol=order.symbol,
            side="SELL", kind="LIMIT", time_in_force="IOC",
            qty=sum(qty for _, qty in bids) * instrument.qty_increment - Decimal("0.006"), price=order.price,
        )  # fmt: skip
        desk.submit(other, world.clock.now_ns(), time_in_force="ioc")
