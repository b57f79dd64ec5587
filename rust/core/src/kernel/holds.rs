//! Orders that the kernel keeps in their venues' place, until what sets them off is there.

use crate::orders::{OrderId, OrderStore, Watch};
use crate::types::{Decoded, MarketId, Reader, StrategyId, Writer};

/// An order that is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) order: OrderId,
    pub(super) strategy: StrategyId,
    pub(super) market: MarketId,
    /// Since when, ns.
    pub(super) since: i64,
    pub(super) watch: Watch,
    /// Whether what sets it off is that the market has come to its limit.
    pub(super) is_at_limit: bool,
    /// When it ends by its own terms, ns.
    pub(super) expires_at: Option<i64>,
}

/// The orders that are kept, oldest first.
#[derive(Debug, Default)]
pub(super) struct Holds {
    pub(super) orders: Vec<Held>,
    /// Whether orders at venues are to be made smaller with their positions.
    pub(super) reduce: bool,
    /// Whether parts of orders are sent in their place.
    pub(super) slices: bool,
    /// When one ends by its own terms next.
    due: Option<i64>,
}

impl Holds {
    /// When one ends by its own terms next.
    #[inline]
    pub(super) fn next(&self) -> Option<i64> {
        self.due
    }

    /// Keeps an order.
    pub(super) fn add(&mut self, held: Held) {
        self.orders.push(held);
        self.refresh();
    }

    /// Keeps those no longer that have gone, and returns whose they were and where.
    pub(super) fn keep(&mut self, is_held: impl Fn(OrderId) -> bool) -> Vec<(StrategyId, MarketId)> {
        let mut gone = Vec::new();
        self.orders.retain(|held| {
            let stays = is_held(held.order);
            if !stays {
                gone.push((held.strategy, held.market));
            }
            stays
        });
        self.refresh();
        gone.retain(|pair| !self.orders.iter().any(|held| (held.strategy, held.market) == *pair));
        gone
    }

    fn refresh(&mut self) {
        self.due = self.orders.iter().filter_map(|held| held.expires_at).min();
    }

    /// Writes down what their orders do not say.
    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.flag(self.reduce);
        w.flag(self.slices);
        w.list(self.orders.iter(), |w, held| {
            w.u64(held.order);
            w.option(held.watch.extreme, Writer::i64);
            w.flag(held.is_at_limit);
        });
    }

    /// What [`Holds::save`] wrote, of these orders.
    pub(super) fn load(r: &mut Reader<'_>, orders: &OrderStore) -> Decoded<Self> {
        let mut holds = Self { reduce: r.flag()?, slices: r.flag()?, ..Self::default() };
        for _ in 0..r.u64()? {
            let (id, extreme, is_at_limit) = (r.u64()?, r.option(Reader::i64)?, r.flag()?);
            let Some((order, trigger)) = orders.get(id).and_then(|order| Some((order, order.trigger?)))
            else {
                return r.error("an order that is kept");
            };
            holds.orders.push(Held {
                order: id,
                strategy: order.strategy,
                market: order.market,
                since: order.ts_submit,
                watch: Watch { extreme, ..Watch::new(order.side, trigger) },
                is_at_limit,
                expires_at: order.time_in_force.expires_at(),
            });
        }
        holds.refresh();
        Ok(holds)
    }
}
