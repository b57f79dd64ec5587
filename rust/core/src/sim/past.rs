//! What a market's last rows told of a level, for an order that joins it.

use std::collections::VecDeque;
use std::ops::Range;

use super::queue::Told;
use crate::book::FillBasis;
use crate::event::{Chunk, EventKind, Ints, View};
use crate::types::Side;
use tradecore_wide::{Wide, Work, widest};

/// So many rows are looked through.
const ROWS: usize = 4_096;
/// So many changes of the level are enough, with its size before them.
const CHANGES: usize = 20;
/// Prices are compared so many at a time, as many as a word of their bits has.
const BLOCK: usize = u32::BITS as usize;

/// The chunks that have passed last.
#[derive(Default)]
pub struct Past {
    chunks: VecDeque<Chunk>,
    rows: usize,
}

impl Past {
    /// A chunk has passed.
    pub fn pass(&mut self, chunk: Chunk) {
        self.rows += chunk.end() - chunk.start();
        self.chunks.push_back(chunk);
        while let Some(oldest) = self.chunks.front()
            && self.rows - (oldest.end() - oldest.start()) >= ROWS
        {
            self.rows -= oldest.end() - oldest.start();
            self.chunks.pop_front();
        }
    }

    /// What was told of a level in the chunks that have passed and in the rows behind them, oldest first.
    pub fn told_of(
        &self,
        front: Option<(View<'_>, Range<usize>)>,
        basis: FillBasis,
        side: Side,
        price: i64,
    ) -> Vec<Told> {
        let passed = self.chunks.iter().rev().map(|chunk| (chunk.view(), chunk.start()..chunk.end()));
        let (mut search, mut left) =
            (Search { basis, side, price, told: Vec::with_capacity(BLOCK), sizes: 0 }, ROWS);
        for (view, Range { start, end }) in front.into_iter().chain(passed) {
            let start = start.max(end.saturating_sub(left));
            left -= end - start;
            if !search.look(&view, start, end) || left == 0 {
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
        // A quote at another price ends a level of quotes.
        if self.basis == FillBasis::L1 {
            return (start..end).rev().all(|row| self.see(view, row));
        }
        match view.price {
            Ints::Narrow(column) => {
                // No price of a narrow column is one that does not fit.
                let price = i32::try_from(self.price).unwrap_or(0);
                widest(Backwards {
                    column: &column[start..end],
                    price,
                    see: |row| self.see(view, start + row),
                })
            }
            Ints::Wide(column) => {
                let price = self.price;
                widest(Backwards {
                    column: &column[start..end],
                    price,
                    see: |row| self.see(view, start + row),
                })
            }
        }
    }

    /// Takes a row into account; returns whether to go on before it.
    fn see(&mut self, view: &View<'_>, row: usize) -> bool {
        let (own, other) = (self.side as i8, -(self.side as i8));
        // Most of what is told of the price: it was the other side's.
        if view.kind[row] == EventKind::BookSet as u8 && view.side[row] != own {
            return true;
        }
        match (EventKind::from_column(view.kind[row]), self.basis) {
            (Some(EventKind::BookClear), FillBasis::L2) => return false,
            (Some(EventKind::BookSet), FillBasis::L2) | (Some(EventKind::Quote), FillBasis::L1)
                if view.side[row] == own =>
            {
                if view.price.get(row) == self.price {
                    self.told.push(Told::Size { qty: view.qty.get(row), at: view.ts_event[row] });
                    self.sizes += 1;
                } else if self.basis == FillBasis::L1 {
                    return false;
                }
            }
            (Some(EventKind::Trade), _) if view.side[row] == other && view.price.get(row) == self.price => {
                self.told.push(Told::Trade { qty: view.qty.get(row), at: view.ts_event[row] });
            }
            _ => {}
        }
        self.sizes <= CHANGES
    }
}

/// Lets rows of a price, and of a clear, which has price 0, be seen, the last first, for as long as that says so. Most
/// blocks have none; which rows of one do is told without a branch.
struct Backwards<'a, T, F> {
    column: &'a [T],
    price: T,
    see: F,
}

impl<T: Copy + Default + PartialEq, F: FnMut(usize) -> bool> Work for Backwards<'_, T, F> {
    /// Whether all were seen.
    type Output = bool;

    #[inline(always)]
    fn run<V: Wide>(mut self) -> bool {
        let is_told = |price: &T| *price == self.price || *price == T::default();
        let (rest, blocks) = self.column.as_rchunks::<BLOCK>();
        for (at, block) in blocks.iter().enumerate().rev() {
            let bit = |(bit, price)| u32::from(is_told(price)) << bit;
            let mut told = block.iter().enumerate().map(bit).fold(0, |told, bit| told | bit);
            while told != 0 {
                let last = told.ilog2();
                told ^= 1 << last;
                if !(self.see)(rest.len() + at * BLOCK + last as usize) {
                    return false;
                }
            }
        }
        (0..rest.len()).rev().all(|at| !is_told(&rest[at]) || (self.see)(at))
    }
}
