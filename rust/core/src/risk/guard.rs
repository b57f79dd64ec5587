//! A set of limits and what it counts: of an account, a venue, an instrument or a strategy.

use std::sync::Arc;

use super::check::{Check, ONE, Scope, Units};
use super::limits::{Limits, OnTrip};
use super::mids::Worth;
use super::standing::Standing;
use super::window::{Range, Window};
use crate::book::{BookState, Touch};
use crate::types::{DAY, MarketId, StrategyId};

/// What a guard lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Stop {
    /// What its limits allow.
    #[default]
    None = 0,
    /// Orders that reduce a position.
    Reducing = 1,
    /// Nothing: all that is held is being closed.
    Flattening = 2,
    /// Nothing.
    Halted = 3,
}

impl Stop {
    /// From its number.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        [Self::None, Self::Reducing, Self::Flattening, Self::Halted].get(usize::from(code)).copied()
    }

    /// What follows where a limit trips.
    pub(super) fn of(does: OnTrip) -> Self {
        match does {
            OnTrip::Refuse => Self::None,
            OnTrip::Reduce => Self::Reducing,
            OnTrip::Flatten => Self::Flattening,
            OnTrip::Halt => Self::Halted,
        }
    }

    /// Whether not even what reduces a position passes.
    pub fn is_hard(self) -> bool {
        self >= Self::Flattening
    }
}

/// A guard has stopped, or goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trip {
    /// When, ns.
    pub ts: i64,
    /// What tripped it; none where it goes on.
    pub check: Option<Check>,
    /// Whose guard it is.
    pub scope: Scope,
    /// The name of the venue, instrument or strategy; the number of the account.
    pub name: Arc<str>,
    /// The limit.
    pub limit: Units,
    /// What it had come to.
    pub value: Units,
    /// What is done about it.
    pub does: OnTrip,
    /// The guard.
    pub(crate) guard: usize,
}

/// A limit that was reached: the check, the limit, what it came to.
pub(super) type Reached = (Check, Units, Units);

/// A set of limits at work.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub(super) scope: Scope,
    pub(super) name: Arc<str>,
    pub(super) limits: Limits,
    /// Whether it counts what its strategies make: from its first limit on.
    pub(super) counts: bool,
    /// Whom it is of, by strategy and by market.
    pub(super) strategies: Vec<bool>,
    pub(super) markets: Vec<bool>,
    pub(super) orders: Window,
    pub(super) messages: Window,
    pub(super) rejects: Window,
    /// What its strategies have made and hold in each market.
    pub(super) worths: Vec<Units>,
    /// What that changes by with every half of a price increment of its mid; none where that is not always the same.
    pub(super) slopes: Vec<Option<Units>>,
    /// Where the mids of its markets have been, where a limit asks.
    pub(super) ranges: Vec<Range>,
    /// The sum of its worths, the most there was of it, and what there was when the day began.
    pub(super) equity: Units,
    pub(super) peak: Units,
    pub(super) day_equity: Units,
    /// The day that is counted, and the orders that traded in it.
    pub(super) day: i64,
    pub(super) trades: u64,
    /// Round trips in a row that lost.
    pub(super) losses: u64,
    pub(super) stop: Stop,
    /// When it may go on by itself, ns.
    pub(super) until: i64,
    /// What the message at hand reached by itself.
    pub(super) sudden: Option<Reached>,
}

impl Guard {
    pub(super) fn new(
        scope: Scope,
        name: Arc<str>,
        limits: Limits,
        strategies: Vec<bool>,
        markets: Vec<bool>,
    ) -> Self {
        Self {
            scope,
            name,
            counts: !limits.is_empty(),
            limits,
            worths: vec![0; markets.len()],
            slopes: vec![None; markets.len()],
            ranges: vec![Range::default(); markets.len()],
            strategies,
            markets,
            orders: Window::default(),
            messages: Window::default(),
            rejects: Window::default(),
            equity: 0,
            peak: 0,
            day_equity: 0,
            day: i64::MIN,
            trades: 0,
            losses: 0,
            stop: Stop::None,
            until: 0,
            sudden: None,
        }
    }

    /// Whether a strategy falls under it.
    #[inline]
    pub(super) fn has(&self, strategy: StrategyId) -> bool {
        self.strategies[strategy.index()]
    }

    /// Whether it holds a strategy's own limits.
    pub(super) fn is_own(&self, strategy: StrategyId) -> bool {
        self.scope == Scope::Strategy && self.has(strategy)
    }

    /// Whether what a strategy does in a market falls under it.
    #[inline]
    pub(super) fn covers(&self, strategy: StrategyId, market: MarketId) -> bool {
        self.has(strategy) && self.markets[market.index()]
    }

    /// Orders open under it.
    pub(super) fn open_orders(&self, standing: &Standing) -> u32 {
        standing.orders(|m, s| self.covers(s, m))
    }

    /// Orders that traded today, and the loss.
    pub(super) fn today(&self, now: i64, day_begins: i64) -> (u64, Units) {
        if self.is_day(now, day_begins) {
            (self.trades, self.day_equity.saturating_sub(self.equity))
        } else {
            (0, 0)
        }
    }

    /// Whether it counts the day that a time falls on.
    pub(super) fn is_day(&self, now: i64, day_begins: i64) -> bool {
        day_of(now, day_begins) == self.day
    }

    /// Begins another day where it has.
    pub(super) fn roll(&mut self, now: i64, day_begins: i64) {
        let day = day_of(now, day_begins);
        if day != self.day {
            (self.day, self.trades, self.day_equity) = (day, 0, self.equity);
        }
    }

    /// Counts what its strategies have made and hold in a market again.
    pub(super) fn value(&mut self, market: MarketId, worth: impl Fn(StrategyId) -> Option<Worth>) {
        let (mut sum, mut slope) = (0, Some(0));
        for (at, _) in self.strategies.iter().enumerate().filter(|(_, is_in)| **is_in) {
            let Some(worth) = worth(StrategyId::new(at)) else {
                // What cannot be counted ends its strategy elsewhere; until then it counts as it did.
                self.slopes[market.index()] = None;
                return;
            };
            sum += worth.made.units();
            slope = slope.zip(worth.slope).map(|(all, one): (Units, Units)| all + one);
        }
        self.slopes[market.index()] = slope;
        let before = std::mem::replace(&mut self.worths[market.index()], sum);
        self.equity = self.equity.saturating_add(sum.saturating_sub(before));
        self.peak = self.peak.max(self.equity);
    }

    /// Looks at prices of a market as such; the mid where it has moved.
    pub(super) fn look(&mut self, now: i64, market: MarketId, touch: &Touch, moved: Option<i64>) {
        if touch.state != BookState::Synced || touch.is_crossed() {
            return;
        }
        let bps =
            |part: i64, twice: i64| i128::from(part).saturating_mul(20_000 * ONE) / i128::from(twice.max(1));
        if let Some(limit) = self.limits.get(Check::TripSpreadBps)
            && let (Some(spread), Some(twice_mid)) = (touch.spread(), touch.twice_mid())
        {
            let value = bps(spread, twice_mid);
            if value > limit.value {
                self.sudden = Some((Check::TripSpreadBps, limit.value, value));
            }
        }
        if let (Some(limit), Some(twice_mid)) = (self.limits.get(Check::TripJumpBps), moved) {
            let (high, low) = self.ranges[market.index()].note(now, twice_mid, limit.window);
            let value = bps(high - twice_mid, 2 * high).max(bps(twice_mid - low, 2 * low));
            if value > limit.value {
                self.sudden = Some((Check::TripJumpBps, limit.value, value));
            }
        }
    }

    /// The first limit that trips and is reached; `all` with those that begin anew when it goes on.
    pub(super) fn reached(&mut self, now: i64, all: bool) -> Option<Reached> {
        let sudden = self.sudden.take();
        let at_limit = |check: Check, value: Units| {
            self.limits
                .get(check)
                .filter(|limit| value >= limit.value)
                .map(|limit| (check, limit.value, value))
        };
        let rejects = self
            .limits
            .get(Check::TripRejectRate)
            .map_or(0, |limit| self.rejects.count(now, limit.window) as i128 * ONE);
        at_limit(Check::MaxDailyLoss, self.day_equity.saturating_sub(self.equity))
            .or_else(|| at_limit(Check::MaxDrawdown, self.peak.saturating_sub(self.equity)).filter(|_| all))
            .or_else(|| at_limit(Check::MaxConsecutiveLosses, i128::from(self.losses) * ONE).filter(|_| all))
            .or_else(|| at_limit(Check::TripRejectRate, rejects))
            .or(sudden)
    }

    /// Whether it may go on by itself: not while something is being closed.
    pub(super) fn may_resume(&self) -> bool {
        matches!(self.stop, Stop::Reducing | Stop::Halted)
    }

    /// Goes on; what has been lost counts anew, by hand that of the day, too.
    pub(super) fn resume(&mut self, by_hand: bool) {
        (self.stop, self.losses, self.peak, self.sudden) = (Stop::None, 0, self.equity, None);
        if by_hand {
            self.day_equity = self.equity;
        }
        self.rejects.clear();
        self.ranges.iter_mut().for_each(Range::clear);
    }

    /// What has happened to it, for the record.
    pub(super) fn trip(&self, guard: usize, ts: i64, reached: Option<Reached>, does: OnTrip) -> Trip {
        let (limit, value) = reached.map_or((0, 0), |(_, limit, value)| (limit, value));
        let (scope, name) = (self.scope, Arc::clone(&self.name));
        Trip { ts, check: reached.map(|(check, ..)| check), scope, name, limit, value, does, guard }
    }
}

/// When the day ends that a time falls on, ns.
pub(super) fn day_end(now: i64, day_begins: i64) -> i64 {
    (day_of(now, day_begins) + 1).saturating_mul(DAY).saturating_add(day_begins)
}

/// The day a time falls on.
fn day_of(now: i64, day_begins: i64) -> i64 {
    now.saturating_sub(day_begins).div_euclid(DAY)
}
