//! What the terms of orders lead to, slowly: times that are over, positions that are reduced, icebergs.

use super::{Model, Out, Own};
use crate::orders::{OrderRequest, Reason, ReportKind, TimeInForce};
use crate::sim::update::Update;
use crate::types::{AccountId, Qty, Side};

impl Own {
    pub(super) fn leaves(&self) -> i64 {
        self.qty - self.filled
    }

    /// How much of it is displayed.
    pub(super) fn displays(&self) -> i64 {
        self.tip.min(self.qty) - self.filled
    }

    pub(super) fn with_terms(self, request: &OrderRequest) -> Self {
        Self {
            reduce_only: request.reduce_only,
            display: request.display_qty.map_or(i64::MAX, Qty::steps),
            expires_at: match request.time_in_force {
                TimeInForce::Gtd { expires_at } => Some(expires_at),
                _ => None,
            },
            ..self
        }
    }
}

impl Model {
    pub(super) fn reducible(&self, account: AccountId, side: Side) -> i64 {
        let position = self.positions.get(&account).copied().unwrap_or(0);
        if side == Side::Buy { (-position).max(0) } else { position.max(0) }
    }

    /// What an order of so much is cut to; `own` is the order itself.
    pub(super) fn cut(&self, account: AccountId, side: Side, qty: i64, own: u64) -> i64 {
        let others = self.orders.iter().filter(|o| o.reduce_only && (o.account, o.side) == (account, side));
        let working: i64 = others.filter(|o| o.id != own).map(Own::leaves).sum();
        qty.min(self.reducible(account, side) - working)
    }

    pub(super) fn fillable(&self, at: usize) -> i64 {
        let order = &self.orders[at];
        if order.reduce_only {
            order.leaves().min(self.reducible(order.account, order.side))
        } else {
            order.leaves()
        }
    }

    pub(super) fn count(&mut self, account: AccountId, side: Side, qty: i64) {
        *self.positions.entry(account).or_insert(0) += side.sign() * qty;
    }

    /// The best price at which an order takes nothing.
    pub(super) fn beside(&self, account: AccountId, side: Side) -> i64 {
        let pool = self.pool(account);
        let own = self.first_own(pool, side).map(|at| self.orders[at].price);
        let met = [own, self.best_free(pool, side)].into_iter().flatten();
        let best = if side == Side::Buy { met.min() } else { met.max() };
        best.unwrap() - side.sign()
    }

    pub(super) fn expire(&mut self, now: i64, out: &mut Out) {
        while let Some(at) = self
            .orders
            .iter()
            .enumerate()
            .filter(|(_, o)| o.expires_at.is_some_and(|at| at <= now))
            .min_by_key(|(_, o)| (o.expires_at, o.account, o.id))
            .map(|(at, _)| at)
        {
            let order = self.orders.remove(at);
            let kind = ReportKind::Expired(Reason::GtdReached);
            out.push((order.account, Update::on(order.id, now, kind)));
        }
    }

    /// After a message or a command.
    pub(super) fn follow_fills(&mut self, now: i64, out: &mut Out) {
        let mut left = self.positions.clone();
        let mut at = 0;
        while at < self.orders.len() {
            let order = &mut self.orders[at];
            if !order.reduce_only {
                at += 1;
                continue;
            }
            let position = left.entry(order.account).or_insert(0);
            let reducible = (*position * -order.side.sign()).max(0);
            let keeps = order.leaves().min(reducible);
            *position += order.side.sign() * keeps;
            if keeps == 0 {
                let kind = ReportKind::Expired(Reason::ReduceOnly);
                out.push((order.account, Update::on(order.id, now, kind)));
                self.orders.remove(at);
                continue;
            }
            if keeps < order.leaves() {
                order.qty = order.filled + keeps;
                let kind = ReportKind::Reduced { qty: Qty::new(order.qty) };
                out.push((order.account, Update::on(order.id, now, kind)));
            }
            at += 1;
        }
        for (account, id) in std::mem::take(&mut self.melted) {
            let gone = |o: &Own| (o.account, o.id) == (account, id) && o.displays() <= 0;
            if let Some(at) = self.orders.iter().position(gone) {
                let order = self.orders.remove(at);
                self.rest(order);
            }
        }
    }
}
