//! Fractional differences with a window of fixed width.
//!
//! López de Prado, "Advances in Financial Machine Learning" (2018), chapter 5: as much of a price's memory as a
//! stationary series can keep.

use super::state::state;
use super::stream::Indicator;
use super::windows::Ring;

/// The weights of `(1 - B)^d` up to the first below `tau`, that of the newest row first; `None` where the first `most`
/// do not reach it.
///
/// `w[0] = 1, w[k] = -w[k-1] (d - k + 1) / k`: of a whole `d` there are `d + 1` at most.
pub fn fractional_weights(d: f64, tau: f64, most: usize) -> Option<Vec<f64>> {
    let (mut weights, mut last) = (vec![1.0], 1.0_f64);
    while weights.len() < most {
        let k = weights.len() as f64;
        last *= -(d - k + 1.0) / k;
        if last.abs() < tau {
            return Some(weights);
        }
        weights.push(last);
    }
    None
}

/// The least `tau` of the indicator. It keeps a window below [`MOST`] for any order, however slowly weights fall.
pub(super) const LEAST_TAU: f64 = 1e-5;
const MOST: usize = 10_000;

/// How many weights an indicator has.
pub(super) fn rows(d: f64, tau: f64) -> usize {
    fractional_weights(d, tau, MOST).map_or(MOST, |weights| weights.len())
}

/// The fractional difference of logarithms.
#[derive(Debug, Clone)]
pub(super) struct Fractional {
    /// That of the oldest row first, as the window has them.
    weights: Vec<f64>,
    logs: Ring,
}

state!(Fractional { logs });

impl Fractional {
    pub(super) fn new(d: f64, tau: f64) -> Self {
        let mut weights = fractional_weights(d, tau, MOST).unwrap_or_default();
        weights.reverse();
        Self { logs: Ring::new(weights.len()), weights }
    }
}

impl Indicator<1, 1> for Fractional {
    const FLOOR: f64 = f64::MIN_POSITIVE;

    #[inline(always)]
    fn update(&mut self, [x]: [f64; 1]) -> Option<[f64; 1]> {
        self.logs.push(libm::log(x));
        if !self.logs.is_full() {
            return None;
        }
        let (older, newer) = self.logs.halves();
        let (first, second) = self.weights.split_at(older.len());
        let sum = |weights: &[f64], logs: &[f64]| weights.iter().zip(logs).map(|(w, x)| w * x).sum::<f64>();
        Some([sum(first, older) + sum(second, newer)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_end_with_the_first_small_one() {
        assert_eq!(fractional_weights(0.5, 0.05, 10), Some(vec![1.0, -0.5, -0.125, -0.0625]));
        assert_eq!(fractional_weights(2.0, 1e-12, 10), Some(vec![1.0, -2.0, 1.0]));
        assert_eq!(fractional_weights(0.0, 1.0, 10), Some(vec![1.0]));
        assert_eq!(fractional_weights(0.5, 0.05, 4), None);
    }

    #[test]
    fn no_order_takes_more_rows_than_there_may_be() {
        for step in 0..=2_000 {
            let d = f64::from(step) * 1e-3;
            assert!(fractional_weights(d, LEAST_TAU, MOST).is_some(), "{d}");
        }
    }
}
