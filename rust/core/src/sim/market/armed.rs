//! Orders that wait for a price, and the prices they are held against; what comes of it is in `triggers`.

use super::matching::Taker;
use super::terms::Terms;
use crate::event::KindSet;
use crate::orders::{OrderId, Trigger, TriggerAt, TriggerBy};
use crate::types::{AccountId, Side};

/// An order that waits to be set off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Armed {
    pub(super) taker: Taker,
    pub(super) terms: Terms,
    pub(super) trigger: Trigger,
    /// The best price so far of one that trails, twice in price steps.
    pub(super) extreme: Option<i64>,
    /// Set off, and waits for a book that can be traded on.
    pub(super) is_set_off: bool,
}

/// What is known of a price: it is not below the one and not above the other, twice in price steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Range {
    pub(super) fn exactly(price: i64) -> Self {
        Self { low: 2 * price, high: 2 * price }
    }
}

impl Armed {
    /// Whether a price sets it off.
    pub(super) fn sees(&mut self, price: Range) -> bool {
        let rises = |twice: i64| price.low >= twice;
        let falls = |twice: i64| price.high <= twice;
        match (self.trigger.at, self.taker.side) {
            (TriggerAt::Stop { price }, Side::Buy) | (TriggerAt::TakeProfit { price }, Side::Sell) => {
                rises(2 * price.steps())
            }
            (TriggerAt::Stop { price }, Side::Sell) | (TriggerAt::TakeProfit { price }, Side::Buy) => {
                falls(2 * price.steps())
            }
            (TriggerAt::Trailing { offset }, Side::Sell) => {
                let peak = self.extreme.map_or(price.low, |peak| peak.max(price.low));
                self.extreme = Some(peak);
                falls(peak.saturating_sub(2 * offset.steps()))
            }
            (TriggerAt::Trailing { offset }, Side::Buy) => {
                let trough = self.extreme.map_or(price.high, |trough| trough.min(price.high));
                self.extreme = Some(trough);
                rises(trough.saturating_add(2 * offset.steps()))
            }
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Triggers {
    /// In order of arrival.
    pub(super) armed: Vec<Armed>,
    /// Whether one was set off and has not acted.
    pub(super) has_set_off: bool,
    /// The kinds of events that the data holds.
    pub(super) holds: KindSet,
}

impl Default for Triggers {
    fn default() -> Self {
        Self { armed: Vec::new(), has_set_off: false, holds: KindSet::ALL }
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
    pub(super) fn see(&mut self, by: TriggerBy, price: Range, before: i64) {
        for order in &mut self.armed {
            let is_held = order.trigger.by == by && !order.is_set_off && order.taker.placed.sent <= before;
            if is_held && order.sees(price) {
                order.is_set_off = true;
                self.has_set_off = true;
            }
        }
    }
}
