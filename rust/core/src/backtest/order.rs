//! Messages in the order in which they acted at the venue, where their receipts do not tell it.
//!
//! Trades, depth and quotes come by streams of their own: one may be late while another is not. At the venue they act by
//! their own times, and at one time trades before depth before quotes, so a message is held back until nothing that has
//! not been read can have acted before it. Nothing takes longer than [`FeedClock::longest`]: what came later acts so long
//! before its receipt. Messages of one stream keep their order.

use std::collections::VecDeque;
use std::sync::Arc;

use super::arrivals::Arrival;
use crate::book::{FillBasis, L2Book, MarkSource, Touch};
use crate::event::{Chunk, Cursor, EventColumns, stream};
use crate::kernel::Seen;
use crate::sim::{FeedClock, Stamp};

/// Rows that are handed on together.
const ROWS: usize = 1 << 11;
/// See [`stream`].
const STREAMS: usize = 4;

/// A message that was read and has not acted.
struct Waiting {
    /// When it acts, and its stream.
    acts: (i64, u8),
    chunk: Chunk,
    from: usize,
    to: usize,
    ts_recv: i64,
}

/// Puts messages in order.
#[derive(Default)]
pub(super) struct Ordering {
    /// By when they act.
    waiting: VecDeque<Waiting>,
    /// When the last message of each stream acts.
    last: [Option<i64>; STREAMS],
    /// Those that are in order, and their stamps.
    ready: EventColumns,
    stamps: VecDeque<Stamp>,
}

impl Ordering {
    /// Takes a chunk as it was received, and returns messages that are in order, once there are many.
    pub(super) fn push(&mut self, chunk: &Chunk, clock: &mut FeedClock) -> Option<Chunk> {
        let view = chunk.view();
        let (longest, mut ts_recv) = (clock.longest(), i64::MIN);
        for rows in view.messages(chunk.start(), chunk.end()) {
            ts_recv = view.ts_recv[rows.from];
            let stream = stream(&view, rows.from);
            let happened = clock.happened(view.ts_event[rows.from], ts_recv);
            let last = &mut self.last[usize::from(stream)];
            let acts = happened.max(ts_recv.saturating_sub(longest)).max(last.unwrap_or(i64::MIN));
            *last = Some(acts);
            // Nearly always near the end.
            let at = self.waiting.iter().rposition(|other| other.acts <= (acts, stream));
            let (from, to, chunk) = (rows.from, rows.to, chunk.clone());
            let message = Waiting { acts: (acts, stream), chunk, from, to, ts_recv };
            self.waiting.insert(at.map_or(0, |at| at + 1), message);
        }
        self.release(ts_recv.saturating_sub(longest), clock);
        (self.ready.len() >= ROWS).then(|| self.hand_on())
    }

    /// What is left at the end of the data.
    pub(super) fn finish(&mut self, clock: &mut FeedClock) -> Option<Chunk> {
        self.release(i64::MAX, clock);
        (!self.ready.is_empty()).then(|| self.hand_on())
    }

    /// The stamp of the next message of those that were handed on.
    pub(super) fn next_stamp(&mut self) -> Option<Stamp> {
        self.stamps.pop_front()
    }

    /// Lets go what acts before a time.
    fn release(&mut self, before: i64, clock: &mut FeedClock) {
        while self.waiting.front().is_some_and(|next| next.acts.0 < before)
            && let Some(next) = self.waiting.pop_front()
        {
            let Waiting { acts: (venue, _), chunk, from, to, ts_recv } = next;
            self.ready.push_rows(&chunk.view(), from, to);
            self.ready.end_message();
            self.stamps.push_back(Stamp { venue, visible: clock.seen(venue, ts_recv) });
        }
    }

    fn hand_on(&mut self) -> Chunk {
        Chunk::of(Arc::new(std::mem::take(&mut self.ready)))
    }
}

/// Messages as they reach us, whatever order the venue had them in, and the book they make.
pub(super) struct Receipts {
    basis: FillBasis,
    cursor: Cursor,
    book: L2Book,
    twice_mid: Option<i64>,
    marks: MarkSource,
    published: Option<i64>,
}

impl Receipts {
    pub(super) fn new(basis: FillBasis, marks: MarkSource) -> Self {
        let (cursor, book) = (Cursor::new(), basis.book());
        Self { basis, cursor, book, twice_mid: None, marks, published: None }
    }

    /// Takes messages that will reach us.
    pub(super) fn push(&mut self, chunk: Chunk) {
        self.cursor.push(chunk);
    }

    /// When the next one reaches us.
    pub(super) fn next(&self) -> Option<i64> {
        self.cursor.front().map(|(chunk, row)| chunk.view().ts_recv[row])
    }

    /// Takes the next one.
    pub(super) fn pop(&mut self) -> Option<Arrival> {
        let (chunk, from) = self.cursor.front()?;
        let view = chunk.view();
        let (visible, to) = (view.ts_recv[from], view.message_end(from));
        let only_levels = view.are_levels(from, to);
        self.book.apply_rows(self.basis, &view, from, to);
        let touch = Touch::of(&self.book);
        self.twice_mid = touch.twice_mid().or(self.twice_mid);
        self.published = self.marks.published(&view, from, to).or(self.published);
        self.cursor.advance_to(to);
        let seen = Seen { touch, twice_mid: self.twice_mid, published: self.published };
        Some(Arrival { visible, upto: self.cursor.passed(), seen, only_levels })
    }

    /// Takes all that reach us before `limit` and returns the last of them.
    pub(super) fn take_before(&mut self, limit: i64) -> Option<Arrival> {
        let mut last = None;
        while self.next().is_some_and(|next| next < limit) {
            last = self.pop();
        }
        last
    }

    /// The book after so many rows.
    pub(super) fn book(&self) -> (u64, &L2Book) {
        (self.cursor.passed(), &self.book)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventKind, FLAG_LAST};
    use crate::random::Random;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    fn ordered(rows: &[(i64, i64, u8)], cuts: &[usize]) -> Vec<(i64, i64, i64)> {
        let mut clock = FeedClock::new([].into(), None, Random::new(0, 0));
        let (mut ordering, mut out) = (Ordering::default(), Vec::new());
        let mut cuts = cuts.iter().copied().cycle();
        let mut rest = rows.iter().enumerate().peekable();
        while rest.peek().is_some() {
            let mut columns = EventColumns::default();
            for (number, &(ts_event, ts_recv, kind)) in rest.by_ref().take(cuts.next().unwrap_or(1)) {
                let kind = [EventKind::Trade, EventKind::BookSet, EventKind::Quote][usize::from(kind)];
                let (flags, price) = (FLAG_LAST, number as i64);
                columns.push(Event { ts_event, ts_recv, kind, side: 1, flags, price, qty: 1, id: 0 });
            }
            out.extend(ordering.push(&Chunk::of(Arc::new(columns)), &mut clock));
        }
        out.extend(ordering.finish(&mut clock));
        let mut told = Vec::new();
        for chunk in out {
            let view = chunk.view();
            for row in 0..view.len() {
                let stamp = ordering.next_stamp().unwrap();
                told.push((stamp.venue, stamp.visible, view.price.get(row)));
            }
        }
        assert_eq!(ordering.next_stamp(), None);
        told
    }

    #[test]
    fn what_took_longer_than_anything_may_acts_that_long_before_its_receipt() {
        let rows =
            [(0, 0, 1), (1_500 * MS, 1_500 * MS, 1), (100 * MS, 2_000 * MS, 0), (1_900 * MS, 2_000 * MS, 1)];
        let order: Vec<_> = ordered(&rows, &[4]).iter().map(|(venue, _, row)| (venue / MS, *row)).collect();
        assert_eq!(order, [(0, 0), (1_000, 2), (1_500, 1), (1_900, 3)]);
    }

    proptest! {
        #[test]
        fn messages_act_by_their_time_and_stream_however_they_are_cut(
            gaps in proptest::collection::vec((0i64..400, -200i64..1_800, 0u8..3), 1..80),
            cuts in proptest::collection::vec(1usize..12, 1..10),
        ) {
            let mut recv = 10_000;
            let rows: Vec<_> = gaps.into_iter().map(|(gap, latency, kind)| {
                recv += gap;
                ((recv - latency) * MS, recv * MS, kind)
            }).collect();
            let told = ordered(&rows, &cuts);
            prop_assert_eq!(&told, &ordered(&rows, &[1_000]));
            let key = |(venue, _, row): &(i64, i64, i64)| (*venue, rows[*row as usize].2, *row);
            prop_assert!(told.iter().map(key).is_sorted(), "{:?}", told);
            for stream in 0..3 {
                prop_assert!(told.iter().filter(|t| rows[t.2 as usize].2 == stream).map(|t| t.2).is_sorted());
            }
            for (venue, visible, row) in told {
                prop_assert_eq!(visible, rows[row as usize].1);
                prop_assert!(venue <= visible && venue >= visible - 1_000 * MS);
            }
        }
    }
}
