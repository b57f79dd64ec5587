//! Orders that wait for a price; what comes of it is in `triggers`.

use super::matching::Taker;
use super::terms::Terms;
use crate::event::KindSet;
use crate::orders::{OrderId, PriceRange, TriggerBy, Watch};
use crate::types::AccountId;

/// An order that waits to be set off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Armed {
    pub(super) taker: Taker,
    pub(super) terms: Terms,
    pub(super) watch: Watch,
    /// Set off, and waits for a book that can be traded on.
    pub(super) is_set_off: bool,
    /// Whether it may act then without being asked for.
    pub(super) may_act: bool,
}

/// Which orders are asked for when they have been set off, before they act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::sim) enum AskedFor {
    #[default]
    None,
    /// Those without a limit: who pays for one has to have what it costs then.
    Unlimited,
    /// All: what stood behind the account may be lost since.
    All,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Triggers {
    /// In order of arrival.
    pub(super) armed: Vec<Armed>,
    /// Whether one was set off and has not acted.
    pub(super) has_set_off: bool,
    /// Which are asked for before they act.
    pub(super) asks: AskedFor,
    /// The kinds of events that the data holds.
    pub(super) holds: KindSet,
}

impl Default for Triggers {
    fn default() -> Self {
        Self { armed: Vec::new(), has_set_off: false, asks: AskedFor::None, holds: KindSet::ALL }
    }
}

impl Triggers {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.armed.len()
    }

    pub(super) fn find(&self, account: AccountId, id: OrderId) -> Option<usize> {
        self.armed.iter().position(|order| (order.taker.account, order.taker.id) == (account, id))
    }

    pub(super) fn get(&self, at: usize) -> &Armed {
        &self.armed[at]
    }

    pub(super) fn remove(&mut self, at: usize) -> Armed {
        self.armed.remove(at)
    }

    /// Takes all out, in order of arrival.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Taker> + '_ {
        self.armed.drain(..).map(|order| order.taker)
    }

    /// Holds a price against the orders that were sent by `before`.
    pub(super) fn see(&mut self, by: TriggerBy, price: PriceRange, before: i64) {
        for order in &mut self.armed {
            let is_held =
                order.watch.trigger.by == by && !order.is_set_off && order.taker.placed.sent <= before;
            if is_held && order.watch.sees(price) {
                order.is_set_off = true;
                self.has_set_off = true;
            }
        }
    }
}
