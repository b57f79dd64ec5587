//! What the kernel knows about one instrument.

use std::sync::Arc;

use super::feature_feed::FeatureFeeds;
use super::feeds::BarFeeds;
use super::view::MarketView;
use crate::ledger::ContractMath;
use crate::risk::Rules;
use crate::types::{CurrencyId, Instrument, Price, Qty, Side};

/// What the kernel knows about one instrument.
pub(super) struct Market {
    pub(super) instrument: Arc<Instrument>,
    pub(super) math: ContractMath,
    pub(super) currency: CurrencyId,
    pub(super) is_listed: bool,
    pub(super) view: MarketView,
    pub(super) bars: BarFeeds,
    pub(super) features: FeatureFeeds,
}

impl Market {
    /// The best price that an order of a side finds on the other one.
    pub(super) fn best_against(&self, side: Side) -> Option<Price> {
        self.view.touch().best(side.opposite()).map(|best| Price::new(best.price))
    }

    /// What a new order of a side would take at: the other side's best price, or without a book the last one.
    pub(super) fn taken_at(&self, side: Side) -> Option<Price> {
        let print = self.view.twice_mid().filter(|_| !self.view.basis().has_book());
        self.best_against(side).or(print.map(|twice| Price::new(twice / 2)))
    }

    /// What the gate holds a command against at a time.
    pub(super) fn rules(&self, now: i64, filled: Qty) -> Rules<'_> {
        Rules {
            instrument: &self.instrument,
            math: &self.math,
            is_listed: self.is_listed,
            now,
            filled,
            exposure: None,
            hold: None,
            is_exit: false,
        }
    }
}
