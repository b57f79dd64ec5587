//! What an order that takes liquidity meets: displayed levels and own orders, by price and by place in the queue.
//!
//! At one price stand, in order of arrival, the displayed quantity ahead of the first own order, that order, what is
//! displayed between it and the next one, and so on. What a taker meets is first planned, then done: a fill-or-kill
//! order needs to know before it trades.

use super::Market;
use super::fills::{maker_fill, reaches, taker_fill};
use super::matching::{SelfTrade, Step, Taker};
use super::resting::{Resting, Slot};
use crate::orders::{FillEvent, Reason, ReportKind};
use crate::sim::update::Update;
use crate::types::{AccountId, Level, Qty, Side};

impl Market {
    /// The worst price at which an account could take so much now, as far as anything is there for it; without a book the
    /// last price.
    pub fn price_to_take(&mut self, account: AccountId, side: Side, qty: i64) -> Option<i64> {
        let pool = self.pool(account);
        if !self.basis.has_book() {
            let passive = side.opposite();
            return self.last_print().map(|last| self.moved(passive, last, self.shift(passive, pool)));
        }
        let mut steps = std::mem::take(&mut self.steps);
        self.plan(side, None, pool, Some(account), qty, &mut steps);
        let worst = steps.iter().rev().find_map(|step| match *step {
            Step::Displayed { price, .. } => Some(price),
            Step::Maker { slot, .. } => Some(self.orders.get(slot).price),
            Step::Expire { .. } | Step::Decrement { .. } | Step::Stop => None,
        });
        self.steps = steps;
        worst
    }

    /// What a taker that looks for `qty` meets. Own orders stand in the way of an account's order only.
    pub(super) fn plan(
        &self,
        side: Side,
        limit: Option<i64>,
        pool: u32,
        account: Option<AccountId>,
        qty: i64,
        steps: &mut Vec<Step>,
    ) {
        steps.clear();
        let passive = side.opposite();
        let floor = limit.map_or(i64::MIN, |limit| limit * passive.sign());
        let mut left = qty;
        let shift = self.shift(passive, pool);
        let mut levels = self.book.iter(passive).peekable();
        let mut own = account.and_then(|_| self.orders.level_below(passive, i64::MAX));
        let mut hidden: Vec<Slot> = Vec::new();
        while left > 0 {
            let shown = levels.peek().map(|level| self.moved(passive, level.price, shift) * passive.sign());
            let Some(key) = shown.max(own.map(|(key, _)| key)).filter(|key| *key >= floor) else { break };
            let price = key * passive.sign();
            let nothing = Level { price, qty: 0 };
            let Level { price: level, qty: displayed } =
                levels.next_if(|_| shown == Some(key)).unwrap_or(nothing);
            let taken = self.taken.at(passive, level * passive.sign(), pool);
            // Of the level's first `upto`, whole lots that are still there.
            let lots = |upto: i64| (upto - taken).max(0) / self.lot * self.lot;
            let mut used = 0;
            let mut eat = |upto: i64, left: &mut i64, steps: &mut Vec<Step>| {
                let qty = (lots(upto.min(displayed)) - used).min(*left);
                if qty > 0 {
                    steps.push(Step::Displayed { level, price, displayed, qty });
                    used += qty;
                    *left -= qty;
                }
            };
            if let (Some(account), Some((_, mut slot))) = (account, own.filter(|(own, _)| *own == key)) {
                loop {
                    let order = self.orders.get(slot);
                    if order.pool == pool {
                        // A place that is not known has nothing shown ahead: the level is beyond what is shown.
                        eat(order.place.front as i64, &mut left, steps);
                        if left == 0 {
                            return;
                        }
                        let own_account = order.account == account;
                        let qty = if own_account {
                            order.leaves()
                        } else {
                            self.fillable_after(slot, steps).min(order.shown())
                        }
                        .min(left);
                        if qty == 0 {
                            // Nothing of its position is left to reduce.
                            match self.orders.behind(slot) {
                                Some(behind) => {
                                    slot = behind;
                                    continue;
                                }
                                None => break,
                            }
                        }
                        let (step, gone) = match self.self_trade {
                            _ if !own_account => (Step::Maker { slot, qty }, qty),
                            SelfTrade::CancelNewest => (Step::Stop, left),
                            SelfTrade::CancelOldest | SelfTrade::CancelBoth => (Step::Expire { slot }, 0),
                            SelfTrade::Decrement => (Step::Decrement { slot, qty }, qty),
                        };
                        if !own_account && order.shown() < order.leaves() {
                            hidden.push(slot);
                        }
                        steps.push(step);
                        left -= gone;
                        if own_account && self.self_trade == SelfTrade::CancelBoth {
                            steps.push(Step::Stop);
                            return;
                        }
                        if left == 0 {
                            return;
                        }
                    }
                    match self.orders.behind(slot) {
                        Some(behind) => slot = behind,
                        None => break,
                    }
                }
                own = self.orders.level_below(passive, key - 1);
            }
            eat(displayed, &mut left, steps);
            // What is not displayed stands behind all that is.
            for slot in hidden.drain(..) {
                let qty = self.fillable_after(slot, steps).min(left);
                if qty > 0 {
                    steps.push(Step::Maker { slot, qty });
                    left -= qty;
                }
            }
        }
    }

    /// Does what has been planned for a taker. Returns it as it is then, or nothing when a self-trade ended it.
    pub(super) fn execute(
        &mut self,
        mut taker: Taker,
        steps: &[Step],
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) -> Option<Taker> {
        let passive = taker.side.opposite();
        let say = |account, order, kind| (account, Update::on(order, now, kind));
        let expired = ReportKind::Expired(Reason::SelfTrade);
        for step in steps {
            match *step {
                Step::Displayed { level, price, displayed, qty } => {
                    self.taken.add(passive, level * passive.sign(), taker.pool, displayed, qty);
                    self.press(passive, taker.pool, qty);
                    taker.filled += qty;
                    self.count(taker.account, taker.side, qty);
                    out.push(taker_fill(&self.math, &taker, price, qty, now));
                }
                Step::Maker { slot, qty } => {
                    let price = self.orders.get(slot).price;
                    taker.filled += qty;
                    self.note_ahead(slot);
                    self.count(taker.account, taker.side, qty);
                    out.push(self.fill_resting(slot, qty, FillEvent::OwnOrder, now));
                    self.see_last(price, i64::MAX);
                    out.push(taker_fill(&self.math, &taker, price, qty, now));
                }
                Step::Expire { slot } => {
                    let order = self.orders.remove(slot);
                    out.push(say(order.account, order.id, expired));
                }
                Step::Decrement { slot, qty } => {
                    let order = self.orders.get_mut(slot);
                    order.qty -= qty;
                    let total = order.qty;
                    let (account, id, left) = (order.account, order.id, order.leaves());
                    if left == 0 {
                        self.orders.remove(slot);
                    }
                    let less = |qty, left| match left {
                        0 => expired,
                        _ => ReportKind::Reduced { qty: Qty::new(qty) },
                    };
                    out.push(say(account, id, less(total, left)));
                    taker.qty -= qty;
                    let left = taker.qty - taker.filled;
                    out.push(say(taker.account, taker.id, less(taker.qty, left)));
                    if left == 0 {
                        return None;
                    }
                }
                Step::Stop => {
                    out.push(say(taker.account, taker.id, expired));
                    return None;
                }
            }
        }
        Some(taker)
    }

    /// Fills so much of a resting order; it leaves when nothing is left of it.
    pub(super) fn fill_resting(
        &mut self,
        slot: Slot,
        qty: i64,
        event: FillEvent,
        now: i64,
    ) -> (AccountId, Update) {
        let order = self.orders.get_mut(slot);
        order.filled += qty;
        let Resting { account, side, id, .. } = *order;
        let fill = maker_fill(&self.math, order, qty, event, now);
        if order.leaves() == 0 {
            self.orders.remove(slot);
        } else if order.shown() <= 0 {
            self.melted.push((account, id));
        }
        self.count(account, side, qty);
        fill
    }

    /// Keeps what stands ahead of an order before something reaches it.
    #[inline]
    pub(super) fn note_ahead(&mut self, slot: Slot) {
        let order = self.orders.get_mut(slot);
        order.ahead = order.place.front;
    }

    /// The best price at which an order of `side` at `limit` would find something to take, displayed or of its pool.
    pub(super) fn best_met(&self, side: Side, limit: i64, pool: u32) -> Option<i64> {
        let sign = side.opposite().sign();
        let (displayed, own) = (self.best_displayed(side, limit, pool), self.best_own(side, limit, pool));
        let best = displayed.map(|price| price * sign).max(own.map(|price| price * sign));
        best.map(|key| key * sign)
    }

    /// The same of what is displayed.
    fn best_displayed(&self, side: Side, limit: i64, pool: u32) -> Option<i64> {
        let passive = side.opposite();
        let shift = self.shift(passive, pool);
        self.book
            .iter(passive)
            .map(|level| (level, self.moved(passive, level.price, shift)))
            .take_while(|(_, price)| reaches(side, limit, *price))
            .find(|(level, _)| {
                level.qty - self.taken.at(passive, level.price * passive.sign(), pool) >= self.lot
            })
            .map(|(_, price)| price)
    }

    /// The same of own orders of its pool.
    fn best_own(&self, side: Side, limit: i64, pool: u32) -> Option<i64> {
        let passive = side.opposite();
        let floor = limit * passive.sign();
        let mut at = self.orders.level_below(passive, i64::MAX);
        while let Some((key, first)) = at.filter(|(key, _)| *key >= floor) {
            let mut orders = std::iter::successors(Some(first), |slot| self.orders.behind(*slot));
            if orders.any(|slot| self.orders.get(slot).pool == pool) {
                return Some(key * passive.sign());
            }
            at = self.orders.level_below(passive, key - 1);
        }
        None
    }
}
