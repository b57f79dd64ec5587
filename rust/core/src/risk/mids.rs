//! What limits know of mids, and of what positions are worth at them.

use super::check::Units;
use crate::types::Money;

/// Mids of a market of which limits need to know only the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MidBand {
    /// The lowest, times two.
    pub low: i64,
    /// The highest, times two.
    pub high: i64,
    /// When a day begins or what is stopped may go on, ns: what came before counts to another time.
    pub until: i64,
}

impl MidBand {
    /// No mid at all: the next one has to be told.
    pub(super) const NONE: Self = Self { low: 1, high: 0, until: i64::MIN };
    /// Every mid at any time: nothing is held.
    pub(super) const ALL: Self = Self { low: i64::MIN, high: i64::MAX, until: i64::MAX };

    /// Whether a mid that is known at a time need not be told before the next one is.
    #[inline]
    pub fn holds(&self, twice_mid: Option<i64>, at: i64) -> bool {
        let twice_mid = twice_mid.unwrap_or(i64::MIN);
        self.low <= twice_mid && twice_mid <= self.high && at < self.until
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            low: self.low.max(other.low),
            high: self.high.min(other.high),
            until: self.until.min(other.until),
        }
    }
}

/// What a strategy has made in a market, with what it holds there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worth {
    /// It.
    pub made: Money,
    /// What it changes by with every half of a price increment that the mid moves; none where that is not always the same.
    pub slope: Option<Units>,
}
