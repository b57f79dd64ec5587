//! What the kernel knows about one instrument.

use std::sync::Arc;

use super::view::MarketView;
use crate::bars::TimeBars;
use crate::ledger::ContractMath;
use crate::risk::Rules;
use crate::types::{CurrencyId, Instrument, Qty, StrategyId};

/// Bars of one length in one market.
pub(super) struct BarFeed {
    pub(super) interval_ns: i64,
    pub(super) bars: TimeBars,
    /// Who is told.
    pub(super) followers: Vec<StrategyId>,
    /// Whether they are kept in the record.
    pub(super) is_recorded: bool,
}

/// What the kernel knows about one instrument.
pub(super) struct Market {
    pub(super) instrument: Arc<Instrument>,
    pub(super) math: ContractMath,
    pub(super) currency: CurrencyId,
    pub(super) is_listed: bool,
    pub(super) view: MarketView,
    pub(super) bars: Vec<BarFeed>,
}

impl Market {
    /// What the gate holds a command against.
    pub(super) fn rules(&self, filled: Qty) -> Rules<'_> {
        Rules { instrument: &self.instrument, math: &self.math, is_listed: self.is_listed, filled }
    }

    /// The bars of a length.
    pub(super) fn bar_feed(&mut self, interval_ns: i64) -> &mut BarFeed {
        let at = self.bars.iter().position(|feed| feed.interval_ns == interval_ns).unwrap_or_else(|| {
            self.bars.push(BarFeed {
                interval_ns,
                bars: TimeBars::new(interval_ns),
                followers: Vec::new(),
                is_recorded: false,
            });
            self.view.follow();
            self.bars.len() - 1
        });
        &mut self.bars[at]
    }
}
