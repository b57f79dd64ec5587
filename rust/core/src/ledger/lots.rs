//! Which part of a position a fill closes.

use std::collections::VecDeque;
use std::str::FromStr;

use super::contract::ContractMath;
use crate::types::{Money, STEPS_LIMIT};

/// Which part of a position a fill closes first. Profit differs by it only until the position is flat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CostBasis {
    /// A share of all of it.
    #[default]
    Average,
    /// What was opened first.
    Fifo,
    /// What was opened last.
    Lifo,
}

/// A word that names no cost basis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not average, fifo or lifo")]
pub struct UnknownCostBasis(pub String);

impl CostBasis {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Fifo => "fifo",
            Self::Lifo => "lifo",
        }
    }
}

impl FromStr for CostBasis {
    type Err = UnknownCostBasis;
    fn from_str(text: &str) -> Result<Self, UnknownCostBasis> {
        let all = [Self::Average, Self::Fifo, Self::Lifo];
        all.into_iter().find(|basis| basis.as_str() == text).ok_or_else(|| UnknownCostBasis(text.to_owned()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lot {
    qty: i64,
    cost: Money,
    price: i64,
}

/// The parts of a position, oldest first; none where it has an average.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lots {
    basis: CostBasis,
    each: VecDeque<Lot>,
    /// Their quantity times, and over, their price.
    products: i128,
    quotients: f64,
}

impl Lots {
    pub(super) fn new(basis: CostBasis) -> Self {
        Self { basis, ..Self::default() }
    }

    /// The parts of a position that was saved, and their quantity over their price, which is a sum of a history; `None`
    /// where they do not come to what is held and cost.
    pub(super) fn restore(
        basis: CostBasis,
        parts: &[(i64, Money, i64)],
        quotients: f64,
        held: i64,
        cost: Money,
    ) -> Option<Self> {
        let mut lots = Self::new(basis);
        let (mut qty, mut paid) = (0_i64, Money::ZERO);
        for part in parts {
            if part.0 <= 0 || !(1..=STEPS_LIMIT).contains(&part.2) {
                return None;
            }
            (qty, paid) = (qty.checked_add(part.0)?, paid.checked_add(part.1)?);
            lots.open(part.0, part.1, part.2);
        }
        let are_all = if lots.are_kept() { (qty, paid) == (held, cost) } else { parts.is_empty() };
        lots.quotients = quotients;
        are_all.then_some(lots)
    }

    /// Quantity, cost and price of each, oldest first.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (i64, Money, i64)> + '_ {
        self.each.iter().map(|lot| (lot.qty, lot.cost, lot.price))
    }

    pub(super) fn quotients(&self) -> f64 {
        self.quotients
    }

    /// A part is opened.
    pub(super) fn open(&mut self, qty: i64, cost: Money, price: i64) {
        if self.are_kept() && qty > 0 {
            self.each.push_back(Lot { qty, cost, price });
            self.weigh(qty, price);
        }
    }

    fn weigh(&mut self, qty: i64, price: i64) {
        self.products += i128::from(qty) * i128::from(price);
        self.quotients += qty as f64 / price as f64;
    }

    /// The part that is closed next.
    fn next(&self, at: usize) -> Option<&Lot> {
        match self.basis {
            CostBasis::Lifo => self.each.get(self.each.len().checked_sub(at + 1)?),
            CostBasis::Average | CostBasis::Fifo => self.each.get(at),
        }
    }

    /// Whether parts are told apart.
    pub(super) fn are_kept(&self) -> bool {
        self.basis != CostBasis::Average
    }

    /// What so much of it had cost, in the order it is closed; `None` beyond arithmetic.
    pub(super) fn cost_of(&self, qty: i64) -> Option<Money> {
        let (mut left, mut cost) = (qty, Money::ZERO);
        for at in 0.. {
            let Some(lot) = self.next(at).filter(|_| left > 0) else { break };
            let closed = lot.qty.min(left);
            cost = cost.checked_add(lot.cost.scaled(closed.into(), lot.qty.into())?)?;
            left -= closed;
        }
        Some(cost)
    }

    /// So much of it is closed.
    pub(super) fn close(&mut self, qty: i64) {
        let mut left = qty;
        while left > 0 {
            let is_last = self.basis == CostBasis::Lifo;
            let Some(lot) = (if is_last { self.each.back_mut() } else { self.each.front_mut() }) else {
                break;
            };
            let (closed, price) = (lot.qty.min(left), lot.price);
            let part = lot.cost.scaled(closed.into(), lot.qty.into()).unwrap_or_default();
            lot.qty -= closed;
            lot.cost = lot.cost.checked_sub(part).unwrap_or_default();
            left -= closed;
            if lot.qty == 0 {
                if is_last {
                    self.each.pop_back()
                } else {
                    self.each.pop_front()
                };
            }
            self.weigh(-closed, price);
        }
        if self.each.is_empty() {
            (self.products, self.quotients) = (0, 0.0);
        }
    }

    /// Average price, in price increments, of the parts that come to `held`; `None` without any.
    pub(super) fn average(&self, math: &ContractMath, held: i64) -> Option<f64> {
        let of = || {
            if math.is_inverse() { held as f64 / self.quotients } else { self.products as f64 / held as f64 }
        };
        (!self.each.is_empty()).then(of)
    }
}

#[cfg(test)]
mod tests {
    use super::super::position::Position;
    use super::*;
    use crate::types::instrument::tests::{inverse, linear};
    use crate::types::{Price, Qty, Side};
    use proptest::prelude::*;

    const BASES: [CostBasis; 3] = [CostBasis::Average, CostBasis::Fifo, CostBasis::Lifo];

    fn apply(position: &mut Position, math: &ContractMath, price: i64, qty: i64) -> Money {
        let side = if qty > 0 { Side::Buy } else { Side::Sell };
        position.apply(math, side, Price::new(price), Qty::new(qty.abs()), Money::ZERO).unwrap()
    }

    #[test]
    fn the_first_or_the_last_lot_is_closed_first() {
        let math = ContractMath::new(&linear()).unwrap();
        let made = BASES.map(|basis| {
            let mut position = Position::new(basis);
            apply(&mut position, &math, 1_000, 2_000);
            apply(&mut position, &math, 1_100, 3_000);
            let realized = apply(&mut position, &math, 1_200, -1_000);
            (realized.to_string(), position.avg_entry_price())
        });
        let told = |realized: &str, average| (realized.to_owned(), Some(average));
        assert_eq!(made, [told("14", 1_060.0), told("20", 1_075.0), told("10", 1_050.0)]);
    }

    #[test]
    fn parts_that_do_not_come_to_the_position_are_none_of_it() {
        let math = ContractMath::new(&linear()).unwrap();
        let mut position = Position::new(CostBasis::Fifo);
        apply(&mut position, &math, 1_000, 2_000);
        apply(&mut position, &math, 1_100, 3_000);
        let parts: Vec<_> = position.lots().collect();
        let with = |basis, parts: &[_]| position.clone().with_lots(basis, parts, position.quotients());
        assert_eq!(with(CostBasis::Fifo, &parts), Some(position.clone()));
        assert_eq!(with(CostBasis::Fifo, &[]), None);
        assert_eq!(with(CostBasis::Average, &parts), None);
        let [first, second] = [parts[0], parts[1]];
        for bad in [
            [(i64::MAX, first.1, 1), second],
            [(0, first.1, 1), second],
            [(first.0, first.1, 0), second],
            [(first.0, first.1, i64::MAX), second],
            [(first.0, second.1, first.2), second],
        ] {
            assert_eq!(with(CostBasis::Lifo, &bad), None);
        }
    }

    proptest! {
        #[test]
        fn once_flat_profit_is_the_same_whichever_lots_were_closed(
            coin in any::<bool>(),
            fills in proptest::collection::vec((1_000i64..2_000_000, -1_000i64..1_000), 1..40),
            last in 1_000i64..2_000_000,
        ) {
            let math = ContractMath::new(&if coin { inverse() } else { linear() }).unwrap();
            let positions = BASES.map(|basis| {
                let mut position = Position::new(basis);
                for (price, qty) in fills.iter().copied().filter(|(_, qty)| *qty != 0) {
                    apply(&mut position, &math, price, qty);
                    assert!(position.balances(&math));
                }
                let rest = position.qty;
                if rest != 0 {
                    apply(&mut position, &math, last, -rest);
                }
                (position.realized, position.cash, position.qty)
            });
            prop_assert_eq!(positions[1], positions[0]);
            prop_assert_eq!(positions[2], positions[0]);
        }
    }
}
