//! Orders that are shown in parts where their venue shows no part of an order at a time.
//!
//! The order stays here, whole: limits count it, and its strategy is told of it and of nothing else. What its venue gets
//! is one part after the other, as an iceberg of [`crate::exec`] sends them. What fills of a part fills of the order. New
//! terms are answered when the part that is there keeps to them, and a cancel when that part has ended. What a venue ends
//! of its own accord ends the order; a part that it refuses is sent again a few times, but for the first.

use super::core::Core;
use super::machine::{Kernel, KernelError};
use super::record::{Reconcile, RefusalRow};
use crate::exec::{Execution, ExecutionState};
use crate::orders::{
    Applied, NewTerms, Order, OrderError, OrderId, OrderKey, OrderRequest, OrderStatus, Pending, Reason,
    Report, ReportKind,
};
use crate::types::StrategyId;

impl Core {
    /// The order that another is a part of, while that is known.
    #[inline]
    pub(super) fn sliced_by(&self, part: OrderId) -> Option<OrderId> {
        if !self.holds.slices {
            return None;
        }
        let orders = self.desk.orders();
        orders.find(part)?.parent.filter(|parent| orders.find(*parent).is_some())
    }

    /// Begins to send parts of an order, where that is how it is sent.
    pub(super) fn start_slices(&mut self, id: OrderId) {
        let Some(order) = self.desk.orders().get(id).filter(|order| order.is_sliced) else { return };
        let (Some(price), Some(display)) = (order.intended().0, order.display_qty) else { return };
        self.executions.last += 1;
        let number = self.executions.last;
        self.executions.open.push(Execution::of_order(number, order, display, price, self.now));
        self.holds.slices = true;
        self.work(number);
    }

    /// Sends what an execution asks for: an order of its own, or a part of the order that it slices.
    pub(super) fn submit_child(
        &mut self,
        strategy: StrategyId,
        parent: Option<OrderId>,
        request: OrderRequest,
    ) -> Result<OrderId, OrderError> {
        let whole = parent.and_then(|parent| self.desk.orders().get(parent));
        let Some(whole) = whole else { return self.submit(strategy, request) };
        let (id, slides, time_in_force) = (whole.id, whole.slides, whole.time_in_force);
        let request = OrderRequest { time_in_force, slides, ..request };
        let reducible = self.reducible(strategy, request.market, request.side);
        let (desk, sender, around, journal) = self.at_desk(strategy);
        desk.submit_part(sender, around, (id, &request), reducible, journal)
    }

    /// An order that is sliced was asked to get new terms: they hold for its parts at once.
    pub(super) fn replace_sliced(&mut self, id: OrderId) {
        let Some(Pending::Replace(terms)) = self.desk.orders().get(id).map(Order::pending) else { return };
        let Some(execution) = self.executions.of_parent(id) else { return };
        execution.set_terms(terms);
        let number = execution.id;
        self.work(number);
    }

    /// Cancels an order that is sliced, which ends with its part; `false` when that was asked before.
    pub(super) fn cancel_sliced(&mut self, id: OrderId, reason: Option<Reason>) -> bool {
        let Some(order) = self.desk.orders_mut().get_mut(id).filter(|order| order.is_changeable()) else {
            return false;
        };
        order.cancel_sent(reason);
        if let Some(execution) = self.executions.of_parent(id) {
            execution.cancel();
            let number = execution.id;
            self.work(number);
        }
        true
    }

    /// After something was done for an order that is sliced: tells its strategy what that has come to.
    pub(super) fn answer_sliced(&mut self, id: OrderId, at: usize) {
        let execution = &self.executions.open[at];
        let child = execution.child().and_then(|child| self.desk.orders().get(child));
        let is_agreed = execution.agrees(child);
        let (state, reason) = (execution.state, execution.reason);
        let Some(order) = self.desk.orders_mut().get_mut(id) else { return };
        let ends = match (state, order.pending()) {
            (ExecutionState::Filled, Pending::Replace(terms)) => return self.tell_replaced(id, terms),
            (ExecutionState::Working, Pending::Replace(terms)) if is_agreed => {
                return self.tell_replaced(id, terms);
            }
            (ExecutionState::Working | ExecutionState::Cancelling, _) => return,
            // Cancelled after it was asked to be no larger than what has filled.
            (ExecutionState::Filled, _) => ReportKind::Cancelled,
            (ExecutionState::Cancelled, pending) => {
                if pending != Pending::Cancel {
                    order.cancel_sent(reason);
                }
                ReportKind::Cancelled
            }
            (ExecutionState::Expired | ExecutionState::Failed, _) => {
                let reason = reason.unwrap_or(Reason::Venue);
                let is_new = order.status() == OrderStatus::PendingNew;
                if is_new { ReportKind::Rejected(reason) } else { ReportKind::Expired(reason) }
            }
        };
        let now = self.now;
        self.desk.reports().push_back(Report::on(id, now, ends));
    }

    /// Answers all requests for new terms, but for those whose answers wait to be told.
    fn tell_replaced(&mut self, id: OrderId, terms: NewTerms) {
        let Some(order) = self.desk.orders().get(id) else { return };
        let (asked, terms) =
            (order.replaces_in_flight as usize, NewTerms { qty: terms.qty.max(order.filled), ..terms });
        let (now, reports) = (self.now, self.desk.reports());
        let is_answer = |report: &&Report| {
            report.order == OrderKey::Id(id) && matches!(report.kind, ReportKind::Replaced(_))
        };
        let answered = reports.iter().filter(is_answer).count();
        for _ in answered..asked {
            reports.push_back(Report::on(id, now, ReportKind::Replaced(terms)));
        }
    }

    /// Whether no part of an order was accepted yet.
    fn is_new(&self, id: OrderId) -> bool {
        self.desk.orders().get(id).is_some_and(|order| order.status() == OrderStatus::PendingNew)
    }

    /// What a strategy is told of an order after a report on its part changed that.
    fn told_of_part(&self, parent: OrderId, applied: Applied, kind: ReportKind) -> Option<ReportKind> {
        match kind {
            ReportKind::Fill { .. } => Some(kind).filter(|_| applied == Applied::Fill),
            ReportKind::Accepted => Some(kind).filter(|_| applied == Applied::Order && self.is_new(parent)),
            _ => None,
        }
    }

    /// New terms with which there is more of an order, where its next fill would end it by the old ones.
    fn outgrown(&self, parent: OrderId, kind: ReportKind) -> Option<NewTerms> {
        let order = self.desk.orders().get(parent)?;
        let (Pending::Replace(terms), ReportKind::Fill { qty, .. }) = (order.pending(), kind) else {
            return None;
        };
        let filled = order.filled + qty;
        (filled >= order.qty && filled < terms.qty).then_some(terms)
    }
}

impl Kernel {
    /// Takes a venue's report on a part of an order.
    #[cold]
    pub(super) fn on_part_report(
        &mut self,
        part: OrderId,
        parent: OrderId,
        report: &Report,
    ) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        let now = core.now;
        let detail = core.desk.take_detail(part);
        let Some(order) = core.desk.orders_mut().find_mut(part) else { return Ok(()) };
        let (applied, mismatch) = order.apply(report, now);
        let (strategy, market) = (order.strategy, order.market);
        if let Some(mismatch) = mismatch {
            core.note(Reconcile { ts: now, order: report.order.clone(), mismatch: Some(mismatch) });
        }
        if let Some(key) = &report.venue_id {
            core.desk.orders_mut().note_venue_id(part, key);
        }
        if let Some(row) = detail.map(|row| RefusalRow { order: parent, ..row }) {
            // The refusal of the first part is that of the order.
            if core.is_new(parent) { core.desk.keep_detail(row) } else { core.record.refusals.push(row) }
        }
        if applied == Applied::Order {
            core.limits_told(market, strategy, report.kind);
        }
        let mut heard = Ok(());
        if let Some(kind) = core.told_of_part(parent, applied, report.kind) {
            if let (ReportKind::Fill { price, qty, .. }, Some(execution)) =
                (kind, core.executions.of_parent(parent))
            {
                execution.filled_by(price, qty);
            }
            if let Some(terms) = core.outgrown(parent, kind) {
                let grown = Report::on(parent, report.ts_event, ReportKind::Replaced(terms));
                heard = self.take_report(Some(parent), &grown);
            }
            let order = OrderKey::Id(parent);
            let told = Report { order, venue_id: None, cumulative: None, ..report.clone() };
            heard = heard.and(self.take_report(Some(parent), &told));
        }
        self.part_ended(part, parent);
        heard
    }

    /// After a report on a part: the order goes on.
    fn part_ended(&mut self, part: OrderId, parent: OrderId) {
        let core = self.ctx.core_mut();
        let now = core.now;
        let is_new = core.is_new(parent);
        let ended = core.desk.orders().find(part).filter(|order| order.is_closed());
        let number = core.executions.of_parent(parent).map(|execution| {
            if let Some(order) = ended {
                execution.child_ended(order, now);
                if let (true, OrderStatus::Rejected, Some(reason)) = (is_new, order.status(), order.reason) {
                    execution.fail(reason, now);
                }
            }
            execution.id
        });
        self.retire(part);
        if let Some(number) = number {
            self.ctx.core_mut().work(number);
        }
    }
}
