//! What a market's last rows told of a level, for an order that joins it.

use std::collections::VecDeque;

use crate::book::FillBasis;
use crate::event::{Chunk, EventKind, Ints, View};
use crate::sim::Told;
use crate::types::Side;
use tradecore_wide::{Work, widest};

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
    fn look(&mut self, view: &View<'_>, start: usize, mut end: usize) -> bool {
        // A quote at another price ends a level of quotes.
        if self.basis == FillBasis::L1 {
            return (start..end).rev().all(|row| self.see(view, row));
        }
        loop {
            let found = match view.price {
                Ints::Narrow(column) => {
                    // No price of a narrow column is one that does not fit.
                    let price = i32::try_from(self.price).unwrap_or(0);
                    widest(Latest { column: &column[start..end], price })
                }
                Ints::Wide(column) => widest(Latest { column: &column[start..end], price: self.price }),
            };
            let Some(found) = found else { return true };
            end = start + found;
            if !self.see(view, end) {
                return false;
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

/// Finds the last row of a price, or of a clear, which has price 0. Most blocks have none, which is summed up without a
/// branch.
struct Latest<'a, T> {
    column: &'a [T],
    price: T,
}

impl<T: Copy + Default + PartialEq> Work for Latest<'_, T> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run(self) -> Option<usize> {
        let is_told = |price: &T| u32::from(*price == self.price) | u32::from(*price == T::default());
        let mut from = self.column.len();
        for block in self.column.rchunks(BLOCK) {
            from -= block.len();
            if block.iter().map(is_told).sum::<u32>() > 0 {
                return block.iter().rposition(|price| is_told(price) > 0).map(|at| from + at);
            }
        }
        None
    }
}
