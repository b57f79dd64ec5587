//! Trades that are none, in columns that nobody has decoded here: exported files, event arrays, columns in memory.

use super::trade_ids::Copies;
use crate::event::{Event, EventColumns, EventKind, FLAG_LAST, View};

/// Leaves out of columns the trades that were there before, and those without price or quantity, and counts them.
///
/// As in the files of venues a trade is a copy if its id was there and its stamp is not newer. Trades without an id, or
/// with the id 0, are all kept: two of them may be equal. Ids may be those of messages instead of trades: of one id that
/// trades of other prices, quantities or sides follow one another with, none is a copy.
#[derive(Debug, Default)]
pub struct TradeSieve {
    trades: Prints,
    off_book: Prints,
    /// Trades that were there before.
    pub duplicate_trades: u64,
    /// Trades without price or quantity, which are none.
    pub empty_trades: u64,
}

/// What was read of a kind of trades; those off the book may have ids of their own.
#[derive(Debug, Default)]
struct Prints {
    copies: Copies,
    /// The row of the columns at hand that was read last, and the trade that was before them.
    row: Option<usize>,
    last: Option<Event>,
}

impl Prints {
    /// Whether the trade of a row was not there before. Columns are far apart in memory, so no more of them is looked at than
    /// tells that.
    fn is_new(&mut self, view: &View<'_>, row: usize) -> bool {
        let id = view.id.map_or(0, |ids| ids[row]);
        if id == 0 {
            return true;
        }
        let is_new = self.copies.take(view.ts_event[row], |ids| ids.insert_number(id));
        let before = self.row.replace(row);
        is_new
            || before.map(|row| view.event(row)).or(self.last).is_some_and(|last| {
                let told = |event: Event| (event.side, event.price, event.qty);
                last.id == id && told(last) != told(view.event(row))
            })
    }

    /// Others follow these columns.
    fn let_go(&mut self, view: &View<'_>) {
        self.last = self.row.take().map(|row| view.event(row)).or(self.last);
    }
}

impl TradeSieve {
    /// Takes the next columns; what is left of them, `None` for all of it. Where the last row of a message is left out
    /// the message ends with the row in front of it.
    pub fn sift(&mut self, view: &View<'_>) -> Option<EventColumns> {
        let mut left: Option<EventColumns> = None;
        // Up to where rows are kept or left out, and whether something is kept of a message that goes on there.
        let (mut done, mut is_begun) = (0, false);
        let mut next = 0;
        while next < view.len() {
            let row = next;
            let kind = EventKind::from_column(view.kind[row]);
            let prints = match kind {
                Some(EventKind::Trade) => &mut self.trades,
                Some(EventKind::OffBookTrade) => &mut self.off_book,
                _ => {
                    // Mostly many levels follow each other.
                    next = kind.map_or(row + 1, |kind| view.run_of(kind, row, view.len()));
                    continue;
                }
            };
            next = row + 1;
            let is_empty = view.qty.get(row) == 0 || view.price.get(row) == 0;
            if !is_empty && prints.is_new(view, row) {
                continue;
            }
            *(if is_empty { &mut self.empty_trades } else { &mut self.duplicate_trades }) += 1;
            if row > done {
                is_begun = view.flags[row - 1] & FLAG_LAST == 0;
            }
            let left = left.get_or_insert_with(|| EventColumns::with_capacity(view.len()));
            left.push_rows(view, done, row);
            done = next;
            if view.flags[row] & FLAG_LAST != 0 && std::mem::take(&mut is_begun) {
                left.end_message();
            }
        }
        self.trades.let_go(view);
        self.off_book.let_go(view);
        if let Some(left) = &mut left {
            left.push_rows(view, done, view.len());
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Columns as _;
    use proptest::prelude::*;

    /// Rows of kind, flags, stamp, quantity and id.
    fn columns(rows: &[(EventKind, u8, i64, i64, u64)]) -> EventColumns {
        let mut out = EventColumns::default();
        for &(kind, flags, ts, qty, id) in rows {
            out.push(Event { ts_event: ts, ts_recv: ts, kind, side: 1, flags, price: 9, qty, id });
        }
        out
    }

    use EventKind::{BookSet, OffBookTrade, Trade};

    #[test]
    fn a_trade_counts_once_by_its_id_and_none_without_quantity() {
        let mut sieve = TradeSieve::default();
        let first =
            columns(&[(Trade, 1, 5, 2, 7), (Trade, 1, 5, 2, 7), (Trade, 1, 6, 0, 8), (Trade, 1, 6, 2, 9)]);
        assert_eq!(sieve.sift(&first.view()).unwrap().id, [7, 9]);
        // Also in later columns; one with a newer stamp is of a venue that counts anew.
        let later = columns(&[(Trade, 1, 6, 2, 9), (Trade, 1, 7, 2, 7), (OffBookTrade, 1, 7, 2, 7)]);
        assert_eq!(sieve.sift(&later.view()).unwrap().ts_event, [7, 7]);
        assert_eq!((sieve.duplicate_trades, sieve.empty_trades), (2, 1));
    }

    #[test]
    fn a_trade_at_no_price_is_none() {
        let mut rows = columns(&[(Trade, 1, 5, 2, 7), (BookSet, 1, 6, 2, 8), (Trade, 1, 7, 2, 9)]);
        rows.price.fill(0);
        rows.price[2] = 9;
        let mut sieve = TradeSieve::default();
        assert_eq!((sieve.sift(&rows.view()).unwrap().id, sieve.empty_trades), (vec![8, 9], 1));
    }

    #[test]
    fn what_has_no_id_of_its_own_is_kept() {
        let mut sieve = TradeSieve::default();
        let unnamed = columns(&[
            (Trade, 1, 5, 2, 0),
            (Trade, 1, 5, 2, 0),
            (BookSet, 1, 5, 0, 3),
            (BookSet, 1, 5, 0, 3),
        ]);
        assert_eq!(sieve.sift(&unnamed.view()).map(|left| left.len()), None);
        // A message that took two levels, told by its own id.
        let message = columns(&[(Trade, 0, 5, 2, 4), (Trade, 1, 5, 3, 4)]);
        assert_eq!(sieve.sift(&message.view()).map(|left| left.len()), None);
    }

    #[test]
    fn a_message_ends_with_what_is_left_of_it() {
        let mut sieve = TradeSieve::default();
        let rows =
            columns(&[(Trade, 1, 1, 2, 4), (Trade, 0, 1, 3, 5), (Trade, 1, 1, 2, 4), (BookSet, 1, 2, 0, 3)]);
        let left = sieve.sift(&rows.view()).unwrap();
        assert_eq!((&left.id[..], &left.flags[..]), (&[4, 5, 3][..], &[1, 1, 1][..]));
        // One of which nothing is left ends no other.
        let rows = columns(&[(BookSet, 1, 3, 0, 3), (Trade, 1, 1, 2, 4), (Trade, 1, 1, 0, 6)]);
        let left = sieve.sift(&rows.view()).unwrap();
        assert_eq!((&left.kind[..], &left.flags[..]), (&[1][..], &[1][..]));
    }

    /// What is left, row by row: key columns of each.
    fn rows(left: &EventColumns) -> Vec<(u8, u8, i64, i64, u64)> {
        let row = |at: usize| (left.kind[at], left.flags[at], left.ts_event[at], left.qty[at], left.id[at]);
        (0..left.len()).map(row).collect()
    }

    proptest! {
        #[test]
        fn messages_lose_their_trades_that_are_none_however_columns_are_cut(
            given in proptest::collection::vec((0u8..5, any::<bool>(), 0i64..3, 0i64..3, 0u64..6), 1..60),
            cuts in proptest::collection::vec(any::<bool>(), 60),
        ) {
            let kinds = [BookSet, Trade, Trade, OffBookTrade, BookSet];
            let given: Vec<_> = given
                .iter()
                .enumerate()
                .map(|(at, (kind, ends, back, qty, id))| {
                    let is_last = *ends || at + 1 == given.len();
                    (kinds[usize::from(*kind)], u8::from(is_last), at as i64 - 9 * back, *qty, *id)
                })
                .collect();
            // By messages: those rows of each that are something, the last of which ends it.
            let (mut sieve, mut expected) = (TradeSieve::default(), Vec::new());
            for message in given.split_inclusive(|row| row.1 != 0) {
                let mut kept: Vec<_> = Vec::new();
                for row in message {
                    let alone = columns(&[(row.0, 1, row.2, row.3, row.4)]);
                    if sieve.sift(&alone.view()).is_none() {
                        kept.push((row.0 as u8, row.1, row.2, row.3, row.4));
                    }
                }
                if let Some(last) = kept.last_mut() {
                    last.1 = 1;
                }
                expected.extend(kept);
            }
            let (mut pieces, mut found, mut piece) = (TradeSieve::default(), Vec::new(), Vec::new());
            for (row, cut) in given.iter().zip(cuts.iter().cycle()) {
                piece.push(*row);
                if row.1 != 0 && *cut {
                    let whole = columns(&std::mem::take(&mut piece));
                    found.extend(rows(&pieces.sift(&whole.view()).unwrap_or(whole)));
                }
            }
            let whole = columns(&piece);
            found.extend(rows(&pieces.sift(&whole.view()).unwrap_or(whole)));
            prop_assert_eq!(found, expected);
            let counts = |sieve: &TradeSieve| (sieve.duplicate_trades, sieve.empty_trades);
            prop_assert_eq!(counts(&pieces), counts(&sieve));
        }
    }
}
