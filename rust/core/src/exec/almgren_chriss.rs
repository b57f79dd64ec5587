//! The schedule of Almgren and Chriss (2000): what to hold when, so that expected cost and the variance of it are
//! balanced.
//!
//! Selling (or buying) `X` in `N` steps of `tau = T / N`: what is traded moves the price for good by `gamma v` and
//! costs `epsilon + eta v` at the moment, at a rate of trading `v`. With `eta~ = eta - gamma tau / 2` and `kappa~^2 =
//! lambda sigma^2 / eta~`, `kappa = acosh(kappa~^2 tau^2 / 2 + 1) / tau` and
//! `x_j = X sinh(kappa (T - t_j)) / sinh(kappa T)`. Without aversion to risk it is a straight line.

use super::{BadParameter, number};

/// What trading costs and how the price moves, in the same units of price, quantity and time throughout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CostModel {
    /// Volatility: price by square root of time.
    pub sigma: f64,
    /// Temporary impact: price by rate of trading.
    pub eta: f64,
    /// Permanent impact: price by quantity.
    pub gamma: f64,
    /// Fixed cost: price, half the spread say.
    pub epsilon: f64,
    /// Aversion to risk, 1 / money.
    pub risk_aversion: f64,
}

/// A schedule and what it is expected to cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// What is held at the start of each step, and 0 at the end.
    pub holdings: Vec<f64>,
    /// What is traded in each step.
    pub trades: Vec<f64>,
    /// How fast the position shrinks, 1 / time.
    pub kappa: f64,
    /// Expected cost, money.
    pub expected_cost: f64,
    /// Variance of it.
    pub variance: f64,
}

impl Trajectory {
    /// Works `qty` off over `duration` in `steps` equal steps.
    ///
    /// # Errors
    /// [`BadParameter`] for numbers that are negative or not finite, no step, and impact too small for its permanent
    /// part, with which trading back and forth would pay.
    pub fn new(qty: f64, duration: f64, steps: usize, model: &CostModel) -> Result<Self, BadParameter> {
        let positive = |field, value| number(field, value, f64::MIN_POSITIVE, "a number greater than 0");
        let not_negative = |field, value| number(field, value, 0.0, "a number from 0 on");
        let (qty, duration) = (positive("qty", qty)?, positive("duration", duration)?);
        if steps == 0 {
            return Err(BadParameter::new("slices", "expected a whole number from 1 on, got 0"));
        }
        let CostModel { sigma, eta, gamma, epsilon, risk_aversion } = *model;
        not_negative("sigma", sigma)?;
        positive("eta", eta)?;
        not_negative("gamma", gamma)?;
        not_negative("epsilon", epsilon)?;
        not_negative("risk_aversion", risk_aversion)?;
        let tau = duration / steps as f64;
        let eta_tilde = eta - gamma * tau / 2.0;
        if eta_tilde <= 0.0 {
            let least = gamma * tau / 2.0;
            return Err(BadParameter::new(
                "eta",
                format!("expected more than gamma x a step's length / 2 = {least:?}, got {eta:?}"),
            ));
        }
        let half = risk_aversion * sigma * sigma / eta_tilde * tau * tau / 2.0;
        if !half.is_finite() {
            return Err(BadParameter::new(
                "risk_aversion",
                format!("{risk_aversion:?} is beyond any schedule"),
            ));
        }
        // acosh(1 + half), which loses nothing where half is small.
        let kappa = libm::log1p(half + (half * (half + 2.0)).sqrt()) / tau;
        let holdings: Vec<f64> = (0..=steps)
            .map(|step| {
                let left = (steps - step) as f64;
                qty * if kappa > 0.0 {
                    sinh_ratio(kappa * tau * left, kappa * duration)
                } else {
                    left / steps as f64
                }
            })
            .collect();
        let trades: Vec<f64> = holdings.windows(2).map(|pair| pair[0] - pair[1]).collect();
        let squares: f64 = trades.iter().map(|trade| trade * trade).sum();
        let held: f64 = holdings[1..].iter().map(|held| held * held).sum();
        Ok(Self {
            kappa,
            expected_cost: gamma * qty * qty / 2.0 + epsilon * qty + eta_tilde / tau * squares,
            variance: sigma * sigma * tau * held,
            holdings,
            trades,
        })
    }

    /// The time in which the position falls by the factor e; `None` for a straight line.
    pub fn half_life(&self) -> Option<f64> {
        (self.kappa > 0.0).then(|| 1.0 / self.kappa)
    }
}

/// `sinh(a) / sinh(b)` for `0 <= a <= b`, where neither fits a float, too.
fn sinh_ratio(a: f64, b: f64) -> f64 {
    libm::exp(a - b) * (libm::expm1(-2.0 * a) / libm::expm1(-2.0 * b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(risk_aversion: f64) -> CostModel {
        CostModel { sigma: 0.95, eta: 2.5e-6, gamma: 2.5e-7, epsilon: 0.0625, risk_aversion }
    }

    fn published(risk_aversion: f64) -> Trajectory {
        Trajectory::new(1e6, 5.0, 5, &model(risk_aversion)).unwrap()
    }

    fn near(got: f64, expected: f64) -> bool {
        (got - expected).abs() <= 1e-9 * expected.abs()
    }

    #[test]
    fn the_published_case_comes_out() {
        let straight = published(0.0);
        assert_eq!((straight.kappa.to_bits(), straight.half_life()), (0, None));
        assert!(straight.trades.iter().all(|trade| near(*trade, 2e5)));
        assert!(near(straight.expected_cost, 662_500.0) && near(straight.variance, 1.083e12));
        let averse = published(1e-6);
        let trades: Vec<i64> = averse.trades.iter().map(|trade| trade.round() as i64).collect();
        assert_eq!(trades, [458_044, 252_101, 141_957, 85_756, 62_142]);
        assert!((averse.kappa - 0.607_076_163_247).abs() < 1e-11);
        assert!((averse.expected_cost - 911_226.986_304).abs() < 1e-5);
    }

    #[test]
    fn an_aversion_near_none_or_beyond_measure_still_makes_a_schedule() {
        let near_none = published(1e-22);
        assert!(near_none.trades.iter().all(|trade| near(*trade, 2e5)));
        let at_once = Trajectory::new(1e6, 5_000.0, 5, &CostModel { gamma: 0.0, ..model(1e3) }).unwrap();
        assert!(near(at_once.trades[0], 1e6) && at_once.holdings.iter().all(|held| held.is_finite()));
    }

    #[test]
    fn what_cannot_be_is_named() {
        let field = |qty, duration, steps, model: &CostModel| {
            Trajectory::new(qty, duration, steps, model).unwrap_err().field
        };
        assert_eq!(field(0.0, 5.0, 5, &model(0.0)), "qty");
        assert_eq!(field(1.0, f64::NAN, 5, &model(0.0)), "duration");
        assert_eq!(field(1.0, 5.0, 0, &model(0.0)), "slices");
        assert_eq!(field(1.0, 5.0, 5, &CostModel { eta: 1e-9, ..model(0.0) }), "eta");
        assert_eq!(field(1.0, 5.0, 5, &model(f64::INFINITY)), "risk_aversion");
    }
}
