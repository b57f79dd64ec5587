//! Orders: terms, the rules they keep, life, and what passes between a strategy and a venue.

mod check;
mod emulation;
mod error;
mod groups;
mod identity;
mod least;
mod order;
pub mod reconcile;
mod report;
mod request;
mod role;
mod store;
mod support;
mod terms;
mod watch;
mod words;

pub(crate) use check::refusal;
pub use check::{Checked, check_countable, check_moved, check_qty, check_replace, check_request};
pub use emulation::{Emulated, emulated};
pub use error::OrderError;
pub use groups::{Group, GroupAct, GroupKind, GroupRequest, GroupSight, GroupState, Member, OnReject};
pub use identity::{BadSession, ClientId, OrderId, OrderKey, SessionId, VenueKey};
pub use least::least_order;
pub use order::{Applied, Mismatch, Order, OrderStatus, Pending};
pub use report::{FeeCoin, FeePaid, FillEvent, FillOrigin, Liquidity, Reason, Report, ReportKind};
pub use request::{
    Command, ORDER_KINDS, OrderKind, OrderRequest, OrderType, PostOnly, TimeInForce, Trigger, TriggerAt,
    TriggerBy, TriggerKind, order_kind,
};
pub use role::{GroupId, Membership, Role};
pub use store::OrderStore;
pub use support::POST_ONLY_MODES;
pub use terms::NewTerms;
pub use watch::{PriceRange, Watch};
pub use words::UnknownStatus;
