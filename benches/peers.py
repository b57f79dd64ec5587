"""The peers' side of the comparisons. Import only where numba and hftbacktest are installed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hftbacktest import BUY, FILLED, GTX, LIMIT, BacktestAsset, ROIVectorMarketDepthBacktest
from numba import njit

import tradecore as tc
from benches.emulator import Request

LOW, HIGH = 55_000.0, 65_000.0
"""Prices hftbacktest's array book covers; it drops what lies outside."""


def hbt(events: np.ndarray) -> ROIVectorMarketDepthBacktest:
    """Set up two latencies of 5 ms, a queue model, no partial fills (with them it stops with an error here)."""
    asset = (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(5_000_000, 5_000_000)
        .power_prob_queue_model3(3.0)
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0004)
        .tick_size(0.1)
        .lot_size(0.001)
        .roi_lb(LOW)
        .roi_ub(HIGH)
        .last_trades_capacity(0)
    )
    return ROIVectorMarketDepthBacktest([asset])


QUEUES = {
    "conservative": "risk_adverse_queue_model",
    "power": "power_prob_queue_model",
    "power2": "power_prob_queue_model2",
    "power3": "power_prob_queue_model3",
    "log": "log_prob_queue_model",
    "log2": "log_prob_queue_model2",
}
"""The methods of its asset that choose a queue model, by our names."""


def scripted_fills(
    events: np.ndarray, spec: tc.Instrument, requests: Sequence[Request], model: str, latency_ns: int
) -> dict[int, int]:
    """Return the fill times of orders of one lot by the venue's clock, ns; those that did not fill are left out."""
    tick, lot = float(spec.price_from_steps(1)), float(spec.qty_from_steps(1))
    name, _, number = model.removesuffix(")").partition("(")
    prices = events["px"][events["px"] > 0]
    asset = (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(latency_ns, latency_ns)
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(tick)
        .lot_size(lot)
        .roi_lb(float(prices.min()) - 10 * tick)
        .roi_ub(float(prices.max()) + 10 * tick)
        .last_trades_capacity(0)
    )
    asset = getattr(asset, QUEUES[name])(*([float(number)] if number else []))
    hbt = ROIVectorMarketDepthBacktest([asset])
    stamps, cancels, orders, sides, steps = (np.array(column) for column in zip(*requests, strict=True))
    send_scripted(hbt, stamps, cancels, orders, sides, steps * tick, lot)
    status, filled = np.zeros((2, orders.max() + 1), dtype=np.int64)
    read_orders(hbt, status, filled)
    hbt.close()
    return {int(order): int(filled[order]) for order in np.flatnonzero(status == FILLED)}


@njit
def send_scripted(hbt, stamps, cancels, orders, sides, prices, qty):
    """Send and cancel orders at their times, then go on to the end of the data."""
    hbt.elapse(1)
    for row in range(len(stamps)):
        if hbt.elapse(stamps[row] - hbt.current_timestamp) != 0:
            return
        if cancels[row]:
            order = hbt.orders(0).get(orders[row])
            if order is not None and order.cancellable:
                hbt.cancel(0, orders[row], False)
        elif sides[row] > 0:
            hbt.submit_buy_order(0, orders[row], prices[row], qty, GTX, LIMIT, False)
        else:
            hbt.submit_sell_order(0, orders[row], prices[row], qty, GTX, LIMIT, False)
    while hbt.elapse(1_000_000_000) == 0:
        pass


@njit
def read_orders(hbt, status, filled):
    """Read what became of orders, and when it did at the venue."""
    values = hbt.orders(0).values()
    while values.has_next():
        order = values.get()
        status[order.order_id] = order.status
        filled[order.order_id] = order.exch_timestamp


@njit
def elapse_once(hbt):
    """Go through all data without a read."""
    return hbt.elapse(10_000_000_000_000_000)


@njit
def nothing(hbt):
    """Step 100 ms at a time, doing nothing."""
    steps = 0
    while hbt.elapse(100_000_000) == 0:
        steps += 1
    return steps


@njit
def maker(hbt, qty, max_position):
    """Join both best prices every 100 ms, with a limit on the position."""
    next_id = 1
    while hbt.elapse(100_000_000) == 0:
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        bid, ask = depth.best_bid_tick, depth.best_ask_tick
        if bid <= -2_147_483_647 or ask >= 2_147_483_647:
            continue
        position = hbt.position(0)
        buying = position + qty <= max_position + 1e-9
        selling = position - qty >= -max_position - 1e-9
        has_bid = False
        has_ask = False
        values = hbt.orders(0).values()
        while values.has_next():
            order = values.get()
            if order.side == BUY:
                if buying and order.price_tick == bid:
                    has_bid = True
                elif order.cancellable:
                    hbt.cancel(0, order.order_id, False)
            elif selling and order.price_tick == ask:
                has_ask = True
            elif order.cancellable:
                hbt.cancel(0, order.order_id, False)
        if buying and not has_bid:
            hbt.submit_buy_order(0, next_id, bid * 0.1, qty, GTX, LIMIT, False)
            next_id += 1
        if selling and not has_ask:
            hbt.submit_sell_order(0, next_id, ask * 0.1, qty, GTX, LIMIT, False)
            next_id += 1
    return next_id - 1


def every_row(hbt) -> int:
    """Wake on every row and read both best prices: interpreted, as a user without numba would write it."""
    total, calls = 0.0, 0
    while hbt.wait_next_feed(False, 10_000_000_000_000_000) != 1:
        depth = hbt.depth(0)
        total += depth.best_ask - depth.best_bid
        calls += 1
    return calls


@njit
def ladder(kind, side, price, qty, low, levels, bids, asks, best_bid, best_ask):
    """Keep a bare array ladder: the fastest book a user could write, without states, checks or far levels."""
    top, bottom = -1, levels
    for row in range(len(kind)):
        if kind[row] == 1:
            level = price[row] - low
            amount = qty[row]
            if side[row] > 0:
                bids[level] = amount
                if amount > 0:
                    if level > top:
                        top = level
                elif level == top:
                    while top >= 0 and bids[top] == 0:
                        top -= 1
            else:
                asks[level] = amount
                if amount > 0:
                    if level < bottom:
                        bottom = level
                elif level == bottom:
                    while bottom < levels and asks[bottom] == 0:
                        bottom += 1
        elif kind[row] == 0:
            bids[:] = 0
            asks[:] = 0
            top, bottom = -1, levels
        best_bid[row] = top + low
        best_ask[row] = bottom + low
