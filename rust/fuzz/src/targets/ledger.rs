//! A position against sums: quantity, volume, fees and cash add up, and what was realised and is open is what was
//! paid and is held, to the last unit.

use tradecore_core::book::MarkPrice;
use tradecore_core::ledger::{ContractMath, Position};
use tradecore_core::types::{Instrument, Money, Price, Qty, Side};

use super::instrument::spec;
use super::{Target, noise};
use crate::dice::Dice;

pub(super) const TARGET: Target =
    Target { name: "ledger", run, seeds: noise, tokens: &[], iterations: 6_000 };

fn run(input: &[u8]) {
    let mut dice = Dice::new(input);
    let Some(instrument) = spec(&mut dice).and_then(|spec| Instrument::new(spec).ok()) else { return };
    let Ok(math) = ContractMath::new(&instrument) else { return };
    let mut position = Position::default();
    let (mut qty, mut volume, mut fees, mut fills) = (0_i128, 0_i128, 0_i128, 0);
    while !dice.is_done() {
        let side = if dice.chance(128) { Side::Buy } else { Side::Sell };
        let (price, size) = (dice.steps().max(1), dice.steps().max(1));
        let fee = Money::from_units(i128::from(dice.number()) << dice.below(50));
        let before = position.clone();
        if position.apply(&math, side, Price::new(price), Qty::new(size), fee).is_err() {
            assert_eq!(position, before, "a fill that is refused changes nothing");
            continue;
        }
        qty += i128::from(side.sign() * size);
        volume += i128::from(size);
        fees += fee.units();
        fills += 1;
        assert_eq!((i128::from(position.qty), i128::from(position.volume)), (qty, volume));
        assert_eq!((position.fees.units(), position.fills), (fees, fills));
        assert!(position.open_cost >= Money::ZERO);
        assert!(position.qty != 0 || position.open_cost == Money::ZERO);
        let mark = dice.maybe(|dice| match dice.steps().max(1) {
            price if price % 2 == 0 => MarkPrice::Twice(price),
            price => MarkPrice::Fine(price),
        });
        let parts = (position.equity(&math, mark), position.unrealized(&math, mark));
        if let (Ok(equity), Ok(unrealized)) = parts {
            let profit = position.realized.units() + unrealized.units() - position.fees.units();
            assert_eq!(equity.units(), profit);
        }
    }
}
