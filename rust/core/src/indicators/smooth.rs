//! Exponential averages, the parts of which many indicators are made.

use super::state::{Count, state};

/// An exponential average that begins with the mean of its first `n` numbers: `e += a (x - e)`.
#[derive(Debug, Clone)]
pub(super) struct Smooth {
    keep: f64,
    take: f64,
    count: Count,
    value: f64,
}

state!(Smooth { count, value });

impl Smooth {
    fn with(n: usize, take: f64) -> Self {
        Self { keep: 1.0 - take, take, count: Count::to(n), value: 0.0 }
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
        self.value /= n as f64;
        Some(self.value)
    }

    /// Takes a number after the first `n`: one multiplication and one addition wait for the number before.
    #[inline(always)]
    pub(super) fn step(&mut self, x: f64) -> f64 {
        self.value = self.keep * self.value + self.take * x;
        self.value
    }

    /// Begins with a value that was worked out otherwise.
    #[inline(always)]
    pub(super) fn start(&mut self, value: f64) {
        self.count.fill();
        self.value = value;
    }
}
