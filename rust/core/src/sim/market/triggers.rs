//! Orders that are set off by a price: stops, take profits, trailing stops.
//!
//! They stand in no queue and take nothing until the market's price is where they say. Trades are looked at one by one,
//! those of orders with each other too, the mark price when the venue tells it, the mid after each message. What is set off
//! acts after the message that did it, in order of arrival, on the book as it is then: over a gap it fills where the market
//! is. Where the book cannot be traded on then, it waits for one that can. Each is set off once. Where accounts pay in full, what has no
//! limit is asked for before it acts: it costs what the market asks then, not what its trigger said. On margin every order is: what stood
//! behind the account may be lost since.
//!
//! Prices are looked at from an order's arrival on, whatever else is here: an isolated account fares as if it were alone.
//! Until something has traded since, the last price is taken to lie
//! between the best prices; a trailing stop begins with the first price that is known. In bars, those that were sent after
//! one began do not meet its high and low.

use super::Market;
use super::armed::{Armed, AskedFor};
use super::matching::Taker;
use super::resting::Placed;
use super::terms::Terms;
use super::waiting::Waiting;
use crate::event::{EventKind, KindSet};
use crate::orders::{NewTerms, OrderId, PriceRange, Reason, ReportKind, Trigger, TriggerBy, Watch};
use crate::sim::update::Update;
use crate::types::{AccountId, Price, Qty, Side};

impl Market {
    /// Its data holds these kinds of events: an order is refused whose trigger is none of it.
    pub fn set_data(&mut self, holds: KindSet) {
        self.triggers.holds = holds;
    }

    /// Something traded at a price, which those do not meet that were sent after `before`.
    #[inline]
    pub(super) fn see_last(&mut self, price: i64, before: i64) {
        if !self.triggers.is_empty() {
            self.triggers.see(TriggerBy::Last, PriceRange::exactly(price), before);
        }
    }

    /// The venue told its mark price, in units of 10^-9.
    pub(super) fn see_mark(&mut self, fine: i64) {
        if self.triggers.is_empty() {
            return;
        }
        let price = PriceRange::of_fine(fine, self.instrument.price_increment);
        self.triggers.see(TriggerBy::Mark, price, i64::MAX);
    }

    /// After a message of a market with a book.
    #[inline]
    pub(super) fn see_mid(&mut self) {
        if let Some(price) = self.mid() {
            self.triggers.see(TriggerBy::Mid, price, i64::MAX);
        }
    }

    fn mid(&self) -> Option<PriceRange> {
        Some(PriceRange::of_twice(self.book.best_bid()? + self.book.best_ask()?))
    }

    /// Why an order with a trigger is not let in.
    pub(super) fn refuses_trigger(&self, trigger: Trigger) -> Option<Reason> {
        let has_book = self.basis.has_book();
        let is_told = match trigger.by {
            TriggerBy::Last => !has_book || self.triggers.holds.contains(EventKind::Trade),
            TriggerBy::Mark => self.triggers.holds.contains(EventKind::Mark),
            TriggerBy::Mid => has_book,
        };
        (!is_told).then_some(Reason::NoTriggerPrice)
    }

    /// Lets an order wait for its trigger, or act if the market is there.
    pub(super) fn arm(
        &mut self,
        taker: Taker,
        terms: Terms,
        trigger: Trigger,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        let watch = Watch::new(taker.side, trigger);
        let may_act = match self.triggers.asks {
            AskedFor::None => true,
            AskedFor::Unlimited => taker.limit.is_some(),
            AskedFor::All => false,
        };
        self.triggers.armed.push(Armed { taker, terms, watch, is_set_off: false, may_act });
        self.look_at_hand(self.triggers.armed.len() - 1);
        self.set_off(now, out);
    }

    /// Lets those act that have been set off; returns whether one did.
    pub(super) fn set_off(&mut self, now: i64, out: &mut Vec<(AccountId, Update)>) -> bool {
        let (mut at, mut acted) = (0, false);
        if !std::mem::take(&mut self.triggers.has_set_off) {
            return acted;
        }
        while let Some(&order) = self.triggers.armed.get(at) {
            if !order.is_set_off {
                at += 1;
                continue;
            }
            if !self.can_act() {
                // Nobody knows what it would meet.
                self.triggers.has_set_off = true;
                return acted;
            }
            if !order.may_act {
                (self.triggers.has_set_off, at) = (true, at + 1);
                continue;
            }
            self.triggers.armed.remove(at);
            self.act(order, now, out);
            acted = true;
        }
        acted
    }

    fn can_act(&self) -> bool {
        !self.basis.has_book() || (self.book.is_synced() && !self.book.is_crossed())
    }

    /// Has orders that are set off be asked for before they act.
    pub(in crate::sim) fn ask_for_triggered(&mut self, which: AskedFor) {
        self.triggers.asks = which;
    }

    /// Whether one may be that has been set off and is to be asked for.
    #[inline]
    pub(in crate::sim) fn has_asking(&self) -> bool {
        self.triggers.asks != AskedFor::None && self.triggers.has_set_off
    }

    /// The next order that has been set off and is to be asked for: whose, which, and for how much at what limit.
    pub(in crate::sim) fn next_asking(&self) -> Option<(AccountId, OrderId, Side, i64, Option<i64>)> {
        if !self.has_asking() || !self.can_act() {
            return None;
        }
        let asking = self.triggers.armed.iter().find(|order| order.is_set_off && !order.may_act);
        asking.map(|Armed { taker: t, .. }| (t.account, t.id, t.side, t.qty - t.filled, t.limit))
    }

    /// Lets an order act that was asked for, or ends it.
    pub(in crate::sim) fn answer(
        &mut self,
        account: AccountId,
        id: OrderId,
        refused: Option<Reason>,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        let Some(at) = self.triggers.find(account, id) else { return };
        match refused {
            None => {
                (self.triggers.armed[at].may_act, self.triggers.has_set_off) = (true, true);
                while self.set_off(now, out) {}
                self.follow_fills(now, out);
            }
            Some(reason) => {
                self.triggers.remove(at);
                for kind in [ReportKind::Triggered, ReportKind::Expired(reason)] {
                    out.push((account, Update::on(id, now, kind)));
                }
            }
        }
        self.watch_again();
    }

    /// Lets an order act that has been set off, as a new one would.
    fn act(&mut self, order: Armed, now: i64, out: &mut Vec<(AccountId, Update)>) {
        let Armed { mut taker, terms, .. } = order;
        let Taker { id, account, side, pool, .. } = taker;
        let mut say = |kind| out.push((account, Update::on(id, now, kind)));
        say(ReportKind::Triggered);
        if terms.reduce_only {
            match self.reduces(account, side, taker.qty, None, true) {
                Ok(qty) if qty < taker.qty => {
                    taker.qty = qty;
                    say(ReportKind::Reduced { qty: Qty::new(qty) });
                }
                Ok(_) => {}
                Err(reason) => return say(ReportKind::Expired(reason)),
            }
        }
        let limit = match self.settle_price(side, taker.limit, (terms.post_only, terms.slides), pool, now) {
            Ok(limit) => limit,
            Err(reason) => return say(ReportKind::Expired(reason)),
        };
        if let Some(price) = limit.filter(|_| limit != taker.limit) {
            say(ReportKind::Repriced { price: Price::new(price) });
        }
        taker = Taker { limit, placed: Placed { sent: now, arrived: now }, ..taker };
        self.enter(taker, terms, now, out);
        if let Some(at) = self.prints.find(account, id) {
            self.prints.waiting[at].was_set_off = true;
        }
    }

    /// Gives an order that waits for its trigger other terms. Where the market is at its new trigger already, it acts.
    pub(super) fn replace_armed(
        &mut self,
        at: usize,
        terms: NewTerms,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        let Armed { taker, watch, .. } = self.triggers.armed[at];
        let mut say = |kind| out.push((taker.account, Update::on(taker.id, now, kind)));
        if let Some(reason) = self.refuses_terms(terms, 0, Some(watch.trigger), now) {
            return say(ReportKind::ReplaceRejected(reason));
        }
        say(ReportKind::Replaced(terms));
        let order = &mut self.triggers.armed[at];
        // What has no limit is valued at the price it came with.
        (order.taker.limit, order.taker.qty) = (taker.limit.map(|_| terms.price.steps()), terms.qty.steps());
        if let Some(to) = terms.trigger {
            order.watch.trigger = watch.trigger.moved(to);
            self.look_at_hand(at);
            self.set_off(now, out);
        }
    }

    /// Holds the price that is known against an order that waits.
    fn look_at_hand(&mut self, at: usize) {
        let best = self.book.best_bid().zip(self.book.best_ask());
        let print = self.last_print().filter(|_| !self.basis.has_book()).map(PriceRange::exactly);
        let price = self.triggers.armed[at].watch.at_hand(best, self.mid(), print);
        let order = &mut self.triggers.armed[at];
        order.is_set_off |= price.is_some_and(|price| order.watch.sees(price));
        self.triggers.has_set_off |= order.is_set_off;
    }

    /// Lets an order in, at its limit, to take, to rest or to wait for a print.
    pub(super) fn enter(&mut self, taker: Taker, terms: Terms, now: i64, out: &mut Vec<(AccountId, Update)>) {
        if self.basis.has_book() {
            self.meet(taker, terms, now, out);
        } else {
            self.place_print(Waiting { taker, terms, was_set_off: false }, now, out);
        }
    }
}
