//! An execution: an order that is worked off by smaller ones, one at a time.
//!
//! At most one child order is at the venue, so what may still be filled never adds up to more than the order. It is told
//! what its child comes to ([`Execution::filled_by`], [`Execution::child_ended`]) and, whenever something happens, asked
//! what to do next ([`Execution::act`]); it says one thing at a time.

mod codec;

use super::algorithm::{Algorithm, Done, Sight, Want};
use super::slippage::slippage_bps;
use crate::orders::{
    NewTerms, Order, OrderId, OrderRequest, OrderStatus, OrderType, Pending, Reason, TimeInForce,
};
use crate::types::{MarketId, Price, Qty, Side, StrategyId};

/// Number of an execution within a session: 1, 2, 3 ... in the order they were started.
pub type ExecutionId = u64;

/// How long an execution waits after an order that was refused or missed, ns.
const PAUSE: i64 = 100_000_000;
/// Refusals in a row after which an execution has failed.
const MOST_REFUSALS: u32 = 10;

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExecutionState {
    /// It works.
    Working = 0,
    /// It was cancelled, and waits for the end of its last order.
    Cancelling = 1,
    /// All of it is filled.
    Filled = 2,
    /// It was cancelled.
    Cancelled = 3,
    /// Its time is over, or nothing can be sent of what is left.
    Expired = 4,
    /// Its orders were refused.
    Failed = 5,
}

impl ExecutionState {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Working, Self::Cancelling, Self::Filled, Self::Cancelled, Self::Expired, Self::Failed];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Cancelling => "cancelling",
            Self::Filled => "filled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}

/// What is to be executed.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionRequest {
    /// The instrument.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// The whole quantity.
    pub qty: Qty,
    /// No order is worse than this.
    pub limit: Option<Price>,
    /// Whether its orders only make a position smaller.
    pub reduce_only: bool,
    /// When it ends, ns.
    pub end: Option<i64>,
    /// How.
    pub algorithm: Algorithm,
}

/// What an execution asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Nothing.
    Nothing,
    /// A child order.
    Submit(OrderRequest),
    /// Other terms of the child.
    Replace {
        /// The child.
        order: OrderId,
        /// Its price.
        price: Price,
        /// Its total quantity, what has been filled included.
        qty: Qty,
    },
    /// The end of the child.
    Cancel(OrderId),
}

/// An execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Its number.
    pub id: ExecutionId,
    /// Whose it is.
    pub strategy: StrategyId,
    /// What is to be executed.
    pub request: ExecutionRequest,
    /// Where it stands.
    pub state: ExecutionState,
    /// When it began, ns.
    pub started: i64,
    /// When it ended, ns; 0 before.
    pub ended: i64,
    /// Twice the mid when it began, in price increments; of what had no price then, when there was one.
    pub arrival: Option<i64>,
    /// What is filled.
    pub filled: Qty,
    /// Sum of price x quantity over its fills, in increments.
    pub notional: i128,
    /// What others traded since the start, as far as the data tells, in quantity increments.
    pub volume: i64,
    /// Why it failed, or its last order was refused.
    pub reason: Option<Reason>,
    /// Its orders, in the order they were sent.
    pub children: Vec<OrderId>,
    /// When it is to be asked at the latest, ns: what [`Execution::next`] said last.
    pub due: Option<i64>,
    /// The order whose parts these are; none of what was started as an execution.
    pub parent: Option<OrderId>,
    child: Option<OrderId>,
    /// Whether the child takes at once.
    is_taking: bool,
    /// Whether the last order missed and there is no other chance.
    has_missed: bool,
    moves: u32,
    moved_at: i64,
    refusals: u32,
    not_before: i64,
    /// The price that the child of an order was last given.
    asked: Option<Price>,
    /// Whether the child of an order is cancelled so that the next one has the order's new terms.
    is_recalled: bool,
}

impl Execution {
    /// An execution that begins.
    pub fn new(id: ExecutionId, strategy: StrategyId, request: ExecutionRequest, now: i64) -> Self {
        Self {
            id,
            strategy,
            request,
            state: ExecutionState::Working,
            started: now,
            ended: 0,
            arrival: None,
            filled: Qty::ZERO,
            notional: 0,
            volume: 0,
            reason: None,
            children: Vec::new(),
            due: None,
            child: None,
            is_taking: false,
            has_missed: false,
            moves: 0,
            moved_at: i64::MIN,
            refusals: 0,
            not_before: i64::MIN,
            parent: None,
            asked: None,
            is_recalled: false,
        }
    }

    /// What sends the parts of an order that its venue cannot show a part of at a time.
    pub fn of_order(id: ExecutionId, order: &Order, display: Qty, price: Price, now: i64) -> Self {
        let request = ExecutionRequest {
            market: order.market,
            side: order.side,
            qty: order.qty,
            limit: Some(price),
            reduce_only: order.reduce_only,
            end: None,
            algorithm: Algorithm::Iceberg { display, post_only: order.post_only },
        };
        Self { parent: Some(order.id), ..Self::new(id, order.strategy, request, now) }
    }

    /// The order has other terms.
    pub fn set_terms(&mut self, terms: NewTerms) {
        (self.request.limit, self.request.qty) = (Some(terms.price), terms.qty);
    }

    /// Whether what is at the venue of an order keeps to its terms.
    pub fn agrees(&self, child: Option<&Order>) -> bool {
        let left = self.request.qty - self.filled;
        child.is_none_or(|order| {
            let is_answered = order.pending() == Pending::Nothing && order.reason.is_none();
            is_answered && self.asked == self.request.limit && order.leaves() <= left
        })
    }

    /// The child of an order is cancelled, and the next one sent at once.
    pub fn recall(&mut self) {
        self.is_recalled = true;
    }

    /// Sends nothing for a moment.
    pub fn wait(&mut self, now: i64) {
        self.not_before = now.saturating_add(PAUSE);
    }

    /// Whether nothing happens to it any more.
    pub fn is_done(&self) -> bool {
        !matches!(self.state, ExecutionState::Working | ExecutionState::Cancelling)
    }

    /// The order at the venue.
    pub fn child(&self) -> Option<OrderId> {
        self.child
    }

    /// Average price of its fills, in price increments.
    pub fn average_price(&self) -> Option<f64> {
        self.filled.is_positive().then(|| self.notional as f64 / self.filled.steps() as f64)
    }

    /// What the average is worse than the mid it began at, bps.
    pub fn slippage_bps(&self) -> Option<f64> {
        let (average, arrival) = (self.average_price()?, self.arrival?);
        Some(slippage_bps(self.request.side, average, arrival as f64 / 2.0))
    }

    /// Its share of all volume since the start, its own included; `None` where nothing was traded.
    pub fn participation(&self) -> Option<f64> {
        let (own, all) = (self.filled.steps() as f64, self.filled.steps() as f64 + self.volume as f64);
        (all > 0.0).then(|| own / all)
    }

    /// Whether it wants to be asked after every message of its market.
    pub fn follows(&self) -> bool {
        self.parent.is_none() && (self.arrival.is_none() || self.request.algorithm.follows())
    }

    /// Whether it asks for [`Sight::offered`].
    pub fn looks_into_the_book(&self) -> bool {
        self.request.algorithm.looks_into_the_book()
    }

    /// When it wants to be asked next, at the latest.
    pub fn next(&self, now: i64) -> Option<i64> {
        if self.is_done() {
            return None;
        }
        let retry = (self.child.is_none() && !self.request.algorithm.looks_into_the_book())
            .then_some(self.not_before);
        let times = [self.request.algorithm.next(now), self.request.end, retry];
        times.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Ends it, as soon as its child has ended.
    pub fn cancel(&mut self) {
        if self.state == ExecutionState::Working {
            self.state = ExecutionState::Cancelling;
        }
    }

    /// Ends it at once.
    pub fn finish(&mut self, state: ExecutionState, now: i64) {
        if !self.is_done() {
            (self.state, self.ended, self.child) = (state, now, None);
        }
    }

    /// Ends it because its orders cannot be.
    pub fn fail(&mut self, reason: Reason, now: i64) {
        self.reason = Some(reason);
        self.finish(ExecutionState::Failed, now);
    }

    /// A child was sent.
    pub fn sent(&mut self, order: OrderId, now: i64) {
        self.child = Some(order);
        self.children.push(order);
        (self.moved_at, self.asked) = (now, self.request.limit);
    }

    /// A child traded, if it ended meanwhile, too.
    pub fn filled_by(&mut self, price: Price, qty: Qty) {
        self.filled = self.filled.saturating_add(qty);
        let notional = i128::from(price.steps()) * i128::from(qty.steps());
        self.notional = self.notional.saturating_add(notional);
    }

    /// The child has ended.
    pub fn child_ended(&mut self, order: &Order, now: i64) {
        if self.child != Some(order.id) {
            return;
        }
        self.child = None;
        let (taking, refused) =
            (std::mem::take(&mut self.is_taking), order.status() == OrderStatus::Rejected);
        if order.leaves().is_positive() {
            let is_over = self.request.end.is_some_and(|end| now >= end);
            self.has_missed |= taking && (is_over || self.request.algorithm == Algorithm::Route);
            // A part that was missed waits for the next, what has no parts a moment.
            let next = if refused { None } else { self.request.algorithm.next(now) };
            self.not_before = next.unwrap_or(now.saturating_add(PAUSE));
        }
        if std::mem::take(&mut self.is_recalled) {
            self.not_before = now;
        } else if self.parent.is_some() && order.leaves().is_positive() {
            self.end_with(order, now);
        }
        if refused {
            self.reason = order.reason;
            self.refusals += 1;
            if self.refusals >= MOST_REFUSALS {
                self.finish(ExecutionState::Failed, now);
            }
        } else {
            self.refusals = 0;
        }
    }

    /// What its venue ends of an order of its own accord ends all of it, and so does that nothing is left to reduce.
    fn end_with(&mut self, part: &Order, now: i64) {
        let state = match (part.status(), part.reason) {
            (OrderStatus::Cancelled, _) => ExecutionState::Cancelled,
            (OrderStatus::Rejected, reason) if reason != Some(Reason::ReduceOnly) => return,
            _ => ExecutionState::Expired,
        };
        self.reason = part.reason;
        self.finish(state, now);
    }

    /// What is to be done now. `child` is the order at the venue.
    pub fn act(&mut self, sight: &Sight, child: Option<&Order>) -> Act {
        if self.is_done() {
            return Act::Nothing;
        }
        let now = sight.now;
        self.arrival = self.arrival.or(sight.twice_mid);
        let left = (self.request.qty - self.filled).steps().max(0);
        let is_over = self.request.end.is_some_and(|end| now >= end);
        let takes_the_rest = matches!(self.request.algorithm, Algorithm::Schedule { .. });
        let ending = match self.state {
            ExecutionState::Cancelling => Some(ExecutionState::Cancelled),
            _ if is_over && !takes_the_rest => Some(ExecutionState::Expired),
            _ => None,
        };
        let can_change = |order: &&Order| order.is_changeable() && order.pending() == Pending::Nothing;
        if self.child.is_none() && (left == 0 || ending.is_some()) {
            let state = ending.filter(|_| left > 0).unwrap_or(ExecutionState::Filled);
            self.finish(state, now);
            return Act::Nothing;
        }
        if self.child.is_some() {
            // A request on its way is waited for, and what takes at once ends by itself.
            let Some(order) = child.filter(|order| order.is_changeable()) else { return Act::Nothing };
            if ending.is_some() {
                return Act::Cancel(order.id);
            }
            return match child.filter(can_change).filter(|_| !self.is_taking) {
                Some(order) if self.parent.is_some() => self.keep_to_terms(order, left),
                Some(order) => self.change(order, sight),
                None => Act::Nothing,
            };
        }
        let is_dust = left < sight.terms.min_qty;
        if self.has_missed || (is_dust && !self.children.is_empty()) {
            self.finish(ExecutionState::Expired, now);
            return Act::Nothing;
        }
        if now < self.not_before || (self.arrival.is_none() && self.parent.is_none()) {
            return Act::Nothing;
        }
        self.submit(left, sight)
    }

    fn done(&self) -> Done {
        Done {
            side: self.request.side,
            filled: self.filled.steps(),
            left: (self.request.qty - self.filled).steps().max(0),
            volume: self.volume,
            limit: self.request.limit,
            moves: self.moves,
            moved_at: self.moved_at,
        }
    }

    /// Makes the order at the venue what is wanted.
    fn change(&mut self, order: &Order, sight: &Sight) -> Act {
        match self.request.algorithm.want(&self.done(), sight) {
            Want::Rest { qty, price, moves: true, .. } => {
                let is_same = order.price() == Some(price) && order.leaves().steps() == qty;
                if !is_same || matches!(self.request.algorithm, Algorithm::Schedule { .. }) {
                    self.moved_at = sight.now;
                }
                if is_same {
                    return Act::Nothing;
                }
                self.moves += 1;
                Act::Replace { order: order.id, price, qty: order.filled.saturating_add(Qty::new(qty)) }
            }
            // The end of a schedule whose parts rest: what is left is taken.
            Want::Take(_) => Act::Cancel(order.id),
            Want::Rest { .. } | Want::Nothing => Act::Nothing,
        }
    }

    /// Makes the part of an order that is at its venue keep to the order's terms.
    fn keep_to_terms(&mut self, order: &Order, left: i64) -> Act {
        let (leaves, limit) = (order.leaves().steps(), self.request.limit);
        // Why its last request was refused: its venue did not change it.
        let is_refused = order.reason.is_some();
        let has_terms = self.asked == limit && leaves <= left && !is_refused;
        let Some(price) = limit.filter(|_| !has_terms) else { return Act::Nothing };
        if left == 0 || is_refused {
            self.recall();
            return Act::Cancel(order.id);
        }
        self.asked = limit;
        Act::Replace { order: order.id, price, qty: order.filled.saturating_add(Qty::new(leaves.min(left))) }
    }

    fn submit(&mut self, left: i64, sight: &Sight) -> Act {
        let ExecutionRequest { market, side, limit, reduce_only, .. } = self.request;
        let order = |order_type, qty: i64| {
            let most = sight.terms.max_qty.map_or(qty, |most| most - most.rem_euclid(sight.terms.lot_size));
            OrderRequest {
                reduce_only,
                ..OrderRequest::new(market, side, order_type, Qty::new(qty.min(most)))
            }
        };
        match self.request.algorithm.want(&self.done(), sight) {
            Want::Nothing if self.parent.is_some() => {
                // No order is that small.
                self.reason = Some(Reason::MinQty);
                self.finish(ExecutionState::Expired, sight.now);
                Act::Nothing
            }
            Want::Nothing => Act::Nothing,
            Want::Take(qty) => {
                let best = sight.touch.best(side.opposite()).map(|best| Price::new(best.price));
                // What would take nothing is not sent.
                if let (Some(limit), Some(best)) = (limit, best)
                    && (best - limit) * side.sign() > 0
                {
                    let is_over = self.request.end.is_some_and(|end| sight.now >= end);
                    if is_over || self.request.algorithm == Algorithm::Route {
                        self.finish(ExecutionState::Expired, sight.now);
                    }
                    return Act::Nothing;
                }
                let at = if self.looks_into_the_book() { limit.or(best) } else { limit };
                let order_type = at.map_or(OrderType::Market, |price| OrderType::Limit { price });
                self.is_taking = true;
                Act::Submit(OrderRequest {
                    time_in_force: TimeInForce::Ioc,
                    ..order(order_type, qty.min(left))
                })
            }
            Want::Rest { qty, price, post_only, .. } => {
                let slides = post_only && !matches!(self.request.algorithm, Algorithm::Iceberg { .. });
                let order = order(OrderType::Limit { price }, qty.min(left));
                Act::Submit(OrderRequest { post_only, slides, ..order })
            }
        }
    }
}
