//! What a strategy asks for, and the commands that carry it to a venue.

use std::sync::Arc;

use super::identity::OrderId;
use super::report::{Reason, Report, ReportKind};
use crate::types::{MarketId, Price, Qty, Side};

/// How an order's price is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderType {
    /// Take what the book offers.
    Market,
    /// Not worse than the price.
    Limit {
        /// The price.
        price: Price,
    },
}

impl OrderType {
    /// The limit price, where there is one.
    #[inline]
    pub fn price(self) -> Option<Price> {
        match self {
            Self::Market => None,
            Self::Limit { price } => Some(price),
        }
    }

    /// The number of the kind in tables and on the wire, and in Python.
    pub fn code(self) -> u8 {
        match self {
            Self::Market => 0,
            Self::Limit { .. } => 1,
        }
    }
}

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeInForce {
    /// Until cancelled.
    Gtc,
    /// Take at once, drop the rest.
    Ioc,
    /// All at once or nothing.
    Fok,
    /// Until a time.
    Gtd {
        /// When it ends at the venue, ns.
        expires_at: i64,
    },
    /// Until the venue's day is over.
    Day,
}

impl TimeInForce {
    /// One of each, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Gtc, Self::Ioc, Self::Fok, Self::Gtd { expires_at: 0 }, Self::Day];

    /// Its number in tables and on the wire, and in Python.
    pub fn code(self) -> u8 {
        match self {
            Self::Gtc => 0,
            Self::Ioc => 1,
            Self::Fok => 2,
            Self::Gtd { .. } => 3,
            Self::Day => 4,
        }
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gtc => "gtc",
            Self::Ioc => "ioc",
            Self::Fok => "fok",
            Self::Gtd { .. } => "gtd",
            Self::Day => "day",
        }
    }

    /// Whether what is not taken at once rests.
    pub fn rests(self) -> bool {
        matches!(self, Self::Gtc | Self::Gtd { .. } | Self::Day)
    }

    /// When it ends at the venue, ns, where it was told.
    pub fn expires_at(self) -> Option<i64> {
        if let Self::Gtd { expires_at } = self { Some(expires_at) } else { None }
    }
}

/// The terms of a new order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// The instrument.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// Market or limit.
    pub order_type: OrderType,
    /// Quantity.
    pub qty: Qty,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Rests or is rejected.
    pub post_only: bool,
    /// Of a post-only order: rests at the best price that does not take, rather than to be rejected.
    pub slides: bool,
    /// Only makes a position smaller.
    pub reduce_only: bool,
    /// Displayed at a time; all of it if absent.
    pub display_qty: Option<Qty>,
    /// The strategy's own name for it.
    pub client_id: Option<Arc<str>>,
}

impl OrderRequest {
    /// A good-till-cancelled order with no other terms.
    pub fn new(market: MarketId, side: Side, order_type: OrderType, qty: Qty) -> Self {
        Self {
            market,
            side,
            order_type,
            qty,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            slides: false,
            reduce_only: false,
            display_qty: None,
            client_id: None,
        }
    }
}

/// A request to a venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A new order.
    Submit {
        /// Its id.
        order: OrderId,
        /// Its terms.
        request: OrderRequest,
    },
    /// Cancel an order.
    Cancel {
        /// Its id.
        order: OrderId,
        /// Its instrument.
        market: MarketId,
    },
    /// Change price and total quantity of an order.
    Replace {
        /// Its id.
        order: OrderId,
        /// Its instrument.
        market: MarketId,
        /// New price.
        price: Price,
        /// New total quantity, what has been filled included.
        qty: Qty,
    },
}

impl Command {
    /// The order it is about.
    pub fn order(&self) -> OrderId {
        match self {
            Self::Submit { order, .. } | Self::Cancel { order, .. } | Self::Replace { order, .. } => *order,
        }
    }

    /// The instrument it is about.
    pub fn market(&self) -> MarketId {
        match self {
            Self::Submit { request, .. } => request.market,
            Self::Cancel { market, .. } | Self::Replace { market, .. } => *market,
        }
    }

    /// The answer to a request that is refused at `now`.
    pub fn refused(&self, reason: Reason, now: i64) -> Report {
        Report::on(self.order(), now, self.refusal(reason))
    }

    /// What a refusal of it says.
    pub fn refusal(&self, reason: Reason) -> ReportKind {
        match self {
            Self::Submit { .. } => ReportKind::Rejected(reason),
            Self::Cancel { .. } => ReportKind::CancelRejected(reason),
            Self::Replace { .. } => ReportKind::ReplaceRejected(reason),
        }
    }
}
