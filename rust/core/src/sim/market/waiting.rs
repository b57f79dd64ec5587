//! What a market without a book remembers: orders that wait for the next print, and the bar it is in.

use super::matching::Taker;
use super::resting::Resting;
use super::terms::Terms;
use crate::orders::OrderId;
use crate::types::{AccountId, Side};

/// An order that takes the next print.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) taker: Taker,
    pub(super) terms: Terms,
    /// Whether a price has set it off.
    pub(super) was_set_off: bool,
}

impl Waiting {
    /// One that rests.
    pub(super) fn resting(order: &Resting) -> Self {
        let Resting { id, account, pool, side, price, qty, filled, terms, placed, .. } = *order;
        let taker = Taker { id, account, pool, side, limit: Some(price), qty, filled, placed };
        Self { taker, terms, was_set_off: false }
    }
}

/// The bar that the market is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current {
    /// When it began, ns.
    pub(super) began: i64,
    pub(super) open: i64,
    pub(super) volume: i64,
}

/// What a market without a book remembers beside its resting orders.
#[derive(Debug, Default)]
pub(super) struct Prints {
    pub(super) waiting: Vec<Waiting>,
    pub(super) bar: Option<Current>,
    /// What stops sell and buy in the bar, each an order: whose, its side and how much.
    pub(super) stopped: Vec<(AccountId, Side, i64)>,
    /// Whether something that rests was left to a stop in the bar.
    pub(super) is_undecided: bool,
    /// Bars in which it was.
    pub(super) undecided: u64,
}

impl Prints {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn find(&self, account: AccountId, id: OrderId) -> Option<usize> {
        self.waiting.iter().position(|order| (order.taker.account, order.taker.id) == (account, id))
    }

    /// Takes an order out.
    pub(super) fn remove(&mut self, at: usize) -> Waiting {
        self.waiting.remove(at)
    }

    /// Takes all out, in order of arrival.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Taker> + '_ {
        self.waiting.drain(..).map(|order| order.taker)
    }

    /// The market is somewhere else; nothing waits.
    pub(super) fn restart(&mut self) {
        self.bar = None;
    }
}
