//! What venues report: what comes of orders, and money that they move.

use super::machine::{Kernel, KernelError};
use super::record::Reconcile;
use crate::ledger::Payment;
use crate::orders::{Applied, OrderId, Reason, Report, ReportKind};
use crate::types::{AccountId, StrategyId};

impl Kernel {
    /// Takes a venue's report: order, position and record are up to date before anybody hears of it.
    pub(super) fn on_report(&mut self, report: &Report) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        let now = core.now;
        core.journal.report(now, report);
        let known = core.desk.orders().resolve(&report.order, &core.session);
        match known.and_then(|id| core.sliced_by(id).map(|parent| (id, parent))) {
            Some((part, parent)) => self.on_part_report(part, parent, report),
            None => self.take_report(known, report),
        }
    }

    /// Takes what a report says of one of our orders, if it is one.
    pub(super) fn take_report(&mut self, known: Option<OrderId>, report: &Report) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        let now = core.now;
        let is_ours = matches!(
            report.kind,
            ReportKind::Rejected(Reason::Risk) | ReportKind::ReplaceRejected(Reason::Risk)
        );
        let refused = known.filter(|_| is_ours).and_then(|id| core.desk.take_detail(id));
        core.record.refusals.extend(refused.clone());
        let orders = core.desk.orders_mut();
        let Some(order) = known.and_then(|id| orders.find_mut(id)) else {
            // A refused cancel or replacement may come back long after the order has ended.
            let refused =
                matches!(report.kind, ReportKind::CancelRejected(_) | ReportKind::ReplaceRejected(_));
            if !(refused && known.is_some_and(|id| id <= orders.last_id())) {
                let order = report.order.clone();
                core.note(Reconcile { ts: now, order, mismatch: None });
            }
            return Ok(());
        };
        let (applied, mismatch) = order.apply(report, now);
        let (id, strategy, on) = (order.id, order.strategy, order.market);
        let is_first = matches!(report.kind, ReportKind::Fill { qty, .. } if qty == order.filled);
        let market = &core.markets[on.index()];
        let booked = match applied {
            Applied::Fill => core.accounts.book(order, report, market, now),
            Applied::Nothing | Applied::Order => Ok(None),
        };
        if let Ok(Some(fill)) = &booked {
            core.accounts.check(strategy, fill.market, &market.math).map_err(KernelError::Unbalanced)?;
        }
        let uncounted = booked.as_ref().err().map(|error| error.of(&market.instrument).to_string());
        if let Some(mismatch) = mismatch {
            core.note(Reconcile { ts: now, order: report.order.clone(), mismatch: Some(mismatch) });
        }
        if let Some(key) = &report.venue_id {
            core.desk.orders_mut().note_venue_id(id, key);
        }
        if let Some(problem) = uncounted {
            self.retire(id);
            return self.failed(strategy, problem);
        }
        if core.events.is_some() {
            let fill = booked.as_ref().ok().and_then(Option::as_ref);
            core.tell_report(id, applied, report.kind, fill, refused.as_ref().map(|row| &row.breaches));
        }
        match &booked {
            Ok(Some(fill)) => {
                core.limits_filled(fill, is_first);
                core.position_changed(strategy, on, Some((id, fill.qty.steps())));
            }
            _ if applied != Applied::Nothing => core.limits_told(on, strategy, report.kind),
            _ => {}
        }
        let interest = self.runners[strategy.index()].interest;
        let (is_executed, group) = (core.has_execution(id), core.groups.of_order(id));
        if let Ok(Some(fill)) = &booked {
            if is_executed {
                core.execution_filled(id, fill.price, fill.qty);
            }
            if group.is_some() {
                core.group_filled(id, fill.side, fill.qty);
            }
        }
        if let Ok(Some(fill)) = booked {
            core.record.filled(fill);
            if interest.fill
                && let Some(fill) = core.record.fills.last().cloned()
            {
                self.call(strategy, |s, ctx| s.on_fill(ctx, &fill))?;
            }
        }
        let mut told = Ok(());
        if interest.order
            && applied != Applied::Nothing
            && let Some(order) = self.ctx.core().desk.orders().find(id).cloned()
        {
            self.ctx.core_mut().refused = refused;
            told = self.call(strategy, |s, ctx| s.on_order(ctx, &order));
            self.ctx.core_mut().refused = None;
        }
        self.retire(id);
        let core = self.ctx.core_mut();
        core.follow_report(strategy, on);
        told?;
        if let Some(group) = group {
            self.on_group_report(id, group);
        }
        if is_executed { self.on_execution_report(id) } else { Ok(()) }
    }

    /// Takes money that a venue moved: positions and record are up to date before anybody hears of it.
    pub(super) fn on_payment(&mut self, payment: &Payment) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        core.journal.payment(core.now, payment);
        let on_account =
            |(at, account): (usize, &AccountId)| (*account == payment.account).then_some(StrategyId::new(at));
        let strategies: Vec<_> = core.trades_on.iter().enumerate().filter_map(on_account).collect();
        let mut rows = Vec::new();
        let market = &core.markets[payment.market.index()];
        let booked = core.accounts.pay(payment, &strategies, &market.math, core.now, &mut rows);
        core.record.payments.extend(&rows);
        for row in &rows {
            core.tell_payment(row);
        }
        core.mark(payment.market, true);
        for row in &rows {
            core.position_changed(row.strategy, payment.market, None);
        }
        let market = &core.markets[payment.market.index()];
        for row in &rows {
            let checked = core.accounts.check(row.strategy, payment.market, &market.math);
            checked.map_err(KernelError::Unbalanced)?;
        }
        let failed =
            booked.map_err(|(strategy, error)| (strategy, error.of(&market.instrument).to_string())).err();
        for row in rows {
            if self.runners[row.strategy.index()].interest.payment {
                self.call(row.strategy, |s, ctx| s.on_payment(ctx, &row))?;
            }
        }
        failed.map_or(Ok(()), |(strategy, problem)| self.failed(strategy, problem))
    }

    /// Moves an order that has ended out of the open ones.
    pub(super) fn retire(&mut self, id: OrderId) {
        let core = self.ctx.core_mut();
        if let Some(order) = core.desk.orders_mut().retire(id) {
            core.record.ended(order);
        }
    }
}
