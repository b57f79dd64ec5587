//! What a venue says about an order.

use super::identity::{OrderId, OrderKey, VenueKey};
use super::terms::NewTerms;
use crate::types::{Money, Price, Qty};

/// Who made and who took liquidity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Liquidity {
    /// The order rested.
    Maker = 0,
    /// The order crossed the spread.
    Taker = 1,
}

/// Why a request was refused or an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// A post-only order would have taken liquidity.
    PostOnlyWouldCross = 1,
    /// The venue does not know an open order of that id.
    UnknownOrder = 2,
    /// The book is empty or out of sync, so the order's outcome cannot be known.
    BookNotSynced = 3,
    /// The book had nothing (more) on the other side.
    NoLiquidity = 4,
    /// A fill-or-kill order could not be filled whole.
    FokNotFillable = 5,
    /// The rest of an immediate-or-cancel order.
    IocRemainder = 6,
    /// Below the instrument's smallest quantity.
    MinQty = 7,
    /// Below the instrument's smallest notional.
    MinNotional = 8,
    /// The strategy was stopped.
    StrategyStopped = 9,
    /// The book is crossed, so what the order would trade at cannot be known.
    BookCrossed = 10,
    /// The run has ended.
    RunEnded = 11,
    /// It would have traded with an order of the same account.
    SelfTrade = 12,
    /// A price or quantity between two steps.
    OffGrid = 13,
    /// Terms that no order can have.
    InvalidTerms = 14,
    /// The instrument is not listed (any more).
    NotListed = 15,
    /// Trading is paused.
    Paused = 16,
    /// Trading was ended by the kill switch.
    Killed = 17,
    /// The venue refused; its own words are in its log.
    Venue = 18,
    /// Above the instrument's largest quantity.
    MaxQty = 19,
    /// The account does not hold what it would pay.
    InsufficientBalance = 20,
    /// Its time, good till a date, is over.
    GtdReached = 21,
    /// The venue's day is over.
    DayEnded = 22,
    /// It would have made no position smaller.
    ReduceOnly = 23,
    /// The data has none of the prices that it would be set off by.
    NoTriggerPrice = 24,
    /// The venue takes no order of that kind, or with that term.
    Unsupported = 25,
    /// The account cannot margin it.
    InsufficientMargin = 26,
    /// The account was liquidated.
    Liquidated = 27,
    /// It would pass limits of ours.
    Risk = 28,
    /// The market is beyond the stop or the take profit of the bracket that it begins.
    BracketPassed = 29,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::PostOnlyWouldCross,
        Self::UnknownOrder,
        Self::BookNotSynced,
        Self::NoLiquidity,
        Self::FokNotFillable,
        Self::IocRemainder,
        Self::MinQty,
        Self::MinNotional,
        Self::StrategyStopped,
        Self::BookCrossed,
        Self::RunEnded,
        Self::SelfTrade,
        Self::OffGrid,
        Self::InvalidTerms,
        Self::NotListed,
        Self::Paused,
        Self::Killed,
        Self::Venue,
        Self::MaxQty,
        Self::InsufficientBalance,
        Self::GtdReached,
        Self::DayEnded,
        Self::ReduceOnly,
        Self::NoTriggerPrice,
        Self::Unsupported,
        Self::InsufficientMargin,
        Self::Liquidated,
        Self::Risk,
        Self::BracketPassed,
    ];

    /// Its place in [`Reason::ALL`].
    pub fn index(self) -> usize {
        self as usize - 1
    }

    /// Machine-readable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostOnlyWouldCross => "post_only_would_cross",
            Self::UnknownOrder => "unknown_order",
            Self::BookNotSynced => "book_not_synced",
            Self::NoLiquidity => "no_liquidity",
            Self::FokNotFillable => "fok_not_fillable",
            Self::IocRemainder => "ioc_remainder",
            Self::MinQty => "min_qty",
            Self::MinNotional => "min_notional",
            Self::StrategyStopped => "strategy_stopped",
            Self::BookCrossed => "book_crossed",
            Self::RunEnded => "run_ended",
            Self::SelfTrade => "self_trade",
            Self::OffGrid => "off_grid",
            Self::InvalidTerms => "invalid_terms",
            Self::NotListed => "not_listed",
            Self::Paused => "paused",
            Self::Killed => "killed",
            Self::Venue => "venue",
            Self::MaxQty => "max_qty",
            Self::InsufficientBalance => "insufficient_balance",
            Self::GtdReached => "gtd_reached",
            Self::DayEnded => "day_ended",
            Self::ReduceOnly => "reduce_only",
            Self::NoTriggerPrice => "no_trigger_price",
            Self::Unsupported => "unsupported",
            Self::InsufficientMargin => "insufficient_margin",
            Self::Liquidated => "liquidated",
            Self::Risk => "risk",
            Self::BracketPassed => "bracket_passed",
        }
    }

    /// From its number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| *reason as u8 == code)
    }
}

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// The order is working.
    Accepted,
    /// The order was refused.
    Rejected(Reason),
    /// A part or all of it traded.
    Fill {
        /// Price.
        price: Price,
        /// Quantity.
        qty: Qty,
        /// Maker or taker.
        liquidity: Liquidity,
        /// Fee in the settlement currency; negative is a rebate.
        fee: Money,
    },
    /// The order is gone, on request.
    Cancelled,
    /// There was nothing to cancel.
    CancelRejected(Reason),
    /// The order has other terms.
    Replaced(NewTerms),
    /// The order stays as it was.
    ReplaceRejected(Reason),
    /// The venue made the order smaller, unasked: it would have traded with one of its own account, or made no position
    /// smaller.
    Reduced {
        /// New total quantity.
        qty: Qty,
    },
    /// The venue gave a post-only order another price, unasked: it would have taken.
    Repriced {
        /// New price.
        price: Price,
    },
    /// What the order waited for has come: it acts from now on.
    Triggered,
    /// The order ended by its own terms, or was ended by the venue.
    Expired(Reason),
    /// What became of a request is not known: no answer came, or a connection was lost.
    Unknown,
}

impl ReportKind {
    /// Its word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected(_) => "rejected",
            Self::Fill { .. } => "fill",
            Self::Cancelled => "cancelled",
            Self::CancelRejected(_) => "cancel_rejected",
            Self::Replaced(_) => "replaced",
            Self::ReplaceRejected(_) => "replace_rejected",
            Self::Reduced { .. } => "reduced",
            Self::Repriced { .. } => "repriced",
            Self::Triggered => "triggered",
            Self::Expired(_) => "expired",
            Self::Unknown => "unknown",
        }
    }
}

/// A coin other than the settlement currency that a fee is paid in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FeeCoin {
    /// The instrument's base.
    Base = 1,
    /// The instrument's token for fees.
    Token = 2,
}

impl FeeCoin {
    /// From its number.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Base, Self::Token].into_iter().find(|coin| *coin as u8 == code)
    }
}

/// What is paid of a fee in another coin than the settlement currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeePaid {
    /// The coin.
    pub coin: FeeCoin,
    /// How much of it.
    pub amount: Money,
}

/// What made an order trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FillEvent {
    /// A trade of the market.
    Print = 1,
    /// The other side's best price came to the order's.
    Book = 2,
    /// It took what was there.
    Taker = 3,
    /// Another order of ours took it.
    OwnOrder = 4,
}

impl FillEvent {
    /// From its number.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Print, Self::Book, Self::Taker, Self::OwnOrder].into_iter().find(|event| *event as u8 == code)
    }
}

/// How a fill came about, as only a simulated venue tells it. No decision follows from it, so it is no part of the
/// digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillOrigin {
    /// What made the order trade.
    pub event: FillEvent,
    /// When the order was sent, or the replacement that put it where it was, our clock, ns.
    pub sent: i64,
    /// When that acted at the venue, ns.
    pub arrived: i64,
    /// Quantity ahead when it joined its level, in quantity increments; `None` of a taker, and where the level was never
    /// seen.
    pub ahead_at_entry: Option<i64>,
    /// Quantity ahead right before the event that filled it, likewise.
    pub ahead_at_fill: Option<i64>,
}

/// A venue's word on an order, with the time it happened there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The order.
    pub order: OrderKey,
    /// The venue's key for the order, where it says.
    pub venue_id: Option<VenueKey>,
    /// The venue's key for this execution; a fill with a key that was booked before is a duplicate.
    pub execution: Option<VenueKey>,
    /// Quantity filled so far by the venue's count, where it says.
    pub cumulative: Option<Qty>,
    /// Time at the venue, ns.
    pub ts_event: i64,
    /// What happened.
    pub kind: ReportKind,
    /// Of a fill: what is paid of its fee in another coin, in place of the fee itself.
    pub paid: Option<FeePaid>,
    /// Of a fill at a simulated venue: how it came about.
    pub origin: Option<FillOrigin>,
}

impl Report {
    /// A report with nothing but the order, its time and what happened.
    pub fn of(order: OrderKey, ts_event: i64, kind: ReportKind) -> Self {
        Self {
            order,
            venue_id: None,
            execution: None,
            cumulative: None,
            ts_event,
            kind,
            paid: None,
            origin: None,
        }
    }

    /// A report on an order by our number.
    pub fn on(order: OrderId, ts_event: i64, kind: ReportKind) -> Self {
        Self::of(OrderKey::Id(order), ts_event, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_stands_where_its_index_says() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!((reason.index(), Reason::from_code(reason as u8)), (index, Some(reason)));
        }
    }
}
