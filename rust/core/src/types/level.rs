//! A price level: what books are made of and what decoders hand on.

/// A price and the quantity resting there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// In price increments.
    pub price: i64,
    /// In quantity increments.
    pub qty: i64,
}
