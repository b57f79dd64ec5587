//! How often trades reach a distance from the mid: `λ(δ) = A exp(-k δ)`.
//!
//! Time is cut into intervals. Of each, the deepest trade counts, measured from the mid at its start (a buy above
//! it, a sell below it; trades on the wrong side and intervals without a trade count as nothing). For distances
//! `d_j = (j + ½) · bin`, `λ_j` is the number of intervals whose deepest trade lies beyond `d_j`, per second. `A`
//! and `k` come from a straight line through `ln λ_j`; the line is weighted with the counts unless plain least
//! squares is asked for, because the far tail is a handful of trades. A fit needs three distances, `k > 0`.
//!
//! `A` is in fills per second, `k` per tick. Method: Guéant, Lehalle, Fernandez-Tapia, "Dealing with the inventory
//! risk", and the calibration published for it.

use std::collections::VecDeque;

/// How the line through the log intensities is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FitMethod {
    /// Least squares weighted with the counts.
    #[default]
    Weighted,
    /// Ordinary least squares.
    Ols,
}

/// A fitted intensity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntensityFit {
    /// Fills per second at distance 0.
    pub a: f64,
    /// Decay per tick.
    pub k: f64,
    /// Share of the variance of the log intensities the line explains (weighted like the fit).
    pub r2: f64,
    /// Distances that took part.
    pub points: usize,
}

/// Fits `counts[j] / seconds = A exp(-k · distances[j])`; zero counts take no part.
///
/// `None` with fewer than three distances, a line that does not fall, or no time.
pub fn fit_intensity(
    distances: &[f64],
    counts: &[u64],
    seconds: f64,
    method: FitMethod,
) -> Option<IntensityFit> {
    let points: Vec<(f64, f64, f64)> = distances
        .iter()
        .zip(counts)
        .filter(|(_, n)| **n > 0)
        .map(|(d, n)| {
            let n = *n as f64;
            let weight = if method == FitMethod::Weighted { n } else { 1.0 };
            (*d, libm::log(n / seconds), weight)
        })
        .collect();
    if points.len() < 3 || seconds.is_nan() || seconds <= 0.0 {
        return None;
    }
    let total: f64 = points.iter().map(|p| p.2).sum();
    let mean_x = points.iter().map(|p| p.2 * p.0).sum::<f64>() / total;
    let mean_y = points.iter().map(|p| p.2 * p.1).sum::<f64>() / total;
    let sum = |f: &dyn Fn(&(f64, f64, f64)) -> f64| -> f64 { points.iter().map(f).sum() };
    let sxx = sum(&|p| p.2 * (p.0 - mean_x) * (p.0 - mean_x));
    let sxy = sum(&|p| p.2 * (p.0 - mean_x) * (p.1 - mean_y));
    let syy = sum(&|p| p.2 * (p.1 - mean_y) * (p.1 - mean_y));
    let slope = sxy / sxx;
    let k = -slope;
    let a = libm::exp(mean_y - slope * mean_x);
    let r2 = if syy > 0.0 { sxy * sxy / (sxx * syy) } else { 1.0 };
    let is_sound = k > 0.0 && [a, k, r2].iter().all(|figure| figure.is_finite());
    is_sound.then_some(IntensityFit { a, k, r2, points: points.len() })
}

/// What an [`IntensityEstimator`] remembers, to go on from in another process.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IntensityState {
    /// Of the intervals in the window, oldest first: distances reached, and the length in seconds.
    pub intervals: Vec<(usize, f64)>,
    /// The running sum of their lengths, which differs from a fresh one in the last digits.
    pub seconds: f64,
    /// The deepest trade of the open interval, in ticks.
    pub deepest: f64,
}

/// Rolling estimate of the intensity over the last `window` intervals.
#[derive(Debug, Clone)]
pub struct IntensityEstimator {
    bin: f64,
    distances: Vec<f64>,
    /// Of the intervals in the window, how many reach beyond each distance.
    counts: Vec<u64>,
    /// Distances reached per interval, with the interval's length in seconds.
    intervals: VecDeque<(usize, f64)>,
    window: usize,
    seconds: f64,
    deepest: f64,
}

impl IntensityEstimator {
    /// `bins` distances, `bin_ticks` apart, over `window` intervals: at most [`MOST_BINS`](super::MOST_BINS) and
    /// [`MOST_WINDOW`](super::MOST_WINDOW).
    pub fn new(bin_ticks: f64, bins: usize, window: usize) -> Self {
        Self {
            bin: bin_ticks,
            distances: (0..bins).map(|j| (j as f64 + 0.5) * bin_ticks).collect(),
            counts: vec![0; bins],
            intervals: VecDeque::new(),
            window: window.max(1),
            seconds: 0.0,
            deepest: 0.0,
        }
    }

    /// A trade `depth` ticks from the mid at the start of the interval, on its aggressor's side of it.
    pub fn trade(&mut self, depth: f64) {
        self.deepest = self.deepest.max(depth);
    }

    /// Forgets the interval that is open.
    pub fn drop_interval(&mut self) {
        self.deepest = 0.0;
    }

    /// Ends an interval of `seconds`, not negative and at most [`MOST_SECONDS`](super::MOST_SECONDS).
    pub fn end_interval(&mut self, seconds: f64) {
        // Number of distances d_j = (j + ½) bin strictly below the deepest trade.
        let reached = libm::ceil(self.deepest / self.bin - 0.5).max(0.0) as usize;
        let reached = reached.min(self.distances.len());
        self.deepest = 0.0;
        for count in &mut self.counts[..reached] {
            *count += 1;
        }
        self.intervals.push_back((reached, seconds));
        self.seconds += seconds;
        if self.intervals.len() > self.window
            && let Some((reached, seconds)) = self.intervals.pop_front()
        {
            for count in &mut self.counts[..reached] {
                *count -= 1;
            }
            self.seconds -= seconds;
        }
    }

    /// What it remembers.
    pub fn state(&self) -> IntensityState {
        IntensityState {
            intervals: self.intervals.iter().copied().collect(),
            seconds: self.seconds,
            deepest: self.deepest,
        }
    }

    /// Goes on from a state; `false`, and nothing has changed, if that is none of such distances and such a window.
    #[must_use]
    pub fn restore(&mut self, state: IntensityState) -> bool {
        let bins = self.distances.len();
        if state.intervals.len() > self.window || state.intervals.iter().any(|(reached, _)| *reached > bins) {
            return false;
        }
        self.counts.fill(0);
        for (reached, _) in &state.intervals {
            self.counts[..*reached].iter_mut().for_each(|count| *count += 1);
        }
        self.intervals = state.intervals.into();
        (self.seconds, self.deepest) = (state.seconds, state.deepest);
        true
    }

    /// Whether the window is full.
    pub fn is_full(&self) -> bool {
        self.intervals.len() == self.window
    }

    /// The fit over the window.
    pub fn fit(&self, method: FitMethod) -> Option<IntensityFit> {
        fit_intensity(&self.distances, &self.counts, self.seconds, method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_pure_exponential_is_recovered() {
        let mut random = Random::new(5, 0);
        let mut estimator = IntensityEstimator::new(1.0, 40, 40_000);
        // At most one trade per 10 ms interval, with probability 0.02: two a second, depth exponential with k = 0.25.
        for _ in 0..40_000 {
            if random.chance(0.02) {
                estimator.trade(random.exponential(4.0));
            }
            estimator.end_interval(0.01);
        }
        let fit = estimator.fit(FitMethod::Weighted).unwrap();
        assert!((fit.k - 0.25).abs() < 0.02, "{fit:?}");
        assert!((fit.a - 2.0).abs() < 0.2, "{fit:?}");
        assert!(fit.r2 > 0.99);
    }

    #[test]
    fn old_intervals_leave_and_the_unit_is_per_second() {
        let mut estimator = IntensityEstimator::new(1.0, 4, 2);
        estimator.trade(3.0);
        estimator.end_interval(0.5);
        assert!(!estimator.is_full());
        estimator.end_interval(0.5);
        estimator.end_interval(0.5);
        assert_eq!(estimator.counts, [0; 4]);
        assert!((estimator.seconds - 1.0).abs() < 1e-12);
    }

    #[test]
    fn one_that_goes_on_from_a_state_says_the_same_to_the_last_digit() {
        let mut random = Random::new(9, 0);
        for cut in [0, 1, 7, 29, 30, 61, 99] {
            let [mut whole, mut resumed] = [(); 2].map(|()| IntensityEstimator::new(1.0, 12, 30));
            for n in 0..100 {
                let depth = random.exponential(5.0);
                whole.trade(depth);
                resumed.trade(depth);
                if n == cut {
                    let state = resumed.state();
                    resumed = IntensityEstimator::new(1.0, 12, 30);
                    assert!(resumed.restore(state));
                }
                whole.end_interval(0.1 + depth / 70.0);
                resumed.end_interval(0.1 + depth / 70.0);
                assert_eq!((&whole.counts, whole.state()), (&resumed.counts, resumed.state()));
            }
            assert!(whole.fit(FitMethod::Weighted).is_some());
        }
    }

    #[test]
    fn a_state_of_other_distances_or_a_longer_window_is_refused() {
        let mut wide = IntensityEstimator::new(1.0, 12, 30);
        for _ in 0..9 {
            wide.trade(11.0);
            wide.end_interval(1.0);
        }
        let [mut fewer, mut shorter] = [(4, 30), (12, 8)].map(|(n, w)| IntensityEstimator::new(1.0, n, w));
        assert!(!fewer.restore(wide.state()) && !shorter.restore(wide.state()));
        assert_eq!((fewer.state(), shorter.state()), (IntensityState::default(), IntensityState::default()));
    }

    #[test]
    fn hopeless_fits_are_none() {
        assert_eq!(fit_intensity(&[0.5, 1.5], &[5, 3], 1.0, FitMethod::Ols), None);
        assert_eq!(fit_intensity(&[0.5, 1.5, 2.5], &[5, 3, 0], 1.0, FitMethod::Ols), None);
        assert_eq!(fit_intensity(&[0.5, 1.5, 2.5], &[3, 5, 9], 1.0, FitMethod::Ols), None);
        assert_eq!(fit_intensity(&[0.5, 1.5, 2.5], &[9, 5, 3], 0.0, FitMethod::Ols), None);
    }
}
