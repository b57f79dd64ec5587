//! What a market's last rows told of a level, for an order that joins it.

use std::collections::VecDeque;

use crate::book::FillBasis;
use crate::event::{Chunk, EventKind, Ints, View};
use crate::sim::Told;
use crate::types::Side;

/// So many rows are looked through.
const ROWS: usize = 4_096;
/// So many changes of the level are enough, with its size before them.
const CHANGES: usize = 20;
/// Prices are compared so many at a time.
const BLOCK: usize = 32;

/// The chunks that have passed last.
#[derive(Default)]
pub(super) struct Past {
    chunks: VecDeque<Chunk>,
    rows: usize,
}

impl Past {
    /// A chunk has passed.
    pub(super) fn pass(&mut self, chunk: Chunk) {
        self.rows += chunk.end() - chunk.start();
        self.chunks.push_back(chunk);
        while let Some(oldest) = self.chunks.front()
            && self.rows - (oldest.end() - oldest.start()) >= ROWS
        {
            self.rows -= oldest.end() - oldest.start();
            self.chunks.pop_front();
        }
    }

    /// What was told of a level until `row` of the chunk in front, oldest first.
    pub(super) fn told_of(
        &self,
        front: Option<(&Chunk, usize)>,
        basis: FillBasis,
        side: Side,
        price: i64,
    ) -> Vec<Told> {
        let passed = self.chunks.iter().rev().map(|chunk| (chunk, chunk.end()));
        let (mut search, mut left) = (Search { basis, side, price, told: Vec::new(), sizes: 0 }, ROWS);
        for (chunk, end) in front.into_iter().chain(passed) {
            let start = chunk.start().max(end.saturating_sub(left));
            left -= end - start;
            if !search.look(&chunk.view(), start, end) || left == 0 {
                break;
            }
        }
        search.told.reverse();
        search.told
    }
}

struct Search {
    basis: FillBasis,
    side: Side,
    price: i64,
    /// Newest first.
    told: Vec<Told>,
    sizes: usize,
}

impl Search {
    /// Looks through rows, the last first. Returns whether to go on before them.
    fn look(&mut self, view: &View<'_>, start: usize, end: usize) -> bool {
        let mut to = end;
        while to > start {
            let from = start.max(to.saturating_sub(BLOCK));
            // A clear has price 0, and a quote at another price ends the level as well.
            if self.basis == FillBasis::L1 || self.is_in(view, from, to) {
                for row in (from..to).rev() {
                    if !self.see(view, row) {
                        return false;
                    }
                }
            }
            to = from;
        }
        true
    }

    fn is_in(&self, view: &View<'_>, from: usize, to: usize) -> bool {
        let any = |is: bool, found: bool| is | found;
        match view.price {
            Ints::Narrow(column) => i32::try_from(self.price).is_ok_and(|wanted| {
                column[from..to].iter().fold(false, |found, p| any(*p == wanted || *p == 0, found))
            }),
            Ints::Wide(column) => {
                column[from..to].iter().fold(false, |found, p| any(*p == self.price || *p == 0, found))
            }
        }
    }

    /// Takes a row into account; returns whether to go on before it.
    fn see(&mut self, view: &View<'_>, row: usize) -> bool {
        let (price, qty, at) = (view.price.get(row), view.qty.get(row), view.ts_event[row]);
        match (EventKind::from_column(view.kind[row]), self.basis) {
            (Some(EventKind::BookClear), FillBasis::L2) => return false,
            (Some(EventKind::BookSet), FillBasis::L2) | (Some(EventKind::Quote), FillBasis::L1)
                if view.side[row] == self.side as i8 =>
            {
                if price == self.price {
                    self.told.push(Told::Size { qty, at });
                    self.sizes += 1;
                } else if self.basis == FillBasis::L1 {
                    return false;
                }
            }
            (Some(EventKind::Trade), _) if price == self.price && view.side[row] == -(self.side as i8) => {
                self.told.push(Told::Trade { qty, at });
            }
            _ => {}
        }
        self.sizes <= CHANGES
    }
}
