//! Order entry: requests become commands that have passed the gate, or refusals of our own.

use std::collections::VecDeque;

use super::input::{Outgoing, Refusal};
use super::journal::Journal;
use super::market::Market;
use crate::orders::{
    Command, Order, OrderError, OrderId, OrderRequest, OrderStore, OrderType, Reason, Report,
};
use crate::risk::{Gate, Trading, Verdict};
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
    /// Refusals of our own, to be delivered like a venue's.
    refusals: VecDeque<Report>,
    /// Those that whoever drives us brings back, where that was asked for.
    carried: Option<Vec<Refusal>>,
    /// By strategy, when it sent something last and how often it did then.
    moments: Vec<(i64, u32)>,
}

/// New orders and replacements that a strategy may send without time going on: no one means to send so many, but one
/// that answers each refusal with the next order does so for ever.
const MOST_AT_ONCE: u32 = 100_000;

impl Desk {
    /// A desk that goes on with orders and a gate.
    pub(super) fn restore(store: OrderStore, trading: Trading, refusals: VecDeque<Report>) -> Self {
        let mut gate = Gate::default();
        gate.set_trading(trading);
        Self { store, gate, refusals, ..Self::default() }
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

    /// Judges a new order that would get the id after `skip` others.
    pub(super) fn review_order(
        &self,
        now: i64,
        market: &Market,
        request: OrderRequest,
        skip: u64,
    ) -> Result<Verdict, OrderError> {
        let touch = market.view.touch();
        let side = request.side;
        let price =
            move || if side == Side::Buy { touch.best_ask() } else { touch.best_bid() }.map(Price::new);
        let command = Command::Submit { order: self.store.last_id() + 1 + skip, request };
        self.gate.review(command, &market.rules(now, Qty::ZERO), price)
    }

    /// Judges a new order of a strategy, its own name for it included.
    pub(super) fn check_submit(
        &self,
        strategy: StrategyId,
        now: i64,
        market: &Market,
        request: OrderRequest,
    ) -> Result<Verdict, OrderError> {
        if let Some(name) = &request.client_id {
            Named::Order.check(name)?;
            if self.open(strategy).any(|order| order.client_id.as_ref() == Some(name)) {
                return Err(OrderError::DuplicateClientId(name.to_string()));
            }
        }
        self.review_order(now, market, request, 0)
    }

    /// Judges new terms of an open order.
    pub(super) fn review_replace(
        &self,
        now: i64,
        market: &Market,
        order: &Order,
        price: Price,
        qty: Qty,
    ) -> Result<Verdict, OrderError> {
        let command = Command::Replace { order: order.id, market: order.market, price, qty };
        self.gate.review(command, &market.rules(now, order.filled), || None)
    }

    /// Sends a new order and returns its id.
    pub(super) fn submit(
        &mut self,
        sender: Sender,
        market: &Market,
        request: OrderRequest,
        journal: &mut Journal,
    ) -> Result<OrderId, OrderError> {
        self.admits(sender)?;
        let verdict = self.check_submit(sender.strategy, sender.now, market, request)?;
        Ok(self.send(sender, verdict, journal))
    }

    /// Asks for new terms; `false` when the order cannot be changed any more.
    pub(super) fn replace(
        &mut self,
        sender: Sender,
        market: &Market,
        id: OrderId,
        price: Price,
        qty: Qty,
        journal: &mut Journal,
    ) -> Result<bool, OrderError> {
        let Some(order) = self.own(sender.strategy, id).filter(|order| order.is_changeable()) else {
            return Ok(false);
        };
        if order.order_type == OrderType::Market {
            return Err(OrderError::Contradiction("a market order cannot be replaced"));
        }
        self.admits(sender)?;
        let verdict = self.review_replace(sender.now, market, order, price, qty)?;
        self.send(sender, verdict, journal);
        Ok(true)
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
            Verdict::Refused(command, reason) => (command, Some(*reason)),
        };
        let id = command.order();
        journal.command(sender.now, sender.strategy, command);
        if !matches!(command, Command::Cancel { .. }) {
            self.count(sender);
        }
        match command {
            Command::Submit { order, request } => {
                self.store.push(Order::new(*order, sender.strategy, request, sender.now));
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
            Verdict::Refused(command, reason) => {
                let Sender { account, now: at, .. } = sender;
                match &mut self.carried {
                    Some(carried) => carried.push(Refusal { at, account, command, reason }),
                    None => self.refusals.push_back(command.refused(reason, at)),
                }
            }
        }
        id
    }
}
