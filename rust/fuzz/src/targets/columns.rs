//! Event columns: what is checked and found sound is sound by a slow and obvious look, and whole messages are cut out
//! of pieces of any size.

use std::sync::Arc;

use tradecore_core::event::{
    Chunker, Columns as _, Event, EventColumns, EventKind, FLAG_LAST, KindSet, STEPS_LIMIT, TIME_LIMIT, View,
};

use super::{Target, noise};
use crate::dice::Dice;

pub(super) const TARGET: Target =
    Target { name: "columns", run, seeds: noise, tokens: &[], iterations: 4_000 };

/// The limits are powers of two less one, and below zero the powers themselves.
fn within(limit: i64, value: i64) -> bool {
    (-limit - 1..=limit).contains(&value)
}

/// Whether every row keeps the rules, looked at one by one.
fn is_sound(view: &View<'_>) -> bool {
    (0..view.len()).all(|row| {
        let kind = EventKind::from_column(view.kind[row]);
        let above = row.checked_sub(1);
        above.is_none_or(|above| view.ts_recv[row] >= view.ts_recv[above])
            && above.is_none_or(|above| {
                view.flags[above] & FLAG_LAST != 0 || view.ts_recv[row] == view.ts_recv[above]
            })
            && (view.price.get(row) >= 0 || kind.is_some_and(|kind| !KindSet::ON_GRID.contains(kind)))
            && kind.is_some_and(|kind| !KindSet::SIDED.contains(kind) || view.side[row] != 0)
            && (-1..=1).contains(&view.side[row])
            && [view.ts_event[row], view.ts_recv[row]].iter().all(|time| within(TIME_LIMIT, *time))
            && within(STEPS_LIMIT, view.price.get(row))
            && (0..=STEPS_LIMIT).contains(&view.qty.get(row))
    })
}

fn run(input: &[u8]) {
    let mut dice = Dice::new(input);
    let (mut columns, mut now) = (EventColumns::default(), 0);
    let faults = dice.pick(&[0, 0, 1, 20]);
    while !dice.is_done() && columns.len() < 400 {
        now += i64::from(dice.byte() / 128);
        let fault = |dice: &mut Dice<'_>, sound: i64| if dice.chance(faults) { dice.number() } else { sound };
        columns.push(Event {
            ts_event: fault(&mut dice, now),
            ts_recv: fault(&mut dice, now),
            kind: EventKind::BookSet,
            side: 1,
            flags: u8::from(dice.chance(60)) | dice.pick(&[0, 0, 2, 0xfe]),
            price: fault(&mut dice, 100),
            qty: fault(&mut dice, 7),
            id: 0,
        });
        let row = columns.len() - 1;
        columns.kind[row] = if dice.chance(faults) { dice.byte() } else { dice.below(13) as u8 };
        columns.side[row] = if dice.chance(faults) { dice.byte().cast_signed() } else { dice.pick(&[1, -1]) };
    }
    let checked = columns.view().check();
    assert_eq!(checked.is_ok(), is_sound(&columns.view()));
    let mut chunker = Chunker::new(dice.within(1, 20) as usize);
    let (mut whole, mut at) = (EventColumns::default(), 0);
    let mut next = || {
        let end = columns.len().min(at + dice.below(30) as usize);
        let mut piece = EventColumns::default();
        piece.extend_from(&columns, at, end);
        let is_end = at == columns.len();
        at = end.max(at + usize::from(dice.is_done())).min(columns.len());
        piece.extend_from(&columns, end, at);
        Ok::<_, ()>((!is_end).then(|| Arc::new(piece) as Arc<dyn tradecore_core::event::Columns>))
    };
    loop {
        match chunker.pull(&mut next) {
            Ok(Some(chunk)) => {
                let view = chunk.view().rows(chunk.start(), chunk.end());
                for row in 0..view.len() {
                    whole.push(view.event(row));
                }
                assert!(view.flags.last().is_some_and(|flags| flags & FLAG_LAST != 0));
            }
            Ok(None) => {
                assert!(checked.is_ok());
                columns.end_message();
                assert_eq!(whole, columns);
                return;
            }
            Err(_) => return assert!(checked.is_err()),
        }
    }
}
