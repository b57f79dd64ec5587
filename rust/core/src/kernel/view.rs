//! The strategies' view of one instrument: the book after the rows known so far.
//!
//! The view's position is a count of rows, moved by inputs alone. Best prices are at hand at every position; of rows
//! that were supplied ahead the full book is read only when somebody asks for depth, and a view that is far behind
//! takes over a copy of the venue's book. None of that can be observed.

use super::input::{FeedUpdate, Rows, Seen, Supply};
use super::published::{Funding, Stat, Trade};
use super::topics::Topics;
use crate::book::{BookState, FillBasis, L2Book, MarkPrice, MarkSource, Touch};
use crate::event::{Chunk, Cursor, EventColumns, EventKind, VenueBar, View};
use crate::types::Side;
use std::sync::Arc;

/// A view that is this many rows behind takes a copy of the venue's book.
const CHECKPOINT_LAG: u64 = 1 << 16;

/// A book some rows ahead, for a view that nobody reads.
struct Checkpoint {
    passed: u64,
    book: Box<L2Book>,
}

/// A market as far as it is known.
pub struct Known {
    /// Its book.
    pub book: L2Book,
    /// Sum of best bid and best ask, the last time there were both.
    pub twice_mid: Option<i64>,
    /// Behind what is known, in what was supplied.
    pub cursor: Cursor,
}

/// What a message contained and changed.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) book: bool,
    pub(super) touch_moved: bool,
    pub(super) new_state: Option<BookState>,
    pub(super) trades: Vec<Trade>,
    pub(super) quote: Option<Touch>,
    pub(super) stats: Vec<Stat>,
    /// Bars that the venue published.
    pub(super) bars: Vec<VenueBar>,
    /// Venue's clock at its end, where somebody needs it.
    pub(super) ts_event: i64,
}

impl Content {
    pub(super) fn clear(&mut self) {
        (self.book, self.touch_moved, self.new_state, self.quote) = (false, false, None, None);
        self.trades.clear();
        self.stats.clear();
        self.bars.clear();
        self.ts_event = i64::MIN;
    }

    /// The marks that the venue told, in units of 10^-9.
    pub(super) fn marks(&self) -> impl Iterator<Item = i64> + '_ {
        self.stats.iter().filter_map(|stat| match stat {
            Stat::Mark { price, .. } => Some(*price),
            _ => None,
        })
    }

    /// Takes the rows of a message, of trades and quotes only what is wanted.
    fn read(&mut self, basis: FillBasis, wanted: Topics, view: &View<'_>, from: usize, to: usize) {
        let (trades, quotes) = (wanted.has(Topics::TRADES), wanted.has(Topics::QUOTES));
        self.ts_event = view.ts_event[from..to].last().copied().unwrap_or(self.ts_event);
        for row in from..to {
            let Some(kind) = EventKind::from_column(view.kind[row]) else { continue };
            if kind == EventKind::Trade && !trades {
                continue;
            }
            let (ts_event, value) = (view.ts_event[row], view.price.get(row));
            match kind {
                EventKind::BookSet | EventKind::BookClear => self.book |= basis == FillBasis::L2,
                EventKind::Trade => self.trades.push(trade_at(view, row)),
                EventKind::Quote => {
                    self.book |= basis == FillBasis::L1;
                    if !quotes {
                        continue;
                    }
                    let quote = self.quote.get_or_insert_default();
                    quote.state = BookState::Synced;
                    quote.set(view.side[row], value, view.qty.get(row));
                }
                EventKind::Mark => self.stats.push(Stat::Mark { price: value, ts_event }),
                EventKind::Index => self.stats.push(Stat::Index { price: value, ts_event }),
                EventKind::Funding => {
                    let next = view.id.map_or(0, |ids| ids[row]) as i64;
                    let next_ts = (next > 0).then_some(next);
                    self.stats.push(Stat::Funding(Funding { rate: value, next_ts, ts_event }));
                }
                EventKind::OpenInterest => {
                    self.stats.push(Stat::OpenInterest { qty: view.qty.get(row), ts_event });
                }
                EventKind::Liquidation => self.stats.push(Stat::Liquidation(trade_at(view, row))),
                // Single orders of others: no hook tells of them, no aggregated book takes them. Prints off the book
                // say nothing of it.
                EventKind::OffBookTrade
                | EventKind::OrderAdd
                | EventKind::OrderModify
                | EventKind::OrderCancel
                | EventKind::OrderExecute
                | EventKind::BarOpen
                | EventKind::BarHigh
                | EventKind::BarLow => {}
                EventKind::BarClose => self.bars.extend(VenueBar::read(view, row, from)),
            }
        }
    }
}

fn trade_at(view: &View<'_>, row: usize) -> Trade {
    Trade {
        price: view.price.get(row),
        qty: view.qty.get(row),
        aggressor_side: Side::from_column(view.side[row]),
        ts_event: view.ts_event[row],
        ts_recv: view.ts_recv[row],
        id: view.id.map_or(0, |ids| ids[row]),
    }
}

/// The strategies' view of one instrument.
pub(super) struct MarketView {
    basis: FillBasis,
    /// What positions are valued at.
    marks: MarkSource,
    /// Rows known.
    known: u64,
    seen: Seen,
    /// Why the feed is in its state, if its connection said so.
    reason: Option<Arc<str>>,
    /// The book, and how far it has been caught up in what was supplied.
    book: L2Book,
    cursor: Cursor,
    /// The book as its depth has it, as of so many rows; made when it is asked for and differs.
    depth: Option<Box<(u64, L2Book)>>,
    /// Reading position of those who see every row; as far as `known`.
    rows: Option<Cursor>,
    /// Whether they see levels, too.
    reads_levels: bool,
    checkpoint: Option<Checkpoint>,
    /// Memory for the next checkpoint.
    spare: Option<Box<L2Book>>,
}

impl MarketView {
    /// A view of nothing yet.
    pub(super) fn new(basis: FillBasis, marks: MarkSource) -> Self {
        Self {
            basis,
            marks,
            known: 0,
            seen: Seen::default(),
            reason: None,
            book: basis.book(),
            cursor: Cursor::new(),
            depth: None,
            rows: None,
            reads_levels: false,
            checkpoint: None,
            spare: None,
        }
    }

    /// Where its book comes from.
    pub(super) fn basis(&self) -> FillBasis {
        self.basis
    }

    /// Goes on after `known` rows with the book they made.
    pub(super) fn restore(
        &mut self,
        known: u64,
        book: L2Book,
        (twice_mid, published): (Option<i64>, Option<i64>),
        reason: Option<Arc<str>>,
    ) {
        self.seen = Seen { touch: Touch::of(&book), twice_mid, published };
        (self.known, self.book, self.reason) = (known, book, reason);
        self.cursor = Cursor::after(known);
        self.rows = self.rows.is_some().then(|| Cursor::after(known));
    }

    /// What positions are valued at.
    pub(super) fn marks(&self) -> MarkSource {
        self.marks
    }

    /// Rows known.
    pub(super) fn known(&self) -> u64 {
        self.known
    }

    /// Best prices.
    #[inline]
    pub(super) fn touch(&self) -> Touch {
        self.seen.touch
    }

    /// Sum of best bid and ask, the last time there were both.
    #[inline]
    pub(super) fn twice_mid(&self) -> Option<i64> {
        self.seen.twice_mid
    }

    /// What was published last of what positions are valued at.
    pub(super) fn published(&self) -> Option<i64> {
        self.seen.published
    }

    /// The price that positions are valued at.
    #[inline]
    pub(super) fn mark(&self) -> Option<MarkPrice> {
        self.marks.price(self.seen.published, self.seen.twice_mid)
    }

    /// Why the feed is in its state, if its connection said so.
    pub(super) fn reason(&self) -> Option<&Arc<str>> {
        self.reason.as_ref()
    }

    /// The full book.
    pub(super) fn book(&mut self) -> &L2Book {
        self.take_checkpoint();
        let (book, basis) = (&mut self.book, self.basis);
        self.cursor.read_until(self.known, |view, from, to| book.apply_rows(basis, view, from, to));
        &self.book
    }

    /// The full book as far as it has been read: to be caught up before with [`Self::book`].
    pub(super) fn book_read(&self) -> &L2Book {
        &self.book
    }

    /// The book as its depth alone has it.
    pub(super) fn depth(&mut self) -> &L2Book {
        if !self.book().is_covered() {
            return &self.book;
        }
        let (known, book) = (self.known, &self.book);
        let (at, depth) = &mut **self.depth.get_or_insert_with(|| Box::new((u64::MAX, L2Book::new())));
        if *at != known {
            depth.clone_from(book);
            depth.reveal();
            *at = known;
        }
        depth
    }

    /// Sum of the best prices of the depth alone.
    pub(super) fn depth_twice_mid(&mut self) -> Option<i64> {
        let book = self.book();
        Some(book.depth_best(Side::Buy)? + book.depth_best(Side::Sell)?)
    }

    /// All that is known, and where what was supplied goes on.
    pub(super) fn all_known(&mut self) -> Known {
        let (book, twice_mid) = (self.book().clone(), self.seen.twice_mid);
        Known { book, twice_mid, cursor: self.cursor.clone() }
    }

    /// Lets every row be read from now on.
    pub(super) fn follow(&mut self) {
        if self.rows.is_none() {
            self.rows = Some(self.behind_known());
        }
    }

    /// Lets every row be read from now on, those of messages of levels alone, too.
    pub(super) fn follow_levels(&mut self) {
        self.follow();
        self.reads_levels = true;
    }

    /// Where what was supplied goes on behind the rows known.
    fn behind_known(&self) -> Cursor {
        let mut rows = self.cursor.clone();
        rows.skip_until(self.known);
        rows
    }

    /// Rows that were supplied, from the last known one up to `upto`.
    pub(super) fn supplied(&self, upto: u64) -> EventColumns {
        let mut columns = EventColumns::default();
        let mut rows = self.rows.clone().unwrap_or_else(|| self.behind_known());
        rows.read_until(upto, |view, from, to| (from..to).for_each(|row| columns.push(view.event(row))));
        columns
    }

    /// Takes what is handed over ahead.
    pub(super) fn supply(&mut self, supply: Supply<'_>) {
        match supply {
            Supply::Chunk(chunk) => self.push(chunk),
            Supply::Checkpoint { passed, book } => {
                // One that cannot be taken yet stays: the next would only be later still.
                if passed.saturating_sub(self.cursor.passed()) >= CHECKPOINT_LAG && self.checkpoint.is_none()
                {
                    let mut copy = self.spare.take().unwrap_or_default();
                    L2Book::clone_from(&mut copy, book);
                    self.checkpoint = Some(Checkpoint { passed, book: copy });
                }
                self.take_checkpoint();
            }
        }
    }

    fn push(&mut self, chunk: Chunk) {
        if let Some(rows) = &mut self.rows {
            rows.push(chunk.clone());
        }
        self.cursor.push(chunk);
    }

    fn take_checkpoint(&mut self) {
        if let Some(mut checkpoint) = self.checkpoint.take_if(|checkpoint| checkpoint.passed <= self.known)
            && checkpoint.passed > self.cursor.passed()
        {
            self.cursor.skip_until(checkpoint.passed);
            std::mem::swap(&mut self.book, &mut checkpoint.book);
            self.spare = Some(checkpoint.book);
        }
    }

    /// Rows are known from now on. `each` sees them where somebody reads rows; levels alone it need not see.
    pub(super) fn know(&mut self, rows: Rows<'_>, mut each: impl FnMut(&View<'_>, usize, usize)) {
        match rows {
            Rows::Here { view, from, to } => {
                each(&view, from, to);
                self.apply(&view, from, to);
            }
            Rows::Supplied { upto, seen, only_levels } => {
                match &mut self.rows {
                    Some(rows) if only_levels && !self.reads_levels => rows.skip_until(upto),
                    Some(rows) => rows.read_until(upto, each),
                    None => {}
                }
                (self.known, self.seen) = (upto, seen);
            }
        }
    }

    /// Takes a message and says what it held, as far as it is wanted, and changed. `each` sees its rows as in
    /// [`Self::know`].
    #[inline]
    pub(super) fn read(
        &mut self,
        rows: Rows<'_>,
        wanted: Topics,
        content: &mut Content,
        mut each: impl FnMut(&View<'_>, usize, usize),
    ) {
        let before = self.seen.touch;
        content.clear();
        self.follow();
        let basis = self.basis;
        let rows = match rows {
            // Bars are closed by the stamps of rows that nobody else need look at, and limits may be on them.
            Rows::Supplied { upto, seen, .. } if wanted.has(Topics::BARS) || wanted.has(Topics::STAMPS) => {
                Rows::Supplied { upto, seen, only_levels: false }
            }
            rows => rows,
        };
        content.book = basis == FillBasis::L2 && matches!(rows, Rows::Supplied { only_levels: true, .. });
        self.know(rows, |view, from, to| {
            content.read(basis, wanted, view, from, to);
            each(view, from, to);
        });
        let touch = self.seen.touch;
        // Quotes and trades make no book, but what they do to the best prices of one is an event of it.
        let moved = touch.prices_differ(&before);
        content.book |= moved;
        if content.book {
            content.touch_moved = moved;
            content.new_state = (touch.state != before.state).then_some(touch.state);
        }
    }

    /// Applies rows at hand, on top of all that is known.
    fn apply(&mut self, view: &View<'_>, from: usize, to: usize) {
        self.book();
        // Each by itself: a book of two sides may be one of one side by the last of several.
        for rows in view.messages(from, to) {
            self.book.apply_rows(self.basis, view, rows.from, rows.to);
            self.look();
        }
        self.known += (to - from) as u64;
        self.seen.twice_mid = self.basis.twice_print(view, from, to).or(self.seen.twice_mid);
        self.seen.published = self.marks.published(view, from, to).or(self.seen.published);
    }

    fn look(&mut self) {
        let touch = Touch::of(&self.book);
        let twice_mid = touch.twice_mid().or(self.seen.twice_mid);
        self.seen = Seen { touch, twice_mid, ..self.seen };
    }

    /// The feed is in a new state. Returns it if the book's has changed.
    pub(super) fn set_feed(&mut self, update: &FeedUpdate) -> Option<BookState> {
        let before = self.seen.touch.state;
        self.reason = Some(Arc::clone(&update.reason));
        self.book();
        self.book.set_state(update.state);
        self.look();
        (update.state != before).then_some(update.state)
    }
}
