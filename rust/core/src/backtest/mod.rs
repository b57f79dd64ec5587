//! Backtests: recorded data through the simulated venue and the kernel.

mod arrivals;
mod lane;
mod replay;
mod sessions;
mod setup;
mod stats;

pub use lane::ChunkSource;
pub use replay::{Monitor, Progress, Replay, RunConfig, RunEnd, RunError};
pub use setup::MarketSetup;
pub use stats::{CurrencyTotals, EquityStats, NoRatio, Ratios};
