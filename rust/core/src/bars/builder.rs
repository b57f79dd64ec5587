//! The one maker of bars: trades go in one at a time, in the order they were received, and finished bars come out.
//!
//! Of trades of one bar the first to arrive opens it and the last closes it, whatever their stamps.
//!
//! **Windows** `[start, start + length)` lie on the venue's clock (`ts_event`): a trade right at the end belongs to
//! the next one. The bar of a window is closed by what comes first of three: a trade of a later window; anything else
//! of the market that the venue stamped at the window's end or later (see [`Builder::watermark`]); our clock, once it
//! is past the end by a grace (see [`Builder::elapse`]). So a bar is never later than the grace, and it is known when a
//! bar is known: `ts_available`. A trade whose window was closed is late: it is counted, and dropped or added to its bar, which
//! comes out again with a higher revision. Windows without a trade make no bar, or carry the last price on.
//!
//! **Other bars** end with the trade that completes them; the next trade opens the next one. A trade that is larger
//! than what is missing may be split. Their stamps are those of their first and last trade, and nothing is late.
//!
//! - Imbalance and run bars take the sign of a trade from its price (up 1, down -1, unchanged the last sign, at first
//!   1), whoever was the aggressor. An imbalance bar ends when `|sum of sign x weight|` reaches `length x mean`, a run bar when the
//!   buys or the sells alone do, both as expected at its beginning (López de Prado, Advances in Financial Machine
//!   Learning, ch. 2). Expectations are constant, or exponential averages over finished bars of their length and their
//!   mean per trade; they stay within a factor of what was given, as they would run away to one trade or to none.
//! - Renko: the first price is the first level. A brick is a move of one size on from the last brick's close, or beyond
//!   its open for one in the other direction. One price may make several; its trade belongs to the first.

use std::collections::VecDeque;

use super::number::{Exact, Number, has_reached};
use super::rule::{Expectations, Rule, Weight};
use super::words::{self, Words};
use crate::event::VenueBar;
use crate::types::format_duration;

/// One input makes at most so many bars.
const MOST: i64 = 1_000_000;

/// Closed bars a late trade may still be added to.
const AMENDED: usize = 16;

/// Why an input makes no bars.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BarsError {
    /// It would make more than anybody can want: the size is too small for the data.
    #[error("the trade or gap at {ts} ns makes {bars:e} bars, at most {most}: choose larger bars", most = MOST)]
    TooMany {
        /// Its time, ns.
        ts: i64,
        /// How many it would make.
        bars: f64,
    },
    /// A bar of the venue lies in no window of these.
    #[error(
        "the data has bars of {}, which do not lie in these: choose windows of that length or a multiple of it",
        format_duration(*length)
    )]
    Coarse {
        /// Its length, ns.
        length: i64,
    },
}

/// A trade, or a quote without a quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tick<N> {
    /// Venue's clock, ns.
    pub ts_event: i64,
    /// Our clock when it was known, ns.
    pub clock: i64,
    /// Price.
    pub price: N,
    /// Quantity.
    pub qty: N,
    /// The aggressor: 1 buy, -1 sell, 0 unknown.
    pub side: i8,
}

/// A bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar<N: Number = i64> {
    /// Start of the window, or the time of the first trade; venue's clock, ns.
    pub ts_open: i64,
    /// End of the window, or the latest time of a trade; venue's clock, ns.
    pub ts_close: i64,
    /// Our clock when it was finished, ns.
    pub ts_available: i64,
    /// First price.
    pub open: N,
    /// Highest price.
    pub high: N,
    /// Lowest price.
    pub low: N,
    /// Last price.
    pub close: N,
    /// Quantity traded.
    pub volume: N::Sum,
    /// Sum of price times quantity.
    pub quote_volume: N::Quote,
    /// Quantity of trades with a buying aggressor.
    pub buy_volume: N::Sum,
    /// Quantity of trades with a selling aggressor.
    pub sell_volume: N::Sum,
    /// Number of trades, or parts of them.
    pub trades: u32,
    /// How many times late trades have changed it.
    pub revision: u32,
    /// Whether the data ended before it was finished.
    pub is_partial: bool,
}

impl<N: Number> Bar<N> {
    /// A bar without trades at a price.
    #[inline]
    fn empty(ts_open: i64, ts_close: i64, price: N) -> Self {
        Self {
            ts_open,
            ts_close,
            ts_available: ts_close,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: N::Sum::default(),
            quote_volume: N::Quote::default(),
            buy_volume: N::Sum::default(),
            sell_volume: N::Sum::default(),
            trades: 0,
            revision: 0,
            is_partial: false,
        }
    }

    #[inline(always)]
    fn add(&mut self, price: N, qty: N, side: i8) {
        if self.trades == 0 {
            (self.open, self.high, self.low) = (price, price, price);
        }
        if price > self.high {
            self.high = price;
        }
        if price < self.low {
            self.low = price;
        }
        self.close = price;
        self.count(price, qty, side);
    }

    /// Adds what was traded, not where.
    #[inline(always)]
    fn count(&mut self, price: N, qty: N, side: i8) {
        N::add(&mut self.volume, qty);
        N::add_quote(&mut self.quote_volume, price, qty);
        if side != 0 {
            // Which of them comes next no processor could guess.
            N::add(&mut self.buy_volume, if side > 0 { qty } else { N::ZERO });
            N::add(&mut self.sell_volume, if side < 0 { qty } else { N::ZERO });
        }
        self.trades = self.trades.saturating_add(1);
    }
}

impl<N: Number> Words for Bar<N> {
    fn put(&self, out: &mut Vec<i64>) {
        out.extend([self.ts_open, self.ts_close, self.ts_available]);
        for price in [self.open, self.high, self.low, self.close] {
            price.put(out);
        }
        for sum in [self.volume, self.buy_volume, self.sell_volume] {
            sum.put(out);
        }
        self.quote_volume.put(out);
        self.trades.put(out);
        self.revision.put(out);
        self.is_partial.put(out);
    }

    fn read(words: &mut std::slice::Iter<'_, i64>) -> Option<Self> {
        let [ts_open, ts_close, ts_available] = [i64::read(words)?, i64::read(words)?, i64::read(words)?];
        let [open, high, low, close] = [N::read(words)?, N::read(words)?, N::read(words)?, N::read(words)?];
        let (volume, buy_volume) = (N::Sum::read(words)?, N::Sum::read(words)?);
        let (sell_volume, quote_volume) = (N::Sum::read(words)?, N::Quote::read(words)?);
        let (trades, revision, is_partial) = (u32::read(words)?, u32::read(words)?, bool::read(words)?);
        Some(Self {
            ts_open,
            ts_close,
            ts_available,
            open,
            high,
            low,
            close,
            volume,
            quote_volume,
            buy_volume,
            sell_volume,
            trades,
            revision,
            is_partial,
        })
    }
}

/// What imbalance and run bars remember.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Flow<N> {
    last: Option<N>,
    sign: f64,
    up: Exact,
    down: Exact,
    length: f64,
    /// Expected of a trade: the imbalance, or buys and sells.
    means: [f64; 2],
}

impl<N: Number> Flow<N> {
    fn new(rule: &Rule<N>) -> Self {
        let (length, means) = match rule {
            Rule::Imbalance(expected) => (expected.length, [expected.mean, 0.0]),
            // Of trades that count one each, those that are no buys are sells.
            Rule::Run(expected) if expected.weight == Weight::Tick => {
                (expected.length, [expected.mean, (1.0 - expected.mean).max(0.0)])
            }
            Rule::Run(expected) => (expected.length, [expected.mean; 2]),
            _ => (0.0, [0.0; 2]),
        };
        Self { last: None, sign: 1.0, up: Exact::default(), down: Exact::default(), length, means }
    }

    fn add(&mut self, expected: &Expectations, price: N, qty: N) {
        if let Some(last) = self.last {
            if price > last {
                self.sign = 1.0;
            } else if price < last {
                self.sign = -1.0;
            }
        }
        self.last = Some(price);
        let [price_unit, qty_unit] = expected.units;
        let weight = match expected.weight {
            Weight::Tick => 1.0,
            Weight::Volume => qty.float(qty_unit),
            Weight::Notional => price.float(price_unit) * qty.float(qty_unit),
        };
        if self.sign > 0.0 { self.up.add(weight) } else { self.down.add(weight) }
    }

    /// Whether the bar is complete.
    fn is_full(&self, is_run: bool) -> bool {
        let [up, down] = [self.up.value(), self.down.value()];
        if is_run {
            has_reached(up.max(down), self.length * self.means[0].max(self.means[1]))
        } else {
            has_reached((up - down).abs(), self.length * self.means[0].abs())
        }
    }

    /// A bar of so many trades is complete: what is expected of the next one?
    fn learn(&mut self, expected: &Expectations, is_run: bool, trades: u32) {
        let trades = f64::from(trades.max(1));
        let [up, down] = [self.up.value() / trades, self.down.value() / trades];
        (self.up, self.down) = (Exact::default(), Exact::default());
        if expected.gain == 0.0 {
            return;
        }
        let Expectations { gain, clamp, length, mean, .. } = *expected;
        let average = |old: f64, new: f64| gain * new + (1.0 - gain) * old;
        self.length = average(self.length, trades).clamp(length / clamp, length * clamp);
        let (least, most) = (mean / clamp, mean * clamp);
        if is_run {
            let [old_up, old_down] = self.means;
            self.means = [average(old_up, up), average(old_down, down)];
            let larger = usize::from(self.means[1] > self.means[0]);
            self.means[larger] = self.means[larger].clamp(least, most);
        } else {
            let mean = average(self.means[0], up - down);
            self.means[0] = mean.abs().clamp(least, most).copysign(mean);
        }
    }
}

impl<N: Number> Words for Flow<N> {
    fn put(&self, out: &mut Vec<i64>) {
        self.last.put(out);
        self.sign.put(out);
        self.up.put(out);
        self.down.put(out);
        self.length.put(out);
        let [up, down] = self.means;
        up.put(out);
        down.put(out);
    }
    fn read(words: &mut std::slice::Iter<'_, i64>) -> Option<Self> {
        Some(Self {
            last: Option::read(words)?,
            sign: f64::read(words)?,
            up: Exact::read(words)?,
            down: Exact::read(words)?,
            length: f64::read(words)?,
            means: [f64::read(words)?, f64::read(words)?],
        })
    }
}

/// Where the bricks are: the last one's close is so many sizes above the first price.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bricks<N> {
    first: N,
    level: i64,
    /// 1 or -1 as the last brick, 0 before the first.
    direction: i64,
}

/// Makes bars by a rule.
#[derive(Debug, Clone)]
pub struct Builder<N: Number = i64> {
    rule: Rule<N>,
    open: Option<Bar<N>>,
    /// Windows that begin before this, on the venue's clock, are closed.
    closed: i64,
    /// The latest our clock is known to be.
    clock: i64,
    late: u64,
    /// Closed bars that may be amended, the last one last.
    kept: VecDeque<Bar<N>>,
    flow: Flow<N>,
    bricks: Option<Bricks<N>>,
}

impl<N: Number> Builder<N> {
    /// Nothing yet.
    pub fn new(rule: Rule<N>) -> Self {
        Self {
            flow: Flow::new(&rule),
            rule,
            open: None,
            closed: i64::MIN,
            clock: i64::MIN,
            late: 0,
            kept: VecDeque::new(),
            bricks: None,
        }
    }

    /// The same, but our clock closes nothing.
    #[must_use]
    pub fn without_clock(mut rule: Rule<N>) -> Self {
        if let Rule::Time { grace, .. } = &mut rule {
            *grace = i64::MAX;
        }
        Self::new(rule)
    }

    /// Goes on by a rule that says the same but for the clock.
    #[must_use]
    pub fn with_clock(self, rule: &Rule<N>) -> Self {
        Self { rule: *rule, ..self }
    }

    /// Late trades so far.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Takes a trade and passes on the bars it ended.
    ///
    /// # Errors
    /// [`BarsError`]; nothing has changed then.
    #[inline(always)]
    pub fn push(&mut self, tick: Tick<N>, out: &mut impl FnMut(&Bar<N>)) -> Result<(), BarsError> {
        let Tick { ts_event, clock, price, qty, side } = tick;
        match self.rule {
            Rule::Time { grace, .. } => {
                if let Some(bar) = &mut self.open
                    && ts_event >= bar.ts_open
                    && ts_event < bar.ts_close
                    && bar.ts_close.saturating_add(grace) >= clock
                {
                    bar.add(price, qty, side);
                    self.clock = self.clock.max(clock);
                    return Ok(());
                }
                return self.push_beyond(tick, out);
            }
            Rule::Tick(count) => {
                let bar = opened(&mut self.open, &tick);
                bar.add(price, qty, side);
                if bar.trades >= count {
                    self.close(clock, out);
                }
            }
            Rule::Volume { limit, splits: false } => {
                let bar = opened(&mut self.open, &tick);
                bar.add(price, qty, side);
                if N::reaches(bar.volume, limit) {
                    self.close(clock, out);
                }
            }
            Rule::Notional { limit, splits: false } => {
                let bar = opened(&mut self.open, &tick);
                bar.add(price, qty, side);
                if N::quote_reaches(bar.quote_volume, limit) {
                    self.close(clock, out);
                }
            }
            Rule::Volume { limit, .. } => {
                few(ts_event, N::times(qty, limit))?;
                self.split(
                    tick,
                    |bar, qty| N::part(qty, bar.volume, limit),
                    |bar| N::reaches(bar.volume, limit),
                    out,
                );
            }
            Rule::Notional { limit, .. } => {
                few(ts_event, N::quote_times(price, qty, limit))?;
                self.split(
                    tick,
                    |bar, qty| N::quote_part(qty, price, bar.quote_volume, limit),
                    |bar| N::quote_reaches(bar.quote_volume, limit),
                    out,
                );
            }
            Rule::Imbalance(expected) => self.push_signed(tick, &expected, false, out),
            Rule::Run(expected) => self.push_signed(tick, &expected, true, out),
            Rule::Renko(size) => self.push_brick(tick, size, out)?,
            Rule::Range(size) => {
                let bar = opened(&mut self.open, &tick);
                bar.add(price, qty, side);
                if bar.high.is_above(bar.low, size) {
                    self.close(clock, out);
                }
            }
        }
        self.clock = self.clock.max(clock);
        Ok(())
    }

    /// Takes many trades, as [`Self::push`] does one by one, with the open bar at hand.
    ///
    /// # Errors
    /// [`BarsError`], or what a trade is instead.
    pub fn push_all<E: From<BarsError>>(
        &mut self,
        mut ticks: impl Iterator<Item = Result<Tick<N>, E>>,
        out: &mut impl FnMut(&Bar<N>),
    ) -> Result<(), E> {
        match self.rule {
            Rule::Tick(count) => self.fill(ticks, |bar| bar.trades >= count, out),
            Rule::Volume { limit, splits: false } => {
                self.fill(ticks, |bar| N::reaches(bar.volume, limit), out)
            }
            Rule::Notional { limit, splits: false } => {
                self.fill(ticks, |bar| N::quote_reaches(bar.quote_volume, limit), out)
            }
            Rule::Time { grace, .. } => {
                let mut next = ticks.next();
                while let Some(tick) = next {
                    self.push(tick?, out)?;
                    next = ticks.next();
                    let Some(mut bar) = self.open else { continue };
                    let (closes, mut clock) = (bar.ts_close.saturating_add(grace), self.clock);
                    while let Some(Ok(tick)) = &next
                        && tick.ts_event >= bar.ts_open
                        && tick.ts_event < bar.ts_close
                        && tick.clock <= closes
                    {
                        bar.add(tick.price, tick.qty, tick.side);
                        clock = clock.max(tick.clock);
                        next = ticks.next();
                    }
                    (self.open, self.clock) = (Some(bar), clock);
                }
                Ok(())
            }
            _ => ticks.try_for_each(|tick| Ok(self.push(tick?, out)?)),
        }
    }

    /// Fills one bar after the other.
    #[inline(always)]
    fn fill<E>(
        &mut self,
        mut ticks: impl Iterator<Item = Result<Tick<N>, E>>,
        is_full: impl Fn(&Bar<N>) -> bool,
        out: &mut impl FnMut(&Bar<N>),
    ) -> Result<(), E> {
        let mut next = ticks.next();
        while let Some(first) = next {
            let mut tick = first?;
            let mut bar = *opened(&mut self.open, &tick);
            self.open = loop {
                bar.ts_close = bar.ts_close.max(tick.ts_event);
                bar.add(tick.price, tick.qty, tick.side);
                self.clock = self.clock.max(tick.clock);
                next = ticks.next();
                if is_full(&bar) {
                    out(&Bar { ts_available: tick.clock, ..bar });
                    break None;
                }
                match next {
                    Some(Ok(following)) => tick = following,
                    _ => break Some(bar),
                }
            };
        }
        Ok(())
    }

    /// Something of the market that is no trade, at `ts_event` by the venue's clock, is known at `clock`: passes on
    /// the bars whose windows have ended by then.
    ///
    /// # Errors
    /// [`BarsError`]; nothing has changed then.
    #[inline]
    pub fn watermark(
        &mut self,
        ts_event: i64,
        clock: i64,
        out: &mut impl FnMut(&Bar<N>),
    ) -> Result<(), BarsError> {
        self.clock = self.clock.max(clock);
        match self.rule {
            Rule::Time { interval, .. } if ts_event.saturating_sub(interval) >= self.closed => {
                self.pass(ts_event, clock, out)
            }
            _ => Ok(()),
        }
    }

    /// Our clock is at `clock`: passes on the bars whose windows ended a grace ago. They were available then.
    ///
    /// # Errors
    /// [`BarsError`]; nothing has changed then.
    pub fn elapse(&mut self, clock: i64, out: &mut impl FnMut(&Bar<N>)) -> Result<(), BarsError> {
        let Rule::Time { interval, carries, grace, .. } = self.rule else { return Ok(()) };
        if carries && let Some(bar) = &self.open {
            let behind = clock.saturating_sub(grace).saturating_sub(bar.ts_close);
            few(clock, behind as f64 / interval as f64)?;
        }
        while let Some(at) = self.deadline().filter(|at| *at <= clock) {
            self.end_window(at, out);
        }
        self.clock = self.clock.max(clock);
        Ok(())
    }

    /// When our clock will close the open bar; `None` when there is none, or no clock would.
    #[inline]
    pub fn deadline(&self) -> Option<i64> {
        match (self.rule, &self.open) {
            (Rule::Time { grace, .. }, Some(bar)) if grace < i64::MAX => bar.ts_close.checked_add(grace),
            _ => None,
        }
    }

    /// There is no more: passes on what our clock has closed, and the open bar as it is.
    ///
    /// # Errors
    /// [`BarsError`]; nothing has changed then.
    pub fn flush(&mut self, out: &mut impl FnMut(&Bar<N>)) -> Result<(), BarsError> {
        self.elapse(self.clock, out)?;
        if let Some(bar) = self.open.take().filter(|bar| bar.trades > 0) {
            out(&Bar { ts_available: self.clock, is_partial: true, ..bar });
        }
        Ok(())
    }

    /// The start of the window of a time.
    fn window(ts: i64, interval: i64, origin: i64) -> i64 {
        ts.saturating_sub(ts.saturating_sub(origin).rem_euclid(interval))
    }

    /// A trade that is not one of the open window.
    #[inline(never)]
    fn push_beyond(&mut self, tick: Tick<N>, out: &mut impl FnMut(&Bar<N>)) -> Result<(), BarsError> {
        let Rule::Time { interval, origin, amends, grace, .. } = self.rule else { return Ok(()) };
        let Tick { ts_event, clock, price, qty, side } = tick;
        self.pass(ts_event, clock, out)?;
        let start = Self::window(ts_event, interval, origin);
        let end = start.saturating_add(interval);
        if start < self.closed || end.saturating_add(grace) < clock {
            self.late += 1;
            let amended = self.kept.iter_mut().find(|bar| amends && bar.ts_open == start);
            if let Some(bar) = amended {
                bar.add(price, qty, side);
                bar.revision = bar.revision.saturating_add(1);
                bar.ts_available = clock;
                out(bar);
            }
            return Ok(());
        }
        let bar = self.open.get_or_insert_with(|| Bar::empty(start, end, price));
        bar.add(price, qty, side);
        Ok(())
    }

    /// Closes what our clock closed before now, and what ended by a time of the venue's.
    fn pass(&mut self, ts_event: i64, clock: i64, out: &mut impl FnMut(&Bar<N>)) -> Result<(), BarsError> {
        let Rule::Time { interval, origin, carries, .. } = self.rule else { return Ok(()) };
        let start = Self::window(ts_event, interval, origin);
        if carries && let Some(bar) = &self.open {
            few(ts_event, start.saturating_sub(bar.ts_open) as f64 / interval as f64)?;
        }
        // What is known at an instant was known before that instant had passed.
        self.elapse(clock.saturating_sub(1), out)?;
        while self.open.is_some_and(|bar| bar.ts_close <= start) {
            self.end_window(clock, out);
        }
        self.closed = self.closed.max(start);
        self.clock = self.clock.max(clock);
        Ok(())
    }

    /// Ends the open window, whatever it holds.
    fn end_window(&mut self, available: i64, out: &mut impl FnMut(&Bar<N>)) {
        let Rule::Time { interval, carries, .. } = self.rule else { return };
        if let Some(bar) = &self.open {
            let (end, price) = (bar.ts_close, bar.close);
            self.closed = self.closed.max(end);
            self.close(available, out);
            // Where time ends there is no next window.
            if carries && let Some(next) = end.checked_add(interval) {
                self.open = Some(Bar::empty(end, next, price));
            }
        }
    }

    /// Passes the open bar on as finished.
    #[inline]
    fn close(&mut self, available: i64, out: &mut impl FnMut(&Bar<N>)) {
        if let Some(mut bar) = self.open.take() {
            bar.ts_available = available;
            out(&bar);
            if let Rule::Time { amends: true, .. } = self.rule {
                if self.kept.len() == AMENDED {
                    self.kept.pop_front();
                }
                self.kept.push_back(bar);
            }
        }
    }

    fn split(
        &mut self,
        tick: Tick<N>,
        part: impl Fn(&Bar<N>, N) -> N,
        is_full: impl Fn(&Bar<N>) -> bool,
        out: &mut impl FnMut(&Bar<N>),
    ) {
        let mut left = tick.qty;
        loop {
            let bar = opened(&mut self.open, &tick);
            let taken = part(bar, left);
            bar.add(tick.price, taken, tick.side);
            left = left.less(taken);
            if is_full(bar) {
                self.close(tick.clock, out);
            } else {
                return;
            }
            if left <= N::ZERO {
                return;
            }
        }
    }

    fn push_signed(
        &mut self,
        tick: Tick<N>,
        expected: &Expectations,
        is_run: bool,
        out: &mut impl FnMut(&Bar<N>),
    ) {
        let bar = opened(&mut self.open, &tick);
        bar.add(tick.price, tick.qty, tick.side);
        let trades = bar.trades;
        self.flow.add(expected, tick.price, tick.qty);
        if self.flow.is_full(is_run) {
            self.flow.learn(expected, is_run, trades);
            self.close(tick.clock, out);
        }
    }

    fn push_brick(&mut self, tick: Tick<N>, size: N, out: &mut impl FnMut(&Bar<N>)) -> Result<(), BarsError> {
        let Tick { ts_event, clock, price, qty, side } = tick;
        let mut bricks = self.bricks.unwrap_or(Bricks { first: price, level: 0, direction: 0 });
        let close = bricks.first.level(size, bricks.level);
        let moved = price.steps_from(close, size);
        few(ts_event, moved.abs())?;
        self.bricks = Some(bricks);
        let bar = opened(&mut self.open, &tick);
        (bar.open, bar.high, bar.low, bar.close) = (close, close, close, close);
        bar.count(price, qty, side);
        let (moved, direction) = (moved.abs() as i64, if moved < 0.0 { -1 } else { 1 });
        // Against the last brick the first step only takes back what it had made.
        let skipped = i64::from(bricks.direction == -direction);
        for _ in skipped..moved {
            if bricks.direction == -direction {
                bricks.level += direction;
            }
            let open = bricks.first.level(size, bricks.level);
            bricks.level += direction;
            bricks.direction = direction;
            let close = bricks.first.level(size, bricks.level);
            let bar = opened(&mut self.open, &tick);
            (bar.open, bar.close) = (open, close);
            (bar.low, bar.high) = if direction > 0 { (open, close) } else { (close, open) };
            self.close(clock, out);
        }
        self.bricks = Some(bricks);
        Ok(())
    }

    /// What it remembers, for [`Self::load`].
    pub fn save(&self) -> Vec<u8> {
        let mut words = Vec::new();
        self.open.put(&mut words);
        words.extend([self.closed, self.clock]);
        self.late.put(&mut words);
        self.flow.put(&mut words);
        self.bricks.map(|bricks| bricks.first).put(&mut words);
        let (level, direction) = self.bricks.map_or((0, 0), |bricks| (bricks.level, bricks.direction));
        words.extend([level, direction]);
        for bar in &self.kept {
            bar.put(&mut words);
        }
        words::to_bytes(&words)
    }

    /// Goes on from what [`Self::save`] told of a builder with the same rule; `None` when it told no such thing.
    #[must_use]
    pub fn load(self, state: &[u8]) -> Option<Self> {
        let words = words::from_bytes(state)?;
        let words = &mut words.iter();
        let open = Option::read(words)?;
        let (closed, clock, late) = (i64::read(words)?, i64::read(words)?, u64::read(words)?);
        let flow = Flow::read(words)?;
        let first = Option::read(words)?;
        let (level, direction) = (i64::read(words)?, i64::read(words)?);
        let bricks = first.map(|first| Bricks { first, level, direction: direction.signum() });
        let mut kept = VecDeque::new();
        while !words.as_slice().is_empty() && kept.len() < AMENDED {
            kept.push_back(Bar::read(words)?);
        }
        words.as_slice().is_empty().then_some(Self {
            rule: self.rule,
            open,
            closed,
            clock,
            late,
            kept,
            flow,
            bricks,
        })
    }
}

/// The open bar, or a new one that begins with this trade.
#[inline(always)]
fn opened<'a, N: Number>(open: &'a mut Option<Bar<N>>, tick: &Tick<N>) -> &'a mut Bar<N> {
    let bar = open.get_or_insert_with(|| Bar::empty(tick.ts_event, tick.ts_event, tick.price));
    bar.ts_close = bar.ts_close.max(tick.ts_event);
    bar
}

fn few(ts: i64, bars: f64) -> Result<(), BarsError> {
    if bars > MOST as f64 { Err(BarsError::TooMany { ts, bars }) } else { Ok(()) }
}
impl Builder<i64> {
    /// Takes a bar of the venue, known at `clock`, as so many trades of which nothing else is known: what they paid is taken
    /// to be the mean of high, low and close. Passes on the bars it ended.
    ///
    /// # Errors
    /// [`BarsError`]: of a bar that lies in no window; nothing has changed then.
    pub fn merge(&mut self, bar: &VenueBar, clock: i64, out: &mut impl FnMut(&Bar)) -> Result<(), BarsError> {
        let length = bar.ts_close - bar.ts_open;
        let lies_in = |interval, origin| {
            let start = Self::window(bar.ts_open, interval, origin);
            bar.ts_close <= start.saturating_add(interval)
        };
        if !matches!(self.rule, Rule::Time { interval, origin, .. } if lies_in(interval, origin)) {
            return Err(BarsError::Coarse { length });
        }
        if bar.volume == 0 {
            return Ok(());
        }
        let late = self.late;
        self.push(Tick { ts_event: bar.ts_open, clock, price: bar.open, qty: 0, side: 0 }, out)?;
        let Some(open) = self.open.as_mut().filter(|_| self.late == late) else { return Ok(()) };
        (open.high, open.low, open.close) = (open.high.max(bar.high), open.low.min(bar.low), bar.close);
        i64::add(&mut open.volume, bar.volume);
        i64::add_quote(&mut open.quote_volume, (bar.high + bar.low + bar.close) / 3, bar.volume);
        if let Some(bought) = bar.buy_volume {
            i64::add(&mut open.buy_volume, bought);
            i64::add(&mut open.sell_volume, bar.volume - bought);
        }
        let others = u32::try_from(bar.trades - 1).unwrap_or(if bar.trades > 0 { u32::MAX } else { 0 });
        open.trades = open.trades.saturating_add(others);
        Ok(())
    }
}
