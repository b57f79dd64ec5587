//! Windows over the last `n` rows, and what is summed over them.
//!
//! A running sum drifts, and what once overflowed in it would stay. So each sum is counted a second time from nothing
//! while the window is filled, and takes that count's place when the window is full: every `n` rows it is as good as
//! new, at the price of an addition. A batch and a stream count the same rows, so they agree to the last bit.

use std::array;

use super::state::{Count, Reader, State, state};

/// The last `n` numbers; 0 stands where there were none yet.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    values: Vec<f64>,
    at: usize,
    filled: Count,
}

impl Ring {
    /// Of `n` numbers, at least one.
    pub(super) fn new(n: usize) -> Self {
        Self { values: vec![0.0; n.max(1)], at: 0, filled: Count::to(n.max(1)) }
    }

    /// Takes a number and gives the one that leaves.
    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> f64 {
        let old = std::mem::replace(&mut self.values[self.at], x);
        self.at = if self.at + 1 == self.values.len() { 0 } else { self.at + 1 };
        self.filled.next();
        old
    }

    /// Takes a number and gives the one that leaves, once it is full.
    #[inline(always)]
    pub(super) fn swap(&mut self, x: f64) -> Option<f64> {
        let was_full = self.is_full();
        let old = self.push(x);
        was_full.then_some(old)
    }

    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.filled.is_full()
    }

    /// Whether the next number goes where the first one went: a whole number of windows has passed.
    #[inline(always)]
    pub(super) fn is_wrapped(&self) -> bool {
        self.at == 0
    }

    /// How many of its places were written since it was wrapped.
    #[inline(always)]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Of how many numbers it is.
    #[inline(always)]
    pub(super) fn size(&self) -> usize {
        self.values.len()
    }

    /// How many of its places were ever written, the first ones.
    pub(super) fn filled(&self) -> usize {
        self.filled.done()
    }

    /// The oldest number, once it is full.
    #[inline(always)]
    pub(super) fn oldest(&self) -> f64 {
        self.values[self.at]
    }

    /// The places of the next numbers, which do not go beyond its end, once it is full.
    #[inline(always)]
    pub(super) fn next_places(&mut self, numbers: usize) -> &mut [f64] {
        let end = self.at + numbers;
        let start = std::mem::replace(&mut self.at, if end == self.values.len() { 0 } else { end });
        &mut self.values[start..end]
    }

    /// Its places, in the order in which they are written.
    pub(super) fn places(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// The mean of its numbers, once it is full: of equal ones, to the last digit that number.
    pub(super) fn mean(&self) -> f64 {
        let origin = self.oldest();
        origin + self.iter().map(|x| x - origin).sum::<f64>() / self.size() as f64
    }

    /// Its numbers, oldest first, once it is full.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = f64> + Clone + '_ {
        let (older, newer) = self.halves();
        older.iter().chain(newer).copied()
    }

    /// The same in two pieces.
    #[inline(always)]
    pub(super) fn halves(&self) -> (&[f64], &[f64]) {
        let (newer, older) = self.values.split_at(self.at);
        (older, newer)
    }
}

impl State for Ring {
    fn write(&self, out: &mut Vec<u8>) {
        (self.at as u64).write(out);
        self.filled.write(out);
        for value in &self.values {
            value.write(out);
        }
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.at = from.count(self.values.len() - 1)?;
        self.filled.read(from)?;
        self.values.iter_mut().try_for_each(|value| value.read(from))
    }

    fn reset(&mut self) {
        // Only what was written: to forget often costs no more than to fill.
        self.values[..self.filled.done()].fill(0.0);
        self.at = 0;
        self.filled.reset();
    }
}

/// The sum of the last `n` numbers.
#[derive(Debug, Clone)]
pub(super) struct Sum {
    ring: Ring,
    total: f64,
    fresh: f64,
}

state!(Sum { ring, total, fresh });

impl Sum {
    pub(super) fn new(n: usize) -> Self {
        Self { ring: Ring::new(n), total: 0.0, fresh: 0.0 }
    }

    /// Takes a number; the sum once there are `n`.
    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> Option<f64> {
        self.total += x - self.ring.push(x);
        self.fresh += x;
        if self.ring.is_wrapped() {
            // What a NaN was let into stays so.
            self.total = if self.total.is_nan() { self.total } else { self.fresh };
            self.fresh = 0.0;
        }
        self.ring.is_full().then_some(self.total)
    }
}

/// The mean of the last `n` numbers.
#[derive(Debug, Clone)]
pub(super) struct Mean {
    sum: Sum,
    inverse: f64,
}

state!(Mean { sum });

impl Mean {
    pub(super) fn new(n: usize) -> Self {
        Self { sum: Sum::new(n), inverse: 1.0 / n as f64 }
    }

    /// Takes a number; the mean once there are `n`.
    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> Option<f64> {
        self.sum.push(x).map(|sum| sum * self.inverse)
    }
}

/// Mean and variance of the last `n` numbers.
///
/// Sums and squares are taken of the distance to a number of the window before, so that a high price with a small
/// variance keeps its digits.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    ring: Ring,
    inverse: f64,
    sums: Sums,
    equal: Equal,
}

state!(Moments { ring, sums, equal });

/// Sums over a window, and those of the count that comes next.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// What distances are measured from.
    origin: [f64; 2],
    totals: [f64; 2],
    squares: [f64; 2],
}

state!(Sums { origin, totals, squares });

impl Sums {
    /// Takes a number, and from the first of the two counts the one that leaves, a distance.
    #[inline(always)]
    fn take(&mut self, x: f64, old: f64) {
        let old = [old, 0.0];
        let new = self.origin.map(|origin| x - origin);
        let change: [f64; 2] = array::from_fn(|i| new[i] - old[i]);
        self.totals = array::from_fn(|i| self.totals[i] + change[i]);
        self.squares = array::from_fn(|i| self.squares[i] + change[i] * (new[i] + old[i]));
    }

    /// Goes over to the other count, after the number that begins the next one.
    #[inline(always)]
    fn turn(&mut self, x: f64) {
        self.origin = [self.origin[1], x];
        self.totals = [self.totals[1], 0.0];
        self.squares = [self.squares[1], 0.0];
    }
}

/// How many of the last rows, up to `n`, were equal, and the number they were.
#[derive(Debug, Clone)]
struct Equal {
    rows: Count,
    last: f64,
}

state!(Equal { rows, last });

impl Equal {
    #[inline(always)]
    #[allow(clippy::float_cmp, reason = "equal numbers have no variance, those that are nearly so have one")]
    fn push(&mut self, x: f64) -> bool {
        if x != self.last {
            self.rows.clear();
            self.last = x;
        }
        self.rows.next();
        self.rows.is_full()
    }

    /// Takes numbers, at least one, of which none is like the one before; `false` if one is, and then takes none.
    #[inline(always)]
    #[allow(clippy::float_cmp, reason = "as above")]
    fn skip_unequal(&mut self, numbers: &[f64]) -> bool {
        let end = numbers.len() - 1;
        let pairs = numbers[..end].iter().zip(&numbers[1..]);
        if pairs.fold(numbers[0] == self.last, |any, (x, next)| any | (x == next)) {
            return false;
        }
        self.rows.clear();
        !self.push(numbers[end])
    }
}

/// Mean and variance of what was summed up.
#[inline(always)]
fn moments(origin: f64, sum: f64, square: f64, inverse: f64) -> (f64, f64) {
    let mean = sum * inverse;
    let variance = square * inverse - mean * mean;
    (origin + mean, if variance < 0.0 { 0.0 } else { variance })
}

impl Moments {
    pub(super) fn new(n: usize) -> Self {
        let equal = Equal { rows: Count::to(n), last: 0.0 };
        Self { ring: Ring::new(n), inverse: 1.0 / n as f64, sums: Sums::default(), equal }
    }

    /// Takes a number; the mean and the variance (of the population) once there are `n`.
    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> Option<(f64, f64)> {
        if !self.ring.is_full() && self.ring.is_wrapped() {
            self.sums.origin = [x; 2];
            self.equal.last = x;
        }
        let is_equal = self.equal.push(x);
        let old = self.ring.swap(x).map_or(0.0, |old| old - self.sums.origin[0]);
        self.sums.take(x, old);
        if self.ring.is_wrapped() {
            self.sums.turn(x);
        }
        if !self.ring.is_full() {
            return None;
        }
        if is_equal {
            return Some((x, 0.0));
        }
        Some(moments(self.sums.origin[0], self.sums.totals[0], self.sums.squares[0], self.inverse))
    }

    /// The same for a column: means and variances, NaN until there are `n`, which `finish` may make others of; it gets
    /// them part by part, and which row the part begins with. Whether there are `n`.
    ///
    /// Once the window is full it goes from turn to turn of the sums, where nothing has to be decided in between.
    #[inline(always)]
    pub(super) fn batch(
        &mut self,
        numbers: &[f64],
        means: &mut [f64],
        variances: &mut [f64],
        mut finish: impl FnMut(usize, &mut [f64], &mut [f64]),
    ) -> bool {
        let rows = numbers.len();
        let mut at = 0;
        while at < rows && !self.ring.is_full() {
            (means[at], variances[at]) = self.push(numbers[at]).unwrap_or((f64::NAN, f64::NAN));
            at += 1;
        }
        finish(0, &mut means[..at], &mut variances[..at]);
        let are_unequal = at < rows && self.equal.skip_unequal(&numbers[at..]);
        while at < rows {
            let end = rows.min(at + self.ring.size() - self.ring.at());
            let (numbers, means, variances) =
                (&numbers[at..end], &mut means[at..end], &mut variances[at..end]);
            self.until_turn(numbers, means, variances);
            if !are_unequal {
                self.mark_equal(numbers, means, variances);
            }
            finish(at, means, variances);
            at = end;
        }
        self.ring.is_full()
    }

    /// Takes numbers up to the next turn of the sums, at least one.
    #[inline(always)]
    fn until_turn(&mut self, numbers: &[f64], means: &mut [f64], variances: &mut [f64]) {
        let mut sums = self.sums;
        let origin = sums.origin[0];
        let places = self.ring.next_places(numbers.len());
        for (((x, place), sum), square) in numbers.iter().zip(places).zip(&mut *means).zip(&mut *variances) {
            let old = std::mem::replace(place, *x) - origin;
            sums.take(*x, old);
            (*sum, *square) = (sums.totals[0], sums.squares[0]);
        }
        for (mean, variance) in means.iter_mut().zip(&mut *variances) {
            (*mean, *variance) = moments(origin, *mean, *variance, self.inverse);
        }
        let last = numbers.len() - 1;
        if self.ring.is_wrapped() {
            sums.turn(numbers[last]);
            (means[last], variances[last]) =
                moments(sums.origin[0], sums.totals[0], sums.squares[0], self.inverse);
        }
        self.sums = sums;
    }

    fn mark_equal(&mut self, numbers: &[f64], means: &mut [f64], variances: &mut [f64]) {
        for ((x, mean), variance) in numbers.iter().zip(means).zip(variances) {
            if self.equal.push(*x) {
                (*mean, *variance) = (*x, 0.0);
            }
        }
    }
}

/// What the last `n` numbers are together with their places: `origin`, the sum of their distances `d` to it, and the
/// sum of `i d` with `i` from 1 (the oldest) to `n`.
#[derive(Debug, Clone)]
pub(super) struct Weighted {
    ring: Ring,
    origin: [f64; 2],
    sums: [f64; 2],
    ranked: [f64; 2],
}

state!(Weighted { ring, origin, sums, ranked });

impl Weighted {
    pub(super) fn new(n: usize) -> Self {
        Self { ring: Ring::new(n), origin: [0.0; 2], sums: [0.0; 2], ranked: [0.0; 2] }
    }

    /// Takes a number; origin, sum and weighted sum once there are `n`.
    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> Option<[f64; 3]> {
        if !self.ring.is_full() && self.ring.is_wrapped() {
            self.origin = [x; 2];
        }
        let place = (self.ring.at() + 1) as f64;
        let old = self.ring.swap(x).map_or(0.0, |old| old - self.origin[0]);
        let [new, fresh] = self.origin.map(|origin| x - origin);
        self.ranked[0] += self.ring.size() as f64 * new - self.sums[0];
        self.sums[0] += new - old;
        self.ranked[1] += place * fresh;
        self.sums[1] += fresh;
        if self.ring.is_wrapped() {
            self.origin = [self.origin[1], x];
            self.sums = [self.sums[1], 0.0];
            self.ranked = [self.ranked[1], 0.0];
        }
        self.ring.is_full().then_some([self.origin[0], self.sums[0], self.ranked[0]])
    }
}
