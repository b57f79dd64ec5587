"""A market maker in plain Python: two quotes around the touch that lean away from the position."""

import tradecore as tc


class Maker(tc.Strategy):
    """Quote both sides behind the best prices, and further behind on the side that would add to the position.

    The annotated attributes are its parameters: a configuration or the constructor sets them, and they are checked.
    """

    offset_ticks: int = 1
    skew_ticks: int = 3
    qty: float = 0.01
    max_position: float = 0.05

    def on_start(self, ctx: tc.Context) -> None:
        """Quote ten times a second."""
        ctx.every("100ms", self.requote)

    def requote(self, ctx: tc.Context) -> None:
        """Move both quotes to where they should be now; one that is there already keeps its place in the queue."""
        for inst in self.instruments:
            book = ctx.book(inst)
            if not book.is_synced or book.best_bid is None or book.best_ask is None:
                continue
            position = float(ctx.position(inst).qty)
            lean = round(self.skew_ticks * position / self.max_position)
            bid = book.best_bid - book.tick_size * (self.offset_ticks + max(lean, 0))
            ask = book.best_ask + book.tick_size * (self.offset_ticks + max(-lean, 0))
            ctx.quote(
                inst,
                bid=bid if position < self.max_position else None,
                ask=ask if position > -self.max_position else None,
                qty=self.qty,
                post_only=True,
            )
