//! Bars aggregated from trades.

mod time;

pub use time::{Bar, TimeBars};
