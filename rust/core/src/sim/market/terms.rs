//! Terms of orders that outlast their arrival; what they lead to is in `lives`.

use std::collections::BTreeSet;

use crate::orders::{OrderId, OrderRequest, Reason, TimeInForce};
use crate::sim::rules::OrderRules;
use crate::types::{AccountId, Qty};

/// No end.
pub(super) const NEVER: i64 = i64::MAX;

/// Terms of an order that outlast its arrival.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) time_in_force: TimeInForce,
    /// When it ends, ns; [`NEVER`] if it does not.
    pub(super) expires: i64,
    pub(super) post_only: bool,
    pub(super) slides: bool,
    pub(super) reduce_only: bool,
    /// Displayed at a time; [`i64::MAX`] for all of it.
    pub(super) display: i64,
}

impl Terms {
    /// Those of a request that arrives at `now`.
    pub(super) fn new(request: &OrderRequest, rules: OrderRules, now: i64) -> Self {
        Self {
            time_in_force: request.time_in_force,
            expires: match request.time_in_force {
                TimeInForce::Gtd { expires_at } => expires_at,
                TimeInForce::Day => rules.day_ends(now),
                TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok => NEVER,
            },
            post_only: request.post_only,
            slides: request.slides,
            reduce_only: request.reduce_only,
            display: request.display_qty.map_or(i64::MAX, Qty::steps),
        }
    }

    /// Why it ends when its time is over.
    pub(super) fn over(&self) -> Reason {
        if self.time_in_force == TimeInForce::Day { Reason::DayEnded } else { Reason::GtdReached }
    }
}

/// When orders end. One that has ended otherwise may still stand here.
#[derive(Debug, Default)]
pub(super) struct Expiries(pub(super) BTreeSet<(i64, AccountId, OrderId)>);
