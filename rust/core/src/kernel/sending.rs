//! What strategies send: the desk with who sends, what that is held against and where it is written down.

use super::core::Core;
use super::entry::{Desk, Sender};
use super::exposure::Around;
use super::journal::Journal;
use crate::orders::{NewTerms, Order, OrderError, OrderId, OrderRequest, OrderType, Reason};
use crate::types::{MarketId, StrategyId};

impl Core {
    /// What orders are held against.
    pub(super) fn around(&self) -> Around<'_> {
        Around { markets: &self.markets, accounts: &self.accounts, trades_on: &self.trades_on }
    }

    /// The desk, and what a strategy sends by it: who that is, what orders are held against, where they are written down.
    pub(super) fn at_desk(&mut self, strategy: StrategyId) -> (&mut Desk, Sender, Around<'_>, &mut Journal) {
        let sender = self.sender(strategy);
        let around = Around { markets: &self.markets, accounts: &self.accounts, trades_on: &self.trades_on };
        (&mut self.desk, sender, around, &mut self.journal)
    }

    /// Reads the book that a market order will be held against.
    pub(super) fn read_for(&mut self, request: &OrderRequest) {
        if self.desk.engine().is_some()
            && request.order_type == OrderType::Market
            && request.trigger.is_none()
        {
            self.markets[request.market.index()].view.book();
        }
    }

    /// Sends a new order and returns its id.
    pub(super) fn submit(
        &mut self,
        strategy: StrategyId,
        request: OrderRequest,
    ) -> Result<OrderId, OrderError> {
        self.read_for(&request);
        let (desk, sender, around, journal) = self.at_desk(strategy);
        desk.submit(sender, around, request, journal)
    }

    /// Refuses a new order of a strategy, as its venue would, and returns its id.
    pub(super) fn refuse(
        &mut self,
        strategy: StrategyId,
        request: OrderRequest,
        reason: Reason,
    ) -> Result<OrderId, OrderError> {
        let (desk, sender, _, journal) = self.at_desk(strategy);
        desk.refuse(sender, request, reason, journal)
    }

    /// Asks for new terms of a strategy's order; `false` when it cannot be changed any more.
    pub(super) fn replace(
        &mut self,
        strategy: StrategyId,
        id: OrderId,
        terms: NewTerms,
    ) -> Result<bool, OrderError> {
        let terms = self.with_trigger(id, terms);
        let (desk, sender, around, journal) = self.at_desk(strategy);
        let is_asked = desk.replace(sender, around, id, terms, journal)?;
        if terms.trigger.is_some() {
            self.move_held(id);
        }
        if self.holds.slices {
            self.replace_sliced(id);
        }
        Ok(is_asked)
    }

    /// New terms of an order: one that is kept until the market comes to its limit waits for the new one.
    fn with_trigger(&self, id: OrderId, terms: NewTerms) -> NewTerms {
        let follows = self.holds.orders.iter().any(|held| held.order == id && held.is_at_limit);
        NewTerms { trigger: if follows { Some(terms.price) } else { terms.trigger }, ..terms }
    }

    /// Asks to cancel a strategy's order; `false` when there is nothing to cancel.
    pub(super) fn cancel(&mut self, strategy: StrategyId, id: OrderId, reason: Option<Reason>) -> bool {
        if self.holds.slices && self.desk.own(strategy, id).is_some_and(|order| order.is_sliced) {
            return self.cancel_sliced(id, reason);
        }
        let (desk, sender, around, journal) = self.at_desk(strategy);
        desk.cancel(sender, around, id, reason, journal)
    }

    /// Asks to cancel every open order of a strategy, in one instrument or in all, and ends its executions and groups
    /// there; returns how many orders it is.
    pub(super) fn call_off(&mut self, strategy: StrategyId, only: Option<MarketId>) -> usize {
        let worked = self.cancel_executions(strategy, only);
        self.call_off_groups(strategy, only, None);
        worked + self.cancel_all(strategy, only, None)
    }

    /// Asks to cancel every open order of a strategy, in one instrument or in all; returns how many.
    pub(super) fn cancel_all(
        &mut self,
        strategy: StrategyId,
        only: Option<MarketId>,
        reason: Option<Reason>,
    ) -> usize {
        let wanted = |order: &&Order| only.is_none_or(|market| market == order.market);
        let ids: Vec<_> = self.desk.shown(strategy).filter(wanted).map(|order| order.id).collect();
        ids.into_iter().filter(|id| self.cancel(strategy, *id, reason)).count()
    }
}
