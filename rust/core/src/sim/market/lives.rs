//! What the terms of orders lead to while they are here: orders that end by time, that only reduce a
//! position, that display a part of themselves, and post-only ones that are given another price.
//!
//! * An order that is good till a time or for the day ends at that time, without a message.
//! * A reduce-only order may fill up to the account's position here, less what its other reduce-only orders of the side
//!   may still fill. One at the market, and one that is set off, comes before those: it may fill all of the position.
//!   Where the position becomes smaller, the newest of them lose first.
//! * An iceberg stands in the queue with what it displays. A trade at its price, and a taker, meet that first, the rest
//!   behind all that is displayed at the price; a trade through the price, and an other side that reaches it, meet all of
//!   it. When what is displayed is gone, more is, at the end of the queue.

use super::Market;
use super::matching::{Step, Taker};
use super::resting::{Resting, Slot};
use super::terms::{NEVER, Terms};
use crate::orders::{OrderId, Reason, ReportKind};
use crate::sim::rules::ReduceOnly;
use crate::sim::update::Update;
use crate::types::{AccountId, Price, Qty, Side};

impl Market {
    /// The next time at which an order may end by its own terms, ns.
    pub fn next_expiry(&self) -> Option<i64> {
        self.expiries.0.first().map(|(at, ..)| *at)
    }

    /// An order that was let in ends by its own terms, if it says so.
    pub(super) fn note_expiry(&mut self, account: AccountId, id: OrderId, terms: &Terms) {
        if terms.expires == NEVER {
            return;
        }
        self.expiries.0.insert((terms.expires, account, id));
        // Those of orders that are gone go when they are more than the others.
        if self.expiries.0.len() > 2 * self.resting() + 64 {
            let mut expiries = std::mem::take(&mut self.expiries);
            expiries.0.retain(|(at, account, id)| self.expires(*account, *id) == Some(*at));
            self.expiries = expiries;
        }
    }

    /// When an order ends by its own terms, if it is here.
    fn expires(&self, account: AccountId, id: OrderId) -> Option<i64> {
        let rests = self.orders.find(account, id).map(|slot| self.orders.get(slot).terms.expires);
        rests
            .or_else(|| self.prints.find(account, id).map(|at| self.prints.waiting[at].terms.expires))
            .or_else(|| self.triggers.find(account, id).map(|at| self.triggers.get(at).terms.expires))
    }

    /// Whether an account has an order of that number here.
    pub(super) fn is_here(&self, account: AccountId, id: OrderId) -> bool {
        self.expires(account, id).is_some()
    }

    /// Ends the orders whose time is over at `now`, the earliest first.
    pub fn expire(&mut self, now: i64, out: &mut Vec<(AccountId, Update)>) {
        while let Some((at, account, id)) = self.expiries.0.first().copied().filter(|(at, ..)| *at <= now) {
            self.expiries.0.pop_first();
            if self.expires(account, id) == Some(at)
                && let Some(terms) = self.take_out(account, id)
            {
                out.push((account, Update::on(id, now, ReportKind::Expired(terms.over()))));
            }
        }
        self.watch_again();
    }

    /// Takes an order out, wherever it is.
    pub(super) fn take_out(&mut self, account: AccountId, id: OrderId) -> Option<Terms> {
        if let Some(slot) = self.orders.find(account, id) {
            return Some(self.orders.remove(slot).terms);
        }
        if let Some(at) = self.prints.find(account, id) {
            return Some(self.prints.remove(at).terms);
        }
        self.triggers.find(account, id).map(|at| self.triggers.remove(at).terms)
    }

    /// An account has bought or sold so much.
    pub(super) fn count(&mut self, account: AccountId, side: Side, qty: i64) {
        let at = account.index();
        if at >= self.positions.len() {
            self.positions.resize(at + 1, 0);
        }
        self.positions[at] = self.positions[at].saturating_add(side.sign() * qty);
        self.has_filled = true;
    }

    /// An account brings a position with it.
    pub(in crate::sim) fn take_over(&mut self, account: AccountId, qty: i64) {
        let side = if qty < 0 { Side::Sell } else { Side::Buy };
        self.count(account, side, qty.saturating_abs());
    }

    /// The venue has closed so much of an account's position, signed as it was held.
    pub(in crate::sim) fn close_position(&mut self, account: AccountId, part: i64) {
        if let Some(position) = self.positions.get_mut(account.index()) {
            *position = position.saturating_sub(part);
        }
    }

    /// What an account has bought here less what it has sold, in quantity increments.
    pub(in crate::sim) fn position(&self, account: AccountId) -> i64 {
        self.positions.get(account.index()).copied().unwrap_or(0)
    }

    /// Who holds something here, and how much.
    pub(in crate::sim) fn held(&self) -> impl Iterator<Item = (AccountId, i64)> + '_ {
        let all = self.positions.iter().enumerate().map(|(at, qty)| (AccountId::new(at), *qty));
        all.filter(|(_, qty)| *qty != 0)
    }

    /// How much of an account's position an order of a side can take back.
    pub(super) fn reducible(&self, account: AccountId, side: Side) -> i64 {
        self.position(account).saturating_mul(-side.sign()).max(0)
    }

    /// How much a reduce-only order that wants so much may fill, or why it may not be let in; `own` is the order itself,
    /// which `comes_first` where no order that rests takes a part of the position from it.
    pub(super) fn reduces(
        &self,
        account: AccountId,
        side: Side,
        qty: i64,
        own: Option<OrderId>,
        comes_first: bool,
    ) -> Result<i64, Reason> {
        let counts = |of: AccountId, order: Side, id: OrderId, terms: &Terms| {
            terms.reduce_only && (of, order) == (account, side) && Some(id) != own
        };
        let resting = self.orders.all().iter().map(|slot| self.orders.get(*slot));
        let rests = resting.filter(|o| counts(o.account, o.side, o.id, &o.terms)).map(Resting::leaves);
        let waiting = self.prints.waiting.iter().filter(|o| {
            let Taker { account, side, id, .. } = o.taker;
            counts(account, side, id, &o.terms)
        });
        let waits = waiting.map(|o| o.taker.qty - o.taker.filled);
        let taken = if comes_first { 0 } else { rests.chain(waits).sum::<i64>() };
        let free = self.reducible(account, side) - taken;
        match self.rules.reduce_only {
            _ if free <= 0 => Err(Reason::ReduceOnly),
            ReduceOnly::Unsupported => Err(Reason::Unsupported),
            ReduceOnly::Refused if qty > free => Err(Reason::ReduceOnly),
            ReduceOnly::Refused | ReduceOnly::Shrinks => Ok(qty.min(free)),
        }
    }

    /// How much of a taker's order that waits for a print may still fill.
    pub(super) fn taker_leaves(&self, taker: &Taker, terms: &Terms) -> i64 {
        let leaves = taker.qty - taker.filled;
        if terms.reduce_only { leaves.min(self.reducible(taker.account, taker.side)) } else { leaves }
    }

    /// How much of an order may fill now.
    pub(super) fn fillable(&self, slot: Slot) -> i64 {
        let order = self.orders.get(slot);
        if order.terms.reduce_only {
            order.leaves().min(self.reducible(order.account, order.side))
        } else {
            order.leaves()
        }
    }

    /// How much of an order may fill where what it displays is met.
    pub(super) fn fillable_shown(&self, slot: Slot) -> i64 {
        self.fillable(slot).min(self.orders.get(slot).shown())
    }

    /// How much of an order may fill after the steps of a plan.
    pub(super) fn fillable_after(&self, slot: Slot, steps: &[Step]) -> i64 {
        let order = self.orders.get(slot);
        let (mut filled, mut of_account) = (0, 0);
        for step in steps {
            if let Step::Maker { slot: other, qty } = *step {
                filled += if other == slot { qty } else { 0 };
                of_account += if self.orders.get(other).account == order.account { qty } else { 0 };
            }
        }
        let leaves = order.leaves() - filled;
        if order.terms.reduce_only {
            leaves.min(self.reducible(order.account, order.side) - of_account).max(0)
        } else {
            leaves
        }
    }

    /// The best price at which an order of a side takes nothing; `None` where there is no such price.
    pub(super) fn price_beside(&self, side: Side, limit: i64, pool: u32, now: i64) -> Option<i64> {
        let met = self.best_met(side, limit, pool)?;
        let tick = self.instrument.terms_at(now).tick_size;
        let price = match side {
            Side::Buy => (met - 1).div_euclid(tick) * tick,
            Side::Sell => (met + 1 + tick - 1).div_euclid(tick) * tick,
        };
        (price > 0).then_some(price)
    }

    /// After fills: what the terms of orders make of it.
    pub(super) fn follow_fills(&mut self, now: i64, out: &mut Vec<(AccountId, Update)>) {
        if std::mem::take(&mut self.has_filled) {
            if self.orders.has_reduce_only() {
                self.trim_reduce_only(now, out);
            }
            for (account, id) in std::mem::take(&mut self.melted) {
                if let Some(slot) =
                    self.orders.find(account, id).filter(|at| self.orders.get(*at).shown() <= 0)
                {
                    let order = self.orders.remove(slot);
                    self.rest(order);
                }
            }
        }
    }

    /// Makes reduce-only orders no larger than the positions they reduce; those that came last lose first.
    fn trim_reduce_only(&mut self, now: i64, out: &mut Vec<(AccountId, Update)>) {
        let mut left: Vec<((AccountId, Side), i64)> = Vec::new();
        for slot in self.orders.by_arrival() {
            let Resting { account, side, id, filled, terms, .. } = *self.orders.get(slot);
            if !terms.reduce_only {
                continue;
            }
            let at = left.iter().position(|(of, _)| *of == (account, side)).unwrap_or_else(|| {
                left.push(((account, side), self.reducible(account, side)));
                left.len() - 1
            });
            let leaves = self.orders.get(slot).leaves();
            let keeps = leaves.min(left[at].1);
            left[at].1 -= keeps;
            if keeps == 0 {
                self.orders.remove(slot);
                out.push((account, Update::on(id, now, ReportKind::Expired(Reason::ReduceOnly))));
            } else if keeps < leaves {
                self.orders.get_mut(slot).qty = filled + keeps;
                let qty = Qty::new(filled + keeps);
                out.push((account, Update::on(id, now, ReportKind::Reduced { qty })));
            }
        }
    }

    /// Says that a post-only order was given another price.
    pub(super) fn repriced(id: OrderId, price: i64, now: i64) -> Update {
        Update::on(id, now, ReportKind::Repriced { price: Price::new(price) })
    }
}
