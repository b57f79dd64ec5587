//! The smallest order there is.

use crate::ledger::ContractMath;
use crate::types::{Instrument, Money, OrderTerms, Price, Qty};

/// The smallest order that an instrument takes at a price, in quantity increments.
pub fn least_order(instrument: &Instrument, math: &ContractMath, terms: &OrderTerms, price: Price) -> i64 {
    let lot = terms.lot_size;
    let is_worth = |lots: i64| {
        let qty = Qty::new(lots.saturating_mul(lot));
        let worth = math.value(price, qty).and_then(|value| math.notional(instrument, value, qty));
        worth.is_ok_and(|worth| worth >= terms.min_notional)
    };
    let fewest = terms.min_qty.div_euclid(lot) + i64::from(terms.min_qty % lot != 0);
    if terms.min_notional == Money::ZERO || is_worth(fewest) {
        return fewest * lot;
    }
    // Worth grows with the quantity: twice as many until it is enough, then the fewest of them.
    let mut enough = fewest.max(1);
    while !is_worth(enough) {
        match enough.checked_mul(2).filter(|lots| lots.checked_mul(lot).is_some()) {
            Some(more) => enough = more,
            None => return terms.min_qty,
        }
    }
    let mut low = enough / 2;
    while low + 1 < enough {
        let middle = low + (enough - low) / 2;
        if is_worth(middle) { enough = middle } else { low = middle }
    }
    enough * lot
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::instrument::tests::linear;

    #[test]
    fn the_smallest_order_is_worth_the_least_notional_and_no_more() {
        let instrument = linear();
        let math = ContractMath::new(&instrument).unwrap();
        for price in [1, 7, 100, 60_000, 600_123] {
            let price = Price::new(price);
            let least = least_order(&instrument, &math, &instrument.terms, price);
            let worth = |qty| math.value(price, Qty::new(qty)).unwrap();
            assert_eq!(least % instrument.terms.lot_size, 0);
            assert!(worth(least) >= instrument.terms.min_notional && least >= instrument.terms.min_qty);
            let below = least - instrument.terms.lot_size;
            assert!(below < instrument.terms.min_qty || worth(below) < instrument.terms.min_notional);
        }
    }
}
