//! Where a session's events come about: what is told to whoever listens, if it wants that.

use std::sync::Arc;

use super::core::Core;
use super::events::{
    EventListener, Events, Halt, SessionEvent, SessionEventKind, SessionEventKinds, StopMove,
};
use super::machine::{Kernel, KernelError};
use super::record::{FillRow, PaymentRow, Reconcile, StopRow};
use super::signals::Answer;
use super::topics::Topics;
use super::view::Content;
use crate::book::BookState;
use crate::exec::Execution;
use crate::ledger::PaymentKind;
use crate::orders::{Applied, GroupId, OrderId, OrderStatus, ReportKind};
use crate::risk::{Breach, Trip};
use crate::types::{MarketId, Qty, StrategyId};

impl Core {
    /// Whether somebody wants to hear of a kind.
    #[inline]
    fn wants(&self, kind: SessionEventKind) -> bool {
        self.events.as_ref().is_some_and(|events| events.wanted.has(kind))
    }

    fn tell(&mut self, event: SessionEvent) {
        let now = self.now;
        if let Some(events) = &mut self.events {
            events.told.push((now, event));
        }
    }

    /// Whether markets are followed for whoever listens.
    #[inline]
    pub(super) fn events_follow(&self) -> bool {
        self.events.as_ref().is_some_and(|events| events.wanted.of_markets() != SessionEventKinds::default())
    }

    /// Grows with every change of [`Core::events_follow`].
    #[inline]
    pub(super) fn events_version(&self) -> u64 {
        self.events.as_ref().map_or(0, |events| events.version)
    }

    /// What of a message has to be read for whoever listens.
    #[inline]
    pub(super) fn event_topics(&self) -> Topics {
        if self.wants(SessionEventKind::TradePrinted) { Topics::TRADES } else { Topics::NONE }
    }

    /// Tells of a message of a market.
    pub(super) fn tell_message(&mut self, market: MarketId, content: &Content) {
        let touch = self.market(market).view.touch();
        if let Some(state) = content.new_state {
            self.tell_book_state(market, state, None);
        }
        if self.wants(SessionEventKind::TradePrinted) {
            for &trade in &content.trades {
                self.tell(SessionEvent::Trade { market, trade });
            }
        }
        if self.wants(SessionEventKind::StatPublished) {
            for &stat in &content.stats {
                self.tell(SessionEvent::Stat { market, stat });
            }
        }
        let moved = content.touch_moved || content.new_state.is_some();
        for (kind, is_so) in
            [(SessionEventKind::BookUpdated, content.book), (SessionEventKind::PriceUpdated, moved)]
        {
            if is_so && self.wants(kind) {
                self.tell(SessionEvent::Touch { kind, market, touch });
            }
        }
    }

    /// Tells that a book is in a new state, and why, where its feed says so.
    pub(super) fn tell_book_state(&mut self, market: MarketId, state: BookState, reason: Option<&Arc<str>>) {
        if self.wants(SessionEventKind::BookStateChanged) {
            self.tell(SessionEvent::BookState { market, state, reason: reason.cloned() });
        }
    }

    /// Tells of a signal.
    pub(super) fn tell_signal(&mut self, answer: &Answer) {
        if self.wants(SessionEventKind::SignalGenerated) {
            self.tell(SessionEvent::Signal(Box::new(answer.clone())));
        }
    }

    /// Tells of orders that went out since the last call.
    pub(super) fn tell_submitted(&mut self) {
        let last = self.desk.orders().last_id();
        let Some(events) = &mut self.events else { return };
        let first = std::mem::replace(&mut events.last_order, last) + 1;
        if !events.wanted.has(SessionEventKind::OrderSubmitted) {
            return;
        }
        for id in first..=last {
            if let Some(order) =
                self.desk.orders().find(id).filter(|order| !order.never_sent && order.parent.is_none())
            {
                let at = order.ts_submit;
                let order = Box::new(order.clone());
                let kind = SessionEventKind::OrderSubmitted;
                events.told.push((at, SessionEvent::Order { kind, order, breaches: Arc::default() }));
            }
        }
    }

    /// Tells what a report did to an order, and of the fill that was booked.
    pub(super) fn tell_report(
        &mut self,
        id: OrderId,
        applied: Applied,
        kind: ReportKind,
        fill: Option<&FillRow>,
        breaches: Option<&Arc<[Breach]>>,
    ) {
        if let Some(fill) = fill {
            self.tell_fill(fill);
        }
        let Some(kind) = order_event(kind).filter(|kind| applied == Applied::Order && self.wants(*kind))
        else {
            return;
        };
        if let Some(order) = self.desk.orders().find(id).cloned().map(Box::new) {
            self.tell(SessionEvent::Order { kind, order, breaches: breaches.cloned().unwrap_or_default() });
        }
    }

    fn tell_fill(&mut self, fill: &FillRow) {
        let (qty, before) = (fill.qty.steps(), fill.position_before());
        let is_against = before.signum() == -fill.side.sign();
        let closed = if is_against { qty.min(before.saturating_abs()) } else { 0 };
        let row = Arc::new(fill.clone());
        for (kind, qty) in [
            (SessionEventKind::OrderFilled, qty),
            (SessionEventKind::TradeClosed, closed),
            (SessionEventKind::TradeExecuted, qty - closed),
        ] {
            if qty > 0 && self.wants(kind) {
                self.tell(SessionEvent::Fill { kind, fill: Arc::clone(&row), qty: Qty::new(qty) });
            }
        }
    }

    /// Tells of money that a venue moved.
    pub(super) fn tell_payment(&mut self, row: &PaymentRow) {
        let closes = matches!(row.payment.kind, PaymentKind::Settlement | PaymentKind::Liquidation);
        let closes = closes && row.payment.qty != 0;
        for (kind, is_so) in
            [(SessionEventKind::PaymentBooked, true), (SessionEventKind::TradeClosed, closes)]
        {
            if is_so && self.wants(kind) {
                self.tell(SessionEvent::Payment { kind, row: *row });
            }
        }
    }

    /// Tells of an execution that has ended.
    pub(super) fn tell_execution(&mut self, execution: &Execution) {
        if self.wants(SessionEventKind::ExecutionEnded) {
            self.tell(SessionEvent::Execution(Box::new(execution.clone())));
        }
    }

    /// Tells of a stop of a position that has fired.
    pub(super) fn tell_stop(&mut self, row: &StopRow) {
        if self.wants(SessionEventKind::StopTriggered) {
            self.tell(SessionEvent::Stop(Box::new(row.clone())));
        }
    }

    /// Whether somebody wants to hear where stops of positions have moved.
    pub(super) fn wants_moves(&self) -> bool {
        self.wants(SessionEventKind::StopMoved)
    }

    /// Tells where a stop of a position has moved.
    pub(super) fn tell_move(&mut self, moved: StopMove) {
        self.tell(SessionEvent::StopMoved(Box::new(moved)));
    }

    /// Tells of an order of a group that was cancelled.
    pub(super) fn tell_leg(&mut self, order: OrderId) {
        let Some(order) = self.desk.orders().find(order) else { return };
        if order.status() == OrderStatus::Cancelled
            && let Some(of) = order.group
            && self.wants(SessionEventKind::GroupLegCancelled)
        {
            self.tell(SessionEvent::GroupLeg(Box::new(order.clone()), of));
        }
    }

    /// Tells of a group that has ended.
    pub(super) fn tell_group(&mut self, id: GroupId) {
        if self.wants(SessionEventKind::GroupEnded)
            && let Some(group) = self.groups.get_mut(id).map(|group| Box::new(group.clone()))
        {
            self.tell(SessionEvent::Group(group));
        }
    }

    /// Tells that a limit has stopped somebody, or that it goes on.
    pub(super) fn tell_trip(&mut self, trip: &Trip) {
        match trip.check {
            Some(_) => self.tell_halt(|| Halt::Trip(trip.clone())),
            None if self.wants(SessionEventKind::RiskResumed) => {
                self.tell(SessionEvent::Resumed(Some(trip.clone())));
            }
            None => {}
        }
    }

    /// Tells that trading has stopped.
    pub(super) fn tell_halt(&mut self, halt: impl FnOnce() -> Halt) {
        if self.wants(SessionEventKind::RiskHalt) {
            self.tell(SessionEvent::Halt(halt()));
        }
    }

    /// Tells that a person lets trading go on.
    pub(super) fn tell_resumed(&mut self) {
        if self.wants(SessionEventKind::RiskResumed) {
            self.tell(SessionEvent::Resumed(None));
        }
    }

    /// Tells that strategies were started or stopped.
    pub(super) fn tell_session(&mut self, kind: SessionEventKind) {
        if self.wants(kind) {
            self.tell(SessionEvent::Session(kind));
        }
    }

    /// Tells that a strategy has failed.
    pub(super) fn tell_failure(&mut self, strategy: StrategyId, problem: &str) {
        if self.wants(SessionEventKind::Error) {
            self.tell(SessionEvent::Failed { strategy, problem: problem.into() });
        }
    }

    /// Writes down what has to be reconciled, and tells of it.
    pub(super) fn note(&mut self, entry: Reconcile) {
        if self.wants(SessionEventKind::Error) {
            self.tell(SessionEvent::Mismatch(Box::new(entry.clone())));
        }
        self.record.note(entry);
    }
}

/// What is told of an order after a report that changed it.
fn order_event(kind: ReportKind) -> Option<SessionEventKind> {
    Some(match kind {
        ReportKind::Accepted => SessionEventKind::OrderAccepted,
        ReportKind::Rejected(_) => SessionEventKind::OrderRejected,
        ReportKind::Cancelled => SessionEventKind::OrderCancelled,
        ReportKind::Expired(_) => SessionEventKind::OrderExpired,
        ReportKind::Replaced(_) | ReportKind::Reduced { .. } | ReportKind::Repriced { .. } => {
            SessionEventKind::OrderReplaced
        }
        ReportKind::CancelRejected(_) | ReportKind::ReplaceRejected(_) => {
            SessionEventKind::OrderChangeRejected
        }
        ReportKind::Triggered => SessionEventKind::OrderTriggered,
        ReportKind::Unknown => SessionEventKind::OrderUnknown,
        ReportKind::Fill { .. } => return None,
    })
}

impl Kernel {
    /// Has somebody listen from the next input on; who did before does so no more.
    pub fn listen(&mut self, listener: Box<dyn EventListener>) {
        let core = self.ctx.core_mut();
        let (last_order, version) = (core.desk.orders().last_id(), core.events_version() + 1);
        let wanted = listener.wanted();
        core.events = Some(Box::new(Events { listener, wanted, told: Vec::new(), last_order, version }));
    }

    /// Hands over what the input at hand has led to so far.
    #[cold]
    pub(super) fn hand_over(&mut self) -> Result<(), KernelError> {
        let core = self.ctx.core_mut();
        core.tell_submitted();
        let Some(events) = &mut core.events else { return Ok(()) };
        let taken = if events.told.is_empty() { Ok(()) } else { events.listener.take(&mut events.told) };
        let wanted = events.listener.wanted();
        if wanted.of_markets() != std::mem::replace(&mut events.wanted, wanted).of_markets() {
            events.version += 1;
        }
        taken.map_err(|_| KernelError::Interrupted)
    }
}
