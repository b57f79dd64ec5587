"""The strategies of the benchmarks in plain Python."""

import os
import time

import tradecore as tc


class PythonMaker(tc.Strategy):
    """Join both best prices every 100 ms, with a limit on the position."""

    qty: float = 0.01
    max_position: float = 0.05

    def on_start(self, ctx):
        """Set the timer."""
        ctx.every("100ms", self.requote)

    def requote(self, ctx):
        """Move both quotes to the touch."""
        for inst in self.instruments:
            book = ctx.book(inst)
            bid, ask = book.best_bid, book.best_ask
            if bid is None or ask is None:
                continue
            position = ctx.position(inst).qty
            ctx.quote(
                inst,
                bid=bid if position + self.qty <= self.max_position + 1e-9 else None,
                ask=ask if position - self.qty >= -self.max_position - 1e-9 else None,
                qty=self.qty,
                post_only=True,
            )


class WeighedMaker(PythonMaker):
    """Write down in the end what its process has for itself, MB."""

    report: str = ""

    def on_stop(self, ctx):
        """Add a line to the report."""
        with open("/proc/self/smaps_rollup") as rollup:
            private = sum(int(line.split()[1]) for line in rollup if line.startswith("Private"))
        with open(self.report, "a") as report:
            report.write(f"{os.getpid()} {private / 1024}\n")


class Idle(tc.Strategy):
    """Wake every 100 ms and do nothing."""

    def on_start(self, ctx):
        """Set the timer."""
        ctx.every("100ms", self.wake)

    def wake(self, ctx):
        """Do nothing."""


class Watch(tc.Strategy):
    """Read ten best bids every 100 ms."""

    def on_start(self, ctx):
        """Set the timer."""
        self.watched = (self.instruments * 10)[:10]
        ctx.every("100ms", self.wake)

    def wake(self, ctx):
        """Read them."""
        for inst in self.watched:
            ctx.book(inst).best_bid  # noqa: B018


class Busy(tc.Strategy):
    """Cancel what rests and send both quotes anew every 500 us, and note what memory the process has."""

    def on_start(self, ctx):
        """Set the timer."""
        self.sent = 0
        self.held_mb = []
        ctx.every("500us", self.requote)

    def requote(self, ctx):
        """Send two orders far from the touch."""
        (inst,) = self.instruments
        book = ctx.book(inst)
        if book.spread is None:
            return
        away = 1_000 + self.sent % 4
        ctx.cancel_all()
        ctx.buy(inst, "0.01", book.best_bid - away)
        ctx.sell(inst, "0.01", book.best_ask + away)
        self.sent += 2
        if self.sent % 1_000 == 0:
            with open("/proc/self/statm") as file:
                self.held_mb.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6)


class EveryMessage(tc.Strategy):
    """Read a best bid at every message that changes a book."""

    calls = 0

    def on_book(self, ctx, book):
        """Read it."""
        self.calls += 1
        book.best_bid  # noqa: B018


class Resting(tc.Strategy):
    """Let ten orders a side rest far behind the best prices."""

    def on_start(self, ctx):
        """Wait for prices."""
        ctx.at(ctx.now_ns + 10_000_000, self.place)

    def place(self, ctx):
        """Place them all."""
        (inst,) = self.instruments
        book = ctx.book(inst)
        for level in range(10):
            away = (2_000 + level) * book.tick_size
            ctx.buy(inst, 0.01, book.best_bid - away)
            ctx.sell(inst, 0.01, book.best_ask + away)


class ManyResting(tc.Strategy):
    """Let any number of orders rest over two thousand ticks far behind the best prices, and time what comes after."""

    count: int = 1

    def on_start(self, ctx):
        """Wait for prices."""
        ctx.at(ctx.now_ns + 10_000_000, self.place)

    def place(self, ctx):
        """Place them all."""
        (inst,) = self.instruments
        book = ctx.book(inst)
        bid, ask, tick = book.best_bid, book.best_ask, book.tick_size
        for number in range(self.count):
            away = (2_000 + number // 2 * 7 % 2_000) * tick
            if number % 2:
                ctx.sell(inst, 0.01, ask + away)
            else:
                ctx.buy(inst, 0.01, bid - away)
        ctx.at(ctx.now_ns + 100_000_000, self.begin)

    def begin(self, ctx):
        """They rest."""
        assert len(ctx.orders()) == self.count
        self.started = time.perf_counter()

    def on_stop(self, ctx):
        """Take the time."""
        self.seconds = time.perf_counter() - self.started


class EveryRow(tc.Strategy):
    """Read both best prices on every message."""

    def on_start(self, ctx):
        """Start the sum."""
        self.total = 0.0
        self.calls = 0

    def on_book(self, ctx, book):
        """Add the spread."""
        self.calls += 1
        bid, ask = book.best_bid, book.best_ask
        if bid and ask:
            self.total += ask - bid


class TouchReader(tc.Strategy):
    """Read both best prices with every book update."""

    def on_start(self, ctx):
        """Begin to count."""
        self.calls = 0

    def on_book(self, ctx, book):
        """Read both best prices."""
        if book.best_bid < book.best_ask:
            self.calls += 1


class Flipper(tc.Strategy):
    """Buy and sell in turn with every book update."""

    def on_start(self, ctx):
        """Begin with a buy."""
        self.buys = True

    def on_book(self, ctx, book):
        """Trade at the touch."""
        (ctx.buy if self.buys else ctx.sell)(book.instrument, 0.001)
        self.buys = not self.buys
