//! Order entry: requests become commands that have passed the gate, or refusals of our own.

use std::collections::{BTreeMap, VecDeque};

use super::exposure::{Around, Earlier};
use super::input::{Outgoing, Refusal};
use super::journal::Journal;
use super::market::Market;
use super::record::RefusalRow;
use crate::orders::{
    Command, Emulated, Order, OrderError, OrderId, OrderRequest, OrderStore, Reason, Report, ReportKind,
    TimeInForce, Trigger, check_replace, check_request,
};
use crate::risk::{Breach, Engine, Exposure, Gate, Rules, Trading, Verdict};
use crate::types::{AccountId, MarketId, Named, OrderSupport, Price, Qty, Side, StrategyId};

/// Who sends, when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender {
    pub(super) strategy: StrategyId,
    pub(super) account: AccountId,
    pub(super) now: i64,
}

/// Orders, and what is on its way out.
#[derive(Debug, Default)]
pub(super) struct Desk {
    store: OrderStore,
    gate: Gate,
    outgoing: Vec<Outgoing>,
    /// Refusals of our own and what becomes of orders that the kernel keeps, to be delivered like a venue's word.
    refusals: VecDeque<Report>,
    /// Those that whoever drives us brings back, where that was asked for.
    carried: Option<Vec<Refusal>>,
    /// What limits said of refused requests whose refusal has not been delivered, in the order they were sent.
    details: VecDeque<RefusalRow>,
    /// Where a stop is closing a position, with what is said to orders that do not only reduce it.
    pub(super) shut: BTreeMap<(StrategyId, MarketId), Breach>,
    /// By strategy, when it sent something last and how often it did then.
    moments: Vec<(i64, u32)>,
}

/// New orders and replacements that a strategy may send without time going on: no one means to send so many, but one
/// that answers each refusal with the next order does so for ever.
const MOST_AT_ONCE: u32 = 100_000;

/// The price at which an order without a limit is valued that waits for its trigger.
fn worth_of(order: &Order, market: &Market) -> Price {
    let best = || market.view.touch().best(order.side.opposite()).map(|best| Price::new(best.price));
    let offset = order.trigger.and_then(Trigger::offset);
    order.trigger.and_then(Trigger::price).or_else(best).or(offset).unwrap_or_default()
}

/// A verdict on an order where a stop is closing the position.
#[cold]
fn held_back(verdict: Verdict, breach: &Breach) -> Verdict {
    match verdict {
        Verdict::Approved(command) => {
            Verdict::Refused(command.into_inner(), Reason::Risk, vec![breach.clone()])
        }
        Verdict::Refused(command, Reason::Risk, mut breaches) => {
            breaches.push(breach.clone());
            Verdict::Refused(command, Reason::Risk, breaches)
        }
        refused @ Verdict::Refused(..) => refused,
    }
}

impl Desk {
    /// A desk that goes on with orders and a gate.
    pub(super) fn restore(
        store: OrderStore,
        gate: Gate,
        refusals: VecDeque<Report>,
        details: VecDeque<RefusalRow>,
    ) -> Self {
        Self { store, gate, refusals, details, ..Self::default() }
    }

    /// The gate, taken out of its place.
    pub(super) fn take_gate(&mut self) -> Gate {
        std::mem::take(&mut self.gate)
    }

    /// The limits, where there are any.
    #[inline]
    pub(super) fn engine(&self) -> Option<&Engine> {
        self.gate.engine()
    }

    /// The limits, to tell them of what happens.
    #[inline]
    pub(super) fn engine_mut(&mut self) -> Option<&mut Engine> {
        self.gate.engine_mut()
    }

    /// Puts limits in place.
    pub(super) fn set_engine(&mut self, engine: Engine) {
        self.gate.set_engine(engine);
    }

    /// What limits said of refused requests that have not been delivered.
    pub(super) fn details(&self) -> &VecDeque<RefusalRow> {
        &self.details
    }

    /// Takes what limits said of the request of an order whose refusal is delivered.
    pub(super) fn take_detail(&mut self, order: OrderId) -> Option<RefusalRow> {
        let at = self.details.iter().position(|detail| detail.order == order)?;
        self.details.remove(at)
    }

    /// The orders.
    pub(super) fn orders(&self) -> &OrderStore {
        &self.store
    }

    /// The orders, to take reports.
    pub(super) fn orders_mut(&mut self) -> &mut OrderStore {
        &mut self.store
    }

    /// Whether orders may be sent.
    pub(super) fn trading(&self) -> Trading {
        self.gate.trading()
    }

    /// Opens or shuts the gate.
    pub(super) fn set_trading(&mut self, trading: Trading) {
        self.gate.set_trading(trading);
    }

    /// What is on its way out.
    pub(super) fn outgoing(&mut self) -> &mut Vec<Outgoing> {
        &mut self.outgoing
    }

    /// Commands and refusals that nobody has taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.outgoing.len() + self.carried.as_ref().map_or(0, Vec::len)
    }

    /// Refusals that have not been delivered.
    pub(super) fn refusals(&mut self) -> &mut VecDeque<Report> {
        &mut self.refusals
    }

    /// Lets whoever drives us bring refusals back.
    pub(super) fn carry_refusals(&mut self) {
        self.carried.get_or_insert_default();
    }

    /// Refusals to be brought back, if that is how they come.
    #[inline]
    pub(super) fn carried(&mut self) -> Option<&mut Vec<Refusal>> {
        self.carried.as_mut()
    }

    /// Whether a refusal waits for its delivery.
    #[inline]
    pub(super) fn has_refusals(&self) -> bool {
        !self.refusals.is_empty()
    }

    /// A strategy's open order.
    pub(super) fn own(&self, strategy: StrategyId, id: OrderId) -> Option<&Order> {
        self.store.get(id).filter(|order| order.strategy == strategy)
    }

    /// A strategy's open orders, oldest first.
    pub(super) fn open(&self, strategy: StrategyId) -> impl Iterator<Item = &Order> + '_ {
        self.store.open().filter(move |order| order.strategy == strategy)
    }

    /// Refuses to send what a strategy does not stop sending.
    pub(super) fn admits(&self, sender: Sender) -> Result<(), OrderError> {
        match self.moments.get(sender.strategy.index()) {
            Some((at, sent)) if (*at, *sent) == (sender.now, MOST_AT_ONCE) => {
                Err(OrderError::TooManyAtOnce(MOST_AT_ONCE))
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, sender: Sender) {
        let at = sender.strategy.index();
        if at >= self.moments.len() {
            self.moments.resize(at + 1, (i64::MIN, 0));
        }
        let (last, sent) = &mut self.moments[at];
        *sent = if *last == sender.now { *sent + 1 } else { 1 };
        *last = sender.now;
    }

    /// Judges a new order that would get the id after that of earlier ones.
    pub(super) fn review_order(
        &self,
        sender: Sender,
        around: Around<'_>,
        request: OrderRequest,
        earlier: Earlier,
    ) -> Result<Verdict, OrderError> {
        let exposure = self.engine().map(|engine| {
            around.of_order(engine, &self.store, (sender.strategy, sender.now), &request, earlier)
        });
        let (market, reduces) = (request.market, request.reduce_only);
        let breach = self.stop_breach((sender.strategy, market), reduces);
        let judged = || {
            self.judge(sender.now, around.market(market), request, earlier.orders, exposure.as_ref(), false)
        };
        match breach {
            None => judged(),
            Some(breach) => judged().map(|verdict| held_back(verdict, breach)),
        }
    }

    /// What a stop says to an order where it is closing the position, unless that order only reduces it.
    pub(super) fn stop_breach(&self, whose: (StrategyId, MarketId), reduce_only: bool) -> Option<&Breach> {
        if reduce_only || self.shut.is_empty() { None } else { self.shut.get(&whose) }
    }

    fn judge(
        &self,
        now: i64,
        market: &Market,
        request: OrderRequest,
        skip: u32,
        exposure: Option<&Exposure>,
        is_exit: bool,
    ) -> Result<Verdict, OrderError> {
        let touch = market.view.touch();
        let side = request.side;
        let price =
            move || if side == Side::Buy { touch.best_ask() } else { touch.best_bid() }.map(Price::new);
        let command = Command::Submit { order: self.store.last_id() + 1 + u64::from(skip), request };
        let rules = Rules { exposure, is_exit, ..market.rules(now, Qty::ZERO) };
        self.gate.review(command, &rules, price)
    }

    /// Says whether a request is one that a venue could be asked for, the strategy's own name for it included.
    pub(super) fn check_submit(
        &self,
        strategy: StrategyId,
        now: i64,
        market: &Market,
        request: OrderRequest,
    ) -> Result<(), OrderError> {
        self.check_name(strategy, &request)?;
        self.judge(now, market, request, 0, None, false).map(drop)
    }

    fn check_name(&self, strategy: StrategyId, request: &OrderRequest) -> Result<(), OrderError> {
        if let Some(name) = &request.client_id {
            Named::Order.check(name)?;
            if self.open(strategy).any(|order| order.client_id.as_ref() == Some(name)) {
                return Err(OrderError::DuplicateClientId(name.to_string()));
            }
        }
        Ok(())
    }

    /// Judges new terms of an open order.
    pub(super) fn review_replace(
        &self,
        sender: Sender,
        around: Around<'_>,
        order: &Order,
        price: Price,
        qty: Qty,
        earlier: Earlier,
    ) -> Result<Verdict, OrderError> {
        let exposure = self.engine().map(|engine| {
            around.of_replacement(engine, &self.store, sender.now, order, (price, qty), earlier)
        });
        let command = Command::Replace { order: order.id, market: order.market, price, qty };
        let rules = around.market(order.market).rules(sender.now, order.filled);
        let rules = Rules { exposure: exposure.as_ref(), ..rules };
        match self.stop_breach((sender.strategy, order.market), order.reduce_only) {
            None => self.gate.review(command, &rules, || None),
            Some(breach) => {
                self.gate.review(command, &rules, || None).map(|verdict| held_back(verdict, breach))
            }
        }
    }

    /// Sends a new order and returns its id.
    pub(super) fn submit(
        &mut self,
        sender: Sender,
        around: Around<'_>,
        request: OrderRequest,
        journal: &mut Journal,
    ) -> Result<OrderId, OrderError> {
        self.admits(sender)?;
        self.check_name(sender.strategy, &request)?;
        let verdict = self.review_order(sender, around, request, Earlier::default())?;
        Ok(self.send(sender, verdict, journal))
    }

    /// Sends a new order of which the kernel does what its venue lacks, and returns its id. `reducible` is how much of
    /// the position it could take back.
    pub(super) fn submit_emulated(
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
        let is_refused = matches!(verdict, Verdict::Refused(..));
        let id = self.store.last_id() + 1;
        if is_refused || !is_held {
            let native = emulated.native(request);
            let verdict = match verdict {
                Verdict::Refused(_, reason, breaches) => {
                    Verdict::Refused(Command::Submit { order: id, request: native }, reason, breaches)
                }
                Verdict::Approved(_) => self.review_native(sender, around, None, (id, native), reducible)?,
            };
            self.send(sender, verdict, journal);
        } else {
            self.store.push(Order { is_held, ..Order::new(id, sender.strategy, request, sender.now) });
            self.refusals.push_back(Report::on(id, sender.now, ReportKind::Accepted));
        }
        if let Some(order) = self.store.get_mut(id) {
            // What its strategy asked for.
            (order.emulated, order.trigger, order.reduce_only) =
                (emulated, request.trigger, request.reduce_only);
        }
        Ok(id)
    }

    /// Says whether a request is one that its venue could be asked for, with what it lacks done by the kernel.
    pub(super) fn review_emulated(
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
        check_request(&market.instrument, &market.math, sender.now, &emulated.native(request), || None)?;
        // As a venue would that takes all orders.
        let instrument = market.instrument.with_support(OrderSupport::default());
        let exposure = self.engine().map(|engine| {
            let who = (sender.strategy, sender.now);
            around.of_order(engine, &self.store, who, request, Earlier::default())
        });
        let rules = market.rules(sender.now, Qty::ZERO);
        let rules = Rules { instrument: &instrument, exposure: exposure.as_ref(), ..rules };
        let command = Command::Submit { order: self.store.last_id() + 1, request: request.clone() };
        let best = market.view.touch().best(request.side.opposite()).map(|best| Price::new(best.price));
        self.gate.review(command, &rules, || best)
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
        let rules = Rules { exposure: exposure.as_ref(), ..market.rules(sender.now, Qty::ZERO) };
        let best = market.view.touch().best(native.side.opposite()).map(|best| Price::new(best.price));
        if native.qty.steps() > reducible {
            let qty =
                Qty::new(reducible - reducible.rem_euclid(market.instrument.terms_at(sender.now).lot_size));
            if !qty.is_positive() {
                let command = Command::Submit { order: id, request: native };
                return Ok(Verdict::Refused(command, Reason::ReduceOnly, Vec::new()));
            }
            let request = OrderRequest { qty, ..native };
            return self.gate.review(Command::Submit { order: id, request }, &rules, || best);
        }
        self.gate.review(Command::Submit { order: id, request: native }, &rules, || best)
    }

    /// Sends an order that was kept, as one that its venue knows.
    pub(super) fn release(
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
        let native = order.emulated.native(&order.request());
        let room = if order.emulated.has(Emulated::REDUCE_ONLY) { reducible } else { i64::MAX };
        let verdict = self.review_native(sender, around, Some(id), (id, native.clone()), room);
        let refused =
            |reason| Verdict::Refused(Command::Submit { order: id, request: native }, reason, Vec::new());
        let verdict = verdict.unwrap_or_else(|error| refused(error.reason()));
        self.refusals.push_back(Report::on(id, sender.now, ReportKind::Triggered));
        self.send(sender, verdict, journal);
    }

    /// Ends an order that is kept.
    pub(super) fn end_held(&mut self, id: OrderId, kind: ReportKind, now: i64) {
        if let Some(order) = self.store.get_mut(id).filter(|order| order.is_held && order.is_changeable()) {
            order.cancel_sent(order.reason);
            self.refusals.push_back(Report::on(id, now, kind));
        }
    }

    /// Sends what closes a position for the kill switch or the circuit breaker; `None` where it cannot be.
    pub(super) fn submit_exit(
        &mut self,
        sender: Sender,
        market: &Market,
        request: OrderRequest,
        journal: &mut Journal,
    ) -> Option<OrderId> {
        match self.judge(sender.now, market, request, 0, None, true) {
            Ok(verdict @ Verdict::Approved(_)) => Some(self.send(sender, verdict, journal)),
            _ => None,
        }
    }

    /// Asks for new terms; `false` when the order cannot be changed any more. One without a limit that waits for its
    /// trigger gets another quantity alone.
    pub(super) fn replace(
        &mut self,
        sender: Sender,
        around: Around<'_>,
        id: OrderId,
        price: Price,
        qty: Qty,
        journal: &mut Journal,
    ) -> Result<bool, OrderError> {
        let Some(order) = self.own(sender.strategy, id).filter(|order| order.is_changeable()) else {
            return Ok(false);
        };
        let price = match order.price() {
            Some(_) => price,
            None if order.waits_for_trigger() => worth_of(order, around.market(order.market)),
            None => return Err(OrderError::Contradiction("a market order cannot be replaced")),
        };
        if order.is_held {
            return self.replace_held(sender, around, id, price, qty).map(|()| true);
        }
        self.admits(sender)?;
        let verdict = self.review_replace(sender, around, order, price, qty, Earlier::default())?;
        self.send(sender, verdict, journal);
        Ok(true)
    }

    /// Gives an order that is kept other terms. It passes the gate when it is sent.
    fn replace_held(
        &mut self,
        sender: Sender,
        around: Around<'_>,
        id: OrderId,
        price: Price,
        qty: Qty,
    ) -> Result<(), OrderError> {
        let Some(order) = self.store.get_mut(id) else { return Ok(()) };
        let market = around.market(order.market);
        let instrument = market.instrument.with_support(OrderSupport::default());
        let refusal = check_replace(&instrument, &market.math, sender.now, price, qty, order.filled)?;
        order.replace_sent(price, qty, refusal.is_some());
        let kind = refusal.map_or(ReportKind::Replaced { price, qty }, ReportKind::ReplaceRejected);
        self.refusals.push_back(Report::on(id, sender.now, kind));
        Ok(())
    }

    /// Asks to cancel a strategy's order; `false` when there is nothing to cancel.
    pub(super) fn cancel(
        &mut self,
        sender: Sender,
        market: &Market,
        id: OrderId,
        reason: Option<Reason>,
        journal: &mut Journal,
    ) -> bool {
        let Some(order) = self.own(sender.strategy, id).filter(|order| order.is_changeable()) else {
            return false;
        };
        if order.is_held {
            self.end_held(id, ReportKind::Cancelled, sender.now);
            if let Some(order) = self.store.get_mut(id) {
                order.cancel_sent(reason);
            }
            return true;
        }
        let command = Command::Cancel { order: id, market: order.market };
        // A cancel breaks no rule; the gate says so.
        let Ok(verdict) = self.gate.review(command, &market.rules(sender.now, order.filled), || None) else {
            return false;
        };
        self.send(sender, verdict, journal);
        if let Some(order) = self.store.get_mut(id) {
            order.cancel_sent(reason);
        }
        true
    }

    /// Asks to cancel every open order of a strategy, in one instrument or in all.
    pub(super) fn cancel_all(
        &mut self,
        sender: Sender,
        markets: &[Market],
        only: Option<MarketId>,
        reason: Option<Reason>,
        journal: &mut Journal,
    ) -> usize {
        let wanted = |order: &&Order| only.is_none_or(|market| market == order.market);
        let ids: Vec<(OrderId, MarketId)> =
            self.open(sender.strategy).filter(wanted).map(|order| (order.id, order.market)).collect();
        let cancel = |(id, market): (OrderId, MarketId)| {
            usize::from(self.cancel(sender, &markets[market.index()], id, reason, journal))
        };
        ids.into_iter().map(cancel).sum()
    }

    /// Carries out a verdict: the command goes out, or its refusal comes back. Returns the order's id.
    pub(super) fn send(&mut self, sender: Sender, verdict: Verdict, journal: &mut Journal) -> OrderId {
        let (command, refusal) = match &verdict {
            Verdict::Approved(approved) => (approved.get(), None),
            Verdict::Refused(command, reason, _) => (command, Some(*reason)),
        };
        let id = command.order();
        journal.command(sender.now, sender.strategy, command);
        let is_cancel = matches!(command, Command::Cancel { .. });
        if !is_cancel {
            self.count(sender);
        }
        if refusal.is_none()
            && let Some(engine) = self.gate.engine_mut()
        {
            engine.sent(sender.now, sender.strategy, command.market(), is_cancel);
        }
        match command {
            Command::Submit { order, request } => {
                if let Some(held) = self.store.get_mut(*order) {
                    held.released(request.qty, sender.now, refusal.is_some());
                } else {
                    let order = Order::new(*order, sender.strategy, request, sender.now);
                    self.store.push(Order { never_sent: refusal.is_some(), ..order });
                }
            }
            Command::Replace { order, price, qty, .. } => {
                if let Some(order) = self.store.get_mut(*order) {
                    order.replace_sent(*price, *qty, refusal.is_some());
                }
            }
            Command::Cancel { .. } => {}
        }
        match verdict {
            Verdict::Approved(command) => {
                let Sender { strategy, account, now: at } = sender;
                self.outgoing.push(Outgoing { at, account, strategy, command });
            }
            Verdict::Refused(command, reason, breaches) => {
                let Sender { account, now: at, .. } = sender;
                if !breaches.is_empty() {
                    self.details.extend(
                        self.store.get(id).map(|order| RefusalRow::of(order, &command, at, breaches)),
                    );
                }
                match &mut self.carried {
                    Some(carried) => carried.push(Refusal { at, account, command, reason }),
                    None => self.refusals.push_back(command.refused(reason, at)),
                }
            }
        }
        id
    }
}
