//! Which levels a message concerns: those it names near own orders or what was taken, those the other side reaches,
//! and those that are shown for the first time.

use super::news::{ANY, Watch};
use super::resting::{NO_KEY, Slot};
use super::{Market, SIDES};
use crate::book::FillBasis;
use crate::event::{Ints, View};
use crate::sim::update::Update;
use crate::types::{AccountId, Side};

impl Market {
    /// The best key of a side that is beyond what is shown and of which we want to know; [`NO_KEY`] for none.
    #[inline]
    pub(super) fn unseen(&self, side: Side) -> i64 {
        self.orders.unseen(side).max(self.taken.unseen(side))
    }

    /// Keeps which levels of a message may concern us.
    pub(super) fn note_levels(&mut self, view: &View<'_>, from: usize, to: usize) {
        let watch = self.watch;
        // Most messages hold none: first without branches and, as own bids and asks lie apart, without their sides.
        let near = match view.price {
            Ints::Narrow(price) => {
                let [(bid, bids), (ask, asks)] = watch.map(Watch::narrow);
                price[from..to].iter().fold(0, |near, price| {
                    let [to_bid, to_ask] = [bid, ask].map(|low| price.wrapping_sub(low).cast_unsigned());
                    near | u32::from(to_bid <= bids) | u32::from(to_ask <= asks)
                }) != 0
            }
            Ints::Wide(price) => {
                let holds = |price: i64| watch[0].holds(price) | watch[1].holds(price);
                price[from..to].iter().fold(false, |near, price| near | holds(*price))
            }
        };
        if near {
            for row in from..to {
                self.note(view.side[row], view.price.get(row));
            }
        }
    }

    /// Keeps which levels may concern us of those that differ from the depth: before a message and after it these are
    /// all that quotes and trades change.
    pub(super) fn note_covered(&mut self) {
        if self.book.is_covered() {
            let watch = self.watch;
            let covered = self.book.covered().map(|(side, key)| (side, key * side.sign()));
            let near: Vec<_> = covered.filter(|(side, price)| watch[side.index()].holds(*price)).collect();
            for (side, price) in near {
                self.note_near(side as i8, price);
            }
        }
    }

    /// Keeps a level if it concerns us.
    #[inline(always)]
    pub(super) fn note(&mut self, column: i8, price: i64) {
        if self.watch[usize::from(column < 0)].holds(price) {
            self.note_near(column, price);
        }
    }

    fn note_near(&mut self, column: i8, price: i64) {
        let side = if column < 0 { Side::Sell } else { Side::Buy };
        let key = price * side.sign();
        self.news.deeper[side.index()] |= key <= self.unseen(side);
        if self.orders.first_at(side, key).is_some() || !self.taken.is_empty() {
            self.news.named.push((side, key));
        }
    }

    /// After a message that began with these best keys: lets it act on the orders it concerns.
    pub(super) fn settle(&mut self, before: (i64, i64), now: i64, out: &mut Vec<(AccountId, Update)>) {
        let (bid, ask) = self.book.touch_keys();
        if self.basis == FillBasis::L1 {
            // Of a quote nothing else is there.
            for (side, was, is) in [(Side::Buy, before.0, bid), (Side::Sell, before.1, ask)] {
                for key in [was, is] {
                    if key != NO_KEY {
                        self.note(side as i8, key * side.sign());
                    }
                }
            }
        }
        for (side, best) in [(Side::Buy, bid), (Side::Sell, ask)] {
            // An empty side hides nothing.
            self.news.deeper[side.index()] |= best == NO_KEY && self.unseen(side) != NO_KEY;
        }
        let reached = self.reaches_own(bid, ask);
        let concerned =
            reached | self.news.cleared | self.news.traded | self.news.deeper[0] | self.news.deeper[1];
        if concerned || !self.news.named.is_empty() {
            self.look(reached, now, out);
        }
    }

    /// Looks at everything a message concerns.
    #[inline(never)]
    fn look(&mut self, reached: bool, now: i64, out: &mut Vec<(AccountId, Update)>) {
        let mut named = std::mem::take(&mut self.news.named);
        let deeper = std::mem::take(&mut self.news.deeper);
        let mut changed =
            std::mem::take(&mut self.news.traded) | reached | deeper[0] | deeper[1] | self.news.cleared;
        if self.book.is_synced() {
            if !self.taken.is_empty() {
                changed = true;
                for &(side, key) in &named {
                    let displayed = self.book.shown_at(side, key * side.sign());
                    self.taken.level_shows(side, key, displayed, self.book.stamp_at(side, key));
                }
                for (side, deeper) in SIDES.into_iter().zip(deeper) {
                    if deeper || self.news.cleared {
                        self.see_taken(side);
                    }
                }
            }
            if reached && !self.book.is_crossed() {
                self.fill_reached(now, out);
            }
            for (side, deeper) in SIDES.into_iter().zip(deeper) {
                if self.news.cleared {
                    self.orders.take_unseen(side);
                    self.look_below(side, i64::MAX, |_| true);
                } else if deeper {
                    let unseen = self.orders.take_unseen(side);
                    // What lies below a level that is still not seen is not seen either.
                    self.look_below(side, unseen, |seen| seen);
                }
            }
            if !self.news.cleared {
                for &(side, key) in &named {
                    if let Some(first) = self.orders.first_at(side, key) {
                        changed |= !self.look_at(side, key, first);
                    }
                }
            }
            self.news.cleared = false;
        }
        named.clear();
        self.news.named = named;
        if changed {
            self.watch_again();
        }
    }

    /// Looks at the levels at and below a key, from the best one for as long as `go_on` says, given whether the
    /// level has been seen.
    fn look_below(&mut self, side: Side, key: i64, go_on: impl Fn(bool) -> bool) {
        let mut at = self.orders.level_below(side, key);
        while let Some((key, first)) = at {
            let seen = self.look_at(side, key, first);
            at = if go_on(seen) { self.orders.level_below(side, key - 1) } else { None };
        }
    }

    /// Lets what the data shows of a level act on the queue there. Returns whether it shows anything.
    fn look_at(&mut self, side: Side, key: i64, first: Slot) -> bool {
        let Some(displayed) = self.book.shown_at(side, key * side.sign()) else {
            self.orders.set_unseen(side, key);
            return false;
        };
        let mut at = Some(first);
        while let Some(slot) = at {
            self.see(slot, displayed);
            at = self.orders.behind(slot);
        }
        true
    }

    /// Something of ours has come or gone.
    pub(super) fn watch_again(&mut self) {
        let has_orders = !(self.orders.is_empty() && self.prints.is_empty() && self.triggers.is_empty());
        self.touched = has_orders || !self.taken.is_empty();
        for side in SIDES {
            let own = self.orders.keys(side).first().map(|&worst| (worst, self.orders.best(side)));
            let bounds = match (own, self.taken.bounds(side)) {
                (Some(own), Some(taken)) => Some((own.0.min(taken.0), own.1.max(taken.1))),
                (own, taken) => own.or(taken),
            };
            // A level deeper than anything seen is news to those that have not been seen.
            let is_unseen = self.unseen(side) != NO_KEY;
            self.watch[side.index()] = bounds.map_or(Watch::NOTHING, |(low, high)| {
                let low = if is_unseen { -ANY } else { low };
                let (low, high) = (low.clamp(-ANY, ANY), high.clamp(-ANY, ANY));
                if side == Side::Buy { Watch { low, high } } else { Watch { low: -high, high: -low } }
            });
        }
    }
}
