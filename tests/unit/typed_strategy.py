"""A strategy as a user writes it with annotations. Tests run it, and check its types as strictly as a user may."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import tradecore as tc
from tradecore.strategy import Bar, FundingRate, Liquidation, OpenInterest, ReferencePrice


class TypedStrategy(tc.Strategy):
    """Buys in three ways, holds for a while, sells."""

    interval: tc.Duration = "100ms"
    hold: tc.Duration = timedelta(seconds=1)
    lots: int = 2
    size: Decimal = Decimal("0.01")

    def on_start(self, ctx: tc.Context) -> None:
        self.sell_at: int | None = None
        ctx.every(self.interval, self.look)
        for instrument in self.instruments:
            ctx.subscribe(instrument, "bars:1s")

    def look(self, ctx: tc.Context) -> None:
        (instrument,) = self.instruments
        book = ctx.book(instrument)
        if self.sell_at is None and book.best_bid is not None and book.best_ask is not None:
            ctx.buy(instrument, self.size * self.lots)
            ctx.buy(instrument, "0.01", str(book.best_ask))
            ctx.buy(instrument, 0.01, book.best_ask, time_in_force=tc.TimeInForce.IOC)
            self.sell_at = ctx.now_ns + self.hold
        elif self.sell_at is not None and ctx.now_ns >= self.sell_at:
            ctx.sell(instrument, ctx.position(instrument).qty)
            self.sell_at = ctx.now_ns + 10 * self.hold

    def on_fill(self, ctx: tc.Context, fill: tc.Fill) -> None:
        cost: Decimal = fill.fee - fill.realized_pnl
        ctx.log(f"{fill.side.name} {fill.qty} @ {fill.price}: {cost}")

    def on_book(self, ctx: tc.Context, book: tc.BookView) -> None: ...

    def on_trade(self, ctx: tc.Context, trade: tc.TradeView) -> None: ...

    def on_quote(self, ctx: tc.Context, quote: tc.QuoteView) -> None: ...

    def on_book_state(self, ctx: tc.Context, book: tc.BookView, state: tc.BookState) -> None: ...

    def on_mark(self, ctx: tc.Context, mark: ReferencePrice) -> None: ...

    def on_index(self, ctx: tc.Context, index: ReferencePrice) -> None: ...

    def on_funding(self, ctx: tc.Context, funding: FundingRate) -> None: ...

    def on_open_interest(self, ctx: tc.Context, open_interest: OpenInterest) -> None: ...

    def on_liquidation(self, ctx: tc.Context, liquidation: Liquidation) -> None: ...

    def on_bar(self, ctx: tc.Context, bar: Bar) -> None: ...

    def on_order(self, ctx: tc.Context, order: tc.Order) -> None: ...

    def on_timer(self, ctx: tc.Context, timer: int) -> None: ...

    def on_stop(self, ctx: tc.Context) -> None: ...
