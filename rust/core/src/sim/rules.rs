//! What a venue makes of the terms of orders, where venues differ.

use crate::types::{OrderSupport, TIME_LIMIT};

/// What becomes of a reduce-only order that is larger than what it may reduce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReduceOnly {
    /// It becomes as large as that, and is refused where nothing is left.
    #[default]
    Shrinks,
    /// It is refused.
    Refused,
    /// So is every reduce-only order.
    Unsupported,
}

/// What a replacement does to an order's place in its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Amend {
    /// It keeps it where the price stays and the quantity shrinks.
    #[default]
    KeepsPlace,
    /// It always goes to the end.
    LosesPlace,
    /// There are none.
    Unsupported,
}

/// What becomes of a replacement by which a post-only order would take. It never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AmendCrossing {
    /// It is refused, and the order stays as it was.
    #[default]
    Refused,
    /// It is refused, and the order ends.
    Cancelled,
}

/// What a venue makes of the terms of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OrderRules {
    /// What a replacement does to an order's place.
    pub amend: Amend,
    /// What becomes of a replacement by which a post-only order would take.
    pub amend_crossing: AmendCrossing,
    /// What becomes of a reduce-only order that is too large.
    pub reduce_only: ReduceOnly,
    /// When its day begins, ns after midnight UTC.
    pub day_begins: i64,
    /// Which orders it takes, but for what the rules above say.
    pub takes: OrderSupport,
}

/// A day, ns.
pub(super) const DAY: i64 = 86_400_000_000_000;

impl OrderRules {
    /// Which orders it takes.
    pub fn supports(&self) -> OrderSupport {
        OrderSupport {
            replace: self.takes.replace && self.amend != Amend::Unsupported,
            reduce_only: self.takes.reduce_only && self.reduce_only != ReduceOnly::Unsupported,
            ..self.takes
        }
    }

    /// When the day is over that a time is in, ns.
    pub(super) fn day_ends(&self, now: i64) -> i64 {
        let into = now.saturating_sub(self.day_begins).rem_euclid(DAY);
        now.saturating_add(DAY - into).min(TIME_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_where_the_next_one_begins() {
        let eight = OrderRules { day_begins: DAY / 3, ..OrderRules::default() };
        assert_eq!(
            [0, 1, DAY - 1, DAY].map(|now| OrderRules::default().day_ends(now)),
            [DAY, DAY, DAY, 2 * DAY]
        );
        assert_eq!(
            [0, DAY / 3 - 1, DAY / 3, DAY].map(|now| eight.day_ends(now)),
            [DAY / 3, DAY / 3, DAY + DAY / 3, DAY + DAY / 3,]
        );
    }
}
