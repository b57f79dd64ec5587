//! Backtests: recorded data through the simulated venue and the kernel.

mod arrivals;
mod lane;
mod replay;
mod stats;

pub use lane::ChunkSource;
pub use replay::{CurrencyTotals, MarketSetup, Monitor, Progress, Replay, RunConfig, RunEnd, RunError};
pub use stats::EquityStats;
