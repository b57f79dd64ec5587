//! The simulated venue: matching, queue position, fees, latency.

mod channel;
mod latency;
mod market;
mod queue;
mod update;
mod venue;

pub use latency::{Latency, Leg};
pub use market::{Accounts, Market, Matching, SelfTrade};
pub use queue::{QueueModel, QueuePosition, UnknownQueueModel};
pub use update::Update;
pub use venue::Venue;
