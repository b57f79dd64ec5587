//! A latency model of measured latencies: a lognormal one, or a mixture of two where the tail asks for it.
//!
//! What is above the least is fitted by expectation and maximisation of the logarithms (Dempster, Laird and Rubin 1977);
//! what they lie above, and whether there is a second part, is chosen by Schwarz's criterion.

use super::LatencyModel;

/// Measured latencies a fit needs.
const NEEDED: usize = 20;
/// Steps of the fit.
const STEPS: usize = 200;
/// Latencies a fit looks at.
const MOST: usize = 4_000;
/// What the least there can be is tried as, of the least that was measured.
const LEASTS: [f64; 6] = [0.0, 0.3, 0.6, 0.8, 0.9, 0.97];
/// The narrowest part there may be, in logarithms: any narrower and a repeated value would be a part of its own.
const NARROWEST: f64 = 0.01;

/// Fewer latencies than a fit needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} latencies that are not negative: at least {NEEDED} are needed")]
pub struct TooFewLatencies(pub usize);

/// What was measured, and the model of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyFit {
    /// The model.
    pub model: LatencyModel,
    /// Latencies it was made of.
    pub used: usize,
    /// Those that were left out because they are negative: clocks that do not agree.
    pub negative: usize,
    /// The latencies that half, nine of ten, 99 and 99.9 of a hundred did not exceed, ns.
    pub quantiles: [i64; 4],
}

/// A part of a mixture of normal distributions.
#[derive(Debug, Clone, Copy)]
struct Part {
    weight: f64,
    mean: f64,
    sigma: f64,
}

impl Part {
    fn of(logs: &[f64], weight: f64) -> Self {
        let n = logs.len() as f64;
        let mean = logs.iter().sum::<f64>() / n;
        let spread = logs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        Self { weight, mean, sigma: libm::sqrt(spread).max(NARROWEST) }
    }

    fn density(self, x: f64) -> f64 {
        let z = (x - self.mean) / self.sigma;
        self.weight * libm::exp(-0.5 * z * z) / (self.sigma * libm::sqrt(2.0 * std::f64::consts::PI))
    }
}

fn likelihood(parts: &[Part], logs: &[f64]) -> f64 {
    let of =
        |x: &f64| libm::log(parts.iter().map(|part| part.density(*x)).sum::<f64>().max(f64::MIN_POSITIVE));
    logs.iter().map(of).sum()
}

/// Two parts, from the lower and the upper of the rising logarithms.
fn two_parts(logs: &[f64]) -> [Part; 2] {
    let split = (logs.len() * 9 / 10).clamp(1, logs.len() - 1);
    let share = split as f64 / logs.len() as f64;
    let mut parts = [Part::of(&logs[..split], share), Part::of(&logs[split..], 1.0 - share)];
    for _ in 0..STEPS {
        // Of each part: weights, and their products with the logarithms and with squares.
        let mut sums = [[0.0f64; 2]; 2];
        let upper: Vec<f64> = logs
            .iter()
            .map(|x| {
                let [a, b] = parts.map(|part| part.density(*x));
                if a + b > 0.0 { b / (a + b) } else { 0.5 }
            })
            .collect();
        for (x, u) in logs.iter().zip(&upper) {
            for (sum, w) in sums.iter_mut().zip([1.0 - u, *u]) {
                sum[0] += w;
                sum[1] += w * x;
            }
        }
        let means = sums.map(|[w, x]| x / w.max(f64::MIN_POSITIVE));
        let mut squares = [0.0f64; 2];
        for (x, u) in logs.iter().zip(&upper) {
            for ((square, mean), w) in squares.iter_mut().zip(means).zip([1.0 - u, *u]) {
                *square += w * (x - mean) * (x - mean);
            }
        }
        for at in 0..2 {
            let w = sums[at][0].max(f64::MIN_POSITIVE);
            let sigma = libm::sqrt(squares[at] / w).max(NARROWEST);
            parts[at] = Part { weight: sums[at][0] / logs.len() as f64, mean: means[at], sigma };
        }
    }
    parts
}

/// Parts above a least latency, and how badly they fit: Schwarz's criterion.
struct Fitted {
    least: f64,
    parts: Vec<Part>,
    badness: f64,
}

impl Fitted {
    fn model(&self) -> LatencyModel {
        let least = self.least as i64;
        let lognormal = |part: &Part| LatencyModel::Lognormal {
            median: (rounded(self.least + libm::exp(part.mean)) as i64).max(least),
            sigma: libm::round(part.sigma.min(10.0) * 1e4) / 1e4,
            least,
        };
        match self.parts.as_slice() {
            [fast, slow] => {
                // So that both are written with four digits and sum to 1.
                let share = libm::round(slow.weight * 1e4) / 1e4;
                let rest = libm::round((1.0 - share) * 1e4) / 1e4;
                LatencyModel::Mixture(vec![(rest, lognormal(fast)), (share, lognormal(slow))])
            }
            parts => parts.first().map_or_else(LatencyModel::default, lognormal),
        }
    }
}

/// One part and two parts for rising latencies above a least one.
fn fits_above(least: f64, took: &[i64]) -> Vec<Fitted> {
    let n = took.len() as f64;
    let logs: Vec<f64> = took.iter().map(|ns| libm::log((*ns as f64 - least).max(0.5))).collect();
    // The logarithms are dense where the latencies are small.
    let scale: f64 = logs.iter().sum();
    let fitted = |parts: Vec<Part>, numbers: f64| {
        let badness = numbers * libm::log(n) - 2.0 * (likelihood(&parts, &logs) - scale);
        Fitted { least, parts, badness }
    };
    let mut two = two_parts(&logs);
    two.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    let mut fits = vec![fitted(vec![Part::of(&logs, 1.0)], 3.0)];
    if two.iter().all(|part| part.weight > 1e-3) {
        fits.push(fitted(two.to_vec(), 6.0));
    }
    fits
}

/// Four digits of a number, which is more than a fit knows.
fn rounded(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let scale = libm::pow(10.0, libm::floor(libm::log10(value)) - 3.0);
    libm::round(value / scale) * scale
}

/// A model of latencies, ns.
///
/// # Errors
/// [`TooFewLatencies`].
pub fn fit_latency(latencies: &[i64]) -> Result<LatencyFit, TooFewLatencies> {
    let mut took: Vec<i64> = latencies.iter().copied().filter(|ns| *ns >= 0).collect();
    let used = took.len();
    if used < NEEDED {
        return Err(TooFewLatencies(used));
    }
    took.sort_unstable();
    let at = |share: f64| took[((libm::ceil(share * used as f64) as usize).max(1) - 1).min(used - 1)];
    let quantiles = [0.5, 0.9, 0.99, 0.999].map(at);
    let fitted = LatencyFit {
        model: LatencyModel::Constant(took[0]),
        used,
        negative: latencies.len() - used,
        quantiles,
    };
    if took[0] == took[used - 1] {
        return Ok(fitted);
    }
    // Every so many of the rising latencies say as much as all of them.
    let few: Vec<i64> = took.iter().copied().step_by(used.div_ceil(MOST)).collect();
    let fits = LEASTS.iter().flat_map(|share| fits_above(rounded(share * took[0] as f64), &few));
    let best = fits.min_by(|a, b| a.badness.total_cmp(&b.badness));
    let model = best.map_or(fitted.model, |best| best.model());
    Ok(LatencyFit { model, ..fitted })
}

#[cfg(test)]
mod tests {
    use super::super::{Draws, Traffic};
    use super::*;
    use crate::random::Random;

    fn drawn(text: &str, times: usize) -> Vec<i64> {
        let mut draws = Draws::new(text.parse().unwrap(), Random::new(11, 2));
        (0..times).map(|_| draws.draw(0, &Traffic::default())).collect()
    }

    #[test]
    fn a_mixture_is_found_again_from_what_it_drew() {
        let fit =
            fit_latency(&drawn("mixture(0.9 lognormal(4ms, 0.2), 0.1 lognormal(80ms, 0.4))", 5_000)).unwrap();
        let LatencyModel::Mixture(parts) = fit.model else { panic!("{}", fit.model) };
        let slow = parts[1].0;
        let [LatencyModel::Lognormal { median: fast, .. }, LatencyModel::Lognormal { median: late, .. }] =
            [&parts[0].1, &parts[1].1]
        else {
            panic!("parts are lognormal")
        };
        assert!((slow - 0.1).abs() < 0.02, "{slow}");
        assert!((fast - 4_000_000).abs() < 200_000 && (late - 80_000_000).abs() < 8_000_000, "{fast} {late}");
    }

    #[test]
    fn one_lognormal_is_not_taken_for_two() {
        let fit = fit_latency(&drawn("lognormal(5ms, 0.3, least=2ms)", 2_000)).unwrap();
        assert!(matches!(fit.model, LatencyModel::Lognormal { .. }), "{}", fit.model);
        // What is fitted draws as it was measured.
        let mut again = drawn(&fit.model.to_string(), 20_000);
        again.sort_unstable();
        for (at, want) in [(10_000, fit.quantiles[0]), (18_000, fit.quantiles[1])] {
            assert!((again[at] as f64 / want as f64 - 1.0).abs() < 0.05, "{} {want}", again[at]);
        }
    }

    #[test]
    fn negative_latencies_are_counted_and_left_out() {
        let mut took = drawn("lognormal(5ms, 0.3)", 100);
        took.extend([-1, -2]);
        let fit = fit_latency(&took).unwrap();
        assert_eq!((fit.used, fit.negative), (100, 2));
        assert_eq!(fit_latency(&[-5; 30]), Err(TooFewLatencies(0)));
        assert_eq!(fit_latency(&[7; 30]).unwrap().model, LatencyModel::Constant(7));
    }

    #[test]
    fn an_outlier_and_the_ends_of_the_range_do_not_break_it() {
        let mut took = vec![1_000_000; 40];
        took.extend([0, 1, i64::MAX]);
        let text = fit_latency(&took).unwrap().model.to_string();
        assert_eq!(text.parse::<LatencyModel>().unwrap().to_string(), text);
    }
}
