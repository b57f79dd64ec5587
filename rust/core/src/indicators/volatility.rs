//! Volatility of a mid price from irregular samples.
//!
//! Over the last `window` steps, `σ² = Σ r² / Σ dt` with `r` the change of the mid and `dt` the time it took: price
//! units per square root of a second, whatever the sampling. An optional half-life then smooths `σ²` over event
//! time, `v ← λ v + (1 - λ) σ²` with `λ = exp(-ln 2 · dt / half_life)`.

use std::collections::VecDeque;

/// What a [`RealizedVolatility`] remembers, to go on from in another process.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VolatilityState {
    /// Squared change and length (s) of the steps in the window, oldest first.
    pub steps: Vec<(f64, f64)>,
    /// Their running sums, which differ from a fresh count in the last digits.
    pub sums: (f64, f64),
    /// Time (ns) and mid of the last sample.
    pub last: Option<(i64, f64)>,
    /// The variance, smoothed.
    pub smoothed: Option<f64>,
    /// Steps since the sums were taken anew.
    pub since_recount: usize,
}

/// Rolling realised volatility, optionally smoothed.
#[derive(Debug, Clone)]
pub struct RealizedVolatility {
    window: usize,
    half_life_s: Option<f64>,
    steps: VecDeque<(f64, f64)>,
    sum_sq: f64,
    sum_dt: f64,
    last: Option<(i64, f64)>,
    smoothed: Option<f64>,
    since_recount: usize,
}

impl RealizedVolatility {
    /// Over `window` steps (at least 1), smoothed with `half_life_s` seconds if given.
    pub fn new(window: usize, half_life_s: Option<f64>) -> Self {
        Self {
            window: window.max(1),
            half_life_s,
            steps: VecDeque::new(),
            sum_sq: 0.0,
            sum_dt: 0.0,
            last: None,
            smoothed: None,
            since_recount: 0,
        }
    }

    /// Takes the mid at `ts_ns`, within [`MOST_MID`](super::MOST_MID). A second sample of the same time is ignored.
    pub fn push(&mut self, ts_ns: i64, mid: f64) {
        let Some((last_ts, last_mid)) = self.last else {
            self.last = Some((ts_ns, mid));
            return;
        };
        if ts_ns <= last_ts {
            return;
        }
        self.last = Some((ts_ns, mid));
        let (change, dt) = (mid - last_mid, ts_ns.abs_diff(last_ts) as f64 * 1e-9);
        self.steps.push_back((change * change, dt));
        self.sum_sq += change * change;
        self.sum_dt += dt;
        if self.steps.len() > self.window
            && let Some((sq, dt)) = self.steps.pop_front()
        {
            self.sum_sq -= sq;
            self.sum_dt -= dt;
        }
        self.since_recount += 1;
        if self.since_recount >= self.window {
            // Running sums drift; once a window they are taken anew.
            self.since_recount = 0;
            self.sum_sq = self.steps.iter().map(|s| s.0).sum();
            self.sum_dt = self.steps.iter().map(|s| s.1).sum();
        }
        let variance = self.sum_sq.max(0.0) / self.sum_dt;
        self.smoothed = Some(match (self.half_life_s, self.smoothed) {
            (Some(half_life), Some(before)) => {
                let keep = libm::exp(-std::f64::consts::LN_2 * dt / half_life);
                keep * before + (1.0 - keep) * variance
            }
            _ => variance,
        });
    }

    /// What it remembers.
    pub fn state(&self) -> VolatilityState {
        VolatilityState {
            steps: self.steps.iter().copied().collect(),
            sums: (self.sum_sq, self.sum_dt),
            last: self.last,
            smoothed: self.smoothed,
            since_recount: self.since_recount,
        }
    }

    /// Goes on from a state; `false`, and nothing has changed, if that is none of such a window.
    #[must_use]
    pub fn restore(&mut self, state: VolatilityState) -> bool {
        if state.steps.len() > self.window || state.since_recount >= self.window {
            return false;
        }
        self.steps = state.steps.into();
        (self.sum_sq, self.sum_dt) = state.sums;
        (self.last, self.smoothed, self.since_recount) = (state.last, state.smoothed, state.since_recount);
        true
    }

    /// Price units per square root of a second; `None` before the second sample.
    pub fn sigma(&self) -> Option<f64> {
        self.smoothed.map(libm::sqrt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sampling_twice_as_often_does_not_change_the_unit() {
        // A walk of ±1 every 0.25 s: σ = 2 per √s, however the samples are spaced.
        let mut fine = RealizedVolatility::new(1_000, None);
        for step in 0..1_000i64 {
            fine.push(step * 250_000_000, (step % 2) as f64);
        }
        assert!((fine.sigma().unwrap() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_state_of_a_longer_window_is_refused() {
        let mut long = RealizedVolatility::new(10, None);
        for step in 0..8 {
            long.push(step, step as f64);
        }
        let mut short = RealizedVolatility::new(5, None);
        assert!(!short.restore(long.state()));
        assert_eq!(short.state(), VolatilityState::default());
    }

    #[test]
    fn nothing_is_known_before_two_samples_and_a_repeat_adds_nothing() {
        let mut v = RealizedVolatility::new(10, None);
        v.push(5, 100.0);
        v.push(5, 900.0);
        assert_eq!(v.sigma(), None);
    }

    proptest! {
        #[test]
        fn one_that_goes_on_from_a_state_says_the_same_to_the_last_digit(
            steps in proptest::collection::vec((1i64..1_000_000_000, -50i32..50), 2..200),
            window in 1usize..40, cut in 0usize..200, half_life in proptest::option::of(0.1f64..10.0),
        ) {
            let [mut whole, mut resumed] = [(); 2].map(|()| RealizedVolatility::new(window, half_life));
            let (mut ts, mut mid) = (0, 1_000.3);
            for (n, (dt, change)) in steps.into_iter().enumerate() {
                if n == cut {
                    let state = resumed.state();
                    resumed = RealizedVolatility::new(window, half_life);
                    prop_assert!(resumed.restore(state));
                }
                ts += dt;
                mid += f64::from(change) * 0.1;
                whole.push(ts, mid);
                resumed.push(ts, mid);
                prop_assert_eq!(whole.state(), resumed.state());
            }
        }

        #[test]
        fn rolling_sums_equal_a_fresh_count(
            steps in proptest::collection::vec((1i64..1_000_000_000, -50i32..50), 2..200),
            window in 1usize..40,
        ) {
            let mut v = RealizedVolatility::new(window, None);
            let (mut ts, mut mid, mut all) = (0, 1_000.0, Vec::new());
            v.push(ts, mid);
            for (dt, change) in steps {
                ts += dt;
                mid += f64::from(change);
                v.push(ts, mid);
                all.push((f64::from(change).powi(2), dt as f64 * 1e-9));
            }
            let tail = &all[all.len().saturating_sub(window)..];
            let want = (tail.iter().map(|s| s.0).sum::<f64>() / tail.iter().map(|s| s.1).sum::<f64>()).sqrt();
            prop_assert!((v.sigma().unwrap() - want).abs() <= 1e-6 * want.max(1.0));
        }
    }
}
