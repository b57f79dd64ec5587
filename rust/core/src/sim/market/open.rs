//! What a market shows of itself: the orders that are open here, and the depth with them in it.

use std::iter::Peekable;

use super::Market;
use super::matching::Taker;
use super::resting::NO_KEY;
use super::terms::Terms;
use crate::orders::{OrderId, TimeInForce, Trigger};
use crate::types::{AccountId, Level, Price, Qty, Side};

/// An order that is open at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOrder {
    /// Whose it is.
    pub account: AccountId,
    /// Its number among those of its account.
    pub order: OrderId,
    /// Buy or sell.
    pub side: Side,
    /// Its limit; `None` of a market order.
    pub price: Option<Price>,
    /// Its total quantity.
    pub qty: Qty,
    /// What is filled of it.
    pub filled: Qty,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Whether it rests rather than take.
    pub post_only: bool,
    /// Whether it only makes a position smaller.
    pub reduce_only: bool,
    /// What it waits for, if it has not been set off.
    pub trigger: Option<Trigger>,
    /// When it arrived, or what was put in its place did, ns.
    pub arrived: i64,
}

impl OpenOrder {
    fn of(taker: &Taker, terms: &Terms, trigger: Option<Trigger>) -> Self {
        Self {
            account: taker.account,
            order: taker.id,
            side: taker.side,
            price: taker.limit.map(Price::new),
            qty: Qty::new(taker.qty),
            filled: Qty::new(taker.filled),
            time_in_force: terms.time_in_force,
            post_only: terms.post_only,
            reduce_only: terms.reduce_only,
            trigger,
            arrived: taker.placed.arrived,
        }
    }
}

impl Market {
    /// The orders that are open here: those that rest, those that wait for a print, those that wait for a trigger, each
    /// in order of arrival.
    pub fn open_orders(&self) -> impl Iterator<Item = OpenOrder> + '_ {
        let rest = self.orders.by_arrival().into_iter().map(|slot| {
            let order = self.orders.get(slot);
            OpenOrder {
                account: order.account,
                order: order.id,
                side: order.side,
                price: Some(Price::new(order.price)),
                qty: Qty::new(order.qty),
                filled: Qty::new(order.filled),
                time_in_force: order.terms.time_in_force,
                post_only: order.terms.post_only,
                reduce_only: order.terms.reduce_only,
                trigger: None,
                arrived: order.placed.arrived,
            }
        });
        let wait = self.prints.waiting.iter().map(|order| OpenOrder::of(&order.taker, &order.terms, None));
        let armed = self.triggers.armed.iter();
        rest.chain(wait)
            .chain(armed.map(|order| OpenOrder::of(&order.taker, &order.terms, Some(order.watch.trigger))))
    }

    /// The best levels of a side, best first. With `own`, as the venue shows them to everybody: without what our orders
    /// have taken, and with what is displayed of those that rest.
    pub fn depth(&self, side: Side, levels: usize, own: bool) -> Vec<Level> {
        if !own {
            return self.book.iter(side).take(levels).collect();
        }
        let mut displayed = self.book.iter(side).peekable();
        let mut keys = self.orders.keys(side).iter().rev().copied().peekable();
        let next = std::iter::from_fn(|| self.next_shown(side, &mut displayed, &mut keys));
        next.filter(|level| level.qty > 0).take(levels).collect()
    }

    /// The next level of the data or of our orders, whichever is better, with what is there of both.
    fn next_shown(
        &self,
        side: Side,
        displayed: &mut Peekable<impl Iterator<Item = Level>>,
        keys: &mut Peekable<impl Iterator<Item = i64>>,
    ) -> Option<Level> {
        let market = displayed.peek().map_or(NO_KEY, |level| level.price * side.sign());
        let key = market.max(keys.peek().copied().unwrap_or(NO_KEY));
        if key == NO_KEY {
            return None;
        }
        let shown = displayed.next_if(|level| level.price * side.sign() == key).map_or(0, |level| level.qty);
        let left = shown - self.taken.at(side, key, 0);
        let own = keys.next_if(|own| *own == key).map_or(0, |_| self.own_at(side, key));
        Some(Level { price: key * side.sign(), qty: left + own })
    }

    /// What is displayed of our orders at a key.
    fn own_at(&self, side: Side, key: i64) -> i64 {
        let orders = std::iter::successors(self.orders.first_at(side, key), |slot| self.orders.behind(*slot));
        orders.map(|slot| self.orders.get(slot).shown()).sum()
    }
}
