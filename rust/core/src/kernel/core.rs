//! The kernel's state: its parts, each with rules of its own.

use super::accounts::Accounts;
use super::entry::{Desk, Sender};
use super::events::Events;
use super::executions::Executions;
use super::exits::Exits;
use super::groups::Groups;
use super::holds::Holds;
use super::journal::Journal;
use super::market::Market;
use super::quoting::Quotes;
use super::record::{Record, RefusalRow};
use super::signals::Signals;
use super::stop_sets::Stopping;
use super::timers::Timers;
use super::topics::Registry;
use crate::event::Heads;
use crate::orders::SessionId;
use crate::types::{AccountId, MarketId, StrategyId};

/// What the kernel does by itself; of one time in this order: timers see its bars, and which signals have ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Due {
    /// Limits are to be looked at again: silence, or a cooldown that is over.
    Limits,
    /// Positions are to be closed.
    Exits,
    /// A position was held long enough, or what a stop left of one is to be closed.
    Stops,
    /// Orders that the kernel keeps end by their own terms.
    Held,
    /// Bars of a market are closed.
    Bars(MarketId),
    /// A signal ends.
    Expiry,
    /// A timer goes off.
    Timer,
    /// Groups of orders act; hooks of the same time come first.
    Group,
    /// Executions act, likewise.
    Execution,
}

/// The kernel's state. Strategies reach it through [`super::Context`].
pub(super) struct Core {
    pub(super) now: i64,
    pub(super) session: SessionId,
    pub(super) markets: Vec<Market>,
    pub(super) currencies: Vec<String>,
    /// The account each strategy trades on.
    pub(super) trades_on: Vec<AccountId>,
    /// The name of each strategy.
    pub(super) names: Vec<String>,
    /// The refusal that is being told of.
    pub(super) refused: Option<RefusalRow>,
    /// What the kill switch or the circuit breaker is closing.
    pub(super) exits: Exits,
    /// Who listens, and what it is to be told; boxed, since mostly nobody does.
    pub(super) events: Option<Box<Events>>,
    /// Stops, where there are any.
    pub(super) stopping: Option<Box<Stopping>>,
    pub(super) accounts: Accounts,
    pub(super) desk: Desk,
    pub(super) quotes: Quotes,
    pub(super) timers: Timers,
    pub(super) executions: Executions,
    pub(super) groups: Groups,
    pub(super) holds: Holds,
    pub(super) signals: Signals,
    /// When bars of each market are due.
    pub(super) bars_due: Heads,
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

    /// The same, of somebody who is about to send.
    pub(super) fn sender_at(&self, strategy: StrategyId, now: i64) -> Sender {
        Sender { now, ..self.sender(strategy) }
    }

    /// What is known about a market.
    #[inline]
    pub(super) fn market(&self, market: MarketId) -> &Market {
        &self.markets[market.index()]
    }

    /// Whether strategies or limits need every message of a market.
    #[inline]
    pub(super) fn is_followed(&self, market: MarketId) -> bool {
        !self.topics.of(market).is_empty() || self.limits_need_messages(market) || self.watches_stops(market)
    }

    /// What is to be done next without an input that asks for it, and when.
    #[inline]
    pub(super) fn next_due(&self) -> Option<(i64, Due)> {
        let mut next = self.executions.next().map(|at| (at.max(self.now), Due::Execution));
        let is_first = |at: i64, next: Option<(i64, Due)>| next.is_none_or(|(other, _)| at <= other);
        if let Some(at) = self.groups.next()
            && is_first(at, next)
        {
            next = Some((at, Due::Group));
        }
        if let Some(at) = self.timers.next()
            && is_first(at, next)
        {
            next = Some((at, Due::Timer));
        }
        if let Some(at) = self.signals.next_expiry()
            && is_first(at, next)
        {
            next = Some((at, Due::Expiry));
        }
        if let Some((market, at)) = self.bars_due.first()
            && is_first(at, next)
        {
            next = Some((at, Due::Bars(MarketId::new(market))));
        }
        if let Some(at) = self.stopping.as_ref().and_then(|stopping| stopping.next())
            && is_first(at, next)
        {
            next = Some((at, Due::Stops));
        }
        if let Some(at) = self.holds.next()
            && is_first(at, next)
        {
            next = Some((at, Due::Held));
        }
        if let Some(at) = self.exits.next()
            && is_first(at, next)
        {
            next = Some((at, Due::Exits));
        }
        if let Some(at) = self.desk.engine().and_then(crate::risk::Engine::next_due)
            && is_first(at, next)
        {
            next = Some((at, Due::Limits));
        }
        next
    }

    /// The bars of a market may be due at another time.
    #[inline]
    pub(super) fn set_bars_due(&mut self, market: MarketId) {
        let (due, is_new) = self.markets[market.index()].bars.deadline();
        if is_new {
            self.bars_due.set(market.index(), due);
        }
    }

    /// A strategy follows no bars any more.
    pub(super) fn forget_bars(&mut self, strategy: StrategyId) {
        for at in 0..self.markets.len() {
            if self.markets[at].bars.are_followed() {
                self.markets[at].bars.forget(strategy);
                self.set_bars_due(MarketId::new(at));
            }
        }
    }
}
