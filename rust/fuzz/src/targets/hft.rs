//! Event arrays of hftbacktest: what is decoded keeps the rules and makes the book that the rows make.

use std::collections::BTreeMap;
use std::sync::Arc;

use tradecore_core::book::L2Book;
use tradecore_core::decode::{HFT_OWN, HftDecoder, HftRows, PlacedError};
use tradecore_core::event::{Columns as _, EventColumns};
use tradecore_core::types::{InstrumentKind, Side};

use super::{Target, noise};
use crate::common::instrument;
use crate::dice::Dice;

pub(super) const TARGET: Target = Target { name: "hft", run, seeds: noise, tokens: &[], iterations: 4_000 };

const START: i64 = 1_700_000_000_000_000_000;

fn run(input: &[u8]) {
    let mut dice = Dice::new(input);
    let (mut ev, mut exch, mut local) = (Vec::new(), Vec::new(), Vec::new());
    let (mut px, mut qty, mut order_id, mut ival) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut now = START;
    while !dice.is_done() && ev.len() < 200 {
        let kind = [1, 1, 1, 4, 2, 3, 5, dice.byte().into()][dice.below(8) as usize];
        let flags = [0xe000_0000, 0xd000_0000, 0x6000_0000, 0x5000_0000, 0xc000_0000, 0xf000_0000];
        ev.push(kind | if dice.chance(250) { dice.pick(&flags) } else { dice.word() });
        now = if dice.chance(4) { dice.number() } else { now.saturating_add(i64::from(dice.byte() / 64)) };
        exch.push(if dice.chance(8) { dice.number() } else { now.saturating_sub(5) });
        local.push(if dice.chance(16) { 0 } else { now });
        let value = |dice: &mut Dice<'_>, scale: f64| {
            if dice.chance(6) { f64::from_bits(dice.word()) } else { dice.within(0, 40) as f64 / scale }
        };
        px.push(value(&mut dice, 10.0));
        qty.push(value(&mut dice, 1_000.0));
        order_id.push(dice.byte().into());
        ival.push(if dice.chance(100) { HFT_OWN | i64::from(dice.byte() % 5) } else { 0 });
    }
    let spec = instrument("A.TEST", InstrumentKind::LINEAR_PERPETUAL);
    let decode = |cut: usize| {
        let mut decoder = HftDecoder::new("a".into(), Arc::clone(&spec));
        let mut columns = EventColumns::default();
        for rows in [0..cut, cut..ev.len()] {
            decoder.push(HftRows {
                ev: &ev[rows.clone()],
                exch_ts: &exch[rows.clone()],
                local_ts: &local[rows.clone()],
                px: &px[rows.clone()],
                qty: &qty[rows.clone()],
                order_id: &order_id[rows.clone()],
                ival: &ival[rows],
            })?;
            let taken = decoder.take();
            columns.extend_from(&taken, 0, taken.len());
        }
        decoder.finish()?;
        let taken = decoder.take();
        columns.extend_from(&taken, 0, taken.len());
        Ok::<_, PlacedError>(columns)
    };
    let whole = decode(0);
    assert_eq!(whole, decode(ev.len() / 2), "what is decoded does not depend on the pieces");
    let Ok(columns) = whole else { return };
    columns.view().check().expect("decoded rows keep the rules of columns");
    let mut book = L2Book::new();
    book.apply(&columns.view(), 0, columns.len());
    let mut sides: [BTreeMap<i64, i64>; 2] = Default::default();
    for row in (0..ev.len()).filter(|row| ev[*row] & (1 << 30) != 0) {
        let side = match ev[row] >> 28 & 3 {
            2 => Some(Side::Buy),
            1 => Some(Side::Sell),
            _ => None,
        };
        let price = || spec.price_increment.near_steps(px[row]).expect("a price that was decoded");
        let size = || spec.qty_increment.near_steps(qty[row]).expect("a quantity that was decoded");
        match (ev[row] & 0xff, side) {
            (1 | 4, Some(side)) => {
                sides[side.index()].insert(price(), size());
            }
            (3, None) => sides = Default::default(),
            (3, Some(side)) if px[row].is_finite() => {
                let limit = price();
                sides[side.index()].retain(|price, _| (price - limit) * side.sign() < 0);
            }
            (3, Some(side)) => sides[side.index()].clear(),
            _ => {}
        }
    }
    for side in [Side::Buy, Side::Sell] {
        sides[side.index()].retain(|_, qty| *qty > 0);
        assert_eq!(book.levels(side), sides[side.index()].len());
        assert!(sides[side.index()].iter().all(|(price, qty)| book.qty_at(side, *price) == *qty));
    }
}
