//! What a venue publishes about an instrument, as strategies are told of it.

use super::topics::Topics;
use crate::event::EventKind;
use crate::types::Side;

/// A trade as a strategy sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// In price increments.
    pub price: i64,
    /// In quantity increments.
    pub qty: i64,
    /// Who crossed the spread, if the venue says.
    pub aggressor_side: Option<Side>,
    /// Venue's clock, ns.
    pub ts_event: i64,
    /// Our clock, ns.
    pub ts_recv: i64,
    /// The venue's id, 0 if none.
    pub id: u64,
}

/// A funding rate as a venue published it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funding {
    /// Of the running interval, in units of 10^-9.
    pub rate: i64,
    /// When it is paid, ns; `None` where the venue does not say.
    pub next_ts: Option<i64>,
    /// Venue's clock, ns.
    pub ts_event: i64,
}

/// What a venue publishes about an instrument beside its book and trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stat {
    /// The price positions are marked at.
    Mark {
        /// In units of 10^-9.
        price: i64,
        /// Venue's clock, ns.
        ts_event: i64,
    },
    /// The price of the underlying index.
    Index {
        /// In units of 10^-9.
        price: i64,
        /// Venue's clock, ns.
        ts_event: i64,
    },
    /// The funding rate.
    Funding(Funding),
    /// Open interest.
    OpenInterest {
        /// In quantity increments.
        qty: i64,
        /// Venue's clock, ns.
        ts_event: i64,
    },
    /// Somebody's position was liquidated; the side is the liquidation order's.
    Liquidation(Trade),
}

impl Stat {
    /// The kind of event it came as.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Mark { .. } => EventKind::Mark,
            Self::Index { .. } => EventKind::Index,
            Self::Funding(_) => EventKind::Funding,
            Self::OpenInterest { .. } => EventKind::OpenInterest,
            Self::Liquidation(_) => EventKind::Liquidation,
        }
    }

    /// Venue's clock, ns.
    pub fn ts_event(&self) -> i64 {
        match self {
            Self::Mark { ts_event, .. }
            | Self::Index { ts_event, .. }
            | Self::OpenInterest { ts_event, .. } => *ts_event,
            Self::Funding(funding) => funding.ts_event,
            Self::Liquidation(trade) => trade.ts_event,
        }
    }

    /// The topic it belongs to.
    pub(super) fn topic(&self) -> Topics {
        match self {
            Self::Mark { .. } => Topics::MARK,
            Self::Index { .. } => Topics::INDEX,
            Self::Funding(_) => Topics::FUNDING,
            Self::OpenInterest { .. } => Topics::OPEN_INTEREST,
            Self::Liquidation(_) => Topics::LIQUIDATIONS,
        }
    }
}
