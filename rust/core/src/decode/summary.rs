//! What a stream of events amounts to: counts, times, the final book.

use crate::book::{BookState, Crossing, L2Book, Touch};
use crate::event::{Event, EventKind, FLAG_LAST, FLAG_SNAPSHOT, OrderCheck, StampCheck, View};

/// Running totals over events in order.
#[derive(Debug, Default)]
pub struct FeedSummary {
    /// Rows.
    pub events: u64,
    /// Messages.
    pub messages: u64,
    /// Rows by kind.
    pub by_kind: [u64; EventKind::COUNT as usize],
    /// Receipt of the first row, ns.
    pub first_ts_recv: Option<i64>,
    /// Receipt of the last row, ns.
    pub last_ts_recv: Option<i64>,
    /// Smallest `ts_recv - ts_event`, ns; negative when the venue's clock is ahead of ours.
    pub min_latency_ns: Option<i64>,
    /// Trades without an id that are equal to the one above them.
    pub equal_trades: u64,
    /// The trade read last, where it has no id.
    last_trade: Option<Event>,
    /// Quantity traded.
    pub traded_qty: i64,
    /// Quantity of prints that are no trades of the book.
    pub off_book_qty: i64,
    /// Quantity of forced closes.
    pub liquidated_qty: i64,
    /// Messages after which the book was locked or crossed.
    pub crossed: u64,
    /// How often it stayed so for a second of receive time.
    pub stuck: u64,
    /// When that first began, ns of receive time.
    pub first_stuck: Option<i64>,
    crossing: Crossing,
    /// Whether the first that is told of the book is that it is empty.
    begins_clear: bool,
    /// Messages that change a synchronised book.
    pub book_messages: u64,
    /// Messages that hold a full snapshot.
    pub snapshots: u64,
    /// Messages that void the book and leave it so.
    pub gaps: u64,
    /// Messages whose venue time is before that of the message above.
    pub event_time_back: u64,
    last_ts_event: Option<i64>,
    /// Whether messages lie in the order in which they acted at the venue.
    pub order: OrderCheck,
    /// How long messages took, and which stamps cannot be.
    pub stamps: StampCheck,
    /// The book after the last row.
    pub book: L2Book,
    /// The venue's own best prices after the last row.
    pub quote: Touch,
    /// Messages after which the venue's own best prices are locked or crossed.
    pub crossed_quotes: u64,
    /// Messages with best prices of the venue while a book was synchronised, and those of them that differ from its.
    pub quoted: u64,
    /// See [`FeedSummary::quoted`].
    pub quoted_otherwise: u64,
    /// Time of receipt for which both were known, ns, and that part of it for which they differed.
    pub quoted_ns: i64,
    /// See [`FeedSummary::quoted_ns`].
    pub quoted_otherwise_ns: i64,
    /// Since when they stand as they do, and whether they differ; none while one is not known.
    standing: Option<(i64, bool)>,
}

impl FeedSummary {
    /// Takes checked columns of whole messages.
    pub fn push(&mut self, view: &View<'_>) {
        if view.is_empty() {
            return;
        }
        self.events += view.len() as u64;
        self.first_ts_recv = self.first_ts_recv.or(view.ts_recv.first().copied());
        self.last_ts_recv = view.ts_recv.last().copied();
        let latency = view.ts_recv.iter().zip(view.ts_event).map(|(recv, event)| recv - event).min();
        self.min_latency_ns = [self.min_latency_ns, latency].into_iter().flatten().min();
        let (mut book_changed, mut is_snapshot, mut first, mut start) = (false, false, true, 0);
        let mut is_quoted = false;
        for row in 0..view.len() {
            self.by_kind[usize::from(view.kind[row])] += 1;
            match EventKind::from_column(view.kind[row]) {
                Some(kind @ (EventKind::BookSet | EventKind::BookClear)) => {
                    self.begins_clear |= kind == EventKind::BookClear && !self.has_book();
                    self.book.apply_row(view, row);
                    book_changed = true;
                }
                Some(kind @ (EventKind::Trade | EventKind::BarClose)) => {
                    self.traded_qty = self.traded_qty.saturating_add(view.qty.get(row));
                    if kind == EventKind::Trade {
                        let is_unnamed = view.id.is_none_or(|ids| ids[row] == 0);
                        let trade = is_unnamed.then(|| Event { flags: 0, ..view.event(row) });
                        self.equal_trades += u64::from(is_unnamed && self.last_trade == trade);
                        self.last_trade = trade;
                    }
                }
                Some(EventKind::Liquidation) => {
                    self.liquidated_qty = self.liquidated_qty.saturating_add(view.qty.get(row));
                }
                Some(EventKind::OffBookTrade) => {
                    self.off_book_qty = self.off_book_qty.saturating_add(view.qty.get(row));
                }
                Some(EventKind::Quote) => {
                    self.quote.set(view.side[row], view.price.get(row), view.qty.get(row));
                    is_quoted = true;
                }
                Some(
                    EventKind::Mark
                    | EventKind::Index
                    | EventKind::Funding
                    | EventKind::OpenInterest
                    | EventKind::OrderAdd
                    | EventKind::OrderModify
                    | EventKind::OrderCancel
                    | EventKind::OrderExecute
                    | EventKind::BarOpen
                    | EventKind::BarHigh
                    | EventKind::BarLow,
                )
                | None => {}
            }
            is_snapshot |= view.flags[row] & FLAG_SNAPSHOT != 0;
            if first {
                let time = view.ts_event[row];
                self.event_time_back += u64::from(self.last_ts_event.is_some_and(|last| time < last));
                self.last_ts_event = Some(time);
                self.order.push(view, row);
                self.stamps.push(time, view.ts_recv[row]);
                first = false;
            }
            if view.flags[row] & FLAG_LAST != 0 {
                self.messages += 1;
                self.crossed_quotes += u64::from(is_quoted && self.quote.is_crossed());
                if is_quoted || book_changed {
                    self.compare(std::mem::take(&mut is_quoted), view.ts_recv[row]);
                }
                if book_changed {
                    self.crossed += u64::from(self.crossing.look(&self.book, view, start, row + 1));
                    // The snapshot of a book with nothing in it is no gap.
                    if is_snapshot {
                        self.snapshots += 1;
                    } else if self.book.state() == BookState::Gap {
                        self.gaps += 1;
                    } else {
                        self.book_messages += 1;
                    }
                }
                if let Some(since) = self.crossing.lasts(view.ts_recv[row]) {
                    self.stuck += 1;
                    self.first_stuck = self.first_stuck.or(Some(since));
                }
                (book_changed, is_snapshot, first, start) = (false, false, true, row + 1);
            }
        }
    }

    /// Holds the venue's own best prices against the book's, after a message of one of them.
    fn compare(&mut self, is_quoted: bool, now: i64) {
        if let Some((since, differ)) = self.standing.take() {
            let lasted = now.saturating_sub(since).max(0);
            self.quoted_ns = self.quoted_ns.saturating_add(lasted);
            self.quoted_otherwise_ns =
                self.quoted_otherwise_ns.saturating_add(if differ { lasted } else { 0 });
        }
        if self.of(EventKind::Quote) > 0 && self.book.is_synced() {
            let differ = self.quote.prices_differ(&Touch::of(&self.book));
            self.quoted += u64::from(is_quoted);
            self.quoted_otherwise += u64::from(is_quoted && differ);
            self.standing = Some((now, differ));
        }
    }

    /// Rows of a kind.
    pub fn of(&self, kind: EventKind) -> u64 {
        self.by_kind[kind as usize]
    }

    /// Whether any row makes a full book.
    pub fn has_book(&self) -> bool {
        self.of(EventKind::BookSet) > 0
    }

    /// Whether the book is its own from the beginning, never stays locked or crossed for a second, and is not at the end.
    pub fn is_sound(&self) -> bool {
        (self.begins_clear || !self.has_book()) && self.stuck == 0 && !self.book.is_crossed()
    }

    /// Best prices at the end: of the book, or the venue's own where there is no book.
    pub fn touch(&self) -> Touch {
        if self.has_book() { Touch::of(&self.book) } else { self.quote }
    }
}
