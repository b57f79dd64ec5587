//! The deterministic kernel and what strategies see of it.
//!
//! [`Kernel::handle`], [`Kernel::next_due`] and [`Kernel::drain`] are the only way in and out, for a backtest, paper
//! and live trading, the replay of a journal, and tests.

mod accounts;
mod bursts;
mod codec;
mod context;
mod controlling;
mod core;
mod entry;
mod events;
mod executing;
mod executions;
mod exits;
mod exposure;
mod feature_feed;
mod feed_back;
mod feeds;
mod grouping;
mod groups;
mod guarding;
mod holding;
mod holds;
mod input;
mod journal;
mod machine;
mod market;
mod messages;
mod published;
mod quoting;
mod reader;
mod reading;
mod record;
mod reports;
mod routing;
mod row_bytes;
mod save;
mod sending;
mod signals;
mod slicing;
mod stop_sets;
mod stopping;
mod strategy;
mod telling;
mod timers;
mod topics;
mod view;
mod writer;

pub use bursts::TooManyAtOnce;
pub use codec::{Entries, Entry, OwnedInput, check_entries, entries};
pub use context::Context;
pub use events::{EventListener, Halt, SessionEvent, SessionEventKind, SessionEventKinds, StopMove};
pub use feed_back::Passed;
pub use guarding::{TradingState, trip_word};
pub use input::{Control, FeedUpdate, Input, Listing, Outgoing, Refusal, Rows, Seen, Supply};
pub use machine::{Kernel, KernelConfig, KernelError, MarketSpec, OnError, SetupError, StrategySetup};
pub use published::{Funding, Stat, Trade};
pub use quoting::QuoteSide;
pub use record::{
    CandleRow, EquityRow, FillRow, MidRow, PaymentRow, PublishedRow, RECONCILE_KEPT, Reconcile, Record,
    RefusalRow, SignalRow, StopRow,
};
pub use routing::{RouteError, RouteRequest};
pub use save::{LoadError, SaveError};
pub use signals::{Answer, Confidence, Opinion, Question, Signal, SignalAction};
pub use stopping::StopUse;
pub use strategy::{HookError, HookResult, Interest, Strategy};
pub use timers::SHORTEST_INTERVAL;
pub use topics::{Subscription, Topics, UnknownTopic};
pub use view::Known;

#[cfg(test)]
mod tests;
