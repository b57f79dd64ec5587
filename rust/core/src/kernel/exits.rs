//! What the kill switch or the circuit breaker is closing.

use std::collections::BTreeMap;

use crate::orders::OrderId;
use crate::types::{Decoded, MarketId, Reader, StrategyId, Writer};

/// Time between two rounds, ns.
pub(super) const ROUND: i64 = 100_000_000;

/// What is being closed.
#[derive(Debug, Default)]
pub(super) struct Exits {
    /// Each with the last order that was to close it.
    pub(super) pairs: BTreeMap<(StrategyId, MarketId), Option<OrderId>>,
    /// When the next round is, ns.
    pub(super) next: Option<i64>,
}

impl Exits {
    /// When the next round is, ns.
    #[inline]
    pub(super) fn next(&self) -> Option<i64> {
        self.next
    }

    /// Whether something is being closed.
    pub(super) fn are_on(&self) -> bool {
        self.next.is_some()
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.option(self.next, Writer::i64);
        w.index(self.pairs.len());
        for ((strategy, market), exit) in &self.pairs {
            w.index(strategy.index());
            w.index(market.index());
            w.option(*exit, Writer::u64);
        }
    }

    pub(super) fn load(r: &mut Reader<'_>, strategies: usize, markets: usize) -> Decoded<Self> {
        let next = r.option(Reader::i64)?;
        let mut pairs = BTreeMap::new();
        for _ in 0..r.index()? {
            let pair = (r.strategy_of(strategies)?, r.market_of(markets)?);
            pairs.insert(pair, r.option(Reader::u64)?);
        }
        Ok(Self { pairs, next })
    }
}
