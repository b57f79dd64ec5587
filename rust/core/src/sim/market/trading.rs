//! How resting orders fill: by trades at their price or beyond it, and by the other side when it comes to them.

use super::Market;
use super::matching::Step;
use super::news::Trade;
use super::resting::{NO_KEY, Resting, Slot};
use crate::orders::FillEvent;
use crate::sim::queue::Print;
use crate::sim::update::Update;
use crate::types::{AccountId, Side};

impl Market {
    pub(super) fn on_trade(&mut self, trade: Trade, now: i64, out: &mut Vec<(AccountId, Update)>) {
        let Trade { aggressor, price, qty, at } = trade;
        self.trades += 1;
        let passive = aggressor.map(Side::opposite);
        if let Some(passive) = passive {
            self.taken.trade(passive, price * passive.sign(), qty, at);
        }
        if self.orders.best(Side::Buy) < price && self.orders.best(Side::Sell) < -price {
            return;
        }
        let first = passive.unwrap_or(Side::Buy);
        for side in [first, first.opposite()] {
            let traded = price * side.sign();
            let best = self.orders.best(side);
            if best > traded {
                self.trade_through(side, traded, trade, now, out);
            }
            if best >= traded && passive == Some(side) {
                self.news.traded = true;
                let mut at = self.orders.first_at(side, traded);
                while let Some(slot) = at {
                    at = self.orders.behind(slot);
                    let fill = self.reach_by_trade(slot, trade);
                    if fill > 0 {
                        out.push(self.fill_resting(slot, fill, FillEvent::Print, now));
                    }
                }
            }
        }
    }

    /// Lets a trade beyond the price of own orders fill them, as far as it goes.
    fn trade_through(
        &mut self,
        side: Side,
        traded: i64,
        trade: Trade,
        now: i64,
        out: &mut Vec<(AccountId, Update)>,
    ) {
        self.news.traded = true;
        let mut passed = std::mem::take(&mut self.reached);
        self.orders.down_to(side, traded + 1, &mut passed);
        for slot in passed.drain(..) {
            if self.is_older(slot, trade) {
                continue;
            }
            let Resting { pool, .. } = *self.orders.get(slot);
            let lot = self.lot;
            let leaves = self.fillable(slot);
            let left = self.left_of_trade(pool, trade.qty);
            let fill = if *left >= leaves { leaves } else { *left / lot * lot };
            *left -= fill;
            self.note_ahead(slot);
            // What stood ahead has traded.
            self.orders.get_mut(slot).place.pass();
            if fill > 0 {
                out.push(self.fill_resting(slot, fill, FillEvent::Print, now));
            }
        }
        self.reached = passed;
    }

    /// Whether a trade was in what the book showed when an order joined.
    fn is_older(&self, slot: Slot, trade: Trade) -> bool {
        let order = self.orders.get(slot);
        !self.pools[order.pool as usize].rule.queue.is_compat && trade.at <= order.joined_at
    }

    /// What is left of the newest trade, of `qty`, for a pool's orders.
    pub(super) fn left_of_trade(&mut self, pool: u32, qty: i64) -> &mut i64 {
        let pool = &mut self.pools[pool as usize];
        if pool.trade != self.trades {
            (pool.trade, pool.left) = (self.trades, qty);
        }
        &mut pool.left
    }

    /// Lets a trade at an order's price work on its queue; returns how much of it fills the order.
    fn reach_by_trade(&mut self, slot: Slot, trade: Trade) -> i64 {
        if self.is_older(slot, trade) {
            return 0;
        }
        self.note_ahead(slot);
        let (pool, fillable) = (self.orders.get(slot).pool, self.fillable_shown(slot));
        let left = *self.left_of_trade(pool, trade.qty);
        let order = self.orders.get_mut(slot);
        let pool = &mut self.pools[pool as usize];
        let print = Print { qty: left, at: trade.at, is_shown: trade.at <= order.shrunk_at };
        if let Some(model) = &mut pool.custom {
            let fill = order.reach(model, print, trade.qty - left, self.lot).min(fillable).max(0);
            pool.left = left - fill;
            return fill;
        }
        if left < trade.qty {
            pool.rule.queue.on_trade_ahead(&mut order.place, Print { qty: trade.qty - left, ..print });
        }
        if left == 0 {
            return 0;
        }
        let reach =
            pool.rule.queue.on_trade(&mut order.place, print, order.displayed, self.lot, &mut pool.random);
        let fill = reach.min(fillable).max(0);
        pool.left = (left - fill).max(0);
        fill
    }

    /// Fills the orders that the other side's best price has reached, better prices first, then in order of arrival.
    pub(super) fn fill_reached(&mut self, now: i64, out: &mut Vec<(AccountId, Update)>) {
        let (bid, ask) = self.book.touch_keys();
        let mut reached = std::mem::take(&mut self.reached);
        for (side, other) in [(Side::Buy, ask), (Side::Sell, bid)] {
            if other != NO_KEY {
                self.orders.down_to(side, -other, &mut reached);
            }
        }
        for slot in reached.drain(..) {
            let Resting { side, price, pool, .. } = *self.orders.get(slot);
            if !self.pools[pool as usize].rule.reaches {
                continue;
            }
            let leaves = self.fillable(slot);
            let fill = self.use_up(side, price, pool, leaves);
            if fill > 0 {
                self.note_ahead(slot);
                out.push(self.fill_resting(slot, fill, FillEvent::Book, now));
            }
        }
        self.reached = reached;
    }

    /// Takes up to `qty` of what is displayed up to a price, as far as a pool is concerned; returns how much.
    fn use_up(&mut self, side: Side, price: i64, pool: u32, qty: i64) -> i64 {
        let mut steps = std::mem::take(&mut self.steps);
        self.plan(side, Some(price), pool, None, qty, &mut steps);
        let mut used = 0;
        for step in &steps {
            if let Step::Displayed { level, displayed, qty, .. } = *step {
                let passive = side.opposite();
                self.taken.add(passive, level * passive.sign(), pool, displayed, qty);
                used += qty;
            }
        }
        self.steps = steps;
        used
    }
}
