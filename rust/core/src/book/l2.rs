//! Order book aggregated by price (L2), in integer steps.
//!
//! A book is a mirror of what the venue said and nothing more: it may be one-sided or crossed, both are states a
//! caller can ask for. An empty side is `None`, never a zero price.

mod merged;

use super::cover::Merge;
use super::ladder::Ladder;
use super::state::BookState;
use super::touch::Touch;
use crate::event::{Event, EventKind, EventSink, Ints, KindSet, View, is_bar_begin};
use crate::types::{Level, Side};

/// What orders fill against, and so which events make a market's book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillBasis {
    /// Levels: the full book.
    L2,
    /// Top-of-book quotes, taken as a book of one level a side.
    L1,
    /// Trades: there is no book.
    Trades,
    /// Bars that the venue published: there is no book.
    Bars,
}

impl FillBasis {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::L2 => "l2",
            Self::L1 => "l1",
            Self::Trades => "trades",
            Self::Bars => "bars",
        }
    }

    /// All of them, the finest first.
    pub const ALL: [Self; 4] = [Self::L2, Self::L1, Self::Trades, Self::Bars];

    /// An empty book of what orders fill against: of levels, merged with quotes and trades.
    pub(crate) fn book(self) -> L2Book {
        if self == Self::L2 { L2Book::merging() } else { L2Book::new() }
    }

    /// Whether there is a book.
    #[inline]
    pub const fn has_book(self) -> bool {
        matches!(self, Self::L2 | Self::L1)
    }

    /// Of what has no book, the price that a row says the market is at.
    #[inline]
    pub(crate) fn print(self, view: &View<'_>, row: usize) -> Option<i64> {
        let says = match (self, EventKind::from_column(view.kind[row])?) {
            (Self::Trades, EventKind::Trade) | (Self::Bars, EventKind::BarClose) => true,
            (Self::Bars, EventKind::BarOpen) => is_bar_begin(view, row),
            _ => false,
        };
        says.then(|| view.price.get(row)).filter(|price| *price > 0)
    }

    /// Twice the last price that the rows `from..to` say the market is at, if there is no book.
    pub(crate) fn twice_print(self, view: &View<'_>, from: usize, to: usize) -> Option<i64> {
        (from..to).rev().find_map(|row| self.print(view, row)).map(|price| 2 * price)
    }
}

/// Kinds that leave a book of levels as it is: quotes make another book, single orders are not added up to levels,
/// and the rest changes no book.
const PASSED_BY: KindSet = KindSet::ORDERS.union(KindSet::of(&[
    EventKind::Quote,
    EventKind::Trade,
    EventKind::OffBookTrade,
    EventKind::BarOpen,
    EventKind::BarHigh,
    EventKind::BarLow,
    EventKind::BarClose,
    EventKind::Liquidation,
    EventKind::Mark,
    EventKind::Index,
    EventKind::Funding,
    EventKind::OpenInterest,
]));

/// Outcome of walking a book with a quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Walk {
    /// Volume-weighted average price in price increments; `None` when nothing was available.
    pub average: Option<f64>,
    /// The worst price touched.
    pub worst: Option<i64>,
    /// What the book could not supply.
    pub unfilled: i64,
}

/// An L2 book.
#[derive(Debug)]
pub struct L2Book {
    sides: [Ladder; 2],
    state: BookState,
    /// See [`L2Book::stamp`].
    stamp: i64,
    /// The update id of that row, 0 for none.
    id: u64,
    /// Whether something lies over the depth.
    is_covered: bool,
    /// What lies over it, of a book that merges.
    merge: Option<Box<Merge>>,
}

impl Clone for L2Book {
    fn clone(&self) -> Self {
        Self { sides: self.sides.clone(), merge: self.merge.clone(), ..*self }
    }

    /// Reuses the memory of the book that is overwritten.
    fn clone_from(&mut self, source: &Self) {
        self.sides.clone_from(&source.sides);
        self.merge.clone_from(&source.merge);
        (self.state, self.stamp, self.id) = (source.state, source.stamp, source.id);
        self.is_covered = source.is_covered;
    }
}

/// Passes on the price and quantity columns in the width they have, so that no loop asks for it at every row.
macro_rules! in_width {
    ($view:expr, |$price:ident, $qty:ident| $work:expr) => {
        match ($view.price, $view.qty) {
            (Ints::Narrow($price), Ints::Narrow($qty)) => $work,
            (Ints::Narrow($price), Ints::Wide($qty)) => $work,
            (Ints::Wide($price), Ints::Narrow($qty)) => $work,
            (Ints::Wide($price), Ints::Wide($qty)) => $work,
        }
    };
}

impl Default for L2Book {
    fn default() -> Self {
        Self::new()
    }
}

impl L2Book {
    /// An empty book.
    pub fn new() -> Self {
        Self {
            sides: [Ladder::new(), Ladder::new()],
            state: BookState::Empty,
            stamp: i64::MIN,
            id: 0,
            is_covered: false,
            merge: None,
        }
    }

    /// What is known about the book.
    #[inline]
    pub fn state(&self) -> BookState {
        self.state
    }

    /// Venue's time of the last row of market data that set a level, ns; the least of all before there was one.
    #[inline]
    pub fn stamp(&self) -> i64 {
        self.stamp
    }

    /// Takes a book's time from somewhere else.
    pub(crate) fn set_stamp(&mut self, stamp: i64) {
        self.stamp = stamp;
    }

    /// Whether the book equals the venue's.
    #[inline]
    pub fn is_synced(&self) -> bool {
        self.state == BookState::Synced
    }

    /// Sets a level (0 removes it) and returns the quantity it held before. Both numbers are within
    /// [`STEPS_LIMIT`](crate::event::STEPS_LIMIT), as in checked columns.
    #[inline(always)]
    pub fn set(&mut self, side: Side, price: i64, qty: i64) -> i64 {
        self.sides[side.index()].set(price * side.sign(), qty)
    }

    /// Empties the book. It counts as a gap until levels arrive again.
    pub fn clear(&mut self) {
        self.sides[0].clear();
        self.sides[1].clear();
        self.forget_covers();
        self.state = BookState::Gap;
    }

    /// Says what is known about the book; one that is not (or no longer) the venue's is emptied.
    pub fn set_state(&mut self, state: BookState) {
        match state {
            BookState::Synced | BookState::Stale => {}
            BookState::Empty | BookState::Buffering | BookState::Gap => self.clear(),
        }
        self.state = state;
    }

    /// Says what is known about a book that keeps its levels.
    pub(crate) fn mark(&mut self, state: BookState) {
        self.state = state;
    }

    /// Best level of a side.
    #[inline]
    pub fn best(&self, side: Side) -> Option<Level> {
        let ladder = &self.sides[side.index()];
        ladder.best().map(|key| Level { price: key * side.sign(), qty: ladder.get(key) })
    }

    /// Price of the best bid.
    #[inline(always)]
    pub fn best_bid(&self) -> Option<i64> {
        self.sides[0].best()
    }

    /// Price of the best ask.
    #[inline(always)]
    pub fn best_ask(&self) -> Option<i64> {
        self.sides[1].best().map(|key| -key)
    }

    /// Best prices as keys that order like "better": `(bid, -ask)`, `i64::MIN` for an empty side.
    #[inline(always)]
    pub(crate) fn touch_keys(&self) -> (i64, i64) {
        (self.sides[0].best_or_min(), self.sides[1].best_or_min())
    }

    /// Quantity at a price, 0 when there is no level.
    #[inline]
    pub fn qty_at(&self, side: Side, price: i64) -> i64 {
        self.sides[side.index()].get(price * side.sign())
    }

    /// Quantity at a price as far as the side shows it: `None` beyond its deepest level. An empty side hides nothing.
    #[inline]
    pub fn shown_at(&self, side: Side, price: i64) -> Option<i64> {
        let ladder = &self.sides[side.index()];
        let key = price * side.sign();
        let qty = ladder.get(key);
        let hidden = qty == 0 && key < ladder.best_or_min() && !ladder.has_below(key);
        (!hidden).then_some(qty)
    }

    /// Memory the book has allocated, in bytes: exact but for levels far from the touch and quantities beyond 32 bits,
    /// of which it is an estimate.
    pub fn heap_bytes(&self) -> usize {
        self.sides.iter().map(Ladder::heap_bytes).sum()
    }

    /// Number of levels of a side.
    pub fn levels(&self, side: Side) -> usize {
        self.sides[side.index()].len()
    }

    /// Levels of a side from the best outwards.
    pub fn iter(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let sign = side.sign();
        self.sides[side.index()].iter().map(move |(key, qty)| Level { price: key * sign, qty })
    }

    /// Prices of a side's levels that lie at a limit or through it, from the best on.
    pub fn through(&self, side: Side, limit: i64) -> impl Iterator<Item = i64> + '_ {
        self.iter(side).map(|level| level.price).take_while(move |price| (price - limit) * side.sign() >= 0)
    }

    /// Whether the best bid is at or above the best ask.
    #[inline]
    pub fn is_crossed(&self) -> bool {
        Touch::of(self).is_crossed()
    }

    /// Best ask minus best bid, in price increments.
    pub fn spread(&self) -> Option<i64> {
        Touch::of(self).spread()
    }

    /// Half-way between the best prices, in price increments.
    #[inline]
    pub fn mid(&self) -> Option<f64> {
        Touch::of(self).mid()
    }

    /// Mid weighted by the opposite sizes, in price increments.
    pub fn microprice(&self) -> Option<f64> {
        Touch::of(self).microprice()
    }

    /// `(bids - asks) / (bids + asks)` over the best `depth` levels of each side; `None` when both are empty.
    pub fn imbalance(&self, depth: usize) -> Option<f64> {
        let total = |side| -> f64 { self.iter(side).take(depth).map(|l| l.qty as f64).sum() };
        let (bids, asks) = (total(Side::Buy), total(Side::Sell));
        (bids + asks > 0.0).then(|| (bids - asks) / (bids + asks))
    }

    /// Takes `qty` from a side, best first, without changing the book.
    pub fn walk(&self, side: Side, qty: i64) -> Walk {
        let (mut left, mut notional, mut worst) = (qty, 0.0, None);
        for level in self.iter(side) {
            if left <= 0 {
                break;
            }
            let taken = left.min(level.qty);
            notional += level.price as f64 * taken as f64;
            left -= taken;
            worst = Some(level.price);
        }
        let filled = qty - left;
        Walk { average: (filled > 0).then(|| notional / filled as f64), worst, unfilled: left.max(0) }
    }

    /// Applies one book row; other kinds are ignored.
    ///
    /// A clear alone leaves the state at [`BookState::Gap`]; the first level after it makes the book synced,
    /// because a decoder only emits levels of a book it has synchronised.
    #[inline(always)]
    pub(crate) fn apply_row(&mut self, view: &View<'_>, row: usize) {
        let kind = view.kind[row];
        if kind == EventKind::BookSet as u8 {
            if self.is_covered {
                return self.apply_covered(view, row, row + 1);
            }
            self.apply_level(view.side[row], view.price.get(row), view.qty.get(row));
            self.state = BookState::Synced;
            self.stamp_from(view, row, row + 1);
        } else if kind == EventKind::BookClear as u8 {
            self.clear();
        } else if self.merge.is_some() {
            self.merge_row(view, row);
        }
    }

    #[inline(always)]
    fn apply_kind(&mut self, kind: u8, side: i8, price: i64, qty: i64) {
        // Two comparisons: a search for the kind costs three instructions a row more.
        const { assert!(KindSet::LEVELS.union(PASSED_BY).bits() == KindSet::ALL.bits(), "a kind for no book") };
        if kind == EventKind::BookSet as u8 {
            self.apply_level(side, price, qty);
            self.state = BookState::Synced;
        } else if kind == EventKind::BookClear as u8 {
            self.clear();
        }
    }

    /// Sets a level, whose side is +1 or -1, and returns the quantity it held before.
    #[inline(always)]
    fn apply_level(&mut self, side: i8, price: i64, qty: i64) -> i64 {
        // Without a branch: sides alternate at random.
        let sign = i64::from(side);
        self.sides[usize::from(sign < 0)].set(price * sign, qty)
    }

    /// Applies one row of any kind: levels and clears of a full book, quotes of one that has no other source.
    #[inline]
    pub(crate) fn apply_event(&mut self, basis: FillBasis, view: &View<'_>, row: usize) {
        match basis {
            FillBasis::L2 => self.apply_row(view, row),
            FillBasis::L1 => {
                if view.kind[row] == EventKind::Quote as u8
                    && let Some(side) = Side::from_column(view.side[row])
                {
                    self.apply_quote(side, view.price.get(row), view.qty.get(row));
                    self.stamp = view.ts_event[row];
                }
            }
            FillBasis::Trades | FillBasis::Bars => {}
        }
    }

    /// Applies rows `from..to` of a checked view by what makes the book.
    #[inline]
    pub(crate) fn apply_rows(&mut self, basis: FillBasis, view: &View<'_>, from: usize, to: usize) {
        match basis {
            FillBasis::L2 => self.apply(view, from, to),
            FillBasis::L1 => (from..to).for_each(|row| self.apply_event(basis, view, row)),
            FillBasis::Trades | FillBasis::Bars => {}
        }
    }

    /// Applies rows `from..to` of a checked view, of any kind.
    #[inline(never)]
    pub fn apply(&mut self, view: &View<'_>, from: usize, to: usize) {
        let mut row = from;
        while row < to {
            let kind = view.kind[row];
            if kind == EventKind::BookSet as u8 {
                let levels = view.run_of(EventKind::BookSet, row, to);
                self.apply_levels(view, row, levels);
                row = levels;
            } else if kind == EventKind::Trade as u8 {
                let trades = view.run_of(EventKind::Trade, row, to);
                if !self.is_shown_behind(view, row, trades, to) {
                    self.merge_trades(view, row, trades);
                }
                row = trades;
            } else {
                self.apply_row(view, row);
                row += 1;
            }
        }
    }

    /// Applies rows `from..to` of a checked view, all of them levels.
    #[inline]
    pub(crate) fn apply_levels(&mut self, view: &View<'_>, from: usize, to: usize) {
        if self.is_covered {
            return self.apply_covered(view, from, to);
        }
        let side = &view.side[from..to];
        in_width!(view, |price, qty| self.apply_slices(side, &price[from..to], &qty[from..to]));
        self.state = BookState::Synced;
        self.stamp_from(view, from, to);
    }

    #[inline(always)]
    fn stamp_from(&mut self, view: &View<'_>, from: usize, to: usize) {
        if let Some(last) = view.ts_event[from..to].last() {
            self.stamp = *last;
            self.id = view.id.map_or(0, |ids| ids[to - 1]);
        }
    }

    /// The same, and returns what that added to levels and removed from them.
    pub(crate) fn count_levels(&mut self, view: &View<'_>, from: usize, to: usize) -> (i64, i64) {
        let side = &view.side[from..to];
        self.state = BookState::Synced;
        self.stamp_from(view, from, to);
        in_width!(view, |price, qty| self.count_slices(side, &price[from..to], &qty[from..to]))
    }

    #[inline]
    fn count_slices<P: Copy + Into<i64>, Q: Copy + Into<i64>>(
        &mut self,
        side: &[i8],
        price: &[P],
        qty: &[Q],
    ) -> (i64, i64) {
        let (mut added, mut removed) = (0i64, 0i64);
        for ((side, price), qty) in side.iter().zip(price).zip(qty) {
            let qty = (*qty).into();
            let change = qty - self.apply_level(*side, (*price).into(), qty);
            added = added.saturating_add(change.max(0));
            removed = removed.saturating_sub(change.min(0));
        }
        (added, removed)
    }

    #[inline]
    fn apply_slices<P: Copy + Into<i64>, Q: Copy + Into<i64>>(
        &mut self,
        side: &[i8],
        price: &[P],
        qty: &[Q],
    ) {
        for ((side, price), qty) in side.iter().zip(price).zip(qty) {
            self.apply_level(*side, (*price).into(), (*qty).into());
        }
    }

    /// The side then holds just that level.
    #[inline]
    fn apply_quote(&mut self, side: Side, price: i64, qty: i64) {
        let ladder = &mut self.sides[side.index()];
        let key = price * side.sign();
        let before = ladder.best();
        ladder.set(key, qty);
        // Only now: a side that is never empty has no next level to search for.
        if let Some(before) = before.filter(|before| *before != key) {
            ladder.set(before, 0);
        }
        self.state = BookState::Synced;
    }

    /// Applies the whole view and writes both best prices after every row.
    ///
    /// An empty side is written as `i64::MIN` (bid) or `i64::MAX` (ask).
    pub fn apply_and_trace(&mut self, view: &View<'_>, bid: &mut [i64], ask: &mut [i64]) {
        let rows = view.len();
        let (bid, ask) = (&mut bid[..rows], &mut ask[..rows]);
        in_width!(view, |price, qty| self.trace_slices(view, price, qty, bid, ask));
    }

    fn trace_slices<P: Copy + Into<i64>, Q: Copy + Into<i64>>(
        &mut self,
        view: &View<'_>,
        price: &[P],
        qty: &[Q],
        bid: &mut [i64],
        ask: &mut [i64],
    ) {
        let rows = view.kind.iter().zip(view.side).zip(price.iter().zip(qty));
        for (((kind, side), (price, qty)), (bid, ask)) in rows.zip(bid.iter_mut().zip(ask)) {
            self.apply_kind(*kind, *side, (*price).into(), (*qty).into());
            let (bid_key, ask_key) = self.touch_keys();
            *bid = bid_key;
            *ask = 0i64.checked_sub(ask_key).unwrap_or(i64::MAX);
        }
    }
}

impl Touch {
    /// The touch of a book.
    #[inline]
    pub fn of(book: &L2Book) -> Self {
        let (bid, ask) = (book.best(Side::Buy), book.best(Side::Sell));
        Self {
            bid: bid.map_or(0, |l| l.price),
            bid_qty: bid.map_or(0, |l| l.qty),
            ask: ask.map_or(0, |l| l.price),
            ask_qty: ask.map_or(0, |l| l.qty),
            state: book.state(),
        }
    }
}

/// A book that follows a decoder; events of other kinds pass by.
impl EventSink for L2Book {
    fn push(&mut self, event: Event) {
        self.apply_kind(event.kind as u8, event.side, event.price, event.qty);
    }

    fn push_levels(&mut self, _: Event, bids: &[Level], asks: &[Level]) {
        for level in bids {
            self.apply_level(1, level.price, level.qty);
        }
        for level in asks {
            self.apply_level(-1, level.price, level.qty);
        }
        if !(bids.is_empty() && asks.is_empty()) {
            self.state = BookState::Synced;
        }
    }

    fn end_message(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Columns, EventColumns, FLAG_LAST};
    use crate::random::Random;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn book(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> L2Book {
        let mut book = L2Book::new();
        for (p, q) in bids {
            book.set(Side::Buy, *p, *q);
        }
        for (p, q) in asks {
            book.set(Side::Sell, *p, *q);
        }
        book
    }

    #[test]
    fn nothing_is_shown_beyond_the_deepest_level() {
        for deepest in [990, -900_000] {
            let book = book(&[(1_000, 5), (deepest, 7)], &[]);
            assert_eq!(book.shown_at(Side::Buy, 1_001), Some(0));
            assert_eq!(book.shown_at(Side::Buy, 995), Some(0));
            assert_eq!(book.shown_at(Side::Buy, deepest), Some(7));
            assert_eq!(book.shown_at(Side::Buy, deepest - 1), None);
            assert_eq!(book.shown_at(Side::Buy, deepest - 1_000_000), None);
            assert_eq!(book.shown_at(Side::Sell, 1_000), Some(0), "an empty side hides nothing");
        }
    }

    #[test]
    fn an_empty_side_is_none() {
        let empty = L2Book::new();
        assert_eq!((empty.best_bid(), empty.best_ask(), empty.mid()), (None, None, None));
        assert_eq!(empty.imbalance(5), None);
        let one_sided = book(&[(100, 5)], &[]);
        assert_eq!(one_sided.best_bid(), Some(100));
        assert_eq!((one_sided.mid(), one_sided.microprice(), one_sided.spread()), (None, None, None));
        assert_eq!(one_sided.imbalance(1), Some(1.0));
        assert!(!one_sided.is_crossed());
    }

    #[test]
    fn measures_match_hand_figures() {
        let book = book(&[(100, 3), (99, 7)], &[(102, 1), (103, 4)]);
        assert_eq!(book.spread(), Some(2));
        assert_eq!(book.mid(), Some(101.0));
        assert_eq!(book.microprice(), Some(101.5));
        assert_eq!(book.imbalance(1), Some(0.5));
        assert_eq!(book.imbalance(10), Some((10.0 - 5.0) / 15.0));
    }

    #[test]
    fn walking_gives_average_worst_and_remainder() {
        let book = book(&[], &[(1000, 3), (1010, 4), (1025, 10)]);
        let walk = book.walk(Side::Sell, 9);
        assert_eq!((walk.average, walk.worst, walk.unfilled), (Some(1010.0), Some(1025), 0));
        let walk = book.walk(Side::Sell, 20);
        assert_eq!((walk.worst, walk.unfilled), (Some(1025), 3));
        let walk = book.walk(Side::Buy, 1);
        assert_eq!((walk.average, walk.worst, walk.unfilled), (None, None, 1));
    }

    #[test]
    fn a_crossed_book_is_reported_not_mended() {
        let book = book(&[(101, 1)], &[(100, 1)]);
        assert!(book.is_crossed());
        assert_eq!(book.spread(), Some(-1));
    }

    #[test]
    fn a_clear_marks_a_gap_until_levels_return() {
        let mut book = book(&[(101, 1)], &[(102, 1)]);
        book.clear();
        assert_eq!(book.state(), BookState::Gap);
        let mut columns = EventColumns::default();
        columns.push(Event {
            ts_event: 1,
            ts_recv: 1,
            kind: EventKind::BookSet,
            side: 1,
            flags: FLAG_LAST,
            price: 100,
            qty: 1,
            id: 0,
        });
        book.apply(&columns.view(), 0, 1);
        assert!(book.is_synced());
    }

    #[test]
    fn a_quote_book_holds_one_level_a_side() {
        let mut book = L2Book::new();
        for (bid, ask) in [(100, 101), (99, 102), (103, 104)] {
            book.apply_quote(Side::Buy, bid, 5);
            book.apply_quote(Side::Sell, ask, 6);
            assert_eq!((book.best_bid(), book.best_ask()), (Some(bid), Some(ask)));
            assert_eq!((book.levels(Side::Buy), book.levels(Side::Sell)), (1, 1));
        }
        book.apply_quote(Side::Sell, 0, 0);
        assert_eq!(book.best_ask(), None);
    }

    #[test]
    fn a_quiet_book_is_small() {
        assert_eq!(L2Book::new().heap_bytes(), 0);
        for seed in 0..8 {
            let mut random = Random::new(seed, 1);
            let mut book = L2Book::new();
            let mut touch = 100_000;
            for step in 0..40_000 {
                // The touch wanders over four hundred ticks, levels come and go up to 150 behind it.
                touch = (touch + random.below(3) as i64 - 1).clamp(99_800, 100_200);
                book.set(Side::Sell, touch, 0);
                book.set(Side::Buy, touch + 1, 0);
                let back = random.below(150) as i64;
                book.set(Side::Buy, touch - back, random.below(3) as i64);
                book.set(Side::Sell, touch + 1 + back, random.below(3) as i64);
                let bytes = size_of::<L2Book>() + book.heap_bytes();
                assert!(bytes < 8 << 10, "{bytes} bytes after step {step}");
            }
            assert!(book.levels(Side::Buy) > 50 && book.levels(Side::Sell) > 50);
        }
    }

    proptest! {
        #[test]
        fn batch_equals_one_by_one_and_a_naive_model(
            rows in proptest::collection::vec((any::<bool>(), 9_900i64..10_100, 0i64..5), 1..300)) {
            let mut columns = EventColumns::default();
            for (bid, price, qty) in &rows {
                columns.push(Event {
                    ts_event: 0, ts_recv: 0, kind: EventKind::BookSet,
                    side: if *bid { 1 } else { -1 }, flags: FLAG_LAST, price: *price, qty: *qty, id: 0,
                });
            }
            let mut batch = L2Book::new();
            let (mut bid, mut ask) = (vec![0; rows.len()], vec![0; rows.len()]);
            batch.apply_and_trace(&columns.view(), &mut bid, &mut ask);

            let mut single = L2Book::new();
            let mut model = [BTreeMap::new(), BTreeMap::new()];
            for (i, (is_bid, price, qty)) in rows.iter().enumerate() {
                let side = if *is_bid { Side::Buy } else { Side::Sell };
                single.set(side, *price, *qty);
                let levels = &mut model[side.index()];
                if *qty == 0 { levels.remove(price); } else { levels.insert(*price, *qty); }
                prop_assert_eq!(bid[i], model[0].last_key_value().map_or(i64::MIN, |(p, _)| *p));
                prop_assert_eq!(ask[i], model[1].first_key_value().map_or(i64::MAX, |(p, _)| *p));
            }
            for side in [Side::Buy, Side::Sell] {
                prop_assert!(batch.iter(side).eq(single.iter(side)));
                let total: i64 = single.iter(side).map(|l| l.qty).sum();
                prop_assert_eq!(total, model[side.index()].values().sum::<i64>());
            }
        }
    }
}
