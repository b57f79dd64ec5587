//! How fine the book of a feed is: every event by itself, or what happened in some time as one message.

use super::kind::{EventKind, FLAG_SNAPSHOT};
use super::{Span, View};

/// So many messages of a book tell.
const ENOUGH: usize = 256;

/// Looks at the first messages of a feed.
#[derive(Debug, Clone, Default)]
pub struct Granularity {
    opened: bool,
    messages: usize,
    /// Messages that name several levels.
    merged: usize,
    last: Option<i64>,
    gaps: Vec<i64>,
}

impl Granularity {
    /// Whether enough has been seen.
    pub fn is_told(&self) -> bool {
        self.messages >= ENOUGH
    }

    /// Looks at the messages in rows `from..to`, as long as more tell more.
    pub fn see_all(&mut self, view: &View<'_>, from: usize, to: usize) {
        for rows in view.messages(from, to) {
            if self.is_told() {
                break;
            }
            self.see(view, rows);
        }
    }

    /// Looks at a message.
    #[inline]
    pub fn see(&mut self, view: &View<'_>, rows: Span) {
        if self.is_told() {
            return;
        }
        // Without a branch a row: of a quiet market all there is is looked at.
        let (kinds, flags) = (&view.kind[rows.from..rows.to], &view.flags[rows.from..rows.to]);
        let is_snapshot = flags.iter().fold(0, |all, flags| all | flags) & FLAG_SNAPSHOT != 0;
        if is_snapshot || (!rows.only_levels && kinds.contains(&(EventKind::BookClear as u8))) {
            self.opened = true;
            return;
        }
        let levels = if rows.only_levels {
            kinds.len()
        } else {
            kinds.iter().map(|kind| usize::from(*kind == EventKind::BookSet as u8)).sum()
        };
        if levels == 0 {
            return;
        }
        // The first one is a whole book, whether it says so or not.
        if !std::mem::replace(&mut self.opened, true) {
            return;
        }
        if self.messages == 0 {
            // At once: of a thousand quiet markets each one's would grow four times.
            self.gaps.reserve_exact(ENOUGH);
        }
        self.messages += 1;
        self.merged += usize::from(levels > 1);
        let at = view.ts_event[rows.from];
        self.gaps.extend(self.last.map(|last| at - last).filter(|gap| *gap > 0));
        self.last = Some(at);
    }

    /// The time whose events are one message, ns: the lower quartile of that between messages where more than a quarter of
    /// them name several levels, else 0. A trade through several levels, or an order that moves, is one event too.
    pub fn ns(mut self) -> i64 {
        if self.merged * 4 <= self.messages || self.gaps.is_empty() {
            return 0;
        }
        let quartile = self.gaps.len() / 4;
        *self.gaps.select_nth_unstable(quartile).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Columns, Event, EventColumns, FLAG_LAST};

    /// Messages of so many levels, this far apart, behind an opening book.
    fn told(levels: &[usize], gap: i64) -> i64 {
        let mut columns = EventColumns::default();
        for (message, levels) in std::iter::once(&20).chain(levels).enumerate() {
            for level in 0..*levels {
                columns.push(Event {
                    ts_event: message as i64 * gap,
                    ts_recv: message as i64 * gap,
                    kind: EventKind::BookSet,
                    side: 1,
                    flags: if level + 1 == *levels { FLAG_LAST } else { 0 },
                    price: 100 - level as i64,
                    qty: 1,
                    id: 0,
                });
            }
        }
        let mut granularity = Granularity::default();
        let view = columns.view();
        granularity.see_all(&view, 0, view.len());
        granularity.ns()
    }

    #[test]
    fn a_feed_that_mostly_names_one_level_tells_every_event() {
        assert_eq!(told(&[1; 40], 10), 0);
        assert_eq!(told(&[1, 1, 1, 3], 10), 0);
        assert_eq!(told(&[], 10), 0);
    }

    #[test]
    fn a_feed_that_names_several_merges_what_happens_between_its_messages() {
        assert_eq!(told(&[2; 40], 100_000_000), 100_000_000);
        assert_eq!(told(&[1, 5, 1, 4], 10), 10);
    }

    #[test]
    fn snapshots_and_what_names_no_level_are_no_messages_of_the_book() {
        use EventKind::{BookClear, BookSet, Trade};
        let mut columns = EventColumns::default();
        let mut tell = |at: i64, rows: &[(EventKind, u8)]| {
            for (row, (kind, flags)) in rows.iter().enumerate() {
                let flags = flags | if row + 1 == rows.len() { FLAG_LAST } else { 0 };
                let side = i8::from(*kind != BookClear);
                columns.push(Event {
                    ts_event: at,
                    ts_recv: at,
                    kind: *kind,
                    side,
                    flags,
                    price: 1,
                    qty: 1,
                    id: 0,
                });
            }
        };
        tell(0, &[(BookClear, 0), (BookSet, 0)]);
        for round in 0..8 {
            let at = 1_000 * round;
            tell(at + 10, &[(BookSet, 0), (BookSet, 0)]);
            tell(at + 11, &[(Trade, 0)]);
            tell(at + 12, &[(BookSet, FLAG_SNAPSHOT), (BookSet, 0)]);
            tell(at + 13, &[(Trade, 0), (BookClear, 0)]);
            tell(at + 110, &[(BookSet, 0), (Trade, 0), (BookSet, 0)]);
        }
        let (view, mut seen) = (columns.view(), Granularity::default());
        view.messages(0, view.len()).for_each(|rows| seen.see(&view, rows));
        assert_eq!((seen.messages, seen.merged), (16, 16));
        assert_eq!(seen.ns(), 100);
    }
}
