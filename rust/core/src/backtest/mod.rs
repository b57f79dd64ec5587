//! Backtests: recorded data through the simulated venue and the kernel.

mod arrivals;
mod lane;
mod models;
mod order;
mod past;
mod replay;
mod run;
mod sessions;
mod setup;
mod stats;

pub use lane::ChunkSource;
pub use models::{Model, ModelSetup};
pub use replay::Replay;
pub use run::{Monitor, Progress, RunConfig, RunEnd, RunError};
pub use setup::MarketSetup;
pub use stats::{CHANGES_NEEDED, CurrencyTotals, EquityStats, NoRatio, Ratios};
