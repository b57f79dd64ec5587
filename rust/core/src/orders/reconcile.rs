//! What a venue says against what we know, after a reconnect or a restart: a pure function from both to actions.
//!
//! Executions come first, by id: what was filled while nobody listened is replayed through the orders it belongs to, once.
//! Only then open orders are compared, so that nothing is counted twice or invented, then positions, then balances.
//!
//! | difference | action |
//! |---|---|
//! | an execution of one of our orders that we have not booked | [`Action::Replay`] |
//! | an order that we await is open at the venue | [`Action::Acknowledge`] |
//! | its price or quantity is another there | [`Action::Amend`] |
//! | an order that is open with us and not at the venue | [`Action::End`]: its fills are known by now, so it was cancelled |
//! | an order that has ended with us and is open at the venue | [`Action::Cancel`] |
//! | what fills do not add up to, an order or an execution that nobody knows, a position that is another | [`Action::Halt`] with both sides |
//! | a balance | [`Action::SetBalance`]: the venue's count is the account's |
//!
//! With these carried out, a second round finds nothing but the same halts, which are a person's to resolve.

use std::collections::{BTreeMap, BTreeSet};

use super::identity::{OrderId, VenueKey};
use super::order::{Order, Pending};
use crate::types::{CurrencyId, MarketId, Money, Price, Qty, Side};

/// An order as we know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOrder {
    /// Our number.
    pub id: OrderId,
    /// The venue's key, where it is known.
    pub venue_id: Option<VenueKey>,
    /// The instrument.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// Its limit, where it has one.
    pub price: Option<Price>,
    /// Total quantity.
    pub qty: Qty,
    /// Quantity filled.
    pub filled: Qty,
    /// Whether it may still trade.
    pub is_open: bool,
    /// Whether the venue has acknowledged it.
    pub is_acknowledged: bool,
    /// Whether a cancel of it was sent and is not answered.
    pub cancel_pending: bool,
    /// Replacements of it that were sent and are not answered.
    pub replaces_pending: u32,
}

impl KnownOrder {
    /// What is to be compared of an order.
    pub fn of(order: &Order) -> Self {
        Self {
            id: order.id,
            venue_id: order.venue_id.clone(),
            market: order.market,
            side: order.side,
            price: order.order_type.price(),
            qty: order.qty,
            filled: order.filled,
            is_open: !order.is_closed(),
            is_acknowledged: order.ts_accept > 0,
            cancel_pending: order.pending == Pending::Cancel,
            replaces_pending: order.replaces_in_flight,
        }
    }
}

/// What we know of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// Orders, open or ended a short while ago, by our number.
    pub orders: BTreeMap<OrderId, KnownOrder>,
    /// Executions booked, by the venue's keys.
    pub executions: BTreeSet<(MarketId, VenueKey)>,
    /// Signed positions.
    pub positions: BTreeMap<MarketId, Qty>,
    /// Balances.
    pub balances: BTreeMap<CurrencyId, Money>,
}

/// An open order as the venue says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueOrder {
    /// The venue's key.
    pub venue_id: VenueKey,
    /// Our number, where the client id it gives back is one of ours.
    pub ours: Option<OrderId>,
    /// The instrument.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// Its limit, where it has one.
    pub price: Option<Price>,
    /// Total quantity.
    pub qty: Qty,
    /// Quantity filled.
    pub filled: Qty,
}

/// An execution as the venue says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueExecution {
    /// The venue's key for it.
    pub execution: VenueKey,
    /// The venue's key for its order.
    pub venue_id: VenueKey,
    /// Our number, where the client id it gives back is one of ours.
    pub ours: Option<OrderId>,
    /// The instrument.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// Price.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
    /// Time at the venue, ns.
    pub ts_event: i64,
}

/// What a venue says of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VenueState {
    /// Open orders.
    pub orders: Vec<VenueOrder>,
    /// Executions since a time before the connection was lost; in any order, and more than once.
    pub executions: Vec<VenueExecution>,
    /// Signed positions; what is not named is flat.
    pub positions: BTreeMap<MarketId, Qty>,
    /// Markets in which it keeps no positions, unless it names one: what is held in spot is in the balances.
    pub without_positions: BTreeSet<MarketId>,
    /// Balances; what is not named is not said.
    pub balances: BTreeMap<CurrencyId, Money>,
}

/// What cannot be explained, with both sides.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// An execution of an order that we do not know.
    #[error("execution {execution} of {qty} is of order {venue_id}, which nobody here knows")]
    UnknownExecution {
        /// The execution.
        execution: VenueKey,
        /// Its order.
        venue_id: VenueKey,
        /// How much.
        qty: Qty,
    },
    /// An open order that we do not know.
    #[error("order {venue_id} is open at the venue, and nobody here knows it")]
    UnknownOrder {
        /// The order.
        venue_id: VenueKey,
    },
    /// The venue counts other fills of an order than its executions and ours make.
    #[error("order {order} has {ours} filled here, {theirs} at the venue")]
    Filled {
        /// The order.
        order: OrderId,
        /// By our count, with what was replayed.
        ours: Qty,
        /// By the venue's.
        theirs: Qty,
    },
    /// A position is another.
    #[error("the position is {ours} here, {theirs} at the venue")]
    Position {
        /// Ours, with what was replayed.
        ours: Qty,
        /// The venue's.
        theirs: Qty,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Book an execution that was missed, as a report on one of our orders.
    Replay {
        /// The order.
        order: OrderId,
        /// The execution.
        execution: VenueExecution,
    },
    /// The venue has the order.
    Acknowledge {
        /// The order.
        order: OrderId,
        /// The venue's key for it.
        venue_id: VenueKey,
    },
    /// The venue has the order with other terms.
    Amend {
        /// The order.
        order: OrderId,
        /// Its limit there.
        price: Option<Price>,
        /// Its total quantity there.
        qty: Qty,
    },
    /// The venue has the order no longer.
    End {
        /// The order.
        order: OrderId,
    },
    /// Ask the venue to cancel an order of ours that has ended here.
    Cancel {
        /// The order.
        order: OrderId,
        /// The venue's key for it.
        venue_id: VenueKey,
        /// The instrument.
        market: MarketId,
    },
    /// Take the venue's count of a balance.
    SetBalance {
        /// The currency.
        currency: CurrencyId,
        /// The amount.
        total: Money,
    },
    /// Trade the instrument no more, until a person has looked at the difference.
    Halt {
        /// The instrument.
        market: MarketId,
        /// What is not explained.
        difference: Difference,
    },
}

/// What is to be done so that what we know is what the venue says.
pub fn reconcile(known: &Known, venue: &VenueState) -> Vec<Action> {
    let mut after = known.clone();
    let mut actions = Vec::new();
    let by_venue_id: BTreeMap<&VenueKey, OrderId> = known
        .orders
        .values()
        .filter_map(|order| Some((order.venue_id.as_ref()?, order.id)))
        .chain(venue.orders.iter().filter_map(|order| Some((&order.venue_id, order.ours?))))
        .collect();
    let resolve = |ours: Option<OrderId>, venue_id: &VenueKey| {
        let id = ours.or_else(|| by_venue_id.get(venue_id).copied())?;
        known.orders.contains_key(&id).then_some(id)
    };
    let mut take = |after: &mut Known, action: Action| {
        after.apply(&action);
        actions.push(action);
    };

    let mut executions: Vec<&VenueExecution> = venue.executions.iter().collect();
    executions
        .sort_by(|a, b| (a.ts_event, &a.execution, a.market).cmp(&(b.ts_event, &b.execution, b.market)));
    executions.dedup_by(|a, b| a.market == b.market && a.execution == b.execution);
    for execution in executions {
        let key = (execution.market, execution.execution.clone());
        if after.executions.contains(&key) {
            continue;
        }
        let action = match resolve(execution.ours, &execution.venue_id) {
            Some(order) => Action::Replay { order, execution: execution.clone() },
            None => Action::Halt {
                market: execution.market,
                difference: Difference::UnknownExecution {
                    execution: execution.execution.clone(),
                    venue_id: execution.venue_id.clone(),
                    qty: execution.qty,
                },
            },
        };
        take(&mut after, action);
    }

    let mut open_there = BTreeSet::new();
    for theirs in &venue.orders {
        let Some(order) = resolve(theirs.ours, &theirs.venue_id) else {
            let difference = Difference::UnknownOrder { venue_id: theirs.venue_id.clone() };
            take(&mut after, Action::Halt { market: theirs.market, difference });
            continue;
        };
        open_there.insert(order);
        let ours = after.orders[&order].clone();
        if ours.filled != theirs.filled {
            let difference = Difference::Filled { order, ours: ours.filled, theirs: theirs.filled };
            take(&mut after, Action::Halt { market: theirs.market, difference });
        }
        if !ours.is_open {
            let venue_id = theirs.venue_id.clone();
            take(&mut after, Action::Cancel { order, venue_id, market: theirs.market });
            continue;
        }
        if !ours.is_acknowledged || ours.venue_id.as_ref() != Some(&theirs.venue_id) {
            take(&mut after, Action::Acknowledge { order, venue_id: theirs.venue_id.clone() });
        }
        if (ours.price, ours.qty) != (theirs.price, theirs.qty) {
            take(&mut after, Action::Amend { order, price: theirs.price, qty: theirs.qty });
        }
    }
    let gone: Vec<OrderId> = after
        .orders
        .values()
        .filter(|order| order.is_open && !open_there.contains(&order.id))
        .map(|order| order.id)
        .collect();
    for order in gone {
        take(&mut after, Action::End { order });
    }

    let markets: BTreeSet<MarketId> = after.positions.keys().chain(venue.positions.keys()).copied().collect();
    for market in markets {
        let [ours, theirs] =
            [&after.positions, &venue.positions].map(|held| held.get(&market).copied().unwrap_or_default());
        let is_told = venue.positions.contains_key(&market) || !venue.without_positions.contains(&market);
        if is_told && ours != theirs {
            take(&mut after, Action::Halt { market, difference: Difference::Position { ours, theirs } });
        }
    }
    for (currency, total) in &venue.balances {
        if after.balances.get(currency) != Some(total) {
            take(&mut after, Action::SetBalance { currency: *currency, total: *total });
        }
    }
    actions
}

impl Known {
    /// What we know once an action has been carried out.
    pub fn apply(&mut self, action: &Action) {
        match action {
            Action::Replay { order, execution } => {
                if !self.executions.insert((execution.market, execution.execution.clone())) {
                    return;
                }
                let position = self.positions.entry(execution.market).or_default();
                *position = position.saturating_add(Qty::new(execution.side.sign() * execution.qty.steps()));
                if let Some(order) = self.orders.get_mut(order) {
                    order.filled = order.filled.saturating_add(execution.qty);
                    order.is_acknowledged = true;
                    order.venue_id.get_or_insert_with(|| execution.venue_id.clone());
                    order.is_open &= order.filled < order.qty;
                }
            }
            Action::Acknowledge { order, venue_id } => {
                if let Some(order) = self.orders.get_mut(order) {
                    (order.venue_id, order.is_acknowledged) = (Some(venue_id.clone()), true);
                }
            }
            Action::Amend { order, price, qty } => {
                if let Some(order) = self.orders.get_mut(order) {
                    (order.price, order.qty) = (*price, *qty);
                    order.is_open &= order.filled < order.qty;
                }
            }
            Action::End { order } => {
                if let Some(order) = self.orders.get_mut(order) {
                    order.is_open = false;
                }
            }
            Action::SetBalance { currency, total } => {
                self.balances.insert(*currency, *total);
            }
            Action::Cancel { .. } | Action::Halt { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MARKET: MarketId = MarketId::new(0);

    fn key(number: u64) -> VenueKey {
        VenueKey::Number(number)
    }

    fn order(id: OrderId, filled: i64) -> KnownOrder {
        KnownOrder {
            id,
            venue_id: Some(key(100 + id)),
            market: MARKET,
            side: Side::Buy,
            price: Some(Price::new(50)),
            qty: Qty::new(10),
            filled: Qty::new(filled),
            is_open: filled < 10,
            is_acknowledged: true,
            cancel_pending: false,
            replaces_pending: 0,
        }
    }

    fn theirs(id: OrderId, filled: i64) -> VenueOrder {
        let KnownOrder { market, side, price, qty, .. } = order(id, filled);
        VenueOrder {
            venue_id: key(100 + id),
            ours: Some(id),
            market,
            side,
            price,
            qty,
            filled: Qty::new(filled),
        }
    }

    fn execution(number: u64, order: OrderId, qty: i64) -> VenueExecution {
        VenueExecution {
            execution: key(number),
            venue_id: key(100 + order),
            ours: Some(order),
            market: MARKET,
            side: Side::Buy,
            price: Price::new(50),
            qty: Qty::new(qty),
            ts_event: number as i64,
        }
    }

    fn known(orders: Vec<KnownOrder>) -> Known {
        let held = orders.iter().map(|order| order.filled.steps()).sum();
        Known {
            orders: orders.into_iter().map(|order| (order.id, order)).collect(),
            positions: [(MARKET, Qty::new(held))].into(),
            ..Known::default()
        }
    }

    fn held(qty: i64) -> BTreeMap<MarketId, Qty> {
        [(MARKET, Qty::new(qty))].into()
    }

    #[test]
    fn a_missed_fill_is_replayed_once_and_explains_position_and_order() {
        let ours = known(vec![order(1, 4)]);
        let fill = execution(9, 1, 6);
        let venue = VenueState {
            executions: vec![fill.clone(), fill.clone()],
            positions: held(10),
            ..VenueState::default()
        };
        assert_eq!(reconcile(&ours, &venue), [Action::Replay { order: 1, execution: fill }]);
    }

    #[test]
    fn what_was_booked_is_not_booked_again() {
        let mut ours = known(vec![order(1, 4)]);
        ours.executions.insert((MARKET, key(9)));
        let venue = VenueState {
            orders: vec![theirs(1, 4)],
            executions: vec![execution(9, 1, 4)],
            positions: held(4),
            ..VenueState::default()
        };
        assert!(reconcile(&ours, &venue).is_empty());
    }

    #[test]
    fn an_order_that_the_venue_lost_has_ended_and_one_it_kept_is_cancelled() {
        let mut ended = order(2, 0);
        ended.is_open = false;
        let venue = VenueState { orders: vec![theirs(2, 0)], ..VenueState::default() };
        let cancel = Action::Cancel { order: 2, venue_id: key(102), market: MARKET };
        assert_eq!(reconcile(&known(vec![order(1, 0), ended]), &venue), [cancel, Action::End { order: 1 }]);
    }

    #[test]
    fn an_order_sent_before_the_cut_is_acknowledged_by_its_client_id() {
        let sent = KnownOrder { venue_id: None, is_acknowledged: false, ..order(1, 0) };
        let mut there = theirs(1, 0);
        there.qty = Qty::new(7);
        let venue = VenueState { orders: vec![there], ..VenueState::default() };
        let expected = [
            Action::Acknowledge { order: 1, venue_id: key(101) },
            Action::Amend { order: 1, price: Some(Price::new(50)), qty: Qty::new(7) },
        ];
        assert_eq!(reconcile(&known(vec![sent]), &venue), expected);
    }

    #[test]
    fn what_nobody_knows_halts_the_instrument_with_both_sides() {
        let venue = VenueState {
            orders: vec![VenueOrder { ours: None, ..theirs(8, 0) }, theirs(1, 5)],
            executions: vec![VenueExecution { ours: None, ..execution(9, 7, 3) }],
            positions: held(3),
            balances: [(CurrencyId::new(0), Money::ZERO)].into(),
            ..VenueState::default()
        };
        let halt = |difference| Action::Halt { market: MARKET, difference };
        let [ours, three, five] = [0, 3, 5].map(Qty::new);
        let expected = [
            halt(Difference::UnknownExecution { execution: key(9), venue_id: key(107), qty: three }),
            halt(Difference::UnknownOrder { venue_id: key(108) }),
            halt(Difference::Filled { order: 1, ours, theirs: five }),
            halt(Difference::Position { ours, theirs: three }),
            Action::SetBalance { currency: CurrencyId::new(0), total: Money::ZERO },
        ];
        assert_eq!(reconcile(&known(vec![order(1, 0)]), &venue), expected);
    }

    /// What we know, and what a venue says after things we have not heard of.
    fn both() -> impl Strategy<Value = (Known, VenueState)> {
        let one = (0i64..=10, 0i64..=10, any::<[bool; 5]>());
        proptest::collection::vec(one, 0..8).prop_map(|orders| {
            let (mut ours, mut venue, mut held) = (known(Vec::new()), VenueState::default(), 0);
            for (id, (filled, missed, [known, open, acknowledged, there, named])) in (1..).zip(orders) {
                let booked = filled.min(10);
                let missed = missed.min(10 - booked);
                let mut mine = order(id, booked);
                mine.is_open &= open;
                mine.is_acknowledged = acknowledged;
                mine.venue_id = mine.venue_id.filter(|_| acknowledged);
                if booked > 0 {
                    ours.executions.insert((MARKET, key(2 * id)));
                    venue.executions.push(execution(2 * id, id, booked));
                }
                if missed > 0 {
                    venue.executions.insert(0, execution(2 * id + 1, id, missed));
                }
                if there && booked + missed < 10 {
                    venue.orders.push(theirs(id, booked + missed));
                }
                if !named {
                    venue.executions.iter_mut().for_each(|execution| execution.ours = None);
                }
                held += booked + missed;
                if known {
                    *ours.positions.entry(MARKET).or_default() += Qty::new(booked);
                    ours.orders.insert(id, mine);
                }
            }
            venue.positions.insert(MARKET, Qty::new(held));
            venue.balances.insert(CurrencyId::new(0), Money::ZERO);
            (ours, venue)
        })
    }

    proptest! {
        #[test]
        fn two_rounds_are_enough((mut ours, mut venue) in both()) {
            let first = reconcile(&ours, &venue);
            prop_assert_eq!(&first, &reconcile(&ours, &venue));
            let replayed: i64 = first.iter().map(|action| match action {
                Action::Replay { execution, .. } => execution.qty.steps(),
                _ => 0,
            }).sum();
            let before = ours.positions[&MARKET].steps();
            for action in &first {
                ours.apply(action);
                if let Action::Cancel { venue_id, .. } = action {
                    venue.orders.retain(|order| order.venue_id != *venue_id);
                }
            }
            // Nothing is invented: what is held grew by the executions that were replayed, each booked once.
            prop_assert_eq!(ours.positions[&MARKET].steps(), before + replayed);
            let once = ours.clone();
            for action in &first {
                ours.apply(action);
            }
            prop_assert_eq!(&once, &ours);
            let second = reconcile(&ours, &venue);
            let is_halt = |action: &Action| matches!(action, Action::Halt { .. });
            prop_assert!(second.iter().all(is_halt), "{second:?}");
            for halt in &second {
                prop_assert!(first.contains(halt));
            }
            for action in &second {
                ours.apply(action);
            }
            prop_assert_eq!(second, reconcile(&ours, &venue));
        }
    }
}
