"""A market maker behind limits, stops and a kill switch, and a page that shows where they acted.

    python examples/03_guarded_maker.py [CATALOG [PAGE]]

Without a catalog it makes a synthetic market of its own; without a page it writes `guarded.html`.
"""

import sys
import tempfile
from pathlib import Path

import tradecore as tc

GUARDS = tc.RiskLimits.profile(
    "balanced",
    100_000,
    collar_touch_bps=20,
    # Distances for a market that moves by a few ticks a second; percentages such as "2%" are of the entry price.
    stops=tc.Stops(stop_loss="8 ticks", take_profit=[("6 ticks", 0.5), ("12 ticks", 0.5)], time="10s"),
)


class GuardedMaker(tc.Strategy):
    """Quote both sides, protect what is held while it gains, and stop for good after too many losses."""

    qty: str = "0.01"
    most_stopped: int = 10

    def on_start(self, ctx):
        """Set stops of its own beside those of the run, and the timer."""
        self.stopped = 0
        for inst in self.instruments:
            ctx.protect(inst, tc.Stops(break_even="5 ticks"))
        ctx.every("200ms", self.requote)

    def requote(self, ctx):
        """Quote where the position leaves room; what would pass a limit is refused, not sent."""
        if ctx.risk.state != "active":
            return
        for inst in self.instruments:
            book = ctx.book(inst)
            if book.is_synced and book.spread is not None:
                ctx.quote(inst, bid=book.best_bid, ask=book.best_ask, qty=self.qty, post_only=True)

    def on_fill(self, ctx, fill):
        """Count what stops closed: exits are orders of the strategy that only reduce its position."""
        if fill.liquidity == tc.Liquidity.TAKER:
            self.stopped += 1
            if self.stopped == self.most_stopped:
                ctx.risk.kill()


def main(folder: str, page: Path) -> None:
    """Run it, print what guarded it, and write the page."""
    catalog = tc.Catalog(folder)
    result = tc.Backtest([GuardedMaker("maker", catalog.instruments())], catalog, risk=GUARDS).run()
    print(result)
    print(result.risk.stops.select("ts", "stop", "level", "price", "position_qty", "qty").head(5))
    print(result.risk.trips.select("ts", "check", "does"))
    print(f"{len(result.risk.refusals)} refusals, position {result.final_positions[0]['qty']}: {result.report(page)}")


if __name__ == "__main__":
    page = Path(sys.argv[2] if len(sys.argv) > 2 else "guarded.html")
    if len(sys.argv) > 1:
        main(sys.argv[1], page)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            tc.synthesize(scratch, events=200_000, seed=1)
            main(scratch, page)
