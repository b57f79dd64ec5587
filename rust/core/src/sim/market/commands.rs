//! What accounts ask of a market: new orders, cancels, replacements.

use super::Market;
use super::matching::{Step, Taker};
use super::resting::{Placed, Resting};
use super::waiting::Waiting;
use crate::orders::{
    Command, OrderId, OrderRequest, OrderType, Reason, ReportKind, TimeInForce, check_replace, check_request,
};
use crate::sim::queue::QueuePosition;
use crate::sim::update::Update;
use crate::types::{AccountId, Price, Qty, Side};

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
                let kind = if let Some(slot) = self.orders.find(account, order) {
                    self.orders.remove(slot);
                    ReportKind::Cancelled
                } else if let Some(at) = self.prints.find(account, order) {
                    self.prints.remove(at);
                    ReportKind::Cancelled
                } else {
                    ReportKind::CancelRejected(Reason::UnknownOrder)
                };
                out.push((account, Update::on(order, now, kind)));
            }
            Command::Replace { order, price, qty, .. } => {
                self.replace(account, order, (price.steps(), qty.steps()), sent, now, out);
            }
        }
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
        let limit = request.order_type.price().map(Price::steps);
        if let Some(reason) = self.refuses(account, id, request, pool, now) {
            say(ReportKind::Rejected(reason));
            return;
        }
        say(ReportKind::Accepted);
        let placed = Placed { sent, arrived: now };
        let taker = Taker { id, account, pool, side, limit, qty: request.qty.steps(), filled: 0, placed };
        if !self.basis.has_book() {
            return self.place_print(Waiting::new(taker, request), now, out);
        }
        let whole = request.time_in_force == TimeInForce::Fok;
        let Some(left) = self.take(taker, whole, now, out) else { return };
        let expires = |reason| (account, Update::on(id, now, ReportKind::Expired(reason)));
        let price = match (request.order_type, request.time_in_force) {
            (OrderType::Market, _) => {
                out.push(expires(Reason::NoLiquidity));
                return;
            }
            (OrderType::Limit { .. }, TimeInForce::Ioc | TimeInForce::Fok) => {
                out.push(expires(Reason::IocRemainder));
                return;
            }
            (OrderType::Limit { price }, TimeInForce::Gtc) => price,
        };
        self.rest(Resting {
            id,
            account,
            pool,
            side,
            price: price.steps(),
            qty: left.qty,
            filled: left.filled,
            post_only: request.post_only,
            place: QueuePosition::UNKNOWN,
            displayed: 0,
            placed,
            ahead_at_entry: f64::INFINITY,
            ahead: f64::INFINITY,
            joined_at: i64::MIN,
            shrunk_at: i64::MIN,
        });
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
    fn rest(&mut self, mut order: Resting) {
        let (side, key) = (order.side, order.key());
        let shown = self.book.shown_at(side, order.price);
        order.place = QueuePosition::UNKNOWN;
        (order.ahead_at_entry, order.ahead) = (f64::INFINITY, f64::INFINITY);
        let slot = self.orders.push(order);
        match shown {
            Some(displayed) => {
                self.join(slot, displayed);
                if self.queue.is_tracked() && displayed > 0 {
                    self.joined.push(slot);
                }
            }
            None => self.orders.set_unseen(side, key),
        }
    }

    /// Why a new order is not let in.
    fn refuses(
        &self,
        account: AccountId,
        id: OrderId,
        request: &OrderRequest,
        pool: u32,
        now: i64,
    ) -> Option<Reason> {
        if !self.is_listed {
            return Some(Reason::NotListed);
        }
        if self.orders.find(account, id).is_some() || self.prints.find(account, id).is_some() {
            return Some(Reason::InvalidTerms);
        }
        let reference = if self.basis.has_book() {
            self.book.best(request.side.opposite()).map(|level| level.price)
        } else {
            self.last_print()
        };
        match check_request(&self.instrument, &self.math, now, request, || reference.map(Price::new)) {
            Ok(None) => {}
            Ok(Some(reason)) => return Some(reason),
            Err(mistake) => return Some(mistake.reason()),
        }
        let limit = request.order_type.price().map(Price::steps);
        if !self.basis.has_book() {
            return self.refuses_print(request.side, limit, request.post_only);
        }
        if !self.book.is_synced() {
            return Some(Reason::BookNotSynced);
        }
        self.refuses_to_take(request.side, limit, request.post_only, pool)
    }

    /// Why an order that would take liquidity at once is not let in.
    fn refuses_to_take(&self, side: Side, limit: Option<i64>, post_only: bool, pool: u32) -> Option<Reason> {
        let takes = |limit| self.meets_displayed(side, limit, pool) || self.meets_own(side, limit, pool);
        if !limit.is_none_or(takes) {
            return None;
        }
        if post_only {
            return Some(Reason::PostOnlyWouldCross);
        }
        self.book.is_crossed().then_some(Reason::BookCrossed)
    }

    /// Why an order cannot have other terms, whatever the market is.
    pub(super) fn refuses_terms(&self, price: i64, qty: i64, filled: i64, now: i64) -> Option<Reason> {
        let (price, qty, filled) = (Price::new(price), Qty::new(qty), Qty::new(filled));
        let checked = check_replace(&self.instrument, &self.math, now, price, qty, filled);
        checked.unwrap_or_else(|mistake| Some(mistake.reason()))
    }

    /// A replacement keeps the queue place only when the price stays and the quantity shrinks. It is refused, and
    /// the order stays as it was, where a new order would be.
    fn replace(
        &mut self,
        account: AccountId,
        id: OrderId,
        (price, qty): (i64, i64),
        sent: i64,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        if !self.basis.has_book() {
            return self.replace_print(account, id, (price, qty), sent, now, out);
        }
        let mut say = |kind| out.push((account, Update::on(id, now, kind)));
        let Some(slot) = self.orders.find(account, id) else {
            say(ReportKind::ReplaceRejected(Reason::UnknownOrder));
            return;
        };
        let order = self.orders.get(slot).clone();
        if let Some(reason) = self.refuses_terms(price, qty, order.filled, now) {
            say(ReportKind::ReplaceRejected(reason));
            return;
        }
        if qty <= order.filled {
            self.orders.remove(slot);
            say(ReportKind::Cancelled);
            return;
        }
        let replaced = ReportKind::Replaced { price: Price::new(price), qty: Qty::new(qty) };
        if price == order.price && qty <= order.qty {
            self.orders.get_mut(slot).qty = qty;
            say(replaced);
            return;
        }
        let refusal = if self.book.is_synced() {
            self.refuses_to_take(order.side, Some(price), order.post_only, order.pool)
        } else {
            Some(Reason::BookNotSynced)
        };
        if let Some(reason) = refusal {
            say(ReportKind::ReplaceRejected(reason));
            return;
        }
        let order = self.orders.remove(slot);
        say(replaced);
        let Resting { pool, side, filled, .. } = order;
        let placed = Placed { sent, arrived: now };
        let taker = Taker { id, account, pool, side, limit: Some(price), qty, filled, placed };
        if let Some(left) = self.take(taker, false, now, out) {
            self.rest(Resting { price, qty: left.qty, filled: left.filled, placed, ..order });
        }
    }
}
