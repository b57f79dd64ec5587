//! Streaming estimators.

mod intensity;
mod volatility;

pub use intensity::{FitMethod, IntensityEstimator, IntensityFit, IntensityState, fit_intensity};
pub use volatility::{RealizedVolatility, VolatilityState};
