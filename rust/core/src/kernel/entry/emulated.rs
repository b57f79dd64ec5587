//! Entry of orders of which the kernel does what their venue lacks: some are kept, and sent when they are set off.

use std::borrow::Cow;

use super::super::exposure::{Around, Earlier};
use super::super::journal::Journal;
use super::super::market::Market;
use super::{Desk, Sender};
use crate::orders::{
    Command, Emulated, NewTerms, Order, OrderError, OrderId, OrderRequest, Reason, Report, ReportKind,
    TimeInForce, check_replace, check_request, emulated,
};
use crate::risk::{Exposure, Rules, Verdict};
use crate::types::{Instrument, OrderSupport, Qty};

impl Desk {
    /// Sends a new order of which the kernel does what its venue lacks, and returns its id. `reducible` is how much of
    /// the position it could take back.
    pub(in crate::kernel) fn submit_emulated(
        &mut self,
        sender: Sender,
        around: Around<'_>,
        request: &OrderRequest,
        emulated: Emulated,
        reducible: i64,
        journal: &mut Journal,
    ) -> Result<OrderId, OrderError> {
        self.admits(sender)?;
        let verdict = self.review_emulated(sender, around, request, emulated)?;
        let is_held = emulated.has(Emulated::TRIGGER);
        let is_sliced = emulated.has(Emulated::DISPLAY_QTY) && !is_held;
        let id = self.store.last_id() + 1;
        let native = emulated.native(request);
        match verdict {
            Verdict::Refused(_, reason, breaches) => {
                let command = Command::Submit { order: id, request: native };
                self.send(sender, Verdict::Refused(command, reason, breaches), journal);
            }
            Verdict::Approved(_) if is_held || is_sliced => {
                let order = Order::new(id, sender.strategy, request, sender.now);
                self.store.push(Order { is_held, is_sliced, ..order });
                if is_held {
                    self.reports.push_back(Report::on(id, sender.now, ReportKind::Accepted));
                }
            }
            Verdict::Approved(_) => {
                let verdict = self.review_native(sender, around, None, (id, native), reducible)?;
                self.send(sender, verdict, journal);
            }
        }
        self.note_emulated(id, request, emulated);
        Ok(id)
    }

    /// Notes of an order what its strategy asked for, and what of that is emulated.
    fn note_emulated(&mut self, id: OrderId, request: &OrderRequest, emulated: Emulated) {
        if let Some(order) = self.store.get_mut(id) {
            order.emulated = emulated;
            (order.trigger, order.reduce_only, order.display_qty) =
                (request.trigger, request.reduce_only, request.display_qty);
        }
    }

    /// Sends a part of an order, in its place: the limits have counted the order.
    pub(in crate::kernel) fn submit_part(
        &mut self,
        sender: Sender,
        around: Around<'_>,
        (parent, request): (OrderId, &OrderRequest),
        reducible: i64,
        journal: &mut Journal,
    ) -> Result<OrderId, OrderError> {
        self.admits(sender)?;
        let lacks = emulated(&around.market(request.market).instrument, request);
        let room = if lacks.has(Emulated::REDUCE_ONLY) { reducible } else { i64::MAX };
        let id = self.store.last_id() + 1;
        let verdict = self.review_native(sender, around, Some(parent), (id, lacks.native(request)), room)?;
        self.send(sender, verdict, journal);
        self.note_emulated(id, request, lacks);
        if let Some(order) = self.store.get_mut(id) {
            order.parent = Some(parent);
        }
        Ok(id)
    }

    /// Says whether a request is one that its venue could be asked for, with what it lacks done by the kernel.
    pub(in crate::kernel) fn review_emulated(
        &self,
        sender: Sender,
        around: Around<'_>,
        request: &OrderRequest,
        emulated: Emulated,
    ) -> Result<Verdict, OrderError> {
        self.check_name(sender.strategy, request)?;
        let market = around.market(request.market);
        if emulated.has(Emulated::TRIGGER) && request.time_in_force == TimeInForce::Day {
            let problem =
                "an order that the kernel keeps ends at a time, gtd: it does not know its venue's day";
            return Err(OrderError::Contradiction(problem));
        }
        // The market is looked at by the second check.
        let shown = emulated.shown(request);
        let reason = check_request(&market.instrument, &market.math, sender.now, &shown, || None)?;
        // As a venue would that takes all orders.
        let instrument = market.instrument.with_support(OrderSupport::default());
        let exposure = self.engine().map(|engine| {
            let who = (sender.strategy, sender.now);
            around.of_order(engine, &self.store, who, request, Earlier::default())
        });
        let rules = self.rules(sender, market, Qty::ZERO);
        let rules = Rules { instrument: &instrument, exposure: exposure.as_ref(), ..rules };
        let command = Command::Submit { order: self.store.last_id() + 1, request: request.clone() };
        let verdict = self.gate.review(command, &rules, || market.best_against(request.side))?;
        Ok(match (verdict, reason) {
            // What is shown at a time is less than its venue takes.
            (Verdict::Approved(command), Some(reason)) => {
                Verdict::Refused(command.into_inner(), reason, Vec::new())
            }
            (verdict, _) => verdict,
        })
    }

    /// Judges what its venue gets of an order, no larger than what it could take back where it is to reduce.
    fn review_native(
        &self,
        sender: Sender,
        around: Around<'_>,
        own: Option<OrderId>,
        (id, native): (OrderId, OrderRequest),
        reducible: i64,
    ) -> Result<Verdict, OrderError> {
        let market = around.market(native.market);
        let exposure = self.engine().map(|engine| {
            let who = (sender.strategy, sender.now);
            let exposure = around.of_order(engine, &self.store, who, &native, Earlier::default());
            // One that was kept counts as working already.
            let standing = around.standing(engine, &self.store, sender.strategy, own);
            Exposure { standing, ..exposure }
        });
        let rules = Rules { exposure: exposure.as_ref(), ..self.rules(sender, market, Qty::ZERO) };
        let lot = market.instrument.terms_at(sender.now).lot_size;
        let qty = native.qty.min(Qty::new(reducible - reducible.rem_euclid(lot)));
        if !qty.is_positive() {
            let command = Command::Submit { order: id, request: native };
            return Ok(Verdict::Refused(command, Reason::ReduceOnly, Vec::new()));
        }
        let (side, request) = (native.side, OrderRequest { qty, ..native });
        let command = Command::Submit { order: id, request };
        self.gate.review(command, &rules, || market.best_against(side))
    }

    /// Sends an order that was kept, as one that its venue knows.
    pub(in crate::kernel) fn release(
        &mut self,
        sender: Sender,
        around: Around<'_>,
        id: OrderId,
        reducible: i64,
        journal: &mut Journal,
    ) {
        let Some(order) = self.store.get(id).filter(|order| order.is_held && order.is_changeable()) else {
            return;
        };
        // New terms of ours hold at once, though they are told with the next input.
        let native = order.emulated.native(&order.intended_request());
        let room = if order.emulated.has(Emulated::REDUCE_ONLY) { reducible } else { i64::MAX };
        let verdict = self.review_native(sender, around, Some(id), (id, native.clone()), room);
        let refused =
            |reason| Verdict::Refused(Command::Submit { order: id, request: native }, reason, Vec::new());
        let verdict = verdict.unwrap_or_else(|error| refused(error.reason()));
        self.reports.push_back(Report::on(id, sender.now, ReportKind::Triggered));
        let parts = order.emulated.has(Emulated::DISPLAY_QTY);
        match &verdict {
            Verdict::Approved(command) if parts => {
                if let (Command::Submit { request, .. }, Some(order)) =
                    (command.get(), self.store.get_mut(id))
                {
                    order.released(request.qty, sender.now, false);
                }
            }
            _ => {
                self.send(sender, verdict, journal);
            }
        }
    }

    /// Ends an order that is kept.
    pub(in crate::kernel) fn end_held(
        &mut self,
        id: OrderId,
        kind: ReportKind,
        reason: Option<Reason>,
        now: i64,
    ) {
        if let Some(order) = self.store.get_mut(id).filter(|order| order.is_held && order.is_changeable()) {
            order.cancel_sent(reason);
            self.reports.push_back(Report::on(id, now, kind));
        }
    }

    /// Gives an order that is kept other terms. It passes the gate when it is sent.
    pub(super) fn replace_held(
        &mut self,
        sender: Sender,
        around: Around<'_>,
        id: OrderId,
        terms: NewTerms,
    ) -> Result<(), OrderError> {
        let Some(order) = self.store.get_mut(id) else { return Ok(()) };
        let refusal = Self::check_held(order, around.market(order.market), sender.now, terms)?;
        order.replace_sent(terms, refusal.is_some());
        let kind = refusal.map_or(ReportKind::Replaced(terms), ReportKind::ReplaceRejected);
        self.reports.push_back(Report::on(id, sender.now, kind));
        Ok(())
    }

    /// The instrument that new terms of an order are judged by: of one that is kept the kernel does what its venue lacks.
    pub(super) fn judged_as<'a>(order: &Order, market: &'a Market) -> Cow<'a, Instrument> {
        if order.is_venues() {
            Cow::Borrowed(&market.instrument)
        } else {
            Cow::Owned(market.instrument.with_support(OrderSupport::default()))
        }
    }

    /// Says what is refused of new terms of an order that is kept.
    pub(super) fn check_held(
        order: &Order,
        market: &Market,
        now: i64,
        terms: NewTerms,
    ) -> Result<Option<Reason>, OrderError> {
        let instrument = Self::judged_as(order, market);
        check_replace(&instrument, &market.math, now, terms.price, terms.qty, order.filled)
    }
}
