//! What a strategy asks for, and the commands that carry it to a venue.

use std::sync::Arc;

use super::identity::OrderId;
use super::report::{Reason, Report, ReportKind};
use super::terms::NewTerms;
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

    /// The number of the kind on the wire.
    pub fn code(self) -> u8 {
        match self {
            Self::Market => 0,
            Self::Limit { .. } => 1,
        }
    }
}

/// The price of the market that an order is set off by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TriggerBy {
    /// The last trade's.
    Last = 0,
    /// The venue's mark price.
    Mark = 1,
    /// The middle of the best prices.
    Mid = 2,
}

impl TriggerBy {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Last, Self::Mark, Self::Mid];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Mark => "mark",
            Self::Mid => "mid",
        }
    }
}

/// When an order is set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TriggerAt {
    /// A buy when the market is at the price or above, a sell when it is at it or below.
    Stop {
        /// The price.
        price: Price,
    },
    /// A buy when the market is at the price or below, a sell when it is at it or above.
    TakeProfit {
        /// The price.
        price: Price,
    },
    /// When the market has come back by so much: a buy from its lowest, a sell from its highest since it arrived.
    Trailing {
        /// How much.
        offset: Price,
    },
}

/// What sets an order off that does nothing before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Trigger {
    /// When.
    pub at: TriggerAt,
    /// By which price.
    pub by: TriggerBy,
}

impl Trigger {
    /// The price at which it sets off, where it was told.
    pub fn price(self) -> Option<Price> {
        match self.at {
            TriggerAt::Stop { price } | TriggerAt::TakeProfit { price } => Some(price),
            TriggerAt::Trailing { .. } => None,
        }
    }

    /// The same at another price or, where it trails, by another distance.
    #[must_use]
    pub fn moved(self, to: Price) -> Self {
        let at = match self.at {
            TriggerAt::Stop { .. } => TriggerAt::Stop { price: to },
            TriggerAt::TakeProfit { .. } => TriggerAt::TakeProfit { price: to },
            TriggerAt::Trailing { .. } => TriggerAt::Trailing { offset: to },
        };
        Self { at, ..self }
    }

    /// How far it trails, where it does.
    pub fn offset(self) -> Option<Price> {
        if let TriggerAt::Trailing { offset } = self.at { Some(offset) } else { None }
    }
}

/// How a kind of orders is set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerKind {
    /// See [`TriggerAt::Stop`].
    Stop,
    /// See [`TriggerAt::TakeProfit`].
    TakeProfit,
    /// See [`TriggerAt::Trailing`].
    Trailing,
}

/// A kind of orders, and which prices those of it have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderKind {
    /// Its word.
    pub word: &'static str,
    /// Whether they have a limit.
    pub is_limit: bool,
    /// What sets them off that do nothing before.
    pub trigger: Option<TriggerKind>,
}

/// The words of the kinds of orders, at the places of their numbers (see [`order_kind`]).
pub const ORDER_KINDS: [&str; OrderKind::ALL.len()] = {
    let mut words = [""; OrderKind::ALL.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = OrderKind::ALL[at].word;
        at += 1;
    }
    words
};

impl OrderKind {
    /// All of them, at the places of their numbers (see [`order_kind`]).
    pub const ALL: [Self; 7] = [
        Self { word: "market", is_limit: false, trigger: None },
        Self { word: "limit", is_limit: true, trigger: None },
        Self { word: "stop_market", is_limit: false, trigger: Some(TriggerKind::Stop) },
        Self { word: "stop_limit", is_limit: true, trigger: Some(TriggerKind::Stop) },
        Self { word: "take_profit_market", is_limit: false, trigger: Some(TriggerKind::TakeProfit) },
        Self { word: "take_profit_limit", is_limit: true, trigger: Some(TriggerKind::TakeProfit) },
        Self { word: "trailing_stop", is_limit: false, trigger: Some(TriggerKind::Trailing) },
    ];

    /// Whether they have a price at which they are set off.
    pub fn has_trigger_price(self) -> bool {
        matches!(self.trigger, Some(TriggerKind::Stop | TriggerKind::TakeProfit))
    }

    /// Whether they trail.
    pub fn trails(self) -> bool {
        self.trigger == Some(TriggerKind::Trailing)
    }

    /// The kind of those without a price to be set off at: trailing stops, and with a limit or without one the rest.
    pub fn plain(is_limit: bool, trails: bool) -> Self {
        let is_it = |kind: &Self| match kind.trigger {
            Some(_) => trails && kind.trails(),
            None => !trails && kind.is_limit == is_limit,
        };
        Self::ALL.into_iter().find(is_it).unwrap_or(Self::ALL[0])
    }
}

/// The number of an order's kind in tables and in Python.
pub fn order_kind(order_type: OrderType, trigger: Option<Trigger>) -> u8 {
    order_type.code()
        + match trigger.map(|trigger| trigger.at) {
            None => 0,
            Some(TriggerAt::Stop { .. }) => 2,
            Some(TriggerAt::TakeProfit { .. }) => 4,
            Some(TriggerAt::Trailing { .. }) => 6,
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

    /// Whether a time ends it, if nothing else does before.
    pub fn ends(self) -> bool {
        matches!(self, Self::Gtd { .. } | Self::Day)
    }

    /// When it ends at the venue, ns, where it was told.
    pub fn expires_at(self) -> Option<i64> {
        if let Self::Gtd { expires_at } = self { Some(expires_at) } else { None }
    }
}

/// What becomes of an order that would take liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PostOnly {
    /// It takes.
    #[default]
    Off,
    /// It is rejected.
    Rejected,
    /// It rests at the best price that takes nothing.
    Slides,
}

impl From<bool> for PostOnly {
    fn from(post_only: bool) -> Self {
        if post_only { Self::Rejected } else { Self::Off }
    }
}

impl PostOnly {
    /// Whether it never takes, and whether it gets another price rather than to be rejected.
    pub fn terms(self) -> (bool, bool) {
        (self != Self::Off, self == Self::Slides)
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
    /// What sets it off; it acts at once if absent.
    pub trigger: Option<Trigger>,
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
            trigger: None,
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
    /// Give an order other terms.
    Replace {
        /// Its id.
        order: OrderId,
        /// Its instrument.
        market: MarketId,
        /// What it is to have.
        terms: NewTerms,
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
