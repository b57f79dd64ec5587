//! An order, its life, and what passes between a strategy and a venue.
//!
//! The strategy's side holds an [`Order`] and changes it only through [`Order::apply`], which knows the legal
//! transitions. Commands travel to the venue, [`Update`]s travel back; both carry the order's id.

use std::sync::Arc;

use crate::types::{Money, Side};

/// Identity of an order within a run: 1, 2, 3 ... in order of submission.
pub type OrderId = u64;

/// How an order's price is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OrderType {
    /// Take what the book offers.
    Market = 0,
    /// Not worse than the price.
    Limit = 1,
}

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TimeInForce {
    /// Until cancelled.
    Gtc = 0,
    /// Take at once, drop the rest.
    Ioc = 1,
    /// All at once or nothing.
    Fok = 2,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OrderStatus {
    /// Sent, not yet acknowledged.
    PendingNew = 0,
    /// Accepted by the venue, nothing filled.
    New = 1,
    /// Some of it filled.
    PartiallyFilled = 2,
    /// All of it filled.
    Filled = 3,
    /// Cancelled on request.
    Cancelled = 4,
    /// Refused.
    Rejected = 5,
    /// Ended by its own terms (the rest of an IOC, a FOK that could not fill).
    Expired = 6,
}

impl OrderStatus {
    /// Whether nothing can happen to the order any more.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Rejected | Self::Expired)
    }
}

/// A request that is on its way for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pending {
    /// None.
    Nothing,
    /// A cancel.
    Cancel,
    /// A replacement with this price and total quantity.
    Replace {
        /// New price.
        price: i64,
        /// New total quantity.
        qty: i64,
    },
}

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
    /// No reason needed.
    None = 0,
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
}

impl Reason {
    /// Machine-readable word, empty for none.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
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
        }
    }
}

/// The terms of a new order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// Index of the instrument.
    pub market: usize,
    /// Buy or sell.
    pub side: Side,
    /// Market or limit.
    pub order_type: OrderType,
    /// Limit price in price increments; 0 for a market order.
    pub price: i64,
    /// Quantity in quantity increments.
    pub qty: i64,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Rests or is rejected.
    pub post_only: bool,
    /// The strategy's own name for it.
    pub client_id: Option<Arc<str>>,
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
        /// Index of its instrument.
        market: usize,
    },
    /// Change price and total quantity of an order.
    Replace {
        /// Its id.
        order: OrderId,
        /// Index of its instrument.
        market: usize,
        /// New price.
        price: i64,
        /// New total quantity, what has been filled included.
        qty: i64,
    },
}

impl Command {
    /// Index of the instrument the command goes to.
    pub fn market(&self) -> usize {
        match self {
            Self::Submit { request, .. } => request.market,
            Self::Cancel { market, .. } | Self::Replace { market, .. } => *market,
        }
    }

    /// The answer to a request that is refused at `now`.
    pub fn refused(&self, reason: Reason, now: i64) -> Update {
        let (order, kind) = match *self {
            Self::Submit { order, .. } => (order, UpdateKind::Rejected(reason)),
            Self::Cancel { order, .. } => (order, UpdateKind::CancelRejected(reason)),
            Self::Replace { order, .. } => (order, UpdateKind::ReplaceRejected(reason)),
        };
        Update { order, ts_event: now, kind }
    }
}

/// What a venue says about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateKind {
    /// The order is working.
    Accepted,
    /// The order was refused.
    Rejected(Reason),
    /// A part or all of it traded.
    Fill {
        /// Price in price increments.
        price: i64,
        /// Quantity in quantity increments.
        qty: i64,
        /// Maker or taker.
        liquidity: Liquidity,
        /// Fee in the settlement currency; negative is a rebate.
        fee: Money,
    },
    /// The order is gone, on request.
    Cancelled,
    /// There was nothing to cancel.
    CancelRejected(Reason),
    /// The order has a new price and quantity.
    Replaced {
        /// New price.
        price: i64,
        /// New total quantity.
        qty: i64,
    },
    /// The order stays as it was.
    ReplaceRejected(Reason),
    /// The order ended by its own terms.
    Expired(Reason),
}

/// A venue's word on an order, with the time it happened there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// The order.
    pub order: OrderId,
    /// Time at the venue, ns.
    pub ts_event: i64,
    /// What happened.
    pub kind: UpdateKind,
}

/// An update that cannot follow from an order's state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("order {order} is {status:?} with {filled} of {qty} filled and cannot take {update:?}")]
pub struct IllegalTransition {
    /// The order.
    pub order: OrderId,
    /// Its status.
    pub status: OrderStatus,
    /// Its filled quantity.
    pub filled: i64,
    /// Its total quantity.
    pub qty: i64,
    /// The update.
    pub update: UpdateKind,
}

/// An order as its strategy knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Identity.
    pub id: OrderId,
    /// Index of the strategy that owns it.
    pub strategy: usize,
    /// Index of the instrument.
    pub market: usize,
    /// The strategy's own name for it.
    pub client_id: Option<Arc<str>>,
    /// Buy or sell.
    pub side: Side,
    /// Market or limit.
    pub order_type: OrderType,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Rests or is rejected.
    pub post_only: bool,
    /// Price in price increments, 0 for a market order.
    pub price: i64,
    /// Total quantity.
    pub qty: i64,
    /// Quantity filled.
    pub filled: i64,
    /// Sum of price × quantity over its fills, in increments.
    pub filled_notional: i128,
    /// Where it stands.
    pub status: OrderStatus,
    /// The newest request on its way.
    pub pending: Pending,
    /// Replacements sent and not yet answered.
    pub replaces_in_flight: u32,
    /// Replacements accepted.
    pub replaced: u32,
    /// Why it ended; of an open order, why its last request was refused.
    pub reason: Reason,
    /// When it was sent, our clock.
    pub ts_submit: i64,
    /// When we learnt that it was accepted, 0 if never.
    pub ts_accept: i64,
    /// When we learnt that it ended, 0 if open.
    pub ts_close: i64,
}

impl Order {
    /// A new order, not yet acknowledged.
    pub fn new(id: OrderId, strategy: usize, request: &OrderRequest, now: i64) -> Self {
        Self {
            id,
            strategy,
            market: request.market,
            client_id: request.client_id.clone(),
            side: request.side,
            order_type: request.order_type,
            time_in_force: request.time_in_force,
            post_only: request.post_only,
            price: request.price,
            qty: request.qty,
            filled: 0,
            filled_notional: 0,
            status: OrderStatus::PendingNew,
            pending: Pending::Nothing,
            replaces_in_flight: 0,
            replaced: 0,
            reason: Reason::None,
            ts_submit: now,
            ts_accept: 0,
            ts_close: 0,
        }
    }

    /// Quantity not filled.
    pub fn leaves(&self) -> i64 {
        self.qty - self.filled
    }

    /// Average price of its fills in price increments.
    pub fn average_price(&self) -> Option<f64> {
        (self.filled > 0).then(|| self.filled_notional as f64 / self.filled as f64)
    }

    /// Price and total quantity once the request on its way has been granted.
    pub fn intended(&self) -> (i64, i64) {
        match self.pending {
            Pending::Replace { price, qty } => (price, qty),
            Pending::Nothing | Pending::Cancel => (self.price, self.qty),
        }
    }

    /// Takes a venue's update at our time `now`.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the update cannot follow from the state; the order is unchanged then.
    pub fn apply(&mut self, update: UpdateKind, now: i64) -> Result<(), IllegalTransition> {
        use OrderStatus as S;
        let open = matches!(self.status, S::New | S::PartiallyFilled);
        let legal = match update {
            UpdateKind::Accepted | UpdateKind::Rejected(_) => self.status == S::PendingNew,
            UpdateKind::Fill { qty, .. } => open && qty > 0 && qty <= self.leaves(),
            UpdateKind::Cancelled | UpdateKind::Expired(_) => open,
            UpdateKind::Replaced { qty, .. } => open && qty > self.filled,
            UpdateKind::CancelRejected(_) | UpdateKind::ReplaceRejected(_) => true,
        };
        if !legal {
            return Err(IllegalTransition {
                order: self.id,
                status: self.status,
                filled: self.filled,
                qty: self.qty,
                update,
            });
        }
        match update {
            UpdateKind::Accepted => {
                self.status = S::New;
                self.ts_accept = now;
            }
            UpdateKind::Rejected(reason) => self.close(S::Rejected, reason, now),
            UpdateKind::Fill { price, qty, .. } => {
                self.filled += qty;
                self.filled_notional += i128::from(price) * i128::from(qty);
                if self.leaves() == 0 {
                    self.close(S::Filled, Reason::None, now);
                } else {
                    self.status = S::PartiallyFilled;
                }
            }
            UpdateKind::Cancelled => self.close(S::Cancelled, self.reason, now),
            UpdateKind::Expired(reason) => self.close(S::Expired, reason, now),
            UpdateKind::Replaced { price, qty } => {
                self.price = price;
                self.qty = qty;
                self.replaced += 1;
                self.replace_answered(Reason::None);
            }
            UpdateKind::CancelRejected(reason) => {
                if self.pending == Pending::Cancel {
                    self.pending = Pending::Nothing;
                    self.reason = reason;
                }
            }
            UpdateKind::ReplaceRejected(reason) => self.replace_answered(reason),
        }
        Ok(())
    }

    /// Answers come in the order of the requests, so the newest one stands until all have been answered.
    fn replace_answered(&mut self, reason: Reason) {
        if self.status.is_closed() {
            return;
        }
        // A cancel on its way has a reason of its own.
        if self.pending != Pending::Cancel {
            self.reason = reason;
        }
        self.replaces_in_flight = self.replaces_in_flight.saturating_sub(1);
        if self.replaces_in_flight == 0 && matches!(self.pending, Pending::Replace { .. }) {
            self.pending = Pending::Nothing;
        }
    }

    fn close(&mut self, status: OrderStatus, reason: Reason, now: i64) {
        self.status = status;
        self.reason = reason;
        self.pending = Pending::Nothing;
        self.ts_close = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        let request = OrderRequest {
            market: 0,
            side: Side::Buy,
            order_type: OrderType::Limit,
            price: 100,
            qty: 10,
            time_in_force: TimeInForce::Gtc,
            post_only: true,
            client_id: None,
        };
        Order::new(1, 0, &request, 5)
    }

    fn fill(qty: i64) -> UpdateKind {
        UpdateKind::Fill { price: 100, qty, liquidity: Liquidity::Maker, fee: Money::ZERO }
    }

    #[test]
    fn a_whole_life() {
        let mut o = order();
        o.apply(UpdateKind::Accepted, 6).unwrap();
        o.apply(fill(4), 7).unwrap();
        assert_eq!((o.status, o.leaves()), (OrderStatus::PartiallyFilled, 6));
        o.apply(UpdateKind::Replaced { price: 99, qty: 12 }, 8).unwrap();
        assert_eq!((o.price, o.leaves(), o.replaced), (99, 8, 1));
        o.apply(fill(8), 9).unwrap();
        assert_eq!((o.status, o.ts_close), (OrderStatus::Filled, 9));
        assert_eq!(o.average_price(), Some(100.0));
    }

    #[test]
    fn what_cannot_follow_is_refused_and_changes_nothing() {
        let closed = |update: UpdateKind| {
            let mut o = order();
            o.apply(UpdateKind::Accepted, 1).unwrap();
            o.apply(update, 2).unwrap();
            o
        };
        let cases = [
            (order(), fill(1)),
            (order(), UpdateKind::Cancelled),
            (closed(UpdateKind::Cancelled), fill(1)),
            (closed(fill(10)), UpdateKind::Cancelled),
            (closed(fill(4)), fill(7)),
            (closed(fill(4)), UpdateKind::Accepted),
            (closed(fill(4)), UpdateKind::Replaced { price: 1, qty: 4 }),
        ];
        for (mut o, update) in cases {
            let before = o.clone();
            assert!(o.apply(update, 9).is_err(), "{update:?}");
            assert_eq!(o, before);
        }
    }

    #[test]
    fn a_refused_replacement_says_why_until_the_next_answer() {
        let mut o = order();
        o.apply(UpdateKind::Accepted, 1).unwrap();
        o.apply(UpdateKind::ReplaceRejected(Reason::MinQty), 2).unwrap();
        assert_eq!((o.reason, o.status), (Reason::MinQty, OrderStatus::New));
        o.apply(UpdateKind::Replaced { price: 99, qty: 12 }, 3).unwrap();
        assert_eq!(o.reason, Reason::None);
        (o.pending, o.reason) = (Pending::Cancel, Reason::StrategyStopped);
        o.apply(UpdateKind::ReplaceRejected(Reason::MinQty), 4).unwrap();
        o.apply(UpdateKind::Cancelled, 5).unwrap();
        assert_eq!(o.reason, Reason::StrategyStopped);
    }

    #[test]
    fn a_cancel_that_loses_the_race_leaves_the_order_filled() {
        let mut o = order();
        o.apply(UpdateKind::Accepted, 1).unwrap();
        o.pending = Pending::Cancel;
        o.apply(fill(10), 2).unwrap();
        o.apply(UpdateKind::CancelRejected(Reason::UnknownOrder), 3).unwrap();
        assert_eq!(o.status, OrderStatus::Filled);
    }
}
