//! The freshest of three sources: depth, top-of-book quotes, trades.
//!
//! Depth is often sent ten times a second, quotes and trades at once. A book that merges shows what the newest of them
//! says of each side:
//!
//! * a quote that is newer than the depth removes better levels and sets its own;
//! * a trade that is newer than what the side shows was the best level's: levels better than its price are gone, and its
//!   quantity is off the level there;
//! * a book message that is newer than that puts the depth back. A trade is newer than depth and quotes of earlier stamps, a
//!   quote newer than depth and trades of the same stamp, unless both name ids: these count the changes of the book.
//!
//! It is the ladders that are changed, so every reader sees the merged book; what the depth had there is kept aside.

use std::ops::Range;

use super::L2Book;
use crate::book::cover::{Cover, Mark, Merge, NONE};
use crate::event::{EventKind, View};
use crate::types::Side;

impl L2Book {
    /// An empty book that merges depth with quotes and trades.
    pub fn merging() -> Self {
        Self { merge: Some(Box::default()), ..Self::new() }
    }

    /// Whether something lies over the depth.
    #[inline]
    pub(crate) fn is_covered(&self) -> bool {
        self.is_covered
    }

    /// What lies over the depth, by side.
    pub(crate) fn covers(&self) -> [Option<Cover>; 2] {
        self.merge.as_ref().map_or([None; 2], |merge| merge.covers)
    }

    fn cover(&self, side: Side) -> Option<Cover> {
        self.merge.as_ref().and_then(|merge| merge.covers[side.index()])
    }

    /// Lays something over the depth.
    pub(crate) fn set_covers(&mut self, covers: [Option<Cover>; 2]) {
        self.change(|merge| merge.covers = covers);
    }

    /// Takes off what lies over the depth.
    pub(crate) fn reveal(&mut self) {
        self.set_covers([None; 2]);
    }

    /// The book as it shows itself, which merges nothing any more.
    #[must_use]
    pub fn into_plain(self) -> Self {
        Self { merge: None, is_covered: false, ..self }
    }

    /// The update id of the depth, 0 for none.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Takes the id of the depth from somewhere else.
    pub(crate) fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    /// Sides and keys of the levels that differ from the depth.
    pub(crate) fn covered(&self) -> impl Iterator<Item = (Side, i64)> + '_ {
        let keys = |side: Side| self.merge.iter().flat_map(move |merge| &merge.hidden[side.index()]);
        [Side::Buy, Side::Sell].into_iter().flat_map(move |side| keys(side).map(move |(key, _)| (side, *key)))
    }

    /// The best price of a side as its depth alone has it.
    pub(crate) fn depth_best(&self, side: Side) -> Option<i64> {
        let ladder = &self.sides[side.index()];
        let key = match self.merge.as_ref().and_then(|merge| merge.hidden[side.index()].first()) {
            None => ladder.best(),
            Some((key, shown)) if *shown > 0 => Some(*key),
            // A quote's own level, of which the depth knows nothing.
            Some((own, _)) => ladder.iter().map(|(key, _)| key).find(|key| key < own),
        };
        key.map(|key| key * side.sign())
    }

    /// Venue's time of the depth or quote that tells of a key, ns.
    #[inline]
    pub(crate) fn stamp_at(&self, side: Side, key: i64) -> i64 {
        if !self.is_covered {
            return self.stamp;
        }
        let quoted = self.cover(side).filter(|cover| key >= cover.key && cover.quote.at != NONE);
        quoted.map_or(self.stamp, |cover| cover.quote.at)
    }

    /// The aggressor of a trade; when the venue does not say, the side of the book it printed on.
    pub(crate) fn aggressor(&self, column: i8, price: i64) -> Option<Side> {
        Side::from_column(column).or_else(|| {
            if self.best_ask().is_some_and(|ask| price >= ask) {
                Some(Side::Buy)
            } else if self.best_bid().is_some_and(|bid| price <= bid) {
                Some(Side::Sell)
            } else {
                None
            }
        })
    }

    /// Whether the depth right behind trades, which are the rows `from..end`, shows them: it would take off again all that
    /// they lay over it.
    #[inline]
    pub(super) fn is_shown_behind(&self, view: &View<'_>, from: usize, end: usize, to: usize) -> bool {
        !self.is_covered
            && self.merge.is_some()
            && end < to
            && view.kind[end] == EventKind::BookSet as u8
            && view.ts_event[from..end].iter().all(|at| *at <= view.ts_event[end])
    }

    /// Takes a row that is no level: of a quote or a trade, others pass by.
    #[inline(never)]
    pub(super) fn merge_row(&mut self, view: &View<'_>, row: usize) {
        match EventKind::from_column(view.kind[row]) {
            Some(EventKind::Quote) if self.is_synced() => {
                if let Some(side) = Side::from_column(view.side[row]) {
                    self.cover_by_quote(side, view.price.get(row), view.qty.get(row), Mark::of(view, row));
                }
            }
            Some(EventKind::Trade) => self.merge_trades(view, row, row + 1),
            _ => {}
        }
    }

    /// Takes rows `from..to`, all of them trades. Those of one aggressor at one price are laid over the depth at once.
    #[inline(never)]
    pub(crate) fn merge_trades(&mut self, view: &View<'_>, from: usize, to: usize) {
        if self.merge.is_none() || !self.is_synced() {
            return;
        }
        let mut row = from;
        while row < to {
            let (column, price) = (view.side[row], view.price.get(row));
            let is_same = |row: &usize| view.side[*row] == column && view.price.get(*row) == price;
            // Where the book says who took, each trade is asked after those before it.
            let same = if column == 0 { 1 } else { (row..to).take_while(is_same).count() };
            let rows = row..row + same;
            row = rows.end;
            if price > 0
                && let Some(aggressor) = self.aggressor(column, price)
            {
                self.cover_by_trades(aggressor.opposite(), price, view, rows);
            }
        }
    }

    fn cover_by_quote(&mut self, side: Side, price: i64, qty: i64, quote: Mark) {
        let depth = Mark { at: self.stamp, id: self.id };
        let before = self.cover(side);
        let is_older = |cover: Cover| !quote.is_newer(cover.quote) || quote.at < cover.traded_at;
        if !quote.is_newer(depth) || before.is_some_and(is_older) {
            return;
        }
        let key = if qty > 0 { price * side.sign() } else { NONE };
        let cover = Cover { key, quoted: Some(qty), traded: 0, quote, traded_at: NONE };
        self.lay(side, cover);
    }

    /// Trades at one price of a side.
    fn cover_by_trades(&mut self, side: Side, price: i64, view: &View<'_>, rows: Range<usize>) {
        let key = price * side.sign();
        let ladder = &self.sides[side.index()];
        if ladder.best_or_min() < key {
            return;
        }
        let before = self.cover(side);
        let quote = before.map_or(Mark::NONE, |cover| cover.quote);
        let (newest, shown) = (self.stamp.max(quote.at), ladder.get(key));
        let (mut qty, mut traded_at) = (0i64, before.map_or(NONE, |cover| cover.traded_at));
        for row in rows {
            let (more, at) = (view.qty.get(row), view.ts_event[row]);
            // Those behind the one that empties the level find it gone.
            if more > 0 && at > newest && (qty == 0 || qty < shown) {
                (qty, traded_at) = (qty.saturating_add(more), traded_at.max(at));
            }
        }
        if qty == 0 {
            return;
        }
        if let Some(cover) = before.filter(|cover| cover.key == key)
            && let Some(merge) = &mut self.merge
        {
            let traded = cover.traded.saturating_add(qty);
            merge.covers[side.index()] = Some(Cover { traded, traded_at, ..cover });
            return merge.lay_level(side, &mut self.sides);
        }
        self.lay(side, Cover { key, quoted: None, traded: qty, quote, traded_at });
    }

    fn lay(&mut self, side: Side, cover: Cover) {
        let Some(merge) = &mut self.merge else { return };
        merge.covers[side.index()] = Some(cover);
        merge.put_back(side, &mut self.sides);
        merge.lay(side, &mut self.sides);
        self.is_covered = true;
    }

    /// Takes rows `from..to`, all of them levels, beneath what lies over the depth.
    #[inline(never)]
    pub(super) fn apply_covered(&mut self, view: &View<'_>, from: usize, to: usize) {
        let Some(mut merge) = self.merge.take() else { return };
        for side in [Side::Buy, Side::Sell] {
            merge.put_back(side, &mut self.sides);
        }
        self.is_covered = false;
        self.apply_levels(view, from, to);
        let is_shown = |cover: &Cover| (from..to).any(|row| cover.is_shown(Mark::of(view, row)));
        merge.covers.iter_mut().for_each(|cover| *cover = cover.filter(|cover| !is_shown(cover)));
        let is_covered = merge.covers.iter().any(Option::is_some);
        self.merge = Some(merge);
        if is_covered {
            self.change(|_| ());
        }
    }

    /// Changes what lies over the depth.
    fn change(&mut self, change: impl FnOnce(&mut Merge)) {
        let Some(merge) = &mut self.merge else { return };
        change(merge);
        for side in [Side::Buy, Side::Sell] {
            merge.put_back(side, &mut self.sides);
            merge.lay(side, &mut self.sides);
        }
        self.is_covered = merge.covers.iter().any(Option::is_some);
    }

    /// The depth is gone, and with it what lay over it.
    pub(super) fn forget_covers(&mut self) {
        if let Some(merge) = &mut self.merge {
            merge.covers = [None; 2];
            merge.hidden.iter_mut().for_each(Vec::clear);
        }
        self.is_covered = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Columns as _, Event, EventColumns};
    use proptest::prelude::*;

    fn levels(book: &L2Book) -> [Vec<(i64, i64)>; 2] {
        [Side::Buy, Side::Sell].map(|side| book.iter(side).map(|level| (level.price, level.qty)).collect())
    }

    fn columns(rows: &[(i64, EventKind, i8, i64, i64, u64)]) -> EventColumns {
        let mut columns = EventColumns::default();
        for &(ts_event, kind, side, price, qty, id) in rows {
            columns.push(Event { ts_event, ts_recv: 0, kind, side, flags: 1, price, qty, id });
        }
        columns
    }

    fn read(rows: &[(i64, EventKind, i8, i64, i64, u64)]) -> L2Book {
        let (mut book, columns) = (L2Book::merging(), columns(rows));
        book.apply(&columns.view(), 0, rows.len());
        book
    }

    const DEPTH: [(i64, EventKind, i8, i64, i64, u64); 3] = [
        (5, EventKind::BookSet, 1, 98, 4, 7),
        (5, EventKind::BookSet, -1, 100, 5, 7),
        (5, EventKind::BookSet, -1, 101, 6, 7),
    ];

    #[test]
    fn ids_decide_before_stamps_which_of_quote_and_depth_is_newer() {
        for (at, id, is_newer) in
            [(4, 0, false), (5, 0, true), (9, 7, false), (4, 8, true), (9, 6, false), (5, 8, true)]
        {
            let book = read(&[&DEPTH[..], &[(at, EventKind::Quote, -1, 101, 2, id)]].concat());
            let asks = if is_newer { vec![(101, 2)] } else { vec![(100, 5), (101, 6)] };
            assert_eq!(levels(&book), [vec![(98, 4)], asks], "{at} {id}");
        }
    }

    #[test]
    fn newer_depth_puts_back_what_it_does_not_name() {
        let quote = (8, EventKind::Quote, -1, 102, 1, 0);
        let trade = (9, EventKind::Trade, 1, 102, 1, 0);
        let book = read(&[&DEPTH[..], &[quote, trade]].concat());
        assert_eq!(levels(&book), [vec![(98, 4)], vec![]]);
        for (at, asks) in [(8, vec![]), (9, vec![(100, 5), (101, 3)])] {
            let depth = (at, EventKind::BookSet, -1, 101, 3, 0);
            let book = read(&[&DEPTH[..], &[quote, trade, depth]].concat());
            assert_eq!(levels(&book), [vec![(98, 4)], asks], "{at}");
        }
        let clear = (1, EventKind::BookClear, 0, 0, 0, 0);
        let book = read(&[&DEPTH[..], &[quote, clear, (1, EventKind::BookSet, -1, 103, 1, 0)]].concat());
        assert_eq!(levels(&book), [vec![], vec![(103, 1)]]);
    }

    proptest! {
        #[test]
        fn a_merged_book_does_not_depend_on_how_it_is_read_and_hides_no_depth(
            rows in proptest::collection::vec(
                (0i64..30, 0u8..12, any::<bool>(), 90i64..110, 0i64..9, 0u64..3), 1..120),
            cuts in proptest::collection::vec(1usize..20, 1..40),
        ) {
            let rows: Vec<_> = rows
                .into_iter()
                .enumerate()
                .map(|(row, (late, kind, buy, price, qty, id))| {
                    let kind = match kind {
                        0..6 => EventKind::BookSet,
                        6..8 => EventKind::Quote,
                        8..11 => EventKind::Trade,
                        _ => EventKind::BookClear,
                    };
                    (row as i64 - late, kind, if buy { 1 } else { -1 }, price, qty, id * row as u64)
                })
                .collect();
            let columns = columns(&rows);
            let view = columns.view();
            let (mut whole, mut single, mut plain) = (read(&rows), L2Book::merging(), L2Book::new());
            let mut pieces = L2Book::merging();
            for row in 0..rows.len() {
                single.apply(&view, row, row + 1);
                plain.apply(&view, row, row + 1);
                let mut depth = single.clone();
                depth.reveal();
                prop_assert_eq!(levels(&depth), levels(&plain));
                let best = |book: &L2Book| [Side::Buy, Side::Sell].map(|side| book.depth_best(side));
                prop_assert_eq!(best(&single), best(&plain));
            }
            let mut at = 0;
            for cut in cuts.iter().cycle() {
                let to = (at + cut).min(rows.len());
                pieces.apply(&view, at, to);
                at = to;
                if at == rows.len() {
                    break;
                }
            }
            for book in [&whole, &pieces] {
                prop_assert_eq!((levels(book), book.covers()), (levels(&single), single.covers()));
            }
            whole.set_covers([None; 2]);
            whole.set_covers(single.covers());
            prop_assert_eq!(levels(&whole), levels(&single));
        }
    }
}
