"""Many sets of parameters of one market maker, on all cores.

    python examples/02_sweep.py [CATALOG]

Without a catalog it makes a synthetic market of its own. The class may stand in the script itself, and the script needs
no guard for its workers.
"""

import sys
import tempfile

import tradecore as tc


class Leaning(tc.Strategy):
    """Quote both sides and lean away from the inventory."""

    half_spread: int = 1
    lean: float = 0.0
    qty: float = 0.01
    max_position: float = 0.05

    def on_start(self, ctx):
        """Set the timer."""
        ctx.every("200ms", self.requote)

    def requote(self, ctx):
        """Move both quotes to where they should be now."""
        (inst,) = self.instruments
        book = ctx.book(inst)
        if not book.is_synced or book.spread is None:
            return
        position = ctx.position(inst).qty
        shift = round(self.lean * position / self.qty) * book.tick_size
        offset = self.half_spread * book.tick_size
        ctx.quote(
            inst,
            bid=min(book.best_bid - offset - shift, book.best_bid) if position < self.max_position else None,
            ask=max(book.best_ask + offset - shift, book.best_ask) if position > -self.max_position else None,
            qty=self.qty,
            post_only=True,
        )


with tempfile.TemporaryDirectory() as scratch:
    if len(sys.argv) > 1:
        catalog = sys.argv[1]
    else:
        catalog = scratch
        tc.synthesize(catalog, events=200_000, seed=1)
    fees = tc.SimVenue("SYNTH", maker_fee_bps="-0.05")
    sweep = tc.sweep(Leaning, catalog, {"half_spread": [0, 1, 2, 3], "lean": [0.0, 0.5, 1.0]}, venues=[fees])
    print(sweep)

    # Any point is what a run of its own is, to the last digit.
    best = sweep.best("net_pnl")
    name = tc.Catalog(catalog).instruments()[0]
    alone = tc.Backtest([Leaning("best", [name], **best.parameters)], catalog, [fees]).run()
    print(f"the best again, digest {alone.digest[:16]}: {alone.digest == best.figures['digest']}")
