//! What a run has to know of its data beside what happens in it: times in which a book was unknown, in which nothing was
//! told, and in which no price was told that positions are valued at.

use crate::book::{FillBasis, MarkSource};
use crate::event::{EventKind, FLAG_SNAPSHOT, KindSet, Span, View};
use crate::types::Moments;

/// What says that a market is told of.
const OF_THE_BOOK: KindSet = KindSet::MARKET.union(KindSet::ORDERS);

/// What there is to know of a market's data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watched {
    /// Times in which its book was unknown.
    pub gaps: Moments,
    /// Times in which nothing was told of it for longer than what is known of it stays good.
    pub silences: Moments,
    /// The same of the price that positions are valued at, where that is another than the mid.
    pub unmarked: Moments,
}

/// Looks at each message of a market once, in the order in which they act.
#[derive(Debug)]
pub(super) struct Watch {
    /// Whether it has a full book, which can be lost.
    has_book: bool,
    /// Nothing for longer than this is a silence, ns.
    quiet_ns: i64,
    last: i64,
    /// Since when the book is unknown.
    lost: Option<i64>,
    marks: MarkSource,
    /// When the price that positions are valued at was told last.
    marked: i64,
    found: Watched,
}

impl Watch {
    pub(super) fn new(basis: FillBasis, marks: MarkSource, quiet_ns: i64) -> Self {
        let has_book = basis == FillBasis::L2;
        // Bars come as far apart as they are long.
        let quiet_ns = if basis == FillBasis::Bars { i64::MAX } else { quiet_ns };
        let found = Watched::default();
        Self { has_book, quiet_ns, last: i64::MAX, lost: None, marks, marked: i64::MAX, found }
    }

    /// Takes the next message, which acts at `at`.
    #[inline]
    pub(super) fn see(&mut self, at: i64, view: &View<'_>, rows: Span) {
        if !rows.only_levels {
            if self.marks != MarkSource::Mid && self.marks.published(view, rows.from, rows.to).is_some() {
                self.mark(at);
            }
            let kind = view.kind[rows.from];
            if kind == EventKind::BookClear as u8 {
                let is_snapshot = view.flags[rows.from] & FLAG_SNAPSHOT != 0;
                self.cleared(at, !is_snapshot && rows.to - rows.from == 1);
            } else if !OF_THE_BOOK.has_column(kind) {
                // What a venue publishes beside its market says nothing of the book.
                return;
            }
        }
        if at.saturating_sub(self.last) > self.quiet_ns {
            self.found.silences.add(self.last, at);
        }
        self.last = at;
    }

    /// The price that positions are valued at was told.
    fn mark(&mut self, at: i64) {
        if at.saturating_sub(self.marked) > self.quiet_ns {
            self.found.unmarked.add(self.marked, at);
        }
        self.marked = at;
    }

    /// The book was cleared: by a snapshot, or for good until the next one.
    #[cold]
    fn cleared(&mut self, at: i64, is_lost: bool) {
        if is_lost && self.has_book {
            self.lost.get_or_insert(at);
        } else if let Some(since) = self.lost.take() {
            self.found.gaps.add(since, at);
        }
    }

    /// What was found, of a run that ended at `end`.
    pub(super) fn told(&self, end: i64) -> Watched {
        let mut found = self.found.clone();
        if let Some(since) = self.lost {
            found.gaps.add(since, end.max(since));
        }
        for (last, quiet) in [(self.last, &mut found.silences), (self.marked, &mut found.unmarked)] {
            if last < i64::MAX && end.saturating_sub(last) > self.quiet_ns {
                quiet.add(last, end);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Columns as _, Event, EventColumns, FLAG_LAST};

    fn columns(rows: &[(i64, EventKind, u8)]) -> EventColumns {
        let mut out = EventColumns::default();
        for &(ts, kind, flags) in rows {
            let side = i8::from(kind != EventKind::BookClear);
            out.push(Event { ts_event: ts, ts_recv: ts, kind, side, flags, price: 1, qty: 1, id: 0 });
        }
        out
    }

    fn watched(rows: &[(i64, EventKind, u8)], basis: FillBasis, marks: MarkSource, end: i64) -> Watched {
        let (columns, mut watch) = (columns(rows), Watch::new(basis, marks, 10));
        let view = columns.view();
        for rows in view.messages(0, view.len()) {
            watch.see(view.ts_event[rows.from], &view, rows);
        }
        watch.told(end)
    }

    fn told(rows: &[(i64, EventKind, u8)], basis: FillBasis, end: i64) -> [Vec<(i64, i64)>; 2] {
        let Watched { gaps, silences, unmarked } = watched(rows, basis, MarkSource::Mid, end);
        assert_eq!(unmarked, Moments::default());
        [gaps.kept, silences.kept]
    }

    const LAST: u8 = FLAG_LAST;

    #[test]
    fn a_lone_clear_begins_a_gap_that_the_next_snapshot_ends() {
        use EventKind::{BookClear, BookSet, Trade};
        let rows = [
            (1, BookClear, 0),
            (1, BookSet, LAST),
            (3, BookClear, LAST),
            (4, Trade, LAST),
            (5, BookClear, LAST),
            (8, BookClear, 0),
            (8, BookSet, LAST),
            // The snapshot of a book with nothing in it.
            (8, BookClear, FLAG_SNAPSHOT | LAST),
            (9, BookClear, LAST),
        ];
        assert_eq!(told(&rows, FillBasis::L2, 11), [vec![(3, 8), (9, 11)], vec![]]);
        assert_eq!(told(&rows, FillBasis::Trades, 11), [vec![], vec![]]);
    }

    #[test]
    fn nothing_for_longer_than_that_is_a_silence_whatever_is_published_beside() {
        use EventKind::{BookSet, Mark, OffBookTrade, Trade};
        let beside = |ts| [(ts, Mark, LAST), (ts + 1, OffBookTrade, LAST)];
        let rows =
            [&[(0, BookSet, LAST), (10, Trade, LAST)], &beside(15)[..], &[(21, BookSet, LAST)], &beside(30)]
                .concat();
        assert_eq!(told(&rows, FillBasis::L2, 31), [vec![], vec![(10, 21)]]);
        assert_eq!(told(&rows, FillBasis::L2, 40), [vec![], vec![(10, 21), (21, 40)]]);
        assert_eq!(told(&rows, FillBasis::Bars, 40), [vec![], vec![]]);
        assert_eq!(told(&[], FillBasis::L2, 40), [vec![], vec![]]);
    }

    #[test]
    fn a_mark_that_nobody_tells_is_old_whatever_else_is_told() {
        use EventKind::{BookSet, Mark, Trade};
        let rows =
            [(0, Mark, LAST), (5, BookSet, LAST), (9, Trade, LAST), (18, BookSet, LAST), (22, Mark, LAST)];
        let old = |marks| watched(&rows, FillBasis::L2, marks, 30).unmarked.kept;
        assert_eq!(old(MarkSource::Mid), []);
        assert_eq!(old(MarkSource::Mark), [(0, 22)]);
        assert_eq!(old(MarkSource::Last), [(9, 30)]);
    }
}
