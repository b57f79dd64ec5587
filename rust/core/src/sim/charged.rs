//! What is known of a fill when it is charged for.

use crate::ledger::ContractMath;
use crate::orders::Liquidity;
use crate::types::{AccountId, Instrument, Money, Price, Qty, Side};

/// A fill that is charged for.
#[derive(Debug, Clone, Copy)]
pub struct ChargedFill<'a> {
    /// Whose it is.
    pub account: AccountId,
    /// What the account has traded in 30 days before it.
    pub volume: Money,
    /// The instrument.
    pub instrument: &'a Instrument,
    /// Its arithmetic.
    pub math: &'a ContractMath,
    /// Buy or sell.
    pub side: Side,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// Price.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
    /// What an option's underlying is worth, in units of 10^-9, where somebody has told.
    pub underlying: Option<i64>,
    /// When, by the venue's clock, ns.
    pub ts: i64,
}
