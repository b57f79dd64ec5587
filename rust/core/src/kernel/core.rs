//! The kernel's state: its parts, each with rules of its own.

use super::accounts::Accounts;
use super::entry::{Desk, Sender};
use super::journal::Journal;
use super::market::Market;
use super::quoting::Quotes;
use super::record::Record;
use super::signals::Signals;
use super::timers::Timers;
use super::topics::Registry;
use crate::orders::SessionId;
use crate::types::{AccountId, MarketId, StrategyId};

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
    pub(super) signals: Signals,
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
