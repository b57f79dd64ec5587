"""A market maker in plain Python: two quotes around the touch, requoted every 100 ms.

    python examples/01_quoter.py [CATALOG]

Without a catalog it makes a synthetic market of its own.
"""

import sys
import tempfile

import tradecore as tc


class Quoter(tc.Strategy):
    """Quote both sides, leaning away from the inventory."""

    half_spread: int = 1
    qty: str = "0.01"
    max_position: float = 0.05

    def on_start(self, ctx):
        """Set the timer."""
        ctx.every("100ms", self.requote)

    def requote(self, ctx):
        """Move both quotes to where they should be now."""
        for inst in self.instruments:
            book = ctx.book(inst)
            if not book.is_synced or book.spread is None:
                continue
            position = ctx.position(inst).qty
            offset = self.half_spread * book.tick_size
            ctx.quote(
                inst,
                bid=book.best_bid - offset if position < self.max_position else None,
                ask=book.best_ask + offset if position > -self.max_position else None,
                qty=self.qty,
                post_only=True,
            )


def main(folder: str) -> None:
    """Run it and print what came of it."""
    catalog = tc.Catalog(folder)
    result = tc.Backtest(strategies=[Quoter("quoter", catalog.instruments())], data=catalog).run()
    print(result)
    print(result.fills.select("ts_recv", "side", "price", "qty", "liquidity", "position_qty").tail(3))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as scratch:
            tc.synthesize(scratch, events=200_000, seed=1)
            main(scratch)
