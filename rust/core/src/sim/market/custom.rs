//! Orders that queue by a model of somebody else's.

use super::resting::Resting;
use super::{Accounts, FillRule, Market};
use crate::sim::custom::{ModelFailure, QueueEvent, QueueInUse, QueueSource, Source, Standing};
use crate::sim::queue::{Print, QueueRule};
use crate::types::AccountId;

impl Market {
    /// Has orders queue by models of somebody else's where their rule is [`QueueRule::Custom`].
    pub fn set_custom_queue(&mut self, source: Option<Source<dyn QueueSource>>) {
        self.custom_queue = source;
        for at in 0..self.pools.len() {
            self.pools[at].custom = self.custom_for(self.pools[at].rule);
        }
    }

    /// A model of somebody else's for orders that fill by a rule.
    pub(super) fn custom_for(&self, rule: FillRule) -> Option<QueueInUse> {
        let source = self.custom_queue.as_ref().filter(|_| rule.queue.rule == QueueRule::Custom)?;
        Some(QueueInUse::new(source.0.as_ref(), &self.instrument))
    }

    /// Whether a queue model of somebody else's has failed and nobody has been told.
    pub(super) fn has_failed(&mut self) -> bool {
        self.pools
            .iter_mut()
            .filter_map(|pool| pool.custom.as_mut())
            .any(|model| model.outcome().untold.is_some())
    }

    /// How it failed, and an account that queued by it.
    pub fn take_failure(&mut self) -> Option<(AccountId, ModelFailure)> {
        let mut models =
            self.pools.iter_mut().enumerate().filter_map(|(at, pool)| Some((at, pool.custom.as_mut()?)));
        let (pool, failure) = models.find_map(|(at, model)| Some((at, model.outcome().untold.take()?)))?;
        // Of shared accounts a pool is known by its group.
        let accounts = if self.accounts == Accounts::Shared { self.group } else { 1 };
        let known = self.pool_of.iter().find(|(_, of)| **of as usize == pool);
        let first = known.map_or(0, |(key, _)| key.index().saturating_mul(accounts));
        Some((AccountId::new(first), failure))
    }
}

impl Resting {
    /// Has a model say what is ahead of the order after an event of `at` by which its level displays so much.
    pub(super) fn ask(&mut self, model: &mut QueueInUse, displayed: i64, at: i64, event: QueueEvent) {
        let standing = Standing {
            side: self.side,
            price: self.price,
            leaves: self.leaves(),
            displayed,
            ahead: self.place.front,
            at,
        };
        self.place.front = model.ahead(&mut self.place.memory, &standing, event);
    }

    /// Has a model say what is ahead after a trade at the order's price, of which own orders ahead got `own`. Returns how
    /// much of it reaches the order, in whole lots: what was not ahead of it, once nothing is.
    pub(super) fn reach(&mut self, model: &mut QueueInUse, print: Print, own: i64, lot: i64) -> i64 {
        let Print { qty, at, is_shown } = print;
        let before = self.place.front;
        if self.place.is_unknown() {
            return 0;
        }
        self.ask(model, self.displayed, at, QueueEvent::Trade { qty, own, is_shown });
        if model.outcome().has_failed || self.place.front > 0.0 {
            return 0;
        }
        let lots = libm::round((qty as f64 - before) / lot as f64) as i64;
        lots.clamp(0, qty / lot) * lot
    }
}
