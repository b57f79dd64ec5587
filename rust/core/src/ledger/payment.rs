//! Money that a venue moves of its own accord: no order of ours asks for it.

use crate::types::{AccountId, MarketId, Money};

/// Why money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PaymentKind {
    /// Longs of a perpetual contract pay shorts, or the reverse.
    Funding = 0,
    /// A contract that has expired is settled: the position is gone, for what it is worth then.
    Settlement = 1,
    /// A position whose margin is used up is closed.
    Liquidation = 2,
    /// What the venue takes for that.
    LiquidationFee = 3,
    /// What a loan costs.
    Interest = 4,
    /// What the venue takes for settling a contract that has expired.
    DeliveryFee = 5,
}

impl PaymentKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Funding,
        Self::Settlement,
        Self::Liquidation,
        Self::LiquidationFee,
        Self::Interest,
        Self::DeliveryFee,
    ];

    /// Lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Funding => "funding",
            Self::Settlement => "settlement",
            Self::Liquidation => "liquidation",
            Self::LiquidationFee => "liquidation_fee",
            Self::Interest => "interest",
            Self::DeliveryFee => "delivery_fee",
        }
    }

    /// Whether the part of the position that it is paid on is closed by it.
    pub fn closes(self) -> bool {
        match self {
            Self::Settlement | Self::Liquidation => true,
            Self::Funding | Self::LiquidationFee | Self::Interest | Self::DeliveryFee => false,
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
    /// The position it is paid on, or what of it is closed, signed, in quantity increments.
    pub qty: i64,
    /// The price the position was valued at or closed at, in units of 10^-9; of interest that of the currency that is owed.
    pub price: i64,
    /// The fraction of its value that a long pays, or a fee is, or of a loan that interest is, in units of 10^-9; 0 where it is closed.
    pub rate: i64,
    /// What the account pays, in the settlement currency; negative is received.
    pub paid: Money,
}
