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

    /// Looks at a message.
    pub fn see(&mut self, view: &View<'_>, rows: Span) {
        if self.is_told() {
            return;
        }
        let mut levels = 0;
        for row in rows.from..rows.to {
            if view.kind[row] == EventKind::BookClear as u8 || view.flags[row] & FLAG_SNAPSHOT != 0 {
                self.opened = true;
                return;
            }
            levels += usize::from(view.kind[row] == EventKind::BookSet as u8);
        }
        if levels == 0 {
            return;
        }
        // The first one is a whole book, whether it says so or not.
        if !std::mem::replace(&mut self.opened, true) {
            return;
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
        for rows in view.messages(0, view.len()) {
            granularity.see(&view, rows);
        }
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
}
