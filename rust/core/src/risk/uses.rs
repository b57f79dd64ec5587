//! What limits stand at.

use std::sync::Arc;

use super::check::{Check, ONE, Scope, Units};
use super::engine::Engine;
use super::guard::Guard;
use super::limits::Limit;
use super::review::leverage;
use super::standing::{Holding, NOTIONAL, QTY, Standing, VALUE};
use crate::types::{MarketId, StrategyId};

/// What a limit stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The check.
    pub check: Check,
    /// Whose limit it is.
    pub scope: Scope,
    /// The name of the venue, instrument or strategy; the number of the account.
    pub name: Arc<str>,
    /// The limit.
    pub limit: Limit,
    /// What it stands at; none for limits of single orders.
    pub value: Option<Units>,
    /// The guard.
    pub(crate) guard: usize,
}

impl Engine {
    /// What every limit that holds for a strategy stands at.
    pub fn uses(&self, strategy: StrategyId, standing: &Standing, now: i64) -> Vec<Use> {
        let guards = self.guards.iter().enumerate().filter(|(_, guard)| guard.has(strategy));
        guards.flat_map(|(at, guard)| self.uses_of((at, guard), standing, now)).collect()
    }

    fn uses_of(&self, (at, guard): (usize, &Guard), standing: &Standing, now: i64) -> Vec<Use> {
        let held: Vec<(MarketId, Holding)> = standing.by_market(|m, s| guard.covers(s, m)).collect();
        let most = |measure: usize| held.iter().map(|(_, holding)| holding.worst(measure)).max().unwrap_or(0);
        let gross =
            |measure: usize| held.iter().fold(0, |sum: Units, (_, h)| sum.saturating_add(h.worst(measure)));
        let margin = || {
            let asked = held.iter().map(|(market, h)| self.initial_margin(*market, h.worst(VALUE)));
            asked.fold(0, Units::saturating_add)
        };
        let net = |measure: usize| {
            let sum = |side: usize| {
                held.iter().fold(0, |sum: Units, (_, h)| sum.saturating_add(h.filled(side, measure)))
            };
            sum(0).abs().max(sum(1).abs())
        };
        let count = |n: usize| n as i128 * ONE;
        let (trades, loss) = guard.today(now, self.config.day_begins);
        let value = |check: Check, limit: Limit| {
            Some(match check {
                Check::MaxPositionQty => most(QTY),
                Check::MaxPositionNotional => most(NOTIONAL),
                Check::MaxGrossQty => gross(QTY),
                Check::MaxGross => gross(NOTIONAL),
                Check::MaxNetQty => net(QTY),
                Check::MaxNet => net(NOTIONAL),
                Check::MaxLeverage => leverage(gross(VALUE), self.equity(guard)),
                Check::MaxMarginUse => leverage(margin(), self.equity(guard)),
                Check::MaxOpenOrders => i128::from(guard.open_orders(standing)) * ONE,
                Check::MaxOpenPositions => {
                    count(held.iter().filter(|(_, holding)| holding.is_open()).count())
                }
                Check::MaxOrderRate => count(guard.orders.count(now, limit.window)),
                Check::MaxMessageRate => count(guard.messages.count(now, limit.window)),
                Check::TripRejectRate => count(guard.rejects.count(now, limit.window)),
                Check::MaxDailyLoss => loss.max(0),
                Check::MaxDrawdown => guard.peak.saturating_sub(guard.equity).max(0),
                Check::MaxConsecutiveLosses => i128::from(guard.losses) * ONE,
                Check::MaxTradesPerDay => i128::from(trades) * ONE,
                Check::MaxBookAge | Check::TripSilence => {
                    i128::from(now.saturating_sub(self.silences(guard).min()?)).saturating_mul(ONE)
                }
                _ => return None,
            })
        };
        let of = |(check, limit)| Use {
            check,
            scope: guard.scope,
            guard: at,
            name: Arc::clone(&guard.name),
            limit,
            value: value(check, limit),
        };
        guard.limits.iter().map(of).collect()
    }
}
