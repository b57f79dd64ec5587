//! Money that a venue moves of its own accord: no order of ours asks for it.

use crate::types::{AccountId, MarketId, Money};

/// Why money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PaymentKind {
    /// Longs of a perpetual contract pay shorts, or the reverse.
    Funding = 0,
}

impl PaymentKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 1] = [Self::Funding];

    /// Lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Funding => "funding",
        }
    }
}

/// Money that a venue moves on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payment {
    /// The account.
    pub account: AccountId,
    /// Of a position in this market.
    pub market: MarketId,
    /// When, by the venue's clock, ns.
    pub ts_event: i64,
    /// Why.
    pub kind: PaymentKind,
    /// The position it is paid on, signed, in quantity increments.
    pub qty: i64,
    /// The price the position was valued at, in units of 10^-9.
    pub price: i64,
    /// The fraction of its value that a long pays, in units of 10^-9.
    pub rate: i64,
    /// What the account pays, in the settlement currency; negative is received.
    pub paid: Money,
}
