//! Streaming estimators, and the indicators of technical analysis.
//!
//! An indicator is one function from a row to what is known after it. [`Stream`] is any of them by its name, for a
//! value at a time and for columns; a [`Spec`] says what it is called, takes and gives, for every door to it.

/// Steps or intervals of a window at most: each takes memory.
pub const MOST_WINDOW: usize = 10_000_000;
/// Distances of an intensity fit at most: each takes memory at once.
pub const MOST_BINS: usize = 100_000;
/// The largest mid, of either sign, whose squared changes can be summed over any window.
pub const MOST_MID: f64 = 1e100;
/// The longest interval, s, such that those of any window can be summed.
pub const MOST_SECONDS: f64 = 1e10;

mod averages;
mod bands;
mod bank;
mod crew;
mod directional;
mod estimators;
mod extremes;
mod fractional;
mod intensity;
mod momentum;
mod oscillators;
mod prices;
mod ranges;
mod registry;
mod said;
mod smooth;
mod spec;
mod state;
mod statistics;
mod stream;
mod threads;
mod trend;
mod volatility;
mod volume;
mod windows;

pub use bank::Bank;
pub use crew::threads_for;
pub use fractional::fractional_weights;
pub use intensity::{FitMethod, IntensityEstimator, IntensityFit, IntensityState, fit_intensity};
pub use registry::{IndicatorError, Stream, families, find, input_names, specs};
pub use spec::{BAR, Given, Input, Kind, MOST_PERIOD, Output, Param, Spec};
pub use stream::{MOST_OUTPUTS, MOST_VALUE, NanPolicy};
pub use volatility::{RealizedVolatility, VolatilityState};
