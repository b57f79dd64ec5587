//! An order as its strategy knows it, and its life.
//!
//! | report | while sent or unknown | while working | after the end |
//! |---|---|---|---|
//! | accepted | working | nothing new | nothing new |
//! | rejected | rejected | rejected, a mismatch | mismatch unless it was rejected |
//! | fill | working or filled: the acknowledgement is late | as it says | booked; what ended it stands unless it is full |
//! | cancelled, expired | ended | ended | nothing new; a mismatch after a fill of all |
//! | replaced, reduced, repriced | working, with the new terms | the new terms | nothing new; a mismatch beyond a fill of all |
//! | cancel or replace rejected | the request is answered | the request is answered | nothing new |
//! | triggered | working, set off | set off | nothing new |
//! | unknown | unknown | unknown | nothing new |
//!
//! A fill that was booked before (by its execution id, else by the venue's cumulative quantity) changes nothing. What
//! cannot be right leaves a [`Mismatch`] to be reconciled with the venue; nothing is fatal.

use std::sync::Arc;

use super::emulation::Emulated;
use super::identity::{OrderId, VenueKey};
use super::report::{Reason, Report, ReportKind};
use super::request::{OrderRequest, OrderType, TimeInForce, Trigger, order_kind};
use super::role::Membership;
use super::terms::NewTerms;
use crate::types::{MarketId, Price, Qty, Side, StrategyId};

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
    /// Ended by its own terms (the rest of an IOC, a FOK that could not fill), or by the venue.
    Expired = 6,
    /// Working, with a cancel on its way.
    PendingCancel = 7,
    /// Working, with a replacement on its way.
    PendingReplace = 8,
    /// What became of it is not known.
    Unknown = 9,
}

impl OrderStatus {
    /// Whether nothing can happen to the order any more.
    pub fn is_closed(self) -> bool {
        match self {
            Self::Filled | Self::Cancelled | Self::Rejected | Self::Expired => true,
            Self::PendingNew
            | Self::New
            | Self::PartiallyFilled
            | Self::PendingCancel
            | Self::PendingReplace
            | Self::Unknown => false,
        }
    }
}

/// A request that is on its way for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pending {
    /// None.
    Nothing,
    /// A cancel.
    Cancel,
    /// A replacement.
    Replace(NewTerms),
}

/// What a report changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Nothing: it said what was known, or came too late to matter.
    Nothing,
    /// The order.
    Order,
    /// The order, and what it holds: a fill to be booked.
    Fill,
}

/// What does not agree between a venue and us, for reconciliation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// More was filled than the order had left.
    #[error("filled {by} more than the order's quantity")]
    Overfilled {
        /// By how much.
        by: Qty,
    },
    /// The venue counts more fills than were reported.
    #[error("the venue counts {cumulative} filled, {filled} were reported")]
    MissingFills {
        /// By the venue's count.
        cumulative: Qty,
        /// By ours.
        filled: Qty,
    },
    /// A report that cannot follow from what was known.
    #[error("{kind:?} cannot follow {status:?}")]
    Contradiction {
        /// Where the order stood.
        status: OrderStatus,
        /// What was said.
        kind: ReportKind,
    },
}

/// The venue's keys of an order's fills; most orders have one or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Executions {
    first: Option<VenueKey>,
    others: Vec<VenueKey>,
}

impl Executions {
    /// Takes a key; `false` if it is there.
    pub(crate) fn add(&mut self, key: &VenueKey) -> bool {
        match &self.first {
            None => self.first = Some(key.clone()),
            Some(first) if first == key || self.others.contains(key) => return false,
            Some(_) => self.others.push(key.clone()),
        }
        true
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &VenueKey> {
        self.first.iter().chain(&self.others)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }
}

/// An order as its strategy knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "terms that are there or not")]
pub struct Order {
    /// Identity.
    pub id: OrderId,
    /// The strategy that owns it.
    pub strategy: StrategyId,
    /// The instrument.
    pub market: MarketId,
    /// The strategy's own name for it.
    pub client_id: Option<Arc<str>>,
    /// The venue's key for it, once known.
    pub venue_id: Option<VenueKey>,
    /// Buy or sell.
    pub side: Side,
    /// Market or limit, with its price.
    pub order_type: OrderType,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Rests or is rejected.
    pub post_only: bool,
    /// Of a post-only order: is given another price rather than to be rejected.
    pub slides: bool,
    /// Only makes a position smaller.
    pub reduce_only: bool,
    /// Displayed at a time; all of it if absent.
    pub display_qty: Option<Qty>,
    /// What sets it off; it acts at once if absent.
    pub trigger: Option<Trigger>,
    /// Total quantity.
    pub qty: Qty,
    /// Quantity filled.
    pub filled: Qty,
    /// Sum of price × quantity over its fills, in increments.
    pub filled_notional: i128,
    /// Replacements accepted.
    pub replaced: u32,
    /// Why it ended; of an open order, why its last request was refused.
    pub reason: Option<Reason>,
    /// When it was sent, our clock.
    pub ts_submit: i64,
    /// When we learnt that it was accepted, 0 if never.
    pub ts_accept: i64,
    /// When we learnt that it was set off, 0 if never.
    pub ts_trigger: i64,
    /// When we learnt that it ended, 0 if open.
    pub ts_close: i64,
    /// The group it belongs to.
    pub group: Option<Membership>,
    /// What the kernel does of it in its venue's place.
    pub emulated: Emulated,
    /// Whether the kernel keeps it, and its venue does not know it yet.
    pub is_held: bool,
    /// Whether parts of it are sent in its place, and its venue never knows it.
    pub is_sliced: bool,
    /// The order that it is a part of.
    pub parent: Option<OrderId>,
    /// Where it stands, requests on their way left out.
    pub(crate) standing: OrderStatus,
    /// The newest request on its way.
    pub(crate) pending: Pending,
    /// Replacements sent and not yet answered.
    pub(crate) replaces_in_flight: u32,
    /// The most that a replacement on its way asks for.
    pub(crate) asked: Qty,
    /// Whether it was refused before it was sent, which its strategy has not been told yet.
    pub(crate) never_sent: bool,
    /// Executions booked, by the venue's keys.
    pub(crate) executions: Executions,
}

impl Order {
    /// A new order, not yet acknowledged.
    pub fn new(id: OrderId, strategy: StrategyId, request: &OrderRequest, now: i64) -> Self {
        Self {
            id,
            strategy,
            market: request.market,
            client_id: request.client_id.clone(),
            venue_id: None,
            side: request.side,
            order_type: request.order_type,
            time_in_force: request.time_in_force,
            post_only: request.post_only,
            slides: request.slides,
            reduce_only: request.reduce_only,
            display_qty: request.display_qty,
            trigger: request.trigger,
            qty: request.qty,
            filled: Qty::ZERO,
            filled_notional: 0,
            replaced: 0,
            reason: None,
            ts_submit: now,
            ts_accept: 0,
            ts_trigger: 0,
            ts_close: 0,
            group: None,
            emulated: Emulated::NONE,
            is_held: false,
            is_sliced: false,
            parent: None,
            standing: OrderStatus::PendingNew,
            pending: Pending::Nothing,
            replaces_in_flight: 0,
            asked: Qty::ZERO,
            never_sent: false,
            executions: Executions::default(),
        }
    }

    /// Its terms, as a request has them.
    pub fn request(&self) -> OrderRequest {
        OrderRequest {
            market: self.market,
            side: self.side,
            order_type: self.order_type,
            qty: self.qty,
            time_in_force: self.time_in_force,
            post_only: self.post_only,
            slides: self.slides,
            reduce_only: self.reduce_only,
            display_qty: self.display_qty,
            trigger: self.trigger,
            client_id: self.client_id.clone(),
        }
    }

    /// Its terms once the request on its way has been granted.
    pub(crate) fn intended_request(&self) -> OrderRequest {
        let (price, qty) = self.intended();
        let order_type = price.map_or(OrderType::Market, |price| OrderType::Limit { price });
        OrderRequest { order_type, qty, ..self.request() }
    }

    /// The number of its kind in tables and in Python.
    pub fn kind(&self) -> u8 {
        order_kind(self.order_type, self.trigger)
    }

    /// Where the order stands.
    pub fn status(&self) -> OrderStatus {
        match (self.standing, self.pending) {
            (OrderStatus::New | OrderStatus::PartiallyFilled, Pending::Cancel) => OrderStatus::PendingCancel,
            (OrderStatus::New | OrderStatus::PartiallyFilled, Pending::Replace(_)) => {
                OrderStatus::PendingReplace
            }
            (standing, _) => standing,
        }
    }

    /// Whether nothing can happen to it any more.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.standing.is_closed()
    }

    /// The newest request on its way.
    pub fn pending(&self) -> Pending {
        self.pending
    }

    /// Whether it can be cancelled or replaced: open, and no cancel on its way.
    pub fn is_changeable(&self) -> bool {
        !self.is_closed() && self.pending != Pending::Cancel
    }

    /// Whether its venue knows it, or is to: orders that the kernel keeps are none of its.
    pub fn is_venues(&self) -> bool {
        !self.is_held && !self.is_sliced
    }

    /// Whether it does nothing yet because it was not set off.
    pub fn waits_for_trigger(&self) -> bool {
        self.waits_for().is_some()
    }

    /// What is to set it off, where it waits for that.
    pub fn waits_for(&self) -> Option<Trigger> {
        self.trigger.filter(|_| self.ts_trigger == 0)
    }

    /// Its limit price, where it has one.
    #[inline]
    pub fn price(&self) -> Option<Price> {
        self.order_type.price()
    }

    /// Quantity not filled.
    pub fn leaves(&self) -> Qty {
        self.qty - self.filled
    }

    /// Average price of its fills in price increments.
    pub fn average_price(&self) -> Option<f64> {
        self.filled.is_positive().then(|| self.filled_notional as f64 / self.filled.steps() as f64)
    }

    /// Price and total quantity once the request on its way has been granted; no price where it has no limit.
    pub fn intended(&self) -> (Option<Price>, Qty) {
        match self.pending {
            Pending::Replace(terms) => (self.price().map(|_| terms.price), terms.qty),
            Pending::Nothing | Pending::Cancel => (self.price(), self.qty),
        }
    }

    /// An order that the kernel kept was sent with so much of it, or refused before it was.
    pub(crate) fn released(&mut self, qty: Qty, now: i64, refused: bool) {
        (self.is_held, self.is_sliced) = (false, !refused && self.emulated.has(Emulated::DISPLAY_QTY));
        (self.qty, self.ts_trigger, self.never_sent) = (qty, now, refused);
        self.standing = OrderStatus::PendingNew;
    }

    /// A cancel was sent, for a reason of its own or on request.
    pub fn cancel_sent(&mut self, reason: Option<Reason>) {
        self.pending = Pending::Cancel;
        self.reason = reason;
    }

    /// A replacement was sent, or refused before it was.
    pub fn replace_sent(&mut self, terms: NewTerms, refused: bool) {
        self.replaces_in_flight += 1;
        if !refused {
            self.pending = Pending::Replace(terms);
            self.asked = self.asked.max(terms.qty);
        }
    }

    /// The most that may still fill, whichever of the terms on their way it has by then.
    pub fn most_left(&self) -> Qty {
        (self.qty.max(self.asked) - self.filled).max(Qty::ZERO)
    }

    /// Takes a venue's report at our time `now`: the table at the top of this module.
    pub fn apply(&mut self, report: &Report, now: i64) -> (Applied, Option<Mismatch>) {
        use OrderStatus as S;
        let kind = report.kind;
        self.note_venue_id(report);
        let waiting = matches!(self.standing, S::PendingNew | S::Unknown);
        let contradiction = Some(Mismatch::Contradiction { status: self.standing, kind });
        let closed = self.is_closed();
        match kind {
            ReportKind::Fill { price, qty, .. } => return self.apply_fill(report, price, qty, now),
            ReportKind::Accepted if waiting => self.acknowledge(now),
            ReportKind::Accepted => return (Applied::Nothing, None),
            ReportKind::Rejected(reason) if !closed && self.filled == Qty::ZERO => {
                self.close(S::Rejected, Some(reason), now);
                return (Applied::Order, contradiction.filter(|_| !waiting));
            }
            ReportKind::Rejected(_) => {
                return (Applied::Nothing, contradiction.filter(|_| self.standing != S::Rejected));
            }
            ReportKind::Cancelled | ReportKind::Expired(_) if closed => {
                let wrong = matches!(self.standing, S::Filled | S::Rejected);
                return (Applied::Nothing, contradiction.filter(|_| wrong));
            }
            ReportKind::Cancelled => self.close(S::Cancelled, self.reason, now),
            ReportKind::Expired(reason) => self.close(S::Expired, Some(reason), now),
            // Fills told before new terms have ended it by the old ones, and there is more of it.
            ReportKind::Replaced(terms) if self.standing == S::Filled && terms.qty > self.filled => {
                return (Applied::Nothing, contradiction);
            }
            ReportKind::Replaced(_)
            | ReportKind::Reduced { .. }
            | ReportKind::Repriced { .. }
            | ReportKind::Triggered
            | ReportKind::CancelRejected(_)
            | ReportKind::ReplaceRejected(_)
            | ReportKind::Unknown
                if closed =>
            {
                return (Applied::Nothing, None);
            }
            ReportKind::Replaced(terms) => {
                if waiting {
                    self.acknowledge(now);
                }
                self.set_price(terms.price);
                if let (Some(to), Some(trigger)) = (terms.trigger, &mut self.trigger) {
                    *trigger = trigger.moved(to);
                }
                self.replaced += 1;
                self.replace_answered(None);
                self.resize(terms.qty, now);
            }
            ReportKind::Reduced { qty } => {
                if waiting {
                    self.acknowledge(now);
                }
                self.resize(qty, now);
            }
            ReportKind::Triggered => {
                // Of what the kernel set off itself the venue has not said anything.
                if waiting && !self.emulated.has(Emulated::TRIGGER) {
                    self.acknowledge(now);
                }
                if self.ts_trigger == 0 {
                    self.ts_trigger = now;
                }
            }
            ReportKind::Repriced { price } => {
                if waiting {
                    self.acknowledge(now);
                }
                self.set_price(price);
            }
            ReportKind::CancelRejected(reason) => {
                if self.pending == Pending::Cancel {
                    self.pending = Pending::Nothing;
                    self.reason = Some(reason);
                }
            }
            ReportKind::ReplaceRejected(reason) => self.replace_answered(Some(reason)),
            ReportKind::Unknown => self.standing = S::Unknown,
        }
        let missing = report
            .cumulative
            .filter(|cumulative| *cumulative > self.filled)
            .map(|cumulative| Mismatch::MissingFills { cumulative, filled: self.filled });
        (Applied::Order, missing)
    }

    /// Where a venue replaces an order by another one, the order goes by the key of that from then on.
    fn note_venue_id(&mut self, report: &Report) {
        let is_its_own = matches!(report.kind, ReportKind::Accepted | ReportKind::Replaced(_));
        if self.venue_id.is_none() || (is_its_own && report.venue_id.is_some()) {
            self.venue_id.clone_from(&report.venue_id);
        }
    }

    fn apply_fill(
        &mut self,
        report: &Report,
        price: Price,
        qty: Qty,
        now: i64,
    ) -> (Applied, Option<Mismatch>) {
        use OrderStatus as S;
        let contradiction = Mismatch::Contradiction { status: self.standing, kind: report.kind };
        if !qty.is_positive() {
            return (Applied::Nothing, Some(contradiction));
        }
        match &report.execution {
            Some(execution) if !self.executions.add(execution) => return (Applied::Nothing, None),
            None if report.cumulative.is_some_and(|cumulative| cumulative <= self.filled) => {
                return (Applied::Nothing, None);
            }
            _ => {}
        }
        if matches!(self.standing, S::PendingNew | S::Unknown) {
            self.acknowledge(now);
        }
        self.filled = self.filled.saturating_add(qty);
        let notional = i128::from(price.steps()) * i128::from(qty.steps());
        self.filled_notional = self.filled_notional.saturating_add(notional);
        let mut mismatch = (self.standing == S::Rejected).then_some(contradiction);
        if self.leaves() < Qty::ZERO {
            mismatch = Some(Mismatch::Overfilled { by: -self.leaves() });
        }
        if !self.leaves().is_positive() {
            let ended = self.ts_close;
            self.close(S::Filled, None, now);
            // What ended before has ended then.
            if ended != 0 {
                self.ts_close = ended;
            }
        } else if !self.is_closed() {
            self.standing = S::PartiallyFilled;
        }
        (Applied::Fill, mismatch)
    }

    fn set_price(&mut self, price: Price) {
        if self.order_type != OrderType::Market {
            self.order_type = OrderType::Limit { price };
        }
    }

    fn resize(&mut self, qty: Qty, now: i64) {
        self.qty = qty;
        if !self.leaves().is_positive() {
            self.close(OrderStatus::Filled, None, now);
        }
    }

    fn acknowledge(&mut self, now: i64) {
        self.standing =
            if self.filled.is_positive() { OrderStatus::PartiallyFilled } else { OrderStatus::New };
        if self.ts_accept == 0 {
            self.ts_accept = now;
        }
    }

    /// Answers come in the order of the requests, so the newest one stands until all have been answered.
    fn replace_answered(&mut self, reason: Option<Reason>) {
        // A cancel on its way has a reason of its own.
        if self.pending != Pending::Cancel {
            self.reason = reason;
        }
        self.replaces_in_flight = self.replaces_in_flight.saturating_sub(1);
        if self.replaces_in_flight == 0 {
            self.asked = Qty::ZERO;
            if matches!(self.pending, Pending::Replace(_)) {
                self.pending = Pending::Nothing;
            }
        }
    }

    fn close(&mut self, standing: OrderStatus, reason: Option<Reason>, now: i64) {
        self.standing = standing;
        self.reason = reason;
        self.pending = Pending::Nothing;
        self.ts_close = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::{Liquidity, OrderKey};
    use crate::types::{Money, STEPS_LIMIT};

    const LIMIT: OrderType = OrderType::Limit { price: Price::new(100) };

    fn order() -> Order {
        let request = OrderRequest {
            post_only: true,
            ..OrderRequest::new(MarketId::new(0), Side::Buy, LIMIT, Qty::new(10))
        };
        Order::new(1, StrategyId::new(0), &request, 5)
    }

    fn fill(qty: i64) -> ReportKind {
        ReportKind::Fill {
            price: Price::new(100),
            qty: Qty::new(qty),
            liquidity: Liquidity::Maker,
            fee: Money::ZERO,
        }
    }

    fn tell(order: &mut Order, kind: ReportKind, now: i64) -> (Applied, Option<Mismatch>) {
        order.apply(&Report::on(1, now, kind), now)
    }

    /// A fill with the venue's keys.
    fn execution(key: u64, qty: i64, cumulative: i64) -> Report {
        let execution = Some(VenueKey::Number(key));
        Report { execution, cumulative: Some(Qty::new(cumulative)), ..Report::on(1, 0, fill(qty)) }
    }

    #[test]
    fn a_whole_life() {
        let mut o = order();
        tell(&mut o, ReportKind::Accepted, 6);
        assert_eq!(tell(&mut o, fill(4), 7), (Applied::Fill, None));
        assert_eq!((o.status(), o.leaves()), (OrderStatus::PartiallyFilled, Qty::new(6)));
        o.replace_sent(NewTerms::new(Price::new(99), Qty::new(12)), false);
        assert_eq!(o.status(), OrderStatus::PendingReplace);
        tell(&mut o, ReportKind::Replaced(NewTerms::new(Price::new(99), Qty::new(12))), 8);
        assert_eq!((o.price(), o.leaves(), o.replaced), (Some(Price::new(99)), Qty::new(8), 1));
        tell(&mut o, fill(8), 9);
        assert_eq!((o.status(), o.ts_close), (OrderStatus::Filled, 9));
        assert_eq!(o.average_price(), Some(100.0));
    }

    #[test]
    fn an_order_goes_by_the_key_of_what_took_its_place() {
        let mut o = order();
        let keyed =
            |key: u64, kind| Report { venue_id: Some(VenueKey::Number(key)), ..Report::on(1, 0, kind) };
        o.apply(&keyed(1, ReportKind::Accepted), 6);
        let terms = NewTerms::new(Price::new(99), Qty::new(12));
        o.replace_sent(terms, false);
        o.apply(&keyed(2, ReportKind::Replaced(terms)), 7);
        // A fill of the one before that is told late.
        o.apply(&keyed(1, fill(4)), 8);
        assert_eq!((o.venue_id, o.filled, o.replaced), (Some(VenueKey::Number(2)), Qty::new(4), 1));
    }

    #[test]
    fn reports_in_any_order_come_to_the_same_end() {
        let reports = [
            Report::on(1, 0, ReportKind::Accepted),
            execution(1, 4, 4),
            execution(2, 3, 7),
            Report { cumulative: Some(Qty::new(7)), ..Report::on(1, 0, ReportKind::Cancelled) },
        ];
        for order_of in permutations(reports.len()) {
            let (mut o, mut missing) = (order(), 0);
            for (turn, at) in order_of.iter().enumerate() {
                // Everything is said twice.
                for _ in 0..2 {
                    let (_, mismatch) = o.apply(&reports[*at], 6 + turn as i64);
                    missing += usize::from(matches!(mismatch, Some(Mismatch::MissingFills { .. })));
                    assert!(!matches!(
                        mismatch,
                        Some(Mismatch::Overfilled { .. } | Mismatch::Contradiction { .. })
                    ));
                }
            }
            assert_eq!((o.status(), o.filled), (OrderStatus::Cancelled, Qty::new(7)), "{order_of:?}");
            let cancelled = order_of.iter().position(|at| *at == 3).unwrap();
            let later = order_of[cancelled..].iter().filter(|at| [1, 2].contains(*at)).count();
            assert_eq!(missing, usize::from(later > 0), "{order_of:?}");
        }
    }

    fn permutations(n: usize) -> Vec<Vec<usize>> {
        if n == 0 {
            return vec![Vec::new()];
        }
        permutations(n - 1)
            .into_iter()
            .flat_map(|shorter| {
                (0..n).map(move |at| {
                    let mut longer = shorter.clone();
                    longer.insert(at, n - 1);
                    longer
                })
            })
            .collect()
    }

    #[test]
    fn a_fill_without_keys_is_told_from_its_copy_by_the_venues_count() {
        let mut o = order();
        let report = Report { cumulative: Some(Qty::new(4)), ..Report::on(1, 0, fill(4)) };
        assert_eq!(o.apply(&report, 6).0, Applied::Fill);
        assert_eq!(o.apply(&report, 7).0, Applied::Nothing);
        assert_eq!((o.filled, o.status(), o.ts_accept), (Qty::new(4), OrderStatus::PartiallyFilled, 6));
    }

    #[test]
    fn what_cannot_be_right_is_named_and_does_no_harm() {
        let mut o = order();
        tell(&mut o, ReportKind::Accepted, 1);
        assert_eq!(
            tell(&mut o, fill(12), 2),
            (Applied::Fill, Some(Mismatch::Overfilled { by: Qty::new(2) }))
        );
        assert_eq!((o.status(), o.filled), (OrderStatus::Filled, Qty::new(12)));
        for kind in [ReportKind::Cancelled, ReportKind::Rejected(Reason::MinQty)] {
            let (applied, mismatch) = tell(&mut o, kind, 3);
            assert_eq!(applied, Applied::Nothing);
            assert_eq!(mismatch, Some(Mismatch::Contradiction { status: OrderStatus::Filled, kind }));
        }
        assert_eq!(o.status(), OrderStatus::Filled);
    }

    #[test]
    fn an_outcome_that_is_not_known_is_settled_by_the_next_word() {
        for (word, status) in [
            (ReportKind::Accepted, OrderStatus::New),
            (fill(3), OrderStatus::PartiallyFilled),
            (ReportKind::Rejected(Reason::Venue), OrderStatus::Rejected),
            (ReportKind::Cancelled, OrderStatus::Cancelled),
        ] {
            let mut o = order();
            tell(&mut o, ReportKind::Unknown, 1);
            assert_eq!(o.status(), OrderStatus::Unknown);
            tell(&mut o, word, 2);
            assert_eq!(o.status(), status);
        }
    }

    #[test]
    fn a_refused_replacement_says_why_until_the_next_answer() {
        let mut o = order();
        tell(&mut o, ReportKind::Accepted, 1);
        tell(&mut o, ReportKind::ReplaceRejected(Reason::MinQty), 2);
        assert_eq!((o.reason, o.status()), (Some(Reason::MinQty), OrderStatus::New));
        tell(&mut o, ReportKind::Replaced(NewTerms::new(Price::new(99), Qty::new(12))), 3);
        assert_eq!(o.reason, None);
        o.cancel_sent(Some(Reason::StrategyStopped));
        assert_eq!(o.status(), OrderStatus::PendingCancel);
        tell(&mut o, ReportKind::ReplaceRejected(Reason::MinQty), 4);
        tell(&mut o, ReportKind::Cancelled, 5);
        assert_eq!(o.reason, Some(Reason::StrategyStopped));
    }

    #[test]
    fn a_cancel_that_loses_the_race_leaves_the_order_filled() {
        let mut o = order();
        tell(&mut o, ReportKind::Accepted, 1);
        o.cancel_sent(None);
        tell(&mut o, fill(10), 2);
        tell(&mut o, ReportKind::CancelRejected(Reason::UnknownOrder), 3);
        assert_eq!(o.status(), OrderStatus::Filled);
    }

    #[test]
    fn order_keys_say_what_they_are() {
        assert_eq!(OrderKey::Id(7).to_string(), "7");
        assert_eq!(OrderKey::Venue("a1".into()).to_string(), "venue id a1");
    }

    proptest::proptest! {
        #[test]
        fn no_quantity_that_a_venue_tells_leaves_the_arithmetic(
            told in proptest::collection::vec((0usize..6, 0usize..6, 0usize..6, 0usize..6), 1..20),
        ) {
            const EXTREMES: [i64; 6] = [0, 1, 10, STEPS_LIMIT - 1, STEPS_LIMIT, i64::MAX];
            let mut o = order();
            for (what, price, qty, cumulative) in told {
                let (price, qty) = (Price::new(EXTREMES[price].min(STEPS_LIMIT)), Qty::new(EXTREMES[qty]));
                let kind = match what {
                    3 => ReportKind::Repriced { price },
                    5 => ReportKind::Triggered,
                    0 => ReportKind::Fill { price, qty, liquidity: Liquidity::Taker, fee: Money::ZERO },
                    1 => ReportKind::Replaced(NewTerms::new(price, qty)),
                    2 => ReportKind::Reduced { qty },
                    _ => ReportKind::Unknown,
                };
                let cumulative = Some(Qty::new(EXTREMES[cumulative]));
                o.apply(&Report { cumulative, ..Report::on(1, 1, kind) }, 1);
                proptest::prop_assert!(o.filled >= Qty::ZERO && o.filled_notional >= 0);
                proptest::prop_assert!(o.average_price().is_none_or(f64::is_finite));
                proptest::prop_assert_eq!(o.leaves().steps(), o.qty.steps() - o.filled.steps());
            }
        }
    }
}
