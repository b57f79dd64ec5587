//! Backtests: recorded data through the simulated venue and the kernel.

mod arrivals;
mod fidelity;
mod lane;
mod models;
mod order;
mod replay;
mod reporting;
mod run;
mod sessions;
mod setup;
mod stats;
mod watch;

pub use fidelity::{Outcome, Replayed, Scripted, TooManyOrders, orders_at_touch, replay};
pub use lane::ChunkSource;
pub use models::{Model, ModelSetup};
pub use replay::Replay;
pub use reporting::{BadReporting, By, Reporting, ReportingSettings};
pub use run::{Monitor, Progress, RunConfig, RunEnd, RunError};
pub use setup::MarketSetup;
pub use stats::{CHANGES_NEEDED, CurrencyTotals, EquityStats, NoRatio, Ratios, equal_within};
pub use watch::Watched;
