//! Order entry: requests become commands that have passed the gate, or refusals of our own.

mod emulated;

use std::collections::{BTreeMap, VecDeque};

use super::bursts::{Bursts, MOST_AT_ONCE};
use super::exposure::{Around, Earlier};
use super::input::{Outgoing, Refusal};
use super::journal::Journal;
use super::market::Market;
use super::record::RefusalRow;
use crate::orders::{
    Command, NewTerms, Order, OrderError, OrderId, OrderRequest, OrderStore, Reason, Report, ReportKind,
    Trigger, check_moved,
};
use crate::risk::{Breach, Engine, Exposure, Gate, Hold, Rules, Trading, Verdict};
use crate::types::{AccountId, MarketId, Named, Price, Qty, Side, StrategyId};

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
    /// Reports of our own, to be delivered like a venue's: refusals, and what becomes of orders that the kernel keeps.
    reports: VecDeque<Report>,
    /// Those that whoever drives us brings back, where that was asked for.
    carried: Option<Vec<Refusal>>,
    /// What limits said of refused requests whose refusal has not been delivered, in the order they were sent.
    details: VecDeque<RefusalRow>,
    /// Where a stop is closing a position, with what is said to orders that do not only reduce it.
    pub(super) shut: BTreeMap<(StrategyId, MarketId), Breach>,
    /// Strategies that a person lets do nothing but cancel.
    held: BTreeMap<StrategyId, Hold>,
    bursts: Bursts,
}

/// The price at which an order without a limit is valued that waits for its trigger.
fn worth_of(side: Side, trigger: Trigger, market: &Market) -> Price {
    let best = || market.best_against(side);
    trigger.price().or_else(best).or(trigger.offset()).unwrap_or_default()
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
        reports: VecDeque<Report>,
        details: VecDeque<RefusalRow>,
    ) -> Self {
        Self { store, gate, reports, details, ..Self::default() }
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

    /// Keeps what limits said of the request of an order until its refusal is delivered.
    pub(super) fn keep_detail(&mut self, detail: RefusalRow) {
        self.details.push_back(detail);
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

    /// Holds a strategy, or lets it go on. One that is stopped stays so when it is paused.
    pub(super) fn hold(&mut self, strategy: StrategyId, hold: Option<Hold>) {
        match hold {
            Some(Hold::Paused) => drop(self.held.entry(strategy).or_insert(Hold::Paused)),
            Some(Hold::Stopped) => drop(self.held.insert(strategy, Hold::Stopped)),
            None => drop(self.held.remove(&strategy)),
        }
    }

    /// Strategies that are held, and how.
    pub(super) fn held(&self) -> &BTreeMap<StrategyId, Hold> {
        &self.held
    }

    /// Whether a person lets a strategy send nothing, alone or with all others.
    pub(super) fn is_paused(&self, strategy: StrategyId) -> bool {
        self.trading() == Trading::Paused || self.held.contains_key(&strategy)
    }

    /// What is on its way out.
    pub(super) fn outgoing(&mut self) -> &mut Vec<Outgoing> {
        &mut self.outgoing
    }

    /// Commands and refusals that nobody has taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.outgoing.len() + self.carried.as_ref().map_or(0, Vec::len)
    }

    /// Reports of our own that have not been delivered.
    pub(super) fn reports(&mut self) -> &mut VecDeque<Report> {
        &mut self.reports
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

    /// Whether a report of our own waits for its delivery.
    #[inline]
    pub(super) fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// A strategy's open order.
    pub(super) fn own(&self, strategy: StrategyId, id: OrderId) -> Option<&Order> {
        self.store.get(id).filter(|order| order.strategy == strategy)
    }

    /// A strategy's open orders, oldest first.
    pub(super) fn open(&self, strategy: StrategyId) -> impl Iterator<Item = &Order> + '_ {
        self.store.open().filter(move |order| order.strategy == strategy)
    }

    /// The same without those that are parts of others.
    pub(super) fn shown(&self, strategy: StrategyId) -> impl Iterator<Item = &Order> + '_ {
        self.open(strategy).filter(|order| order.parent.is_none())
    }

    /// Refuses to send what a strategy does not stop sending.
    pub(super) fn admits(&self, sender: Sender) -> Result<(), OrderError> {
        if self.bursts.reaches(MOST_AT_ONCE, sender.strategy, sender.now) {
            return Err(OrderError::TooManyAtOnce(MOST_AT_ONCE));
        }
        Ok(())
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
        let judged =
            || self.judge(sender, around.market(market), request, earlier.orders, exposure.as_ref(), false);
        match breach {
            None => judged(),
            Some(breach) => judged().map(|verdict| held_back(verdict, breach)),
        }
    }

    /// What a stop says to an order where it is closing the position, unless that order only reduces it.
    pub(super) fn stop_breach(&self, whose: (StrategyId, MarketId), reduce_only: bool) -> Option<&Breach> {
        if reduce_only || self.shut.is_empty() { None } else { self.shut.get(&whose) }
    }

    /// What the gate holds a command of somebody against, but for limits.
    fn rules<'a>(&self, sender: Sender, market: &'a Market, filled: Qty) -> Rules<'a> {
        Rules { hold: self.held.get(&sender.strategy).copied(), ..market.rules(sender.now, filled) }
    }

    fn judge(
        &self,
        sender: Sender,
        market: &Market,
        request: OrderRequest,
        skip: u32,
        exposure: Option<&Exposure>,
        is_exit: bool,
    ) -> Result<Verdict, OrderError> {
        let side = request.side;
        let command = Command::Submit { order: self.store.last_id() + 1 + u64::from(skip), request };
        let rules = Rules { exposure, is_exit, ..self.rules(sender, market, Qty::ZERO) };
        self.gate.review(command, &rules, || market.best_against(side))
    }

    /// Says whether a request is one that a venue could be asked for, the strategy's own name for it included.
    pub(super) fn check_submit(
        &self,
        sender: Sender,
        market: &Market,
        request: &OrderRequest,
    ) -> Result<(), OrderError> {
        self.check_name(sender.strategy, request)?;
        self.judge(sender, market, request.clone(), 0, None, false).map(drop)
    }

    /// Says whether new terms are such that a venue could be asked for them, where the order is still open.
    pub(super) fn check_replace(
        &self,
        sender: Sender,
        around: Around<'_>,
        id: OrderId,
        terms: NewTerms,
    ) -> Result<(), OrderError> {
        let Some((order, terms)) = self.to_replace(sender, around, id, terms)? else { return Ok(()) };
        if order.is_held {
            Self::check_held(order, around.market(order.market), sender.now, terms).map(drop)
        } else {
            self.review_replace(sender, around, order, terms, Earlier::default()).map(drop)
        }
    }

    /// A strategy's order that is to get new terms, with these as they are judged; `None` when it cannot be changed any
    /// more. One without a limit that waits for its trigger has what it would be worth there as its price.
    fn to_replace(
        &self,
        sender: Sender,
        around: Around<'_>,
        id: OrderId,
        terms: NewTerms,
    ) -> Result<Option<(&Order, NewTerms)>, OrderError> {
        let Some(order) = self.own(sender.strategy, id).filter(|order| order.is_changeable()) else {
            return Ok(None);
        };
        let market = around.market(order.market);
        let instrument = Self::judged_as(order, market);
        let trigger = check_moved(&instrument, sender.now, order.waits_for(), terms.trigger)?;
        let price = match (order.price(), trigger) {
            (Some(_), _) => terms.price,
            (None, Some(trigger)) => worth_of(order.side, trigger, market),
            (None, None) => return Err(OrderError::Contradiction("a market order cannot be replaced")),
        };
        Ok(Some((order, NewTerms { price, ..terms })))
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
        terms: NewTerms,
        earlier: Earlier,
    ) -> Result<Verdict, OrderError> {
        let exposure = self
            .engine()
            .map(|engine| around.of_replacement(engine, &self.store, sender.now, order, terms, earlier));
        let command = Command::Replace { order: order.id, market: order.market, terms };
        let market = around.market(order.market);
        let instrument = Self::judged_as(order, market);
        let rules = self.rules(sender, market, order.filled);
        let rules = Rules { instrument: &instrument, exposure: exposure.as_ref(), ..rules };
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

    /// Refuses a new order and returns its id.
    pub(super) fn refuse(
        &mut self,
        sender: Sender,
        request: OrderRequest,
        reason: Reason,
        journal: &mut Journal,
    ) -> Result<OrderId, OrderError> {
        self.admits(sender)?;
        let command = Command::Submit { order: self.store.last_id() + 1, request };
        Ok(self.send(sender, Verdict::Refused(command, reason, Vec::new()), journal))
    }

    /// Sends what closes a position for the kill switch or the circuit breaker; `None` where it cannot be.
    pub(super) fn submit_exit(
        &mut self,
        sender: Sender,
        market: &Market,
        request: OrderRequest,
        journal: &mut Journal,
    ) -> Option<OrderId> {
        match self.judge(sender, market, request, 0, None, true) {
            Ok(verdict @ Verdict::Approved(_)) => Some(self.send(sender, verdict, journal)),
            _ => None,
        }
    }

    /// Asks for new terms; `false` when the order cannot be changed any more.
    pub(super) fn replace(
        &mut self,
        sender: Sender,
        around: Around<'_>,
        id: OrderId,
        terms: NewTerms,
        journal: &mut Journal,
    ) -> Result<bool, OrderError> {
        let Some((order, terms)) = self.to_replace(sender, around, id, terms)? else { return Ok(false) };
        if order.is_held {
            return self.replace_held(sender, around, id, terms).map(|()| true);
        }
        self.admits(sender)?;
        let is_sliced = order.is_sliced;
        match self.review_replace(sender, around, order, terms, Earlier::default())? {
            // Its venue gets to know of it by its parts.
            Verdict::Approved(_) if is_sliced => {
                if let Some(order) = self.store.get_mut(id) {
                    order.replace_sent(terms, false);
                }
            }
            verdict => {
                self.send(sender, verdict, journal);
            }
        }
        Ok(true)
    }

    /// Asks to cancel a strategy's order; `false` when there is nothing to cancel.
    pub(super) fn cancel(
        &mut self,
        sender: Sender,
        around: Around<'_>,
        id: OrderId,
        reason: Option<Reason>,
        journal: &mut Journal,
    ) -> bool {
        let Some(order) = self.own(sender.strategy, id).filter(|order| order.is_changeable()) else {
            return false;
        };
        if order.is_held {
            self.end_held(id, ReportKind::Cancelled, reason, sender.now);
            return true;
        }
        let command = Command::Cancel { order: id, market: order.market };
        let rules = around.market(order.market).rules(sender.now, order.filled);
        // A cancel breaks no rule; the gate says so.
        let Ok(verdict) = self.gate.review(command, &rules, || None) else { return false };
        self.send(sender, verdict, journal);
        if let Some(order) = self.store.get_mut(id) {
            order.cancel_sent(reason);
        }
        true
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
            self.bursts.count(sender.strategy, sender.now);
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
            Command::Replace { order, terms, .. } => {
                if let Some(order) = self.store.get_mut(*order) {
                    order.replace_sent(*terms, refusal.is_some());
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
                    None => self.reports.push_back(command.refused(reason, at)),
                }
            }
        }
        id
    }
}
