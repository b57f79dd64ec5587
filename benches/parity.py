"""Order by order against hftbacktest: ``make parity``, in the environment of the benchmarks.

The same orders of one lot join both engines' queues: the same feed, the same latencies, each shared queue model as
published (``compat=True``). An order is equal when it fills on both sides, at the same nanosecond, or on neither. What
differs is explained by the rules in which the two part (:mod:`benches.emulator`): each engine has to do exactly what
its rules say, and the cause is the fewest rules of ours that turn the peer's outcome into ours.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tradecore as tc
from benches.emulator import RULES, Request, causes, emulate

MODELS = ("conservative", "power(2)", "power2(2)", "power3(3)", "log", "log2")
GRANULARITIES = ("0ms", "10ms", "100ms")
LATENCY_NS = 5_000_000
EVERY_NS = 250_000_000
HOLD_NS = 2_000_000_000


class Feed:
    """One market: its columns in memory and as the peer's events."""

    def __init__(self, catalog: Path, folder: Path) -> None:
        from tradecore.data.exporters import export

        stored = tc.Catalog(catalog)
        (self.name,) = stored.instruments()
        self.spec = stored.instrument(self.name)
        pieces = list(stored.stream(self.name))
        self.columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        (made,) = export(catalog, self.name, folder / "events.npz", form="hftbacktest")
        self.events = np.load(made)["data"]
        made.unlink()

    def script(self, seed: int) -> list[Request]:
        """Return orders around the touch, most of them at it, each cancelled after a while."""
        bids, asks = tc.L2Book(self.spec).apply_and_trace(self.columns)
        stamps = self.columns["ts_event"]
        ends = np.flatnonzero(self.columns["flags"] & np.uint8(tc.EventFlag.LAST))
        random = np.random.default_rng(seed)
        first, last = int(stamps[0]), int(stamps[-1])
        requests: list[Request] = []
        for begin in range(first + 1_000_000_000, last - HOLD_NS - EVERY_NS, EVERY_NS):
            now = begin + int(random.integers(0, EVERY_NS // 2))
            row = ends[np.searchsorted(stamps[ends], now, side="right") - 1]
            for side, best in ((1, int(bids[row])), (-1, int(asks[row]))):
                price, number = best + side * int(random.choice([0, 0, 0, 1, -1, -2])), len(requests) // 2
                requests.append(Request(now, False, number, side, price))
                requests.append(Request(now + HOLD_NS, True, number, side, price))
        return sorted(requests)


class Script(tc.Strategy):
    """Sends one order at its time and cancels it at another."""

    requests: Sequence[Request] = ()
    terms: tuple[str, str] = ("", "")

    def on_start(self, ctx: tc.Context) -> None:
        """Wait for both."""
        for request in self.requests:
            ctx.at(request.ts_ns, self.cancel if request.is_cancel else self.send)

    def send(self, ctx: tc.Context) -> None:
        """Send the order."""
        qty, price = self.terms
        side = ctx.buy if self.requests[0].side > 0 else ctx.sell
        self.order = side(self.instruments[0], qty, price, post_only=True)

    def cancel(self, ctx: tc.Context) -> None:
        """Cancel it, if it is still there."""
        if ctx.order(self.order) is not None:
            ctx.cancel(self.order)


def ours(feed: Feed, requests: Sequence[Request], model: str) -> dict[int, int]:
    """Return our fill times by order, each order alone with the market."""
    by_order: dict[int, list[Request]] = {}
    for request in requests:
        by_order.setdefault(request.order, []).append(request)
    strategies = []
    for number, own in by_order.items():
        strategy = Script(str(number), [feed.name])
        strategy.requests = own
        strategy.terms = (feed.spec.format_qty(1), feed.spec.format_price(own[0].price))
        strategies.append(strategy)
    latency = tc.Latency(entry="5ms", response="5ms")
    queue = model.removesuffix(")") + (", compat=True)" if model.endswith(")") else "(compat=True)")
    venue = tc.SimVenue(
        feed.spec.venue, latency=latency, queue=queue, clock_lead="0ns", uncross="off", accounts="isolated"
    )
    data = {feed.name: feed.columns}
    fills = tc.Backtest(strategies, data, [venue], specs={feed.name: feed.spec}).run().fills
    stamps = fills["ts_event"].to_physical()
    return {int(number): int(ts) for number, ts in zip(fills["strategy"], stamps, strict=True)}


def compared(feed: Feed, model: str, *, seed: int) -> dict[str, Any]:
    """Return a row of the table: how many orders, how many equal, and how many differ by which rules."""
    from benches.peers import scripted_fills

    requests = feed.script(seed)
    orders = sorted({request.order for request in requests})
    theirs = scripted_fills(feed.events, feed.spec, requests, model, LATENCY_NS)
    own = ours(feed, requests, model)

    def run(chosen: Collection[int], rules: Collection[str]) -> dict[int, int]:
        wanted = set(chosen)
        asked = [request for request in requests if request.order in wanted]
        unit = float(feed.spec.qty_from_steps(1))
        return emulate(feed.columns, asked, model, rules, latency_ns=LATENCY_NS, unit=unit)

    differing = [order for order in orders if theirs.get(order) != own.get(order)]
    by_rules = [run(orders, rules) for rules in ((), RULES)]
    unlike = [
        order
        for order in orders
        for told, fills in zip(by_rules, (theirs, own), strict=True)
        if told.get(order) != fills.get(order)
    ]
    found = causes([order for order in differing if order not in unlike], own, run)
    return {
        "model": model,
        "orders": len(orders),
        "filled": (len(theirs), len(own)),
        "equal": len(orders) - len(differing),
        "causes": Counter(" + ".join(rules) for rules in found.values()),
        "unexplained": len(set(unlike) | set(differing) - set(found)),
    }


def table_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return rows as lines of text."""
    names = sorted({cause for row in rows for cause in row["causes"]})
    head = ["model", "orders", "filled there", "filled here", "equal", *names, "unexplained"]
    lines = [
        [
            *(row["model"], row["orders"], *row["filled"], row["equal"]),
            *(row["causes"][name] for name in names),
            row["unexplained"],
        ]
        for row in rows
    ]
    texts = [[str(cell) for cell in line] for line in [head, *lines]]
    widths = [max(len(line[column]) for line in texts) for column in range(len(head))]
    return [
        "  ".join([line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))])
        for line in texts
    ]


def main() -> int:
    """Read the command line, make the markets and print a table of each."""
    parser = argparse.ArgumentParser(prog="python -m benches.parity", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="rows of each market of single orders")
    parser.add_argument("--seed", type=int, default=5, help="of markets and orders")
    parser.add_argument("--catalog", type=Path, help="one instrument's recorded market instead")
    parser.add_argument("--model", action="append", choices=MODELS, help="only these models")
    given = parser.parse_args()
    unexplained = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for granularity in GRANULARITIES if given.catalog is None else ("",):
            catalog = given.catalog or folder / granularity
            if given.catalog is None:
                tc.synthesize_orders(catalog, events=given.events, seed=given.seed, granularity=granularity)
            print(f"order-level market, told every {granularity}" if granularity else catalog, flush=True)
            feed = Feed(catalog, folder)
            rows = [compared(feed, model, seed=given.seed) for model in given.model or MODELS]
            unexplained += sum(row["unexplained"] for row in rows)
            print("\n".join(table_of(rows)), end="\n\n", flush=True)
    for rule, what in RULES.items():
        print(f"{rule}: {what}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
