//! The kernel's state: its parts, each with rules of its own.

use std::sync::Arc;

use super::accounts::Accounts;
use super::entry::{Desk, Sender};
use super::journal::Journal;
use super::quoting::Quotes;
use super::record::Record;
use super::timers::Timers;
use super::topics::Registry;
use super::view::MarketView;
use crate::bars::TimeBars;
use crate::ledger::ContractMath;
use crate::orders::SessionId;
use crate::risk::Rules;
use crate::types::{AccountId, CurrencyId, Instrument, MarketId, StrategyId};

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
    pub(super) fn rules(&self, filled: i64) -> Rules<'_> {
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

/// The kernel's state. Strategies reach it through [`super::Context`].
pub(super) struct Core {
    pub(super) now: i64,
    pub(super) session: SessionId,
    pub(super) markets: Vec<Market>,
    pub(super) currencies: Vec<String>,
    /// The account each strategy trades on.
    pub(super) trades_on: Vec<AccountId>,
    pub(super) accounts: Accounts,
    pub(super) desk: Desk,
    pub(super) quotes: Quotes,
    pub(super) timers: Timers,
    pub(super) topics: Registry,
    pub(super) record: Record,
    pub(super) journal: Journal,
}

impl Core {
    /// Who sends, when.
    #[inline]
    pub(super) fn sender(&self, strategy: StrategyId) -> Sender {
        Sender { strategy, account: self.trades_on[strategy.index()], now: self.now }
    }

    /// What is known about a market.
    #[inline]
    pub(super) fn market(&self, market: MarketId) -> &Market {
        &self.markets[market.index()]
    }
}
