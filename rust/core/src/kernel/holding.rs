//! What the kernel does of orders in their venues' place.
//!
//! An order whose trigger its venue does not know is kept, and its market followed message by message. It is set off by
//! what is known here: trades, marks and the mid as their messages arrive. Then it is sent as an order that the venue
//! knows, past the gate as any other. One that its venue cannot hold to be reduce-only is sent no larger than the
//! position, and is made smaller with it. What of an order is shown at a time is sent by `slicing`.

use super::core::Core;
use super::holds::Held;
use super::topics::Topics;
use super::view::Content;
use crate::book::{BookState, FillBasis};
use crate::event::VenueBar;
use crate::orders::{
    Emulated, NewTerms, Order, OrderError, OrderId, OrderRequest, Pending, PriceRange, Reason, ReportKind,
    Trigger, TriggerAt, TriggerBy, Watch, emulated,
};
use crate::types::{MarketId, Qty, Side, StrategyId};

impl Core {
    /// Sends a new order, of which the kernel does what its venue lacks.
    ///
    /// # Errors
    /// [`OrderError`] when the request is not one the venue could be asked in any other way.
    pub(super) fn submit_emulated(
        &mut self,
        strategy: StrategyId,
        request: OrderRequest,
    ) -> Result<OrderId, OrderError> {
        let lacks = emulated(&self.market(request.market).instrument, &request);
        let id = self.submit_lacking(strategy, request, lacks)?;
        self.begin_emulated(id);
        Ok(id)
    }

    /// Sends a new order of which the kernel does so much. What is to follow at once is left to [`Core::begin_emulated`]. One
    /// that is kept and has no trigger waits for the market to come to its limit.
    ///
    /// # Errors
    /// As for [`Core::submit_emulated`].
    pub(super) fn submit_lacking(
        &mut self,
        strategy: StrategyId,
        request: OrderRequest,
        lacks: Emulated,
    ) -> Result<OrderId, OrderError> {
        if lacks.is_none() {
            return self.submit(strategy, request);
        }
        let (market, limit) = (request.market, request.order_type.price());
        let at_limit = limit.filter(|_| lacks.has(Emulated::TRIGGER) && request.trigger.is_none());
        let trigger =
            at_limit.map(|price| Trigger { at: TriggerAt::TakeProfit { price }, by: TriggerBy::Last });
        let request = OrderRequest { trigger: request.trigger.or(trigger), ..request };
        self.read_for(&request);
        let side = request.side;
        let reducible = self.reducible(strategy, market, side);
        let watch = request.trigger.filter(|_| lacks.has(Emulated::TRIGGER)).map(|by| Watch::new(side, by));
        let expires_at = request.time_in_force.expires_at();
        let (desk, sender, around, journal) = self.at_desk(strategy);
        let id = desk.submit_emulated(sender, around, &request, lacks, reducible, journal)?;
        self.holds.reduce |= lacks.has(Emulated::REDUCE_ONLY);
        if let Some(watch) = watch.filter(|_| self.desk.own(strategy, id).is_some_and(|order| order.is_held))
        {
            let is_at_limit = at_limit.is_some();
            self.holds.add(Held {
                order: id,
                strategy,
                market,
                since: self.now,
                watch,
                is_at_limit,
                expires_at,
            });
            self.topics.add(strategy, market, Topics::HELD);
        }
        Ok(id)
    }

    /// Sends an order that was kept just now where the market is there already, or the first part of one.
    pub(super) fn begin_emulated(&mut self, id: OrderId) {
        if let Some(at) = self.holds.orders.iter().position(|held| held.order == id) {
            let Held { market, mut watch, .. } = self.holds.orders[at];
            let is_set_off = self.price_at_hand(market, &watch).is_some_and(|price| watch.sees(price));
            self.holds.orders[at].watch = watch;
            if is_set_off {
                self.set_off(id);
            }
        }
        self.start_slices(id);
    }

    /// Where the price that sets an order off is known to be when it is sent.
    fn price_at_hand(&self, market: MarketId, watch: &Watch) -> Option<PriceRange> {
        let view = &self.market(market).view;
        let (touch, has_book) = (view.touch(), view.basis().has_book());
        let print = view.twice_mid().filter(|_| !has_book).map(PriceRange::of_twice);
        watch.at_hand(touch.best_bid().zip(touch.best_ask()), self.mid_of(market), print)
    }

    fn mid_of(&self, market: MarketId) -> Option<PriceRange> {
        let touch = self.market(market).view.touch();
        touch.twice_mid().filter(|_| touch.state == BookState::Synced).map(PriceRange::of_twice)
    }

    /// How much of a strategy's position an order of a side can take back.
    pub(super) fn reducible(&self, strategy: StrategyId, market: MarketId, side: Side) -> i64 {
        self.accounts.position(strategy, market).qty.saturating_mul(-side.sign()).max(0)
    }

    /// Holds what a message says against the orders that are kept in its market, and sends those that are set off.
    pub(super) fn watch_held(&mut self, market: MarketId, content: &Content) {
        let (mid, market_of) = (self.mid_of(market), &self.markets[market.index()]);
        let step = market_of.instrument.price_increment;
        let touch = market_of.view.touch();
        let best = touch.best_bid().zip(touch.best_ask()).filter(|_| touch.state == BookState::Synced);
        let is_barred = market_of.view.basis() == FillBasis::Bars;
        let mut set_off = Vec::new();
        for held in self.holds.orders.iter_mut().filter(|held| held.market == market) {
            let watch = &mut held.watch;
            // What would take at its limit now is not to wait for somebody else to trade there.
            let would_take = best.filter(|_| held.is_at_limit).is_some_and(|(bid, ask)| {
                watch.sees(PriceRange::exactly(if watch.side == Side::Buy { ask } else { bid }))
            });
            let is_set_off = match watch.trigger.by {
                TriggerBy::Last if is_barred => content.bars.iter().any(|bar| {
                    // What a bar reached that began before may have been before the order.
                    let reached = [bar.high, bar.low].into_iter().filter(|_| bar.ts_open >= held.since);
                    reached.chain([bar.close]).any(|price| watch.sees(PriceRange::exactly(price)))
                }),
                TriggerBy::Last => {
                    content.trades.iter().any(|trade| watch.sees(PriceRange::exactly(trade.price)))
                }
                TriggerBy::Mark => content.marks().any(|price| watch.sees(PriceRange::of_fine(price, step))),
                TriggerBy::Mid => mid.is_some_and(|mid| watch.sees(mid)),
            };
            if is_set_off || would_take {
                set_off.push(held.order);
            }
        }
        // Which of two legs a bar has met first nobody knows: a stop was.
        set_off.retain(|order| !is_barred || !self.is_stopped_by(*order, content));
        for order in set_off {
            self.set_off(order);
        }
    }

    /// Whether a bar has also met a stop at the venue, in the place of which an order that is kept would be sent.
    fn is_stopped_by(&self, id: OrderId, content: &Content) -> bool {
        let Some(group) = self.groups.of_order(id).filter(|group| self.stands_alone(*group)) else {
            return false;
        };
        let orders = self.desk.orders().open().filter(|order| order.id != id && order.is_venues());
        orders.filter(|order| order.group.is_some_and(|own| own.group == group)).any(|order| {
            let stop =
                order.waits_for().filter(|trigger| !matches!(trigger.at, TriggerAt::TakeProfit { .. }));
            let met = |trigger, bar: &VenueBar| {
                let mut watch = Watch::new(order.side, trigger);
                [bar.high, bar.low].into_iter().any(|price| watch.sees(PriceRange::exactly(price)))
            };
            stop.is_some_and(|trigger| content.bars.iter().any(|bar| met(trigger, bar)))
        })
    }

    /// An order has asked for another trigger: where it is kept, that holds at once, and the market may be there.
    pub(super) fn move_held(&mut self, id: OrderId) {
        let Some(order) = self.desk.orders().get(id).filter(|order| order.is_held) else { return };
        let (market, Pending::Replace(NewTerms { trigger: Some(to), .. })) = (order.market, order.pending())
        else {
            return;
        };
        let Some(at) = self.holds.orders.iter().position(|held| held.order == id) else { return };
        let mut watch = self.holds.orders[at].watch;
        watch.trigger = watch.trigger.moved(to);
        let is_set_off = self.price_at_hand(market, &watch).is_some_and(|price| watch.sees(price));
        self.holds.orders[at].watch = watch;
        if is_set_off {
            self.set_off(id);
        }
    }

    /// An order that is kept was set off: it is sent, of a group of which one leg stands at the venue at a time when it may.
    fn set_off(&mut self, id: OrderId) {
        match self.groups.of_order(id).filter(|group| self.stands_alone(*group)) {
            None => self.release(id),
            Some(group) => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.set_off(id);
                }
                self.work_group(group);
            }
        }
    }

    /// Sends an order that was kept.
    pub(super) fn release(&mut self, id: OrderId) {
        let Some(order) = self.desk.orders().get(id).filter(|order| order.is_held) else { return };
        let (strategy, market, side) = (order.strategy, order.market, order.side);
        let request = order.intended_request();
        self.read_for(&request);
        let reducible = self.reducible(strategy, market, side);
        let (desk, sender, around, journal) = self.at_desk(strategy);
        desk.release(sender, around, id, reducible, journal);
        self.forget_released();
        self.start_slices(id);
    }

    /// Keeps orders no longer that were sent or have ended, and follows their markets no longer.
    fn forget_released(&mut self) {
        let orders = self.desk.orders();
        let is_held = |id| orders.get(id).is_some_and(|order| order.is_held && order.is_changeable());
        for (strategy, market) in self.holds.keep(is_held) {
            self.topics.remove(strategy, market, Topics::HELD);
        }
    }

    /// Ends those orders whose time is over.
    pub(super) fn expire_held(&mut self) {
        let now = self.now;
        let over = |held: &&Held| held.expires_at.is_some_and(|at| at <= now);
        for id in self.holds.orders.iter().filter(over).map(|held| held.order).collect::<Vec<_>>() {
            let reason = Reason::GtdReached;
            self.desk.end_held(id, ReportKind::Expired(reason), Some(reason), now);
        }
        self.forget_released();
    }

    /// After a report on an order of a strategy: what the kernel does for others of its orders in the market.
    #[inline]
    pub(super) fn follow_report(&mut self, strategy: StrategyId, market: MarketId) {
        if !self.holds.orders.is_empty() {
            self.forget_released();
        }
        if self.holds.reduce {
            self.reduce_with(strategy, market);
        }
    }

    /// Makes orders that their venue cannot hold to be reduce-only no larger than the position.
    fn reduce_with(&mut self, strategy: StrategyId, market: MarketId) {
        let is_meant = |order: &&Order| {
            order.market == market && order.emulated.has(Emulated::REDUCE_ONLY) && order.is_venues()
        };
        let orders: Vec<_> = self.desk.open(strategy).filter(is_meant).cloned().collect();
        let replaces = self.market(market).instrument.supports.replace;
        for order in orders {
            let left = self.reducible(strategy, market, order.side);
            if order.most_left().steps() <= left || !order.is_changeable() {
                continue;
            }
            let price = order.price().filter(|_| replaces && left > 0);
            let qty = order.filled.saturating_add(Qty::new(left));
            let replaced = price.map(|price| self.replace(strategy, order.id, NewTerms::new(price, qty)));
            if !matches!(replaced, Some(Ok(true))) {
                self.cancel(strategy, order.id, Some(Reason::ReduceOnly));
            }
        }
    }
}
