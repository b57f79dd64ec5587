//! How orders of ours meet: the settings, and what an order that comes in is and meets.

use super::resting::{Placed, Resting, Slot};
use super::terms::Terms;
use crate::orders::OrderId;
use crate::sim::queue::QueuePosition;
use crate::types::{AccountId, Side};

/// What happens when an order would trade with another one of its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SelfTrade {
    /// What is left of the incoming order expires.
    #[default]
    CancelNewest,
    /// The resting order expires and the incoming one goes on.
    CancelOldest,
    /// Both expire.
    CancelBoth,
    /// Both lose the smaller of the two quantities, without a trade; what has nothing left expires.
    Decrement,
}

/// What the accounts of a market are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Accounts {
    /// They stand in one queue: what one took is gone for all, and they trade with each other.
    #[default]
    Shared,
    /// Each is alone with the market, as if the others had never been.
    Isolated,
}

/// How the orders of a market's accounts meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Matching {
    /// What the accounts are to each other.
    pub accounts: Accounts,
    /// What happens when an account would trade with itself.
    pub self_trade: SelfTrade,
}

/// An order that comes in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taker {
    pub(super) id: OrderId,
    pub(super) account: AccountId,
    pub(super) pool: u32,
    pub(super) side: Side,
    /// None for a market order.
    pub(super) limit: Option<i64>,
    /// Total quantity and what has been filled of it before.
    pub(super) qty: i64,
    pub(super) filled: i64,
    pub(super) placed: Placed,
}

impl Taker {
    /// What is left of it as an order that rests, of a level that has not been seen.
    pub(super) fn resting(self, price: i64, terms: Terms) -> Resting {
        let Self { id, account, pool, side, qty, filled, placed, .. } = self;
        Resting {
            id,
            account,
            pool,
            side,
            price,
            qty,
            filled,
            terms,
            tip: i64::MAX,
            place: QueuePosition::UNKNOWN,
            displayed: 0,
            placed,
            ahead_at_entry: f64::INFINITY,
            ahead: f64::INFINITY,
            joined_at: i64::MIN,
            shrunk_at: i64::MIN,
        }
    }
}

/// One thing a taker meets.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// So much of a level that shows `displayed`, for a price that impact may have moved away from the level's.
    Displayed { level: i64, price: i64, displayed: i64, qty: i64 },
    /// So much of an own order.
    Maker { slot: Slot, qty: i64 },
    /// An order of the same account, which expires.
    Expire { slot: Slot },
    /// An order of the same account; both lose so much.
    Decrement { slot: Slot, qty: i64 },
    /// An order of the same account, at which the taker expires.
    Stop,
}
