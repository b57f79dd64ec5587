//! The simulated venue: matching, queue position, fees, latency.

mod builder;
mod channel;
mod charged;
mod charging;
mod clock;
mod custom;
mod exchange;
mod fees;
mod funding;
mod holdings;
mod impact;
mod interest;
mod latency;
mod margin;
mod market;
mod marks;
mod moved;
mod past;
mod queue;
mod rules;
mod settings;
mod update;
mod venue;
mod wallet;

pub use builder::{Added, VenueBuilder, VenueError};
pub use charged::ChargedFill;
pub use clock::{FeedClock, Stamp};
pub use custom::{
    CustomFees, CustomLatency, CustomQueue, FeeSource, LatencySource, Memory, ModelFailure, QueueEvent,
    QueueSource, Source, Standing,
};
pub use exchange::{Exchange, ExchangeError};
pub use fees::{
    BadFees, DeliveryFee, DeliveryFees, FeeModel, FeeSchedule, FeeSettings, FeeToken, OptionFee, Tier,
    fraction,
};
pub use funding::{BadFunding, FundingRates, FundingSource, read_rates};
pub use impact::Impact;
pub use interest::{InterestRate, InterestRates};
pub use latency::{
    BadLatency, BadSeries, Draws, Latency, LatencyFit, LatencyModel, Leg, Measured, SERIES_HEADER,
    TooFewLatencies, Traffic, fit_latency, read_series,
};
pub use margin::{Maintenance, MarginMode, MarginRules};
pub use market::{Accounts, FillRule, Market, Matching, OpenOrder, SelfTrade};
pub use moved::{Move, Moved, in_order};
pub use past::Past;
pub use queue::{Print, QueueModel, QueuePosition, QueueRule, Told, UnknownQueueModel};
pub use rules::{Amend, AmendCrossing, OrderRules, ReduceOnly};
pub use settings::{
    Balances, Basis, ClockLead, SettingsError, SupportWords, Uncross, VenueSettings, WrongStampRule,
    mark_source,
};
pub use update::Update;
pub use venue::{Margined, Notice, Venue};
pub use wallet::Balance;
