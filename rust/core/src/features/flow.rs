//! What a book update adds to order flow.

use super::window::{Sums, Window};
use crate::book::L2Book;
use crate::event::Ints;
use crate::types::{Decoded, Level, Reader, Side, Writer};

/// What flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// Order-flow imbalance of a level, counted from 0.
    Level(usize),
    /// Of all levels below so many.
    Levels(usize),
    /// Quantity added to levels.
    Added,
    /// Quantity taken from levels.
    Removed,
    /// Messages.
    Updates,
}

/// A flow summed over a window.
#[derive(Debug, Clone)]
pub(super) struct Flowing {
    pub(super) flow: Flow,
    pub(super) sums: Sums,
}

/// No bid.
const NO_BID: Level = Level { price: i64::MIN, qty: 0 };
/// No ask.
const NO_ASK: Level = Level { price: i64::MAX, qty: 0 };

/// `[b1 ≥ b0] qb1 − [b1 ≤ b0] qb0 − [a1 ≤ a0] qa1 + [a1 ≥ a0] qa0`. A level that is not there is the worst there could be.
#[inline]
fn imbalance(before: [Level; 2], after: [Level; 2]) -> i64 {
    let ([b0, a0], [b1, a1]) = (before, after);
    let mut flow = 0i64;
    if b1.price >= b0.price {
        flow += b1.qty;
    }
    if b1.price <= b0.price {
        flow -= b0.qty;
    }
    if a1.price <= a0.price {
        flow -= a1.qty;
    }
    if a1.price >= a0.price {
        flow += a0.qty;
    }
    flow
}

/// The best levels as order flow compares them.
#[derive(Debug, Clone)]
struct Rows(Vec<[Level; 2]>);

impl Rows {
    fn new(levels: usize) -> Self {
        Self(vec![[NO_BID, NO_ASK]; levels])
    }

    fn read(&mut self, book: &L2Book) {
        self.0.fill([NO_BID, NO_ASK]);
        for (at, side) in [Side::Buy, Side::Sell].into_iter().enumerate() {
            for (row, level) in self.0.iter_mut().zip(book.iter(side)) {
                row[at] = level;
            }
        }
    }
}

/// Whether a level is at least as good as the worst of its side; prices of asks count negative.
#[inline]
fn reach<P: Copy + Into<i64>>(worst: [i64; 2], sides: &[i8], prices: &[P]) -> bool {
    let mut levels = sides.iter().zip(prices);
    // Without a branch on the side: sides alternate at random.
    levels.any(|(side, price)| (*price).into() * i64::from(*side) >= worst[usize::from(*side < 0)])
}

/// The flows of a book.
#[derive(Debug, Clone)]
pub(super) struct Flows {
    pub(super) all: Vec<Flowing>,
    before: Rows,
    after: Rows,
    /// When the book of the last message was synchronised, if it still is.
    pub(super) since: Option<i64>,
    /// Whether anybody wants what is added and removed.
    pub(super) counts_changes: bool,
}

/// What rows did to the levels of a book.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Changes {
    pub(super) added: i64,
    pub(super) removed: i64,
}

impl Flows {
    pub(super) fn new() -> Self {
        Self {
            all: Vec::new(),
            before: Rows::new(0),
            after: Rows::new(0),
            since: None,
            counts_changes: false,
        }
    }

    /// The place of a flow over a window.
    pub(super) fn add(&mut self, flow: Flow, window: Window) -> usize {
        let depth = match flow {
            Flow::Level(level) => level + 1,
            Flow::Levels(levels) => levels,
            Flow::Added | Flow::Removed => {
                self.counts_changes = true;
                0
            }
            Flow::Updates => 0,
        };
        if depth > self.before.0.len() {
            (self.before, self.after) = (Rows::new(depth), Rows::new(depth));
        }
        let same = |own: &Flowing| own.flow == flow && own.sums.window() == window;
        self.all.iter().position(same).unwrap_or_else(|| {
            self.all.push(Flowing { flow, sums: Sums::new(window) });
            self.all.len() - 1
        })
    }

    /// Whether one of some levels is among those that are compared.
    #[inline]
    pub(super) fn reaches(&self, sides: &[i8], prices: Ints<'_>, from: usize, to: usize) -> bool {
        let Some([bid, ask]) = self.before.0.last() else { return false };
        let worst = [bid.price, -ask.price];
        match prices {
            Ints::Narrow(prices) => reach(worst, &sides[from..to], &prices[from..to]),
            Ints::Wide(prices) => reach(worst, &sides[from..to], &prices[from..to]),
        }
    }

    /// Goes on from a book that is there already.
    pub(super) fn begin(&mut self, book: &L2Book, since: i64) {
        self.since = Some(since);
        self.before.read(book);
    }

    /// A message at `ts` has changed a book that is synchronised; `is_near` says whether levels that are compared.
    pub(super) fn update(&mut self, ts: i64, book: &L2Book, is_near: bool, changes: Changes) {
        if self.since.is_none() {
            return self.begin(book, ts);
        }
        if is_near {
            self.after.read(book);
        }
        for Flowing { flow, sums } in &mut self.all {
            let of = |at: usize| imbalance(self.before.0[at], self.after.0[at]);
            let value = match *flow {
                Flow::Level(level) if is_near => of(level),
                Flow::Levels(levels) if is_near => {
                    (0..levels).fold(0, |sum: i64, at| sum.saturating_add(of(at)))
                }
                Flow::Level(_) | Flow::Levels(_) => 0,
                Flow::Added => changes.added,
                Flow::Removed => changes.removed,
                Flow::Updates => 1,
            };
            sums.push(ts, value);
        }
        if is_near {
            std::mem::swap(&mut self.before, &mut self.after);
        }
    }

    /// The book is not the venue's any more: what flowed from it is not known.
    pub(super) fn lose(&mut self) {
        if self.since.take().is_some() {
            self.all.iter_mut().for_each(|own| own.sums.clear());
        }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.option(self.since, Writer::i64);
        self.all.iter().for_each(|own| own.sums.save(w));
    }

    /// Goes on with a book that was read already.
    pub(super) fn load(&mut self, r: &mut Reader<'_>, book: &L2Book) -> Decoded<()> {
        self.since = r.option(Reader::i64)?;
        self.before.read(book);
        self.all.iter_mut().try_for_each(|own| own.sums.load(r))
    }
}
