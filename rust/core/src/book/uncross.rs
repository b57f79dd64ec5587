//! Books that stay locked or crossed because the removal of a level was lost.
//!
//! For moments a recorded book is crossed: one side is told before the other. One that is locked or crossed for a second
//! of receive time holds levels that are gone at the venue. They are those of the side that was not touched for longer: of
//! two levels that cannot both be there the one that was told last is. Where both were told at once, as in a snapshot, and
//! neither is touched again, fewer levels go.

use std::sync::Arc;

use super::l2::{FillBasis, L2Book};
use crate::event::{
    Chunk, Chunker, ClockStep, Columns, Event, EventColumns, EventKind, FeedError, KindSet, Latencies, Span,
    StampMender, StampRules, View, WrongStamps,
};
use crate::types::Side;

/// So long a book may be locked or crossed, ns of receive time.
const PATIENCE_NS: i64 = 1_000_000_000;

/// A book as far as it is locked or crossed.
#[derive(Debug)]
pub struct Crossing {
    /// When it has lasted too long, ns; never while the book is sound.
    due: i64,
    /// Whether the book is locked or crossed.
    is_on: bool,
    /// The side that was not touched for longer, once that is known.
    older: Option<Side>,
}

impl Default for Crossing {
    fn default() -> Self {
        Self { due: i64::MAX, is_on: false, older: None }
    }
}

impl Crossing {
    /// Looks at the book after a message, rows `from..to`. Returns whether it is locked or crossed.
    #[inline]
    pub fn look(&mut self, book: &L2Book, view: &View<'_>, from: usize, to: usize) -> bool {
        let is_crossed = book.is_crossed();
        if is_crossed || self.is_on {
            self.change(book, is_crossed, view, from, to);
        }
        is_crossed
    }

    #[cold]
    fn change(&mut self, book: &L2Book, is_crossed: bool, view: &View<'_>, from: usize, to: usize) {
        if !is_crossed {
            *self = Self::default();
            return;
        }
        if !self.is_on {
            (self.is_on, self.due) = (true, view.ts_recv[to - 1].saturating_add(PATIENCE_NS));
        }
        let crosses = |row: usize, side: Side| {
            let best = book.best(side.opposite()).map_or(view.price.get(row), |level| level.price);
            view.kind[row] == EventKind::BookSet as u8
                && Side::from_column(view.side[row]) == Some(side)
                && view.qty.get(row) > 0
                && (view.price.get(row) - best) * side.sign() >= 0
        };
        let [bids, asks] = [Side::Buy, Side::Sell].map(|side| (from..to).any(|row| crosses(row, side)));
        if bids != asks {
            self.older = Some(if bids { Side::Sell } else { Side::Buy });
        }
    }

    /// When it began, ns, if at `now` it has lasted too long. It is told once, until the book was sound again.
    #[inline]
    pub fn lasts(&mut self, now: i64) -> Option<i64> {
        if now < self.due {
            return None;
        }
        let since = self.due.saturating_sub(PATIENCE_NS);
        self.due = i64::MAX;
        Some(since)
    }

    /// The levels of the book that are gone at the venue.
    fn gone(&self, book: &L2Book) -> (Side, Vec<i64>) {
        let through = |side: Side| -> Vec<i64> {
            let limit = book.best(side.opposite()).map_or(0, |level| level.price);
            book.through(side, limit).collect()
        };
        if let Some(side) = self.older {
            return (side, through(side));
        }
        let [bids, asks] = [Side::Buy, Side::Sell].map(through);
        if asks.len() < bids.len() { (Side::Sell, asks) } else { (Side::Buy, bids) }
    }
}

/// Whether the book of a checked view is its own from the beginning, never stays locked or crossed for a second, and is
/// not at the end.
pub fn is_sound(view: &View<'_>) -> bool {
    let first = view.kind.iter().find(|kind| KindSet::LEVELS.has_column(**kind));
    let Some(first) = first else { return true };
    if *first != EventKind::BookClear as u8 {
        return false;
    }
    let (mut book, mut crossing) = (Box::new(L2Book::new()), Crossing::default());
    for rows in view.messages(0, view.len()) {
        take(&mut book, view, rows);
        crossing.look(&book, view, rows.from, rows.to);
        if crossing.lasts(view.ts_recv[rows.to - 1]).is_some() {
            return false;
        }
    }
    !book.is_crossed()
}

/// Takes a message.
#[inline]
fn take(book: &mut L2Book, view: &View<'_>, rows: Span) {
    if rows.only_levels {
        book.apply_levels(view, rows.from, rows.to);
    } else {
        (rows.from..rows.to).for_each(|row| book.apply_event(FillBasis::L2, view, row));
    }
}

/// What was removed of a market's book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uncrossed {
    /// How often.
    pub times: u64,
    /// Levels.
    pub levels: u64,
    /// When the book first was locked or crossed for too long, ns of receive time.
    pub first: Option<i64>,
}

/// Adds to a market's data the removals that were lost: of a book that stays locked or crossed the older levels, with a
/// message of their own behind the one that makes the second full.
#[derive(Debug, Default)]
pub struct Uncrossing {
    book: L2Book,
    crossing: Crossing,
    done: Uncrossed,
    moments: Vec<(i64, i64)>,
}

impl Uncrossing {
    /// Takes the next messages and returns them with what was added, or as they are.
    pub fn take(&mut self, chunk: Chunk) -> Chunk {
        let (view, mut copied) = (chunk.view(), chunk.start());
        let mut fresh: Option<EventColumns> = None;
        for rows in view.messages(chunk.start(), chunk.end()) {
            take(&mut self.book, &view, rows);
            self.crossing.look(&self.book, &view, rows.from, rows.to);
            let last = rows.to - 1;
            if let Some(since) = self.crossing.lasts(view.ts_recv[last]) {
                let out = fresh.get_or_insert_with(|| EventColumns::with_capacity(view.len() + 16));
                (copied..rows.to).for_each(|row| out.push(view.event(row)));
                copied = rows.to;
                self.remove(since, view.ts_event[last], view.ts_recv[last], out);
            }
        }
        match fresh {
            None => chunk,
            Some(mut out) => {
                (copied..chunk.end()).for_each(|row| out.push(view.event(row)));
                Chunk::of(Arc::new(out))
            }
        }
    }

    #[cold]
    fn remove(&mut self, since: i64, ts_event: i64, ts_recv: i64, out: &mut EventColumns) {
        let (side, prices) = self.crossing.gone(&self.book);
        self.done.times += 1;
        self.done.levels += prices.len() as u64;
        self.done.first = self.done.first.or(Some(since));
        if self.moments.len() < MOMENTS {
            self.moments.push((since, ts_recv));
        }
        for price in prices {
            self.book.set(side, price, 0);
            let (kind, side) = (EventKind::BookSet, side as i8);
            out.push(Event { ts_event, ts_recv, kind, side, flags: 0, price, qty: 0, id: 0 });
        }
        out.end_message();
        self.crossing = Crossing::default();
    }

    /// What was removed so far.
    pub fn done(&self) -> Uncrossed {
        self.done
    }
}

/// Moments of locked and crossed books that are kept.
const MOMENTS: usize = 1_000;

/// A market's columns in chunks of whole messages, their stamps set right and their book uncrossed where that is wanted.
#[derive(Default)]
pub struct MarketChunks {
    chunker: Chunker,
    /// What sets stamps right that cannot be.
    stamps: Option<Box<StampMender>>,
    /// In a box: few need one, and a book is large.
    uncrossing: Option<Box<Uncrossing>>,
}

impl MarketChunks {
    /// Chunks of columns that have not been given yet.
    pub fn new(uncrosses: bool) -> Self {
        Self { chunker: Chunker::default(), stamps: None, uncrossing: uncrosses.then(Box::default) }
    }

    /// The next chunk, as [`Chunker::pull`] gives it.
    ///
    /// # Errors
    /// [`FeedError`]; nothing comes after one.
    pub fn pull<E>(
        &mut self,
        more: impl FnMut() -> Result<Option<Arc<dyn Columns>>, E>,
    ) -> Result<Option<Chunk>, FeedError<E>> {
        let Some(mut chunk) = self.chunker.pull(more)? else { return Ok(None) };
        if let Some(stamps) = &mut self.stamps {
            chunk = stamps.take(chunk).map_err(|error| FeedError::Columns(0, error))?;
        }
        Ok(Some(match &mut self.uncrossing {
            Some(uncrossing) => uncrossing.take(chunk),
            None => chunk,
        }))
    }

    /// The same of data whose messages took so long, with stamps set right as the venue's clock stood by that.
    pub fn measured(uncrosses: bool, latencies: &Latencies) -> Self {
        Self::new(uncrosses).with_stamps(
            latencies,
            &latencies.steps().into(),
            StampRules { mends: true, refuses: false },
        )
    }

    /// Looks for stamps that cannot be, of messages that took so long, as the venue's clock stood.
    #[must_use]
    pub fn with_stamps(mut self, latencies: &Latencies, steps: &Arc<[ClockStep]>, rules: StampRules) -> Self {
        if StampMender::is_needed(latencies, steps) {
            self.stamps = Some(Box::new(StampMender::new(Arc::clone(steps), rules)));
        }
        self
    }

    /// Messages so far whose stamps are wrong.
    pub fn wrong_stamps(&self) -> WrongStamps {
        self.stamps.as_ref().map_or_else(WrongStamps::default, |stamps| stamps.wrong())
    }

    /// When the book stayed locked or crossed, each from and until something was removed, ns of receive time; the first
    /// thousand.
    pub fn crossed(&self) -> &[(i64, i64)] {
        self.uncrossing.as_ref().map_or(&[], |uncrossing| &uncrossing.moments)
    }

    /// Whether the end of the data was reached.
    pub fn is_ended(&self) -> bool {
        self.chunker.is_ended()
    }

    /// What was removed so far.
    pub fn uncrossed(&self) -> Uncrossed {
        self.uncrossing.as_ref().map(|uncrossing| uncrossing.done()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{FLAG_LAST, FLAG_SNAPSHOT};
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    /// Messages at a time in ms, of levels `(side, price, qty)`.
    type Messages<'a> = &'a [(i64, &'a [(i8, i64, i64)])];

    fn columns(messages: Messages<'_>) -> EventColumns {
        let mut out = EventColumns::default();
        for (ms, levels) in messages {
            for (side, price, qty) in *levels {
                let (ts_event, ts_recv) = (ms * MS - 500, ms * MS);
                let kind = if *side == 0 { EventKind::BookClear } else { EventKind::BookSet };
                let flags = if *side == 0 { FLAG_SNAPSHOT } else { 0 };
                out.push(Event {
                    ts_event,
                    ts_recv,
                    kind,
                    side: *side,
                    flags,
                    price: *price,
                    qty: *qty,
                    id: 0,
                });
            }
            out.end_message();
        }
        out
    }

    /// What comes of columns that are given in pieces of so many messages.
    fn taken(columns: &EventColumns, messages: usize) -> (EventColumns, Uncrossed) {
        let mut uncrossing = Uncrossing::default();
        let (mut out, view) = (EventColumns::default(), columns.view());
        let spans: Vec<_> = view.messages(0, view.len()).collect();
        for piece in spans.chunks(messages) {
            let mut rows = EventColumns::default();
            rows.extend_from(columns, piece[0].from, piece[piece.len() - 1].to);
            let chunk = uncrossing.take(Chunk::of(Arc::new(rows)));
            (chunk.start()..chunk.end()).for_each(|row| out.push(chunk.view().event(row)));
        }
        out.view().check().unwrap();
        (out, uncrossing.done())
    }

    /// Rows that were added: time in ms, side and price.
    fn added(messages: Messages<'_>) -> Vec<(i64, i8, i64)> {
        let columns = columns(messages);
        let [(out, done), rest @ ..] = [1, 2, usize::MAX].map(|piece| taken(&columns, piece));
        for other in rest {
            assert_eq!(other, (out.clone(), done));
        }
        // It is sound if nothing is removed, begins with a clear and does not end crossed.
        let mut book = L2Book::new();
        book.apply(&out.view(), 0, out.len());
        let begins = columns.kind.first() == Some(&(EventKind::BookClear as u8));
        assert_eq!(is_sound(&columns.view()), begins && done.times == 0 && !book.is_crossed());
        let (mut left, mut added) = (0, Vec::new());
        for row in 0..out.len() {
            if left < columns.len() && out.view().event(row) == columns.view().event(left) {
                left += 1;
            } else {
                assert_eq!(out.qty[row], 0);
                added.push((out.ts_recv[row] / MS, out.side[row], out.price[row]));
            }
        }
        assert_eq!(left, columns.len(), "nothing of what was there is gone");
        assert_eq!(done.levels, added.len() as u64);
        added
    }

    const SOUND: (i64, &[(i8, i64, i64)]) =
        (0, &[(0, 0, 0), (1, 100, 1), (1, 99, 2), (-1, 101, 7), (-1, 102, 3), (-1, 103, 3)]);

    #[test]
    fn what_was_there_first_goes_once_a_second_is_full() {
        let locked: &[_] = &[
            SOUND,
            (100, &[(1, 101, 8)]),
            (1_099, &[(1, 99, 3)]),
            (1_100, &[(1, 98, 1)]),
            (9_000, &[(1, 98, 2)]),
        ];
        assert_eq!(added(locked), [(1_100, -1, 101)]);
        let crossed: &[_] = &[SOUND, (100, &[(1, 99, 0), (1, 102, 8)]), (5_000, &[(-1, 110, 1)])];
        assert_eq!(added(crossed), [(5_000, -1, 101), (5_000, -1, 102)]);
        let below: &[_] = &[SOUND, (100, &[(-1, 99, 8)]), (200, &[(1, 90, 8)]), (1_200, &[(1, 90, 9)])];
        assert_eq!(added(below), [(1_200, 1, 100), (1_200, 1, 99)]);
    }

    #[test]
    fn what_ends_within_a_second_is_left_alone() {
        let messages: &[_] = &[
            SOUND,
            (100, &[(1, 101, 8)]),
            (1_099, &[(-1, 101, 0)]),
            (1_100, &[(1, 102, 1)]),
            (2_050, &[(1, 102, 0)]),
        ];
        assert_eq!(added(messages), []);
        // It is over with the message that makes the second full.
        assert_eq!(added(&[SOUND, (100, &[(1, 101, 8)]), (3_000, &[(-1, 101, 0)])]), []);
    }

    #[test]
    fn of_a_snapshot_that_is_crossed_what_is_touched_again_stays() {
        let crossed: (i64, &[_]) = (0, &[(0, 0, 0), (1, 100, 1), (1, 99, 2), (-1, 100, 7), (-1, 102, 3)]);
        assert_eq!(added(&[crossed, (400, &[(-1, 100, 9)]), (1_000, &[(1, 50, 1)])]), [(1_000, 1, 100)]);
        assert_eq!(added(&[crossed, (400, &[(1, 100, 9)]), (1_000, &[(1, 50, 1)])]), [(1_000, -1, 100)]);
        // Nothing tells: the fewer levels go.
        let deep: (i64, &[_]) = (0, &[(0, 0, 0), (1, 103, 1), (-1, 101, 7), (-1, 102, 3)]);
        assert_eq!(added(&[deep, (1_000, &[(1, 50, 1)])]), [(1_000, 1, 103)]);
    }

    #[test]
    fn of_two_levels_the_one_that_was_told_last_stays() {
        let asked: &[_] = &[SOUND, (100, &[(1, 101, 8)]), (500, &[(-1, 101, 6)]), (1_100, &[(1, 98, 1)])];
        assert_eq!(added(asked), [(1_100, 1, 101)]);
        let both: &[_] =
            &[SOUND, (100, &[(1, 101, 8)]), (500, &[(-1, 101, 6), (1, 101, 6)]), (1_100, &[(1, 98, 1)])];
        assert_eq!(added(both), [(1_100, -1, 101)]);
    }

    #[test]
    fn it_is_counted_and_told_when_it_began() {
        let columns = columns(&[
            SOUND,
            (100, &[(1, 102, 8)]),
            (2_000, &[(1, 50, 1)]),
            (4_000, &[(-1, 102, 2)]),
            (6_000, &[]),
        ]);
        let columns = {
            let mut all = columns;
            let (ts_event, ts_recv, kind) = (6_000 * MS, 6_000 * MS, EventKind::Trade);
            all.push(Event { ts_event, ts_recv, kind, side: 1, flags: 0, price: 90, qty: 1, id: 0 });
            all.end_message();
            all
        };
        let (_, done) = taken(&columns, 1);
        assert_eq!(done, Uncrossed { times: 2, levels: 3, first: Some(100 * MS) });
    }

    proptest! {
        #[test]
        fn no_book_stays_crossed_and_nothing_is_taken_away(
            messages in proptest::collection::vec(
                (0i64..900, proptest::collection::vec((proptest::bool::ANY, 95i64..105, 0i64..3), 1..5)),
                1..60,
            ),
            piece in 1usize..9,
        ) {
            let (mut all, mut now) = (EventColumns::default(), 0);
            for (gap, levels) in messages {
                now += gap * MS;
                for (is_bid, price, qty) in levels {
                    let side = if is_bid { 1 } else { -1 };
                    let kind = EventKind::BookSet;
                    all.push(Event { ts_event: now, ts_recv: now, kind, side, flags: 0, price, qty, id: 0 });
                }
                all.end_message();
            }
            let (out, _) = taken(&all, piece);
            prop_assert_eq!(&out, &taken(&all, usize::MAX).0);
            let (mut book, mut since, view) = (L2Book::new(), None, out.view());
            let spans: Vec<_> = view.messages(0, view.len()).collect();
            for (at, rows) in spans.iter().enumerate() {
                book.apply(&view, rows.from, rows.to);
                let now = view.ts_recv[rows.from];
                if !book.is_crossed() {
                    since = None;
                    continue;
                }
                let since = *since.get_or_insert(now);
                let is_followed = spans.get(at + 1).is_some_and(|next| view.ts_recv[next.from] == now);
                prop_assert!(now - since < PATIENCE_NS || is_followed, "crossed from {since} to {now}");
            }
            let kept = (0..out.len()).filter(|row| out.flags[*row] & FLAG_LAST != 0).count();
            prop_assert!(kept >= all.flags.iter().filter(|flags| *flags & FLAG_LAST != 0).count());
        }
    }
}
