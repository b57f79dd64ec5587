//! The simulated venue: matching, queue position, fees, latency.

mod channel;
mod clock;
mod custom;
mod fees;
mod funding;
mod holdings;
mod latency;
mod margin;
mod market;
mod marks;
mod queue;
mod rules;
mod settings;
mod update;
mod venue;
mod wallet;

pub use clock::{FeedClock, Stamp};
pub use custom::{
    CustomLatency, CustomQueue, LatencySource, Memory, ModelFailure, QueueEvent, QueueSource, Source,
    Standing,
};
pub use fees::{
    BadFees, ChargedFill, FeeModel, FeeSchedule, FeeSettings, FeeToken, OptionFee, Tier, fraction,
};
pub use funding::{BadFunding, FundingRates, FundingSource, read_rates};
pub use latency::{
    BadLatency, BadSeries, Draws, Latency, LatencyFit, LatencyModel, Leg, Measured, SERIES_HEADER,
    TooFewLatencies, Traffic, fit_latency, read_series,
};
pub use margin::{BySymbol, Maintenance, MarginMode, MarginRules};
pub use market::{Accounts, FillRule, Market, Matching, SelfTrade};
pub use queue::{Print, QueueModel, QueuePosition, QueueRule, Told, UnknownQueueModel};
pub use rules::{Amend, AmendCrossing, OrderRules, ReduceOnly};
pub use settings::{Balances, Basis, ClockLead, SettingsError, SupportWords, Uncross, VenueSettings};
pub use update::Update;
pub use venue::{Notice, Venue};
