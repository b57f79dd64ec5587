//! Exponential averages, the parts of which many indicators are made.
//!
//! An average waits for the one before it, and that wait is what a column of them costs. So it is counted in strides of
//! [`STRIDE`] numbers: a stride sums up its own numbers, weighted, which waits for nothing outside of it, and adds what
//! is left of the average before it. Only one multiplication and one addition a stride wait for the stride before.

use super::state::{Count, state};

/// Numbers of a stride.
pub(super) const STRIDE: usize = 4;

/// An exponential average that begins with the mean of its first `n` numbers: `e += a (x - e)`.
#[derive(Debug, Clone)]
pub(super) struct Smooth {
    /// What is left of an average after 1, 2, ... numbers of a stride.
    keeps: [f64; STRIDE],
    take: f64,
    count: Count,
    value: f64,
    /// The average before this stride, what its numbers add to it, and how many there were.
    before: f64,
    part: f64,
    place: Count,
}

state!(Smooth { count, value, before, part, place });

impl Smooth {
    fn with(n: usize, take: f64) -> Self {
        let keep = 1.0 - take;
        let mut keeps = [keep; STRIDE];
        for place in 1..STRIDE {
            keeps[place] = keeps[place - 1] * keep;
        }
        let (count, place) = (Count::to(n), Count::to(STRIDE));
        Self { keeps, take, count, value: 0.0, before: 0.0, part: 0.0, place }
    }

    /// Of weight `2 / (n + 1)`.
    pub(super) fn ema(n: usize) -> Self {
        Self::with(n, 2.0 / (n as f64 + 1.0))
    }

    /// Of weight `1 / n`, as Wilder has it.
    pub(super) fn wilder(n: usize) -> Self {
        Self::with(n, 1.0 / n as f64)
    }

    /// Takes a number; the average once there were `n`.
    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> Option<f64> {
        if self.count.is_full() {
            return Some(self.step(x));
        }
        let n = self.count.next();
        self.value += x;
        if !self.count.is_full() {
            return None;
        }
        self.start(self.value / n as f64);
        Some(self.value)
    }

    /// Takes a number after the first `n`.
    #[inline(always)]
    pub(super) fn step(&mut self, x: f64) -> f64 {
        let place = self.place.next();
        self.part = self.keeps[0] * self.part + self.take * x;
        self.value = self.keeps[place - 1] * self.before + self.part;
        if place == STRIDE {
            self.begin_stride();
        }
        self.value
    }

    /// Whether a stride begins with the next number.
    #[inline(always)]
    pub(super) fn is_between_strides(&self) -> bool {
        self.has_begun() && self.place.done() == 0
    }

    /// Takes a stride of numbers, between strides: what [`Smooth::step`] gives for each.
    #[inline(always)]
    pub(super) fn stride(&mut self, numbers: [f64; STRIDE]) -> [f64; STRIDE] {
        let mut out = numbers.map(|x| self.take * x);
        let mut part = 0.0;
        for x in &mut out {
            part = self.keeps[0] * part + *x;
            *x = part;
        }
        for (x, keep) in out.iter_mut().zip(self.keeps) {
            *x = keep * self.before + *x;
        }
        self.value = out[STRIDE - 1];
        self.before = self.value;
        out
    }

    /// Begins with a value that was worked out otherwise.
    #[inline(always)]
    pub(super) fn start(&mut self, value: f64) {
        self.count.fill();
        self.value = value;
        self.begin_stride();
    }

    /// Whether there is an average.
    #[inline(always)]
    pub(super) fn has_begun(&self) -> bool {
        self.count.is_full()
    }

    /// Begins a stride with the next number.
    #[inline(always)]
    pub(super) fn begin_stride(&mut self) {
        (self.before, self.part) = (self.value, 0.0);
        self.place.clear();
    }
}
