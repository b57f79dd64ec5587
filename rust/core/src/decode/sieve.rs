//! Trades that are none, in columns that nobody has decoded here: exported files, event arrays, columns in memory.

use super::trade_ids::Copies;
use crate::event::{Event, EventColumns, EventKind, FLAG_LAST, View};

/// Leaves out of columns the trades that were there before, and those of no quantity, and counts them.
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
    /// Trades of no quantity, which are none.
    pub empty_trades: u64,
}

/// What was read of a kind of trades; those off the book may have ids of their own.
#[derive(Debug, Default)]
struct Prints {
    copies: Copies,
    last: Option<Event>,
}

impl Prints {
    fn is_new(&mut self, trade: Event) -> bool {
        if trade.id == 0 {
            return true;
        }
        let told = |event: Event| (event.side, event.price, event.qty);
        let is_of_message = self.last.is_some_and(|last| last.id == trade.id && told(last) != told(trade));
        self.last = Some(trade);
        self.copies.take(trade.ts_event, |ids| ids.insert_number(trade.id)) || is_of_message
    }
}

impl TradeSieve {
    /// Takes the next columns; what is left of them, `None` for all of it. Where the last row of a message is left out
    /// the message ends with the row in front of it.
    pub fn sift(&mut self, view: &View<'_>) -> Option<EventColumns> {
        let mut left: Option<EventColumns> = None;
        let (mut kept, mut is_begun, mut next) = (0, false, 0);
        while next < view.len() {
            let row = next;
            let kind = EventKind::from_column(view.kind[row]);
            let prints = match kind {
                Some(EventKind::Trade) => &mut self.trades,
                Some(EventKind::OffBookTrade) => &mut self.off_book,
                _ => {
                    // Mostly many levels follow each other.
                    next = kind.map_or(row + 1, |kind| view.run_of(kind, row, view.len()));
                    is_begun = view.flags[next - 1] & FLAG_LAST == 0;
                    continue;
                }
            };
            next = row + 1;
            let trade = view.event(row);
            let is_empty = trade.qty == 0;
            if !is_empty && prints.is_new(trade) {
                is_begun = trade.flags & FLAG_LAST == 0;
                continue;
            }
            *(if is_empty { &mut self.empty_trades } else { &mut self.duplicate_trades }) += 1;
            let left = left.get_or_insert_with(|| EventColumns::with_capacity(view.len()));
            left.push_rows(view, kept, row);
            kept = next;
            if trade.flags & FLAG_LAST != 0 && is_begun {
                left.end_message();
                is_begun = false;
            }
        }
        if let Some(left) = &mut left {
            left.push_rows(view, kept, view.len());
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Columns as _;

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
}
