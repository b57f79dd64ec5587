//! The simulated venue: matching, queue position, fees, latency.

mod channel;
mod market;
mod queue;
mod run;
mod stats;

pub use market::Market;
pub use queue::{QueueModel, QueuePosition, UnknownQueueModel};
pub use run::{
    ChunkSource, CurrencyTotals, Latency, MarketSetup, Monitor, Progress, RunConfig, RunEnd, RunError,
    Simulation,
};
pub use stats::EquityStats;
