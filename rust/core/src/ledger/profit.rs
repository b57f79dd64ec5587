//! What the profit of fills is made of, exactly.
//!
//! By the time its position is marked, a fill has earned
//!
//! * the spread: what its price was better than the mid right before it;
//! * adverse selection: what the mid did from then to a horizon;
//! * inventory: what it did from there to the mark.
//!
//! They add up to what the fill brought. Of an inverse contract, whose values are rounded, so do they: each is a
//! difference of the same rounded values.

use super::contract::{ContractMath, MoneyOverflow};
use crate::types::{Money, Price, Qty, Side};

/// The parts of a profit before fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProfitParts {
    /// Earned against the mid right before the fill.
    pub spread: Money,
    /// What the mid did from there to a horizon.
    pub adverse_selection: Money,
    /// What it did from the horizon to the mark.
    pub inventory: Money,
}

impl ProfitParts {
    /// The parts of a fill, given the mids (as sums of bid and ask) right before it, at the horizon, and at the mark.
    ///
    /// A mid that is not known, or at which the quantity is worth more than can be counted, is taken to be the one before
    /// it, the first of all the price.
    ///
    /// # Errors
    /// [`MoneyOverflow`] for a fill that no account could have booked.
    pub fn of(
        math: &ContractMath,
        side: Side,
        price: Price,
        qty: Qty,
        twice_mids: [Option<i64>; 3],
    ) -> Result<Self, MoneyOverflow> {
        let mut last = math.value(price, qty)?;
        let gains = (side == Side::Buy) != math.is_inverse();
        let [spread, adverse_selection, inventory] = twice_mids.map(|twice_mid| {
            let value =
                twice_mid.and_then(|twice| math.value_at_mid(twice, qty.steps()).ok()).unwrap_or(last);
            let (from, to) = if gains { (last, value) } else { (value, last) };
            last = value;
            to.checked_sub(from)
        });
        let part = |part: Option<Money>| part.ok_or(MoneyOverflow::Sum);
        Ok(Self {
            spread: part(spread)?,
            adverse_selection: part(adverse_selection)?,
            inventory: part(inventory)?,
        })
    }

    /// The parts of both.
    ///
    /// # Errors
    /// [`MoneyOverflow::Sum`].
    pub fn plus(self, other: Self) -> Result<Self, MoneyOverflow> {
        let sum = |a: Money, b: Money| a.checked_add(b).ok_or(MoneyOverflow::Sum);
        Ok(Self {
            spread: sum(self.spread, other.spread)?,
            adverse_selection: sum(self.adverse_selection, other.adverse_selection)?,
            inventory: sum(self.inventory, other.inventory)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::MarkPrice;
    use crate::ledger::Position;
    use crate::types::Instrument;
    use crate::types::instrument::tests::{inverse, linear};
    use proptest::prelude::*;

    fn units(parts: ProfitParts) -> [i128; 3] {
        [parts.spread, parts.adverse_selection, parts.inventory].map(Money::units)
    }

    #[test]
    fn a_bid_below_a_falling_mid_earns_the_spread_and_loses_what_follows() {
        let math = ContractMath::new(&linear()).unwrap();
        let of =
            |mids| units(ProfitParts::of(&math, Side::Buy, Price::new(100), Qty::new(10), mids).unwrap());
        let one = math.value(Price::new(1), Qty::new(10)).unwrap().units();
        assert_eq!(of([Some(202), Some(198), Some(204)]), [one, -2 * one, 3 * one]);
        assert_eq!(of([None, None, Some(204)]), [0, 0, 2 * one]);
        assert_eq!(of([Some(202), None, None]), [one, 0, 0]);
    }

    /// The sum over fills is what a position at the last mid has made.
    fn adds_up(
        instrument: &Instrument,
        fills: &[(bool, i64, i64, i64, i64)],
        end: i64,
    ) -> Result<(), TestCaseError> {
        let math = ContractMath::new(instrument).unwrap();
        let (mut position, mut parts) = (Position::default(), ProfitParts::default());
        for &(buys, price, qty, at, later) in fills {
            let side = if buys { Side::Buy } else { Side::Sell };
            let (price, qty) = (Price::new(price), Qty::new(qty));
            position.apply(&math, side, price, qty, Money::ZERO).unwrap();
            let mids = [Some(at), Some(later), Some(end)];
            parts = parts.plus(ProfitParts::of(&math, side, price, qty, mids).unwrap()).unwrap();
        }
        let made = position
            .realized
            .checked_add(position.unrealized(&math, Some(MarkPrice::Twice(end))).unwrap())
            .unwrap();
        let sum = units(parts).iter().sum::<i128>();
        // Inverse values are rounded one by one: a unit a fill at the most, and one for the mark.
        let most = if math.is_inverse() { fills.len() as i128 + 1 } else { 0 };
        prop_assert!((sum - made.units()).abs() <= most, "{} {}", sum, made.units());
        Ok(())
    }

    proptest! {
        #[test]
        fn parts_add_up_to_what_a_position_made(
            fills in proptest::collection::vec(
                (any::<bool>(), 1i64..1_000_000, 1i64..100_000, 2i64..2_000_000, 2i64..2_000_000), 1..30),
            end in 2i64..2_000_000,
        ) {
            adds_up(&linear(), &fills, end)?;
            adds_up(&inverse(), &fills, end)?;
        }
    }
}
