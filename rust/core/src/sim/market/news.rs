//! What a message brings, as far as it concerns us.

use crate::types::Side;

/// Beyond every price of market data.
pub(super) const ANY: i64 = 1 << 61;

/// Prices at which a row may concern a side's own orders or what was taken of it, from lowest to highest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Watch {
    /// No price of market data.
    pub(super) const NOTHING: Self = Self { low: ANY, high: ANY };

    #[inline(always)]
    pub(super) fn holds(self, price: i64) -> bool {
        price.wrapping_sub(self.low) as u64 <= self.high.wrapping_sub(self.low) as u64
    }

    /// As far as prices of 32 bits reach: lowest and how many above it. May hold one at either end that is not its.
    pub(super) fn narrow(self) -> (i32, u32) {
        let [low, high] =
            [self.low, self.high].map(|price| price.clamp(i32::MIN.into(), i32::MAX.into()) as i32);
        (low, high.abs_diff(low))
    }
}

/// What concerns us of what has happened since our orders were last looked at.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Levels named, as side and key.
    pub(super) named: Vec<(Side, i64)>,
    /// Sides of which more is shown than was seen before.
    pub(super) deeper: [bool; 2],
    /// Whether every level may have changed.
    pub(super) cleared: bool,
    /// Whether a trade reached orders.
    pub(super) traded: bool,
}

impl News {
    #[inline]
    pub(super) fn forget(&mut self) {
        self.named.clear();
        (self.deeper, self.cleared, self.traded) = ([false; 2], false, false);
    }
}

/// A trade of the market.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trade {
    /// Who took, if that is known.
    pub(super) aggressor: Option<Side>,
    pub(super) price: i64,
    pub(super) qty: i64,
    /// Venue's time, ns.
    pub(super) at: i64,
}
