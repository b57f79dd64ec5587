//! What accounts ask of a market: new orders, cancels, replacements.

use super::Market;
use super::matching::{Step, Taker};
use super::resting::{Placed, Resting};
use super::terms::Terms;
use crate::orders::{
    Command, NewTerms, OrderId, OrderRequest, Reason, ReportKind, TimeInForce, Trigger, check_moved,
    check_replace, check_request,
};
use crate::sim::queue::QueuePosition;
use crate::sim::rules::{Amend, AmendCrossing};
use crate::sim::update::Update;
use crate::types::{AccountId, Price, Qty, Side};

/// What a new order is let in as.
struct Admitted {
    limit: Option<i64>,
    qty: i64,
}

impl Market {
    /// Takes an account's command that arrives at `now`. What comes of it goes to `out`, with the account it is for.
    pub fn on_command(
        &mut self,
        account: AccountId,
        command: Command,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        self.on_sent_command(account, command, now, now, out);
    }

    /// The same of a command that was sent at `sent`: bars do not tell the time between.
    pub fn on_sent_command(
        &mut self,
        account: AccountId,
        command: Command,
        sent: i64,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        self.keep_lot(now);
        match command {
            Command::Submit { order, request } => self.submit(account, order, &request, sent, now, out),
            Command::Cancel { order, .. } => {
                let kind = match self.take_out(account, order) {
                    Some(_) => ReportKind::Cancelled,
                    None => ReportKind::CancelRejected(Reason::UnknownOrder),
                };
                out.push((account, Update::on(order, now, kind)));
            }
            Command::Replace { order, terms, .. } => {
                self.replace(account, order, terms, sent, now, out);
            }
        }
        // What orders traded with each other may set off others, and these others again.
        while self.set_off(now, out) {}
        self.follow_fills(now, out);
        self.watch_again();
    }

    /// Begins trading: orders are let in.
    pub fn list(&mut self) {
        self.is_listed = true;
    }

    /// Ends trading at `now`: what rests expires, in order of arrival, and no order is let in any more.
    pub fn delist(&mut self, now: i64, out: &mut Vec<(AccountId, Update)>) {
        self.is_listed = false;
        let expired = ReportKind::Expired(Reason::NotListed);
        for slot in self.orders.by_arrival() {
            let Resting { id, account, .. } = self.orders.remove(slot);
            out.push((account, Update::on(id, now, expired)));
        }
        out.extend(self.triggers.drain().map(|order| (order.account, Update::on(order.id, now, expired))));
        out.extend(self.prints.drain().map(|order| (order.account, Update::on(order.id, now, expired))));
        self.watch_again();
    }

    fn submit(
        &mut self,
        account: AccountId,
        id: OrderId,
        request: &OrderRequest,
        sent: i64,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        let mut say = |kind| out.push((account, Update::on(id, now, kind)));
        let (side, pool) = (request.side, self.pool(account));
        let Admitted { limit, qty } = match self.admit(account, id, request, pool, now) {
            Ok(admitted) => admitted,
            Err(reason) => return say(ReportKind::Rejected(reason)),
        };
        say(ReportKind::Accepted);
        if qty < request.qty.steps() {
            say(ReportKind::Reduced { qty: Qty::new(qty) });
        }
        if let (Some(limit), Some(asked)) = (limit, request.order_type.price())
            && limit != asked.steps()
        {
            out.push((account, Self::repriced(id, limit, now)));
        }
        let terms = Terms::new(request, self.rules, now);
        let placed = Placed { sent, arrived: now };
        let taker = Taker { id, account, pool, side, limit, qty, filled: 0, placed };
        match request.trigger {
            Some(trigger) => self.arm(taker, terms, trigger, now, out),
            None => self.enter(taker, terms, now, out),
        }
        self.note_expiry(account, id, &terms);
    }

    /// Lets an order that came in take what it meets, and rest or end.
    pub(super) fn meet(&mut self, taker: Taker, terms: Terms, now: i64, out: &mut Vec<(AccountId, Update)>) {
        let Taker { id, account, .. } = taker;
        let whole = terms.time_in_force == TimeInForce::Fok;
        let Some(left) = self.take(taker, whole, now, out) else { return };
        let expires = |reason| (account, Update::on(id, now, ReportKind::Expired(reason)));
        let Some(price) = left.limit else { return out.push(expires(Reason::NoLiquidity)) };
        if !terms.time_in_force.rests() {
            return out.push(expires(Reason::IocRemainder));
        }
        self.rest(left.resting(price, terms));
    }

    /// Lets an order take what it meets, if it must be `whole` all of it or nothing. Returns it as it is then, unless
    /// it has ended.
    fn take(
        &mut self,
        taker: Taker,
        whole: bool,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) -> Option<Taker> {
        let mut steps = std::mem::take(&mut self.steps);
        let qty = taker.qty - taker.filled;
        self.plan(taker.side, taker.limit, taker.pool, Some(taker.account), qty, &mut steps);
        let fills = steps.iter().map(|step| match step {
            Step::Displayed { qty, .. } | Step::Maker { qty, .. } => *qty,
            _ => 0,
        });
        if whole && fills.sum::<i64>() < qty {
            let kind = ReportKind::Expired(Reason::FokNotFillable);
            out.push((taker.account, Update::on(taker.id, now, kind)));
            self.steps = steps;
            return None;
        }
        let left = self.execute(taker, &steps, now, out);
        self.steps = steps;
        left.filter(|left| left.filled < left.qty)
    }

    /// Puts an order at the end of the queue of its price.
    pub(super) fn rest(&mut self, mut order: Resting) {
        let (side, key, pool) = (order.side, order.key(), order.pool);
        let shown = self.book.shown_at(side, order.price);
        order.tip = order.filled.saturating_add(order.terms.display);
        order.place = QueuePosition::UNKNOWN;
        (order.ahead_at_entry, order.ahead) = (f64::INFINITY, f64::INFINITY);
        let slot = self.orders.push(order);
        match shown {
            Some(displayed) => {
                self.join(slot, displayed);
                if self.pools[pool as usize].rule.queue.is_tracked() && displayed > 0 {
                    self.joined.push(slot);
                }
            }
            None => self.orders.set_unseen(side, key),
        }
    }

    /// What a new order is let in as, or why it is not.
    fn admit(
        &self,
        account: AccountId,
        id: OrderId,
        request: &OrderRequest,
        pool: u32,
        now: i64,
    ) -> Result<Admitted, Reason> {
        if !self.is_listed {
            return Err(Reason::NotListed);
        }
        if self.is_here(account, id) {
            return Err(Reason::InvalidTerms);
        }
        let reference = if self.basis.has_book() {
            self.book.best(request.side.opposite()).map(|level| level.price)
        } else {
            self.last_print()
        };
        match check_request(&self.instrument, &self.math, now, request, || reference.map(Price::new)) {
            Ok(None) => {}
            Ok(Some(reason)) => return Err(reason),
            Err(mistake) => return Err(mistake.reason()),
        }
        if let Some(trigger) = request.trigger {
            // What it meets is asked when it is set off.
            let (limit, qty) = (request.order_type.price().map(Price::steps), request.qty.steps());
            return self.refuses_trigger(trigger).map_or(Ok(Admitted { limit, qty }), Err);
        }
        if self.basis.has_book() && !self.book.is_synced() {
            return Err(Reason::BookNotSynced);
        }
        let (side, mut qty) = (request.side, request.qty.steps());
        if request.reduce_only {
            let takes = request.order_type.price().is_none();
            qty = self.reduces(account, side, qty, None, takes)?;
        }
        let limit = request.order_type.price().map(Price::steps);
        let limit = self.settle_price(side, limit, (request.post_only, request.slides), pool, now)?;
        Ok(Admitted { limit, qty })
    }

    /// The limit an order is let in at, or why it is not: it would take, and may not, or not now.
    pub(super) fn settle_price(
        &self,
        side: Side,
        limit: Option<i64>,
        (post_only, slides): (bool, bool),
        pool: u32,
        now: i64,
    ) -> Result<Option<i64>, Reason> {
        let has_book = self.basis.has_book();
        let takes = limit.is_none_or(|limit| {
            if has_book {
                self.best_met(side, limit, pool).is_some()
            } else {
                self.is_beyond_last(side, limit)
            }
        });
        if !takes {
            return Ok(limit);
        }
        if post_only {
            let slid = limit.filter(|_| slides).and_then(|limit| {
                if has_book { self.price_beside(side, limit, pool, now) } else { self.last_print() }
            });
            return slid.map(Some).ok_or(Reason::PostOnlyWouldCross);
        }
        if has_book && self.book.is_crossed() {
            return Err(Reason::BookCrossed);
        }
        Ok(limit)
    }

    /// Why an order cannot have other terms, whatever the market is.
    pub(super) fn refuses_terms(
        &self,
        terms: NewTerms,
        filled: i64,
        trigger: Option<Trigger>,
        now: i64,
    ) -> Option<Reason> {
        let (instrument, NewTerms { price, qty, trigger: to }) = (&self.instrument, terms);
        let checked = check_moved(instrument, now, trigger, to)
            .and_then(|_| check_replace(instrument, &self.math, now, price, qty, Qty::new(filled)));
        checked.unwrap_or_else(|mistake| Some(mistake.reason()))
    }

    /// A replacement keeps the queue place only when the price stays and the quantity shrinks. It is refused, and
    /// the order stays as it was, where a new order would be.
    fn replace(
        &mut self,
        account: AccountId,
        id: OrderId,
        terms: NewTerms,
        sent: i64,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        if let Some(at) = self.triggers.find(account, id) {
            return self.replace_armed(at, terms, now, out);
        }
        if !self.basis.has_book() {
            return self.replace_print(account, id, terms, sent, now, out);
        }
        let mut say = |kind| out.push((account, Update::on(id, now, kind)));
        let Some(slot) = self.orders.find(account, id) else {
            return say(ReportKind::ReplaceRejected(Reason::UnknownOrder));
        };
        let order = self.orders.get(slot);
        let (price, qty) = match self.new_terms(order, terms, now) {
            Ok(terms) => terms,
            Err(reason) => {
                say(ReportKind::ReplaceRejected(reason));
                return self.end_crossing(account, id, reason, now, out);
            }
        };
        if qty <= order.filled {
            self.orders.remove(slot);
            return say(ReportKind::Cancelled);
        }
        say(ReportKind::Replaced(NewTerms::new(Price::new(price), Qty::new(qty))));
        if self.keeps_place(order, price, qty) {
            self.orders.get_mut(slot).qty = qty;
            return;
        }
        let order = self.orders.remove(slot);
        let Resting { pool, side, filled, .. } = order;
        let placed = Placed { sent, arrived: now };
        let taker = Taker { id, account, pool, side, limit: Some(price), qty, filled, placed };
        if let Some(left) = self.take(taker, false, now, out) {
            self.rest(Resting { price, qty: left.qty, filled: left.filled, placed, ..order });
        }
    }

    /// After a refused replacement: ends the post-only order that would have taken, where the venue does.
    pub(super) fn end_crossing(
        &mut self,
        account: AccountId,
        id: OrderId,
        reason: Reason,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        let ends =
            self.rules.amend_crossing == AmendCrossing::Cancelled && reason == Reason::PostOnlyWouldCross;
        if ends && self.take_out(account, id).is_some() {
            out.push((account, Update::on(id, now, ReportKind::Expired(reason))));
        }
    }

    /// Whether a replacement leaves an order where it stands.
    fn keeps_place(&self, order: &Resting, price: i64, qty: i64) -> bool {
        self.rules.amend == Amend::KeepsPlace && price == order.price && qty <= order.qty
    }

    /// The price and quantity an order gets that asks for these, or why it does not.
    fn new_terms(&self, order: &Resting, asked: NewTerms, now: i64) -> Result<(i64, i64), Reason> {
        let Resting { account, side, filled, terms, .. } = *order;
        if let Some(reason) = self.refuses_terms(asked, filled, None, now) {
            return Err(reason);
        }
        let (price, qty) = (asked.price.steps(), asked.qty.steps());
        if qty <= filled {
            return Ok((price, qty));
        }
        let qty = if terms.reduce_only {
            filled + self.reduces(account, side, qty - filled, Some(order.id), false)?
        } else {
            qty
        };
        if self.keeps_place(order, price, qty) {
            return Ok((price, qty));
        }
        if !self.book.is_synced() {
            return Err(Reason::BookNotSynced);
        }
        let rests = (terms.post_only, terms.slides);
        let settled = self.settle_price(side, Some(price), rests, order.pool, now)?;
        Ok((settled.unwrap_or(price), qty))
    }
}
