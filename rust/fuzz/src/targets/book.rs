//! The book against two ordered maps.

use std::collections::BTreeMap;

use tradecore_core::book::{BookState, L2Book, Touch};
use tradecore_core::event::{Columns as _, Event, EventColumns, EventKind};
use tradecore_core::types::Side;

use super::{Target, noise};
use crate::dice::Dice;

pub(super) const TARGET: Target = Target { name: "book", run, seeds: noise, tokens: &[], iterations: 2_500 };

/// Quantities by price, bids and asks.
#[derive(Default)]
struct Model {
    sides: [BTreeMap<i64, i64>; 2],
    state: BookState,
}

impl Model {
    fn set(&mut self, side: Side, price: i64, qty: i64) -> i64 {
        let levels = &mut self.sides[side.index()];
        let before = if qty == 0 { levels.remove(&price) } else { levels.insert(price, qty) };
        before.unwrap_or(0)
    }

    /// From the best outwards.
    fn levels(&self, side: Side) -> Vec<(i64, i64)> {
        let levels = self.sides[side.index()].iter().map(|(price, qty)| (*price, *qty));
        if side == Side::Buy { levels.rev().collect() } else { levels.collect() }
    }
}

fn same(book: &L2Book, model: &Model, asked: i64) {
    assert_eq!(book.state(), model.state);
    for side in [Side::Buy, Side::Sell] {
        let levels = model.levels(side);
        assert_eq!(book.levels(side), levels.len());
        assert!(book.iter(side).map(|level| (level.price, level.qty)).eq(levels.iter().copied()));
        assert_eq!(book.best(side).map(|level| (level.price, level.qty)), levels.first().copied());
        let qty = model.sides[side.index()].get(&asked).copied().unwrap_or(0);
        assert_eq!(book.qty_at(side, asked), qty);
        let is_beyond = |(deepest, _): &(i64, i64)| (asked - deepest) * side.sign() < 0;
        assert_eq!(book.shown_at(side, asked), (!levels.last().is_some_and(is_beyond)).then_some(qty));
        let total: i128 = levels.iter().map(|(_, qty)| i128::from(*qty)).sum();
        let walk = book.walk(side, asked.abs());
        assert_eq!(i128::from(walk.unfilled), (i128::from(asked.abs()) - total).max(0));
    }
    let (bid, ask) = (model.levels(Side::Buy).first().copied(), model.levels(Side::Sell).first().copied());
    assert_eq!(book.is_crossed(), matches!((bid, ask), (Some((bid, _)), Some((ask, _))) if bid >= ask));
    assert_eq!(Touch::of(book).best_bid(), bid.map(|(price, _)| price));
}

fn run(input: &[u8]) {
    let mut dice = Dice::new(input);
    let (mut book, mut model, mut batch) = (L2Book::new(), Model::default(), L2Book::new());
    let mut middle = dice.within(1, 1_000_000);
    while !dice.is_done() {
        let mut rows = EventColumns::default();
        for _ in 0..=dice.below(40) {
            let side = if dice.chance(128) { Side::Buy } else { Side::Sell };
            middle += [0, 1, -1, 700, -700, dice.within(-40_000, 40_000)][dice.below(24).min(5) as usize];
            let price = match dice.byte() {
                0..4 => dice.steps(),
                4..40 => middle + dice.within(-30_000, 30_000),
                _ => middle + dice.within(-100, 100),
            };
            let price = price.max(1);
            let qty = if dice.chance(80) { 0 } else { dice.steps().max(0) };
            let kind = if dice.chance(2) { EventKind::BookClear } else { EventKind::BookSet };
            let event =
                Event { ts_event: 0, ts_recv: 0, kind, side: side as i8, flags: 0, price, qty, id: 0 };
            rows.push(event);
            if kind == EventKind::BookClear {
                book.clear();
                model = Model { state: BookState::Gap, ..Model::default() };
            } else {
                assert_eq!(book.set(side, price, qty), model.set(side, price, qty));
                book.set_state(BookState::Synced);
                model.state = BookState::Synced;
            }
        }
        rows.end_message();
        batch.apply(&rows.view(), 0, rows.len());
        let asked = middle + dice.within(-200, 200);
        same(&book, &model, asked);
        same(&batch, &model, asked);
    }
}
