//! The highest and lowest of the last `n` numbers, in constant time whatever they are.
//!
//! A window of `n` is the end of one block of `n` rows and the beginning of the next: the best of the end is known from
//! a walk back over each block when it is complete, the best of the beginning is carried along.

use super::state::state;
use super::windows::Ring;

/// The highest of the last `n` numbers, or the lowest as the highest of their opposites.
#[derive(Debug, Clone)]
pub(super) struct Extreme {
    /// Numbers of this block, and of the last one the best from each place to its end.
    ring: Ring,
    best: f64,
    sign: f64,
}

state!(Extreme { ring, best });

impl Extreme {
    pub(super) fn highest(n: usize) -> Self {
        Self { ring: Ring::new(n), best: 0.0, sign: 1.0 }
    }

    pub(super) fn lowest(n: usize) -> Self {
        Self { ring: Ring::new(n), best: 0.0, sign: -1.0 }
    }

    /// Takes a number; the best once there are `n`. What is no number is none of them.
    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> Option<f64> {
        let x = self.sign * x;
        self.best = if self.ring.is_wrapped() { x } else { self.best.max(x) };
        self.ring.push(x);
        if self.ring.is_wrapped() {
            let mut best = f64::NEG_INFINITY;
            for place in self.ring.places().iter_mut().rev() {
                best = best.max(*place);
                *place = best;
            }
            return Some(self.sign * self.best);
        }
        self.ring.is_full().then(|| self.sign * self.best.max(self.ring.oldest()))
    }
}

/// Both of them over the same window: of highs and lows, or of one series.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    high: Extreme,
    low: Extreme,
}

state!(Channel { high, low });

impl Channel {
    pub(super) fn new(n: usize) -> Self {
        Self { high: Extreme::highest(n), low: Extreme::lowest(n) }
    }

    /// Takes a row; the highest high and the lowest low once there are `n`.
    #[inline(always)]
    pub(super) fn push(&mut self, high: f64, low: f64) -> Option<(f64, f64)> {
        let high = self.high.push(high);
        high.zip(self.low.push(low))
    }
}

/// How many rows ago the highest of the last `n` numbers was: of equal ones, the last.
#[derive(Debug, Clone)]
pub(super) struct Since {
    values: Ring,
    rows: Ring,
    best: [f64; 2],
    row: f64,
    sign: f64,
}

state!(Since { values, rows, best, row }; |_| None);

impl Since {
    pub(super) fn highest(n: usize) -> Self {
        Self { values: Ring::new(n), rows: Ring::new(n), best: [0.0; 2], row: 0.0, sign: 1.0 }
    }

    pub(super) fn lowest(n: usize) -> Self {
        Self { sign: -1.0, ..Self::highest(n) }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> Option<f64> {
        let later = |old: [f64; 2], new: [f64; 2]| if new[0] >= old[0] { new } else { old };
        self.row += 1.0;
        let new = [self.sign * x, self.row];
        self.best = if self.values.is_wrapped() { new } else { later(self.best, new) };
        self.values.push(new[0]);
        self.rows.push(new[1]);
        if self.values.is_wrapped() {
            let mut best = [f64::NEG_INFINITY, 0.0];
            for (value, row) in self.values.places().iter_mut().zip(self.rows.places()).rev() {
                // Walked back: what was seen before is later.
                best = later([*value, *row], best);
                [*value, *row] = best;
            }
            return Some(self.row - self.best[1]);
        }
        let old = [self.values.oldest(), self.rows.oldest()];
        self.values.is_full().then(|| self.row - later(old, self.best)[1])
    }
}
