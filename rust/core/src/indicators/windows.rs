//! Windows over the last `n` rows, and what is summed over them.
//!
//! A running sum drifts, and what once overflowed in it would stay. So each sum is counted a second time from nothing
//! while the window is filled, and takes that count's place when the window is full: every `n` rows it is as good as
//! new, at the price of an addition. A batch and a stream count the same rows, so they agree to the last bit.

use tradecore_wide::{Number, WIDTH, Wide};

use super::state::{Count, Memory, Reader, State, state};
use super::stream::{Indicator, write};

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

    fn hollow(&mut self) {
        self.values = Vec::new();
    }

    fn memory(&self) -> Option<Memory> {
        // Two windows: sums are those of the last one, counted from what began the one before.
        Some(Memory { rows: 2 * self.size(), phase: self.size() })
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
        for (i, old) in [old, 0.0].into_iter().enumerate() {
            let [change, growth] = changes(x - self.origin[i], old);
            self.totals[i] += change;
            self.squares[i] += growth;
        }
    }

    /// Takes four numbers, and from the first of the two counts those that leave, distances; its sum and that of its
    /// squares after each.
    #[inline(always)]
    fn take_four<V: Wide>(&mut self, x: V, old: V) -> [V; 2] {
        let [change, growth] = changes(x - V::splat(self.origin[0]), old);
        let [fresh, fresh_growth] = changes(x - V::splat(self.origin[1]), V::splat(0.0));
        let mut rows = V::transpose([change, fresh, growth, fresh_growth]);
        let mut sums = V::load(&[self.totals[0], self.totals[1], self.squares[0], self.squares[1]]);
        for row in &mut rows {
            sums = sums + *row;
            *row = sums;
        }
        [self.totals[0], self.totals[1], self.squares[0], self.squares[1]] = sums.numbers();
        let [totals, _, squares, _] = V::transpose(rows);
        [totals, squares]
    }

    /// Mean and variance of the first count.
    #[inline(always)]
    fn moments(&self, inverse: f64) -> [f64; 2] {
        moments(self.origin[0], self.totals[0], self.squares[0], inverse)
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

/// What a sum and that of squares change by where one distance comes and one leaves.
#[inline(always)]
fn changes<N: Number>(new: N, old: N) -> [N; 2] {
    let change = new - old;
    [change, change * (new + old)]
}

/// Mean and variance of what was summed up.
#[inline(always)]
fn moments<N: Number>(origin: N, sum: N, square: N, inverse: N) -> [N; 2] {
    let mean = sum * inverse;
    let variance = square * inverse - mean * mean;
    [origin + mean, N::splat(0.0).greater(variance)]
}

impl Moments {
    pub(super) fn new(n: usize) -> Self {
        let equal = Equal { rows: Count::to(n), last: 0.0 };
        Self { ring: Ring::new(n), inverse: 1.0 / n as f64, sums: Sums::default(), equal }
    }

    /// Takes a number; the mean and the variance (of the population) once there are `n`.
    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> Option<[f64; 2]> {
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
            return Some([x, 0.0]);
        }
        Some(self.sums.moments(self.inverse))
    }

    /// The same for a column: what is said of means and variances, NaN until there are `n`. Whether there are `n`.
    ///
    /// Once the window is full it goes from turn to turn of the sums, where nothing has to be decided in between.
    #[inline(always)]
    fn batch<V: Wide, const O: usize>(
        &mut self,
        said: &impl FromMoments<O>,
        numbers: &[f64],
        out: &mut [&mut [f64]; O],
    ) -> bool {
        let rows = numbers.len();
        let mut at = 0;
        while at < rows && !self.ring.is_full() {
            let x = numbers[at];
            let known = self.push(x).map(|[mean, variance]| said.of(x, mean, variance));
            write(out, at, known.unwrap_or([f64::NAN; O]));
            at += 1;
        }
        let are_unequal = at < rows && self.equal.skip_unequal(&numbers[at..]);
        while at < rows {
            let end = rows.min(at + self.ring.size() - self.ring.at());
            let mut columns = out.each_mut().map(|column| &mut column[at..end]);
            self.until_turn::<V, O>(said, &numbers[at..end], &mut columns);
            if !are_unequal {
                self.mark_equal(said, &numbers[at..end], &mut columns);
            }
            at = end;
        }
        self.ring.is_full()
    }

    /// Takes numbers up to the next turn of the sums, at least one.
    #[inline(always)]
    fn until_turn<V: Wide, const O: usize>(
        &mut self,
        said: &impl FromMoments<O>,
        numbers: &[f64],
        out: &mut [&mut [f64]; O],
    ) {
        let (mut sums, inverse) = (self.sums, self.inverse);
        let say = |sums: &Sums, x| {
            let [mean, variance] = sums.moments(inverse);
            said.of(x, mean, variance)
        };
        let places = self.ring.next_places(numbers.len());
        let (fours, rest) = numbers.as_chunks::<WIDTH>();
        let (place_fours, place_rest) = places.as_chunks_mut::<WIDTH>();
        let origin = V::splat(sums.origin[0]);
        for (at, (x, place)) in fours.iter().zip(place_fours).enumerate() {
            let old = V::load(&std::mem::replace(place, *x)) - origin;
            let [total, square] = sums.take_four(V::load(x), old);
            let [mean, variance] = moments(origin, total, square, V::splat(inverse));
            let known = said.of(V::load(x), mean, variance);
            for (column, known) in out.iter_mut().zip(known) {
                column.as_chunks_mut::<WIDTH>().0[at] = known.numbers();
            }
        }
        for (at, (x, place)) in (WIDTH * fours.len()..).zip(rest.iter().zip(place_rest)) {
            sums.take(*x, std::mem::replace(place, *x) - sums.origin[0]);
            write(out, at, say(&sums, *x));
        }
        if self.ring.is_wrapped() {
            let last = numbers.len() - 1;
            sums.turn(numbers[last]);
            write(out, last, say(&sums, numbers[last]));
        }
        self.sums = sums;
    }

    fn mark_equal<const O: usize>(
        &mut self,
        said: &impl FromMoments<O>,
        numbers: &[f64],
        out: &mut [&mut [f64]; O],
    ) {
        for (at, x) in numbers.iter().enumerate() {
            if self.equal.push(*x) {
                write(out, at, said.of(*x, *x, 0.0));
            }
        }
    }
}

/// What is said of a number, and of the mean and the variance of a window that ends with it.
pub(super) trait FromMoments<const O: usize>: Clone + Send + Sync + 'static {
    /// The same of several as of one.
    fn of<N: Number>(&self, x: N, mean: N, variance: N) -> [N; O];
}

/// What is said of the mean and the variance of the last `n` numbers.
#[derive(Debug, Clone)]
pub(super) struct OfMoments<F> {
    window: Moments,
    said: F,
}

impl<F> OfMoments<F> {
    pub(super) fn new(n: usize, said: F) -> Self {
        Self { window: Moments::new(n), said }
    }
}

state!(impl [F] OfMoments<F> { window });

impl<F: FromMoments<O>, const O: usize> Indicator<1, O> for OfMoments<F> {
    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; O]> {
        self.window.push(x).map(|[mean, variance]| self.said.of(x, mean, variance))
    }

    #[inline(always)]
    fn batch<V: Wide>(&mut self, [x]: [&[f64]; 1], out: &mut [&mut [f64]; O]) -> bool {
        self.window.batch::<V, O>(&self.said, x, out)
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
