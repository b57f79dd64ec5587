//! Formulas over the last intervals.

use super::intervals::Passed;

/// Nanoseconds of 365 days.
const YEAR_NS: f64 = 365.0 * 86_400e9;

/// Sum of squared returns.
pub(super) fn realized_variance<'a>(passed: impl Iterator<Item = &'a Passed>) -> f64 {
    passed.map(|interval| interval.log_return * interval.log_return).sum()
}

/// `sqrt(Σ r²)`, or a year's: `sqrt(mean r² · intervals a year)`.
pub(super) fn realized_volatility<'a>(
    passed: impl Iterator<Item = &'a Passed>,
    window: usize,
    annualized_from_ns: Option<i64>,
) -> f64 {
    let variance = realized_variance(passed);
    match annualized_from_ns {
        Some(ns) => (variance / window as f64 * (YEAR_NS / ns as f64)).sqrt(),
        None => variance.sqrt(),
    }
}

/// `π/2 Σ |r_t| |r_{t-1}|`.
pub(super) fn bipower<'a>(passed: impl Iterator<Item = &'a Passed> + Clone) -> f64 {
    let products = passed.clone().zip(passed.skip(1)).map(|(a, b)| a.log_return.abs() * b.log_return.abs());
    std::f64::consts::FRAC_PI_2 * products.sum::<f64>()
}

/// The mean of `|r| / notional` over the intervals in which something was traded.
pub(super) fn amihud<'a>(passed: impl Iterator<Item = &'a Passed>) -> f64 {
    let (mut sum, mut traded) = (0.0, 0u32);
    for interval in passed.filter(|interval| interval.notional > 0.0) {
        sum += interval.log_return.abs() / interval.notional;
        traded += 1;
    }
    if traded > 0 { sum / f64::from(traded) } else { f64::NAN }
}

/// The slope of the changes of the mid on signed volume.
pub(super) fn kyle<'a>(
    passed: &(impl Iterator<Item = &'a Passed> + Clone),
    window: usize,
    intercept: bool,
) -> f64 {
    let mean = |of: fn(&Passed) -> f64| {
        if intercept { passed.clone().map(of).sum::<f64>() / window as f64 } else { 0.0 }
    };
    let (x, y) = (mean(|interval| interval.signed), mean(|interval| interval.change));
    let (mut xy, mut xx) = (0.0, 0.0);
    for interval in passed.clone() {
        xy += (interval.signed - x) * (interval.change - y);
        xx += (interval.signed - x) * (interval.signed - x);
    }
    if xx > 0.0 { xy / xx } else { f64::NAN }
}
