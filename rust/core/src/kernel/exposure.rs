//! What an order comes to and what is held and works besides, as limits count it.

use super::accounts::Accounts;
use super::market::Market;
use crate::ledger::ACCOUNT_LIMIT;
use crate::orders::{NewTerms, Order, OrderId, OrderRequest, OrderStore, OrderType, Pending, Trigger};
use crate::risk::{Amounts, Ask, Engine, Exposure, Measures, Standing, Units};
use crate::types::{AccountId, MarketId, Money, Price, Qty, Side, StrategyId};

/// What orders are held against: the markets, and what everybody holds.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) markets: &'a [Market],
    pub(super) accounts: &'a Accounts,
    /// The account of each strategy.
    pub(super) trades_on: &'a [AccountId],
}

/// Requests that are sent in one breath before another one: orders, and requests at all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Earlier {
    pub(super) orders: u32,
    pub(super) requests: u32,
}

impl<'a> Around<'a> {
    /// A market.
    #[inline]
    pub(super) fn market(&self, market: MarketId) -> &'a Market {
        &self.markets[market.index()]
    }

    /// What the strategies on the account of one hold and have working, but for one order.
    pub(super) fn standing(
        &self,
        engine: &Engine,
        orders: &OrderStore,
        strategy: StrategyId,
        but: Option<OrderId>,
    ) -> Standing {
        let account = self.trades_on[strategy.index()];
        let mut standing = Standing::default();
        for &id in self.accounts.traded() {
            for strategy in (0..self.trades_on.len()).filter(|s| self.trades_on[*s] == account) {
                let strategy = StrategyId::new(strategy);
                let qty = self.accounts.position(strategy, id).qty;
                if qty != 0 {
                    let measures = self.measures(engine, id, qty.abs(), None);
                    let holding = standing.of_mut(id, strategy);
                    holding.held = if qty > 0 { measures } else { measures.map(|measure| -measure) };
                }
            }
        }
        // What is shown of an order is a part of it.
        for order in orders.open().filter(|order| !order.never_sent && order.parent.is_none()) {
            if self.trades_on[order.strategy.index()] != account || but == Some(order.id) {
                continue;
            }
            let measures = self.left_of(engine, order);
            let holding = standing.of_mut(order.market, order.strategy);
            let working = &mut holding.sides[order.side.index()];
            working.orders += 1;
            let to = if order.reduce_only { &mut working.reducing } else { &mut working.plain };
            to.iter_mut().zip(measures).for_each(|(to, measure)| *to = to.saturating_add(measure));
        }
        standing
    }

    /// What an open order may still come to, whichever of the terms on their way it has.
    fn left_of(&self, engine: &Engine, order: &Order) -> Measures {
        let set_off = order.trigger.and_then(Trigger::price);
        let price = match order.pending {
            Pending::Replace(terms) => order.price().or(set_off).map(|own| own.max(terms.price)),
            Pending::Nothing | Pending::Cancel => order.price().or(set_off),
        };
        self.measures(engine, order.market, order.most_left().steps(), price)
    }

    /// A quantity in the three measures, at a price or else at the mark.
    fn measures(&self, engine: &Engine, id: MarketId, qty: i64, price: Option<Price>) -> Measures {
        let market = self.market(id);
        let value = match (price, market.view.mark()) {
            (Some(price), _) => market.math.value(price, Qty::new(qty)),
            (None, Some(mark)) => market.math.value_at_mark(mark, qty),
            (None, None) => return [engine.to_units(id, qty), 0, 0],
        };
        // Nothing that could be sent is worth more.
        let most = |units: Option<Units>| units.unwrap_or(ACCOUNT_LIMIT);
        let notional = value.and_then(|value| market.math.notional(&market.instrument, value, Qty::new(qty)));
        [engine.to_units(id, qty), most(notional.ok().map(Money::units)), most(value.ok().map(Money::units))]
    }

    /// A new order as limits see it, and what is held and works besides.
    pub(super) fn of_order(
        &self,
        engine: &Engine,
        orders: &OrderStore,
        (strategy, now): (StrategyId, i64),
        request: &OrderRequest,
        earlier: Earlier,
    ) -> Exposure {
        let waits = request.trigger.is_some();
        let acts_at = match (request.order_type, request.trigger) {
            (OrderType::Limit { price }, _) => Some(price),
            (OrderType::Market, Some(trigger)) => trigger.price(),
            (OrderType::Market, None) => self.worst(engine, strategy, request),
        };
        let measures = self.measures(engine, request.market, request.qty.steps(), acts_at);
        let price = acts_at.filter(|_| !waits).map(Price::steps);
        let ask = Ask {
            earlier: (earlier.orders, earlier.requests),
            is_limit: request.order_type != OrderType::Market,
            reduce_only: request.reduce_only,
            ..self.ask(strategy, request.market, request.side, now)
        };
        let amounts = Amounts { total: measures, working: measures, price };
        Exposure { ask, amounts, standing: self.standing(engine, orders, strategy, None) }
    }

    /// A new limit order, as limits see it, of which only the side is known.
    pub(super) fn ask(&self, strategy: StrategyId, market: MarketId, side: Side, now: i64) -> Ask {
        let view = &self.market(market).view;
        Ask {
            strategy,
            market,
            side,
            now,
            before: Measures::default(),
            is_new: true,
            is_limit: true,
            reduce_only: false,
            earlier: (0, 0),
            touch: view.touch(),
            twice_mid: view.twice_mid(),
            has_book: view.basis().has_book(),
        }
    }

    /// The amounts of a new limit order.
    #[inline]
    pub(super) fn amounts(&self, engine: &Engine, market: MarketId, price: Price, qty: Qty) -> Amounts {
        let measures = self.measures(engine, market, qty.steps(), Some(price));
        Amounts { total: measures, working: measures, price: Some(price.steps()) }
    }

    /// New terms of an order as limits see them, and what is held and works besides.
    pub(super) fn of_replacement(
        &self,
        engine: &Engine,
        orders: &OrderStore,
        now: i64,
        order: &Order,
        NewTerms { price, qty, .. }: NewTerms,
        earlier: Earlier,
    ) -> Exposure {
        let left = (qty - order.filled).max(order.most_left());
        let dearer = order.price().map_or(price, |own| own.max(price));
        let waits = order.waits_for_trigger();
        let ask = Ask {
            before: self.left_of(engine, order),
            is_new: false,
            reduce_only: order.reduce_only,
            earlier: (earlier.orders, earlier.requests),
            ..self.ask(order.strategy, order.market, order.side, now)
        };
        let amounts = Amounts {
            total: self.measures(engine, order.market, qty.steps(), Some(price)),
            working: self.measures(engine, order.market, left.steps(), Some(dearer)),
            price: (!waits).then_some(price.steps()),
        };
        let but = Some(order.parent.unwrap_or(order.id));
        Exposure { ask, amounts, standing: self.standing(engine, orders, order.strategy, but) }
    }

    /// The worst price that a market order meets: the last level it needs, or where what the book shows is not enough,
    /// as far as a collar lets it go.
    fn worst(&self, engine: &Engine, strategy: StrategyId, request: &OrderRequest) -> Option<Price> {
        let market = self.market(request.market);
        if !market.view.basis().has_book() {
            return market.view.twice_mid().map(|twice_mid| Price::new(twice_mid / 2));
        }
        let walk = market.view.book_read().walk(request.side.opposite(), request.qty.steps());
        let worst = walk.worst?;
        if walk.unfilled == 0 {
            return Some(Price::new(worst));
        }
        let best = market.view.touch().best(request.side.opposite())?.price;
        let Some(collar) = engine.collar(strategy, request.market) else { return Some(Price::new(worst)) };
        let room = i128::from(best).saturating_mul(collar) / (10_000 * crate::risk::ONE);
        let room = i64::try_from(room).unwrap_or(i64::MAX);
        let edge = if request.side == Side::Buy { best.saturating_add(room) } else { best - room };
        let far = if request.side == Side::Buy { worst.max(edge) } else { worst.min(edge) };
        Some(Price::new(far))
    }
}
