//! Streaming estimators.

/// Steps or intervals of a window at most: each takes memory.
pub const MOST_WINDOW: usize = 10_000_000;
/// Distances of an intensity fit at most: each takes memory at once.
pub const MOST_BINS: usize = 100_000;
/// The largest mid, of either sign, whose squared changes can be summed over any window.
pub const MOST_MID: f64 = 1e100;
/// The longest interval, s, such that those of any window can be summed.
pub const MOST_SECONDS: f64 = 1e10;

mod intensity;
mod volatility;

pub use intensity::{FitMethod, IntensityEstimator, IntensityFit, IntensityState, fit_intensity};
pub use volatility::{RealizedVolatility, VolatilityState};
