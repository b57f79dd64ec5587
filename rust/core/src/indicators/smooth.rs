//! Exponential averages, the parts of which many indicators are made.
//!
//! An average waits for the one before it, and that wait is what a column of them costs. So it is counted in strides of
//! [`STRIDE`] numbers: a stride sums up its own numbers, weighted, which waits for nothing outside of it, and adds what
//! is left of the average before it. Only one multiplication and one addition a stride wait for the stride before.

use std::array;

use tradecore_wide::{WIDTH, Wide};

use super::state::{Count, Memory, state};

/// Numbers of a stride.
pub(super) const STRIDE: usize = 4;

/// Four strides by their places: their first numbers, their second ones, and so on.
pub(super) type Places<V> = [V; STRIDE];

/// Sums that forget, side by side, `value = keep value + x` each: what the processor takes together.
#[derive(Debug, Clone)]
pub(super) struct Lanes<const L: usize> {
    /// What is left of a sum after 1, 2, ... numbers of a stride.
    keeps: [[f64; L]; STRIDE],
    /// What is left after a whole stride, of the other sign: what is next waited for is then worked out by itself, and
    /// not taken out of a vector of what is given.
    minus_whole: [f64; L],
    value: [f64; L],
    /// The sums before this stride, what its numbers add to them, and how many there were.
    before: [f64; L],
    part: [f64; L],
    place: Count,
}

state!(Lanes<1> { value, before, part, place }; |own| Some(own.forgets()));
state!(Lanes<2> { value, before, part, place }; |own| Some(own.forgets()));

/// The memory of `value = keep value + x`.
///
/// What is left of a difference is `keep` of it: after `37 / (1 - keep)` numbers less than a last bit. Two that differ by
/// that meet sooner or later, as each is rounded; nearly always in half as many again.
pub(super) fn forgets(keep: f64) -> Memory {
    Memory { rows: (64.0 / (1.0 - keep)) as usize, phase: 1 }
}

impl<const L: usize> Lanes<L> {
    fn forgets(&self) -> Memory {
        forgets(self.keeps[0].iter().copied().fold(0.0, f64::max)).and(Memory { rows: 0, phase: STRIDE })
    }

    pub(super) fn new(keep: [f64; L]) -> Self {
        let mut keeps = [keep; STRIDE];
        for place in 1..STRIDE {
            keeps[place] = array::from_fn(|lane| keeps[place - 1][lane] * keep[lane]);
        }
        let [value, before, part] = [[0.0; L]; 3];
        let minus_whole = keeps[STRIDE - 1].map(|keep| -keep);
        Self { keeps, minus_whole, value, before, part, place: Count::to(STRIDE) }
    }

    /// Takes a number each.
    #[inline(always)]
    pub(super) fn step(&mut self, numbers: [f64; L]) -> [f64; L] {
        let place = self.place.next();
        let keeps = &self.keeps[place - 1];
        let part = |lane: usize| self.keeps[0][lane] * self.part[lane] + numbers[lane];
        self.part = if place == 1 { numbers } else { array::from_fn(part) };
        self.value = array::from_fn(|lane| keeps[lane] * self.before[lane] + self.part[lane]);
        if place == STRIDE {
            self.begin_stride();
        }
        self.value
    }

    /// Numbers until a stride begins.
    #[inline(always)]
    pub(super) fn to_next_stride(&self) -> usize {
        (STRIDE - self.place.done()) % STRIDE
    }

    /// What numbers of four strides, by their places, add to the sums: waits for nothing.
    #[inline(always)]
    pub(super) fn parts<V: Wide>(&self, mut lanes: [Places<V>; L]) -> [Places<V>; L] {
        for (parts, keep) in lanes.iter_mut().zip(&self.keeps[0]) {
            for place in 1..STRIDE {
                parts[place] = V::splat(*keep) * parts[place - 1] + parts[place];
            }
        }
        lanes
    }

    /// Takes up to four strides of such parts, between strides: the sums before each of them.
    #[inline(always)]
    pub(super) fn link<V: Wide>(&mut self, lanes: &[Places<V>; L], strides: usize) -> [V; L] {
        let (mut ends, mut befores) = ([[0.0; WIDTH]; L], [[0.0; WIDTH]; L]);
        for (end, parts) in ends.iter_mut().zip(lanes) {
            *end = parts[STRIDE - 1].numbers();
        }
        for stride in 0..strides {
            for lane in 0..L {
                befores[lane][stride] = self.before[lane];
                self.before[lane] = ends[lane][stride] - self.minus_whole[lane] * self.before[lane];
            }
        }
        self.value = self.before;
        befores.each_ref().map(V::load)
    }

    /// What [`Lanes::step`] gives for each number, of parts and the sums before their strides.
    #[inline(always)]
    pub(super) fn places<V: Wide>(&self, mut lanes: [Places<V>; L], befores: [V; L]) -> [Places<V>; L] {
        for (lane, (parts, before)) in lanes.iter_mut().zip(befores).enumerate() {
            for (part, keeps) in parts.iter_mut().zip(&self.keeps) {
                *part = V::splat(keeps[lane]) * before + *part;
            }
        }
        lanes
    }

    /// Begins with values that were worked out otherwise.
    #[inline(always)]
    pub(super) fn start(&mut self, value: [f64; L]) {
        self.value = value;
        self.begin_stride();
    }

    /// Begins a stride with the next number.
    #[inline(always)]
    pub(super) fn begin_stride(&mut self) {
        (self.before, self.part) = (self.value, [0.0; L]);
        self.place.clear();
    }
}

/// An exponential average that begins with the mean of its first `n` numbers: `e += a (x - e)`.
#[derive(Debug, Clone)]
pub(super) struct Smooth {
    take: f64,
    count: Count,
    average: Lanes<1>,
}

state!(Smooth { count, average });

impl Smooth {
    fn with(n: usize, take: f64) -> Self {
        Self { take, count: Count::to(n), average: Lanes::new([1.0 - take]) }
    }

    /// Of weight `2 / (n + 1)`.
    pub(super) fn ema(n: usize) -> Self {
        Self::with(n, ema_weight(n))
    }

    /// Of weight `1 / n`, as Wilder has it.
    pub(super) fn wilder(n: usize) -> Self {
        Self::with(n, 1.0 / n as f64)
    }

    /// Takes a number; the average once there were `n`.
    #[inline(always)]
    pub(super) fn push(&mut self, x: f64) -> Option<f64> {
        if self.count.is_full() {
            return Some(self.average.step([self.take * x])[0]);
        }
        let n = self.count.next();
        self.average.value[0] += x;
        if !self.count.is_full() {
            return None;
        }
        self.average.start([self.average.value[0] / n as f64]);
        Some(self.average.value[0])
    }

    /// Whether there is an average.
    #[inline(always)]
    pub(super) fn has_begun(&self) -> bool {
        self.count.is_full()
    }

    /// Numbers until a stride begins, once there is an average.
    #[inline(always)]
    pub(super) fn to_next_stride(&self) -> Option<usize> {
        self.has_begun().then(|| self.average.to_next_stride())
    }

    /// What numbers of four strides, by their places, add: waits for nothing.
    #[inline(always)]
    pub(super) fn parts<V: Wide>(&self, mut numbers: Places<V>) -> Places<V> {
        for number in &mut numbers {
            *number = V::splat(self.take) * *number;
        }
        let [parts] = self.average.parts([numbers]);
        parts
    }

    /// Takes up to four strides of such parts, between strides: the averages before each of them.
    #[inline(always)]
    pub(super) fn link<V: Wide>(&mut self, parts: &Places<V>, strides: usize) -> V {
        let [before] = self.average.link(&[*parts], strides);
        before
    }

    /// The averages after each number, of parts and the averages before their strides.
    #[inline(always)]
    pub(super) fn places<V: Wide>(&self, parts: Places<V>, before: V) -> Places<V> {
        let [averages] = self.average.places([parts], [before]);
        averages
    }
}

/// The weight of the newest number in an exponential average of `n`.
pub(super) fn ema_weight(n: usize) -> f64 {
    2.0 / (n as f64 + 1.0)
}
